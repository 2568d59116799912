// text_ops.c - functions of text: characters are code points of UTF-8.

#include <string.h>

#include "expr/case_int.h"
#include "expr/text_int.h"

// ---- characters ----

static bool
is_start(uint8_t byte)
{
	return (byte & 0xc0) != 0x80;
}

static int64_t
count_characters(Slice text)
{
	int64_t count = 0;
	for (size_t i = 0; i < text.len; i++)
		count += is_start(text.data[i]);
	return count;
}

// Where character n (from 0) starts; the length, if there are fewer.
static size_t
find_character(Slice text, int64_t n)
{
	for (size_t i = 0; i < text.len; i++)
		if (is_start(text.data[i]) && n-- == 0)
			return i;
	return text.len;
}

static size_t
character_bytes(Slice text, size_t at)
{
	size_t end = at + 1;
	while (end < text.len && !is_start(text.data[end]))
		end++;
	return end - at;
}

// ---- searching ----

static size_t
find_text(Slice text, size_t from, Slice part)
{
	if (part.len == 0)
		return from;
	if (text.len < part.len || from > text.len - part.len)
		return SIZE_MAX;
	const uint8_t *found = memmem(text.data + from, text.len - from, part.data, part.len);
	return found != NULL ? (size_t)(found - text.data) : SIZE_MAX;
}

void
text_contains(Call *c)
{
	EACH_ROW(c, i)
	c->out.bools[i] = find_text(c->in[0].texts[i], 0, c->in[1].texts[i]) != SIZE_MAX;
}

void
text_starts_with(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i], part = c->in[1].texts[i];
		c->out.bools[i] =
			part.len <= text.len && (part.len == 0 || memcmp(text.data, part.data, part.len) == 0);
	}
}

void
text_ends_with(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i], part = c->in[1].texts[i];
		c->out.bools[i] =
			part.len <= text.len &&
			(part.len == 0 || memcmp(text.data + text.len - part.len, part.data, part.len) == 0);
	}
}

// The number of the character, from 1; 0: it is not there.
void
text_position(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i];
		size_t at = find_text(text, 0, c->in[1].texts[i]);
		c->out.ints[i] = at == SIZE_MAX ? 0 : count_characters(slice_of(text.data, at)) + 1;
	}
}

// ---- lengths ----

void
text_length(Call *c)
{
	EACH_ROW(c, i) c->out.ints[i] = count_characters(c->in[0].texts[i]);
}

void
text_bytes(Call *c)
{
	EACH_ROW(c, i) c->out.ints[i] = (int64_t)c->in[0].texts[i].len;
}

// ---- parts ----

// [from, to) in characters.
static Slice
characters(Slice text, int64_t from, int64_t to)
{
	if (to <= from)
		return slice_of(text.data, 0);
	size_t start = find_character(text, from);
	Slice rest = slice_of(text.data + start, text.len - start);
	return slice_of(rest.data, find_character(rest, to - from));
}

// From 1; 0 and what is before the text count too. A negative start counts from the end, a negative
// length goes back.
static Slice
substring(Slice text, int64_t from, int64_t len, bool to_end)
{
	int64_t count = count_characters(text), start = from, end;
	if (from > 0)
		start = from - 1;
	else if (from < 0)
		start = count + from;
	else if (!to_end && len > 0)
		len--;
	if (to_end)
		end = count;
	else if (__builtin_add_overflow(start, len, &end))
		end = len > 0 ? INT64_MAX : INT64_MIN;
	if (!to_end && len < 0) {
		int64_t swap = start;
		start = end;
		end = swap;
	}
	start = start < 0 ? 0 : start;
	return characters(text, start, end > count ? count : end);
}

void
text_substring(Call *c)
{
	bool to_end = c->count < 3;
	EACH_ROW(c, i)
	c->out.texts[i] =
		substring(c->in[0].texts[i], c->in[1].ints[i], to_end ? 0 : c->in[2].ints[i], to_end);
}

