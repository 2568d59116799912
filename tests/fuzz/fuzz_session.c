// What a session is asked for, in a database in memory with a table of each kind. The first byte
// says which: a statement, which is bound and not run; a ticket; or an action with its JSON. Each
// is done, or an error that says why, and points into the statement if anywhere.

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <mobius_io.h>

#include "arrow/cdata.h"
#include "os/clock.h"
#include "os/thread.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__asan_default_options(void);

// The database is not closed between inputs, and DuckDB points to what it keeps from memory that
// the search for leaks does not look at.
const char *
__asan_default_options(void)
{
	return "detect_leaks=0";
}

static Signal news;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
tell(void *arg)
{
	(void)arg;
	signal_raise(&news);
}

static void
wait_for_news(void)
{
	check(signal_wait(&news, clock_mono_ns() + INT64_C(60000000000)));
}

// ---- results ----

static void
finish(mobius_result *result, size_t len)
{
	mobius_frame frame;
	mobius_next next = mobius_result_next(result, &frame);
	for (; next == MOBIUS_NEXT_WAIT || next == MOBIUS_NEXT_FRAME;
		 next = mobius_result_next(result, &frame))
		if (next == MOBIUS_NEXT_WAIT)
			wait_for_news();
	const mobius_error *err = mobius_result_error(result);
	if (next == MOBIUS_NEXT_FAILED)
		check(err->text[0] != '\0' && err->position >= -1 && err->position <= (int64_t)len);
	mobius_result_close(result);
}

static void
bind(mobius_session *session, const char *sql, size_t len)
{
	mobius_result *result = NULL;
	mobius_error err = {0};
	mobius_event event = {tell, NULL};
	if (mobius_result_open(session, sql, len, MOBIUS_SCHEMA, 0, event, &result, &err) == MOBIUS_OK)
		finish(result, len);
	else
		check(err.text[0] != '\0' && err.position >= -1 && err.position <= (int64_t)len);
}

static void
redeem(mobius_session *session, mobius_slice ticket)
{
	mobius_result *result = NULL;
	mobius_error err = {0};
	if (mobius_is_ticket(ticket))
		check(mobius_ticket_redeem(session, ticket, 0, (mobius_event){tell, NULL}, &result, &err) ==
			  MOBIUS_NOT_FOUND);
}

// ---- actions ----

static void
check_replies(const mobius_call *call)
{
	for (size_t i = 0; i < mobius_call_count(call); i++) {
		mobius_slice text = mobius_call_reply(call, i);
		json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
		check(json_is_object(json));
		json_decref(json);
	}
}

static void
act(mobius_session *session, size_t action, mobius_slice json)
{
	size_t count;
	const mobius_action_info *actions = mobius_actions(&count);
	const char *name = actions[action % count].name;
	mobius_call *call = NULL;
	mobius_error why = {0};
	if (strcmp(name, "sql.execute") == 0)
		return; // it would run anything
	mobius_event event = {tell, NULL};
	if (mobius_call_open(session, name, json, event, &call, &why) != MOBIUS_OK) {
		check(why.text[0] != '\0');
		return;
	}
	mobius_status st;
	const mobius_error *err;
	while (!mobius_call_done(call, &st, &err))
		wait_for_news();
	check(st == MOBIUS_OK || err->text[0] != '\0');
	check_replies(call);
	mobius_call_close(call);
}

// ---- the database ----

static void
run(mobius *db, const char *sql)
{
	struct ArrowArrayStream rows;
	mobius_error err = {0};
	check(mobius_query(db, sql, &rows, &err) == MOBIUS_OK);
	rows.release(&rows);
}

// It lives as long as the process.
static mobius_session *
session_of_samples(void)
{
	static mobius_session *session;
	mobius *db = NULL;
	mobius_error err = {0};
	if (session != NULL)
		return session;
	signal_init(&news);
	const char *const settings[] = {"query.running=1", "query.threads=1", NULL};
	check(mobius_open(":memory:", settings, &db, &err) == MOBIUS_OK);
	run(db, "CREATE TABLE t (time TIMESTAMP_NS, host VARCHAR, v BIGINT) WITH (dedup = 'last')");
	run(db, "CREATE TABLE e (name VARCHAR, v DOUBLE) WITH (key = 'id')");
	run(db, "CREATE TABLE p (a INTEGER, b VARCHAR)");
	run(db, "INSERT INTO t VALUES (make_timestamp_ns(1), 'a', 1), (make_timestamp_ns(2), 'b', 2)");
	run(db, "INSERT INTO e (name, v) VALUES ('x', 1), ('y', 2)");
	check(mobius_session_open(db, &session, &err) == MOBIUS_OK);
	return session;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	mobius_session *session = session_of_samples();
	switch (data[0] % 3) {
	case 0: bind(session, (const char *)data + 1, size - 1); break;
	case 1: redeem(session, (mobius_slice){data + 1, size - 1}); break;
	default: act(session, data[1], (mobius_slice){data + 2, size - 2}); break;
	}
	return 0;
}
