// catalog.c - the catalog's thread and the queue before it.
//
// Two kinds of work share one queue, in order: changes of schema, which nobody waits for, and calls
// somebody does wait for.

#include "catalog/catalog.h"

#include <stdatomic.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog_int.h"
#include "os/clock.h"
#include "os/random.h"
#include "os/thread.h"

#define RETRY_AFTER_NS INT64_C(1000000000)

enum { ID_BLOCK = 1024 }; // ids are reserved durably this many at a time

struct CatalogChange {
	TableDef *define; // or, if NULL, a drop of
	uint32_t drop_id;
	uint64_t seq;
	CatalogChange *next;
};

// Work that is waited for.
typedef struct Call {
	Status (*run)(sqlite3 *db, void *arg, Error *err);
	void *arg;
	Error *err;
	Status status;
	Signal done;
	struct Call *next;
} Call;

typedef struct IdBlock {
	const char *key;
	uint64_t next;
	uint64_t end;
} IdBlock;

struct Catalog {
	sqlite3 *db; // the thread's, after catalog_load
	Thread *thread;
	Signal wake;
	pthread_mutex_t lock; // guards all below
	CatalogChange *changes;
	CatalogChange **changes_tail;
	Call *calls;
	Call **calls_tail;
	bool stopping;
	uint64_t pending; // changes not yet in

	pthread_mutex_t id_lock; // guards ids; held while a block is reserved
	IdBlock tables, segments, schemas;
	_Atomic uint64_t applied_seq;
};

// ---- the thread ----

static Status
write_change(sqlite3 *db, const CatalogChange *change, Error *err)
{
	TRY(change->define != NULL ? catalog_write_define(db, change->define, err)
							   : catalog_write_drop(db, change->drop_id, err));
	return catalog_set_meta(db, "applied_seq", (int64_t)change->seq, err);
}

static Status
in_transaction(sqlite3 *db, Status (*run)(sqlite3 *db, void *arg, Error *err), void *arg,
			   Error *err)
{
	TRY(catalog_exec(db, "BEGIN IMMEDIATE", err));
	Status st = run(db, arg, err);
	if (st == ST_OK)
		st = catalog_exec(db, "COMMIT", err);
	if (st != ST_OK)
		(void)catalog_exec(db, "ROLLBACK", NULL);
	return st;
}

static Status
write_changes(sqlite3 *db, void *arg, Error *err)
{
	for (const CatalogChange *change = arg; change != NULL; change = change->next)
		TRY(write_change(db, change, err));
	return ST_OK;
}

static void
free_changes(CatalogChange *change)
{
	for (CatalogChange *next; change != NULL; change = next) {
		next = change->next;
		catalog_change_free(change);
	}
}

// All that is queued, in one transaction. On failure it stays queued, and so does everything behind
// it.
static bool
apply_changes(Catalog *catalog)
{
	pthread_mutex_lock(&catalog->lock);
	CatalogChange *all = TAKE(catalog->changes);
	CatalogChange **tail = catalog->changes_tail;
	catalog->changes_tail = &catalog->changes;
	pthread_mutex_unlock(&catalog->lock);
	if (all == NULL)
		return true;

	Error err = ERROR_INIT;
	uint64_t last = 0;
	for (const CatalogChange *change = all; change != NULL; change = change->next)
		last = change->seq;
	if (in_transaction(catalog->db, write_changes, all, &err) == ST_OK) {
		atomic_store(&catalog->applied_seq, last);
		uint64_t count = 0;
		for (const CatalogChange *change = all; change != NULL; change = change->next)
			count++;
		pthread_mutex_lock(&catalog->lock);
		catalog->pending -= count;
		pthread_mutex_unlock(&catalog->lock);
		free_changes(all);
		return true;
	}
	log_error("catalog write failed", "error=\"%s\"", err.text);
	pthread_mutex_lock(&catalog->lock);
	*tail = catalog->changes;
	if (catalog->changes == NULL)
		catalog->changes_tail = tail;
	catalog->changes = all;
	pthread_mutex_unlock(&catalog->lock);
	return false;
}

static void
answer_calls(Catalog *catalog, Call *call, bool behind)
{
	for (Call *next; call != NULL; call = next) {
		next = call->next; // answering gives the node back to who waits
		call->status = behind
						   ? error_set(call->err, ST_IO,
									   "catalog.db cannot be written; earlier changes wait for it")
						   : in_transaction(catalog->db, call->run, call->arg, call->err);
		signal_raise(&call->done);
	}
}

