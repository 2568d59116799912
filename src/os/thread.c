#include "os/thread.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/mem.h"

static const size_t DEFAULT_STACK_BYTES = 1 << 20;

struct Thread {
	pthread_t handle;
	void (*run)(void *arg);
	void *arg;
	char name[16];
	int nice;
};

static void *
thread_main(void *arg)
{
	Thread *thread = arg;
	pthread_setname_np(pthread_self(), thread->name);
	if (thread->nice != 0) {
		// On Linux a thread has a nice value of its own. More than the user may have stays as it
		// is.
		id_t self = (id_t)gettid();
		int now = getpriority(PRIO_PROCESS, self);
		setpriority(PRIO_PROCESS, self, now + thread->nice);
	}
	thread->run(thread->arg);
	return NULL;
}

// Signals are for the thread that waits for them, and an embedder's are none of ours. What a thread
// brings upon itself must still reach it.
static void
block_signals(sigset_t *before)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
	sigset_t blocked;
	sigfillset(&blocked);
	for (size_t i = 0; i < COUNT_OF(own); i++)
		sigdelset(&blocked, own[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, before);
}

static int
create(Thread *thread, size_t stack_bytes)
{
	if (fault_here())
		return EAGAIN;
	if (stack_bytes < (size_t)PTHREAD_STACK_MIN)
		stack_bytes = (size_t)PTHREAD_STACK_MIN;
	pthread_attr_t attr;
	sigset_t before;
	int cause = pthread_attr_init(&attr);
	if (cause != 0)
		return cause;
	cause = pthread_attr_setstacksize(&attr, stack_bytes);
	if (cause == 0) {
		block_signals(&before); // inherited, so that no moment is left open
		cause = pthread_create(&thread->handle, &attr, thread_main, thread);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	return cause;
}

Status
thread_start(const ThreadOptions *options, void (*run)(void *arg), void *arg, Thread **out,
			 Error *err)
{
	SCOPED(mem_drop) Thread *thread = mem_alloc(sizeof(*thread));
	if (thread == NULL)
		return error_set(err, ST_NO_MEMORY, "no memory for thread %s", options->name);
	thread->run = run;
	thread->arg = arg;
	thread->nice = options->nice;
	snprintf(thread->name, sizeof(thread->name), "%s", options->name);

	size_t stack_bytes = options->stack_bytes == 0 ? DEFAULT_STACK_BYTES : options->stack_bytes;
	int cause = create(thread, stack_bytes);
	if (cause != 0)
		return error_set(err, ST_IO, "thread %s: %s; raise the limit of processes or of memory",
						 options->name, strerror(cause));
	*out = TAKE(thread);
	return ST_OK;
}

void
thread_join(Thread *thread)
{
	if (thread == NULL)
		return;
	pthread_join(thread->handle, NULL);
	mem_free(thread);
}

void
signal_init(Signal *signal)
{
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&signal->lock, NULL);
	pthread_cond_init(&signal->cond, &attr);
	pthread_condattr_destroy(&attr);
	signal->raised = false;
}

void
signal_close(Signal *signal)
{
	pthread_cond_destroy(&signal->cond);
	pthread_mutex_destroy(&signal->lock);
}

void
signal_raise(Signal *signal)
{
	// Woken under the lock: who waited may close the signal as soon as the lock is free.
	pthread_mutex_lock(&signal->lock);
	signal->raised = true;
	pthread_cond_signal(&signal->cond);
	pthread_mutex_unlock(&signal->lock);
}

bool
signal_wait(Signal *signal, int64_t until_mono_ns)
{
	struct timespec until = {.tv_sec = until_mono_ns / 1000000000,
							 .tv_nsec = until_mono_ns % 1000000000};
	int cause = until_mono_ns < 0 ? ETIMEDOUT : 0;
	pthread_mutex_lock(&signal->lock);
	while (!signal->raised && cause != ETIMEDOUT) {
		if (until_mono_ns == INT64_MAX)
			pthread_cond_wait(&signal->cond, &signal->lock);
		else
			cause = pthread_cond_timedwait(&signal->cond, &signal->lock, &until);
	}
	bool raised = signal->raised;
	signal->raised = false;
	pthread_mutex_unlock(&signal->lock);
	return raised;
}
