// A sealed segment's rows in the order files have.

#include "store/sorted.h"
#include "support.h"

typedef struct Rig {
	Budget *budget;
	SeriesMap *series;
	Segment *seg;
	uint64_t seq;
} Rig;

static Rig
rig_new(void)
{
	Rig rig = {0};
	Error err = ERROR_INIT;
	ok(budget_new("memtable.limit", UINT64_C(1) << 30, &rig.budget, &err), &err);
	ok(series_new(1000000, &rig.series, &err), &err);
	ok(segment_new(1, rig.budget, NULL, 0, &rig.seg, &err), &err);
	return rig;
}

static void
rig_close(Rig *rig)
{
	segment_unref(rig->seg);
	series_free(rig->series);
	assert_int_equal(budget_used(rig->budget), 0);
	budget_free(rig->budget);
	assert_int_equal(mem_live(), 0);
}

// Takes the batch.
static void
append(Rig *rig, TableDef *def, Shape *shape, Batch *batch, bool with_ids)
{
	uint32_t *ids = calloc((size_t)batch_rows(batch), sizeof(*ids));
	bool on = false;
	Error err = ERROR_INIT;
	SegmentInsert *insert = NULL;
	ok(series_map_batch(rig->series, def, shape, batch, ids, &on, &err), &err);
	assert_true(on);
	ok(segment_insert_new(shape, def, batch, with_ids ? ids : NULL, rig->budget, 0, &insert, &err),
	   &err);
	segment_append(rig->seg, insert, ++rig->seq);
	free(ids);
	batch_unref(batch);
}

static void
append_text(Rig *rig, TableDef *def, Shape *shape, const char *rows, bool with_ids)
{
	append(rig, def, shape, batch_of(shape_schema(shape), rows), with_ids);
}

// All of them, in one batch.
static Status
sort_all(Rig *rig, TableDef *def, Batch **out, Error *err)
{
	SCOPED(sorted_rows_drop) SortedRows *rows = NULL;
	TRY(sorted_rows_new(rig->seg, def, rig->series, NULL, &rows, err));
	TRY(sorted_rows_next(rows, out, err));
	return ST_OK;
}

static void
sorted_is(Rig *rig, TableDef *def, const char *rows)
{
	Batch *sorted = NULL;
	Error err = ERROR_INIT;
	ok(sort_all(rig, def, &sorted, &err), &err);
	assert_true(schema_equal(batch_schema(sorted), table_schema(def)));
	batch_is_sound(sorted);
	batch_is(sorted, rows);
	batch_unref(sorted);
}

// With ids on all, on none, and on some rows: the order is the same.
static void
rows_come_by_tags_then_time_then_arrival(void **state)
{
	(void)state;
	for (int with = 0; with < 3; with++) {
		Rig rig = rig_new();
		TableDef *def = table_of(1, "t",
								 SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8),
										field_of("rack", TYPE_INT16), field_of("n", TYPE_INT64)),
								 "host,rack");
		Shape *shape = whole_shape(def);
		append_text(&rig, def, shape, "5|b|1|0\n3|a|2|1\n3|b|1|2\n9|~|~|3", with != 1);
		append_text(&rig, def, shape, "3|b|1|4\n1|a|-2|5\n3|a|2|6\n4|~|7|7\n0||0|8", with == 0);
		append_text(&rig, def, shape, "5|b|1|9", with != 1);
		sorted_is(
			&rig, def,
			"9|~|~|3\n4|~|7|7\n0||0|8\n1|a|-2|5\n3|a|2|1\n3|a|2|6\n3|b|1|2\n3|b|1|4\n5|b|1|0\n"
			"5|b|1|9\n");
		shape_unref(shape);
		table_def_unref(def);
		rig_close(&rig);
	}
}

