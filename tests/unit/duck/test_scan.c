#include "os/thread.h"
#include "support.h"

static Fixture fx;

static int
open_fixture(void **state)
{
	(void)state;
	fx = (Fixture){0};
	fixture_open(&fx, false, 2);
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

static void
scan_is(const ScanSlot *slot, const char *before, const char *after, const char *rows)
{
	char sql[512];
	snprintf(sql, sizeof(sql), "%s mobius_scan(%llu) %s", before,
			 (unsigned long long)duck_slot_number(slot), after);
	query_is(fx.conn, sql, rows);
}

static void
statement_is(DuckStatement *statement, const char *rows)
{
	Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	ok(statement_text(statement, NULL, 1000, &out, &err), &err);
	assert_string_equal(buf_text(&out), rows);
	buf_close(&out);
}

static void
a_statement_is_run_again_over_newer_rows(void **state)
{
	(void)state;
	int released = 0;
	ScanSlot *slot = number_slot(fx.duck, 1, 10, &released);
	char sql[128];
	SCAN_SQL(sql, slot, "SELECT count(*), sum(i), min(s) FROM mobius_scan(%llu) WHERE i < 1000000");
	DuckStatement *statement = NULL;
	Error err = ERROR_INIT;
	ok(duck_prepare(fx.conn, sql, &statement, &err), &err);
	statement_is(statement, "10|45|a text of more than twelve 1\n");
	statement_is(statement, "10|45|a text of more than twelve 1\n");
	assert_int_equal(released, 0);

	Batch *next[] = {number_batch(0, 3), number_batch(3, 50000)};
	slot_set_batches(slot, next, 2, &released);
	assert_int_equal(released, 1);
	statement_is(statement, "50000|1249975000|a text of more than twelve 1\n");

	ok(duck_slot_set(slot, NULL, &err), &err);
	assert_int_equal(released, 2);
	statement_is(statement, "0|~|~\n");
	duck_statement_free(statement);
	duck_slot_free(slot);
}

// A plan must not rest on the number of rows that were there when it was made.
static void
more_rows_than_expected_do_not_overflow_unseen(void **state)
{
	(void)state;
	ScanSlot *slot = NULL;
	Batch *batch = number_batch(0, 5000);
	Error err = ERROR_INIT;
	ok(duck_slot_new(fx.duck, batch_schema(batch), 2, &slot, &err), &err);
	char sql[128];
	SCAN_SQL(sql, slot, "SELECT sum(9000000000000000) // 1000000 FROM mobius_scan(%llu)");
	DuckStatement *statement = NULL;
	ok(duck_prepare(fx.conn, sql, &statement, &err), &err);
	slot_set_batches(slot, &batch, 1, NULL);
	statement_is(statement, "45000000000000\n");
	duck_statement_free(statement);
	duck_slot_free(slot);
}

static void
columns_are_picked_and_rows_counted_without_any(void **state)
{
	(void)state;
	ScanSlot *slot = number_slot(fx.duck, 3, 1000, NULL);
	scan_is(slot, "SELECT count(*) FROM", "", "3000\n");
	scan_is(slot, "SELECT count(s), count(*) FROM", "", "2400|3000\n");
	scan_is(slot, "SELECT d, i FROM", "WHERE i BETWEEN 999 AND 1001",
			"499.5|999\n500|1000\n500.5|1001\n");
	scan_is(slot, "SELECT s FROM", "WHERE d = 1000 OR i = 3",
			"n3\na text of more than twelve 2000\n");
	scan_is(slot, "SELECT 1 FROM", "LIMIT 2", "1\n1\n");
	duck_slot_free(slot);
}

static void
strings_are_right_wherever_they_end_up(void **state)
{
	(void)state;
	ScanSlot *slot = number_slot(fx.duck, 4, 5000, NULL);
	scan_is(slot, "SELECT count(DISTINCT s), max(s), min(s) FROM", "",
			"16000|n9996|a text of more than twelve 1\n");
	scan_is(slot, "SELECT s FROM", "ORDER BY s DESC NULLS LAST LIMIT 2", "n9996\nn9993\n");
	scan_is(slot, "SELECT count(*) FROM", "WHERE s = 'a text of more than twelve 17'", "1\n");
	scan_is(slot, "SELECT sum(length(s)) FROM", "WHERE s LIKE 'n%'", "29040\n");
	scan_is(slot, "SELECT string_agg(s, ',' ORDER BY i) FROM", "WHERE i < 4",
			"n0,a text of more than twelve 1,a text of more than twelve 2,n3\n");
	duck_slot_free(slot);
}

static void
short_strings_of_every_length_are_whole(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 1, "s", TYPE_UTF8, true), &err);
	ok(builder_new(schema, &builder, &err), &err);
	const char *letters = "abcdefghijklmnopqrst";
	for (size_t len = 0; len <= 20; len++)
		column_add_bytes(builder_column(builder, 0), slice_of(letters, len));
	ok(builder_finish(builder, 0, &batch, &err), &err);
	ScanSlot *slot = NULL;
	ok(duck_slot_new(fx.duck, schema, 21, &slot, &err), &err);
	slot_set_batches(slot, &batch, 1, NULL);
	// Equal also as keys of a hash table, where all bytes of a value count.
	scan_is(slot, "SELECT count(*) FROM",
			"AS a, range(21) r(n) WHERE a.s = left('abcdefghijklmnopqrst', n::INTEGER)", "21\n");
	scan_is(slot, "SELECT count(*) FROM (SELECT s FROM",
			"UNION SELECT left('abcdefghijklmnopqrst', n::INTEGER) FROM range(21) r(n))", "21\n");
	duck_slot_free(slot);
	builder_free(builder);
	schema_unref(schema);
}

