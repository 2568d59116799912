#include "expr/case_int.h"

#include <string.h>

static uint32_t
decode(Slice text, size_t *at)
{
	uint8_t first = text.data[*at];
	size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	uint32_t code = more == 3 ? first & 7 : more == 2 ? first & 15 : more == 1 ? first & 31 : first;
	++*at;
	for (; more > 0 && *at < text.len; more--)
		code = code << 6 | (text.data[(*at)++] & 63);
	return code;
}

static size_t
encode(uint32_t code, uint8_t *out)
{
	if (code < 0x80) {
		out[0] = (uint8_t)code;
		return 1;
	}
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (uint8_t)(0x80 | (code & 63));
		code >>= 6;
	}
	out[0] = (uint8_t)((0xf00U >> len & 0xff) | code);
	return len;
}

static uint32_t
changed(uint32_t code, const CaseRange *ranges, size_t count)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (ranges[middle].first <= code)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return code;
	const CaseRange *r = &ranges[low - 1];
	uint32_t off = code - r->first;
	bool in = off % r->step == 0 && off / r->step < r->count;
	return in ? (uint32_t)((int64_t)code + r->add) : code;
}

size_t
case_change(Slice text, bool upper, uint8_t *out)
{
	uint8_t from = upper ? 'a' : 'A';
	size_t len = 0;
	for (size_t at = 0; at < text.len;) {
		uint8_t byte = text.data[at];
		if (byte < 0x80) {
			out[len++] = (uint8_t)(byte - from) < 26 ? byte ^ 0x20 : byte;
			at++;
			continue;
		}
		uint32_t code = decode(text, &at);
		code = upper ? changed(code, case_upper, case_upper_count)
					 : changed(code, case_lower, case_lower_count);
		len += encode(code, out + len);
	}
	return len;
}
