// Whether the buffers of a column are what its type says. The common case, all in order, runs in
// loops without branches; only where one finds a fault is the row looked for.

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "base/text.h"

#define LENGTH_LIMIT (INT64_C(1) << 40) // below, no product of length and width overflows

typedef __int128 Int128;

static const int64_t no_rows[2]; // one offset, and an address for empty buffers

static Status
check_validity(const Field *field, Column *c, Error *err)
{
	if (c->length < 0 || c->length > LENGTH_LIMIT)
		return error_set(err, ST_INVALID, "column '%s': it cannot have %lld rows", field->name,
						 (long long)c->length);
	if (field->type.id == TYPE_NULL) {
		c->validity = slice_of(NULL, 0);
		c->null_count = c->length;
		return ST_OK;
	}
	if (c->validity.data == NULL) {
		c->null_count = 0;
		return ST_OK;
	}
	if (c->validity.len < bits_bytes(c->length))
		return error_set(err, ST_INVALID,
						 "column '%s': the validity buffer has %zu bytes for %lld rows",
						 field->name, c->validity.len, (long long)c->length);
	c->null_count = c->length - bits_count(c->validity.data, c->length);
	return ST_OK;
}

// The first row whose offset is negative or larger than the next one; -1: none. In unsigned
// arithmetic either of them shows in the sign bit, as long as those before were in order.
#define DEFINE_FIRST_FALL(name, T, U)                                                              \
	static int64_t name(const T *offsets, int64_t rows)                                            \
	{                                                                                              \
		enum { BLOCK = 64, SIGN = 8 * sizeof(T) - 1 };                                             \
		int64_t i = 0;                                                                             \
		for (; i + BLOCK <= rows; i += BLOCK) {                                                    \
			U seen = 0;                                                                            \
			for (int j = 0; j < BLOCK; j++)                                                        \
				seen |= (U)offsets[i + j] | ((U)offsets[i + j + 1] - (U)offsets[i + j]);           \
			if (seen >> SIGN != 0)                                                                 \
				break;                                                                             \
		}                                                                                          \
		for (; i < rows; i++) {                                                                    \
			if (offsets[i] < 0 || offsets[i + 1] < offsets[i])                                     \
				return i;                                                                          \
		}                                                                                          \
		return offsets[rows] < 0 ? rows : -1;                                                      \
	}
DEFINE_FIRST_FALL(first_fall_32, int32_t, uint32_t)
DEFINE_FIRST_FALL(first_fall_64, int64_t, uint64_t)

static bool
aligned(Slice buffer, size_t to)
{
	return (uintptr_t)buffer.data % to == 0;
}

// *end is the last offset: what values or items there must be.
static Status
check_offsets(const Field *field, Column *c, uint8_t width, int64_t *end, Error *err)
{
	if (c->length == 0 && c->offsets.len == 0)
		c->offsets = slice_of(no_rows, width);
	if (c->offsets.data == NULL || c->offsets.len / width < (size_t)c->length + 1)
		return error_set(err, ST_INVALID,
						 "column '%s': the offsets buffer has %zu bytes for %lld rows", field->name,
						 c->offsets.len, (long long)c->length);
	if (!aligned(c->offsets, width))
		return error_set(err, ST_INVALID, "column '%s': the offsets buffer is not aligned",
						 field->name);
	const void *offsets = c->offsets.data;
	int64_t fall =
		width == 4 ? first_fall_32(offsets, c->length) : first_fall_64(offsets, c->length);
	if (fall >= 0)
		return error_set(err, ST_INVALID, "column '%s': row %lld ends before it begins",
						 field->name, (long long)fall);
	*end = column_offset(c, width, c->length);
	return ST_OK;
}

static Status
check_values(const Field *field, Column *c, size_t need, Error *err)
{
	if (c->values.data == NULL)
		c->values = slice_of(no_rows, 0);
	if (c->values.len < need)
		return error_set(err, ST_INVALID,
						 "column '%s': the values buffer has %zu bytes, its %lld rows need %zu",
						 field->name, c->values.len, (long long)c->length, need);
	return ST_OK;
}

