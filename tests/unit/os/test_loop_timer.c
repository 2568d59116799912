#include "loop_support.h"

#include "os/clock.h"

static const int64_t MS = 1000000;

typedef struct Shared {
	Loop *loop;
	int64_t last_at_ns; // of the timer that fired last
	bool early;
	bool disorder;
	int fired;
	int wanted;
	Signal done;
} Shared;

typedef struct Alarm {
	Shared *shared;
	LoopTimer *timer;
	int64_t at_ns;
	int again; // how often it sets itself anew
	bool free_self;
	struct Alarm *clears; // another one that it clears
} Alarm;

static void
fire(void *arg)
{
	Alarm *alarm = arg;
	Shared *shared = alarm->shared;
	shared->early |= clock_mono_ns() < alarm->at_ns || loop_now_ns(shared->loop) < alarm->at_ns;
	shared->disorder |= alarm->at_ns < shared->last_at_ns;
	shared->last_at_ns = alarm->at_ns;
	shared->fired++;
	if (alarm->clears != NULL)
		loop_timer_clear(alarm->clears->timer);
	if (alarm->again-- > 0)
		loop_timer_set(alarm->timer, alarm->at_ns); // long due
	if (alarm->free_self)
		loop_timer_free(TAKE(alarm->timer));
	if (shared->fired == shared->wanted)
		signal_raise(&shared->done);
}

static void
shared_open(Shared *shared)
{
	*shared = (Shared){.loop = loop_make()};
	signal_init(&shared->done);
}

static void
shared_close(Shared *shared)
{
	signal_close(&shared->done);
	loop_end(shared->loop);
}

static void
alarm_open(Alarm *alarm, Shared *shared)
{
	*alarm = (Alarm){.shared = shared};
	assert_int_equal(loop_timer_new(shared->loop, fire, alarm, &alarm->timer, NULL), ST_OK);
}

static void
alarm_set(Alarm *alarm, int64_t at_ns)
{
	alarm->at_ns = at_ns;
	loop_timer_set(alarm->timer, at_ns);
}

// A crowd of timers, set, moved and cleared at random; every seventh stays cleared.
enum { ALARMS = 200 };
static Alarm alarms[ALARMS];

static void
set_crowd(void *arg)
{
	Shared *shared = arg;
	int64_t start = clock_mono_ns();
	uint32_t x = 7;
	for (size_t i = 0; i < ALARMS; i++)
		alarm_open(&alarms[i], shared);
	for (size_t i = 0; i < 5 * ALARMS; i++) {
		x = x * 1664525 + 1013904223;
		alarm_set(&alarms[i % ALARMS], start + x % 20 * MS + 10 * MS);
		loop_timer_clear(alarms[(x >> 8) % ALARMS].timer);
	}
	for (size_t i = 0; i < ALARMS; i++) {
		alarm_set(&alarms[i], alarms[i].at_ns);
		if (i % 7 == 0)
			loop_timer_clear(alarms[i].timer);
		else
			shared->wanted++;
	}
}

static void
free_crowd(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < ALARMS; i++)
		loop_timer_free(alarms[i].timer);
}

static void
timers_fire_in_order_and_never_early(void **state)
{
	(void)state;
	Shared shared;
	shared_open(&shared);
	in_loop(shared.loop, set_crowd, &shared);
	assert_true(signal_wait(&shared.done, INT64_MAX));
	in_loop(shared.loop, free_crowd, NULL);
	assert_int_equal(shared.fired, ALARMS - (ALARMS + 6) / 7);
	assert_false(shared.early);
	assert_false(shared.disorder);
	shared_close(&shared);
}

static void
set_one(void *arg)
{
	Alarm *alarm = arg;
	alarm_set(alarm, clock_mono_ns() + MS);
}

static void
open_one(void *arg)
{
	Alarm *alarm = arg;
	alarm_open(alarm, alarm->shared);
}

static void
close_one(void *arg)
{
	Alarm *alarm = arg;
	loop_timer_free(TAKE(alarm->timer));
}

static void
a_timer_that_sets_itself_does_not_starve_the_loop(void **state)
{
	(void)state;
	Shared shared;
	shared_open(&shared);
	Alarm alarm = {.shared = &shared};
	in_loop(shared.loop, open_one, &alarm);
	alarm.again = INT32_MAX;
	in_loop(shared.loop, set_one, &alarm);
	// Visits get through although the timer is always due.
	for (int i = 0; i < 20; i++)
		in_loop(shared.loop, close_one, &(Alarm){.timer = NULL});
	in_loop(shared.loop, close_one, &alarm);
	shared_close(&shared);
}

static void
a_timer_can_be_used_again_after_it_fired(void **state)
{
	(void)state;
	Shared shared;
	shared_open(&shared);
	Alarm alarm = {.shared = &shared};
	in_loop(shared.loop, open_one, &alarm);
	for (int i = 1; i <= 3; i++) {
		shared.wanted = i;
		in_loop(shared.loop, set_one, &alarm);
		assert_true(signal_wait(&shared.done, INT64_MAX));
	}
	in_loop(shared.loop, close_one, &alarm);
	assert_false(shared.early);
	shared_close(&shared);
}

static void
a_timer_may_free_itself(void **state)
{
	(void)state;
	Shared shared;
	shared_open(&shared);
	Alarm alarm = {.shared = &shared};
	in_loop(shared.loop, open_one, &alarm);
	alarm.free_self = true;
	shared.wanted = 1;
	in_loop(shared.loop, set_one, &alarm);
	assert_true(signal_wait(&shared.done, INT64_MAX));
	shared_close(&shared);
	assert_null(alarm.timer);
}

static void
set_both(void *arg)
{
	Alarm *pair = arg;
	int64_t at = clock_mono_ns() + MS;
	alarm_set(&pair[0], at);
	alarm_set(&pair[1], at);
}

static void
a_timer_may_clear_one_that_is_due_with_it(void **state)
{
	(void)state;
	Shared shared;
	shared_open(&shared);
	Alarm pair[2] = {{.shared = &shared}, {.shared = &shared}};
	in_loop(shared.loop, open_one, &pair[0]);
	in_loop(shared.loop, open_one, &pair[1]);
	pair[0].clears = &pair[1];
	pair[1].clears = &pair[0];
	shared.wanted = 1;
	in_loop(shared.loop, set_both, pair);
	assert_true(signal_wait(&shared.done, INT64_MAX));
	in_loop(shared.loop, close_one, &pair[0]);
	in_loop(shared.loop, close_one, &pair[1]);
	assert_int_equal(shared.fired, 1);
	shared_close(&shared);
}

static void
making_a_timer_may_fail(void **state)
{
	(void)state;
	Loop *loop = loop_make();
	loop_stop(loop);
	for (long nth = 0;; nth++) {
		LoopTimer *timer = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = loop_timer_new(loop, fire, NULL, &timer, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		loop_timer_free(timer);
		if (!failed)
			break;
		assert_null(timer);
		says(&err, "a timer");
	}
	loop_end(loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_order_and_never_early),
		cmocka_unit_test(a_timer_that_sets_itself_does_not_starve_the_loop),
		cmocka_unit_test(a_timer_can_be_used_again_after_it_fired),
		cmocka_unit_test(a_timer_may_free_itself),
		cmocka_unit_test(a_timer_may_clear_one_that_is_due_with_it),
		cmocka_unit_test(making_a_timer_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
