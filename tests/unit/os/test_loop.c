#include "loop_support.h"

#include <sys/socket.h>
#include <unistd.h>

// --- posted calls ---

typedef struct Numbered {
	LoopCall call;
	int number;
	int *next;
	bool in_turn;
} Numbered;

static void
check_number(void *arg)
{
	Numbered *numbered = arg;
	numbered->in_turn = numbered->number == (*numbered->next)++;
}

static void
nothing(void *arg)
{
	(void)arg;
}

static void
posted_calls_run_in_their_order(void **state)
{
	(void)state;
	enum { CALLS = 1000 };
	static Numbered calls[CALLS];
	Loop *loop = loop_make();
	int next = 0;
	for (int i = 0; i < CALLS; i++) {
		calls[i] = (Numbered){.number = i, .next = &next};
		calls[i].call = (LoopCall){.fn = check_number, .arg = &calls[i]};
		loop_post(loop, &calls[i].call);
	}
	in_loop(loop, nothing, NULL);
	for (int i = 0; i < CALLS; i++)
		assert_true(calls[i].in_turn);
	loop_end(loop);
}

enum { POSTERS = 4, POSTS = 3000 };

typedef struct Poster {
	Loop *loop;
	LoopCall calls[POSTS];
	int *count;
} Poster;

static void
count_one(void *arg)
{
	++*(int *)arg;
}

static void
post_all(void *arg)
{
	Poster *poster = arg;
	for (size_t i = 0; i < POSTS; i++) {
		poster->calls[i] = (LoopCall){.fn = count_one, .arg = poster->count};
		loop_post(poster->loop, &poster->calls[i]);
	}
}

static void
no_call_of_many_threads_is_lost(void **state)
{
	(void)state;
	static Poster posters[POSTERS];
	Loop *loop = loop_make();
	Thread *threads[POSTERS];
	int count = 0; // only the loop's thread writes it
	for (size_t i = 0; i < POSTERS; i++) {
		posters[i].loop = loop;
		posters[i].count = &count;
		ThreadOptions options = {.name = "poster"};
		assert_int_equal(thread_start(&options, post_all, &posters[i], &threads[i], NULL), ST_OK);
	}
	for (size_t i = 0; i < POSTERS; i++)
		thread_join(threads[i]);
	in_loop(loop, nothing, NULL);
	assert_int_equal(count, POSTERS * POSTS);
	loop_end(loop);
}

typedef struct Again {
	Loop *loop;
	LoopCall call;
	int left;
	Signal done;
} Again;

static void
post_again(void *arg)
{
	Again *again = arg;
	if (--again->left == 0)
		signal_raise(&again->done);
	else if (again->left % 2 == 0)
		loop_post(again->loop, &again->call);
	else
		loop_at_turn_end(again->loop, &again->call);
}

static void
a_call_may_be_given_again_while_it_runs(void **state)
{
	(void)state;
	Again again = {.loop = loop_make(), .left = 100};
	again.call = (LoopCall){.fn = post_again, .arg = &again};
	signal_init(&again.done);
	loop_post(again.loop, &again.call);
	assert_true(signal_wait(&again.done, INT64_MAX));
	signal_close(&again.done);
	loop_end(again.loop);
}

static void
free_call(void *arg)
{
	mem_free(arg);
}

static void
a_call_may_free_its_node(void **state)
{
	(void)state;
	Loop *loop = loop_make();
	for (int i = 0; i < 100; i++) {
		LoopCall *call = mem_alloc(sizeof(*call));
		*call = (LoopCall){.fn = free_call, .arg = call};
		loop_post(loop, call);
	}
	loop_end(loop);
}

typedef struct Current {
	Loop *loop;
	bool is;
} Current;

static void
ask_current(void *arg)
{
	Current *current = arg;
	current->is = loop_is_current(current->loop);
}

static void
only_its_thread_is_current(void **state)
{
	(void)state;
	Current current = {.loop = loop_make()};
	in_loop(current.loop, ask_current, &current);
	assert_true(current.is);
	assert_false(loop_is_current(current.loop));
	loop_stop(current.loop);
	loop_stop(current.loop);                    // a second time is nothing
	assert_true(loop_is_current(current.loop)); // who stopped it may take it down
	loop_free(current.loop);
}

static void
calls_posted_too_late_are_run_when_the_loop_is_freed(void **state)
{
	(void)state;
	Loop *loop = loop_make();
	int count = 0;
	LoopCall late = {.fn = count_one, .arg = &count};
	LoopCall at_end = {.fn = count_one, .arg = &count};
	loop_stop(loop);
	loop_post(loop, &late);
	loop_at_turn_end(loop, &at_end);
	assert_int_equal(count, 0);
	loop_free(loop);
	assert_int_equal(count, 2);
	assert_int_equal(mem_live(), 0);
}

