#include "base/number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/powers_int.h"

typedef unsigned __int128 Wide;

// ---- integers ----

static const char PAIRS[] = "00010203040506070809101112131415161718192021222324252627282930313233"
							"34353637383940414243444546474849505152535455565758596061626364656667"
							"68697071727374757677787980818283848586878889909192939495969798"
							"99";

size_t
number_write_uint(uint64_t value, char out[NUMBER_INTEGER])
{
	char text[NUMBER_INTEGER];
	size_t at = sizeof(text);
	for (; value >= 100; value /= 100)
		memcpy(text + (at -= 2), PAIRS + 2 * (value % 100), 2);
	if (value >= 10)
		memcpy(text + (at -= 2), PAIRS + 2 * value, 2);
	else
		text[--at] = (char)('0' + value);
	memcpy(out, text + at, sizeof(text) - at);
	return sizeof(text) - at;
}

size_t
number_write_int(int64_t value, char out[NUMBER_INTEGER])
{
	if (value >= 0)
		return number_write_uint((uint64_t)value, out);
	char digits[NUMBER_INTEGER];
	size_t len = number_write_uint(-(uint64_t)value, digits); // 19 digits at most
	out[0] = '-';
	memcpy(out + 1, digits, len);
	return len + 1;
}

// ---- doubles to the shortest decimal ----
//
// After Raffaello Giulietti, "The Schubfach way to render doubles": of the decimals with the least
// number of digits within the interval that rounds to the value, the nearest. All is done with one
// 128-bit power of ten and 64-bit arithmetic; bits that are lost are kept as "something follows".

// significand * 2^exponent, and how far it reaches downwards: at a power of two half as far.
typedef struct Binary {
	uint64_t significand;
	int exponent;
	bool near_below;
} Binary;

typedef struct Decimal {
	uint64_t digits;
	int exponent;
} Decimal;

static int
floor_shift(int value, int bits)
{
	return value >> bits; // arithmetic, as both compilers do it
}

