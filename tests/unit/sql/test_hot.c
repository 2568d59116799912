// Files with a copy in memory answer as those without: the same rows, statements and changes in
// databases with room for all copies, for a few, for none.

#include <pthread.h>
#include <stdatomic.h>

#include "os/thread.h"
#include "store/merge.h"
#include "support.h"

enum { ROWS = 6000 };

static const uint64_t ROOMS[] = {0, UINT64_C(1) << 30, 400000};

static const char *const CREATE =
	"CREATE TABLE cpu (host VARCHAR TAG, rack INTEGER TAG, time TIMESTAMP, n INTEGER, big BIGINT,"
	" x DOUBLE, note VARCHAR, flag BOOLEAN, few BIGINT, list INTEGER[])";

// Rows from `first` on, out of order, with NULLs in tags and fields.
static void
put_some(Fixture *fx, int64_t first, int64_t rows)
{
	char sql[1024];
	snprintf(sql, sizeof(sql),
			 "SELECT CASE WHEN i %% 19 = 0 THEN NULL ELSE 'host_' || (i * 31 %% 17) END,"
			 " CASE WHEN i %% 23 = 0 THEN NULL ELSE i * 7 %% 3 END,"
			 " TIMESTAMP '2016-01-01' + to_seconds(i * 7919 %% 4001),"
			 " CASE WHEN i %% 5 = 0 THEN NULL ELSE i %% 1000 END, i * 1000003 - 500000,"
			 " i / 8.0, CASE WHEN i %% 3 = 0 THEN NULL ELSE 'a rather long note ' || i END,"
			 " i %% 2 = 0, i %% 101 - 50, [i, i + 1]"
			 " FROM range(%lld, %lld) r(i)",
			 (long long)first, (long long)(first + rows));
	put_rows(fx, "cpu", sql);
}

// Deletes every `step`-th row of each file.
static void
delete_some(Fixture *fx, int64_t step)
{
	Error err = ERROR_INIT;
	SCOPED(table_drop_ref) Table *table = find_table(fx, "cpu");
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	SCOPED(buf_close) Buf rows = BUF_INIT;
	ok(store_snapshot(fx->store, &table, 1, &snapshot, &err), &err);
	const FileSet *files = snapshot->tables[0].files;
	for (int32_t i = 0; i < file_set_count(files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(files, i));
		for (int64_t row = i; row < meta->rows; row += step)
			buf_add(&rows, &(RowAddress){meta->segment_id, row, true}, sizeof(RowAddress));
	}
	table_rewrite_lock(table);
	StoreDelete *del = NULL;
	ok(store_delete_new(fx->store, table, (const RowAddress *)(const void *)rows.data,
						(int64_t)(rows.len / sizeof(RowAddress)), &del, &err),
	   &err);
	store_apply_delete(fx->store, del, ++fx->seq);
	publish(fx);
	table_rewrite_unlock(table);
}

static void
merge_all(Fixture *fx)
{
	Error err = ERROR_INIT;
	MergeOptions options = {.duck = fx->duck, .files = 2, .memory_bytes = 64 << 20, .all = true};
	for (bool did = true; did;) {
		MergeReport report;
		ok(store_merge_one(fx->store, &options, &did, &report, &err), &err);
	}
}

static int32_t
hot_count(Fixture *fx, int32_t *files)
{
	Error err = ERROR_INIT;
	SCOPED(table_drop_ref) Table *table = find_table(fx, "cpu");
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	ok(store_snapshot(fx->store, &table, 1, &snapshot, &err), &err);
	int32_t hot = 0;
	*files = file_set_count(snapshot->tables[0].files);
	for (int32_t i = 0; i < *files; i++)
		hot += file_set_hot(snapshot->tables[0].files, i) != NULL;
	return hot;
}

// ---- statements ----

