// newest_keep.c - what the keeper does: newest rows that were worked out from history are entered,
// and those that only newest rows keep in memory are gathered.

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/timeval.h"
#include "live/newest_int.h"

enum {
	ENTER_AT_ONCE = 4096, // rows for which the lock is held
	GATHER_ROWS = 16384,  // of one batch
};

// ---- settling ----

bool
newest_rows_wanted(NewestRows *all, Table *table, uint64_t *generation, Buf *where)
{
	NewestTable *t = newest_table_find(table);
	if (t == NULL)
		return false;
	pthread_mutex_lock(&all->lock);
	bool hit = t->state == NEWEST_KNOWN && t->hits != NULL;
	bool wanted = (t->state == NEWEST_DOUBT && t->wanted) || hit;
	*generation = t->generation;
	buf_reset(where);
	if (hit)
		newest_hits_add_where_locked(t, where);
	NewestHits *over = newest_hits_take_over_locked(t);
	pthread_mutex_unlock(&all->lock);
	newest_hits_free_all(over);
	return wanted;
}

// A batch of rows on their way to their slots.
typedef struct Entering {
	NewestTable *t;
	uint64_t generation;
	NewestSource *source;
	const uint32_t *ids;
	const int64_t *times; // ns
} Entering;

static void
enter_some(const Entering *e, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		NewestSlot *slot = newest_slot_locked(e->t, e->ids[i]);
		// A row that was put meanwhile may be this one; else it came later.
		if (slot->source == NULL || e->times[i] > slot->time)
			*slot = (NewestSlot){e->times[i], e->source, (uint32_t)i};
	}
}

static void
enter_all(Entering *e, NewestSource **source, int64_t rows)
{
	NewestTable *t = e->t;
	for (int64_t from = 0; from < rows; from += ENTER_AT_ONCE) {
		pthread_mutex_lock(&t->all->lock);
		bool same = t->state != NEWEST_OFF && t->generation == e->generation;
		if (same && *source != NULL) {
			e->source = TAKE(*source);
			e->source->next = t->sources;
			t->sources = e->source;
			t->gathered_bytes += batch_held_bytes(e->source->batch);
		}
		if (same)
			enter_some(e, from, from + ENTER_AT_ONCE < rows ? from + ENTER_AT_ONCE : rows);
		pthread_mutex_unlock(&t->all->lock);
	}
}

Status
newest_times_of(const TableDef *def, const Shape *shape, const Batch *batch, int64_t *out,
				Error *err)
{
	int32_t column = table_time_column(def);
	int32_t at = shape_column_of(shape, table_column_id(def, column));
	if (at < 0)
		return error_set(err, ST_INTERNAL, "newest rows have no time");
	const Type *type = &schema_field(shape_schema(shape), at)->type;
	int64_t unit = type->id == TYPE_TIMESTAMP ? time_unit_ns(type->unit) : 1;
	const uint8_t *values = batch_column(batch, at)->values.data;
	for (int64_t i = 0; i < batch_rows(batch); i++) {
		memcpy(&out[i], values + 8 * i, 8);
		out[i] = time_scale_saturating(out[i], unit, 1);
	}
	return ST_OK;
}

static void
turn_off(NewestTable *t, const char *why)
{
	pthread_mutex_lock(&t->all->lock);
	newest_turn_off_locked(t, why);
	Retired *free = newest_collect_locked(t);
	pthread_mutex_unlock(&t->all->lock);
	newest_free_retired(t->all, free);
}

// Also of what it has already: a batch is gathered anew before the old one goes.
static bool
charge(NewestTable *t, const Batch *batch)
{
	if (newest_charge(t->all, batch_held_bytes(batch)))
		return true;
	turn_off(t, "rtdb.limit");
	return false;
}

Status
newest_source_gathered(Shape *shape, Batch *batch, NewestSource **out, Error *err)
{
	TRY(newest_source_new(shape, out, err));
	(*out)->batch = batch_ref(batch);
	(*out)->gathered = true;
	return ST_OK;
}

