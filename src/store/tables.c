// tables.c - tables by name and id, and what a put makes before its commit.

#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/retention.h"
#include "store/store_int.h"

// ---- a table ----

// Taken twice by one thread it would hold up the table for ever; so that is an error of its own.
static void
rewrite_init(Table *table)
{
	pthread_mutexattr_t kind;
	must(pthread_mutexattr_init(&kind) == 0);
	must(pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_ERRORCHECK) == 0);
	must(pthread_mutex_init(&table->rewrite, &kind) == 0);
	pthread_mutexattr_destroy(&kind);
}

Status
table_new(Store *store, TableDef *def, Table **out, Error *err)
{
	SCOPED(table_drop_ref) Table *table = mem_alloc(sizeof(*table));
	if (table == NULL)
		return error_no_memory(err, "a table");
	atomic_init(&table->refs, 1);
	table->store = store;
	table->id = table_id(def);
	table->def = table_def_ref(def);
	table->tail = &table->oldest;
	table->replaying = store->replaying;
	pthread_mutex_init(&table->change, NULL);
	rewrite_init(table);
	pthread_mutex_init(&table->lookup, NULL);
	table->dropped_before = VISIBLE_ALWAYS;
	TRY(series_new(store->options.series_limit, &table->series, err));
	TRY(producers_new(&table->producers, err));
	if (table_replaces(def))
		TRY(newest_new(&table->newest_times, err));
	table->recent = table_replaces(def) ? mem_alloc(sizeof(*table->recent)) : NULL;
	if (table_replaces(def) && table->recent == NULL)
		return error_no_memory(err, "a table");
	*out = TAKE(table);
	return ST_OK;
}

Table *
table_ref(Table *table)
{
	atomic_fetch_add_explicit(&table->refs, 1, memory_order_relaxed);
	return table;
}

void
table_unref(Table *table)
{
	if (table == NULL || atomic_fetch_sub_explicit(&table->refs, 1, memory_order_acq_rel) > 1)
		return;
	if (atomic_load(&table->attached) != NULL)
		table->free_attached(atomic_load(&table->attached));
	links_free(table->oldest);
	link_free(table->spare);
	file_set_unref(table->files);
	replayed_free(table->replayed);
	series_free(table->series);
	producers_free(table->producers);
	newest_free(table->newest_times);
	mem_free(table->recent);
	table_def_unref(table->def);
	pthread_mutex_destroy(&table->change);
	pthread_mutex_destroy(&table->rewrite);
	pthread_mutex_destroy(&table->lookup);
	mem_free(table);
}

TableDef *
table_current(Table *table)
{
	pthread_mutex_lock(&table->store->lock);
	TableDef *def = table_def_ref(table->def);
	pthread_mutex_unlock(&table->store->lock);
	return def;
}

bool
table_dropped(const Table *table)
{
	return atomic_load(&table->dropped);
}

void *
table_attached(const Table *table)
{
	return atomic_load_explicit(&((Table *)(uintptr_t)table)->attached, memory_order_acquire);
}

bool
table_attach(Table *table, void *what, void (*free)(void *what))
{
	pthread_mutex_lock(&table->store->lock);
	bool first = atomic_load(&table->attached) == NULL;
	if (first) {
		table->free_attached = free;
		atomic_store_explicit(&table->attached, what, memory_order_release);
	}
	pthread_mutex_unlock(&table->store->lock);
	return first;
}

bool
table_is_empty(Table *table)
{
	pthread_mutex_lock(&table->store->lock);
	bool empty = file_set_count(table->files) == 0;
	for (const Link *link = table->oldest; link != NULL && empty; link = link->next)
		empty = segment_stats(link->segment).rows == 0;
	pthread_mutex_unlock(&table->store->lock);
	return empty;
}

SeriesMap *
table_series(Table *table)
{
	return table->series;
}

Producers *
table_producers(Table *table)
{
	return table->producers;
}

FileSet *
table_files(Table *table)
{
	pthread_mutex_lock(&table->store->lock);
	FileSet *files = file_set_ref(table->files);
	pthread_mutex_unlock(&table->store->lock);
	return files;
}

bool
table_swap_files_locked(Table *table, FileSet **files)
{
	if (atomic_load(&table->dropped))
		return false;
	FileSet *next = *files;
	*files = table->files;
	table->files = next;
	return true;
}

bool
table_set_files(Table *table, FileSet *files)
{
	pthread_mutex_lock(&table->store->lock);
	bool there = table_swap_files_locked(table, &files);
	pthread_mutex_unlock(&table->store->lock);
	file_set_unref(files);
	return there;
}

uint64_t
store_flushed_seq(const Table *table)
{
	return atomic_load(&table->flushed_seq);
}

bool
table_may_follow(Table *table, uint64_t seq, uint64_t read_seq, int64_t min_time, int64_t max_time)
{
	if (table->recent == NULL)
		return true;
	if (read_seq > 0 && recent_puts_overlap(table->recent, read_seq, seq, min_time, max_time))
		return false;
	recent_puts_add(table->recent, seq, min_time, max_time);
	return true;
}

