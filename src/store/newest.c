#include "store/newest.h"

#include <stdatomic.h>

#include "base/mem.h"

// Level l holds the times of FIRST << l series: they stay where they are while more are made.
enum { FIRST_BITS = 10, FIRST = 1 << FIRST_BITS, LEVELS = 32 - FIRST_BITS };

struct Newest {
	int64_t floor;    // of every series
	int64_t greatest; // of all series
	bool unnumbered;  // a row without a series came
	_Atomic(int64_t *) levels[LEVELS];
};

Status
newest_new(Newest **out, Error *err)
{
	Newest *newest = mem_alloc(sizeof(*newest));
	if (newest == NULL)
		return error_no_memory(err, "a table");
	newest->floor = newest->greatest = INT64_MIN;
	*out = newest;
	return ST_OK;
}

void
newest_free(Newest *newest)
{
	if (newest == NULL)
		return;
	for (int i = 0; i < LEVELS; i++)
		mem_free(atomic_load(&newest->levels[i]));
	mem_free(newest);
}

void
newest_raise(Newest *newest, int64_t time)
{
	newest->floor = time > newest->floor ? time : newest->floor;
	newest->greatest = time > newest->greatest ? time : newest->greatest;
}

static int
level_of(uint32_t series)
{
	uint64_t at = (uint64_t)series + FIRST;
	return 63 - __builtin_clzll(at) - FIRST_BITS;
}

static Status
make_level(Newest *newest, int level, Error *err)
{
	if (atomic_load_explicit(&newest->levels[level], memory_order_acquire) != NULL)
		return ST_OK;
	size_t count = (size_t)FIRST << level;
	int64_t *times = mem_alloc_array(count, sizeof(*times));
	if (times == NULL)
		return error_no_memory(err, "series");
	for (size_t i = 0; i < count; i++)
		times[i] = INT64_MIN;
	int64_t *none = NULL;
	if (!atomic_compare_exchange_strong(&newest->levels[level], &none, times))
		mem_free(times); // somebody else made it
	return ST_OK;
}

Status
newest_make_room(Newest *newest, uint32_t count, Error *err)
{
	for (int level = 0; count > 0 && level <= level_of(count - 1); level++)
		TRY(make_level(newest, level, err));
	return ST_OK;
}

bool
newest_add_unnumbered(Newest *newest, int64_t time)
{
	newest->unnumbered = true;
	bool late = time <= newest->greatest;
	if (!late)
		newest->greatest = time;
	return late;
}

bool
newest_add(Newest *newest, uint32_t series, int64_t time)
{
	if (newest->unnumbered)
		return newest_add_unnumbered(newest, time);
	int level = level_of(series);
	int64_t *times = atomic_load_explicit(&newest->levels[level], memory_order_acquire);
	int64_t *own = &times[(size_t)series + FIRST - ((size_t)FIRST << level)];
	bool late = time <= *own || time <= newest->floor;
	if (!late)
		*own = time;
	if (time > newest->greatest)
		newest->greatest = time;
	return late;
}
