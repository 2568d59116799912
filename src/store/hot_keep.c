#include "store/hot_keep.h"

#include "base/mem.h"
#include "store/store_int.h"

enum { FEW_ENTRIES = 64 }; // are not looked through

struct HotEntry {
	uint32_t table_id; // a table that was dropped is not kept for it
	uint64_t segment_id;
	HotEntry *next;
};

void
hot_entry_free(HotEntry *entry)
{
	mem_free(entry);
}

void
hot_keep_begin(Store *store, TableDef *def, uint64_t most_bytes, HotBuilder **out)
{
	*out = NULL;
	uint64_t limit = store->options.hot != NULL ? budget_limit(store->options.hot) : 0;
	most_bytes = most_bytes < limit ? most_bytes : limit; // a larger one would go at once
	if (most_bytes > 0)
		(void)hot_builder_new(def, store->options.hot, most_bytes, out, NULL); // else without
}

// ---- making room ----

static HotEntry *
take_oldest(Store *store)
{
	pthread_mutex_lock(&store->hot_lock);
	HotEntry *entry = store->oldest_hot;
	if (entry != NULL)
		store->oldest_hot = entry->next;
	if (store->oldest_hot == NULL)
		store->newest_hot = &store->oldest_hot;
	pthread_mutex_unlock(&store->hot_lock);
	return entry;
}

// The table's files without the copy of one of them. NULL: it has none, or there is no memory.
static FileSet *
files_without(Table *table, uint64_t segment_id, uint64_t *freed)
{
	SCOPED(file_set_drop) FileSet *files = table_files(table);
	int32_t at = file_set_find(files, segment_id);
	const Hot *hot = at >= 0 ? file_set_hot(files, at) : NULL;
	FileSet *next = NULL;
	if (hot == NULL ||
		file_set_edit(files, &(FileSetEdit){.cold = segment_id}, &next, NULL) != ST_OK)
		return NULL;
	*freed += hot_bytes(hot);
	return next;
}

// False: the table's lock is held, maybe for a long read.
static bool
make_cold(Store *store, const HotEntry *entry, uint64_t *freed)
{
	SCOPED(table_drop_ref) Table *table = store_find_id(store, entry->table_id);
	if (table == NULL)
		return true;
	if (!table_rewrite_try(table))
		return false;
	FileSet *next = files_without(table, entry->segment_id, freed);
	if (next != NULL)
		(void)table_set_files(table, next);
	table_rewrite_unlock(table);
	return true;
}

// Those that could not go yet, or are there still, are the oldest again.
static void
put_back(Store *store, HotEntry *first, HotEntry **end, uint64_t looked_at)
{
	if (first == NULL)
		return;
	pthread_mutex_lock(&store->hot_lock);
	*end = store->oldest_hot;
	if (store->oldest_hot == NULL)
		store->newest_hot = end;
	store->oldest_hot = first;
	store->left_hots += looked_at;
	pthread_mutex_unlock(&store->hot_lock);
}

// Readers may keep what was taken from the files: it counts until they are gone. False: there is no
// room, since tables are held.
static bool
make_room(Store *store)
{
	const Budget *budget = store->options.hot;
	uint64_t used = budget_used(budget), limit = budget_limit(budget), freed = 0;
	HotEntry *held = NULL, **end = &held;
	while (used > limit && freed < used - limit) {
		HotEntry *entry = take_oldest(store);
		if (entry == NULL)
			break;
		if (make_cold(store, entry, &freed)) {
			hot_entry_free(entry);
			continue;
		}
		*end = entry;
		end = &entry->next;
		*end = NULL;
	}
	put_back(store, held, end, 0);
	return held == NULL || used <= limit || freed >= used - limit;
}

// ---- copies that went otherwise: merged, truncated, expired, dropped ----

static bool
is_gone(Store *store, const HotEntry *entry)
{
	SCOPED(table_drop_ref) Table *table = store_find_id(store, entry->table_id);
	SCOPED(file_set_drop) FileSet *files = table != NULL ? table_files(table) : NULL;
	int32_t at = file_set_find(files, entry->segment_id);
	return at < 0 || file_set_hot(files, at) == NULL;
}

// All entries, if as many came since the last look as it left. NULL: they are too few.
static HotEntry *
take_many(Store *store)
{
	HotEntry *all = NULL;
	pthread_mutex_lock(&store->hot_lock);
	if (store->added_hots > store->left_hots + FEW_ENTRIES) {
		all = TAKE(store->oldest_hot);
		store->newest_hot = &store->oldest_hot;
		store->added_hots = store->left_hots = 0;
	}
	pthread_mutex_unlock(&store->hot_lock);
	return all;
}

static void
forget_gone(Store *store)
{
	HotEntry *left = NULL, **tail = &left;
	uint64_t count = 0;
	for (HotEntry *next, *entry = take_many(store); entry != NULL; entry = next) {
		next = entry->next;
		entry->next = NULL;
		if (is_gone(store, entry)) {
			hot_entry_free(entry);
			continue;
		}
		*tail = entry;
		tail = &entry->next;
		count++;
	}
	put_back(store, left, tail, count);
}

// ---- keeping ----

Hot *
hot_keep_end(Store *store, Table *table, uint64_t segment_id, HotBuilder *builder, HotEntry **entry)
{
	*entry = NULL;
	Hot *hot = builder != NULL ? hot_builder_finish(builder) : NULL;
	if (hot == NULL)
		return NULL;
	forget_gone(store);
	*entry = make_room(store) ? mem_alloc(sizeof(**entry)) : NULL;
	if (*entry == NULL) {
		hot_unref(hot);
		return NULL;
	}
	(*entry)->table_id = table->id;
	(*entry)->segment_id = segment_id;
	return hot;
}

void
hot_keep(Store *store, HotEntry *entry)
{
	if (entry == NULL)
		return;
	entry->next = NULL;
	pthread_mutex_lock(&store->hot_lock);
	*store->newest_hot = entry;
	store->newest_hot = &entry->next;
	store->added_hots++;
	pthread_mutex_unlock(&store->hot_lock);
}

void
hot_keep_close(Store *store)
{
	for (HotEntry *entry; (entry = take_oldest(store)) != NULL;)
		hot_entry_free(entry);
	pthread_mutex_destroy(&store->hot_lock);
}
