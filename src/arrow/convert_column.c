// Columns of what clients send as columns of what tables keep. Buffers that need no change are
// shared.

#include <string.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "arrow/convert_int.h"
#include "arrow/owners_int.h"

typedef struct Target {
	const Field *field;
	BytesPool *pool;
	Owners *owners;
	bool saturate; // what is out of range, instead of refusing it
	Error *err;
} Target;

static Status convert(const Target *t, const Field *from, const Column *column, Column *out);

static Status
no_memory(const Target *t)
{
	return error_set(t->err, ST_NO_MEMORY, "no memory for column '%s'", t->field->name);
}

static Status
too_long(const Target *t)
{
	return error_set(
		t->err, ST_INVALID,
		"column '%s': its values are more than the 2 GiB a batch can hold; send smaller "
		"batches",
		t->field->name);
}

static uint8_t *
new_buffer(const Target *t, size_t len, Slice *out)
{
	uint8_t *data = owners_buffer(t->owners, t->pool, len);
	*out = slice_of(data, len);
	return data;
}

static bool
zero_buffer(const Target *t, size_t len, Slice *out)
{
	uint8_t *data = new_buffer(t, len, out);
	if (data != NULL)
		memset(data, 0, len);
	return data != NULL;
}

Status
column_nulls(const Field *field, int64_t rows, BytesPool *pool, Owners *owners, Column *out,
			 Error *err)
{
	Target t = {.field = field, .pool = pool, .owners = owners, .err = err};
	TypeLayout layout = type_layout(&field->type);
	Column c = {.length = rows, .null_count = rows, .child_count = field->child_count};
	if (layout.validity && rows > 0 && !zero_buffer(&t, bits_bytes(rows), &c.validity))
		return no_memory(&t);
	if (layout.offset_bytes > 0 &&
		!zero_buffer(&t, (size_t)(rows + 1) * layout.offset_bytes, &c.offsets))
		return no_memory(&t);
	if (layout.values && values_bytes(&layout, rows) > INT32_MAX)
		return too_long(&t);
	if (layout.values && !zero_buffer(&t, values_bytes(&layout, rows), &c.values))
		return no_memory(&t);
	if (c.child_count > 0 &&
		(c.children = owners_array(owners, (size_t)c.child_count, sizeof(Column))) == NULL)
		return no_memory(&t);

	int64_t items = layout.offset_bytes > 0 ? 0 : rows;
	if (field->type.id == TYPE_FIXED_LIST &&
		(__builtin_mul_overflow(rows, (int64_t)field->type.width, &items) || items > UINT32_MAX))
		return too_long(&t);
	for (int32_t i = 0; i < c.child_count; i++)
		TRY(column_nulls(&field->children[i], items, pool, owners, &c.children[i], err));
	*out = c;
	return ST_OK;
}

static Status
bad_row(const Target *t, int64_t row, const char *why)
{
	return error_set(t->err, ST_INVALID, "column '%s': row %lld %s", t->field->name, (long long)row,
					 why);
}

static Status
check_scale(const Target *t, const Column *c, int64_t factor)
{
	int64_t most = INT64_MAX / factor;
	const int64_t *values = (const void *)c->values.data;
	for (int64_t i = 0; i < c->length; i++) {
		if ((values[i] > most || values[i] < -most) && column_valid(c, i))
			return bad_row(t, i, "is out of range in the time unit of the table");
	}
	return ST_OK;
}

static Status
check_dates(const Target *t, const Column *c)
{
	const int64_t *values = (const void *)c->values.data;
	for (int64_t i = 0; i < c->length; i++) {
		int64_t day = day_of_ms(values[i]);
		if ((day > INT32_MAX || day < INT32_MIN) && column_valid(c, i))
			return bad_row(t, i, "is no day that date32 can name");
	}
	return ST_OK;
}

static Status
check_intervals(const Target *t, const Column *c)
{
	const MonthDayNano *values = (const void *)c->values.data;
	for (int64_t i = 0; i < c->length; i++) {
		if (values[i].nanos % 1000 != 0 && column_valid(c, i))
			return bad_row(t, i, "is an interval with a part of a microsecond");
	}
	return ST_OK;
}

// What widening would have to bend.
static Status
check_range(const Target *t, const Type *from, const Column *c)
{
	const Type *to = &t->field->type;
	switch (from->id) {
	case TYPE_DATE64: return to->id == TYPE_DATE32 ? check_dates(t, c) : ST_OK;
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION:
		return from->unit < to->unit ? check_scale(t, c, unit_factor(from->unit, to->unit)) : ST_OK;
	case TYPE_INTERVAL_MONTH_DAY_NANO: return check_intervals(t, c);
	default: return ST_OK;
	}
}

// Values that lie alike in both types.
static bool
same_values(const Type *from, const Type *to)
{
	return from->id == to->id && (from->unit == to->unit || !type_has_unit(from->id));
}

static Status
convert_fixed(const Target *t, const Type *from, const Column *c, Column *out)
{
	if (!t->saturate)
		TRY(check_range(t, from, c));
	if (same_values(from, &t->field->type))
		return ST_OK;
	TypeLayout layout = type_layout(&t->field->type);
	uint8_t *values = new_buffer(t, values_bytes(&layout, c->length), &out->values);
	if (values == NULL)
		return no_memory(t);
	values_widen(from, &t->field->type, c->values.data, c->length, values);
	return ST_OK;
}

static int32_t *
new_offsets(const Target *t, Column *out)
{
	return (void *)new_buffer(t, (size_t)(out->length + 1) * sizeof(int32_t), &out->offsets);
}

