// load.c - the start: tables, versions and files from the catalog; files it does not know are
// removed.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"
#include "store/store_int.h"

// Every version of every table, while files look for theirs.
typedef struct Version {
	TableDef *def;
	struct Version *next;
} Version;

typedef struct Loading {
	Store *store;
	Version *versions;
} Loading;

static Status
load_database(void *arg, const char *name, Error *err)
{
	Store *store = ((Loading *)arg)->store;
	Database *database = mem_alloc(sizeof(*database));
	char *copy = mem_strdup(name);
	if (database == NULL || copy == NULL) {
		mem_free(database);
		mem_free(copy);
		return error_no_memory(err, "a database");
	}
	database->name = copy;
	database->next = store->databases;
	store->databases = database;
	return ST_OK;
}

static Status
load_table(void *arg, TableDef *def, bool current, Error *err)
{
	Loading *loading = arg;
	Version *version = mem_alloc(sizeof(*version));
	if (version == NULL)
		return error_no_memory(err, "a table");
	version->def = table_def_ref(def);
	version->next = loading->versions;
	loading->versions = version;
	if (!current)
		return ST_OK;
	Table *table = NULL;
	TRY(table_new(loading->store, def, &table, err));
	table_insert_locked(loading->store, table);
	return ST_OK;
}

static TableDef *
find_version(const Loading *loading, uint32_t id, uint32_t number)
{
	for (const Version *v = loading->versions; v != NULL; v = v->next)
		if (table_id(v->def) == id && table_version(v->def) == number)
			return v->def;
	return NULL;
}

static Status
check_size(const char *path, const FileMeta *meta, Error *err)
{
	uint64_t size;
	Status st = file_stat_size(path, &size, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_CORRUPT,
						 "%s is missing: the catalog knows it with %" PRId64 " rows", path,
						 meta->rows);
	TRY(st);
	if (size != meta->bytes)
		return error_set(err, ST_CORRUPT, "%s has %" PRIu64 " bytes; the catalog says %" PRIu64,
						 path, size, meta->bytes);
	return ST_OK;
}

static Status
load_file(void *arg, const FileMeta *meta, Error *err)
{
	Loading *loading = arg;
	Store *store = loading->store;
	SCOPED(table_drop_ref) Table *table = store_find_id(store, meta->table_id);
	TableDef *def = find_version(loading, meta->table_id, meta->table_version);
	if (table == NULL || def == NULL)
		return error_set(err, ST_CORRUPT,
						 "catalog.db: file %" PRIu64 " belongs to table %" PRIu32
						 " version %" PRIu32 ", which is not there",
						 meta->segment_id, meta->table_id, meta->table_version);
	SCOPED(mem_drop)
	char *path = mem_printf("%s/%" PRIu32 "/%" PRIu64 ".parquet", store->files_dir, meta->table_id,
							meta->segment_id);
	if (path == NULL)
		return error_no_memory(err, "a file");
	TRY(check_size(path, meta, err));
	DataFile *file = NULL;
	TRY(data_file_new(meta, def, path, &file, err));
	FileSet *set = NULL;
	Status st = file_set_with(table->files, file, &set, err);
	data_file_unref(file);
	TRY(st);
	file_set_unref(table->files);
	table->files = set;
	if (meta->max_seq > store->published_seq)
		store->published_seq = meta->max_seq;
	return ST_OK;
}

static Status
load_flushed(void *arg, uint32_t table_id, uint64_t flushed_seq, Error *err)
{
	(void)err;
	Table *table = store_find_id(((Loading *)arg)->store, table_id);
	if (table != NULL)
		atomic_store(&table->flushed_seq, flushed_seq);
	table_unref(table);
	return ST_OK;
}

// ---- files nobody knows ----

typedef struct Sweep {
	Store *store;
	Table *table;
	const char *dir;
} Sweep;

static bool
table_has_file(const Table *table, uint64_t segment_id)
{
	for (int32_t i = 0; table != NULL && i < file_set_count(table->files); i++)
		if (data_file_meta(file_set_at(table->files, i))->segment_id == segment_id)
			return true;
	return false;
}

static Status
sweep_file(void *arg, const char *name, Error *err)
{
	const Sweep *sweep = arg;
	char *end;
	uint64_t id = strtoull(name, &end, 10);
	if (strcmp(end, ".parquet") == 0 && table_has_file(sweep->table, id))
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", sweep->dir, name);
	if (path == NULL)
		return error_no_memory(err, "a file");
	log_info("unknown file removed", "file=%s", path);
	return file_unlink(path, err);
}

static Status
sweep_table(void *arg, const char *name, Error *err)
{
	Store *store = arg;
	SCOPED(mem_drop) char *dir = mem_printf("%s/%s", store->files_dir, name);
	if (dir == NULL)
		return error_no_memory(err, "a file");
	char *end;
	unsigned long id = strtoul(name, &end, 10);
	SCOPED(table_drop_ref) Table *table = *end == '\0' ? store_find_id(store, (uint32_t)id) : NULL;
	if (table == NULL)
		return dir_remove_all(dir, err);
	Sweep sweep = {store, table, dir};
	return dir_list(dir, sweep_file, &sweep, err);
}

Status
store_load(Store *store, Error *err)
{
	Loading loading = {.store = store};
	CatalogVisitor visitor = {load_database, load_table, load_file, load_flushed, &loading};
	Status st = catalog_load(store->options.catalog, &visitor, err);
	for (Version *next; loading.versions != NULL; loading.versions = next) {
		next = loading.versions->next;
		table_def_unref(loading.versions->def);
		mem_free(loading.versions);
	}
	TRY(st);
	return dir_list(store->files_dir, sweep_table, store, err);
}
