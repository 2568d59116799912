// databases.c - the names that own tables: made, listed, and gone with all they own.

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/reader.h"
#include "store/store_int.h"

enum { FORMAT = 1 };

Status
database_new(const char *name, Database **out, Error *err)
{
	Database *database = mem_alloc(sizeof(*database));
	if (database == NULL)
		return error_no_memory(err, "a database");
	database->name = mem_strdup(name);
	if (database->name == NULL) {
		mem_free(database);
		return error_no_memory(err, "a database");
	}
	*out = database;
	return ST_OK;
}

void
database_free(Database *database)
{
	if (database == NULL)
		return;
	mem_free(database->name);
	mem_free(database);
}

// ---- looking ----

static const Database *
find_locked(const Store *store, const char *name, bool fold, bool *ambiguous)
{
	const Database *found = NULL;
	*ambiguous = false;
	for (const Database *d = store->databases; d != NULL; d = d->next) {
		if (strcmp(d->name, name) == 0) {
			*ambiguous = false;
			return d;
		}
		if (fold && strcasecmp(d->name, name) == 0) {
			*ambiguous = found != NULL;
			found = d;
		}
	}
	return *ambiguous ? NULL : found;
}

bool
store_find_database(Store *store, const char *name, bool fold, char out[DATABASE_NAME_ROOM],
					bool *ambiguous)
{
	pthread_mutex_lock(&store->lock);
	const Database *found = find_locked(store, name, fold, ambiguous);
	bool there = found != NULL && strlen(found->name) < DATABASE_NAME_ROOM;
	if (there)
		strcpy(out, found->name);
	pthread_mutex_unlock(&store->lock);
	return there;
}

bool
store_has_database(Store *store, const char *name)
{
	bool ambiguous;
	char found[DATABASE_NAME_ROOM];
	return store_find_database(store, name, false, found, &ambiguous);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

Status
store_databases(Store *store, Arena *arena, const char *const **out, int32_t *count, Error *err)
{
	int32_t room = 0, listed = 0;
	pthread_mutex_lock(&store->lock);
	for (const Database *d = store->databases; d != NULL; d = d->next)
		room++;
	const char **names = arena_array(arena, (size_t)room + 1, sizeof(*names));
	for (const Database *d = store->databases; names != NULL && d != NULL; d = d->next)
		names[listed++] = arena_strdup(arena, d->name);
	pthread_mutex_unlock(&store->lock);
	TRY(arena_status(arena, err, "names of databases"));
	qsort(names, (size_t)listed, sizeof(*names), by_name);
	*out = names;
	*count = listed;
	return ST_OK;
}

// ---- changing ----

struct StoreDatabase {
	char *name;
	Database *made; // NULL: it goes
	CatalogChange *change;
	Table **tables; // of one that goes: references
	int32_t table_count;
	Remains *remains; // of each, once they are gone
	int32_t remain_count;
};

static void
unref_tables(StoreDatabase *database)
{
	while (database->table_count > 0)
		table_unref(database->tables[--database->table_count]);
}

void
store_database_free(StoreDatabase *database)
{
	if (database == NULL)
		return;
	unref_tables(database);
	mem_free(database->tables);
	mem_free(database->remains);
	database_free(database->made);
	catalog_change_free(database->change);
	mem_free(database->name);
	mem_free(database);
}

static void
database_drop(StoreDatabase **database)
{
	store_database_free(*database);
}

static Status
make(StoreDatabase *database, Error *err)
{
	TRY(database_new(database->name, &database->made, err));
	return catalog_change_database(database->name, &database->change, err);
}

// How many tables the database has; takes references of them into `tables` (NULL: only counts).
static int32_t
list_tables_locked(Store *store, const char *name, Table **tables)
{
	int32_t count = 0;
	for (int b = 0; b < TABLE_BUCKETS; b++) {
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			if (strcmp(table_database(t->def), name) != 0)
				continue;
			if (tables != NULL)
				tables[count] = table_ref(t);
			count++;
		}
	}
	return count;
}

// Nobody makes tables meanwhile, so there is room for all of them.
static Status
list_tables(Store *store, StoreDatabase *database, Error *err)
{
	pthread_mutex_lock(&store->lock);
	size_t count = (size_t)list_tables_locked(store, database->name, NULL);
	pthread_mutex_unlock(&store->lock);
	database->tables = mem_alloc_array(count + 1, sizeof(*database->tables));
	database->remains = mem_alloc_array(count + 1, sizeof(*database->remains));
	if (database->tables == NULL || database->remains == NULL)
		return error_no_memory(err, "a database");
	pthread_mutex_lock(&store->lock);
	database->table_count = list_tables_locked(store, database->name, database->tables);
	pthread_mutex_unlock(&store->lock);
	must((size_t)database->table_count <= count);
	return ST_OK;
}

