// How merges and puts share what there is: pure functions of how many files wait.

#include "engine/pace.h"
#include "support.h"

#define MIB (UINT64_C(1) << 20)

static int
share(int32_t fresh, int32_t small, int32_t files)
{
	return pace_merge_share((MergeBacklog){fresh, small}, files);
}

static void
merges_leave_less_the_more_files_wait(void **state)
{
	(void)state;
	assert_int_equal(share(0, 0, 4), 25);
	assert_int_equal(share(4, 0, 4), 25);
	for (int32_t waiting = 5; waiting <= 24; waiting++)
		assert_true(share(waiting, 0, 4) > share(waiting - 1, 0, 4));
	assert_int_equal(share(24, 0, 4), 100);
	assert_int_equal(share(INT32_MAX, 0, 4), 100);
	assert_int_equal(share(1000, 0, 1000), 25);
	assert_int_equal(share(INT32_MAX, 0, 1000), 100);
}

static void
small_files_count_once_they_are_more_than_are_gathered_at_once(void **state)
{
	(void)state;
	assert_int_equal(share(0, 32, 4), 25);
	for (int32_t small = 33; small <= 96; small++)
		assert_true(share(0, small, 4) > share(0, small - 1, 4));
	assert_int_equal(share(0, 96, 4), 100);
	assert_int_equal(share(0, INT32_MAX, 1000), 100);
	assert_int_equal(share(24, 40, 4), 100);
	assert_int_equal(share(5, 96, 4), 100);
}

static void
puts_are_slowed_down_in_proportion_and_never_to_nothing(void **state)
{
	(void)state;
	for (int32_t waiting = 0; waiting <= 24; waiting++)
		assert_int_equal(pace_put_rate(waiting, 4, 64 * MIB), 0);
	assert_int_equal(pace_put_rate(25, 4, 64 * MIB), 40 * 32 * MIB);
	for (int32_t waiting = 26; waiting <= 184; waiting++)
		assert_true(pace_put_rate(waiting, 4, 64 * MIB) < pace_put_rate(waiting - 1, 4, 64 * MIB));
	assert_int_equal(pace_put_rate(64, 4, 64 * MIB), 32 * MIB);
	assert_int_equal(pace_put_rate(184, 4, 64 * MIB), 8 * MIB);
	assert_int_equal(pace_put_rate(INT32_MAX, 4, 64 * MIB), 8 * MIB);
	assert_int_equal(pace_put_rate(6000, 1000, 64 * MIB), 0);
	assert_int_equal(pace_put_rate(INT32_MAX, 1000, 64 * MIB), 8 * MIB);
	assert_int_equal(pace_put_rate(64, 4, UINT64_MAX), 32 * MIB);
	assert_int_equal(pace_put_rate(64, 4, MIB), 16 * MIB);
	assert_int_equal(pace_put_rate(184, 4, MIB), 4 * MIB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_leave_less_the_more_files_wait),
		cmocka_unit_test(small_files_count_once_they_are_more_than_are_gathered_at_once),
		cmocka_unit_test(puts_are_slowed_down_in_proportion_and_never_to_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
