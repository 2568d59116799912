// window.h - where the result of a merge is cut, by time.
//
// A table has windows of one length, by its rate. A result is cut
//   - where what other files cover ends, or begins, if a good part of the rows lies beyond: that
//     part can then move up on its own and is not written again for the few that came late;
//   - between clusters far from each other, as a backfill beside new rows makes them;
//   - at the borders of windows, where a piece reaches 32 MiB.
//
// Times are nanoseconds.

#pragma once

#include "base/status.h"

// Inclusive.
typedef struct Span {
	int64_t min;
	int64_t max;
} Span;

// Puts them in order and makes one of those that overlap; how many are left.
int32_t span_union(Span *spans, int32_t count);

// The length of the windows of a table with so many bytes in so much time: the shortest of 1 h, 1
// d, 7 d and 30 d that holds `piece_bytes`; 0: none does, and nothing is cut at their borders.
int64_t window_length(uint64_t bytes, Span times, uint64_t piece_bytes);

// Rows by time: rows[i] are at borders[i] or later, and before borders[i + 1].
typedef struct TimeCounts {
	Span hull;
	int64_t *borders; // rising, from hull.min
	int64_t *rows;
	int32_t count;
	int32_t at; // where the last one was
} TimeCounts;

// For rows within `hull`: a grid of round times, and where each of `covered` (a union) begins and
// ends.
Status time_counts_init(TimeCounts *counts, Span hull, const Span *covered, int32_t covered_count,
						Error *err);
void time_counts_close(TimeCounts *counts);
void time_counts_add(TimeCounts *counts, int64_t time, int64_t rows);

typedef struct CutRules {
	uint64_t bytes; // of all that was counted
	uint64_t piece_bytes;
	int64_t window_ns;   // 0: none
	const Span *covered; // what other files hold: as it was given before
	int32_t covered_count;
} CutRules;

enum { MOST_CUTS = 63 };

// Where the second and each later piece begins, rising, in `cuts` (MOST_CUTS of them); how many.
int32_t window_cuts(const TimeCounts *counts, const CutRules *rules, int64_t *cuts);
