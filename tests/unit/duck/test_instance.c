#include "support.h"

static void
reading_is_confined_to_the_allowed_directory(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, false, 1);
	const char *functions[] = {"", "read_csv", "read_text", "read_blob", "sniff_csv"};
	for (size_t i = 0; i < COUNT_OF(functions); i++) {
		const char *f = functions[i];
		char sql[256];
		snprintf(sql, sizeof(sql), "SELECT * FROM %s%s'%s'%s", f, f[0] ? "(" : "", fx.outside,
				 f[0] ? ")" : "");
		query_fails(fx.conn, sql, ST_DENIED, "disabled by configuration");
		snprintf(sql, sizeof(sql), "SELECT * FROM %s%s'%s../outside.csv'%s", f, f[0] ? "(" : "",
				 fx.dir, f[0] ? ")" : "");
		query_fails(fx.conn, sql, ST_DENIED, "disabled by configuration");
	}
	query_fails(fx.conn, "SELECT * FROM glob('/etc/*')", ST_DENIED, "disabled");
	fixture_close(&fx);
}

static void
users_statements_write_and_attach_nothing(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, false, 1);
	char sql[256];
	snprintf(sql, sizeof(sql), "COPY (SELECT 1) TO '%sx.parquet'", fx.dir);
	query_fails(fx.conn, sql, ST_DENIED, "not run here");
	snprintf(sql, sizeof(sql), "EXPORT DATABASE '%s'", fx.dir);
	query_fails(fx.conn, sql, ST_DENIED, "not run here");
	snprintf(sql, sizeof(sql), "ATTACH '%sx.db'", fx.dir);
	query_fails(fx.conn, sql, ST_DENIED, "not run here");
	Error err = ERROR_INIT;
	assert_int_equal(duck_run(fx.conn, "ATTACH ':memory:' AS other", &err), ST_DENIED);
	assert_int_equal(duck_query_text(fx.conn, "LOAD httpfs", NULL, 0, NULL, &err), ST_DENIED);
	assert_int_equal(duck_run(fx.conn, "SELECT 1; SELECT 2", &err), ST_INVALID);
	fixture_close(&fx);
}

static void
nothing_can_be_unlocked(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, true, 1);
	const char *texts[] = {"SET enable_external_access = true",
						   "SET allowed_directories = ['/']",
						   "SET allowed_paths = ['/etc/passwd']",
						   "SET lock_configuration = false",
						   "RESET errors_as_json",
						   "SET memory_limit = '100GB'",
						   "SET TimeZone = 'Asia/Tokyo'",
						   "PRAGMA profiling_output = '/x'",
						   "INSTALL httpfs",
						   "SELECT * FROM 'https://127.0.0.1/x.parquet'"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		Error err = ERROR_INIT;
		Status st = duck_run(fx.conn, texts[i], &err);
		if (st == ST_OK)
			fail_msg("%s was run", texts[i]);
	}
	char sql[256];
	snprintf(sql, sizeof(sql), "COPY (SELECT 1 AS a) TO '%s.parquet'", fx.outside);
	query_fails(fx.conn, sql, ST_DENIED, "disabled by configuration");
	fixture_close(&fx);
}

static void
a_trusted_instance_writes_into_its_directory(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, true, 1);
	char sql[256];
	Error err = ERROR_INIT;
	snprintf(sql, sizeof(sql), "COPY (SELECT 42 AS a) TO '%sx.parquet'", fx.dir);
	ok(duck_run(fx.conn, sql, &err), &err);
	snprintf(sql, sizeof(sql), "SELECT a FROM '%sx.parquet'", fx.dir);
	query_is(fx.conn, sql, "42\n");
	fixture_close(&fx);
}

static void
an_instance_without_a_directory_reads_no_file(void **state)
{
	(void)state;
	DuckOptions options = {.threads = 1, .memory_bytes = 64 << 20};
	Duck *duck = NULL;
	DuckConn *conn = NULL;
	Error err = ERROR_INIT;
	ok(duck_open(&options, &duck, &err), &err);
	ok(duck_connect(duck, &conn, &err), &err);
	query_fails(conn, "SELECT * FROM read_text('/etc/hostname')", ST_DENIED, "disabled");
	query_is(conn, "SELECT 1", "1\n");
	duck_disconnect(conn);
	duck_close(duck);
	duck_close(NULL);
	duck_disconnect(NULL);
}

