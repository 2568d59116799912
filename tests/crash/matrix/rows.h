// rows.h - the rows of the crash matrix. Each ends with a line that counts what it tried.

#pragma once

#include "judge.h"

void row_power_cut(long states, uint64_t seed);
void row_twins(long operations, uint64_t seed);
void row_sync_fails(long lives, uint64_t seed);
void row_calls_fail(long lives, uint64_t seed);
void row_disk_full(long lives, uint64_t seed);
void row_sectors(long states, uint64_t seed);
void row_clock_jumps(long lives, uint64_t seed);
void row_slow_disk(long lives, uint64_t seed);