static void
one_scan_serves_every_shape_of_statement(void **state)
{
	(void)state;
	ScanSlot *slot = number_slot(fx.duck, 2, 2000, NULL);
	char sql[1024];
	unsigned long long n = duck_slot_number(slot);
	const char *self = "mobius_scan";
	snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM %s(%llu) a JOIN %s(%llu) b ON a.i = b.i + 1 WHERE b.d > 10",
			 self, n, self, n);
	query_is(fx.conn, sql, "3978\n");
	snprintf(sql, sizeof(sql),
			 "WITH c AS (FROM %s(%llu)) SELECT (SELECT count(*) FROM c), (SELECT max(i) FROM c), "
			 "count(*) FROM c x, c y WHERE x.i = y.i",
			 self, n);
	query_is(fx.conn, sql, "4000|3999|4000\n");
	snprintf(
		sql, sizeof(sql),
		"WITH RECURSIVE r(k) AS (SELECT 0 UNION ALL SELECT a.i + 1 FROM r JOIN %s(%llu) a ON a.i = "
		"r.k WHERE k < 20) SELECT max(k) FROM r",
		self, n);
	query_is(fx.conn, sql, "20\n");
	snprintf(
		sql, sizeof(sql),
		"SELECT sum(c) FROM (SELECT (SELECT count(*) FROM %s(%llu) b WHERE b.i < a.i) AS c FROM "
		"%s(%llu) a WHERE a.i < 50)",
		self, n, self, n);
	query_is(fx.conn, sql, "1225\n");
	snprintf(
		sql, sizeof(sql),
		"SELECT i, lag(s) OVER (ORDER BY i) FROM %s(%llu) QUALIFY row_number() OVER (ORDER BY i "
		"DESC) = 4000 - 6",
		self, n);
	query_is(fx.conn, sql, "6|a text of more than twelve 5\n");
	snprintf(sql, sizeof(sql),
			 "SELECT a.i, b.i FROM %s(%llu) a ASOF JOIN %s(%llu) b ON a.d >= b.i WHERE a.i = 777",
			 self, n, self, n);
	query_is(fx.conn, sql, "777|388\n");
	snprintf(sql, sizeof(sql),
			 "SELECT count(*) FROM (FROM %s(%llu) UNION ALL FROM %s(%llu) EXCEPT FROM %s(%llu) "
			 "WHERE i > "
			 "9)",
			 self, n, self, n, self, n);
	query_is(fx.conn, sql, "10\n");
	duck_slot_free(slot);
}

