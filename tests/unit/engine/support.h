// support.h - what the tests of this room share: a directory, databases in it, batches that can be
// told from their numbers, and answers as numbers.

#pragma once

#include <inttypes.h>
#include <stdatomic.h>
#include <unistd.h>

#include <mobius_io.h>

#include "../temp_dir.h"
#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "arrow/ipc_write.h"
#include "base/log.h"
#include "os/clock.h"
#include "os/thread.h"

#define SECOND     INT64_C(1000000000)
#define TEST(name) cmocka_unit_test_setup_teardown(name, quiet, nothing_left)
#define says       says_text // errors of this room are of two kinds

// What is refused on purpose is logged as well. What an earlier test left behind is not counted
// twice.
static inline int
quiet(void **state)
{
	log_configure(LOG_ERROR, LOG_TEXT);
	*state = (void *)(intptr_t)(mem_live() + file_live());
	return 0;
}

static inline int
nothing_left(void **state)
{
	long more = mem_live() + file_live() - (long)(intptr_t)*state;
	if (more != 0)
		print_error("%ld blocks and files are left\n", more);
	return more != 0;
}

static inline void
fine(mobius_status st, const mobius_error *err)
{
	if (st != MOBIUS_OK)
		fail_msg("%s: %s", status_name((Status)st), err->text);
}

// ---- a database ----

enum { MOST_SETTINGS = 16 };

// Small in everything; what a test gives goes before.
static inline mobius_status
try_open(const char *dir, const char *const *settings, mobius **out, mobius_error *err)
{
	const char *all[MOST_SETTINGS] = {"log.level=error",         "memtable.limit=64MiB",
									  "wal.segment_size=256KiB", "query.threads=1",
									  "query.running=2",         "query.memory=256MiB"};
	for (size_t at = 6; settings != NULL && *settings != NULL; settings++) {
		assert_true(at + 1 < MOST_SETTINGS);
		all[at++] = *settings;
	}
	return mobius_open(dir, all, out, err);
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

static inline mobius *
db_open(const char *dir, const char *const *settings)
{
	mobius *db = NULL;
	mobius_error err = {0};
	fine(try_open(dir, settings, &db, &err), &err);
	return db;
}

static inline void
db_drop(mobius **db)
{
	mobius_close(*db);
}

static inline void
session_drop(mobius_session **session)
{
	mobius_session_unref(*session);
}

static inline mobius_session *
session_of(mobius *db)
{
	mobius_session *session = NULL;
	mobius_error err = {0};
	fine(mobius_session_open(db, &session, &err), &err);
	return session;
}

// One, with a session.
typedef struct Fixture {
	Dir dir;
	mobius *db;
	mobius_session *session;
} Fixture;

static inline void
fixture_open(Fixture *fx, const char *const *settings)
{
	*fx = (Fixture){.dir = dir_new()};
	fx->db = db_open(fx->dir.path, settings);
	fx->session = session_of(fx->db);
}

static inline void
fixture_close(Fixture *fx)
{
	mobius_session_unref(fx->session);
	mobius_close(fx->db);
	dir_drop(&fx->dir);
}

// ---- rows ----

// time TIMESTAMP_NS, host VARCHAR (a tag), v BIGINT; `wide` adds w DOUBLE.
static inline Schema *
rows_schema(bool wide)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, wide ? 4 : 3, "time", TYPE_TIMESTAMP, true, "host", TYPE_UTF8, true,
				 "v", TYPE_INT64, true, "w", TYPE_FLOAT64, true),
	   &err);
	return schema;
}

