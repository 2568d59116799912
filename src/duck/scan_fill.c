// Columns of a batch into DuckDB's vectors.
//
// Values of fixed width are copied or widened, strings are handed over as prebuilt
// duckdb_string_t, and validity bits become masks. Bits are read byte by byte with relaxed loads:
// in a batch that still grows, a writer may be setting bits of later rows in the last byte.

#include <string.h>

#include "arrow/convert.h"
#include "duck/scan_int.h"

enum { WORD_BITS = 64 };

// ---- bits ----

// Bits from … from + n (n <= 64) in the low end of a word; the rest of it is 0.
static uint64_t
load_bits(const uint8_t *bits, int64_t from, int64_t n)
{
	const uint8_t *first = bits + from / 8;
	int shift = (int)(from % 8);
	int bytes = (int)((shift + n + 7) / 8); // up to nine
	uint64_t word = 0;
	for (int i = 0; i < bytes && i < 8; i++)
		word |= (uint64_t)__atomic_load_n(first + i, __ATOMIC_RELAXED) << (8 * i);
	word >>= shift;
	if (bytes > 8)
		word |= (uint64_t)__atomic_load_n(first + 8, __ATOMIC_RELAXED) << (WORD_BITS - shift);
	return n == WORD_BITS ? word : word & ((UINT64_C(1) << n) - 1);
}

static uint64_t *
writable_mask(duckdb_vector vector)
{
	duckdb_vector_ensure_validity_writable(vector);
	return duckdb_vector_get_validity(vector);
}

// Clears the n bits of a mask from `at` where `valid` has none.
static void
clear_bits(uint64_t *mask, idx_t at, uint64_t valid, int64_t n)
{
	uint64_t nulls = ~valid & (n == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << n) - 1);
	idx_t shift = at % WORD_BITS;
	mask[at / WORD_BITS] &= ~(nulls << shift);
	if (shift > 0 && nulls >> (WORD_BITS - shift) != 0)
		mask[at / WORD_BITS + 1] &= ~(nulls >> (WORD_BITS - shift));
}

// ---- NULLs ----

static int32_t
part_count(const FillTarget *to)
{
	bool stored_interval =
		to->form == FORM_FILE && to->field->type.id == TYPE_INTERVAL_MONTH_DAY_NANO;
	return stored_interval ? 3 : to->field->type.id == TYPE_STRUCT ? to->field->child_count : 0;
}

// DuckDB reads the parts of a NULL struct and the items of a NULL array as if they stood alone, so
// they must be NULL as well.
static void
fill_nulls(FillTarget to, int64_t n)
{
	uint64_t *mask = writable_mask(to.vector);
	for (int64_t done = 0; done < n; done += WORD_BITS)
		clear_bits(mask, to.at + (idx_t)done, 0, n - done < WORD_BITS ? n - done : WORD_BITS);

	static const Field number = {.name = "", .type = {.id = TYPE_INT64}};
	for (int32_t i = 0; i < part_count(&to); i++) {
		FillTarget part = to;
		part.field = to.field->child_count > 0 ? &to.field->children[i] : &number;
		part.vector = duckdb_struct_vector_get_child(to.vector, (idx_t)i);
		fill_nulls(part, n);
	}
	if (to.field->type.id == TYPE_FIXED_LIST) {
		int32_t width = to.field->type.width;
		fill_nulls((FillTarget){.field = &to.field->children[0],
								.form = to.form,
								.vector = duckdb_array_vector_get_child(to.vector),
								.at = to.at * (idx_t)width},
				   n * width);
	}
	if (to.field->type.id == TYPE_LIST || to.field->type.id == TYPE_MAP) {
		duckdb_list_entry *entries = duckdb_vector_get_data(to.vector);
		memset(entries + to.at, 0, (size_t)n * sizeof(*entries));
	}
}

// After the values, so that NULL reaches the parts as well.
static void
fill_validity(FillTarget to, FillSource from)
{
	const Column *column = from.column;
	if (column->validity.data == NULL || column->null_count == 0)
		return;
	bool deep = part_count(&to) > 0 || to.field->type.id == TYPE_FIXED_LIST;
	uint64_t *mask = NULL;
	for (int64_t done = 0; done < from.rows; done += WORD_BITS) {
		int64_t n = from.rows - done < WORD_BITS ? from.rows - done : WORD_BITS;
		uint64_t valid = load_bits(column->validity.data, from.row + done, n);
		uint64_t all = n == WORD_BITS ? UINT64_MAX : (UINT64_C(1) << n) - 1;
		if (valid == all)
			continue;
		if (mask == NULL)
			mask = writable_mask(to.vector);
		clear_bits(mask, to.at + (idx_t)done, valid, n);
		for (int64_t i = 0; deep && i < n; i++) {
			FillTarget row = to;
			row.at = to.at + (idx_t)(done + i);
			if ((valid >> i & 1) == 0)
				fill_nulls(row, 1);
		}
	}
}

// ---- values of fixed width ----

static const void *
values_at(const FillSource *from, size_t width)
{
	return from->column->values.data + (size_t)from->row * width;
}

