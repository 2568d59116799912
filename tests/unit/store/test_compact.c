// A store in memory: what nobody will see again gives its memory back, and nothing else changes.

#include <stdatomic.h>

#include "deletes.h"
#include "keyed.h"
#include "store/compact.h"
#include "store/retention.h"

static void
open_rig_of(Rig *rig, uint64_t segment_bytes)
{
	rig_new(rig);
	rig->in_memory = true;
	rig->segment_bytes = segment_bytes;
	rig_open(rig);
}

static void
open_rig(Rig *rig)
{
	open_rig_of(rig, 32 << 10);
}

static int64_t
compact_at(Rig *rig, int64_t now_ns, bool hard)
{
	CompactReport report;
	Error err = ERROR_INIT;
	ok(store_compact_memory(rig->store, now_ns, hard, &report, &err), &err);
	return report.segments;
}

static int64_t
compact(Rig *rig)
{
	return compact_at(rig, 1, false);
}

static int32_t
segments_of(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	int32_t count = snapshot->tables[0].segment_count;
	snapshot_free(snapshot);
	return count;
}

static void
put_sealed(Rig *rig, Table *table, int64_t from, int64_t to)
{
	put_rows(rig, table, from, to);
	store_seal(rig->store, table, 0);
}

static void
fill(uint8_t model[MOST_N], int64_t from, int64_t to, int64_t without)
{
	for (int64_t n = from; n < to; n++)
		model[n] = without == 0 || n % without != 0;
}

// ---- deleted rows ----

static Status
rows_rise(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	int64_t *last = arg;
	for (int64_t row = 0; row < part->rows; row++) {
		int64_t n = int64_at(batch_column(part->batch, 2), row);
		assert_true(n > *last);
		*last = n;
	}
	return ST_OK;
}

static void
rows_are_in_order(Rig *rig, Table *table)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	const TableView *view = &snapshot->tables[0];
	int64_t last = -1;
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < view->segment_count; i++)
		ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, rows_rise, &last,
						&err),
		   &err);
	snapshot_free(snapshot);
}

static void
deleted_rows_give_their_memory_back_and_the_others_stay_in_order(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int64_t i = 0; i < 3; i++)
		put_sealed(&rig, table, i * 1000, i * 1000 + 1000);
	put_rows(&rig, table, 3000, 4000); // grows
	assert_int_equal(compact(&rig), 0);
	uint64_t before = budget_used(rig.budget);
	delete_where(&rig, table, NULL, every, 2);
	fill(model, 0, 4000, 2);
	assert_int_equal(compact(&rig), 3);
	sees(&rig, table, model);
	rows_are_in_order(&rig, table);
	assert_true(budget_used(rig.budget) < before * 9 / 10);
	assert_int_equal(compact(&rig), 0);

	// What lies in the new ones is found to be deleted.
	delete_where(&rig, table, NULL, every, 3);
	for (int64_t n = 0; n < 4000; n += 3)
		model[n] = 0;
	sees(&rig, table, model);
	assert_true(compact(&rig) > 0);
	sees(&rig, table, model);
	delete_where(&rig, table, NULL, every, 1);
	assert_true(compact(&rig) > 0);
	assert_int_equal(segments_of(&rig, table), 1);
	table_unref(table);
	rig_close(&rig);
}

