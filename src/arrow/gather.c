// Rows picked from several batches, column by column: each kind of value has its own tight loop.

#include <string.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "arrow/gather_int.h"
#include "arrow/owners_int.h"
#include "base/mem.h"

static Status
no_memory(const Gather *g, const Field *field)
{
	return error_set(g->err, ST_NO_MEMORY, "no memory for column '%s'", field->name);
}

static Status
too_long(const Gather *g, const Field *field)
{
	return error_set(g->err, ST_LIMIT,
					 "column '%s': its values are more than the 2 GiB a batch can hold; take fewer "
					 "rows",
					 field->name);
}

static uint8_t *
new_buffer(const Gather *g, size_t len, Slice *out)
{
	uint8_t *data = owners_buffer(g->owners, g->pool, len);
	*out = slice_of(data, len);
	return data;
}

// Others may be adding rows behind these, in the same byte.
static bool
bit_beside_others(const uint8_t *bits, uint32_t row)
{
	return __atomic_load_n(&bits[row >> 3], __ATOMIC_RELAXED) >> (row & 7) & 1;
}

// Bits of one bitmap a source, NULL standing for all set.
static void
gather_bits(const Gather *g, const uint8_t *const *bases, uint8_t *out)
{
	for (int64_t i = 0; i < g->rows; i += 8) {
		int64_t n = g->rows - i < 8 ? g->rows - i : 8;
		unsigned byte = 0;
		for (int64_t j = 0; j < n; j++) {
			RowRef at = g->order[i + j];
			const uint8_t *bits = bases[at.batch];
			byte |= (bits == NULL || bit_beside_others(bits, at.row) ? 1U : 0U) << j;
		}
		out[i / 8] = (uint8_t)byte;
	}
}

static Status
gather_validity(const Gather *g, const Field *field, const Column *const *sources,
				const uint8_t **bases, Column *out)
{
	bool nulls = false;
	for (uint32_t s = 0; s < g->sources; s++) {
		bool has = sources[s]->null_count > 0;
		bases[s] = has ? sources[s]->validity.data : NULL;
		nulls |= has;
	}
	if (!nulls)
		return ST_OK;
	uint8_t *bits = new_buffer(g, bits_bytes(g->rows), &out->validity);
	if (bits == NULL)
		return no_memory(g, field);
	gather_bits(g, bases, bits);
	out->null_count = g->rows - bits_count(bits, g->rows);
	return ST_OK;
}

#define DEFINE_GATHER(name, T)                                                                     \
	static void name(const Gather *g, const uint8_t *const *bases, void *out)                      \
	{                                                                                              \
		T *to = out;                                                                               \
		for (int64_t i = 0; i < g->rows; i++)                                                      \
			to[i] = ((const T *)(const void *)bases[g->order[i].batch])[g->order[i].row];          \
	}
typedef struct Pair {
	uint64_t halves[2];
} Pair;
DEFINE_GATHER(gather_1, uint8_t)
DEFINE_GATHER(gather_2, uint16_t)
DEFINE_GATHER(gather_4, uint32_t)
DEFINE_GATHER(gather_8, uint64_t)
DEFINE_GATHER(gather_16, Pair)

static void
gather_width(const Gather *g, const uint8_t *const *bases, size_t width, uint8_t *out)
{
	for (int64_t i = 0; i < g->rows; i++)
		memcpy(out + (size_t)i * width, bases[g->order[i].batch] + g->order[i].row * width, width);
}

