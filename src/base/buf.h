// buf.h - a growable byte string with a sticky failure: append freely, check once at the end.
//
// After a failed allocation every append is a no-op and buf_status says ST_NO_MEMORY.
// Threads  one owner.

#pragma once

#include "base/bytes.h"
#include "base/status.h"

typedef struct Buf {
	uint8_t *data; // NULL when empty
	size_t len;
	size_t cap;
	bool failed;
} Buf;

#define BUF_INIT                                                                                   \
	{                                                                                              \
		0                                                                                          \
	}

void buf_close(Buf *buf); // frees; the Buf is then empty and usable
void buf_reset(Buf *buf); // empty, keeps the capacity, forgets a failure

void buf_add(Buf *buf, const void *src, size_t len);
void buf_add_slice(Buf *buf, Slice src);
void buf_add_text(Buf *buf, const char *text);
void buf_add_byte(Buf *buf, uint8_t byte);
void buf_add_zeros(Buf *buf, size_t len);
void buf_add_u16(Buf *buf, uint16_t v); // little-endian, like the next two
void buf_add_u32(Buf *buf, uint32_t v);
void buf_add_u64(Buf *buf, uint64_t v);
void buf_add_printf(Buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_align(Buf *buf, size_t to);    // zeros up to a multiple of `to` (a power of two)
void *buf_extend(Buf *buf, size_t len); // len uninitialised bytes at the end, or NULL

bool buf_reserve(Buf *buf, size_t more);
const char *buf_text(Buf *buf); // NUL-terminated (the NUL is not counted); "" when failed or empty
Slice buf_slice(const Buf *buf);
Status buf_status(const Buf *buf, Error *err, const char *what); // ST_NO_MEMORY names `what`
char *buf_take_text(
	Buf *buf); // owned, NUL-terminated (mem_free); NULL when failed; empties the Buf
Bytes *buf_to_bytes(Buf *buf); // a shared copy; NULL when failed or no memory