// The last of equal keys is left, with ids on all and on none; it alone tells whether the key was
// deleted.
static void
of_each_key_the_last_row_is_left(void **state)
{
	(void)state;
	for (int with = 0; with < 2; with++) {
		Rig rig = rig_new();
		SCOPED(schema_drop)
		Schema *schema = SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8),
								field_of("rack", TYPE_INT16), field_of("n", TYPE_INT64));
		TableRequest request = {.database = "mobius",
								.name = "t",
								.schema = schema,
								.tags = "host,rack",
								.dedup = "last"};
		TableDef *def = NULL;
		Error err = ERROR_INIT;
		ok(table_def_create(&request, NULL, 1, 1000, any_field, &def, &err), &err);
		Shape *shape = whole_shape(def);
		append_text(&rig, def, shape, "5|b|1|0\n3|a|2|1\n3|b|1|2\n9|~|~|3\n9|~|~|4", with == 0);
		append_text(&rig, def, shape, "3|b|1|5\n3|a|2|6\n9|~|7|7\n0||0|8\n3|b|2|9", with == 0);
		append_text(&rig, def, shape, "3|b|1|10\n0||0|11", with == 0);
		sorted_is(&rig, def, "9|~|~|4\n9|~|7|7\n0||0|11\n3|a|2|6\n3|b|1|10\n5|b|1|0\n3|b|2|9\n");
		const uint32_t versions[] = {2, 5, 10}; // of 3|b|1
		ok(segment_make_room(rig.seg, versions, 3, &err), &err);
		segment_delete(rig.seg, versions, 3, ++rig.seq);
		sorted_is(&rig, def, "9|~|~|4\n9|~|7|7\n0||0|11\n3|a|2|6\n5|b|1|0\n3|b|2|9\n");
		shape_unref(shape);
		table_def_unref(def);
		schema_unref(TAKE(schema));
		rig_close(&rig);
	}
}

static void
a_table_without_time_keeps_its_order(void **state)
{
	(void)state;
	Rig rig = rig_new();
	TableDef *def =
		table_of(1, "t", SCHEMA(field_of("s", TYPE_UTF8), field_of("n", TYPE_INT64)), NULL);
	Shape *shape = whole_shape(def);
	append_text(&rig, def, shape, "z|1\na|2", true);
	append_text(&rig, def, shape, "m|~\n~|0", true);
	sorted_is(&rig, def, "z|1\na|2\nm|~\n~|0\n");
	shape_unref(shape);
	table_def_unref(def);
	rig_close(&rig);
}

static void
rows_of_older_and_narrower_shapes_become_the_tables(void **state)
{
	(void)state;
	Rig rig = rig_new();
	TableDef *def = table_of(
		1, "t",
		SCHEMA(time_of("time", UNIT_S), field_of("host", TYPE_UTF8), field_of("n", TYPE_INT8)),
		NULL);
	Shape *old = whole_shape(def);
	Shape *few = shape_of(2, def, SCHEMA(time_of("time", UNIT_S)));
	append_text(&rig, def, old, "7|b|-1\n2|a|2", true);
	append_text(&rig, def, few, "3", true);
	TableDef *next = grown(def,
						   SCHEMA(time_of("time", UNIT_MS), field_of("n", TYPE_INT64),
								  field_of("room", TYPE_UTF8), field_of("v", TYPE_FLOAT64)),
						   "room");
	Shape *now = shape_of(3, next,
						  SCHEMA(field_of("v", TYPE_FLOAT64), field_of("room", TYPE_UTF8),
								 time_of("time", UNIT_MS), field_of("host", TYPE_UTF8)));
	append_text(&rig, next, now, "0.5|x|2500|a\n1.5|~|2001|a", true);
	sorted_is(&rig, next,
			  "3000|~|~|~|~\n2000|a|2|~|~\n2001|a|~|~|1.5\n2500|a|~|x|0.5\n7000|b|-1|~|~\n");
	shape_unref(old);
	shape_unref(few);
	shape_unref(now);
	table_def_unref(next);
	table_def_unref(def);
	rig_close(&rig);
}

// What came while somebody else made the unit finer must not stop a flush.
static void
instants_beyond_a_finer_unit_saturate(void **state)
{
	(void)state;
	Rig rig = rig_new();
	TableDef *def =
		table_of(1, "t", SCHEMA(time_of("time", UNIT_S), time_of("seen", UNIT_S)), NULL);
	Shape *old = whole_shape(def);
	append_text(&rig, def, old, "99999999999|-99999999999\n5|~", true);
	TableDef *next = grown(def, SCHEMA(time_of("time", UNIT_NS), time_of("seen", UNIT_NS)), NULL);
	sorted_is(&rig, next, "5000000000|~\n9223372036854775807|-9223372036854775808\n");
	shape_unref(old);
	table_def_unref(next);
	table_def_unref(def);
	rig_close(&rig);
}

