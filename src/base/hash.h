// hash.h - checksums and hashes.

#pragma once

#include "base/bytes.h"

// CRC-32C (Castagnoli), as the WAL uses it: crc32c(0, ...) starts, feeding the result continues.
// Uses the processor's instruction where there is one; the software form gives the same bits.
uint32_t crc32c(uint32_t crc, const void *data, size_t len);
uint32_t crc32c_software(uint32_t crc, const void *data, size_t len); // shown for comparison

uint64_t hash64(const void *data, size_t len); // XXH3, for tables in memory only

typedef struct Hash128 {
	uint64_t low;
	uint64_t high;
} Hash128;

Hash128 hash128(const void *data, size_t len); // XXH3-128

// The same of a stream, for whole files.
typedef struct Hasher128 Hasher128;
Hasher128 *hasher128_new(void); // NULL: no memory
void hasher128_add(Hasher128 *h, const void *data, size_t len);
Hash128 hasher128_end(const Hasher128 *h);
void hasher128_free(Hasher128 *h); // NULL is allowed
DEFINE_DROP(Hasher128, hasher_drop, hasher128_free)
