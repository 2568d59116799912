// workers.h - a pool of threads that run jobs in the order they came.
//
// Threads  submit: any. A job belongs to the pool from submit until its run is called; run may free
// it or submit it again.

#pragma once

#include "base/status.h"

typedef struct Workers Workers;

typedef struct Job {
	void (*run)(struct Job *job);
	struct Job *next; // the pool's
} Job;

Status workers_start(const char *name, int threads, Workers **out, Error *err); // stacks of 8 MiB
void workers_submit(Workers *workers, Job *job);
// Before what a client asks for is submitted. ST_LIMIT: as many wait already as may.
Status workers_check_room(const Workers *workers, Error *err);
// Runs fn(arg) on one of the threads, and waits for it: not from one of them.
void workers_run(Workers *workers, void (*fn)(void *arg), void *arg);
void workers_stop(
	Workers *workers); // runs what was submitted, then ends the threads; NULL is allowed
