// Whole lives of a database in which one call after another fails: nothing acknowledged is lost,
// nothing is left over, nothing breaks.
//
// Threads of the database meet the faults as well, so what the n-th call is differs from run to
// run. All calls in turn take long, so the steps grow. MOBIUS_EVERY_FAULT=1 takes them all.

#include "images.h"

enum {
	READY_OPS = 14, // what is there before: files, a log, columns that were added
	OPS = 26,
	SPREAD = 3, // of the calls tried: each is a third further than the last
};

typedef enum Outcome { NOT_TRIED, ACKNOWLEDGED, FAILED } Outcome;

typedef struct Life {
	long nth;    // call that failed
	Op ops[OPS]; // made before: what the test needs is not to fail
	Outcome outcome[OPS];
	uint32_t unclear; // a guess: which of the failed operations happened all the same
	char wrong[600];  // what is not as it must be; "": nothing
} Life;

// ---- a life ----

static const char *const *
settings(void)
{
	static const char *const all[] = {"query.running=1", "wal.segment_size=64KiB",
									  "memtable.segment_size=64KiB", "stop.flush=5s", NULL};
	return all;
}

static bool
is_cause(mobius_status st)
{
	return st == MOBIUS_NO_MEMORY || st == MOBIUS_IO || st == MOBIUS_DISK_FULL ||
		   st == MOBIUS_UNAVAILABLE || st == MOBIUS_LIMIT;
}

// What fails says a cause that a failing call can be. Told later: meanwhile calls fail.
static void
judge(Life *life, const char *what, int i, mobius_status st, const mobius_error *err)
{
	if (st != MOBIUS_OK && !is_cause(st) && life->wrong[0] == '\0')
		snprintf(life->wrong, sizeof(life->wrong), "%s %d failed: %s: %s", what, i,
				 status_name((Status)st), err->text);
}

static void
live(const Dir *dir, Life *life)
{
	mobius *db = NULL;
	mobius_error err = {0};
	mobius_status st = try_open(dir->path, settings(), &db, &err);
	judge(life, "start", 0, st, &err);
	for (int i = READY_OPS; st == MOBIUS_OK && i < OPS; i++) {
		mobius_status done = op_do(db, &life->ops[i], &err);
		life->outcome[i] = done == MOBIUS_OK ? ACKNOWLEDGED : FAILED;
		judge(life, "operation", i, done, &err);
	}
	mobius_close(db);
}

static bool
live_with_fault(const Dir *dir, void (*arm)(long nth), Life *life)
{
	for (int i = READY_OPS; i < OPS; i++)
		life->ops[i] = op_make(i);
	arm(life->nth);
	live(dir, life);
	bool hit = fault_disarm();
	for (int i = READY_OPS; i < OPS; i++)
		op_drop(&life->ops[i]);
	return hit;
}

// ---- what it leaves ----

static bool
happened(const void *arg, int i)
{
	const Life *life = arg;
	return i < READY_OPS || life->outcome[i] == ACKNOWLEDGED || (life->unclear >> i & 1) != 0;
}

// Whether a table is as some of the failed operations having happened would make it.
static bool
table_is_explained(mobius *db, int table, Life *life)
{
	uint32_t failed = 0;
	for (int i = READY_OPS; i < OPS; i++)
		if (i % TABLES == table && life->outcome[i] == FAILED)
			failed |= UINT32_C(1) << i;
	int64_t count = 0;
	int64_t *values = actual_rows(db, table, &count);
	bool explained = false;
	uint32_t guess = failed;
	do { // every subset
		life->unclear = guess;
		explained = table_is(values, count, table, OPS, happened, life);
		guess = (guess - 1) & failed;
	} while (!explained && guess != failed);
	free(values);
	return explained;
}

static void
check(const Dir *dir, Life *life)
{
	SCOPED(db_drop) mobius *db = db_open(dir->path, SETTINGS("stop.flush=0s"));
	for (int table = 0; table < TABLES; table++)
		if (!table_is_explained(db, table, life))
			fail_msg("call %ld failed, and t%d is not what was acknowledged", life->nth, table);
}

// ---- loops ----

static Dir
make_ready(void)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, settings());
	mobius_error err = {0};
	for (int i = 0; i < READY_OPS; i++)
		fine(op_run(db, i, &err), &err);
	return dir_copy(&dir);
}

static long
next_call(long nth)
{
	return getenv("MOBIUS_EVERY_FAULT") != NULL ? nth + 1 : nth + nth / SPREAD + 1;
}

static void
fail_in_turn(const Dir *ready, void (*arm)(long nth))
{
	bool hit = true;
	for (long nth = 0; hit; nth = next_call(nth)) {
		SCOPED(dir_drop) Dir dir = dir_copy(ready);
		Life life = {.nth = nth};
		long blocks = mem_live(), files = file_live();
		hit = live_with_fault(&dir, arm, &life);
		if (life.wrong[0] != '\0')
			fail_msg("call %ld failed, and %s", nth, life.wrong);
		if (mem_live() != blocks || file_live() != files)
			fail_msg("call %ld failed: %ld blocks, %ld files are left", nth, mem_live() - blocks,
					 file_live() - files);
		check(&dir, &life);
	}
}

static void
one_failing_call_in_a_life_loses_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir ready = make_ready();
	fail_in_turn(&ready, fault_arm);
}

static void
every_call_failing_from_one_on_loses_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir ready = make_ready();
	fail_in_turn(&ready, fault_arm_sticky);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_failing_call_in_a_life_loses_nothing),
		TEST(every_call_failing_from_one_on_loses_nothing),
	};
	return RUN(tests);
}
