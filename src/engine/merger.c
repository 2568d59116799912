#include "engine/merger.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/pace.h"
#include "os/clock.h"

#define MS_NS INT64_C(1000000)

enum {
	LOOK_ROUND_MS = 200,
	RETRY_MS = 1000, // after a failure
	MOST_REPORTS = 1000,
	TRIAL_ROWS = 500000, // beside which a trial costs little
};

// A table somebody waits for.
typedef struct CompactCall {
	Table *table; // borrowed
	KeeperFlushed done;
	Status status;
	Error error;
	bool ended;
	struct CompactCall *next;
} CompactCall;

struct Merger {
	mobius *db;
	Thread *thread;
	Signal wake;
	atomic_bool stop;

	// Its thread's.
	Duck *duck;
	int64_t urgent_after_ns; // mono: until then nothing urgent is looked for

	pthread_mutex_t lock; // guards all below
	pthread_cond_t ended; // of a call
	CompactCall *calls;
	bool stopping;
	MergeReport *reports; // a ring
	int64_t report_count; // of all there ever were
	MergerFigures figures;
};

// ---- the instance ----

static Status
open_duck(Merger *merger, Error *err)
{
	const mobius *db = merger->db;
	return database_open_duck(db, "merge", db->settings.compaction_memory, &merger->duck, err);
}

static Status
ready_duck(Merger *merger, Error *err)
{
	if (merger->duck != NULL && !duck_poisoned(merger->duck))
		return ST_OK;
	duck_close(TAKE(merger->duck));
	return open_duck(merger, err);
}

// ---- reports ----

// What goes before a merge is part of the time that one takes.
static void
note_report(Merger *merger, const MergeReport *report, bool within)
{
	pthread_mutex_lock(&merger->lock);
	merger->reports[merger->report_count++ % MOST_REPORTS] = *report;
	MergerFigures *figures = &merger->figures;
	figures->merges += report->status == ST_OK && report->kind != MERGE_MOVE;
	figures->void_merges += report->status == ST_CONFLICT;
	figures->failures += report->status != ST_OK && report->status != ST_CONFLICT;
	figures->busy_ns += within ? 0 : report->duration_ns;
	pthread_mutex_unlock(&merger->lock);
	log_debug("files merged",
			  "table=%s level=%d inputs=%d outputs=%d rows=%" PRId64 " in=%" PRIu64 " out=%" PRIu64
			  " ms=%" PRId64 " status=%s",
			  report->table, report->level, report->inputs, report->outputs, report->rows,
			  report->bytes_in, report->bytes_out, report->duration_ns / MS_NS,
			  status_name(report->status));
}

void
merger_reports(Merger *merger, void (*each)(void *arg, const MergeReport *report), void *arg)
{
	pthread_mutex_lock(&merger->lock);
	int64_t first = merger->report_count - MOST_REPORTS;
	for (int64_t i = first > 0 ? first : 0; i < merger->report_count; i++)
		each(arg, &merger->reports[i % MOST_REPORTS]);
	pthread_mutex_unlock(&merger->lock);
}

Status
merger_figures(Merger *merger, MergerFigures *out, Error *err)
{
	MergeFigures store;
	TRY(store_merge_figures(merger->db->store, (int32_t)merger->db->settings.compaction_files,
							&store, err));
	pthread_mutex_lock(&merger->lock);
	*out = merger->figures;
	pthread_mutex_unlock(&merger->lock);
	out->store = store;
	out->write_amplification = 1;
	if (store.flushed_bytes > 0)
		out->write_amplification =
			(double)(store.flushed_bytes + store.merged_bytes) / (double)store.flushed_bytes;
	return ST_OK;
}

// ---- work ----

static Status
merge_by(Merger *merger, const MergeOptions *options, bool *did, MergeReport *report, Error *err)
{
	Status st = store_merge_one(merger->db->store, options, did, report, err);
	if (*did) {
		note_report(merger, report, options->urgent);
		pace_look(merger->db);
	}
	return st;
}

static void
note_failure(Merger *merger, Status st, const Error *err)
{
	if (st != ST_OK && st != ST_CANCELLED)
		log_error("merge failed", "error=\"%s\"", err->text);
	if (st == ST_DISK_FULL)
		keeper_disk_full(merger->db->keeper);
}

