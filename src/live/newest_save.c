// newest_save.c - newest rows in checkpoints. A piece is rows of one shape, little-endian:
//
//     u32 rows · u32 series of each · u32 length · shape · u32 length · Arrow IPC metadata ·
//     its body
//
// The series are those of the checkpoint.

#include <string.h>

#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/mem.h"
#include "base/reader.h"
#include "live/newest_int.h"

enum { PIECE_ROWS = 16384 };

// ---- saving ----

typedef struct Picked {
	Batch **batches; // one for each row, in turn
	RowRef *order;
	uint32_t *series;
	Shape *shape; // of all of them; borrowed of the view
	uint32_t count;
} Picked;

static void
picked_close(Picked *picked)
{
	mem_free(picked->batches);
	mem_free(picked->order);
	mem_free(picked->series);
}

static Status
picked_init(Picked *picked, Error *err)
{
	picked->batches = mem_alloc_array(PIECE_ROWS, sizeof(Batch *));
	picked->order = mem_alloc_array(PIECE_ROWS, sizeof(RowRef));
	picked->series = mem_alloc_array(PIECE_ROWS, sizeof(uint32_t));
	bool made = picked->batches != NULL && picked->order != NULL && picked->series != NULL;
	return made ? ST_OK : error_no_memory(err, "a checkpoint");
}

// The rows from series *at on that have the shape of the first.
static void
pick(const NewestView *view, uint32_t *at, Picked *out)
{
	uint32_t batches = 0;
	for (; *at < newest_view_series(view) && out->count < PIECE_ROWS; ++*at) {
		NewestRow row;
		if (!newest_view_at(view, *at, &row))
			continue;
		if (out->count > 0 && row.shape != out->shape)
			return;
		out->shape = row.shape;
		if (batches == 0 || out->batches[batches - 1] != row.batch)
			out->batches[batches++] = row.batch;
		out->series[out->count] = *at;
		out->order[out->count++] = (RowRef){batches - 1, row.row};
	}
}

static Status
add_piece(const Picked *picked, Buf *out, Error *err)
{
	SCOPED(batch_drop) Batch *batch = NULL;
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	Slice shape = shape_encoded(picked->shape);
	TRY(batch_gather(picked->batches, picked->order, picked->count, shape_schema(picked->shape),
					 NULL, &batch, err));
	TRY(ipc_write_batch(batch, &message, err));
	buf_add_u32(out, picked->count);
	for (uint32_t i = 0; i < picked->count; i++)
		buf_add_u32(out, picked->series[i]);
	buf_add_u32(out, (uint32_t)shape.len);
	buf_add_slice(out, shape);
	buf_add_u32(out, (uint32_t)message.metadata.len);
	buf_add_slice(out, buf_slice(&message.metadata));
	for (int32_t i = 0; i < message.body_count; i++)
		buf_add(out, message.body[i].data, message.body[i].len);
	return buf_status(out, err, "a checkpoint");
}

static Status
save(void *kept, uint32_t *at, Buf *out, Error *err)
{
	const NewestView *view = kept;
	SCOPED(picked_close) Picked picked = {0};
	TRY(picked_init(&picked, err));
	pick(view, at, &picked);
	if (picked.count > 0)
		TRY(add_piece(&picked, out, err));
	return newest_view_check(view, err);
}

static Status
take(void *ctx, Table *table, void **kept, Error *err)
{
	(void)ctx;
	NewestTable *t = newest_table_find(table);
	NewestView *view = NULL;
	if (t != NULL && newest_is_known_locked(t))
		TRY(newest_view_new_locked(t, &view, err));
	*kept = view;
	return ST_OK;
}

static void
let(void *kept)
{
	newest_view_release(kept);
}

static uint64_t
all_bytes(void *ctx)
{
	return atomic_load(&((NewestRows *)ctx)->bytes);
}

// ---- loading ----

typedef struct SavedPiece {
	uint32_t rows;
	Slice series;
	Slice shape;
	Slice metadata;
	Slice body;
} SavedPiece;

static Status
damaged(Error *err)
{
	return error_set(err, ST_CORRUPT, "the newest rows of a checkpoint are damaged");
}

static Status
read_piece(Slice bytes, SavedPiece *out, Error *err)
{
	Reader r = reader_of(bytes);
	out->rows = reader_u32(&r);
	out->series = reader_bytes(&r, (size_t)out->rows * sizeof(uint32_t));
	out->shape = reader_counted(&r);
	out->metadata = reader_counted(&r);
	out->body = reader_bytes(&r, reader_left(&r));
	return r.failed || out->rows == 0 ? damaged(err) : ST_OK;
}

