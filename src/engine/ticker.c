#include "engine/ticker.h"

#include "base/mem.h"
#include "os/clock.h"
#include "os/thread.h"

enum { PERIOD_NS = 20 * 1000 * 1000 };

struct Ticker {
	pthread_mutex_t lock; // guards ticks and stopping, and is held while they run
	Tick *ticks;
	bool stopping;
	Signal wake; // something was added, or it stops
	Thread *thread;
};

static void
ticker_run(void *arg)
{
	Ticker *ticker = arg;
	for (;;) {
		pthread_mutex_lock(&ticker->lock);
		bool stopping = ticker->stopping;
		bool idle = ticker->ticks == NULL;
		int64_t now = clock_mono_ns();
		for (Tick *tick = ticker->ticks; tick != NULL && !stopping; tick = tick->next)
			tick->fn(tick->arg, now);
		pthread_mutex_unlock(&ticker->lock);
		if (stopping)
			return;
		// With nobody to look after it sleeps until somebody comes, and then a period.
		if (idle)
			(void)signal_wait(&ticker->wake, INT64_MAX);
		clock_sleep_ns(stopping ? 0 : PERIOD_NS);
	}
}

Status
ticker_start(Ticker **out, Error *err)
{
	Ticker *ticker = mem_alloc(sizeof(*ticker));
	if (ticker == NULL)
		return error_no_memory(err, "the ticker");
	pthread_mutex_init(&ticker->lock, NULL);
	signal_init(&ticker->wake);
	Status st =
		thread_start(&(ThreadOptions){.name = "ticker"}, ticker_run, ticker, &ticker->thread, err);
	if (st != ST_OK) {
		ticker_stop(ticker);
		return st;
	}
	*out = ticker;
	return ST_OK;
}

void
ticker_stop(Ticker *ticker)
{
	if (ticker == NULL)
		return;
	pthread_mutex_lock(&ticker->lock);
	ticker->stopping = true;
	pthread_mutex_unlock(&ticker->lock);
	signal_raise(&ticker->wake);
	thread_join(ticker->thread);
	signal_close(&ticker->wake);
	pthread_mutex_destroy(&ticker->lock);
	mem_free(ticker);
}

void
ticker_add(Ticker *ticker, Tick *tick)
{
	pthread_mutex_lock(&ticker->lock);
	bool was_empty = ticker->ticks == NULL;
	tick->prev = NULL;
	tick->next = ticker->ticks;
	if (tick->next != NULL)
		tick->next->prev = tick;
	ticker->ticks = tick;
	pthread_mutex_unlock(&ticker->lock);
	if (was_empty)
		signal_raise(&ticker->wake);
}

void
ticker_remove(Ticker *ticker, Tick *tick)
{
	pthread_mutex_lock(&ticker->lock);
	if (tick->prev != NULL)
		tick->prev->next = tick->next;
	else if (ticker->ticks == tick)
		ticker->ticks = tick->next;
	if (tick->next != NULL)
		tick->next->prev = tick->prev;
	tick->next = tick->prev = NULL;
	pthread_mutex_unlock(&ticker->lock);
}
