// A turn: wait, read the clock, events, timers, posted calls, calls at the end of the turn, and
// last the memory of watches that were removed.

#include "os/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/loop_int.h"

enum { EVENTS_PER_TURN = 128, NS_PER_MS = 1000000 };

struct LoopWatch {
	Loop *loop;
	int fd;
	uint32_t events;
	bool removed;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
	LoopWatch *next_dead;
};

static void
list_init(CallList *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void
list_add(CallList *list, LoopCall *call)
{
	call->next = NULL;
	*list->end = call;
	list->end = &call->next;
}

static LoopCall *
list_take(CallList *list)
{
	LoopCall *first = list->first;
	list_init(list);
	return first;
}

static void
run_calls(LoopCall *call)
{
	while (call != NULL) {
		LoopCall *next = call->next; // fn may free the node or post it again
		call->fn(call->arg);
		call = next;
	}
}

void
loop_post(Loop *loop, LoopCall *call)
{
	// The wake is written under the lock: once it is free the call may run, and what it does may
	// end the loop before this thread goes on.
	pthread_mutex_lock(&loop->lock);
	bool was_empty = loop->posted.first == NULL;
	list_add(&loop->posted, call);
	if (was_empty && !loop_is_current(loop)) {
		ssize_t n = write(loop->wake_fd, &(uint64_t){1}, sizeof(uint64_t));
		(void)n; // fails only when the counter is full, and then the loop is awake
	}
	pthread_mutex_unlock(&loop->lock);
}

static bool
has_calls(Loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	bool any = loop->posted.first != NULL;
	pthread_mutex_unlock(&loop->lock);
	return any || loop->turn_end.first != NULL;
}

static void
run_posted(Loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	LoopCall *first = list_take(&loop->posted);
	pthread_mutex_unlock(&loop->lock);
	run_calls(first);
}

void
loop_at_turn_end(Loop *loop, LoopCall *call)
{
	list_add(&loop->turn_end, call);
}

bool
loop_is_current(const Loop *loop)
{
	pthread_t owner = atomic_load_explicit(&loop->owner, memory_order_relaxed);
	return owner != 0 && pthread_equal(owner, pthread_self());
}

int64_t
loop_now_ns(const Loop *loop)
{
	return loop->now_ns;
}

static uint32_t
to_epoll(uint32_t events)
{
	return ((events & LOOP_READABLE) ? (uint32_t)EPOLLIN : 0) |
		   ((events & LOOP_WRITABLE) ? (uint32_t)EPOLLOUT : 0) |
		   ((events & LOOP_HANGUP) ? (uint32_t)EPOLLRDHUP : 0);
}

// A broken connection is told whether asked for or not.
static uint32_t
from_epoll(uint32_t ready, uint32_t asked)
{
	uint32_t events = ((ready & EPOLLIN) ? (uint32_t)LOOP_READABLE : 0) |
					  ((ready & EPOLLOUT) ? (uint32_t)LOOP_WRITABLE : 0) |
					  ((ready & EPOLLRDHUP) ? (uint32_t)LOOP_HANGUP : 0);
	return (events & asked) | ((ready & (EPOLLHUP | EPOLLERR)) ? (uint32_t)LOOP_HANGUP : 0);
}

static bool
control(const Loop *loop, int operation, int fd, uint32_t epoll_events, void *ptr)
{
	struct epoll_event event = {.events = epoll_events, .data.ptr = ptr};
	return epoll_ctl(loop->epoll_fd, operation, fd, &event) == 0;
}

static Status
system_error(const char *call, Error *err)
{
	return error_set(err, errno == ENOMEM ? ST_NO_MEMORY : ST_IO, "%s: %s", call, strerror(errno));
}

// True when the caller must behave as if the system had refused.
static bool
loop_fault(void)
{
	if (!fault_here())
		return false;
	errno = EMFILE;
	return true;
}

Status
loop_watch(Loop *loop, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg,
		   LoopWatch **out, Error *err)
{
	SCOPED(mem_drop) LoopWatch *watch = mem_alloc(sizeof(*watch));
	if (watch == NULL)
		return error_no_memory(err, "watching a descriptor");
	*watch = (LoopWatch){.loop = loop, .fd = fd, .events = events, .fn = fn, .arg = arg};
	if (loop_fault() || !control(loop, EPOLL_CTL_ADD, fd, to_epoll(events), watch))
		return system_error("watching a descriptor", err);
	loop->watch_count++;
	*out = TAKE(watch);
	return ST_OK;
}

void
loop_watch_change(LoopWatch *watch, uint32_t events)
{
	assert(!watch->removed);
	if (watch->events == events)
		return;
	watch->events = events;
	// Changing needs no memory: it fails only for a descriptor that was closed too early.
	bool changed = control(watch->loop, EPOLL_CTL_MOD, watch->fd, to_epoll(events), watch);
	assert(changed);
	(void)changed;
}

void
loop_unwatch(LoopWatch *watch)
{
	if (watch == NULL)
		return;
	assert(!watch->removed);
	Loop *loop = watch->loop;
	control(loop, EPOLL_CTL_DEL, watch->fd, 0, NULL);
	watch->removed = true;
	watch->next_dead = loop->dead;
	loop->dead = watch;
	loop->watch_count--;
}

static void
bury(Loop *loop)
{
	while (loop->dead != NULL) {
		LoopWatch *next = loop->dead->next_dead;
		mem_free(loop->dead);
		loop->dead = next;
	}
}

static void
dispatch(const struct epoll_event *events, int count)
{
	for (int i = 0; i < count; i++) {
		LoopWatch *watch = events[i].data.ptr;
		if (watch == NULL || watch->removed)
			continue; // a wake, or removed earlier in this turn
		uint32_t ready = from_epoll(events[i].events, watch->events);
		if (ready != 0)
			watch->fn(watch->arg, ready);
	}
}

// Milliseconds until there is something to do, rounded up: a timer is never early.
static int
time_to_wait(Loop *loop)
{
	if (has_calls(loop))
		return 0;
	int64_t next = loop_timers_next(loop);
	if (next == INT64_MAX)
		return -1;
	int64_t left = next - clock_mono_ns();
	if (left <= 0)
		return 0;
	int64_t ms = (left - 1) / NS_PER_MS + 1;
	return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void
turn(Loop *loop)
{
	struct epoll_event events[EVENTS_PER_TURN];
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_TURN, time_to_wait(loop));
	loop->now_ns = clock_mono_ns();
	dispatch(events, count);
	loop_timers_run(loop);
	run_posted(loop);
	run_calls(list_take(&loop->turn_end)); // what these add waits for the next turn
	bury(loop);
}

static void
loop_main(void *arg)
{
	Loop *loop = arg;
	atomic_store(&loop->owner, pthread_self());
	while (!loop->stopping)
		turn(loop);
}

static void
stop(void *arg)
{
	((Loop *)arg)->stopping = true;
}

static void
loop_drop(Loop **loop)
{
	if (*loop != NULL)
		loop_free(*loop);
}

Status
loop_new(const char *name, Loop **out, Error *err)
{
	SCOPED(loop_drop) Loop *loop = mem_alloc(sizeof(*loop));
	if (loop == NULL)
		return error_no_memory(err, "an event loop");
	loop->epoll_fd = loop->wake_fd = -1;
	loop->now_ns = clock_mono_ns();
	loop->stop_call = (LoopCall){.fn = stop, .arg = loop};
	pthread_mutex_init(&loop->lock, NULL);
	list_init(&loop->posted);
	list_init(&loop->turn_end);

	loop->epoll_fd = loop_fault() ? -1 : epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0)
		return system_error("epoll_create1", err);
	loop->wake_fd = loop_fault() ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return system_error("eventfd", err);
	// Edge triggered: each write is an event, and nobody needs to read the counter.
	if (loop_fault() || !control(loop, EPOLL_CTL_ADD, loop->wake_fd, EPOLLIN | EPOLLET, NULL))
		return system_error("epoll_ctl", err);
	TRY(thread_start(&(ThreadOptions){.name = name}, loop_main, loop, &loop->thread, err));
	*out = TAKE(loop);
	return ST_OK;
}

void
loop_stop(Loop *loop)
{
	if (loop->thread == NULL)
		return;
	assert(!loop_is_current(loop));
	loop_post(loop, &loop->stop_call);
	thread_join(TAKE(loop->thread));
	// From here on it is the loop of who stopped it, who may still take down watches and timers.
	atomic_store(&loop->owner, pthread_self());
}

void
loop_free(Loop *loop)
{
	assert(loop->thread == NULL);
	while (has_calls(loop)) {
		run_posted(loop);
		run_calls(list_take(&loop->turn_end));
	}
	assert(loop->watch_count == 0 && loop->timer_count == 0);
	bury(loop);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	pthread_mutex_destroy(&loop->lock);
	mem_free(loop->heap);
	mem_free(loop);
}
