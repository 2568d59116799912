#include "support.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "os/clock.h"
#include "os/random.h"
#include "os/thread.h"

typedef struct Report {
	char name[32];
	size_t stack_bytes;
	int nice;
	bool term_blocked;
	bool segv_blocked;
} Report;

static void
report(void *arg)
{
	Report *r = arg;
	pthread_getname_np(pthread_self(), r->name, sizeof(r->name));
	pthread_attr_t attr;
	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &r->stack_bytes);
	pthread_attr_destroy(&attr);
	r->nice = getpriority(PRIO_PROCESS, (id_t)gettid());
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	r->term_blocked = sigismember(&mask, SIGTERM);
	r->segv_blocked = sigismember(&mask, SIGSEGV);
}

static void
a_thread_has_its_name_stack_and_priority(void **state)
{
	(void)state;
	Report r = {0};
	Thread *thread = NULL;
	Error err = ERROR_INIT;
	ThreadOptions options = {.name = "merge", .stack_bytes = 4 << 20, .nice = 5};
	int before = getpriority(PRIO_PROCESS, (id_t)gettid());
	ok(thread_start(&options, report, &r, &thread, &err), &err);
	thread_join(thread);
	assert_string_equal(r.name, "merge");
	assert_true(r.stack_bytes >= 4 << 20);
	assert_int_equal(r.nice, before + 5 > 19 ? 19 : before + 5);
	assert_int_equal(getpriority(PRIO_PROCESS, (id_t)gettid()), before); // only the new one
	assert_int_equal(mem_live(), 0);
}

static void
a_thread_takes_no_signals_meant_for_the_process(void **state)
{
	(void)state;
	Report r = {0};
	Thread *thread = NULL;
	ThreadOptions options = {.name = "a name longer than fifteen"};
	assert_int_equal(thread_start(&options, report, &r, &thread, NULL), ST_OK);
	thread_join(thread);
	assert_true(r.term_blocked);
	assert_false(r.segv_blocked);
	assert_string_equal(r.name, "a name longer t");
	sigset_t mask;
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_false(sigismember(&mask, SIGTERM));
	thread_join(NULL);
}

static void
starting_a_thread_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		Report r = {0};
		Thread *thread = NULL;
		Error err = ERROR_INIT;
		st = thread_start(&(ThreadOptions){.name = "t"}, report, &r, &thread, &err);
		if (st != ST_OK)
			says(&err, "thread t");
		thread_join(thread);
	});
}

static void
a_raised_signal_is_seen_once(void **state)
{
	(void)state;
	Signal signal;
	signal_init(&signal);
	assert_false(signal_wait(&signal, 0));
	assert_false(signal_wait(&signal, -1));
	signal_raise(&signal);
	signal_raise(&signal);
	assert_true(signal_wait(&signal, INT64_MAX));
	assert_false(signal_wait(&signal, clock_mono_ns() + 1000000));
	signal_close(&signal);
}

static void
a_wait_ends_at_its_time_and_not_before(void **state)
{
	(void)state;
	Signal signal;
	signal_init(&signal);
	int64_t until = clock_mono_ns() + 5000000;
	assert_false(signal_wait(&signal, until));
	assert_true(clock_mono_ns() >= until);
	signal_close(&signal);
}

// Two threads hand a number to and fro; none of the wakes may be lost.
typedef struct Game {
	Signal ping;
	Signal pong;
	int ball; // who was woken last has it
} Game;

enum { ROUNDS = 5000 };

static void
play(void *arg)
{
	Game *game = arg;
	for (int i = 0; i < ROUNDS; i++) {
		signal_wait(&game->ping, INT64_MAX);
		game->ball++;
		signal_raise(&game->pong);
	}
}

static void
no_wake_is_lost_between_threads(void **state)
{
	(void)state;
	Game game = {.ball = 0};
	signal_init(&game.ping);
	signal_init(&game.pong);
	Thread *thread = NULL;
	assert_int_equal(thread_start(&(ThreadOptions){.name = "play"}, play, &game, &thread, NULL),
					 ST_OK);
	for (int i = 0; i < ROUNDS; i++) {
		signal_raise(&game.ping);
		assert_true(signal_wait(&game.pong, INT64_MAX));
		assert_int_equal(game.ball, i + 1);
	}
	thread_join(thread);
	signal_close(&game.ping);
	signal_close(&game.pong);
}

static void
the_machine_has_cores_and_memory(void **state)
{
	(void)state;
	assert_true(os_core_count() >= 1);
	assert_true(os_core_count() <= sysconf(_SC_NPROCESSORS_CONF));
	assert_true(os_memory_bytes() > 16 << 20);
	assert_true(os_memory_bytes() <=
				(uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
}

static void
clocks_move_forward(void **state)
{
	(void)state;
	assert_true(clock_wall_ns() > 1500000000ll * 1000000000);
	int64_t start = clock_mono_ns();
	clock_sleep_ns(2000000);
	assert_true(clock_mono_ns() - start >= 2000000);
	clock_sleep_ns(0);
	clock_sleep_ns(-5);
}

static void
random_bytes_differ_and_may_fail(void **state)
{
	(void)state;
	uint8_t a[1000] = {0}, b[1000] = {0};
	assert_int_equal(random_bytes(a, sizeof(a), NULL), ST_OK);
	assert_int_equal(random_bytes(b, sizeof(b), NULL), ST_OK);
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, a + 500, 500);
	assert_int_equal(random_bytes(a, 0, NULL), ST_OK);
	fault_arm(0);
	assert_int_equal(random_bytes(a, 1, NULL), ST_IO);
	assert_true(fault_disarm());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_has_its_name_stack_and_priority),
		cmocka_unit_test(a_thread_takes_no_signals_meant_for_the_process),
		cmocka_unit_test(starting_a_thread_may_fail),
		cmocka_unit_test(a_raised_signal_is_seen_once),
		cmocka_unit_test(a_wait_ends_at_its_time_and_not_before),
		cmocka_unit_test(no_wake_is_lost_between_threads),
		cmocka_unit_test(the_machine_has_cores_and_memory),
		cmocka_unit_test(clocks_move_forward),
		cmocka_unit_test(random_bytes_differ_and_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
