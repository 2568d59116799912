// The newest row of each series, as rows come, go to files and are worked out from history; and
// what a reader sees of it beside a writer.

#include <stdatomic.h>

#include "../store/rig.h"
#include "live/newest_source.h"

typedef struct Newest {
	Rig rig;
	NewestRows *all;
	Table *table;
	Shape *shape;
	TableDef *def;
	int wakes;
} Newest;

static void
note_wake(void *arg)
{
	((Newest *)arg)->wakes++;
}

static void
newest_open(Newest *n, uint64_t limit, bool files)
{
	Error err = ERROR_INIT;
	*n = (Newest){0};
	rig_new(&n->rig);
	if (files)
		rig_add_duck(&n->rig);
	rig_open(&n->rig);
	NewestOptions options = {.limit = limit, .wake = note_wake, .arg = n};
	ok(newest_rows_new(&options, &n->all, &err), &err);
	n->def = host_table();
	apply_define(&n->rig, n->def);
	n->table = table_by_id(&n->rig, 1);
	n->shape = whole_shape(n->def);
}

static void
newest_close(Newest *n)
{
	shape_unref(n->shape);
	table_def_unref(n->def);
	table_unref(n->table);
	rig_shut(&n->rig);
	newest_rows_free(n->all);
	rig_close(&n->rig);
}

// ---- commits ----

static Status
make_put(Newest *n, Batch *batch, SegmentInsert **insert, NewestPut **put, Error *err)
{
	TRY(try_insert(&n->rig, n->table, n->shape, batch, insert, err));
	return newest_put_new(n->all, n->table, *insert, put, err);
}

static void
apply_put(Newest *n, SegmentInsert *insert, NewestPut *put)
{
	newest_put_begin(n->all, n->table, put);
	SegmentSpot spot = store_apply_insert(n->rig.store, n->table, insert, ++n->rig.seq);
	if (put != NULL)
		newest_put_place(put, spot);
}

static void
show_put(Newest *n, NewestPut *put)
{
	newest_rows_lock(n->all);
	if (put != NULL)
		newest_put_enter(put, n->rig.seq);
	store_show(n->rig.store, n->rig.seq);
	newest_rows_unlock(n->all);
	store_settle(n->rig.store);
	newest_put_free(put);
}

static void
put_batch(Newest *n, Batch *batch)
{
	SegmentInsert *insert = NULL;
	NewestPut *put = NULL;
	Error err = ERROR_INIT;
	ok(make_put(n, batch, &insert, &put, &err), &err);
	batch_unref(batch);
	apply_put(n, insert, put);
	show_put(n, put);
}

static void
put_text_rows(Newest *n, const char *text)
{
	put_batch(n, batch_of(shape_schema(n->shape), text));
}

// ---- what is read ----

static Status
read_rows(Newest *n, const bool *columns, const char *host, Buf *out, Error *err)
{
	SqlNewest source = newest_source(n->all);
	void *view = NULL;
	source.lock(source.ctx);
	Status st = source.acquire(source.ctx, n->table, &view, err);
	source.unlock(source.ctx);
	TRY(st);
	if (view == NULL) {
		buf_add_text(out, "in doubt");
		return ST_OK;
	}
	Schema *tags = SCHEMA(field_of("host", TYPE_UTF8));
	Shape *shape = shape_of(9, n->def, schema_ref(tags));
	Batch *wanted_tags = host != NULL ? batch_of(tags, host) : NULL;
	SqlWanted wanted = {.def = n->def,
						.columns = columns,
						.min_time = INT64_MIN,
						.max_time = INT64_MAX,
						.tags = wanted_tags,
						.tags_shape = shape};
	BatchScan scan = {0};
	st = source.rows(view, &wanted, &scan, err);
	for (int64_t p = 0; st == ST_OK && p < scan.part_count; p++) {
		const BatchPart *part = &scan.parts[p];
		for (int64_t i = part->from; i < part->from + part->rows; i++) {
			for (int32_t c = 0; c < 3; c++) {
				buf_add_text(out, c > 0 ? "|" : "");
				if (part->map[c] < 0)
					buf_add_text(out, "-");
				else
					render_value(schema_field(batch_schema(part->batch), part->map[c]),
								 batch_column(part->batch, part->map[c]), i, out);
			}
			buf_add_text(out, "\n");
		}
	}
	if (st == ST_OK)
		scan.release(scan.owner);
	source.release(view);
	batch_unref(wanted_tags);
	shape_unref(shape);
	schema_unref(tags);
	return st;
}

