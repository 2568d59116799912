// The rows an UPDATE or DELETE is about, and reads that leave out what was deleted: in memory, in
// files, and in both.

#include "support.h"

// What a statement matches as "segment|row" of each row, or what it becomes: applied as the engine
// does, without a log. *out: the rows as they become.
static Status
match(Fixture *fx, const char *sql, Buf *addresses, Batch **rows, Error *err)
{
	SCOPED(sql_statement_drop) SqlStatement *s = NULL;
	SCOPED(table_drop_ref) Table *table = NULL;
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_parse(slice_text(sql), &s, err));
	TRY(sql_find_table(fx->sql, &s->table, NULL, &table, err));
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	int32_t targets[16];
	TRY(sql_targets(s, def, targets, err));
	Status st = sql_query_open_match(fx->sql, &(SqlMatch){s, def, targets}, NULL, &query, err);
	SCOPED(batch_drop) Batch *batch = NULL;
	if (st == ST_OK)
		st = sql_queries_pin(fx->sql, &query, 1, err);
	if (st == ST_OK)
		st = sql_query_next(query, INT64_MAX, UINT64_C(1) << 30, &batch, err);
	if (st != ST_OK)
		err->position = sql_source_position(s, err->position);
	TRY(st);
	for (int64_t i = 0; batch != NULL && i < batch_rows(batch); i++) {
		uint64_t segment;
		int64_t row;
		memcpy(&segment, batch_column(batch, 0)->values.data + 8 * i, 8);
		memcpy(&row, batch_column(batch, 1)->values.data + 8 * i, 8);
		RowAddress address = {segment, row >= 0 ? row : -1 - row, row >= 0};
		buf_add(addresses, &address, sizeof(address));
	}
	if (batch == NULL || s->kind == STATEMENT_DELETE)
		return ST_OK;
	int32_t columns[16];
	for (int32_t i = 0; i < table_column_count(def); i++)
		columns[i] = i + 2;
	return batch_select(batch, columns, table_column_count(def), table_schema(def), rows, err);
}

static int64_t
change(Fixture *fx, const char *sql)
{
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf addresses = BUF_INIT;
	SCOPED(batch_drop) Batch *rows = NULL;
	Status st = match(fx, sql, &addresses, &rows, &err);
	if (st != ST_OK)
		fail_msg("%s\n%s at %d: %s", sql, status_name(st), err.position, err.text);
	int64_t count = (int64_t)(addresses.len / sizeof(RowAddress));
	SCOPED(sql_statement_drop) SqlStatement *s = NULL;
	SCOPED(table_drop_ref) Table *table = NULL;
	ok(sql_parse(slice_text(sql), &s, &err), &err);
	ok(sql_find_table(fx->sql, &s->table, NULL, &table, &err), &err);
	StoreDelete *del = NULL;
	table_rewrite_lock(table);
	ok(store_delete_new(fx->store, table, (const void *)addresses.data, count, &del, &err), &err);
	store_apply_delete(fx->store, del, ++fx->seq);
	publish(fx);
	table_rewrite_unlock(table);
	if (rows != NULL)
		put_batch(fx, s->table.table.text, rows);
	return count;
}

// host a, b, c in turn; v from 0.
static void
put_numbers(Fixture *fx, int from, int to)
{
	char source[256];
	snprintf(source, sizeof(source),
			 "SELECT chr((97 + i %% 3)::INTEGER), make_timestamp(i * 1000000), i, "
			 "CASE WHEN i %% 5 = 0 THEN NULL ELSE 'text number ' || i END FROM range(%d, %d) t(i)",
			 from, to);
	put_rows(fx, "t", source);
}

typedef enum Where { IN_MEMORY, IN_FILES, IN_BOTH, PLACES } Where;

static void
make_t(Fixture *fx, Where where)
{
	fixture_open(fx);
	create_table(fx, "CREATE TABLE t (host VARCHAR TAG, ts TIMESTAMP, v BIGINT, s VARCHAR) WITH "
					 "(time = 'ts')");
	put_numbers(fx, 0, 3000);
	if (where == IN_BOTH)
		flush(fx);
	put_numbers(fx, 3000, 6000);
	if (where == IN_FILES)
		flush(fx);
}

