// Snapshots while a writer commits and a flusher flushes: seq, files and memory agree.

#include <stdatomic.h>

#include "rig.h"

enum { TABLES = 2, COMMITS = 1200, SEAL_EVERY = 30 };

typedef struct Shared {
	Rig rig;
	Table *tables[TABLES];
	uint64_t first_seq; // of the rows
	atomic_bool written;
	atomic_bool done;
} Shared;

static int64_t
rows_of_commit(uint64_t seq)
{
	return 1 + (int64_t)(seq * 5 % 7);
}

// Commit seq goes to table seq % TABLES; its rows have n = seq.
static Batch *
commit_batch(Schema *schema, uint64_t seq)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = 0; i < rows_of_commit(seq); i++) {
		column_add_int(builder_column(builder, 0), (int64_t)seq);
		column_add_text(builder_column(builder, 1), i % 2 == 0 ? "even" : "odd");
		column_add_int(builder_column(builder, 2), (int64_t)seq);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static void
run_writer(void *arg)
{
	Shared *shared = arg;
	Rig *rig = &shared->rig;
	Shape *shapes[TABLES];
	for (uint32_t t = 0; t < TABLES; t++) {
		TableDef *def = table_current(shared->tables[t]);
		shapes[t] = shape_of(t + 1, def, host_schema());
		table_def_unref(def);
	}
	for (uint64_t i = 0; i < COMMITS; i++) {
		uint64_t seq = rig->seq + 1;
		apply_batch(rig, shared->tables[seq % TABLES], shapes[seq % TABLES],
					commit_batch(shape_schema(shapes[0]), seq));
		if (i % 3 == 0) // groups of three
			store_publish(rig->store, rig->seq);
		if (i % SEAL_EVERY == 0)
			store_seal(rig->store, shared->tables[i / SEAL_EVERY % TABLES], 0);
	}
	store_publish(rig->store, rig->seq);
	for (uint32_t t = 0; t < TABLES; t++)
		shape_unref(shapes[t]);
	atomic_store(&shared->written, true);
}

static void
run_flusher(void *arg)
{
	Shared *shared = arg;
	for (bool last = false; !last;) {
		last = atomic_load(&shared->written);
		bool did = true;
		while (did) {
			int64_t rows;
			Error err = ERROR_INIT;
			ok(store_flush_one(shared->rig.store, shared->rig.conn, &did, &rows, &err), &err);
		}
		sched_yield();
	}
	atomic_store(&shared->done, true);
}

// Rows of a table's commits from … to, both inclusive; their n summed up in *sum.
static int64_t
expected_rows(uint64_t table, uint64_t from, uint64_t to, int64_t *sum)
{
	int64_t rows = 0;
	for (uint64_t seq = from; seq <= to; seq++) {
		if (seq % TABLES != table)
			continue;
		rows += rows_of_commit(seq);
		*sum += rows_of_commit(seq) * (int64_t)seq;
	}
	return rows;
}

typedef struct Sum {
	int64_t rows;
	int64_t sum;
} Sum;

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	Sum *sum = arg;
	sum->rows += part->rows;
	for (int64_t i = 0; i < part->rows; i++)
		sum->sum += int64_at(batch_column(part->batch, 2), i);
	return ST_OK;
}

static void
check_view(const Shared *shared, const TableView *view, uint64_t seq)
{
	uint64_t table = view->table == shared->tables[0] ? 0 : 1;
	Sum seen = {0};
	uint64_t flushed = 0;
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		assert_true(meta->min_seq > flushed && meta->max_seq <= seq);
		flushed = meta->max_seq;
		int64_t rows = expected_rows(table, meta->min_seq, meta->max_seq, &seen.sum);
		assert_int_equal(meta->rows, rows);
		seen.rows += rows;
	}
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < view->segment_count; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		assert_true(stats.min_seq == 0 || stats.min_seq > flushed);
		ok(segment_each(view->segments[i], seq, INT64_MIN, INT64_MAX, add_part, &seen, &err), &err);
	}
	Sum all = {0};
	all.rows = expected_rows(table, shared->first_seq, seq, &all.sum);
	assert_int_equal(seen.rows, all.rows);
	assert_int_equal(seen.sum, all.sum);
	assert_int_equal(view_rows(view, seq), all.rows);
}

static void
run_reader(void *arg)
{
	Shared *shared = arg;
	uint64_t last = 0;
	for (bool end = false; !end;) {
		end = atomic_load(&shared->done);
		Snapshot *snapshot = NULL;
		Error err = ERROR_INIT;
		ok(store_snapshot(shared->rig.store, shared->tables, TABLES, &snapshot, &err), &err);
		assert_true(snapshot->seq >= last);
		last = snapshot->seq;
		for (int32_t t = 0; t < TABLES; t++)
			check_view(shared, &snapshot->tables[t], snapshot->seq);
		snapshot_free(snapshot);
	}
}

static void
each_snapshot_has_every_row_once(void **state)
{
	(void)state;
	static Shared shared;
	rig_new(&shared.rig);
	rig_add_duck(&shared.rig);
	shared.rig.segment_bytes = 20000;
	rig_open(&shared.rig);
	for (uint32_t t = 0; t < TABLES; t++)
		shared.tables[t] = add_table(&shared.rig, t + 1);
	shared.first_seq = shared.rig.seq + 1;
	void (*const runs[])(void *) = {run_writer, run_flusher, run_reader, run_reader};
	Thread *threads[COUNT_OF(runs)];
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		ok(thread_start(&(ThreadOptions){.name = "store", .stack_bytes = 8 << 20}, runs[i], &shared,
						&threads[i], &err),
		   &err);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		thread_join(threads[i]);
	assert_true(files_of(&shared.rig, shared.tables[0]) > 3);
	flush_all(&shared.rig);
	int64_t sum = 0, rows[TABLES];
	for (uint32_t t = 0; t < TABLES; t++) {
		rows[t] = expected_rows(t, shared.first_seq, shared.rig.seq, &sum);
		assert_int_equal(rows_of(&shared.rig, shared.tables[t]), rows[t]);
		table_unref(shared.tables[t]);
	}
	assert_int_equal(budget_used(shared.rig.budget), 0);
	rig_shut(&shared.rig);
	rig_open(&shared.rig);
	for (uint32_t t = 0; t < TABLES; t++) {
		Table *table = table_by_id(&shared.rig, t + 1);
		assert_int_equal(rows_of(&shared.rig, table), rows[t]);
		table_unref(table);
	}
	rig_close(&shared.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_snapshot_has_every_row_once),
	};
	return RUN(tests);
}