static void
parts_bring_their_own_columns_and_only_their_first_rows(void **state)
{
	(void)state;
	// The table is (i, s, d); one part has them in another order, one has no s, one ends early.
	Schema *turned = NULL;
	Builder *builder = NULL;
	Batch *other = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&turned, &err, 2, "d", TYPE_FLOAT64, true, "i", TYPE_INT64, true), &err);
	ok(builder_new(turned, &builder, &err), &err);
	for (int i = 100; i < 103; i++) {
		column_add_double(builder_column(builder, 0), i + 0.25);
		column_add_int(builder_column(builder, 1), i);
	}
	ok(builder_finish(builder, 0, &other, &err), &err);
	builder_free(builder);
	schema_unref(turned);

	Batch *first = number_batch(0, 10);
	ScanSlot *slot = NULL;
	ok(duck_slot_new(fx.duck, batch_schema(first), 10, &slot, &err), &err);
	static const int32_t same[] = {0, 1, 2};
	static const int32_t swapped[] = {1, -1, 0};
	BatchPart parts[] = {{.batch = first, .rows = 2, .map = same},
						 {.batch = other, .rows = 0, .map = swapped},
						 {.batch = other, .rows = 3, .map = swapped},
						 {.batch = first, .rows = 1, .map = same}};
	BatchScan scan = {.parts = parts, .part_count = 4, .rows = 6};
	ok(duck_slot_set(slot, &scan, &err), &err);
	scan_is(slot, "SELECT * FROM", "",
			"0|n0|0\n1|a text of more than twelve 1|0.5\n100|~|100.25\n101|~|101.25\n102|~|102.25\n"
			"0|n0|0\n");
	duck_slot_free(slot);
	batch_unref(first);
	batch_unref(other);
}

static void
all_threads_together_read_each_row_once(void **state)
{
	(void)state;
	ScanSlot *slot = number_slot(fx.duck, 16, 40000, NULL);
	scan_is(slot, "SELECT count(*), sum(i), count(DISTINCT i), count(s), sum(d)::BIGINT FROM", "",
			"640000|204799680000|640000|512000|102399840000\n");
	duck_slot_free(slot);
}

static void
a_scan_is_pinned_while_it_is_read(void **state)
{
	(void)state;
	int released = 0;
	ScanSlot *slot = number_slot(fx.duck, 4, 20000, &released);
	char sql[128];
	SCAN_SQL(sql, slot, "SELECT i, s FROM mobius_scan(%llu)");
	DuckStatement *statement = NULL;
	DuckStream *stream = NULL;
	Schema *schema = NULL;
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	bool end = false;
	ok(duck_prepare(fx.conn, sql, &statement, &err), &err);
	ok(duck_statement_schema(statement, &schema, &err), &err);
	ok(builder_new(schema, &builder, &err), &err);
	ok(duck_stream_open(statement, NULL, &stream, &err), &err);
	ok(duck_stream_fill(stream, builder, 10, 1 << 20, &end, &err), &err);

	// Newer rows replace it, which the running statement does not see.
	Batch *next = number_batch(0, 1);
	slot_set_batches(slot, &next, 1, NULL);
	assert_int_equal(released, 0);
	ok(duck_stream_fill(stream, builder, 1 << 20, 1 << 30, &end, &err), &err);
	assert_true(end);
	assert_int_equal(builder_rows(builder), 80000);
	duck_stream_close(stream);
	assert_int_equal(released, 1);

	// The statement outlives its slot only to be told so.
	duck_slot_free(slot);
	ok(duck_stream_open(statement, NULL, &stream, &err), &err);
	builder_free(builder);
	ok(builder_new(schema, &builder, &err), &err);
	ok(duck_stream_fill(stream, builder, 1 << 20, 1 << 30, &end, &err), &err);
	assert_int_equal(builder_rows(builder), 0);
	duck_stream_close(stream);
	duck_statement_free(statement);
	builder_free(builder);
	schema_unref(schema);
	query_fails(fx.conn, sql, ST_INVALID, "there is no scan");
}

