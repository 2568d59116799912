// segment.c - how rows get into a segment, and its life.

#include <string.h>

#include "base/mem.h"
#include "base/timeval.h"
#include "store/segment_int.h"

enum {
	SMALL_BYTES = 64 << 10, // smaller batches are gathered
	FEW_BATCHES = 8,        // small ones of one shape after each other, before they get a chunk
	CHUNK_LEAST = 32 << 10,
	CHUNK_MOST = 8 << 20,
};

struct SegmentInsert {
	Node node; // first: appended as it is, or copied into a chunk
	Budget *budget;
	int64_t rows;
	int32_t time_column; // of the batch; -1: none
	int64_t unit_ns;     // of it
};

const char *
segment_status_name(SegmentStatus status)
{
	static const char *const names[] = {"GROWING", "SEALED", "FLUSHED", "DROPPED"};
	return names[status];
}

// ---- inserts ----

static void
node_close(Node *node, Budget *budget)
{
	batch_unref(node->batch);
	chunk_free(node->chunk);
	shape_unref(node->shape);
	mem_free(node->ids);
	DeadRows *dead = atomic_load(&node->dead);
	budget_release(budget, node->reserved + (dead != NULL ? dead_rows_bytes(dead->room) : 0));
	mem_free(dead);
}

// The smallest and largest time, in the column's unit. No NULL is among them.
static void
time_range(const Column *column, int64_t *min, int64_t *max)
{
	int64_t low = INT64_MAX, high = INT64_MIN;
	for (int64_t i = 0; i < column->length; i++) {
		int64_t v;
		memcpy(&v, column->values.data + 8 * i, 8);
		low = v < low ? v : low;
		high = v > high ? v : high;
	}
	*min = low;
	*max = high;
}

// Where the shape has the table's time, or its ids; -1: nowhere. *unit_ns is what its unit is
// worth.
static int32_t
find_time(const Shape *shape, const TableDef *def, int64_t *unit_ns)
{
	int32_t time = table_order_column(def);
	for (int32_t i = 0; time >= 0 && i < schema_field_count(shape_schema(shape)); i++) {
		const Type *type = &schema_field(shape_schema(shape), i)->type;
		if (shape_column_id(shape, i) != table_column_id(def, time) ||
			(type->id != TYPE_TIMESTAMP && type->id != TYPE_INT64))
			continue;
		*unit_ns = type->id == TYPE_INT64 ? 1 : time_unit_ns(type->unit);
		return i;
	}
	return -1;
}

// Besides its buffers: series ids, and the nodes that hold it.
uint64_t
segment_insert_cost(const Batch *batch)
{
	return batch_held_bytes(batch) + 4 * (uint64_t)batch_rows(batch) + 512;
}

Status
segment_insert_new(Shape *shape, const TableDef *def, Batch *batch, const uint32_t *ids,
				   Budget *budget, uint64_t reserved, SegmentInsert **out, Error *err)
{
	SegmentInsert *insert = mem_alloc(sizeof(*insert));
	size_t id_bytes = (size_t)batch_rows(batch) * sizeof(*ids);
	uint32_t *copy = ids != NULL ? mem_copy(ids, id_bytes) : NULL;
	if (insert == NULL || (ids != NULL && copy == NULL)) {
		mem_free(insert);
		mem_free(copy);
		return error_no_memory(err, "a batch");
	}
	int64_t min = 1, max = 0, unit_ns = 1;
	int32_t time = find_time(shape, def, &unit_ns);
	if (time >= 0 && batch_rows(batch) > 0) {
		time_range(batch_column(batch, time), &min, &max);
		min = time_scale_saturating(min, unit_ns, 1);
		max = time_scale_saturating(max, unit_ns, 1);
	}
	insert->node.batch = batch_ref(batch);
	insert->node.shape = shape_ref(shape);
	insert->node.ids = copy;
	atomic_init(&insert->node.min_time, min);
	atomic_init(&insert->node.max_time, max);
	insert->node.reserved = reserved;
	insert->budget = budget;
	insert->rows = batch_rows(batch);
	insert->time_column = time;
	insert->unit_ns = unit_ns;
	*out = insert;
	return ST_OK;
}

void
segment_insert_free(SegmentInsert *insert)
{
	if (insert == NULL)
		return;
	node_close(&insert->node, insert->budget);
	mem_free(insert);
}

int64_t
segment_insert_rows(const SegmentInsert *insert)
{
	return insert->rows;
}

