// catalog.c - the catalog from outside: what its thread is asked to do.

#include "catalog/catalog.h"

#include <string.h>

#include "base/mem.h"
#include "catalog/catalog_int.h"
#include "os/random.h"

enum { ID_BLOCK = 1024 }; // ids are reserved durably this many at a time

// ---- open, close ----

static Status
open_file(Catalog *catalog, const char *path, CatalogState *state, Error *err)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	if (sqlite3_open_v2(path, &catalog->db, flags, NULL) != SQLITE_OK)
		return catalog->db == NULL ? error_no_memory(err, "the catalog")
								   : catalog_sql_error(catalog->db, path, err);
	TRY(catalog_exec(catalog->db, "PRAGMA locking_mode=EXCLUSIVE", err));
	TRY(catalog_exec(catalog->db, "PRAGMA journal_mode=WAL", err));
	TRY(catalog_exec(catalog->db, "PRAGMA synchronous=FULL", err));
	TRY(catalog_exec(catalog->db, "PRAGMA temp_store=MEMORY", err));
	TRY(random_bytes(state->epoch, sizeof(state->epoch), err));
	return catalog_init(catalog->db, state, err);
}

static Status
open_and_start(Catalog *catalog, const char *path, CatalogState *state, Error *err)
{
	TRY(open_file(catalog, path, state, err));
	int64_t generation;
	TRY(catalog_get_meta(catalog->db, "generation", &generation, err));
	catalog->tables =
		(IdBlock){"next_table_id", state->next_table_id, state->next_table_id, UINT32_MAX - 1};
	catalog->segments = (IdBlock){"next_segment_id", state->next_segment_id, state->next_segment_id,
								  INT64_MAX - ID_BLOCK};
	catalog->schemas =
		(IdBlock){"next_schema_id", state->next_schema_id, state->next_schema_id, UINT32_MAX - 1};
	atomic_store(&catalog->applied_seq, state->applied_seq);
	atomic_store(&catalog->generation, (uint64_t)generation);
	ThreadOptions options = {.name = "catalog"};
	return thread_start(&options, catalog_run, catalog, &catalog->thread, err);
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
	CatalogState found = {0};
	Status st = open_and_start(catalog, path, &found, err);
	if (st != ST_OK) {
		catalog_close(catalog);
		return st;
	}
	*out = catalog;
	*state = found;
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
	catalog_free_changes(catalog->changes, false);
	sqlite3_close(catalog->db);
	signal_close(&catalog->wake);
	pthread_mutex_destroy(&catalog->lock);
	pthread_mutex_destroy(&catalog->id_lock);
	mem_free(catalog);
}

uint64_t
catalog_generation(const Catalog *catalog)
{
	return atomic_load(&catalog->generation);
}

// ---- changes of schema ----

static Status
change_new(ChangeKind kind, const uint32_t *tables, int32_t count, CatalogChange **out, Error *err)
{
	size_t bytes = (size_t)count * sizeof(*tables);
	CatalogChange *change = mem_alloc(sizeof(*change) + bytes);
	if (change == NULL)
		return error_no_memory(err, "a change of the catalog");
	change->kind = kind;
	change->table_count = count;
	if (count > 0)
		memcpy(change->tables, tables, bytes);
	*out = change;
	return ST_OK;
}

Status
catalog_change_define(TableDef *def, CatalogChange **out, Error *err)
{
	uint32_t id = table_id(def);
	TRY(change_new(CHANGE_DEFINE, &id, 1, out, err));
	(*out)->define = table_def_ref(def);
	return ST_OK;
}

Status
catalog_change_drop(uint32_t table_id, CatalogChange **out, Error *err)
{
	return change_new(CHANGE_DROP, &table_id, 1, out, err);
}

Status
catalog_change_truncate(uint32_t table_id, CatalogChange **out, Error *err)
{
	return change_new(CHANGE_TRUNCATE, &table_id, 1, out, err);
}

void
catalog_change_last_id(CatalogChange *change, int64_t id)
{
	change->last_id = id;
}

Status
catalog_change_adopt(uint32_t table_id, const FileMeta *files, int32_t count, CatalogChange **out,
					 Error *err)
{
	CatalogChange *change = NULL;
	TRY(change_new(CHANGE_ADOPT, &table_id, 1, &change, err));
	change->files = mem_copy(files, (size_t)count * sizeof(*files));
	change->file_count = count;
	if (change->files == NULL) {
		catalog_change_free(change);
		return error_no_memory(err, "a change of the catalog");
	}
	*out = change;
	return ST_OK;
}

static Status
database_change_new(ChangeKind kind, const char *name, const uint32_t *tables, int32_t count,
					CatalogChange **out, Error *err)
{
	CatalogChange *change = NULL;
	TRY(change_new(kind, tables, count, &change, err));
	change->database = mem_strdup(name);
	if (change->database == NULL) {
		catalog_change_free(change);
		return error_no_memory(err, "a database");
	}
	*out = change;
	return ST_OK;
}