void
table_change_lock(Table *table)
{
	pthread_mutex_lock(&table->change);
}

void
table_change_unlock(Table *table)
{
	pthread_mutex_unlock(&table->change);
}

void
table_rewrite_lock(Table *table)
{
	must(pthread_mutex_lock(&table->rewrite) == 0);
}

bool
table_rewrite_try(Table *table)
{
	return pthread_mutex_trylock(&table->rewrite) == 0;
}

void
table_rewrite_unlock(Table *table)
{
	must(pthread_mutex_unlock(&table->rewrite) == 0);
}

// ---- names ----

// Case is folded for the bucket, so that one search finds exact and folded matches.
static Table **
name_bucket(Store *store, const char *database, const char *name)
{
	uint64_t hash = hash64(database, strlen(database));
	for (const char *p = name; *p != '\0'; p++)
		hash = hash * 31 + (uint64_t)(*p >= 'A' && *p <= 'Z' ? *p + 32 : *p);
	return &store->by_name[hash % TABLE_BUCKETS];
}

void
table_insert_locked(Store *store, Table *table)
{
	Table **bucket = name_bucket(store, table_database(table->def), table_name(table->def));
	table->next_in_bucket = *bucket;
	*bucket = table;
	Table **ids = &store->by_id[table->id % TABLE_BUCKETS];
	table->next_by_id = *ids;
	*ids = table;
}

void
table_remove_locked(Store *store, Table *table)
{
	Table **at = name_bucket(store, table_database(table->def), table_name(table->def));
	while (*at != table)
		at = &(*at)->next_in_bucket;
	*at = table->next_in_bucket;
	at = &store->by_id[table->id % TABLE_BUCKETS];
	while (*at != table)
		at = &(*at)->next_by_id;
	*at = table->next_by_id;
}

static Table *
find_locked(Store *store, const char *database, const char *name, bool fold, bool *ambiguous)
{
	Table *found = NULL;
	*ambiguous = false;
	for (Table *t = *name_bucket(store, database, name); t != NULL; t = t->next_in_bucket) {
		if (strcmp(table_database(t->def), database) != 0)
			continue;
		if (strcmp(table_name(t->def), name) == 0) {
			*ambiguous = false;
			return t;
		}
		if (fold && strcasecmp(table_name(t->def), name) == 0) {
			*ambiguous = found != NULL;
			found = t;
		}
	}
	return *ambiguous ? NULL : found;
}

Table *
store_find(Store *store, const char *database, const char *name, bool fold, bool *ambiguous)
{
	pthread_mutex_lock(&store->lock);
	Table *found = find_locked(store, database, name, fold, ambiguous);
	if (found != NULL)
		table_ref(found);
	pthread_mutex_unlock(&store->lock);
	return found;
}

Table *
store_find_id(Store *store, uint32_t table_id)
{
	pthread_mutex_lock(&store->lock);
	Table *found = store->by_id[table_id % TABLE_BUCKETS];
	while (found != NULL && found->id != table_id)
		found = found->next_by_id;
	if (found != NULL)
		table_ref(found);
	pthread_mutex_unlock(&store->lock);
	return found;
}

// ---- before a commit ----

Status
store_define_new(Store *store, TableDef *def, StoreDefine **out, Error *err)
{
	StoreDefine *define = mem_alloc(sizeof(*define));
	if (define == NULL)
		return error_no_memory(err, "a table");
	define->def = table_def_ref(def);
	SCOPED(table_drop_ref) Table *existing = store_find_id(store, table_id(def));
	Status st = existing != NULL ? link_new(store, def, &define->spare, err)
								 : table_new(store, def, &define->table, err);
	if (st == ST_OK)
		st = catalog_change_define(def, &define->change, err);
	if (st != ST_OK) {
		store_define_free(define);
		return st;
	}
	*out = define;
	return ST_OK;
}

TableDef *
store_define_def(const StoreDefine *define)
{
	return define->def;
}

void
store_define_free(StoreDefine *define)
{
	if (define == NULL)
		return;
	table_unref(define->table);
	link_free(define->spare);
	table_def_unref(define->def);
	catalog_change_free(define->change);
	mem_free(define);
}

Status
store_insert_new(Store *store, Table *table, Shape *shape, Batch *batch, uint64_t reserved,
				 SegmentInsert **out, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	TRY(shape_check(shape, def, err));
	TRY(table_provide_spare(table, err));
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)batch_rows(batch), sizeof(*ids));
	if (ids == NULL)
		return error_no_memory(err, "a batch");
	bool on = true;
	TRY(series_map_batch(table->series, def, shape, batch, ids, &on, err));
	if (table->newest_times != NULL)
		TRY(newest_make_room(table->newest_times, series_count(table->series), err));
	TRY(segment_insert_new(shape, def, batch, on ? ids : NULL, store->options.budget, reserved, out,
						   err));
	int64_t min, max;
	if (table_key_column(def) >= 0 && segment_insert_times(*out, &min, &max))
		table_know_id(table, max);
	return ST_OK;
}
