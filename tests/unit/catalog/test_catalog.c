// The catalog: what it keeps, in which order, and what it does when it cannot.

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>

#include "dump.h"
#include "os/thread.h"

static void
a_new_one_has_an_epoch_and_one_database(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	CatalogState first, second;
	Catalog *catalog = open_catalog(&dir, &first);
	assert_true(first.created);
	assert_int_equal(first.applied_seq, 0);
	dump_is(catalog, "database mobius\n");
	catalog_close(catalog);

	catalog = open_catalog(&dir, &second);
	assert_false(second.created);
	assert_memory_equal(first.epoch, second.epoch, 16);
	dump_is(catalog, "database mobius\n");
	uint8_t epoch[16];
	Error err = ERROR_INIT;
	ok(catalog_new_epoch(catalog, epoch, &err), &err);
	assert_memory_not_equal(epoch, first.epoch, 16);
	catalog_close(catalog);
	catalog = open_catalog(&dir, &second);
	assert_memory_equal(epoch, second.epoch, 16);
	catalog_close(catalog);
	assert_int_equal(mem_live(), 0);
}

static const char *const TWO_VERSIONS =
	"database mobius\ntable 7 mobius.t version 1 %016" PRIx64
	"\ntable 7 mobius.t version 2 current %016" PRIx64 "\nflushed 7 to 0\n";

static uint64_t
def_hash(const TableDef *def)
{
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	uint64_t hash = hash64(bytes.data, bytes.len);
	buf_close(&bytes);
	return hash;
}

static void
what_is_applied_is_there_after_a_restart_however_often(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *one = first_version(), *two = next_version(one);
	char expected[200];
	snprintf(expected, sizeof(expected), TWO_VERSIONS, def_hash(one), def_hash(two));
	for (int round = 0; round < 3; round++) {
		CatalogState found;
		Catalog *catalog = open_catalog(&dir, &found);
		assert_int_equal(found.applied_seq, round == 0 ? 0 : 4);
		apply_define(catalog, one, 3);
		if (round > 0) { // what comes again takes nothing back
			dump_is(catalog, expected);
			assert_int_equal(catalog_applied_seq(catalog), 4);
		}
		apply_define(catalog, two, 4);
		dump_is(catalog, expected);
		assert_int_equal(catalog_applied_seq(catalog), 4);
		catalog_close(catalog);
	}
	table_def_unref(one);
	table_def_unref(two);
}

static void
closing_finishes_what_was_queued(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 9);
	catalog_close(catalog);
	CatalogState found;
	catalog = open_catalog(&dir, &found);
	assert_int_equal(found.applied_seq, 9);
	catalog_close(catalog);
	table_def_unref(def);
}

// ---- files ----

static void
files_are_published_and_removed(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 1);
	Error err = ERROR_INIT;
	FileMeta late = file_of(7, 5, 20, 30), early = file_of(7, 6, 10, 19);
	ok(publish_file(catalog, &late, &err), &err);
	ok(publish_file(catalog, &early, &err), &err); // does not move flushed back
	for (int round = 0; round < 2; round++) {
		Buf text = BUF_INIT;
		ok(dump(catalog, &text, &err), &err);
		const char *files = strstr(buf_text(&text), "file 6");
		assert_non_null(files);
		assert_string_equal(
			files, "file 6 table 7 v1 level 0 rows 100 bytes 1234+56 hash ffffffffffffffff.2 time "
				   "-5..9223372036854775807 seq 10..19 11 12\n"
				   "file 5 table 7 v1 level 0 rows 100 bytes 1234+56 hash ffffffffffffffff.2 time "
				   "-5..9223372036854775807 seq 20..30 11 12\n"
				   "flushed 7 to 30\n");
		buf_close(&text);
		catalog_close(catalog);
		catalog = open_catalog(&dir, NULL);
	}
	uint64_t removed[] = {5, 6};
	FileMeta merged = file_of(7, 8, 10, 30);
	merged.level = 1;
	CatalogEdit edit = {.files = &merged, .file_count = 1, .removed = removed, .removed_count = 2};
	ok(catalog_publish(catalog, &edit, &err), &err);
	Buf text = BUF_INIT;
	ok(dump(catalog, &text, &err), &err);
	assert_null(strstr(buf_text(&text), "file 5"));
	assert_null(strstr(buf_text(&text), "file 6"));
	assert_non_null(strstr(buf_text(&text), "file 8 table 7 v1 level 1"));
	buf_close(&text);
	catalog_close(catalog);
	table_def_unref(def);
}

