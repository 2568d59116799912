// loop_support.h - a loop for a test, and visits to its thread.

#pragma once

#include "os/loop.h"
#include "os/thread.h"
#include "support.h"

static inline Loop *
loop_make(void)
{
	Loop *loop = NULL;
	Error err = ERROR_INIT;
	ok(loop_new("test", &loop, &err), &err);
	return loop;
}

// Ends the loop; nothing of it may be left over.
static inline void
loop_end(Loop *loop)
{
	loop_stop(loop);
	loop_free(loop);
	assert_int_equal(mem_live(), 0);
}

typedef struct Visit {
	LoopCall call;
	Signal done;
	void (*fn)(void *arg);
	void *arg;
} Visit;

static inline void
visit_main(void *arg)
{
	Visit *visit = arg;
	visit->fn(visit->arg);
	signal_raise(&visit->done);
}

// Runs fn(arg) in the loop's thread and waits until it has run.
static inline void
in_loop(Loop *loop, void (*fn)(void *arg), void *arg)
{
	Visit visit = {.fn = fn, .arg = arg};
	visit.call = (LoopCall){.fn = visit_main, .arg = &visit};
	signal_init(&visit.done);
	loop_post(loop, &visit.call);
	signal_wait(&visit.done, INT64_MAX);
	signal_close(&visit.done);
}
