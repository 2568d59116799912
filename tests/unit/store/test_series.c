// The numbering of tag combinations.

#include "os/thread.h"
#include "store/series.h"
#include "support.h"

static SeriesMap *
series_of(uint32_t limit)
{
	SeriesMap *series = NULL;
	Error err = ERROR_INIT;
	ok(series_new(limit, &series, &err), &err);
	return series;
}

// Maps the rows of a text under a shape; the ids as "0 1 0".
static void
maps(SeriesMap *series, TableDef *def, Shape *shape, const char *rows, const char *expected)
{
	Batch *batch = batch_of(shape_schema(shape), rows);
	uint32_t *ids = calloc((size_t)batch_rows(batch), sizeof(*ids));
	bool on = false;
	Error err = ERROR_INIT;
	ok(series_map_batch(series, def, shape, batch, ids, &on, &err), &err);
	assert_true(on);
	Buf text = BUF_INIT;
	for (int64_t i = 0; i < batch_rows(batch); i++)
		buf_add_printf(&text, "%s%" PRIu32, i > 0 ? " " : "", ids[i]);
	assert_string_equal(buf_text(&text), expected);
	buf_close(&text);
	free(ids);
	batch_unref(batch);
}

static TableDef *
tags_table(void)
{
	return table_of(
		1, "t",
		SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8), field_of("rack", TYPE_INT16)),
		"host,rack");
}

static void
the_same_tags_have_the_same_id(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, shape, "1|a|1\n2|b|1\n3|a|1\n4|a|2\n5|b|1", "0 1 0 2 1");
	maps(series, def, shape, "6|b|1\n7|a|1\n8|c|-1\n9|~|~\n10||~\n11|~|0\n12|~|~", "1 0 3 4 5 6 4");
	// In the order of the last time, and out of it.
	maps(series, def, shape, "6|b|1\n7|a|1\n8|c|-1\n9|~|~\n10||~", "1 0 3 4 5");
	maps(series, def, shape, "6|b|1\n7|c|-1\n8|a|1\n9|b|1", "1 3 0 1");
	assert_int_equal(series_count(series), 7);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
	assert_int_equal(mem_live(), 0);
}

static void
a_tag_the_batch_lacks_is_null(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *whole = whole_shape(def);
	Shape *host = shape_of(2, def, SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8)));
	Shape *rack = shape_of(3, def, SCHEMA(field_of("rack", TYPE_INT16), time_of("time", UNIT_NS)));
	Shape *none = shape_of(4, def, SCHEMA(time_of("time", UNIT_NS)));
	SeriesMap *series = series_of(1000);
	maps(series, def, whole, "1|a|~\n2|~|7\n3|~|~", "0 1 2");
	maps(series, def, host, "1|a\n2|~\n3|b", "0 2 3");
	maps(series, def, rack, "7|1\n~|2", "1 2");
	maps(series, def, none, "1\n2", "2 2");
	series_free(series);
	shape_unref(whole);
	shape_unref(host);
	shape_unref(rack);
	shape_unref(none);
	table_def_unref(def);
}

static void
a_new_tag_leaves_old_ids_as_they_are(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *old = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, old, "1|a|1\n2|b|~", "0 1");
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("room", TYPE_UTF8)), "room");
	Shape *whole = whole_shape(next);
	maps(series, next, whole, "1|a|1|~\n2|a|1|x\n3|b|~|~\n4|b|~|x", "0 2 1 3");
	maps(series, next, old, "1|a|1\n2|b|~", "0 1");
	series_free(series);
	shape_unref(old);
	shape_unref(whole);
	table_def_unref(next);
	table_def_unref(def);
}

static void
a_number_is_the_same_in_any_width(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *narrow = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, narrow, "1|a|-5\n2|a|300", "0 1");
	TableDef *next =
		grown(def, SCHEMA(time_of("time", UNIT_NS), field_of("rack", TYPE_INT64)), NULL);
	Shape *wide = whole_shape(next);
	Shape *tiny = shape_of(
		3, next,
		SCHEMA(time_of("time", UNIT_NS), field_of("host", TYPE_UTF8), field_of("rack", TYPE_INT8)));
	maps(series, next, wide, "1|a|-5\n2|a|300\n3|a|5000000000", "0 1 2");
	maps(series, next, tiny, "1|a|-5", "0");
	series_free(series);
	shape_unref(narrow);
	shape_unref(wide);
	shape_unref(tiny);
	table_def_unref(next);
	table_def_unref(def);
}

