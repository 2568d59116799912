// Vectors that come from duckdb_fetch_chunk are flat: a data pointer and a mask each. The slot of a
// NULL holds anything.

#include "duck/column_reader_int.h"

#include <inttypes.h>
#include <string.h>

#include "arrow/bits.h"
#include "duck/text_reader_int.h"

enum { WORD_BITS = 64, MASK_ROWS = 2048 };

// The mask's bits from part.from on, moved to the begin of a word where they are not there.
void
column_reader_add_validity(VectorPart part, ColumnBuilder *out)
{
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	if (mask == NULL || part.from % WORD_BITS == 0) {
		column_add_validity(out, mask == NULL ? NULL : mask + part.from / WORD_BITS, part.rows);
		return;
	}
	uint64_t moved[MASK_ROWS / WORD_BITS];
	for (int64_t done = 0; done < part.rows; done += MASK_ROWS) {
		int64_t n = part.rows - done < MASK_ROWS ? part.rows - done : MASK_ROWS;
		bits_copy((uint8_t *)moved, 0, (const uint8_t *)mask, part.from + done, n);
		column_add_validity(out, moved, n);
	}
}

// ---- values of fixed width ----

static Status
read_fixed(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)err;
	const uint8_t *data = duckdb_vector_get_data(part.vector);
	buf_add(&out->values, data + (size_t)part.from * reader->width,
			(size_t)part.rows * reader->width);
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_bools(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)reader;
	(void)err;
	const uint8_t *data = (const uint8_t *)duckdb_vector_get_data(part.vector) + part.from;
	buf_add_zeros(&out->values, bits_bytes(out->length + part.rows) - bits_bytes(out->length));
	for (int64_t i = 0; !out->values.failed && i < part.rows; i++) {
		if (data[i] == 1)
			bit_set(out->values.data, out->length + i, true);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

// Decimals of few digits come in 2, 4 or 8 bytes.
static Status
read_decimals(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)err;
	const uint8_t *data =
		(const uint8_t *)duckdb_vector_get_data(part.vector) + (size_t)part.from * reader->width;
	uint8_t *to = buf_extend(&out->values, (size_t)part.rows * 16);
	int unused_bits = WORD_BITS - 8 * (int)reader->width;
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		uint64_t bits = 0;
		memcpy(&bits, data + (size_t)i * reader->width, reader->width);
		int64_t value = (int64_t)(bits << unused_bits) >> unused_bits;
		int64_t words[2] = {value, value >> 63};
		memcpy(to + i * 16, words, sizeof(words));
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
too_large(const ColumnReader *reader, const char *type, Error *err)
{
	return error_set(err, ST_INVALID,
					 "column '%s': a value does not fit %s; ask for it as a decimal, as in "
					 "sum(c)::DECIMAL(38,0)",
					 reader->name, type);
}

static Status
read_hugeints(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	const duckdb_hugeint *data = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	uint8_t *to = buf_extend(&out->values, (size_t)part.rows * 8);
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		duckdb_hugeint value = data[part.from + i];
		if (!row_valid(mask, part.from + i))
			value = (duckdb_hugeint){0};
		if (value.upper != (int64_t)value.lower >> 63)
			return too_large(reader, "int64", err);
		memcpy(to + i * 8, &value.lower, 8);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_uhugeints(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	const duckdb_uhugeint *data = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	uint8_t *to = buf_extend(&out->values, (size_t)part.rows * 8);
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		duckdb_uhugeint value = data[part.from + i];
		if (!row_valid(mask, part.from + i))
			value = (duckdb_uhugeint){0};
		if (value.upper != 0)
			return too_large(reader, "uint64", err);
		memcpy(to + i * 8, &value.lower, 8);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

// Microseconds as a coarser unit; rounds down.
static Status
read_instants(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)err;
	const int64_t *data = duckdb_vector_get_data(part.vector);
	uint8_t *to = buf_extend(&out->values, (size_t)part.rows * 8);
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		int64_t value = data[part.from + i];
		int64_t scaled = value / reader->divisor - (value % reader->divisor < 0);
		memcpy(to + i * 8, &scaled, 8);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_intervals(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	const duckdb_interval *data = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	uint8_t *to = buf_extend(&out->values, (size_t)part.rows * 16);
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		duckdb_interval value = data[part.from + i];
		int64_t nanos = 0;
		if (__builtin_mul_overflow(value.micros, 1000, &nanos) && row_valid(mask, part.from + i))
			return error_set(err, ST_INVALID,
							 "column '%s': an interval of more than 292 years of seconds does not "
							 "fit month_day_nano_interval; ask for its months, days or epoch",
							 reader->name);
		memcpy(to + i * 16, &value.months, 4);
		memcpy(to + i * 16 + 4, &value.days, 4);
		memcpy(to + i * 16 + 8, &nanos, 8);
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_nothing(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	(void)reader;
	(void)err;
	column_add_validity(out, NULL, part.rows);
	return ST_OK;
}

// ---- nested ----

// Items of lists that lie one after the other, as they usually do, go over in one piece.
static Status
read_items(const ColumnReader *items, duckdb_vector vector, const duckdb_list_entry *entries,
		   const uint64_t *mask, VectorPart part, ColumnBuilder *out, Error *err)
{
	VectorPart run = {.vector = vector};
	for (int64_t row = part.from; row < part.from + part.rows; row++) {
		if (!row_valid(mask, row) || entries[row].length == 0)
			continue;
		if (run.rows > 0 && (int64_t)entries[row].offset != run.from + run.rows) {
			TRY(items->read(items, run, out, err));
			run.rows = 0;
		}
		if (run.rows == 0)
			run.from = (int64_t)entries[row].offset;
		run.rows += (int64_t)entries[row].length;
	}
	return run.rows > 0 ? items->read(items, run, out, err) : ST_OK;
}

static Status
read_lists(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	const duckdb_list_entry *entries = duckdb_vector_get_data(part.vector);
	const uint64_t *mask = duckdb_vector_get_validity(part.vector);
	uint64_t end = (uint64_t)out->children[0].length;
	uint8_t *to = buf_extend(&out->offsets, (size_t)part.rows * 4);
	for (int64_t i = 0; to != NULL && i < part.rows; i++) {
		end += row_valid(mask, part.from + i) ? entries[part.from + i].length : 0;
		uint32_t offset = (uint32_t)end; // builder_finish refuses what is past its reach
		memcpy(to + i * 4, &offset, 4);
	}
	TRY(read_items(&reader->children[0], duckdb_list_vector_get_child(part.vector), entries, mask,
				   part, &out->children[0], err));
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_arrays(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	int64_t width = (int64_t)reader->width;
	VectorPart items = {.vector = duckdb_array_vector_get_child(part.vector),
						.from = part.from * width,
						.rows = part.rows * width};
	TRY(reader->children[0].read(&reader->children[0], items, &out->children[0], err));
	column_reader_add_validity(part, out);
	return ST_OK;
}

static Status
read_structs(const ColumnReader *reader, VectorPart part, ColumnBuilder *out, Error *err)
{
	for (int32_t i = 0; i < reader->child_count; i++) {
		VectorPart child = part;
		child.vector = duckdb_struct_vector_get_child(part.vector, (idx_t)i);
		TRY(reader->children[i].read(&reader->children[i], child, &out->children[i], err));
	}
	column_reader_add_validity(part, out);
	return ST_OK;
}

// ---- which reader ----

// Whether the engine's values are those of `as` under another label, without a look at their parts.
static bool
same_values(const Field *own, const Field *as)
{
	const Type *from = &own->type;
	const Type *to = &as->type;
	if (to->id == TYPE_NULL)
		return true;
	if (to->id == TYPE_DURATION)
		return from->id == TYPE_INT64;
	if (from->id != to->id || own->child_count != as->child_count)
		return false;
	if (to->id == TYPE_TIMESTAMP)
		return from->unit == to->unit || (type_has_zone(from) && to->unit < from->unit);
	return to->id == TYPE_MAP || type_equal(from, to);
}

static Status
refuse(const Field *own, const Field *as, Error *err)
{
	SCOPED(buf_close) Buf have = BUF_INIT;
	SCOPED(buf_close) Buf want = BUF_INIT;
	field_type_name(own, &have);
	field_type_name(as, &want);
	return error_set(err, ST_INTERNAL, "column '%s' of type %s cannot be labelled %s", own->name,
					 buf_text(&have), buf_text(&want));
}

static void
choose_instant(ColumnReader *reader, const Type *own, const Type *as)
{
	reader->read = read_fixed;
	reader->width = 8;
	if (own->unit == as->unit)
		return;
	reader->read = read_instants;
	reader->divisor = as->unit == UNIT_S ? 1000000 : 1000;
}

static void
choose_decimal(ColumnReader *reader, const Type *own)
{
	reader->width = (size_t)decimal_bytes(own->precision);
	reader->read = reader->width == 16 ? read_fixed : read_decimals;
}

static Status
choose(ColumnReader *reader, duckdb_logical_type type, const Field *own, const Field *as,
	   Arena *arena, Error *err)
{
	if (as->type.id == TYPE_NULL) {
		reader->read = read_nothing;
		return ST_OK;
	}
	duckdb_type id = duckdb_get_type_id(type);
	switch (id) {
	case DUCKDB_TYPE_BOOLEAN: reader->read = read_bools; break;
	case DUCKDB_TYPE_HUGEINT: reader->read = read_hugeints; break;
	case DUCKDB_TYPE_UHUGEINT: reader->read = read_uhugeints; break;
	case DUCKDB_TYPE_DECIMAL: choose_decimal(reader, &own->type); break;
	case DUCKDB_TYPE_INTERVAL: reader->read = read_intervals; break;
	case DUCKDB_TYPE_TIMESTAMP_TZ: choose_instant(reader, &own->type, &as->type); break;
	case DUCKDB_TYPE_MAP:
	case DUCKDB_TYPE_LIST: reader->read = read_lists; break;
	case DUCKDB_TYPE_ARRAY:
		reader->read = read_arrays;
		reader->width = (size_t)own->type.width;
		break;
	case DUCKDB_TYPE_STRUCT: reader->read = read_structs; break;
	default:
		if (own->type.id == TYPE_UTF8 || own->type.id == TYPE_BINARY)
			return text_reader_choose(reader, type, arena, err);
		reader->read = read_fixed;
		reader->width = (size_t)type_layout(&own->type).value_bits / 8;
		break;
	}
	return ST_OK;
}

// The logical types of a column's parts, for its readers.
static duckdb_logical_type
part_type(duckdb_logical_type type, idx_t i)
{
	switch (duckdb_get_type_id(type)) {
	case DUCKDB_TYPE_LIST: return duckdb_list_type_child_type(type);
	case DUCKDB_TYPE_ARRAY: return duckdb_array_type_child_type(type);
	default: return duckdb_struct_type_child_type(type, i);
	}
}

static Status
init_parts(ColumnReader *reader, duckdb_logical_type type, const Field *own, const Field *as,
		   Arena *arena, Error *err)
{
	if (own->child_count == 0 || as->type.id == TYPE_NULL)
		return ST_OK;
	reader->children = arena_array(arena, (size_t)own->child_count, sizeof(ColumnReader));
	TRY(arena_status(arena, err, "a result"));
	reader->child_count = own->child_count;
	for (int32_t i = 0; i < own->child_count; i++) {
		SCOPED(duckdb_destroy_logical_type) duckdb_logical_type part = part_type(type, (idx_t)i);
		TRY(column_reader_init(&reader->children[i], part, &own->children[i], &as->children[i],
							   arena, err));
		reader->children[i].name = reader->name;
	}
	return ST_OK;
}

// The entries of a map are a struct that has no logical type of its own.
static Status
init_map(ColumnReader *reader, duckdb_logical_type type, const Field *own, const Field *as,
		 Arena *arena, Error *err)
{
	ColumnReader *entries = arena_array(arena, 1, sizeof(*entries));
	ColumnReader *pair = arena_array(arena, 2, sizeof(*pair));
	TRY(arena_status(arena, err, "a result"));
	reader->children = entries;
	reader->child_count = 1;
	*entries = (ColumnReader){
		.read = read_structs, .name = reader->name, .children = pair, .child_count = 2};
	SCOPED(duckdb_destroy_logical_type) duckdb_logical_type key = duckdb_map_type_key_type(type);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type value = duckdb_map_type_value_type(type);
	const Field *from = own->children[0].children;
	const Field *to = as->children[0].children;
	TRY(column_reader_init(&pair[0], key, &from[0], &to[0], arena, err));
	return column_reader_init(&pair[1], value, &from[1], &to[1], arena, err);
}

Status
column_reader_init(ColumnReader *reader, duckdb_logical_type type, const Field *own,
				   const Field *as, Arena *arena, Error *err)
{
	if (!same_values(own, as))
		return refuse(own, as, err);
	reader->name = own->name;
	TRY(choose(reader, type, own, as, arena, err));
	if (own->type.id == TYPE_MAP && as->type.id == TYPE_MAP)
		return init_map(reader, type, own, as, arena, err);
	return init_parts(reader, type, own, as, arena, err);
}