static void
the_present_compares_with_every_time(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, false, 1);
	const char *types[] = {"TIMESTAMP_S",  "TIMESTAMP_MS", "TIMESTAMP",
						   "TIMESTAMP_NS", "TIMESTAMPTZ",  "DATE"};
	const char *nows[] = {"now()",
						  "current_timestamp",
						  "current_timestamp()",
						  "get_current_timestamp()",
						  "transaction_timestamp()",
						  "now() - INTERVAL 1 HOUR",
						  "to_timestamp(1e9)",
						  "to_timestamp(1000000000)"};
	for (size_t t = 0; t < COUNT_OF(types); t++) {
		for (size_t n = 0; n < COUNT_OF(nows); n++) {
			char sql[256];
			snprintf(sql, sizeof(sql),
					 "SELECT c < %s, c <= %s, %s BETWEEN c AND c + INTERVAL 100 YEAR "
					 "FROM (SELECT '1999-01-01'::%s AS c)",
					 nows[n], nows[n], nows[n], types[t]);
			query_is(fx.conn, sql, "true|true|true\n");
		}
	}
	query_is(fx.conn, "SELECT typeof(now()), typeof(to_timestamp(0)), now() = current_timestamp",
			 "TIMESTAMP|TIMESTAMP|true\n");
	query_is(fx.conn, "SELECT abs(epoch_us(now()) - epoch_us(system.main.now())) < 1000000",
			 "true\n");
	fixture_close(&fx);
}

static void
settings_are_those_of_the_house(void **state)
{
	(void)state;
	Fixture fx = {0};
	fixture_open(&fx, false, 2);
	query_is(fx.conn, "SELECT 1e0 / 0, 1 // 0, 1 % 0", "~|~|~\n");
	query_is(fx.conn,
			 "SELECT current_setting('TimeZone'), current_setting('threads'), "
			 "current_setting('enable_progress_bar'), current_setting('parquet_metadata_cache'), "
			 "current_setting('preserve_insertion_order'), "
			 "current_setting('validate_external_file_cache'), current_setting('memory_limit'), "
			 "current_setting('max_temp_directory_size')",
			 "UTC|2|false|true|true|NO_VALIDATION|512.0 MiB|4.0 GiB\n");
	fixture_close(&fx);
}

static void
a_query_that_wants_too_much_memory_is_told_the_limit(void **state)
{
	(void)state;
	DuckOptions options = {.threads = 1, .memory_bytes = 16 << 20};
	Duck *duck = NULL;
	DuckConn *conn = NULL;
	Error err = ERROR_INIT;
	ok(duck_open(&options, &duck, &err), &err);
	ok(duck_connect(duck, &conn, &err), &err);
	query_fails(conn, "SELECT count(*) FROM (SELECT DISTINCT i, hash(i) FROM range(5000000) r(i))",
				ST_LIMIT, "query.memory");
	query_is(conn, "SELECT 1", "1\n");
	assert_false(duck_conn_poisoned(conn));
	duck_disconnect(conn);
	duck_close(duck);
}

static void
one_may_open_with_its_first_connection(void **state)
{
	(void)state;
	char dir[] = "/tmp/none";
	DuckOptions options = {
		.threads = 1, .memory_bytes = 64 << 20, .allowed_dir = dir, .later = true};
	Duck *duck = NULL;
	DuckConn *first = NULL, *second = NULL;
	Error err = ERROR_INIT;
	ok(duck_open(&options, &duck, &err), &err);
	duck_close(duck); // never used
	ok(duck_open(&options, &duck, &err), &err);
	memset(dir, 'x', strlen(dir));
	assert_false(duck_poisoned(duck));
	ok(duck_connect(duck, &first, &err), &err);
	ok(duck_connect(duck, &second, &err), &err);
	query_is(first, "SELECT current_setting('allowed_directories')", "[/tmp/none/]\n");
	query_is(second, "SELECT 1", "1\n");
	duck_disconnect(first);
	duck_disconnect(second);
	duck_close(duck);
}

static void
undoes_itself(bool later)
{
	DuckOptions options = {
		.threads = 1, .memory_bytes = 64 << 20, .allowed_dir = "/tmp/none", .later = later};
	for (long nth = 0;; nth++) {
		Duck *duck = NULL;
		DuckConn *conn = NULL;
		fault_arm(nth);
		Status st = duck_open(&options, &duck, NULL);
		if (st == ST_OK)
			st = duck_connect(duck, &conn, NULL);
		bool failed = fault_disarm();
		duck_disconnect(conn);
		duck_close(duck);
		assert_int_equal(mem_live(), 0);
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		if (!failed)
			break;
		assert_true(nth < 100);
	}
}

static void
opening_undoes_itself_when_memory_is_short(void **state)
{
	(void)state;
	undoes_itself(false);
	undoes_itself(true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reading_is_confined_to_the_allowed_directory),
		cmocka_unit_test(users_statements_write_and_attach_nothing),
		cmocka_unit_test(nothing_can_be_unlocked),
		cmocka_unit_test(a_trusted_instance_writes_into_its_directory),
		cmocka_unit_test(an_instance_without_a_directory_reads_no_file),
		cmocka_unit_test(the_present_compares_with_every_time),
		cmocka_unit_test(settings_are_those_of_the_house),
		cmocka_unit_test(a_query_that_wants_too_much_memory_is_told_the_limit),
		cmocka_unit_test(one_may_open_with_its_first_connection),
		cmocka_unit_test(opening_undoes_itself_when_memory_is_short),
	};
	return RUN(tests);
}
