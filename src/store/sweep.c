// sweep.c - files that nobody knows: of flushes and merges that were not finished, of commits that
// never were.
//
// A commit's files are in their places before its record is in the log, and the catalog follows
// later. So what could be such a file is looked at again when the log was replayed; names are never
// used twice, so it is still the same.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"
#include "store/store_int.h"

struct Stray {
	char *path;
	uint32_t table_id;
	uint64_t segment_id; // 0: the table's folder
	Stray *next;
};

void
strays_free(Stray *all)
{
	for (Stray *next; all != NULL; all = next) {
		next = all->next;
		mem_free(all->path);
		mem_free(all);
	}
}

static Status
add_stray(Store *store, const char *path, uint32_t table_id, uint64_t segment_id, Error *err)
{
	Stray *stray = mem_alloc(sizeof(*stray));
	char *copy = mem_strdup(path);
	if (stray == NULL || copy == NULL) {
		mem_free(stray);
		mem_free(copy);
		return error_no_memory(err, "a file");
	}
	*stray = (Stray){copy, table_id, segment_id, store->strays};
	store->strays = stray;
	return ST_OK;
}

static bool
table_has_file(Table *table, uint64_t segment_id)
{
	pthread_mutex_lock(&table->store->lock);
	bool has = file_set_find(table->files, segment_id) >= 0;
	pthread_mutex_unlock(&table->store->lock);
	return has;
}

static Status
remove_unknown(const char *path, Error *err)
{
	log_info("unknown file removed", "file=%s", path);
	return dir_remove_all(path, err);
}

// ---- finding them ----

typedef struct Folder {
	Store *store;
	Table *table; // NULL: not known yet
	uint32_t table_id;
	const char *dir;
} Folder;

bool
file_of_name(const char *name, uint64_t *segment_id, bool *note)
{
	char known[32];
	uint64_t id = strtoull(name, NULL, 10);
	int len = snprintf(known, sizeof(known), "%" PRIu64 ".parquet", id);
	if (id == 0 || strncmp(name, known, (size_t)len) != 0)
		return false;
	*segment_id = id;
	*note = strcmp(name + len, ".damaged") == 0;
	return *note || name[len] == '\0';
}

static Status
look_at_file(void *arg, const char *name, Error *err)
{
	const Folder *folder = arg;
	uint64_t id;
	bool note, ours = file_of_name(name, &id, &note);
	if (ours && folder->table != NULL && table_has_file(folder->table, id))
		return ST_OK;
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", folder->dir, name);
	if (path == NULL)
		return error_no_memory(err, "a file");
	return ours ? add_stray(folder->store, path, folder->table_id, id, err)
				: remove_unknown(path, err);
}

static bool
table_of_name(const char *name, uint32_t *out)
{
	char known[16];
	*out = (uint32_t)strtoul(name, NULL, 10);
	(void)snprintf(known, sizeof(known), "%" PRIu32, *out);
	return strcmp(name, known) == 0;
}

static Status
look_into_folder(void *arg, const char *name, Error *err)
{
	Store *store = arg;
	SCOPED(mem_drop) char *dir = mem_printf("%s/%s", store->files_dir, name);
	if (dir == NULL)
		return error_no_memory(err, "a file");
	uint32_t id;
	if (!table_of_name(name, &id))
		return dir_remove_all(dir, err);
	SCOPED(table_drop_ref) Table *table = store_find_id(store, id);
	if (table == NULL)
		TRY(add_stray(store, dir, id, 0, err));
	return dir_list(dir, look_at_file, &(Folder){store, table, id, dir}, err);
}

Status
store_find_strays(Store *store, Error *err)
{
	return dir_list(store->files_dir, look_into_folder, store, err);
}

// ---- removing them ----

static Status
remove_stray(Store *store, const Stray *stray, Error *err)
{
	SCOPED(table_drop_ref) Table *table = store_find_id(store, stray->table_id);
	if (table != NULL && (stray->segment_id == 0 || table_has_file(table, stray->segment_id)))
		return ST_OK;
	return remove_unknown(stray->path, err);
}

Status
store_sweep(Store *store, Error *err)
{
	for (const Stray *stray = store->strays; stray != NULL; stray = stray->next)
		TRY(remove_stray(store, stray, err));
	strays_free(TAKE(store->strays));
	return ST_OK;
}
