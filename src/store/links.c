// links.c - a table's chain of memory segments: sealed ones, then the growing one last.

#include <stddef.h>

#include "base/mem.h"
#include "os/clock.h"
#include "store/store_int.h"

// ---- one ----

Status
link_new(Store *store, TableDef *def, Link **out, Error *err)
{
	uint64_t id;
	TRY(catalog_next_segment_id(store->options.catalog, &id, err));
	Link *link = mem_alloc(sizeof(*link));
	if (link == NULL)
		return error_no_memory(err, "a segment");
	Status st = segment_new(id, store->options.budget, store->options.pool, clock_wall_ns(),
							&link->segment, err);
	if (st != ST_OK) {
		mem_free(link);
		return st;
	}
	link->def = table_def_ref(def);
	*out = link;
	return ST_OK;
}

void
link_free(Link *link)
{
	if (link == NULL)
		return;
	segment_leave(link->segment);
	segment_unref(link->segment);
	table_def_unref(link->def);
	mem_free(link);
}

void
links_free(Link *oldest)
{
	for (Link *next; oldest != NULL; oldest = next) {
		next = oldest->next;
		link_free(oldest);
	}
}

// ---- the chain ----

Link *
table_newest_locked(const Table *table)
{
	return table->oldest != NULL ? (Link *)((char *)table->tail - offsetof(Link, next)) : NULL;
}

Link *
table_ripe_locked(const Store *store, const Table *table)
{
	if (table->oldest == NULL)
		return NULL;
	// A file is seen whole by every snapshot, so what it holds must be published.
	SegmentStats stats = segment_stats(table->oldest->segment);
	bool ripe = stats.status == SEGMENT_SEALED && stats.max_seq <= store->published_seq;
	return ripe ? table->oldest : NULL;
}

void
table_add_link_locked(Table *table, Link *link)
{
	link->next = NULL;
	*table->tail = link;
	table->tail = &link->next;
}

Link *
table_take_links_locked(Table *table, const Link *last)
{
	Link *oldest = table->oldest, *at = oldest;
	while (at != last)
		at = at->next;
	table->oldest = TAKE(at->next);
	if (table->oldest == NULL)
		table->tail = &table->oldest;
	return oldest;
}

// ---- the growing one ----

Status
table_provide_spare(Table *table, Error *err)
{
	Store *store = table->store;
	pthread_mutex_lock(&store->lock);
	bool there = table->spare != NULL;
	SCOPED(table_def_drop) TableDef *def = there ? NULL : table_def_ref(table->def);
	pthread_mutex_unlock(&store->lock);
	if (there)
		return ST_OK;
	Link *link = NULL;
	TRY(link_new(store, def, &link, err));
	pthread_mutex_lock(&store->lock);
	if (table->spare == NULL)
		table->spare = TAKE(link);
	pthread_mutex_unlock(&store->lock);
	link_free(link);
	return ST_OK;
}

Link *
table_growing_locked(const Table *table)
{
	Link *last = table_newest_locked(table);
	return last != NULL && segment_stats(last->segment).status == SEGMENT_GROWING ? last : NULL;
}

bool
table_end_growing_locked(Table *table, Link **spare)
{
	Link *growing = table_growing_locked(table);
	if (growing != NULL)
		segment_seal(growing->segment, clock_wall_ns());
	if (table->spare == NULL)
		table->spare = TAKE(*spare);
	return growing != NULL;
}