static void
newest_is(Newest *n, const char *want)
{
	static const bool all[] = {true, true, true};
	SCOPED(buf_close) Buf got = BUF_INIT;
	Error err = ERROR_INIT;
	ok(read_rows(n, all, NULL, &got, &err), &err);
	assert_string_equal(buf_text(&got), want);
}

static void
state_is(Newest *n, const char *want)
{
	SCOPED(buf_close) Buf got = BUF_INIT;
	newest_rows_state(n->all, n->table, &got);
	assert_string_equal(buf_text(&got), want);
}

static void
each_series_has_its_greatest_time_and_of_equals_the_last(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	state_is(&n, "in doubt");
	put_text_rows(&n, "5|a|1\n3|b|2\n5|a|3\n4|a|4");
	newest_is(&n, "5|a|3\n3|b|2\n");
	state_is(&n, "on");
	put_text_rows(&n, "4|a|5\n3|b|6\n1|~|7");
	newest_is(&n, "5|a|3\n3|b|6\n1|~|7\n");
	put_text_rows(&n, "9|c|8\n9|b|9\n8|b|10");
	newest_is(&n, "5|a|3\n9|b|9\n1|~|7\n9|c|8\n");
	newest_close(&n);
}

static void
a_lookup_finds_one_series_and_columns_that_are_not_asked_for_do_not_come(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	put_text_rows(&n, "5|a|1\n3|b|2");
	Error err = ERROR_INIT;
	static const bool some[] = {true, false, true};
	Buf got = BUF_INIT;
	ok(read_rows(&n, some, "b", &got, &err), &err);
	assert_string_equal(buf_text(&got), "3|-|2\n");
	buf_reset(&got);
	ok(read_rows(&n, some, "nobody", &got, &err), &err);
	assert_string_equal(buf_text(&got), "");
	buf_close(&got);
	newest_close(&n);
}

static Batch *
series_batch(Newest *n, int64_t from, int64_t count, int64_t time)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(shape_schema(n->shape), &builder, &err), &err);
	for (int64_t i = from; i < from + count; i++) {
		char host[32];
		snprintf(host, sizeof(host), "h%" PRId64, i);
		column_add_int(builder_column(builder, 0), time);
		column_add_text(builder_column(builder, 1), host);
		column_add_int(builder_column(builder, 2), time + i);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static int64_t
lines(const Buf *text)
{
	int64_t count = 0;
	for (size_t i = 0; i < text->len; i++)
		count += text->data[i] == '\n';
	return count;
}

static void
rows_that_were_flushed_are_gathered_and_the_memory_of_the_others_goes(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 16 << 20, true);
	Error err = ERROR_INIT;
	for (int64_t round = 0; round < 3; round++) {
		put_batch(&n, series_batch(&n, 0, 5000, 10 + round));
		put_batch(&n, series_batch(&n, 2500 * round, 2500, 100 + round));
		SCOPED(buf_close) Buf before = BUF_INIT;
		SCOPED(buf_close) Buf after = BUF_INIT;
		static const bool all[] = {true, true, true};
		ok(read_rows(&n, all, NULL, &before, &err), &err);
		flush_all(&n.rig);
		ok(newest_rows_tidy(n.all, n.table, &err), &err);
		assert_int_equal(budget_used(n.rig.budget), 0);
		ok(read_rows(&n, all, NULL, &after, &err), &err);
		assert_string_equal(buf_text(&before), buf_text(&after));
		assert_int_equal(lines(&after), round < 2 ? 5000 : 7500);
	}
	newest_close(&n);
}