static void
without_tags_there_is_one_series(void **state)
{
	(void)state;
	TableDef *def = table_of(1, "t", SCHEMA(time_of("time", UNIT_NS)), "");
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, shape, "1\n2\n3", "0 0 0");
	assert_int_equal(series_count(series), 1);
	Buf saved = BUF_INIT;
	Error err = ERROR_INIT;
	ok(series_save(series, &saved, &err), &err);
	SeriesMap *loaded = series_of(1000);
	ok(series_load(loaded, buf_slice(&saved), &err), &err);
	maps(loaded, def, shape, "1", "0");
	buf_close(&saved);
	series_free(loaded);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

// Every type a tag can have, with its smallest and its largest.
static void
every_type_is_told_apart(void **state)
{
	(void)state;
	static const struct {
		TypeId type;
		const char *values[3]; // rising
	} types[] = {
		{TYPE_BOOL, {"false", "true", NULL}},
		{TYPE_INT8, {"-128", "0", "127"}},
		{TYPE_INT16, {"-32768", "0", "32767"}},
		{TYPE_INT32, {"-2147483648", "0", "2147483647"}},
		{TYPE_INT64, {"-9223372036854775808", "0", "9223372036854775807"}},
		{TYPE_UINT8, {"0", "1", "255"}},
		{TYPE_UINT16, {"0", "1", "65535"}},
		{TYPE_UINT32, {"0", "1", "4294967295"}},
		{TYPE_UINT64, {"0", "1", "18446744073709551615"}},
		{TYPE_DATE32, {"-1000", "0", "20000"}},
		{TYPE_UTF8, {"", "a", "b"}},
		{TYPE_BINARY, {"", "a", "a longer one than sixteen bytes"}},
	};
	for (size_t t = 0; t < COUNT_OF(types); t++) {
		TableDef *def =
			table_of(1, "t", SCHEMA(time_of("time", UNIT_NS), field_of("x", types[t].type)), "x");
		Shape *shape = whole_shape(def);
		SeriesMap *series = series_of(1000);
		// Falling, so that ids and ranks differ.
		char rows[200] = "";
		uint32_t count = types[t].values[2] != NULL ? 3 : 2;
		for (uint32_t i = count; i > 0; i--)
			snprintf(rows + strlen(rows), sizeof(rows) - strlen(rows), "1|%s\n",
					 types[t].values[i - 1]);
		strcat(rows, "1|~\n");
		maps(series, def, shape, rows, count == 3 ? "0 1 2 3" : "0 1 2");
		maps(series, def, shape, rows, count == 3 ? "0 1 2 3" : "0 1 2");
		uint32_t ids[] = {0, 1, 2, 3}, rank[4];
		Error err = ERROR_INIT;
		ok(series_rank(series, ids, count + 1, rank, &err), &err);
		for (uint32_t i = 0; i <= count; i++)
			assert_int_equal(rank[i], count - i);
		series_free(series);
		shape_unref(shape);
		table_def_unref(def);
	}
}

static void
ranks_follow_the_values_of_all_tags(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, shape,
		 "1|b|2\n1|b|-3\n1|a|9\n1|ab|1\n1|~|5\n1|~|~\n1|b|~\n1||1\n1|a|10\n1|a\x7f|0",
		 "0 1 2 3 4 5 6 7 8 9");
	uint32_t ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, rank[10];
	static const uint32_t order[] = {5, 4, 7, 2, 8, 3, 9, 6, 1, 0};
	Error err = ERROR_INIT;
	ok(series_rank(series, ids, 10, rank, &err), &err);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(rank[order[i]], i);
	// Of some of them.
	uint32_t some[] = {3, 5, 0};
	ok(series_rank(series, some, 3, rank, &err), &err);
	assert_int_equal(rank[0], 1);
	assert_int_equal(rank[1], 0);
	assert_int_equal(rank[2], 2);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

// ---- limits ----

static bool
map_hosts(SeriesMap *series, TableDef *def, Shape *shape, int64_t rows, int64_t hosts)
{
	Batch *batch = host_batch(shape_schema(shape), 0, rows, hosts);
	uint32_t *ids = calloc((size_t)rows, sizeof(*ids));
	bool on = false;
	Error err = ERROR_INIT;
	ok(series_map_batch(series, def, shape, batch, ids, &on, &err), &err);
	for (int64_t i = 0; on && i < rows; i++)
		assert_int_equal(ids[i], i % hosts);
	free(ids);
	batch_unref(batch);
	return on;
}

