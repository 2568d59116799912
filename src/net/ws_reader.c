// A frame, RFC 6455 §5.2, big-endian:
//
//     0  final (1 bit), reserved (3), opcode (4)
//     1  masked (1), length (7); 126: u16 follows, 127: u64 follows
//        mask, 4 bytes: a client's frames always have one
//        payload, byte i combined with mask[i % 4] by xor

#include "net/ws_reader_int.h"

#include <string.h>

#include "base/text.h"

enum { FRAGMENTS_MAX = 64, KEEP_BYTES = 4096 };

void
ws_reader_init(WsReader *reader, size_t max_message)
{
	*reader = (WsReader){.max_message = max_message};
}

void
ws_reader_close(WsReader *reader)
{
	buf_close(&reader->message);
	buf_close(&reader->control);
}

bool
ws_reader_is_between(const WsReader *reader)
{
	return reader->head_len == 0 && reader->message_opcode == 0;
}

static WsNext
refuse(WsReader *reader, int code, const char *problem)
{
	reader->close_code = code;
	reader->problem = problem;
	return WS_REFUSED;
}

static bool
is_control(uint8_t opcode)
{
	return (opcode & 0x8) != 0;
}

// ---- heads ----

static size_t
head_size(const WsReader *reader)
{
	if (reader->head_len < 2)
		return 2;
	uint8_t len = reader->head[1] & 0x7f;
	bool masked = (reader->head[1] & 0x80) != 0;
	return 2u + (len == 126 ? 2u : 0u) + (len == 127 ? 8u : 0u) + (masked ? 4u : 0u);
}

static uint64_t
read_length(const WsReader *reader)
{
	uint8_t len = reader->head[1] & 0x7f;
	size_t bytes = len == 127 ? 8 : len == 126 ? 2 : 0;
	if (bytes == 0)
		return len;
	uint64_t value = 0;
	for (size_t i = 0; i < bytes; i++)
		value = value << 8 | reader->head[2 + i];
	return value;
}

// WS_FRAME when the frame may be read on.
static WsNext
check_first_bytes(WsReader *reader)
{
	uint8_t opcode = reader->head[0] & 0x0f;
	bool final = (reader->head[0] & WS_FINAL) != 0;
	if ((reader->head[0] & 0x70) != 0)
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR, "a reserved bit is set");
	if ((reader->head[1] & 0x80) == 0)
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR, "a client's frame is not masked");
	if ((opcode > WS_BINARY && opcode < WS_CLOSE) || opcode > WS_PONG)
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR, "an unknown opcode");
	if (is_control(opcode) && (!final || (reader->head[1] & 0x7f) > WS_CONTROL_MAX))
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR,
					  "a control frame is fragmented or too long");
	if (opcode == WS_CONTINUATION && reader->message_opcode == 0)
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR, "a continuation of nothing");
	if (!is_control(opcode) && opcode != WS_CONTINUATION && reader->message_opcode != 0)
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR, "a message inside another");
	reader->opcode = opcode;
	reader->final = final;
	return WS_FRAME;
}

static WsNext
begin_payload(WsReader *reader)
{
	uint8_t len = reader->head[1] & 0x7f;
	uint64_t length = read_length(reader);
	if ((len == 126 && length < 126) || (len == 127 && (length <= UINT16_MAX || length >> 63 != 0)))
		return refuse(reader, WEBSOCKET_PROTOCOL_ERROR,
					  "a length is not written in the shortest way");
	reader->left = length;
	reader->mask_at = 0;
	reader->in_payload = true;
	if (is_control(reader->opcode))
		return WS_FRAME;
	if (length > reader->max_message || reader->message.len > reader->max_message - length)
		return refuse(reader, WEBSOCKET_TOO_LARGE, "the message is too large");
	if (++reader->fragments > FRAGMENTS_MAX)
		return refuse(reader, WEBSOCKET_POLICY, "a message has more than 64 fragments");
	if (reader->opcode != WS_CONTINUATION)
		reader->message_opcode = reader->opcode;
	return WS_FRAME;
}

