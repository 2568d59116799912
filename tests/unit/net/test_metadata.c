#include "support.h"

// Headers as they come and go.

static GrpcCall *
call_with(Client *client, const char *name, const char *value)
{
	client_call_with(client, "/t.T/Hold", name, value);
	client_pump(client);
	return seen.call;
}

static void
headers_keep_their_order_and_their_doubles(void **state)
{
	(void)state;
	Client *client = start_with_client();
	const char *fields[] = {":method", "POST",      ":scheme",      "http",
							":path",   "/t.T/Hold", ":authority",   "here",
							"x-a",     "1",         "content-type", "application/grpc",
							"x-b",     "",          "x-a",          "2",
							NULL};
	client_request(client, fields, true);
	client_pump(client);
	Slice value;
	assert_true(grpc_call_header(seen.call, "x-a", 0, &value));
	assert_true(slice_is(value, "1"));
	assert_true(grpc_call_header(seen.call, "x-a", 1, &value));
	assert_true(slice_is(value, "2"));
	assert_false(grpc_call_header(seen.call, "x-a", 2, &value));
	assert_true(grpc_call_header(seen.call, "x-b", 0, &value));
	assert_int_equal(value.len, 0);
	assert_false(grpc_call_header(seen.call, "x-c", 0, &value));

	size_t count = 0;
	Slice name;
	for (; grpc_call_header_at(seen.call, count, &name, &value); count++) {
		assert_true(slice_is(name, fields[2 * count]));
		assert_true(slice_is(value, fields[2 * count + 1]));
	}
	assert_int_equal(count, COUNT_OF(fields) / 2);
	stop_with_client(client);
}

static void
binary_headers_are_decoded_padded_or_not_and_joined_or_not(void **state)
{
	(void)state;
	Client *client = start_with_client();
	GrpcCall *call = call_with(client, "x-raw-bin", "AQIDBA==,AQIDBA,,/+8=");
	static const struct {
		const char *data;
		size_t len;
	} expected[] = {{"\1\2\3\4", 4}, {"\1\2\3\4", 4}, {"", 0}, {"\xff\xef", 2}};
	Slice value;
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_true(grpc_call_header(call, "x-raw-bin", i, &value));
		assert_true(slice_equal(value, slice_of(expected[i].data, expected[i].len)));
	}
	assert_false(grpc_call_header(call, "x-raw-bin", COUNT_OF(expected), &value));

	Stream *wrong = client_call_with(client, "/t.T/Hold", "x-raw-bin", "no base64!");
	client_pump(client);
	assert_ended(wrong, GRPC_INTERNAL, "base64");
	stop_with_client(client);
}

static void
timeouts_are_read_in_every_unit(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns; // -1: refused
	} timeouts[] = {
		{"1H", INT64_C(3600000000000)},
		{"2M", INT64_C(120000000000)},
		{"3S", INT64_C(3000000000)},
		{"4m", 4000000},
		{"5u", 5000},
		{"60n", 60},
		{"00000001S", 1000000000},
		{"000000001S", -1},
		{"99999999n", 99999999},
		{"S", -1},
		{"1", -1},
		{"1s", -1},
		{"-1S", -1},
		{"1.5S", -1},
		{"", -1},
	};
	Client *client = start_with_client();
	for (size_t i = 0; i < COUNT_OF(timeouts); i++) {
		Stream *stream = client_call_with(client, "/t.T/Hold", "grpc-timeout", timeouts[i].text);
		client_pump(client);
		if (timeouts[i].ns < 0)
			assert_ended(stream, GRPC_INTERNAL, "grpc-timeout");
		else
			assert_true(grpc_call_deadline_ns(seen.call) == os.now_ns + timeouts[i].ns);
	}
	call_with(client, "grpc-timeout", "99999999H"); // 11,000 years
	assert_true(grpc_call_deadline_ns(seen.call) == INT64_MAX);
	stop_with_client(client);
}

static void
long_texts_are_cut_between_characters(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	char text[3000];
	memset(text, 'x', sizeof(text));
	for (int i = 1023; i < 2000; i += 2)
		memcpy(text + i, "\xC3\xA4", 2);
	text[2500] = '\0';
	grpc_finish(seen.call, GRPC_UNKNOWN, text);
	client_pump(client);
	assert_int_equal(strlen(stream->message), 1023);
	stop_with_client(client);
}

static void
what_http_cannot_carry_is_left_out(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	grpc_add_trailer(seen.call, "x-split", slice_text("a\r\nset-cookie: b"));
	grpc_add_trailer(seen.call, "X Y", slice_text("a"));
	grpc_add_trailer(seen.call, "x-good", slice_text("a"));
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_false(client_has_field(stream, "x-split"));
	assert_true(client_has_field(stream, "x-good: a\n"));
	stop_with_client(client);
}

static void
headers_too_large_to_send_end_only_their_call(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	char text[20000];
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 5; i++)
		grpc_add_trailer(seen.call, "x-large", slice_of(text, sizeof(text)));
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_true(stream->closed);
	assert_int_equal(stream->error, NGHTTP2_INTERNAL_ERROR);
	assert_int_equal(seen.done, 1);
	Stream *next = client_call(client, "/t.T/Unary");
	client_send_message(client, next, "x", 1);
	client_end(client, next);
	client_pump(client);
	assert_ended(next, GRPC_OK, "");
	stop_with_client(client);
}

static void
a_header_list_above_16_kib_refuses_the_call(void **state)
{
	(void)state;
	Client *client = start_with_client();
	char value[16300];
	memset(value, 'v', sizeof(value));
	value[15000] = '\0';
	call_with(client, "x-large", value);
	assert_int_equal(seen.opened, 1);
	value[15000] = 'v';
	value[16299] = '\0';
	Stream *stream = client_call_with(client, "/t.T/Hold", "x-large", value);
	client_pump(client);
	assert_ended(stream, GRPC_RESOURCE_EXHAUSTED, "16%20KiB");
	assert_int_equal(seen.opened, 1);
	stop_with_client(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(headers_keep_their_order_and_their_doubles, set_up),
		cmocka_unit_test_setup(binary_headers_are_decoded_padded_or_not_and_joined_or_not, set_up),
		cmocka_unit_test_setup(timeouts_are_read_in_every_unit, set_up),
		cmocka_unit_test_setup(long_texts_are_cut_between_characters, set_up),
		cmocka_unit_test_setup(what_http_cannot_carry_is_left_out, set_up),
		cmocka_unit_test_setup(headers_too_large_to_send_end_only_their_call, set_up),
		cmocka_unit_test_setup(a_header_list_above_16_kib_refuses_the_call, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
