#include "support.h"

#include <zlib.h>

// Messages out of bytes: prefixes, the split into head and body, compression, limits.

// What the client sends and what must come of it.
typedef struct Sample {
	FakeBytes wire;
	Bytes *heads[8];
	Bytes *bodies[8];
	int messages;
} Sample;

static void
put_varint(FakeBytes *out, uint64_t v)
{
	uint8_t bytes[10];
	size_t n = 0;
	for (; v >= 128; v >>= 7)
		bytes[n++] = (uint8_t)(v | 128);
	bytes[n++] = (uint8_t)v;
	fake_put(out, bytes, n);
}

static void
put_counted(FakeBytes *out, uint32_t field, const void *data, size_t len)
{
	put_varint(out, (uint64_t)field << 3 | 2);
	put_varint(out, len);
	fake_put(out, data, len);
}

static void
put_message(FakeBytes *out, const FakeBytes *message, bool compressed)
{
	size_t len = message->len;
	uint8_t prefix[] = {compressed, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8),
						(uint8_t)len};
	fake_put(out, prefix, sizeof(prefix));
	fake_put(out, message->data, len);
}

// head: alternating text; NULL body: none.
static void
add_message(Sample *sample, const char *before, const char *body, const char *after)
{
	FakeBytes head = {0};
	FakeBytes message = {0};
	put_counted(&message, 1, before, strlen(before));
	put_counted(&head, 1, before, strlen(before));
	if (body != NULL)
		put_counted(&message, BODY_FIELD, body, strlen(body));
	const uint8_t rest[] = {0x10, 0x96, 0x01, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x25, 1, 2, 3, 4};
	fake_put(&message, rest, sizeof(rest)); // a varint, eight bytes, four bytes
	fake_put(&head, rest, sizeof(rest));
	put_counted(&message, 3, after, strlen(after));
	put_counted(&head, 3, after, strlen(after));
	put_message(&sample->wire, &message, false);
	sample->heads[sample->messages] = bytes_copy(NULL, slice_of(head.data, head.len));
	sample->bodies[sample->messages++] = body == NULL ? NULL : bytes_copy(NULL, slice_text(body));
	free(head.data);
	free(message.data);
}

static Sample
sample_new(void)
{
	Sample sample = {0};
	add_message(&sample, "schema", NULL, "");
	add_message(&sample, "first", "body of the first", "after");
	add_message(&sample, "", "", "the body is there and empty");
	char long_text[300];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	add_message(&sample, long_text, long_text, long_text);
	return sample;
}

static void
sample_close(Sample *sample)
{
	for (int i = 0; i < sample->messages; i++) {
		bytes_unref(sample->heads[i]);
		bytes_unref(sample->bodies[i]);
	}
	free(sample->wire.data);
}

static void
assert_seen(const Sample *sample)
{
	assert_int_equal(seen.messages, sample->messages);
	size_t wire_bytes = 0;
	for (int i = 0; i < seen.messages; i++) {
		const GrpcMessage *message = &seen.kept[i];
		assert_true(slice_equal(bytes_slice(message->head), bytes_slice(sample->heads[i])));
		assert_int_equal(message->body == NULL, sample->bodies[i] == NULL);
		wire_bytes += message->wire_bytes;
		if (message->body == NULL)
			continue;
		assert_true(slice_equal(bytes_slice(message->body), bytes_slice(sample->bodies[i])));
		assert_int_equal((uintptr_t)bytes_data(message->body) % 64, 0);
	}
	assert_int_equal(wire_bytes, sample->wire.len);
}

static void
messages_are_the_same_however_frames_cut_them(void **state)
{
	(void)state;
	Sample sample = sample_new();
	static const size_t sizes[] = {1, 2, 3, 4, 5, 6, 7, 13, 64, 1000, 100000};
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		Client *client = start_with_client();
		client->frame_max = sizes[i];
		Stream *stream = client_call(client, "/t.T/Split");
		client_send(client, stream, sample.wire.data, sample.wire.len);
		client_end(client, stream);
		client_pump(client);
		assert_seen(&sample);
		assert_int_equal(seen.half_closed, (int)i + 1);
		client_free(client);
		seen_forget_messages();
		seen_forget_call();
		server_free();
	}
	sample_close(&sample);
}

