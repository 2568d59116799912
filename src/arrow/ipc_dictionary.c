// Dictionaries. Each keeps the batches it was sent in: one, and one more for each delta. A column
// is decoded by gathering rows of these; a NULL index names the row of one more batch that is NULL.
//
// A few indexes can name the same large value millions of times, so each row is weighed before it
// is copied.

#include <inttypes.h>

#include "arrow/column_int.h"
#include "arrow/gather_int.h"
#include "arrow/ipc_int.h"
#include "base/mem.h"

typedef struct Part {
	Batch *batch;
	uint64_t begin; // rows of the parts before it
	uint64_t rows;
	uint64_t *weights; // of each row when it is copied, in bytes, at least 1
} Part;

struct IpcDictionary {
	int64_t id;
	Schema *wire; // of one column
	Part *parts;
	int32_t count;
	int32_t cap;
	uint64_t held_bytes;
};

static uint64_t
weigh(const Field *field, const Column *c, int64_t begin, int64_t end)
{
	TypeLayout layout = type_layout(&field->type);
	uint64_t rows = (uint64_t)(end - begin);
	uint64_t weight = rows * (1 + layout.offset_bytes + (uint64_t)layout.value_bits / 8);
	if (layout.offset_bytes > 0) {
		begin = column_offset(c, layout.offset_bytes, begin);
		end = column_offset(c, layout.offset_bytes, end);
		if (layout.values)
			weight += (uint64_t)(end - begin);
	}
	if (type_is_view(field->type.id)) {
		for (int64_t i = begin; i < end; i++)
			weight += column_valid(c, i) ? (uint64_t)column_view(c, i).len : 0;
	}
	if (field->type.id == TYPE_FIXED_LIST) {
		begin *= field->type.width;
		end *= field->type.width;
	}
	for (int32_t i = 0; i < c->child_count; i++)
		weight += weigh(&field->children[i], &c->children[i], begin, end);
	return weight;
}

static void
drop_parts(IpcDictionary *d)
{
	for (int32_t i = 0; i < d->count; i++) {
		batch_unref(d->parts[i].batch);
		mem_free(d->parts[i].weights);
	}
	d->count = 0;
	d->held_bytes = 0;
}

void
ipc_dictionaries_close(IpcDictionaries *set)
{
	for (int32_t i = 0; i < set->count; i++) {
		drop_parts(&set->list[i]);
		mem_free(set->list[i].parts);
		schema_unref(set->list[i].wire);
	}
	mem_free(set->list);
	*set = (IpcDictionaries){0};
}

IpcDictionary *
ipc_dictionary_find(const IpcDictionaries *set, int64_t id)
{
	for (int32_t i = 0; i < set->count; i++) {
		if (set->list[i].id == id)
			return &set->list[i];
	}
	return NULL;
}

Schema *
ipc_dictionary_schema(const IpcDictionary *d)
{
	return d->wire;
}

static int32_t
count_fields(const Field *field)
{
	int32_t count = field->dictionary;
	for (int32_t i = 0; i < field->child_count; i++)
		count += count_fields(&field->children[i]);
	return count;
}

// Adds those of a field and of its children.
static Status
collect(IpcDictionaries *set, const Field *field, Error *err)
{
	for (int32_t i = 0; i < field->child_count; i++)
		TRY(collect(set, &field->children[i], err));
	if (!field->dictionary)
		return ST_OK;
	const IpcDictionary *known = ipc_dictionary_find(set, field->dictionary_id);
	if (known != NULL && !field_equal(schema_field(known->wire, 0), field, false))
		return error_set(err, ST_INVALID,
						 "column '%.64s': another type of values has dictionary id %" PRId64 " too",
						 field->name, field->dictionary_id);
	if (known != NULL)
		return ST_OK;

	Field values = *field;
	values.dictionary = false;
	values.nullable = true; // not all that share it need to be
	IpcDictionary *d = &set->list[set->count];
	TRY(schema_new(&values, 1, NULL, 0, &d->wire, err));
	d->id = field->dictionary_id;
	set->count++;
	return ST_OK;
}