static void
catalog_run(void *arg)
{
	Catalog *catalog = arg;
	bool applied = true;
	for (;;) {
		pthread_mutex_lock(&catalog->lock);
		bool stopping = catalog->stopping;
		Call *calls = TAKE(catalog->calls);
		catalog->calls_tail = &catalog->calls;
		pthread_mutex_unlock(&catalog->lock);

		applied = apply_changes(catalog);
		answer_calls(catalog, calls, !applied);
		if (stopping && calls == NULL)
			return;
		if (calls == NULL)
			(void)signal_wait(&catalog->wake,
							  applied ? INT64_MAX : clock_mono_ns() + RETRY_AFTER_NS);
	}
}

static Status
call_catalog(Catalog *catalog, Status (*run)(sqlite3 *db, void *arg, Error *err), void *arg,
			 Error *err)
{
	Call call = {.run = run, .arg = arg, .err = err};
	signal_init(&call.done);
	pthread_mutex_lock(&catalog->lock);
	*catalog->calls_tail = &call;
	catalog->calls_tail = &call.next;
	pthread_mutex_unlock(&catalog->lock);
	signal_raise(&catalog->wake);
	(void)signal_wait(&call.done, INT64_MAX);
	signal_close(&call.done);
	return call.status;
}

// ---- open, close ----

static Status
open_file(Catalog *catalog, const char *path, CatalogState *state, Error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(path, &catalog->db, flags, NULL) != SQLITE_OK)
		return catalog->db == NULL ? error_no_memory(err, "the catalog")
								   : catalog_sql_error(catalog->db, path, err);
	TRY(catalog_exec(
		catalog->db,
		"PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", err));
	TRY(random_bytes(state->epoch, sizeof(state->epoch), err));
	TRY(catalog_schema_init(catalog->db, state, err));
	return catalog_read_state(catalog->db, state, err);
}

Status
catalog_open(const char *path, Catalog **out, CatalogState *state, Error *err)
{
	Catalog *catalog = mem_alloc(sizeof(*catalog));
	if (catalog == NULL)
		return error_no_memory(err, "the catalog");
	pthread_mutex_init(&catalog->lock, NULL);
	pthread_mutex_init(&catalog->id_lock, NULL);
	signal_init(&catalog->wake);
	catalog->changes_tail = &catalog->changes;
	catalog->calls_tail = &catalog->calls;
	Status st = open_file(catalog, path, state, err);
	if (st == ST_OK) {
		catalog->tables = (IdBlock){"next_table_id", state->next_table_id, state->next_table_id};
		catalog->segments =
			(IdBlock){"next_segment_id", state->next_segment_id, state->next_segment_id};
		catalog->schemas =
			(IdBlock){"next_schema_id", state->next_schema_id, state->next_schema_id};
		atomic_store(&catalog->applied_seq, state->applied_seq);
		ThreadOptions options = {.name = "catalog"};
		st = thread_start(&options, catalog_run, catalog, &catalog->thread, err);
	}
	if (st != ST_OK) {
		catalog_close(catalog);
		return st;
	}
	*out = catalog;
	return ST_OK;
}

void
catalog_close(Catalog *catalog)
{
	if (catalog == NULL)
		return;
	pthread_mutex_lock(&catalog->lock);
	catalog->stopping = true;
	pthread_mutex_unlock(&catalog->lock);
	signal_raise(&catalog->wake);
	thread_join(catalog->thread);
	free_changes(catalog->changes);
	sqlite3_close(catalog->db);
	signal_close(&catalog->wake);
	pthread_mutex_destroy(&catalog->lock);
	pthread_mutex_destroy(&catalog->id_lock);
	mem_free(catalog);
}

// ---- changes of schema ----

Status
catalog_change_define(TableDef *def, CatalogChange **out, Error *err)
{
	CatalogChange *change = mem_alloc(sizeof(*change));
	if (change == NULL)
		return error_no_memory(err, "a change of the catalog");
	change->define = table_def_ref(def);
	*out = change;
	return ST_OK;
}

Status
catalog_change_drop(uint32_t table_id, CatalogChange **out, Error *err)
{
	CatalogChange *change = mem_alloc(sizeof(*change));
	if (change == NULL)
		return error_no_memory(err, "a change of the catalog");
	change->drop_id = table_id;
	*out = change;
	return ST_OK;
}