static void
messages_are_the_same_when_cut_once_at_any_byte(void **state)
{
	(void)state;
	Sample sample = sample_new();
	Client *client = start_with_client();
	for (size_t cut = 1; cut < sample.wire.len; cut++) {
		Stream *stream = client_call(client, "/t.T/Split");
		client_send(client, stream, sample.wire.data, cut);
		client_pump(client);
		client_send(client, stream, sample.wire.data + cut, sample.wire.len - cut);
		client_pump(client);
		assert_seen(&sample);
		seen_forget_messages();
		client_reset(client, stream, NGHTTP2_CANCEL);
		client_pump(client);
	}
	sample_close(&sample);
	stop_with_client(client);
}

static void
a_stream_cut_short_anywhere_ends_internal(void **state)
{
	(void)state;
	Sample sample = {0};
	add_message(&sample, "before", "body", "after");
	Client *client = start_with_client();
	for (size_t len = 1; len < sample.wire.len; len++) {
		Stream *stream = client_call(client, "/t.T/Split");
		client_send(client, stream, sample.wire.data, len);
		client_end(client, stream);
		client_pump(client);
		assert_ended(stream, GRPC_INTERNAL, "ended%20inside%20a%20message");
	}
	sample_close(&sample);
	stop_with_client(client);
}

static void
a_message_cut_short_inside_a_field_is_refused(void **state)
{
	(void)state;
	Sample sample = {0};
	add_message(&sample, "before", "body", "after");
	// Behind these bytes a field has ended.
	const size_t head = 2 + 6;
	const size_t ends[] = {0, head, head + 7, head + 10, head + 19, head + 24, head + 31};
	Client *client = start_with_client();
	size_t next_end = 0;
	for (size_t len = 0; len <= sample.wire.len - 5; len++) {
		bool whole = next_end < COUNT_OF(ends) && len == ends[next_end];
		next_end += whole;
		Stream *stream = client_call(client, "/t.T/Split");
		client_send_message(client, stream, sample.wire.data + 5, len);
		client_pump(client);
		if (whole)
			assert_false(stream->ended);
		else
			assert_ended(stream, GRPC_INVALID_ARGUMENT, "protobuf");
	}
	assert_int_equal(next_end, COUNT_OF(ends));
	sample_close(&sample);
	stop_with_client(client);
}

static Stream *
send_split(Client *client, const FakeBytes *message)
{
	Stream *stream = client_call(client, "/t.T/Split");
	put_message(&stream->body, message, false);
	client_pump(client);
	return stream;
}

static void
the_last_of_repeated_bodies_counts(void **state)
{
	(void)state;
	Client *client = start_with_client();
	FakeBytes message = {0};
	put_counted(&message, BODY_FIELD, "first and longer", 16);
	put_counted(&message, 1, "head", 4);
	put_counted(&message, BODY_FIELD, "second", 6);
	send_split(client, &message);
	assert_int_equal(seen.messages, 1);
	assert_true(slice_is(bytes_slice(seen.kept[0].body), "second"));
	assert_true(slice_is(bytes_slice(seen.kept[0].head), "\x0a\x04head"));
	free(message.data);
	stop_with_client(client);
}

static void
a_body_field_of_another_wire_type_stays_in_the_head(void **state)
{
	(void)state;
	Client *client = start_with_client();
	FakeBytes message = {0};
	put_varint(&message, BODY_FIELD << 3);
	put_varint(&message, 300);
	send_split(client, &message);
	assert_int_equal(seen.messages, 1);
	assert_null(seen.kept[0].body);
	assert_int_equal(bytes_len(seen.kept[0].head), message.len);
	free(message.data);
	stop_with_client(client);
}

static void
what_is_no_protobuf_is_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"\x0b",                                             // a group begins
		"\x0c",                                             // a group ends
		"\x0e",                                             // wire type 6
		"\x0f",                                             // wire type 7
		"\x02\x01x",                                        // field 0
		"\x0a\x7fshort",                                    // longer than the message
		"\xc2\x3e\x7fshort",                                // and the body
		"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", // a varint of 12 bytes
		"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",     // 2^64 bytes
		"\xc2\x3e\xff\xff\xff\xff\xff\xff\xff\xff\x7f",     //
		"\xfa\xff\xff\xff\x7f\x01x",                        // a field number too large
	};
	Client *client = start_with_client();
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Stream *stream = client_call(client, "/t.T/Split");
		client_send_message(client, stream, texts[i], strlen(texts[i]));
		client_pump(client);
		assert_ended(stream, GRPC_INVALID_ARGUMENT, "protobuf");
	}
	stop_with_client(client);
}

