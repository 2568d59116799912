// Appending to one column. After a failed allocation all of it does nothing that matters.

#include <assert.h>
#include <string.h>

#include "arrow/bits.h"
#include "arrow/builder.h"
#include "arrow/column_int.h"

// Bits for n more rows; those of earlier rows are set when there were none yet.
static bool
extend_validity(ColumnBuilder *c, int64_t n)
{
	size_t had = c->validity.len;
	size_t want = bits_bytes(c->length + n);
	if (want > had && buf_extend(&c->validity, want - had) == NULL)
		return false;
	if (c->validity.failed)
		return false;
	memset(c->validity.data + had, 0, want - had);
	if (had == 0)
		bits_fill(c->validity.data, 0, c->length, true);
	return true;
}

void
column_add_validity(ColumnBuilder *c, const uint64_t *mask, int64_t n)
{
	const uint8_t *bits = (const void *)mask;
	bool always_null = c->field->type.id == TYPE_NULL;
	int64_t nulls = always_null ? n : bits == NULL ? 0 : n - bits_count(bits, n);
	if (!always_null && (nulls > 0 || c->validity.len > 0) && extend_validity(c, n)) {
		if (bits == NULL)
			bits_fill(c->validity.data, c->length, n, true);
		else
			bits_copy(c->validity.data, c->length, bits, 0, n);
	}
	c->length += n;
	c->null_count += nulls;
}

static void
add_one(ColumnBuilder *c, bool valid)
{
	// The usual case costs nothing: no NULL so far, and none now.
	if (valid && c->validity.len == 0 && c->field->type.id != TYPE_NULL) {
		c->length++;
		return;
	}
	uint64_t mask = valid ? 1 : 0;
	column_add_validity(c, &mask, 1);
}

// The end of a value of variable length. Past the reach of 32 bits builder_finish refuses it.
static void
add_offset(ColumnBuilder *c)
{
	TypeLayout layout = type_layout(&c->field->type);
	uint64_t end = layout.values ? c->values.len : (uint64_t)c->children[0].length;
	if (layout.offset_bytes == 4)
		buf_add_u32(&c->offsets, (uint32_t)end);
	else
		buf_add_u64(&c->offsets, end);
}

static void
add_bit(ColumnBuilder *c, bool value)
{
	if (c->length % 8 == 0)
		buf_add_byte(&c->values, 0);
	if (!c->values.failed)
		bit_set(c->values.data, c->length, value);
}

void
column_add_null(ColumnBuilder *c)
{
	TypeLayout layout = type_layout(&c->field->type);
	if (layout.offset_bytes > 0)
		add_offset(c);
	else if (c->field->type.id == TYPE_BOOL)
		add_bit(c, false);
	else if (layout.values)
		buf_add_zeros(&c->values, (size_t)layout.value_bits / 8);
	else {
		int32_t items = c->field->type.id == TYPE_FIXED_LIST ? c->field->type.width : 1;
		for (int32_t i = 0; i < c->child_count; i++) {
			for (int32_t n = 0; n < items; n++)
				column_add_null(&c->children[i]);
		}
	}
	add_one(c, false);
}

void
column_add_uint(ColumnBuilder *c, uint64_t value)
{
	// Little-endian: the narrow value is the first bytes of the wide one.
	size_t width = (size_t)type_layout(&c->field->type).value_bits / 8;
	assert(width >= 1 && width <= 8);
	buf_add(&c->values, &value, width);
	add_one(c, true);
}

void
column_add_int(ColumnBuilder *c, int64_t value)
{
	column_add_uint(c, (uint64_t)value);
}

void
column_add_double(ColumnBuilder *c, double value)
{
	if (c->field->type.id == TYPE_FLOAT32) {
		float narrow = (float)value;
		buf_add(&c->values, &narrow, sizeof(narrow));
	} else {
		assert(c->field->type.id == TYPE_FLOAT64);
		buf_add(&c->values, &value, sizeof(value));
	}
	add_one(c, true);
}

void
column_add_bool(ColumnBuilder *c, bool value)
{
	assert(c->field->type.id == TYPE_BOOL);
	add_bit(c, value);
	add_one(c, true);
}

void
column_add_bytes(ColumnBuilder *c, Slice value)
{
	TypeLayout layout = type_layout(&c->field->type);
	assert(layout.values && layout.value_bits != 1);
	buf_add(&c->values, value.data, value.len);
	if (layout.offset_bytes > 0)
		add_offset(c);
	else
		assert(value.len * 8 == (size_t)layout.value_bits);
	add_one(c, true);
}

void
column_add_text(ColumnBuilder *c, const char *text)
{
	if (text == NULL)
		column_add_null(c);
	else
		column_add_bytes(c, slice_text(text));
}

void
column_end_list(ColumnBuilder *c)
{
	add_offset(c);
	add_one(c, true);
}