static MergeOptions
options_of(Merger *merger)
{
	const Settings *settings = &merger->db->settings;
	return (MergeOptions){.duck = merger->duck,
						  .files = (int32_t)settings->compaction_files,
						  .memory_bytes = settings->compaction_memory,
						  .rate = settings->compaction_rate,
						  .share = &merger->db->merge_share,
						  .stop = &merger->stop};
}

// Nothing is written anew where the disk is full or a sync has failed.
static bool
may_write(const Merger *merger)
{
	return keeper_has_room(merger->db->keeper) && !atomic_load(&merger->db->read_only);
}

// While another merge is written.
static void
merge_urgent(void *arg, Table *busy)
{
	Merger *merger = arg;
	MergeOptions options = options_of(merger);
	int64_t now = clock_mono_ns();
	if (now < merger->urgent_after_ns || !may_write(merger) || duck_poisoned(merger->duck) ||
		store_merge_backlog(merger->db->store).fresh < options.files)
		return;
	options.urgent = true;
	options.busy = busy;
	Error err = ERROR_INIT;
	MergeReport report;
	bool did = false;
	Status st = merge_by(merger, &options, &did, &report, &err);
	note_failure(merger, st, &err);
	if (st != ST_OK || !did)
		merger->urgent_after_ns = now + LOOK_ROUND_MS * MS_NS;
}

static Status
merge_one(Merger *merger, Table *table, bool *did, MergeReport *report, Error *err)
{
	*did = false;
	TRY(ready_duck(merger, err));
	MergeOptions options = options_of(merger);
	options.trial_rows = TRIAL_ROWS;
	options.table = table;
	options.all = table != NULL;
	options.let_urgent = merge_urgent;
	options.arg = merger;
	if (table != NULL)
		options.share = NULL;
	return merge_by(merger, &options, did, report, err);
}

static CompactCall *
next_call(Merger *merger)
{
	pthread_mutex_lock(&merger->lock);
	CompactCall *call = merger->calls;
	if (call != NULL)
		merger->calls = call->next;
	pthread_mutex_unlock(&merger->lock);
	return call;
}

static void
end_call(Merger *merger, CompactCall *call, Status st)
{
	pthread_mutex_lock(&merger->lock);
	call->status = st;
	call->ended = true;
	pthread_cond_broadcast(&merger->ended);
	pthread_mutex_unlock(&merger->lock);
}

static void
run_call(Merger *merger, CompactCall *call)
{
	Status st = ST_OK;
	for (bool did = true; did && st == ST_OK;) {
		MergeReport report;
		st = merge_one(merger, call->table, &did, &report, &call->error);
		if (did && st == ST_OK && report.status == ST_OK && report.kind != MERGE_MOVE) {
			call->done.segments += report.inputs;
			call->done.rows += report.rows;
		}
	}
	end_call(merger, call, st);
}

// How long to wait before the next look; 0: not at all.
static int64_t
do_some(Merger *merger)
{
	CompactCall *call = next_call(merger);
	if (call != NULL) {
		run_call(merger, call);
		return 0;
	}
	Error err = ERROR_INIT;
	MergeReport report;
	bool did = false;
	Status st = may_write(merger) ? merge_one(merger, NULL, &did, &report, &err) : ST_OK;
	note_failure(merger, st, &err);
	return st != ST_OK ? RETRY_MS : did ? 0 : LOOK_ROUND_MS;
}

static void
merger_run(void *arg)
{
	Merger *merger = arg;
	while (!atomic_load(&merger->stop)) {
		int64_t pause_ms = do_some(merger);
		if (pause_ms > 0)
			(void)signal_wait(&merger->wake, clock_mono_ns() + pause_ms * MS_NS);
	}
	for (CompactCall *call; (call = next_call(merger)) != NULL;) {
		(void)error_set(&call->error, ST_UNAVAILABLE, "shutting down");
		end_call(merger, call, ST_UNAVAILABLE);
	}
}

// ---- from outside ----