static void
deleted_rows_are_not_read(void **state)
{
	(void)state;
	for (Where where = IN_MEMORY; where < PLACES; where++) {
		Fixture fx;
		make_t(&fx, where);
		const char *sum = "SELECT count(*), sum(v), count(s) FROM t";
		answers(&fx, sum, "6000|17997000|4800\n");
		assert_int_equal(change(&fx, "DELETE FROM t WHERE v % 100 = 7"), 60);
		answers(&fx, sum, "5940|17819580|4740\n");
		answers(&fx, sum, "5940|17819580|4740\n"); // by the plan that is kept
		assert_int_equal(change(&fx, "DELETE FROM t WHERE v % 100 = 7"), 0);
		assert_int_equal(change(&fx, "DELETE FROM t x WHERE x.v BETWEEN 1000 AND 4999"), 3960);
		answers(&fx, "SELECT count(*), min(v), max(v) FROM t WHERE v > 900", "1088|901|5999\n");
		answers(&fx, "SELECT v FROM t WHERE v < 12 ORDER BY v",
				"0\n1\n2\n3\n4\n5\n6\n8\n9\n10\n11\n");
		answers(&fx, "SELECT host, count(*) FROM t GROUP BY host ORDER BY host",
				"a|660\nb|659\nc|661\n");
		answers(&fx, "SELECT v, s FROM t WHERE host = 'b' ORDER BY v DESC LIMIT 2",
				"5998|text number 5998\n5995|~\n");
		put_numbers(&fx, 7, 8);
		answers(&fx, "SELECT count(*) FROM t WHERE v = 7", "1\n");
		assert_int_equal(change(&fx, "DELETE FROM t"), 1981);
		answers(&fx, "SELECT count(*) FROM t", "0\n");
		answers(&fx, "SELECT * FROM t", "");
		fixture_close(&fx);
	}
}

static void
stored_batches_are_not_passed_on_with_deleted_rows(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE t (ts TIMESTAMP, v BIGINT)");
	put_rows(&fx, "t", "VALUES ('2020-01-01', 1), ('2020-01-02', 2), ('2020-01-03', 3)");
	answers(&fx, "SELECT v FROM t", "1\n2\n3\n");
	assert_int_equal(change(&fx, "DELETE FROM t WHERE v = 2"), 1);
	answers(&fx, "SELECT v FROM t", "1\n3\n");
	answers(&fx, "SELECT * FROM t", "1577836800000000|1\n1578009600000000|3\n");
	fixture_close(&fx);
}

static void
an_older_snapshot_keeps_what_was_deleted_after_it(void **state)
{
	(void)state;
	for (Where where = IN_MEMORY; where < PLACES; where++) {
		Fixture fx;
		make_t(&fx, where);
		SCOPED(sql_query_drop) SqlQuery *query = NULL;
		SqlPin *pin = NULL;
		Error err = ERROR_INIT;
		Buf out = BUF_INIT;
		ok(sql_query_open(fx.sql, "SELECT count(*) FROM t", NULL, &query, &err), &err);
		ok(sql_query_pin(query, &pin, &err), &err);
		assert_int_equal(change(&fx, "DELETE FROM t WHERE v < 1500"), 1500);
		ok(read_all(query, &out, &err), &err);
		assert_string_equal(buf_text(&out), "6000\n");
		answers(&fx, "SELECT count(*) FROM t", "4500\n");
		buf_close(&out);
		sql_pin_unref(pin);
		sql_query_close(TAKE(query));
		fixture_close(&fx);
	}
}

