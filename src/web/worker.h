// worker.h - work of the HTTP port that takes longer than other connections of a loop should wait:
// one thread, one job after the other.

#pragma once

#include "base/status.h"

typedef struct Worker Worker;

// Runs once, in the worker's thread. The caller's memory, which stays until it ran or was
// cancelled.
typedef struct WorkerJob {
	void (*run)(void *arg);
	void *arg;
	enum { JOB_NONE, JOB_QUEUED, JOB_RUNNING, JOB_DONE } state; // the worker's
	struct WorkerJob *next;
} WorkerJob;

Status worker_new(Worker **out, Error *err);
void worker_free(Worker *worker); // no job is left; NULL is allowed
DEFINE_DROP(Worker, worker_drop, worker_free)

void worker_add(Worker *worker, WorkerJob *job);
// From then on the job is not run: it is taken out of the queue, or its end is waited for.
void worker_cancel(Worker *worker, WorkerJob *job);
