// A run of rows in memory.

#include "store/segment.h"
#include "support.h"

typedef struct Rig {
	Budget *budget;
	TableDef *def;
	Shape *shape;
	Segment *seg;
} Rig;

static Rig
rig_new(void)
{
	Rig rig = {.def = host_table()};
	Error err = ERROR_INIT;
	ok(budget_new("memtable.limit", UINT64_C(1) << 30, &rig.budget, &err), &err);
	rig.shape = whole_shape(rig.def);
	ok(segment_new(77, rig.budget, NULL, 5, &rig.seg, &err), &err);
	return rig;
}

static void
rig_close(Rig *rig)
{
	segment_unref(rig->seg);
	shape_unref(rig->shape);
	table_def_unref(rig->def);
	assert_int_equal(budget_used(rig->budget), 0); // all memory was given back
	budget_free(rig->budget);
	assert_int_equal(mem_live(), 0);
}

// Reserves, and takes the batch.
static SegmentInsert *
insert_of(Rig *rig, Shape *shape, Batch *batch, bool with_ids)
{
	uint32_t *ids = calloc((size_t)batch_rows(batch) + 1, sizeof(*ids));
	for (int64_t i = 0; i < batch_rows(batch); i++)
		ids[i] = (uint32_t)(100 + i);
	SegmentInsert *insert = NULL;
	Error err = ERROR_INIT;
	int64_t delay;
	uint64_t cost = batch_held_bytes(batch);
	assert_true(budget_reserve(rig->budget, cost, NULL, &delay));
	ok(segment_insert_new(shape, rig->def, batch, with_ids ? ids : NULL, rig->budget, cost, &insert,
						  &err),
	   &err);
	assert_int_equal(segment_insert_rows(insert), batch_rows(batch));
	free(ids);
	batch_unref(batch);
	return insert;
}

static void
append_rows(Rig *rig, int64_t from, int64_t to, uint64_t seq)
{
	segment_append(
		rig->seg,
		insert_of(rig, rig->shape, host_batch(shape_schema(rig->shape), from, to, 5), true), seq);
}

typedef struct Seen {
	Buf text;
	int64_t parts;
	int64_t rows;
	uint64_t max_seq;
	const Batch *last;
} Seen;

static Status
see(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	Seen *seen = arg;
	seen->parts++;
	seen->rows += part->rows;
	seen->last = part->batch;
	assert_true(part->min_seq <= part->max_seq);
	assert_true(part->max_seq >= seen->max_seq); // in order
	seen->max_seq = part->max_seq;
	for (int64_t i = 0; i < part->rows; i++)
		buf_add_printf(
			&seen->text, "%" PRId64 " ",
			int64_at(batch_column(part->batch, schema_find(shape_schema(part->shape), "n")), i));
	return ST_OK;
}

static Seen
look(const Segment *seg, uint64_t seq, int64_t min_time, int64_t max_time)
{
	Seen seen = {0};
	Error err = ERROR_INIT;
	ok(segment_each(seg, seq, min_time, max_time, see, &seen, &err), &err);
	return seen;
}

static void
sees(const Segment *seg, uint64_t seq, const char *expected)
{
	Seen seen = look(seg, seq, INT64_MIN, INT64_MAX);
	assert_string_equal(buf_text(&seen.text), expected);
	buf_close(&seen.text);
}

static void
a_reader_sees_commits_up_to_its_seq(void **state)
{
	(void)state;
	Rig rig = rig_new();
	sees(rig.seg, UINT64_MAX, "");
	append_rows(&rig, 0, 2, 10);
	append_rows(&rig, 2, 3, 12);
	append_rows(&rig, 3, 4, 12);
	sees(rig.seg, 9, "");
	sees(rig.seg, 10, "0 1 ");
	sees(rig.seg, 11, "0 1 ");
	sees(rig.seg, 12, "0 1 2 3 ");
	rig_close(&rig);
}

static void
stats_tell_what_is_in_it(void **state)
{
	(void)state;
	Rig rig = rig_new();
	SegmentStats stats = segment_stats(rig.seg);
	assert_int_equal(stats.status, SEGMENT_GROWING);
	assert_int_equal(stats.id, 77);
	assert_int_equal(stats.rows, 0);
	assert_int_equal(stats.min_seq, 0);
	assert_true(stats.min_time > stats.max_time);
	segment_begin(rig.seg, 8);
	append_rows(&rig, 5, 9, 20);
	append_rows(&rig, 3, 5, 21);
	segment_seal(rig.seg, 99);
	stats = segment_stats(rig.seg);
	assert_int_equal(stats.status, SEGMENT_SEALED);
	assert_int_equal(stats.rows, 6);
	assert_int_equal(stats.min_seq, 20);
	assert_int_equal(stats.max_seq, 21);
	assert_int_equal(stats.min_time, 3);
	assert_int_equal(stats.max_time, 8);
	assert_int_equal(stats.created_ns, 8);
	assert_int_equal(stats.sealed_ns, 99);
	assert_int_equal(stats.bytes, budget_used(rig.budget));
	assert_string_equal(segment_status_name(stats.status), "SEALED");
	assert_string_equal(segment_status_name(SEGMENT_DROPPED), "DROPPED");
	rig_close(&rig);
}