static void
what_is_in_doubt_is_worked_out_beside_what_comes(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	Error err = ERROR_INIT;
	put_text_rows(&n, "5|a|1\n3|b|2");
	newest_rows_lock(n.all);
	newest_rows_doubt(n.all, n.table);
	newest_rows_unlock(n.all);
	uint64_t generation, later;
	NewestHits *none = NULL;
	Buf where = BUF_INIT;
	assert_false(newest_rows_wanted(n.all, n.table, &generation, &where));
	newest_is(&n, "in doubt");
	newest_is(&n, "in doubt");
	assert_int_equal(n.wakes, 1);
	assert_true(newest_rows_wanted(n.all, n.table, &generation, &where));
	put_text_rows(&n, "4|a|3\n7|b|4\n1|c|5");
	newest_is(&n, "in doubt");
	Batch *history = batch_of(shape_schema(n.shape), "5|a|1\n3|b|2");
	ok(newest_rows_settle(n.all, n.table, generation, n.shape, history, &err), &err);
	assert_true(newest_rows_settled(n.all, n.table, generation));
	newest_is(&n, "5|a|1\n7|b|4\n1|c|5\n");
	// What was worked out before a deletion is nothing behind it.
	newest_rows_lock(n.all);
	newest_rows_doubt(n.all, n.table);
	newest_rows_unlock(n.all);
	newest_is(&n, "in doubt");
	ok(newest_rows_settle(n.all, n.table, generation, n.shape, history, &err), &err);
	assert_false(newest_rows_settled(n.all, n.table, generation));
	assert_true(newest_rows_wanted(n.all, n.table, &later, &where));
	assert_true(newest_rows_settled(n.all, n.table, later));
	newest_is(&n, "");
	newest_rows_lock(n.all);
	newest_rows_delete(n.all, n.table, DELETE_ALL, &none);
	newest_rows_unlock(n.all);
	put_text_rows(&n, "2|a|6");
	newest_is(&n, "2|a|6\n");
	batch_unref(history);
	newest_close(&n);
}

static void
delete_hits(Newest *n, NewestHits *hits)
{
	newest_rows_lock(n->all);
	newest_rows_delete(n->all, n->table, DELETE_SOME, &hits);
	newest_rows_unlock(n->all);
	newest_hits_free(hits);
}

static void
a_deletion_puts_only_the_series_it_hits_in_doubt(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	Error err = ERROR_INIT;
	NewestHits *hits = NULL;
	Buf where = BUF_INIT;
	uint64_t generation;
	put_text_rows(&n, "5|a'|1\n3|b|2\n4|~|3\n1|a'|4");
	const NewestKey older[] = {{0, 4}, {1, 2}, {2, 3}}, newest[] = {{0, 5}, {1, 2}, {2, 4}, {2, 1}};
	const NewestKey unknown[] = {{NO_SERIES, 1}};
	assert_true(newest_hits_find(n.all, n.table, older, 3, &hits));
	assert_null(hits);
	assert_false(newest_hits_find(n.all, n.table, unknown, 1, &hits));
	assert_true(newest_hits_find(n.all, n.table, newest, 4, &hits));
	assert_non_null(hits);
	delete_hits(&n, hits);
	assert_int_equal(n.wakes, 1);
	newest_is(&n, "in doubt");
	state_is(&n, "in doubt");
	put_text_rows(&n, "2|~|5");
	assert_true(newest_rows_wanted(n.all, n.table, &generation, &where));
	assert_string_equal(buf_text(&where), "(\"host\" = 'a''') OR (\"host\" IS NULL)");
	Batch *left = batch_of(shape_schema(n.shape), "1|a'|4");
	ok(newest_rows_settle(n.all, n.table, generation, n.shape, left, &err), &err);
	assert_true(newest_rows_settled(n.all, n.table, generation));
	newest_is(&n, "1|a'|4\n3|b|2\n2|~|5\n");
	assert_false(newest_rows_wanted(n.all, n.table, &generation, &where));
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		fault_arm(nth);
		bool known = newest_hits_find(n.all, n.table, newest, 4, &hits);
		failed = fault_disarm();
		assert_true(known != failed);
		newest_hits_free(hits);
	}
	batch_unref(left);
	buf_close(&where);
	newest_close(&n);
}

