// What a client may put into the DATA frames of a call, in frames of any size: the messages that
// come out are those that a second, simpler reader finds in the whole.
//
// Input: byte 0 the size of frames, byte 1 bit 0: grpc-encoding gzip (then nothing is compared);
// the rest is the stream.

#include "../unit/net/fake_os.h"
#include "base/buf.h"
#include "net/server.h"

enum {
	MAX_MESSAGES = 64,
	BODY_FIELD = 1000,
	MAX_MESSAGE = 3000,
	PREFIX = 5,
	HEADERS = 1,
	DATA = 0
};

static void
check(bool holds)
{
	if (!holds)
		abort();
}

// ---- the second reader ----

typedef struct Wanted {
	Buf head;
	Slice body;
	bool has_body;
} Wanted;

static bool
read_varint(Slice *in, uint64_t *out)
{
	*out = 0;
	for (unsigned i = 0; i < 10 && i < in->len; i++) {
		*out |=
			i == 9 ? (uint64_t)(in->data[i] & 1) << 63 : (uint64_t)(in->data[i] & 0x7F) << 7 * i;
		if ((in->data[i] & 0x80) == 0) {
			*in = slice_of(in->data + i + 1, in->len - i - 1);
			return true;
		}
	}
	return false;
}

// The bytes of a field's value, and whether it is the body.
static bool
read_value(Slice *in, Slice *value, bool *is_body)
{
	uint64_t tag;
	uint64_t len = 0;
	*is_body = false;
	if (!read_varint(in, &tag) || tag >> 3 == 0 || tag >> 3 > UINT32_MAX >> 3)
		return false;
	switch (tag & 7) {
	case 0: *value = slice_of(in->data, 0); return read_varint(in, &len);
	case 1: len = 8; break;
	case 2:
		*is_body = tag >> 3 == BODY_FIELD;
		if (!read_varint(in, &len))
			return false;
		break;
	case 5: len = 4; break;
	default: return false;
	}
	if (len > in->len)
		return false;
	*value = slice_of(in->data, (size_t)len);
	*in = slice_of(in->data + len, in->len - (size_t)len);
	return true;
}

static bool
read_message(Slice in, Wanted *out)
{
	while (in.len > 0) {
		const uint8_t *start = in.data;
		Slice value;
		bool is_body;
		if (!read_value(&in, &value, &is_body))
			return false;
		if (is_body) {
			out->body = value;
			out->has_body = true;
		} else {
			buf_add(&out->head, start, (size_t)(in.data - start));
		}
	}
	return true;
}

// How many messages are whole and well-formed, and whether the stream ends behind the last.
static int
read_stream(Slice in, Wanted *out, bool *ends_well)
{
	int count = 0;
	*ends_well = false;
	while (in.len >= PREFIX && count < MAX_MESSAGES) {
		size_t len = (size_t)in.data[1] << 24 | (size_t)in.data[2] << 16 | (size_t)in.data[3] << 8 |
					 in.data[4];
		if (in.data[0] != 0 || len > MAX_MESSAGE || len > in.len - PREFIX)
			return count;
		if (!read_message(slice_of(in.data + PREFIX, len), &out[count++]))
			return count - 1;
		in = slice_of(in.data + PREFIX + len, in.len - PREFIX - len);
	}
	*ends_well = in.len == 0;
	return count;
}

// ---- the server ----

static Wanted wanted[MAX_MESSAGES];
static int wanted_count;
static int seen_count;
static bool seen_end;
static bool compares;

static void
on_open(GrpcCall *call)
{
	(void)call;
}

static void
on_message(GrpcCall *call, GrpcMessage *message)
{
	if (compares) {
		check(seen_count < wanted_count);
		const Wanted *want = &wanted[seen_count];
		check(slice_equal(bytes_slice(message->head), buf_slice(&want->head)));
		check(want->has_body == (message->body != NULL));
		check(!want->has_body || slice_equal(bytes_slice(message->body), want->body));
	}
	seen_count++;
	grpc_consume(call, message->wire_bytes);
}

static void
on_half_close(GrpcCall *call)
{
	seen_end = true;
	grpc_finish(call, GRPC_OK, NULL);
}

static const GrpcMethod METHOD = {.path = "/f",
								  .body_field = BODY_FIELD,
								  .open = on_open,
								  .message = on_message,
								  .half_close = on_half_close};

static void
put_frame(FakeSock *sock, uint8_t type, uint8_t flags, const void *payload, size_t len)
{
	uint8_t head[9] = {0, (uint8_t)(len >> 8), (uint8_t)len, type, flags, 0, 0, 0, 1};
	fake_put(&sock->to_server, head, sizeof(head));
	fake_put(&sock->to_server, payload, len);
}

static void
put_call(FakeSock *sock, bool gzip)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	// Literals and names of the static table: POST, http, /f, :authority a, content-type.
	static const char fields[] = "\x83\x86\x04\x02/f\x01\x01"
								 "a\x0f\x10\x10"
								 "application/grpc";
	static const char encoding[] = "\0\x0dgrpc-encoding\x04gzip";
	char block[sizeof(fields) + sizeof(encoding)];
	memcpy(block, fields, sizeof(fields) - 1);
	memcpy(block + sizeof(fields) - 1, encoding, sizeof(encoding) - 1);
	fake_put(&sock->to_server, preface, sizeof(preface) - 1);
	put_frame(sock, HEADERS, 4, block, sizeof(fields) - 1 + (gzip ? sizeof(encoding) - 1 : 0));
}

static void
play(Slice stream, size_t frame_max, bool gzip)
{
	GrpcOptions options;
	GrpcServer *server = NULL;
	NetOptions net_options;
	NetServer *net = NULL;
	net_options_init(&net_options);
	net_options.loops = 1;
	grpc_options_init(&options);
	options.methods = &METHOD;
	options.method_count = 1;
	options.max_message = MAX_MESSAGE;
	check(grpc_server_new(&options, &server, NULL) == ST_OK);
	check(net_server_new(&net_options, &net, NULL) == ST_OK);
	check(net_server_listen(net, FAKE_LISTENER, &(NetPort){.grpc = server}, NULL) == ST_OK);
	FakeSock *sock = fake_connect();
	put_call(sock, gzip);
	for (size_t at = 0; at < stream.len; at += frame_max) {
		size_t left = stream.len - at;
		put_frame(sock, DATA, 0, stream.data + at, left < frame_max ? left : frame_max);
	}
	put_frame(sock, DATA, 1, NULL, 0);
	fake_run();
	check(grpc_server_counts(server).calls_total == 1);
	sock->ended = true;
	fake_run();
	fake_forget(sock);
	net_server_free(net);
	grpc_server_free(server);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2 || size > 60000)
		return 0;
	Slice stream = slice_of(data + 2, size - 2);
	bool gzip = data[1] & 1;
	bool ends_well = false;
	wanted_count = read_stream(stream, wanted, &ends_well);
	seen_count = 0;
	seen_end = false;
	compares = !gzip && wanted_count < MAX_MESSAGES;
	play(stream, (size_t)data[0] + 1, gzip);
	check(!compares || (seen_count == wanted_count && seen_end == ends_well));
	for (int i = 0; i < MAX_MESSAGES; i++) {
		buf_close(&wanted[i].head);
		wanted[i] = (Wanted){0};
	}
	check(mem_live() == 0);
	return 0;
}
