// compact_group.c - neighbouring segments in memory become one: its rows, what was deleted while
// they were copied, and the step in which readers get it.

#include "base/mem.h"
#include "store/compact_int.h"
#include "store/retention.h"

enum { PIECE_BYTES = 2 << 20, PIECE_ROWS = 64 << 10 }; // of a batch: results can pass it on whole

typedef struct Group {
	Compaction *c;
	const Unit *units;
	int32_t count;
	Link *link; // what they become; NULL: nothing is left
	uint64_t max_seq;
	int32_t first_part; // those before may have been let go
	RowRef *refs;       // of the piece that is gathered
	uint32_t *ids;
	int64_t filled;
	int64_t piece_rows;
} Group;

static void
group_close(Group *g)
{
	link_free(g->link);
	mem_free(g->refs);
	mem_free(g->ids);
}

// ---- rows ----

static Status
append_piece(Group *g, Batch *batch, Error *err)
{
	Compaction *c = g->c;
	Budget *budget = c->store->options.budget;
	uint64_t cost = segment_insert_cost(batch);
	SegmentInsert *insert = NULL;
	budget_charge(budget, cost);
	Status st = segment_insert_new(c->shape, c->view->def, batch, c->rows.with_ids ? g->ids : NULL,
								   budget, cost, &insert, err);
	if (st != ST_OK)
		budget_release(budget, cost);
	else
		segment_append(g->link->segment, insert, g->max_seq);
	return st;
}

static Status
end_piece(Group *g, Error *err)
{
	Sorting *rows = &g->c->rows;
	if (g->filled == 0)
		return ST_OK;
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(batch_gather(rows->batches + g->first_part, g->refs, g->filled, table_schema(rows->def),
					 rows->pool, &batch, err));
	TRY(append_piece(g, batch, err));
	g->filled = 0;
	return ST_OK;
}

static Status
add_part(Group *g, const Unit *unit, int32_t p, Error *err)
{
	const SegmentPart *part = &g->c->rows.parts[p];
	const bool *gone = g->c->gone + unit->first_row + part->first_row;
	for (int64_t row = 0; row < part->rows; row++) {
		if (gone[row])
			continue;
		g->refs[g->filled] = (RowRef){(uint32_t)(p - g->first_part), (uint32_t)row};
		g->ids[g->filled++] = g->c->rows.with_ids ? part->ids[row] : 0;
		if (g->filled == g->piece_rows)
			TRY(end_piece(g, err));
	}
	return ST_OK;
}

static Status
add_rows(Group *g, Error *err)
{
	for (int32_t u = 0; u < g->count; u++) {
		const Unit *unit = &g->units[u];
		for (int32_t p = unit->first_part; unit->loaded && p < unit->end_part; p++)
			TRY(add_part(g, unit, p, err));
	}
	return end_piece(g, err);
}

static void
measure(Group *g, int64_t *kept)
{
	uint64_t bytes = 0, rows = 0;
	for (int32_t i = 0; i < g->count; i++) {
		const Unit *unit = &g->units[i];
		bytes += unit->stats.bytes;
		rows += (uint64_t)unit->stats.rows;
		*kept += unit->stats.rows - unit->gone;
		if (unit->loaded && (g->first_part < 0 || unit->first_part < g->first_part))
			g->first_part = unit->first_part;
		g->max_seq = unit->stats.max_seq;
	}
	uint64_t one = bytes / (rows + 1), least = schema_row_bytes(table_schema(g->c->view->def));
	uint64_t most = PIECE_BYTES / ((one > least ? one : least) + 1) + 1;
	g->piece_rows = most < PIECE_ROWS ? (int64_t)most : PIECE_ROWS;
}

// Its late rows matter where something older may have their keys; in itself it has each once.
static SegmentStats
describe(const Group *g)
{
	SegmentStats stats = {
		.created_ns = g->units[0].stats.created_ns,
		.sealed_ns = g->units[g->count - 1].stats.sealed_ns,
		.min_seq = g->units[0].stats.min_seq,
		.max_seq = g->max_seq,
		.late_min = INT64_MAX,
		.late_max = INT64_MIN,
	};
	for (int32_t i = 0; i < g->count; i++) {
		const SegmentStats *of = &g->units[i].stats;
		stats.late_min = of->late_min < stats.late_min ? of->late_min : stats.late_min;
		stats.late_max = of->late_max > stats.late_max ? of->late_max : stats.late_max;
	}
	bool older = false;
	for (const Unit *u = g->c->units; u < g->units; u++)
		older |= u->gone < u->stats.rows && u->stats.min_time <= stats.late_max &&
				 u->stats.max_time >= stats.late_min;
	if (!older) {
		stats.late_min = INT64_MAX;
		stats.late_max = INT64_MIN;
	}
	return stats;
}

