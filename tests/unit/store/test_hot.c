// The copy of a file's rows in memory, and what a lack of memory leaves of it.

#include "store/hot.h"
#include "support.h"

enum { ROOM = 1 << 30 };

typedef struct Rig {
	Budget *budget;
	TableDef *def;
	Batch *batches[2];
} Rig;

static Rig
rig_new(void)
{
	Rig rig = {.def = host_table()};
	Error err = ERROR_INIT;
	ok(budget_new("cache.columns", ROOM, &rig.budget, &err), &err);
	rig.batches[0] = batch_of(table_schema(rig.def), "1|a|1\n2|a|~\n1|b|300");
	rig.batches[1] = batch_of(table_schema(rig.def), "5|b|4\n~|~|5");
	return rig;
}

static void
rig_close(Rig *rig)
{
	batch_unref(rig->batches[0]);
	batch_unref(rig->batches[1]);
	table_def_unref(rig->def);
	assert_int_equal(budget_used(rig->budget), 0);
	budget_free(rig->budget);
	assert_int_equal(mem_live(), 0);
}

// All rows of both batches. *out NULL: the copy was given up.
static Status
copy(const Rig *rig, uint64_t most_bytes, Hot **out, Error *err)
{
	HotBuilder *builder = NULL;
	TRY(hot_builder_new(rig->def, rig->budget, most_bytes, &builder, err));
	for (size_t i = 0; i < COUNT_OF(rig->batches); i++)
		hot_builder_add(builder, rig->batches[i], 0, batch_rows(rig->batches[i]));
	*out = hot_builder_finish(builder);
	hot_builder_free(builder);
	return ST_OK;
}

static void
check_copy(const Rig *rig, const Hot *hot)
{
	bool tag = false;
	assert_int_equal(hot_part_count(hot), 1);
	const HotPart *part = hot_part(hot, 0);
	assert_int_equal(batch_rows(part->rows), 5);
	assert_int_equal(part->first_row, 0);
	assert_int_equal(part->run_count, 3); // a, b over both batches, NULL
	assert_int_equal(batch_rows(part->tags), 3);
	static const int64_t starts[] = {0, 2, 4, 5};
	assert_memory_equal(part->starts, starts, sizeof(starts));
	assert_int_equal(hot_column(hot, 1, &tag), 0);
	assert_true(tag);
	assert_int_equal(hot_column(hot, 2, &tag), 1);
	assert_false(tag);
	assert_int_equal(budget_used(rig->budget), hot_bytes(hot));
}

static void
rows_of_a_series_are_one_run(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Error err = ERROR_INIT;
	Hot *hot = NULL;
	ok(copy(&rig, ROOM, &hot, &err), &err);
	check_copy(&rig, hot);
	hot_unref(hot);
	rig_close(&rig);
}

static void
one_that_is_too_large_is_given_up(void **state)
{
	(void)state;
	Rig rig = rig_new();
	Error err = ERROR_INIT;
	Hot *hot = NULL;
	ok(copy(&rig, 8, &hot, &err), &err);
	assert_null(hot);
	rig_close(&rig);
}

static void
without_memory_there_is_a_whole_copy_or_none(void **state)
{
	(void)state;
	Rig rig = rig_new();
	long live = mem_live();
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Hot *hot = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = copy(&rig, ROOM, &hot, &err);
		failed = fault_disarm();
		assert_true(st == ST_OK || (failed && st == ST_NO_MEMORY));
		assert_true(failed || hot != NULL);
		if (hot != NULL)
			check_copy(&rig, hot);
		hot_unref(hot);
		assert_int_equal(mem_live(), live);
		assert_int_equal(budget_used(rig.budget), 0);
	}
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_a_series_are_one_run),
		cmocka_unit_test(one_that_is_too_large_is_given_up),
		cmocka_unit_test(without_memory_there_is_a_whole_copy_or_none),
	};
	return RUN(tests);
}
