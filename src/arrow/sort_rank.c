// The flush's sort. Rows of one rank mostly arrive in the order of time, so whether they did is
// found out while they are counted into place; only the other ranks are sorted.

#include <assert.h>

#include "arrow/merge_int.h"
#include "arrow/sort.h"
#include "base/mem.h"

typedef struct Rank {
	int64_t last; // time of its latest row
	uint32_t next;
	bool unordered;
} Rank;

static bool
less_by_time(const void *arg, uint32_t a, uint32_t b)
{
	const int64_t *time = arg;
	return time[a] < time[b];
}

static void
place_rows(const uint32_t *rank, Rank *ranks, uint32_t rank_count, const int64_t *time,
		   uint32_t rows, uint32_t *order)
{
	for (uint32_t i = 0; i < rows; i++) {
		assert(rank[i] < rank_count);
		ranks[rank[i]].next++;
	}
	uint32_t begin = 0;
	for (uint32_t r = 0; r < rank_count; r++) {
		uint32_t count = ranks[r].next;
		ranks[r] = (Rank){.last = INT64_MIN, .next = begin};
		begin += count;
	}
	for (uint32_t i = 0; i < rows; i++) {
		Rank *r = &ranks[rank[i]];
		r->unordered |= time[i] < r->last;
		r->last = time[i];
		order[r->next++] = i;
	}
}

Status
sort_by_rank_and_time(const uint32_t *rank, uint32_t rank_count, const int64_t *time, uint32_t rows,
					  uint32_t *order, Error *err)
{
	SCOPED(mem_drop) Rank *ranks = mem_alloc_array((size_t)rank_count + 1, sizeof(*ranks));
	if (ranks == NULL)
		return error_no_memory(err, "a sort");
	place_rows(rank, ranks, rank_count, time, rows, order);

	SCOPED(mem_drop) uint32_t *spare = NULL;
	uint32_t begin = 0;
	for (uint32_t r = 0; r < rank_count; r++) {
		uint32_t end = ranks[r].next;
		if (ranks[r].unordered && spare == NULL) {
			spare = mem_alloc_array(rows, sizeof(*spare));
			if (spare == NULL)
				return error_no_memory(err, "a sort");
		}
		if (ranks[r].unordered)
			merge_sort(order + begin, end - begin, spare, less_by_time, time);
		begin = end;
	}
	return ST_OK;
}