static void
fill_bools(FillTarget to, FillSource from)
{
	uint8_t *out = (uint8_t *)duckdb_vector_get_data(to.vector) + to.at;
	for (int64_t done = 0; done < from.rows; done += WORD_BITS) {
		int64_t n = from.rows - done < WORD_BITS ? from.rows - done : WORD_BITS;
		uint64_t word = load_bits(from.column->values.data, from.row + done, n);
		for (int64_t i = 0; i < n; i++)
			out[done + i] = word >> i & 1;
	}
}

// The type whose bits DuckDB holds: instants are in microseconds whatever the table says.
static Type
held_type(const Type *type)
{
	Type held = *type;
	if (type->id == TYPE_TIMESTAMP && type_has_zone(type) && type->unit < UNIT_US)
		held.unit = UNIT_US;
	return held;
}

bool
scan_fill_is_plain(FillTarget to, FillSource from, PlainFill *out)
{
	static const TypeId plain[] = {TYPE_INT64, TYPE_FLOAT64, TYPE_TIMESTAMP, TYPE_INT32,
								   TYPE_FLOAT32};
	bool known = false;
	for (size_t i = 0; i < COUNT_OF(plain); i++)
		known |= to.field->type.id == plain[i];
	if (!known || from.column == NULL || from.column->null_count > 0)
		return false;
	Type held = held_type(&to.field->type);
	if (held.id != from.field->type.id || held.unit != from.field->type.unit)
		return false;
	out->width = (size_t)type_layout(&held).value_bits / 8;
	out->to = (uint8_t *)duckdb_vector_get_data(to.vector) + to.at * out->width;
	out->from = values_at(&from, out->width);
	return true;
}

static void
fill_values(FillTarget to, FillSource from)
{
	Type held = held_type(&to.field->type);
	size_t width = (size_t)type_layout(&held).value_bits / 8;
	size_t from_width = (size_t)type_layout(&from.field->type).value_bits / 8;
	uint8_t *out = (uint8_t *)duckdb_vector_get_data(to.vector) + to.at * width;
	if (held.id == from.field->type.id && held.unit == from.field->type.unit)
		memcpy(out, values_at(&from, width), (size_t)from.rows * width);
	else
		values_widen(&from.field->type, &held, values_at(&from, from_width), from.rows, out);
}

// Decimals of few digits are held in fewer bytes: the first ones.
static void
fill_decimals(FillTarget to, FillSource from)
{
	size_t width = (size_t)decimal_bytes(to.field->type.precision);
	const uint8_t *in = values_at(&from, 16);
	uint8_t *out = (uint8_t *)duckdb_vector_get_data(to.vector) + to.at * width;
	for (int64_t i = 0; i < from.rows; i++)
		memcpy(out + (size_t)i * width, in + i * 16, width);
}

typedef struct ArrowInterval {
	int32_t months;
	int32_t days;
	int64_t nanos;
} ArrowInterval;

static void
fill_intervals(FillTarget to, FillSource from)
{
	const uint8_t *in = values_at(&from, sizeof(ArrowInterval));
	duckdb_interval *out = (duckdb_interval *)duckdb_vector_get_data(to.vector) + to.at;
	for (int64_t i = 0; i < from.rows; i++) {
		ArrowInterval value;
		memcpy(&value, in + (size_t)i * sizeof(value), sizeof(value));
		out[i] = (duckdb_interval){
			.months = value.months, .days = value.days, .micros = value.nanos / 1000};
	}
}

static void
fill_stored_intervals(FillTarget to, FillSource from)
{
	const uint8_t *in = values_at(&from, sizeof(ArrowInterval));
	void *data[3];
	for (idx_t i = 0; i < COUNT_OF(data); i++)
		data[i] = duckdb_vector_get_data(duckdb_struct_vector_get_child(to.vector, i));
	int32_t *months = (int32_t *)data[0] + to.at;
	int32_t *days = (int32_t *)data[1] + to.at;
	int64_t *micros = (int64_t *)data[2] + to.at;
	for (int64_t i = 0; i < from.rows; i++) {
		ArrowInterval value;
		memcpy(&value, in + (size_t)i * sizeof(value), sizeof(value));
		months[i] = value.months;
		days[i] = value.days;
		micros[i] = value.nanos / 1000;
	}
}

// ---- strings ----

// Up to 12 bytes, which lie in the value; the bytes after them must be 0.
static inline void
inline_string(duckdb_string_t *out, const uint8_t *bytes, uint32_t len)
{
	uint64_t low = 0;
	uint32_t high = 0;
	if (len >= 8) {
		memcpy(&low, bytes, 8);
		if (len > 8) { // the last four bytes, without those that `low` has
			memcpy(&high, bytes + len - 4, 4);
			high >>= 8 * (12 - len);
		}
	} else if (len >= 4) {
		uint32_t first;
		uint32_t last;
		memcpy(&first, bytes, 4);
		memcpy(&last, bytes + len - 4, 4);
		low = first | (uint64_t)last << (8 * (len - 4));
	} else {
		for (uint32_t i = 0; i < len; i++)
			low |= (uint64_t)bytes[i] << (8 * i);
	}
	out->value.inlined.length = len;
	memcpy(out->value.inlined.inlined, &low, 8);
	memcpy(out->value.inlined.inlined + 8, &high, 4);
}

