#include <stdatomic.h>

#include "os/thread.h"
#include "support.h"
#include "web/worker.h"

typedef struct Step {
	WorkerJob job;
	Signal *begun; // raised when it runs; NULL: nobody waits
	Signal *go;    // waited for before it ends; NULL: at once
	atomic_int *order;
	int place; // in the order in which jobs ran, from 1
} Step;

static void
run_step(void *arg)
{
	Step *step = arg;
	step->place = atomic_fetch_add(step->order, 1) + 1;
	if (step->begun != NULL)
		signal_raise(step->begun);
	if (step->go != NULL)
		(void)signal_wait(step->go, INT64_MAX);
}

static Step
step_of(atomic_int *order, Signal *begun, Signal *go)
{
	return (Step){.begun = begun, .go = go, .order = order};
}

static void
add(Worker *worker, Step *step)
{
	step->job = (WorkerJob){.run = run_step, .arg = step};
	worker_add(worker, &step->job);
}

static void
jobs_run_in_turn_and_one_that_is_cancelled_never(void **state)
{
	(void)state;
	Worker *worker = NULL;
	Error err = ERROR_INIT;
	Signal begun, go, ended;
	atomic_int order = 0;
	signal_init(&begun);
	signal_init(&go);
	signal_init(&ended);
	ok(worker_new(&worker, &err), &err);
	Step first = step_of(&order, &begun, &go), second = step_of(&order, NULL, NULL),
		 third = step_of(&order, NULL, NULL), last = step_of(&order, &ended, NULL);
	add(worker, &first);
	assert_true(signal_wait(&begun, INT64_MAX));
	add(worker, &second); // they wait for the first
	add(worker, &third);
	worker_cancel(worker, &third.job); // the end of the queue
	add(worker, &last);
	worker_cancel(worker, &second.job); // its begin
	signal_raise(&go);
	assert_true(signal_wait(&ended, INT64_MAX));
	worker_cancel(worker, &first.job); // ran already
	worker_cancel(worker, &last.job);
	assert_int_equal(first.place, 1);
	assert_int_equal(second.place, 0);
	assert_int_equal(third.place, 0);
	assert_int_equal(last.place, 2);
	worker_free(worker);
	signal_close(&begun);
	signal_close(&go);
	signal_close(&ended);
}

static void
who_cancels_what_runs_waits_for_its_end(void **state)
{
	(void)state;
	Worker *worker = NULL;
	Error err = ERROR_INIT;
	Signal begun, go;
	atomic_int order = 0;
	signal_init(&begun);
	signal_init(&go);
	ok(worker_new(&worker, &err), &err);
	Step step = step_of(&order, &begun, &go);
	add(worker, &step);
	assert_true(signal_wait(&begun, INT64_MAX));
	signal_raise(&go);
	worker_cancel(worker, &step.job);
	assert_int_equal(step.job.state, JOB_DONE);
	worker_free(worker);
	signal_close(&begun);
	signal_close(&go);
}

static Status
make_and_free(Error *err)
{
	SCOPED(worker_drop) Worker *worker = NULL;
	return worker_new(&worker, err);
}

static void
a_worker_that_cannot_start_is_no_worker(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	FAULTS_IN_TURN(mem_live(), st != ST_OK, st, st = make_and_free(&err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_in_turn_and_one_that_is_cancelled_never),
		cmocka_unit_test(who_cancels_what_runs_waits_for_its_end),
		cmocka_unit_test(a_worker_that_cannot_start_is_no_worker),
	};
	return RUN(tests);
}
