// support.h - what the tests of this room share: a store in a directory of its own with tables and
// rows in them, and results as text.

#pragma once

#include "../temp_dir.h"
#include "arrow/builder.h"
#include "base/timeval.h"
#include "duck/scan.h"
#include "sql/sql.h"

// ---- a database without a log ----

typedef struct Fixture {
	char dir[64];
	Duck *duck; // the trusted one
	DuckConn *flusher;
	Catalog *catalog;
	Budget *budget;
	Budget *hot; // cache.columns
	uint64_t hot_bytes;
	BytesPool *pool;
	Store *store;
	Sql *sql;
	uint64_t seq;
	uint32_t schema_id;
	long live; // blocks before it was opened
} Fixture;

static inline const char *
path_in(const Fixture *fx, const char *name)
{
	static char paths[4][768];
	static int turn;
	char *path = paths[turn++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", fx->dir, name);
	return path;
}

static inline void
open_store(Fixture *fx)
{
	Error err = ERROR_INIT;
	CatalogState state;
	ok(dir_make(path_in(fx, "temp"), &err), &err);
	ok(dir_make(path_in(fx, "queries"), &err), &err);
	DuckOptions duck = {.threads = 1,
						.memory_bytes = UINT64_C(256) << 20,
						.temp_dir = path_in(fx, "temp"),
						.allowed_dir = path_in(fx, ""),
						.trusted = true};
	ok(duck_open(&duck, &fx->duck, &err), &err);
	ok(duck_connect(fx->duck, &fx->flusher, &err), &err);
	ok(catalog_open(path_in(fx, "catalog.db"), &fx->catalog, &state, &err), &err);
	ok(budget_new("memtable.limit", UINT64_C(1) << 30, &fx->budget, &err), &err);
	ok(budget_new("cache.columns", fx->hot_bytes, &fx->hot, &err), &err);
	ok(bytes_pool_new(0, &fx->pool, &err), &err);
	StoreOptions store = {.dir = fx->dir,
						  .catalog = fx->catalog,
						  .duck = fx->duck,
						  .budget = fx->budget,
						  .hot = fx->hot,
						  .pool = fx->pool,
						  .segment_bytes = UINT64_C(64) << 20,
						  .series_limit = 100000};
	ok(store_open(&store, &fx->store, &err), &err);
}

static inline void
fixture_open_hot(Fixture *fx, uint64_t hot_bytes)
{
	*fx = (Fixture){.schema_id = 1, .hot_bytes = hot_bytes, .live = mem_live()};
	temp_dir_make(fx->dir);
	Error err = ERROR_INIT;
	open_store(fx);
	SqlOptions sql = {.store = fx->store,
					  .threads = 2,
					  .memory_bytes = UINT64_C(256) << 20,
					  .temp_dir = path_in(fx, "queries"),
					  .files_dir = path_in(fx, "files/"),
					  .database = "mobius"};
	ok(sql_open(&sql, &fx->sql, &err), &err);
}

// Files are read as files.
static inline void
fixture_open(Fixture *fx)
{
	fixture_open_hot(fx, 0);
}

static inline void
fixture_shut(Fixture *fx)
{
	sql_close(fx->sql);
	store_close(fx->store);
	catalog_close(fx->catalog);
	budget_free(fx->budget);
	assert_int_equal(budget_used(fx->hot), 0);
	budget_free(fx->hot);
	bytes_pool_free(fx->pool);
	duck_disconnect(fx->flusher);
	duck_close(fx->duck);
	temp_dir_remove(fx->dir);
}

static inline void
fixture_close(Fixture *fx)
{
	fixture_shut(fx);
	assert_int_equal(mem_live(), fx->live);
}

static inline void
publish(Fixture *fx)
{
	store_publish(fx->store, fx->seq);
}

// A table of these columns: "host VARCHAR TAG, time TIMESTAMP, …", as CREATE TABLE takes them.
static inline void
create_table(Fixture *fx, const char *create)
{
	Error err = ERROR_INIT;
	SCOPED(sql_statement_drop) SqlStatement *s = NULL;
	ok(sql_parse(slice_text(create), &s, &err), &err);
	assert_int_equal(s->kind, STATEMENT_CREATE_TABLE);
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field fields[32];
	bool marks[32];
	for (int32_t i = 0; i < s->column_count; i++) {
		ok(sql_field_of_type(fx->sql, s->columns[i].name.text, s->columns[i].type, true, &fields[i],
							 &arena, &err),
		   &err);
		marks[i] = s->columns[i].tag;
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_new(fields, s->column_count, NULL, 0, &schema, &err), &err);
	const char *database = s->table.database.text != NULL ? s->table.database.text : "mobius";
	TableRequest request = {
		.database = database, .name = s->table.table.text, .schema = schema, .tag_marks = marks};
	for (int32_t i = 0; i < s->option_count; i++)
		if (strcmp(s->options[i].key, "time") == 0)
			request.time = s->options[i].value;
	uint32_t id;
	ok(catalog_next_table_id(fx->catalog, &id, &err), &err);
	SCOPED(table_def_drop) TableDef *def = NULL;
	ok(table_def_create(&request, NULL, id, 1, duck_check_field, &def, &err), &err);
	StoreDefine *define = NULL;
	ok(store_define_new(fx->store, def, &define, &err), &err);
	store_apply_define(fx->store, define, ++fx->seq);
	publish(fx);
}

static inline Table *
find_table(Fixture *fx, const char *name)
{
	bool ambiguous;
	Table *table = store_find(fx->store, "mobius", name, false, &ambiguous);
	assert_non_null(table);
	return table;
}

// The table's next version, that can hold these columns too.
static inline void
grow_table(Fixture *fx, const char *name, Schema *incoming)
{
	Error err = ERROR_INIT;
	SCOPED(table_drop_ref) Table *table = find_table(fx, name);
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(table_def_drop) TableDef *next = NULL;
	ok(table_def_grow(def, incoming, NULL, duck_check_field, &next, &err), &err);
	StoreDefine *define = NULL;
	ok(store_define_new(fx->store, next, &define, &err), &err);
	store_apply_define(fx->store, define, ++fx->seq);
	publish(fx);
}

static inline void
put_batch(Fixture *fx, const char *name, Batch *batch)
{
	Error err = ERROR_INIT;
	SCOPED(table_drop_ref) Table *table = find_table(fx, name);
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(shape_drop) Shape *shape = NULL;
	ok(shape_new(fx->schema_id++, def, batch_schema(batch), &shape, &err), &err);
	SegmentInsert *insert = NULL;
	uint64_t bytes = batch_held_bytes(batch);
	budget_charge(fx->budget, bytes);
	ok(store_insert_new(fx->store, table, shape, batch, bytes, &insert, &err), &err);
	store_apply_insert(fx->store, table, insert, ++fx->seq);
	publish(fx);
}

// Rows that SQL makes: INSERT INTO `name` without a log.
static inline void
put_rows(Fixture *fx, const char *name, const char *source)
{
	Error err = ERROR_INIT;
	SCOPED(table_drop_ref) Table *table = find_table(fx, name);
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	ok(sql_query_open_as(fx->sql, source, NULL, table_schema(def), -1, &query, &err), &err);
	ok(sql_query_next(query, INT64_MAX, UINT64_C(1) << 30, &batch, &err), &err);
	assert_non_null(batch);
	put_batch(fx, name, batch);
}

static inline void
flush(Fixture *fx)
{
	Error err = ERROR_INIT;
	bool did = true;
	int64_t rows;
	store_seal(fx->store, NULL, 0);
	while (did)
		ok(store_flush_one(fx->store, fx->flusher, &did, &rows, &err), &err);
}

// ---- values as text ----

static inline void
add_value(const Field *field, const Column *c, int64_t row, Buf *out)
{
	const int32_t *offsets = (const void *)c->offsets.data;
	if (field->type.id == TYPE_NULL || !column_valid(c, row)) {
		buf_add_text(out, "~");
		return;
	}
	size_t width = (size_t)type_layout(&field->type).value_bits / 8;
	int64_t number = 0;
	double value;
	switch (field->type.id) {
	case TYPE_BOOL: buf_add_text(out, bit_get(c->values.data, row) ? "true" : "false"); return;
	case TYPE_UTF8:
	case TYPE_BINARY:
		buf_add(out, c->values.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
		return;
	case TYPE_FLOAT64:
		memcpy(&value, c->values.data + 8 * row, 8);
		buf_add_printf(out, "%.17g", value);
		return;
	default: break;
	}
	if (width == 0) {
		buf_add_text(out, "…"); // lists and structs
		return;
	}
	memcpy(&number, c->values.data + (size_t)row * width, width < 8 ? width : 8);
	if (width < 8) // sign
		number = (int64_t)((uint64_t)number << (64 - 8 * width)) >> (64 - 8 * width);
	buf_add_printf(out, "%lld", (long long)number);
}

// Rows end with '\n', columns are divided by '|'.
static inline void
add_rows(const Batch *batch, Buf *out)
{
	Schema *schema = batch_schema(batch);
	for (int64_t row = 0; row < batch_rows(batch); row++) {
		for (int32_t i = 0; i < schema_field_count(schema); i++) {
			buf_add_text(out, i > 0 ? "|" : "");
			add_value(schema_field(schema, i), batch_column(batch, i), row, out);
		}
		buf_add_text(out, "\n");
	}
}

// ---- queries ----

static inline Status
read_all(SqlQuery *query, Buf *out, Error *err)
{
	for (;;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, 1000, 1 << 20, &batch, err));
		if (batch == NULL)
			return buf_status(out, err, "rows");
		assert_true(schema_equal(batch_schema(batch), sql_query_schema(query)));
		for (int32_t i = 0; i < schema_field_count(batch_schema(batch)); i++) {
			Column column = *batch_column(batch, i);
			int64_t nulls = column.null_count;
			ok(column_validate(schema_field(batch_schema(batch), i), &column, err), err);
			assert_int_equal(nulls, column.null_count);
		}
		add_rows(batch, out);
	}
}

