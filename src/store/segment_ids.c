// segment_ids.c - the last row of an id in a segment: an index that is made when somebody first
// asks for an id and catches up, each time, with what has come since. Who only writes pays nothing.
//
// Open addressing by a hash of the id. No id is 0: that is a free slot.

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "store/segment_int.h"

enum { FEWEST_SLOTS = 256, FEWEST_NODES = 64 };

typedef struct IdSlot {
	int64_t id;
	int64_t row; // its place in the segment
} IdSlot;

struct SegmentIds {
	IdSlot *slots;
	uint64_t slot_count; // a power of two, or 0
	uint64_t used;
	const Node **nodes; // those that are in, of the last one `rows` rows
	int32_t node_count;
	int32_t node_room;
	int64_t rows;
};

void
segment_ids_free(SegmentIds *ids, Budget *budget)
{
	if (ids == NULL)
		return;
	budget_release(budget,
				   ids->slot_count * sizeof(IdSlot) + (uint64_t)ids->node_room * sizeof(Node *));
	mem_free(ids->slots);
	mem_free(ids->nodes);
	mem_free(ids);
}

// ---- room ----

// After it was allocated: nothing is released by who looks for ids, which would wake others while a
// lock is held.
static Status
pay(Segment *seg, uint64_t bytes, Error *err)
{
	int64_t delay;
	if (!budget_reserve(seg->budget, bytes, NULL, &delay))
		return error_set(err, ST_LIMIT, "there is no room for an index of ids: %s is used up",
						 budget_name(seg->budget));
	atomic_fetch_add(&seg->bytes, bytes);
	return ST_OK;
}

static IdSlot *
find_slot(IdSlot *slots, uint64_t count, int64_t id)
{
	uint64_t at = hash64(&id, sizeof(id)) & (count - 1);
	while (slots[at].id != 0 && slots[at].id != id)
		at = (at + 1) & (count - 1);
	return &slots[at];
}

static Status
grow_slots(Segment *seg, SegmentIds *ids, Error *err)
{
	uint64_t count = ids->slot_count > 0 ? 2 * ids->slot_count : FEWEST_SLOTS;
	SCOPED(mem_drop) IdSlot *slots = mem_alloc_array(count, sizeof(*slots));
	if (slots == NULL)
		return error_no_memory(err, "an index of ids");
	TRY(pay(seg, (count - ids->slot_count) * sizeof(IdSlot), err));
	for (uint64_t i = 0; i < ids->slot_count; i++)
		if (ids->slots[i].id != 0)
			*find_slot(slots, count, ids->slots[i].id) = ids->slots[i];
	mem_free(ids->slots);
	ids->slots = TAKE(slots);
	ids->slot_count = count;
	return ST_OK;
}

static Status
add_node(Segment *seg, SegmentIds *ids, const Node *node, Error *err)
{
	if (ids->node_count == ids->node_room) {
		int32_t more = ids->node_room > 0 ? ids->node_room : FEWEST_NODES;
		const Node **nodes =
			mem_resize(ids->nodes, (size_t)(ids->node_room + more) * sizeof(*nodes));
		if (nodes == NULL)
			return error_no_memory(err, "an index of ids");
		ids->nodes = nodes;
		TRY(pay(seg, (uint64_t)more * sizeof(Node *), err));
		ids->node_room += more;
	}
	ids->nodes[ids->node_count++] = node;
	ids->rows = 0;
	return ST_OK;
}

// ---- catching up ----

static Status
add_rows(Segment *seg, SegmentIds *ids, const SegmentPart *part, uint32_t column_id, Error *err)
{
	int32_t at = shape_column_of(part->shape, column_id);
	if (at < 0)
		return error_set(err, ST_INTERNAL, "rows of entities are without their ids");
	const uint8_t *values = batch_column(part->batch, at)->values.data;
	for (; ids->rows < part->rows; ids->rows++) {
		if (4 * (ids->used + 1) > 3 * ids->slot_count)
			TRY(grow_slots(seg, ids, err));
		int64_t id;
		memcpy(&id, values + 8 * ids->rows, sizeof(id));
		IdSlot *slot = find_slot(ids->slots, ids->slot_count, id);
		ids->used += slot->id == 0;
		*slot = (IdSlot){id, part->first_row + ids->rows};
	}
	return ST_OK;
}

// A node is whole once a reader has the next one before it: rows come to the last one only.
static Status
catch_up(Segment *seg, SegmentIds *ids, uint32_t column_id, uint64_t seq, Error *err)
{
	SegmentPart part;
	const Node *last = ids->node_count > 0 ? ids->nodes[ids->node_count - 1] : NULL;
	if (last != NULL && node_part(last, seq, &part))
		TRY(add_rows(seg, ids, &part, column_id, err));
	const Node *next = last != NULL ? next_node(last) : first_node(seg);
	for (; next != NULL && node_part(next, seq, &part); next = next_node(next)) {
		TRY(add_node(seg, ids, next, err));
		TRY(add_rows(seg, ids, &part, column_id, err));
	}
	return ST_OK;
}

// ---- looking ----

// The last node that begins at the row or before it.
static const Node *
node_of(const SegmentIds *ids, int64_t row)
{
	int32_t low = 0, high = ids->node_count - 1;
	while (low < high) {
		int32_t middle = high - (high - low) / 2;
		if (ids->nodes[middle]->first_row <= row)
			low = middle;
		else
			high = middle - 1;
	}
	return ids->nodes[low];
}

Status
segment_find_id(Segment *seg, uint32_t column_id, int64_t id, uint64_t seq, SegmentRow *out,
				Error *err)
{
	*out = (SegmentRow){.row = -1};
	if (id <= 0 || id < atomic_load(&seg->min_time) || id > atomic_load(&seg->max_time))
		return ST_OK; // it is of no row: the range holds their ids
	if (seg->ids == NULL)
		seg->ids = mem_alloc(sizeof(*seg->ids));
	SegmentIds *ids = seg->ids;
	if (ids == NULL)
		return error_no_memory(err, "an index of ids");
	TRY(catch_up(seg, ids, column_id, seq, err));
	const IdSlot *slot =
		ids->slot_count > 0 ? find_slot(ids->slots, ids->slot_count, id) : &(IdSlot){0};
	if (slot->id == 0)
		return ST_OK;
	const Node *node = node_of(ids, slot->row);
	bool seen = node_part(node, seq, &out->part);
	must(seen); // it was when it was added
	out->row = slot->row - node->first_row;
	return ST_OK;
}