// int64 offsets as int32, less `base`.
static Status
narrow_offsets(const Target *t, const Column *c, int64_t base, Column *out)
{
	const int64_t *in = (const void *)c->offsets.data;
	if (in[c->length] - base > INT32_MAX)
		return too_long(t);
	int32_t *offsets = new_offsets(t, out);
	if (offsets == NULL)
		return no_memory(t);
	for (int64_t i = 0; i <= c->length; i++)
		offsets[i] = (int32_t)(in[i] - base);
	return ST_OK;
}

static Status
convert_large_bytes(const Target *t, const Column *c, Column *out)
{
	int64_t begin = column_offset(c, 8, 0);
	out->values =
		slice_of(c->values.data + begin, (size_t)(column_offset(c, 8, c->length) - begin));
	return narrow_offsets(t, c, begin, out);
}

static Status
convert_fixed_bytes(const Target *t, const Type *from, const Column *c, Column *out)
{
	int64_t end;
	if (__builtin_mul_overflow(c->length, (int64_t)from->width, &end) || end > INT32_MAX)
		return too_long(t);
	int32_t *offsets = new_offsets(t, out);
	if (offsets == NULL)
		return no_memory(t);
	for (int64_t i = 0; i <= c->length; i++)
		offsets[i] = (int32_t)(i * from->width);
	out->values = slice_of(c->values.data, (size_t)end);
	return ST_OK;
}

static Status
convert_views(const Target *t, const Column *c, Column *out)
{
	int32_t *offsets = new_offsets(t, out);
	if (offsets == NULL)
		return no_memory(t);
	int64_t end = 0;
	for (int64_t i = 0; i < c->length; i++) {
		offsets[i] = (int32_t)end;
		end += column_valid(c, i) ? column_view(c, i).len : 0;
		if (end > INT32_MAX)
			return too_long(t);
	}
	offsets[c->length] = (int32_t)end;

	uint8_t *values = new_buffer(t, (size_t)end, &out->values);
	if (values == NULL)
		return no_memory(t);
	for (int64_t i = 0; i < c->length; i++) {
		size_t len = (size_t)(offsets[i + 1] - offsets[i]);
		View view = column_view(c, i);
		if (len > sizeof(view.inlined))
			memcpy(values + offsets[i], c->variadic[view.buffer].data + view.offset, len);
		else
			memcpy(values + offsets[i], view.inlined, len);
	}
	out->variadic = NULL;
	out->variadic_count = 0;
	return ST_OK;
}

static Status
convert_bytes(const Target *t, const Type *from, const Column *c, Column *out)
{
	switch (from->id) {
	case TYPE_LARGE_UTF8:
	case TYPE_LARGE_BINARY: return convert_large_bytes(t, c, out);
	case TYPE_UTF8_VIEW:
	case TYPE_BINARY_VIEW: return convert_views(t, c, out);
	case TYPE_FIXED_BINARY: return convert_fixed_bytes(t, from, c, out);
	default: return ST_OK;
	}
}

static Status
convert_children(const Target *t, const Field *from, const Column *c, Column *out)
{
	if (c->child_count == 0)
		return ST_OK;
	out->children = owners_array(t->owners, (size_t)c->child_count, sizeof(Column));
	if (out->children == NULL)
		return no_memory(t);
	for (int32_t i = 0; i < c->child_count; i++) {
		Target child = *t;
		child.field = &t->field->children[i];
		Status st = convert(&child, &from->children[i], &c->children[i], &out->children[i]);
		if (st != ST_OK) {
			(void)error_prefix(t->err, "in column '%s'", t->field->name);
			return st;
		}
	}
	return ST_OK;
}

static Status
not_widening(const Target *t, const Field *from)
{
	SCOPED(buf_close) Buf was = BUF_INIT;
	SCOPED(buf_close) Buf wanted = BUF_INIT;
	field_type_name(from, &was);
	field_type_name(t->field, &wanted);
	return error_set(t->err, ST_INVALID, "column '%s': %s does not fit %s", t->field->name,
					 buf_text(&was), buf_text(&wanted));
}

static Status
convert(const Target *t, const Field *from, const Column *column, Column *out)
{
	if (from->type.id == TYPE_NULL)
		return column_nulls(t->field, column->length, t->pool, t->owners, out, t->err);
	if (!field_widens(from, t->field))
		return not_widening(t, from);
	Column c = *column;
	switch (t->field->type.id) {
	case TYPE_UTF8:
	case TYPE_BINARY: TRY(convert_bytes(t, &from->type, column, &c)); break;
	case TYPE_LIST:
		if (from->type.id == TYPE_LARGE_LIST)
			TRY(narrow_offsets(t, column, 0, &c));
		TRY(convert_children(t, from, column, &c));
		break;
	case TYPE_FIXED_LIST:
	case TYPE_STRUCT:
	case TYPE_MAP: TRY(convert_children(t, from, column, &c)); break;
	default: TRY(convert_fixed(t, &from->type, column, &c)); break;
	}
	*out = c;
	return ST_OK;
}

Status
column_convert(const Field *from, const Column *column, const Field *to, BytesPool *pool,
			   Owners *owners, Column *out, Error *err)
{
	Target t = {.field = to, .pool = pool, .owners = owners, .err = err};
	return convert(&t, from, column, out);
}

Status
column_widen(const Field *from, const Column *column, const Field *to, BytesPool *pool,
			 Owners *owners, Column *out, Error *err)
{
	Target t = {.field = to, .pool = pool, .owners = owners, .saturate = true, .err = err};
	return convert(&t, from, column, out);
}
