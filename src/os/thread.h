// thread.h - threads by name, and what they wait on.
//
// Locks are plain pthread_mutex_t beside what they guard; a Signal is a condition with its own
// lock for "there is work".

#pragma once

#include <pthread.h>

#include "base/status.h"

typedef struct Thread Thread;

typedef struct ThreadOptions {
	const char *name;   // up to 15 bytes, shown by the system
	size_t stack_bytes; // 0: 1 MiB
	int nice;           // added to the process's; 0: as it is
} ThreadOptions;

Status thread_start(const ThreadOptions *options, void (*run)(void *arg), void *arg, Thread **out,
					Error *err);
void thread_join(Thread *thread); // waits and frees; NULL is allowed

// A wake-up that is remembered: raised before or after somebody waits, it is seen once.
typedef struct Signal {
	pthread_mutex_t lock;
	pthread_cond_t cond; // CLOCK_MONOTONIC
	bool raised;
} Signal;

void signal_init(Signal *signal);
void signal_close(Signal *signal);
void signal_raise(Signal *signal);
// Waits until raised (true) or until mono time `until_ns` (false; INT64_MAX: for ever); lowers it.
bool signal_wait(Signal *signal, int64_t until_mono_ns);

int os_core_count(void);        // usable by this process, at least 1
uint64_t os_memory_bytes(void); // the smaller of the machine's memory and the cgroup's limit