static void
gathered_rows_are_exact(void **state)
{
	(void)state;
	Rig rig = rig_new();
	TableDef *def = host_table();
	Shape *shape = whole_shape(def);
	enum { ROWS = 5000 };
	for (int64_t i = 0; i < ROWS; i++) {
		char row[64];
		snprintf(row, sizeof(row), i % 4 == 3 ? "%" PRId64 "|h%d|~" : "%" PRId64 "|h%d|%" PRId64, i,
				 (int)(i % 7), i);
		append_text(&rig, def, shape, row, true);
	}
	Batch *sorted = NULL;
	Error err = ERROR_INIT;
	ok(sort_all(&rig, def, &sorted, &err), &err);
	batch_is_sound(sorted);
	assert_int_equal(batch_rows(sorted), ROWS);
	assert_int_equal(batch_column(sorted, 2)->null_count, ROWS / 4);
	int64_t expected = 0;
	for (int64_t row = 0; row < ROWS; row++) {
		assert_int_equal(int64_at(batch_column(sorted, 0), row), expected);
		expected += 7;
		if (expected >= ROWS)
			expected = expected % 7 + 1;
	}
	batch_unref(sorted);
	shape_unref(shape);
	table_def_unref(def);
	rig_close(&rig);
}

// Rows without an embedding take none of its memory but where they are.
static void
what_rows_leave_out_is_made_piece_by_piece(void **state)
{
	(void)state;
	enum { ROWS = 400000, WIDTH = 1536 }; // more than the 2 GiB that a batch can hold
	Rig rig = rig_new();
	Field number = field_of("item", TYPE_FLOAT32), wide = field_of("v", TYPE_FIXED_LIST);
	wide.type.width = WIDTH;
	wide.children = &number;
	wide.child_count = 1;
	TableDef *def = table_of(1, "t", SCHEMA(field_of("n", TYPE_INT64), wide), NULL);
	Shape *few = shape_of(2, def, SCHEMA(field_of("n", TYPE_INT64)));
	Builder *builder = NULL;
	Batch *batch = NULL;
	SortedRows *rows = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(shape_schema(few), &builder, &err), &err);
	for (int64_t i = 0; i < ROWS; i++)
		column_add_int(builder_column(builder, 0), i);
	ok(builder_finish(builder, ROWS, &batch, &err), &err);
	builder_free(builder);
	append(&rig, def, few, batch, true);
	ok(sorted_rows_new(rig.seg, def, rig.series, NULL, &rows, &err), &err);
	assert_int_equal(sorted_rows_count(rows), ROWS);
	for (int64_t row = 0, piece = 0; piece < 2; piece++) {
		ok(sorted_rows_next(rows, &batch, &err), &err);
		assert_true(batch_rows(batch) > 0 && batch_rows(batch) % SORTED_CHUNK_ROWS == 0);
		assert_true(batch_held_bytes(batch) < 100 << 20);
		assert_int_equal(batch_column(batch, 1)->null_count, batch_rows(batch));
		assert_int_equal(int64_at(batch_column(batch, 0), 0), row);
		batch_is_sound(batch);
		row += batch_rows(batch);
		batch_unref(batch);
	}
	sorted_rows_free(rows);
	shape_unref(few);
	table_def_unref(def);
	rig_close(&rig);
}

static void
sorting_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	for (int with = 0; with < 2; with++) {
		Rig rig = rig_new();
		TableDef *def = host_table();
		Shape *whole = whole_shape(def);
		Shape *few = shape_of(2, def, SCHEMA(time_of("time", UNIT_NS), field_of("n", TYPE_INT8)));
		append_text(&rig, def, whole, "5|b|1\n3|a|2", with != 0);
		append_text(&rig, def, few, "4|7", with != 0);
		long live = mem_live();
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			Batch *sorted = NULL;
			Error err = ERROR_INIT;
			fault_arm(nth);
			Status st = sort_all(&rig, def, &sorted, &err);
			failed = fault_disarm();
			assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
			batch_unref(sorted);
			assert_int_equal(mem_live(), live);
		}
		sorted_is(&rig, def, "4|~|7\n3|a|2\n5|b|1\n");
		shape_unref(whole);
		shape_unref(few);
		table_def_unref(def);
		rig_close(&rig);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_come_by_tags_then_time_then_arrival),
		cmocka_unit_test(of_each_key_the_last_row_is_left),
		cmocka_unit_test(a_table_without_time_keeps_its_order),
		cmocka_unit_test(rows_of_older_and_narrower_shapes_become_the_tables),
		cmocka_unit_test(instants_beyond_a_finer_unit_saturate),
		cmocka_unit_test(gathered_rows_are_exact),
		cmocka_unit_test(what_rows_leave_out_is_made_piece_by_piece),
		cmocka_unit_test(sorting_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
