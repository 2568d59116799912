// ticker.h - a thread that looks at the clock for those who wait: parked puts, running and stalled
// statements.
//
// Threads  add and remove: any. A tick runs in the ticker's thread under its lock, so none runs
// once ticker_remove has returned; ticks are short and
//          never call add or remove.

#pragma once

#include "base/status.h"

typedef struct Ticker Ticker;

typedef struct Tick {
	void (*fn)(void *arg, int64_t now_mono_ns);
	void *arg;
	struct Tick *next; // the ticker's, like prev
	struct Tick *prev;
} Tick;

Status ticker_start(Ticker **out, Error *err);
void ticker_stop(Ticker *ticker); // NULL is allowed
void ticker_add(Ticker *ticker, Tick *tick);
void ticker_remove(Ticker *ticker, Tick *tick); // fine when it is not in
