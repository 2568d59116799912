// compact.c - which segments of a store in memory give way to smaller ones.
//
// What is deleted is known of each segment; what has expired is guessed from its times until it is
// looked at. What was replaced by key is found by sorting the keys of all segments that may have
// some twice, so that is done when a table has grown by half since it was done last.

#include "base/mem.h"
#include "base/timeval.h"
#include "store/compact_int.h"
#include "store/retention.h"

enum {
	MUCH = 4,    // a segment gives way if one in so many of its rows goes,
	LITTLE = 16, // and when memory is short,
	GROWTH = 64, // as a table is looked at that has grown by one in so many bytes
	SMALL = 8,   // of the size of a full segment: it goes with its neighbours,
	MANY = 8,    // and if it has so many like it
};
static const int64_t REST_NS = INT64_C(10000000000); // after a wrong guess; less if memory is short

// ---- about ----

// All of them only if it is sure; `guess`: with those that may have expired.
static int64_t
about_gone(const Segment *seg, const SegmentStats *stats, const TableView *view, uint64_t seq,
		   bool guess)
{
	int64_t from = view->visible_from, dead = segment_dead_rows(seg, seq);
	bool timed = stats->min_time <= stats->max_time;
	if (dead == stats->rows || (timed && stats->max_time < from))
		return stats->rows;
	if (guess && timed && stats->min_time < from) {
		double length = (double)stats->max_time - (double)stats->min_time + 1;
		double expired = ((double)from - (double)stats->min_time) / length;
		dead += (int64_t)(expired * (double)stats->rows);
	}
	return dead < stats->rows ? dead : stats->rows - 1;
}

static bool
is_wasteful(int64_t gone, int64_t rows, bool hard)
{
	return gone > 0 && gone >= rows / (hard ? LITTLE : MUCH);
}

static bool
has_late(const SegmentStats *stats)
{
	return stats->late_min <= stats->late_max;
}

static bool
is_settled(const SegmentStats *stats, uint64_t seq)
{
	return stats->status == SEGMENT_SEALED && stats->max_seq <= seq;
}

static uint64_t
settled_bytes(Table *table)
{
	uint64_t bytes = 0;
	pthread_mutex_lock(&table->store->lock);
	for (const Link *link = table->oldest; link != NULL; link = link->next) {
		SegmentStats stats = segment_stats(link->segment);
		bytes += is_settled(&stats, table->store->published_seq) ? stats.bytes : 0;
	}
	pthread_mutex_unlock(&table->store->lock);
	return bytes;
}

static bool
is_worth_a_look(const TableView *view, uint64_t seq, int64_t now_ns, bool hard)
{
	const Table *table = view->table;
	int64_t looked_ns = table->looked_ns;
	int64_t rest_ns = hard ? REST_NS / 10 : REST_NS;
	bool rested = looked_ns == 0 || now_ns < looked_ns || now_ns - looked_ns >= rest_ns;
	bool late = false, wasteful = false;
	for (int32_t i = 0; i < view->segment_count && !wasteful; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		if (!is_settled(&stats, seq))
			break;
		int64_t gone = about_gone(view->segments[i], &stats, view, seq, rested);
		wasteful = is_wasteful(gone, stats.rows, hard);
		late |= has_late(&stats);
	}
	if (wasteful || !late)
		return wasteful;
	uint64_t bytes = settled_bytes(view->table), looked = table->looked_bytes;
	return bytes > looked + (hard ? bytes / GROWTH : looked / 2);
}

// ---- the rows of one table ----

static void
compaction_close(Compaction *c)
{
	sorting_close(&c->rows);
	shape_unref(c->shape);
	mem_free(c->units);
	mem_free(c->gone);
}

static void
list_units(Compaction *c, uint64_t seq)
{
	for (int32_t i = 0; i < c->view->segment_count; i++) {
		Unit *unit = &c->units[i];
		unit->segment = c->view->segments[i];
		unit->stats = segment_stats(unit->segment);
		if (!is_settled(&unit->stats, seq))
			return;
		unit->gone = about_gone(unit->segment, &unit->stats, c->view, seq, true);
		unit->expired = unit->stats.min_time < c->view->visible_from;
		c->count++;
	}
}

static bool
is_small(const Compaction *c, const Unit *unit)
{
	return unit->stats.bytes < c->store->options.segment_bytes / SMALL;
}