static void
fill_strings(FillTarget to, FillSource from)
{
	const int32_t *offsets = (const int32_t *)(const void *)from.column->offsets.data + from.row;
	const uint8_t *bytes = from.column->values.data;
	duckdb_string_t *out = (duckdb_string_t *)duckdb_vector_get_data(to.vector) + to.at;
	for (int64_t i = 0; i < from.rows; i++) {
		const uint8_t *start = bytes + offsets[i];
		uint32_t len = (uint32_t)(offsets[i + 1] - offsets[i]);
		if (len <= sizeof(out->value.inlined.inlined)) {
			inline_string(&out[i], start, len);
			continue;
		}
		out[i].value.pointer.length = len;
		memcpy(out[i].value.pointer.prefix, start, sizeof(out->value.pointer.prefix));
		out[i].value.pointer.ptr = (char *)(uintptr_t)start; // ours; DuckDB copies what it keeps
	}
}

// ---- nested ----

static FillSource
child_source(const FillSource *from, int32_t i, int64_t row, int64_t rows)
{
	return (FillSource){.field = &from->field->children[i],
						.column = &from->column->children[i],
						.row = row,
						.rows = rows};
}

// Lists and maps, whose items are one child: appended to what the vector has of them.
static void
fill_lists(FillTarget to, FillSource from)
{
	const int32_t *offsets = (const int32_t *)(const void *)from.column->offsets.data + from.row;
	int64_t items = offsets[from.rows] - offsets[0];
	idx_t size = to.at == 0 ? 0 : duckdb_list_vector_get_size(to.vector);
	duckdb_list_vector_reserve(to.vector, size + (idx_t)items);
	duckdb_list_vector_set_size(to.vector, size + (idx_t)items);

	duckdb_list_entry *entries = (duckdb_list_entry *)duckdb_vector_get_data(to.vector) + to.at;
	for (int64_t i = 0; i < from.rows; i++) {
		entries[i].offset = size + (idx_t)(offsets[i] - offsets[0]);
		entries[i].length = (idx_t)(offsets[i + 1] - offsets[i]);
	}
	FillTarget child = {.field = &to.field->children[0],
						.form = to.form,
						.vector = duckdb_list_vector_get_child(to.vector),
						.at = size};
	if (items > 0)
		scan_fill(child, child_source(&from, 0, offsets[0], items));
}

static void
fill_arrays(FillTarget to, FillSource from)
{
	int32_t width = to.field->type.width;
	FillTarget child = {.field = &to.field->children[0],
						.form = to.form,
						.vector = duckdb_array_vector_get_child(to.vector),
						.at = to.at * (idx_t)width};
	scan_fill(child, child_source(&from, 0, from.row * width, from.rows * width));
}

static void
fill_structs(FillTarget to, FillSource from)
{
	for (int32_t i = 0; i < to.field->child_count; i++) {
		FillTarget child = {.field = &to.field->children[i],
							.form = to.form,
							.vector = duckdb_struct_vector_get_child(to.vector, (idx_t)i),
							.at = to.at};
		scan_fill(child, child_source(&from, i, from.row, from.rows));
	}
}

void
scan_fill(FillTarget to, FillSource from)
{
	if (from.column == NULL || from.field->type.id == TYPE_NULL) {
		fill_nulls(to, from.rows);
		return;
	}
	switch (to.field->type.id) {
	case TYPE_BOOL: fill_bools(to, from); break;
	case TYPE_UTF8:
	case TYPE_BINARY: fill_strings(to, from); break;
	case TYPE_DECIMAL128: fill_decimals(to, from); break;
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		if (to.form == FORM_FILE)
			fill_stored_intervals(to, from);
		else
			fill_intervals(to, from);
		break;
	case TYPE_LIST:
	case TYPE_MAP: fill_lists(to, from); break;
	case TYPE_FIXED_LIST: fill_arrays(to, from); break;
	case TYPE_STRUCT: fill_structs(to, from); break;
	default: fill_values(to, from); break;
	}
	fill_validity(to, from);
}

// ---- one value for many rows ----

bool
scan_fill_constant(FillTarget to, FillSource from)
{
	if (to.field->type.id != TYPE_UTF8 || from.column == NULL)
		return false;
	if (!column_valid(from.column, from.row))
		return false;
	const int32_t *offsets = (const int32_t *)(const void *)from.column->offsets.data + from.row;
	const char *text = (const char *)from.column->values.data + offsets[0];
	SCOPED(duckdb_destroy_value)
	duckdb_value value = duckdb_create_varchar_length(text, (idx_t)(offsets[1] - offsets[0]));
	if (value == NULL)
		return false;
	duckdb_vector_reference_value(to.vector, value);
	return true;
}

void
scan_fill_same(FillTarget to, FillSource from)
{
	int64_t rows = from.rows;
	from.rows = 1;
	for (int64_t i = 0; i < rows; i++, to.at++)
		scan_fill(to, from);
}