static void
a_drop_takes_everything(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	Error err = ERROR_INIT;
	FileMeta file = file_of(7, 5, 1, 2);
	apply_define(catalog, def, 1);
	ok(publish_file(catalog, &file, &err), &err);
	apply_drop(catalog, 7, 3);
	// A file that comes after is nobody's.
	file.segment_id = 6;
	ok(publish_file(catalog, &file, &err), &err);
	dump_is(catalog, "database mobius\n");
	apply_drop(catalog, 7, 3); // again, by a replay
	dump_is(catalog, "database mobius\n");
	catalog_close(catalog);
	catalog = open_catalog(&dir, NULL);
	dump_is(catalog, "database mobius\n");
	catalog_close(catalog);
	table_def_unref(def);
}

// ---- ids ----

enum { THREADS = 4, EACH = 1500 };

typedef struct Taker {
	Catalog *catalog;
	uint64_t ids[EACH];
} Taker;

static void
take_ids(void *arg)
{
	Taker *taker = arg;
	Error err = ERROR_INIT;
	for (int i = 0; i < EACH; i++)
		ok(catalog_next_segment_id(taker->catalog, &taker->ids[i], &err), &err);
}

static void
ids_are_given_once(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	static Taker takers[THREADS];
	static bool seen[100000];
	memset(seen, 0, sizeof(seen));
	Error err = ERROR_INIT;
	for (int round = 0; round < 3; round++) {
		Catalog *catalog = open_catalog(&dir, NULL);
		Thread *threads[THREADS];
		ThreadOptions options = {.name = "taker"};
		for (int i = 0; i < THREADS; i++) {
			takers[i].catalog = catalog;
			ok(thread_start(&options, take_ids, &takers[i], &threads[i], &err), &err);
		}
		for (int i = 0; i < THREADS; i++)
			thread_join(threads[i]);
		for (int i = 0; i < THREADS * EACH; i++) {
			uint64_t id = takers[i / EACH].ids[i % EACH];
			assert_in_range(id, 1, sizeof(seen) - 1);
			assert_false(seen[id]);
			seen[id] = true;
		}
		uint32_t table, schema;
		ok(catalog_next_table_id(catalog, &table, &err), &err);
		ok(catalog_next_schema_id(catalog, &schema, &err), &err);
		assert_int_equal(table, 1 + 1024 * round);
		assert_int_equal(schema, 1 + 1024 * round);
		catalog_close(catalog);
	}
}

// ---- the queue ----

typedef struct Gate {
	Signal entered;
	Signal open;
} Gate;

static Status
wait_at_gate(void *arg, const char *name, Error *err)
{
	(void)name;
	(void)err;
	Gate *gate = arg;
	signal_raise(&gate->entered);
	(void)signal_wait(&gate->open, INT64_MAX);
	return ST_OK;
}

typedef struct Holder {
	Catalog *catalog;
	Gate *gate;
} Holder;

// Keeps the catalog's thread busy.
static void
hold(void *arg)
{
	Holder *holder = arg;
	CatalogVisitor visitor = {wait_at_gate, dump_table, dump_file, dump_flushed, holder->gate};
	Error err = ERROR_INIT;
	ok(catalog_load(holder->catalog, &visitor, &err), &err);
}

static void
count_durable(void *arg, bool durable)
{
	*(int *)arg += durable ? 1 : 100;
}