Status
newest_rows_settle(NewestRows *all, Table *table, uint64_t generation, Shape *shape, Batch *batch,
				   Error *err)
{
	NewestTable *t = newest_table_find(table);
	int64_t rows = batch_rows(batch);
	if (t == NULL || rows == 0)
		return ST_OK;
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)rows, sizeof(*ids));
	SCOPED(mem_drop) int64_t *times = mem_alloc_array((size_t)rows, sizeof(*times));
	if (ids == NULL || times == NULL)
		return error_no_memory(err, "newest rows");
	bool on = true;
	TRY(series_map_batch(table_series(table), def, shape, batch, ids, &on, err));
	if (!on) {
		turn_off(t, "too many series");
		return ST_OK;
	}
	TRY(newest_times_of(def, shape, batch, times, err));
	Status st = newest_table_make_room(t, series_count(table_series(table)), err);
	if (st == ST_LIMIT || (st == ST_OK && !charge(t, batch))) {
		turn_off(t, "rtdb.limit");
		return ST_OK;
	}
	TRY(st);
	NewestSource *source = NULL;
	st = newest_source_gathered(shape, batch, &source, err);
	if (st != ST_OK) {
		newest_release(all, batch_held_bytes(batch));
		return st;
	}
	Entering e = {.t = t, .generation = generation, .ids = ids, .times = times};
	enter_all(&e, &source, rows);
	newest_source_free(all, source);
	return ST_OK;
}

bool
newest_rows_settled(NewestRows *all, Table *table, uint64_t generation)
{
	NewestTable *t = newest_table_find(table);
	if (t == NULL)
		return true;
	pthread_mutex_lock(&all->lock);
	bool same = t->generation == generation;
	if (same && t->state == NEWEST_DOUBT)
		t->state = NEWEST_KNOWN;
	if (same) {
		newest_hits_end_locked(t);
		t->wanted = false;
		pthread_cond_broadcast(&all->settled);
	}
	pthread_mutex_unlock(&all->lock);
	return same;
}

// ---- tidying ----

// Slots whose rows move.
typedef struct Moving {
	uint32_t series;
	uint32_t row; // as it was
	NewestSource *from;
} Moving;

typedef struct Tidy {
	NewestTable *t;
	NewestView *view;
	Moving *list; // of one shape after another
	int64_t count;
} Tidy;

static void
tidy_close(Tidy *tidy)
{
	newest_view_release(tidy->view);
	mem_free(tidy->list);
}

// Those no segment holds are due, and one of its own that is mostly old rows. False: none is.
static bool
mark_flushed_locked(NewestTable *t)
{
	uint64_t flushed = store_flushed_seq(t->table);
	bool any = false;
	for (NewestSource *source = t->sources; source != NULL; source = source->next) {
		source->due = !source->gathered && source->seq <= flushed;
		source->used = 0;
		any |= source->due;
	}
	return any;
}

static const NewestSlot *
view_slot(const NewestView *view, uint32_t series)
{
	const NewestPage *page = view->pages[series / PAGE_SLOTS];
	const NewestSlot *slot = &page->slots[series % PAGE_SLOTS];
	return page->epoch == view->epoch && slot->source != NULL ? slot : NULL;
}

// Counts what is used of each source; marks the gathered ones that hold little of use.
static void
count_used(Tidy *tidy)
{
	const NewestView *view = tidy->view;
	for (uint32_t series = 0; series < newest_view_series(view); series++) {
		const NewestSlot *slot = view_slot(view, series);
		if (slot != NULL)
			slot->source->used++;
	}
	// Its list is changed by others than the keeper only at the front, or as a whole.
	pthread_mutex_lock(&tidy->t->all->lock);
	bool same = tidy->t->generation == view->generation;
	for (NewestSource *s = tidy->t->sources; same && s != NULL; s = s->next) {
		if (s->gathered && 2 * s->used < batch_rows(s->batch))
			s->due = true;
		if (s->due)
			tidy->count += s->used;
	}
	pthread_mutex_unlock(&tidy->t->all->lock);
}

static int
by_shape(const void *a, const void *b)
{
	const Moving *x = a, *y = b;
	uintptr_t p = (uintptr_t)x->from->shape, q = (uintptr_t)y->from->shape;
	return p != q ? (p < q ? -1 : 1) : (x->series > y->series) - (x->series < y->series);
}

static Status
list_moving(Tidy *tidy, Error *err)
{
	int64_t room = tidy->count, count = 0;
	tidy->list = mem_alloc_array((size_t)room + 1, sizeof(Moving));
	if (tidy->list == NULL)
		return error_no_memory(err, "newest rows");
	bool alike = true;
	for (uint32_t series = 0; series < newest_view_series(tidy->view) && count < room; series++) {
		const NewestSlot *slot = view_slot(tidy->view, series);
		if (slot == NULL || !slot->source->due)
			continue;
		tidy->list[count++] = (Moving){series, slot->row, slot->source};
		alike &= slot->source->shape == tidy->list[0].from->shape;
	}
	tidy->count = count;
	if (!alike)
		qsort(tidy->list, (size_t)count, sizeof(Moving), by_shape);
	return ST_OK;
}

