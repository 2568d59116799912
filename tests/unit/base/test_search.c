#include "support.h"

#include "base/search.h"

static void
the_last_that_is_not_above_is_found(void **state)
{
	(void)state;
	static const int64_t rising[] = {-5, 0, 0, 3, INT64_MAX};
	for (int64_t count = 1; count <= (int64_t)COUNT_OF(rising); count++) {
		for (int64_t value = -7; value < 6; value++) {
			int64_t expected = 0;
			for (int64_t i = 0; i < count; i++)
				expected = rising[i] <= value ? i : expected;
			assert_int_equal(search_last(rising, count, value), expected);
		}
	}
	assert_int_equal(search_last(rising, 5, INT64_MAX), 4);
	assert_int_equal(search_last(rising, 5, INT64_MIN), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_that_is_not_above_is_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
