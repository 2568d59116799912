// Results as a server takes them: frames, parked statements, and every way to end early.

#include "arrow/ipc_read.h"
#include "results.h"

enum { BATCH_ROWS = 50000, BATCHES = 12 }; // about 14 MiB: more than may wait to be taken

static void
fill(Fixture *fx)
{
	for (int i = 0; i < BATCHES; i++)
		append_rows(fx->db, "t", (int64_t)i * BATCH_ROWS, BATCH_ROWS);
}

// ---- frames ----

static void
the_first_frame_is_the_schema_and_the_others_are_its_batches(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100);
	append_rows(fx.db, "t", 100, 50);
	Result r;
	result_start(&fx, &r, "SELECT * FROM t");
	assert_int_equal(result_take(&r), MOBIUS_NEXT_FRAME);
	assert_int_equal(r.frame.body_len, 0);
	Error err = ERROR_INIT;
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	ok(ipc_reader_new(slice_of(r.frame.header.data, r.frame.header.len), limits, NULL, &reader,
					  &err),
	   &err);
	assert_int_equal(schema_field_count(ipc_reader_schema(reader)), 3);
	mobius_slice encapsulated = mobius_result_schema(r.result);
	assert_true(encapsulated.len > r.frame.header.len);

	while (result_take(&r) == MOBIUS_NEXT_FRAME) {
		SCOPED(buf_close) Buf body = BUF_INIT;
		for (size_t i = 0; i < r.frame.pieces; i++)
			buf_add(&body, r.frame.body[i].data, r.frame.body[i].len);
		assert_int_equal(body.len, r.frame.body_len);
		SCOPED(bytes_drop) Bytes *owner = bytes_copy(NULL, buf_slice(&body));
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain;
		ok(ipc_reader_message(reader, slice_of(r.frame.header.data, r.frame.header.len),
							  bytes_slice(owner), owner, &batch, &plain, &err),
		   &err);
		assert_int_equal(batch_rows(batch), r.frame.rows);
	}
	assert_int_equal(r.rows, 150);
	assert_int_equal(mobius_result_next(r.result, &r.frame), MOBIUS_NEXT_END); // and stays there
	assert_true(mobius_result_is_read(r.result));
	result_stop(&r);
	fixture_close(&fx);
}

typedef struct OnThread {
	pthread_t thread;
	int times;
} OnThread;

static void
count_on_thread(void *arg)
{
	OnThread *on = arg;
	if (pthread_equal(on->thread, pthread_self()))
		on->times++;
}

// Whether the event came before the call returned; false: a worker reads it.
static bool
is_read_at_once(Fixture *fx)
{
	static const char text[] = "SELECT 1 AS one;";
	OnThread on = {.thread = pthread_self()};
	mobius_frame frame;
	mobius_result *result = NULL;
	mobius_error err = {0};
	fine(mobius_result_open(fx->session, text, strlen(text), MOBIUS_ROWS, 0,
							(mobius_event){count_on_thread, &on}, &result, &err),
		 &err);
	bool at_once = on.times > 0;
	if (at_once) { // without waiting
		assert_int_equal(mobius_result_next(result, &frame), MOBIUS_NEXT_FRAME);
		assert_int_equal(mobius_result_next(result, &frame), MOBIUS_NEXT_FRAME);
		assert_int_equal(frame.rows, 1);
		assert_int_equal(mobius_result_next(result, &frame), MOBIUS_NEXT_END);
		assert_int_equal(on.times, 1);
	}
	mobius_result_close(result);
	return at_once;
}

static void
constants_asked_for_again_are_there_at_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	assert_false(is_read_at_once(&fx));
	Result r;
	result_start(&fx, &r, "SELECT 1 AS one;");
	result_end(&r);
	result_stop(&r);
	while (!is_read_at_once(&fx)) // once a connection is back
		sched_yield();
	assert_true(is_read_at_once(&fx));
	fixture_close(&fx);
}

