// bytes.h - shared byte buffers: what travels from socket to disk to reader without a copy.
//
// A Bytes is filled by the one who made it, then shared and never changed.
// Its data is 64-byte aligned and followed by at least 8 readable bytes.
// A BytesPool keeps freed blocks of common sizes: a fresh allocation per message costs
// more in page faults than the rest of its handling.
//
// Threads  ref/unref: any. A pool serves all threads (one lock, held for pointer swaps).

#pragma once

#include <stdint.h>

#include "base/status.h"

typedef struct Bytes Bytes;
typedef struct BytesPool BytesPool;

// Borrowed bytes; who lends them says for how long.
typedef struct Slice {
	const uint8_t *data;
	size_t len;
} Slice;

static inline Slice
slice_of(const void *data, size_t len)
{
	return (Slice){data, len};
}
Slice slice_text(const char *text); // without the NUL
bool slice_equal(Slice a, Slice b);
bool slice_is(Slice a, const char *text);

// Borrowed bytes with what keeps them alive: one piece of a gathered write.
// `owner` may be NULL (static bytes). Whoever stores a Piece holds a reference of owner.
typedef struct Piece {
	const uint8_t *data;
	size_t len;
	Bytes *owner;
} Piece;

// keep_bytes: how much freed memory the pool may hold back (0: none). The pool outlives its
// Bytes' users by counting: pool_free only marks it; the last Bytes returns the rest.
Status bytes_pool_new(size_t keep_bytes, BytesPool **out, Error *err);
void bytes_pool_free(BytesPool *pool); // NULL is allowed

// len bytes, not zeroed, writable by the caller until shared. pool may be NULL. NULL: no memory.
Bytes *bytes_new(BytesPool *pool, size_t len);
Bytes *bytes_copy(BytesPool *pool, Slice src);
Bytes *bytes_ref(Bytes *bytes); // returns bytes; NULL is allowed
void bytes_unref(Bytes *bytes); // NULL is allowed

// Memory that somebody else owns (an imported Arrow array): `release(arg)` runs at the last unref.
// Its alignment and what follows it are as they are. NULL: no memory, and arg is still the
// caller's.
Bytes *bytes_wrap(const void *data, size_t len, void (*release)(void *arg), void *arg);

uint8_t *bytes_data(Bytes *bytes);
size_t bytes_len(const Bytes *bytes);
size_t bytes_size(const Bytes *bytes);         // what it really occupies; what memory limits count
void bytes_truncate(Bytes *bytes, size_t len); // by the maker, before sharing; len <= bytes_len
Slice bytes_slice(Bytes *bytes);

DEFINE_DROP(Bytes, bytes_drop, bytes_unref)
