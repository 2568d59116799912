// action.c - the registry: what every channel can ask for by name, JSON in and JSON out.

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "arrow/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timeval.h"
#include "engine/backup.h"
#include "engine/call_int.h"
#include "engine/merger.h"
#include "engine/statements.h"
#include "engine/subscriptions.h"
#include "engine/system.h"
#include "engine/ticker.h"
#include "os/clock.h"

// ---- actions ----

static bool
cell_is(const Batch *batch, const char *name, int64_t row, const char *text)
{
	int32_t at = schema_find(batch_schema(batch), name), ends[2];
	if (at < 0)
		return false;
	const Column *column = batch_column(batch, at);
	memcpy(ends, column->offsets.data + 4 * row, sizeof(ends));
	return slice_is(slice_of(column->values.data + ends[0], (size_t)(ends[1] - ends[0])), text);
}

// Rows of a table of "system": all, or those about one table.
static Status
reply_rows(mobius_call *call, const char *name, const TableDef *of, Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(system_rows(call->db, name, &batch, err));
	SCOPED(json_rows_drop) JsonRows *rows = NULL;
	TRY(json_rows_new(batch_schema(batch), JSON_OBJECTS, &rows, err));
	for (int64_t row = 0; row < batch_rows(batch); row++) {
		if (of != NULL && (!cell_is(batch, "database", row, table_database(of)) ||
						   !cell_is(batch, "table", row, table_name(of))))
			continue;
		SCOPED(buf_close) Buf json = BUF_INIT;
		json_rows_add(rows, batch, row, &json);
		TRY(call_reply(call, &json, err));
	}
	return ST_OK;
}

static Status
run_table_list(mobius_call *call, Error *err)
{
	return reply_rows(call, "tables", NULL, err);
}

// What stands before the last dot of `name`, or behind it.
static SqlName
last_part(char *name, bool *more)
{
	char *dot = *more ? strrchr(name, '.') : NULL;
	SqlName part = {.text = !*more        ? NULL
							: dot == NULL ? name
										  : dot + 1,
					.quoted = true,
					.position = -1};
	*more = dot != NULL;
	if (dot != NULL)
		*dot = '\0';
	return part;
}

// [[database.]schema.]table.
static Status
find_table(mobius_call *call, const char *name, Table **out, Error *err)
{
	bool more = true;
	SCOPED(mem_drop) char *copy = mem_strdup(name);
	if (copy == NULL)
		return error_no_memory(err, "a table's name");
	SqlTableName parts = {.table = last_part(copy, &more)};
	parts.schema = last_part(copy, &more);
	parts.database = last_part(copy, &more);
	if (more)
		return error_set(err, ST_INVALID,
						 "\"%.300s\" is no table's name; write table, or database.htdb.table",
						 name);
	return sql_find_table(call->db->sql, &parts, &(SqlSession){.database = call->session->database},
						  out, err);
}

static Status
run_table_offsets(mobius_call *call, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(find_table(call, call_text(call, "table"), &table, err));
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	return reply_rows(call, "offsets", def, err);
}

// The table that is named, or NULL: none is.
static Status
optional_table(mobius_call *call, Table **out, Error *err)
{
	const char *name = call_text(call, "table");
	return name != NULL ? find_table(call, name, out, err) : ST_OK;
}

static Status
reply_done(mobius_call *call, const KeeperFlushed *done, Error *err)
{
	SCOPED(buf_close) Buf json = BUF_INIT;
	buf_add_printf(&json, "{\"segments\":%" PRId64 ",\"rows\":%" PRId64 "}", done->segments,
				   done->rows);
	return call_reply(call, &json, err);
}

static Status
run_table_flush(mobius_call *call, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(optional_table(call, &table, err));
	KeeperFlushed flushed;
	TRY(keeper_flush(call->db->keeper, table, &flushed, err));
	return reply_done(call, &flushed, err);
}

static Status
run_table_compact(mobius_call *call, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(optional_table(call, &table, err));
	KeeperFlushed merged;
	TRY(merger_compact(call->db, table, &merged, err));
	return reply_done(call, &merged, err);
}

