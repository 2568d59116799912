// How long a merge pauses where others want the processor.

#include "store/merge_share.h"
#include "support.h"

#define MS INT64_C(1000000)

static void
who_is_alone_does_not_pause(void **state)
{
	(void)state;
	assert_int_equal(merge_share_pause(100 * MS, 100 * MS, 25), 0);
	assert_int_equal(merge_share_pause(100 * MS, 90 * MS, 25), 0);
	assert_int_equal(merge_share_pause(0, 0, 25), 0);
}

static void
a_pause_leaves_the_share_that_was_asked_for(void **state)
{
	(void)state;
	assert_int_equal(merge_share_pause(80 * MS, 40 * MS, 25), 80 * MS); // 40 of 160
	assert_int_equal(merge_share_pause(80 * MS, 40 * MS, 40), 20 * MS); // 40 of 100
	assert_int_equal(merge_share_pause(80 * MS, 40 * MS, 50), 0);
	assert_int_equal(merge_share_pause(80 * MS, 10 * MS, 25), 0); // had less
	assert_int_equal(merge_share_pause(80 * MS, 40 * MS, 100), 0);
}

static void
no_pause_is_long(void **state)
{
	(void)state;
	assert_int_equal(merge_share_pause(10000 * MS, 8000 * MS, 25), 200 * MS);
	assert_int_equal(merge_share_pause(80 * MS, 40 * MS, 0), 200 * MS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_alone_does_not_pause),
		cmocka_unit_test(a_pause_leaves_the_share_that_was_asked_for),
		cmocka_unit_test(no_pause_is_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
