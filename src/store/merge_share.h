// merge_share.h - how much of a processor a merge takes where others want it too.
//
// A merge looks at itself now and then. What had a processor nearly for itself goes on: nobody is
// in its way. Otherwise it pauses until it has had no more than its share. Unlike a low priority
// this can be changed, both ways, while a merge runs.
//
// Threads  the merge's own.

#pragma once

#include <stdint.h>

typedef struct MergeShare {
	int64_t wall_ns; // mono: of the last look; 0: none yet
	int64_t cpu_ns;
} MergeShare;

// How long to pause after `wall_ns` with `cpu_ns` of a processor, to have had `percent` of one; at
// most 0.2 s, so that a new share is soon seen.
int64_t merge_share_pause(int64_t wall_ns, int64_t cpu_ns, int percent);
void merge_share_keep(MergeShare *share, int percent); // looks, and pauses