static void
without_a_body_field_nothing_is_looked_at(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_send_message(client, stream, "\xff\xff no protobuf", 14);
	client_send_message(client, stream, "", 0);
	client_pump(client);
	assert_int_equal(seen.messages, 2);
	assert_int_equal(bytes_len(seen.kept[0].head), 14);
	assert_int_equal(bytes_len(seen.kept[1].head), 0);
	assert_int_equal(seen.kept[1].wire_bytes, 5);
	stop_with_client(client);
}

static void
prefixes_are_checked(void **state)
{
	(void)state;
	options.max_message = 1000;
	Client *client = start_with_client();
	Stream *flag = client_call(client, "/t.T/Hold");
	client_send(client, flag, "\2\0\0\0\1x", 6);
	Stream *compressed = client_call(client, "/t.T/Hold");
	client_send(client, compressed, "\1\0\0\0\1x", 6);
	Stream *large = client_call(client, "/t.T/Hold");
	client_send(client, large, "\0\0\0\3\xe9", 5); // 1001, and no byte of it
	Stream *largest = client_call(client, "/t.T/Hold");
	client_send(client, largest, "\0\0\0\3\xe8", 5);
	client_pump(client);
	assert_ended(flag, GRPC_INTERNAL, "neither%200%20nor%201");
	assert_ended(compressed, GRPC_INTERNAL, "no%20grpc-encoding");
	assert_ended(large, GRPC_RESOURCE_EXHAUSTED, "1001%20bytes%20is%20above%20flight.max_message");
	assert_false(largest->ended);
	stop_with_client(client);
}

// ---- compression ----

static FakeBytes
gzip(const void *data, size_t len)
{
	z_stream z = {0};
	deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
	FakeBytes out = {.data = malloc(len + 1000)};
	z.next_in = (uint8_t *)(uintptr_t)data;
	z.avail_in = (unsigned)len;
	z.next_out = out.data;
	z.avail_out = (unsigned)(len + 1000);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = z.total_out;
	deflateEnd(&z);
	return out;
}

static void
gzip_is_accepted_however_it_is_cut(void **state)
{
	(void)state;
	FakeBytes message = {0};
	char *body = malloc(100 * KIB);
	for (int i = 0; i < 100 * KIB; i++)
		body[i] = (char)(i * 31 >> 7);
	put_counted(&message, 1, "head", 4);
	put_counted(&message, BODY_FIELD, body, 100 * KIB);
	FakeBytes packed = gzip(message.data, message.len);
	for (size_t frame = 1; frame < 100000; frame *= 10) {
		Client *client = start_with_client();
		client->frame_max = frame;
		Stream *stream = client_call_with(client, "/t.T/Split", "grpc-encoding", "gzip");
		put_message(&stream->body, &packed, true);
		put_message(&stream->body, &message, false); // mixed is allowed
		put_message(&stream->body, &packed, true);
		client_pump(client);
		assert_int_equal(seen.messages, 3);
		for (int i = 0; i < 3; i++) {
			assert_true(slice_is(bytes_slice(seen.kept[i].head), "\x0a\x04head"));
			assert_int_equal(bytes_len(seen.kept[i].body), 100 * KIB);
			assert_memory_equal(bytes_data(seen.kept[i].body), body, 100 * KIB);
		}
		assert_int_equal(seen.kept[0].wire_bytes, packed.len + 5);

		Stream *whole = client_call_with(client, "/t.T/Hold", "grpc-encoding", "gzip");
		put_message(&whole->body, &packed, true);
		client_pump(client);
		assert_int_equal(bytes_len(seen.kept[3].head), message.len);
		stop_with_client(client);
	}
	free(body);
	free(message.data);
	free(packed.data);
}

static void
a_bomb_is_refused_before_it_unfolds(void **state)
{
	(void)state;
	options.max_message = 64 * KIB;
	Client *client = start_with_client();
	uint8_t *zeros = calloc(1, 10 * MIB);
	FakeBytes packed = gzip(zeros, 10 * MIB);
	free(zeros);
	for (int i = 0; i < 2; i++) {
		const char *path = i == 0 ? "/t.T/Hold" : "/t.T/Split";
		Stream *stream = client_call_with(client, path, "grpc-encoding", "gzip");
		put_message(&stream->body, &packed, true);
		client_pump(client);
		assert_true(stream->ended);
	}
	assert_ended(client->streams[0], GRPC_RESOURCE_EXHAUSTED, "inflates%20to%20more");
	free(packed.data);
	stop_with_client(client);
}

