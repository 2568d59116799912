// disk.h - the disk that crash tests look at, and what a crash can leave of it.
//
// The calls of libc that change files are this program's own: they do what they are asked and write
// it down. That holds for DuckDB and SQLite as well, which have their own ways to the disk. From
// what was written down follows, for every step, each state a crash at that step can leave: what
// was synced, and of the rest what the model of the disk keeps.
//
// Calls can also be made to fail, below a part of a path or anywhere.
//
// Threads  one lock guards the trace; a step is done and written down under it.

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What becomes of that which was not synced.
typedef enum DiskModel {
	DISK_KEEPS,   // all of it is there: only the process died
	DISK_LOSES,   // nothing of it is there
	DISK_ORDERED, // names as of an earlier moment; each 4096 bytes of a file new, old or garbage
	DISK_TEARS,   // each name by itself; each 512 bytes new, old or garbage
	DISK_MODELS
} DiskModel;

const char *disk_model_name(DiskModel model);

typedef struct Trace Trace; // what was written down

// What is beneath root is safe; what changes there from now on is written down.
void disk_watch(const char *root);
Trace *disk_stop(void); // ends that
void trace_free(Trace *trace);

// Steps of the test's own.
typedef enum NoteKind { NOTE_BEGUN, NOTE_DONE, NOTE_SEQ, NOTE_ID } NoteKind;
void disk_note(NoteKind kind, uint64_t number);

long trace_steps(const Trace *trace);
bool trace_is_sync(const Trace *trace, long step);
// The newest number of its kind before a step; `none` if there is none.
uint64_t trace_noted(const Trace *trace, long step, NoteKind kind, uint64_t none);
long trace_last_note(const Trace *trace);                  // its step
void trace_tell(const Trace *trace, long step, int count); // prints the steps before one

// Makes `to`, an empty folder, one of the states that a crash before `step` can leave.
void trace_image(const Trace *trace, long step, DiskModel model, uint64_t seed, const char *to);

// ---- calls that fail ----

typedef enum DiskCall { // bits
	CALL_WRITE = 1,
	CALL_SYNC = 2,  // of a file or a directory; what it was to save of a file never will be
	CALL_NAMES = 4, // create, rename, link, unlink, mkdir
	CALL_GROW = 8,  // of writes and allocations those that need room
} DiskCall;

typedef struct DiskFault {
	unsigned calls; // DiskCall bits
	long nth;       // of them, from 0
	bool sticky;    // and all after it
	int error;      // an errno; 0: a write takes only half, once
} DiskFault;

void disk_fail(const DiskFault *fault);
bool disk_mend(void);          // ends that; whether a call failed
void disk_room(int64_t bytes); // that files may still grow by, all together; INT64_MAX: any

// ---- syncs that wait ----

void disk_hold_syncs(void);    // from now on a sync of a file waits
void disk_wait_for_sync(void); // until one does
void disk_let_syncs(void);