static Status
run_producer_get(mobius_call *call, Error *err)
{
	const char *producer = call_text(call, "producer");
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(find_table(call, call_text(call, "table"), &table, err));
	int64_t last;
	SCOPED(buf_close) Buf json = BUF_INIT;
	if (producers_find(table_producers(table), slice_text(producer), &last))
		buf_add_printf(&json, "{\"last_producer_seq\":%" PRId64 "}", last);
	else
		buf_add_text(&json, "{\"last_producer_seq\":null}");
	return call_reply(call, &json, err);
}

static Status
run_backup_create(mobius_call *call, Error *err)
{
	BackupRequest request = {.name = call_text(call, "name"),
							 .copy = json_is_true(json_object_get(call->request, "copy"))};
	BackupDone done;
	TRY(backup_create(call->db, &request, &done, err));
	SCOPED(buf_close) Buf json = BUF_INIT;
	buf_add_text(&json, "{\"path\":");
	text_json_string(&json, slice_text(done.path));
	buf_add_printf(&json, ",\"seq\":%" PRIu64 ",\"files\":%d,\"bytes\":%" PRIu64 "}", done.seq,
				   done.files, done.bytes);
	return call_reply(call, &json, err);
}

static Status
run_server_info(mobius_call *call, Error *err)
{
	mobius *db = call->db;
	char started[48];
	// After a restart the log may be durable beyond the last commit of rows.
	uint64_t durable = conductor_synced_seq(db->conductor), seq = store_published_seq(db->store);
	time_format(db->started_ns, 3, true, started);
	SCOPED(buf_close) Buf json = BUF_INIT;
	buf_add_printf(&json, "{\"version\":\"%s\",\"epoch\":\"", mobius_version());
	text_hex(&json, slice_of(db->epoch, sizeof(db->epoch)));
	buf_add_printf(&json,
				   "\",\"seq\":%" PRIu64 ",\"durable_seq\":%" PRIu64 ",\"earliest_seq\":%" PRIu64,
				   seq, durable < seq ? durable : seq, wal_earliest_seq(db->wal));
	buf_add_printf(&json, ",\"started_at\":\"%s\",\"read_only\":%s}", started,
				   conductor_failed(db->conductor) ? "true" : "false");
	return call_reply(call, &json, err);
}

// A statement of this call reads: who closes the call, or query.timeout, ends that.
static bool
set_reading(void *arg, SqlQuery *query)
{
	mobius_call *call = arg;
	pthread_mutex_lock(&call->lock);
	call->query = query;
	bool wanted = !call->closed;
	pthread_mutex_unlock(&call->lock);
	return wanted;
}

static void
end_late(void *arg, int64_t now_ns)
{
	mobius_call *call = arg;
	pthread_mutex_lock(&call->lock);
	if (call->query != NULL && (call->closed || now_ns > call->until_ns)) {
		call->late = !call->closed;
		sql_query_cancel(call->query);
	}
	pthread_mutex_unlock(&call->lock);
}

static Status
count_all(SqlQuery *query, int64_t *rows, Error *err)
{
	for (;;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, 65536, 2 << 20, &batch, err));
		if (batch == NULL)
			return ST_OK;
		*rows += batch_rows(batch);
	}
}

// A read through an action answers how many rows it has; its rows come by DoGet.
static Status
count_rows(mobius_call *call, const char *text, int64_t *rows, Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_query_open(call->db->sql, text, &(SqlSession){.database = call->session->database},
					   &query, err));
	Status st = set_reading(call, query) ? count_all(query, rows, err) : ST_OK;
	(void)set_reading(call, NULL);
	return st;
}

static Status
run_statement(mobius_call *call, SqlStatement *statement, Changes *out, Error *err)
{
	if (statement_is_read(statement)) {
		const char *text;
		int64_t rows = 0;
		TRY(statement_read_text(call->db, call->session->database, statement, &text, err));
		TRY(count_rows(call, text, &rows, err));
		return changes_of(&rows, 1, out, err);
	}
	StatementCall run = {call->db, call->session->database, set_reading, call};
	return statement_run(&run, statement, out, err);
}