Status
ipc_dictionaries_init(IpcDictionaries *set, const Schema *wire, Error *err)
{
	int32_t count = 0;
	for (int32_t i = 0; i < schema_field_count(wire); i++)
		count += count_fields(schema_field(wire, i));
	if (count == 0)
		return ST_OK;
	set->list = mem_alloc_array((size_t)count, sizeof(*set->list));
	if (set->list == NULL)
		return error_no_memory(err, "dictionaries");
	for (int32_t i = 0; i < schema_field_count(wire); i++)
		TRY(collect(set, schema_field(wire, i), err));
	return ST_OK;
}

static Status
reserve_part(IpcDictionary *d, Error *err)
{
	if (d->count < d->cap)
		return ST_OK;
	int32_t cap = d->cap == 0 ? 1 : 2 * d->cap;
	Part *parts = mem_resize(d->parts, (size_t)cap * sizeof(*parts));
	if (parts == NULL)
		return error_no_memory(err, "a dictionary");
	d->parts = parts;
	d->cap = cap;
	return ST_OK;
}

static uint64_t
dictionary_rows(const IpcDictionary *d)
{
	if (d->count == 0)
		return 0;
	const Part *last = &d->parts[d->count - 1];
	return last->begin + last->rows;
}

Status
ipc_dictionary_put(IpcDictionaries *set, IpcDictionary *d, Batch *values, bool delta,
				   uint64_t limit, Error *err)
{
	const Field *field = schema_field(d->wire, 0);
	int64_t rows = batch_rows(values);
	if (delta && d->count == 0)
		return error_set(err, ST_INVALID,
						 "column '%.64s': values are to be added to a dictionary that was never "
						 "sent",
						 field->name);
	if (delta && rows == 0)
		return ST_OK;
	uint64_t held = batch_held_bytes(values) + (uint64_t)rows * sizeof(uint64_t);
	uint64_t sum = held;
	for (int32_t i = 0; i < set->count; i++)
		sum += &set->list[i] == d && !delta ? 0 : set->list[i].held_bytes;
	if (sum > limit)
		return error_set(err, ST_LIMIT,
						 "column '%.64s': the stream's dictionaries hold more than %" PRIu64
						 " bytes: send plain values",
						 field->name, limit);
	TRY(reserve_part(d, err));
	uint64_t *weights = mem_alloc_array((size_t)rows + 1, sizeof(*weights));
	if (weights == NULL)
		return error_no_memory(err, "a dictionary");
	for (int64_t i = 0; i < rows; i++)
		weights[i] = weigh(field, batch_column(values, 0), i, i + 1);

	if (!delta)
		drop_parts(d);
	d->parts[d->count] = (Part){batch_ref(values), dictionary_rows(d), (uint64_t)rows, weights};
	d->count++;
	d->held_bytes += held;
	return ST_OK;
}

// What `rows` NULLs weigh: nothing but lists of one size makes them many.
static uint64_t
weigh_nulls(const Field *field, uint64_t rows)
{
	TypeLayout layout = type_layout(&field->type);
	uint64_t weight = rows * (1 + layout.offset_bytes + (uint64_t)layout.value_bits / 8);
	if (layout.offset_bytes > 0)
		rows = 0;
	if (field->type.id == TYPE_FIXED_LIST)
		rows *= (uint64_t)field->type.width;
	for (int32_t i = 0; i < field->child_count && weight <= INT32_MAX; i++)
		weight += rows > INT32_MAX ? rows : weigh_nulls(&field->children[i], rows);
	return weight;
}

// One column while it is decoded: for each row of indexes, a row of a part or the NULL.
typedef struct Decoding {
	const IpcDictionary *d;
	const Field *field;
	uint64_t *indexes; // negative ones are larger than any dictionary
	RowRef *order;
	const Column **sources; // the parts, then a column of one NULL
	uint64_t null_weight;
	uint64_t weight;
} Decoding;

static const Part *
part_of(const IpcDictionary *d, uint64_t index)
{
	int32_t low = 0;
	int32_t high = d->count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (index < d->parts[middle].begin + d->parts[middle].rows)
			high = middle;
		else
			low = middle + 1;
	}
	return low == d->count ? NULL : &d->parts[low];
}

