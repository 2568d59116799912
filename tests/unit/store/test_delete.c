#include <stdatomic.h>

#include "deletes.h"

static void
rig_up(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

static void
fill(uint8_t model[MOST_N], int64_t from, int64_t to)
{
	for (int64_t n = from; n < to; n++)
		model[n] = 1;
}

static void
clear(uint8_t model[MOST_N], int64_t from, int64_t to, int64_t step)
{
	for (int64_t n = from; n < to; n++)
		if (n % step == 0)
			model[n] = 0;
}

// Large batches, small ones beside each other, and some in a chunk.
static int64_t
put_mixed(Rig *rig, Table *table, uint8_t model[MOST_N])
{
	int64_t n = 0;
	put_rows(rig, table, n, n + 3000);
	n += 3000;
	for (int i = 0; i < 40; i++, n += 7)
		put_rows(rig, table, n, n + 7);
	fill(model, 0, n);
	return n;
}

static void
deleted_rows_are_gone_for_who_looks_later(void **state)
{
	(void)state;
	Rig rig;
	uint8_t before[MOST_N] = {0}, model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	int64_t end = put_mixed(&rig, table, model);
	memcpy(before, model, sizeof(model));
	Snapshot *old = snapshot_of(&rig, table);

	assert_int_equal(delete_where(&rig, table, NULL, every, 3), (end + 2) / 3);
	clear(model, 0, end, 3);
	put_rows(&rig, table, end, end + 12); // later appends survive
	fill(model, end, end + 12);
	sees(&rig, table, model);
	snapshot_sees(&rig, old, before);
	Snapshot *now = snapshot_of(&rig, table);
	assert_int_equal(view_deleted_rows(&now->tables[0], now->seq), (end + 2) / 3);
	assert_int_equal(view_deleted_rows(&old->tables[0], old->seq), 0);
	snapshot_free(now);

	flush_all(&rig);
	assert_int_equal(delete_where(&rig, table, NULL, every, 5), (end + 12) / 5 - end / 15);
	clear(model, 0, end + 12, 5);
	sees(&rig, table, model);
	snapshot_sees(&rig, old, before);
	snapshot_free(old);
	table_unref(table);
	rig_close(&rig);
}

static void
a_deletion_is_seen_with_its_seq_and_not_before(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 100);
	flush_all(&rig);
	put_rows(&rig, table, 100, 200);
	fill(model, 0, 200);
	Finding *f = calloc(1, sizeof(*f));
	f->wanted = every;
	f->arg = 2;
	Snapshot *snapshot = snapshot_of(&rig, table);
	find_rows(&rig, snapshot, f);
	snapshot_free(snapshot);
	assert_int_equal(f->count, 100);

	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	ok(store_delete_new(rig.store, table, f->rows, f->count, &del, &err), &err);
	sees(&rig, table, model);
	store_apply_delete(rig.store, del, ++rig.seq);
	sees(&rig, table, model);
	store_publish(rig.store, rig.seq);
	clear(model, 0, 200, 2);
	sees(&rig, table, model);
	free(f);
	table_unref(table);
	rig_close(&rig);
}

static void
a_segment_that_went_is_a_conflict_and_changes_nothing(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 10);
	fill(model, 0, 10);
	Snapshot *snapshot = snapshot_of(&rig, table);
	uint64_t id = segment_stats(snapshot->tables[0].segments[0]).id;
	snapshot_free(snapshot);
	flush_all(&rig); // the file has the segment's id

	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	RowAddress memory = {id, 3, false}, beyond = {id, 10, true}, below = {id, -1, true};
	assert_int_equal(store_delete_new(rig.store, table, &memory, 1, &del, &err), ST_CONFLICT);
	assert_int_equal(store_delete_new(rig.store, table, &beyond, 1, &del, &err), ST_INVALID);
	says(&err, "no row 10");
	assert_int_equal(store_delete_new(rig.store, table, &below, 1, &del, &err), ST_INVALID);
	sees(&rig, table, model);
	drop(&rig, table);
	assert_int_equal(store_delete_new(rig.store, table, &memory, 1, &del, &err), ST_NOT_FOUND);
	assert_int_equal(store_truncate_new(rig.store, table, &del, &err), ST_NOT_FOUND);
	table_unref(table);
	rig_close(&rig);
}

