// result_int.h - a result's parts, shared by its two sides: the workers that produce frames, the
// caller that takes them.

#pragma once

#include "arrow/ipc_write.h"
#include "engine/result.h"
#include "engine/statements.h"
#include "engine/ticker.h"

typedef struct Frame {
	IpcMessage message;
	Batch *batch; // NULL: the schema
	int64_t rows;
	struct Frame *next;
} Frame;

typedef enum Work { WORK_QUEUED, WORK_RUNNING, WORK_PARKED, WORK_ENDED } Work;

struct mobius_result {
	atomic_uint refs; // the caller's, and the workers'
	mobius_session *session;
	mobius *db;
	SqlStatement *statement; // NULL: a change that ran before its ticket was made
	bool read;
	Ticket *ticket;
	mobius_want want;
	int64_t timeout_ns;
	Job job;
	Frame *current; // the caller's: the last one it was shown
	mobius_error shown_error;

	pthread_mutex_t lock; // guards all below
	mobius_event event;   // fn NULL after close
	SqlQuery *query;
	Work work;
	bool waiting; // the caller was told to wait
	bool closed;
	bool failed;
	Status status;
	Error error;
	Frame *frames;
	Frame **frames_tail;
	uint64_t queued_bytes;
	Buf schema; // encapsulated
	Changes changes;
	int64_t worked_ns; // in earlier slices
	int64_t since_ns;  // of the current slice, or since it is parked
	Tick tick;
};

void frame_free(Frame *frame);            // NULL is allowed
void result_unref(mobius_result *result); // NULL is allowed

// The workers' side: a job of the pool. It holds a reference of the result, which it gives back or
// takes on.
void result_run_slice(Job *job);
// The ticker's: ends what works or stalls too long.
void result_tick(void *arg, int64_t now_ns);
// Ends it with `status`, and tells; under the lock.
void result_give_up(mobius_result *result, Status status, const char *text);
// Ends it because nobody wants it any more: no event comes after; under the lock. True: a worker
// still has it, and takes it off the ticker.
bool result_abandon(mobius_result *result);
