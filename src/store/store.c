// store.c - the store itself: what the publishing thread applies, and snapshots of it.

#include "store/store.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/store_int.h"

// A small growing segment is sealed by age only if it is worth a file.
enum { WORTH_A_FILE = 8 << 20 };

// ---- open, close ----

static Status
make_dirs(Store *store, Error *err)
{
	store->options.dir = mem_strdup(store->options.dir);
	if (store->options.dir == NULL)
		return error_no_memory(err, "the store");
	store->files_dir = mem_printf("%s/files", store->options.dir);
	store->tmp_dir = mem_printf("%s/tmp", store->options.dir);
	store->checkpoint_dir = mem_printf("%s/checkpoint", store->options.dir);
	if (store->files_dir == NULL || store->tmp_dir == NULL || store->checkpoint_dir == NULL)
		return error_no_memory(err, "the store");
	// What is in tmp was never published.
	TRY(dir_remove_all(store->tmp_dir, err));
	TRY(dir_make(store->tmp_dir, err));
	TRY(dir_make(store->files_dir, err));
	TRY(dir_make(store->checkpoint_dir, err));
	return dir_sync(store->options.dir, err);
}

static void
store_drop(Store **store)
{
	store_close(*store);
}

Status
store_open(const StoreOptions *options, Store **out, Error *err)
{
	SCOPED(store_drop) Store *store = mem_alloc(sizeof(*store));
	if (store == NULL)
		return error_no_memory(err, "the store");
	store->options = *options;
	pthread_mutex_init(&store->lock, NULL);
	TRY(make_dirs(store, err));
	TRY(store_load(store, err));
	TRY(checkpoint_load(store, err));
	*out = TAKE(store);
	return ST_OK;
}

void
store_close(Store *store)
{
	if (store == NULL)
		return;
	for (int i = 0; i < TABLE_BUCKETS; i++) {
		for (Table *next; store->by_id[i] != NULL; store->by_id[i] = next) {
			next = store->by_id[i]->next_by_id;
			table_unref(store->by_id[i]);
		}
	}
	for (Database *next; store->databases != NULL; store->databases = next) {
		next = store->databases->next;
		mem_free(store->databases->name);
		mem_free(store->databases);
	}
	pthread_mutex_destroy(&store->lock);
	mem_free(store->files_dir);
	mem_free(store->tmp_dir);
	mem_free(store->checkpoint_dir);
	mem_free((char *)(uintptr_t)store->options.dir);
	mem_free(store);
}

// ---- memory segments of a table ----

Link *
table_growing_locked(Table *table)
{
	if (table->oldest == NULL)
		return NULL;
	Link *last = (Link *)((char *)table->newest - offsetof(Link, next));
	return segment_stats(last->segment).status == SEGMENT_GROWING ? last : NULL;
}

static void
add_link_locked(Table *table, Link *link)
{
	link->next = NULL;
	*table->newest = link;
	table->newest = &link->next;
}

static void
tell_sealed(Store *store)
{
	pthread_mutex_lock(&store->lock);
	void (*wake)(void *) = store->on_sealed;
	void *arg = store->on_sealed_arg;
	if (wake != NULL)
		wake(arg);
	pthread_mutex_unlock(&store->lock);
}

// The segment to append to. It stays with a full one when there is no memory for the next: it is
// sealed a commit later.
static Segment *
growing_segment(Store *store, Table *table)
{
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	if (link == NULL) {
		link = TAKE(table->spare);
		must(link != NULL); // made before the commit was queued
		if (link->def != table->def) {
			table_def_unref(link->def);
			link->def = table_def_ref(table->def);
		}
		add_link_locked(table, link);
	}
	Segment *seg = link->segment;
	pthread_mutex_unlock(&store->lock);
	return seg;
}

static bool
has_spare(Store *store, Table *table)
{
	pthread_mutex_lock(&store->lock);
	bool there = table->spare != NULL;
	pthread_mutex_unlock(&store->lock);
	if (there)
		return true;
	Link *link = NULL;
	if (link_new(store, table->def, &link, NULL) != ST_OK)
		return false;
	pthread_mutex_lock(&store->lock);
	if (table->spare == NULL)
		table->spare = TAKE(link);
	pthread_mutex_unlock(&store->lock);
	link_free(link);
	return true;
}