static void
few_deleted_rows_wait_until_memory_is_short(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_sealed(&rig, table, 0, 1000);
	put_sealed(&rig, table, 1000, 2000);
	delete_where(&rig, table, NULL, every, 10);
	fill(model, 0, 2000, 10);
	assert_int_equal(compact(&rig), 0);
	assert_int_equal(compact_at(&rig, 1, true), 2);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

static void
a_snapshot_keeps_what_it_sees(void **state)
{
	(void)state;
	Rig rig;
	uint8_t before[MOST_N] = {0}, after[MOST_N] = {0};
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_sealed(&rig, table, 0, 1000);
	fill(before, 0, 1000, 0);
	fill(after, 0, 1000, 2);
	Snapshot *snapshot = snapshot_of(&rig, table);
	delete_where(&rig, table, NULL, every, 2);
	assert_int_equal(compact(&rig), 1);
	snapshot_sees(&rig, snapshot, before);
	sees(&rig, table, after);
	uint64_t held = budget_used(rig.budget);
	snapshot_free(snapshot);
	assert_true(budget_used(rig.budget) < held / 2);
	sees(&rig, table, after);
	table_unref(table);
	rig_close(&rig);
}

// Addresses name segments: who found rows before they moved is told, and looks again.
static void
addresses_of_rows_that_moved_are_refused(void **state)
{
	(void)state;
	Rig rig;
	Finding *f = calloc(1, sizeof(*f));
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_sealed(&rig, table, 0, 100);
	*f = (Finding){.wanted = exactly, .arg = 51};
	Snapshot *snapshot = snapshot_of(&rig, table);
	find_rows(&rig, snapshot, f);
	snapshot_free(snapshot);
	delete_where(&rig, table, NULL, every, 2);
	assert_int_equal(compact(&rig), 1);
	assert_int_equal(store_delete_new(rig.store, table, f->rows, f->count, &del, &err),
					 ST_CONFLICT);
	delete_where(&rig, table, NULL, exactly, 51);
	assert_int_equal(rows_of(&rig, table), 49);
	free(f);
	table_unref(table);
	rig_close(&rig);
}

static void
many_small_segments_become_one_where_it_is_looked_at_them(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	for (int64_t i = 0; i < 20; i++)
		put_sealed(&rig, table, i * 10, i * 10 + 10);
	assert_int_equal(compact(&rig), 0);
	delete_where(&rig, table, NULL, exactly, 5);
	fill(model, 0, 200, 0);
	model[5] = 0;
	assert_int_equal(compact_at(&rig, 1, true), 20);
	assert_int_equal(segments_of(&rig, table), 1);
	sees(&rig, table, model);
	rows_are_in_order(&rig, table);
	table_unref(table);
	rig_close(&rig);
}

static void
a_table_that_is_dropped_or_truncated_is_left_alone(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	open_rig(&rig);
	Table *table = add_table(&rig, 1);
	put_sealed(&rig, table, 0, 100);
	delete_where(&rig, table, NULL, every, 2);
	truncate_table(&rig, table, NULL);
	put_sealed(&rig, table, 100, 200);
	assert_int_equal(compact(&rig), 0);
	fill(model, 100, 200, 0);
	sees(&rig, table, model);
	drop(&rig, table);
	assert_int_equal(compact(&rig), 0);
	table_unref(table);
	rig_close(&rig);
}

// ---- expired rows ----

static Table *
add_expiring(Rig *rig)
{
	SCOPED(schema_drop) Schema *schema = host_schema();
	TableRequest request = {.database = "mobius", .name = "t", .schema = schema, .ttl = "1s"};
	SCOPED(table_def_drop) TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, 1, 1000, any_field, &def, &err), &err);
	apply_define(rig, def);
	return table_by_id(rig, 1);
}

static void
expired_rows_give_their_memory_back(void **state)
{
	(void)state;
	enum { SECOND = 1000000000 };
	Rig rig;
	open_rig(&rig);
	Table *table = add_expiring(&rig);
	put_sealed(&rig, table, 0, 1000); // at 0 … 999 ns
	assert_int_equal(compact_at(&rig, SECOND + 100, false), 0);
	assert_int_equal(rows_of(&rig, table), 1000);
	assert_int_equal(compact_at(&rig, SECOND + 400, false), 1);
	assert_int_equal(rows_of(&rig, table), 600);
	// They do not come back to who asks as if it were earlier.
	assert_int_equal(table_visible_from(table, SECOND), 400);
	assert_int_equal(compact_at(&rig, SECOND + 1000, false), 1);
	assert_int_equal(segments_of(&rig, table), 0);
	assert_int_equal(budget_used(rig.budget), 0);
	table_unref(table);
	rig_close(&rig);
}

