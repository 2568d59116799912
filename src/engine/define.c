#include "engine/define_int.h"

#include <string.h>

#include "arrow/convert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "duck/scan.h"
#include "os/clock.h"

enum { SHAPES_KEPT = 1024 };

struct Definer {
	mobius *db;
	Workers *thread;            // one: puts are opened in the order they came
	pthread_mutex_t lock;       // guards all below, and is held over a whole change
	Shape *shapes[SHAPES_KEPT]; // recently used ones, by hash: streams of one schema share a shape
};

// ---- shapes ----

static Shape **
shape_place(Definer *definer, uint32_t table_id, const Schema *schema)
{
	uint64_t hash = table_id;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		hash = hash * 31 + hash64(field->name, strlen(field->name)) + (uint64_t)field->type.id;
	}
	return &definer->shapes[hash % SHAPES_KEPT];
}

// A shape stays right while its names mean the same columns.
static Status
find_shape(mobius *db, TableDef *def, Schema *schema, Shape **out, Error *err)
{
	Shape **place = shape_place(db->definer, table_id(def), schema);
	if (*place != NULL && shape_table_id(*place) == table_id(def) &&
		schema_equal(shape_schema(*place), schema) && shape_is_named(*place, def)) {
		*out = shape_ref(*place);
		return ST_OK;
	}
	uint32_t id;
	TRY(catalog_next_schema_id(db->catalog, &id, err));
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_new(id, def, schema, &shape, err));
	shape_unref(*place);
	*place = shape_ref(shape);
	*out = TAKE(shape);
	return ST_OK;
}

// The schema batches are kept in: canonical, but for columns the table holds in another type they
// are widened to, and for columns of NULLs only. Ids that are missing come last: they are given.
static Status
stored_schema(TableDef *def, Schema *canonical, Schema **out, Error *err)
{
	int32_t count = schema_field_count(canonical), key = table_key_column(def);
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "a schema");
	Schema *table = table_schema(def);
	bool given = key >= 0 && schema_find(canonical, schema_field(table, key)->name) < 0;
	for (int32_t i = 0; i < count; i++) {
		const Field *field = schema_field(canonical, i);
		int32_t at = schema_find(table, field->name);
		if (at < 0)
			return error_set(err, ST_INTERNAL, "column \"%s\" is missing from its table",
							 field->name);
		fields[i] = *schema_field(table, at);
		fields[i].metadata_count = 0;
	}
	if (given)
		fields[count++] = *schema_field(table, key);
	return schema_new(fields, count, NULL, 0, out, err);
}

// ---- commits ----

Status
define_commit(mobius *db, TableDef *def, Error *err)
{
	SCOPED(commit_entry_close)
	CommitEntry entry = {.wal = {.kind = WAL_DEFINE, .table_id = table_id(def)}};
	TRY(table_def_encode(def, &entry.head, err));
	TRY(store_define_new(db->store, def, &entry.define, err));
	TRY(commit_entry_seal(&entry, err));
	return conductor_commit(db->conductor, &entry, false, NULL, err);
}

static Status
create_table(mobius *db, const TableRequest *request, const Schema *wire, Error *err)
{
	if (!store_has_database(db->store, request->database))
		return error_set(err, ST_NOT_FOUND,
						 "there is no database \"%s\"; a put does not create one",
						 request->database);
	uint32_t id;
	TRY(catalog_next_table_id(db->catalog, &id, err));
	SCOPED(table_def_drop) TableDef *def = NULL;
	TRY(table_def_create(request, wire, id, clock_wall_ns(), duck_check_field, &def, err));
	return define_commit(db, def, err);
}

static Table *
find_exact(mobius *db, const char *database, const char *name)
{
	bool ambiguous = false;
	return store_find(db->store, database, name, false, &ambiguous);
}

// ---- puts ----

static Status
create_for_put(mobius *db, const PutTarget *target, const TableRequest *request, Error *err)
{
	if (target->mode == MOBIUS_PUT_APPEND)
		return error_set(err, ST_NOT_FOUND,
						 "there is no table \"%s\" in database \"%s\" to append to; ingest in mode "
						 "create or create_append makes it",
						 target->table, target->database);
	if (!db->settings.ingest_create_tables)
		return error_set(err, ST_NOT_FOUND,
						 "there is no table \"%s\" and ingest.create_tables is off", target->table);
	return create_table(db, request, target->wire, err);
}

// What was read fits that version, unless the table is another by now.
static bool
is_checked(const FitCheck *fit, const FitCheck *checked)
{
	return checked->table == fit->table && checked->now == fit->now &&
		   schema_equal(table_schema(checked->next), table_schema(fit->next));
}

// *checked: what was read before; what is to be read now, with *read.
static Status
grow_for_put(mobius *db, Table *table, Schema *canonical, const char *tags, TableDef **def,
			 FitCheck *checked, bool *read, Error *err)
{
	SCOPED(fit_close) FitCheck fit = {.table = table_ref(table), .now = table_def_ref(*def)};
	TRY(table_def_grow(*def, canonical, tags, duck_check_field, &fit.next, err));
	if (fit.next == *def)
		return ST_OK;
	if (!is_checked(&fit, checked))
		TRY(fit_must_read(db, &fit, read, err));
	if (*read) {
		fit_close(checked);
		*checked = fit;
		fit = (FitCheck){0};
		return ST_OK;
	}
	TRY(define_commit(db, fit.next, err));
	table_def_unref(*def);
	*def = TAKE(fit.next);
	return ST_OK;
}

