#include "judge.h"

enum { DEEPEST = 2, MOST_VIOLATIONS = 5, STEPS_TOLD = 40 };

#define AFTER "after" // a table that states which were opened got

JudgeCounts judged;
static uint64_t random_state = 1;

const char *const judge_settings[] = {"wal.segment_size=64KiB",
									  "memtable.segment_size=64KiB",
									  "commit.max_bytes=4KiB", // larger ones are of files
									  "compaction.files=2",
									  "wal.keep_time=0s",
									  "verify=strict",
									  "log.level=error",
									  "stop.flush=5s",
									  "query.running=1",
									  NULL};

void
judge_seed(uint64_t seed)
{
	random_state = seed;
}

int64_t
judge_draw(int64_t below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (int64_t)(random_state >> 33) % below;
}

// ---- a life ----

void
must_do(Home *home, Model *model)
{
	WorkOp op = work_next(model);
	mobius_error err = {0};
	disk_note(NOTE_BEGUN, (uint64_t)op.number);
	mobius_status st = work_do(home, model, &op, &err);
	if (st != MOBIUS_OK)
		fail_msg("seed %" PRIu64 " operation %ld (%s): %s: %s", model->seed, op.number,
				 work_name(op.kind), status_name((Status)st), err.text);
	disk_note(NOTE_DONE, (uint64_t)op.number);
	disk_note(NOTE_SEQ, home->seq);
	model_apply(model, &op);
}

Trace *
live(uint64_t seed)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	Home home = {.dir = dir.path, .settings = judge_settings};
	Model model = {.seed = seed};
	disk_watch(dir.path);
	home.db = db_open(dir.path, judge_settings);
	while (model.next < LIFE_OPS)
		must_do(&home, &model);
	mobius_close(home.db);
	model_free(&model);
	return disk_stop();
}

// ---- what a state is judged by ----

void
violated(const Crash *crash, const char *when, const char *what)
{
	judged.violations++;
	if (crash->trace == NULL) {
		printf("VIOLATION %s: %s\n  life %" PRIu64 "\n", when, what, crash->work_seed);
		return;
	}
	printf("VIOLATION %s: %s\n  life %" PRIu64 ", step %ld of %ld, disk %s %" PRIu64
		   ", operations %ld to %ld, depth %d\n",
		   when, what, crash->work_seed, crash->step, trace_steps(crash->trace),
		   disk_model_name(crash->model), crash->disk_seed, crash->first, crash->last,
		   crash->depth);
	trace_tell(crash->trace, crash->step, STEPS_TOLD);
	if (getenv("KEEP") != NULL) {
		Dir kept = dir_new();
		trace_image(crash->trace, crash->step, crash->model, crash->disk_seed, kept.path);
		printf("  kept in %s\n", kept.path);
	}
	fflush(stdout);
	if (judged.violations >= MOST_VIOLATIONS)
		exit(1);
}

// What a table was before an operation, after it, or between: tables and columns that an append
// brings are a commit of their own, before the rows.
bool
work_holds(const Crash *crash, mobius *db, char *what, size_t room)
{
	Model model = model_after(crash->work_seed, crash->first);
	bool holds = model_holds(&model, db, what, room);
	if (!holds && crash->last > crash->first) {
		WorkOp op = work_next(&model);
		model_widen(&model, &op);
		char then[300];
		holds = model_holds(&model, db, then, sizeof(then));
		model_apply(&model, &op);
		holds = holds || model_holds(&model, db, then, sizeof(then));
		snprintf(what + strlen(what), room - strlen(what), "; or %s", then);
	}
	model_free(&model);
	return holds;
}

static bool
after_holds(const Crash *crash, mobius *db, char *what, size_t room)
{
	int64_t *found = NULL, count = 0;
	mobius_error err = {0};
	mobius_status st = ask(db, "SELECT count(*) FROM " AFTER, &found, &count, &err);
	int64_t rows = st == MOBIUS_OK && count == 1 ? found[0] : 0;
	free(found);
	snprintf(what, room, AFTER " has %" PRId64 " rows: %s", rows, err.text);
	return (st == MOBIUS_OK || st == MOBIUS_NOT_FOUND) && rows >= crash->after_first &&
		   rows <= crash->after_last;
}

