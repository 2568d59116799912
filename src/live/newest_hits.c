// newest_hits.c - series whose newest rows were deleted: their slots are empty, but for what was
// put since, until the keeper has asked history for the rows that are left of them.

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "live/newest_int.h"

enum { MOST_HITS = 200, MOST_SECONDS = 1 };

struct NewestHits {
	NewestHits *next;
	Buf where; // which rows have these series' tags, as a condition of SQL
	uint32_t count;
	uint32_t series[MOST_HITS];
};

void
newest_hits_free(NewestHits *hits)
{
	if (hits == NULL)
		return;
	buf_close(&hits->where);
	mem_free(hits);
}

void
newest_hits_free_all(NewestHits *list)
{
	for (NewestHits *next; list != NULL; list = next) {
		next = list->next;
		newest_hits_free(list);
	}
}

// ---- conditions ----

static bool
add_integer(const Column *column, uint32_t row, const Type *type, Buf *out)
{
	int64_t value = 0;
	int32_t narrow;
	if (type->id == TYPE_INT64) {
		memcpy(&value, column->values.data + 8 * (size_t)row, 8);
	} else if (type->id == TYPE_INT32) {
		memcpy(&narrow, column->values.data + 4 * (size_t)row, 4);
		value = narrow;
	}
	buf_add_printf(out, " = %" PRId64, value);
	return (type->id == TYPE_INT64 || type->id == TYPE_INT32) && value != INT64_MIN;
}

static void
add_text(const Column *column, uint32_t row, Buf *out)
{
	int32_t ends[2];
	memcpy(ends, column->offsets.data + 4 * (size_t)row, sizeof(ends));
	buf_add_text(out, " = ");
	text_quote(out, slice_of(column->values.data + ends[0], (size_t)(ends[1] - ends[0])), '\'');
}

// False: a value of another type.
static bool
add_tag(const TableDef *def, int32_t tag, const NewestRow *row, Buf *out)
{
	int32_t column = table_tag_column(def, tag);
	int32_t at = shape_column_of(row->shape, table_column_id(def, column));
	text_quote(out, slice_text(schema_field(table_schema(def), column)->name), '"');
	if (at < 0 || !column_valid(batch_column(row->batch, at), row->row)) {
		buf_add_text(out, " IS NULL");
		return true;
	}
	const Type *type = &schema_field(shape_schema(row->shape), at)->type;
	if (type->id == TYPE_UTF8) {
		add_text(batch_column(row->batch, at), row->row, out);
		return true;
	}
	return add_integer(batch_column(row->batch, at), row->row, type, out);
}

static bool
add_series(const TableDef *def, uint32_t series, const NewestRow *row, NewestHits *hits)
{
	bool known = hits->count < MOST_HITS;
	if (!known)
		return false;
	buf_add_text(&hits->where, hits->count > 0 ? " OR (" : "(");
	for (int32_t i = 0; i < table_tag_count(def) && known; i++) {
		buf_add_text(&hits->where, i > 0 ? " AND " : "");
		known = add_tag(def, i, row, &hits->where);
	}
	buf_add_byte(&hits->where, ')');
	hits->series[hits->count++] = series;
	return known;
}

// ---- finding ----

// While series are hit already what they have is not known.
static void
wait_for_keeper_locked(NewestRows *all, const NewestTable *t)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += MOST_SECONDS;
	int waited = 0;
	while (t->hits != NULL && waited == 0)
		waited = pthread_cond_timedwait(&all->settled, &all->lock, &until);
}

static NewestView *
view_of_known(NewestRows *all, Table *table)
{
	NewestTable *t = newest_table_find(table);
	NewestView *view = NULL;
	pthread_mutex_lock(&all->lock);
	if (t != NULL)
		wait_for_keeper_locked(all, t);
	if (t != NULL && newest_is_known_locked(t))
		(void)newest_view_new_locked(t, &view, NULL); // without memory nobody knows
	pthread_mutex_unlock(&all->lock);
	return view;
}

static bool
is_listed(const NewestHits *hits, uint32_t series)
{
	bool listed = false;
	for (uint32_t i = 0; i < hits->count && !listed; i++)
		listed = hits->series[i] == series;
	return listed;
}

static bool
find(const NewestView *view, const TableDef *def, const NewestKey *keys, int64_t count,
	 NewestHits *hits)
{
	bool known = true;
	for (int64_t i = 0; i < count && known; i++) {
		NewestRow row;
		known = keys[i].series != NO_SERIES;
		if (known && newest_view_at(view, keys[i].series, &row) && keys[i].time >= row.time &&
			!is_listed(hits, keys[i].series))
			known = add_series(def, keys[i].series, &row, hits);
	}
	return known && !hits->where.failed && newest_view_check(view, NULL) == ST_OK;
}

bool
newest_hits_find(NewestRows *all, Table *table, const NewestKey *keys, int64_t count,
				 NewestHits **out)
{
	*out = NULL;
	NewestHits *hits = mem_alloc(sizeof(*hits));
	NewestView *view = hits != NULL ? view_of_known(all, table) : NULL;
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	bool known = view != NULL && find(view, def, keys, count, hits);
	newest_view_release(view);
	// Without tags history would be asked for all of its rows.
	known = known && (hits->count == 0 || table_tag_count(def) > 0);
	if (known && hits->count > 0)
		*out = TAKE(hits);
	newest_hits_free(hits);
	return known;
}

// ---- of a table ----

void
newest_hits_enter_locked(NewestTable *t, NewestHits *hits)
{
	for (uint32_t i = 0; i < hits->count; i++)
		*newest_slot_locked(t, hits->series[i]) = (NewestSlot){0};
	hits->next = t->hits;
	t->hits = hits;
	t->generation++;
}

void
newest_hits_end_locked(NewestTable *t)
{
	for (NewestHits *next; t->hits != NULL; t->hits = next) {
		next = t->hits->next;
		t->hits->next = t->over;
		t->over = t->hits;
	}
}

NewestHits *
newest_hits_take_over_locked(NewestTable *t)
{
	return TAKE(t->over);
}

void
newest_hits_add_where_locked(const NewestTable *t, Buf *out)
{
	for (const NewestHits *hits = t->hits; hits != NULL; hits = hits->next) {
		buf_add_text(out, hits != t->hits ? " OR " : "");
		buf_add_slice(out, buf_slice(&hits->where));
	}
}
