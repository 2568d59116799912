#include "store/retention.h"

#include "base/mem.h"
#include "store/store_int.h"

int64_t
retention_visible_from(int64_t ttl_ns, int64_t dropped_before, int64_t now_ns)
{
	int64_t from;
	if (ttl_ns == 0 || __builtin_sub_overflow(now_ns, ttl_ns, &from))
		return dropped_before;
	return from > dropped_before ? from : dropped_before;
}

static int64_t
visible_from_locked(const Table *table, int64_t now_ns)
{
	return retention_visible_from(table_ttl_ns(table->def), table->dropped_before, now_ns);
}

int64_t
table_visible_from(Table *table, int64_t now_ns)
{
	pthread_mutex_lock(&table->store->lock);
	int64_t from = visible_from_locked(table, now_ns);
	pthread_mutex_unlock(&table->store->lock);
	return from;
}

Status
table_forget_before(Table *table, int64_t before, Error *err)
{
	Store *store = table->store;
	TRY(catalog_forget_before(store->options.catalog, table->id, before, err));
	pthread_mutex_lock(&store->lock);
	if (before > table->dropped_before)
		table->dropped_before = before;
	pthread_mutex_unlock(&store->lock);
	return ST_OK;
}

bool
view_is_cut(const TableView *view)
{
	bool cut = false;
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		cut |= meta->min_time <= meta->max_time && meta->min_time < view->visible_from;
	}
	for (int32_t i = 0; i < view->segment_count; i++)
		cut |= segment_stats(view->segments[i]).min_time < view->visible_from;
	return cut;
}

// ---- files ----

static bool
has_expired(const FileMeta *meta, int64_t visible_from)
{
	return meta->min_time <= meta->max_time && meta->max_time < visible_from;
}

static bool
is_deleted(const FileSet *files, int32_t i)
{
	return mask_count(file_set_mask(files, i)) == data_file_meta(file_set_at(files, i))->rows;
}

// Those of which nobody sees a row any more, at most as many as there is room for; *before lies
// behind all times that have expired.
static int32_t
list_unseen(const FileSet *files, int64_t visible_from, uint64_t *ids, int64_t *before)
{
	int32_t count = 0;
	*before = VISIBLE_ALWAYS;
	for (int32_t i = 0; i < file_set_count(files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(files, i));
		bool expired = has_expired(meta, visible_from);
		if (!expired && !is_deleted(files, i))
			continue;
		ids[count++] = meta->segment_id;
		if (expired && meta->max_time >= *before)
			*before = meta->max_time + 1; // no overflow: it is less than another time
	}
	return count;
}

static Status
drop_locked(Store *store, Table *table, int64_t visible_from, int64_t *files, Error *err)
{
	SCOPED(file_set_drop) FileSet *now = table_files(table);
	SCOPED(mem_drop)
	uint64_t *ids = mem_alloc_array((size_t)file_set_count(now) + 1, sizeof(uint64_t));
	if (ids == NULL)
		return error_no_memory(err, "retention");
	int64_t before;
	int32_t count = list_unseen(now, visible_from, ids, &before);
	if (count == 0)
		return ST_OK;
	TRY(store_check_thawed(store, err));
	FileSet *next = NULL;
	TRY(file_set_edit(now, &(FileSetEdit){.removed = ids, .removed_count = count}, &next, err));
	// Nobody sees those rows any more before they are gone, whatever comes in between.
	CatalogEdit edit = {.removed = ids, .removed_count = count};
	Status st = before > VISIBLE_ALWAYS ? table_forget_before(table, before, err) : ST_OK;
	if (st == ST_OK)
		st = catalog_publish(store->options.catalog, &edit, err);
	if (st != ST_OK) {
		file_set_unref(next);
		return st;
	}
	(void)table_set_files(table, next); // of a table that was dropped they are gone already
	for (int32_t i = 0; i < count; i++)
		data_file_doom(file_set_at(now, file_set_find(now, ids[i])));
	*files += count;
	return ST_OK;
}

// ---- all tables ----

static bool
has_unseen_file(const Table *table, int64_t visible_from)
{
	for (int32_t i = 0; i < file_set_count(table->files); i++)
		if (has_expired(data_file_meta(file_set_at(table->files, i)), visible_from) ||
			is_deleted(table->files, i))
			return true;
	return false;
}

// The first table, by id, behind `after` that has such a file: a reference. NULL: none.
static Table *
next_unseen(Store *store, uint32_t after, int64_t now_ns)
{
	Table *found = NULL;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++)
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id)
			if (t->id > after && (found == NULL || t->id < found->id) &&
				has_unseen_file(t, visible_from_locked(t, now_ns)))
				found = t;
	if (found != NULL)
		table_ref(found);
	pthread_mutex_unlock(&store->lock);
	return found;
}

Status
store_drop_unseen_files(Store *store, int64_t now_ns, int64_t *files, Error *err)
{
	*files = 0;
	for (uint32_t after = 0;;) {
		SCOPED(table_drop_ref) Table *table = next_unseen(store, after, now_ns);
		if (table == NULL)
			return ST_OK;
		after = table->id;
		if (!table_rewrite_try(table))
			continue; // the next look finds them again
		Status st = drop_locked(store, table, table_visible_from(table, now_ns), files, err);
		table_rewrite_unlock(table);
		TRY(st);
	}
}
