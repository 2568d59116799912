// newest_source.c - a few newest rows are shown where they lie; many are gathered, and only the
// columns that a statement looks at.

#include "live/newest_source.h"

#include <stdlib.h>

#include "base/mem.h"

enum {
	FEW_ROWS = 64,       // are shown where they lie
	FIRST_PLACES = 1024, // of a gathering's batches
};

// A row that was chosen.
typedef struct Chosen {
	Batch *batch; // borrowed of the view
	Shape *shape;
	uint32_t row;
} Chosen;

// What a scan keeps alive.
typedef struct Held {
	Arena arena;
	Batch **batches;
	int32_t batch_count;
} Held;

typedef struct Reading {
	const NewestView *view;
	const SqlWanted *wanted;
	Held *held;
	Chosen *list;
	int64_t count;
	BatchPart *parts;
	int64_t part_count;
} Reading;

static void
held_free(void *arg)
{
	Held *held = arg;
	if (held == NULL)
		return;
	for (int32_t i = 0; i < held->batch_count; i++)
		batch_unref(held->batches[i]);
	mem_free(held->batches);
	arena_close(&held->arena);
	mem_free(held);
}

DEFINE_DROP(Held, held_drop, held_free)

// ---- which rows ----

// There is room.
static void
choose(Reading *r, uint32_t series)
{
	NewestRow row;
	if (newest_view_at(r->view, series, &row) && row.time >= r->wanted->min_time &&
		row.time <= r->wanted->max_time)
		r->list[r->count++] = (Chosen){row.batch, row.shape, row.row};
}

static Status
make_list(Reading *r, uint32_t series, Error *err)
{
	r->list = mem_resize(NULL, ((size_t)series + 1) * sizeof(*r->list)); // mostly written soon
	return r->list == NULL ? error_no_memory(err, "newest rows") : ST_OK;
}

static Status
choose_one(Reading *r, Error *err)
{
	uint32_t series = NO_SERIES;
	SeriesMap *map = table_series(newest_view_table(r->view));
	TRY(series_find_batch(map, r->wanted->def, r->wanted->tags_shape, r->wanted->tags, &series,
						  err));
	TRY(make_list(r, 1, err));
	if (series != NO_SERIES)
		choose(r, series);
	return ST_OK;
}

static Status
choose_rows(Reading *r, Error *err)
{
	if (r->wanted->tags != NULL)
		return choose_one(r, err);
	TRY(make_list(r, newest_view_series(r->view), err));
	for (uint32_t series = 0; series < newest_view_series(r->view); series++)
		choose(r, series);
	return ST_OK;
}

// ---- as parts of a scan ----

// The wanted columns of a shape: the columns of the definition that are read, MAP_NULL elsewhere.
static int32_t *
map_of(Reading *r, const Shape *shape)
{
	int32_t count = table_column_count(r->wanted->def);
	int32_t *map = arena_array(&r->held->arena, (size_t)count + 1, sizeof(int32_t));
	if (map == NULL)
		return NULL;
	shape_map(shape, r->wanted->def, map);
	for (int32_t i = 0; i < count; i++)
		map[i] = r->wanted->columns[i] ? map[i] : MAP_NULL;
	return map;
}

static Status
hold(Held *held, Batch *batch, int32_t room, Error *err)
{
	if (held->batches == NULL)
		held->batches = mem_alloc_array((size_t)room, sizeof(Batch *));
	if (held->batches == NULL)
		return error_no_memory(err, "newest rows");
	held->batches[held->batch_count++] = batch_ref(batch);
	return ST_OK;
}

static Status
show_few(Reading *r, Error *err)
{
	r->parts = arena_array(&r->held->arena, (size_t)r->count + 1, sizeof(BatchPart));
	for (int64_t i = 0; i < r->count && r->parts != NULL; i++) {
		const Chosen *one = &r->list[i];
		TRY(hold(r->held, one->batch, FEW_ROWS, err));
		BatchPart part = {.batch = one->batch, .from = one->row, .rows = 1};
		part.map = map_of(r, one->shape);
		r->parts[r->part_count++] = part;
	}
	return arena_status(&r->held->arena, err, "newest rows");
}

// ---- many rows ----

static int
by_shape(const void *a, const void *b)
{
	const Chosen *x = a, *y = b;
	uintptr_t p = (uintptr_t)x->shape, q = (uintptr_t)y->shape;
	return (p > q) - (p < q);
}

// The batches of the rows, each once, by open addressing.
typedef struct Places {
	uint32_t *at; // number + 1 in `batches`; 0: none
	size_t room;
	Batch **batches;
	uint32_t count;
} Places;

static void
places_close(Places *places)
{
	mem_free(places->at);
	mem_free(places->batches);
}

static uint32_t *
find_place(const Places *places, const Batch *batch)
{
	size_t at = (size_t)((uintptr_t)batch / 64 * UINT64_C(0x9E3779B97F4A7C15) >> 20);
	for (at &= places->room - 1;
		 places->at[at] != 0 && places->batches[places->at[at] - 1] != batch;)
		at = (at + 1) & (places->room - 1);
	return &places->at[at];
}