SegmentRows
segment_insert_look(const SegmentInsert *insert)
{
	return (SegmentRows){insert->node.batch, insert->node.shape, insert->node.ids,
						 insert->time_column, insert->unit_ns};
}

bool
segment_insert_times(const SegmentInsert *insert, int64_t *min, int64_t *max)
{
	*min = atomic_load(&insert->node.min_time);
	*max = atomic_load(&insert->node.max_time);
	return *min <= *max;
}

// ---- life ----

Status
segment_new(uint64_t id, Budget *budget, BytesPool *pool, int64_t now_ns, Segment **out, Error *err)
{
	Segment *seg = mem_alloc(sizeof(*seg));
	if (seg == NULL)
		return error_no_memory(err, "a segment");
	atomic_init(&seg->refs, 1);
	seg->id = id;
	seg->budget = budget;
	seg->pool = pool;
	seg->created_ns = now_ns;
	atomic_init(&seg->min_time, INT64_MAX);
	atomic_init(&seg->max_time, INT64_MIN);
	atomic_init(&seg->late_min, INT64_MAX);
	atomic_init(&seg->late_max, INT64_MIN);
	*out = seg;
	return ST_OK;
}

Segment *
segment_ref(Segment *seg)
{
	atomic_fetch_add_explicit(&seg->refs, 1, memory_order_relaxed);
	return seg;
}