static Status
check_fixed(const Field *field, Column *c, const TypeLayout *layout, Error *err)
{
	// A length of 2^40 and a width of 2^28 bytes are each allowed; their product is not.
	size_t need;
	if (__builtin_mul_overflow((size_t)c->length, (size_t)layout->value_bits, &need))
		need = SIZE_MAX - 7;
	TRY(check_values(field, c, (need + 7) / 8, err));

	size_t width = (size_t)layout->value_bits / 8;
	if (field->type.id == TYPE_FIXED_BINARY || width <= 1)
		return ST_OK;
	if (!aligned(c->values, width < 8 ? width : 8))
		return error_set(err, ST_INVALID, "column '%s': the values buffer is not aligned",
						 field->name);
	return ST_OK;
}

static bool
is_ascii(const uint8_t *data, size_t len)
{
	uint64_t seen = 0;
	for (; len >= 32; data += 32, len -= 32) {
		uint64_t words[4];
		memcpy(words, data, sizeof(words));
		seen |= words[0] | words[1] | words[2] | words[3];
	}
	for (; len > 0; data++, len--)
		seen |= *data;
	return (seen & UINT64_C(0x8080808080808080)) == 0;
}

// All values together are valid and none begins within a character: then each is valid by itself.
static bool
all_utf8(const Column *c, uint8_t width)
{
	int64_t begin = column_offset(c, width, 0);
	int64_t end = column_offset(c, width, c->length);
	if (is_ascii(c->values.data + begin, (size_t)(end - begin)))
		return true;
	if (!utf8_valid(c->values.data + begin, (size_t)(end - begin)))
		return false;
	for (int64_t i = 0; i < c->length; i++) {
		int64_t at = column_offset(c, width, i);
		if (at < end && (c->values.data[at] & 0xC0) == 0x80)
			return false;
	}
	return true;
}

static Status
not_utf8(const Field *field, int64_t row, Error *err)
{
	return error_set(err, ST_INVALID, "column '%s': row %lld is not valid UTF-8", field->name,
					 (long long)row);
}

static Status
check_utf8(const Field *field, const Column *c, uint8_t width, Error *err)
{
	if (all_utf8(c, width))
		return ST_OK;
	// What lies behind a NULL may be anything.
	for (int64_t i = 0; i < c->length; i++) {
		int64_t at = column_offset(c, width, i);
		size_t len = (size_t)(column_offset(c, width, i + 1) - at);
		if (column_valid(c, i) && !utf8_valid(c->values.data + at, len))
			return not_utf8(field, i, err);
	}
	return ST_OK;
}

static bool
view_inside(const Column *c, const View *view, Slice *out)
{
	if (view->len < 0)
		return false;
	if (view->len <= (int32_t)sizeof(view->inlined)) {
		*out = slice_of(view->inlined, (size_t)view->len);
		return true;
	}
	if (view->buffer < 0 || view->buffer >= c->variadic_count || view->offset < 0)
		return false;
	Slice data = c->variadic[view->buffer];
	if ((size_t)view->offset + (size_t)view->len > data.len)
		return false;
	*out = slice_of(data.data + view->offset, (size_t)view->len);
	return memcmp(out->data, view->prefix, sizeof(view->prefix)) == 0;
}

static Status
check_views(const Field *field, const Column *c, Error *err)
{
	for (int64_t i = 0; i < c->length; i++) {
		if (!column_valid(c, i))
			continue;
		View view = column_view(c, i);
		Slice value;
		if (!view_inside(c, &view, &value))
			return error_set(err, ST_INVALID, "column '%s': row %lld is a view of no value",
							 field->name, (long long)i);
		if (field->type.id == TYPE_UTF8_VIEW && !utf8_valid(value.data, value.len))
			return not_utf8(field, i, err);
	}
	return ST_OK;
}

