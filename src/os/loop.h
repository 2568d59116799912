// loop.h - one epoll loop in one thread: descriptors, timers, and calls posted by other threads.
//
// Threads  everything but loop_post and loop_stop belongs to the loop's own thread. Callbacks run
//          there, one at a time. A callback may remove any watch or timer, also its own.

#pragma once

#include "base/status.h"

typedef struct Loop Loop;
typedef struct LoopWatch LoopWatch;
typedef struct LoopTimer LoopTimer;

enum { LOOP_READABLE = 1, LOOP_WRITABLE = 2, LOOP_HANGUP = 4 };

Status loop_new(const char *name, Loop **out, Error *err); // starts its thread
// Any thread but its own: ends the thread and waits for it. From then on the loop belongs to the
// caller, who may still remove watches and timers; none may be left at loop_free.
void loop_stop(Loop *loop);
void loop_free(Loop *loop); // after loop_stop; posted calls that never ran are run here

// Runs fn(arg) in the loop's thread, after what was posted before. Cannot fail: the caller owns the
// node, which must stay until fn runs. The loop is woken only when its queue was empty.
typedef struct LoopCall {
	void (*fn)(void *arg);
	void *arg;
	struct LoopCall *next; // the loop's
} LoopCall;
void loop_post(Loop *loop, LoopCall *call);
bool loop_is_current(const Loop *loop);

Status loop_watch(Loop *loop, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events),
				  void *arg, LoopWatch **out, Error *err);
void loop_watch_change(LoopWatch *watch, uint32_t events);
void loop_unwatch(LoopWatch *watch); // NULL is allowed; does not close fd

// One shot at mono time `at_ns`.
Status loop_timer_new(Loop *loop, void (*fn)(void *arg), void *arg, LoopTimer **out, Error *err);
void loop_timer_set(LoopTimer *timer, int64_t at_mono_ns);
void loop_timer_clear(LoopTimer *timer);
void loop_timer_free(LoopTimer *timer); // NULL is allowed

int64_t loop_now_ns(const Loop *loop); // mono time, read once per turn

// Runs fn(arg) once at the end of this turn, after all ready events were handled: where output is
// flushed.
void loop_at_turn_end(Loop *loop, LoopCall *call);
