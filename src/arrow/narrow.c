// narrow.c - rows that are kept for long: picked like those of a gather, integers in few bytes.

#include <string.h>

#include "arrow/gather_int.h"
#include "arrow/owners_int.h"
#include "base/mem.h"

// One column of the batches.
typedef struct Narrowing {
	Batch *const *batches;
	const RowRef *order;
	int64_t rows;
	uint32_t sources; // batches that order names
	int32_t column;
	Owners *owners;
	const Column **columns; // of each source
} Narrowing;

static uint32_t
source_count(const RowRef *order, int64_t rows)
{
	uint32_t count = 1;
	for (int64_t i = 0; i < rows; i++)
		count = order[i].batch >= count ? order[i].batch + 1 : count;
	return count;
}

// ---- integers ----

static int64_t
integer_at(TypeId type, const Column *column, uint32_t row)
{
	const uint8_t *values = column->values.data;
	switch (type) {
	case TYPE_INT16: return ((const int16_t *)(const void *)values)[row];
	case TYPE_INT32: return ((const int32_t *)(const void *)values)[row];
	default: return ((const int64_t *)(const void *)values)[row];
	}
}

// The narrowest type that holds every value; `type` itself where none is narrower.
static TypeId
narrowest(const Narrowing *n, TypeId type)
{
	if (type != TYPE_INT16 && type != TYPE_INT32 && type != TYPE_INT64)
		return type;
	for (uint32_t s = 0; s < n->sources; s++)
		if (n->columns[s]->null_count > 0)
			return type;
	int64_t min = 0, max = 0;
	for (int64_t i = 0; i < n->rows; i++) {
		int64_t value = integer_at(type, n->columns[n->order[i].batch], n->order[i].row);
		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	if (min >= INT8_MIN && max <= INT8_MAX)
		return TYPE_INT8;
	if (min >= INT16_MIN && max <= INT16_MAX)
		return TYPE_INT16;
	return min >= INT32_MIN && max <= INT32_MAX ? TYPE_INT32 : type;
}

static Status
narrow_integers(const Narrowing *n, TypeId from, TypeId to, Column *out, Error *err)
{
	size_t width = to == TYPE_INT8 ? 1 : to == TYPE_INT16 ? 2 : 4;
	size_t bytes = (size_t)n->rows * width;
	uint8_t *values = owners_buffer(n->owners, NULL, bytes);
	if (values == NULL)
		return error_no_memory(err, "columns in memory");
	for (int64_t i = 0; i < n->rows; i++) {
		int64_t value = integer_at(from, n->columns[n->order[i].batch], n->order[i].row);
		switch (width) {
		case 1: ((int8_t *)values)[i] = (int8_t)value; break;
		case 2: ((int16_t *)(void *)values)[i] = (int16_t)value; break;
		default: ((int32_t *)(void *)values)[i] = (int32_t)value; break;
		}
	}
	*out = (Column){.length = n->rows, .values = slice_of(values, bytes)};
	return ST_OK;
}

// ---- all ----

static Status
narrow_column(const Narrowing *n, Field *field, Column *out, Error *err)
{
	for (uint32_t s = 0; s < n->sources; s++)
		n->columns[s] = batch_column(n->batches[s], n->column);
	TypeId type = narrowest(n, field->type.id);
	if (type != field->type.id) {
		TRY(narrow_integers(n, field->type.id, type, out, err));
		field->type = (Type){.id = type};
		return ST_OK;
	}
	Gather gather = {n->order, n->rows, n->sources, NULL, n->owners, err};
	return column_gather(&gather, field, n->columns, out);
}

Status
batch_gather_narrow(Batch *const *batches, const RowRef *order, int64_t rows,
					const int32_t *columns, int32_t count, Batch **out, Error *err)
{
	uint32_t sources = source_count(order, rows);
	SCOPED(owners_drop) Owners *owners = owners_new();
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	SCOPED(mem_drop) Column *made = mem_alloc_array((size_t)count + 1, sizeof(Column));
	SCOPED(mem_drop) const Column **list = mem_alloc_array(sources, sizeof(Column *));
	if (owners == NULL || fields == NULL || made == NULL || list == NULL)
		return error_no_memory(err, "columns in memory");
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(batch_schema(batches[0]), columns[i]);
		Narrowing n = {batches, order, rows, sources, columns[i], owners, list};
		TRY(narrow_column(&n, &fields[i], &made[i], err));
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(fields, count, NULL, 0, &schema, err));
	int32_t owner_count = 0;
	Bytes *const *held = owners_list(owners, &owner_count);
	return batch_new(schema, rows, made, held, owner_count, out, err);
}