static const char *const CONDITIONS[] = {
	"true",
	"host = 'host_3'",
	"host >= 'host_15' AND host < 'host_3'",
	"host IN ('host_1', 'host_16', 'nobody')",
	"host IN ('host_1', NULL)",
	"host NOT IN ('host_1', 'host_16')",
	"host IS NULL",
	"host <> 'host_2'",
	"host = 'host_1' OR rack = 2",
	"rack = 1",
	"rack IN (0, 2) AND host = 'host_5'",
	"time >= '2016-01-01 00:10:00' AND time < '2016-01-01 00:20:00'",
	"time > '2016-01-01 01:06:39' OR host = 'host_0'",
	"time = '2016-01-01 00:33:20'",
	"time BETWEEN '2016-01-01 00:30:00' AND '2016-01-01 00:30:10' AND host < 'host_2'",
	"n > 900",
	"n BETWEEN 10 AND 12",
	"n = 5 AND few > 0",
	"n IN (7, 77, 777)",
	"big < 0",
	"big > 9223372036854775806",
	"few >= 49",
	"few = -50 AND time > '2016-01-01 00:50:00'",
	"few > -100000000000000000000",
	"5 > few AND few > 2 AND host = 'host_7'",
	"few < 2.5 AND few > 1.5",
	"note = 'a rather long note 100'",
	"flag AND few = 0",
	"x > 740",
	"n > 995 AND host > 'host_4' AND time < '2016-01-01 00:40:00'",
	"few > (SELECT 48)",
	"NOT few > -49",
};

// @: a condition.
static const char *const SHAPES[] = {
	"SELECT count(*), count(host), count(n), sum(n), sum(big), sum(few), min(note), max(time),"
	" sum(list[2]) FROM cpu WHERE @",
	"SELECT host, rack, count(*), min(time), max(x), sum(few), count(note) FROM cpu WHERE @"
	" GROUP BY ALL ORDER BY ALL",
	"SELECT time, host, rack, n, big, x, note, flag, few, list[1] FROM cpu WHERE @"
	" ORDER BY big LIMIT 40",
	"SELECT a.host, count(*), max(b.few) FROM cpu a LEFT JOIN (SELECT * FROM cpu WHERE @) b"
	" ON a.big = b.big AND b.few > 40 WHERE a.n < 50 GROUP BY ALL ORDER BY ALL",
	"SELECT time_bucket(INTERVAL '10 minutes', time) AS b, host, avg(few) FROM cpu WHERE @"
	" GROUP BY ALL ORDER BY ALL",
};

static void
fail_differing(const char *sql, const char *one, const char *other)
{
	fail_msg("%s\ngave\n%.500s\nand\n%.500s", sql, one, other);
}

// In three turns, each statement once.
static void
compare(Fixture *all, size_t turn)
{
	for (size_t s = 0; s < COUNT_OF(SHAPES); s++) {
		for (size_t c = (s + turn) % 3; c < COUNT_OF(CONDITIONS); c += 3) {
			char sql[1024];
			const char *gap = strchr(SHAPES[s], '@');
			snprintf(sql, sizeof(sql), "%.*s%s%s", (int)(gap - SHAPES[s]), SHAPES[s], CONDITIONS[c],
					 gap + 1);
			const char *expected = answer(&all[0], sql);
			if (strchr(expected, '@') != NULL)
				fail_msg("%s\n%s", sql, expected);
			for (size_t i = 1; i < COUNT_OF(ROOMS); i++) {
				const char *got = answer(&all[i], sql);
				if (strcmp(got, expected) != 0)
					fail_differing(sql, expected, got);
			}
		}
	}
}

static void
for_all(Fixture *all, void (*step)(Fixture *fx, int64_t argument), int64_t argument)
{
	for (size_t i = 0; i < COUNT_OF(ROOMS); i++)
		step(&all[i], argument);
}

static void
put_and_flush(Fixture *fx, int64_t first)
{
	put_some(fx, first, ROWS);
	flush(fx);
}

static void
put_only(Fixture *fx, int64_t first)
{
	put_some(fx, first, ROWS);
}

static void
merge(Fixture *fx, int64_t nothing)
{
	(void)nothing;
	merge_all(fx);
}

static void
grow(Fixture *fx, int64_t nothing)
{
	(void)nothing;
	static const Field fields[] = {
		{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
		{.name = "n", .type = {.id = TYPE_INT64}},
		{.name = "new", .type = {.id = TYPE_UTF8}, .nullable = true}};
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_new(fields, 3, NULL, 0, &schema, &err), &err);
	grow_table(fx, "cpu", schema);
}

