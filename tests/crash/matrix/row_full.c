// row_full.c - A8: a disk without room. Writes are refused, reads go on, a start reads; with room
// again all is as before.

#include "rows.h"

enum { PATIENCE = 60 };

// Some operations, or until one is refused.
static bool
fill_some(Home *home, Model *model, const Crash *crash)
{
	for (int i = 0; i < LIFE_OPS; i++) {
		WorkOp op = work_next(model);
		if (op.kind != WORK_APPEND) // others may free room
			op = (WorkOp){.kind = WORK_FLUSH};
		mobius_error err = {0};
		mobius_status st = work_do(home, model, &op, &err);
		if (st == MOBIUS_OK) {
			model_apply(model, &op);
			continue;
		}
		if (st != MOBIUS_DISK_FULL && st != MOBIUS_UNAVAILABLE && st != MOBIUS_LIMIT)
			violated(crash, "a full disk is called so", err.text);
		return true;
	}
	return false;
}

// What is flushed and merged makes room again, so the disk shrinks until it does not suffice.
static bool
fill(Home *home, Model *model, const Crash *crash)
{
	for (int64_t room = judge_draw(256) << 10; room > 0; room /= 2) {
		disk_room(room);
		if (fill_some(home, model, crash))
			return true;
	}
	disk_room(0);
	return fill_some(home, model, crash);
}

static void
must_read(const Model *model, mobius *db, const Crash *crash, const char *when)
{
	char what[600] = "", then[600] = "";
	if (model_holds(model, db, what, sizeof(what)))
		return;
	Model wide = *model; // a table or columns may have come before their rows
	WorkOp op = work_next(&wide);
	model_widen(&wide, &op);
	if (!model_holds(&wide, db, then, sizeof(then)))
		violated(crash, when, what);
}

// Until a row is taken; the number of those that were not.
static int64_t
put_until_taken(mobius *db, const Crash *crash)
{
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	int64_t end_ns = clock_mono_ns() + PATIENCE * SECOND, tries = 0;
	mobius_error err = {0};
	while (clock_mono_ns() < end_ns) {
		SCOPED(batch_drop) Batch *batch = rows_batch(schema, 1, 1);
		tries++;
		if (append_batch(db, "after", schema, batch, NULL, &err) == MOBIUS_OK)
			return tries;
		clock_sleep_ns(SECOND / 20);
	}
	violated(crash, "writes go on once there is room", err.text);
	return tries;
}

static bool
has_ballast(const char *dir)
{
	char path[100];
	snprintf(path, sizeof(path), "%s/ballast", dir);
	return access(path, F_OK) == 0;
}

static void
wait_for_ballast(const char *dir)
{
	int64_t end_ns = clock_mono_ns() + PATIENCE * SECOND;
	while (!has_ballast(dir) && clock_mono_ns() < end_ns)
		clock_sleep_ns(SECOND / 20);
}

static void
start_on_full(const Model *model, const Crash *crash, const char *dir)
{
	mobius *db = NULL;
	mobius_error err = {0};
	disk_watch(dir);
	disk_room(0);
	bool could = has_ballast(dir); // what it gives back is room for a start
	mobius_status st = try_open(dir, judge_settings, &db, &err);
	if (st == MOBIUS_OK)
		must_read(model, db, crash, "a start on a full disk reads");
	else if (could || st != MOBIUS_DISK_FULL)
		violated(crash, "a full disk can be started on", err.text);
	mobius_close(db);
	disk_room(INT64_MAX);
	db = db_open(dir, judge_settings);
	must_read(model, db, crash, "with room again all is there");
	put_until_taken(db, crash);
	mobius_close(db);
	trace_free(disk_stop());
}

static bool
live_on_full(uint64_t seed)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(dir_drop) Dir killed = dir_new();
	Home home = {.dir = dir.path, .settings = judge_settings};
	Model model = {.seed = seed};
	Crash crash = {.work_seed = seed};
	disk_watch(dir.path);
	home.db = db_open(dir.path, judge_settings);
	for (int i = 0; i < 5; i++)
		must_do(&home, &model);
	if (seed % 2 == 0)
		wait_for_ballast(dir.path);
	bool full = fill(&home, &model, &crash);
	if (!full)
		violated(&crash, "a disk without room is full", "everything was written");
	must_read(&model, home.db, &crash, "reads are served on a full disk");
	Trace *trace = disk_stop();
	trace_image(trace, trace_steps(trace), DISK_KEEPS, 1, killed.path);
	trace_free(trace);
	disk_room(INT64_MAX);
	put_until_taken(home.db, &crash);
	must_read(&model, home.db, &crash, "with room again nothing is lost");
	mobius_close(home.db);
	start_on_full(&model, &crash, killed.path);
	model_free(&model);
	return full;
}

void
row_disk_full(long lives, uint64_t seed)
{
	long full = 0;
	for (long life = 0; life < lives; life++)
		full += live_on_full(seed * 1000 + (uint64_t)life);
	printf("A8: seed %" PRIu64 ", %ld lives, in %ld of them the disk was full, %ld violations\n",
		   seed, lives, full, judged.violations);
}
