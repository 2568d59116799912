// Actions: one registry, JSON in and JSON out.

#include <jansson.h>
#include <sys/stat.h>

#include "support.h"

typedef struct Call {
	mobius_call *call;
	Watch watch;
	mobius_status status;
	const mobius_error *err;
} Call;

static mobius_status
try_call(Fixture *fx, Call *c, const char *name, const char *request, mobius_error *err)
{
	*c = (Call){0};
	mobius_event event = watch_init(&c->watch);
	mobius_slice json = {(const uint8_t *)request, strlen(request)};
	return mobius_call_open(fx->session, name, json, event, &c->call, err);
}

static void
call_run(Fixture *fx, Call *c, const char *name, const char *request)
{
	mobius_error err = {0};
	fine(try_call(fx, c, name, request, &err), &err);
	while (!mobius_call_done(c->call, &c->status, &c->err))
		watch_wait(&c->watch);
}

static void
call_stop(Call *c)
{
	mobius_call_close(c->call);
	watch_close(&c->watch);
}

// Its i-th answer.
static json_t *
call_reply(Call *c, size_t i)
{
	fine(c->status, c->err);
	assert_true(i < mobius_call_count(c->call));
	mobius_slice text = mobius_call_reply(c->call, i);
	json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
	assert_true(json_is_object(json));
	return json;
}

static int64_t
reply_number(Call *c, const char *key)
{
	json_t *json = call_reply(c, 0);
	assert_true(json_is_integer(json_object_get(json, key)));
	int64_t value = json_integer_value(json_object_get(json, key));
	json_decref(json);
	return value;
}

static void
call_fails(Fixture *fx, const char *name, const char *request, mobius_status code, const char *part)
{
	Call c;
	mobius_error err = {0};
	mobius_status st = try_call(fx, &c, name, request, &err);
	while (st == MOBIUS_OK && !mobius_call_done(c.call, &c.status, &c.err))
		watch_wait(&c.watch);
	if (st == MOBIUS_OK) {
		st = c.status;
		err = *c.err;
	}
	if (st != code)
		fail_msg("%s %s: %s %s", name, request, status_name((Status)st), err.text);
	says(err.text, part);
	call_stop(&c);
}

// ---- tests ----

static void
every_action_says_what_it_takes_and_gives(void **state)
{
	(void)state;
	size_t count;
	const mobius_action_info *actions = mobius_actions(&count);
	assert_int_equal(count, 9);
	for (size_t i = 0; i < count; i++) {
		assert_true(strchr(actions[i].name, '.') != NULL);
		assert_true(actions[i].help[0] != '\0');
		assert_true(actions[i].request[0] == '{' && actions[i].reply[0] == '{');
	}
}

static void
the_list_has_one_object_for_each_table(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	Call c;
	call_run(&fx, &c, "table.list", "");
	assert_int_equal(mobius_call_count(c.call), 0);
	call_stop(&c);
	append_rows(fx.db, "b", 0, 10);
	append_rows(fx.db, "a", 0, 20);
	call_run(&fx, &c, "table.list", "{}");
	assert_int_equal(mobius_call_count(c.call), 2);
	json_t *json = call_reply(&c, 0);
	const char *name = json_string_value(json_object_get(json, "name"));
	assert_int_equal(json_integer_value(json_object_get(json, "rows")), name[0] == 'a' ? 20 : 10);
	assert_string_equal(json_string_value(json_object_get(json, "kind")), "series");
	assert_string_equal(json_string_value(json_object_get(json, "time_column")), "time");
	assert_int_equal(json_array_size(json_object_get(json, "tags")), 1);
	json_decref(json);
	call_stop(&c);
	fixture_close(&fx);
}

static void
offsets_tell_where_a_tables_commits_lie_in_the_log(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	uint64_t first = append_rows(fx.db, "t", 0, 10);
	append_rows(fx.db, "u", 0, 10);
	uint64_t last = append_rows(fx.db, "t", 10, 5);
	Call c;
	call_run(&fx, &c, "table.offsets", "{\"table\": \"t\"}");
	assert_int_equal(mobius_call_count(c.call), 1);
	assert_int_equal(reply_number(&c, "min_seq"), first - 1); // the table's own
	assert_int_equal(reply_number(&c, "max_seq"), last);
	assert_int_equal(reply_number(&c, "rows"), 15);
	assert_true(reply_number(&c, "offset") >= 4096);
	assert_int_equal(reply_number(&c, "segment"),
					 number(fx.db, "SELECT id::BIGINT FROM system.segments WHERE \"table\" = 't'"));
	call_stop(&c);
	fixture_close(&fx);
}

