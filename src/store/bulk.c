// bulk.c - rows of one table that become files without having been in the log: gathered in segments
// of their own, which are written as a flush would.

#include "base/mem.h"
#include "os/clock.h"
#include "store/bulk_int.h"

Status
bulk_new(Store *store, Table *table, DuckConn *conn, Bulk **out, Error *err)
{
	Bulk *bulk = mem_alloc(sizeof(*bulk));
	if (bulk == NULL)
		return error_no_memory(err, "rows");
	bulk->store = store;
	bulk->table = table_ref(table);
	bulk->def = table_current(table);
	bulk->conn = conn;
	*out = bulk;
	return ST_OK;
}

void
bulk_free(Bulk *bulk)
{
	if (bulk == NULL)
		return;
	segment_unref(bulk->segment);
	for (int32_t i = 0; i < bulk->count; i++) {
		data_file_doom(bulk->files[i]);
		data_file_unref(bulk->files[i]);
	}
	mem_free(bulk->files);
	table_def_unref(bulk->def);
	table_unref(bulk->table);
	mem_free(bulk);
}

static Status
make_file_room(Bulk *bulk, Error *err)
{
	if (bulk->count < bulk->room)
		return ST_OK;
	int32_t room = bulk->room == 0 ? 16 : bulk->room * 2;
	DataFile **files = mem_resize(bulk->files, (size_t)room * sizeof(DataFile *));
	if (files == NULL)
		return error_no_memory(err, "files");
	bulk->files = files;
	bulk->room = room;
	return ST_OK;
}

Status
bulk_write(Bulk *bulk, uint64_t least_bytes, Error *err)
{
	if (bulk->segment == NULL || segment_stats(bulk->segment).bytes < least_bytes)
		return ST_OK;
	TRY(make_file_room(bulk, err));
	segment_seal(bulk->segment, clock_wall_ns());
	TRY(segment_to_file(bulk->store, bulk->table, bulk->segment, bulk->def, bulk->conn,
						&bulk->files[bulk->count], err));
	bulk->count++;
	segment_unref(TAKE(bulk->segment));
	return ST_OK;
}

static Status
make_segment(Bulk *bulk, Error *err)
{
	const StoreOptions *options = &bulk->store->options;
	uint64_t id;
	TRY(catalog_next_segment_id(options->catalog, &id, err));
	return segment_new(id, options->budget, options->pool, clock_wall_ns(), &bulk->segment, err);
}

Status
bulk_add(Bulk *bulk, Shape *shape, Batch *batch, uint64_t reserved, Error *err)
{
	SCOPED(table_def_drop) TableDef *now = table_current(bulk->table);
	if (table_version(now) != table_version(bulk->def))
		return bulk_outdated(bulk->def, err);
	if (bulk->segment == NULL)
		TRY(make_segment(bulk, err));
	SegmentInsert *insert = NULL;
	TRY(store_insert_new(bulk->store, bulk->table, shape, batch, reserved, &insert, err));
	bulk->rows += segment_insert_rows(insert);
	segment_append(bulk->segment, insert, 1); // of which commit is known later
	return ST_OK;
}
