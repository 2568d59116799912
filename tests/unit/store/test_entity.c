// Entities by id: the newest version in memory, and when files are worth a look.

#include "keyed.h"
#include "store/entity.h"

static void
open_rig(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

// ---- what is found ----

// Its row as "id|host|n\n", "-" where there is none, "?" where a query has to tell.
static void
entity_is(Rig *rig, Table *table, int64_t id, const char *expected)
{
	Entity entity = {0};
	Error err = ERROR_INIT;
	ok(store_find_entity(rig->store, table, id, &entity, &err), &err);
	if (entity.place == ENTITY_IN_MEMORY) {
		SCOPED(batch_drop) Batch *row = NULL;
		ok(entity_row(&entity, &row, &err), &err);
		batch_is_sound(row);
		assert_ptr_equal(batch_schema(row), table_schema(entity.snapshot->tables[0].def));
		batch_is(row, expected);
	} else {
		assert_string_equal(entity.place == ENTITY_NOWHERE ? "-" : "?", expected);
	}
	entity_close(&entity);
}

// Every version in memory, as a deletion addresses them.
typedef struct Versions {
	int64_t id;
	uint64_t segment_id;
	RowAddress rows[4096];
	int64_t count;
} Versions;

static Status
add_versions(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	Versions *versions = arg;
	for (int64_t row = 0; row < part->rows; row++)
		if (int64_at(batch_column(part->batch, 0), row) == versions->id)
			versions->rows[versions->count++] =
				(RowAddress){versions->segment_id, part->first_row + row, false};
	return ST_OK;
}

static void
delete_entity(Rig *rig, Table *table, int64_t id)
{
	static Versions versions;
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	versions.id = id;
	versions.count = 0;
	table_rewrite_lock(table);
	Snapshot *snapshot = snapshot_of(rig, table);
	for (int32_t i = 0; i < snapshot->tables[0].segment_count; i++) {
		Segment *seg = snapshot->tables[0].segments[i];
		versions.segment_id = segment_stats(seg).id;
		ok(segment_each(seg, snapshot->seq, id, id, add_versions, &versions, &err), &err);
	}
	snapshot_free(snapshot);
	ok(store_delete_new(rig->store, table, versions.rows, versions.count, &del, &err), &err);
	store_apply_delete(rig->store, del, ++rig->seq);
	store_publish(rig->store, rig->seq);
	table_rewrite_unlock(table);
}

static void
the_last_version_counts(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	entity_is(&rig, table, 1, "-");
	put_text(&rig, table, "1|a|1\n2|~|2\n1|b|3");
	entity_is(&rig, table, 1, "1|b|3\n");
	entity_is(&rig, table, 2, "2|~|2\n");
	entity_is(&rig, table, 3, "-");
	entity_is(&rig, table, 0, "-");
	entity_is(&rig, table, INT64_MIN, "-");
	put_text(&rig, table, "2|c|~\n7|d|4");
	entity_is(&rig, table, 2, "2|c|~\n");
	entity_is(&rig, table, 5, "-");
	store_seal(rig.store, table, 0);
	put_text(&rig, table, "1|e|5");
	entity_is(&rig, table, 1, "1|e|5\n");
	entity_is(&rig, table, 7, "7|d|4\n");
	table_unref(table);
	rig_close(&rig);
}

static void
what_was_deleted_is_nowhere_until_it_is_put_again(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "1|a|1\n2|b|2\n1|a|3");
	entity_is(&rig, table, 1, "1|a|3\n");
	delete_entity(&rig, table, 1);
	entity_is(&rig, table, 1, "-");
	entity_is(&rig, table, 2, "2|b|2\n");
	put_text(&rig, table, "1|c|4");
	entity_is(&rig, table, 1, "1|c|4\n");
	table_unref(table);
	rig_close(&rig);
}

static void
what_is_not_published_is_not_found(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "1|a|1");
	TableDef *def = table_current(table);
	Shape *shape = whole_shape(def);
	for (int64_t i = 0; i < 40; i++) { // some as they came, then some in a chunk
		char row[32];
		snprintf(row, sizeof(row), "1|b|%d\n2|c|%d", (int)i, (int)i);
		apply_batch(&rig, table, shape, batch_of(table_schema(def), row));
		char before[32], after[32];
		snprintf(before, sizeof(before), "1|b|%d\n", (int)i - 1);
		snprintf(after, sizeof(after), "1|b|%d\n", (int)i);
		entity_is(&rig, table, 1, i == 0 ? "1|a|1\n" : before);
		store_publish(rig.store, rig.seq);
		entity_is(&rig, table, 1, after);
	}
	entity_is(&rig, table, 2, "2|c|39\n");
	shape_unref(shape);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
