// Encoded, as a WAL_SCHEMA record holds it (little-endian):
//
//     u32 table id · u32 columns · u32 column id for each
//     counted bytes: an Arrow IPC schema message

#include "store/shape.h"

#include <inttypes.h>
#include <stdatomic.h>

#include "arrow/convert.h"
#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/mem.h"
#include "base/reader.h"

struct Shape {
	atomic_uint refs;
	uint32_t id;
	uint32_t table_id;
	Schema *schema;
	uint32_t *column_ids;
	Buf encoded;
};

static Status
encode(Shape *shape, Error *err)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	TRY(ipc_write_schema(shape->schema, &message, err));
	int32_t count = schema_field_count(shape->schema);
	buf_add_u32(&shape->encoded, shape->table_id);
	buf_add_u32(&shape->encoded, (uint32_t)count);
	for (int32_t i = 0; i < count; i++)
		buf_add_u32(&shape->encoded, shape->column_ids[i]);
	buf_add_u32(&shape->encoded, (uint32_t)message.len);
	buf_add_slice(&shape->encoded, buf_slice(&message));
	return buf_status(&shape->encoded, err, "a schema");
}

static Status
shape_alloc(uint32_t id, uint32_t table_id, Schema *schema, Shape **out, Error *err)
{
	Shape *shape = mem_alloc(sizeof(*shape));
	if (shape == NULL)
		return error_no_memory(err, "a schema");
	atomic_init(&shape->refs, 1);
	shape->id = id;
	shape->table_id = table_id;
	shape->schema = schema_ref(schema);
	shape->column_ids = mem_alloc_array((size_t)schema_field_count(schema) + 1, sizeof(uint32_t));
	if (shape->column_ids == NULL) {
		shape_unref(shape);
		return error_no_memory(err, "a schema");
	}
	*out = shape;
	return ST_OK;
}

Status
shape_new(uint32_t id, TableDef *def, Schema *schema, Shape **out, Error *err)
{
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_alloc(id, table_id(def), schema, &shape, err));
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		int32_t at = schema_find(table_schema(def), schema_field(schema, i)->name);
		if (at < 0)
			return error_set(err, ST_INTERNAL, "column \"%s\" is not in table \"%s\"",
							 schema_field(schema, i)->name, table_name(def));
		shape->column_ids[i] = table_column_id(def, at);
	}
	TRY(encode(shape, err));
	*out = TAKE(shape);
	return ST_OK;
}

static Status
damaged(Error *err)
{
	return error_set(err, ST_CORRUPT, "a schema of the log is damaged");
}

// Its types must be those of tables.
static Status
read_message(Slice message, Schema **out, Error *err)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(schema_drop) Schema *canonical = NULL;
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	Status st = ipc_reader_new(message, limits, NULL, &reader, err);
	if (st == ST_OK)
		st = schema_canonical(ipc_reader_schema(reader), &canonical, err);
	if (st != ST_OK)
		return st == ST_NO_MEMORY ? st : damaged(err);
	if (!schema_equal(canonical, ipc_reader_schema(reader)))
		return damaged(err);
	*out = schema_ref(ipc_reader_schema(reader));
	return ST_OK;
}

Status
shape_decode(Slice encoded, uint32_t id, Shape **out, Error *err)
{
	Reader r = reader_of(encoded);
	uint32_t table = reader_u32(&r), count = reader_u32(&r);
	Reader ids = reader_of(reader_bytes(&r, 4 * (size_t)count));
	Slice message = reader_counted(&r);
	if (r.failed || reader_left(&r) != 0)
		return damaged(err);
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(read_message(message, &schema, err));
	if ((uint32_t)schema_field_count(schema) != count)
		return damaged(err);
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_alloc(id, table, schema, &shape, err));
	for (uint32_t i = 0; i < count; i++)
		shape->column_ids[i] = reader_u32(&ids);
	TRY(encode(shape, err));
	*out = TAKE(shape);
	return ST_OK;
}

Status
shape_check(const Shape *shape, const TableDef *def, Error *err)
{
	if (shape->table_id != table_id(def))
		return error_set(err, ST_CORRUPT, "rows of table %" PRIu32 " for table \"%s\"",
						 shape->table_id, table_name(def));
	for (int32_t i = 0; i < schema_field_count(shape->schema); i++) {
		int32_t at = table_column_by_id(def, shape->column_ids[i]);
		const Field *field = schema_field(shape->schema, i);
		if (at >= 0 && !field_widens(field, schema_field(table_schema(def), at)))
			return error_set(err, ST_CORRUPT, "column \"%s\" does not fit table \"%s\"",
							 field->name, table_name(def));
	}
	return ST_OK;
}

int32_t
shape_dropped_column(const Shape *shape, const TableDef *def)
{
	for (int32_t i = 0; i < schema_field_count(shape->schema); i++)
		if (table_column_by_id(def, shape->column_ids[i]) < 0)
			return i;
	return -1;
}

bool
shape_is_named(const Shape *shape, const TableDef *def)
{
	for (int32_t i = 0; i < schema_field_count(shape->schema); i++) {
		int32_t at = schema_find(table_schema(def), schema_field(shape->schema, i)->name);
		if (at < 0 || table_column_id(def, at) != shape->column_ids[i])
			return false;
	}
	return true;
}

