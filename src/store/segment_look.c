// segment_look.c - what readers see of a segment, and the rows that are deleted in it.

#include "base/mem.h"
#include "store/segment_int.h"

// ---- parts ----

bool
node_part(const Node *node, uint64_t seq, SegmentPart *part)
{
	*part = (SegmentPart){.shape = node->shape,
						  .first_row = node->first_row,
						  .dead = atomic_load_explicit(&node->dead, memory_order_acquire),
						  .seq = seq,
						  .min_seq = node->seq};
	if (node->chunk == NULL) {
		part->batch = node->batch;
		part->rows = batch_rows(node->batch);
		part->ids = node->ids;
		part->max_seq = node->seq;
		return node->seq <= seq;
	}
	part->batch = chunk_batch(node->chunk);
	part->ids = chunk_ids(node->chunk);
	part->rows = chunk_rows(node->chunk, seq, &part->max_seq);
	return part->rows > 0;
}

static bool
overlaps(const Node *node, int64_t min_time, int64_t max_time)
{
	int64_t low = atomic_load_explicit(&node->min_time, memory_order_relaxed);
	int64_t high = atomic_load_explicit(&node->max_time, memory_order_relaxed);
	return low > high || (low <= max_time && high >= min_time);
}

Status
segment_each(const Segment *seg, uint64_t seq, int64_t min_time, int64_t max_time,
			 Status (*each)(void *arg, const SegmentPart *part, Error *err), void *arg, Error *err)
{
	for (const Node *node = first_node(seg); node != NULL; node = next_node(node)) {
		SegmentPart part;
		// Rows first: a chunk's range is widened before its rows appear.
		if (node_part(node, seq, &part) && overlaps(node, min_time, max_time))
			TRY(each(arg, &part, err));
	}
	return ST_OK;
}

// ---- deleted rows ----

bool
part_is_live(const SegmentPart *part, int64_t row)
{
	if (part->dead == NULL)
		return true;
	uint64_t seq = atomic_load_explicit(&part->dead->seqs[row], memory_order_relaxed);
	return seq == 0 || seq > part->seq;
}

int64_t
part_live(const SegmentPart *part, int64_t first, int64_t count, uint32_t *rows)
{
	int64_t live = 0;
	for (int64_t i = 0; i < count; i++)
		if (part_is_live(part, first + i))
			rows[live++] = (uint32_t)i;
	return live;
}

// The bits of rows [row, row + n), n ≤ 64.
static uint64_t
bits_from(DeadRows *dead, int64_t row, int64_t n)
{
	const _Atomic uint64_t *words = dead_bits(dead) + row / 64;
	int shift = (int)(row % 64);
	uint64_t word = atomic_load_explicit(&words[0], memory_order_acquire) >> shift;
	if (shift + n > 64)
		word |= atomic_load_explicit(&words[1], memory_order_acquire) << (64 - shift);
	return n == 64 ? word : word & ((UINT64_C(1) << n) - 1);
}

void
part_dead_bits(const SegmentPart *part, int64_t first, int64_t count, uint64_t *bits)
{
	DeadRows *dead = (DeadRows *)(uintptr_t)part->dead; // it is only looked at
	for (int64_t at = 0; at < count; at += 64)
		bits[at / 64] = bits_from(dead, first + at, count - at < 64 ? count - at : 64);
	// In this order: what is marked was announced before.
	if (atomic_load_explicit(&dead->newest, memory_order_acquire) <= part->seq)
		return;
	for (int64_t at = 0; at < count; at += 64)
		for (uint64_t word = bits[at / 64]; word != 0; word &= word - 1) {
			int bit = __builtin_ctzll(word);
			if (part_is_live(part, first + at + bit))
				bits[at / 64] &= ~(UINT64_C(1) << bit);
		}
}

int64_t
part_dead_rows(const SegmentPart *part)
{
	if (part->dead == NULL)
		return 0;
	// In this order: what is counted was announced before.
	int64_t count = atomic_load_explicit(&part->dead->count, memory_order_acquire);
	if (atomic_load_explicit(&part->dead->newest, memory_order_acquire) <= part->seq)
		return count;
	count = 0;
	for (int64_t row = 0; row < part->rows; row++)
		count += !part_is_live(part, row);
	return count;
}

int64_t
segment_dead_rows(const Segment *seg, uint64_t seq)
{
	int64_t count = 0;
	for (const Node *node = first_node(seg); node != NULL; node = next_node(node)) {
		SegmentPart part;
		if (node_part(node, seq, &part))
			count += part_dead_rows(&part);
	}
	return count;
}

uint64_t
segment_newest_deletion(const Segment *seg)
{
	uint64_t newest = 0;
	for (const Node *node = first_node(seg); node != NULL; node = next_node(node)) {
		const DeadRows *dead = atomic_load_explicit(&node->dead, memory_order_acquire);
		uint64_t seq = dead != NULL ? atomic_load(&dead->newest) : 0;
		newest = seq > newest ? seq : newest;
	}
	return newest;
}