// Upper 64 bits of power * factor / 2^64; the lowest bit says as well whether anything was lost.
static uint64_t
scaled(const uint64_t power[2], uint64_t factor)
{
	Wide low = (Wide)power[1] * factor;
	Wide high = (Wide)power[0] * factor + (uint64_t)(low >> 64);
	return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

// All in quarters of the last digit.
static Decimal
nearest(uint64_t below, uint64_t exact, uint64_t above, int exponent)
{
	uint64_t whole = exact / 4;
	if (whole >= 10) {
		uint64_t tens = whole / 10;
		bool down = below <= 40 * tens, up = 40 * tens + 40 <= above;
		if (down != up)
			return (Decimal){tens + up, exponent + 1};
	}
	bool down = below <= 4 * whole, up = 4 * whole + 4 <= above;
	if (down != up)
		return (Decimal){whole + up, exponent};
	uint64_t half = 4 * whole + 2;
	return (Decimal){whole + (exact > half || (exact == half && whole % 2 == 1)), exponent};
}

static Decimal
shortest(Binary v)
{
	if (v.exponent <= 0 && v.exponent > -53 &&
		(v.significand & ((UINT64_C(1) << -v.exponent) - 1)) == 0)
		return (Decimal){v.significand >> -v.exponent, 0};
	// floor(log10(2^exponent)), or of three quarters of it; and floor(log2(10^-k)).
	int k = floor_shift(v.exponent * 1262611 - (v.near_below ? 524031 : 0), 22);
	int shift = v.exponent + floor_shift(-k * 1741647, 19) + 1;
	const uint64_t *power = POWERS[-k - POWER_MIN];
	uint64_t four = 4 * v.significand;
	bool odd = v.significand % 2 == 1; // the ends of the interval belong to even ones
	uint64_t below = scaled(power, (four - 2 + v.near_below) << shift) + odd;
	uint64_t above = scaled(power, (four + 2) << shift) - odd;
	return nearest(below, scaled(power, four << shift), above, k);
}

static size_t
write_exponent(const char *digits, size_t count, int point, char *out)
{
	size_t len = 0;
	out[len++] = digits[0];
	if (count > 1) {
		out[len++] = '.';
		memcpy(out + len, digits + 1, count - 1);
		len += count - 1;
	}
	int exponent = point - 1;
	out[len++] = 'e';
	out[len++] = exponent < 0 ? '-' : '+';
	exponent = abs(exponent);
	if (exponent >= 100)
		out[len++] = (char)('0' + exponent / 100);
	memcpy(out + len, PAIRS + 2 * (exponent % 100), 2);
	return len + 2;
}

static size_t
write_decimal(Decimal d, char *out)
{
	for (; d.digits % 10 == 0; d.digits /= 10)
		d.exponent++;
	char digits[NUMBER_INTEGER];
	size_t count = number_write_uint(d.digits, digits);
	int point = (int)count + d.exponent; // digits before the point
	if (point < -3 || point > 16)
		return write_exponent(digits, count, point, out);
	if (point <= 0) {
		memcpy(out, "0.000", 5);
		memcpy(out + 2 - point, digits, count);
		return count + 2 + (size_t)-point;
	}
	size_t whole = (size_t)point;
	if (count <= whole) {
		memcpy(out, digits, count);
		memset(out + count, '0', whole - count);
		memcpy(out + whole, ".0", 2);
		return whole + 2;
	}
	memcpy(out, digits, whole);
	out[whole] = '.';
	memcpy(out + whole + 1, digits + whole, count - whole);
	return count + 1;
}

static size_t
write_word(const char *word, char *out)
{
	size_t len = strlen(word);
	memcpy(out, word, len);
	return len;
}

// `fraction` and `exponent` as they lie in the value's bits; 0 is no exponent of a normal one.
static size_t
write_bits(bool negative, uint64_t fraction, int exponent, int fraction_bits, int bias, char *out)
{
	size_t sign = negative;
	out[0] = '-';
	if (fraction == 0 && exponent == 0)
		return sign + write_word("0.0", out + sign);
	bool normal = exponent != 0;
	Binary v = {
		.significand = fraction | (uint64_t)normal << fraction_bits,
		.exponent = (normal ? exponent : 1) - bias - fraction_bits,
		.near_below = fraction == 0 && exponent > 1,
	};
	return sign + write_decimal(shortest(v), out + sign);
}

size_t
number_write_double(double value, char out[NUMBER_DOUBLE])
{
	if (isnan(value))
		return write_word("NaN", out);
	if (isinf(value))
		return write_word(value < 0 ? "-Infinity" : "Infinity", out);
	uint64_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return write_bits(bits >> 63, bits & ((UINT64_C(1) << 52) - 1), (int)(bits >> 52 & 0x7FF), 52,
					  1023, out);
}

size_t
number_write_float(float value, char out[NUMBER_DOUBLE])
{
	if (isnan(value) || isinf(value))
		return number_write_double((double)value, out);
	uint32_t bits;
	memcpy(&bits, &value, sizeof(bits));
	return write_bits(bits >> 31, bits & ((UINT32_C(1) << 23) - 1), (int)(bits >> 23 & 0xFF), 23,
					  127, out);
}

// ---- reading ----

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

bool
number_read_uint(Slice text, uint64_t *out)
{
	uint64_t value = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint64_t digit = (uint64_t)text.data[i] - '0';
		if (digit > 9)
			return false;
		// Nineteen digits always fit.
		if (i >= 19 && (__builtin_mul_overflow(value, 10, &value) ||
						__builtin_add_overflow(value, digit, &value)))
			return false;
		if (i < 19)
			value = value * 10 + digit;
	}
	*out = value;
	return text.len > 0;
}

bool
number_read_int(Slice text, int64_t *out)
{
	bool negative = text.len > 0 && text.data[0] == '-';
	bool sign = negative || (text.len > 0 && text.data[0] == '+');
	uint64_t value;
	if (!number_read_uint(slice_of(text.data + sign, text.len - sign), &value))
		return false;
	if (value > (uint64_t)INT64_MAX + negative)
		return false;
	*out = (int64_t)(negative ? -value : value);
	return true;
}

