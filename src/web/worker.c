#include "web/worker.h"

#include "base/mem.h"
#include "os/thread.h"

struct Worker {
	Thread *thread;
	pthread_mutex_t lock; // guards all below
	pthread_cond_t changed;
	WorkerJob *first;
	WorkerJob **tail;
	bool ending;
};

// The next job, marked as running; NULL: the end. Under the lock.
static WorkerJob *
next_job(Worker *worker)
{
	while (worker->first == NULL && !worker->ending)
		pthread_cond_wait(&worker->changed, &worker->lock);
	WorkerJob *job = worker->first;
	if (job == NULL)
		return NULL;
	worker->first = job->next;
	if (worker->first == NULL)
		worker->tail = &worker->first;
	job->state = JOB_RUNNING;
	return job;
}

static void
run_jobs(void *arg)
{
	Worker *worker = arg;
	WorkerJob *job;
	pthread_mutex_lock(&worker->lock);
	while ((job = next_job(worker)) != NULL) {
		pthread_mutex_unlock(&worker->lock);
		job->run(job->arg);
		pthread_mutex_lock(&worker->lock);
		job->state = JOB_DONE;
		pthread_cond_broadcast(&worker->changed);
	}
	pthread_mutex_unlock(&worker->lock);
}

Status
worker_new(Worker **out, Error *err)
{
	SCOPED(worker_drop) Worker *worker = mem_alloc(sizeof(*worker));
	if (worker == NULL)
		return error_no_memory(err, "the HTTP port");
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->changed, NULL);
	worker->tail = &worker->first;
	ThreadOptions options = {.name = "web", .nice = 1};
	TRY(thread_start(&options, run_jobs, worker, &worker->thread, err));
	*out = TAKE(worker);
	return ST_OK;
}

void
worker_free(Worker *worker)
{
	if (worker == NULL)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->ending = true;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
	thread_join(worker->thread);
	pthread_cond_destroy(&worker->changed);
	pthread_mutex_destroy(&worker->lock);
	mem_free(worker);
}

void
worker_add(Worker *worker, WorkerJob *job)
{
	pthread_mutex_lock(&worker->lock);
	job->state = JOB_QUEUED;
	job->next = NULL;
	*worker->tail = job;
	worker->tail = &job->next;
	pthread_cond_broadcast(&worker->changed);
	pthread_mutex_unlock(&worker->lock);
}

// Under the lock.
static void
take_out(Worker *worker, WorkerJob *job)
{
	WorkerJob **at = &worker->first;
	while (*at != job)
		at = &(*at)->next;
	*at = job->next;
	if (*at == NULL)
		worker->tail = at;
	job->state = JOB_NONE;
}

void
worker_cancel(Worker *worker, WorkerJob *job)
{
	pthread_mutex_lock(&worker->lock);
	if (job->state == JOB_QUEUED)
		take_out(worker, job);
	while (job->state == JOB_RUNNING)
		pthread_cond_wait(&worker->changed, &worker->lock);
	pthread_mutex_unlock(&worker->lock);
}