static Status
grow_places(Places *places, Error *err)
{
	Places more = {.room = places->room == 0 ? FIRST_PLACES : 2 * places->room};
	more.at = mem_alloc_array(more.room, sizeof(uint32_t));
	more.batches = mem_alloc_array(more.room, sizeof(Batch *));
	if (more.at == NULL || more.batches == NULL) {
		places_close(&more);
		return error_no_memory(err, "newest rows");
	}
	for (uint32_t i = 0; i < places->count; i++) {
		more.batches[more.count++] = places->batches[i];
		*find_place(&more, places->batches[i]) = more.count;
	}
	places_close(places);
	*places = more;
	return ST_OK;
}

static Status
refer(const Chosen *list, int64_t count, Places *places, RowRef *order, Error *err)
{
	for (int64_t i = 0; i < count; i++) {
		if (i > 0 && list[i].batch == list[i - 1].batch) {
			order[i] = (RowRef){order[i - 1].batch, list[i].row};
			continue;
		}
		if (2 * (size_t)places->count >= places->room)
			TRY(grow_places(places, err));
		uint32_t *place = find_place(places, list[i].batch);
		if (*place == 0) {
			places->batches[places->count++] = list[i].batch;
			*place = places->count;
		}
		order[i] = (RowRef){*place - 1, list[i].row};
	}
	return ST_OK;
}

// The columns of a shape that are read; and the map becomes one of these alone.
static int32_t
pick_columns(const SqlWanted *wanted, int32_t *map, int32_t *columns)
{
	int32_t count = 0;
	for (int32_t i = 0; i < table_column_count(wanted->def); i++) {
		if (map[i] < 0)
			continue;
		columns[count] = map[i];
		map[i] = count++;
	}
	return count;
}

static int64_t
count_shapes(const Reading *r)
{
	int64_t shapes = 0;
	for (int64_t i = 0; i < r->count; i++)
		shapes += i == 0 || r->list[i].shape != r->list[i - 1].shape;
	return shapes;
}

// Rows of one shape as one part.
static Status
gather(Reading *r, const Chosen *list, int64_t count, Error *err)
{
	SCOPED(places_close) Places places = {0};
	SCOPED(mem_drop) RowRef *order = mem_alloc_array((size_t)count, sizeof(*order));
	int32_t *map = map_of(r, list[0].shape);
	int32_t *columns = arena_array(&r->held->arena, (size_t)table_column_count(r->wanted->def) + 1,
								   sizeof(int32_t));
	if (order == NULL || map == NULL || columns == NULL)
		return error_no_memory(err, "newest rows");
	TRY(refer(list, count, &places, order, err));
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(batch_gather_narrow(places.batches, order, count, columns,
							pick_columns(r->wanted, map, columns), &batch, err));
	TRY(hold(r->held, batch, (int32_t)count_shapes(r), err));
	r->parts[r->part_count++] = (BatchPart){.batch = batch, .rows = count, .map = map};
	return ST_OK;
}

static Status
show_many(Reading *r, Error *err)
{
	if (count_shapes(r) > 1)
		qsort(r->list, (size_t)r->count, sizeof(Chosen), by_shape);
	r->parts = arena_array(&r->held->arena, (size_t)count_shapes(r) + 1, sizeof(BatchPart));
	TRY(arena_status(&r->held->arena, err, "newest rows"));
	for (int64_t from = 0, to; from < r->count; from = to) {
		for (to = from; to < r->count && r->list[to].shape == r->list[from].shape;)
			to++;
		TRY(gather(r, r->list + from, to - from, err));
	}
	return ST_OK;
}

static Status
show_rows(Reading *r, Error *err)
{
	TRY(choose_rows(r, err));
	TRY(r->count <= FEW_ROWS ? show_few(r, err) : show_many(r, err));
	return newest_view_check(r->view, err);
}

static Status
rows(const void *view, const SqlWanted *wanted, BatchScan *out, Error *err)
{
	SCOPED(held_drop) Held *held = mem_alloc(sizeof(*held));
	if (held == NULL)
		return error_no_memory(err, "newest rows");
	Reading r = {.view = view, .wanted = wanted, .held = held};
	Status st = show_rows(&r, err);
	mem_free(r.list);
	TRY(st);
	*out = (BatchScan){.parts = r.parts,
					   .part_count = r.part_count,
					   .rows = r.count,
					   .release = held_free,
					   .owner = TAKE(held)};
	return ST_OK;
}

// ---- as sql/ takes it ----

static void
lock(void *ctx)
{
	newest_rows_lock(ctx);
}

static void
unlock(void *ctx)
{
	newest_rows_unlock(ctx);
}

static bool
knows(void *ctx, Table *table)
{
	return newest_rows_know(ctx, table);
}

static Status
acquire(void *ctx, Table *table, void **view, Error *err)
{
	NewestView *found = NULL;
	TRY(newest_view_acquire(ctx, table, &found, err));
	*view = found;
	return ST_OK;
}

static void
release(void *view)
{
	newest_view_release(view);
}

static uint64_t
view_bytes(const void *view)
{
	return newest_view_bytes(view);
}

SqlNewest
newest_source(NewestRows *all)
{
	return (SqlNewest){.ctx = all,
					   .lock = lock,
					   .unlock = unlock,
					   .knows = knows,
					   .acquire = acquire,
					   .release = release,
					   .bytes = view_bytes,
					   .rows = rows};
}
