// number_read.c - from text to numbers.
//
//   number     blanks [sign] digits [. digits] [e [sign] digits] blanks
//   digits     with single _ between them
//   whole      also 0x and 0b with digits of that base, without a sign
//
// One of the parts around the point may be missing.

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "expr/number_text_int.h"

static bool
is_blank(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static Slice
trim_front(Slice text)
{
	while (text.len > 0 && is_blank(text.data[0]))
		text = slice_of(text.data + 1, text.len - 1);
	return text;
}

static bool
is_digit_at(Slice text, size_t at)
{
	return at < text.len && text.data[at] >= '0' && text.data[at] <= '9';
}

// Behind a digit: over one _ that stands before another digit. False: it stands elsewhere.
static bool
skip_underscore(Slice text, size_t *at)
{
	if (*at >= text.len || text.data[*at] != '_')
		return true;
	++*at;
	return is_digit_at(text, *at);
}

static bool
only_blanks(Slice text, size_t at)
{
	while (at < text.len && is_blank(text.data[at]))
		at++;
	return at >= text.len;
}

// ---- the form ----

// Digits [from, to) of the text, with _ among them.
typedef struct Digits {
	size_t from;
	size_t to;
} Digits;

typedef struct Form {
	bool negative;
	Digits whole;
	Digits fraction;
	bool point;
	bool has_exponent;
	int exponent; // within ±32767
} Form;

static bool
read_digits(Slice text, size_t *at, Digits *out)
{
	out->from = *at;
	while (is_digit_at(text, *at)) {
		++*at;
		if (!skip_underscore(text, at))
			return false;
	}
	out->to = *at;
	return true;
}

// Of up to 16 bits; further digits are beyond what any number has.
static bool
read_exponent(Slice text, size_t at, Form *form)
{
	bool negative = at < text.len && text.data[at] == '-';
	if (at < text.len && (text.data[at] == '-' || text.data[at] == '+'))
		at++;
	Digits digits;
	if (!is_digit_at(text, at) || !read_digits(text, &at, &digits))
		return false;
	long value = 0;
	for (size_t i = digits.from; i < digits.to; i++) {
		if (text.data[i] != '_')
			value = value * 10 + (text.data[i] - '0');
		if (value > INT16_MAX + (negative ? 1 : 0))
			return false;
	}
	form->has_exponent = true;
	form->exponent = (int)(negative ? -value : value);
	return only_blanks(text, at);
}

static bool
read_form(Slice text, Form *form)
{
	size_t at = 0;
	*form = (Form){0};
	if (text.len == 0)
		return false;
	form->negative = text.data[0] == '-';
	if (text.data[0] == '-' || text.data[0] == '+')
		at++;
	if (!read_digits(text, &at, &form->whole))
		return false;
	bool some = form->whole.to > form->whole.from;
	if (at < text.len && text.data[at] == '.') {
		form->point = true;
		at++;
		if (!read_digits(text, &at, &form->fraction))
			return false;
		some |= form->fraction.to > form->fraction.from;
	}
	// A sign and blanks are 0 where whole numbers are read.
	if (!some)
		return !form->point && at > 0 && at < text.len && only_blanks(text, at);
	if (at < text.len && (text.data[at] == 'e' || text.data[at] == 'E'))
		return read_exponent(text, at + 1, form);
	return only_blanks(text, at);
}

// The digits of the number, one after the other, as if the point stood `exponent` places further.
typedef struct Walk {
	Slice text;
	const Form *form;
	size_t at;
	bool behind; // in the fraction
} Walk;

static int
next_digit(Walk *w)
{
	for (;;) {
		const Digits *part = w->behind ? &w->form->fraction : &w->form->whole;
		while (w->at < part->to && w->text.data[w->at] == '_')
			w->at++;
		if (w->at < part->to)
			return w->text.data[w->at++] - '0';
		if (w->behind)
			return -1;
		w->behind = true;
		w->at = w->form->fraction.from;
	}
}

static int
count_digits(Slice text, Digits digits)
{
	int count = 0;
	for (size_t i = digits.from; i < digits.to; i++)
		count += text.data[i] != '_';
	return count;
}

// value · 10^shift with `shift` more places, rounded by the digit behind the last; false: beyond
// `high` of its size.
static bool
read_places(Slice text, const Form *form, int places, bool round, WideBits most, WideBits *out)
{
	Walk w = {.text = text, .form = form, .at = form->whole.from};
	int64_t wanted = (int64_t)count_digits(text, form->whole) + form->exponent + places;
	WideBits value = 0;
	if (wanted < 0) {
		*out = 0;
		return true;
	}
	while (wanted > 0) {
		int next = next_digit(&w);
		if (next < 0 && value == 0)
			break;
		uint32_t more = next > 0 ? (uint32_t)next : 0;
		if (value > (most - more) / 10)
			return false;
		value = value * 10 + more;
		wanted--;
	}
	int digit = wanted == 0 && round ? next_digit(&w) : -1;
	if (digit >= 5 && value >= most)
		return false;
	*out = value + (digit >= 5 ? 1 : 0);
	return true;
}

// ---- whole numbers ----

static uint32_t
digit_of(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - (uint32_t)'0';
	return isxdigit(c) ? (uint32_t)(tolower(c) - 'a' + 10) : 99;
}

// Behind 0x or 0b.
static bool
read_base(Slice text, uint32_t base, WideBits most, Wide *out)
{
	WideBits value = 0;
	size_t at = 2;
	if (at >= text.len)
		return false;
	while (at < text.len) {
		uint32_t digit = digit_of(text.data[at++]);
		if (digit >= base || value > (most - digit) / base)
			return false;
		value = value * base + digit;
		if (at < text.len && text.data[at] == '_' &&
			(++at == text.len || digit_of(text.data[at]) >= base))
			return false;
	}
	*out = (Wide)value;
	return true;
}

static bool
minus_zero(Slice text)
{
	for (size_t i = 1; i < text.len; i++)
		if (text.data[i] != '0')
			return false;
	return text.len > 1;
}

bool
read_whole(Slice text, ExprType type, Wide *out)
{
	text = trim_front(text);
	Wide low = type_low(type), high = type_high(type);
	bool based = type.kind != KIND_HUGE && text.len > 1 && text.data[0] == '0';
	if (based && tolower(text.data[1]) == 'x')
		return read_base(text, 16, (WideBits)high, out);
	if (based && tolower(text.data[1]) == 'b')
		return read_base(text, 2, (WideBits)high, out);
	Form form;
	WideBits size;
	if (!read_form(text, &form) || (low == 0 && form.negative && !minus_zero(text)))
		return false;
	// An exponent needs a digit before it, not only behind the point.
	if (form.has_exponent && form.whole.to == form.whole.from && !form.point)
		return false;
	if (!read_places(text, &form, 0, true,
					 form.negative ? (WideBits)0 - (WideBits)low : (WideBits)high, &size))
		return false;
	*out = form.negative ? (Wide)((WideBits)0 - size) : (Wide)size;
	return true;
}

// What is left of a decimal behind a negative exponent. As queries do it: the last digit that is
// cut off rounds, even where more places are cut than there are digits.
static WideBits
cut_places(WideBits value, int places)
{
	bool up = false;
	for (int i = 0; i < places; i++) {
		up = value % 10 >= 5;
		value /= 10;
		if (value == 0)
			break;
	}
	return value + (up ? 1 : 0);
}

bool
read_decimal(Slice text, ExprType type, Wide *out)
{
	text = trim_front(text);
	Form form;
	WideBits size, most = (WideBits)type_high(type);
	if (!read_form(text, &form))
		return false;
	if (form.exponent < 0) {
		Form mantissa = form;
		mantissa.exponent = 0;
		if (!read_places(text, &mantissa, type.scale, false, most, &size))
			return false;
		size = cut_places(size, -form.exponent);
	} else if (!read_places(text, &form, type.scale, true, most, &size)) {
		return false;
	}
	*out = form.negative ? -(Wide)size : (Wide)size;
	return true;
}

// ---- reals ----

static bool
is_word(Slice text, const char *word, double value, double *out)
{
	size_t len = strlen(word);
	if (text.len < len || strncasecmp((const char *)text.data, word, len) != 0 ||
		!only_blanks(text, len))
		return false;
	*out = value;
	return true;
}

static bool
read_word(Slice text, double *out)
{
	bool negative = text.len > 0 && text.data[0] == '-';
	if (text.len > 0 && (text.data[0] == '-' || text.data[0] == '+'))
		text = slice_of(text.data + 1, text.len - 1);
	if (!is_word(text, "inf", HUGE_VAL, out) && !is_word(text, "infinity", HUGE_VAL, out) &&
		!is_word(text, "nan", (double)NAN, out))
		return false;
	*out = negative ? -*out : *out;
	return true;
}

enum { SHORT_TEXT = 512 };

// The text without _, as strtod reads it. False: too long to be a number of any use.
static bool
plain_text(Slice text, char out[SHORT_TEXT])
{
	size_t len = 0;
	for (size_t i = 0; i < text.len && !is_blank(text.data[i]); i++) {
		if (len + 1 >= SHORT_TEXT)
			return false;
		if (text.data[i] != '_')
			out[len++] = (char)text.data[i];
	}
	out[len] = '\0';
	return true;
}

static bool
real_form(Slice text, char out[SHORT_TEXT])
{
	Form form;
	return read_form(text, &form) && plain_text(text, out) && strpbrk(out, "0123456789") != NULL;
}

bool
read_double(Slice text, double *out)
{
	char plain[SHORT_TEXT];
	text = trim_front(text);
	if (!real_form(text, plain))
		return read_word(text, out);
	*out = strtod(plain, NULL);
	return true;
}

bool
read_float(Slice text, float *out)
{
	char plain[SHORT_TEXT];
	double word;
	text = trim_front(text);
	if (real_form(text, plain)) {
		*out = strtof(plain, NULL);
		return true;
	}
	if (!read_word(text, &word))
		return false;
	*out = (float)word;
	return true;
}

bool
read_truth(Slice text, uint8_t *out)
{
	static const struct {
		const char *word;
		uint8_t truth;
	} words[] = {{"true", 1},  {"t", 1}, {"1", 1}, {"yes", 1}, {"y", 1},
				 {"false", 0}, {"f", 0}, {"0", 0}, {"no", 0},  {"n", 0}};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (text.len == strlen(words[i].word) &&
			strncasecmp((const char *)text.data, words[i].word, text.len) == 0) {
			*out = words[i].truth;
			return true;
		}
	}
	return false;
}