// Rows whose v is from, from + 1, …
static inline Batch *
rows_batch(Schema *schema, int64_t from, int64_t count)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t v = from; v < from + count; v++) {
		char host[24];
		snprintf(host, sizeof(host), "h%d", (int)(v % 7));
		column_add_int(builder_column(builder, 0), v * 1000);
		column_add_text(builder_column(builder, 1), host);
		column_add_int(builder_column(builder, 2), v);
		if (schema_field_count(schema) == 4)
			column_add_double(builder_column(builder, 3), (double)v / 2);
	}
	ok(builder_finish(builder, count, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static inline mobius_status
append_batch(mobius *db, const char *table, Schema *schema, Batch *batch, uint64_t *seq,
			 mobius_error *err)
{
	struct ArrowSchema c_schema = {0};
	struct ArrowArray array = {0};
	Error e = ERROR_INIT;
	Status st = cdata_export_schema(schema, &c_schema, &e);
	if (st == ST_OK)
		st = cdata_export_batch(batch, &array, &e);
	if (st == ST_OK)
		return mobius_append(db, table, &c_schema, &array, seq, err);
	if (c_schema.release != NULL)
		c_schema.release(&c_schema);
	*err = (mobius_error){.code = (mobius_status)st};
	return err->code;
}

static inline uint64_t
append_rows(mobius *db, const char *table, int64_t from, int64_t count)
{
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, from, count);
	mobius_error err = {0};
	uint64_t seq = 0;
	fine(append_batch(db, table, schema, batch, &seq, &err), &err);
	return seq;
}

// ---- answers ----

// The first column of all rows, int64. `out` (malloc) may be NULL.
static inline mobius_status
ask(mobius *db, const char *sql, int64_t **out, int64_t *count, mobius_error *err)
{
	struct ArrowArrayStream stream;
	mobius_status st = mobius_query(db, sql, &stream, err);
	bool open = st == MOBIUS_OK;
	int64_t *values = NULL, total = 0;
	while (st == MOBIUS_OK) {
		struct ArrowArray array;
		if (stream.get_next(&stream, &array) != 0) {
			snprintf(err->text, sizeof(err->text), "%s", stream.get_last_error(&stream));
			st = err->code = MOBIUS_IO; // a stream has no status
			break;
		}
		if (array.release == NULL)
			break;
		values = realloc(values, (size_t)(total + array.length + 1) * sizeof(*values));
		memcpy(values + total, array.children[0]->buffers[1], (size_t)array.length * 8);
		total += array.length;
		array.release(&array);
	}
	if (open)
		stream.release(&stream);
	*count = total;
	if (out != NULL)
		*out = values;
	else
		free(values);
	return st;
}

static inline void
refused(mobius *db, const char *sql, mobius_status code, const char *part)
{
	int64_t count;
	mobius_error err = {0};
	mobius_status st = ask(db, sql, NULL, &count, &err);
	if (st != code)
		fail_msg("%s: %s (%s)", sql, status_name((Status)st), err.text);
	says(err.text, part);
}

// The one number a statement answers.
static inline int64_t
number(mobius *db, const char *sql)
{
	int64_t *values = NULL, count = 0;
	mobius_error err = {0};
	mobius_status st = ask(db, sql, &values, &count, &err);
	if (st != MOBIUS_OK)
		fail_msg("%s: %s", sql, err.text);
	if (count != 1)
		fail_msg("%s: %" PRId64 " rows", sql, count);
	int64_t value = values[0];
	free(values);
	return value;
}

// ---- waiting for events ----

typedef struct Watch {
	Signal signal;
	atomic_bool closed; // no event may come any more
	atomic_int events;
	atomic_int late; // events that came after that
} Watch;

static inline void
watch_event(void *arg)
{
	Watch *watch = arg;
	atomic_fetch_add(atomic_load(&watch->closed) ? &watch->late : &watch->events, 1);
	signal_raise(&watch->signal);
}

static inline mobius_event
watch_init(Watch *watch)
{
	*watch = (Watch){0};
	signal_init(&watch->signal);
	return (mobius_event){watch_event, watch};
}

// Waits for the next event; a test that hangs says so.
static inline void
watch_wait(Watch *watch)
{
	if (!signal_wait(&watch->signal, clock_mono_ns() + 60 * SECOND))
		fail_msg("no event came within a minute");
}

static inline void
watch_close(Watch *watch)
{
	atomic_store(&watch->closed, true);
	assert_int_equal(atomic_load(&watch->late), 0);
	signal_close(&watch->signal);
}
