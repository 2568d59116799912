// load.c - the start: tables, versions and files from the catalog.

#include <inttypes.h>

#include "base/mem.h"
#include "os/file.h"
#include "store/quarantine.h"
#include "store/store_int.h"

// Every version of every table, while files look for theirs.
typedef struct Version {
	TableDef *def;
	struct Version *next;
} Version;

typedef struct Loading {
	Store *store;
	Version *versions;
	TableDef *def; // of the file that came last; borrowed from versions
	Table *table;  // whose files are coming
	DataFile **files;
	Mask **masks; // of each of them, or NULL
	int32_t file_count;
	int32_t file_room;
	DamageNotes notes; // of the table's folder
} Loading;

static void
drop_files(Loading *loading)
{
	for (int32_t i = 0; i < loading->file_count; i++) {
		data_file_unref(loading->files[i]);
		mask_unref(loading->masks[i]);
	}
	loading->file_count = 0;
}

static void
loading_close(Loading *loading)
{
	for (Version *next; loading->versions != NULL; loading->versions = next) {
		next = loading->versions->next;
		table_def_unref(loading->versions->def);
		mem_free(loading->versions);
	}
	drop_files(loading);
	mem_free(loading->files);
	mem_free(loading->masks);
	damage_notes_close(&loading->notes);
	table_unref(loading->table);
}

// ---- databases and tables ----

static Status
load_database(void *arg, const char *name, Error *err)
{
	Store *store = ((Loading *)arg)->store;
	Database *database = NULL;
	TRY(database_new(name, &database, err));
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

// ---- files ----

static bool
is_version(const TableDef *def, uint32_t id, uint32_t number)
{
	return table_id(def) == id && table_version(def) == number;
}

// Most often that of the file before.
static TableDef *
find_version(Loading *loading, uint32_t id, uint32_t number)
{
	if (loading->def != NULL && is_version(loading->def, id, number))
		return loading->def;
	const Version *v = loading->versions;
	while (v != NULL && !is_version(v->def, id, number))
		v = v->next;
	loading->def = v != NULL ? v->def : NULL;
	return loading->def;
}

static Status
make_file_room(Loading *loading, Error *err)
{
	if (loading->file_count < loading->file_room)
		return ST_OK;
	int32_t room = loading->file_room == 0 ? 64 : loading->file_room * 2;
	DataFile **files = mem_resize(loading->files, (size_t)room * sizeof(DataFile *));
	if (files == NULL)
		return error_no_memory(err, "a table's files");
	loading->files = files;
	Mask **masks = mem_resize(loading->masks, (size_t)room * sizeof(Mask *));
	if (masks == NULL)
		return error_no_memory(err, "a table's files");
	loading->masks = masks;
	loading->file_room = room;
	return ST_OK;
}

// Of the rows that are in files no more is known than this.
static void
begin_newest(Table *table)
{
	int64_t greatest = INT64_MIN;
	for (int32_t i = 0; i < file_set_count(table->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(table->files, i));
		if (meta->min_time <= meta->max_time && meta->max_time > greatest)
			greatest = meta->max_time;
	}
	if (table->newest_times != NULL)
		newest_raise(table->newest_times, greatest);
}

// The files of one table come one after the other: this gives them to it.
static Status
end_files(Loading *loading, Error *err)
{
	if (loading->table == NULL)
		return ST_OK;
	FileSetEdit edit = {
		.added = loading->files, .added_masks = loading->masks, .added_count = loading->file_count};
	TRY(file_set_edit(NULL, &edit, &loading->table->files, err));
	begin_newest(loading->table);
	drop_files(loading);
	table_unref(TAKE(loading->table));
	return ST_OK;
}

static Status
begin_files(Loading *loading, const FileMeta *meta, TableDef **def, Error *err)
{
	if (loading->table == NULL || loading->table->id != meta->table_id) {
		TRY(end_files(loading, err));
		loading->table = store_find_id(loading->store, meta->table_id);
		// One look into the folder, not one for each file.
		TRY(damage_notes_read(&loading->notes, loading->store, meta->table_id, err));
	}
	*def = find_version(loading, meta->table_id, meta->table_version);
	if (loading->table != NULL && *def != NULL)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "catalog.db: file %" PRIu64 " belongs to table %" PRIu32 " version %" PRIu32
					 ", which is not there",
					 meta->segment_id, meta->table_id, meta->table_version);
}