static Status
build(Group *g, Error *err)
{
	int64_t kept = 0;
	measure(g, &kept);
	if (kept == 0)
		return ST_OK;
	g->refs = mem_alloc_array((size_t)g->piece_rows, sizeof(*g->refs));
	g->ids = mem_alloc_array((size_t)g->piece_rows, sizeof(*g->ids));
	if (g->refs == NULL || g->ids == NULL)
		return error_no_memory(err, "a compaction");
	TRY(link_new(g->c->store, g->c->view->def, &g->link, err));
	TRY(add_rows(g, err));
	SegmentStats stats = describe(g);
	segment_succeed(g->link->segment, &stats);
	return ST_OK;
}

// ---- rows that were deleted meanwhile ----

typedef struct LateRows {
	const bool *gone; // of the unit's rows: they are not in the new segment
	int64_t next;     // the place there of the next row that is
	Buf places;
} LateRows;

static void
late_rows_close(LateRows *late)
{
	buf_close(&late->places);
}

static Status
note_dead(void *arg, const SegmentPart *part, Error *err)
{
	LateRows *late = arg;
	for (int64_t row = 0; row < part->rows; row++) {
		if (late->gone[part->first_row + row])
			continue;
		if (!part_is_live(part, row))
			buf_add(&late->places, &(uint32_t){(uint32_t)late->next}, sizeof(uint32_t));
		late->next++;
	}
	return buf_status(&late->places, err, "a compaction");
}

// With the rewrite lock every deletion that was applied is published: no reader to come is behind
// it.
static Status
take_late_deletions(Group *g, Error *err)
{
	SCOPED(late_rows_close) LateRows late = {.places = BUF_INIT};
	uint64_t newest = 0;
	for (int32_t i = 0; i < g->count; i++) {
		const Unit *unit = &g->units[i];
		uint64_t seq = segment_newest_deletion(unit->segment);
		late.gone = g->c->gone + unit->first_row;
		if (unit->loaded && seq != unit->deletion)
			TRY(segment_each(unit->segment, UINT64_MAX, INT64_MIN, INT64_MAX, note_dead, &late,
							 err));
		else
			late.next += unit->stats.rows - unit->gone;
		newest = seq > newest ? seq : newest;
	}
	const uint32_t *rows = (const uint32_t *)(const void *)late.places.data;
	int64_t count = (int64_t)(late.places.len / sizeof(*rows));
	TRY(segment_make_room(g->link->segment, rows, count, err));
	segment_delete(g->link->segment, rows, count, newest);
	return ST_OK;
}

// ---- publication ----

// The place of the group's first segment in the table's chain; it ends with NULL if the table was
// truncated or dropped.
static Link **
find_first_locked(const Group *g)
{
	Link **at = &g->c->view->table->oldest;
	while (*at != NULL && (*at)->segment != g->units[0].segment)
		at = &(*at)->next;
	return at;
}

// In one step readers lose the old ones and get the new one. The old ones; NULL: they are gone.
static Link *
swap_in(Group *g)
{
	Table *table = g->c->view->table;
	pthread_mutex_lock(&g->c->store->lock);
	Link **at = find_first_locked(g), **end = at;
	Link *gone = *at;
	for (int32_t i = 0; gone != NULL && i < g->count; i++) {
		must((*end)->segment == g->units[i].segment); // they go together, or not at all
		end = &(*end)->next;
	}
	if (gone != NULL) {
		Link **last = g->link != NULL ? &g->link->next : at;
		Link *rest = TAKE(*end);
		if (g->link != NULL)
			*at = TAKE(g->link);
		*last = rest;
		if (table->tail == end)
			table->tail = last;
	}
	pthread_mutex_unlock(&g->c->store->lock);
	return gone;
}

static Status
publish(Group *g, Error *err)
{
	bool expired = false;
	for (int32_t i = 0; i < g->count; i++)
		expired |= g->units[i].expired;
	// A longer ttl opens no holes.
	if (expired)
		TRY(table_forget_before(g->c->view->table, g->c->view->visible_from, err));
	if (g->link != NULL)
		TRY(take_late_deletions(g, err));
	Link *gone = swap_in(g);
	for (Link *next; gone != NULL; gone = next) {
		next = gone->next;
		link_free(gone);
		g->c->report->segments++;
	}
	return ST_OK;
}

// What only the look at them still holds.
static void
let_go(Compaction *c, int32_t from, int32_t to)
{
	for (int32_t u = from; u < to; u++) {
		Unit *unit = &c->units[u];
		c->report->rows += unit->gone;
		for (int32_t p = unit->first_part; unit->loaded && p < unit->end_part; p++)
			batch_unref(TAKE(c->rows.batches[p]));
		segment_unref(TAKE(c->view->segments[u]));
	}
}

Status
compact_group(Compaction *c, int32_t from, int32_t to, Error *err)
{
	SCOPED(group_close)
	Group g = {.c = c, .units = &c->units[from], .count = to - from, .first_part = -1};
	TRY(build(&g, err));
	table_rewrite_lock(c->view->table);
	Status st = publish(&g, err);
	table_rewrite_unlock(c->view->table);
	TRY(st);
	let_go(c, from, to);
	return ST_OK;
}