// The batches of the rows, each once, and where in them each row is.
static void
refer(const Moving *list, int64_t count, Batch **batches, RowRef *order)
{
	uint32_t used = 0;
	for (int64_t i = 0; i < count; i++) {
		NewestSource *source = list[i].from;
		if (source->gather != order) {
			source->gather = order;
			source->number = used;
			batches[used++] = source->batch;
		}
		order[i] = (RowRef){source->number, list[i].row};
	}
	for (int64_t i = 0; i < count; i++)
		list[i].from->gather = NULL;
}

static Status
gather(const Moving *list, int64_t count, Batch **out, Error *err)
{
	SCOPED(mem_drop) Batch **batches = mem_alloc_array((size_t)count, sizeof(Batch *));
	SCOPED(mem_drop) RowRef *order = mem_alloc_array((size_t)count, sizeof(*order));
	if (batches == NULL || order == NULL)
		return error_no_memory(err, "newest rows");
	refer(list, count, batches, order);
	return batch_gather(batches, order, count, shape_schema(list[0].from->shape), NULL, out, err);
}

static void
move_some_locked(Tidy *tidy, const Moving *list, int64_t from, int64_t to, NewestSource *source)
{
	for (int64_t i = from; i < to; i++) {
		const Moving *m = &list[i];
		const NewestPage *page = tidy->t->pages[m->series / PAGE_SLOTS];
		const NewestSlot *now = &page->slots[m->series % PAGE_SLOTS];
		if (now->source != m->from || now->row != m->row)
			continue;
		NewestSlot *slot = newest_slot_locked(tidy->t, m->series);
		*slot = (NewestSlot){slot->time, source, (uint32_t)i};
	}
}

// False: the table is another than it was.
static bool
move(Tidy *tidy, const Moving *list, int64_t count, NewestSource **source)
{
	NewestTable *t = tidy->t;
	NewestSource *to = *source;
	bool same = true;
	for (int64_t from = 0; from < count && same; from += ENTER_AT_ONCE) {
		pthread_mutex_lock(&t->all->lock);
		same = t->generation == tidy->view->generation;
		if (same && *source != NULL) {
			to->next = t->sources;
			t->sources = TAKE(*source);
			t->gathered_bytes += batch_held_bytes(to->batch);
		}
		if (same)
			move_some_locked(tidy, list, from,
							 from + ENTER_AT_ONCE < count ? from + ENTER_AT_ONCE : count, to);
		pthread_mutex_unlock(&t->all->lock);
	}
	return same;
}

static Status
gather_moving(Tidy *tidy, bool *same, Error *err)
{
	NewestRows *all = tidy->t->all;
	*same = true;
	for (int64_t from = 0, to; from < tidy->count && *same; from = to) {
		const Moving *list = tidy->list + from;
		for (to = from; to < tidy->count && to - from < GATHER_ROWS &&
						tidy->list[to].from->shape == list[0].from->shape;)
			to++;
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(gather(list, to - from, &batch, err));
		*same = charge(tidy->t, batch);
		if (!*same)
			return ST_OK;
		NewestSource *source = NULL;
		Status st = newest_source_gathered(list[0].from->shape, batch, &source, err);
		if (st != ST_OK)
			newest_release(all, batch_held_bytes(batch));
		TRY(st);
		*same = move(tidy, list, to - from, &source);
		newest_source_free(all, source);
	}
	return ST_OK;
}

// No slot points into them any more.
static void
retire_due(Tidy *tidy)
{
	NewestTable *t = tidy->t;
	pthread_mutex_lock(&t->all->lock);
	bool same = t->generation == tidy->view->generation;
	for (NewestSource **at = &t->sources, *source; same && (source = *at) != NULL;) {
		if (!source->due) {
			at = &source->next;
			continue;
		}
		*at = source->next;
		if (t->last == source)
			t->last = NULL;
		t->gathered_bytes -= source->gathered ? batch_held_bytes(source->batch) : 0;
		newest_retire_locked(t, &source->retired);
	}
	pthread_mutex_unlock(&t->all->lock);
}

Status
newest_rows_tidy(NewestRows *all, Table *table, Error *err)
{
	NewestTable *t = newest_table_find(table);
	if (t == NULL)
		return ST_OK;
	SCOPED(tidy_close) Tidy tidy = {.t = t};
	pthread_mutex_lock(&all->lock);
	bool due = mark_flushed_locked(t);
	Retired *free = newest_collect_locked(t);
	Status st = due ? newest_view_new_locked(t, &tidy.view, err) : ST_OK;
	pthread_mutex_unlock(&all->lock);
	newest_free_retired(all, free);
	if (!due || st != ST_OK)
		return st;
	count_used(&tidy);
	TRY(list_moving(&tidy, err));
	bool same = true;
	TRY(gather_moving(&tidy, &same, err));
	if (same)
		retire_due(&tidy);
	return ST_OK;
}