static void
broken_gzip_is_refused(void **state)
{
	(void)state;
	Client *client = start_with_client();
	FakeBytes packed = gzip("some text", 9);
	FakeBytes cut = {packed.data, packed.len - 1, 0, 0};
	FakeBytes longer = {0};
	fake_put(&longer, packed.data, packed.len);
	fake_put(&longer, "x", 1);
	FakeBytes none = {(uint8_t *)"no gzip at all", 14, 0, 0};
	FakeBytes empty = {(uint8_t *)"", 0, 0, 0};
	const FakeBytes *wrong[] = {&cut, &longer, &none, &empty};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		Stream *stream = client_call_with(client, "/t.T/Hold", "grpc-encoding", "gzip");
		put_message(&stream->body, wrong[i], true);
		client_pump(client);
		assert_ended(stream, GRPC_INVALID_ARGUMENT, "gzip");
	}
	free(packed.data);
	free(longer.data);
	stop_with_client(client);
}

static void
other_encodings_are_named_unimplemented(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call_with(client, "/t.T/Hold", "grpc-encoding", "snappy");
	client_pump(client);
	assert_ended(stream, GRPC_UNIMPLEMENTED, "gzip");
	assert_true(client_has_field(stream, "grpc-accept-encoding: identity,gzip\n"));
	Stream *identity = client_call_with(client, "/t.T/Hold", "grpc-encoding", "identity");
	client_pump(client);
	assert_false(identity->ended);
	stop_with_client(client);
}

// ---- memory ----

static void
memory_is_reserved_as_bytes_arrive(void **state)
{
	(void)state;
	seen.reserve_max = 1000;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	char text[2000] = {0};
	client_send(client, stream, "\0\0\0\x07\xd0", 5);
	client_send(client, stream, text, 600);
	client_pump(client);
	assert_int_equal(seen.reserved, 600);
	assert_false(stream->ended);
	client_send(client, stream, text, 600);
	client_pump(client);
	assert_ended(stream, GRPC_RESOURCE_EXHAUSTED, "no%20memory%20is%20free");
	assert_int_equal(seen.reserved, 0);

	Stream *fits = client_call(client, "/t.T/Hold");
	client_send_message(client, fits, text, 1000);
	client_pump(client);
	assert_int_equal(seen.messages, 1);
	assert_int_equal(seen.reserved, 0); // it was handed over
	stop_with_client(client);
}

static void
a_pool_serves_the_bodies(void **state)
{
	(void)state;
	assert_int_equal(bytes_pool_new(MIB, &options.pool, NULL), ST_OK);
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Split");
	FakeBytes message = {0};
	char body[9000] = "b";
	put_counted(&message, BODY_FIELD, body, sizeof(body));
	put_message(&stream->body, &message, false);
	client_pump(client);
	const uint8_t *first = bytes_data(seen.kept[0].body);
	seen_forget_messages();
	put_message(&stream->body, &message, false);
	client_resume(client, stream);
	client_pump(client);
	assert_ptr_equal(bytes_data(seen.kept[0].body), first);
	free(message.data);
	client_free(client);
	seen_forget_messages();
	bytes_pool_free(options.pool);
	server_stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(messages_are_the_same_however_frames_cut_them, set_up),
		cmocka_unit_test_setup(messages_are_the_same_when_cut_once_at_any_byte, set_up),
		cmocka_unit_test_setup(a_stream_cut_short_anywhere_ends_internal, set_up),
		cmocka_unit_test_setup(a_message_cut_short_inside_a_field_is_refused, set_up),
		cmocka_unit_test_setup(the_last_of_repeated_bodies_counts, set_up),
		cmocka_unit_test_setup(a_body_field_of_another_wire_type_stays_in_the_head, set_up),
		cmocka_unit_test_setup(what_is_no_protobuf_is_refused, set_up),
		cmocka_unit_test_setup(without_a_body_field_nothing_is_looked_at, set_up),
		cmocka_unit_test_setup(prefixes_are_checked, set_up),
		cmocka_unit_test_setup(gzip_is_accepted_however_it_is_cut, set_up),
		cmocka_unit_test_setup(a_bomb_is_refused_before_it_unfolds, set_up),
		cmocka_unit_test_setup(broken_gzip_is_refused, set_up),
		cmocka_unit_test_setup(other_encodings_are_named_unimplemented, set_up),
		cmocka_unit_test_setup(memory_is_reserved_as_bytes_arrive, set_up),
		cmocka_unit_test_setup(a_pool_serves_the_bodies, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
