// A message is a row of fields; a field is a tag and a value:
//
//     tag    varint: number << 3 | type
//     type   0 varint   1 eight bytes   2 varint length, then bytes   5 four bytes
//     varint seven bits a byte, low ones first, the top bit says that more follow; at most 10 bytes

#include "flight/wire_int.h"

#include <string.h>

#include "base/text.h"

enum { VARINT_MAX = 10 };

static uint64_t
read_varint(Reader *r)
{
	uint64_t value = 0;
	for (unsigned shift = 0; shift < 7 * VARINT_MAX; shift += 7) {
		uint8_t byte = reader_u8(r);
		value |= (uint64_t)(byte & 0x7F) << shift;
		if (byte < 0x80)
			return value;
	}
	r->failed = true;
	return 0;
}

bool
wire_next(Reader *r, WireField *out)
{
	if (r->failed || reader_left(r) == 0)
		return false;
	uint64_t tag = read_varint(r);
	*out = (WireField){.tag = (uint32_t)tag};
	if (tag > UINT32_MAX || tag >> 3 == 0)
		r->failed = true;
	switch (tag & 7) {
	case 0: out->value = read_varint(r); break;
	case 1: out->value = reader_u64(r); break;
	case 2: out->bytes = reader_bytes(r, read_varint(r)); break;
	case 5: out->value = reader_u32(r); break;
	default: r->failed = true; break;
	}
	return !r->failed;
}

Status
wire_status(const Reader *r, Error *err, const char *what)
{
	if (r->failed)
		return error_set(err, ST_INVALID, "%s is cut short, or no protobuf message", what);
	return ST_OK;
}

Status
wire_check_text(Slice text, Error *err, const char *what)
{
	if (!utf8_valid(text.data, text.len))
		return error_set(err, ST_INVALID, "%s is not UTF-8", what);
	return ST_OK;
}

static size_t
put_varint(uint8_t at[VARINT_MAX], uint64_t value)
{
	size_t len = 0;
	for (; value >= 0x80; value >>= 7)
		at[len++] = (uint8_t)(value | 0x80);
	at[len++] = (uint8_t)value;
	return len;
}

static void
add_number(Buf *out, uint64_t value)
{
	uint8_t varint[VARINT_MAX];
	buf_add(out, varint, put_varint(varint, value));
}

void
wire_add_varint(Buf *out, uint32_t number, uint64_t value)
{
	add_number(out, WIRE_VARINT(number));
	add_number(out, value);
}

void
wire_add_double(Buf *out, uint32_t number, double value)
{
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	add_number(out, WIRE_FIXED64(number));
	buf_add_u64(out, bits);
}

void
wire_add_head(Buf *out, uint32_t number, size_t len)
{
	add_number(out, WIRE_BYTES(number));
	add_number(out, len);
}

void
wire_add_bytes(Buf *out, uint32_t number, Slice bytes)
{
	wire_add_head(out, number, bytes.len);
	buf_add_slice(out, bytes);
}

void
wire_set_varint(Buf *out, uint32_t number, uint64_t value)
{
	if (value != 0)
		wire_add_varint(out, number, value);
}

void
wire_set_bytes(Buf *out, uint32_t number, Slice bytes)
{
	if (bytes.len > 0)
		wire_add_bytes(out, number, bytes);
}

size_t
wire_begin(Buf *out, uint32_t number)
{
	add_number(out, WIRE_BYTES(number));
	return out->len;
}

void
wire_end(Buf *out, size_t begun)
{
	// The length is known only now: make room for it before the value.
	uint8_t varint[VARINT_MAX];
	size_t len = out->len - begun;
	size_t room = put_varint(varint, len);
	if (buf_extend(out, room) == NULL)
		return;
	memmove(out->data + begun + room, out->data + begun, len);
	memcpy(out->data + begun, varint, room);
}
