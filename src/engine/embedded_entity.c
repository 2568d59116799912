// embedded_entity.c - entities of mobius.h: rows that are known by their ids.
//
// An update is a put of the whole row: of rows with one id the last is seen. It must not undo what
// came since the row was read. Puts are told apart when they get their numbers; deletions are kept
// away by the lock that they, too, hold from their first read to their commit.

#include <inttypes.h>

#include "arrow/convert.h"
#include "base/mem.h"
#include "engine/embedded_entity_int.h"

enum { TRIES = 64 }; // of an update, while puts come that may be of its entity

// ---- get ----

static Status
get(mobius_collection *collection, int64_t id, struct ArrowSchema *schema, struct ArrowArray *out,
	Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(entity_found_close) EntityFound found = {0};
	TRY(embedded_entity_check(collection, &def, err));
	TRY(embedded_entity_find(collection, def, id, false, &found, err));
	return found.row != NULL ? embedded_entity_export(found.row, schema, out, err)
							 : embedded_entity_missing(def, id, err);
}

mobius_status
mobius_collection_get(mobius_collection *collection, int64_t id, struct ArrowSchema *schema,
					  struct ArrowArray *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(get(collection, id, schema, out, &e), &e, err);
}

static Status
contains(mobius_collection *collection, int64_t id, bool *out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(entity_found_close) EntityFound found = {0};
	TRY(embedded_entity_check(collection, &def, err));
	TRY(embedded_entity_find(collection, def, id, false, &found, err));
	*out = found.row != NULL;
	return ST_OK;
}

mobius_status
mobius_collection_contains(mobius_collection *collection, int64_t id, bool *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(contains(collection, id, out, &e), &e, err);
}

// ---- the same of one segment ----

static Status
find_in(const mobius_segment *segment, int64_t id, TableDef **def, EntityFound *out, Error *err)
{
	SCOPED(entity_found_close) EntityFound found = {0};
	TRY(embedded_entity_check(segment->collection, def, err));
	TRY(embedded_entity_find(segment->collection, *def, id, true, &found, err));
	if (found.row != NULL && found.segment_id == segment->id) {
		*out = found;
		found = (EntityFound){0};
	}
	return ST_OK;
}

static Status
get_in(const mobius_segment *segment, int64_t id, struct ArrowSchema *schema,
	   struct ArrowArray *out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(entity_found_close) EntityFound found = {0};
	TRY(find_in(segment, id, &def, &found, err));
	if (found.row != NULL)
		return embedded_entity_export(found.row, schema, out, err);
	return error_set(err, ST_NOT_FOUND,
					 "segment %" PRIu64 " of collection \"%s\" does not have entity %" PRId64
					 " as it is now",
					 segment->id, table_name(def), id);
}

mobius_status
mobius_segment_get(mobius_segment *segment, int64_t id, struct ArrowSchema *schema,
				   struct ArrowArray *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(get_in(segment, id, schema, out, &e), &e, err);
}

mobius_status
mobius_segment_contains(mobius_segment *segment, int64_t id, bool *out, mobius_error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(entity_found_close) EntityFound found = {0};
	Error e = ERROR_INIT;
	Status st = find_in(segment, id, &def, &found, &e);
	if (st == ST_OK)
		*out = found.row != NULL;
	return error_out(st, &e, err);
}

// ---- ids ----

static Status
next_id(const mobius_collection *collection, int64_t *out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	TRY(embedded_entity_check(collection, &def, err));
	int64_t last = table_last_id(collection->table);
	if (last == INT64_MAX)
		return error_set(err, ST_LIMIT, "collection \"%s\" has no ids left", table_name(def));
	*out = last + 1;
	return ST_OK;
}

mobius_status
mobius_collection_next_id(mobius_collection *collection, int64_t *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(next_id(collection, out, &e), &e, err);
}

// ---- rows from fields ----

typedef struct Values {
	Field *columns; // borrowed from a definition
	mobius_value *values;
	int32_t count;
} Values;

static void
values_close(Values *values)
{
	mem_free(values->columns);
	mem_free(values->values);
}

static Status
add_field(Values *values, const TableDef *def, const mobius_field *field, Error *err)
{
	const char *name = field->column != NULL ? field->column : "";
	int32_t at = schema_find(table_schema(def), name);
	if (at < 0)
		return error_set(err, ST_INVALID,
						 "collection \"%s\" has no column \"%s\"; mobius_collection_schema tells "
						 "which it has",
						 table_name(def), name);
	const Field *column = schema_field(table_schema(def), at);
	for (int32_t i = 0; i < values->count; i++)
		if (values->columns[i].name == column->name)
			return embedded_value_refuse(column, "was given twice", err);
	mobius_value value = field->value;
	TRY(embedded_value_check(column, &value, err));
	values->columns[values->count] = *column;
	values->values[values->count++] = value;
	return ST_OK;
}

static Status
values_init(Values *values, const TableDef *def, const mobius_field *fields, size_t count,
			Error *err)
{
	values->columns = mem_alloc_array(count + 1, sizeof(Field));
	values->values = mem_alloc_array(count + 1, sizeof(mobius_value));
	if (values->columns == NULL || values->values == NULL)
		return error_no_memory(err, "an entity");
	for (size_t i = 0; i < count; i++)
		TRY(add_field(values, def, &fields[i], err));
	return ST_OK;
}

// The place of the key among them; -1: it is not.
static int32_t
values_key(const Values *values, const TableDef *def)
{
	for (int32_t i = 0; i < values->count; i++)
		if (values->columns[i].name == embedded_entity_key(def))
			return i;
	return -1;
}

