#include "web/value_read.h"

#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "base/timeval.h"

typedef __int128 Wide;

enum { SHOWN = 100 };

#define DAY_NS INT64_C(86400000000000)

static Status
is_none(const ColumnBuilder *c, Slice text, Error *err)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(c->field, &type);
	return error_set(err, ST_INVALID, "\"%.*s\" is no %s", text.len > SHOWN ? SHOWN : (int)text.len,
					 text.len == 0 ? "" : (const char *)text.data, buf_text(&type));
}

static bool
read_signed(ColumnBuilder *c, Slice text)
{
	int64_t value;
	int bits = type_layout(&c->field->type).value_bits;
	if (!number_read_int(text, &value))
		return false;
	if (bits < 64 && (value >= INT64_C(1) << (bits - 1) || value < -(INT64_C(1) << (bits - 1))))
		return false;
	column_add_int(c, value);
	return true;
}

static bool
read_unsigned(ColumnBuilder *c, Slice text)
{
	uint64_t value;
	int bits = type_layout(&c->field->type).value_bits;
	if (!number_read_uint(text, &value) || (bits < 64 && value >> bits != 0))
		return false;
	column_add_uint(c, value);
	return true;
}

static bool
read_real(ColumnBuilder *c, Slice text)
{
	double value;
	if (slice_is(text, "NaN") || slice_is(text, "nan"))
		value = NAN;
	else if (slice_is(text, "Infinity") || slice_is(text, "inf"))
		value = INFINITY;
	else if (slice_is(text, "-Infinity") || slice_is(text, "-inf"))
		value = -INFINITY;
	else if (!number_read_double(text, &value))
		return false;
	column_add_double(c, value);
	return true;
}

static bool
read_truth(ColumnBuilder *c, Slice text)
{
	bool yes = text_equal_fold(text, slice_text("true"));
	if (!yes && !text_equal_fold(text, slice_text("false")))
		return false;
	column_add_bool(c, yes);
	return true;
}

// Nanoseconds of an ISO 8601 time that they reach.
static bool
read_iso(Slice text, int64_t *out)
{
	return time_parse(text, out, NULL) == ST_OK && *out != INT64_MAX && *out != INT64_MIN;
}

static bool
read_timestamp(ColumnBuilder *c, Slice text, LinePrecision precision)
{
	int64_t ns, value;
	if (number_read_int(text, &value) ? !line_time(precision, value, &ns) : !read_iso(text, &ns))
		return false;
	column_add_int(c, time_scale_saturating(ns, 1, time_unit_ns(c->field->type.unit)));
	return true;
}

static bool
read_date(ColumnBuilder *c, Slice text)
{
	int64_t ns;
	if (!read_iso(text, &ns))
		return false;
	column_add_int(c, time_scale_saturating(ns, 1, DAY_NS));
	return true;
}

static bool
read_clock(ColumnBuilder *c, Slice text)
{
	static const char day[] = "1970-01-01T";
	char whole[64];
	int64_t ns;
	size_t before = sizeof(day) - 1;
	if (text.len > sizeof(whole) - before)
		return false;
	memcpy(whole, day, before);
	memcpy(whole + before, text.data, text.len);
	if (!read_iso(slice_of(whole, before + text.len), &ns) || ns < 0 || ns >= DAY_NS)
		return false;
	column_add_int(c, ns / time_unit_ns(c->field->type.unit));
	return true;
}

// Digits with a point, no more behind it than the type has.
static bool
read_decimal(ColumnBuilder *c, Slice text)
{
	Wide value = 0, most = 1;
	int scale = 0, digits = 0;
	bool point = false, negative = text.len > 0 && text.data[0] == '-';
	int allowed = c->field->type.scale < 0 ? 0 : c->field->type.scale;
	for (int i = 0; i < c->field->type.precision; i++)
		most *= 10;
	for (size_t i = negative; i < text.len; i++) {
		uint8_t byte = text.data[i];
		if (byte == '.' && !point) {
			point = true;
			continue;
		}
		if (byte < '0' || byte > '9' || value >= most || (point && scale == allowed))
			return false;
		value = value * 10 + (byte - '0');
		scale += point;
		digits++;
	}
	for (; scale < allowed && value < most; scale++)
		value *= 10;
	if (digits == 0 || value >= most || c->field->type.scale < 0)
		return false;
	value = negative ? -value : value;
	column_add_bytes(c, slice_of(&value, sizeof(value)));
	return true;
}

static bool
read_binary(ColumnBuilder *c, Slice text)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	Status st = text_unbase64(text, &bytes, NULL);
	c->values.failed |= st == ST_NO_MEMORY; // the batch says so at its end
	if (st == ST_OK)
		column_add_bytes(c, buf_slice(&bytes));
	return st == ST_OK || st == ST_NO_MEMORY;
}

static Status
not_built(const ColumnBuilder *c, Error *err)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(c->field, &type);
	return error_set(err, ST_UNIMPLEMENTED,
					 "values of type %s are not read from text yet; send them as an Arrow stream",
					 buf_text(&type));
}

static bool
read_text(ColumnBuilder *c, Slice text)
{
	column_add_bytes(c, text);
	return true;
}

// A dispatch table: how each type is read.
Status
value_read(ColumnBuilder *c, Slice text, LinePrecision precision, Error *err)
{
	bool right;
	switch (c->field->type.id) {
	case TYPE_BOOL: right = read_truth(c, text); break;
	case TYPE_INT8:
	case TYPE_INT16:
	case TYPE_INT32:
	case TYPE_INT64: right = read_signed(c, text); break;
	case TYPE_UINT8:
	case TYPE_UINT16:
	case TYPE_UINT32:
	case TYPE_UINT64: right = read_unsigned(c, text); break;
	case TYPE_FLOAT32:
	case TYPE_FLOAT64: right = read_real(c, text); break;
	case TYPE_DECIMAL128: right = read_decimal(c, text); break;
	case TYPE_UTF8: right = read_text(c, text); break;
	case TYPE_BINARY: right = read_binary(c, text); break;
	case TYPE_DATE32: right = read_date(c, text); break;
	case TYPE_TIME64: right = read_clock(c, text); break;
	case TYPE_TIMESTAMP: right = read_timestamp(c, text, precision); break;
	default: return not_built(c, err);
	}
	return right ? ST_OK : is_none(c, text, err);
}