static Status
unmake(Store *store, StoreDatabase *database, Error *err)
{
	TRY(list_tables(store, database, err));
	SCOPED(mem_drop)
	uint32_t *ids = mem_alloc_array((size_t)database->table_count + 1, sizeof(*ids));
	if (ids == NULL)
		return error_no_memory(err, "a database");
	for (int32_t i = 0; i < database->table_count; i++)
		ids[i] = database->tables[i]->id;
	return catalog_change_drop_database(database->name, ids, database->table_count,
										&database->change, err);
}

Status
store_database_new(Store *store, const char *name, bool drop, StoreDatabase **out, Error *err)
{
	bool there = store_has_database(store, name);
	if (there && !drop)
		return error_set(
			err, ST_EXISTS,
			"database \"%s\" exists already; take it as it is (in SQL: IF NOT EXISTS), "
			"or drop it first",
			name);
	if (!there && drop)
		return error_set(err, ST_NOT_FOUND, "there is no database \"%s\"", name);
	SCOPED(database_drop) StoreDatabase *database = mem_alloc(sizeof(*database));
	if (database == NULL)
		return error_no_memory(err, "a database");
	database->name = mem_strdup(name);
	if (database->name == NULL)
		return error_no_memory(err, "a database");
	TRY(drop ? unmake(store, database, err) : make(database, err));
	*out = TAKE(database);
	return ST_OK;
}

Status
store_database_encode(const StoreDatabase *database, Buf *out, Error *err)
{
	Slice name = slice_text(database->name);
	buf_add_u32(out, FORMAT);
	buf_add_u32(out, (uint32_t)name.len);
	buf_add_slice(out, name);
	return buf_status(out, err, "a database");
}

// ---- applying ----

static Database *
take_off_locked(Store *store, const char *name)
{
	Database **at = &store->databases;
	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	Database *found = *at;
	if (found != NULL)
		*at = found->next;
	return found;
}

// The catalog does not know the files any more, or it was closed before that.
static void
forget_all_files(void *arg, bool durable)
{
	StoreDatabase *database = arg;
	for (int32_t i = 0; i < database->remain_count; i++)
		forget_files(database->remains[i].files, durable);
	store_database_free(database);
}

// In one step readers lose the database and all its tables.
static void
apply_drop(Store *store, StoreDatabase *database, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	Database *gone = take_off_locked(store, database->name);
	for (int32_t i = 0; i < database->table_count; i++)
		database->remains[i] = table_go_locked(store, database->tables[i]);
	pthread_mutex_unlock(&store->lock);

	database_free(gone);
	database->remain_count = database->table_count;
	for (int32_t i = 0; i < database->remain_count; i++)
		remains_free_memory(&database->remains[i]);
	unref_tables(database);
	CatalogChange *change = TAKE(database->change);
	catalog_change_then(change, forget_all_files, database);
	catalog_apply(store->options.catalog, change, seq);
}

static void
apply_made(Store *store, StoreDatabase *database, uint64_t seq)
{
	pthread_mutex_lock(&store->lock);
	database->made->next = store->databases;
	store->databases = TAKE(database->made);
	pthread_mutex_unlock(&store->lock);
	catalog_apply(store->options.catalog, TAKE(database->change), seq);
	store_database_free(database);
}

void
store_apply_database(Store *store, StoreDatabase *database, uint64_t seq)
{
	if (database->made != NULL)
		apply_made(store, database, seq);
	else
		apply_drop(store, database, seq);
}

Status
store_database_decode(Slice payload, char out[DATABASE_NAME_ROOM], Error *err)
{
	Reader r = reader_of(payload);
	uint32_t format = reader_u32(&r);
	Slice text = reader_counted(&r);
	char name[DATABASE_NAME_ROOM] = {0};
	bool whole = !r.failed && format == FORMAT && reader_left(&r) == 0 && text.len > 0 &&
				 text.len < sizeof(name) && memchr(text.data, 0, text.len) == NULL;
	if (whole)
		memcpy(name, text.data, text.len);
	if (!whole || database_name_check(name, NULL) != ST_OK)
		return error_set(err, ST_CORRUPT, "a database's name is damaged");
	memcpy(out, name, sizeof(name));
	return ST_OK;
}

Status
store_replay_database(Store *store, bool drop, Slice payload, uint64_t seq, Error *err)
{
	char name[DATABASE_NAME_ROOM];
	TRY(store_database_decode(payload, name, err));
	if (store_has_database(store, name) != drop)
		return ST_OK;
	StoreDatabase *database = NULL;
	TRY(store_database_new(store, name, drop, &database, err));
	store_apply_database(store, database, seq);
	return ST_OK;
}
