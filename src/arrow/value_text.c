#include "arrow/value_text.h"

#include <string.h>

#include "arrow/column_int.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timeval.h"

typedef unsigned __int128 Wide;

enum { SCALAR_TEXT = 64 }; // room for any value of fixed width, quotes and all

#define ISO_SECOND 1000000000

// ---- values as they lie ----

static int64_t
int_at(const Column *c, int bytes, int64_t row)
{
	const uint8_t *at = c->values.data + row * bytes;
	int8_t v1;
	int16_t v2;
	int32_t v4;
	int64_t v8;
	switch (bytes) {
	case 1: memcpy(&v1, at, 1); return v1;
	case 2: memcpy(&v2, at, 2); return v2;
	case 4: memcpy(&v4, at, 4); return v4;
	default: memcpy(&v8, at, 8); return v8;
	}
}

static uint64_t
uint_at(const Column *c, int bytes, int64_t row)
{
	uint64_t v = 0;
	memcpy(&v, c->values.data + row * bytes, (size_t)bytes); // little-endian
	return v;
}

static float
half_at(const Column *c, int64_t row)
{
	uint32_t half = (uint32_t)uint_at(c, 2, row);
	int exponent = (int)(half >> 10 & 31);
	uint32_t fraction = half & 1023;
	float value;
	if (exponent == 0) { // zero, or below the normal ones
		value = (float)fraction / 16777216.0F;
		return half >> 15 != 0 ? -value : value;
	}
	uint32_t wide_exponent = exponent == 31 ? 255 : (uint32_t)exponent + 112;
	uint32_t bits = (half & 0x8000) << 16 | wide_exponent << 23 | fraction << 13;
	memcpy(&value, &bits, sizeof(value));
	return value;
}

Slice
value_bytes(const Field *field, const Column *column, int64_t row)
{
	TypeLayout layout = type_layout(&field->type);
	if (type_is_view(field->type.id)) {
		View view = column_view(column, row);
		return view.len <= 12
				   ? slice_of(column->values.data + 16 * row + 4, (size_t)view.len)
				   : slice_of(column->variadic[view.buffer].data + view.offset, (size_t)view.len);
	}
	if (layout.offset_bytes == 0) {
		size_t width = (size_t)layout.value_bits / 8;
		return slice_of(column->values.data + (size_t)row * width, width);
	}
	int64_t from = column_offset(column, layout.offset_bytes, row);
	int64_t to = column_offset(column, layout.offset_bytes, row + 1);
	if (from == to)
		return slice_of("", 0); // perhaps there are no bytes at all
	return slice_of(column->values.data + from, (size_t)(to - from));
}

// ---- scalars of fixed width: each writes its text and returns its end ----

static char *
put_text(char *out, const char *text)
{
	size_t len = strlen(text);
	memcpy(out, text, len);
	return out + len;
}

static char *
put_decimal(char *out, const Type *type, const Column *c, int64_t row)
{
	Wide v;
	memcpy(&v, c->values.data + 16 * row, sizeof(v));
	if (v >> 127 != 0) {
		*out++ = '-';
		v = -v;
	}
	char digits[40];
	int count = 0, scale = type->scale;
	for (; v > 0 || count == 0 || count <= scale; v /= 10) // a digit before the point at least
		digits[count++] = (char)('0' + (int)(v % 10));
	while (count > 0) {
		*out++ = digits[--count];
		if (count == scale && scale > 0)
			*out++ = '.';
	}
	if (scale < 0 && out[-1] != '0') {
		*out++ = 'e';
		*out++ = '+';
		out += number_write_int(-(int64_t)scale, out);
	}
	return out;
}

// Seconds with what fraction they have, without zeros at its end.
static char *
put_seconds(char *out, uint64_t seconds, uint64_t ns)
{
	out += number_write_uint(seconds, out);
	if (ns == 0)
		return out;
	*out++ = '.';
	for (uint64_t digit = ISO_SECOND / 10; ns > 0; digit /= 10) {
		*out++ = (char)('0' + ns / digit);
		ns %= digit;
	}
	return out;
}

static char *
put_part(char *out, int64_t value, char letter)
{
	if (value == 0)
		return out;
	out += number_write_int(value, out);
	*out++ = letter;
	return out;
}

