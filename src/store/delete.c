// delete.c - rows that are deleted: from addresses to marks and masks.
//
// Everything is made before the commit, under the table's rewrite lock, from the segments as they
// are: nothing of it changes until the commit was applied. Rows in memory are marked at once, which
// only readers at the commit's seq see; the files' new masks come with the seq itself.

#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/store_int.h"

// ---- life ----

Status
delete_alloc(Table *table, int32_t memory_most, int32_t file_most, StoreDelete **out, Error *err)
{
	SCOPED(delete_drop) StoreDelete *del = mem_alloc(sizeof(*del));
	if (del == NULL)
		return error_no_memory(err, "a deletion");
	del->memory = mem_alloc_array((size_t)memory_most + 1, sizeof(MemoryRows));
	del->files = mem_alloc_array((size_t)file_most + 1, sizeof(FileRows));
	if (del->memory == NULL || del->files == NULL)
		return error_no_memory(err, "a deletion");
	del->table = table_ref(table);
	*out = TAKE(del);
	return ST_OK;
}

void
store_delete_free(StoreDelete *del)
{
	if (del == NULL)
		return;
	for (int32_t i = 0; i < del->memory_count; i++) {
		segment_unref(del->memory[i].segment);
		buf_close(&del->memory[i].rows);
	}
	for (int32_t i = 0; i < del->file_count; i++)
		mask_unref(del->files[i].rows);
	for (int32_t i = 0; i < del->mask_count; i++)
		mask_unref(del->masks[i].mask);
	links_free(del->gone);
	mem_free(del->memory);
	mem_free(del->files);
	mem_free(del->masks);
	file_set_unref(del->base);
	file_set_unref(del->next);
	link_free(del->spare);
	catalog_change_free(del->change);
	table_unref(del->table);
	mem_free(del);
}

void
store_delete_is_older(StoreDelete *del)
{
	del->older = true;
}

DeleteReach
store_delete_reach(const StoreDelete *del)
{
	return del->all ? DELETE_ALL : del->older ? DELETE_OLDER : DELETE_SOME;
}

void
delete_drop(StoreDelete **del)
{
	store_delete_free(*del);
}

void
delete_add_file(StoreDelete *del, uint64_t segment_id, int32_t at, Mask *rows)
{
	del->files[del->file_count++] = (FileRows){segment_id, at, rows};
}

static int
compare_files(const void *a, const void *b)
{
	const FileRows *x = a, *y = b;
	return x->segment_id < y->segment_id ? -1 : x->segment_id > y->segment_id;
}

void
delete_sort_files(StoreDelete *del)
{
	qsort(del->files, (size_t)del->file_count, sizeof(FileRows), compare_files);
}

// ---- from addresses ----