static void
addresses_may_repeat_and_come_in_any_order(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 20);
	fill(model, 0, 20);
	Snapshot *snapshot = snapshot_of(&rig, table);
	uint64_t id = segment_stats(snapshot->tables[0].segments[0]).id;
	snapshot_free(snapshot);
	const RowAddress rows[] = {
		{id, 9, false}, {id, 2, false}, {id, 9, false}, {id, 19, false}, {id, 2, false}};
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	ok(store_delete_new(rig.store, table, rows, COUNT(rows), &del, &err), &err);
	commit_delete(&rig, NULL, del);
	model[2] = model[9] = model[19] = 0;
	sees(&rig, table, model);
	// Once more: nothing changes, and the count stays right.
	ok(store_delete_new(rig.store, table, rows, COUNT(rows), &del, &err), &err);
	commit_delete(&rig, NULL, del);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

// ---- flush ----

static void
a_flush_leaves_out_what_was_deleted(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	int64_t end = put_mixed(&rig, table, model);
	delete_where(&rig, table, NULL, every, 4);
	clear(model, 0, end, 4);
	flush_all(&rig);
	Snapshot *snapshot = snapshot_of(&rig, table);
	FileSet *files = snapshot->tables[0].files;
	assert_int_equal(file_set_count(files), 1);
	assert_int_equal(data_file_meta(file_set_at(files, 0))->rows, end - end / 4);
	assert_null(file_set_mask(files, 0));
	snapshot_free(snapshot);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

static void
a_segment_without_rows_leaves_no_file(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 50);
	delete_where(&rig, table, NULL, every, 1);
	uint64_t seq = rig.seq;
	flush_all(&rig);
	assert_int_equal(files_of(&rig, table), 0);
	sees(&rig, table, model);
	assert_int_equal(store_flushed_seq(table), seq - 1);
	put_rows(&rig, table, 50, 60);
	flush_all(&rig);
	fill(model, 50, 60);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

// Nothing of it is done, unless `done`: the table's rewrite lock is held.
static void
flush_sealed(Rig *rig, bool done)
{
	Error err = ERROR_INIT;
	bool did;
	int64_t rows;
	ok(store_flush_one(rig->store, rig->conn, &did, &rows, &err), &err);
	assert_int_equal(did, done);
	assert_int_equal(store_flush_waits(rig->store), !done);
}

// The flush of the table's only segment has its file and waits for the rewrite lock, which the
// caller holds.
static void
begin_flush(Rig *rig, Table *table)
{
	char path[192];
	store_seal(rig->store, table, 0);
	Snapshot *snapshot = snapshot_of(rig, table);
	snprintf(path, sizeof(path), "%s/files/1/%" PRIu64 ".parquet", rig->dir,
			 segment_stats(snapshot->tables[0].segments[0]).id);
	snapshot_free(snapshot);
	flush_sealed(rig, false);
	assert_true(exists(path));
}

static void
delete_now(Rig *rig, Table *table, const Finding *f)
{
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	ok(store_delete_new(rig->store, table, f->rows, f->count, &del, &err), &err);
	commit_delete(rig, NULL, del);
}

static void
what_is_deleted_while_a_file_is_written_is_masked_in_it(void **state)
{
	(void)state;
	for (int with_ids = 0; with_ids < 2; with_ids++) {
		Rig rig;
		uint8_t model[MOST_N] = {0};
		rig_new(&rig);
		rig.series_limit = with_ids ? 1000 : 1;
		rig_add_duck(&rig);
		rig_open(&rig);
		Table *table = add_table(&rig, 1);
		int64_t end = put_mixed(&rig, table, model);
		delete_where(&rig, table, NULL, every, 7);
		clear(model, 0, end, 7);
		Finding *f = calloc(1, sizeof(*f));
		*f = (Finding){.wanted = every, .arg = 5};
		Snapshot *snapshot = snapshot_of(&rig, table);
		find_rows(&rig, snapshot, f);
		snapshot_free(snapshot);

		table_rewrite_lock(table);
		begin_flush(&rig, table);
		delete_now(&rig, table, f);
		clear(model, 0, end, 5);
		sees(&rig, table, model);
		uint64_t seq = rig.seq;
		table_rewrite_unlock(table);
		flush_sealed(&rig, true);

		snapshot = snapshot_of(&rig, table);
		const Mask *mask = file_set_mask(snapshot->tables[0].files, 0);
		assert_int_equal(mask_count(mask), f->count);
		assert_int_equal(mask_seq(mask), seq);
		snapshot_free(snapshot);
		sees(&rig, table, model);
		// The catalog had it in the same step.
		table_unref(table);
		rig_shut(&rig);
		rig_open(&rig);
		table = table_by_id(&rig, 1);
		sees(&rig, table, model);
		free(f);
		table_unref(table);
		rig_close(&rig);
	}
}

static void
a_table_that_is_held_keeps_no_other_from_being_flushed(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0}, late[MOST_N] = {0};
	rig_up(&rig);
	Table *held = add_table(&rig, 1), *other = add_table(&rig, 2);
	put_rows(&rig, held, 0, 100); // the oldest
	fill(model, 0, 100);
	put_rows(&rig, other, 0, 10);
	fill(late, 0, 10);
	table_rewrite_lock(held);
	store_seal(rig.store, NULL, 0);
	Error err = ERROR_INIT;
	bool did;
	int64_t rows;
	ok(store_flush_one(rig.store, rig.conn, &did, &rows, &err), &err);
	assert_true(did);
	assert_int_equal(rows, 10);
	assert_int_equal(files_of(&rig, other), 1);
	assert_int_equal(files_of(&rig, held), 0);
	put_rows(&rig, held, 100, 120); // behind what waits
	fill(model, 100, 120);
	store_seal(rig.store, NULL, 0);
	flush_sealed(&rig, false);
	table_rewrite_unlock(held);
	flush_sealed(&rig, true);
	flush_all(&rig);
	assert_int_equal(files_of(&rig, held), 2);
	sees(&rig, held, model);
	sees(&rig, other, late);

	// What waits when it ends is of nobody, and its rows are in the log.
	put_rows(&rig, other, 10, 20);
	table_rewrite_lock(other);
	store_seal(rig.store, other, 0);
	flush_sealed(&rig, false);
	table_rewrite_unlock(other);
	table_unref(held);
	table_unref(other);
	rig_shut(&rig);
	rig_open(&rig);
	other = table_by_id(&rig, 2);
	assert_int_equal(files_of(&rig, other), 1);
	table_unref(other);
	rig_close(&rig);
}

