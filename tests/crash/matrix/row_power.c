// row_power.c - A2 and A3: the process dies, or the power fails, at any step. A14: twins.

#include "rows.h"

// Half of the crashes come right before a sync, or right after it.
static long
draw_step(const Trace *trace)
{
	long step = judge_draw(trace_steps(trace));
	if (judge_draw(2) == 0)
		while (step < trace_steps(trace) && !trace_is_sync(trace, step))
			step++;
	return step + judge_draw(2);
}

void
row_power_cut(long points, uint64_t seed)
{
	enum { POINTS_OF_A_LIFE = 40 };
	for (uint64_t life = seed * 1000; judged.states < points; life++) {
		Trace *trace = live(life);
		judged.lives++;
		judged.steps += trace_steps(trace);
		for (int i = 0; i < POINTS_OF_A_LIFE && judged.states < points; i++)
			try_state(crash_at(trace, life, draw_step(trace)));
		trace_free(trace);
	}
	printf("A2 A3: %ld lives of %ld steps, %ld crash states, %ld of them of a start, %ld "
		   "violations\n",
		   judged.lives, judged.steps, judged.states, judged.again, judged.violations);
}

// ---- twins ----

static void
must_hold(const Model *model, mobius *db, const char *when)
{
	char what[600];
	if (!model_holds(model, db, what, sizeof(what)))
		fail_msg("seed %" PRIu64 ", %s operation %ld: %s", model->seed, when, model->next, what);
}

// The process dies and the next one finds what it left; or the power fails.
static void
die(Home *home, Dir *dir)
{
	Trace *trace = disk_stop();
	DiskModel model = (DiskModel)judge_draw(DISK_MODELS);
	Dir next = dir_new();
	trace_image(trace, trace_steps(trace), model, (uint64_t)judge_draw(1 << 30), next.path);
	trace_free(trace);
	mobius_close(home->db);
	dir_drop(dir);
	*dir = next;
	disk_watch(dir->path);
	home->db = db_open(dir->path, judge_settings);
}

void
row_twins(long ops, uint64_t seed)
{
	enum { COMPARE_EVERY = 10, DIE_EVERY = 150 };
	Dir dir = dir_new();
	Model model = {.seed = seed};
	Home home = {.dir = dir.path, .settings = judge_settings};
	long deaths = 0, compared = 0;
	disk_watch(dir.path);
	home.db = db_open(dir.path, judge_settings);
	while (model.next < ops) {
		must_do(&home, &model);
		bool dies = judge_draw(DIE_EVERY) == 0;
		if (dies)
			die(&home, &dir);
		deaths += dies;
		if (dies || judge_draw(COMPARE_EVERY) == 0) {
			must_hold(&model, home.db, dies ? "after a crash behind" : "behind");
			compared++;
		}
	}
	must_hold(&model, home.db, "at the end, behind");
	printf("A14: seed %" PRIu64 ", %ld operations, %ld comparisons, %ld crashes, 0 violations\n",
		   seed, ops, compared, deaths);
	mobius_close(home.db);
	trace_free(disk_stop());
	model_free(&model);
	dir_drop(&dir);
}