static void
small_batches_of_one_shape_are_gathered(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Buf expected = BUF_INIT;
	for (int64_t i = 0; i < 3000; i++) {
		append_rows(&rig, i, i + 1, (uint64_t)i + 1);
		buf_add_printf(&expected, "%" PRId64 " ", i);
	}
	Seen seen = look(rig.seg, UINT64_MAX, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.rows, 3000);
	assert_true(seen.parts < 25);
	assert_string_equal(buf_text(&seen.text), buf_text(&expected));
	buf_close(&seen.text);
	seen = look(rig.seg, 1777, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.rows, 1777);
	assert_int_equal(seen.max_seq, 1777);
	buf_close(&seen.text);
	// In less memory than they came in.
	assert_true(segment_stats(rig.seg).bytes < 3000 * 200);
	assert_int_equal(segment_stats(rig.seg).bytes, budget_used(rig.budget));
	buf_close(&expected);
	rig_close(&rig);
}

static void
large_batches_are_kept_as_they_are(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Batch *large = host_batch(shape_schema(rig.shape), 0, 5000, 100);
	segment_append(rig.seg, insert_of(&rig, rig.shape, batch_ref(large), true), 1);
	Seen seen = look(rig.seg, 1, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.parts, 1);
	assert_ptr_equal(seen.last, large);
	buf_close(&seen.text);
	append_rows(&rig, 5000, 5001, 2);
	segment_append(rig.seg, insert_of(&rig, rig.shape, batch_ref(large), true), 3);
	seen = look(rig.seg, 3, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.rows, 10001);
	assert_int_equal(seen.parts, 3);
	buf_close(&seen.text);
	batch_unref(large);
	rig_close(&rig);
}

// A chunk for each would take a thousand times what the rows need.
static void
shapes_that_take_turns_do_not_waste_memory(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Shape *other =
		shape_of(2, rig.def, SCHEMA(time_of("time", UNIT_NS), field_of("n", TYPE_INT32)));
	Buf expected = BUF_INIT;
	uint64_t came = 0;
	for (int64_t i = 0; i < 400; i++) {
		char row[64];
		snprintf(row, sizeof(row), "%" PRId64 "|%" PRId64, i, i);
		bool turn = i / 3 % 2 == 1;
		Batch *batch = turn ? batch_of(shape_schema(other), row)
							: host_batch(shape_schema(rig.shape), i, i + 1, 3);
		came += batch_held_bytes(batch);
		segment_append(rig.seg, insert_of(&rig, turn ? other : rig.shape, batch, true),
					   (uint64_t)i + 1);
		buf_add_printf(&expected, "%" PRId64 " ", i);
	}
	assert_true(segment_stats(rig.seg).bytes <= came);
	Seen seen = look(rig.seg, UINT64_MAX, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.rows, 400);
	buf_close(&seen.text);
	buf_close(&expected);
	shape_unref(other);
	rig_close(&rig);
}

static void
parts_outside_the_asked_time_are_left_out(void **state)
{
	(void)state;
	Rig rig = rig_new();
	for (int64_t i = 0; i < 5; i++) {
		Batch *large = host_batch(shape_schema(rig.shape), 10000 * i, 10000 * i + 3000, 100);
		segment_append(rig.seg, insert_of(&rig, rig.shape, large, true), (uint64_t)i + 1);
	}
	struct {
		int64_t from, to, parts;
	} cases[] = {
		{INT64_MIN, INT64_MAX, 5}, {0, 0, 1},         {2999, 10000, 2},   {3000, 9999, 0},
		{42999, INT64_MAX, 1},     {43000, 50000, 0}, {INT64_MIN, -1, 0},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		Seen seen = look(rig.seg, UINT64_MAX, cases[i].from, cases[i].to);
		assert_int_equal(seen.parts, cases[i].parts);
		buf_close(&seen.text);
	}
	rig_close(&rig);
}

static void
times_are_nanoseconds_whatever_the_unit(void **state)
{
	(void)state;
	Rig rig = rig_new();
	static const int64_t scale[] = {1000000000, 1000000, 1000, 1};
	for (TimeUnit unit = UNIT_S; unit <= UNIT_NS; unit++) {
		TableDef *def = table_of(2, "u", SCHEMA(time_of("at", unit)), NULL);
		Shape *shape = whole_shape(def);
		Batch *batch = batch_of(table_schema(def), "5\n-7\n0");
		SegmentInsert *insert = NULL;
		Error err = ERROR_INIT;
		int64_t min, max;
		ok(segment_insert_new(shape, def, batch, NULL, rig.budget, 0, &insert, &err), &err);
		assert_true(segment_insert_times(insert, &min, &max));
		assert_int_equal(min, -7 * scale[unit]);
		assert_int_equal(max, 5 * scale[unit]);
		segment_insert_free(insert);
		batch_unref(batch);

		batch = batch_of(table_schema(def), "9223372036854775807\n-9223372036854775807");
		ok(segment_insert_new(shape, def, batch, NULL, rig.budget, 0, &insert, &err), &err);
		assert_true(segment_insert_times(insert, &min, &max));
		assert_int_equal(max, INT64_MAX);
		assert_true(min <= -INT64_MAX);
		segment_insert_free(insert);
		batch_unref(batch);
		shape_unref(shape);
		table_def_unref(def);
	}
	rig_close(&rig);
}