static inline Status
try_query(Fixture *fx, const char *sql, Buf *out, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_query_open(fx->sql, sql, NULL, &query, err));
	return read_all(query, out, err);
}

// What a statement answers; a string of the test's own, good until the fourth next one.
static inline const char *
answer(Fixture *fx, const char *sql)
{
	static char texts[4][1 << 16];
	static int turn;
	char *text = texts[turn++ % 4];
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	Status st = try_query(fx, sql, &out, &err);
	if (st != ST_OK)
		snprintf(text, sizeof(texts[0]), "%s@%d: %s", status_name(st), err.position, err.text);
	else
		snprintf(text, sizeof(texts[0]), "%s", buf_text(&out));
	return text;
}

static inline void
answers(Fixture *fx, const char *sql, const char *expected)
{
	const char *got = answer(fx, sql);
	if (strcmp(got, expected) != 0)
		fail_msg("%s\ngave\n%s\nnot\n%s", sql, got, expected);
}

static inline void
refuses(Fixture *fx, const char *sql, Status status, const char *part)
{
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	Status st = try_query(fx, sql, &out, &err);
	if (st != status)
		fail_msg("%s\ngave %s (%s)\n%s", sql, status_name(st), err.text, buf_text(&out));
	if (strstr(err.text, part) == NULL)
		fail_msg("%s\nsays '%s', not '%s'", sql, err.text, part);
}