// ---- a batch that grows while it is read ----

enum { GROWN_FROM = 2043, GROWN_TO = 2048 };

typedef struct Growing {
	uint8_t *validity;
	uint8_t *bits;
	Signal *done;
} Growing;

// What an appender does: sets the bits of rows that the scan may not look at yet.
static void
grow(void *arg)
{
	Growing *growing = arg;
	do {
		for (int row = GROWN_FROM; row < GROWN_TO; row++) {
			__atomic_fetch_xor(&growing->validity[row / 8], (uint8_t)(1U << (row % 8)),
							   __ATOMIC_RELAXED);
			__atomic_fetch_xor(&growing->bits[row / 8], (uint8_t)(1U << (row % 8)),
							   __ATOMIC_RELAXED);
		}
	} while (!signal_wait(growing->done, 0));
}

static void
rows_beyond_the_part_are_not_looked_at(void **state)
{
	(void)state;
	enum { BYTES = GROWN_TO / 8 };
	Bytes *bytes = bytes_new(NULL, 2 * BYTES);
	uint8_t *validity = bytes_data(bytes);
	uint8_t *bits = validity + BYTES;
	memset(validity, 0xFE, BYTES); // each eighth row is NULL
	memset(bits, 0xF0, BYTES);
	Field field = {.name = "b", .type = {.id = TYPE_BOOL}, .nullable = true};
	Column column = {.length = GROWN_TO,
					 .null_count = BYTES,
					 .validity = slice_of(validity, BYTES),
					 .values = slice_of(bits, BYTES)};
	Schema *schema = NULL;
	Batch *batch = NULL;
	ScanSlot *slot = NULL;
	Thread *thread = NULL;
	Signal done;
	Error err = ERROR_INIT;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	ok(batch_new(schema, GROWN_TO, &column, &bytes, 1, &batch, &err), &err);
	ok(duck_slot_new(fx.duck, schema, GROWN_FROM, &slot, &err), &err);
	static const int32_t map[] = {0};
	BatchPart part = {.batch = batch, .rows = GROWN_FROM, .map = map};
	BatchScan scan = {.parts = &part, .part_count = 1, .rows = GROWN_FROM};
	ok(duck_slot_set(slot, &scan, &err), &err);

	signal_init(&done);
	Growing growing = {.validity = validity, .bits = bits, .done = &done};
	ok(thread_start(&(ThreadOptions){.name = "grower"}, grow, &growing, &thread, &err), &err);
	for (int i = 0; i < 50; i++)
		scan_is(slot, "SELECT count(*), count(b), sum(b::INTEGER) FROM", "", "2043|1787|1020\n");
	signal_raise(&done);
	thread_join(thread);
	signal_close(&done);
	duck_slot_free(slot);
	batch_unref(batch);
	bytes_unref(bytes);
	schema_unref(schema);
}

// ---- threads, faults ----

static void
read_again_and_again(void *arg)
{
	const ScanSlot *slot = arg;
	DuckConn *conn = NULL;
	Error err = ERROR_INIT;
	char sql[128];
	ok(duck_connect(fx.duck, &conn, &err), &err);
	SCAN_SQL(sql, slot,
			 "SELECT count(*) %% 1000, max(i) - min(i) + 1 - count(*), count(s) * 5 - "
			 "count(*) * 4 FROM mobius_scan(%llu)");
	for (int i = 0; i < 60; i++)
		query_is(conn, sql, "0|0|0\n");
	duck_disconnect(conn);
}

static void
rows_change_under_many_readers(void **state)
{
	(void)state;
	int released = 0;
	ScanSlot *slot = number_slot(fx.duck, 2, 1000, &released);
	Thread *threads[3];
	Error err = ERROR_INIT;
	for (int i = 0; i < 3; i++)
		ok(thread_start(&(ThreadOptions){.name = "reader", .stack_bytes = 8 << 20},
						read_again_and_again, slot, &threads[i], &err),
		   &err);
	for (int i = 1; i <= 60; i++) {
		Batch *batches[] = {number_batch(0, 1000), number_batch(1000, 1000 * (i % 7 + 2))};
		slot_set_batches(slot, batches, 2, &released);
		ScanSlot *another = number_slot(fx.duck, 1, 10, NULL);
		duck_slot_free(another);
	}
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	duck_slot_free(slot);
	assert_int_equal(released, 61);
}