static int
compare_addresses(const void *a, const void *b)
{
	const RowAddress *x = a, *y = b;
	if (x->in_file != y->in_file)
		return x->in_file ? 1 : -1;
	if (x->segment_id != y->segment_id)
		return x->segment_id < y->segment_id ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

// The addresses in order; they mostly are.
static RowAddress *
sorted_addresses(const RowAddress *rows, int64_t count)
{
	RowAddress *sorted = mem_alloc_array((size_t)count + 1, sizeof(*sorted));
	bool in_order = true;
	for (int64_t i = 0; sorted != NULL && i < count; i++) {
		sorted[i] = rows[i];
		in_order &= i == 0 || compare_addresses(&rows[i - 1], &rows[i]) <= 0;
	}
	if (sorted != NULL && !in_order)
		qsort(sorted, (size_t)count, sizeof(*sorted), compare_addresses);
	return sorted;
}

typedef struct Addresses {
	const RowAddress *rows; // sorted
	int64_t count;
	int64_t used; // of segments that were found
} Addresses;

// Those of one segment, without repetition, as row numbers below `most`.
static Status
take_rows(Addresses *from, bool in_file, uint64_t segment_id, int64_t most, Buf *out, Error *err)
{
	int64_t low = 0, high = from->count;
	RowAddress wanted = {.segment_id = segment_id, .row = INT64_MIN, .in_file = in_file};
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (compare_addresses(&from->rows[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	int64_t last = -1;
	for (; low < from->count && from->rows[low].in_file == in_file &&
		   from->rows[low].segment_id == segment_id;
		 low++) {
		int64_t row = from->rows[low].row;
		if (row < 0 || row >= most || row > UINT32_MAX)
			return error_set(err, ST_INVALID, "segment %" PRIu64 " has no row %" PRId64, segment_id,
							 row);
		if (row != last)
			buf_add(out, &(uint32_t){(uint32_t)row}, sizeof(uint32_t));
		last = row;
		from->used++;
	}
	return buf_status(out, err, "a deletion");
}

static Status
take_memory(StoreDelete *del, Addresses *from, Segment *segment, Error *err)
{
	SegmentStats stats = segment_stats(segment);
	MemoryRows *to = &del->memory[del->memory_count++];
	to->segment = segment_ref(segment);
	TRY(take_rows(from, false, stats.id, stats.rows, &to->rows, err));
	if (to->rows.len > 0)
		return ST_OK;
	segment_unref(TAKE(to->segment));
	del->memory_count--;
	return ST_OK;
}

static Status
take_file(StoreDelete *del, Addresses *from, const FileSet *files, int32_t at, Error *err)
{
	const FileMeta *meta = data_file_meta(file_set_at(files, at));
	SCOPED(buf_close) Buf rows = BUF_INIT;
	TRY(take_rows(from, true, meta->segment_id, meta->rows, &rows, err));
	if (rows.len == 0)
		return ST_OK;
	Mask *mask = NULL;
	TRY(mask_of_rows(&rows, &mask, err));
	delete_add_file(del, meta->segment_id, at, mask);
	return ST_OK;
}

static Status
take_all(StoreDelete *del, const TableView *view, Addresses *from, Error *err)
{
	for (int32_t i = 0; i < view->segment_count; i++)
		TRY(take_memory(del, from, view->segments[i], err));
	for (int32_t i = 0; i < file_set_count(view->files); i++)
		TRY(take_file(del, from, view->files, i, err));
	if (from->used != from->count)
		return error_set(err, ST_CONFLICT,
						 "rows to be deleted were moved meanwhile; run the statement again");
	delete_sort_files(del);
	return ST_OK;
}

Status
store_delete_new(Store *store, Table *table, const RowAddress *rows, int64_t count,
				 StoreDelete **out, Error *err)
{
	if (table_dropped(table))
		return error_set(err, ST_NOT_FOUND, "the table was dropped; nothing was deleted");
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, &table, 1, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	SCOPED(mem_drop) RowAddress *sorted = sorted_addresses(rows, count);
	if (sorted == NULL)
		return error_no_memory(err, "a deletion");
	SCOPED(delete_drop) StoreDelete *del = NULL;
	TRY(delete_alloc(table, view->segment_count, file_set_count(view->files), &del, err));
	TRY(take_all(del, view, &(Addresses){.rows = sorted, .count = count}, err));
	TRY(delete_prepare(del, view->files, err));
	*out = TAKE(del);
	return ST_OK;
}

// ---- what follows from the rows ----

// The masks of files that get one more deleted row, at least.
static Status
make_masks(StoreDelete *del, const FileSet *files, Error *err)
{
	del->masks = mem_alloc_array((size_t)del->file_count + 1, sizeof(FileMask));
	if (del->masks == NULL)
		return error_no_memory(err, "a deletion");
	for (int32_t i = 0; i < del->file_count; i++) {
		const FileRows *rows = &del->files[i];
		const Mask *old = file_set_mask(files, rows->at);
		SCOPED(mask_drop) Mask *mask = NULL;
		TRY(mask_union(old, rows->rows, &mask, err));
		if (mask_count(mask) > mask_count(old))
			del->masks[del->mask_count++] = (FileMask){rows->segment_id, TAKE(mask)};
	}
	return ST_OK;
}

Status
delete_prepare(StoreDelete *del, FileSet *files, Error *err)
{
	for (int32_t i = 0; i < del->memory_count; i++) {
		const MemoryRows *m = &del->memory[i];
		TRY(segment_make_room(m->segment, (const uint32_t *)(const void *)m->rows.data,
							  (int64_t)(m->rows.len / sizeof(uint32_t)), err));
	}
	TRY(make_masks(del, files, err));
	if (del->mask_count == 0)
		return ST_OK;
	del->base = file_set_ref(files);
	FileSetEdit edit = {.masks = del->masks, .mask_count = del->mask_count};
	return file_set_edit(files, &edit, &del->next, err);
}