void
segment_unref(Segment *seg)
{
	if (seg == NULL || atomic_fetch_sub_explicit(&seg->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (Node *node = atomic_load(&seg->first), *next; node != NULL; node = next) {
		next = atomic_load(&node->next);
		node_close(node, seg->budget);
		mem_free(node);
	}
	segment_ids_free(seg->ids, seg->budget);
	mem_free(seg);
}

void
segment_begin(Segment *seg, int64_t now_ns)
{
	seg->created_ns = now_ns;
}

void
segment_seal(Segment *seg, int64_t now_ns)
{
	atomic_store(&seg->sealed_ns, now_ns);
	atomic_store(&seg->status, SEGMENT_SEALED);
}

void
segment_leave(Segment *seg)
{
	atomic_store(&seg->left, true);
}

void
segment_succeed(Segment *seg, const SegmentStats *stats)
{
	seg->created_ns = stats->created_ns;
	atomic_store(&seg->min_seq, stats->min_seq);
	atomic_store(&seg->max_seq, stats->max_seq);
	atomic_store(&seg->late_min, stats->late_min);
	atomic_store(&seg->late_max, stats->late_max);
	segment_seal(seg, stats->sealed_ns);
}

SegmentStats
segment_stats(const Segment *seg)
{
	SegmentStats stats = {
		.status = (SegmentStatus)atomic_load(&seg->status),
		.id = seg->id,
		.rows = atomic_load(&seg->rows),
		.bytes = atomic_load(&seg->bytes),
		.min_time = atomic_load(&seg->min_time),
		.max_time = atomic_load(&seg->max_time),
		.min_seq = atomic_load(&seg->min_seq),
		.max_seq = atomic_load(&seg->max_seq),
		.created_ns = seg->created_ns,
		.sealed_ns = atomic_load(&seg->sealed_ns),
		.late_min = atomic_load(&seg->late_min),
		.late_max = atomic_load(&seg->late_max),
		.left = atomic_load(&seg->left),
	};
	return stats;
}

// ---- appending ----

static void
widen(_Atomic int64_t *min, _Atomic int64_t *max, int64_t low, int64_t high)
{
	if (low > high)
		return;
	if (low < atomic_load_explicit(min, memory_order_relaxed))
		atomic_store_explicit(min, low, memory_order_relaxed);
	if (high > atomic_load_explicit(max, memory_order_relaxed))
		atomic_store_explicit(max, high, memory_order_relaxed);
}

static void
link_node(Segment *seg, Node *node)
{
	atomic_store(&node->next, NULL);
	node->first_row = seg->next_row;
	node->commit_first = seg->commit_first;
	if (seg->last == NULL)
		atomic_store_explicit(&seg->first, node, memory_order_release);
	else
		atomic_store_explicit(&seg->last->next, node, memory_order_release);
	seg->last = node;
	atomic_fetch_add(&seg->bytes, node->reserved);
}

static bool
is_small(const Node *node)
{
	return batch_bytes(node->batch) < SMALL_BYTES && chunk_can_hold(shape_schema(node->shape));
}

static void
note_alike(Segment *seg, const Node *node)
{
	bool small = is_small(node);
	if (!small || seg->last == NULL || seg->last->shape != node->shape) {
		seg->alike = 0;
		seg->alike_bytes = 0;
	}
	if (small) {
		seg->alike++;
		seg->alike_bytes += batch_bytes(node->batch);
	}
}

// As large as what came before it, so that a table with few rows takes little. NULL: no memory, and
// the batch is kept as it is.
static Node *
new_chunk_node(Segment *seg, const Node *like, uint64_t seq)
{
	uint64_t bytes = seg->alike_bytes;
	bytes = bytes < CHUNK_LEAST ? CHUNK_LEAST : bytes > CHUNK_MOST ? CHUNK_MOST : bytes;
	Node *node = mem_alloc(sizeof(*node));
	Chunk *chunk =
		chunk_new(shape_schema(like->shape), like->batch, bytes, like->ids != NULL, seg->pool);
	if (node == NULL || chunk == NULL) {
		mem_free(node);
		chunk_free(chunk);
		return NULL;
	}
	node->chunk = chunk;
	node->shape = shape_ref(like->shape);
	node->seq = seq;
	node->reserved = chunk_bytes(chunk);
	atomic_init(&node->min_time, INT64_MAX);
	atomic_init(&node->max_time, INT64_MIN);
	budget_charge(seg->budget, node->reserved);
	return node;
}

static bool
append_to_chunk(Node *to, const Node *from, uint64_t seq)
{
	if (to == NULL || to->chunk == NULL || to->shape != from->shape)
		return false;
	// The range is wide enough before the rows can be seen.
	widen(&to->min_time, &to->max_time, atomic_load(&from->min_time), atomic_load(&from->max_time));
	return chunk_append(to->chunk, from->batch, from->ids, seq);
}

// Copies a small batch to where its like are. False: it is to be kept as it is. (Where shapes take
// turns, chunks would be begun for one batch each.)
static bool
gather(Segment *seg, const Node *node, uint64_t seq)
{
	note_alike(seg, node);
	if (seg->alike == 0)
		return false;
	if (append_to_chunk(seg->last, node, seq))
		return true;
	Node *fresh = seg->alike > FEW_BATCHES ? new_chunk_node(seg, node, seq) : NULL;
	if (fresh == NULL)
		return false;
	bool appended = append_to_chunk(fresh, node, seq);
	must(appended); // it was made for it
	link_node(seg, fresh);
	return true;
}

static Batch *
node_batch(const Node *node)
{
	return node->chunk != NULL ? chunk_batch(node->chunk) : node->batch;
}

static void
note_rows(Segment *seg, const SegmentInsert *insert, uint64_t seq)
{
	widen(&seg->min_time, &seg->max_time, atomic_load(&insert->node.min_time),
		  atomic_load(&insert->node.max_time));
	if (atomic_load(&seg->min_seq) == 0)
		atomic_store(&seg->min_seq, seq);
	atomic_store(&seg->max_seq, seq);
	atomic_fetch_add(&seg->rows, insert->rows);
	if (seq != seg->commit_seq) {
		seg->commit_seq = seq;
		seg->commit_first = seg->next_row;
	}
}

void
segment_note_late(Segment *seg, const SegmentInsert *insert, Newest *newest)
{
	if (insert->time_column < 0)
		return;
	const Column *times = batch_column(insert->node.batch, insert->time_column);
	const uint32_t *ids = insert->node.ids;
	int64_t low = INT64_MAX, high = INT64_MIN;
	for (int64_t i = 0; i < insert->rows; i++) {
		int64_t time;
		memcpy(&time, times->values.data + 8 * i, 8);
		time = time_scale_saturating(time, insert->unit_ns, 1);
		bool late =
			ids != NULL ? newest_add(newest, ids[i], time) : newest_add_unnumbered(newest, time);
		low = late && time < low ? time : low;
		high = late && time > high ? time : high;
	}
	widen(&seg->late_min, &seg->late_max, low, high);
}

SegmentSpot
segment_append(Segment *seg, SegmentInsert *insert, uint64_t seq)
{
	must(atomic_load(&seg->status) == SEGMENT_GROWING && seq >= atomic_load(&seg->max_seq));
	Node *node = &insert->node;
	int64_t rows = insert->rows;
	if (rows > 0)
		note_rows(seg, insert, seq);
	if (rows == 0 || gather(seg, node, seq)) {
		segment_insert_free(insert);
	} else {
		node->seq = seq;
		link_node(seg, node);
	}
	SegmentSpot spot = {0};
	if (rows > 0)
		spot = (SegmentSpot){node_batch(seg->last), seg->next_row - seg->last->first_row};
	seg->next_row += rows;
	return spot;
}