static void
above_the_limit_there_are_no_ids(void **state)
{
	(void)state;
	TableDef *def = host_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(5000);
	assert_true(map_hosts(series, def, shape, 5000, 5000));
	assert_false(map_hosts(series, def, shape, 20000, 10000));
	assert_int_equal(series_count(series), 5001); // no more were made
	assert_false(map_hosts(series, def, shape, 10, 10));
	// For ever: also after a restart.
	Buf saved = BUF_INIT;
	Error err = ERROR_INIT;
	ok(series_save(series, &saved, &err), &err);
	SeriesMap *loaded = series_of(5000);
	ok(series_load(loaded, buf_slice(&saved), &err), &err);
	assert_false(map_hosts(loaded, def, shape, 10, 10));
	buf_close(&saved);
	series_free(loaded);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

static void
many_series_of_few_rows_are_none(void **state)
{
	(void)state;
	TableDef *def = host_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(10000000);
	assert_true(map_hosts(series, def, shape, 100000, 100000)); // few
	assert_true(map_hosts(series, def, shape, 900010, 100000));
	assert_true(map_hosts(series, def, shape, 100001, 100001)); // ten rows each
	assert_false(map_hosts(series, def, shape, 220000, 220000));
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

// ---- checkpoints ----

static void
ids_stay_over_a_checkpoint(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(100000), *loaded = series_of(100000);
	maps(series, def, shape, "1|a|1\n2|b|~\n3|~|~\n4||3", "0 1 2 3");
	Buf saved = BUF_INIT;
	Error err = ERROR_INIT;
	ok(series_save(series, &saved, &err), &err);
	ok(series_load(loaded, buf_slice(&saved), &err), &err);
	assert_int_equal(series_count(loaded), 4);
	maps(loaded, def, shape, "4||3\n3|~|~\n2|b|~\n1|a|1\n5|new|0", "3 2 1 0 4");
	Buf again = BUF_INIT;
	ok(series_save(series, &again, &err), &err);
	assert_true(slice_equal(buf_slice(&saved), buf_slice(&again)));
	buf_close(&again);
	buf_close(&saved);
	series_free(series);
	series_free(loaded);
	shape_unref(shape);
	table_def_unref(def);
}

static void
damaged_checkpoints_are_noticed(void **state)
{
	(void)state;
	TableDef *def = tags_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(1000);
	maps(series, def, shape, "1|abc|1\n2|b|~\n3|~|~\n4||3", "0 1 2 3");
	Buf saved = BUF_INIT;
	Error err = ERROR_INIT;
	ok(series_save(series, &saved, &err), &err);
	for (size_t len = 0; len <= saved.len; len++) {
		uint8_t *copy = malloc(len + 1);
		memcpy(copy, saved.data, len);
		SeriesMap *loaded = series_of(1000);
		Status st = series_load(loaded, slice_of(copy, len), &err);
		assert_int_equal(st, len == saved.len ? ST_OK : ST_CORRUPT);
		series_free(loaded);
		free(copy);
	}
	for (size_t bit = 0; bit < 8 * saved.len; bit++) {
		saved.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		SeriesMap *loaded = series_of(1000);
		if (series_load(loaded, buf_slice(&saved), &err) == ST_OK) {
			// Keys of another shape than the table's are never those of a row.
			Batch *batch = batch_of(shape_schema(shape), "1|abc|1\n2|b|~\n3|~|~\n4||3");
			uint32_t ids[4], all[8] = {0, 1, 2, 3, 4, 5, 6, 7}, rank[8];
			bool on;
			ok(series_map_batch(loaded, def, shape, batch, ids, &on, &err), &err);
			ok(series_rank(loaded, all, series_count(loaded), rank, &err), &err);
			batch_unref(batch);
		}
		series_free(loaded);
		saved.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_close(&saved);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

// ---- faults, threads ----

static void
after_a_fault_it_goes_on(void **state)
{
	(void)state;
	TableDef *def = host_table();
	Shape *shape = whole_shape(def);
	Batch *batch = host_batch(shape_schema(shape), 0, 3000, 3000);
	uint32_t ids[3000], rank[3000];
	SeriesMap *series = series_of(100000);
	Error err = ERROR_INIT;
	bool on, failed = true;
	for (long nth = 0; failed; nth++) {
		fault_arm(nth);
		Status st = series_map_batch(series, def, shape, batch, ids, &on, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
	}
	for (uint32_t i = 0; i < 3000; i++)
		assert_int_equal(ids[i], i); // what was there before a fault is there
	Buf saved = BUF_INIT;
	ok(series_save(series, &saved, &err), &err);
	failed = true;
	for (long nth = 0; failed; nth++) {
		Buf out = BUF_INIT;
		SeriesMap *loaded = NULL;
		fault_arm(nth);
		Status st = series_new(10, &loaded, &err);
		if (st == ST_OK)
			st = series_load(loaded, buf_slice(&saved), &err);
		if (st == ST_OK)
			st = series_save(loaded, &out, &err);
		if (st == ST_OK)
			st = series_rank(loaded, ids, 3000, rank, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		series_free(loaded);
		buf_close(&out);
	}
	buf_close(&saved);
	series_free(series);
	batch_unref(batch);
	shape_unref(shape);
	table_def_unref(def);
	assert_int_equal(mem_live(), 0);
}

enum { MAPPERS = 3 };

typedef struct Mapper {
	SeriesMap *series;
	TableDef *def;
	Shape *shape;
	Batch *batch;
	uint32_t ids[4000];
} Mapper;

static void
run_mapper(void *arg)
{
	Mapper *m = arg;
	Error err = ERROR_INIT;
	bool on;
	for (int i = 0; i < 20; i++)
		ok(series_map_batch(m->series, m->def, m->shape, m->batch, m->ids, &on, &err), &err);
}

static void
run_saver(void *arg)
{
	SeriesMap *series = arg;
	Error err = ERROR_INIT;
	for (int i = 0; i < 20; i++) {
		Buf saved = BUF_INIT;
		ok(series_save(series, &saved, &err), &err);
		SeriesMap *loaded = series_of(100000);
		ok(series_load(loaded, buf_slice(&saved), &err), &err);
		uint32_t count = series_count(loaded);
		assert_true(count <= series_count(series));
		series_free(loaded);
		buf_close(&saved);
	}
}

static void
many_map_while_one_saves(void **state)
{
	(void)state;
	static Mapper mappers[MAPPERS];
	TableDef *def = host_table();
	Shape *shape = whole_shape(def);
	SeriesMap *series = series_of(100000);
	Thread *threads[MAPPERS + 1];
	Error err = ERROR_INIT;
	for (int i = 0; i < MAPPERS; i++) {
		Batch *batch = host_batch(shape_schema(shape), 1000 * i, 1000 * i + 4000, 10000);
		mappers[i] = (Mapper){series, def, shape, batch, {0}};
		ok(thread_start(&(ThreadOptions){.name = "mapper"}, run_mapper, &mappers[i], &threads[i],
						&err),
		   &err);
	}
	ok(thread_start(&(ThreadOptions){.name = "saver"}, run_saver, series, &threads[MAPPERS], &err),
	   &err);
	for (int i = 0; i <= MAPPERS; i++)
		thread_join(threads[i]);
	assert_int_equal(series_count(series), 6000);
	// Host 3000 has one id, wherever it came.
	assert_int_equal(mappers[0].ids[3000], mappers[1].ids[2000]);
	assert_int_equal(mappers[0].ids[3000], mappers[2].ids[1000]);
	for (int i = 0; i < MAPPERS; i++)
		batch_unref(mappers[i].batch);
	series_free(series);
	shape_unref(shape);
	table_def_unref(def);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_tags_have_the_same_id),
		cmocka_unit_test(a_tag_the_batch_lacks_is_null),
		cmocka_unit_test(a_new_tag_leaves_old_ids_as_they_are),
		cmocka_unit_test(a_number_is_the_same_in_any_width),
		cmocka_unit_test(without_tags_there_is_one_series),
		cmocka_unit_test(every_type_is_told_apart),
		cmocka_unit_test(ranks_follow_the_values_of_all_tags),
		cmocka_unit_test(above_the_limit_there_are_no_ids),
		cmocka_unit_test(many_series_of_few_rows_are_none),
		cmocka_unit_test(ids_stay_over_a_checkpoint),
		cmocka_unit_test(damaged_checkpoints_are_noticed),
		cmocka_unit_test(after_a_fault_it_goes_on),
		cmocka_unit_test(many_map_while_one_saves),
	};
	return RUN(tests);
}
