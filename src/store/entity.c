#include "store/entity.h"

#include <string.h>

#include "base/mem.h"
#include "store/store_int.h"

void
entity_close(Entity *entity)
{
	snapshot_free(entity->snapshot);
	*entity = (Entity){0};
}

static const TableView *
view_of(const Entity *entity)
{
	return &entity->snapshot->tables[0];
}

static uint32_t
key_id(const TableDef *def)
{
	return table_column_id(def, table_key_column(def));
}

// ---- in memory segments ----

// *seq: of the segment's first commit, if it was found.
static Status
find_in_memory(Entity *entity, int64_t id, uint64_t *seq, Error *err)
{
	const TableView *view = view_of(entity);
	for (int32_t i = view->segment_count - 1; i >= 0; i--) {
		Segment *seg = view->segments[i];
		TRY(segment_find_id(seg, key_id(view->def), id, entity->snapshot->seq, &entity->at, err));
		if (entity->at.row < 0)
			continue;
		SegmentStats stats = segment_stats(seg);
		entity->segment_id = stats.id;
		entity->place =
			part_is_live(&entity->at.part, entity->at.row) ? ENTITY_IN_MEMORY : ENTITY_NOWHERE;
		*seq = stats.min_seq;
		return ST_OK;
	}
	return ST_OK;
}

// ---- in copies of files ----

static int64_t
integer_at(TypeId type, const uint8_t *values, int64_t row)
{
	int8_t v1;
	int16_t v2;
	int32_t v4;
	int64_t v8;
	switch (type) {
	case TYPE_INT8: return memcpy(&v1, values + row, 1), v1;
	case TYPE_INT16: return memcpy(&v2, values + 2 * row, 2), v2;
	case TYPE_INT32: return memcpy(&v4, values + 4 * row, 4), v4;
	default: return memcpy(&v8, values + 8 * row, 8), v8;
	}
}

// The last row of the part with an id up to this one, in its order; -1: none.
static int64_t
last_up_to(const HotPart *part, int32_t column, int64_t id)
{
	TypeId type = schema_field(batch_schema(part->rows), column)->type.id;
	const uint8_t *values = batch_column(part->rows, column)->values.data;
	int64_t low = 0, high = batch_rows(part->rows);
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (integer_at(type, values, middle) <= id)
			low = middle + 1;
		else
			high = middle;
	}
	return low > 0 && integer_at(type, values, low - 1) == id ? low - 1 : -1;
}

static bool
find_in_copy(Entity *entity, const Hot *hot, int64_t id)
{
	const FileSet *files = view_of(entity)->files;
	DataFile *file = file_set_at(files, entity->file);
	const TableDef *def = data_file_def(file);
	const Mask *mask = file_set_mask(files, entity->file);
	bool tag;
	int32_t column = hot_column(hot, table_key_column(def), &tag);
	for (int32_t i = hot_part_count(hot) - 1; i >= 0; i--) {
		const HotPart *part = hot_part(hot, i);
		int64_t row = last_up_to(part, column, id);
		if (row < 0)
			continue;
		bool dead = mask != NULL && mask_has(mask, part->first_row + row);
		entity->part = part;
		entity->row = row;
		entity->segment_id = data_file_meta(file)->segment_id;
		entity->place = dead ? ENTITY_NOWHERE : ENTITY_IN_COPY;
		return true;
	}
	return false;
}

// In those that came with later commits than `seq`, the newest first.
static void
find_in_files(Entity *entity, int64_t id, uint64_t seq)
{
	const FileSet *files = view_of(entity)->files;
	for (int32_t i = file_set_count(files) - 1; i >= 0; i--) {
		const FileMeta *meta = data_file_meta(file_set_at(files, i));
		const Hot *hot = file_set_hot(files, i);
		if (meta->min_seq <= seq || id < meta->min_time || id > meta->max_time)
			continue;
		entity->file = i;
		if (hot == NULL)
			entity->place = ENTITY_UNKNOWN;
		if (hot == NULL || find_in_copy(entity, hot, id))
			return;
	}
}

// ---- all ----

static Status
find(Entity *entity, int64_t id, Error *err)
{
	uint64_t seq = 0;
	TRY(find_in_memory(entity, id, &seq, err));
	find_in_files(entity, id, seq);
	return ST_OK;
}

// The snapshot is taken with the lock, so that an index is never ahead of who looks into it.
Status
store_find_entity(Store *store, Table *table, int64_t id, Entity *out, Error *err)
{
	Entity found = {.place = ENTITY_NOWHERE};
	pthread_mutex_lock(&table->lookup);
	Status st = store_snapshot(store, &table, 1, &found.snapshot, err);
	if (st == ST_OK)
		st = find(&found, id, err);
	pthread_mutex_unlock(&table->lookup);
	if (st == ST_LIMIT) {
		found.place = ENTITY_UNKNOWN;
		st = ST_OK;
	}
	if (st != ST_OK) {
		entity_close(&found);
		return st;
	}
	*out = found;
	return ST_OK;
}

// ---- its row ----

static Status
copy_row(Batch *batch, int64_t row, Schema *schema, Batch **out, Error *err)
{
	const RowRef at = {0, (uint32_t)row};
	return batch_gather(&batch, &at, 1, schema, NULL, out, err);
}

static Status
row_in_memory(const Entity *entity, Batch **out, Error *err)
{
	TableDef *def = view_of(entity)->def;
	const SegmentPart *part = &entity->at.part;
	SCOPED(batch_drop) Batch *row = NULL;
	// The names may be other ones by now.
	bool whole = shape_is_whole(part->shape, def);
	Schema *schema = whole ? table_schema(def) : batch_schema(part->batch);
	TRY(copy_row(part->batch, entity->at.row, schema, &row, err));
	return shape_to_table(part->shape, def, row, NULL, out, err);
}

// Columns of entities are fields, which a copy keeps by row.
static Status
row_in_copy(const Entity *entity, Batch **out, Error *err)
{
	TableDef *def = view_of(entity)->def;
	const FileSet *files = view_of(entity)->files;
	const TableDef *from = data_file_def(file_set_at(files, entity->file));
	const Hot *hot = file_set_hot(files, entity->file);
	int32_t count = table_column_count(def);
	SCOPED(batch_drop) Batch *row = NULL;
	SCOPED(mem_drop) int32_t *map = mem_alloc_array((size_t)count, sizeof(*map));
	if (map == NULL)
		return error_no_memory(err, "an entity");
	for (int32_t c = 0; c < count; c++) {
		int32_t column = table_column_by_id(from, table_column_id(def, c));
		bool tag;
		map[c] = column < 0 ? -1 : hot_column(hot, column, &tag);
	}
	Batch *rows = entity->part->rows;
	TRY(copy_row(rows, entity->row, batch_schema(rows), &row, err));
	return batch_to_table(row, map, def, NULL, out, err);
}

Status
entity_row(const Entity *entity, Batch **out, Error *err)
{
	return entity->place == ENTITY_IN_COPY ? row_in_copy(entity, out, err)
										   : row_in_memory(entity, out, err);
}
