// judge.h - lives of a database on a watched disk, and what is asked of each state they leave.
//
// A state is opened, compared with the model, used, stopped, looked at and opened again. Of some of
// these starts the steps are written down as well, and the power fails once more.

#pragma once

#include "disk.h"
#include "work.h"

enum { LIFE_OPS = 36 };

typedef struct Crash {
	const Trace *trace;
	long step;
	DiskModel model;
	uint64_t disk_seed;
	uint64_t work_seed;
	long first, last;                // operations that must, and may, have happened
	int64_t after_first, after_last; // rows that the judge itself must, and may, have put
	uint64_t seq;                    // the newest that was acknowledged
	int64_t id;                      // the greatest that the judge was given for an entity
	int depth;
} Crash;

typedef struct JudgeCounts {
	long lives, steps, states, again, violations;
} JudgeCounts;

extern JudgeCounts judged;
extern const char *const judge_settings[];

void judge_seed(uint64_t seed);
int64_t judge_draw(int64_t below);

void must_do(Home *home, Model *model); // the next operation, which does not fail
Trace *live(uint64_t seed);             // so many of them, with a start and a stop
Crash crash_at(const Trace *trace, uint64_t seed, long step);
void try_state(Crash crash);
// Whether the database holds what was done, and of what may have been done all or nothing.
bool work_holds(const Crash *crash, mobius *db, char *what, size_t room);
void violated(const Crash *crash, const char *when, const char *what); // trace may be NULL