static bool
holds(const Crash *crash, mobius *db, const char *when)
{
	char what[600] = "";
	if (work_holds(crash, db, what, sizeof(what)) && after_holds(crash, db, what, sizeof(what)))
		return true;
	violated(crash, when, what);
	return false;
}

static void
tell_finding(void *arg, bool damage, const char *text)
{
	(void)arg;
	if (damage)
		printf("  %s\n", text);
}

static Status
check_backup(void *arg, const char *name, Error *err)
{
	char path[400];
	const Crash *crash = ((const void **)arg)[0];
	mobius_checked checked = {0};
	mobius_error cause = {0};
	(void)err;
	size_t len = strlen(name);
	if (len > 8 && strcmp(name + len - 8, ".partial") == 0)
		return ST_OK;
	snprintf(path, sizeof(path), "%s/%s", (const char *)((const void **)arg)[1], name);
	mobius_findings findings = {.found = tell_finding};
	mobius_status st = mobius_check(path, &findings, &checked, &cause);
	if (st != MOBIUS_OK || checked.damaged > 0) {
		char what[900];
		snprintf(what, sizeof(what), "%s: %" PRIu64 " damaged, %s", path, checked.damaged,
				 cause.text);
		violated(crash, "a backup that has its name is whole", what);
	}
	return ST_OK;
}

// Those that were acknowledged.
static void
check_all_made(const Crash *crash, const char *backups)
{
	Model model = {.seed = crash->work_seed};
	while (model.next < crash->first) {
		WorkOp op = work_next(&model);
		char path[140];
		snprintf(path, sizeof(path), "%s/b%ld/manifest.json", backups, op.number);
		if (op.kind == WORK_BACKUP && access(path, F_OK) != 0)
			violated(crash, "a backup that was acknowledged is there", path);
		model_apply(&model, &op);
	}
	model_free(&model);
}

// With nobody in it.
static void
check_dir(const Crash *crash, const char *dir)
{
	char backups[100];
	mobius_checked checked = {0};
	mobius_error err = {0};
	mobius_findings findings = {.found = tell_finding};
	mobius_status st = mobius_check(dir, &findings, &checked, &err);
	if (st != MOBIUS_OK || checked.damaged > 0)
		violated(crash, "a directory that was stopped is whole", err.text);
	snprintf(backups, sizeof(backups), "%s/backup", dir);
	check_all_made(crash, backups);
	Status none = dir_list(backups, check_backup, (const void *[]){crash, backups}, NULL);
	(void)none;
}

// ---- opening states ----

static mobius *
open_state(const Crash *crash, const char *dir, const char *when)
{
	mobius *db = NULL;
	mobius_error err = {0};
	if (try_open(dir, judge_settings, &db, &err) != MOBIUS_OK)
		violated(crash, when, err.text);
	return db;
}

// A row more, under a number never used before.
static bool
append_after(Crash *crash, mobius *db)
{
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 1, 1);
	mobius_error err = {0};
	uint64_t seq = 0;
	disk_note(NOTE_BEGUN, 0);
	if (append_batch(db, AFTER, schema, batch, &seq, &err) != MOBIUS_OK) {
		violated(crash, "a database that was opened takes a row", err.text);
		return false;
	}
	disk_note(NOTE_DONE, 0);
	disk_note(NOTE_SEQ, seq);
	if (seq <= crash->seq) {
		violated(crash, "a number is given once", "it was given again");
		return false;
	}
	crash->seq = seq;
	return true;
}

// The greatest id that was acknowledged.
static int64_t
greatest_id(const Crash *crash)
{
	Model model = model_after(crash->work_seed, crash->first);
	int64_t id = model.tables[WORK_ENTITIES].last_id;
	model_free(&model);
	return id > crash->id ? id : crash->id;
}