// ---- rows that are replaced ----

enum { HOSTS = 10, TIMES = 50, KEYS = HOSTS * TIMES };

// The n of each key; 0: none.
typedef struct Model {
	int64_t n[KEYS];
} Model;

static void
put_keys(Rig *rig, Table *table, Model *model, const int32_t *keys, int32_t count, int64_t n)
{
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(table_schema(def), &builder, &err), &err);
	for (int32_t i = 0; i < count; i++) {
		char host[16];
		snprintf(host, sizeof(host), "h%d", keys[i] % HOSTS);
		column_add_int(builder_column(builder, 0), keys[i] / HOSTS);
		column_add_text(builder_column(builder, 1), host);
		column_add_int(builder_column(builder, 2), n);
		model->n[keys[i]] = n;
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	apply_batch(rig, table, shape, batch);
	store_publish(rig->store, rig->seq);
	shape_unref(shape);
	table_def_unref(def);
}

static int32_t
key_at(const SegmentPart *part, int64_t row)
{
	const Column *hosts = batch_column(part->batch, 1);
	int32_t from;
	memcpy(&from, hosts->offsets.data + 4 * row, sizeof(from));
	return (int32_t)int64_at(batch_column(part->batch, 0), row) * HOSTS +
		   (hosts->values.data[from + 1] - '0');
}

static Status
see_last(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	Model *model = arg;
	for (int64_t row = 0; row < part->rows; row++)
		if (part_is_live(part, row))
			model->n[key_at(part, row)] = int64_at(batch_column(part->batch, 2), row);
	return ST_OK;
}

static void
see_keys(const Snapshot *snapshot, Model *out)
{
	const TableView *view = &snapshot->tables[0];
	Error err = ERROR_INIT;
	*out = (Model){0};
	for (int32_t i = 0; i < view->segment_count; i++)
		ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, see_last, out,
						&err),
		   &err);
}

static void
snapshot_has(const Snapshot *snapshot, const Model *model)
{
	Model seen;
	see_keys(snapshot, &seen);
	for (int32_t key = 0; key < KEYS; key++)
		if (seen.n[key] != model->n[key])
			fail_msg("key %d has %" PRId64 " instead of %" PRId64, key, seen.n[key], model->n[key]);
}

static void
has(Rig *rig, Table *table, const Model *model)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	snapshot_has(snapshot, model);
	snapshot_free(snapshot);
}

static void
a_table_that_is_written_over_and_over_stays_small(void **state)
{
	(void)state;
	Rig rig;
	Model model = {0};
	int32_t keys[KEYS];
	open_rig(&rig);
	Table *table = add_keyed(&rig);
	for (int32_t i = 0; i < KEYS; i++)
		keys[i] = i;
	for (int64_t n = 1; n <= 400; n++) {
		put_keys(&rig, table, &model, keys, KEYS, n);
		(void)compact(&rig);
		assert_true(budget_used(rig.budget) < 256 << 10);
	}
	store_seal(rig.store, table, 0);
	(void)compact_at(&rig, 1, true);
	has(&rig, table, &model);
	assert_int_equal(rows_of(&rig, table), KEYS);
	table_unref(table);
	rig_close(&rig);
}

// What hides rows of a segment that stays is late after it moved, too.
static void
late_rows_stay_late_where_something_older_lies(void **state)
{
	(void)state;
	Rig rig;
	Model model = {0};
	open_rig_of(&rig, 64 << 10);
	Table *table = add_keyed(&rig);
	int32_t all[KEYS], few[4] = {7, 17, 27, 37};
	for (int32_t i = 0; i < KEYS; i++)
		all[i] = i;
	put_keys(&rig, table, &model, all, KEYS, 1);
	store_seal(rig.store, table, 0);
	for (int64_t n = 2; n < 4; n++)
		put_keys(&rig, table, &model, few, 4, n);
	store_seal(rig.store, table, 0);
	assert_int_equal(compact(&rig), 1); // the second
	late_is(&rig, table, "- 0..3");
	has(&rig, table, &model);
	table_unref(table);
	rig_close(&rig);
}

