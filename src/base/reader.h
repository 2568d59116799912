// reader.h - a cursor over untrusted bytes with a sticky failure: read freely, check once.
//
// Past the end every read yields zero or an empty slice and `failed` stays set.

#pragma once

#include "base/bytes.h"

typedef struct Reader {
	const uint8_t *data;
	size_t len;
	size_t pos;
	bool failed;
} Reader;

Reader reader_of(Slice src);
size_t reader_left(const Reader *r);
uint8_t reader_u8(Reader *r);
uint16_t reader_u16(Reader *r); // little-endian, like the next two
uint32_t reader_u32(Reader *r);
uint64_t reader_u64(Reader *r);
Slice reader_bytes(Reader *r, size_t len);
Slice reader_counted(Reader *r); // u32 length, then that many bytes
void reader_skip(Reader *r, size_t len);