// The times at which keys may be twice.
static void
late_span(const Compaction *c, int64_t *min, int64_t *max)
{
	*min = INT64_MAX;
	*max = INT64_MIN;
	for (int32_t i = 0; i < c->count; i++) {
		const SegmentStats *stats = &c->units[i].stats;
		*min = stats->late_min < *min ? stats->late_min : *min;
		*max = stats->late_max > *max ? stats->late_max : *max;
	}
}

// Those that may have something to give, or go with one that has. An order numbers its rows with 32
// bits: a segment that would be over may wait. Rows that its rows replace are kept until then, and
// those that are replaced are so by what stays.
static Status
load_units(Compaction *c, Error *err)
{
	int64_t late_min, late_max;
	late_span(c, &late_min, &late_max);
	for (int32_t i = 0; i < c->count; i++) {
		Unit *unit = &c->units[i];
		const SegmentStats *stats = &unit->stats;
		bool twice = stats->min_time <= late_max && stats->max_time >= late_min;
		bool some = twice || unit->gone > 0 || is_small(c, unit);
		if (!some || unit->gone == stats->rows || c->rows.rows + stats->rows > UINT32_MAX)
			continue;
		unit->deletion = segment_newest_deletion(unit->segment);
		unit->first_part = c->rows.count;
		unit->first_row = c->rows.rows;
		TRY(sorting_add(&c->rows, unit->segment, err));
		unit->end_part = c->rows.count;
		unit->loaded = true;
	}
	c->gone = mem_alloc((size_t)c->rows.rows + 1);
	return c->gone != NULL ? ST_OK : error_no_memory(err, "a compaction");
}

// ---- what goes ----

static void
mark_part(Compaction *c, Unit *unit, int32_t p)
{
	const SegmentPart *part = &c->rows.parts[p];
	bool *gone = c->gone + unit->first_row + part->first_row;
	const TableDef *def = c->view->def;
	const int64_t *times = NULL;
	int64_t ns = table_order_unit_ns(def);
	if (unit->expired && table_time_column(def) >= 0)
		times = (const void *)batch_column(c->rows.batches[p], table_time_column(def))->values.data;
	for (int64_t row = 0; row < part->rows; row++)
		gone[row] =
			!part_is_live(part, row) ||
			(times != NULL && time_scale_saturating(times[row], ns, 1) < c->view->visible_from);
}

static Status
mark_replaced(Compaction *c, Error *err)
{
	int64_t late_min, late_max;
	late_span(c, &late_min, &late_max);
	if (!table_replaces(c->view->def) || late_min > late_max)
		return ST_OK;
	SCOPED(mem_drop)
	uint32_t *order = mem_alloc_array((size_t)c->rows.rows + 1, sizeof(*order));
	if (order == NULL)
		return error_no_memory(err, "a compaction");
	TRY(sorting_ask_replaced(&c->rows, err));
	TRY(sorting_order(&c->rows, order, err));
	for (int64_t i = 0; i < c->rows.rows; i++)
		c->gone[order[i]] |= c->rows.replaced[i];
	return ST_OK;
}

static Status
mark_gone(Compaction *c, Error *err)
{
	for (int32_t i = 0; i < c->count; i++) {
		Unit *unit = &c->units[i];
		for (int32_t p = unit->first_part; unit->loaded && p < unit->end_part; p++)
			mark_part(c, unit, p);
	}
	TRY(mark_replaced(c, err));
	for (int32_t i = 0; i < c->count; i++) {
		Unit *unit = &c->units[i];
		if (!unit->loaded)
			continue;
		unit->gone = 0;
		for (int64_t row = 0; row < unit->stats.rows; row++)
			unit->gone += c->gone[unit->first_row + row];
	}
	return ST_OK;
}

// ---- groups ----

static uint64_t
kept_bytes(const Unit *unit)
{
	double part = (double)(unit->stats.rows - unit->gone) / (double)unit->stats.rows;
	return (uint64_t)(part * (double)unit->stats.bytes);
}

static bool
goes_whole(const Unit *unit)
{
	return unit->gone == unit->stats.rows;
}

static bool
may_go(const Compaction *c, const Unit *unit, bool hard)
{
	return unit->loaded && (is_small(c, unit) || is_wasteful(unit->gone, unit->stats.rows, hard));
}

// Where the neighbours end that become one segment, or none; *worth says whether they should. Those
// of which nothing is left go by themselves: nothing is copied.
static int32_t
group_end(const Compaction *c, int32_t from, bool hard, bool *worth)
{
	uint64_t bytes = 0;
	int32_t to = from;
	*worth = goes_whole(&c->units[from]);
	while (*worth && to < c->count && goes_whole(&c->units[to]))
		to++;
	if (*worth)
		return to;
	for (; to < c->count && may_go(c, &c->units[to], hard) && !goes_whole(&c->units[to]); to++) {
		const Unit *unit = &c->units[to];
		bytes += kept_bytes(unit);
		if (to > from && bytes > c->store->options.segment_bytes)
			break;
		*worth |= is_wasteful(unit->gone, unit->stats.rows, hard);
	}
	*worth |= to - from >= MANY;
	return to > from ? to : from + 1;
}