static Status
values_batch(const Values *values, Batch **out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(schema_new(values->columns, values->count, NULL, 0, &schema, err));
	TRY(builder_new(schema, &builder, err));
	for (int32_t i = 0; i < values->count; i++)
		embedded_value_add(&values->values[i], builder_column(builder, i));
	return builder_finish(builder, 1, out, err);
}

static Status
put(const mobius_collection *collection, Batch *row, uint64_t read_seq, int64_t *first_id,
	Error *err)
{
	const PutTarget target = {.database = table_database(collection->made),
							  .table = table_name(collection->made),
							  .wire = batch_schema(row),
							  .only = collection->table};
	const InsertSource from = {.read_seq = read_seq};
	return embedded_put(collection->db, &target, row, &from, NULL, first_id, err);
}

// ---- insert ----

static Status
insert(const mobius_collection *collection, const mobius_field *fields, size_t count, int64_t *id,
	   Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(values_close) Values values = {0};
	SCOPED(batch_drop) Batch *row = NULL;
	TRY(embedded_entity_check(collection, &def, err));
	TRY(values_init(&values, def, fields, count, err));
	int32_t key = values_key(&values, def);
	if (key < 0) { // so that there is a column, whatever else is given
		key = values.count++;
		values.columns[key] = *schema_field(table_schema(def), table_key_column(def));
	}
	TRY(values_batch(&values, &row, err));
	int64_t first_id;
	TRY(put(collection, row, 0, &first_id, err));
	if (id != NULL)
		*id = first_id != 0 ? first_id : values.values[key].as.number;
	return ST_OK;
}

mobius_status
mobius_collection_insert(mobius_collection *collection, const mobius_field *fields, size_t count,
						 int64_t *id, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(insert(collection, fields, count, id, &e), &e, err);
}

// ---- update ----

static Status
replace_columns(const Batch *values, Field *fields, Column *columns, const Schema *schema,
				Error *err)
{
	for (int32_t i = 0; i < schema_field_count(batch_schema(values)); i++) {
		const Field *field = schema_field(batch_schema(values), i);
		int32_t at = schema_find(schema, field->name);
		if (at < 0)
			return error_set(err, ST_CONFLICT, "column \"%s\" was dropped meanwhile", field->name);
		fields[at] = *field;
		columns[at] = *batch_column(values, i);
	}
	return ST_OK;
}

// The row with these values in place of its own.
static Status
updated(const Batch *row, const Batch *values, Batch **out, Error *err)
{
	const Schema *schema = batch_schema(row);
	int32_t count = schema_field_count(schema), owner_count;
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	SCOPED(mem_drop) Column *columns = mem_alloc_array((size_t)count + 1, sizeof(*columns));
	SCOPED(owners_drop) Owners *owners = owners_new();
	SCOPED(schema_drop) Schema *made = NULL;
	if (fields == NULL || columns == NULL || owners == NULL || !owners_add_batch(owners, row) ||
		!owners_add_batch(owners, values))
		return error_no_memory(err, "an entity");
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(schema, i);
		columns[i] = *batch_column(row, i);
	}
	TRY(replace_columns(values, fields, columns, schema, err));
	TRY(schema_new(fields, count, NULL, 0, &made, err));
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(made, 1, columns, list, owner_count, out, err);
}

static Status
update_once(mobius_collection *collection, const TableDef *def, int64_t id, const Batch *values,
			Error *err)
{
	SCOPED(entity_found_close) EntityFound found = {0};
	SCOPED(batch_drop) Batch *next = NULL;
	TRY(embedded_entity_find(collection, def, id, false, &found, err));
	if (found.row == NULL)
		return embedded_entity_missing(def, id, err);
	TRY(updated(found.row, values, &next, err));
	Status st = put(collection, next, found.seq, NULL, err);
	if (st == ST_CONFLICT)
		st = error_set(err, st,
					   "entity %" PRId64 " of collection \"%s\" was not updated: others kept "
					   "writing it, or ids around it, all the while; try again",
					   id, table_name(def));
	return st;
}

// What a try was refused for can be seen by the next.
static Status
update_locked(mobius_collection *collection, const TableDef *def, int64_t id, const Batch *values,
			  Error *err)
{
	Status st = ST_CONFLICT;
	for (int try = 0; st == ST_CONFLICT && try < TRIES; try++)
		st = update_once(collection, def, id, values, err);
	return st;
}

static Status
update(mobius_collection *collection, int64_t id, const mobius_field *fields, size_t count,
	   Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	SCOPED(values_close) Values values = {0};
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(embedded_entity_check(collection, &def, err));
	TRY(values_init(&values, def, fields, count, err));
	int32_t key = values_key(&values, def);
	if (key >= 0)
		return embedded_value_refuse(&values.columns[key],
									 "is the key and cannot be updated; remove the entity and "
									 "insert another",
									 err);
	TRY(values_batch(&values, &batch, err));
	table_change_lock(collection->table);
	Status st = update_locked(collection, def, id, batch, err);
	table_change_unlock(collection->table);
	return st;
}

mobius_status
mobius_collection_update(mobius_collection *collection, int64_t id, const mobius_field *fields,
						 size_t count, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(update(collection, id, fields, count, &e), &e, err);
}

// ---- remove ----

static Status
remove_entity(mobius_collection *collection, int64_t id, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = NULL;
	TRY(embedded_entity_check(collection, &def, err));
	const mobius_value value = mobius_int(id);
	const mobius_condition where = {
		.op = MOBIUS_EQ, .column = embedded_entity_key(def), .values = &value, .value_count = 1};
	int64_t rows;
	TRY(embedded_collection_delete(collection, &where, &rows, err));
	return rows > 0 ? ST_OK : embedded_entity_missing(def, id, err);
}

mobius_status
mobius_collection_remove(mobius_collection *collection, int64_t id, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(remove_entity(collection, id, &e), &e, err);
}