static int64_t
file_count(mobius *db, const char *table)
{
	char sql[128];
	snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM system.segments WHERE level IS NOT NULL AND \"table\" = '%s'",
			 table);
	return number(db, sql);
}

// Fewer files than would be merged by themselves.
static void
flush_often(mobius *db, const char *table)
{
	for (int64_t i = 0; i < 3; i++) {
		append_rows(db, table, 10 * i, 10);
		assert_int_equal(number(db, "FLUSH"), 0);
	}
	assert_int_equal(file_count(db, table), 3);
}

static void
a_compaction_leaves_one_file_of_a_table_or_of_each(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	flush_often(fx.db, "t");
	flush_often(fx.db, "u");
	Call c;
	call_run(&fx, &c, "table.compact", "{\"table\": \"t\"}");
	assert_int_equal(reply_number(&c, "segments"), 3);
	assert_int_equal(reply_number(&c, "rows"), 30);
	call_stop(&c);
	assert_int_equal(file_count(fx.db, "t"), 1);
	assert_int_equal(file_count(fx.db, "u"), 3);
	append_rows(fx.db, "t", 30, 10);
	call_run(&fx, &c, "table.compact", "{}");
	assert_true(reply_number(&c, "rows") >= 40 + 30); // some of them by more than one level
	call_stop(&c);
	assert_int_equal(file_count(fx.db, "t"), 1);
	assert_int_equal(file_count(fx.db, "u"), 1);
	assert_int_equal(number(fx.db, "SELECT sum(v)::BIGINT FROM t"), 780);
	flush_often(fx.db, "w");
	assert_int_equal(number(fx.db, "COMPACT w"), 0);
	assert_int_equal(file_count(fx.db, "w"), 1);
	refused(fx.db, "COMPACT nothing", MOBIUS_NOT_FOUND, "nothing");
	fixture_close(&fx);
}

static void
a_flush_answers_when_the_rows_are_in_files(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	append_rows(fx.db, "u", 0, 20);
	Call c;
	call_run(&fx, &c, "table.flush", "{\"table\": \"t\"}");
	assert_int_equal(reply_number(&c, "rows"), 10);
	assert_int_equal(reply_number(&c, "segments"), 1);
	call_stop(&c);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM system.segments WHERE status = 'FLUSHED'"),
					 1);
	call_run(&fx, &c, "table.flush", "{}");
	assert_int_equal(reply_number(&c, "rows"), 20);
	call_stop(&c);
	call_run(&fx, &c, "table.flush", "{\"table\": null}");
	assert_int_equal(reply_number(&c, "segments"), 0);
	call_stop(&c);
	assert_int_equal(
		number(fx.db, "SELECT sum(rows)::BIGINT FROM system.segments WHERE status = 'FLUSHED'"),
		30);
	fixture_close(&fx);
}

static void
server_info_tells_epoch_and_seqs(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	uint64_t seq = append_rows(fx.db, "t", 0, 10);
	Call c;
	call_run(&fx, &c, "server.info", "");
	assert_int_equal(reply_number(&c, "seq"), seq);
	assert_int_equal(reply_number(&c, "durable_seq"), seq);
	assert_int_equal(reply_number(&c, "earliest_seq"), 1);
	json_t *json = call_reply(&c, 0);
	assert_int_equal(strlen(json_string_value(json_object_get(json, "epoch"))), 32);
	assert_string_equal(json_string_value(json_object_get(json, "version")), mobius_version());
	assert_true(json_is_false(json_object_get(json, "read_only")));
	json_decref(json);
	call_stop(&c);
	fixture_close(&fx);
}

