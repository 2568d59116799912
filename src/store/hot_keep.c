#include "store/hot_keep.h"

#include "base/mem.h"
#include "store/store_int.h"

struct HotEntry {
	Table *table; // a reference
	uint64_t segment_id;
	HotEntry *next;
};

void
hot_entry_free(HotEntry *entry)
{
	if (entry == NULL)
		return;
	table_unref(entry->table);
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
make_cold(const HotEntry *entry, uint64_t *freed)
{
	Table *table = entry->table;
	if (!table_rewrite_try(table))
		return false;
	FileSet *next = files_without(table, entry->segment_id, freed);
	if (next != NULL)
		(void)table_set_files(table, next);
	table_rewrite_unlock(table);
	return true;
}

// Those that could not go yet are the oldest again.
static void
put_back(Store *store, HotEntry *first, HotEntry **end)
{
	if (first == NULL)
		return;
	pthread_mutex_lock(&store->hot_lock);
	*end = store->oldest_hot;
	if (store->oldest_hot == NULL)
		store->newest_hot = end;
	store->oldest_hot = first;
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
		if (make_cold(entry, &freed)) {
			hot_entry_free(entry);
			continue;
		}
		*end = entry;
		end = &entry->next;
		*end = NULL;
	}
	put_back(store, held, end);
	return held == NULL || used <= limit || freed >= used - limit;
}

// ---- keeping ----

Hot *
hot_keep_end(Store *store, Table *table, uint64_t segment_id, HotBuilder *builder, HotEntry **entry)
{
	*entry = NULL;
	Hot *hot = builder != NULL ? hot_builder_finish(builder) : NULL;
	if (hot == NULL)
		return NULL;
	*entry = make_room(store) ? mem_alloc(sizeof(**entry)) : NULL;
	if (*entry == NULL) {
		hot_unref(hot);
		return NULL;
	}
	(*entry)->table = table_ref(table);
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
	pthread_mutex_unlock(&store->hot_lock);
}

void
hot_keep_close(Store *store)
{
	for (HotEntry *entry; (entry = take_oldest(store)) != NULL;)
		hot_entry_free(entry);
	pthread_mutex_destroy(&store->hot_lock);
}