static void
only_the_schema_when_nothing_else_is_wanted(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	const char *const texts[] = {"SELECT v FROM t", "INSERT INTO t SELECT * FROM t",
								 "DROP TABLE t"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Result r;
		mobius_error err = {0};
		fine(try_result(&fx, &r, texts[i], MOBIUS_SCHEMA, 0, &err), &err);
		assert_int_equal(result_take(&r), MOBIUS_NEXT_END);
		mobius_slice encoded = mobius_result_schema(r.result);
		SCOPED(schema_drop) Schema *schema = NULL;
		Error e = ERROR_INIT;
		ok(ipc_schema_decode(slice_of(encoded.data, encoded.len), &schema, &e), &e);
		assert_string_equal(schema_field(schema, 0)->name, i == 0 ? "v" : "rows");
		assert_int_equal(mobius_result_is_read(r.result), i == 0);
		result_stop(&r);
	}
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 10); // nothing ran
	fixture_close(&fx);
}

static void
a_change_answers_one_row_and_how_many_it_changed(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Result r;
	result_start(&fx, &r, "INSERT INTO t SELECT time, host, v + 100 FROM t WHERE v < 4");
	assert_false(mobius_result_is_read(r.result));
	result_end(&r);
	assert_int_equal(r.rows, 1);
	assert_int_equal(mobius_result_changed(r.result), 4);
	result_stop(&r);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 14);
	fixture_close(&fx);
}

// ---- what is refused ----

static void
texts_that_are_no_statement_are_refused_at_once(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	static const char *const texts[] = {"", "SELECT 1; SELECT 2", "SET threads = 3", "ATTACH 'x'"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Result r;
		mobius_error err = {0};
		assert_int_equal(try_result(&fx, &r, texts[i], MOBIUS_ROWS, 0, &err), MOBIUS_INVALID);
		assert_null(r.result);
		watch_close(&r.watch);
	}
	fixture_close(&fx);
}

static void
a_statement_that_does_not_bind_fails_with_its_place(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	Result r;
	result_start(&fx, &r, "SELECT v,\n  nowhere FROM t");
	result_fails(&r, MOBIUS_INVALID, "nowhere");
	assert_int_equal(mobius_result_error(r.result)->position, 12);
	assert_int_equal(mobius_result_next(r.result, &r.frame), MOBIUS_NEXT_FAILED);
	result_stop(&r);
	result_start(&fx, &r, "SELECT * FROM nothing");
	result_fails(&r, MOBIUS_NOT_FOUND, "nothing");
	result_stop(&r);
	fixture_close(&fx);
}

// ---- parking ----

static void
what_waits_to_be_taken_is_bounded_and_taking_it_goes_on(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	fill(&fx);
	Result r;
	result_start(&fx, &r, "SELECT * FROM t");
	result_stall(&r);
	// Its worker is free: with as many stalled as there are workers, others are still served.
	Result more[4];
	for (size_t i = 0; i < COUNT_OF(more); i++) {
		result_start(&fx, &more[i], "SELECT * FROM t");
		result_stall(&more[i]);
	}
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), BATCHES * BATCH_ROWS);
	for (size_t i = 0; i < COUNT_OF(more); i++) {
		result_end(&more[i]);
		assert_int_equal(more[i].rows, BATCHES * BATCH_ROWS);
		result_stop(&more[i]);
	}
	result_end(&r);
	assert_int_equal(r.rows, BATCHES * BATCH_ROWS);
	result_stop(&r);
	fixture_close(&fx);
}

static void
sixty_four_stalled_clients_do_not_stop_another(void **state)
{
	(void)state;
	enum { STALLED = 64 };
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.running=1"));
	fill(&fx);
	Result *stalled = mem_alloc_array(STALLED, sizeof(*stalled));
	for (int i = 0; i < STALLED; i++) {
		result_start(&fx, &stalled[i], i % 2 == 0 ? "SELECT * FROM t" : "SELECT v + 1, * FROM t");
		result_stall(&stalled[i]);
	}
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), BATCHES * BATCH_ROWS);
	for (int i = 0; i < STALLED; i++) {
		if (i % 8 == 0)
			result_end(&stalled[i]);
		result_stop(&stalled[i]);
	}
	mem_free(stalled);
	fixture_close(&fx);
}

