// Puts as a server makes them: messages in, counts out, and events in between.

#include "images.h"
#include "puts.h"

// ---- what is acknowledged ----

static void
what_came_before_the_table_was_there_waits_for_it(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put p;
	put_start(&fx, &p, "t", schema);
	for (int i = 0; i < 20; i++)
		put_rows(&p, i * 10, 10, NULL);
	put_finish(&p);
	assert_int_equal(p.state.rows, 200);
	assert_int_equal(p.state.batches, 20);
	assert_int_equal(p.state.consumed_bytes, 2000);
	assert_true(p.state.seq >= 21 && p.state.durable_seq >= p.state.seq);
	assert_string_equal(p.state.durability, "durable");
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 200);
	put_stop(&p);
	fixture_close(&fx);
}

static void
a_schema_alone_makes_the_table(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put p;
	put_start(&fx, &p, "t", schema);
	put_finish(&p);
	assert_int_equal(p.state.batches, 0);
	assert_int_equal(p.state.seq, 0);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 0);
	put_stop(&p);
	fixture_close(&fx);
}

static void
a_batch_without_rows_counts_and_is_echoed_but_makes_no_commit(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put p;
	put_start(&fx, &p, "t", schema);
	put_ready(&p);
	put_rows(&p, 0, 0, "first");
	put_until(&p, has_batches, 1);
	assert_int_equal(p.state.seq, 0);
	result_says(&p, "\"client\":\"first\"");
	put_rows(&p, 0, 1, NULL);
	put_rows(&p, 0, 0, "last");
	put_finish(&p);
	assert_int_equal(p.state.batches, 3);
	assert_int_equal(p.state.rows, 1);
	assert_int_equal(p.state.consumed_bytes, 300);
	assert_int_equal(p.state.seq, p.state.durable_seq);
	result_says(&p, "\"client\":\"last\"");
	put_stop(&p);
	fixture_close(&fx);
}

static void
what_a_client_says_is_echoed_as_json(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	static const char *const cases[][2] = {
		{"say \"hi\"", "\"client\":\"say \\\"hi\\\"\"}"},
		{"{\"a\": [1, 2]}", "\"client\":{\"a\": [1, 2]}}"},
		{"[1]", "\"client\":\"[1]\"}"},
		{"\xff\x01", "\"client\":\"/wE=\"}"},
	};
	Put p;
	put_start(&fx, &p, "t", schema);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		put_rows(&p, 0, 1, cases[i][0]);
		put_until(&p, has_batches, i + 1);
		result_says(&p, cases[i][1]);
	}
	result_says(&p, "\"rows\":4,\"batches\":4,\"durability\":\"durable\"");
	put_finish(&p);
	put_stop(&p);
	fixture_close(&fx);
}

static void
a_result_tells_the_room_it_needs(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put p;
	put_start(&fx, &p, "t", schema);
	put_finish(&p);
	char text[200] = "untouched";
	size_t need = mobius_put_result_json(p.put, &p.state, text, 9);
	assert_true(need > 9);
	assert_string_equal(text, "untouched");
	assert_int_equal(mobius_put_result_json(p.put, &p.state, text, need), need);
	assert_true(text[0] == '{' && text[need - 1] == '}');
	put_stop(&p);
	fixture_close(&fx);
}

static void
durability_is_the_schemas_else_the_calls_else_the_tables(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	assert_int_equal(number(fx.db, "CREATE TABLE a (time TIMESTAMP_NS, host VARCHAR TAG, v BIGINT) "
								   "WITH (durability = 'async')"),
					 0);
	SCOPED(schema_drop) Schema *plain = rows_schema(false);
	SCOPED(schema_drop) Schema *marked = NULL;
	Error e = ERROR_INIT;
	KeyValue pair = {slice_text("mobius.durability"), slice_text("durable")};
	ok(schema_new(schema_field(plain, 0), schema_field_count(plain), &pair, 1, &marked, &e), &e);
	const struct {
		Schema *schema;
		const char *table, *asked, *given;
	} cases[] = {
		{plain, "a", NULL, "async"},       {plain, "a", "durable", "durable"},
		{plain, "b", NULL, "durable"},     {plain, "b", "async", "async"},
		{marked, "a", "async", "durable"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Put p;
		mobius_error err = {0};
		mobius_put_options options = {.table = cases[i].table, .durability = cases[i].asked};
		fine(try_put(&fx, &p, &options, cases[i].schema, &err), &err);
		put_rows(&p, 0, 1, NULL);
		put_finish(&p);
		assert_string_equal(p.state.durability, cases[i].given);
		put_stop(&p);
	}
	fixture_close(&fx);
}

static void
narrower_columns_are_widened_and_missing_ones_are_null(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 3);
	SCOPED(schema_drop) Schema *narrow = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&narrow, &err, 2, "v", TYPE_INT16, true, "time", TYPE_TIMESTAMP, true), &err);
	ok(builder_new(narrow, &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 77);
	column_add_int(builder_column(builder, 1), 1);
	ok(builder_finish(builder, 1, &batch, &err), &err);
	Put p;
	put_start(&fx, &p, "t", narrow);
	put_push(&p, batch, NULL, 1);
	put_finish(&p);
	assert_int_equal(number(fx.db, "SELECT v FROM t WHERE host IS NULL"), 77);
	put_stop(&p);
	fixture_close(&fx);
}