static Status
check_decimals(const Field *field, const Column *c, Error *err)
{
	Int128 bound = 1;
	for (int i = 0; i < field->type.precision; i++)
		bound *= 10;
	for (int64_t i = 0; i < c->length; i++) {
		Int128 value;
		memcpy(&value, c->values.data + 16 * i, sizeof(value));
		if ((value <= -bound || value >= bound) && column_valid(c, i))
			return error_set(err, ST_INVALID, "column '%s': row %lld has more than %d digits",
							 field->name, (long long)i, field->type.precision);
	}
	return ST_OK;
}

// A day ends with 24:00:00, which SQL has.
static Status
check_times(const Field *field, const Column *c, Error *err)
{
	static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
	int64_t day = 86400 * per_second[field->type.unit];
	const int32_t *time32 = (const void *)c->values.data;
	const int64_t *time64 = (const void *)c->values.data;
	for (int64_t i = 0; i < c->length; i++) {
		int64_t value = field->type.id == TYPE_TIME32 ? time32[i] : time64[i];
		if ((value < 0 || value > day) && column_valid(c, i))
			return error_set(err, ST_INVALID, "column '%s': row %lld is no time of a day",
							 field->name, (long long)i);
	}
	return ST_OK;
}

static Status
check_content(const Field *field, const Column *c, const TypeLayout *layout, Error *err)
{
	switch (field->type.id) {
	case TYPE_UTF8:
	case TYPE_LARGE_UTF8: return check_utf8(field, c, layout->offset_bytes, err);
	case TYPE_UTF8_VIEW:
	case TYPE_BINARY_VIEW: return check_views(field, c, err);
	case TYPE_DECIMAL128: return check_decimals(field, c, err);
	case TYPE_TIME32:
	case TYPE_TIME64: return check_times(field, c, err);
	case TYPE_MAP:
		if (c->children[0].null_count > 0 || c->children[0].children[0].null_count > 0)
			return error_set(err, ST_INVALID, "column '%s': a map has a NULL key", field->name);
		return ST_OK;
	default: return ST_OK;
	}
}

// `need` is how many rows each child must have. Those of structs and of lists of one size have
// exactly as many afterwards.
static Status
check_children(const Field *field, Column *c, int64_t need, Error *err)
{
	if (c->child_count != field->child_count)
		return error_set(err, ST_INVALID, "column '%s': it has %d children and not %d", field->name,
						 c->child_count, field->child_count);
	for (int32_t i = 0; i < c->child_count; i++) {
		const Field *item = &field->children[i];
		Status st = column_validate(item, &c->children[i], err);
		if (st != ST_OK) {
			(void)error_prefix(err, "in column '%s'", field->name);
			return st;
		}
		if (c->children[i].length < need)
			return error_set(
				err, ST_INVALID, "column '%s': its child '%s' has %lld rows and needs %lld",
				field->name, item->name, (long long)c->children[i].length, (long long)need);
		if (field->type.id == TYPE_STRUCT || field->type.id == TYPE_FIXED_LIST)
			column_cut(item, &c->children[i], need);
	}
	return ST_OK;
}

Status
column_validate(const Field *field, Column *c, Error *err)
{
	TypeLayout layout = type_layout(&field->type);
	TRY(check_validity(field, c, err));
	int64_t end = c->length;
	if (layout.offset_bytes > 0)
		TRY(check_offsets(field, c, layout.offset_bytes, &end, err));
	if (field->type.id == TYPE_FIXED_LIST &&
		__builtin_mul_overflow(c->length, (int64_t)field->type.width, &end))
		end = INT64_MAX; // more than any child has
	if (layout.values && layout.offset_bytes > 0)
		TRY(check_values(field, c, (size_t)end, err));
	else if (layout.values)
		TRY(check_fixed(field, c, &layout, err));
	TRY(check_children(field, c, end, err));
	return check_content(field, c, &layout, err);
}