static void
a_client_that_takes_nothing_for_query_stall_loses_its_statement(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.stall=100ms"));
	fill(&fx);
	Result r;
	result_start(&fx, &r, "SELECT * FROM t");
	result_stall(&r);
	// It is told, though it did not wait, and holds nothing any more.
	int told = atomic_load(&r.watch.events);
	while (atomic_load(&r.watch.events) == told)
		watch_wait(&r.watch);
	assert_int_equal(number(fx.db, "DROP TABLE t"), 0);
	result_fails(&r, MOBIUS_CANCELLED, "query.stall");
	result_stop(&r);
	fixture_close(&fx);
}

// ---- ending early ----

// Works for longer than any test.
#define ENDLESS "SELECT count(*) FROM t a, t b, t c WHERE a.v + b.v + c.v = 1"

static void
a_statement_at_work_longer_than_its_time_ends(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.timeout=100ms"));
	append_rows(fx.db, "t", 0, 20000);
	Result r;
	result_start(&fx, &r, ENDLESS);
	result_fails(&r, MOBIUS_DEADLINE, "query.timeout");
	result_stop(&r);
	mobius_error err = {0};
	fine(try_result(&fx, &r, ENDLESS, MOBIUS_ROWS, SECOND / 20, &err), &err);
	result_fails(&r, MOBIUS_DEADLINE, "");
	result_stop(&r);
	fixture_close(&fx);
}

static void
time_in_which_nobody_takes_is_not_time_at_work(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.timeout=2s"));
	fill(&fx);
	Result r;
	result_start(&fx, &r, "SELECT * FROM t");
	result_stall(&r);
	(void)signal_wait(&r.watch.signal, clock_mono_ns() + 3 * SECOND);
	result_end(&r);
	assert_int_equal(r.rows, BATCHES * BATCH_ROWS);
	result_stop(&r);
	fixture_close(&fx);
}

static void
a_cancelled_statement_ends_at_work_parked_and_waiting(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.running=1"));
	fill(&fx);
	Result parked, working, waiting;
	result_start(&fx, &parked, "SELECT * FROM t");
	result_stall(&parked);
	result_start(&fx, &working, ENDLESS);
	result_start(&fx, &waiting, "SELECT * FROM t");
	mobius_result_cancel(waiting.result);
	mobius_result_cancel(parked.result);
	result_fails(&waiting, MOBIUS_CANCELLED, "cancelled");
	result_fails(&parked, MOBIUS_CANCELLED, "cancelled");
	mobius_result_cancel(working.result);
	result_fails(&working, MOBIUS_CANCELLED, "cancelled");
	mobius_result_cancel(working.result); // again changes nothing
	result_stop(&parked);
	result_stop(&working);
	result_stop(&waiting);
	fixture_close(&fx);
}

static void
cancelling_what_has_ended_changes_nothing(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	Result r;
	result_start(&fx, &r, "SELECT 1");
	result_end(&r);
	mobius_result_cancel(r.result);
	assert_int_equal(mobius_result_next(r.result, &r.frame), MOBIUS_NEXT_END);
	result_stop(&r);
	fixture_close(&fx);
}

static void
a_result_can_be_closed_at_any_time_and_no_event_comes_after(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	fill(&fx);
	static const char *const texts[] = {"SELECT * FROM t", ENDLESS, "SELECT v FROM t ORDER BY v",
										"INSERT INTO u SELECT * FROM t LIMIT 10"};
	append_rows(fx.db, "u", 0, 1);
	for (int round = 0; round < 48; round++) {
		Result r;
		result_start(&fx, &r, texts[round % 4]);
		if (round % 4 == 0 && round % 3 > 0)
			result_stall(&r);
		else if (round % 3 > 0)
			(void)signal_wait(&r.watch.signal, clock_mono_ns() + round * SECOND / 1000);
		result_stop(&r);
	}
	mobius_result_close(NULL);
	fixture_close(&fx);
}