static Status
gather_fixed(const Gather *g, const Field *field, const TypeLayout *layout,
			 const Column *const *sources, const uint8_t **bases, Column *out)
{
	uint8_t *values = new_buffer(g, values_bytes(layout, g->rows), &out->values);
	if (values == NULL)
		return no_memory(g, field);
	for (uint32_t s = 0; s < g->sources; s++)
		bases[s] = sources[s]->values.data;

	if (field->type.id == TYPE_FIXED_BINARY) { // aligned to nothing
		gather_width(g, bases, (size_t)field->type.width, values);
		return ST_OK;
	}
	switch (layout->value_bits) {
	case 1: gather_bits(g, bases, values); break;
	case 8: gather_1(g, bases, values); break;
	case 16: gather_2(g, bases, values); break;
	case 32: gather_4(g, bases, values); break;
	case 64: gather_8(g, bases, values); break;
	default: gather_16(g, bases, values); break;
	}
	return ST_OK;
}

// The data buffers of all sources, one source's behind the other's. firsts[s] is where those of
// source s begin.
static Status
gather_variadic(const Gather *g, const Field *field, const Column *const *sources, int32_t *firsts,
				Column *out)
{
	uint64_t total = 0;
	for (uint32_t s = 0; s < g->sources; s++) {
		firsts[s] = (int32_t)total;
		total += (uint64_t)sources[s]->variadic_count;
		if (total > INT32_MAX)
			return too_long(g, field);
	}
	out->variadic = owners_array(g->owners, total, sizeof(Slice));
	if (out->variadic == NULL)
		return no_memory(g, field);
	out->variadic_count = (int32_t)total;
	for (uint32_t s = 0; s < g->sources; s++) {
		for (int32_t v = 0; v < sources[s]->variadic_count; v++)
			out->variadic[firsts[s] + v] = sources[s]->variadic[v];
	}
	return ST_OK;
}

// Views go on pointing into the data of their sources.
static Status
gather_views(const Gather *g, const Field *field, const Column *const *sources, Column *out)
{
	SCOPED(mem_drop) int32_t *firsts = mem_alloc_array((size_t)g->sources + 1, sizeof(*firsts));
	uint8_t *views = new_buffer(g, (size_t)g->rows * sizeof(View), &out->values);
	if (firsts == NULL || views == NULL)
		return no_memory(g, field);
	TRY(gather_variadic(g, field, sources, firsts, out));
	for (int64_t i = 0; i < g->rows; i++) {
		RowRef at = g->order[i];
		View view = {0}; // a NULL's may be anything
		if (column_valid(sources[at.batch], at.row))
			view = column_view(sources[at.batch], at.row);
		if (view.len > (int32_t)sizeof(view.inlined))
			view.buffer += firsts[at.batch];
		memcpy(views + (size_t)i * sizeof(View), &view, sizeof(view));
	}
	return ST_OK;
}

// Each sums lengths into the offsets of out and returns the sum; past 32 bits the offsets are void.
#define DEFINE_GATHER_OFFSETS(name, T)                                                             \
	static uint64_t name(const Gather *g, const uint8_t *const *bases, void *out)                  \
	{                                                                                              \
		T *to = out;                                                                               \
		uint64_t end = 0;                                                                          \
		to[0] = 0;                                                                                 \
		for (int64_t i = 0; i < g->rows; i++) {                                                    \
			const T *at = (const T *)(const void *)bases[g->order[i].batch] + g->order[i].row;     \
			end += (uint64_t)(at[1] - at[0]);                                                      \
			to[i + 1] = (T)end;                                                                    \
		}                                                                                          \
		return end;                                                                                \
	}
DEFINE_GATHER_OFFSETS(gather_offsets_4, int32_t)
DEFINE_GATHER_OFFSETS(gather_offsets_8, int64_t)

static Status
gather_offsets(const Gather *g, const Field *field, uint8_t width, const Column *const *sources,
			   const uint8_t **bases, Column *out, uint64_t *end)
{
	uint8_t *offsets = new_buffer(g, (size_t)(g->rows + 1) * width, &out->offsets);
	if (offsets == NULL)
		return no_memory(g, field);
	for (uint32_t s = 0; s < g->sources; s++)
		bases[s] = sources[s]->offsets.data;
	*end = width == 4 ? gather_offsets_4(g, bases, offsets) : gather_offsets_8(g, bases, offsets);
	return width == 4 && *end > INT32_MAX ? too_long(g, field) : ST_OK;
}