static void
a_table_grows_by_the_columns_of_a_put(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 3);
	SCOPED(schema_drop) Schema *wide = rows_schema(true);
	Put p;
	put_start(&fx, &p, "t", wide);
	put_rows(&p, 3, 4, NULL);
	put_finish(&p);
	assert_int_equal(number(fx.db, "SELECT count(w) FROM t"), 4);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 7);
	put_stop(&p);
	fixture_close(&fx);
}

// ---- what is refused ----

static void
options_that_cannot_be_are_refused_at_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	const struct {
		mobius_put_options options;
		mobius_status code;
		const char *part;
	} cases[] = {
		{{.table = NULL}, MOBIUS_INVALID, "no table"},
		{{.table = ""}, MOBIUS_INVALID, "table"},
		{{.table = "a b"}, MOBIUS_INVALID, "a b"},
		{{.table = "t", .schema = "rtdb"}, MOBIUS_UNIMPLEMENTED, "rtdb"},
		{{.table = "t", .schema = "system"}, MOBIUS_INVALID, "no schema that takes puts"},
		{{.table = "t", .durability = "maybe"}, MOBIUS_INVALID, "durable or async"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Put p;
		mobius_error err = {0};
		assert_int_equal(try_put(&fx, &p, &cases[i].options, schema, &err), cases[i].code);
		says(err.text, cases[i].part);
		put_stop(&p);
	}
	fixture_close(&fx);
}

static void
a_schema_that_is_none_is_refused_at_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	mobius_put *put = NULL;
	mobius_error err = {0};
	mobius_put_options options = {.table = "t",
								  .message = {(const uint8_t *)"garbage in here.", 16}};
	assert_int_equal(mobius_put_open(fx.session, &options, &put, &err), MOBIUS_INVALID);
	assert_null(put);
	fixture_close(&fx);
}

static void
an_unknown_database_and_tables_that_may_not_be_made_are_not_found(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("ingest.create_tables=off"));
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	mobius_error err = {0};
	Put p;
	put_start(&fx, &p, "t", schema);
	put_rows(&p, 0, 1, NULL);
	put_fails(&p, MOBIUS_NOT_FOUND, "ingest.create_tables is off");
	put_stop(&p);

	mobius_put_options options = {.database = "other", .table = "t"};
	fine(try_put(&fx, &p, &options, schema, &err), &err);
	put_fails(&p, MOBIUS_NOT_FOUND, "t");
	put_stop(&p);
	fixture_close(&fx);
}

static void
a_schema_that_conflicts_is_refused_by_column_and_types(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 3);
	SCOPED(schema_drop) Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "time", TYPE_TIMESTAMP, true, "v", TYPE_UTF8, true), &err);
	Put p;
	put_start(&fx, &p, "t", schema);
	put_fails(&p, MOBIUS_INVALID, "\"v\"");
	says(p.state.error.text, "int64");
	assert_false(p.state.ready);
	put_stop(&p);
	fixture_close(&fx);
}

// One row of t whose time is NULL.
static Batch *
timeless_batch(Schema *schema)
{
	SCOPED(builder_drop) Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int row = 0; row < 3; row++) {
		if (row == 2)
			column_add_null(builder_column(builder, 0));
		else
			column_add_int(builder_column(builder, 0), row);
		column_add_text(builder_column(builder, 1), "h");
		column_add_int(builder_column(builder, 2), row);
	}
	ok(builder_finish(builder, 3, &batch, &err), &err);
	return batch;
}