static void
merger_free(Merger *merger)
{
	duck_close(merger->duck);
	signal_close(&merger->wake);
	pthread_mutex_destroy(&merger->lock);
	pthread_cond_destroy(&merger->ended);
	mem_free(merger->reports);
	mem_free(merger);
}

Status
merger_start(mobius *db, Merger **out, Error *err)
{
	Merger *merger = mem_alloc(sizeof(*merger));
	if (merger == NULL)
		return error_no_memory(err, "the merger");
	merger->db = db;
	signal_init(&merger->wake);
	pthread_mutex_init(&merger->lock, NULL);
	pthread_cond_init(&merger->ended, NULL);
	merger->reports = mem_alloc_array(MOST_REPORTS, sizeof(MergeReport));
	ThreadOptions options = {.name = "merger", .stack_bytes = 8 << 20};
	Status st =
		merger->reports != NULL ? open_duck(merger, err) : error_no_memory(err, "the merger");
	if (st == ST_OK)
		st = thread_start(&options, merger_run, merger, &merger->thread, err);
	if (st != ST_OK) {
		merger_free(merger);
		return st;
	}
	*out = merger;
	return ST_OK;
}

static Status
wait_for(Merger *merger, CompactCall *call, Error *err)
{
	pthread_mutex_lock(&merger->lock);
	if (merger->stopping) {
		call->ended = true;
		call->status = error_set(&call->error, ST_UNAVAILABLE, "shutting down");
	} else {
		CompactCall **last = &merger->calls;
		while (*last != NULL)
			last = &(*last)->next;
		*last = call;
	}
	pthread_mutex_unlock(&merger->lock);
	signal_raise(&merger->wake);
	pthread_mutex_lock(&merger->lock);
	while (!call->ended)
		pthread_cond_wait(&merger->ended, &merger->lock);
	pthread_mutex_unlock(&merger->lock);
	if (call->status != ST_OK && err != NULL)
		*err = call->error;
	return call->status;
}

static Status
compact_one(Merger *merger, Table *table, KeeperFlushed *done, Error *err)
{
	CompactCall call = {.table = table, .error = ERROR_INIT};
	TRY(wait_for(merger, &call, err));
	done->segments += call.done.segments;
	done->rows += call.done.rows;
	return ST_OK;
}

// References of the tables there are. Their snapshot would keep memory for as long as files are
// merged.
static Status
list_tables(Store *store, Table ***out, int32_t *count, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	Table **tables = mem_alloc_array((size_t)snapshot->table_count + 1, sizeof(Table *));
	if (tables == NULL)
		return error_no_memory(err, "the tables");
	for (int32_t i = 0; i < snapshot->table_count; i++)
		tables[i] = table_ref(snapshot->tables[i].table);
	*out = tables;
	*count = snapshot->table_count;
	return ST_OK;
}

static Status
compact_all(Merger *merger, KeeperFlushed *done, Error *err)
{
	SCOPED(mem_drop) Table **tables = NULL;
	int32_t count = 0;
	TRY(list_tables(merger->db->store, &tables, &count, err));
	Status st = ST_OK;
	for (int32_t i = 0; i < count; i++) {
		if (st == ST_OK)
			st = compact_one(merger, tables[i], done, err);
		table_unref(tables[i]);
	}
	return st;
}

Status
merger_compact(mobius *db, Table *table, KeeperFlushed *out, Error *err)
{
	KeeperFlushed flushed, done = {0};
	TRY(keeper_flush(db->keeper, table, &flushed, err));
	if (db->merger != NULL)
		TRY(table != NULL ? compact_one(db->merger, table, &done, err)
						  : compact_all(db->merger, &done, err));
	*out = done;
	return ST_OK;
}

void
merger_give_up(Merger *merger)
{
	if (merger == NULL)
		return;
	pthread_mutex_lock(&merger->lock);
	merger->stopping = true;
	pthread_mutex_unlock(&merger->lock);
	atomic_store(&merger->stop, true);
	signal_raise(&merger->wake);
}

void
merger_stop(Merger *merger)
{
	if (merger == NULL)
		return;
	merger_give_up(merger);
	thread_join(merger->thread);
	merger_free(merger);
}