static Status
run_sql_execute(mobius_call *call, Error *err)
{
	const char *text = call_text(call, "sql");
	const json_t *params = json_object_get(call->request, "params");
	if (json_array_size(params) + json_object_size(params) > 0)
		return error_set(err, ST_INVALID,
						 "parameters are not built yet; write the values into the statement, or "
						 "send rows by a put or bulk ingest");
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	TRY(sql_parse(slice_text(text), &statement, err));
	SCOPED(changes_close) Changes changes = {0};
	call->until_ns = clock_mono_ns() + call->db->settings.query_timeout_ns;
	Tick tick = {.fn = end_late, .arg = call};
	ticker_add(call->db->ticker, &tick);
	Status st = run_statement(call, statement, &changes, err);
	ticker_remove(call->db->ticker, &tick);
	if (st == ST_CANCELLED && call->late)
		return error_set(err, ST_DEADLINE,
						 "the statement was at work longer than query.timeout; ask for less, or "
						 "raise it");
	TRY(st);
	for (int32_t i = 0; i < changes.count; i++) {
		SCOPED(buf_close) Buf json = BUF_INIT;
		buf_add_printf(&json, "{\"rows\":%" PRId64 "}", changes.rows[i]);
		TRY(call_reply(call, &json, err));
	}
	return ST_OK;
}

static Status
run_subscription_kill(mobius_call *call, Error *err)
{
	SCOPED(buf_close) Buf json = BUF_INIT;
	int64_t id = json_integer_value(json_object_get(call->request, "id"));
	TRY(subscriptions_kill(call->db->subscriptions, id, err));
	buf_add_printf(&json, "{\"id\":%" PRId64 "}", id);
	return call_reply(call, &json, err);
}

// ---- the registry ----

static const mobius_action_info ACTIONS[] = {
	{"table.list", "The tables, one object each, as rows of system.tables.", "{}",
	 "{\"database\", \"name\", \"kind\", \"rows\", ...}"},
	{"table.offsets", "Where a table's commits lie in the log, as rows of system.offsets.",
	 "{\"table\": text}",
	 "{\"segment\", \"wal_file\", \"offset\", \"length\", \"min_seq\", \"max_seq\", \"rows\", "
	 "...}"},
	{"table.flush",
	 "Writes a table's rows in memory to files (without a table: of all), and waits for it.",
	 "{\"table\": text, optional}", "{\"segments\", \"rows\"}"},
	{"table.compact",
	 "Flushes a table (without one: all) and merges its files as far as they go, and waits for it.",
	 "{\"table\": text, optional}", "{\"segments\", \"rows\"}"},
	{"producer.get", "The last sequence that a producer has stored in a table.",
	 "{\"table\": text, \"producer\": text}", "{\"last_producer_seq\": integer or null}"},
	{"backup.create",
	 "Makes a backup of everything in backup.dir, by links or, with copy, by bytes.",
	 "{\"name\": text, \"copy\": bool, optional}", "{\"path\", \"seq\", \"files\", \"bytes\"}"},
	{"server.info", "Version, epoch and seqs.", "{}",
	 "{\"version\", \"epoch\", \"seq\", \"durable_seq\", \"earliest_seq\", \"started_at\", "
	 "\"read_only\"}"},
	{"sql.execute",
	 "Runs one statement and tells how many rows it changed, or has; of BEGIN; …; COMMIT for each "
	 "statement.",
	 "{\"sql\": text}", "{\"rows\"}"},
	{"subscription.kill", "Ends a subscription; its reader hears why.", "{\"id\": integer}",
	 "{\"id\"}"},
};

static const Action DO[] = {
	{run_table_list, {}},
	{run_table_offsets, {{"table", PARAM_TEXT, true}}},
	{run_table_flush, {{"table", PARAM_TEXT, false}}},
	{run_table_compact, {{"table", PARAM_TEXT, false}}},
	{run_producer_get, {{"table", PARAM_TEXT, true}, {"producer", PARAM_TEXT, true}}},
	{run_backup_create, {{"name", PARAM_TEXT, true}, {"copy", PARAM_BOOL, false}}},
	{run_server_info, {}},
	{run_sql_execute, {{"sql", PARAM_TEXT, true}, {"params", PARAM_VALUES, false}}},
	{run_subscription_kill, {{"id", PARAM_NUMBER, true}}},
};

const mobius_action_info *
mobius_actions(size_t *count)
{
	static_assert(COUNT_OF(ACTIONS) == COUNT_OF(DO), "every action has its function");
	*count = COUNT_OF(ACTIONS);
	return ACTIONS;
}

const Action *
action_at(int i)
{
	return &DO[i];
}