static Status
load_mask(const CatalogMask *saved, const FileMeta *meta, Mask **out, Error *err)
{
	*out = NULL;
	if (saved == NULL)
		return ST_OK;
	Status st = mask_decode(saved->rows, meta->rows, out, err);
	if (st != ST_OK) {
		(void)error_prefix(err, "catalog.db: the mask of file %" PRIu64, meta->segment_id);
		return st;
	}
	mask_stamp(*out, saved->seq);
	return ST_OK;
}

static Status
load_file(void *arg, const FileMeta *meta, const CatalogMask *saved, Error *err)
{
	Loading *loading = arg;
	Store *store = loading->store;
	TableDef *def;
	TRY(begin_files(loading, meta, &def, err));
	SCOPED(mem_drop) char *path = store_file_path(store, meta->table_id, meta->segment_id);
	if (path == NULL)
		return error_no_memory(err, "a file");
	TRY(make_file_room(loading, err));
	SCOPED(mask_drop) Mask *mask = NULL;
	TRY(load_mask(saved, meta, &mask, err));
	TRY(data_file_new(meta, def, path, &loading->files[loading->file_count], err));
	loading->masks[loading->file_count++] = TAKE(mask);
	// One that is missing or short is not read, and named to who would; the others are.
	TRY(data_file_look(loading->files[loading->file_count - 1], &loading->notes, err));
	uint64_t newest = saved != NULL && saved->seq > meta->max_seq ? saved->seq : meta->max_seq;
	if (newest > store->published_seq)
		store->published_seq = newest;
	return ST_OK;
}

static Status
load_flushed(void *arg, const CatalogFlushed *flushed, Error *err)
{
	(void)err;
	Store *store = ((Loading *)arg)->store;
	Table *table = store_find_id(store, flushed->table_id);
	if (table != NULL) {
		atomic_store(&table->flushed_seq, flushed->flushed_seq);
		table_know_id(table, flushed->last_id);
	}
	table_unref(table);
	// Where all rows were deleted no file tells it.
	if (flushed->flushed_seq > store->published_seq)
		store->published_seq = flushed->flushed_seq;
	return ST_OK;
}

static Status
load_forgotten(void *arg, uint32_t table_id, int64_t before, Error *err)
{
	(void)err;
	Table *table = store_find_id(arg, table_id);
	if (table != NULL)
		table->dropped_before = before;
	table_unref(table);
	return ST_OK;
}

static Status
some_entry(void *arg, const char *name, Error *err)
{
	(void)name;
	(void)err;
	*(bool *)arg = true;
	return ST_OK;
}

// A catalog that never recorded anything beside files with rows is not theirs: if it were believed,
// they would be removed.
static Status
check_catalog(Store *store, Error *err)
{
	bool files = false;
	TRY(dir_list(store->files_dir, some_entry, &files, err));
	if (!files || catalog_generation(store->options.catalog) > 1)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "catalog.db is new, but %s holds files: their catalog is lost. Restore a "
					 "backup, or move the files away",
					 store->files_dir);
}

Status
store_load(Store *store, Error *err)
{
	SCOPED(loading_close) Loading loading = {.store = store};
	CatalogVisitor visitor = {load_database, load_table, load_file, load_flushed, &loading};
	if (store->options.dir != NULL)
		TRY(check_catalog(store, err));
	TRY(catalog_load(store->options.catalog, &visitor, err));
	TRY(catalog_load_forgotten(store->options.catalog, load_forgotten, store, err));
	return end_files(&loading, err);
}
