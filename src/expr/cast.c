// cast.c - which cast there is; those from and to text, and of times.

#include <stdio.h>
#include <string.h>

#include "expr/calendar_int.h"
#include "expr/kernel_int.h"
#include "expr/number_text_int.h"

// ---- from text ----

static void
unreadable(Call *c, int64_t i)
{
	char type[TYPE_TEXT];
	Slice text = c->in[0].texts[i];
	kernel_fail(c, i, "'%.*s' cannot be cast to %s", (int)(text.len < 80 ? text.len : 80),
				(const char *)text.data, type_text(c->node->type, type));
}

#define FROM_TEXT(name, read)                                                                      \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			Slice text = c->in[0].texts[i];                                                        \
			if (!(read))                                                                           \
				unreadable(c, i);                                                                  \
		}                                                                                          \
	}
FROM_TEXT(text_to_bool, read_truth(text, &c->out.bools[i]))
FROM_TEXT(text_to_float, read_float(text, &c->out.floats[i]))
FROM_TEXT(text_to_double, read_double(text, &c->out.doubles[i]))
FROM_TEXT(text_to_decimal, read_decimal(text, c->node->type, &c->out.wides[i]))
FROM_TEXT(text_to_wide, read_whole(text, c->node->type, &c->out.wides[i]))
FROM_TEXT(text_to_date, read_date(text, &c->out.ints[i]))
FROM_TEXT(text_to_stamp, read_stamp(text, c->node->type.kind, &c->out.ints[i]))
FROM_TEXT(text_to_span, read_span(text, &c->out.spans[i]))

static void
text_to_int(Call *c)
{
	EACH_ROW(c, i)
	{
		Wide value;
		if (read_whole(c->in[0].texts[i], c->node->type, &value))
			c->out.ints[i] = (int64_t)value;
		else
			unreadable(c, i);
	}
}

static int
hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9'   ? c - '0'
		   : c >= 'a' && c <= 'f' ? c - 'a' + 10
		   : c >= 'A' && c <= 'F' ? c - 'A' + 10
								  : -1;
}

// Bytes of ASCII as they are, others as \xAB. False: it is written otherwise.
static bool
read_blob(Slice text, uint8_t *out, size_t *len)
{
	*len = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] >= 0x80)
			return false;
		if (text.data[i] != '\\') {
			out[(*len)++] = text.data[i];
			continue;
		}
		if (i + 3 >= text.len || text.data[i + 1] != 'x' || hex_digit(text.data[i + 2]) < 0 ||
			hex_digit(text.data[i + 3]) < 0)
			return false;
		out[(*len)++] = (uint8_t)(hex_digit(text.data[i + 2]) * 16 + hex_digit(text.data[i + 3]));
		i += 3;
	}
	return true;
}

static void
text_to_blob(Call *c)
{
	EACH_ROW(c, i)
	{
		Slice text = c->in[0].texts[i];
		size_t len;
		uint8_t *out = kernel_text(c, i, text.len);
		if (out == NULL)
			return;
		if (read_blob(text, out, &len))
			c->out.texts[i] = slice_of(out, len);
		else
			unreadable(c, i);
	}
}

Kernel
cast_read_kernel(ExprType to)
{
	switch ((Kind)to.kind) {
	case KIND_BOOL: return text_to_bool;
	case KIND_FLOAT: return text_to_float;
	case KIND_DOUBLE: return text_to_double;
	case KIND_DECIMAL: return text_to_decimal;
	case KIND_HUGE:
	case KIND_UINT64: return text_to_wide;
	case KIND_BLOB: return text_to_blob;
	case KIND_DATE: return text_to_date;
	case KIND_SPAN: return text_to_span;
	case KIND_NULL:
	case KIND_OTHER:
	case KIND_TEXT:
	case KIND_COUNT: return NULL;
	default: return kind_in(to.kind, KINDS_INTEGER) ? text_to_int : text_to_stamp;
	}
}

// ---- to text ----

static size_t
write_value(const Vec *v, ExprType type, int64_t i, char out[TIME_TEXT])
{
	switch ((Kind)type.kind) {
	case KIND_BOOL: return (size_t)snprintf(out, TIME_TEXT, "%s", v->bools[i] ? "true" : "false");
	case KIND_FLOAT: return write_float(v->floats[i], out);
	case KIND_DOUBLE: return write_double(v->doubles[i], out);
	case KIND_DECIMAL:
	case KIND_HUGE:
	case KIND_UINT64: return write_wide(v->wides[i], type.scale, out);
	case KIND_DATE: return write_date(v->ints[i], out);
	case KIND_SPAN: return write_span(v->spans[i], out);
	default:
		if (kind_in(type.kind, KINDS_INTEGER))
			return write_wide(v->ints[i], 0, out);
		return write_stamp(v->ints[i], type.kind, out);
	}
}

static void
value_to_text(Call *c)
{
	ExprType type = c->node->children[0]->type;
	EACH_ROW(c, i)
	{
		char text[TIME_TEXT];
		size_t len = write_value(&c->in[0], type, i, text);
		// There is no digit before the point where the type has none.
		bool bare = type.kind == KIND_DECIMAL && type.width == type.scale;
		size_t zero = bare ? (text[0] == '-' ? 1 : 0) : len;
		if (bare && text[zero] == '0')
			memmove(text + zero, text + zero + 1, --len - zero);
		uint8_t *out = kernel_text(c, i, len);
		if (out == NULL)
			return;
		memcpy(out, text, len);
		c->out.texts[i] = slice_of(out, len);
	}
}