static void
a_truncation_ends_a_flush_that_is_under_way(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 100);
	table_rewrite_lock(table);
	begin_flush(&rig, table);
	StoreDelete *del = NULL;
	ok(store_truncate_new(rig.store, table, &del, &err), &err);
	commit_delete(&rig, NULL, del);
	table_rewrite_unlock(table);
	flush_sealed(&rig, true);
	assert_int_equal(files_of(&rig, table), 0);
	put_rows(&rig, table, 100, 120);
	fill(model, 100, 120);
	sees(&rig, table, model);
	flush_all(&rig);
	sees(&rig, table, model);
	assert_int_equal(files_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

// Else a deletion that failed with the sync, and is in the log all the same, would not find its
// rows any more.
static void
nothing_is_flushed_behind_a_failed_sync(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Error err = ERROR_INIT;
	bool did;
	int64_t rows;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 10);
	fill(model, 0, 10);
	store_seal(rig.store, table, 0);
	store_freeze(rig.store);
	assert_int_equal(store_flush_one(rig.store, rig.conn, &did, &rows, &err), ST_UNAVAILABLE);
	assert_int_equal(files_of(&rig, table), 0);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

// ---- all rows ----

static void
a_truncated_table_is_empty_and_goes_on(void **state)
{
	(void)state;
	Rig rig;
	uint8_t before[MOST_N] = {0}, model[MOST_N] = {0};
	char path[192];
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 100);
	flush_all(&rig);
	put_rows(&rig, table, 100, 200);
	store_seal(rig.store, table, 0);
	put_rows(&rig, table, 200, 300);
	fill(before, 0, 300);
	Snapshot *old = snapshot_of(&rig, table);
	snprintf(path, sizeof(path), "%s", data_file_path(file_set_at(old->tables[0].files, 0)));

	truncate_table(&rig, table, NULL);
	sees(&rig, table, model);
	snapshot_sees(&rig, old, before);
	assert_int_equal(store_flushed_seq(table), rig.seq);
	put_rows(&rig, table, 300, 310);
	fill(model, 300, 310);
	sees(&rig, table, model);
	settle(&rig);
	assert_true(exists(path));
	snapshot_free(old);
	assert_false(exists(path)); // with its last reader

	truncate_table(&rig, table, NULL);
	truncate_table(&rig, table, NULL); // an empty one
	memset(model, 0, sizeof(model));
	sees(&rig, table, model);
	table_unref(table);
	rig_shut(&rig);
	rig_open(&rig);
	table = table_by_id(&rig, 1);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

static void
commits_behind_a_truncation_in_the_same_breath_stay(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 10);
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	StoreDelete *del = NULL;
	ok(store_truncate_new(rig.store, table, &del, &err), &err);
	store_apply_delete(rig.store, del, ++rig.seq);
	apply_batch(&rig, table, shape, host_batch(table_schema(def), 10, 20, 3));
	fill(model, 0, 10);
	sees(&rig, table, model);
	store_publish(rig.store, rig.seq);
	memset(model, 0, sizeof(model));
	fill(model, 10, 20);
	sees(&rig, table, model);
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
a_drop_in_the_same_breath_wins(void **state)
{
	(void)state;
	Rig rig;
	Error err = ERROR_INIT;
	rig_up(&rig);
	for (uint32_t id = 1; id < 3; id++) {
		Table *table = add_table(&rig, id);
		put_rows(&rig, table, 0, 10);
		flush_all(&rig);
		Snapshot *snapshot = snapshot_of(&rig, table);
		uint64_t segment = data_file_meta(file_set_at(snapshot->tables[0].files, 0))->segment_id;
		snapshot_free(snapshot);
		StoreDelete *del = NULL;
		if (id == 1)
			ok(store_truncate_new(rig.store, table, &del, &err), &err);
		else
			ok(store_delete_new(rig.store, table, &(RowAddress){segment, 1, true}, 1, &del, &err),
			   &err);
		store_apply_delete(rig.store, del, ++rig.seq);
		drop(&rig, table);
		table_unref(table);
	}
	rig_close(&rig);
}

// ---- faults ----

static void
what_a_fault_stops_changes_nothing(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 50);
	flush_all(&rig);
	put_rows(&rig, table, 50, 100);
	fill(model, 0, 100);
	Finding *f = calloc(1, sizeof(*f));
	*f = (Finding){.wanted = every, .arg = 3};
	Snapshot *snapshot = snapshot_of(&rig, table);
	find_rows(&rig, snapshot, f);
	snapshot_free(snapshot);
	for (int all = 0; all < 2; all++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			StoreDelete *del = NULL;
			Buf payload = BUF_INIT;
			Error err = ERROR_INIT;
			fault_arm(nth);
			Status st = all ? store_truncate_new(rig.store, table, &del, &err)
							: store_delete_new(rig.store, table, f->rows, f->count, &del, &err);
			if (st == ST_OK)
				st = store_delete_encode(del, &payload, &err);
			failed = fault_disarm();
			assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
			store_delete_free(del);
			buf_close(&payload);
			sees(&rig, table, model);
		}
	}
	free(f);
	table_unref(table);
	rig_close(&rig);
}