void
catalog_change_free(CatalogChange *change)
{
	if (change == NULL)
		return;
	table_def_unref(change->define);
	mem_free(change);
}

void
catalog_apply(Catalog *catalog, CatalogChange *change, uint64_t seq)
{
	change->seq = seq;
	change->next = NULL;
	pthread_mutex_lock(&catalog->lock);
	*catalog->changes_tail = change;
	catalog->changes_tail = &change->next;
	catalog->pending++;
	pthread_mutex_unlock(&catalog->lock);
	signal_raise(&catalog->wake);
}

uint64_t
catalog_applied_seq(const Catalog *catalog)
{
	return atomic_load(&catalog->applied_seq);
}

uint64_t
catalog_needed_after(const Catalog *catalog, uint64_t otherwise)
{
	Catalog *c = (Catalog *)(uintptr_t)catalog; // the lock is no part of what const promises
	pthread_mutex_lock(&c->lock);
	bool behind = c->pending > 0;
	pthread_mutex_unlock(&c->lock);
	return behind ? atomic_load(&c->applied_seq) : otherwise;
}

Status
catalog_load(Catalog *catalog, const CatalogVisitor *visitor, Error *err)
{
	CatalogVisitor copy = *visitor;
	return call_catalog(catalog, catalog_load_all, &copy, err);
}

// ---- files ----

typedef struct Publication {
	const FileMeta *files;
	int32_t file_count;
	const uint64_t *removed;
	int32_t removed_count;
	const CatalogFlushed *flushed;
	int32_t flushed_count;
} Publication;

static Status
write_publication(sqlite3 *db, void *arg, Error *err)
{
	const Publication *p = arg;
	for (int32_t i = 0; i < p->file_count; i++)
		TRY(catalog_write_file(db, &p->files[i], err));
	for (int32_t i = 0; i < p->removed_count; i++)
		TRY(catalog_remove_file(db, p->removed[i], err));
	for (int32_t i = 0; i < p->flushed_count; i++)
		TRY(catalog_write_flushed(db, &p->flushed[i], err));
	return ST_OK;
}

Status
catalog_publish(Catalog *catalog, const FileMeta *files, int32_t file_count,
				const uint64_t *removed, int32_t removed_count, const CatalogFlushed *flushed,
				int32_t flushed_count, Error *err)
{
	Publication p = {files, file_count, removed, removed_count, flushed, flushed_count};
	return call_catalog(catalog, write_publication, &p, err);
}

static Status
write_new_epoch(sqlite3 *db, void *arg, Error *err)
{
	return catalog_write_epoch(db, arg, err);
}

Status
catalog_new_epoch(Catalog *catalog, uint8_t out_epoch[16], Error *err)
{
	uint8_t epoch[16];
	TRY(random_bytes(epoch, sizeof(epoch), err));
	TRY(call_catalog(catalog, write_new_epoch, epoch, err));
	memcpy(out_epoch, epoch, sizeof(epoch));
	return ST_OK;
}

// ---- ids ----

static Status
reserve_block(sqlite3 *db, void *arg, Error *err)
{
	const IdBlock *block = arg;
	return catalog_set_meta(db, block->key, (int64_t)(block->end + ID_BLOCK), err);
}

static Status
next_id(Catalog *catalog, IdBlock *block, uint64_t *out, Error *err)
{
	pthread_mutex_lock(&catalog->id_lock);
	Status st = block->next < block->end ? ST_OK : call_catalog(catalog, reserve_block, block, err);
	if (st == ST_OK) {
		if (block->next == block->end)
			block->end += ID_BLOCK;
		*out = block->next++;
	}
	pthread_mutex_unlock(&catalog->id_lock);
	return st;
}

Status
catalog_next_table_id(Catalog *catalog, uint32_t *out, Error *err)
{
	uint64_t id;
	TRY(next_id(catalog, &catalog->tables, &id, err));
	*out = (uint32_t)id;
	return ST_OK;
}

Status
catalog_next_segment_id(Catalog *catalog, uint64_t *out, Error *err)
{
	return next_id(catalog, &catalog->segments, out, err);
}

Status
catalog_next_schema_id(Catalog *catalog, uint32_t *out, Error *err)
{
	uint64_t id;
	TRY(next_id(catalog, &catalog->schemas, &id, err));
	*out = (uint32_t)id;
	return ST_OK;
}
