#include "os/signals.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static sigset_t
listened(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

void
signals_block(void)
{
	sigset_t set = listened();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

SignalAsked
signals_wait(int64_t timeout_ns)
{
	sigset_t set = listened();
	struct timespec timeout = {timeout_ns / 1000000000, timeout_ns % 1000000000};
	int got = timeout_ns < 0 ? sigwaitinfo(&set, NULL) : sigtimedwait(&set, NULL, &timeout);
	switch (got) {
	case SIGTERM:
	case SIGINT: return SIGNAL_STOP;
	case SIGHUP: return SIGNAL_RELOAD;
	default: return SIGNAL_NONE;
	}
}

void
signals_next_stop_ends(void)
{
	sigset_t set;
	(void)signal(SIGTERM, SIG_DFL);
	(void)signal(SIGINT, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