// Commits already queued count on a spare, so a segment is sealed only if one is there.
static void
seal_growing(Store *store, Table *table)
{
	if (!has_spare(store, table))
		return;
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	if (link != NULL)
		segment_seal(link->segment, clock_wall_ns());
	pthread_mutex_unlock(&store->lock);
	if (link != NULL)
		tell_sealed(store);
}

// ---- applying ----

void
store_apply_insert(Store *store, Table *table, SegmentInsert *insert, uint64_t seq)
{
	if (atomic_load(&table->dropped)) {
		segment_insert_free(insert); // it came after the drop in the same breath
		return;
	}
	Segment *seg = growing_segment(store, table);
	segment_append(seg, insert, seq);
	if (segment_stats(seg).bytes >= store->options.segment_bytes)
		seal_growing(store, table);
}

void
store_apply_define(Store *store, StoreDefine *define, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	Table *existing = store->by_id[table_id(define->def) % TABLE_BUCKETS];
	while (existing != NULL && existing->id != table_id(define->def))
		existing = existing->next_by_id;
	TableDef *old = NULL;
	if (existing == NULL) {
		must(define->table != NULL);
		table_insert_locked(store, TAKE(define->table));
	} else {
		old = existing->def;
		existing->def = table_def_ref(define->def);
		table_ref(existing);
	}
	pthread_mutex_unlock(&store->lock);

	if (existing != NULL) {
		// A segment has one definition: files are written under it.
		SegmentStats stats = {0};
		pthread_mutex_lock(&store->lock);
		Link *growing = table_growing_locked(existing);
		if (growing != NULL)
			stats = segment_stats(growing->segment);
		pthread_mutex_unlock(&store->lock);
		if (stats.rows > 0)
			seal_growing(store, existing);
		table_unref(existing);
	}
	table_def_unref(old);
	catalog_apply(store->options.catalog, TAKE(define->change), seq);
	store_define_free(define);
}

static void
doom_files(const FileSet *files)
{
	for (int32_t i = 0; i < file_set_count(files); i++)
		data_file_doom(file_set_at(files, i));
}

void
store_apply_drop(Store *store, Table *table, CatalogChange *change, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	bool first = !atomic_load(&table->dropped);
	FileSet *files = NULL;
	Link *links = NULL;
	if (first) {
		atomic_store(&table->dropped, true);
		table_remove_locked(store, table);
		files = TAKE(table->files);
		links = TAKE(table->oldest);
		table->newest = &table->oldest;
	}
	pthread_mutex_unlock(&store->lock);

	catalog_apply(store->options.catalog, change, seq);
	doom_files(files);
	file_set_unref(files);
	for (Link *next; links != NULL; links = next) {
		next = links->next;
		link_free(links);
	}
	if (first)
		table_unref(table); // the names' reference
}

void
store_publish(Store *store, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	store->published_seq = seq;
	pthread_mutex_unlock(&store->lock);
}

uint64_t
store_published_seq(const Store *store)
{
	Store *s = (Store *)(uintptr_t)store; // the lock is no part of what const promises
	pthread_mutex_lock(&s->lock);
	uint64_t seq = s->published_seq;
	pthread_mutex_unlock(&s->lock);
	return seq;
}

// ---- sealing ----

static bool
should_seal(Store *store, Table *table, int64_t min_age_ns)
{
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	SegmentStats stats = link != NULL ? segment_stats(link->segment) : (SegmentStats){0};
	pthread_mutex_unlock(&store->lock);
	if (stats.rows == 0)
		return false;
	return min_age_ns == 0 ||
		   (clock_wall_ns() - stats.created_ns >= min_age_ns && stats.bytes >= WORTH_A_FILE);
}

void
store_seal(Store *store, Table *table, int64_t min_age_ns)
{
	if (table != NULL) {
		if (should_seal(store, table, min_age_ns))
			seal_growing(store, table);
		return;
	}
	// Only this thread adds and removes tables, so the chains hold still.
	for (int i = 0; i < TABLE_BUCKETS; i++)
		for (Table *t = store->by_id[i]; t != NULL; t = t->next_by_id)
			if (should_seal(store, t, min_age_ns))
				seal_growing(store, t);
}

void
store_on_sealed(Store *store, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&store->lock);
	store->on_sealed = wake;
	store->on_sealed_arg = arg;
	pthread_mutex_unlock(&store->lock);
}
