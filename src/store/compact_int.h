// compact_int.h - the segments of one table while they are looked at, shared by compact.c (which of
// them give way) and compact_group.c (to what).

#pragma once

#include "store/compact.h"
#include "store/sorted_int.h"
#include "store/store_int.h"

// One sealed segment, of which all is published.
typedef struct Unit {
	Segment *segment; // the snapshot's
	SegmentStats stats;
	int64_t gone; // rows that nobody will see again; first about
	bool loaded;  // its rows are among those that are looked at, and `gone` is exact
	int32_t first_part;
	int32_t end_part;
	int64_t first_row;
	uint64_t deletion; // the newest when it was loaded
	bool expired;      // some of what goes is too old
} Unit;

typedef struct Compaction {
	Store *store;
	TableView *view;
	Unit *units; // the oldest first
	int32_t count;
	Sorting rows; // of the units that are loaded
	bool *gone;   // of each of those rows
	Shape *shape; // the view's definition
	CompactReport *report;
} Compaction;

// Units [from, to), each of which is loaded or goes with all its rows, become one segment, or none
// if nothing is left of them. Their memory is let go. Units that are not the table's any more are
// left alone.
Status compact_group(Compaction *c, int32_t from, int32_t to, Error *err);
