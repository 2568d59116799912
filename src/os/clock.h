// clock.h - the only door to time.

#pragma once

#include <stdint.h>

int64_t clock_wall_ns(void);       // nanoseconds UTC since 1970; may jump
int64_t clock_mono_ns(void);       // never goes back; for deadlines and intervals
int64_t clock_thread_cpu_ns(void); // what the calling thread has had of the processors
void clock_sleep_ns(int64_t ns);
