// hot_keep.h - which files have their rows in memory: the newest, within cache.columns.
//
// What a flush or merge has just written gets a copy, and the oldest ones go for it. A copy belongs
// to a version of the table's files, like a mask: who reads that version keeps it. Files that a
// commit adopts get none: they may be written with rewrite locks.
//
// Threads  any. hot_keep_end tries the rewrite lock of whichever tables have the oldest copies: one
// that is held keeps its copy for now.

#pragma once

#include "store/hot.h"
#include "store/store.h"

// A copy in the order in which they go. Made before its file is published, and kept after. It keeps
// no table: those that were dropped are free at once.
typedef struct HotEntry HotEntry;

// For a file of the store, up to `most_bytes`. *out NULL: none is to be made.
void hot_keep_begin(Store *store, TableDef *def, uint64_t most_bytes, HotBuilder **out);
// The copy, with room made for it by the oldest of those whose tables' rewrite locks are free;
// NULL: there is none. To be published with the file, and then kept; or dropped (hot_unref,
// hot_entry_free).
Hot *hot_keep_end(Store *store, Table *table, uint64_t segment_id, HotBuilder *builder,
				  HotEntry **entry);
void hot_keep(Store *store, HotEntry *entry); // takes it; NULL is allowed
void hot_entry_free(HotEntry *entry);         // NULL is allowed