// What is written: digits * 10^exponent. `exact` where no digit was left out.
typedef struct Written {
	bool negative;
	bool exact;
	uint64_t digits;
	int64_t exponent;
} Written;

static size_t
read_digits(Slice text, size_t at, Written *out, bool fraction)
{
	static const uint64_t most = (UINT64_MAX - 9) / 10;
	for (; at < text.len && is_digit(text.data[at]); at++) {
		unsigned digit = (unsigned)(text.data[at] - '0');
		if (out->digits <= most) {
			out->digits = out->digits * 10 + digit;
			out->exponent -= fraction;
		} else {
			out->exact &= digit == 0;
			out->exponent += !fraction;
		}
	}
	return at;
}

static bool
read_exponent(Slice text, size_t at, Written *out)
{
	bool negative = at < text.len && text.data[at] == '-';
	at += negative || (at < text.len && text.data[at] == '+');
	if (at == text.len)
		return false;
	int64_t value = 0;
	for (; at < text.len; at++) {
		if (!is_digit(text.data[at]))
			return false;
		value =
			value > 100000 ? value : value * 10 + (text.data[at] - '0'); // far beyond any double
	}
	out->exponent += negative ? -value : value;
	return true;
}

static bool
read_written(Slice text, Written *out)
{
	*out = (Written){.exact = true};
	size_t at = 0;
	if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
		out->negative = text.data[at++] == '-';
	size_t from = at;
	at = read_digits(text, at, out, false);
	size_t count = at - from;
	if (at < text.len && text.data[at] == '.') {
		from = ++at;
		at = read_digits(text, at, out, true);
		count += at - from;
	}
	if (count == 0)
		return false;
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E'))
		return read_exponent(text, at + 1, out);
	return at == text.len;
}

// Where digits and power of ten are exact in the wide type, one operation rounds once; rounding
// that to a double is right unless it lies exactly between two of them.
static bool
read_quickly(const Written *w, double *out)
{
#if LDBL_MANT_DIG == 64
	static const long double powers[] = {1e0L,  1e1L,  1e2L,  1e3L,  1e4L,  1e5L,  1e6L,
										 1e7L,  1e8L,  1e9L,  1e10L, 1e11L, 1e12L, 1e13L,
										 1e14L, 1e15L, 1e16L, 1e17L, 1e18L, 1e19L, 1e20L,
										 1e21L, 1e22L, 1e23L, 1e24L, 1e25L, 1e26L, 1e27L};
	if (!w->exact || w->exponent < -27 || w->exponent > 27)
		return false;
	long double value = w->digits;
	value = w->exponent < 0 ? value / powers[-w->exponent] : value * powers[w->exponent];
	uint64_t significand;
	memcpy(&significand, &value, sizeof(significand));
	if ((significand & 0x7FF) == 0x400)
		return false;
#else
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
									1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
									1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	if (!w->exact || w->exponent < -22 || w->exponent > 22 || w->digits >> 53 != 0)
		return false;
	double value = (double)w->digits;
	value = w->exponent < 0 ? value / powers[-w->exponent] : value * powers[w->exponent];
#endif
	*out = w->negative ? -(double)value : (double)value;
	return true;
}

// The library's way, which takes any number of digits; more than these change nothing but at ties.
static bool
read_slowly(Slice text, double *out)
{
	char copy[1024];
	if (text.len >= sizeof(copy))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	locale_t plain = newlocale(LC_ALL_MASK, "C", NULL);
	if (plain == NULL)
		return false;
	char *end;
	*out = strtod_l(copy, &end, plain);
	freelocale(plain);
	return end == copy + text.len && isfinite(*out);
}

bool
number_read_double(Slice text, double *out)
{
	Written written;
	double value;
	if (!read_written(text, &written))
		return false;
	if (!read_quickly(&written, &value) && !read_slowly(text, &value))
		return false;
	*out = value;
	return true;
}
