// bits.h - bitmaps as Arrow lays them out: row i is bit i % 8 of byte i / 8.
//
// Threads  any.

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline size_t
bits_bytes(int64_t n)
{
	return ((size_t)n + 7) / 8;
}

// How many of the first n are set.
int64_t bits_count(const uint8_t *bits, int64_t n);

// n bits from position `from` of src to position `to` of dst; other bits of dst stay.
void bits_copy(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n);

// n bits from position `to`, all to `value`.
void bits_fill(uint8_t *dst, int64_t to, int64_t n, bool value);

static inline void
bit_set(uint8_t *bits, int64_t i, bool value)
{
	uint8_t mask = (uint8_t)(1U << (i & 7));
	bits[i >> 3] = (uint8_t)(value ? bits[i >> 3] | mask : bits[i >> 3] & ~mask);
}
