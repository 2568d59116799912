#include "store/merge_share.h"

#include "os/clock.h"

#define MOST_NS INT64_C(200000000)

int64_t
merge_share_pause(int64_t wall_ns, int64_t cpu_ns, int percent)
{
	if (percent >= 100 || cpu_ns >= wall_ns / 10 * 9)
		return 0;
	int64_t pause = percent > 0 ? cpu_ns * 100 / percent - wall_ns : MOST_NS;
	if (pause <= 0)
		return 0;
	return pause < MOST_NS ? pause : MOST_NS;
}

void
merge_share_keep(MergeShare *share, int percent)
{
	int64_t wall = clock_mono_ns(), cpu = clock_thread_cpu_ns();
	if (share->wall_ns != 0)
		clock_sleep_ns(merge_share_pause(wall - share->wall_ns, cpu - share->cpu_ns, percent));
	*share = (MergeShare){clock_mono_ns(), cpu};
}
