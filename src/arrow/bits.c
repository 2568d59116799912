#include "arrow/bits.h"

int64_t
bits_count(const uint8_t *bits, int64_t n)
{
	int64_t count = 0;
	int64_t whole = n / 64;
	for (int64_t i = 0; i < whole; i++) {
		uint64_t word;
		memcpy(&word, bits + 8 * i, sizeof(word));
		count += __builtin_popcountll(word);
	}
	for (int64_t i = whole * 64; i < n; i += 8) {
		unsigned byte = bits[i >> 3];
		if (n - i < 8)
			byte &= (1U << (n - i)) - 1;
		count += __builtin_popcount(byte);
	}
	return count;
}

// Up to 8 bits from any position, without touching a byte that holds none of them.
static unsigned
get_few(const uint8_t *src, int64_t from, int64_t n)
{
	unsigned shift = (unsigned)(from & 7);
	unsigned bits = (unsigned)src[from >> 3] >> shift;
	if (shift + (unsigned)n > 8)
		bits |= (unsigned)src[(from >> 3) + 1] << (8 - shift);
	return bits & ((1U << n) - 1);
}

static void
put_few(uint8_t *dst, int64_t to, unsigned bits, int64_t n)
{
	// Never over a byte's end: callers start at one or stay inside.
	unsigned shift = (unsigned)(to & 7);
	unsigned mask = ((1U << n) - 1) << shift;
	dst[to >> 3] = (uint8_t)((dst[to >> 3] & ~mask) | (bits << shift & mask));
}

static int64_t
least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void
bits_copy(uint8_t *dst, int64_t to, const uint8_t *src, int64_t from, int64_t n)
{
	// Up to a whole byte of dst.
	int64_t head = least(n, -to & 7);
	if (head > 0)
		put_few(dst, to, get_few(src, from, head), head);
	to += head;
	from += head;
	n -= head;

	int64_t whole = n / 8;
	if (whole > 0 && (from & 7) == 0) {
		memcpy(dst + (to >> 3), src + (from >> 3), (size_t)whole);
	} else {
		for (int64_t i = 0; i < whole; i++)
			dst[(to >> 3) + i] = (uint8_t)get_few(src, from + 8 * i, 8);
	}

	int64_t tail = n & 7;
	if (tail > 0)
		put_few(dst, to + 8 * whole, get_few(src, from + 8 * whole, tail), tail);
}

void
bits_fill(uint8_t *dst, int64_t to, int64_t n, bool value)
{
	unsigned all = value ? 0xFF : 0;
	int64_t head = least(n, -to & 7);
	if (head > 0)
		put_few(dst, to, all, head);
	to += head;
	n -= head;
	memset(dst + (to >> 3), (int)all, (size_t)(n / 8));
	if ((n & 7) > 0)
		put_few(dst, to + (n & ~7), all, n & 7);
}