files_are_worth_a_look_where_they_may_have_it(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "3|a|1\n9|b|2");
	entity_is(&rig, table, 3, "3|a|1\n");
	flush_all(&rig);
	entity_is(&rig, table, 3, "?");
	entity_is(&rig, table, 5, "?");
	entity_is(&rig, table, 2, "-");
	entity_is(&rig, table, 10, "-");
	put_text(&rig, table, "4|c|3\n9|d|4");
	entity_is(&rig, table, 9, "9|d|4\n");
	entity_is(&rig, table, 3, "?");
	delete_entity(&rig, table, 9);
	entity_is(&rig, table, 9, "-");
	merge_all(&rig);
	entity_is(&rig, table, 4, "4|c|3\n");
	table_unref(table);
	rig_close(&rig);
}

static void
a_row_has_the_columns_of_now(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "1|a|1");
	entity_is(&rig, table, 1, "1|a|1\n");
	TableDef *def = table_current(table);
	TableDef *next = grown(def, SCHEMA(field_of("more", TYPE_FLOAT64)), NULL);
	apply_define(&rig, next);
	entity_is(&rig, table, 1, "1|a|1|~\n");
	put_text(&rig, table, "1|b|2|0.5");
	entity_is(&rig, table, 1, "1|b|2|0.5\n");
	table_def_unref(next);
	table_def_unref(def);
	table_unref(table);
	rig_close(&rig);
}

static void
without_room_for_an_index_a_query_tells(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "1|a|1\n3|b|2");
	uint64_t rest = budget_limit(rig.budget) - budget_used(rig.budget);
	budget_charge(rig.budget, rest);
	entity_is(&rig, table, 1, "?");
	entity_is(&rig, table, 4, "-"); // the range tells
	budget_release(rig.budget, rest);
	entity_is(&rig, table, 1, "1|a|1\n");
	assert_true(budget_limit(rig.budget) - budget_used(rig.budget) < rest);
	table_unref(table);
	rig_close(&rig);
}

static void
what_an_index_takes_is_told_with_its_segment(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	put_text(&rig, table, "1|h|1");
	for (int64_t i = 1; i <= 1500; i++) {
		char row[32];
		snprintf(row, sizeof(row), "%d|h|%d", (int)i, (int)i);
		put_text(&rig, table, row);
		snprintf(row, sizeof(row), "%d|h|%d\n", (int)i, (int)i);
		entity_is(&rig, table, i, row);
		if (i == 1000)
			store_seal(rig.store, table, 0);
	}
	uint64_t bytes = 0;
	Snapshot *snapshot = snapshot_of(&rig, table);
	assert_int_equal(snapshot->tables[0].segment_count, 2);
	for (int32_t i = 0; i < 2; i++)
		bytes += segment_stats(snapshot->tables[0].segments[i]).bytes;
	snapshot_free(snapshot);
	assert_int_equal(bytes, budget_used(rig.budget));
	table_unref(table);
	rig_close(&rig);
}

static void
what_fails_leaves_nothing_and_goes_on(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig);
	Table *table = add_entities(&rig);
	for (int64_t i = 1; i <= 1500; i++) {
		char row[64];
		snprintf(row, sizeof(row), "%d|h|%d\n%d|~|%d", (int)i, (int)i, (int)(i % 7 + 1), (int)i);
		put_text(&rig, table, row);
	}
	for (long nth = 0;; nth++) {
		Entity entity = {0};
		Batch *row = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = store_find_entity(rig.store, table, 1200, &entity, &err);
		if (st == ST_OK)
			st = entity_row(&entity, &row, &err);
		bool hit = fault_disarm();
		assert_true(hit || st == ST_OK);
		batch_unref(row);
		entity_close(&entity);
		if (!hit)
			break;
		assert_true(st == ST_OK || st == ST_NO_MEMORY);
	}
	entity_is(&rig, table, 1200, "1200|h|1200\n");
	entity_is(&rig, table, 3, "3|~|1500\n");
	table_unref(table);
	rig_close(&rig);
}

// ---- against a model ----

enum { IDS = 60, STEPS = 3000 };

typedef struct Model {
	int64_t n[IDS + 1];   // 0: there is none
	bool memory[IDS + 1]; // it was put or deleted since the last flush
} Model;

static void
model_agrees(Rig *rig, Table *table, const Model *model, int64_t id)
{
	char row[32];
	snprintf(row, sizeof(row), "%d|h|%d\n", (int)id, (int)model->n[id]);
	bool files = files_of(rig, table) > 0;
	if (model->memory[id] || !files)
		entity_is(rig, table, id, model->n[id] > 0 ? row : "-");
}

