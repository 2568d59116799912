// Which rows are late: those not above all that came before of their series.

#include "store/newest.h"
#include "support.h"

static void
a_row_is_late_if_one_of_its_series_was_as_late(void **state)
{
	(void)state;
	Newest *newest = NULL;
	Error err = ERROR_INIT;
	ok(newest_new(&newest, &err), &err);
	ok(newest_make_room(newest, 1 << 20, &err), &err);
	static const uint32_t series[] = {0, 1, 1022, 1023, 1024, 3071, 3072, (1 << 20) - 1};
	for (size_t i = 0; i < COUNT_OF(series); i++) {
		assert_false(newest_add(newest, series[i], 10));
		assert_true(newest_add(newest, series[i], 10));
		assert_true(newest_add(newest, series[i], -10));
		assert_false(newest_add(newest, series[i], 11));
	}
	newest_free(newest);
	assert_int_equal(mem_live(), 0);
}

static void
rows_without_a_series_are_looked_at_beside_all(void **state)
{
	(void)state;
	Newest *newest = NULL;
	Error err = ERROR_INIT;
	ok(newest_new(&newest, &err), &err);
	ok(newest_make_room(newest, 2, &err), &err);
	assert_false(newest_add(newest, 0, 10));
	assert_false(newest_add(newest, 1, 5));
	assert_true(newest_add_unnumbered(newest, 7));
	assert_false(newest_add_unnumbered(newest, 20));
	assert_true(newest_add(newest, 1, 15)); // who knows what series the others were of
	assert_true(newest_add(newest, 1, 20));
	assert_false(newest_add(newest, 0, 21));
	newest_free(newest);
}

static void
what_was_there_before_the_start_may_be_anything(void **state)
{
	(void)state;
	Newest *newest = NULL;
	Error err = ERROR_INIT;
	ok(newest_new(&newest, &err), &err);
	newest_raise(newest, 100);
	ok(newest_make_room(newest, 3, &err), &err);
	assert_true(newest_add(newest, 2, 100));
	assert_false(newest_add(newest, 2, 101));
	newest_raise(newest, 150); // files came
	newest_raise(newest, 50);
	assert_true(newest_add(newest, 1, 150));
	assert_false(newest_add(newest, 1, 151));
	assert_true(newest_add_unnumbered(newest, 151));
	newest_free(newest);
}

static void
without_memory_for_room_nothing_changes(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		Newest *newest = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = newest_new(&newest, &err);
		if (st == ST_OK)
			st = newest_make_room(newest, 5000, &err);
		bool hit = fault_disarm();
		if (!hit)
			assert_int_equal(st, ST_OK);
		else
			assert_int_equal(st, ST_NO_MEMORY);
		newest_free(newest);
		assert_int_equal(mem_live(), 0);
		if (!hit)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_late_if_one_of_its_series_was_as_late),
		cmocka_unit_test(rows_without_a_series_are_looked_at_beside_all),
		cmocka_unit_test(what_was_there_before_the_start_may_be_anything),
		cmocka_unit_test(without_memory_for_room_nothing_changes),
	};
	return RUN(tests);
}
