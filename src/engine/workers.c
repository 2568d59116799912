#include "engine/workers.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "os/thread.h"

enum {
	// Parsing and planning recurse; below 2 MiB a deep statement would end the process.
	STACK_BYTES = 8 << 20,
	MOST_WAITING = 256,
};

struct Workers {
	pthread_mutex_t lock; // guards head, tail, stopping
	pthread_cond_t wake;
	Job *head;
	Job **tail;
	bool stopping;
	atomic_int waiting; // jobs no thread has taken yet
	int count;
	Thread *threads[];
};

static Job *
next_job(Workers *workers)
{
	pthread_mutex_lock(&workers->lock);
	while (workers->head == NULL && !workers->stopping)
		pthread_cond_wait(&workers->wake, &workers->lock);
	Job *job = workers->head;
	if (job != NULL) {
		workers->head = job->next;
		if (workers->head == NULL)
			workers->tail = &workers->head;
	}
	pthread_mutex_unlock(&workers->lock);
	return job;
}

static void
work(void *arg)
{
	Workers *workers = arg;
	for (Job *job; (job = next_job(workers)) != NULL;) {
		atomic_fetch_sub(&workers->waiting, 1);
		job->run(job);
	}
}

Status
workers_start(const char *name, int threads, Workers **out, Error *err)
{
	Workers *workers = mem_alloc(sizeof(*workers) + (size_t)threads * sizeof(Thread *));
	if (workers == NULL)
		return error_no_memory(err, "worker threads");
	pthread_mutex_init(&workers->lock, NULL);
	pthread_cond_init(&workers->wake, NULL);
	workers->tail = &workers->head;

	ThreadOptions options = {.name = name, .stack_bytes = STACK_BYTES};
	for (int i = 0; i < threads; i++) {
		Status st = thread_start(&options, work, workers, &workers->threads[i], err);
		if (st != ST_OK) {
			workers_stop(workers);
			return st;
		}
		workers->count++;
	}
	*out = workers;
	return ST_OK;
}

void
workers_submit(Workers *workers, Job *job)
{
	job->next = NULL;
	atomic_fetch_add(&workers->waiting, 1);
	pthread_mutex_lock(&workers->lock);
	*workers->tail = job;
	workers->tail = &job->next;
	pthread_mutex_unlock(&workers->lock);
	pthread_cond_signal(&workers->wake);
}

// A job somebody waits for, on that thread's stack.
typedef struct Awaited {
	Job job; // first
	void (*fn)(void *arg);
	void *arg;
	Signal done;
} Awaited;

static void
run_awaited(Job *job)
{
	Awaited *awaited = (Awaited *)job;
	awaited->fn(awaited->arg);
	signal_raise(&awaited->done);
}

void
workers_run(Workers *workers, void (*fn)(void *arg), void *arg)
{
	Awaited awaited = {.job = {.run = run_awaited}, .fn = fn, .arg = arg};
	signal_init(&awaited.done);
	workers_submit(workers, &awaited.job);
	(void)signal_wait(&awaited.done, INT64_MAX);
	signal_close(&awaited.done);
}

Status
workers_check_room(const Workers *workers, Error *err)
{
	if (atomic_load(&workers->waiting) < MOST_WAITING)
		return ST_OK;
	return error_set(err, ST_LIMIT, "%d statements wait already; try again later", MOST_WAITING);
}

void
workers_stop(Workers *workers)
{
	if (workers == NULL)
		return;
	pthread_mutex_lock(&workers->lock);
	workers->stopping = true;
	pthread_cond_broadcast(&workers->wake);
	pthread_mutex_unlock(&workers->lock);
	for (int i = 0; i < workers->count; i++)
		thread_join(workers->threads[i]);
	pthread_mutex_destroy(&workers->lock);
	pthread_cond_destroy(&workers->wake);
	mem_free(workers);
}
