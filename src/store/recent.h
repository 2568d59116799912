// recent.h - which times of a table that replaces rows by key were put lately: whether rows that
// were made of what was seen at some seq would undo a put that came since.
//
// It forgets nothing, but knows what is long ago less exactly.
//
// Threads  one owner: who numbers commits.

#pragma once

#include <stdbool.h>
#include <stdint.h>

enum { RECENT_PUTS = 256 };

typedef struct RecentPut {
	uint64_t seq;     // the greatest
	int64_t min_time; // nanoseconds, inclusive
	int64_t max_time;
} RecentPut;

typedef struct RecentPuts {
	RecentPut puts[RECENT_PUTS]; // the oldest first
	int32_t count;
} RecentPuts;

// Rows of [min_time, max_time] (min > max: none) get `seq`. The same may be told again, with a
// lower seq too.
void recent_puts_add(RecentPuts *recent, uint64_t seq, int64_t min_time, int64_t max_time);
// Whether a put of after < seq < before may hold times of the range.
bool recent_puts_overlap(const RecentPuts *recent, uint64_t after, uint64_t before,
						 int64_t min_time, int64_t max_time);