// ---- many ----

typedef struct Reader {
	Fixture *fx;
	Thread *thread;
} Reader;

static void
read_often(void *arg)
{
	Fixture *fx = ((Reader *)arg)->fx;
	for (int i = 0; i < 15; i++) {
		Result r;
		result_start(fx, &r, i % 3 == 0 ? "SELECT count(*) FROM t" : "SELECT * FROM t");
		if (i % 5 < 4) {
			result_end(&r);
			if (i % 3 == 0)
				assert_int_equal(r.rows, 1);
			else
				assert_true(r.rows >= BATCHES * BATCH_ROWS && r.rows % BATCH_ROWS == 0);
		}
		result_stop(&r);
	}
}

static void
readers_beside_a_writer_see_whole_commits(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	fill(&fx);
	Reader readers[4];
	Error err = ERROR_INIT;
	for (int i = 0; i < 4; i++) {
		readers[i] = (Reader){.fx = &fx};
		ok(thread_start(&(ThreadOptions){.name = "reader"}, read_often, &readers[i],
						&readers[i].thread, &err),
		   &err);
	}
	for (int i = 0; i < 5; i++) {
		append_rows(fx.db, "t", (int64_t)(BATCHES + i) * BATCH_ROWS, BATCH_ROWS);
		if (i % 2 == 0)
			assert_int_equal(number(fx.db, "FLUSH t"), 0);
	}
	for (int i = 0; i < 4; i++)
		thread_join(readers[i].thread);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), (BATCHES + 5) * BATCH_ROWS);
	fixture_close(&fx);
}

static void
more_than_may_wait_are_refused_with_a_limit(void **state)
{
	(void)state;
	enum { MANY = 300 };
	Fixture fx;
	fixture_open(&fx, SETTINGS("query.running=1"));
	append_rows(fx.db, "t", 0, 20000);
	Result *results = mem_alloc_array(MANY, sizeof(*results));
	int open = 0;
	mobius_error err = {0};
	mobius_status st = MOBIUS_OK;
	while (open < MANY && st == MOBIUS_OK)
		st = try_result(&fx, &results[open++], ENDLESS, MOBIUS_ROWS, 0, &err);
	assert_int_equal(st, MOBIUS_LIMIT);
	says(err.text, "256 statements wait already");
	assert_true(open >= 257 && open <= 258);
	for (int i = 0; i < open; i++)
		result_stop(&results[i]);
	mem_free(results);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_frame_is_the_schema_and_the_others_are_its_batches),
		TEST(constants_asked_for_again_are_there_at_once),
		TEST(only_the_schema_when_nothing_else_is_wanted),
		TEST(a_change_answers_one_row_and_how_many_it_changed),
		TEST(texts_that_are_no_statement_are_refused_at_once),
		TEST(a_statement_that_does_not_bind_fails_with_its_place),
		TEST(what_waits_to_be_taken_is_bounded_and_taking_it_goes_on),
		TEST(sixty_four_stalled_clients_do_not_stop_another),
		TEST(a_client_that_takes_nothing_for_query_stall_loses_its_statement),
		TEST(a_statement_at_work_longer_than_its_time_ends),
		TEST(time_in_which_nobody_takes_is_not_time_at_work),
		TEST(a_cancelled_statement_ends_at_work_parked_and_waiting),
		TEST(cancelling_what_has_ended_changes_nothing),
		TEST(a_result_can_be_closed_at_any_time_and_no_event_comes_after),
		TEST(readers_beside_a_writer_see_whole_commits),
		TEST(more_than_may_wait_are_refused_with_a_limit),
	};
	return RUN(tests);
}