Shape *
shape_ref(Shape *shape)
{
	atomic_fetch_add_explicit(&shape->refs, 1, memory_order_relaxed);
	return shape;
}

void
shape_unref(Shape *shape)
{
	if (shape == NULL || atomic_fetch_sub_explicit(&shape->refs, 1, memory_order_acq_rel) > 1)
		return;
	schema_unref(shape->schema);
	mem_free(shape->column_ids);
	buf_close(&shape->encoded);
	mem_free(shape);
}

uint32_t
shape_id(const Shape *shape)
{
	return shape->id;
}

uint32_t
shape_table_id(const Shape *shape)
{
	return shape->table_id;
}

Schema *
shape_schema(const Shape *shape)
{
	return shape->schema;
}

Slice
shape_encoded(const Shape *shape)
{
	return buf_slice(&shape->encoded);
}

uint32_t
shape_column_id(const Shape *shape, int32_t i)
{
	return shape->column_ids[i];
}

bool
shape_is_whole(const Shape *shape, const TableDef *def)
{
	const Schema *table = table_schema(def);
	int32_t count = schema_field_count(table);
	if (schema_field_count(shape->schema) != count)
		return false;
	for (int32_t i = 0; i < count; i++)
		if (shape->column_ids[i] != table_column_id(def, i) ||
			!field_equal(schema_field(shape->schema, i), schema_field(table, i), false))
			return false;
	return true;
}

int32_t
shape_column_of(const Shape *shape, uint32_t column_id)
{
	for (int32_t i = 0; i < schema_field_count(shape->schema); i++)
		if (shape->column_ids[i] == column_id)
			return i;
	return -1;
}

void
shape_map(const Shape *shape, const TableDef *def, int32_t *map)
{
	for (int32_t c = 0; c < table_column_count(def); c++) {
		map[c] = shape_column_of(shape, table_column_id(def, c));
	}
}

// An absent column, and one of which nothing but NULL is known yet.
static bool
has_no_values(const Batch *batch, int32_t at)
{
	return at < 0 || schema_field(batch_schema(batch), at)->type.id == TYPE_NULL;
}

static Status
sparse_schema(const Batch *batch, const int32_t *map, const TableDef *def, Schema **out, Error *err)
{
	const Schema *table = table_schema(def);
	int32_t count = schema_field_count(table);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "rows");
	for (int32_t c = 0; c < count; c++) {
		fields[c] = *schema_field(table, c);
		if (has_no_values(batch, map[c]))
			fields[c] =
				(Field){.name = fields[c].name, .type = {.id = TYPE_NULL}, .nullable = true};
	}
	return schema_new(fields, count, NULL, 0, out, err);
}

static Status
table_columns(const Batch *batch, const int32_t *map, const Schema *table, BytesPool *pool,
			  Owners *owners, Column *columns, Error *err)
{
	const Schema *from = batch_schema(batch);
	for (int32_t c = 0; c < schema_field_count(table); c++) {
		const Field *to = schema_field(table, c);
		if (map[c] < 0)
			TRY(column_nulls(to, batch_rows(batch), pool, owners, &columns[c], err));
		else
			TRY(column_widen(schema_field(from, map[c]), batch_column(batch, map[c]), to, pool,
							 owners, &columns[c], err));
	}
	return ST_OK;
}

static Status
to_schema(Batch *batch, const int32_t *map, Schema *to, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(mem_drop)
	Column *columns = mem_alloc_array((size_t)schema_field_count(to), sizeof(*columns));
	SCOPED(owners_drop) Owners *owners = owners_new();
	if (columns == NULL || owners == NULL || !owners_add_batch(owners, batch))
		return error_no_memory(err, "rows");
	TRY(table_columns(batch, map, to, pool, owners, columns, err));
	int32_t owner_count;
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(to, batch_rows(batch), columns, list, owner_count, out, err);
}

Status
batch_to_table(Batch *batch, const int32_t *map, TableDef *def, BytesPool *pool, Batch **out,
			   Error *err)
{
	return to_schema(batch, map, table_schema(def), pool, out, err);
}

static Status
convert(const Shape *shape, TableDef *def, Batch *batch, bool sparse, BytesPool *pool, Batch **out,
		Error *err)
{
	if (shape_is_whole(shape, def)) {
		*out = batch_ref(batch);
		return ST_OK;
	}
	SCOPED(mem_drop)
	int32_t *map = mem_alloc_array((size_t)table_column_count(def), sizeof(*map));
	SCOPED(schema_drop) Schema *schema = NULL;
	if (map == NULL)
		return error_no_memory(err, "rows");
	shape_map(shape, def, map);
	if (sparse)
		TRY(sparse_schema(batch, map, def, &schema, err));
	return to_schema(batch, map, sparse ? schema : table_schema(def), pool, out, err);
}

Status
shape_to_sparse(const Shape *shape, TableDef *def, Batch *batch, BytesPool *pool, Batch **out,
				Error *err)
{
	return convert(shape, def, batch, true, pool, out, err);
}

Status
shape_to_table(const Shape *shape, TableDef *def, Batch *batch, BytesPool *pool, Batch **out,
			   Error *err)
{
	return convert(shape, def, batch, false, pool, out, err);
}