static Status
gather_bytes(const Gather *g, const Field *field, uint8_t width, const Column *const *sources,
			 const uint8_t **bases, Column *out)
{
	uint64_t end = 0;
	TRY(gather_offsets(g, field, width, sources, bases, out, &end));
	uint8_t *to = new_buffer(g, end, &out->values);
	if (to == NULL)
		return no_memory(g, field);
	for (int64_t i = 0; i < g->rows; i++) {
		const Column *source = sources[g->order[i].batch];
		int64_t row = g->order[i].row;
		int64_t at = column_offset(source, width, row);
		size_t len = (size_t)(column_offset(source, width, row + 1) - at);
		memcpy(to, source->values.data + at, len);
		to += len;
	}
	return ST_OK;
}

static Status
gather_children(const Gather *g, const Field *field, const Column *const *sources, Column *out)
{
	SCOPED(mem_drop)
	const Column **items = mem_alloc_array((size_t)g->sources + 1, sizeof(*items));
	Column *children = owners_array(g->owners, (size_t)field->child_count, sizeof(*children));
	if (items == NULL || children == NULL)
		return no_memory(g, field);
	for (int32_t i = 0; i < field->child_count; i++) {
		for (uint32_t s = 0; s < g->sources; s++)
			items[s] = &sources[s]->children[i];
		TRY(column_gather(g, &field->children[i], items, &children[i]));
	}
	out->children = children;
	out->child_count = field->child_count;
	return ST_OK;
}

// Where row i's items are in its source: from *at, as many as returned.
static int64_t
items_of(const Field *field, uint8_t width, const Column *source, int64_t row, int64_t *at)
{
	if (width == 0) {
		*at = row * field->type.width;
		return field->type.width;
	}
	*at = column_offset(source, width, row);
	return column_offset(source, width, row + 1) - *at;
}

static Status
gather_items(const Gather *g, const Field *field, uint8_t width, uint64_t total,
			 const Column *const *sources, Column *out)
{
	SCOPED(mem_drop) RowRef *order = mem_alloc_array(total + 1, sizeof(*order));
	if (order == NULL)
		return no_memory(g, field);
	for (uint32_t s = 0; s < g->sources; s++) {
		if (sources[s]->children[0].length > UINT32_MAX)
			return too_long(g, field);
	}
	RowRef *next = order;
	for (int64_t i = 0; i < g->rows; i++) {
		RowRef row = g->order[i];
		int64_t at = 0;
		int64_t count = items_of(field, width, sources[row.batch], row.row, &at);
		for (int64_t n = 0; n < count; n++)
			*next++ = (RowRef){row.batch, (uint32_t)(at + n)};
	}
	Gather items = *g;
	items.order = order;
	items.rows = (int64_t)total;
	return gather_children(&items, field, sources, out);
}

Status
column_gather(const Gather *g, const Field *field, const Column *const *sources, Column *out)
{
	SCOPED(mem_drop)
	const uint8_t **bases = mem_alloc_array((size_t)g->sources + 1, sizeof(*bases));
	if (bases == NULL)
		return no_memory(g, field);
	*out = (Column){.length = g->rows};
	TypeLayout layout = type_layout(&field->type);
	if (!layout.validity) {
		out->null_count = g->rows;
		return ST_OK;
	}
	TRY(gather_validity(g, field, sources, bases, out));

	uint64_t total = 0;
	if (field->type.id == TYPE_STRUCT)
		return gather_children(g, field, sources, out);
	if (field->type.id == TYPE_FIXED_LIST)
		return __builtin_mul_overflow((uint64_t)g->rows, (uint64_t)field->type.width, &total)
				   ? too_long(g, field)
				   : gather_items(g, field, 0, total, sources, out);
	if (type_is_view(field->type.id))
		return gather_views(g, field, sources, out);
	if (layout.offset_bytes == 0)
		return gather_fixed(g, field, &layout, sources, bases, out);
	if (layout.values)
		return gather_bytes(g, field, layout.offset_bytes, sources, bases, out);
	TRY(gather_offsets(g, field, layout.offset_bytes, sources, bases, out, &total));
	return gather_items(g, field, layout.offset_bytes, total, sources, out);
}