// An entity more, if there is their table, under an id never given before: not even to one that is
// gone.
static bool
entity_after(Crash *crash, mobius *db)
{
	int64_t *found = NULL, count = 0, given = 0;
	mobius_error err = {0};
	char text[100];
	snprintf(text, sizeof(text), "INSERT INTO t%d (v) VALUES (%d)", WORK_ENTITIES, NOT_WORK);
	mobius_status st = ask(db, text, NULL, &count, &err);
	if (st == MOBIUS_NOT_FOUND)
		return true;
	snprintf(text, sizeof(text), "SELECT max(id) FROM t%d WHERE v = %d", WORK_ENTITIES, NOT_WORK);
	if (st == MOBIUS_OK)
		st = ask(db, text, &found, &count, &err);
	if (st == MOBIUS_OK && count == 1)
		given = found[0];
	free(found);
	disk_note(NOTE_ID, (uint64_t)given);
	if (given <= greatest_id(crash)) {
		snprintf(text, sizeof(text), "%" PRId64 " behind %" PRId64, given, greatest_id(crash));
		violated(crash, "an id is given once", st == MOBIUS_OK ? text : err.text);
		return false;
	}
	crash->id = given;
	return true;
}

static void open_again(const Crash *crash, const char *dir);

// The power fails while a state is opened and used.
static void
cut_again(const Crash *crash, const Trace *trace)
{
	long steps = trace_steps(trace);
	Crash next = *crash;
	next.trace = trace;
	next.depth = crash->depth + 1;
	next.step = 1 + judge_draw(steps);
	next.model = (DiskModel)judge_draw(DISK_MODELS);
	next.disk_seed = (uint64_t)judge_draw(1 << 30);
	next.after_first = crash->after_first + (trace_noted(trace, next.step, NOTE_DONE, 1) == 0);
	next.after_last = crash->after_last + (trace_noted(trace, next.step, NOTE_BEGUN, 1) == 0);
	next.seq = trace_noted(trace, next.step, NOTE_SEQ, crash->seq);
	next.id = (int64_t)trace_noted(trace, next.step, NOTE_ID, (uint64_t)crash->id);
	judged.again++;
	try_state(next);
}

void
try_state(Crash crash)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	trace_image(crash.trace, crash.step, crash.model, crash.disk_seed, dir.path);
	judged.states++;
	disk_watch(dir.path);
	Crash before = crash;
	mobius *db = open_state(&crash, dir.path, "what a crash leaves can be opened");
	bool fine = db != NULL && holds(&crash, db, "what was acknowledged is there, and no half");
	fine = fine && append_after(&crash, db) && entity_after(&crash, db);
	mobius_close(db);
	Trace *trace = disk_stop();
	crash.after_first++;
	crash.after_last++;
	if (fine && judge_draw(2) == 0)
		open_again(&crash, dir.path);
	if (fine && crash.depth < DEEPEST && judge_draw(3) == 0)
		cut_again(&before, trace);
	trace_free(trace);
}

static void
open_again(const Crash *crash, const char *dir)
{
	check_dir(crash, dir);
	mobius *db = open_state(crash, dir, "what was stopped can be opened");
	if (db != NULL)
		(void)holds(crash, db, "a second start finds what the first did");
	mobius_close(db);
}

Crash
crash_at(const Trace *trace, uint64_t seed, long step)
{
	long done = (long)trace_noted(trace, step, NOTE_DONE, UINT64_MAX) + 1;
	long begun = (long)trace_noted(trace, step, NOTE_BEGUN, UINT64_MAX) + 1;
	return (Crash){.trace = trace,
				   .step = step,
				   .model = (DiskModel)judge_draw(DISK_MODELS),
				   .disk_seed = (uint64_t)judge_draw(1 << 30),
				   .work_seed = seed,
				   .first = done,
				   .last = begun,
				   .seq = trace_noted(trace, step, NOTE_SEQ, 0)};
}