static void
past_the_limit_a_table_is_off(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 100 << 10, false);
	put_batch(&n, series_batch(&n, 0, 1000, 1));
	state_is(&n, "on");
	put_batch(&n, series_batch(&n, 0, 100000, 2));
	state_is(&n, "off: rtdb.limit");
	newest_is(&n, "in doubt");
	put_text_rows(&n, "9|x|1");
	newest_is(&n, "in doubt");
	assert_int_equal(n.wakes, 0);
	newest_close(&n);
}

static void
a_put_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	put_text_rows(&n, "1|a|1");
	Batch *batch = series_batch(&n, 0, 3000, 2);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		SegmentInsert *insert = NULL;
		NewestPut *put = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = make_put(&n, batch, &insert, &put, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		newest_put_free(put);
		segment_insert_free(insert);
		newest_is(&n, "1|a|1\n");
	}
	batch_unref(batch);
	newest_close(&n);
}

static void
readers_undo_themselves_on_every_fault(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 4 << 20, false);
	put_batch(&n, series_batch(&n, 0, 300, 2));
	static const bool all[] = {true, true, true};
	for (int few = 0; few < 2; few++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			SqlNewest source = newest_source(n.all);
			void *view = NULL;
			Error err = ERROR_INIT;
			SqlWanted wanted = {.def = n.def,
								.columns = all,
								.min_time = few ? 3 : INT64_MIN,
								.max_time = INT64_MAX};
			BatchScan scan = {0};
			fault_arm(nth);
			source.lock(source.ctx);
			Status st = source.acquire(source.ctx, n.table, &view, &err);
			source.unlock(source.ctx);
			if (st == ST_OK)
				st = source.rows(view, &wanted, &scan, &err);
			failed = fault_disarm();
			assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
			if (st == ST_OK)
				scan.release(scan.owner);
			source.release(view);
		}
	}
	newest_close(&n);
}

static void
tidying_loses_nothing_on_any_fault(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 4 << 20, true);
	put_batch(&n, series_batch(&n, 0, 300, 2));
	put_batch(&n, series_batch(&n, 0, 100, 3));
	flush_all(&n.rig);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = newest_rows_tidy(n.all, n.table, &err);
		failed = fault_disarm();
		assert_true(st == ST_OK || (failed && st == ST_NO_MEMORY)); // its own view may be told
		static const bool all[] = {true, true, true};
		SCOPED(buf_close) Buf got = BUF_INIT;
		ok(read_rows(&n, all, NULL, &got, &err), &err);
		assert_int_equal(lines(&got), 300);
	}
	assert_int_equal(budget_used(n.rig.budget), 0);
	newest_close(&n);
}

// Without memory for a copy of a page its reader is told, and the publisher goes on.
static void
a_reader_whose_rows_change_for_want_of_memory_is_told(void **state)
{
	(void)state;
	Newest n;
	newest_open(&n, 1 << 20, false);
	put_text_rows(&n, "1|a|1");
	SegmentInsert *insert = NULL;
	NewestPut *put = NULL;
	NewestView *view = NULL;
	Error err = ERROR_INIT;
	Batch *batch = batch_of(shape_schema(n.shape), "2|a|2");
	ok(make_put(&n, batch, &insert, &put, &err), &err);
	batch_unref(batch);
	newest_rows_lock(n.all);
	ok(newest_view_acquire(n.all, n.table, &view, &err), &err);
	newest_rows_unlock(n.all);
	ok(newest_view_check(view, &err), &err);
	apply_put(&n, insert, put);
	fault_arm_sticky(0);
	show_put(&n, put);
	fault_disarm();
	assert_int_equal(newest_view_check(view, &err), ST_NO_MEMORY);
	newest_view_release(view);
	newest_is(&n, "2|a|2\n");
	newest_close(&n);
}

// ---- across a restart ----

