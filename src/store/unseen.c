// unseen.c - what a store in memory does in place of flushing: a sealed segment of which nobody
// will see a row again gives its memory back.

#include "base/mem.h"
#include "store/retention.h"
#include "store/store_int.h"

// *before lies behind the times of the rows that have expired with it.
static bool
is_unseen(const Segment *seg, uint64_t published_seq, int64_t visible_from, int64_t *before)
{
	SegmentStats stats = segment_stats(seg);
	if (stats.status != SEGMENT_SEALED || stats.max_seq > published_seq)
		return false;
	if (segment_dead_rows(seg, published_seq) == stats.rows)
		return true;
	if (stats.min_time > stats.max_time || stats.max_time >= visible_from)
		return false;
	if (stats.max_time >= *before)
		*before = stats.max_time + 1; // no overflow: it is less than another time
	return true;
}

// Takes them out of the table's chain.
static Link *
take_unseen(Store *store, Table *table, int64_t now_ns, int64_t *segments)
{
	Link *gone = NULL, **last = &gone;
	pthread_mutex_lock(&store->lock);
	int64_t before = table->dropped_before;
	int64_t visible_from = retention_visible_from(table_ttl_ns(table->def), before, now_ns);
	for (Link **at = &table->oldest; *at != NULL;) {
		Link *link = *at;
		if (!is_unseen(link->segment, store->published_seq, visible_from, &before)) {
			at = &link->next;
			continue;
		}
		*at = link->next;
		if (table->newest == &link->next)
			table->newest = at;
		link->next = NULL;
		*last = link;
		last = &link->next;
		++*segments;
	}
	// A longer ttl opens no holes.
	table->dropped_before = before;
	pthread_mutex_unlock(&store->lock);
	return gone;
}

static void
free_links(Link *link)
{
	for (Link *next; link != NULL; link = next) {
		next = link->next;
		link_free(link);
	}
}

Status
store_drop_unseen(Store *store, int64_t now_ns, int64_t *segments, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	*segments = 0;
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		// A deletion under way names the segments it knows.
		Table *table = snapshot->tables[i].table;
		table_rewrite_lock(table);
		Link *gone = take_unseen(store, table, now_ns, segments);
		table_rewrite_unlock(table);
		free_links(gone);
	}
	return ST_OK;
}