// Rows it can ever have.
static int64_t
node_room(const Node *node)
{
	return node->chunk != NULL ? chunk_capacity(node->chunk) : batch_rows(node->batch);
}

// How many of the rising `rows` lie in the node, which is not behind the first.
static int64_t
rows_in_node(const Node *node, const uint32_t *rows, int64_t count)
{
	int64_t end = node->first_row + node_room(node), n = 0;
	const Node *next = next_node(node);
	end = next != NULL ? next->first_row : end;
	while (n < count && rows[n] < end)
		n++;
	return n;
}

Status
segment_make_room(Segment *seg, const uint32_t *rows, int64_t count, Error *err)
{
	for (Node *node = first_node(seg); node != NULL && count > 0; node = next_node(node)) {
		int64_t some = rows_in_node(node, rows, count);
		rows += some;
		count -= some;
		if (some == 0 || atomic_load(&node->dead) != NULL)
			continue;
		DeadRows *dead = mem_alloc(dead_rows_bytes(node_room(node)));
		if (dead == NULL)
			return error_no_memory(err, "a deletion");
		dead->room = node_room(node);
		budget_charge(seg->budget, dead_rows_bytes(dead->room));
		atomic_fetch_add(&seg->bytes, dead_rows_bytes(dead->room));
		atomic_store_explicit(&node->dead, dead, memory_order_release);
	}
	return ST_OK;
}

static void
mark(DeadRows *dead, int64_t row, uint64_t seq, int64_t *marked)
{
	if (atomic_load_explicit(&dead->seqs[row], memory_order_relaxed) != 0)
		return;
	atomic_store_explicit(&dead->seqs[row], seq, memory_order_relaxed);
	atomic_fetch_or_explicit(&dead_bits(dead)[row / 64], UINT64_C(1) << (row % 64),
							 memory_order_release);
	++*marked;
}

void
segment_delete(Segment *seg, const uint32_t *rows, int64_t count, uint64_t seq)
{
	for (Node *node = first_node(seg); node != NULL && count > 0; node = next_node(node)) {
		int64_t some = rows_in_node(node, rows, count), marked = 0;
		DeadRows *dead = atomic_load(&node->dead);
		must(some == 0 || dead != NULL); // room was made
		if (some > 0)
			atomic_store_explicit(&dead->newest, seq, memory_order_release);
		for (int64_t i = 0; i < some; i++)
			mark(dead, rows[i] - node->first_row, seq, &marked);
		if (marked > 0)
			atomic_fetch_add_explicit(&dead->count, marked, memory_order_release);
		rows += some;
		count -= some;
	}
}

// ---- commits ----

// A batch is one run.
static int32_t
run_count(const Node *node)
{
	return node->chunk != NULL ? chunk_run_count(node->chunk) : 1;
}

static ChunkRun
run_at(const Node *node, int32_t i)
{
	return node->chunk != NULL ? chunk_run(node->chunk, i)
							   : (ChunkRun){node->seq, batch_rows(node->batch)};
}

// The first run whose seq is ≥ `seq` and whose end is > `row`.
static int32_t
find_run(const Node *node, int32_t count, uint64_t seq, int64_t row)
{
	int32_t low = 0, high = count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		ChunkRun run = run_at(node, middle);
		if (run.seq < seq || run.end_row <= row)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// The whole of the commit that the node's run `i` is the first of, in this node.
static void
take_commit(const Node *node, int32_t i, SegmentCommit *out)
{
	*out = (SegmentCommit){.seq = run_at(node, i).seq, .first_row = node->commit_first};
	if (i > 0)
		out->first_row = node->first_row + run_at(node, i - 1).end_row;
	int64_t end = out->first_row;
	for (int32_t count = run_count(node); node != NULL;) {
		for (; i < count && run_at(node, i).seq == out->seq; i++)
			end = node->first_row + run_at(node, i).end_row;
		node = i == count ? next_node(node) : NULL;
		count = node != NULL ? run_count(node) : 0;
		i = 0;
	}
	out->rows = end - out->first_row;
}

static const Node *
start_of(const Segment *seg, const SegmentPlace *from)
{
	return from->node != NULL ? from->node : first_node(seg);
}

bool
segment_commit_of(const Segment *seg, SegmentPlace *from, int64_t row, SegmentCommit *out)
{
	for (const Node *node = start_of(seg, from); node != NULL; node = next_node(node)) {
		int32_t count = run_count(node);
		from->node = node;
		int32_t i = find_run(node, count, 0, row - node->first_row);
		if (i == count)
			continue;
		take_commit(node, find_run(node, count, run_at(node, i).seq, -1), out);
		return true;
	}
	return false;
}

bool
segment_find_commit(const Segment *seg, SegmentPlace *from, uint64_t seq, SegmentCommit *out)
{
	for (const Node *node = start_of(seg, from); node != NULL; node = next_node(node)) {
		int32_t count = run_count(node), i = find_run(node, count, seq, -1);
		from->node = node;
		if (i == count)
			continue;
		if (run_at(node, i).seq != seq)
			return false;
		take_commit(node, i, out);
		return true;
	}
	return false;
}