static void
a_null_time_fails_the_put_and_what_was_acknowledged_stays(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *timeless = timeless_batch(schema);
	Put p;
	put_start(&fx, &p, "t", schema);
	put_rows(&p, 0, 5, NULL);
	put_push(&p, timeless, NULL, 1);
	put_rows(&p, 5, 5, NULL); // comes too late
	put_fails(&p, MOBIUS_INVALID, "time column \"time\" is NULL at row 2");
	assert_int_equal(p.state.rows, 5);
	put_stop(&p);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 5);
	fixture_close(&fx);
}

static void
messages_that_are_none_fail_the_put(void **state)
{
	(void)state;
	static const char garbage[64] = "this is no message";
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	static uint8_t large[(1 << 20) + 1];
	const mobius_slice messages[] = {
		{(const uint8_t *)garbage, sizeof(garbage)}, {NULL, 0}, {large, sizeof(large)}};
	for (size_t i = 0; i < COUNT_OF(messages); i++) {
		Put p;
		put_start(&fx, &p, "t", schema);
		put_ready(&p);
		mobius_put_push(p.put, messages[i], NULL, (mobius_slice){0}, 1);
		put_fails(&p, MOBIUS_INVALID, "");
		put_stop(&p);
	}
	fixture_close(&fx);
}

static void
a_repetition_of_its_producer_is_not_stored(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put p;
	for (int life = 0; life < 2; life++) {
		put_start(&fx, &p, "t", schema);
		put_ready(&p);
		put_rows(&p, 0, 2, "{\"producer\": \"a\", \"seq\": 1}");
		put_rows(&p, 0, 2, "{\"producer\": \"a\", \"seq\": 1}");
		put_rows(&p, 2, 2, "{\"producer\": \"a\", \"seq\": 5}");
		put_until(&p, has_batches, 3);
		fine(p.state.failed ? p.state.error.code : MOBIUS_OK, &p.state.error);
		assert_int_equal(p.state.rows, life == 0 ? 4 : 0);
		put_stop(&p);
	}
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 4);
	fixture_close(&fx);
}

static void
batches_beyond_a_limit_are_stored_in_their_order(void **state)
{
	(void)state;
	static const char *const settings[] = {"commit.max_bytes=64KiB", "memtable.limit=1MiB"};
	for (size_t i = 0; i < COUNT_OF(settings); i++) {
		Fixture fx;
		fixture_open(&fx, SETTINGS(settings[i]));
		SCOPED(schema_drop) Schema *schema = rows_schema(false);
		Put p;
		put_start(&fx, &p, "t", schema);
		put_rows(&p, 0, 10, "{\"producer\": \"a\", \"seq\": 1}");
		put_rows(&p, 0, 100000, "{\"producer\": \"a\", \"seq\": 2}");
		put_rows(&p, 0, 100000, "{\"producer\": \"a\", \"seq\": 2}");
		put_rows(&p, 0, 20, "{\"producer\": \"a\", \"seq\": 3}");
		put_until(&p, has_batches, 4);
		fine(p.state.failed ? p.state.error.code : MOBIUS_OK, &p.state.error);
		assert_int_equal(p.state.rows, 100030);
		put_stop(&p);
		// What is repeated is known after a kill, too.
		SCOPED(dir_drop) Dir copy = dir_copy(&fx.dir);
		fixture_close(&fx);
		fx = (Fixture){.dir = dir_new(), .db = db_open(copy.path, SETTINGS(settings[i]))};
		fx.session = session_of(fx.db);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 100030);
		put_start(&fx, &p, "t", schema);
		put_rows(&p, 0, 100000, "{\"producer\": \"a\", \"seq\": 2}");
		put_until(&p, has_batches, 1);
		assert_int_equal(p.state.rows, 0);
		put_stop(&p);
		assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 100030);
		fixture_close(&fx);
	}
}

// ---- memory ----

enum { LARGE_ROWS = 20000 }; // about 600 KiB

// A reader that has begun and takes nothing more: what it sees stays in memory.
typedef struct Stalled {
	mobius_result *result;
	Watch watch;
} Stalled;

