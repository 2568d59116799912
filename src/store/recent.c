#include "store/recent.h"

static RecentPut
joined(RecentPut a, RecentPut b)
{
	return (RecentPut){
		.seq = a.seq > b.seq ? a.seq : b.seq,
		.min_time = a.min_time < b.min_time ? a.min_time : b.min_time,
		.max_time = a.max_time > b.max_time ? a.max_time : b.max_time,
	};
}

// Each two of the older half become one; the newer half stays as it is.
static void
make_room(RecentPuts *recent)
{
	int32_t kept = 0;
	for (int32_t i = 0; i < RECENT_PUTS / 2; i += 2)
		recent->puts[kept++] = joined(recent->puts[i], recent->puts[i + 1]);
	for (int32_t i = RECENT_PUTS / 2; i < RECENT_PUTS; i++)
		recent->puts[kept++] = recent->puts[i];
	recent->count = kept;
}

void
recent_puts_add(RecentPuts *recent, uint64_t seq, int64_t min_time, int64_t max_time)
{
	if (min_time > max_time)
		return;
	RecentPut put = {seq, min_time, max_time};
	RecentPut *last = recent->count > 0 ? &recent->puts[recent->count - 1] : 0;
	if (last != 0 && last->seq == seq) {
		*last = joined(*last, put);
		return;
	}
	if (recent->count == RECENT_PUTS)
		make_room(recent);
	recent->puts[recent->count++] = put;
}

bool
recent_puts_overlap(const RecentPuts *recent, uint64_t after, uint64_t before, int64_t min_time,
					int64_t max_time)
{
	for (int32_t i = 0; i < recent->count; i++) {
		const RecentPut *put = &recent->puts[i];
		if (put->seq > after && put->seq < before && put->min_time <= max_time &&
			put->max_time >= min_time)
			return true;
	}
	return false;
}
