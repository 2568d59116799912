#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "engine/embedded_entity_int.h"
#include "engine/workers.h"
#include "store/entity.h"

enum {
	ADDRESS_COLUMNS = 4, // before those of the table (sql.h)
	MOST_ROWS = 16,      // there is one
};

Status
embedded_entity_check(const mobius_collection *collection, TableDef **out, Error *err)
{
	TRY(embedded_collection_check(collection, err));
	SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
	if (table_key_column(def) < 0)
		return error_set(
			err, ST_INVALID,
			"collection \"%s\" has no key, and its rows have no ids; make one with the "
			"option \"key=id\"",
			table_name(def));
	*out = TAKE(def);
	return ST_OK;
}

const char *
embedded_entity_key(const TableDef *def)
{
	return schema_field(table_schema(def), table_key_column(def))->name;
}

Status
embedded_entity_missing(const TableDef *def, int64_t id, Error *err)
{
	return error_set(err, ST_NOT_FOUND, "collection \"%s\" has no entity %" PRId64, table_name(def),
					 id);
}

void
entity_found_close(EntityFound *found)
{
	batch_unref(found->row);
	*found = (EntityFound){0};
}

Status
embedded_entity_export(Batch *row, struct ArrowSchema *schema, struct ArrowArray *out, Error *err)
{
	struct ArrowArray array;
	TRY(cdata_export_batch(row, &array, err));
	Status st = schema != NULL ? cdata_export_schema(batch_schema(row), schema, err) : ST_OK;
	if (st != ST_OK)
		array.release(&array);
	else
		*out = array;
	return st;
}

// ---- by a query ----
//
// Where the row is as well is told by an UPDATE of nothing that is never committed; it takes twice
// as long.

typedef struct Reading {
	const mobius_collection *collection;
	const char *text;
	bool update;
	EntityFound found;
	Status status;
	Error error;
} Reading;

static Status
take_addressed(const Batch *batch, EntityFound *out, Error *err)
{
	const Schema *schema = batch_schema(batch);
	int32_t count = schema_field_count(schema) - ADDRESS_COLUMNS;
	SCOPED(mem_drop) int32_t *columns = mem_alloc_array((size_t)count + 1, sizeof(*columns));
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	SCOPED(schema_drop) Schema *own = NULL;
	if (columns == NULL || fields == NULL)
		return error_no_memory(err, "an entity");
	for (int32_t i = 0; i < count; i++) {
		columns[i] = i + ADDRESS_COLUMNS;
		fields[i] = *schema_field(schema, columns[i]);
	}
	TRY(schema_new(fields, count, NULL, 0, &own, err));
	memcpy(&out->segment_id, batch_column(batch, 0)->values.data, sizeof(out->segment_id));
	return batch_select((Batch *)(uintptr_t)batch, columns, count, own, &out->row, err);
}

static Status
take_row(Batch *batch, bool update, EntityFound *out, Error *err)
{
	if (batch_rows(batch) == 0)
		return ST_OK;
	batch_unref(TAKE(out->row));
	if (update)
		return take_addressed(batch, out, err);
	out->row = batch_ref(batch);
	return ST_OK;
}

// To the end: giving up what runs would take longer.
static Status
read_row(SqlQuery *query, bool update, EntityFound *out, Error *err)
{
	for (bool end = false; !end;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, MOST_ROWS, 1 << 20, &batch, err));
		end = batch == NULL;
		if (!end)
			TRY(take_row(batch, update, out, err));
	}
	return ST_OK;
}

static Status
open_update(const Reading *reading, const SqlSession *session, SqlQuery **out, Error *err)
{
	const mobius_collection *collection = reading->collection;
	SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	int32_t target;
	TRY(sql_parse(slice_text(reading->text), &statement, err));
	TRY(sql_targets(statement, def, &target, err));
	const SqlMatch match = {statement, def, &target};
	return sql_query_open_match(collection->db->sql, &match, session, out, err);
}

static Status
read_entity(Reading *reading, Error *err)
{
	const mobius_collection *collection = reading->collection;
	const SqlSession session = {.database = table_database(collection->made)};
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(reading->update
			? open_update(reading, &session, &query, err)
			: sql_query_open(collection->db->sql, reading->text, &session, &query, err));
	// The name may be another's by now.
	if (!sql_query_reads(query, collection->table))
		return error_set(err, ST_NOT_FOUND, "collection \"%s\" was dropped meanwhile",
						 table_name(collection->made));
	return read_row(query, reading->update, &reading->found, err);
}

static void
run_reading(void *arg)
{
	Reading *reading = arg;
	reading->status = read_entity(reading, &reading->error);
}

static Status
find_by_query(const mobius_collection *collection, const TableDef *def, int64_t id, bool update,
			  EntityFound *out, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	TRY(embedded_entity_text(collection, def, id, update, &text, err));
	Reading reading = {
		.collection = collection, .text = buf_text(&text), .update = update, .error = ERROR_INIT};
	workers_run(collection->db->readers, run_reading, &reading);
	if (reading.status != ST_OK) {
		entity_found_close(&reading.found);
		return error_set(err, reading.status, "%s", reading.error.text);
	}
	out->row = reading.found.row;
	out->segment_id = reading.found.segment_id;
	return ST_OK;
}

// ---- all ----

Status
embedded_entity_find(const mobius_collection *collection, const TableDef *def, int64_t id,
					 bool where, EntityFound *out, Error *err)
{
	SCOPED(entity_close) Entity entity = {0};
	TRY(store_find_entity(collection->db->store, collection->table, id, &entity, err));
	EntityFound found = {.seq = entity.snapshot->seq, .segment_id = entity.segment_id};
	if (entity.place == ENTITY_IN_MEMORY || entity.place == ENTITY_IN_COPY)
		TRY(entity_row(&entity, &found.row, err));
	else if (entity.place == ENTITY_UNKNOWN)
		TRY(find_by_query(collection, def, id, where, &found, err));
	*out = found;
	return ST_OK;
}