static void
stalled_open(Fixture *fx, Stalled *stalled, const char *sql)
{
	mobius_error err = {0};
	mobius_event event = watch_init(&stalled->watch);
	fine(mobius_result_open(fx->session, sql, strlen(sql), MOBIUS_ROWS, 0, event, &stalled->result,
							&err),
		 &err);
	mobius_frame frame;
	for (int frames = 0; frames < 2;) {
		mobius_next next = mobius_result_next(stalled->result, &frame);
		assert_true(next == MOBIUS_NEXT_FRAME || next == MOBIUS_NEXT_WAIT);
		frames += next == MOBIUS_NEXT_FRAME;
		if (next == MOBIUS_NEXT_WAIT)
			watch_wait(&stalled->watch);
	}
}

static void
stalled_close(Stalled *stalled)
{
	mobius_result_close(stalled->result);
	watch_close(&stalled->watch);
}

static void
many_small_segments_give_their_memory_back_when_it_is_needed(void **state)
{
	(void)state;
	Fixture fx; // no segment gets as large as one that is sealed for its size
	fixture_open(&fx, SETTINGS("memtable.limit=4MiB", "memtable.segment_size=64MiB"));
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Put puts[3];
	for (int i = 0; i < 3; i++) {
		char table[8];
		snprintf(table, sizeof(table), "t%d", i);
		put_start(&fx, &puts[i], table, schema);
	}
	for (int round = 0; round < 12; round++)
		for (int i = 0; i < 3; i++)
			put_rows(&puts[i], round * LARGE_ROWS, LARGE_ROWS, NULL);
	// All of them wait for memory at times, so all have to be looked at.
	for (int i = 0; i < 3; i++)
		mobius_put_end(puts[i].put);
	for (int finished = 0; finished < 3;) {
		finished = 0;
		for (int i = 0; i < 3; i++) {
			mobius_put_poll(puts[i].put, &puts[i].state);
			fine(puts[i].state.failed ? puts[i].state.error.code : MOBIUS_OK, &puts[i].state.error);
			finished += puts[i].state.finished;
		}
		for (int i = 0; i < 3; i++)
			if (!puts[i].state.finished)
				(void)signal_wait(&puts[i].watch.signal, clock_mono_ns() + SECOND / 100);
	}
	for (int i = 0; i < 3; i++)
		put_stop(&puts[i]);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM t2"), 12 * LARGE_ROWS);
	fixture_close(&fx);
}

// t holds 12 MiB of 16 that a reader keeps.
static void
fill_and_stall(Fixture *fx, Stalled *stalled)
{
	for (int i = 0; i < 18; i++)
		append_rows(fx->db, "t", i * LARGE_ROWS, LARGE_ROWS);
	stalled_open(fx, stalled, "SELECT * FROM t");
}

static void
a_put_without_memory_fails_after_ingest_wait_and_names_the_limit(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("memtable.limit=16MiB", "ingest.wait=300ms"));
	Stalled stalled;
	fill_and_stall(&fx, &stalled);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	// Each is larger than what is left.
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 15 * LARGE_ROWS);
	Put p;
	put_start(&fx, &p, "u", schema);
	put_push(&p, batch, NULL, 1);
	put_fails(&p, MOBIUS_LIMIT, "ingest.wait: memtable.limit is used up");
	assert_int_equal(p.state.batches, 0);
	assert_int_equal(p.state.consumed_bytes, 0); // a sender without credit sends no more
	put_stop(&p);

	mobius_error err = {0};
	uint64_t seq;
	assert_int_equal(append_batch(fx.db, "u", schema, batch, &seq, &err), MOBIUS_LIMIT);
	says(err.text, "memtable.limit");
	stalled_close(&stalled);
	fixture_close(&fx);
}

static void
a_put_that_waits_for_memory_goes_on_when_there_is_some(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("memtable.limit=16MiB", "ingest.wait=60s"));
	Stalled stalled;
	fill_and_stall(&fx, &stalled);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 15 * LARGE_ROWS);
	Put p;
	put_start(&fx, &p, "u", schema);
	put_ready(&p);
	put_push(&p, batch, NULL, 1);
	mobius_put_end(p.put);
	mobius_put_poll(p.put, &p.state);
	assert_false(p.state.finished || p.state.failed);
	assert_int_equal(p.state.batches, 0);
	stalled_close(&stalled);
	put_finish(&p);
	assert_int_equal(p.state.rows, 15 * LARGE_ROWS);
	put_stop(&p);
	fixture_close(&fx);
}