static Status
put_locked(mobius *db, const PutTarget *target, Schema *canonical, FitCheck *checked, bool *read,
		   Table **table, Shape **shape, Error *err)
{
	SCOPED(asked_close) Asked asked = {0};
	TRY(asked_read(target, &asked, err));
	SCOPED(table_drop_ref) Table *found = find_exact(db, target->database, target->table);
	if (target->only != NULL && target->only != found)
		return error_set(err, ST_NOT_FOUND,
						 "collection \"%s\" was dropped; open its name again if there is a new one",
						 target->table);
	if (found != NULL && target->mode == MOBIUS_PUT_CREATE)
		return error_set(err, ST_EXISTS,
						 "table \"%s\" exists already in database \"%s\"; ingest in mode append or "
						 "create_append, or drop it first",
						 target->table, target->database);
	bool made = found == NULL;
	if (made) {
		TRY(create_for_put(db, target, &asked.request, err));
		found = find_exact(db, target->database, target->table);
		if (found == NULL)
			return error_set(err, ST_INTERNAL, "table \"%s\" is not there after its creation",
							 target->table);
		if (target->made != NULL)
			*target->made = true;
	}
	SCOPED(table_def_drop) TableDef *def = table_current(found);
	if (!made)
		TRY(table_def_check_asked(def, &asked.request, err));
	TRY(grow_for_put(db, found, canonical, asked.request.tags, &def, checked, read, err));
	if (*read)
		return ST_OK;
	SCOPED(schema_drop) Schema *stored = NULL;
	TRY(stored_schema(def, canonical, &stored, err));
	TRY(find_shape(db, def, stored, shape, err));
	*table = TAKE(found);
	return ST_OK;
}

// Without the lock: others may change tables meanwhile. What was found of another table than there
// is now says nothing.
static Status
read_values(mobius *db, const FitCheck *fit, Error *err)
{
	Error why = ERROR_INIT;
	Status st = fit_read(db, fit, &why);
	SCOPED(table_def_drop) TableDef *now = table_current(fit->table);
	if (st == ST_OK || st == ST_DEADLINE || (now == fit->now && !table_dropped(fit->table))) {
		if (st != ST_OK && err != NULL)
			*err = why;
		return st;
	}
	return ST_OK;
}

Status
define_for_put(mobius *db, const PutTarget *target, Table **table, Shape **shape, Error *err)
{
	SCOPED(schema_drop) Schema *canonical = NULL;
	SCOPED(fit_close) FitCheck checked = {0};
	TRY(schema_canonical(target->decoded, &canonical, err));
	for (;;) {
		bool read = false;
		definer_lock(db);
		Status st = put_locked(db, target, canonical, &checked, &read, table, shape, err);
		definer_unlock(db);
		if (st != ST_OK || !read)
			return st;
		TRY(read_values(db, &checked, err));
	}
}

// ---- statements ----

static Status
create_locked(mobius *db, const TableRequest *request, const Schema *wire, bool if_not_exists,
			  bool *created, Error *err)
{
	SCOPED(table_drop_ref) Table *found = find_exact(db, request->database, request->name);
	*created = found == NULL;
	if (found == NULL)
		return create_table(db, request, wire, err);
	if (if_not_exists)
		return ST_OK;
	return error_set(err, ST_EXISTS,
					 "table \"%s\" exists already in database %s; take it as it is (in SQL: IF NOT "
					 "EXISTS), or drop it first",
					 request->name, request->database);
}

Status
define_create(mobius *db, const TableRequest *request, const Schema *wire, bool if_not_exists,
			  bool *created, Error *err)
{
	definer_lock(db);
	Status st = create_locked(db, request, wire, if_not_exists, created, err);
	definer_unlock(db);
	return st;
}

static Status
drop_locked(mobius *db, Table *table, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	if (table_dropped(table))
		return error_set(err, ST_NOT_FOUND, "there is no table \"%s\" any more", table_name(def));
	SCOPED(commit_entry_close)
	CommitEntry entry = {
		.wal = {.kind = WAL_DROP, .table_id = table_id(def)},
		.table = table_ref(table),
	};
	TRY(catalog_change_drop(table_id(def), &entry.change, err));
	TRY(commit_entry_seal(&entry, err));
	return conductor_commit(db->conductor, &entry, false, NULL, err);
}

Status
define_drop(mobius *db, Table *table, Error *err)
{
	definer_lock(db);
	Status st = drop_locked(db, table, err);
	definer_unlock(db);
	return st;
}

// ---- the definer ----

void
definer_lock(mobius *db)
{
	pthread_mutex_lock(&db->definer->lock);
}

void
definer_unlock(mobius *db)
{
	pthread_mutex_unlock(&db->definer->lock);
}

Status
definer_start(mobius *db, Definer **out, Error *err)
{
	Definer *definer = mem_alloc(sizeof(*definer));
	if (definer == NULL)
		return error_no_memory(err, "the definer");
	definer->db = db;
	pthread_mutex_init(&definer->lock, NULL);
	Status st = workers_start("definer", 1, &definer->thread, err);
	if (st != ST_OK) {
		definer_stop(definer);
		return st;
	}
	*out = definer;
	return ST_OK;
}

void
definer_stop(Definer *definer)
{
	if (definer == NULL)
		return;
	workers_stop(definer->thread);
	for (int i = 0; i < SHAPES_KEPT; i++)
		shape_unref(definer->shapes[i]);
	pthread_mutex_destroy(&definer->lock);
	mem_free(definer);
}

void
definer_submit(Definer *definer, Job *job)
{
	workers_submit(definer->thread, job);
}
