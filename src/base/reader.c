#include "base/reader.h"

Reader
reader_of(Slice src)
{
	return (Reader){.data = src.data, .len = src.len};
}

size_t
reader_left(const Reader *r)
{
	return r->failed ? 0 : r->len - r->pos;
}

// The next len bytes, or NULL with the failure set. Nothing is asked for as len 0.
static const uint8_t *
take(Reader *r, size_t len)
{
	if (len > reader_left(r)) {
		r->failed = true;
		return NULL;
	}
	const uint8_t *at = r->data + r->pos;
	r->pos += len;
	return at;
}

static uint64_t
take_number(Reader *r, size_t len)
{
	const uint8_t *at = take(r, len);
	uint64_t v = 0;
	for (size_t i = 0; at != NULL && i < len; i++)
		v |= (uint64_t)at[i] << (8 * i);
	return v;
}

uint8_t
reader_u8(Reader *r)
{
	return (uint8_t)take_number(r, 1);
}

uint16_t
reader_u16(Reader *r)
{
	return (uint16_t)take_number(r, 2);
}

uint32_t
reader_u32(Reader *r)
{
	return (uint32_t)take_number(r, 4);
}

uint64_t
reader_u64(Reader *r)
{
	return take_number(r, 8);
}

Slice
reader_bytes(Reader *r, size_t len)
{
	if (len == 0 || len > reader_left(r)) {
		r->failed |= len > 0;
		return slice_of(NULL, 0);
	}
	return slice_of(take(r, len), len);
}

Slice
reader_counted(Reader *r)
{
	return reader_bytes(r, reader_u32(r));
}

void
reader_skip(Reader *r, size_t len)
{
	reader_bytes(r, len);
}