static uint32_t
count_sources(const RowRef *order, int64_t rows)
{
	uint32_t last = 0;
	for (int64_t i = 0; i < rows; i++)
		last = order[i].batch > last ? order[i].batch : last;
	return rows == 0 ? 0 : last + 1;
}

static bool
is_absent(const Batch *batch, int32_t column, const Field *field)
{
	return field->type.id != TYPE_NULL &&
		   schema_field(batch_schema(batch), column)->type.id == TYPE_NULL;
}

// One NULL stands for all rows of the sources that have nothing else.
static Status
gather_beside_absent(const Gather *g, Batch *const *batches, int32_t column, const Field *field,
					 const Column **sources, Column *out)
{
	Column null;
	SCOPED(mem_drop) RowRef *order = mem_alloc_array((size_t)g->rows + 1, sizeof(*order));
	if (order == NULL)
		return no_memory(g, field);
	TRY(column_nulls(field, 1, g->pool, g->owners, &null, g->err));
	for (uint32_t s = 0; s < g->sources; s++)
		if (is_absent(batches[s], column, field))
			sources[s] = &null;
	for (int64_t i = 0; i < g->rows; i++) {
		RowRef at = g->order[i];
		order[i] = (RowRef){at.batch, sources[at.batch] == &null ? 0 : at.row};
	}
	Gather beside = *g;
	beside.order = order;
	return column_gather(&beside, field, sources, out);
}

static Status
gather_columns(const Gather *g, Batch *const *batches, Schema *schema, Column *columns)
{
	SCOPED(mem_drop)
	const Column **sources = mem_alloc_array((size_t)g->sources + 1, sizeof(*sources));
	if (sources == NULL)
		return error_no_memory(g->err, "a batch");
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		bool absent = false;
		for (uint32_t s = 0; s < g->sources; s++) {
			sources[s] = batch_column(batches[s], i);
			absent |= is_absent(batches[s], i, field);
		}
		if (absent)
			TRY(gather_beside_absent(g, batches, i, field, sources, &columns[i]));
		else
			TRY(column_gather(g, field, sources, &columns[i]));
	}
	return ST_OK;
}

static bool
has_views(const Field *fields, int32_t count)
{
	for (int32_t i = 0; i < count; i++) {
		if (type_is_view(fields[i].type.id) || has_views(fields[i].children, fields[i].child_count))
			return true;
	}
	return false;
}

Status
batch_gather(Batch *const *batches, const RowRef *order, int64_t rows, Schema *schema,
			 BytesPool *pool, Batch **out, Error *err)
{
	int32_t count = schema_field_count(schema);
	SCOPED(owners_drop) Owners *owners = owners_new();
	SCOPED(mem_drop) Column *columns = mem_alloc_array((size_t)count + 1, sizeof(*columns));
	if (owners == NULL || columns == NULL)
		return error_no_memory(err, "a batch");
	Gather gather = {order, rows, count_sources(order, rows), pool, owners, err};
	TRY(gather_columns(&gather, batches, schema, columns));
	if (count > 0 && has_views(schema_field(schema, 0), count)) {
		for (uint32_t s = 0; s < gather.sources; s++) {
			if (!owners_add_batch(owners, batches[s]))
				return error_no_memory(err, "a batch");
		}
	}

	int32_t owner_count = 0;
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(schema, rows, columns, list, owner_count, out, err);
}
