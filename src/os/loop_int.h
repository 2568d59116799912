// loop_int.h - what loop.c and loop_timer.c share.

#pragma once

#include <stdatomic.h>

#include "os/loop.h"
#include "os/thread.h"

struct LoopTimer {
	Loop *loop;
	void (*fn)(void *arg);
	void *arg;
	int64_t at_ns;
	size_t slot; // in the heap, from 1; 0: not set
};

// A queue of calls in order.
typedef struct CallList {
	LoopCall *first;
	LoopCall **end; // where the next one is linked
} CallList;

struct Loop {
	int epoll_fd;
	int wake_fd;
	Thread *thread;
	_Atomic(pthread_t) owner; // whose thread the loop is; 0: not started
	int64_t now_ns;
	bool stopping;
	LoopCall stop_call;

	pthread_mutex_t lock; // guards posted
	CallList posted;

	CallList turn_end;
	LoopWatch *dead; // unwatched in this turn; events at hand may still name them
	size_t watch_count;

	// A heap with the earliest first, from slot 1. It has room for every timer there is, so that
	// setting one cannot fail.
	LoopTimer **heap;
	size_t heap_len;
	size_t heap_cap;
	size_t timer_count;
};

// Mono time of the earliest timer; INT64_MAX: none is set.
int64_t loop_timers_next(const Loop *loop);
void loop_timers_run(Loop *loop); // all that are due at now_ns
