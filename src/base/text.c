#include "base/text.h"

#include <string.h>

// Length of the valid UTF-8 sequence at p, 0 when there is none. Overlong forms, surrogates and
// what lies above U+10FFFF are invalid: the second byte's range depends on the first.
static size_t
sequence_len(const uint8_t *p, size_t left)
{
	uint8_t lead = p[0];
	if (lead < 0x80)
		return 1;
	size_t len = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
	if (lead < 0xC2 || lead > 0xF4 || left < len)
		return 0;
	uint8_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
	uint8_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	return len;
}

bool
utf8_valid(const uint8_t *data, size_t len)
{
	size_t pos = 0;
	while (pos < len) {
		// Most text is ASCII: eight bytes at a time.
		uint64_t word;
		while (len - pos >= sizeof(word)) {
			memcpy(&word, data + pos, sizeof(word));
			if ((word & 0x8080808080808080) != 0)
				break;
			pos += sizeof(word);
		}
		if (pos == len)
			return true;
		size_t step = sequence_len(data + pos, len - pos);
		if (step == 0)
			return false;
		pos += step;
	}
	return true;
}

static bool
is_alphanumeric(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void
text_percent_encode(Buf *out, Slice src, const char *keep)
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < src.len; i++) {
		uint8_t c = src.data[i];
		bool kept = c > ' ' && c < 0x7F && strchr(keep, c) != NULL;
		if (kept || is_alphanumeric(c)) {
			buf_add_byte(out, c);
			continue;
		}
		char escape[] = {'%', hex[c >> 4], hex[c & 15]};
		buf_add(out, escape, sizeof(escape));
	}
}

void
text_quote(Buf *out, Slice src, char quote)
{
	buf_add_byte(out, (uint8_t)quote);
	for (size_t i = 0; i < src.len; i++) {
		if (src.data[i] == (uint8_t)quote)
			buf_add_byte(out, (uint8_t)quote);
		buf_add_byte(out, src.data[i]);
	}
	buf_add_byte(out, (uint8_t)quote);
}

void
text_hex(Buf *out, Slice src)
{
	static const char hex[] = "0123456789abcdef";
	for (size_t i = 0; i < src.len; i++) {
		buf_add_byte(out, (uint8_t)hex[src.data[i] >> 4]);
		buf_add_byte(out, (uint8_t)hex[src.data[i] & 15]);
	}
}

static int
hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = text_fold(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
text_unhex(Slice src, uint8_t *out, size_t len)
{
	bool whole = src.len == 2 * len;
	for (size_t i = 0; whole && i < len; i++) {
		int high = hex_digit(src.data[2 * i]), low = hex_digit(src.data[2 * i + 1]);
		whole = high >= 0 && low >= 0;
		out[i] = (uint8_t)(high * 16 + low);
	}
	return whole;
}

void
text_base64(Buf *out, Slice src)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < src.len; i += 3) {
		size_t n = src.len - i < 3 ? src.len - i : 3;
		uint32_t v = (uint32_t)src.data[i] << 16;
		v |= n > 1 ? (uint32_t)src.data[i + 1] << 8 : 0;
		v |= n > 2 ? (uint32_t)src.data[i + 2] : 0;
		char group[] = {digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
						n > 2 ? digits[v & 63] : '='};
		buf_add(out, group, sizeof(group));
	}
}

static int
base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

Status
text_unbase64(Slice src, Buf *out, Error *err)
{
	size_t len = src.len;
	if (len % 4 == 0) {
		for (int pad = 0; pad < 2 && len > 0 && src.data[len - 1] == '='; pad++)
			len--;
	}
	if (len % 4 == 1)
		return error_set(err, ST_INVALID, "base64 text of %zu digits is cut short", len);

	SCOPED(buf_close) Buf text = BUF_INIT; // out changes only when all of it is right
	uint32_t v = 0;
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(src.data[i]);
		if (digit < 0)
			return error_set(err, ST_INVALID, "byte %zu of the text is no base64 digit", i);
		v = v << 6 | (uint32_t)digit;
		if (i % 4 != 0)
			buf_add_byte(&text, (uint8_t)(v >> (6 - 2 * (i % 4))));
	}
	TRY(buf_status(&text, err, "base64 text"));
	buf_add_slice(out, buf_slice(&text));
	return buf_status(out, err, "base64 text");
}

// Escapes one byte that cannot stand in a JSON string as it is.
static void
add_json_escape(Buf *out, uint8_t c)
{
	static const char short_forms[] = "\"\"\\\\\bb\ff\nn\rr\tt"; // pairs: byte, letter
	for (size_t i = 0; i + 1 < sizeof(short_forms); i += 2) {
		if (c == (uint8_t)short_forms[i]) {
			buf_add_byte(out, '\\');
			buf_add_byte(out, (uint8_t)short_forms[i + 1]);
			return;
		}
	}
	buf_add_printf(out, "\\u%04x", c);
}

void
text_json_string(Buf *out, Slice src)
{
	buf_add_byte(out, '"');
	size_t plain = 0; // start of the run that needs no change
	size_t pos = 0;
	while (pos < src.len) {
		uint8_t c = src.data[pos];
		size_t step = sequence_len(src.data + pos, src.len - pos);
		if (step > 0 && c >= ' ' && c != '"' && c != '\\') {
			pos += step;
			continue;
		}
		buf_add(out, src.data + plain, pos - plain);
		if (step == 0)
			buf_add_text(out, "\xEF\xBF\xBD"); // U+FFFD
		else
			add_json_escape(out, c);
		plain = ++pos;
	}
	if (pos > plain)
		buf_add(out, src.data + plain, pos - plain);
	buf_add_byte(out, '"');
}

uint8_t
text_fold(uint8_t c)
{
	return (uint8_t)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

bool
text_equal_fold(Slice a, Slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (text_fold(a.data[i]) != text_fold(b.data[i]))
			return false;
	}
	return true;
}

// Bytes of the character at pos; a byte that is no UTF-8 is a character by itself.
static size_t
character_len(Slice text, size_t pos)
{
	size_t len = sequence_len(text.data + pos, text.len - pos);
	return len == 0 ? 1 : len;
}

// Matches one pattern element that is not '%' at text[t]; moves both on when it fits.
static bool
like_one(Slice text, size_t *t, Slice pattern, size_t *p)
{
	size_t at = *p;
	uint8_t c = pattern.data[at];
	if (c == '_') {
		*t += character_len(text, *t);
		*p = at + 1;
		return true;
	}
	if (c == '\\' && at + 1 < pattern.len)
		c = pattern.data[++at];
	if (text.data[*t] != c)
		return false;
	++*t;
	*p = at + 1;
	return true;
}

bool
text_like(Slice text, Slice pattern)
{
	size_t t = 0, p = 0;
	size_t retry_t = 0, retry_p = SIZE_MAX; // behind the last '%': where it may take one more
	while (t < text.len) {
		if (p < pattern.len && pattern.data[p] == '%') {
			retry_p = ++p;
			retry_t = t;
		} else if (p < pattern.len && like_one(text, &t, pattern, &p)) {
			continue;
		} else if (retry_p != SIZE_MAX) {
			// Only the last '%' needs to be tried again: an earlier one can gain nothing.
			retry_t += character_len(text, retry_t);
			t = retry_t;
			p = retry_p;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.data[p] == '%')
		p++;
	return p == pattern.len;
}