// ---- rows that are left out ----

// Every `step`-th row; 1: all.
static void
every_nth(const void *rows, int64_t first, int64_t count, uint64_t *bits)
{
	int64_t step = *(const int64_t *)rows;
	assert_true(count > 0 && count <= SCAN_MASK_ROWS);
	for (int64_t i = 0; i < count; i++) {
		assert_false(bits[i / 64] >> (i % 64) & 1);
		bits[i / 64] |= (uint64_t)((first + i) % step == 0) << (i % 64);
	}
}

static void
rows_of_a_mask_are_left_out(void **state)
{
	(void)state;
	static const int32_t map[] = {0, 1, 2};
	static const int64_t steps[] = {1, 2, 3, 64, 100, 1000000};
	for (size_t s = 0; s < COUNT_OF(steps); s++) {
		RowMask mask = {every_nth, &steps[s]};
		Batch *batch = number_batch(0, 40000);
		BatchPart parts[] = {{.batch = batch, .rows = 20000, .map = map, .mask = &mask},
							 {.batch = batch, .rows = 5, .map = map},
							 {.batch = batch, .rows = 40000, .map = map, .mask = &mask}};
		BatchScan scan = {.parts = parts, .part_count = 3, .rows = 60005};
		ScanSlot *slot = NULL;
		Error err = ERROR_INIT;
		ok(duck_slot_new(fx.duck, batch_schema(batch), 60000, &slot, &err), &err);
		ok(duck_slot_set(slot, &scan, &err), &err);
		int64_t count = 5, sum = 10, texts = 4;
		for (int64_t i = 0; i < 40000; i++) {
			int64_t times = i % steps[s] == 0 ? 0 : i < 20000 ? 2 : 1;
			count += times;
			sum += times * i;
			texts += times * (i % 5 != 4);
		}
		char expected[96];
		snprintf(expected, sizeof(expected), "%lld|%lld|%lld|%.17g\n", (long long)count,
				 (long long)sum, (long long)texts, (double)sum / 2);
		scan_is(slot, "SELECT count(*), sum(i), count(s), sum(d) FROM", "", expected);
		scan_is(slot, "SELECT i FROM", "WHERE i = 39999",
				steps[s] == 1 || steps[s] == 3 ? "" : "39999\n");
		duck_slot_free(slot);
		batch_unref(batch);
	}
}

static void
where_a_row_is_can_be_read(void **state)
{
	(void)state;
	static const int32_t map[] = {MAP_SEGMENT, MAP_ROW, 0};
	static const int64_t step = 3;
	RowMask mask = {every_nth, &step};
	Batch *batch = number_batch(0, 5);
	BatchPart parts[] = {{.batch = batch, .rows = 5, .map = map, .segment_id = 7, .first_row = 100},
						 {.batch = batch,
						  .rows = 5,
						  .map = map,
						  .mask = &mask,
						  .segment_id = UINT64_MAX,
						  .first_row = 105}};
	BatchScan scan = {.parts = parts, .part_count = 2, .rows = 10};
	ScanSlot *slot = NULL;
	Error err = ERROR_INIT;
	Schema *schema = NULL;
	ok(schema_of(&schema, &err, 3, "segment", TYPE_UINT64, false, "row", TYPE_INT64, false, "i",
				 TYPE_INT64, true),
	   &err);
	ok(duck_slot_new(fx.duck, schema, 10, &slot, &err), &err);
	ok(duck_slot_set(slot, &scan, &err), &err);
	scan_is(slot, "FROM", "WHERE i > 2", "7|103|3\n7|104|4\n18446744073709551615|109|4\n");
	scan_is(slot, "SELECT min(row), max(row), count(*) FROM", "", "100|109|8\n");
	duck_slot_free(slot);
	schema_unref(schema);
	batch_unref(batch);
}