static void
rows_without_time_are_in_every_range(void **state)
{
	(void)state;
	Rig rig = rig_new();
	TableDef *def = table_of(2, "plain", SCHEMA(field_of("n", TYPE_INT64)), NULL);
	Shape *shape = whole_shape(def);
	Batch *batch = batch_of(table_schema(def), "1\n2");
	SegmentInsert *insert = NULL;
	Error err = ERROR_INIT;
	int64_t min, max;
	ok(segment_insert_new(shape, def, batch, NULL, rig.budget, 0, &insert, &err), &err);
	assert_false(segment_insert_times(insert, &min, &max));
	segment_append(rig.seg, insert, 1);
	Seen seen = look(rig.seg, 1, 5, 5);
	assert_string_equal(buf_text(&seen.text), "1 2 ");
	buf_close(&seen.text);
	SegmentStats stats = segment_stats(rig.seg);
	assert_true(stats.min_time > stats.max_time);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	rig_close(&rig);
}

static void
an_empty_batch_is_nothing(void **state)
{
	(void)state;
	Rig rig = rig_new();
	append_rows(&rig, 0, 0, 1);
	assert_int_equal(segment_stats(rig.seg).rows, 0);
	assert_int_equal(segment_stats(rig.seg).min_seq, 0);
	assert_int_equal(budget_used(rig.budget), 0);
	rig_close(&rig);
}

static void
an_insert_that_is_not_appended_gives_back_what_it_reserved(void **state)
{
	(void)state;
	Rig rig = rig_new();
	SegmentInsert *insert =
		insert_of(&rig, rig.shape, host_batch(shape_schema(rig.shape), 0, 10, 2), true);
	assert_true(budget_used(rig.budget) > 0);
	segment_insert_free(insert);
	assert_int_equal(budget_used(rig.budget), 0);
	segment_insert_free(NULL);
	rig_close(&rig);
}

static void
without_memory_for_a_chunk_batches_are_kept(void **state)
{
	(void)state;
	Rig rig = rig_new();
	enum { INSERTS = 40 };
	SegmentInsert *inserts[INSERTS];
	for (int64_t i = 0; i < INSERTS; i++)
		inserts[i] = insert_of(&rig, rig.shape, host_batch(shape_schema(rig.shape), i, i + 1, 3),
							   i % 2 == 0);
	fault_arm_sticky(0);
	for (uint64_t i = 0; i < INSERTS; i++)
		segment_append(rig.seg, inserts[i], i + 1);
	fault_disarm();
	Seen seen = look(rig.seg, UINT64_MAX, INT64_MIN, INT64_MAX);
	assert_int_equal(seen.rows, INSERTS);
	assert_int_equal(seen.parts, INSERTS);
	buf_close(&seen.text);
	rig_close(&rig);
}

static void
an_insert_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Batch *batch = host_batch(shape_schema(rig.shape), 0, 10, 2);
	uint32_t ids[10] = {0};
	long live = mem_live();
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		SegmentInsert *insert = NULL;
		Segment *seg = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st =
			segment_insert_new(rig.shape, rig.def, batch, ids, rig.budget, 0, &insert, &err);
		if (st == ST_OK)
			st = segment_new(1, rig.budget, NULL, 0, &seg, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		segment_insert_free(insert);
		segment_unref(seg);
		assert_int_equal(mem_live(), live);
	}
	batch_unref(batch);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_commits_up_to_its_seq),
		cmocka_unit_test(stats_tell_what_is_in_it),
		cmocka_unit_test(small_batches_of_one_shape_are_gathered),
		cmocka_unit_test(large_batches_are_kept_as_they_are),
		cmocka_unit_test(shapes_that_take_turns_do_not_waste_memory),
		cmocka_unit_test(parts_outside_the_asked_time_are_left_out),
		cmocka_unit_test(times_are_nanoseconds_whatever_the_unit),
		cmocka_unit_test(rows_without_time_are_in_every_range),
		cmocka_unit_test(an_empty_batch_is_nothing),
		cmocka_unit_test(an_insert_that_is_not_appended_gives_back_what_it_reserved),
		cmocka_unit_test(without_memory_for_a_chunk_batches_are_kept),
		cmocka_unit_test(an_insert_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