static void
statements_tell_how_many_rows_they_have_or_changed(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	static const struct {
		const char *request;
		int64_t rows;
	} cases[] = {
		{"{\"sql\": \"SELECT * FROM t WHERE v < 4\"}", 4},
		{"{\"sql\": \"INSERT INTO t SELECT * FROM t\", \"params\": []}", 10},
		{"{\"sql\": \"SHOW TABLES\"}", 1},
		{"{\"sql\": \"DROP TABLE t\", \"params\": {}}", 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Call c;
		call_run(&fx, &c, "sql.execute", cases[i].request);
		assert_int_equal(reply_number(&c, "rows"), cases[i].rows);
		call_stop(&c);
	}
	fixture_close(&fx);
}

static void
bad_requests_are_refused_by_what_is_wrong(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	call_fails(&fx, "table.explode", "{}", MOBIUS_UNIMPLEMENTED, "no action \"table.explode\"");
	call_fails(&fx, "table.flush", "{", MOBIUS_INVALID, "is no JSON");
	call_fails(&fx, "table.flush", "[]", MOBIUS_INVALID, "must be an object");
	call_fails(&fx, "table.flush", "{\"table\": 3}", MOBIUS_INVALID, "must be a text");
	call_fails(&fx, "table.flush", "{\"table\": \"t\"}", MOBIUS_NOT_FOUND, "\"t\"");
	call_fails(&fx, "table.offsets", "{}", MOBIUS_INVALID, "\"table\" is missing");
	call_fails(&fx, "sql.execute", "{}", MOBIUS_INVALID, "\"sql\" is missing");
	call_fails(&fx, "sql.execute", "{\"sql\": \"SELECT\"}", MOBIUS_INVALID, "");
	call_fails(&fx, "sql.execute", "{\"sql\": \"SELECT 1\", \"params\": [1]}", MOBIUS_INVALID,
			   "parameters");
	fixture_close(&fx);
}

static void
fields_that_an_action_does_not_have_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *action, *request, *part;
	} cases[] = {
		{"table.list", "{\"table\": \"t\"}", "table.list has no field \"table\"; it takes {}"},
		{"table.flush", "{\"tabel\": \"t\"}", "did you mean \"table\"?"},
		{"table.compact", "{\"tabel\": \"t\"}", "table.compact has no field \"tabel\""},
		{"table.compact", "{\"table\": true}", "\"table\" must be a text"},
		{"backup.create", "{\"name\": \"z\", \"copi\": true}", "did you mean \"copy\"?"},
		{"backup.create", "{\"name\": \"z\", \"copy\": \"yes\"}", "must be true or false"},
		{"backup.create", "{\"name\": \"z\", \"copy\": 1}", "must be true or false"},
		{"producer.get", "{\"table\": \"t\", \"producer\": 1}", "\"producer\" must be a text"},
		{"server.info", "{\"verbose\": true}", "it takes {}"},
		{"sql.execute", "{\"sql\": \"SELECT 1\", \"parms\": [1]}", "did you mean \"params\"?"},
		{"sql.execute", "{\"sql\": \"SELECT 1\", \"params\": 1}", "\"params\" must be a list"},
	};
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		call_fails(&fx, cases[i].action, cases[i].request, MOBIUS_INVALID, cases[i].part);
	fixture_close(&fx);
}

static void
a_call_can_be_closed_before_it_is_done(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 1000);
	for (int i = 0; i < 20; i++) {
		Call c;
		mobius_error err = {0};
		fine(try_call(&fx, &c, i % 2 == 0 ? "table.flush" : "table.list", "{}", &err), &err);
		call_stop(&c); // no event after it
	}
	mobius_call_close(NULL);
	fixture_close(&fx);
}

static void
more_calls_than_may_wait_are_refused_with_a_limit(void **state)
{
	(void)state;
	enum { MANY = 300 };
	static const char endless[] =
		"{\"sql\": \"SELECT count(*) FROM t a, t b, t c WHERE a.v + b.v + c.v = 1\"}";
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 20000);
	Call *calls = mem_alloc_array(MANY, sizeof(*calls));
	int open = 0;
	mobius_error err = {0};
	mobius_status st = MOBIUS_OK;
	while (open < MANY && st == MOBIUS_OK)
		st = try_call(&fx, &calls[open++], "sql.execute", endless, &err);
	assert_int_equal(st, MOBIUS_LIMIT);
	says(err.text, "256 statements wait already");
	assert_true(open >= 257 && open <= 261); // some are at work
	for (int i = 0; i < open; i++)
		call_stop(&calls[i]);
	mem_free(calls);
	fixture_close(&fx);
}