// All pieces of a known table.
static int32_t
saved(Newest *n, Buf *pieces, int32_t most)
{
	StoreKept kept = newest_rows_kept(n->all);
	void *view = NULL;
	Error err = ERROR_INIT;
	uint32_t at = 0;
	int32_t count = 0;
	kept.lock(kept.ctx);
	ok(kept.take(kept.ctx, n->table, &view, &err), &err);
	kept.unlock(kept.ctx);
	assert_non_null(view);
	for (;; count++) {
		assert_true(count < most);
		ok(kept.save(view, &at, &pieces[count], &err), &err);
		if (pieces[count].len == 0)
			break;
	}
	kept.let(view);
	return count;
}

// As a start finds the table.
static void
forget(Newest *n)
{
	newest_rows_lock(n->all);
	newest_rows_doubt(n->all, n->table);
	newest_rows_unlock(n->all);
}

static void
what_was_saved_is_loaded(void **state)
{
	(void)state;
	Newest n;
	Buf pieces[8] = {BUF_INIT};
	Error err = ERROR_INIT;
	newest_open(&n, 16 << 20, false);
	put_batch(&n, series_batch(&n, 0, 20000, 10));
	put_text_rows(&n, "9|~|1\n11|h3|2");
	StoreKept kept = newest_rows_kept(n.all);
	Buf before = BUF_INIT, after = BUF_INIT;
	static const bool all[] = {true, true, true};
	ok(read_rows(&n, all, NULL, &before, &err), &err);
	int32_t count = saved(&n, pieces, 8);
	assert_int_equal(count, 2);
	forget(&n);
	for (int32_t i = 0; i < count; i++)
		ok(kept.load(kept.ctx, n.table, buf_slice(&pieces[i]), &err), &err);
	ok(kept.loaded(kept.ctx, n.table, &err), &err);
	ok(read_rows(&n, all, NULL, &after, &err), &err);
	assert_string_equal(buf_text(&before), buf_text(&after));
	put_text_rows(&n, "12|~|3");
	for (int32_t i = 0; i < count; i++)
		buf_close(&pieces[i]);
	buf_close(&before);
	buf_close(&after);
	newest_close(&n);
}

static void
a_damaged_piece_is_refused(void **state)
{
	(void)state;
	Newest n;
	Buf pieces[4] = {BUF_INIT};
	newest_open(&n, 1 << 20, false);
	put_text_rows(&n, "5|a|1\n3|b|2\n1|~|3");
	assert_int_equal(saved(&n, pieces, 4), 1);
	StoreKept kept = newest_rows_kept(n.all);
	for (size_t len = 0; len < pieces[0].len; len++) {
		uint8_t *piece = mem_copy(pieces[0].data, len + 1); // what is behind it is not read
		Error err = ERROR_INIT;
		forget(&n);
		assert_int_equal(kept.load(kept.ctx, n.table, slice_of(piece, len), &err), ST_CORRUPT);
		mem_free(piece);
	}
	for (size_t at = 0; at < pieces[0].len; at++) {
		uint8_t *piece = mem_copy(pieces[0].data, pieces[0].len);
		Error err = ERROR_INIT;
		piece[at] ^= (uint8_t)(1U << at % 8);
		forget(&n);
		Status st = kept.load(kept.ctx, n.table, slice_of(piece, pieces[0].len), &err);
		assert_true(st == ST_OK || st == ST_CORRUPT || st == ST_UNIMPLEMENTED || st == ST_LIMIT);
		mem_free(piece);
	}
	buf_close(&pieces[0]);
	newest_close(&n);
}

static void
loading_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Newest n;
	Buf pieces[4] = {BUF_INIT};
	newest_open(&n, 1 << 20, false);
	put_text_rows(&n, "5|a|1\n3|b|2\n1|~|3");
	assert_int_equal(saved(&n, pieces, 4), 1);
	StoreKept kept = newest_rows_kept(n.all);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Error err = ERROR_INIT;
		forget(&n);
		fault_arm(nth);
		Status st = kept.load(kept.ctx, n.table, buf_slice(&pieces[0]), &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
	}
	buf_close(&pieces[0]);
	newest_close(&n);
}

