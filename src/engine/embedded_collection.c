// embedded_collection.c - a collection of mobius.h: what it is, its rows in, how many they are.

#include "base/mem.h"
#include "engine/embedded_int.h"
#include "store/retention.h"

// ---- handles ----

Status
embedded_collection_new(mobius *db, Table *table, mobius_collection **out, Error *err)
{
	mobius_collection *collection = mem_alloc(sizeof(*collection));
	if (collection == NULL)
		return error_no_memory(err, "a collection");
	*collection = (mobius_collection){db, table_ref(table), table_current(table)};
	*out = collection;
	return ST_OK;
}

void
mobius_collection_close(mobius_collection *collection)
{
	if (collection == NULL)
		return;
	table_unref(collection->table);
	table_def_unref(collection->made);
	mem_free(collection);
}

Status
embedded_collection_check(const mobius_collection *collection, Error *err)
{
	TRY(database_ready(collection->db, err));
	if (!table_dropped(collection->table))
		return ST_OK;
	return error_set(err, ST_NOT_FOUND,
					 "collection \"%s\" was dropped; open its name again if there is a new one",
					 table_name(collection->made));
}

Status
embedded_collection_snapshot(const mobius_collection *collection, Snapshot **out, Error *err)
{
	TRY(embedded_collection_check(collection, err));
	return store_snapshot(collection->db->store, &collection->table, 1, out, err);
}

// ---- what it is ----

const char *
mobius_collection_name(const mobius_collection *collection)
{
	return table_name(collection->made);
}

mobius_status
mobius_collection_schema(mobius_collection *collection, struct ArrowSchema *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st = embedded_collection_check(collection, &e);
	if (st == ST_OK) {
		SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
		st = cdata_export_schema(table_schema(def), out, &e);
	}
	return error_out(st, &e, err);
}

// ---- rows ----

Status
embedded_collection_append(const mobius_collection *collection, struct ArrowSchema *schema,
						   struct ArrowArray *array, uint64_t *seq, int64_t *first_id, Error *err)
{
	const PutTarget target = {.database = table_database(collection->made),
							  .table = table_name(collection->made),
							  .only = collection->table};
	Status st = embedded_collection_check(collection, err);
	if (st == ST_OK)
		return embedded_append(collection->db, &target, schema, array, seq, first_id, err);
	embedded_release(schema, array);
	return st;
}

mobius_status
mobius_collection_append(mobius_collection *collection, struct ArrowSchema *schema,
						 struct ArrowArray *array, uint64_t *seq, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(embedded_collection_append(collection, schema, array, seq, NULL, &e), &e, err);
}

mobius_status
mobius_collection_append_ids(mobius_collection *collection, struct ArrowSchema *schema,
							 struct ArrowArray *array, uint64_t *seq, int64_t *first_id,
							 mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(embedded_collection_append(collection, schema, array, seq, first_id, &e), &e,
					 err);
}

mobius_status
mobius_collection_size(mobius_collection *collection, int64_t *rows, mobius_error *err)
{
	Error e = ERROR_INIT;
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Status st = embedded_collection_snapshot(collection, &snapshot, &e);
	// Of rows past their ttl some lie in files that hold others too: a look at the times tells.
	// So do keys of rows that may have been replaced.
	if (st == ST_OK && (view_is_cut(&snapshot->tables[0]) || view_has_late(&snapshot->tables[0])))
		return embedded_collection_number(collection, "SELECT count(*) FROM ", rows, err);
	if (st == ST_OK)
		*rows = view_rows(&snapshot->tables[0], snapshot->seq);
	return error_out(st, &e, err);
}

mobius_status
mobius_collection_empty(mobius_collection *collection, bool *empty, mobius_error *err)
{
	int64_t rows = 0;
	mobius_status st = mobius_collection_size(collection, &rows, err);
	if (st == MOBIUS_OK)
		*empty = rows == 0;
	return st;
}

mobius_status
mobius_collection_clear(mobius_collection *collection, mobius_error *err)
{
	int64_t rows;
	return embedded_collection_number(collection, "TRUNCATE ", &rows, err);
}