static void
copies_answer_as_their_files(void **state)
{
	(void)state;
	Fixture all[COUNT_OF(ROOMS)];
	for (size_t i = 0; i < COUNT_OF(ROOMS); i++) {
		fixture_open_hot(&all[i], ROOMS[i]);
		create_table(&all[i], CREATE);
	}
	for (int64_t turn = 0; turn < 3; turn++)
		for_all(all, put_and_flush, turn * ROWS);
	int32_t files;
	assert_int_equal(hot_count(&all[0], &files), 0);
	assert_int_equal(hot_count(&all[1], &files), 3);
	assert_int_equal(files, 3);
	assert_in_range(hot_count(&all[2], &files), 1, 2);
	assert_true(budget_used(all[2].hot) <= 400000);
	compare(all, 0);

	// Beside rows in memory, with deleted ones.
	for_all(all, put_only, 3 * ROWS);
	for_all(all, delete_some, 13);
	compare(all, 1);

	// Merged, and under a wider definition.
	for_all(all, merge, 0);
	int32_t hot = hot_count(&all[1], &files);
	assert_int_equal(hot, files);
	for_all(all, grow, 0);
	compare(all, 2);
	for (size_t i = 0; i < COUNT_OF(ROOMS); i++)
		fixture_shut(&all[i]);
	assert_int_equal(mem_live(), all[0].live);
}

// The engine cannot execute the plan of one a second time.
static void
an_asof_join_can_be_asked_for_again(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open_hot(&fx, UINT64_C(1) << 30);
	create_table(&fx, CREATE);
	for (int64_t turn = 0; turn < 2; turn++) {
		for (int i = 0; i < 4; i++) {
			const char *sql = "SELECT count(*) FROM cpu a ASOF JOIN cpu b ON a.host = b.host"
							  " AND a.time >= b.time WHERE a.host < 'host_2'";
			put_some(&fx, 4 * turn * ROWS + i * 100, 100);
			for (int again = 0; again < 3; again++)
				if (strchr(answer(&fx, sql), '@') != NULL)
					fail_msg("%s", answer(&fx, sql));
		}
		flush(&fx);
	}
	fixture_close(&fx);
}

// ---- at the same time ----

typedef struct Reading {
	Fixture *fx;
	atomic_bool *stop;
	const char *failed; // NULL: not
	int64_t read;
} Reading;

// As many rows as are there at any moment: each batch has ROWS of them, and 101 kinds of `few`.
static void
read_until_stopped(void *arg)
{
	Reading *r = arg;
	while (!atomic_load(r->stop)) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		if (try_query(r->fx,
					  "SELECT count(*) % 6000, count(*) - count(big),"
					  " min(abs(big + 500000) % 1000003) FROM cpu WHERE few > -60",
					  &out, &err) != ST_OK)
			r->failed = "a statement failed";
		else if (strcmp(buf_text(&out), "0|0|0\n") != 0)
			r->failed = "rows were missing";
		r->read++;
	}
}

static void
copies_come_and_go_beside_readers(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open_hot(&fx, 900000);
	create_table(&fx, CREATE);
	put_and_flush(&fx, 0);
	atomic_bool stop = false;
	Reading readings[2];
	Thread *threads[2];
	Error err = ERROR_INIT;
	for (int i = 0; i < 2; i++) {
		readings[i] = (Reading){.fx = &fx, .stop = &stop};
		ThreadOptions options = {.name = "reader", .stack_bytes = 16 << 20};
		ok(thread_start(&options, read_until_stopped, &readings[i], &threads[i], &err), &err);
	}
	for (int64_t turn = 1; turn < 12; turn++) {
		put_and_flush(&fx, turn * ROWS);
		if (turn % 4 == 0)
			merge_all(&fx);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++) {
		thread_join(threads[i]);
		if (readings[i].failed != NULL)
			fail_msg("%s", readings[i].failed);
	}
	char expected[32];
	snprintf(expected, sizeof(expected), "%d\n", 12 * ROWS);
	answers(&fx, "SELECT count(*) FROM cpu", expected);
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies_answer_as_their_files),
		cmocka_unit_test(an_asof_join_can_be_asked_for_again),
		cmocka_unit_test(copies_come_and_go_beside_readers),
	};
	return RUN(tests);
}
