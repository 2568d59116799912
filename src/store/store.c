// store.c - the store itself: what the publishing thread applies, and snapshots of it.

#include "store/store.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/adopt.h"
#include "store/store_int.h"

enum {
	WORTH_A_FILE = 8 << 20,    // a smaller growing segment is not sealed by age
	LARGEST_SEGMENT = 1 << 30, // so that no column of a file passes the 2 GiB of its offsets
};

// ---- open, close ----

static Status
make_dirs(Store *store, Error *err)
{
	if (store->options.dir == NULL)
		return ST_OK;
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

char *
store_file_path(const Store *store, uint32_t table_id, uint64_t segment_id)
{
	return mem_printf("%s/%" PRIu32 "/%" PRIu64 ".parquet", store->files_dir, table_id, segment_id);
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
	if (options->kept != NULL)
		store->kept = *options->kept;
	if (store->options.segment_bytes > LARGEST_SEGMENT)
		store->options.segment_bytes = LARGEST_SEGMENT;
	pthread_mutex_init(&store->lock, NULL);
	pthread_mutex_init(&store->hot_lock, NULL);
	store->newest_hot = &store->oldest_hot;
	TRY(make_dirs(store, err));
	TRY(store_load(store, err));
	if (store->options.dir != NULL)
		TRY(checkpoint_load(store, err));
	// Nothing is removed before it is sure that the catalog is the right one.
	if (store->options.dir != NULL)
		TRY(store_find_strays(store, err));
	*out = TAKE(store);
	return ST_OK;
}

static void
free_applied(Store *store)
{
	for (StoreAdopt *adopt; (adopt = store->adopted) != NULL;) {
		store->adopted = adopt->next_applied;
		store_adopt_free(adopt);
	}
	for (StoreDelete *del; (del = store->applied) != NULL;) {
		store->applied = del->next_applied;
		store_delete_free(del);
	}
}

void
store_close(Store *store)
{
	if (store == NULL)
		return;
	free_applied(store);
	flush_close_waiting(store);
	strays_free(store->strays);
	for (Table *table; (table = store->full) != NULL;) {
		store->full = table->next_full;
		table_unref(table);
	}
	for (int i = 0; i < TABLE_BUCKETS; i++) {
		for (Table *next; store->by_id[i] != NULL; store->by_id[i] = next) {
			next = store->by_id[i]->next_by_id;
			table_unref(store->by_id[i]);
		}
	}
	for (Database *next; store->databases != NULL; store->databases = next) {
		next = store->databases->next;
		database_free(store->databases);
	}
	hot_keep_close(store);
	pthread_mutex_destroy(&store->lock);
	mem_free(store->files_dir);
	mem_free(store->tmp_dir);
	mem_free(store->checkpoint_dir);
	mem_free((char *)(uintptr_t)store->options.dir);
	mem_free(store);
}

// ---- memory segments of a table ----

// Called under the lock, so that nobody is told who was taken off meanwhile.
static void
tell_sealed(Store *store)
{
	pthread_mutex_lock(&store->lock);
	if (store->sealed_some && store->on_sealed != NULL)
		store->on_sealed(store->on_sealed_arg);
	pthread_mutex_unlock(&store->lock);
	store->sealed_some = false;
}

static Segment *
growing_segment(Store *store, Table *table)
{
	SCOPED(table_def_drop) TableDef *older = NULL;
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	if (link == NULL) {
		link = TAKE(table->spare);
		must(link != NULL); // made before the commit was queued
		segment_begin(link->segment, clock_wall_ns());
		older = link->def;
		link->def = table_def_ref(table->def);
		table_add_link_locked(table, link);
	}
	Segment *seg = link->segment;
	pthread_mutex_unlock(&store->lock);
	return seg;
}

// Commits already queued count on a spare, so a segment is sealed only if one is there. Without
// memory for it the segment goes on growing and is sealed a commit later.
static void
seal_growing(Store *store, Table *table)
{
	if (table_provide_spare(table, NULL) != ST_OK)
		return;
	Link *none = NULL;
	pthread_mutex_lock(&store->lock);
	store->sealed_some |= table_end_growing_locked(table, &none);
	pthread_mutex_unlock(&store->lock);
}

// ---- applying ----

// Segments end between commits: a commit is in files, or it is not.
static void
list_full(Store *store, Table *table)
{
	if (table->full)
		return;
	table->full = true;
	table->next_full = store->full;
	store->full = table_ref(table);
}

SegmentSpot
store_apply_insert(Store *store, Table *table, SegmentInsert *insert, uint64_t seq)
{
	// It may come after the drop in the same breath.
	if (atomic_load(&table->dropped) || segment_insert_rows(insert) == 0) {
		segment_insert_free(insert);
		return (SegmentSpot){0};
	}
	Segment *seg = growing_segment(store, table);
	if (table->newest_times != NULL)
		segment_note_late(seg, insert, table->newest_times);
	SegmentSpot spot = segment_append(seg, insert, seq);
	if (segment_stats(seg).bytes >= store->options.segment_bytes)
		list_full(store, table);
	return spot;
}

// A segment has one definition: files are written under it.
static void
apply_next_version(Store *store, Table *table, StoreDefine *define)
{
	pthread_mutex_lock(&store->lock);
	TableDef *old = table->def;
	table->def = table_def_ref(define->def);
	if (table->spare == NULL)
		table->spare = TAKE(define->spare);
	pthread_mutex_unlock(&store->lock);
	table_def_unref(old);
	seal_growing(store, table);
}

void
store_apply_define(Store *store, StoreDefine *define, uint64_t seq)
{
	SCOPED(table_drop_ref) Table *existing = store_find_id(store, table_id(define->def));
	bool applied = existing != NULL || define->table != NULL;
	if (existing != NULL) {
		apply_next_version(store, existing, define);
	} else if (define->table != NULL) {
		pthread_mutex_lock(&store->lock);
		table_insert_locked(store, TAKE(define->table));
		pthread_mutex_unlock(&store->lock);
	}
	// The next version of a table that was dropped meanwhile is nothing.
	if (applied)
		catalog_apply(store->options.catalog, TAKE(define->change), seq);
	store_define_free(define);
}

void
forget_files(void *arg, bool durable)
{
	FileSet *files = arg;
	for (int32_t i = 0; durable && i < file_set_count(files); i++)
		data_file_doom(file_set_at(files, i));
	file_set_unref(files);
}

// What was applied changes the files now; of one table, or (NULL) of all.
static void
swap_applied_locked(Store *store, const Table *table)
{
	for (StoreDelete *del = store->applied; del != NULL; del = del->next_applied)
		if (table == NULL || del->table == table)
			delete_swap_locked(del);
	for (StoreAdopt *adopt = store->adopted; adopt != NULL; adopt = adopt->next_applied)
		if (table == NULL || adopt->table == table)
			adopt_swap_locked(adopt);
}

Remains
table_go_locked(Store *store, Table *table)
{
	Remains remains = {0};
	if (atomic_load(&table->dropped))
		return remains;
	swap_applied_locked(store, table); // files that were to come go with the others
	atomic_store(&table->dropped, true);
	table_remove_locked(store, table);
	remains.names = table;
	remains.files = TAKE(table->files);
	remains.links = TAKE(table->oldest);
	table->tail = &table->oldest;
	return remains;
}

void
remains_free_memory(Remains *remains)
{
	links_free(TAKE(remains->links));
	table_unref(TAKE(remains->names));
}

void
store_apply_drop(Store *store, Table *table, CatalogChange *change, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	Remains remains = table_go_locked(store, table);
	pthread_mutex_unlock(&store->lock);

	catalog_change_then(change, forget_files, remains.files);
	catalog_apply(store->options.catalog, change, seq);
	remains_free_memory(&remains);
}

void
store_show(Store *store, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	if (seq > store->published_seq) // a replay begins below what files hold
		store->published_seq = seq;
	swap_applied_locked(store, NULL);
	pthread_mutex_unlock(&store->lock);
}

void
store_settle(Store *store)
{
	free_applied(store);
	for (Table *table; (table = store->full) != NULL;) {
		store->full = table->next_full;
		table->full = false;
		seal_growing(store, table);
		table_unref(table);
	}
	if (store->sealed_some)
		tell_sealed(store);
}

void
store_publish(Store *store, uint64_t seq)
{
	store_show(store, seq);
	store_settle(store);
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

typedef struct SealRule {
	int64_t min_age_ns; // 0: of any age, and however small
	uint64_t seq;       // of its first commit, at most
} SealRule;

static bool
should_seal(Store *store, Table *table, const SealRule *rule)
{
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	SegmentStats stats = link != NULL ? segment_stats(link->segment) : (SegmentStats){0};
	pthread_mutex_unlock(&store->lock);
	if (stats.rows == 0 || stats.min_seq > rule->seq)
		return false;
	return rule->min_age_ns == 0 ||
		   (clock_wall_ns() - stats.created_ns >= rule->min_age_ns && stats.bytes >= WORTH_A_FILE);
}

static void
seal_tables(Store *store, Table *table, const SealRule *rule)
{
	if (table != NULL && should_seal(store, table, rule))
		seal_growing(store, table);
	// Only this thread adds and removes tables, so the chains hold still.
	for (int i = 0; table == NULL && i < TABLE_BUCKETS; i++)
		for (Table *t = store->by_id[i]; t != NULL; t = t->next_by_id)
			if (should_seal(store, t, rule))
				seal_growing(store, t);
	if (store->sealed_some)
		tell_sealed(store);
}

void
store_seal(Store *store, Table *table, int64_t min_age_ns)
{
	seal_tables(store, table, &(SealRule){.min_age_ns = min_age_ns, .seq = UINT64_MAX});
}

void
store_seal_behind(Store *store, uint64_t seq)
{
	seal_tables(store, NULL, &(SealRule){.seq = seq});
}

Status
store_end_segment(Store *store, Table *table, Error *err)
{
	TRY(table_provide_spare(table, err));
	store_seal(store, table, 0);
	return ST_OK;
}

void
store_on_sealed(Store *store, void (*wake)(void *arg), void *arg)
{
	pthread_mutex_lock(&store->lock);
	store->on_sealed = wake;
	store->on_sealed_arg = arg;
	pthread_mutex_unlock(&store->lock);
}
