// Which times were put since a moment.

#include "store/recent.h"
#include "support.h"

static void
a_put_is_told_by_its_times_and_its_place(void **state)
{
	(void)state;
	RecentPuts recent = {0};
	recent_puts_add(&recent, 5, 10, 20);
	recent_puts_add(&recent, 6, 1, 0); // no rows
	recent_puts_add(&recent, 7, 30, 40);
	recent_puts_add(&recent, 7, 50, 60); // the same commit
	assert_true(recent_puts_overlap(&recent, 4, 9, 20, 25));
	assert_false(recent_puts_overlap(&recent, 5, 9, 20, 25)); // seen already
	assert_false(recent_puts_overlap(&recent, 4, 9, 21, 29));
	assert_true(recent_puts_overlap(&recent, 5, 9, 0, 30));
	assert_true(recent_puts_overlap(&recent, 6, 8, 55, 55));
	assert_false(recent_puts_overlap(&recent, 6, 7, 55, 55)); // its own
}

static void
what_is_long_ago_is_known_less_exactly_and_never_forgotten(void **state)
{
	(void)state;
	RecentPuts recent = {0};
	for (int64_t i = 1; i <= 100000; i++) {
		recent_puts_add(&recent, (uint64_t)i, i, i);
		assert_true(recent_puts_overlap(&recent, (uint64_t)i - 1, (uint64_t)i + 1, i, i));
		assert_true(recent_puts_overlap(&recent, 0, (uint64_t)i + 1, 1, 1));
		assert_false(recent_puts_overlap(&recent, 0, (uint64_t)i + 1, i + 1, i + 1));
	}
	for (int64_t i = 1; i <= 100000; i += 100)
		assert_true(recent_puts_overlap(&recent, (uint64_t)i - 1, UINT64_MAX, i, i));
	assert_false(recent_puts_overlap(&recent, 99990, UINT64_MAX, 1, 99990)); // recent: exactly
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_put_is_told_by_its_times_and_its_place),
		cmocka_unit_test(what_is_long_ago_is_known_less_exactly_and_never_forgotten),
	};
	return RUN(tests);
}