Status
catalog_change_database(const char *name, CatalogChange **out, Error *err)
{
	return database_change_new(CHANGE_DATABASE, name, NULL, 0, out, err);
}

Status
catalog_change_drop_database(const char *name, const uint32_t *table_ids, int32_t count,
							 CatalogChange **out, Error *err)
{
	return database_change_new(CHANGE_DROP_DATABASE, name, table_ids, count, out, err);
}

void
catalog_change_then(CatalogChange *change, void (*then)(void *arg, bool durable), void *arg)
{
	change->then = then;
	change->arg = arg;
}

void
catalog_change_free(CatalogChange *change)
{
	if (change == NULL)
		return;
	if (change->then != NULL)
		change->then(change->arg, false);
	table_def_unref(change->define);
	mem_free(change->database);
	mem_free(change->files);
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
	if (catalog->first_seq == 0)
		catalog->first_seq = seq;
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
	uint64_t first = c->first_seq;
	pthread_mutex_unlock(&c->lock);
	return first != 0 ? first - 1 : otherwise;
}

Status
catalog_load(Catalog *catalog, const CatalogVisitor *visitor, Error *err)
{
	CatalogVisitor copy = *visitor;
	return catalog_call(catalog, CALL_LOOKS, catalog_load_all, &copy, err);
}

// ---- files ----

static Status
write_edit(sqlite3 *db, void *arg, Error *err)
{
	const CatalogEdit *edit = arg;
	for (int32_t i = 0; i < edit->file_count; i++)
		TRY(catalog_write_file(db, &edit->files[i], err));
	for (int32_t i = 0; i < edit->removed_count; i++)
		TRY(catalog_remove_file(db, edit->removed[i], err));
	for (int32_t i = 0; i < edit->mask_count; i++)
		TRY(catalog_write_mask(db, &edit->masks[i], err));
	for (int32_t i = 0; i < edit->flushed_count; i++)
		TRY(catalog_write_flushed(db, &edit->flushed[i], err));
	return ST_OK;
}

Status
catalog_publish(Catalog *catalog, const CatalogEdit *edit, Error *err)
{
	CatalogEdit copy = *edit;
	return catalog_call(catalog, CALL_CHANGES, write_edit, &copy, err);
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
	TRY(catalog_call(catalog, CALL_CHANGES, write_new_epoch, epoch, err));
	memcpy(out_epoch, epoch, sizeof(epoch));
	return ST_OK;
}

// ---- ids ----

static Status
write_block(sqlite3 *db, void *arg, Error *err)
{
	const IdBlock *block = arg;
	return catalog_set_meta(db, block->key, (int64_t)block->end, err);
}

// The next block. Only once it is durable is anything given out of it.
static Status
reserve_block(Catalog *catalog, IdBlock *block, Error *err)
{
	uint64_t left = block->most + 1 - block->end;
	IdBlock next = *block;
	next.end += left < ID_BLOCK ? left : ID_BLOCK;
	if (left == 0)
		return error_set(err, ST_LIMIT, "catalog.db: %s has reached its end", block->key);
	TRY(catalog_call(catalog, CALL_CHANGES, write_block, &next, err));
	*block = next;
	return ST_OK;
}

static Status
next_id(Catalog *catalog, IdBlock *block, uint64_t *out, Error *err)
{
	pthread_mutex_lock(&catalog->id_lock);
	Status st = block->next < block->end ? ST_OK : reserve_block(catalog, block, err);
	if (st == ST_OK)
		*out = block->next++;
	pthread_mutex_unlock(&catalog->id_lock);
	return st;
}

Status
catalog_keep_ids(Catalog *catalog, Error *err)
{
	IdBlock *block = &catalog->segments;
	pthread_mutex_lock(&catalog->id_lock);
	IdBlock next = *block;
	pthread_mutex_unlock(&catalog->id_lock);
	if (next.end - next.next > ID_BLOCK / 2 || next.most + 1 - next.end < ID_BLOCK)
		return ST_OK;
	uint64_t end = next.end;
	next.end += ID_BLOCK;
	TRY(catalog_call(catalog, CALL_CHANGES, write_block, &next, err));
	pthread_mutex_lock(&catalog->id_lock);
	if (block->end == end) // nobody had to do it meanwhile
		block->end = next.end;
	pthread_mutex_unlock(&catalog->id_lock);
	return ST_OK;
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

bool
catalog_may_have_given(Catalog *catalog, uint64_t segment_id)
{
	pthread_mutex_lock(&catalog->id_lock);
	bool reserved = segment_id < catalog->segments.end;
	pthread_mutex_unlock(&catalog->id_lock);
	return reserved;
}

Status
catalog_next_schema_id(Catalog *catalog, uint32_t *out, Error *err)
{
	uint64_t id;
	TRY(next_id(catalog, &catalog->schemas, &id, err));
	*out = (uint32_t)id;
	return ST_OK;
}
