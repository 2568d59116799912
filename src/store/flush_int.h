// flush_int.h - a memory segment on its way into a file, shared by flush.c and flush_file.c.

#pragma once

#include "store/hot_keep.h"
#include "store/store_int.h"

// One flush under way.
typedef struct Flush {
	Store *store;
	Table *table; // a reference
	Link *link;   // the table's oldest when it began
	Segment *segment;
	TableDef *def;
	SegmentStats stats;
	char *tmp_path;
	char *dir;
	char *path;
	FileMeta meta;       // rows 0: nothing is left of the segment, and no file is made
	uint32_t *positions; // of the file's rows in the segment
	bool cached;         // a copy in memory is wanted; made without the table's rewrite lock
	Hot *hot;            // NULL: none
	HotEntry *hot_entry;
	struct Flush *next; // in the store's list of those that wait
} Flush;

void flush_close(Flush *flush);

// flush_file.c: the file in its place, every byte of it durable, and what it is in `meta`. Of a
// segment without rows there is none. A failure leaves one that nobody knows.
Status flush_write(Flush *flush, DuckConn *conn, Error *err);
