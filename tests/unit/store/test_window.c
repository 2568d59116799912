#include "store/window.h"
#include "support.h"

#define HOUR INT64_C(3600000000000)
#define DAY  (24 * HOUR)
#define MIB  (UINT64_C(1) << 20)

static void
windows_are_the_shortest_that_hold_a_piece(void **state)
{
	(void)state;
	Span day = {0, DAY - 1};
	assert_int_equal(window_length(24 * 32 * MIB, day, 32 * MIB), HOUR);
	assert_int_equal(window_length(24 * 32 * MIB - 25, day, 32 * MIB), DAY);
	assert_int_equal(window_length(32 * MIB, day, 32 * MIB), DAY);
	assert_int_equal(window_length(31 * MIB, day, 32 * MIB), 7 * DAY);
	assert_int_equal(window_length(4 * MIB, day, 32 * MIB), 30 * DAY);
	assert_int_equal(window_length(MIB, day, 32 * MIB), 0);
	assert_int_equal(window_length(0, (Span){1, 0}, 32 * MIB), 0);
	assert_int_equal(window_length(MIB, (Span){INT64_MIN, INT64_MAX}, 32 * MIB), 0);
}

static void
spans_that_overlap_become_one(void **state)
{
	(void)state;
	Span spans[] = {{50, 60}, {1, 10}, {5, 7}, {10, 20}, {22, 30}};
	assert_int_equal(span_union(spans, 5), 3);
	assert_true(spans[0].min == 1 && spans[0].max == 20);
	assert_true(spans[1].min == 22 && spans[1].max == 30);
	assert_true(spans[2].min == 50 && spans[2].max == 60);
	assert_int_equal(span_union(spans, 0), 0);
}

// Cuts of rows at `times`, `covered` being what other files hold.
static int32_t
cuts_of(const int64_t *times, int32_t count, Span *covered, int32_t covered_count, CutRules rules,
		int64_t *cuts)
{
	TimeCounts counts;
	Error err = ERROR_INIT;
	Span hull = {INT64_MAX, INT64_MIN};
	for (int32_t i = 0; i < count; i++) {
		hull.min = times[i] < hull.min ? times[i] : hull.min;
		hull.max = times[i] > hull.max ? times[i] : hull.max;
	}
	covered_count = span_union(covered, covered_count);
	ok(time_counts_init(&counts, hull, covered, covered_count, &err), &err);
	for (int32_t i = 0; i < count; i++)
		time_counts_add(&counts, times[i], 1);
	rules.covered = covered;
	rules.covered_count = covered_count;
	int32_t made = window_cuts(&counts, &rules, cuts);
	time_counts_close(&counts);
	return made;
}

static void
late_rows_are_cut_from_those_beyond_all_others(void **state)
{
	(void)state;
	int64_t times[100], cuts[MOST_CUTS];
	for (int i = 0; i < 100; i++)
		times[i] = i < 6 ? i * HOUR : DAY + i * HOUR / 100;
	Span covered[] = {{-5 * HOUR, DAY - 12345}};
	CutRules rules = {.bytes = 100, .piece_bytes = MIB};
	assert_int_equal(cuts_of(times, 100, covered, 1, rules, cuts), 1);
	assert_true(cuts[0] == DAY - 12344); // right behind what is covered
	// All of it is late, or nothing is: one piece.
	Span all[] = {{-5 * HOUR, 9 * DAY}};
	assert_int_equal(cuts_of(times + 6, 94, all, 1, rules, cuts), 0);
	assert_int_equal(cuts_of(times + 6, 94, covered, 1, rules, cuts), 0);
}

static void
a_backfill_beside_new_rows_has_a_piece_of_its_own(void **state)
{
	(void)state;
	int64_t times[200], cuts[MOST_CUTS];
	for (int i = 0; i < 200; i++)
		times[i] = i % 2 == 0 ? i * HOUR / 100 : 365 * DAY + i * HOUR / 100;
	CutRules rules = {.bytes = 200, .piece_bytes = MIB};
	assert_int_equal(cuts_of(times, 200, NULL, 0, rules, cuts), 1);
	assert_true(cuts[0] > 2 * HOUR && cuts[0] <= 365 * DAY);
	// Into a gap between others: before, in and behind it.
	Span covered[] = {{-DAY, -1}, {3 * DAY, 364 * DAY}};
	assert_int_equal(cuts_of(times, 200, covered, 2, rules, cuts), 1);
	assert_true(cuts[0] >= 3 * DAY);
}

static void
even_rows_are_cut_at_windows_alone_and_only_where_there_is_much(void **state)
{
	(void)state;
	int64_t times[240], cuts[MOST_CUTS];
	for (int i = 0; i < 240; i++)
		times[i] = i * HOUR / 10 + 1;
	CutRules rules = {.bytes = 240 * MIB, .piece_bytes = 32 * MIB, .window_ns = HOUR};
	int32_t count = cuts_of(times, 240, NULL, 0, rules, cuts);
	assert_int_equal(count, 5); // of 4 hours each, the last has the rest
	for (int32_t i = 0; i < count; i++)
		assert_true(cuts[i] % HOUR == 0 && cuts[i] == (i + 1) * 4 * HOUR);
	rules.bytes = 63 * MIB;
	assert_int_equal(cuts_of(times, 240, NULL, 0, rules, cuts), 0);
	rules.window_ns = 0;
	rules.bytes = 1000 * MIB;
	assert_int_equal(cuts_of(times, 240, NULL, 0, rules, cuts), 0);
}

// Whatever the rows: cuts rise, and no piece is empty.
static void
pieces_are_never_empty(void **state)
{
	(void)state;
	uint64_t random = 88172645463325252;
	for (int round = 0; round < 2000; round++) {
		int64_t times[64], cuts[MOST_CUTS];
		Span covered[8];
		for (int i = 0; i < 64; i++) {
			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			times[i] = (int64_t)random >> (round % 60);
		}
		for (int i = 0; i < 8; i++) {
			int64_t a = times[i * 7], b = times[i * 5];
			covered[i] = (Span){a < b ? a : b, a < b ? b : a};
		}
		CutRules rules = {.bytes = 64 * MIB, .piece_bytes = MIB, .window_ns = round % 2 * HOUR};
		int32_t count = cuts_of(times, 64, covered, round % 9, rules, cuts);
		for (int32_t p = 0; p <= count; p++) {
			int rows = 0;
			assert_true(p == 0 || p == count || cuts[p - 1] < cuts[p]);
			for (int i = 0; i < 64; i++)
				rows += (p == 0 || times[i] >= cuts[p - 1]) && (p == count || times[i] < cuts[p]);
			assert_true(rows > 0);
		}
	}
}

static void
counting_needs_memory(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		TimeCounts counts;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = time_counts_init(&counts, (Span){0, DAY}, NULL, 0, &err);
		if (!fault_disarm()) {
			ok(st, &err);
			time_counts_close(&counts);
			break;
		}
		assert_int_equal(st, ST_NO_MEMORY);
	}
	assert_int_equal(mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_the_shortest_that_hold_a_piece),
		cmocka_unit_test(spans_that_overlap_become_one),
		cmocka_unit_test(late_rows_are_cut_from_those_beyond_all_others),
		cmocka_unit_test(a_backfill_beside_new_rows_has_a_piece_of_its_own),
		cmocka_unit_test(even_rows_are_cut_at_windows_alone_and_only_where_there_is_much),
		cmocka_unit_test(pieces_are_never_empty),
		cmocka_unit_test(counting_needs_memory),
	};
	return RUN(tests);
}
