#include "net/metadata_int.h"

#include <nghttp2/nghttp2.h>
#include <string.h>

#include "base/text.h"

enum { LENGTHS = 2 * sizeof(uint16_t), MESSAGE_MAX = 1024, TIMEOUT_DIGITS_MAX = 8 };

void
headers_close(HeaderList *list)
{
	buf_close(&list->text);
	list->count = 0;
}

void
headers_add(HeaderList *list, Slice name, Slice value)
{
	if (name.len > HEADER_FIELD_MAX || value.len > HEADER_FIELD_MAX)
		return;
	if (!buf_reserve(&list->text, LENGTHS + name.len + value.len))
		return;
	buf_add_u16(&list->text, (uint16_t)name.len);
	buf_add_u16(&list->text, (uint16_t)value.len);
	buf_add_slice(&list->text, name);
	buf_add_slice(&list->text, value);
	list->count++;
}

static size_t
length_at(const uint8_t *data)
{
	return (size_t)data[0] | (size_t)data[1] << 8;
}

bool
headers_next(const HeaderList *list, size_t *pos, Slice *name, Slice *value)
{
	if (*pos >= list->text.len)
		return false;
	const uint8_t *at = list->text.data + *pos;
	*name = slice_of(at + LENGTHS, length_at(at));
	*value = slice_of(at + LENGTHS + name->len, length_at(at + sizeof(uint16_t)));
	*pos += LENGTHS + name->len + value->len;
	return true;
}

bool
headers_find(const HeaderList *list, const char *name, size_t i, Slice *value)
{
	Slice found_name;
	Slice found;
	for (size_t pos = 0; headers_next(list, &pos, &found_name, &found);) {
		if (slice_is(found_name, name) && i-- == 0) {
			*value = found;
			return true;
		}
	}
	return false;
}

bool
metadata_is_binary(Slice name)
{
	return name.len > 4 && memcmp(name.data + name.len - 4, "-bin", 4) == 0;
}

bool
metadata_add_received(HeaderList *list, Slice name, Slice value)
{
	if (!metadata_is_binary(name)) {
		headers_add(list, name, value);
		return true;
	}
	SCOPED(buf_close) Buf raw = BUF_INIT;
	for (size_t from = 0; from <= value.len;) {
		const uint8_t *comma = memchr(value.data + from, ',', value.len - from);
		size_t to = comma == NULL ? value.len : (size_t)(comma - value.data);
		buf_reset(&raw);
		Status st = text_unbase64(slice_of(value.data + from, to - from), &raw, NULL);
		if (st != ST_OK && st != ST_NO_MEMORY)
			return false;
		if (st != ST_OK || raw.failed)
			list->text.failed = true;
		headers_add(list, name, buf_slice(&raw));
		from = to + 1;
	}
	return true;
}

static bool
carried_by_http(Slice name, Slice value)
{
	return name.len <= HEADER_FIELD_MAX && value.len <= HEADER_FIELD_MAX &&
		   nghttp2_check_header_name(name.data, name.len) &&
		   nghttp2_check_header_value_rfc9113(value.data, value.len);
}

bool
metadata_add_sent(HeaderList *list, Slice name, Slice value)
{
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	if (metadata_is_binary(name)) {
		text_base64(&encoded, value);
		while (encoded.len > 0 && encoded.data[encoded.len - 1] == '=')
			encoded.len--;
		if (encoded.failed)
			list->text.failed = true;
		value = buf_slice(&encoded);
	}
	if (!carried_by_http(name, value))
		return false;
	headers_add(list, name, value);
	return true;
}

bool
metadata_is_grpc(Slice content_type)
{
	static const char grpc[] = "application/grpc";
	size_t len = sizeof(grpc) - 1;
	if (content_type.len < len ||
		!text_equal_fold(slice_of(content_type.data, len), slice_of(grpc, len)))
		return false;
	return content_type.len == len || content_type.data[len] == '+' ||
		   content_type.data[len] == ';';
}

static int64_t
nanoseconds_in(uint8_t unit)
{
	switch (unit) {
	case 'H': return INT64_C(3600000000000);
	case 'M': return INT64_C(60000000000);
	case 'S': return INT64_C(1000000000);
	case 'm': return 1000000;
	case 'u': return 1000;
	case 'n': return 1;
	default: return 0;
	}
}

bool
metadata_parse_timeout(Slice text, int64_t *out_ns)
{
	if (text.len < 2 || text.len > TIMEOUT_DIGITS_MAX + 1)
		return false;
	int64_t unit_ns = nanoseconds_in(text.data[text.len - 1]);
	int64_t value = 0;
	for (size_t i = 0; i + 1 < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		value = value * 10 + (text.data[i] - '0');
	}
	if (unit_ns == 0)
		return false;
	if (__builtin_mul_overflow(value, unit_ns, out_ns))
		*out_ns = INT64_MAX;
	return true;
}

// Not inside a character: continuation bytes go with what they continue.
static size_t
cut_length(const char *text)
{
	size_t len = strnlen(text, MESSAGE_MAX + 1);
	if (len <= MESSAGE_MAX)
		return len;
	len = MESSAGE_MAX;
	while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80)
		len--;
	return len;
}

void
metadata_add_message(Buf *out, const char *text)
{
	text_percent_encode(out, slice_of(text, cut_length(text)), "!\"#$&'()*+,-./:;<=>?@[\\]^_`{|}~");
}
