// Memory that is promised before it is used.

#include <stdatomic.h>

#include "os/thread.h"
#include "store/budget.h"
#include "support.h"

static Budget *
budget_of(uint64_t limit)
{
	Budget *budget = NULL;
	Error err = ERROR_INIT;
	ok(budget_new("memtable.limit", limit, &budget, &err), &err);
	return budget;
}

static void
count_wake(void *arg)
{
	(*(int *)arg)++;
}

static void
it_gives_what_there_is(void **state)
{
	(void)state;
	Budget *budget = budget_of(100);
	int64_t delay;
	assert_int_equal(budget_limit(budget), 100);
	assert_string_equal(budget_name(budget), "memtable.limit");
	assert_true(budget_reserve(budget, 60, NULL, &delay));
	assert_true(budget_reserve(budget, 40, NULL, &delay));
	assert_false(budget_reserve(budget, 1, NULL, &delay));
	assert_int_equal(budget_used(budget), 100);
	budget_release(budget, 60);
	assert_true(budget_reserve(budget, 60, NULL, &delay));
	budget_release(budget, 100);
	assert_int_equal(budget_used(budget), 0);
	budget_free(budget);
	assert_int_equal(mem_live(), 0);
}

static void
one_is_always_possible(void **state)
{
	(void)state;
	int64_t delay;
	for (uint64_t limit = 0; limit <= 100; limit += 100) {
		Budget *budget = budget_of(limit);
		assert_true(budget_reserve(budget, 500, NULL, &delay));
		assert_false(budget_reserve(budget, 1, NULL, &delay));
		budget_release(budget, 500);
		assert_true(budget_reserve(budget, UINT64_MAX, NULL, &delay));
		assert_false(budget_reserve(budget, UINT64_MAX, NULL, &delay));
		budget_release(budget, UINT64_MAX);
		budget_free(budget);
	}
}

static void
the_last_quarter_is_slow(void **state)
{
	(void)state;
	Budget *budget = budget_of(1000);
	int64_t delay, before = 0;
	assert_true(budget_reserve(budget, 750, NULL, &delay));
	assert_int_equal(delay, 0);
	for (int i = 0; i < 25; i++) {
		assert_true(budget_reserve(budget, 10, NULL, &delay));
		assert_true(delay > before && delay <= 20 * 1000 * 1000);
		before = delay;
	}
	assert_int_equal(delay, 20 * 1000 * 1000);
	budget_charge(budget, 500); // what the commit path takes is never refused
	assert_int_equal(budget_used(budget), 1500);
	budget_release(budget, 1500);
	budget_free(budget);

	budget = budget_of(UINT64_MAX); // no overflow on the way
	assert_true(budget_reserve(budget, UINT64_MAX - 1, NULL, &delay));
	assert_true(delay <= 20 * 1000 * 1000);
	budget_release(budget, UINT64_MAX - 1);
	budget_free(budget);
}

// At a rate what is reserved is paid for by delays, of which short ones are left to grow, and none
// is long. Time that passes meanwhile makes them shorter, never longer.
static void
a_rate_is_kept_by_delays_and_refuses_nobody(void **state)
{
	(void)state;
	Budget *budget = budget_of(UINT64_MAX);
	int64_t delay;
	budget_set_rate(budget, 1000);
	assert_true(budget_reserve(budget, 50, NULL, &delay)); // 50 ms, of which 40 are credited
	assert_int_equal(delay, 0);
	assert_true(budget_reserve(budget, 900, NULL, &delay));
	assert_true(delay == 0 || (delay >= 20 * 1000 * 1000 && delay <= 900 * 1000 * 1000));
	for (int i = 0; i < 5; i++) {
		assert_true(budget_reserve(budget, UINT64_C(1) << 60, NULL, &delay));
		assert_int_equal(delay, 900 * 1000 * 1000);
	}
	assert_true(budget_waits(budget).delays_ns >= delay * 5);
	assert_int_equal(budget_waits(budget).count, 0);
	budget_set_rate(budget, 0);
	assert_true(budget_reserve(budget, 1000, NULL, &delay));
	assert_int_equal(delay, 0);
	budget_release(budget, budget_used(budget));
	budget_free(budget);
}