static Status
name_rows(Decoding *decoding, const Column *indexes, Error *err)
{
	const IpcDictionary *d = decoding->d;
	const RowRef null = {(uint32_t)d->count, 0};
	const Part *part = d->count == 0 ? NULL : d->parts; // of the row before: mostly of this one too
	for (int64_t i = 0; i < indexes->length; i++) {
		if (!column_valid(indexes, i)) {
			decoding->order[i] = null;
			decoding->weight += decoding->null_weight;
			continue;
		}
		uint64_t index = decoding->indexes[i];
		if (part == NULL || index - part->begin >= part->rows)
			part = part_of(d, index);
		if (part == NULL)
			return error_set(err, ST_INVALID,
							 "column '%.64s': row %" PRId64 " is not in its dictionary of %" PRIu64
							 " values",
							 decoding->field->name, i, dictionary_rows(d));
		uint64_t row = index - part->begin;
		decoding->order[i] = (RowRef){(uint32_t)(part - d->parts), (uint32_t)row};
		decoding->weight += part->weights[row];
	}
	return ST_OK;
}

// Memory for the column's rows, once its buffers are known to have so many.
static Status
prepare(Decoding *decoding, Column *column, Arena *arena, Error *err)
{
	const Field plain = {
		.name = decoding->field->name,
		.type.id = decoding->field->index_type,
	};
	TRY(column_validate(&plain, column, err));
	size_t rows = (size_t)column->length;
	decoding->indexes = arena_array(arena, rows, sizeof(*decoding->indexes));
	decoding->order = arena_array(arena, rows, sizeof(*decoding->order));
	decoding->sources =
		arena_array(arena, (size_t)decoding->d->count + 1, sizeof(*decoding->sources));
	TRY(arena_status(arena, err, "decoding a dictionary"));

	const Type wide = {.id = plain.type.id < TYPE_UINT8 ? TYPE_INT64 : TYPE_UINT64};
	values_widen(&plain.type, &wide, column->values.data, column->length, decoding->indexes);
	if (column->null_count > 0)
		decoding->null_weight = weigh_nulls(decoding->field, 1);
	return ST_OK;
}

static Status
take_weight(const Decoding *decoding, uint64_t *budget, Error *err)
{
	// Offsets of what is decoded must fit into 31 bits.
	if (decoding->weight > *budget || decoding->weight > INT32_MAX)
		return error_set(err, ST_LIMIT,
						 "column '%.64s': decoded, the batch is too large: send smaller ones",
						 decoding->field->name);
	*budget -= decoding->weight;
	return ST_OK;
}

// The data of views is not copied: they go on pointing into the dictionary.
static bool
has_views(const Column *c)
{
	bool has = c->variadic_count > 0;
	for (int32_t i = 0; i < c->child_count; i++)
		has |= has_views(&c->children[i]);
	return has;
}

static Status
gather(const Decoding *decoding, int64_t rows, BytesPool *pool, Owners *owners, Column *out,
	   Error *err)
{
	const IpcDictionary *d = decoding->d;
	const Field *values = schema_field(d->wire, 0);
	uint32_t sources = (uint32_t)d->count;
	Column null;
	if (decoding->null_weight > 0) {
		TRY(column_nulls(values, 1, pool, owners, &null, err));
		decoding->sources[sources++] = &null;
	}
	for (int32_t i = 0; i < d->count; i++)
		decoding->sources[i] = batch_column(d->parts[i].batch, 0);
	const Gather gather = {decoding->order, rows, sources, pool, owners, err};
	TRY(column_gather(&gather, values, decoding->sources, out));
	for (int32_t i = 0; i < d->count && has_views(out); i++) {
		if (!owners_add_batch(owners, d->parts[i].batch))
			return error_no_memory(err, "a decoded dictionary");
	}
	return ST_OK;
}

static Status
decode(Decoding *decoding, Column *column, Arena *arena, uint64_t *budget, BytesPool *pool,
	   Owners *owners, Error *err)
{
	TRY(prepare(decoding, column, arena, err));
	TRY(name_rows(decoding, column, err));
	TRY(take_weight(decoding, budget, err));
	return gather(decoding, column->length, pool, owners, column, err);
}

Status
ipc_dictionary_decode(const IpcDictionary *d, const Field *field, Column *column, uint64_t *budget,
					  BytesPool *pool, Owners *owners, Error *err)
{
	Decoding decoding = {.d = d, .field = field};
	Arena arena = ARENA_INIT;
	Status st = decode(&decoding, column, &arena, budget, pool, owners, err);
	arena_close(&arena);
	return st;
}