// ---- at the same time ----

typedef struct Readers {
	Rig *rig;
	Table *table;
	atomic_bool stop;
	_Atomic int64_t looks;
} Readers;

static Status
count_part(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	uint32_t rows[MOST_N];
	int64_t *count = arg;
	int64_t live = part_live(part, 0, part->rows, rows);
	assert_int_equal(live, part->rows - part_dead_rows(part));
	*count += live;
	return ST_OK;
}

// Each commit deletes as many rows as it adds, so every snapshot has the same number.
static void
read_on(void *arg)
{
	Readers *r = arg;
	while (!atomic_load(&r->stop)) {
		Snapshot *snapshot = snapshot_of(r->rig, r->table);
		const TableView *view = &snapshot->tables[0];
		int64_t rows = 0;
		Error err = ERROR_INIT;
		for (int32_t i = 0; i < file_set_count(view->files); i++)
			rows += data_file_meta(file_set_at(view->files, i))->rows -
					mask_count(file_set_mask(view->files, i));
		for (int32_t i = 0; i < view->segment_count; i++)
			ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, count_part,
							&rows, &err),
			   &err);
		assert_int_equal(rows, 500);
		assert_int_equal(view_rows(view, snapshot->seq), 500);
		snapshot_free(snapshot);
		atomic_fetch_add(&r->looks, 1);
	}
}