// --- watches ---

// Two connected sockets; [0] is watched. What happens is noted as letters.
typedef struct Scene {
	Loop *loop;
	int fds[2];
	LoopWatch *watch;
	char notes[16];
	size_t len;
	Signal noted;
	LoopCall at_end;
	uint32_t asked;
	bool drain;
	bool leave; // unwatch at the first event
} Scene;

static void
note(Scene *scene, char letter)
{
	if (scene->len < sizeof(scene->notes) - 1)
		scene->notes[scene->len++] = letter;
}

static void
note_turn_end(void *arg)
{
	note(arg, '.');
	signal_raise(&((Scene *)arg)->noted);
}

static void
on_event(void *arg, uint32_t events)
{
	Scene *scene = arg;
	char buf[64];
	if (events & LOOP_READABLE)
		note(scene, 'r');
	if (events & LOOP_WRITABLE)
		note(scene, 'w');
	if (events & LOOP_HANGUP)
		note(scene, 'h');
	if (scene->drain) {
		ssize_t n = read(scene->fds[0], buf, sizeof(buf));
		(void)n;
	}
	if (events & LOOP_WRITABLE)
		loop_watch_change(scene->watch, scene->asked & ~(uint32_t)LOOP_WRITABLE);
	if (scene->leave || events & LOOP_HANGUP)
		loop_unwatch(TAKE(scene->watch));
	loop_at_turn_end(scene->loop, &scene->at_end);
}

static void
enter(void *arg)
{
	Scene *scene = arg;
	Status st =
		loop_watch(scene->loop, scene->fds[0], scene->asked, on_event, scene, &scene->watch, NULL);
	assert_int_equal(st, ST_OK);
}

static void
leave(void *arg)
{
	Scene *scene = arg;
	loop_unwatch(TAKE(scene->watch));
}

static void
change(void *arg)
{
	Scene *scene = arg;
	loop_watch_change(scene->watch, scene->asked);
}

static void
scene_open(Scene *scene, uint32_t asked)
{
	*scene = (Scene){.loop = loop_make(), .asked = asked, .drain = true};
	scene->at_end = (LoopCall){.fn = note_turn_end, .arg = scene};
	signal_init(&scene->noted);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, scene->fds), 0);
}

static void
scene_close(Scene *scene)
{
	in_loop(scene->loop, leave, scene);
	loop_end(scene->loop);
	signal_close(&scene->noted);
	close(scene->fds[0]);
	if (scene->fds[1] >= 0)
		close(scene->fds[1]);
}

// Lets the peer speak and waits until the loop has heard it.
static void
speak(Scene *scene)
{
	assert_int_equal(write(scene->fds[1], "x", 1), 1);
	assert_true(signal_wait(&scene->noted, INT64_MAX));
}

static void
events_come_before_the_end_of_their_turn(void **state)
{
	(void)state;
	Scene scene;
	scene_open(&scene, LOOP_READABLE);
	in_loop(scene.loop, enter, &scene);
	speak(&scene);
	speak(&scene);
	scene_close(&scene);
	assert_string_equal(scene.notes, "r.r.");
}

static void
only_what_was_asked_for_is_told(void **state)
{
	(void)state;
	Scene scene;
	scene_open(&scene, LOOP_WRITABLE);
	in_loop(scene.loop, enter, &scene);
	assert_true(signal_wait(&scene.noted, INT64_MAX)); // turns writability off by itself
	assert_int_equal(write(scene.fds[1], "x", 1), 1);
	in_loop(scene.loop, nothing, NULL);
	in_loop(scene.loop, nothing, NULL);
	assert_string_equal(scene.notes, "w.");

	scene.asked = LOOP_READABLE; // what has waited is told now
	in_loop(scene.loop, change, &scene);
	assert_true(signal_wait(&scene.noted, INT64_MAX));
	scene_close(&scene);
	assert_string_equal(scene.notes, "w.r.");
}

static void
a_broken_connection_is_told_unasked(void **state)
{
	(void)state;
	Scene scene;
	scene_open(&scene, 0);
	in_loop(scene.loop, enter, &scene);
	close(scene.fds[1]);
	scene.fds[1] = -1;
	assert_true(signal_wait(&scene.noted, INT64_MAX));
	scene_close(&scene);
	assert_string_equal(scene.notes, "h.");
}