static void
what_is_queued_keeps_the_log(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *one = first_version(), *two = next_version(one);
	Gate gate;
	signal_init(&gate.entered);
	signal_init(&gate.open);
	Holder holder = {open_catalog(&dir, NULL), &gate};
	Catalog *catalog = holder.catalog;
	assert_int_equal(catalog_needed_after(catalog, 77), 77);
	uint64_t generation = catalog_generation(catalog);

	Thread *thread;
	Error err = ERROR_INIT;
	ok(thread_start(&(ThreadOptions){.name = "holder"}, hold, &holder, &thread, &err), &err);
	(void)signal_wait(&gate.entered, INT64_MAX);
	int done = 0;
	CatalogChange *change = NULL;
	ok(catalog_change_define(one, &change, &err), &err);
	catalog_change_then(change, count_durable, &done);
	catalog_apply(catalog, change, 50);
	apply_define(catalog, two, 60);
	assert_int_equal(catalog_needed_after(catalog, 77), 49);
	assert_int_equal(catalog_applied_seq(catalog), 0);
	assert_int_equal(done, 0);
	signal_raise(&gate.open);
	thread_join(thread);

	Buf text = BUF_INIT;
	ok(dump(catalog, &text, &err), &err); // behind both
	buf_close(&text);
	assert_int_equal(catalog_needed_after(catalog, 77), 77);
	assert_int_equal(catalog_applied_seq(catalog), 60);
	assert_int_equal(done, 1);
	assert_true(catalog_generation(catalog) > generation);

	ok(catalog_change_drop(7, &change, &err), &err);
	catalog_change_then(change, count_durable, &done);
	catalog_change_free(change); // it never was
	assert_int_equal(done, 101);
	catalog_close(catalog);
	signal_close(&gate.entered);
	signal_close(&gate.open);
	table_def_unref(one);
	table_def_unref(two);
}

// ---- failures ----

// A disk that takes nothing any more.
static void
forbid_writes(bool on)
{
	struct rlimit limit;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = on ? 0 : limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void
without_disk_changes_wait_and_calls_fail(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	Error err = ERROR_INIT;
	FileMeta file = file_of(7, 5, 21, 22);
	int done = 0;

	forbid_writes(true);
	CatalogChange *change = NULL;
	ok(catalog_change_define(def, &change, &err), &err);
	catalog_change_then(change, count_durable, &done);
	catalog_apply(catalog, change, 20);
	apply_define(catalog, def, 21);
	Status st = publish_file(catalog, &file, &err);
	uint64_t needed = catalog_needed_after(catalog, 77), applied = catalog_applied_seq(catalog);
	uint64_t id;
	Status no_id = catalog_next_segment_id(catalog, &id, &err);
	forbid_writes(false);
	assert_true(st == ST_IO || st == ST_DISK_FULL);
	assert_true(no_id == ST_IO || no_id == ST_DISK_FULL);
	says(&err, "catalog.db");
	assert_int_equal(needed, 19);
	assert_int_equal(applied, 0);
	assert_int_equal(done, 0);

	ok(publish_file(catalog, &file, &err), &err);
	ok(catalog_next_segment_id(catalog, &id, &err), &err);
	assert_int_equal(id, 1);
	assert_int_equal(catalog_needed_after(catalog, 77), 77);
	assert_int_equal(done, 1);
	catalog_close(catalog);
	catalog = open_catalog(&dir, NULL);
	Buf text = BUF_INIT;
	ok(dump(catalog, &text, &err), &err);
	assert_non_null(strstr(buf_text(&text), "flushed 7 to 22"));
	buf_close(&text);
	catalog_close(catalog);
	table_def_unref(def);
}

static void
what_cannot_be_applied_is_given_up_at_close(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	Error err = ERROR_INIT;
	int done = 0;
	forbid_writes(true);
	CatalogChange *change = NULL;
	ok(catalog_change_define(def, &change, &err), &err);
	catalog_change_then(change, count_durable, &done);
	catalog_apply(catalog, change, 20);
	catalog_close(catalog);
	forbid_writes(false);
	assert_int_equal(done, 100);
	CatalogState found;
	catalog = open_catalog(&dir, &found);
	assert_int_equal(found.applied_seq, 0);
	dump_is(catalog, "database mobius\n");
	catalog_close(catalog);
	table_def_unref(def);
	assert_int_equal(mem_live(), 0);
}

static void
opening_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	for (int existing = 0; existing < 2; existing++) {
		SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
		if (existing != 0)
			catalog_close(open_catalog(&dir, NULL));
		for (long nth = 0;; nth++) {
			Catalog *catalog = NULL;
			CatalogState found = {.applied_seq = 123};
			Error err = ERROR_INIT;
			fault_arm(nth);
			Status st = catalog_open(dir.db, &catalog, &found, &err);
			bool failed = fault_disarm();
			if (!failed) {
				ok(st, &err);
				dump_is(catalog, "database mobius\n");
				catalog_close(catalog);
				break;
			}
			assert_true(st == ST_NO_MEMORY || st == ST_IO);
			assert_null(catalog);
			assert_int_equal(found.applied_seq, 123);
			assert_int_equal(mem_live(), 0);
		}
	}
}