// That of the piece before, mostly.
static Status
find_shape(NewestTable *t, Slice encoded, const TableDef *def, Shape **out, Error *err)
{
	if (t->sources != NULL && slice_equal(shape_encoded(t->sources->shape), encoded)) {
		*out = shape_ref(t->sources->shape);
		return ST_OK;
	}
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(shape_decode(encoded, 0, &shape, err));
	TRY(shape_check(shape, def, err));
	*out = TAKE(shape);
	return ST_OK;
}

static Status
read_rows(const SavedPiece *piece, const Shape *shape, Batch **out, Error *err)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	TRY(ipc_write_schema(shape_schema(shape), &schema, err));
	TRY(ipc_reader_new(buf_slice(&schema), (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, err));
	Bytes *body = bytes_copy(NULL, piece->body);
	if (body == NULL)
		return error_no_memory(err, "newest rows");
	bool plain;
	Status st =
		ipc_reader_message(reader, piece->metadata, bytes_slice(body), body, out, &plain, err);
	bytes_unref(body);
	TRY(st);
	return *out == NULL || batch_rows(*out) != piece->rows ? damaged(err) : ST_OK;
}

static Status
enter(NewestTable *t, const SavedPiece *piece, const int64_t *times, NewestSource *source,
	  Error *err)
{
	uint32_t count = series_count(table_series(t->table));
	Reader r = reader_of(piece->series);
	for (uint32_t i = 0; i < piece->rows; i++) {
		uint32_t series = reader_u32(&r);
		if (series >= count)
			return damaged(err);
		*newest_slot_locked(t, series) = (NewestSlot){times[i], source, i};
	}
	return ST_OK;
}

static void
add_source(NewestTable *t, NewestSource *source)
{
	source->next = t->sources;
	t->sources = source;
	t->gathered_bytes += batch_held_bytes(source->batch);
}

// False: past the limit; it is off.
static bool
charge(NewestTable *t, const Batch *batch, Status st)
{
	if (st != ST_LIMIT && newest_charge(t->all, batch_held_bytes(batch)))
		return true;
	newest_turn_off_locked(t, "rtdb.limit");
	return false;
}

// Nobody else is there yet, so nothing waits for the lock.
static Status
load_piece(NewestTable *t, const SavedPiece *piece, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(t->table);
	SCOPED(shape_drop) Shape *shape = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	SCOPED(mem_drop) int64_t *times = mem_alloc_array(piece->rows, sizeof(*times));
	if (times == NULL)
		return error_no_memory(err, "newest rows");
	TRY(find_shape(t, piece->shape, def, &shape, err));
	TRY(read_rows(piece, shape, &batch, err));
	TRY(newest_times_of(def, shape, batch, times, err));
	Status st = newest_table_make_room(t, series_count(table_series(t->table)), err);
	if (st != ST_OK && st != ST_LIMIT)
		return st;
	if (!charge(t, batch, st))
		return ST_OK;
	NewestSource *source = NULL;
	st = newest_source_gathered(shape, batch, &source, err);
	if (st != ST_OK) {
		newest_release(t->all, batch_held_bytes(batch));
		return st;
	}
	add_source(t, source);
	return enter(t, piece, times, source, err);
}

static Status
load(void *ctx, Table *table, Slice piece, Error *err)
{
	NewestTable *t = NULL;
	SavedPiece saved = {0};
	TRY(newest_table_make(ctx, table, &t, err));
	TRY(read_piece(piece, &saved, err));
	Error cause = ERROR_INIT;
	Status st = t->state != NEWEST_OFF ? load_piece(t, &saved, &cause) : ST_OK;
	if (st == ST_INVALID || st == ST_INTERNAL) // bytes that were never written by us
		st = ST_CORRUPT;
	return st == ST_OK ? ST_OK : error_set(err, st, "%s", cause.text);
}

static Status
loaded(void *ctx, Table *table, Error *err)
{
	NewestTable *t = NULL;
	TRY(newest_table_make(ctx, table, &t, err));
	if (t->state == NEWEST_DOUBT)
		t->state = NEWEST_KNOWN;
	t->begun = true;
	return ST_OK;
}

// ---- as store/ takes it ----

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

StoreKept
newest_rows_kept(NewestRows *all)
{
	return (StoreKept){.ctx = all,
					   .lock = lock,
					   .unlock = unlock,
					   .take = take,
					   .let = let,
					   .save = save,
					   .load = load,
					   .loaded = loaded,
					   .bytes = all_bytes};
}
