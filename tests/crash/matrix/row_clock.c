// row_clock.c - A11: the wall clock jumps, stands still, goes back. A12: a disk that takes its
// time.

#include <sys/syscall.h>
#include <time.h>

#include "rows.h"

// ---- the clock ----

static atomic_long shift_s;
static atomic_long frozen_s; // 0: it goes

__attribute__((visibility("default"))) int
clock_gettime(clockid_t id, struct timespec *out)
{
	long rc = syscall(SYS_clock_gettime, id, out);
	if (id == CLOCK_REALTIME) {
		long frozen = atomic_load(&frozen_s);
		out->tv_sec = frozen != 0 ? frozen : out->tv_sec + atomic_load(&shift_s);
		out->tv_nsec = frozen != 0 ? 0 : out->tv_nsec;
	}
	return (int)rc;
}

static void
jump(void)
{
	static const long jumps[] = {-1000, 3600, -3600, 315360000, 1, -1, 0};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	atomic_store(&frozen_s, judge_draw(4) == 0 ? now.tv_sec : 0);
	atomic_store(&shift_s, jumps[judge_draw((int64_t)COUNT_OF(jumps))]);
}

static void
live_with_jumps(uint64_t seed)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	Home home = {.dir = dir.path, .settings = judge_settings};
	Model model = {.seed = seed};
	disk_watch(dir.path);
	home.db = db_open(dir.path, judge_settings);
	while (model.next < LIFE_OPS) {
		if (judge_draw(3) == 0)
			jump();
		must_do(&home, &model);
	}
	mobius_close(home.db);
	model_free(&model);
	Trace *trace = disk_stop();
	jump();
	try_state(crash_at(trace, seed, judge_draw(trace_steps(trace)) + 1));
	trace_free(trace);
}

void
row_clock_jumps(long lives, uint64_t seed)
{
	for (long life = 0; life < lives; life++)
		live_with_jumps(seed * 1000 + (uint64_t)life);
	atomic_store(&shift_s, 0);
	atomic_store(&frozen_s, 0);
	printf("A11: seed %" PRIu64 ", %ld lives under a clock that jumps, %ld violations\n", seed,
		   lives, judged.violations);
}

// ---- the slow disk ----

static void *
put_slowly(void *arg)
{
	append_rows(arg, "t", 1000, 10);
	return NULL;
}

// While a sync is under way, reads are served, of what was there before it.
void
row_slow_disk(long lives, uint64_t seed)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	disk_watch(dir.path);
	mobius *db = db_open(dir.path, judge_settings);
	for (long life = 0; life < lives; life++) {
		pthread_t thread;
		append_rows(db, "t", 0, 10);
		int64_t before = number(db, "SELECT count(*) FROM t");
		disk_hold_syncs();
		assert_int_equal(pthread_create(&thread, NULL, put_slowly, db), 0);
		disk_wait_for_sync();
		if (number(db, "SELECT count(*) FROM t") != before)
			violated(&(Crash){0}, "what was not synced is not shown", "it was");
		disk_let_syncs();
		pthread_join(thread, NULL);
		if (number(db, "SELECT count(*) FROM t") != before + 10)
			violated(&(Crash){0}, "what was acknowledged is shown", "it is not");
	}
	mobius_close(db);
	trace_free(disk_stop());
	printf("A12: seed %" PRIu64 ", %ld reads beside a sync that waits, %ld violations\n", seed,
		   lives, judged.violations);
}