// A folder where the file would be written.
static void
block_flush_of_a(Fixture *fx, char path[200])
{
	int64_t id = number(fx->db, "SELECT id::BIGINT FROM system.segments WHERE \"table\" = 'a'");
	snprintf(path, 200, "%s/tmp/%" PRId64 ".parquet", fx->dir.path, id);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void
a_flush_of_one_table_does_not_fail_with_that_of_another(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "a", 0, 10); // the oldest rows come first
	append_rows(fx.db, "b", 0, 10);
	char path[200];
	block_flush_of_a(&fx, path);
	Call a, b;
	mobius_error err = {0};
	fine(try_call(&fx, &a, "table.flush", "{\"table\": \"a\"}", &err), &err);
	fine(try_call(&fx, &b, "table.flush", "{\"table\": \"b\"}", &err), &err);
	while (!mobius_call_done(b.call, &b.status, &b.err))
		watch_wait(&b.watch);
	assert_int_equal(reply_number(&b, "rows"), 10);
	while (!mobius_call_done(a.call, &a.status, &a.err))
		watch_wait(&a.watch);
	assert_int_not_equal(a.status, MOBIUS_OK);
	call_stop(&a);
	call_stop(&b);

	(void)rmdir(path);
	fixture_close(&fx);
}

// At its rate it would take minutes.
static void
a_close_gives_up_a_compaction(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("compaction.rate=16KiB"));
	for (int64_t i = 0; i < 3; i++) {
		append_rows(fx.db, "t", i * 200000, 200000);
		assert_int_equal(number(fx.db, "FLUSH"), 0);
	}
	Call c[2];
	for (int i = 0; i < 2; i++) {
		mobius_error err = {0};
		fine(try_call(&fx, &c[i], "table.compact", i == 0 ? "{}" : "{\"table\": \"t\"}", &err),
			 &err);
	}
	for (int i = 0; i < 2; i++)
		call_stop(&c[i]);
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	fx.db = db_open(fx.dir.path, NULL);
	fx.session = session_of(fx.db);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM t"), 600000);
	fixture_close(&fx);
}

static void
no_memory_for_a_call_leaves_nothing_behind(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	for (long nth = 0; nth < 200; nth++) {
		Call c;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = try_call(&fx, &c, "table.list", "{}", &err);
		while (st == MOBIUS_OK && !mobius_call_done(c.call, &c.status, &c.err))
			watch_wait(&c.watch);
		bool failed = fault_disarm();
		if (st == MOBIUS_OK)
			assert_true(c.status == MOBIUS_OK ? mobius_call_count(c.call) == 1
											  : c.err->text[0] != '\0');
		call_stop(&c);
		if (!failed)
			break;
	}
	fixture_close(&fx);
}

// The files stay, or are fewer; a later try merges them.
static void
a_compaction_may_fail_anywhere_and_can_be_tried_again(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	bool hit = true;
	int64_t rows = 0;
	for (long nth = 0; hit; nth += 1 + nth / 2) {
		for (int i = 0; i < 2; i++, rows += 10) {
			append_rows(fx.db, "t", rows, 10);
			assert_int_equal(number(fx.db, "FLUSH"), 0);
		}
		Call c;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = try_call(&fx, &c, "table.compact", "{}", &err);
		while (st == MOBIUS_OK && !mobius_call_done(c.call, &c.status, &c.err))
			watch_wait(&c.watch);
		hit = fault_disarm();
		if (st == MOBIUS_OK && c.status != MOBIUS_OK)
			assert_true(c.err->text[0] != '\0');
		call_stop(&c);
		assert_int_equal(number(fx.db, "COMPACT t"), 0);
		assert_int_equal(file_count(fx.db, "t"), 1);
		assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM t"), rows);
	}
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_action_says_what_it_takes_and_gives),
		TEST(the_list_has_one_object_for_each_table),
		TEST(offsets_tell_where_a_tables_commits_lie_in_the_log),
		TEST(a_compaction_leaves_one_file_of_a_table_or_of_each),
		TEST(a_flush_answers_when_the_rows_are_in_files),
		TEST(server_info_tells_epoch_and_seqs),
		TEST(statements_tell_how_many_rows_they_have_or_changed),
		TEST(bad_requests_are_refused_by_what_is_wrong),
		TEST(fields_that_an_action_does_not_have_are_refused),
		TEST(a_call_can_be_closed_before_it_is_done),
		TEST(more_calls_than_may_wait_are_refused_with_a_limit),
		TEST(a_flush_of_one_table_does_not_fail_with_that_of_another),
		TEST(a_close_gives_up_a_compaction),
		TEST(a_compaction_may_fail_anywhere_and_can_be_tried_again),
		TEST(no_memory_for_a_call_leaves_nothing_behind),
	};
	return RUN(tests);
}
