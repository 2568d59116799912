// snapshot.c - what a reader takes in one step, and what can be asked of all tables.

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "os/clock.h"
#include "store/retention.h"
#include "store/store_int.h"

// How much room a snapshot needs, and has. Memory is got outside the lock; who finds too little of
// it tries again.
typedef struct Room {
	int32_t tables;
	int32_t segments;
} Room;

static int32_t
chain_length(const Table *table)
{
	int32_t n = 0;
	for (const Link *link = table->oldest; link != NULL; link = link->next)
		n++;
	return n;
}

static Room
need_locked(Store *store, Table *const *tables, int32_t count)
{
	Room need = {0};
	for (int32_t i = 0; tables != NULL && i < count; i++)
		need = (Room){need.tables + 1, need.segments + chain_length(tables[i])};
	for (int b = 0; tables == NULL && b < TABLE_BUCKETS; b++)
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id)
			need = (Room){need.tables + 1, need.segments + chain_length(t)};
	return need;
}

static void
add_view_locked(Snapshot *snapshot, Table *table, Segment ***room)
{
	TableView *view = &snapshot->tables[snapshot->table_count++];
	view->table = table_ref(table);
	view->def = table_def_ref(table->def);
	view->files = file_set_ref(table->files);
	view->visible_from =
		retention_visible_from(table_ttl_ns(table->def), table->dropped_before, snapshot->now_ns);
	view->segments = *room;
	for (const Link *link = table->oldest; link != NULL; link = link->next)
		view->segments[view->segment_count++] = segment_ref(link->segment);
	*room += view->segment_count;
}

static bool
try_fill(Store *store, Table *const *tables, int32_t count, Room have, Snapshot *snapshot,
		 Room *need)
{
	pthread_mutex_lock(&store->lock);
	*need = need_locked(store, tables, count);
	bool fits = need->tables <= have.tables && need->segments <= have.segments;
	if (fits) {
		Segment **room = snapshot->room;
		snapshot->seq = store->published_seq;
		for (int32_t i = 0; tables != NULL && i < count; i++)
			add_view_locked(snapshot, tables[i], &room);
		for (int b = 0; tables == NULL && b < TABLE_BUCKETS; b++)
			for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id)
				add_view_locked(snapshot, t, &room);
	}
	pthread_mutex_unlock(&store->lock);
	return fits;
}

Status
store_snapshot_at(Store *store, Table *const *tables, int32_t count, int64_t now_ns, Snapshot **out,
				  Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = mem_alloc(sizeof(*snapshot));
	if (snapshot == NULL)
		return error_no_memory(err, "a snapshot");
	snapshot->now_ns = now_ns;
	Room have = {0}, need = {.tables = count, .segments = 4 * count};
	do {
		have = (Room){need.tables + 8, need.segments + 16};
		mem_free(snapshot->tables);
		mem_free(snapshot->room);
		snapshot->tables = mem_alloc_array((size_t)have.tables, sizeof(TableView));
		snapshot->room = mem_alloc_array((size_t)have.segments, sizeof(Segment *));
		if (snapshot->tables == NULL || snapshot->room == NULL)
			return error_no_memory(err, "a snapshot");
	} while (!try_fill(store, tables, count, have, snapshot, &need));
	*out = TAKE(snapshot);
	return ST_OK;
}

Status
snapshot_part(const Snapshot *whole, int32_t from, int32_t count, Snapshot **out, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *part = mem_alloc(sizeof(*part));
	size_t segments = 0;
	for (int32_t i = from; i < from + count; i++)
		segments += (size_t)whole->tables[i].segment_count;
	if (part == NULL)
		return error_no_memory(err, "a snapshot");
	part->seq = whole->seq;
	part->now_ns = whole->now_ns;
	part->tables = mem_alloc_array((size_t)count + 1, sizeof(TableView));
	part->room = mem_alloc_array(segments + 1, sizeof(Segment *));
	if (part->tables == NULL || part->room == NULL)
		return error_no_memory(err, "a snapshot");
	for (Segment **room = part->room; part->table_count < count;) {
		const TableView *of = &whole->tables[from + part->table_count];
		TableView *view = &part->tables[part->table_count++];
		*view = *of;
		table_ref(view->table);
		table_def_ref(view->def);
		file_set_ref(view->files);
		view->segments = room;
		for (int32_t s = 0; s < of->segment_count; s++)
			*room++ = segment_ref(of->segments[s]);
	}
	*out = TAKE(part);
	return ST_OK;
}

Status
store_snapshot(Store *store, Table *const *tables, int32_t count, Snapshot **out, Error *err)
{
	return store_snapshot_at(store, tables, count, clock_wall_ns(), out, err);
}

static int
by_name(const void *a, const void *b)
{
	const TableDef *left = ((const TableView *)a)->def, *right = ((const TableView *)b)->def;
	int order = strcmp(table_database(left), table_database(right));
	return order != 0 ? order : strcmp(table_name(left), table_name(right));
}

void
snapshot_sort(Snapshot *snapshot)
{
	qsort(snapshot->tables, (size_t)snapshot->table_count, sizeof(TableView), by_name);
}

void
snapshot_free(Snapshot *snapshot)
{
	if (snapshot == NULL)
		return;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		TableView *view = &snapshot->tables[i];
		for (int32_t s = 0; s < view->segment_count; s++)
			segment_unref(view->segments[s]);
		file_set_unref(view->files);
		table_def_unref(view->def);
		table_unref(view->table);
	}
	mem_free(snapshot->tables);
	mem_free(snapshot->room);
	mem_free(snapshot);
}

static Status
add_rows(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	*(int64_t *)arg += part->rows - part_dead_rows(part);
	return ST_OK;
}

int64_t
view_rows(const TableView *view, uint64_t seq)
{
	int64_t rows = 0;
	for (int32_t i = 0; i < file_set_count(view->files); i++)
		rows += data_file_meta(file_set_at(view->files, i))->rows -
				mask_count(file_set_mask(view->files, i));
	for (int32_t i = 0; i < view->segment_count; i++)
		(void)segment_each(view->segments[i], seq, INT64_MIN, INT64_MAX, add_rows, &rows, NULL);
	return rows;
}

bool
view_has_late(const TableView *view)
{
	bool late = false;
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		late |= meta->late_min <= meta->late_max;
	}
	for (int32_t i = 0; i < view->segment_count; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		late |= stats.late_min <= stats.late_max;
	}
	return late && table_replaces(view->def);
}

int64_t
view_deleted_rows(const TableView *view, uint64_t seq)
{
	int64_t rows = 0;
	for (int32_t i = 0; i < file_set_count(view->files); i++)
		rows += mask_count(file_set_mask(view->files, i));
	for (int32_t i = 0; i < view->segment_count; i++)
		rows += segment_dead_rows(view->segments[i], seq);
	return rows;
}

// ---- of all tables ----

bool
store_has_sealed(Store *store)
{
	bool found = false;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS && !found; b++)
		for (Table *t = store->by_id[b]; t != NULL && !found; t = t->next_by_id)
			found = table_ripe_locked(store, t) != NULL;
	pthread_mutex_unlock(&store->lock);
	return found;
}

uint64_t
store_unflushed_seq(Store *store)
{
	uint64_t least = UINT64_MAX;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++) {
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			for (const Link *link = t->oldest; link != NULL; link = link->next) {
				uint64_t seq = segment_stats(link->segment).min_seq;
				least = seq != 0 && seq < least ? seq : least;
			}
		}
	}
	pthread_mutex_unlock(&store->lock);
	return least;
}
