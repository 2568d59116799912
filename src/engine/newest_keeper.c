#include "engine/newest_keeper.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "sql/rewrite.h"

enum {
	AGAIN_MS = 2000, // after a failure
	BATCH_ROWS = 16384,
	BATCH_BYTES = 16 << 20,
	NICE = 5,
};

struct NewestKeeper {
	mobius *db;
	Thread *thread;
	Signal wake;
	pthread_mutex_t lock; // guards what follows
	bool stopping;
	SqlQuery *query; // what it waits for
};

static void
wake(void *arg)
{
	newest_keeper_wake(arg);
}

static bool
is_stopping(NewestKeeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	bool stopping = keeper->stopping;
	pthread_mutex_unlock(&keeper->lock);
	return stopping;
}

// False: it is to stop, and must not begin.
static bool
set_query(NewestKeeper *keeper, SqlQuery *query)
{
	pthread_mutex_lock(&keeper->lock);
	bool go = !keeper->stopping;
	keeper->query = query;
	pthread_mutex_unlock(&keeper->lock);
	return go;
}

// ---- what is in doubt ----

typedef struct Settling {
	NewestKeeper *keeper;
	Table *table;
	TableDef *def; // as it was at the beginning
	uint64_t generation;
	Buf where; // of which rows; nothing: all
} Settling;

static Status
open_query(const Settling *s, SqlQuery **out, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_text(&text, "SELECT * FROM ");
	sql_add_name(&text, table_database(s->def));
	buf_add_text(&text, ".rtdb.");
	sql_add_name(&text, table_name(s->def));
	buf_add_text(&text, s->where.len > 0 ? " WHERE " : "");
	buf_add_slice(&text, buf_slice(&s->where));
	text.failed |= s->where.failed;
	TRY(buf_status(&text, err, "newest rows"));
	return sql_query_open(s->keeper->db->sql, buf_text(&text), NULL, out, err);
}

static Status
settle_rows(const Settling *s, SqlQuery *query, Error *err)
{
	NewestRows *all = s->keeper->db->newest;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_new(0, s->def, sql_query_schema(query), &shape, err));
	while (!sql_query_ended(query)) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, BATCH_ROWS, BATCH_BYTES, &batch, err));
		if (batch != NULL)
			TRY(newest_rows_settle(all, s->table, s->generation, shape, batch, err));
	}
	return ST_OK;
}

static Status
run_query(const Settling *s, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(open_query(s, &query, err));
	Status st = set_query(s->keeper, query) ? settle_rows(s, query, err) : ST_CANCELLED;
	(void)set_query(s->keeper, NULL);
	return st;
}

// Until nothing comes in between. What the table is called may be another's by now: then the rows
// are nobody's, and its columns are looked at again.
static Status
settle_all(Settling *s, Error *err)
{
	NewestKeeper *keeper = s->keeper;
	NewestRows *all = keeper->db->newest;
	int64_t began = clock_mono_ns();
	while (!is_stopping(keeper) && !table_dropped(s->table) &&
		   newest_rows_wanted(all, s->table, &s->generation, &s->where)) {
		SCOPED(table_def_drop) TableDef *def = table_current(s->table);
		s->def = def;
		TRY(run_query(s, err));
		SCOPED(table_def_drop) TableDef *now = table_current(s->table);
		if (table_version(now) == table_version(def) &&
			newest_rows_settled(all, s->table, s->generation))
			log_debug("newest rows worked out", "table=%s ms=%" PRId64, table_name(def),
					  (clock_mono_ns() - began) / 1000000);
	}
	return ST_OK;
}

static Status
settle(NewestKeeper *keeper, Table *table, Error *err)
{
	Settling s = {.keeper = keeper, .table = table, .where = BUF_INIT};
	Status st = settle_all(&s, err);
	buf_close(&s.where);
	return st;
}

// ---- all tables ----

static bool
look_at(NewestKeeper *keeper, Table *table)
{
	Error err = ERROR_INIT;
	Status st = newest_rows_tidy(keeper->db->newest, table, &err);
	if (st == ST_OK)
		st = settle(keeper, table, &err);
	if (st != ST_OK && st != ST_CANCELLED && !table_dropped(table) && !is_stopping(keeper))
		log_warn("newest rows not kept", "error=\"%s\"", err.text);
	return st == ST_OK;
}

// The snapshot is not kept: it would hold memory segments. False: something is to be tried again.
static bool
look_at_all(NewestKeeper *keeper)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	if (store_snapshot(keeper->db->store, NULL, 0, &snapshot, NULL) != ST_OK)
		return false;
	int32_t count = snapshot->table_count;
	SCOPED(mem_drop) Table **tables = mem_alloc_array((size_t)count + 1, sizeof(Table *));
	for (int32_t i = 0; i < count && tables != NULL; i++)
		tables[i] = table_ref(snapshot->tables[i].table);
	snapshot_free(TAKE(snapshot));
	bool good = tables != NULL;
	for (int32_t i = 0; i < count && tables != NULL; i++) {
		if (table_attached(tables[i]) != NULL && !is_stopping(keeper))
			good &= look_at(keeper, tables[i]);
		table_unref(tables[i]);
	}
	return good;
}

static void
keeper_run(void *arg)
{
	NewestKeeper *keeper = arg;
	while (!is_stopping(keeper)) {
		bool good = look_at_all(keeper);
		int64_t until = good ? INT64_MAX : clock_mono_ns() + AGAIN_MS * INT64_C(1000000);
		if (!is_stopping(keeper))
			(void)signal_wait(&keeper->wake, until);
	}
}

// ---- from outside ----

Status
newest_keeper_new(mobius *db, NewestKeeper **out, Error *err)
{
	NewestKeeper *keeper = mem_alloc(sizeof(*keeper));
	if (keeper == NULL)
		return error_no_memory(err, "newest rows");
	keeper->db = db;
	signal_init(&keeper->wake);
	pthread_mutex_init(&keeper->lock, NULL);
	*out = keeper;
	NewestOptions options = {.limit = db->settings.rtdb_limit, .wake = wake, .arg = keeper};
	return newest_rows_new(&options, &db->newest, err);
}

Status
newest_keeper_start(NewestKeeper *keeper, Error *err)
{
	ThreadOptions options = {.name = "newest", .stack_bytes = 8 << 20, .nice = NICE};
	return thread_start(&options, keeper_run, keeper, &keeper->thread, err);
}

void
newest_keeper_stop(NewestKeeper *keeper)
{
	if (keeper == NULL)
		return;
	pthread_mutex_lock(&keeper->lock);
	keeper->stopping = true;
	if (keeper->query != NULL)
		sql_query_cancel(keeper->query);
	pthread_mutex_unlock(&keeper->lock);
	signal_raise(&keeper->wake);
	thread_join(keeper->thread);
}

void
newest_keeper_wake(NewestKeeper *keeper)
{
	if (keeper != NULL)
		signal_raise(&keeper->wake);
}

void
newest_keeper_free(NewestKeeper *keeper)
{
	if (keeper == NULL)
		return;
	signal_close(&keeper->wake);
	pthread_mutex_destroy(&keeper->lock);
	mem_free(keeper);
}
