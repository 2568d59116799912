// search.h - where a value lies among others that are in order.

#pragma once

#include <stdint.h>

// The last of `rising` that is ≤ `value`; the first, if none is. There is one at least.
static inline int64_t
search_last(const int64_t *rising, int64_t count, int64_t value)
{
	int64_t low = 0, high = count - 1;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (rising[middle] <= value)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}
