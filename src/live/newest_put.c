// newest_put.c - rows that come: of each series of a batch the one that can be its newest.

#include <string.h>

#include "base/mem.h"
#include "base/timeval.h"
#include "live/newest_int.h"

typedef struct Candidate {
	uint32_t series;
	uint32_t row; // of the batch as it came
	int64_t time;
} Candidate;

struct NewestPut {
	NewestTable *of;      // of a table that the commit holds
	NewestSource *source; // taken if nobody else has one of the batch
	const char *off;      // why the table cannot go on
	bool begins;          // its table was empty before it
	Batch *batch;         // a reference: where the rows lie now, from `first` on
	int64_t first;
	Candidate *list;
	uint32_t count;
};

// ---- candidates ----

// Which of the candidates so far is of a series: open addressing, by the series' number.
typedef struct Known {
	uint32_t *places; // index + 1; 0: none
	uint32_t mask;
} Known;

static uint32_t *
find_place(const Known *known, const Candidate *list, uint32_t series)
{
	uint32_t at = series * UINT32_C(2654435769) & known->mask;
	while (known->places[at] != 0 && list[known->places[at] - 1].series != series)
		at = (at + 1) & known->mask;
	return &known->places[at];
}

static int64_t
time_at(const SegmentRows *rows, int64_t i)
{
	int64_t time;
	memcpy(&time, batch_column(rows->batch, rows->time_column)->values.data + 8 * i, 8);
	return rows->unit_ns == 1 ? time : time_scale_saturating(time, rows->unit_ns, 1);
}

// Rows of one series mostly follow each other, or come once each.
static void
choose(NewestPut *put, const SegmentRows *rows, const Known *known, bool *beyond)
{
	int64_t count = batch_rows(rows->batch);
	Candidate *last = NULL;
	for (int64_t i = 0; i < count; i++) {
		int64_t time = time_at(rows, i);
		*beyond |= rows->unit_ns > 1 && (time == INT64_MAX || time == INT64_MIN);
		if (last == NULL || last->series != rows->ids[i]) {
			uint32_t *place = find_place(known, put->list, rows->ids[i]);
			if (*place == 0) {
				put->list[put->count] = (Candidate){rows->ids[i], (uint32_t)i, time};
				*place = ++put->count;
			}
			last = &put->list[*place - 1];
		}
		if (time >= last->time) {
			last->time = time;
			last->row = (uint32_t)i;
		}
	}
}

static Status
choose_rows(NewestPut *put, const SegmentRows *rows, uint32_t series, Error *err)
{
	// Large blocks that come and go cost more than what is done with them.
	size_t count = (size_t)batch_rows(rows->batch), places = 16;
	count = count < series ? count : series;
	while (places < 2 * count)
		places *= 2;
	SCOPED(mem_drop) uint32_t *list = mem_alloc_array(places, sizeof(*list));
	put->list = mem_alloc_array(count, sizeof(*put->list));
	if (list == NULL || put->list == NULL)
		return error_no_memory(err, "newest rows");
	bool beyond = false;
	choose(put, rows, &(Known){list, (uint32_t)places - 1}, &beyond);
	if (beyond) // which of such times is the greater, nanoseconds do not tell
		put->off = "times beyond the year 2262";
	return ST_OK;
}

static Status
make_room(NewestPut *put, Error *err)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i < put->count; i++)
		most = put->list[i].series >= most ? put->list[i].series + 1 : most;
	Error why = ERROR_INIT;
	Status st = newest_table_make_room(put->of, most, &why);
	if (st == ST_LIMIT) {
		put->off = "rtdb.limit";
		return ST_OK;
	}
	return st == ST_OK ? ST_OK : error_set(err, st, "%s", why.text);
}

// ---- life ----

static void
put_drop(NewestPut **put)
{
	newest_put_free(*put);
}

Status
newest_put_new(NewestRows *all, Table *table, const SegmentInsert *insert, NewestPut **out,
			   Error *err)
{
	SegmentRows rows = segment_insert_look(insert);
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	*out = NULL;
	if (table_time_column(def) < 0 || rows.time_column < 0 || batch_rows(rows.batch) == 0)
		return ST_OK;
	NewestTable *t = NULL;
	TRY(newest_table_make(all, table, &t, err));
	if (atomic_load(&t->off))
		return ST_OK;
	SCOPED(put_drop) NewestPut *put = mem_alloc(sizeof(*put));
	if (put == NULL)
		return error_no_memory(err, "newest rows");
	put->of = t;
	if (rows.ids == NULL) {
		put->off = "too many series";
	} else {
		TRY(choose_rows(put, &rows, series_count(table_series(table)), err));
		TRY(newest_source_new(rows.shape, &put->source, err));
		TRY(make_room(put, err));
	}
	*out = TAKE(put);
	return ST_OK;
}

void
newest_put_free(NewestPut *put)
{
	if (put == NULL)
		return;
	newest_source_free(put->of->all, put->source);
	batch_unref(put->batch);
	mem_free(put->list);
	mem_free(put);
}

// ---- entering ----

void
newest_put_begin(NewestRows *all, Table *table, NewestPut *put)
{
	(void)all;
	NewestTable *t = newest_table_find(table);
	if (t == NULL || t->begun)
		return;
	t->begun = true;
	if (put != NULL)
		put->begins = table_is_empty(table);
}

void
newest_put_place(NewestPut *put, SegmentSpot spot)
{
	if (spot.batch != NULL)
		put->batch = batch_ref(spot.batch);
	put->first = spot.row;
}

// Small batches of one chunk share a source.
static NewestSource *
source_of(NewestPut *put, uint64_t seq)
{
	NewestTable *t = put->of;
	NewestSource *source = t->last;
	if (source == NULL || source->batch != put->batch) {
		source = TAKE(put->source);
		source->batch = TAKE(put->batch);
		source->next = t->sources;
		t->sources = t->last = source;
	}
	source->seq = seq;
	return source;
}

void
newest_put_enter(NewestPut *put, uint64_t seq)
{
	NewestTable *t = put->of;
	if (put->batch == NULL) // its table was dropped before it
		return;
	if (put->off != NULL)
		newest_turn_off_locked(t, put->off);
	if (t->state == NEWEST_OFF)
		return;
	if (put->begins && t->state == NEWEST_DOUBT)
		t->state = NEWEST_KNOWN;
	NewestSource *source = source_of(put, seq);
	for (uint32_t i = 0; i < put->count; i++) {
		const Candidate *c = &put->list[i];
		NewestSlot *slot = newest_slot_locked(t, c->series);
		if (slot->source == NULL || c->time >= slot->time)
			*slot = (NewestSlot){c->time, source, (uint32_t)put->first + c->row};
	}
}
