// scan_int.h - a walk over text, for readers of dates, times and intervals.

#pragma once

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"

typedef struct Scan {
	Slice text;
	size_t at;
} Scan;

static inline uint8_t
peek(const Scan *s)
{
	return s->at < s->text.len ? s->text.data[s->at] : 0;
}

static inline bool
at_end(const Scan *s)
{
	return s->at >= s->text.len;
}

static inline bool
at_digit(const Scan *s)
{
	return isdigit(peek(s)) != 0;
}

static inline void
skip_blanks(Scan *s)
{
	while (!at_end(s) && isspace(peek(s)))
		s->at++;
}

static inline bool
skip_byte(Scan *s, uint8_t byte)
{
	if (at_end(s) || peek(s) != byte)
		return false;
	s->at++;
	return true;
}

// One or two digits.
static inline bool
read_two(Scan *s, int32_t *out)
{
	if (!at_digit(s))
		return false;
	*out = s->text.data[s->at++] - '0';
	if (at_digit(s))
		*out = *out * 10 + (s->text.data[s->at++] - '0');
	return true;
}

static inline bool
skip_word(Scan *s, const char *word)
{
	size_t len = strlen(word);
	if (s->text.len - s->at < len ||
		strncasecmp((const char *)s->text.data + s->at, word, len) != 0)
		return false;
	s->at += len;
	return true;
}

// hour:minute[:second[.fraction]] in nanoseconds; hours of up to nine digits. time_read.c
bool scan_clock(Scan *s, int64_t *out_ns);
