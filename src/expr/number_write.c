// number_write.c - numbers to text: reals in as few digits as read back to the same value.

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expr/number_text_int.h"

size_t
write_wide(Wide value, int scale, char out[NUMBER_TEXT])
{
	char digits[48];
	int count = 0;
	WideBits size = value < 0 ? (WideBits)0 - (WideBits)value : (WideBits)value;
	while (size > 0 || count <= scale) {
		digits[count++] = (char)('0' + (int)(size % 10));
		size /= 10;
	}
	size_t len = 0;
	if (value < 0)
		out[len++] = '-';
	while (count > 0) {
		out[len++] = digits[--count];
		if (count == scale && scale > 0)
			out[len++] = '.';
	}
	return len;
}

// Digits and the exponent of the first one, from "d.ddde±xx".
typedef struct Shortest {
	char digits[24];
	int count;
	int exponent;
} Shortest;

static void
take_digits(const char *text, Shortest *out)
{
	out->count = 0;
	for (; *text != 'e'; text++)
		if (*text != '.')
			out->digits[out->count++] = *text;
	out->exponent = atoi(text + 1);
	while (out->count > 1 && out->digits[out->count - 1] == '0')
		out->count--;
}

static void
shortest_double(double value, Shortest *out)
{
	char text[48];
	for (int digits = value < DBL_MIN ? 0 : 14; digits <= 16; digits++) {
		(void)snprintf(text, sizeof(text), "%.*e", digits, value);
		if (digits == 16 || strtod(text, NULL) == value)
			break;
	}
	take_digits(text, out);
}

// Whether `digits` are half way between two shorter texts: 5 and nothing behind it.
static bool
is_halfway(double value, int digits)
{
	char text[96];
	(void)snprintf(text, sizeof(text), "%.60e", value);
	const char *rest = text + 1 + digits; // behind the first digit and the point
	size_t zeros = strspn(rest + 1, "0");
	return rest[0] == '5' && rest[1 + zeros] == 'e';
}

// The engine's writer of floats gives up where a short text is exactly between two floats, or two
// texts are as near; then it writes the float as a double.
static void
shortest_float(float value, Shortest *out)
{
	double exact = (double)value;
	double low = (exact + (double)nextafterf(value, 0)) / 2;
	double high = (exact + (double)nextafterf(value, HUGE_VALF)) / 2;
	char text[48];
	if (isinf(high))
		high = exact + (exact - low);
	for (int digits = 1; digits <= 9; digits++) {
		(void)snprintf(text, sizeof(text), "%.*e", digits - 1, exact);
		double back = strtod(text, NULL);
		if (back < low || back > high)
			continue;
		if (back == low || back == high || is_halfway(exact, digits))
			break;
		take_digits(text, out);
		return;
	}
	shortest_double(exact, out);
}

// From 1e-4 up to 1e16 without an exponent, and with a point always.
static size_t
lay_out(const Shortest *s, char *out)
{
	size_t len = 0;
	if (s->exponent < -4 || s->exponent >= 16) {
		out[len++] = s->digits[0];
		if (s->count > 1)
			out[len++] = '.';
		memcpy(out + len, s->digits + 1, (size_t)s->count - 1);
		len += (size_t)s->count - 1;
		return len + (size_t)snprintf(out + len, NUMBER_TEXT / 2, "e%+03d", s->exponent);
	}
	if (s->exponent < 0)
		out[len++] = '0';
	for (int i = 0; i <= s->exponent; i++)
		out[len++] = i < s->count ? s->digits[i] : '0';
	out[len++] = '.';
	for (int i = s->exponent + 1; i < 0; i++)
		out[len++] = '0';
	for (int i = s->exponent < 0 ? 0 : s->exponent + 1; i < s->count; i++)
		out[len++] = s->digits[i];
	if (out[len - 1] == '.')
		out[len++] = '0';
	return len;
}

// False: it is written as a word.
static bool
write_word(double value, char *out, size_t *len)
{
	const char *word = isnan(value) ? "nan" : isinf(value) ? "inf" : value == 0 ? "0.0" : NULL;
	if (word == NULL)
		return false;
	memcpy(out, word, 3);
	*len = 3;
	return true;
}

size_t
write_double(double value, char out[NUMBER_TEXT])
{
	size_t sign = signbit(value) ? 1 : 0, len;
	Shortest shortest;
	out[0] = '-';
	if (write_word(value, out + sign, &len))
		return sign + len;
	shortest_double(fabs(value), &shortest);
	return sign + lay_out(&shortest, out + sign);
}

size_t
write_float(float value, char out[NUMBER_TEXT])
{
	size_t sign = signbit(value) ? 1 : 0, len;
	Shortest shortest;
	out[0] = '-';
	if (write_word((double)value, out + sign, &len))
		return sign + len;
	shortest_float(fabsf(value), &shortest);
	return sign + lay_out(&shortest, out + sign);
}
