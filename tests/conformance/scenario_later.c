// later: a DoGet is answered by a thread of its own, batch by batch, as the client takes them. No
// client knows this scenario: it is how a server with workers uses a call. The ticket is the number
// of batches.

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "os/thread.h"
#include "scenario.h"

// The worker waits until a batch is wanted, makes it, and posts it to the call's thread, which
// sends it and says when the next one is wanted. Who has the turn has `rows` and `batches_left`.
typedef struct Worker {
	FlightCall *call; // referenced
	Thread *thread;
	Signal wanted;
	atomic_bool over; // the call is
	int64_t rows[3];
	int64_t batches_left;
	LoopCall send;
	LoopCall bury;
} Worker;

static atomic_int workers;
static Signal idle; // raised when there are none

static void
worker_free(Worker *worker)
{
	thread_join(worker->thread);
	signal_close(&worker->wanted);
	flight_unref(worker->call);
	mem_free(worker);
	if (atomic_fetch_sub(&workers, 1) == 1)
		signal_raise(&idle);
}

static void
bury(void *arg)
{
	worker_free(arg);
}

static void
send_batch(void *arg)
{
	Worker *worker = arg;
	Error err = ERROR_INIT;
	bool room = false;
	Status status = rows_send_batch(worker->call, TYPE_INT64, worker->rows, COUNT_OF(worker->rows),
									&room, &err);
	if (status != ST_OK || --worker->batches_left == 0)
		flight_finish(worker->call, status, &err);
	else if (room)
		signal_raise(&worker->wanted);
}

static void
work(void *arg)
{
	Worker *worker = arg;
	while (signal_wait(&worker->wanted, INT64_MAX) && !atomic_load(&worker->over)) {
		for (size_t i = 0; i < COUNT_OF(worker->rows); i++)
			worker->rows[i] = worker->batches_left;
		flight_post(worker->call, &worker->send);
	}
	flight_post(worker->call, &worker->bury);
}

static Status
start_worker(FlightCall *call, int64_t batches, Error *err)
{
	Worker *worker = mem_alloc(sizeof(*worker));
	if (worker == NULL)
		return error_no_memory(err, "a worker");
	atomic_fetch_add(&workers, 1);
	signal_init(&worker->wanted);
	worker->call = flight_ref(call);
	worker->batches_left = batches;
	worker->send = (LoopCall){.fn = send_batch, .arg = worker};
	worker->bury = (LoopCall){.fn = bury, .arg = worker};
	Status status =
		thread_start(&(ThreadOptions){.name = "worker"}, work, worker, &worker->thread, err);
	if (status != ST_OK) {
		worker_free(worker);
		return status;
	}
	flight_set_user(call, worker);
	signal_raise(&worker->wanted);
	return ST_OK;
}

static void
do_get(FlightCall *call, Slice ticket)
{
	char digits[16] = "";
	for (size_t i = 0; i < ticket.len && i < sizeof(digits) - 1; i++)
		digits[i] = (char)ticket.data[i];
	int64_t batches = strtoll(digits, NULL, 10);
	Error err = ERROR_INIT;
	Status status = rows_send_schema(call, TYPE_INT64, &err);
	if (status == ST_OK && batches > 0)
		status = start_worker(call, batches, &err);
	if (status != ST_OK || batches <= 0)
		flight_finish(call, status, &err);
}

static void
writable(FlightCall *call)
{
	Worker *worker = flight_user(call);
	signal_raise(&worker->wanted);
}

static void
done(FlightCall *call)
{
	Worker *worker = flight_user(call);
	if (worker == NULL)
		return;
	atomic_store(&worker->over, true);
	signal_raise(&worker->wanted);
}

static void
start(void)
{
	signal_init(&idle);
}

static void
stop(void)
{
	while (atomic_load(&workers) > 0)
		(void)signal_wait(&idle, INT64_MAX);
	signal_close(&idle);
}

const Scenario SCENARIO_LATER = {
	.name = "later",
	.loops = 2,
	.start = start,
	.stop = stop,
	.handlers = {.do_get = do_get, .writable = writable, .done = done},
};