static void
a_file_is_asked_row_by_row_in_any_order(void **state)
{
	(void)state;
	static const int64_t step = 3;
	RowMask files[] = {{every_nth, &step}, {0}};
	BatchScan scan = {.files = files, .file_count = 2};
	Batch *batch = number_batch(0, 1);
	ScanSlot *slot = NULL;
	Error err = ERROR_INIT;
	ok(duck_slot_new(fx.duck, batch_schema(batch), 0, &slot, &err), &err);
	ok(duck_slot_set(slot, &scan, &err), &err);
	static const struct {
		const char *file, *from, *rows;
	} cases[] = {
		{"0", "range(100000) t(i)", "66666|3333266667\n"},
		{"1", "range(100000) t(i)", "100000|4999950000\n"},
		{"2", "range(100000) t(i)", "100000|4999950000\n"},
		{"0", "range(99999, -1, -1) t(i)", "66666|3333266667\n"},
		{"CAST(i % 2 AS UINTEGER)", "range(100000) t(i)", "83333|4166633334\n"},
		{"0", "(SELECT i * 5000 AS i FROM range(1000) t(i)) t", "666|1663335000\n"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char sql[256];
		snprintf(sql, sizeof(sql),
				 "SELECT count(*), sum(i)::BIGINT FROM %s WHERE mobius_alive(%llu, %s, i)",
				 cases[i].from, (unsigned long long)duck_slot_number(slot), cases[i].file);
		query_is(fx.conn, sql, cases[i].rows);
	}
	query_fails(fx.conn, "SELECT mobius_alive(999999, 0, 1)", ST_INVALID, "there is no scan");
	duck_slot_free(slot);
	batch_unref(batch);
}

static void
scans_undo_themselves_when_memory_is_short(void **state)
{
	(void)state;
	Batch *batch = number_batch(0, 100);
	long live = mem_live();
	static const int32_t map[] = {0, 1, 2};
	for (long nth = 0;; nth++) {
		ScanSlot *slot = NULL;
		Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		BatchPart part = {.batch = batch, .rows = 100, .map = map};
		BatchScan scan = {.parts = &part, .part_count = 1, .rows = 100};
		fault_arm(nth);
		Status st = duck_slot_new(fx.duck, batch_schema(batch), 100, &slot, &err);
		if (st == ST_OK)
			st = duck_slot_set(slot, &scan, &err);
		if (st == ST_OK) {
			char sql[128];
			SCAN_SQL(sql, slot, "SELECT sum(i) FROM mobius_scan(%llu)");
			st = query_text(fx.conn, sql, NULL, &out, &err);
		}
		bool failed = fault_disarm();
		if (st == ST_OK && !failed)
			assert_string_equal(buf_text(&out), "4950\n");
		buf_close(&out);
		duck_slot_free(slot);
		if (st != ST_NO_MEMORY && st != ST_OK)
			fail_msg("%s: %s", status_name(st), err.text);
		assert_int_equal(mem_live(), live);
		if (!failed)
			break;
		assert_true(nth < 1000);
	}
	batch_unref(batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_is_run_again_over_newer_rows),
		cmocka_unit_test(more_rows_than_expected_do_not_overflow_unseen),
		cmocka_unit_test(columns_are_picked_and_rows_counted_without_any),
		cmocka_unit_test(strings_are_right_wherever_they_end_up),
		cmocka_unit_test(short_strings_of_every_length_are_whole),
		cmocka_unit_test(one_scan_serves_every_shape_of_statement),
		cmocka_unit_test(parts_bring_their_own_columns_and_only_their_first_rows),
		cmocka_unit_test(all_threads_together_read_each_row_once),
		cmocka_unit_test(a_scan_is_pinned_while_it_is_read),
		cmocka_unit_test(rows_beyond_the_part_are_not_looked_at),
		cmocka_unit_test(rows_change_under_many_readers),
		cmocka_unit_test(rows_of_a_mask_are_left_out),
		cmocka_unit_test(where_a_row_is_can_be_read),
		cmocka_unit_test(a_file_is_asked_row_by_row_in_any_order),
		cmocka_unit_test(scans_undo_themselves_when_memory_is_short),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
