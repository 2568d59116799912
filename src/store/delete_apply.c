// delete_apply.c - deletions taking effect, TRUNCATE, and masks on their way to the
// catalog.

#include "base/arena.h"
#include "base/mem.h"
#include "store/store_int.h"

// ---- all rows ----

// The files whose rows are of commits ≤ seq, or the others, with their masks.
static Status
files_by_seq(const FileSet *files, uint64_t seq, bool up_to, FileSet **out, Error *err)
{
	size_t most = (size_t)file_set_count(files) + 1;
	SCOPED(mem_drop) DataFile **some = mem_alloc_array(most, sizeof(*some));
	SCOPED(mem_drop) Mask **masks = mem_alloc_array(most, sizeof(*masks));
	if (some == NULL || masks == NULL)
		return error_no_memory(err, "a truncation");
	FileSetEdit edit = {.added = some, .added_masks = masks};
	for (int32_t i = 0; i < file_set_count(files); i++) {
		if ((data_file_meta(file_set_at(files, i))->max_seq <= seq) != up_to)
			continue;
		some[edit.added_count] = file_set_at(files, i);
		masks[edit.added_count++] = (Mask *)(uintptr_t)file_set_mask(files, i);
	}
	return file_set_edit(NULL, &edit, out, err);
}

Status
truncate_prepare(StoreDelete *del, const TableView *view, uint64_t seq, Error *err)
{
	SCOPED(file_set_drop) FileSet *gone = NULL;
	TRY(files_by_seq(view->files, seq, true, &gone, err));
	TRY(files_by_seq(view->files, seq, false, &del->next, err));
	TRY(link_new(view->table->store, view->def, &del->spare, err));
	TRY(catalog_change_truncate(view->table->id, &del->change, err));
	catalog_change_then(del->change, forget_files, TAKE(gone));
	del->base = file_set_ref(view->files);
	del->all = true;
	return ST_OK;
}

Status
store_truncate_new(Store *store, Table *table, StoreDelete **out, Error *err)
{
	if (table_dropped(table))
		return error_set(err, ST_NOT_FOUND, "the table was dropped");
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, &table, 1, &snapshot, err));
	SCOPED(delete_drop) StoreDelete *del = NULL;
	TRY(delete_alloc(table, 0, 0, &del, err));
	TRY(truncate_prepare(del, &snapshot->tables[0], UINT64_MAX, err));
	*out = TAKE(del);
	return ST_OK;
}

// The segments end here; commits behind this one go on in the spare.
static void
end_segments(StoreDelete *del)
{
	Table *table = del->table;
	pthread_mutex_lock(&table->store->lock);
	(void)table_end_growing_locked(table, &del->spare);
	del->last = table_newest_locked(table);
	pthread_mutex_unlock(&table->store->lock);
}

// ---- applying ----

void
delete_apply(StoreDelete *del, uint64_t seq)
{
	del->seq = seq;
	for (int32_t i = 0; i < del->memory_count; i++) {
		const MemoryRows *m = &del->memory[i];
		segment_delete(m->segment, (const uint32_t *)(const void *)m->rows.data,
					   (int64_t)(m->rows.len / sizeof(uint32_t)), seq);
	}
	for (int32_t i = 0; i < del->mask_count; i++)
		mask_stamp(del->masks[i].mask, seq);
	if (!del->all)
		return;
	end_segments(del);
	catalog_change_last_id(del->change, table_last_id(del->table));
	catalog_apply(del->table->store->options.catalog, TAKE(del->change), seq);
}

void
store_apply_delete(Store *store, StoreDelete *del, uint64_t seq)
{
	delete_apply(del, seq);
	del->next_applied = store->applied;
	store->applied = del;
}

void
delete_swap_locked(StoreDelete *del)
{
	Table *table = del->table;
	// What was there is freed with it, outside the lock; the rewrite lock kept it as it was.
	if (del->next == NULL || !table_swap_files_locked(table, &del->next))
		return;
	must(del->next == del->base);
	if (!del->all) {
		table->unkept_seq = table->unkept_seq != 0 ? table->unkept_seq : del->seq;
		return;
	}
	if (del->last != NULL)
		del->gone = table_take_links_locked(table, del->last);
	if (del->seq > atomic_load(&table->flushed_seq))
		atomic_store(&table->flushed_seq, del->seq);
}

// ---- masks on their way to the catalog ----

// From now on the masks that are missing there count as under way.
static bool
begin_keeping(Store *store)
{
	bool some = false;
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++) {
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			t->keeping_seq = t->unkept_seq;
			t->unkept_seq = 0;
			some |= t->keeping_seq != 0;
		}
	}
	pthread_mutex_unlock(&store->lock);
	return some;
}

static void
end_keeping(Store *store, bool kept)
{
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++) {
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			if (!kept && t->keeping_seq != 0)
				t->unkept_seq = t->keeping_seq;
			t->keeping_seq = 0;
		}
	}
	pthread_mutex_unlock(&store->lock);
}

typedef struct Keeping {
	Arena arena;
	CatalogMask *masks;
	int32_t count;
	Buf bytes; // of all of them, one behind the other
} Keeping;

static void
keeping_close(Keeping *k)
{
	arena_close(&k->arena);
	buf_close(&k->bytes);
}

// The masks of a table that have rows deleted at `since` or later.
static Status
add_masks(Keeping *k, const TableView *view, uint64_t since, Error *err)
{
	for (int32_t i = 0; since != 0 && i < file_set_count(view->files); i++) {
		const Mask *mask = file_set_mask(view->files, i);
		if (mask == NULL || mask_seq(mask) < since)
			continue;
		size_t from = k->bytes.len;
		TRY(mask_encode(mask, &k->bytes, err));
		k->masks[k->count++] = (CatalogMask){
			.segment_id = data_file_meta(file_set_at(view->files, i))->segment_id,
			.seq = mask_seq(mask),
			.rows = slice_of(NULL, k->bytes.len - from), // where it lies is known at the end
		};
	}
	return ST_OK;
}

static Status
keep_masks(Store *store, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	SCOPED(keeping_close) Keeping k = {.arena = ARENA_INIT};
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	size_t most = 0;
	for (int32_t i = 0; i < snapshot->table_count; i++)
		most += (size_t)file_set_count(snapshot->tables[i].files);
	k.masks = arena_array(&k.arena, most + 1, sizeof(CatalogMask));
	TRY(arena_status(&k.arena, err, "masks"));
	for (int32_t i = 0; i < snapshot->table_count; i++)
		TRY(add_masks(&k, &snapshot->tables[i], snapshot->tables[i].table->keeping_seq, err));
	size_t at = 0;
	for (int32_t i = 0; i < k.count; i++) {
		k.masks[i].rows.data = k.bytes.data + at;
		at += k.masks[i].rows.len;
	}
	CatalogEdit edit = {.masks = k.masks, .mask_count = k.count};
	return catalog_publish(store->options.catalog, &edit, err);
}

Status
store_keep_masks(Store *store, Error *err)
{
	Status st = begin_keeping(store) ? keep_masks(store, err) : ST_OK;
	end_keeping(store, st == ST_OK);
	return st;
}
