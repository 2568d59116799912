#include "os/clock.h"

#include <errno.h>
#include <time.h>

static const int64_t NS_PER_SECOND = 1000000000;

static int64_t
read_clock(clockid_t id)
{
	struct timespec now;
	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

int64_t
clock_wall_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t
clock_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
clock_sleep_ns(int64_t ns)
{
	if (ns <= 0)
		return;
	// The remainder is what a signal left over.
	struct timespec left = {.tv_sec = ns / NS_PER_SECOND, .tv_nsec = ns % NS_PER_SECOND};
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}
