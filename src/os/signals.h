// signals.h - the signals that a server listens to, taken in turn by its main thread.
//
// Threads  signals_block first, in the main thread, before any other exists.

#pragma once

#include <stdint.h>

typedef enum SignalAsked {
	SIGNAL_NONE,   // the time ran out
	SIGNAL_STOP,   // SIGTERM or SIGINT
	SIGNAL_RELOAD, // SIGHUP
} SignalAsked;

void signals_block(void);                     // those above, and SIGPIPE for good
SignalAsked signals_wait(int64_t timeout_ns); // negative: for ever
void signals_next_stop_ends(void); // from now on SIGTERM and SIGINT end the process at once
