// retention.h - which rows are too old to be seen, and giving up what nobody will see again.
//
// A row of a table with a ttl is seen iff its time is ≥ max(now − ttl, dropped_before), where "now"
// is the moment of the statement's snapshot. dropped_before lies behind everything that was given
// up on purpose, so that a longer ttl opens no holes; the catalog keeps it, and it only rises.
// Rows without a time are seen always. All times here are ns, whatever the column's unit.
//
// Who reads takes TableView.visible_from, which was computed with its snapshot. Who leaves out rows
// of what it writes (a merge) asks table_visible_from once, calls table_forget_before with that
// before it publishes, and leaves out what is older, no more.
//
// Threads  any, but for store_drop_unseen_files: the keeper's.

#pragma once

#include "store/store.h"

#define VISIBLE_ALWAYS INT64_MIN

// ttl_ns 0: none; dropped_before VISIBLE_ALWAYS: nothing was dropped.
int64_t retention_visible_from(int64_t ttl_ns, int64_t dropped_before, int64_t now_ns);
// Rows with a time below it are not seen at now_ns, nor later.
int64_t table_visible_from(Table *table, int64_t now_ns);
// Rows with a time below `before` will not be seen any more, whatever the ttl becomes. Durable on
// return.
Status table_forget_before(Table *table, int64_t before, Error *err);

// Whether some stored rows of the view are too old to be seen: a reader has to look at times.
bool view_is_cut(const TableView *view);

// Drops the files of which every row has expired at now_ns, or was deleted; *files says how many
// went. One table after the other: a failure leaves the rest for the next time.
Status store_drop_unseen_files(Store *store, int64_t now_ns, int64_t *files, Error *err);