// PT26H3M4.5S: days are none, for they are not always of 24 hours.
static char *
put_duration(char *out, int64_t value, int64_t per_second)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	uint64_t seconds = size / (uint64_t)per_second;
	uint64_t ns = size % (uint64_t)per_second * (uint64_t)(ISO_SECOND / per_second);
	if (value < 0)
		*out++ = '-';
	out = put_text(out, "PT");
	out = put_part(out, (int64_t)(seconds / 3600), 'H');
	out = put_part(out, (int64_t)(seconds / 60 % 60), 'M');
	if (seconds % 60 > 0 || ns > 0 || size == 0) {
		out = put_seconds(out, seconds % 60, ns);
		*out++ = 'S';
	}
	return out;
}

// P1M2DT3.5S; each part has its own sign.
static char *
put_interval(char *out, int32_t months, int32_t days, int64_t ns)
{
	*out++ = 'P';
	out = put_part(out, months, 'M');
	out = put_part(out, days, 'D');
	if (ns != 0 || (months == 0 && days == 0)) {
		*out++ = 'T';
		if (ns < 0)
			*out++ = '-';
		uint64_t size = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;
		out = put_seconds(out, size / ISO_SECOND, size % ISO_SECOND);
		*out++ = 'S';
	}
	return out;
}

static char *
put_any_interval(char *out, TypeId id, const Column *c, int64_t row)
{
	const uint8_t *at = c->values.data;
	int32_t months = 0, days, milliseconds;
	int64_t ns;
	switch (id) {
	case TYPE_INTERVAL_MONTHS: return put_interval(out, (int32_t)int_at(c, 4, row), 0, 0);
	case TYPE_INTERVAL_DAY_TIME:
		memcpy(&days, at + 8 * row, 4);
		memcpy(&milliseconds, at + 8 * row + 4, 4);
		ns = (int64_t)milliseconds * 1000000;
		break;
	default:
		memcpy(&months, at + 16 * row, 4);
		memcpy(&days, at + 16 * row + 4, 4);
		memcpy(&ns, at + 16 * row + 8, 8);
		break;
	}
	return put_interval(out, months, days, ns);
}

static int64_t
per_second(const Type *type)
{
	return ISO_SECOND / time_unit_ns(type->unit);
}

static int64_t
day_of_ms(int64_t ms)
{
	return ms / 86400000 - (ms % 86400000 < 0);
}

// A dispatch table: how a value of each type of fixed width is written.
static char *
put_scalar(char *out, const Type *type, const Column *c, int64_t row)
{
	switch (type->id) {
	case TYPE_BOOL: return put_text(out, bit_get(c->values.data, row) ? "true" : "false");
	case TYPE_INT8: return out + number_write_int(int_at(c, 1, row), out);
	case TYPE_INT16: return out + number_write_int(int_at(c, 2, row), out);
	case TYPE_INT32: return out + number_write_int(int_at(c, 4, row), out);
	case TYPE_INT64: return out + number_write_int(int_at(c, 8, row), out);
	case TYPE_UINT8: return out + number_write_uint(uint_at(c, 1, row), out);
	case TYPE_UINT16: return out + number_write_uint(uint_at(c, 2, row), out);
	case TYPE_UINT32: return out + number_write_uint(uint_at(c, 4, row), out);
	case TYPE_UINT64: return out + number_write_uint(uint_at(c, 8, row), out);
	case TYPE_FLOAT16: return out + number_write_float(half_at(c, row), out);
	case TYPE_FLOAT32: {
		float v;
		memcpy(&v, c->values.data + 4 * row, sizeof(v));
		return out + number_write_float(v, out);
	}
	case TYPE_FLOAT64: {
		double v;
		memcpy(&v, c->values.data + 8 * row, sizeof(v));
		return out + number_write_double(v, out);
	}
	case TYPE_DECIMAL128: return put_decimal(out, type, c, row);
	case TYPE_DATE32: return out + time_write_date(int_at(c, 4, row), out);
	case TYPE_DATE64: return out + time_write_date(day_of_ms(int_at(c, 8, row)), out);
	case TYPE_TIME32: return out + time_write_clock(int_at(c, 4, row), per_second(type), out);
	case TYPE_TIME64: return out + time_write_clock(int_at(c, 8, row), per_second(type), out);
	case TYPE_TIMESTAMP:
		return out + time_write(int_at(c, 8, row), per_second(type), type->zone != NULL, out);
	case TYPE_DURATION: return put_duration(out, int_at(c, 8, row), per_second(type));
	default: return put_any_interval(out, type->id, c, row);
	}
}

// ---- any value ----

typedef enum Shape {
	SHAPE_NUMBER, // JSON takes it as it is
	SHAPE_WORD,   // plain text that needs no escape
	SHAPE_TEXT,
	SHAPE_BINARY,
	SHAPE_LIST,
	SHAPE_STRUCT,
} Shape;

