// hot_scan.h - which rows of a file's copy in memory a statement can ask for.
//
// Tags are looked at once for each run, times by halving, integers row by row. What is given may be
// more than what fulfils the conditions, never less: the engine looks at them again.

#pragma once

#include "sql/views.h"
#include "store/hot.h"

typedef struct HotScan {
	const RefView *view;
	int32_t file; // of view->table->files
	Arena *arena; // what is made lies in it
	Status (*add)(void *arg, const BatchPart *part, Error *err);
	void *arg;
} HotScan;

// Gives ranges of rows as parts, in order. They borrow from the table's files.
Status hot_scan(const HotScan *scan, Error *err);

// About how many rows that will be.
int64_t hot_estimate(const RefView *view, int32_t file);