// ---- a reader beside the publisher ----

enum { ROUNDS = 600, SERIES = 3000 };

typedef struct Beside {
	Newest n;
	atomic_bool done;
} Beside;

// Every commit gives all series a row of its time, so a reader of seq s sees time s everywhere.
static void
run_publisher(void *arg)
{
	Beside *b = arg;
	for (int64_t i = 0; i < ROUNDS; i++) {
		put_batch(&b->n, series_batch(&b->n, 0, SERIES, (int64_t)b->n.rig.seq + 1));
		if (i % 50 == 0)
			store_seal(b->n.rig.store, b->n.table, 0);
	}
	atomic_store(&b->done, true);
}

static void
run_keeper(void *arg)
{
	Beside *b = arg;
	while (!atomic_load(&b->done)) {
		bool did;
		int64_t rows;
		Error err = ERROR_INIT;
		ok(store_flush_one(b->n.rig.store, b->n.rig.conn, &did, &rows, &err), &err);
		ok(newest_rows_tidy(b->n.all, b->n.table, &err), &err);
		sched_yield();
	}
}

static void
look_once(Beside *b)
{
	NewestView *view = NULL;
	Error err = ERROR_INIT;
	newest_rows_lock(b->n.all);
	uint64_t seq = store_published_seq(b->n.rig.store);
	ok(newest_view_acquire(b->n.all, b->n.table, &view, &err), &err);
	newest_rows_unlock(b->n.all);
	assert_non_null(view);
	for (uint32_t series = 0; series < SERIES; series++) {
		NewestRow row;
		assert_true(newest_view_at(view, series, &row));
		assert_int_equal(row.time, seq);
		int64_t value;
		memcpy(&value, batch_column(row.batch, 0)->values.data + 8 * row.row, 8);
		assert_int_equal(value, seq);
	}
	ok(newest_view_check(view, &err), &err);
	newest_view_release(view);
}

static void
a_reader_sees_the_rows_of_its_seq_beside_publisher_and_keeper(void **state)
{
	(void)state;
	Beside b = {0};
	newest_open(&b.n, 64 << 20, true);
	put_batch(&b.n, series_batch(&b.n, 0, SERIES, (int64_t)b.n.rig.seq + 1));
	Thread *threads[2] = {NULL, NULL};
	Error err = ERROR_INIT;
	ThreadOptions publisher = {.name = "publisher"},
				  keeper = {.name = "keeper", .stack_bytes = 8 << 20};
	ok(thread_start(&publisher, run_publisher, &b, &threads[0], &err), &err);
	ok(thread_start(&keeper, run_keeper, &b, &threads[1], &err), &err);
	while (!atomic_load(&b.done))
		look_once(&b);
	thread_join(threads[0]);
	thread_join(threads[1]);
	look_once(&b);
	newest_close(&b.n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_series_has_its_greatest_time_and_of_equals_the_last),
		cmocka_unit_test(a_lookup_finds_one_series_and_columns_that_are_not_asked_for_do_not_come),
		cmocka_unit_test(rows_that_were_flushed_are_gathered_and_the_memory_of_the_others_goes),
		cmocka_unit_test(what_is_in_doubt_is_worked_out_beside_what_comes),
		cmocka_unit_test(a_deletion_puts_only_the_series_it_hits_in_doubt),
		cmocka_unit_test(past_the_limit_a_table_is_off),
		cmocka_unit_test(a_put_undoes_itself_on_every_fault),
		cmocka_unit_test(readers_undo_themselves_on_every_fault),
		cmocka_unit_test(tidying_loses_nothing_on_any_fault),
		cmocka_unit_test(a_reader_whose_rows_change_for_want_of_memory_is_told),
		cmocka_unit_test(what_was_saved_is_loaded),
		cmocka_unit_test(a_damaged_piece_is_refused),
		cmocka_unit_test(loading_undoes_itself_on_every_fault),
		cmocka_unit_test(a_reader_sees_the_rows_of_its_seq_beside_publisher_and_keeper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