static void
updated_rows_have_their_new_values_and_keep_the_others(void **state)
{
	(void)state;
	for (Where where = IN_MEMORY; where < PLACES; where++) {
		Fixture fx;
		make_t(&fx, where);
		assert_int_equal(change(&fx, "UPDATE t SET v = v + 10000, host = upper(host) WHERE v < 3"),
						 3);
		answers(&fx, "SELECT host, ts, v, s FROM t WHERE v >= 10000 ORDER BY v",
				"A|0|10000|~\nB|1000000|10001|text number 1\nC|2000000|10002|text number 2\n");
		answers(&fx, "SELECT count(*), min(v) FROM t", "6000|3\n");
		assert_int_equal(change(&fx, "UPDATE t SET s = NULL, v = '17' WHERE ts = 3000000000"), 1);
		answers(&fx, "SELECT v, s FROM t WHERE ts = '1970-01-01 00:00:03'", "17|~\n");
		// What is read is what was before, and values may come from other tables.
		assert_int_equal(
			change(&fx, "UPDATE t SET v = length(s), s = (SELECT max(x.s) FROM t x WHERE x.v = 9) "
						"WHERE t.v = 4"),
			1);
		answers(&fx, "SELECT v, s FROM t WHERE ts = '1970-01-01 00:00:04'", "13|text number 9\n");
		assert_int_equal(change(&fx, "UPDATE t SET time = time + INTERVAL 1 YEAR WHERE v = 5"), 1);
		answers(&fx, "SELECT ts FROM t WHERE v = 5", "31536005000000\n");
		fixture_close(&fx);
	}
}

static void
columns_called_like_anything_are_read(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx);
	create_table(&fx, "CREATE TABLE weird (ts TIMESTAMP, \"select\" BIGINT, c0 BIGINT, c "
					  "BIGINT, \"a\"\"b\" VARCHAR, segment BIGINT, \"row\" BIGINT)");
	put_rows(&fx, "weird", "VALUES ('2020-01-01', 1, 2, 3, 'x', 4, 5)");
	for (int files = 0; files < 2; files++) {
		assert_int_equal(change(&fx, "UPDATE weird SET \"select\" = c0 + c, c = \"select\", "
									 "\"a\"\"b\" = \"row\" || \"a\"\"b\" WHERE segment = 4"),
						 1);
		flush(&fx);
	}
	answers(&fx, "SELECT * EXCLUDE (ts) FROM weird", "3|2|5|55x|4|5\n");
	fixture_close(&fx);
}

static void
changes_that_cannot_be_say_why_and_where(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		Status status;
		int position;
		const char *says;
	} cases[] = {
		{"DELETE FROM u", ST_NOT_FOUND, 12, "\"u\""},
		{"DELETE FROM t WHERE w > 1", ST_INVALID, 20, "w"},
		{"DELETE FROM t WHERE v >", ST_INVALID, 23, "syntax"},
		{"DELETE FROM t WHERE v ORDER BY v", ST_INVALID, 22, "ORDER"},
		{"DELETE FROM t WHERE s", ST_INVALID, 20, ""},
		{"DELETE FROM t WHERE nonsense(v)", ST_INVALID, 20, "nonsense"},
		{"DELETE FROM t WHERE COLUMNS(*) IS NULL", ST_INVALID, -1, "COLUMNS"},
		{"DELETE FROM t WHERE t IS NULL", ST_INVALID, 20, "a table here"},
		{"DELETE FROM t AS x WHERE t.v = 1", ST_INVALID, 25, "t"},
		{"DELETE FROM t WHERE v IN (SELECT v FROM read_csv('x'))", ST_INVALID, 40, "read_csv"},
		{"DELETE FROM t WHERE v = ?", ST_INVALID, -1, "parameters"},
		{"DELETE FROM system.tables", ST_INVALID, 12, "system"},
		{"UPDATE t SET w = 1", ST_INVALID, 13, "no column \"w\""},
		{"UPDATE t SET v = 1, V = 2", ST_INVALID, 20, "twice"},
		{"UPDATE t SET v = w", ST_INVALID, 17, "w"},
		{"UPDATE t SET v = 'x'", ST_INVALID, -1, "'x'"},
		{"UPDATE t SET v = 1, s = v * WHERE v = 1", ST_INVALID, -1, "syntax"},
		{"UPDATE t SET v = sum(v)", ST_INVALID, -1, "aggregate"},
		{"UPDATE t SET v = unnest([1, 2])", ST_INVALID, -1, "several values"},
		{"UPDATE t SET v = *", ST_INVALID, -1, ""},
		{"UPDATE t SET v = (SELECT v, s FROM t)", ST_INVALID, -1, ""},
	};
	Fixture fx;
	make_t(&fx, IN_BOTH);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Error err = ERROR_INIT;
		SCOPED(buf_close) Buf addresses = BUF_INIT;
		SCOPED(batch_drop) Batch *rows = NULL;
		Status st = match(&fx, cases[i].sql, &addresses, &rows, &err);
		bool at = cases[i].position < 0 || cases[i].position == err.position;
		if (st != cases[i].status || !at || strstr(err.text, cases[i].says) == NULL ||
			strpbrk(err.text, "\x01") != NULL)
			fail_msg("%s\n%s at %d: %s", cases[i].sql, status_name(st), err.position, err.text);
	}
	fixture_close(&fx);
}