static Shape
shape_of(TypeId id)
{
	switch (id) {
	case TYPE_UTF8:
	case TYPE_LARGE_UTF8:
	case TYPE_UTF8_VIEW: return SHAPE_TEXT;
	case TYPE_BINARY:
	case TYPE_LARGE_BINARY:
	case TYPE_BINARY_VIEW:
	case TYPE_FIXED_BINARY: return SHAPE_BINARY;
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_FIXED_LIST:
	case TYPE_MAP: return SHAPE_LIST;
	case TYPE_STRUCT: return SHAPE_STRUCT;
	default: return id <= TYPE_FLOAT64 ? SHAPE_NUMBER : SHAPE_WORD;
	}
}

static void
add_scalar(const Type *type, const Column *column, int64_t row, bool quoted, Buf *out)
{
	if (!buf_reserve(out, SCALAR_TEXT))
		return;
	char *from = (char *)out->data + out->len;
	*from = '"';
	char *end = put_scalar(from + quoted, type, column, row);
	if (quoted)
		*end++ = '"';
	out->len += (size_t)(end - from);
}

// A double that is no number is text to JSON.
static void
add_number(const Type *type, const Column *column, int64_t row, Buf *out)
{
	size_t from = out->len;
	add_scalar(type, column, row, false, out);
	if (out->failed || (out->data[out->len - 1] != 'N' && out->data[out->len - 1] != 'y'))
		return;
	out->len = from;
	add_scalar(type, column, row, true, out);
}

static void
add_list(const Field *field, const Column *column, int64_t row, Buf *out)
{
	int64_t from = row * field->type.width, to = from + field->type.width;
	uint8_t offset_bytes = type_layout(&field->type).offset_bytes;
	if (offset_bytes > 0) {
		from = column_offset(column, offset_bytes, row);
		to = column_offset(column, offset_bytes, row + 1);
	}
	bool map = field->type.id == TYPE_MAP;
	const Field *item = &field->children[0];
	const Column *items = &column->children[0];
	buf_add_byte(out, '[');
	for (int64_t i = from; i < to; i++) {
		if (i > from)
			buf_add_byte(out, ',');
		if (!map) {
			value_json_add(item, items, i, out);
			continue;
		}
		buf_add_byte(out, '[');
		value_json_add(&item->children[0], &items->children[0], i, out);
		buf_add_byte(out, ',');
		value_json_add(&item->children[1], &items->children[1], i, out);
		buf_add_byte(out, ']');
	}
	buf_add_byte(out, ']');
}

static void
add_struct(const Field *field, const Column *column, int64_t row, Buf *out)
{
	buf_add_byte(out, '{');
	for (int32_t i = 0; i < field->child_count; i++) {
		if (i > 0)
			buf_add_byte(out, ',');
		text_json_string(out, slice_text(field->children[i].name));
		buf_add_byte(out, ':');
		value_json_add(&field->children[i], &column->children[i], row, out);
	}
	buf_add_byte(out, '}');
}

void
value_text_add(const Field *field, const Column *column, int64_t row, Buf *out)
{
	if (field->type.id == TYPE_NULL || !column_valid(column, row))
		return;
	switch (shape_of(field->type.id)) {
	case SHAPE_NUMBER:
	case SHAPE_WORD: add_scalar(&field->type, column, row, false, out); break;
	case SHAPE_TEXT: buf_add_slice(out, value_bytes(field, column, row)); break;
	case SHAPE_BINARY: text_base64(out, value_bytes(field, column, row)); break;
	case SHAPE_LIST: add_list(field, column, row, out); break;
	case SHAPE_STRUCT: add_struct(field, column, row, out); break;
	}
}

void
value_json_add(const Field *field, const Column *column, int64_t row, Buf *out)
{
	if (field->type.id == TYPE_NULL || !column_valid(column, row)) {
		buf_add(out, "null", 4);
		return;
	}
	switch (shape_of(field->type.id)) {
	case SHAPE_NUMBER: add_number(&field->type, column, row, out); break;
	case SHAPE_WORD: add_scalar(&field->type, column, row, true, out); break;
	case SHAPE_TEXT: text_json_string(out, value_bytes(field, column, row)); break;
	case SHAPE_BINARY:
		buf_add_byte(out, '"');
		text_base64(out, value_bytes(field, column, row));
		buf_add_byte(out, '"');
		break;
	case SHAPE_LIST: add_list(field, column, row, out); break;
	case SHAPE_STRUCT: add_struct(field, column, row, out); break;
	}
}