static void
a_fault_leaves_everything_as_it_is(void **state)
{
	(void)state;
	Rig rig;
	Model model = {0};
	int32_t keys[KEYS];
	open_rig_of(&rig, 1 << 20);
	Table *table = add_keyed(&rig);
	for (int32_t i = 0; i < KEYS; i++)
		keys[i] = i;
	for (int64_t n = 1; n < 5; n++) {
		put_keys(&rig, table, &model, keys, KEYS, n);
		store_seal(rig.store, table, 0);
	}
	settle(&rig);
	uint64_t before = budget_used(rig.budget);
	for (long nth = 0;; nth++) {
		CompactReport report;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = store_compact_memory(rig.store, 1, false, &report, &err);
		bool hit = fault_disarm();
		has(&rig, table, &model);
		if (st == ST_OK && report.segments > 0) {
			assert_true(nth > 20);
			break;
		}
		assert_true(hit && err.text[0] != '\0');
		assert_int_equal(budget_used(rig.budget), before);
	}
	assert_int_equal(rows_of(&rig, table), KEYS);
	table_unref(table);
	rig_close(&rig);
}

// ---- a model ----

// xorshift64*
static uint64_t
draw(uint64_t *seed, uint64_t below)
{
	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	return (*seed * UINT64_C(2685821657736338717) >> 33) % below;
}

enum { MOST_FOUND = 1 << 17 };

typedef struct KeyFinding {
	uint64_t segment_id;
	uint64_t step; // every so many-th key
	RowAddress rows[MOST_FOUND];
	int64_t count;
} KeyFinding;

static Status
find_keys(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	KeyFinding *f = arg;
	for (int64_t row = 0; row < part->rows; row++)
		if (part_is_live(part, row) && (uint64_t)key_at(part, row) % f->step == 0 &&
			f->count < MOST_FOUND)
			f->rows[f->count++] = (RowAddress){f->segment_id, part->first_row + row, false};
	return ST_OK;
}

static void
find_versions(Rig *rig, Table *table, KeyFinding *f)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	const TableView *view = &snapshot->tables[0];
	Error err = ERROR_INIT;
	f->count = 0;
	for (int32_t i = 0; i < view->segment_count; i++) {
		f->segment_id = segment_stats(view->segments[i]).id;
		ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, find_keys, f, &err),
		   &err);
	}
	assert_true(f->count < MOST_FOUND);
	snapshot_free(snapshot);
}

// Every stored version of some keys; what was found may have moved before it is deleted.
static void
delete_keys(Rig *rig, Table *table, Model *model, uint64_t step, bool move)
{
	KeyFinding *f = calloc(1, sizeof(*f));
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	f->step = step;
	find_versions(rig, table, f);
	bool moved = move && compact_at(rig, 1, true) > 0;
	Status st = store_delete_new(rig->store, table, f->rows, f->count, &del, &err);
	if (st == ST_CONFLICT) {
		assert_true(moved);
		find_versions(rig, table, f);
		st = store_delete_new(rig->store, table, f->rows, f->count, &del, &err);
	}
	ok(st, &err);
	table_rewrite_lock(table);
	commit_delete(rig, NULL, del);
	table_rewrite_unlock(table);
	for (int32_t key = 0; key < KEYS; key++)
		if ((uint64_t)key % step == 0)
			model->n[key] = 0;
	free(f);
}

enum { HELD = 4 };