// Rows [from, from + count) are deleted and as many added, in one commit.
static void
move_rows(Rig *rig, Table *table, int64_t from, int64_t count)
{
	Finding *f = calloc(1, sizeof(*f));
	StoreDelete *del = NULL;
	SegmentInsert *insert = NULL;
	Error err = ERROR_INIT;
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	Batch *batch = host_batch(table_schema(def), from + 500, from + 500 + count, 7);
	table_rewrite_lock(table);
	Snapshot *snapshot = snapshot_of(rig, table);
	*f = (Finding){.wanted = every, .arg = 1};
	find_rows(rig, snapshot, f);
	snapshot_free(snapshot);
	int64_t some = 0;
	for (int64_t i = 0; i < f->count && some < count; i++)
		f->rows[some++] = f->rows[i];
	ok(store_delete_new(rig->store, table, f->rows, some, &del, &err), &err);
	ok(try_insert(rig, table, shape, batch, &insert, &err), &err);
	store_apply_delete(rig->store, del, ++rig->seq);
	store_apply_insert(rig->store, table, insert, rig->seq);
	store_publish(rig->store, rig->seq);
	table_rewrite_unlock(table);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	free(f);
}

static void
run_flushes(void *arg)
{
	Readers *r = arg;
	while (!atomic_load(&r->stop)) {
		Error err = ERROR_INIT;
		bool did;
		int64_t rows;
		ok(store_flush_one(r->rig->store, r->rig->conn, &did, &rows, &err), &err);
		ok(store_keep_masks(r->rig->store, &err), &err);
		sched_yield();
	}
}

static void
readers_see_whole_commits_while_rows_go_and_files_come(void **state)
{
	(void)state;
	Rig rig;
	rig_up(&rig);
	Error err = ERROR_INIT;
	DuckConn *flush_conn = rig.conn;
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 500);
	Readers readers = {.rig = &rig, .table = table};
	Rig flush_rig = rig;
	Readers flushes = {.rig = &flush_rig, .table = table};
	ok(duck_connect(rig.duck, &rig.conn, &err), &err);
	Thread *threads[3];
	for (int i = 0; i < 2; i++)
		ok(thread_start(&(ThreadOptions){.name = "reader", .stack_bytes = 8 << 20}, read_on,
						&readers, &threads[i], &err),
		   &err);
	ok(thread_start(&(ThreadOptions){.name = "flush", .stack_bytes = 8 << 20}, run_flushes,
					&flushes, &threads[2], &err),
	   &err);
	for (int64_t i = 0; i < 60 || atomic_load(&readers.looks) < 100; i++) {
		move_rows(&rig, table, i % 60 * 11, 11);
		if (i % 7 == 0)
			store_seal(rig.store, table, 0);
	}
	atomic_store(&readers.stop, true);
	atomic_store(&flushes.stop, true);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	duck_disconnect(flush_conn);
	table_unref(table);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_rows_are_gone_for_who_looks_later),
		cmocka_unit_test(a_deletion_is_seen_with_its_seq_and_not_before),
		cmocka_unit_test(a_segment_that_went_is_a_conflict_and_changes_nothing),
		cmocka_unit_test(addresses_may_repeat_and_come_in_any_order),
		cmocka_unit_test(a_flush_leaves_out_what_was_deleted),
		cmocka_unit_test(a_segment_without_rows_leaves_no_file),
		cmocka_unit_test(what_is_deleted_while_a_file_is_written_is_masked_in_it),
		cmocka_unit_test(a_table_that_is_held_keeps_no_other_from_being_flushed),
		cmocka_unit_test(a_truncation_ends_a_flush_that_is_under_way),
		cmocka_unit_test(nothing_is_flushed_behind_a_failed_sync),
		cmocka_unit_test(a_truncated_table_is_empty_and_goes_on),
		cmocka_unit_test(commits_behind_a_truncation_in_the_same_breath_stay),
		cmocka_unit_test(a_drop_in_the_same_breath_wins),
		cmocka_unit_test(what_a_fault_stops_changes_nothing),
		cmocka_unit_test(readers_see_whole_commits_while_rows_go_and_files_come),
	};
	return RUN(tests);
}
