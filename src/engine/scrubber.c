#include "engine/scrubber.h"

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "store/quarantine.h"

#define SECOND_NS INT64_C(1000000000)
#define AGAIN_NS  (6 * 24 * 3600 * SECOND_NS) // a day is left to come around

enum {
	BYTES_PER_SECOND = 64 << 20,
	ROUND_FILES = 256, // whose turn it is, is asked again after so many
	IDLE_SECONDS = 10,
	NICE = 10,
};

struct Scrubber {
	mobius *db;
	Thread *thread;
	Signal wake;
	atomic_bool stopping;

	// The thread's.
	int64_t next_ns;              // mono: what was read may have taken until then
	DataFile *files[ROUND_FILES]; // references
	VerifyDepth depths[ROUND_FILES];
	int32_t count;
};

// ---- whose turn it is ----

// Footers first: they are quick, and tell of most that can happen. Then what is read.
typedef enum Turn { TURN_FOOTER, TURN_USED, TURN_OTHERS, TURNS } Turn;

static void
consider(Scrubber *scrubber, DataFile *file, Turn turn, int64_t before_ns)
{
	bool used;
	VerifyDepth depth = data_file_due(file, before_ns, &used);
	bool now = turn == TURN_FOOTER ? depth == VERIFY_FOOTER
								   : depth == VERIFY_WHOLE && (used || turn == TURN_OTHERS);
	if (!now || scrubber->count == ROUND_FILES)
		return;
	scrubber->depths[scrubber->count] = depth;
	scrubber->files[scrubber->count++] = data_file_ref(file);
}

// One in quarantine may have been put back.
static void
look_again(DataFile *file, Turn turn)
{
	if (turn == TURN_FOOTER && data_file_quarantined(file))
		(void)data_file_verify(file, VERIFY_FOOTER, NULL, NULL);
}

static void
consider_all(Scrubber *scrubber, const Snapshot *snapshot, Turn turn)
{
	int64_t before_ns = clock_wall_ns() - AGAIN_NS;
	for (int32_t t = 0; t < snapshot->table_count; t++) {
		const FileSet *files = snapshot->tables[t].files;
		for (int32_t i = 0; i < file_set_count(files); i++) {
			look_again(file_set_at(files, i), turn);
			consider(scrubber, file_set_at(files, i), turn, before_ns);
		}
	}
}

// The snapshot is not kept: it would hold memory segments for as long as files are read.
static void
choose(Scrubber *scrubber)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	scrubber->count = 0;
	if (store_snapshot(scrubber->db->store, NULL, 0, &snapshot, NULL) != ST_OK)
		return;
	for (Turn turn = TURN_FOOTER; turn < TURNS && scrubber->count == 0; turn++)
		consider_all(scrubber, snapshot, turn);
}

// ---- reading ----

static bool
pace(void *arg, uint64_t bytes)
{
	Scrubber *scrubber = arg;
	int64_t now = clock_mono_ns();
	if (scrubber->next_ns < now - SECOND_NS)
		scrubber->next_ns = now - SECOND_NS; // what was not used is not saved up
	scrubber->next_ns += (int64_t)bytes * SECOND_NS / BYTES_PER_SECOND;
	if (scrubber->next_ns > now)
		(void)signal_wait(&scrubber->wake, scrubber->next_ns);
	return !atomic_load(&scrubber->stopping);
}

// Whether anything is known that was not before.
static bool
verify_chosen(Scrubber *scrubber)
{
	VerifyPace slow = {pace, scrubber};
	bool learned = false;
	for (int32_t i = 0; i < scrubber->count; i++) {
		Error err = ERROR_INIT;
		Status st = ST_CANCELLED;
		if (!atomic_load(&scrubber->stopping))
			st = data_file_verify(scrubber->files[i], scrubber->depths[i], &slow, &err);
		learned |= st == ST_OK || st == ST_CORRUPT;
		if (st != ST_OK && st != ST_CORRUPT && st != ST_CANCELLED)
			log_warn("file not checked", "error=\"%s\"", err.text);
		data_file_unref(scrubber->files[i]);
	}
	return learned;
}

static void
scrubber_run(void *arg)
{
	Scrubber *scrubber = arg;
	while (!atomic_load(&scrubber->stopping)) {
		choose(scrubber);
		if (!verify_chosen(scrubber))
			(void)signal_wait(&scrubber->wake, clock_mono_ns() + IDLE_SECONDS * SECOND_NS);
	}
}

// ---- from outside ----

Status
scrubber_start(mobius *db, Scrubber **out, Error *err)
{
	Scrubber *scrubber = mem_alloc(sizeof(*scrubber));
	if (scrubber == NULL)
		return error_no_memory(err, "the scrubber");
	scrubber->db = db;
	signal_init(&scrubber->wake);
	ThreadOptions options = {.name = "scrubber", .nice = NICE};
	Status st = thread_start(&options, scrubber_run, scrubber, &scrubber->thread, err);
	if (st != ST_OK) {
		scrubber_stop(scrubber);
		return st;
	}
	*out = scrubber;
	return ST_OK;
}

void
scrubber_stop(Scrubber *scrubber)
{
	if (scrubber == NULL)
		return;
	atomic_store(&scrubber->stopping, true);
	signal_raise(&scrubber->wake);
	thread_join(scrubber->thread);
	signal_close(&scrubber->wake);
	mem_free(scrubber);
}