static void
run_model(uint64_t seed, uint32_t series_limit)
{
	Rig rig;
	Model model = {0}, *seen = calloc(HELD, sizeof(*seen));
	Snapshot *held[HELD] = {0};
	int32_t keys[KEYS];
	rig_new(&rig);
	rig.in_memory = true;
	rig.segment_bytes = 32 << 10;
	rig.series_limit = series_limit;
	rig_open(&rig);
	Table *table = add_keyed(&rig);
	for (int64_t n = 1; n < 600; n++) {
		uint64_t at = draw(&seed, HELD), what = draw(&seed, 10);
		int32_t count = (int32_t)draw(&seed, draw(&seed, 4) == 0 ? KEYS : 20) + 1;
		int32_t from = (int32_t)draw(&seed, KEYS);
		if (what < 6) {
			for (int32_t i = 0; i < count; i++)
				keys[i] = what < 3 ? (from + i) % KEYS : (int32_t)draw(&seed, KEYS);
			put_keys(&rig, table, &model, keys, count, n);
		} else if (what == 6) {
			delete_keys(&rig, table, &model, draw(&seed, 40) + 1, draw(&seed, 2) == 0);
		} else if (what == 7) {
			store_seal(rig.store, table, 0);
		} else if (what == 8) {
			(void)compact_at(&rig, 1, draw(&seed, 2) == 0);
		} else {
			if (held[at] != NULL)
				snapshot_has(held[at], &seen[at]);
			snapshot_free(held[at]);
			held[at] = snapshot_of(&rig, table);
			seen[at] = model;
		}
		has(&rig, table, &model);
	}
	for (int i = 0; i < HELD; i++) {
		if (held[i] != NULL)
			snapshot_has(held[i], &seen[i]);
		snapshot_free(held[i]);
	}
	free(seen);
	table_unref(table);
	rig_close(&rig);
}

static void
puts_deletions_and_compactions_in_any_order_are_as_a_model_says(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed < 20; seed++) {
		print_message("seed %" PRIu64 "\n", seed);
		run_model(seed * 7919, seed % 3 == 0 ? HOSTS / 2 : 1000000); // not all series have ids
	}
}

// ---- at the same time ----

typedef struct Shared {
	Rig rig;
	Table *plain; // always 500 rows
	Table *keyed; // every key has the n of the last commit
	atomic_bool done;
} Shared;

// Half of what it has goes, and all of it while that is looked at.
static void
come_and_go(Rig *rig, uint32_t id)
{
	Table *table = add_table(rig, id);
	put_sealed(rig, table, 0, 300);
	delete_where(rig, table, NULL, every, 2);
	put_sealed(rig, table, 300, 600);
	if (id % 2 == 0)
		truncate_table(rig, table, NULL);
	drop(rig, table);
	table_unref(table);
}

static void
run_writer(void *arg)
{
	Shared *shared = arg;
	Rig *rig = &shared->rig;
	Model model = {0};
	int32_t keys[KEYS];
	uint8_t seen[MOST_N];
	RowAddress some[40];
	for (int32_t i = 0; i < KEYS; i++)
		keys[i] = i;
	for (int64_t i = 0; i < 150; i++) {
		Finding *f = calloc(1, sizeof(*f));
		StoreDelete *del = NULL;
		Error err = ERROR_INIT;
		*f = (Finding){.wanted = every, .arg = 1};
		// Forty rows of any age go, and as many come.
		table_rewrite_lock(shared->plain);
		Snapshot *snapshot = snapshot_of(rig, shared->plain);
		find_rows(rig, snapshot, f);
		see(rig, snapshot, seen);
		snapshot_free(snapshot);
		assert_int_equal(f->count, 500);
		for (int64_t r = 0; r < 40; r++)
			some[r] = f->rows[(r * 12 + i) % 500];
		ok(store_delete_new(rig->store, shared->plain, some, 40, &del, &err), &err);
		TableDef *def = table_current(shared->plain);
		Shape *shape = whole_shape(def);
		SegmentInsert *insert = NULL;
		Batch *batch = host_batch(table_schema(def), 500 + i * 40, 540 + i * 40, 7);
		ok(try_insert(rig, shared->plain, shape, batch, &insert, &err), &err);
		store_apply_delete(rig->store, del, ++rig->seq);
		store_apply_insert(rig->store, shared->plain, insert, rig->seq);
		store_publish(rig->store, rig->seq);
		table_rewrite_unlock(shared->plain);
		batch_unref(batch);
		shape_unref(shape);
		table_def_unref(def);
		free(f);
		put_keys(rig, shared->keyed, &model, keys, KEYS, i + 2);
		if (i % 3 == 0)
			store_seal(rig->store, NULL, 0);
		come_and_go(rig, (uint32_t)i + 3);
	}
	atomic_store(&shared->done, true);
}

