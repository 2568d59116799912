// merge_int.h - a stable merge sort of row numbers, made for rows that are mostly in order.
//
// It lies in a header so that the comparison is compiled into it.

#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define MERGE_INLINE static inline __attribute__((always_inline))

typedef bool (*RowLess)(const void *keys, uint32_t a, uint32_t b); // a belongs before b, strictly

enum { MERGE_RUN = 16 };

MERGE_INLINE void
insertion_sort(uint32_t *rows, size_t n, RowLess less, const void *keys)
{
	for (size_t i = 1; i < n; i++) {
		uint32_t row = rows[i];
		size_t at = i;
		for (; at > 0 && less(keys, row, rows[at - 1]); at--)
			rows[at] = rows[at - 1];
		rows[at] = row;
	}
}

// The first of n ordered rows that `row` belongs before; where `row` comes from the right, equal
// rows stay before it, else behind it.
MERGE_INLINE size_t
place_of(const uint32_t *rows, size_t n, uint32_t row, bool from_right, RowLess less,
		 const void *keys)
{
	size_t low = 0;
	while (low < n) {
		size_t middle = low + (n - low) / 2;
		bool before = from_right ? less(keys, row, rows[middle]) : !less(keys, rows[middle], row);
		if (before)
			n = middle;
		else
			low = middle + 1;
	}
	return low;
}

// Two ordered neighbours, rows[0, middle) and rows[middle, n). Costs nothing where they are in
// order, and moves only what overlaps.
MERGE_INLINE void
merge_runs(uint32_t *rows, size_t middle, size_t n, uint32_t *spare, RowLess less, const void *keys)
{
	if (!less(keys, rows[middle], rows[middle - 1]))
		return;
	size_t to = place_of(rows, middle, rows[middle], true, less, keys);
	size_t end = middle + place_of(rows + middle, n - middle, rows[middle - 1], false, less, keys);
	size_t left = 0;
	size_t left_end = middle - to;
	size_t right = middle;
	memcpy(spare, rows + to, left_end * sizeof(*rows));
	while (left < left_end && right < end) {
		bool take_right = less(keys, rows[right], spare[left]);
		rows[to++] = take_right ? rows[right++] : spare[left++];
	}
	memcpy(rows + to, spare + left, (left_end - left) * sizeof(*rows));
}

// `spare` has room for n rows.
MERGE_INLINE void
merge_sort(uint32_t *rows, size_t n, uint32_t *spare, RowLess less, const void *keys)
{
	for (size_t i = 0; i < n; i += MERGE_RUN)
		insertion_sort(rows + i, n - i < MERGE_RUN ? n - i : MERGE_RUN, less, keys);
	for (size_t run = MERGE_RUN; run < n; run *= 2) {
		for (size_t i = 0; i + run < n; i += 2 * run)
			merge_runs(rows + i, run, n - i < 2 * run ? n - i : 2 * run, spare, less, keys);
	}
}