static void
ends(Call *c, bool right)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i];
		int64_t count = count_characters(text), n = c->in[1].ints[i];
		if (n < 0)
			n = n < -count ? 0 : count + n;
		if (n > count)
			n = count;
		c->out.texts[i] = right ? characters(text, count - n, count) : characters(text, 0, n);
	}
}
void
text_left(Call *c)
{
	ends(c, false);
}
void
text_right(Call *c)
{
	ends(c, true);
}

// ---- trim ----

static bool
is_one_of(Slice set, Slice text, size_t at, size_t len)
{
	for (size_t i = 0; i < set.len; i += character_bytes(set, i))
		if (character_bytes(set, i) == len && memcmp(set.data + i, text.data + at, len) == 0)
			return true;
	return false;
}

static Slice
trim(Slice text, Slice set, int64_t sides)
{
	size_t from = 0, to = text.len;
	while ((sides & TRIM_LEFT) && from < to) {
		size_t len = character_bytes(text, from);
		if (!is_one_of(set, text, from, len))
			break;
		from += len;
	}
	while ((sides & TRIM_RIGHT) && to > from) {
		size_t start = to - 1;
		while (start > from && !is_start(text.data[start]))
			start--;
		if (!is_one_of(set, text, start, to - start))
			break;
		to = start;
	}
	return slice_of(text.data + from, to - from);
}

void
text_trim(Call *c)
{
	EACH_ROW(c, i)
	c->out.texts[i] = trim(c->in[0].texts[i], c->count > 1 ? c->in[1].texts[i] : slice_of(" ", 1),
						   c->node->detail);
}

// ---- new texts ----

static uint8_t *
put(uint8_t *out, Slice part)
{
	if (part.len > 0)
		memcpy(out, part.data, part.len);
	return out + part.len;
}

// Leaves out what is NULL.
void
text_concat(Call *c)
{
	for (int64_t i = 0; i < c->n; i++) {
		size_t len = 0;
		c->out.ok[i] = 1;
		for (int32_t k = 0; k < c->count; k++)
			len += c->in[k].ok[i] ? c->in[k].texts[i].len : 0;
		uint8_t *out = kernel_text(c, i, len), *at = out;
		if (out == NULL)
			return;
		for (int32_t k = 0; k < c->count; k++)
			at = c->in[k].ok[i] ? put(at, c->in[k].texts[i]) : at;
		c->out.texts[i] = slice_of(out, len);
	}
}

// NULL where one is.
void
text_join(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice a = c->in[0].texts[i], b = c->in[1].texts[i];
		uint8_t *out = kernel_text(c, i, a.len + b.len);
		if (out == NULL)
			return;
		(void)put(put(out, a), b);
		c->out.texts[i] = slice_of(out, a.len + b.len);
	}
}

static size_t
count_parts(Slice text, Slice part)
{
	size_t count = 0;
	for (size_t at = find_text(text, 0, part); at != SIZE_MAX && part.len > 0;
		 at = find_text(text, at + part.len, part))
		count++;
	return count;
}

void
text_replace(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i], part = c->in[1].texts[i], by = c->in[2].texts[i];
		size_t count = count_parts(text, part), from = 0;
		size_t len = text.len + count * by.len - count * part.len;
		uint8_t *out = kernel_text(c, i, len), *at = out;
		if (out == NULL)
			return;
		for (; count > 0; count--) {
			size_t found = find_text(text, from, part);
			at = put(put(at, slice_of(text.data + from, found - from)), by);
			from = found + part.len;
		}
		(void)put(at, slice_of(text.data + from, text.len - from));
		c->out.texts[i] = slice_of(out, len);
	}
}

static void
change_case(Call *c, bool upper)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i];
		uint8_t *out = kernel_text(c, i, 2 * text.len);
		if (out == NULL)
			return;
		c->out.texts[i] = slice_of(out, case_change(text, upper, out));
	}
}
void
text_lower(Call *c)
{
	change_case(c, false);
}
void
text_upper(Call *c)
{
	change_case(c, true);
}