static void
run_compactor(void *arg)
{
	Shared *shared = arg;
	while (!atomic_load(&shared->done)) {
		(void)compact_at(&shared->rig, 1, true);
		sched_yield();
	}
}

static void
run_reader(void *arg)
{
	Shared *shared = arg;
	Table *tables[2] = {shared->plain, shared->keyed};
	for (bool end = false; !end;) {
		end = atomic_load(&shared->done);
		Snapshot *snapshot = NULL, *keyed = NULL;
		uint8_t seen[MOST_N];
		Model model;
		Error err = ERROR_INIT;
		int64_t rows = 0;
		ok(store_snapshot(shared->rig.store, tables, 2, &snapshot, &err), &err);
		ok(snapshot_part(snapshot, 1, 1, &keyed, &err), &err);
		see(&shared->rig, snapshot, seen);
		for (int64_t n = 0; n < MOST_N; n++)
			rows += seen[n];
		assert_int_equal(rows, 500);
		see_keys(keyed, &model);
		for (int32_t key = 1; key < KEYS; key++)
			assert_int_equal(model.n[key], model.n[0]);
		snapshot_free(keyed);
		snapshot_free(snapshot);
	}
}

static void
each_snapshot_sees_what_was_committed_while_rows_move(void **state)
{
	(void)state;
	static Shared shared;
	Model model = {0};
	int32_t keys[KEYS];
	open_rig(&shared.rig);
	shared.keyed = add_keyed(&shared.rig);
	shared.plain = add_table(&shared.rig, 2);
	for (int32_t i = 0; i < KEYS; i++)
		keys[i] = i;
	put_keys(&shared.rig, shared.keyed, &model, keys, KEYS, 1);
	put_rows(&shared.rig, shared.plain, 0, 500);
	void (*const runs[])(void *) = {run_writer, run_compactor, run_reader, run_reader};
	Thread *threads[COUNT_OF(runs)];
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		ok(thread_start(&(ThreadOptions){.name = "store", .stack_bytes = 8 << 20}, runs[i], &shared,
						&threads[i], &err),
		   &err);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		thread_join(threads[i]);
	assert_int_equal(rows_of(&shared.rig, shared.plain), 500);
	table_unref(shared.plain);
	table_unref(shared.keyed);
	rig_close(&shared.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deleted_rows_give_their_memory_back_and_the_others_stay_in_order),
		cmocka_unit_test(few_deleted_rows_wait_until_memory_is_short),
		cmocka_unit_test(a_snapshot_keeps_what_it_sees),
		cmocka_unit_test(addresses_of_rows_that_moved_are_refused),
		cmocka_unit_test(many_small_segments_become_one_where_it_is_looked_at_them),
		cmocka_unit_test(a_table_that_is_dropped_or_truncated_is_left_alone),
		cmocka_unit_test(expired_rows_give_their_memory_back),
		cmocka_unit_test(a_table_that_is_written_over_and_over_stays_small),
		cmocka_unit_test(late_rows_stay_late_where_something_older_lies),
		cmocka_unit_test(a_fault_leaves_everything_as_it_is),
		cmocka_unit_test(puts_deletions_and_compactions_in_any_order_are_as_a_model_says),
		cmocka_unit_test(each_snapshot_sees_what_was_committed_while_rows_move),
	};
	return RUN(tests);
}