static void
who_waits_is_woken_when_there_is_room(void **state)
{
	(void)state;
	Budget *budget = budget_of(100);
	int64_t delay;
	int wakes[2] = {0};
	BudgetWaiter one = {.wake = count_wake, .arg = &wakes[0]};
	BudgetWaiter two = {.wake = count_wake, .arg = &wakes[1]};
	assert_true(budget_reserve(budget, 100, NULL, &delay));
	assert_false(budget_reserve(budget, 50, &one, &delay));
	assert_false(budget_reserve(budget, 50, &one, &delay)); // is queued already
	assert_false(budget_reserve(budget, 50, &two, &delay));
	budget_charge(budget, 50);
	budget_release(budget, 20); // still over the limit
	assert_int_equal(wakes[0] + wakes[1], 0);
	budget_release(budget, 40);
	assert_int_equal(wakes[0], 1);
	assert_int_equal(wakes[1], 1);
	budget_release(budget, 10); // nobody is queued any more
	assert_int_equal(wakes[0] + wakes[1], 2);
	assert_false(budget_reserve(budget, 50, &one, &delay)); // 80 are used
	budget_release(budget, 80);
	assert_int_equal(wakes[0], 2);
	budget_free(budget);
}

static void
who_got_it_or_left_is_not_woken(void **state)
{
	(void)state;
	Budget *budget = budget_of(100);
	int64_t delay;
	int wakes[3] = {0};
	BudgetWaiter waiters[3];
	for (int i = 0; i < 3; i++)
		waiters[i] = (BudgetWaiter){.wake = count_wake, .arg = &wakes[i]};
	assert_true(budget_reserve(budget, 90, NULL, &delay));
	for (int i = 0; i < 3; i++)
		assert_false(budget_reserve(budget, 20, &waiters[i], &delay));
	assert_true(budget_reserve(budget, 5, &waiters[0], &delay)); // asks for less
	budget_cancel(budget, &waiters[2]);
	budget_cancel(budget, &waiters[2]); // harmless
	budget_release(budget, 30);
	assert_int_equal(wakes[0], 0);
	assert_int_equal(wakes[1], 1);
	assert_int_equal(wakes[2], 0);
	// The end of the queue may leave it too.
	assert_false(budget_reserve(budget, 50, &waiters[0], &delay));
	assert_false(budget_reserve(budget, 50, &waiters[1], &delay));
	budget_cancel(budget, &waiters[1]);
	assert_false(budget_reserve(budget, 50, &waiters[2], &delay));
	budget_release(budget, 65);
	assert_int_equal(wakes[0], 1);
	assert_int_equal(wakes[1], 1);
	assert_int_equal(wakes[2], 1);
	budget_free(budget);
}

static void
making_one_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Budget *budget = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = budget_new("x", 1, &budget, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		budget_free(budget);
		assert_int_equal(mem_live(), 0);
	}
}

// ---- threads ----

enum { THREADS = 4, ROUNDS = 3000, LIMIT = 1000 };

typedef struct Crowd {
	Budget *budget;
	_Atomic uint64_t held;
	atomic_bool over;
} Crowd;

static void
wake_signal(void *arg)
{
	signal_raise(arg);
}

// Reserves and releases, waiting where there is no memory; a lost wake-up would wait for ever.
static void
run_sender(void *arg)
{
	Crowd *crowd = arg;
	Signal signal;
	signal_init(&signal);
	BudgetWaiter waiter = {.wake = wake_signal, .arg = &signal};
	uint64_t random = (uintptr_t)&signal;
	for (int i = 0; i < ROUNDS; i++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		uint64_t bytes = 200 + (random >> 33) % 500;
		int64_t delay;
		while (!budget_reserve(crowd->budget, bytes, &waiter, &delay))
			(void)signal_wait(&signal, INT64_MAX);
		if (atomic_fetch_add(&crowd->held, bytes) + bytes > LIMIT)
			atomic_store(&crowd->over, true);
		atomic_fetch_sub(&crowd->held, bytes);
		budget_release(crowd->budget, bytes);
	}
	budget_cancel(crowd->budget, &waiter);
	signal_close(&signal);
}

static void
a_crowd_never_holds_too_much_and_nobody_is_forgotten(void **state)
{
	(void)state;
	Crowd crowd = {.budget = budget_of(LIMIT)};
	Thread *threads[THREADS];
	Error err = ERROR_INIT;
	for (int i = 0; i < THREADS; i++)
		ok(thread_start(&(ThreadOptions){.name = "sender"}, run_sender, &crowd, &threads[i], &err),
		   &err);
	for (int i = 0; i < THREADS; i++)
		thread_join(threads[i]);
	assert_false(atomic_load(&crowd.over));
	assert_int_equal(budget_used(crowd.budget), 0);
	budget_free(crowd.budget);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_gives_what_there_is),
		cmocka_unit_test(one_is_always_possible),
		cmocka_unit_test(the_last_quarter_is_slow),
		cmocka_unit_test(a_rate_is_kept_by_delays_and_refuses_nobody),
		cmocka_unit_test(who_waits_is_woken_when_there_is_room),
		cmocka_unit_test(who_got_it_or_left_is_not_woken),
		cmocka_unit_test(making_one_undoes_itself_on_every_fault),
		cmocka_unit_test(a_crowd_never_holds_too_much_and_nobody_is_forgotten),
	};
	return RUN(tests);
}