static bool
prints_as_is(uint8_t byte)
{
	return byte >= 32 && byte <= 126 && byte != '\\' && byte != '\'' && byte != '"';
}

static void
blob_to_text(Call *c)
{
	static const char digits[] = "0123456789ABCDEF";
	EACH_ROW(c, i)
	{
		Slice blob = c->in[0].texts[i];
		size_t len = 0;
		uint8_t *out = kernel_text(c, i, 4 * blob.len);
		if (out == NULL)
			return;
		for (size_t k = 0; k < blob.len; k++) {
			if (prints_as_is(blob.data[k])) {
				out[len++] = blob.data[k];
				continue;
			}
			out[len++] = '\\';
			out[len++] = 'x';
			out[len++] = (uint8_t)digits[blob.data[k] >> 4];
			out[len++] = (uint8_t)digits[blob.data[k] & 15];
		}
		c->out.texts[i] = slice_of(out, len);
	}
}

Kernel
cast_write_kernel(ExprType from)
{
	return from.kind == KIND_BLOB ? blob_to_text : value_to_text;
}

// ---- times ----

static void
out_of_range(Call *c, int64_t i)
{
	char type[TYPE_TEXT];
	kernel_fail(c, i, "the time is out of the range of %s", type_text(c->node->type, type));
}

static void
date_to_stamp(Call *c)
{
	Kind kind = c->node->type.kind;
	EACH_ROW(c, i)
	{
		int64_t days = c->in[0].ints[i], *out = &c->out.ints[i];
		if (!date_finite(days))
			*out = days > 0 ? STAMP_INFINITY : -STAMP_INFINITY;
		else if (!stamp_of(days, 0, out))
			out_of_range(c, i);
		else if (kind == KIND_NANOS && (__builtin_mul_overflow(*out, 1000, out)))
			out_of_range(c, i);
		else if (kind == KIND_SECONDS || kind == KIND_MILLIS)
			*out = *out / (kind == KIND_SECONDS ? 1000000 : 1000);
	}
}

// Nanoseconds are cut to microseconds first, towards zero.
static int64_t
whole_micros(int64_t value, Kind kind)
{
	return kind == KIND_NANOS ? value / 1000 : value;
}

static void
stamp_to_date(Call *c)
{
	Kind kind = c->node->children[0]->type.kind;
	int64_t day = kind == KIND_NANOS ? DAY_MICROS : 86400 * stamp_second(kind);
	EACH_ROW(c, i)
	{
		int64_t value = c->in[0].ints[i];
		if (stamp_finite(value))
			c->out.ints[i] = floor_divide(whole_micros(value, kind), day);
		else
			c->out.ints[i] = value > 0 ? DATE_INFINITY : -(int64_t)DATE_INFINITY;
	}
}

// To a coarser unit it is rounded, but from nanoseconds.
static void
stamp_to_stamp(Call *c)
{
	Kind kind = c->node->children[0]->type.kind;
	int64_t from = stamp_second(kind), to = stamp_second(c->node->type.kind);
	bool zoned = c->node->type.kind == KIND_INSTANT;
	EACH_ROW(c, i)
	{
		int64_t value = c->in[0].ints[i], *out = &c->out.ints[i];
		*out = value;
		if (zoned && from == to && !instant_valid(value))
			out_of_range(c, i);
		if (!stamp_finite(value) || from == to)
			continue;
		if (from > to)
			*out = kind == KIND_NANOS ? value / (from / to) : stamp_round(value, from / to);
		else if (__builtin_mul_overflow(value, to / from, out) || !stamp_finite(*out))
			out_of_range(c, i);
	}
}

// Between coarse and fine units there are not all casts.
static bool
stamp_casts(Kind from, Kind to)
{
	bool coarse = to == KIND_SECONDS || to == KIND_MILLIS;
	return !(from == KIND_NANOS && coarse) && !(from == KIND_MILLIS && to == KIND_SECONDS);
}

Kernel
cast_time_kernel(ExprType from, ExprType to)
{
	const uint32_t stamps = KINDS_STAMP | kind_bit(KIND_INSTANT);
	if (from.kind == KIND_DATE && kind_in(to.kind, stamps))
		return date_to_stamp;
	if (!kind_in(from.kind, stamps))
		return NULL;
	if (to.kind == KIND_DATE)
		return stamp_to_date;
	return kind_in(to.kind, stamps) && stamp_casts(from.kind, to.kind) ? stamp_to_stamp : NULL;
}

// ---- which ----

static void
nothing(Call *c)
{
	memset(c->out.ok, 0, (size_t)c->n);
}

Kernel
cast_kernel(ExprType from, ExprType to)
{
	if (from.kind == KIND_OTHER || to.kind == KIND_OTHER)
		return NULL;
	if (from.kind == KIND_NULL || to.kind == KIND_NULL)
		return from.kind == KIND_NULL ? nothing : NULL;
	if (from.kind == KIND_TEXT)
		return cast_read_kernel(to);
	if (to.kind == KIND_TEXT)
		return cast_write_kernel(from);
	Kernel kernel = cast_number_kernel(from, to);
	return kernel != NULL ? kernel : cast_time_kernel(from, to);
}
