// How the batches of a stream lie in a table.

#include "support.h"

static TableDef *
wide_table(void)
{
	return table_of(9, "t",
					SCHEMA(time_of("time", UNIT_US), field_of("host", TYPE_UTF8),
						   field_of("n", TYPE_INT64), field_of("v", TYPE_FLOAT64)),
					NULL);
}

static void
columns_are_found_by_name(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	Shape *shape = shape_of(
		5, def,
		SCHEMA(field_of("v", TYPE_FLOAT32), field_of("n", TYPE_INT8), time_of("time", UNIT_US)));
	int32_t map[4];
	shape_map(shape, def, map);
	assert_int_equal(map[0], 2);
	assert_int_equal(map[1], -1);
	assert_int_equal(map[2], 1);
	assert_int_equal(map[3], 0);
	assert_int_equal(shape_id(shape), 5);
	assert_int_equal(shape_table_id(shape), 9);
	assert_int_equal(shape_column_id(shape, 0), 4);
	assert_false(shape_is_whole(shape, def));
	// The table grows, and the shape stays what it is.
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_US), field_of("more", TYPE_UTF8)), NULL);
	int32_t longer[5];
	shape_map(shape, next, longer);
	assert_int_equal(longer[0], 2);
	assert_int_equal(longer[4], -1);
	shape_unref(shape);
	table_def_unref(next);
	table_def_unref(def);
}

static void
a_whole_one_needs_no_map(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	Shape *whole = whole_shape(def);
	Shape *turned = shape_of(2, def,
							 SCHEMA(field_of("host", TYPE_UTF8), time_of("time", UNIT_US),
									field_of("n", TYPE_INT64), field_of("v", TYPE_FLOAT64)));
	Shape *narrow = shape_of(3, def,
							 SCHEMA(time_of("time", UNIT_US), field_of("host", TYPE_UTF8),
									field_of("n", TYPE_INT32), field_of("v", TYPE_FLOAT64)));
	assert_true(shape_is_whole(whole, def));
	assert_false(shape_is_whole(turned, def));
	assert_false(shape_is_whole(narrow, def));
	shape_unref(whole);
	shape_unref(turned);
	shape_unref(narrow);
	table_def_unref(def);
}

static void
an_unknown_column_is_refused(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("none", TYPE_INT8));
	Shape *shape = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(shape_new(1, def, schema, &shape, &err), ST_INTERNAL);
	says(&err, "\"none\"");
	table_def_unref(def);
}

// ---- bytes ----

static Shape *
sample(TableDef *def)
{
	return shape_of(
		5, def,
		SCHEMA(field_of("n", TYPE_INT16), field_of("host", TYPE_UTF8), time_of("time", UNIT_S)));
}

static void
what_was_written_is_read(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	Shape *shape = sample(def), *read = NULL;
	Error err = ERROR_INIT;
	ok(shape_decode(shape_encoded(shape), 6, &read, &err), &err);
	assert_int_equal(shape_id(read), 6);
	assert_int_equal(shape_table_id(read), 9);
	assert_true(schema_equal(shape_schema(shape), shape_schema(read)));
	for (int32_t i = 0; i < 3; i++)
		assert_int_equal(shape_column_id(read, i), shape_column_id(shape, i));
	assert_true(slice_equal(shape_encoded(shape), shape_encoded(read)));
	ok(shape_check(read, def, &err), &err);
	shape_unref(read);
	shape_unref(shape);
	table_def_unref(def);
	assert_int_equal(mem_live(), 0);
}

static Status
decode(const uint8_t *bytes, size_t len, TableDef *def)
{
	uint8_t *copy = malloc(len == 0 ? 1 : len); // so that reading past the end is seen
	memcpy(copy, bytes, len);
	Shape *shape = NULL;
	Error err = ERROR_INIT;
	Status st = shape_decode(slice_of(copy, len), 1, &shape, &err);
	assert_int_equal(st == ST_OK, shape != NULL);
	if (shape != NULL) {
		(void)!shape_check(shape, def, NULL);
		int32_t map[4];
		shape_map(shape, def, map);
	}
	shape_unref(shape);
	free(copy);
	return st;
}

static void
cuts_and_flips_are_noticed_or_harmless(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	Shape *shape = sample(def);
	Slice whole = shape_encoded(shape);
	for (size_t len = 0; len < whole.len; len++)
		assert_int_equal(decode(whole.data, len, def), ST_CORRUPT);
	Buf bytes = BUF_INIT;
	buf_add_slice(&bytes, whole);
	for (size_t bit = 0; bit < 8 * whole.len; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		Status st = decode(bytes.data, bytes.len, def);
		assert_true(st == ST_OK || st == ST_CORRUPT);
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_close(&bytes);
	shape_unref(shape);
	table_def_unref(def);
}

static void
what_does_not_fit_a_table_is_noticed(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	TableDef *texts = table_of(
		9, "t",
		SCHEMA(time_of("time", UNIT_US), field_of("host", TYPE_UTF8), field_of("n", TYPE_UTF8)),
		NULL);
	TableDef *few = table_of(9, "t", SCHEMA(time_of("time", UNIT_US)), NULL);
	TableDef *other = table_of(8, "t", SCHEMA(time_of("time", UNIT_US)), NULL);
	Shape *shape = sample(def);
	Error err = ERROR_INIT;
	assert_int_equal(shape_check(shape, texts, &err), ST_CORRUPT);
	says(&err, "\"n\"");
	// What was dropped is not read.
	ok(shape_check(shape, few, &err), &err);
	assert_int_equal(shape_dropped_column(shape, def), -1);
	assert_string_equal(schema_field(shape_schema(shape), shape_dropped_column(shape, few))->name,
						"n");
	assert_int_equal(shape_check(shape, other, &err), ST_CORRUPT);
	shape_unref(shape);
	table_def_unref(def);
	table_def_unref(texts);
	table_def_unref(few);
	table_def_unref(other);
}

static void
making_and_reading_undo_themselves_on_every_fault(void **state)
{
	(void)state;
	TableDef *def = wide_table();
	SCOPED(schema_drop) Schema *schema = SCHEMA(time_of("time", UNIT_US));
	Shape *good = sample(def);
	long live = mem_live();
	for (int reading = 0; reading < 2; reading++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			Shape *shape = NULL;
			Error err = ERROR_INIT;
			fault_arm(nth);
			Status st = reading ? shape_decode(shape_encoded(good), 1, &shape, &err)
								: shape_new(1, def, schema, &shape, &err);
			failed = fault_disarm();
			assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
			shape_unref(shape);
			assert_int_equal(mem_live(), live);
		}
	}
	shape_unref(good);
	table_def_unref(def);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_found_by_name),
		cmocka_unit_test(a_whole_one_needs_no_map),
		cmocka_unit_test(an_unknown_column_is_refused),
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(cuts_and_flips_are_noticed_or_harmless),
		cmocka_unit_test(what_does_not_fit_a_table_is_noticed),
		cmocka_unit_test(making_and_reading_undo_themselves_on_every_fault),
	};
	return RUN(tests);
}