static void
a_half_closed_connection_is_told_to_who_asked(void **state)
{
	(void)state;
	Scene scene;
	scene_open(&scene, LOOP_HANGUP);
	in_loop(scene.loop, enter, &scene);
	shutdown(scene.fds[1], SHUT_WR);
	assert_true(signal_wait(&scene.noted, INT64_MAX));
	scene_close(&scene);
	assert_string_equal(scene.notes, "h.");
}

static void
a_callback_may_remove_its_own_watch(void **state)
{
	(void)state;
	Scene scene;
	scene_open(&scene, LOOP_READABLE);
	scene.leave = true;
	scene.drain = false;
	in_loop(scene.loop, enter, &scene);
	speak(&scene);
	in_loop(scene.loop, nothing, NULL);
	scene_close(&scene);
	assert_string_equal(scene.notes, "r.");
}

// Several watches become ready in one turn; the first to be told removes all of them.
enum { CROWD = 8 };

typedef struct Crowd {
	Loop *loop;
	int fds[CROWD][2];
	LoopWatch *watches[CROWD];
	int told;
} Crowd;

static void
remove_everybody(void *arg, uint32_t events)
{
	Crowd *crowd = arg;
	crowd->told += events != 0;
	for (size_t i = 0; i < CROWD; i++) {
		loop_unwatch(TAKE(crowd->watches[i]));
		close(crowd->fds[i][0]); // its number may be given out again at once
	}
}

static void
crowd_enter(void *arg)
{
	Crowd *crowd = arg;
	for (size_t i = 0; i < CROWD; i++) {
		Status st = loop_watch(crowd->loop, crowd->fds[i][0], LOOP_READABLE, remove_everybody,
							   crowd, &crowd->watches[i], NULL);
		assert_int_equal(st, ST_OK);
	}
}

static void
a_callback_may_remove_watches_that_are_ready_too(void **state)
{
	(void)state;
	Crowd crowd = {.loop = loop_make()};
	for (size_t i = 0; i < CROWD; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, crowd.fds[i]), 0);
		assert_int_equal(write(crowd.fds[i][1], "x", 1), 1);
	}
	in_loop(crowd.loop, crowd_enter, &crowd);
	in_loop(crowd.loop, nothing, NULL);
	in_loop(crowd.loop, nothing, NULL);
	loop_end(crowd.loop);
	assert_int_equal(crowd.told, 1);
	for (size_t i = 0; i < CROWD; i++)
		close(crowd.fds[i][1]);
}

// --- failure ---

static void
starting_a_loop_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		Loop *loop = NULL;
		st = loop_new("test", &loop, NULL);
		if (st == ST_OK) {
			loop_stop(loop);
			loop_free(loop);
		} else {
			assert_null(loop);
		}
	});
}

static void
on_nothing(void *arg, uint32_t events)
{
	(void)arg;
	(void)events;
}

static void
watching_may_fail(void **state)
{
	(void)state;
	Loop *loop = loop_make();
	loop_stop(loop);
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	for (long nth = 0;; nth++) {
		LoopWatch *watch = NULL;
		long live = mem_live();
		fault_arm(nth);
		Status st = loop_watch(loop, fds[0], LOOP_READABLE, on_nothing, NULL, &watch, NULL);
		bool failed = fault_disarm();
		assert_int_equal(st != ST_OK, failed);
		loop_unwatch(watch);
		if (!failed)
			break;
		assert_null(watch);
		assert_int_equal(mem_live(), live);
	}
	Error err = ERROR_INIT;
	LoopWatch *watch = NULL;
	assert_int_equal(loop_watch(loop, -1, LOOP_READABLE, on_nothing, NULL, &watch, &err), ST_IO);
	says(&err, "watching");
	loop_unwatch(NULL);
	loop_end(loop);
	close(fds[0]);
	close(fds[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(posted_calls_run_in_their_order),
		cmocka_unit_test(no_call_of_many_threads_is_lost),
		cmocka_unit_test(a_call_may_be_given_again_while_it_runs),
		cmocka_unit_test(a_call_may_free_its_node),
		cmocka_unit_test(only_its_thread_is_current),
		cmocka_unit_test(calls_posted_too_late_are_run_when_the_loop_is_freed),
		cmocka_unit_test(events_come_before_the_end_of_their_turn),
		cmocka_unit_test(only_what_was_asked_for_is_told),
		cmocka_unit_test(a_broken_connection_is_told_unasked),
		cmocka_unit_test(a_half_closed_connection_is_told_to_who_asked),
		cmocka_unit_test(a_callback_may_remove_its_own_watch),
		cmocka_unit_test(a_callback_may_remove_watches_that_are_ready_too),
		cmocka_unit_test(starting_a_loop_may_fail),
		cmocka_unit_test(watching_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
