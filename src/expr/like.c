// like.c - LIKE: % is any text, _ one character, and the character behind an escape itself.

#include <string.h>

#include "expr/case_int.h"
#include "expr/text_int.h"

typedef struct Pattern {
	Slice text;
	bool escapes;
	uint8_t escape;
} Pattern;

static size_t
character_end(Slice text, size_t at)
{
	at++;
	while (at < text.len && (text.data[at] & 0xc0) == 0x80)
		at++;
	return at;
}

// The greedy walk: on a mismatch the last % takes one character more. False in *sound: the pattern
// ends with its escape.
static bool
matches(Slice text, const Pattern *p, bool *sound)
{
	size_t at = 0, in = 0, star = SIZE_MAX, kept = 0;
	const Slice pattern = p->text;
	for (;;) {
		bool escaped = in < pattern.len && p->escapes && pattern.data[in] == p->escape;
		if (escaped && in + 1 == pattern.len)
			return *sound = false;
		if (!escaped && in < pattern.len && pattern.data[in] == '%') {
			star = ++in;
			kept = at;
			continue;
		}
		if (at == text.len && in == pattern.len)
			return true;
		size_t byte = in + (escaped ? 1 : 0);
		if (at < text.len && in < pattern.len && !escaped && pattern.data[in] == '_') {
			at = character_end(text, at);
			in++;
			continue;
		}
		if (at < text.len && in < pattern.len && pattern.data[byte] == text.data[at]) {
			at++;
			in = byte + 1;
			continue;
		}
		if (star == SIZE_MAX || kept >= text.len)
			return false;
		kept = character_end(text, kept);
		at = kept;
		in = star;
	}
}

static bool
fold(Call *c, int64_t i, Slice *text)
{
	uint8_t *out = kernel_text(c, i, 2 * text->len);
	if (out != NULL)
		*text = slice_of(out, case_change(*text, false, out));
	return out != NULL;
}

// '' is no escape.
static bool
read_escape(Call *c, int64_t i, Pattern *pattern)
{
	Slice escape = c->count > 2 ? c->in[2].texts[i] : slice_of(NULL, 0);
	if (escape.len > 1)
		kernel_fail(c, i, "an escape is one character");
	pattern->escapes = escape.len == 1;
	pattern->escape = pattern->escapes ? escape.data[0] : 0;
	return escape.len <= 1;
}

void
text_matches(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i];
		Pattern pattern = {.text = c->in[1].texts[i]};
		bool sound = true;
		if (!read_escape(c, i, &pattern))
			continue;
		if ((c->node->detail & LIKE_FOLD) && (!fold(c, i, &text) || !fold(c, i, &pattern.text)))
			return;
		bool found = matches(text, &pattern, &sound);
		if (!sound)
			kernel_fail(c, i, "a pattern does not end with its escape");
		else
			c->out.bools[i] = found != ((c->node->detail & LIKE_NOT) != 0);
	}
}