// WS_FRAME when the head is complete.
static WsNext
read_head(WsReader *reader, Slice *in)
{
	while (reader->head_len < head_size(reader)) {
		if (in->len == 0)
			return WS_MORE;
		reader->head[reader->head_len++] = in->data[0];
		*in = slice_of(in->data + 1, in->len - 1);
		if (reader->head_len == 2) {
			WsNext next = check_first_bytes(reader);
			if (next != WS_FRAME)
				return next;
		}
	}
	return begin_payload(reader);
}

// ---- payloads ----

static void
unmask(WsReader *reader, uint8_t *to, const uint8_t *from, size_t len)
{
	const uint8_t *mask = reader->head + reader->head_len - 4;
	uint8_t turned[8];
	for (size_t i = 0; i < sizeof(turned); i++)
		turned[i] = mask[(reader->mask_at + i) & 3];
	size_t i = 0;
	for (; i + sizeof(turned) <= len; i += sizeof(turned)) {
		uint64_t word;
		uint64_t bits;
		memcpy(&word, from + i, sizeof(word));
		memcpy(&bits, turned, sizeof(bits));
		word ^= bits;
		memcpy(to + i, &word, sizeof(word));
	}
	for (; i < len; i++)
		to[i] = from[i] ^ turned[i & 7];
	reader->mask_at += len;
}

static WsNext
end_message(WsReader *reader, WebSocketMessage *message)
{
	bool text = reader->message_opcode == WS_TEXT;
	reader->message_opcode = reader->fragments = 0;
	if (text && !utf8_valid(reader->message.data, reader->message.len))
		return refuse(reader, WEBSOCKET_BAD_TEXT, "a text message is not UTF-8");
	Bytes *data = bytes_copy(NULL, buf_slice(&reader->message));
	if (reader->message.cap > KEEP_BYTES)
		buf_close(&reader->message);
	else
		buf_reset(&reader->message);
	if (data == NULL)
		return WS_NO_SPACE;
	*message = (WebSocketMessage){.text = text, .data = data};
	return WS_MESSAGE;
}

static WsNext
end_frame(WsReader *reader, WebSocketMessage *message)
{
	reader->head_len = 0;
	reader->in_payload = false;
	if (is_control(reader->opcode))
		return WS_CONTROL;
	return reader->final ? end_message(reader, message) : WS_FRAME;
}

static WsNext
read_payload(WsReader *reader, Slice *in, WebSocketMessage *message)
{
	Buf *to = is_control(reader->opcode) ? &reader->control : &reader->message;
	size_t len = in->len < reader->left ? in->len : (size_t)reader->left;
	if (len > 0) {
		uint8_t *at = buf_extend(to, len);
		if (at == NULL)
			return WS_NO_SPACE;
		unmask(reader, at, in->data, len);
		*in = slice_of(in->data + len, in->len - len);
		reader->left -= len;
	}
	return reader->left > 0 ? WS_MORE : end_frame(reader, message);
}

WsNext
ws_reader_next(WsReader *reader, Slice *in, WebSocketMessage *message)
{
	if (reader->close_code != 0)
		return WS_REFUSED;
	if (!reader->in_payload) {
		if (reader->head_len == 0)
			buf_close(&reader->control); // it was told
		WsNext next = read_head(reader, in);
		if (next != WS_FRAME)
			return next;
	}
	return read_payload(reader, in, message);
}

// ---- closing ----

static bool
may_be_sent(int code)
{
	return (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
		   (code >= 3000 && code <= 4999);
}

int
ws_close_code(Slice payload, int *refusal)
{
	if (payload.len == 0)
		return WEBSOCKET_NO_CODE;
	*refusal = WEBSOCKET_PROTOCOL_ERROR;
	if (payload.len < 2)
		return 0;
	int code = payload.data[0] << 8 | payload.data[1];
	if (!may_be_sent(code))
		return 0;
	*refusal = WEBSOCKET_BAD_TEXT;
	return utf8_valid(payload.data + 2, payload.len - 2) ? code : 0;
}