static void
a_publication_is_whole_or_not_at_all(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 1);
	Error err = ERROR_INIT;
	FileMeta files[] = {file_of(7, 1, 2, 3), file_of(7, 2, 4, 5)};
	ok(publish_file(catalog, &files[0], &err), &err);
	Buf before = BUF_INIT;
	ok(dump(catalog, &before, &err), &err);
	for (long nth = 0;; nth++) {
		uint64_t removed[] = {1};
		CatalogFlushed flushed = {7, 5, 0};
		fault_arm(nth);
		CatalogEdit edit = {.files = &files[1],
							.file_count = 1,
							.removed = removed,
							.removed_count = 1,
							.flushed = &flushed,
							.flushed_count = 1};
		Status st = catalog_publish(catalog, &edit, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		if (!failed)
			break;
		dump_is(catalog, buf_text(&before));
	}
	Buf after = BUF_INIT;
	ok(dump(catalog, &after, &err), &err);
	assert_null(strstr(buf_text(&after), "file 1 "));
	assert_non_null(strstr(buf_text(&after), "file 2 "));
	assert_non_null(strstr(buf_text(&after), "flushed 7 to 5"));
	buf_close(&before);
	buf_close(&after);
	catalog_close(catalog);
	table_def_unref(def);
}

static void
a_fault_in_the_thread_delays_a_change(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	Error err = ERROR_INIT;
	uint64_t seq = 10;
	bool failed = true;
	for (long nth = 0; failed; nth++, seq++) {
		CatalogChange *change = NULL;
		ok(catalog_change_define(def, &change, &err), &err);
		fault_arm(nth);
		catalog_apply(catalog, change, seq);
		Buf text = BUF_INIT;
		Status st = dump(catalog, &text, &err); // the thread has tried by then
		failed = fault_disarm();
		assert_true(st == ST_OK || failed);
		buf_close(&text);
		// Without faults it is applied as soon as anybody asks.
		ok(dump(catalog, &text, &err), &err);
		assert_int_equal(catalog_applied_seq(catalog), seq);
		buf_close(&text);
	}
	catalog_close(catalog);
	table_def_unref(def);
	assert_int_equal(mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_has_an_epoch_and_one_database),
		cmocka_unit_test(what_is_applied_is_there_after_a_restart_however_often),
		cmocka_unit_test(closing_finishes_what_was_queued),
		cmocka_unit_test(files_are_published_and_removed),
		cmocka_unit_test(a_drop_takes_everything),
		cmocka_unit_test(ids_are_given_once),
		cmocka_unit_test(what_is_queued_keeps_the_log),
		cmocka_unit_test(without_disk_changes_wait_and_calls_fail),
		cmocka_unit_test(what_cannot_be_applied_is_given_up_at_close),
		cmocka_unit_test(opening_undoes_itself_on_every_fault),
		cmocka_unit_test(a_publication_is_whole_or_not_at_all),
		cmocka_unit_test(a_fault_in_the_thread_delays_a_change),
	};
	return RUN(tests);
}