static void
it_is_as_a_model_has_it_whatever_happens(void **state)
{
	(void)state;
	Rig rig;
	rig_new(&rig);
	rig_add_duck(&rig);
	rig.segment_bytes = 60000;
	rig_open(&rig);
	Table *table = add_entities(&rig);
	Model model = {0};
	uint64_t random = 42;
	for (int64_t step = 1; step <= STEPS; step++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		int64_t id = (int64_t)(random >> 33) % IDS + 1;
		int what = (int)(random >> 20 & 255);
		char row[64];
		snprintf(row, sizeof(row), "%d|h|%d", (int)id, (int)step);
		if (what == 0) {
			flush_all(&rig);
			memset(model.memory, 0, sizeof(model.memory));
		} else if (what == 1) {
			merge_all(&rig);
		} else if (what < 6) {
			store_seal(rig.store, table, 0);
		} else if (what < 50 && model.memory[id]) {
			delete_entity(&rig, table, id); // of what files have nothing is seen either way
			model.n[id] = 0;
		} else {
			put_text(&rig, table, row);
			model.n[id] = step;
			model.memory[id] = true;
		}
		model_agrees(&rig, table, &model, id);
	}
	for (int64_t id = 1; id <= IDS; id++)
		model_agrees(&rig, table, &model, id);
	table_unref(table);
	rig_close(&rig);
}

// ---- threads ----

typedef struct Shared {
	Rig rig;
	Table *table;
	_Atomic int64_t published; // greatest n that readers must see, of every id
	atomic_bool done;
} Shared;

enum { ROUNDS = 400, THREAD_IDS = 5 };

static void
write_rounds(void *arg)
{
	Shared *shared = arg;
	for (int64_t n = 1; n <= ROUNDS; n++) {
		char rows[200] = "";
		for (int id = 1; id <= THREAD_IDS; id++) {
			size_t len = strlen(rows);
			snprintf(rows + len, sizeof(rows) - len, "%s%d|%s|%d", id > 1 ? "\n" : "", id,
					 n % 3 == 0 ? "~" : "h", (int)n);
		}
		put_text(&shared->rig, shared->table, rows);
		atomic_store(&shared->published, n);
		if (n % 90 == 0)
			store_seal(shared->rig.store, shared->table, 0);
	}
	atomic_store(&shared->done, true);
}

static void
read_rounds(void *arg)
{
	Shared *shared = arg;
	for (int64_t id = 1, seen = 0; !atomic_load(&shared->done); id = id % THREAD_IDS + 1) {
		int64_t least = atomic_load(&shared->published);
		Entity entity = {0};
		Error err = ERROR_INIT;
		ok(store_find_entity(shared->rig.store, shared->table, id, &entity, &err), &err);
		if (entity.place == ENTITY_IN_MEMORY) {
			SCOPED(batch_drop) Batch *row = NULL;
			ok(entity_row(&entity, &row, &err), &err);
			int64_t n = int64_at(batch_column(row, 2), 0);
			assert_int_equal(int64_at(batch_column(row, 0), 0), id);
			assert_int_equal(column_valid(batch_column(row, 1), 0), n % 3 != 0);
			assert_true(n >= least && n >= seen);
			seen = n;
		} else {
			assert_true(entity.place == ENTITY_UNKNOWN || least == 0);
		}
		entity_close(&entity);
	}
}

static void
flush_rounds(void *arg)
{
	Shared *shared = arg;
	while (!atomic_load(&shared->done)) {
		bool did;
		int64_t rows;
		Error err = ERROR_INIT;
		ok(store_flush_one(shared->rig.store, shared->rig.conn, &did, &rows, &err), &err);
		if (!did)
			sched_yield();
	}
}

static void
readers_never_go_back_while_rows_come_and_segments_go(void **state)
{
	(void)state;
	static Shared shared;
	open_rig(&shared.rig);
	shared.table = add_entities(&shared.rig);
	void (*const runs[])(void *) = {read_rounds, read_rounds, flush_rounds, write_rounds};
	Thread *threads[COUNT_OF(runs)];
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		ok(thread_start(&(ThreadOptions){.name = "entity", .stack_bytes = 8 << 20}, runs[i],
						&shared, &threads[i], &err),
		   &err);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		thread_join(threads[i]);
	flush_all(&shared.rig);
	entity_is(&shared.rig, shared.table, 1, "?");
	table_unref(shared.table);
	rig_close(&shared.rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_version_counts),
		cmocka_unit_test(what_was_deleted_is_nowhere_until_it_is_put_again),
		cmocka_unit_test(what_is_not_published_is_not_found),
		cmocka_unit_test(files_are_worth_a_look_where_they_may_have_it),
		cmocka_unit_test(a_row_has_the_columns_of_now),
		cmocka_unit_test(without_room_for_an_index_a_query_tells),
		cmocka_unit_test(what_an_index_takes_is_told_with_its_segment),
		cmocka_unit_test(what_fails_leaves_nothing_and_goes_on),
		cmocka_unit_test(it_is_as_a_model_has_it_whatever_happens),
		cmocka_unit_test(readers_never_go_back_while_rows_come_and_segments_go),
	};
	return RUN(tests);
}