// A random half of the rows goes, bit by bit, while others come and go to files.
static void
random_deletions_leave_what_a_list_says(void **state)
{
	(void)state;
	Fixture fx;
	make_t(&fx, IN_BOTH);
	bool there[8000] = {0};
	memset(there, 1, 6000 * sizeof(bool));
	unsigned random = 12345;
	for (int turn = 0, top = 6000; turn < 30; turn++) {
		random = random * 1103515245 + 12345;
		int step = (int)(random >> 16) % 37 + 2, from = (int)(random >> 8) % top;
		char sql[128];
		snprintf(sql, sizeof(sql), "DELETE FROM t WHERE v >= %d AND v %% %d = 1", from, step);
		int64_t gone = 0;
		for (int v = from; v < top; v++) {
			gone += there[v] && v % step == 1;
			there[v] &= v % step != 1;
		}
		assert_int_equal(change(&fx, sql), gone);
		if (turn % 7 == 3)
			flush(&fx);
		if (turn % 5 == 1) {
			put_numbers(&fx, top, top + 200);
			memset(there + top, 1, 200 * sizeof(bool));
			top += 200;
		}
		int64_t count = 0, sum = 0;
		for (int v = 0; v < top; v++) {
			count += there[v];
			sum += there[v] ? v : 0;
		}
		char expected[64];
		snprintf(expected, sizeof(expected), "%lld|%lld\n", (long long)count, (long long)sum);
		answers(&fx, "SELECT count(*), sum(v) FROM t", expected);
	}
	fixture_close(&fx);
}

static void
matching_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Fixture fx;
	make_t(&fx, IN_BOTH);
	assert_int_equal(change(&fx, "DELETE FROM t WHERE v % 3 = 1"), 2000);
	for (long nth = 0;; nth++) {
		Error err = ERROR_INIT;
		SCOPED(buf_close) Buf addresses = BUF_INIT;
		SCOPED(batch_drop) Batch *rows = NULL;
		fault_arm(nth);
		Status st = match(&fx, "UPDATE t SET v = v + 1 WHERE v < 9", &addresses, &rows, &err);
		bool failed = fault_disarm();
		if (st == ST_OK && !failed) {
			assert_int_equal(addresses.len, 6 * sizeof(RowAddress));
			break;
		}
		if (st != ST_NO_MEMORY && st != ST_OK && st != ST_IO)
			fail_msg("%ld: %s: %s", nth, status_name(st), err.text);
		assert_true(nth < 5000);
	}
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_rows_are_not_read),
		cmocka_unit_test(stored_batches_are_not_passed_on_with_deleted_rows),
		cmocka_unit_test(an_older_snapshot_keeps_what_was_deleted_after_it),
		cmocka_unit_test(updated_rows_have_their_new_values_and_keep_the_others),
		cmocka_unit_test(columns_called_like_anything_are_read),
		cmocka_unit_test(changes_that_cannot_be_say_why_and_where),
		cmocka_unit_test(random_deletions_leave_what_a_list_says),
		cmocka_unit_test(matching_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
