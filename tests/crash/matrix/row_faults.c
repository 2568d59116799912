// row_faults.c - A5: a sync fails, and what it was to save is never saved. A6: any call that
// changes the disk fails, in each way a system can. Once, or from then on.

#include <errno.h>

#include "rows.h"

static bool
is_cause(mobius_status st)
{
	return st == MOBIUS_NO_MEMORY || st == MOBIUS_IO || st == MOBIUS_DISK_FULL ||
		   st == MOBIUS_UNAVAILABLE || st == MOBIUS_LIMIT;
}

// Whether the life ends here: it is not known whether the operation happened.
static bool
ends_life(const WorkOp *op)
{
	return op->kind != WORK_FLUSH && op->kind != WORK_COMPACT;
}

static bool
live_on(Home *home, Model *model, Crash *crash)
{
	while (model->next < LIFE_OPS) {
		WorkOp op = work_next(model);
		mobius_error err = {0};
		mobius_status st = work_do(home, model, &op, &err);
		if (st != MOBIUS_OK && !is_cause(st))
			violated(crash, "what fails says why", err.text);
		if (st != MOBIUS_OK && ends_life(&op))
			return false;
		model_apply(model, &op);
		crash->seq = home->seq;
	}
	return true;
}

// Reads are served, of what was acknowledged and maybe of what was not.
static void
read_on(Home *home, const Crash *crash)
{
	char what[600] = "";
	if (home->db != NULL && !work_holds(crash, home->db, what, sizeof(what)))
		violated(crash, "reads are served after a failure", what);
}

static bool
live_with_fault(uint64_t seed, const DiskFault *fault)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	Home home = {.dir = dir.path, .settings = judge_settings};
	Model model = {.seed = seed};
	Crash crash = {.work_seed = seed};
	disk_watch(dir.path);
	home.db = db_open(dir.path, judge_settings);
	disk_fail(fault);
	bool whole = live_on(&home, &model, &crash);
	crash.first = model.next;
	crash.last = model.next + !whole;
	read_on(&home, &crash);
	bool hit = disk_mend();
	disk_note(NOTE_DONE, 0);
	mobius_close(home.db);
	Trace *trace = disk_stop();
	crash.trace = trace;
	crash.step = judge_draw(2) == 0 ? trace_steps(trace) : trace_last_note(trace);
	crash.model = (DiskModel)judge_draw(DISK_MODELS);
	crash.disk_seed = (uint64_t)judge_draw(1 << 30);
	crash.depth = 1;
	if (hit)
		try_state(crash);
	trace_free(trace);
	model_free(&model);
	return hit;
}

// Each call of a life in turn where there are lives enough, else some of them.
static void
fail_in_turn(const char *row, long lives, uint64_t seed, DiskFault (*next)(void))
{
	long hits = 0;
	for (long life = 0; life < lives; life++) {
		DiskFault fault = next();
		hits += live_with_fault(seed * 1000 + (uint64_t)life % 7, &fault);
	}
	printf("%s: seed %" PRIu64 ", %ld lives, in %ld of them a call failed, %ld violations\n", row,
		   seed, lives, hits, judged.violations);
}

static DiskFault
next_sync(void)
{
	return (DiskFault){.calls = CALL_SYNC, .nth = judge_draw(120), .error = EIO};
}

static DiskFault
next_call(void)
{
	static const int errors[] = {EIO, ENOSPC, EDQUOT, EINTR, 0};
	static const unsigned calls[] = {CALL_WRITE, CALL_NAMES, CALL_WRITE | CALL_SYNC | CALL_NAMES};
	DiskFault fault = {.nth = judge_draw(400), .sticky = judge_draw(3) == 0};
	fault.calls = calls[judge_draw((int64_t)COUNT_OF(calls))];
	fault.error = errors[judge_draw((int64_t)COUNT_OF(errors))];
	bool once = fault.error == EINTR || fault.error == 0; // the system does not say it for ever
	if (once) {
		fault.sticky = false;
		fault.calls = CALL_WRITE;
	}
	if (fault.calls == CALL_NAMES)
		fault.nth %= 40;
	return fault;
}

void
row_sync_fails(long lives, uint64_t seed)
{
	fail_in_turn("A5", lives, seed, next_sync);
}

void
row_calls_fail(long lives, uint64_t seed)
{
	fail_in_turn("A6", lives, seed, next_call);
}