// ---- closing ----

static void
commits_under_way_happen_though_the_put_is_closed(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	for (int round = 0; round < 20; round++) {
		Put p;
		put_start(&fx, &p, "t", schema);
		put_ready(&p);
		for (int i = 0; i < 30; i++)
			put_rows(&p, (round * 30 + i) * 2, 2, "client");
		put_stop(&p); // no event after it: watch_close
	}
	// What was submitted before is published before.
	append_rows(fx.db, "t", 20 * 30 * 2, 1);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM t"), 20 * 30 * 2 + 1);
	fixture_close(&fx);
}

static void
a_put_can_be_closed_at_any_time(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("memtable.limit=1MiB"));
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	for (int pushes = 0; pushes < 12; pushes++) {
		Put p;
		char table[8];
		snprintf(table, sizeof(table), "t%d", pushes);
		put_start(&fx, &p, table, schema);
		for (int i = 0; i < pushes; i++)
			put_rows(&p, i, 1000 * pushes, NULL);
		if (pushes % 2 == 0)
			mobius_put_end(p.put);
		if (pushes % 3 == 0)
			mobius_put_poll(p.put, &p.state);
		put_stop(&p);
	}
	mobius_put_close(NULL);
	fixture_close(&fx);
}

// ---- many ----

typedef struct Writer {
	Fixture *fx;
	Thread *thread;
	int number;
} Writer;

static void
write_stream(void *arg)
{
	Writer *writer = arg;
	SCOPED(schema_drop) Schema *schema = rows_schema(writer->number % 2 == 0);
	Put p;
	put_start(writer->fx, &p, writer->number < 2 ? "t" : "u", schema);
	for (int i = 0; i < 40; i++) {
		put_rows(&p, (writer->number * 40 + i) * 50, 50, NULL);
		if (i % 10 == 9)
			put_until(&p, has_batches, (uint64_t)i);
	}
	put_finish(&p);
	assert_int_equal(p.state.rows, 40 * 50);
	put_stop(&p);
}

static void
streams_that_race_to_make_and_grow_a_table_all_win(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	Writer writers[4];
	Error err = ERROR_INIT;
	for (int i = 0; i < 4; i++) {
		writers[i] = (Writer){.fx = &fx, .number = i};
		ok(thread_start(&(ThreadOptions){.name = "writer"}, write_stream, &writers[i],
						&writers[i].thread, &err),
		   &err);
	}
	for (int i = 0; i < 4; i++)
		thread_join(writers[i].thread);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM t"), 4000);
	assert_int_equal(number(fx.db, "SELECT count(DISTINCT v) FROM u"), 4000);
	assert_int_equal(number(fx.db, "SELECT count(w) FROM t"), 2000);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_came_before_the_table_was_there_waits_for_it),
		TEST(a_schema_alone_makes_the_table),
		TEST(a_batch_without_rows_counts_and_is_echoed_but_makes_no_commit),
		TEST(what_a_client_says_is_echoed_as_json),
		TEST(a_result_tells_the_room_it_needs),
		TEST(durability_is_the_schemas_else_the_calls_else_the_tables),
		TEST(narrower_columns_are_widened_and_missing_ones_are_null),
		TEST(a_table_grows_by_the_columns_of_a_put),
		TEST(options_that_cannot_be_are_refused_at_once),
		TEST(a_schema_that_is_none_is_refused_at_once),
		TEST(an_unknown_database_and_tables_that_may_not_be_made_are_not_found),
		TEST(a_schema_that_conflicts_is_refused_by_column_and_types),
		TEST(a_null_time_fails_the_put_and_what_was_acknowledged_stays),
		TEST(messages_that_are_none_fail_the_put),
		TEST(a_repetition_of_its_producer_is_not_stored),
		TEST(batches_beyond_a_limit_are_stored_in_their_order),
		TEST(many_small_segments_give_their_memory_back_when_it_is_needed),
		TEST(a_put_without_memory_fails_after_ingest_wait_and_names_the_limit),
		TEST(a_put_that_waits_for_memory_goes_on_when_there_is_some),
		TEST(commits_under_way_happen_though_the_put_is_closed),
		TEST(a_put_can_be_closed_at_any_time),
		TEST(streams_that_race_to_make_and_grow_a_table_all_win),
	};
	return RUN(tests);
}