static Status
compact_groups(Compaction *c, bool hard, Error *err)
{
	for (int32_t from = 0, to; from < c->count; from = to) {
		bool worth;
		to = group_end(c, from, hard, &worth);
		if (worth)
			TRY(compact_group(c, from, to, err));
	}
	return ST_OK;
}

// ---- tables ----

static Status
compact_view(Compaction *c, uint64_t seq, bool hard, Error *err)
{
	c->units = mem_alloc_array((size_t)c->view->segment_count + 1, sizeof(Unit));
	if (c->units == NULL)
		return error_no_memory(err, "a compaction");
	TRY(shape_new(0, c->view->def, table_schema(c->view->def), &c->shape, err));
	list_units(c, seq);
	TRY(load_units(c, err));
	TRY(mark_gone(c, err));
	return compact_groups(c, hard, err);
}

static Status
compact_table(Store *store, Table *table, int64_t now_ns, bool hard, CompactReport *out, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot_at(store, &table, 1, now_ns, &snapshot, err));
	TableView *view = &snapshot->tables[0];
	SCOPED(compaction_close)
	Compaction c = {.store = store,
					.view = view,
					.rows = {.def = view->def,
							 .series = table->series,
							 .pool = store->options.pool,
							 .with_ids = true},
					.report = out};
	int64_t before = out->segments;
	TRY(compact_view(&c, snapshot->seq, hard, err));
	table->looked_bytes = settled_bytes(table);
	table->looked_ns = out->segments == before ? now_ns : 0;
	return ST_OK;
}

// References of the tables to look at; the caller frees them.
static Status
list_tables(Store *store, int64_t now_ns, bool hard, Table ***out, int32_t *count, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot_at(store, NULL, 0, now_ns, &snapshot, err));
	Table **tables = mem_alloc_array((size_t)snapshot->table_count + 1, sizeof(*tables));
	if (tables == NULL)
		return error_no_memory(err, "a compaction");
	*count = 0;
	for (int32_t i = 0; i < snapshot->table_count; i++)
		if (is_worth_a_look(&snapshot->tables[i], snapshot->seq, now_ns, hard))
			tables[(*count)++] = table_ref(snapshot->tables[i].table);
	*out = tables;
	return ST_OK;
}

Status
store_compact_memory(Store *store, int64_t now_ns, bool hard, CompactReport *out, Error *err)
{
	must(store->options.dir == NULL); // a log would name rows by their commits
	SCOPED(mem_drop) Table **tables = NULL;
	int32_t count;
	*out = (CompactReport){0};
	TRY(list_tables(store, now_ns, hard, &tables, &count, err));
	Status st = ST_OK;
	for (int32_t i = 0; i < count; i++) {
		Status one = compact_table(store, tables[i], now_ns, hard, out, err);
		st = one != ST_OK ? one : st; // the others are not held up by it
		table_unref(tables[i]);
	}
	return st;
}

// ---- sealing ----

static bool
should_seal(Store *store, Table *table, uint64_t least_bytes, int64_t now_ns)
{
	pthread_mutex_lock(&store->lock);
	Link *link = table_growing_locked(table);
	Segment *seg = link != NULL ? link->segment : NULL; // this thread alone takes it away
	pthread_mutex_unlock(&store->lock);
	SegmentStats stats = seg != NULL ? segment_stats(seg) : (SegmentStats){0};
	if (stats.rows == 0 || stats.bytes < least_bytes)
		return false;
	TableView view = {.visible_from = table_visible_from(table, now_ns)};
	int64_t gone = about_gone(seg, &stats, &view, UINT64_MAX, true);
	return is_wasteful(gone, stats.rows, true) || (table_replaces(table->def) && has_late(&stats));
}

void
store_seal_wasteful(Store *store, uint64_t least_bytes, int64_t now_ns)
{
	// Only this thread adds and removes tables.
	for (int i = 0; i < TABLE_BUCKETS; i++)
		for (Table *t = store->by_id[i]; t != NULL; t = t->next_by_id)
			if (should_seal(store, t, least_bytes, now_ns))
				store_seal(store, t, 0);
}
