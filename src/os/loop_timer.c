#include <assert.h>

#include "base/mem.h"
#include "os/loop_int.h"

static void
place(Loop *loop, size_t slot, LoopTimer *timer)
{
	loop->heap[slot] = timer;
	timer->slot = slot;
}

// Both move a timer from `slot` to where the order of the heap wants it.
static void
sift_up(Loop *loop, size_t slot, LoopTimer *timer)
{
	while (slot > 1 && loop->heap[slot / 2]->at_ns > timer->at_ns) {
		place(loop, slot, loop->heap[slot / 2]);
		slot /= 2;
	}
	place(loop, slot, timer);
}

static void
sift_down(Loop *loop, size_t slot, LoopTimer *timer)
{
	size_t child;
	while ((child = 2 * slot) <= loop->heap_len) {
		if (child < loop->heap_len && loop->heap[child + 1]->at_ns < loop->heap[child]->at_ns)
			child++;
		if (loop->heap[child]->at_ns >= timer->at_ns)
			break;
		place(loop, slot, loop->heap[child]);
		slot = child;
	}
	place(loop, slot, timer);
}

static bool
reserve(Loop *loop, size_t timers)
{
	if (timers < loop->heap_cap)
		return true;
	size_t cap = loop->heap_cap == 0 ? 16 : 2 * loop->heap_cap;
	LoopTimer **heap = mem_resize(loop->heap, cap * sizeof(*heap));
	if (heap == NULL)
		return false;
	loop->heap = heap;
	loop->heap_cap = cap;
	return true;
}

Status
loop_timer_new(Loop *loop, void (*fn)(void *arg), void *arg, LoopTimer **out, Error *err)
{
	LoopTimer *timer = NULL;
	if (reserve(loop, loop->timer_count + 1))
		timer = mem_alloc(sizeof(*timer));
	if (timer == NULL)
		return error_no_memory(err, "a timer");
	timer->loop = loop;
	timer->fn = fn;
	timer->arg = arg;
	loop->timer_count++;
	*out = timer;
	return ST_OK;
}

void
loop_timer_clear(LoopTimer *timer)
{
	if (timer->slot == 0)
		return;
	Loop *loop = timer->loop;
	size_t slot = timer->slot;
	timer->slot = 0;
	LoopTimer *last = loop->heap[loop->heap_len--];
	if (last == timer)
		return;
	// The last one fills the gap; it may belong above or below.
	if (slot > 1 && loop->heap[slot / 2]->at_ns > last->at_ns)
		sift_up(loop, slot, last);
	else
		sift_down(loop, slot, last);
}

void
loop_timer_set(LoopTimer *timer, int64_t at_mono_ns)
{
	Loop *loop = timer->loop;
	loop_timer_clear(timer);
	// What is due already waits for the next turn: a timer that sets itself cannot starve the rest.
	timer->at_ns = at_mono_ns > loop->now_ns ? at_mono_ns : loop->now_ns + 1;
	sift_up(loop, ++loop->heap_len, timer);
}

void
loop_timer_free(LoopTimer *timer)
{
	if (timer == NULL)
		return;
	loop_timer_clear(timer);
	assert(timer->loop->timer_count > 0);
	timer->loop->timer_count--;
	mem_free(timer);
}

int64_t
loop_timers_next(const Loop *loop)
{
	return loop->heap_len == 0 ? INT64_MAX : loop->heap[1]->at_ns;
}

void
loop_timers_run(Loop *loop)
{
	while (loop_timers_next(loop) <= loop->now_ns) {
		LoopTimer *timer = loop->heap[1];
		loop_timer_clear(timer);
		timer->fn(timer->arg); // may free the timer
	}
}
