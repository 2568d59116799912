#include "engine/keeper_int.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "engine/newest_keeper.h"
#include "engine/pace.h"
#include "engine/ticket.h"
#include "os/clock.h"
#include "store/retention.h"

#define SECOND_NS INT64_C(1000000000)

enum {
	LOOK_ROUND_MS = 200,          // age, replay size and checkpoint are looked at this often
	RETRY_AFTER_MS = 1000,        // after a failed flush
	HELD_AGAIN_MS = 20,           // while all that is sealed waits for a statement
	EXPIRE_EVERY_MS = 1000,       // whether whole files have expired, or were deleted; tickets
	CHECKPOINT_BYTES = 256 << 20, // of log
	CHECKPOINT_SECONDS = 300,
};

static bool
keeper_stopping(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	bool stopping = keeper->stopping;
	pthread_mutex_unlock(&keeper->lock);
	return stopping;
}

static bool
log_is_ready(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	bool ready = keeper->log_ready;
	pthread_mutex_unlock(&keeper->lock);
	return ready;
}

static void
wake_keeper(void *arg)
{
	signal_raise(&((Keeper *)arg)->wake);
}

// ---- what it does ----

static void
note_attempt(Keeper *keeper, Status st, bool of_table, const Error *err)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->attempts++;
	if (st != ST_OK) {
		keeper->failures++;
		keeper->lone_failures += !of_table;
		keeper->last_error = *err;
	}
	pthread_cond_broadcast(&keeper->flushed);
	pthread_mutex_unlock(&keeper->lock);
}

static void
note_disk(Keeper *keeper, Status st)
{
	if (st == ST_DISK_FULL)
		keeper_disk_full(keeper);
}

// The oldest of what is sealed. Its connection is not made before: a start has better to do.
static Status
flush_oldest(Keeper *keeper, bool *did, int64_t *rows, Error *err)
{
	mobius *db = keeper->db;
	*did = false;
	if (!store_has_sealed(db->store))
		return ST_OK;
	if (keeper->conn == NULL)
		TRY(duck_connect(db->flush_duck, &keeper->conn, err));
	Status st = store_flush_one(db->store, keeper->conn, did, rows, err);
	if (duck_conn_poisoned(keeper->conn))
		duck_disconnect(TAKE(keeper->conn)); // the next try has a fresh instance
	return st;
}

// False: there was none, or it failed. A failure is tried again later: nothing has changed but the
// memory that stays used.
static bool
flush_next(Keeper *keeper)
{
	int64_t began = clock_mono_ns();
	if (began < keeper->retry_ns || began >= atomic_load(&keeper->stop_by_ns))
		return false;
	Error err = ERROR_INIT;
	int64_t rows = 0;
	bool did;
	Status st = flush_oldest(keeper, &did, &rows, &err);
	note_attempt(keeper, st, did, &err); // also of nothing: what was waited for may be gone
	if (st != ST_OK) {
		keeper->retry_ns = clock_mono_ns() + RETRY_AFTER_MS * (SECOND_NS / 1000);
		log_error("flush failed", "error=\"%s\"", err.text);
		note_disk(keeper, st);
		return false;
	}
	if (did)
		newest_keeper_wake(keeper->db->newest_keeper);
	if (did)
		log_debug("segment flushed", "rows=%" PRId64 " ms=%" PRId64, rows,
				  (clock_mono_ns() - began) / 1000000);
	else if (store_flush_waits(keeper->db->store))
		keeper->retry_ns = clock_mono_ns() + HELD_AGAIN_MS * (SECOND_NS / 1000);
	return did;
}

static void
prepare_log(Keeper *keeper)
{
	Error err = ERROR_INIT;
	Status st = keeper_has_room(keeper) ? wal_prepare(keeper->db->wal, &err) : ST_OK;
	if (st != ST_OK)
		log_warn("no spare log file", "error=\"%s\"", err.text);
	note_disk(keeper, st);
}

static void
recycle_log(Keeper *keeper)
{
	mobius *db = keeper->db;
	Error err = ERROR_INIT;
	WalKeep keep = {
		.needed_seq = store_flushed_floor(db->store) + 1, // where a replay would begin
		.keep_time_ns = db->settings.wal_keep_time_ns,
		.keep_bytes = db->settings.wal_keep_bytes,
		.now_ns = clock_wall_ns(),
		.disk_full = !keeper_has_room(keeper),
	};
	if (wal_recycle(db->wal, &keep, &err) != ST_OK)
		log_warn("log not recycled", "error=\"%s\"", err.text);
}

static void
write_checkpoint(Keeper *keeper)
{
	Error err = ERROR_INIT;
	keeper->checkpoint_ns = clock_mono_ns();
	if (store_keep_masks(keeper->db->store, &err) != ST_OK)
		log_warn("masks not kept", "error=\"%s\"", err.text); // the log has them
	if (store_write_checkpoint(keeper->db->store, &err) != ST_OK)
		log_warn("no checkpoint", "error=\"%s\"", err.text);
	keeper->checkpoint_seq = store_checkpoint_seq(keeper->db->store);
}

static void
checkpoint_by_need(Keeper *keeper)
{
	mobius *db = keeper->db;
	int64_t age_ns = clock_mono_ns() - keeper->checkpoint_ns;
	bool old = age_ns > CHECKPOINT_SECONDS * SECOND_NS;
	// The log goes only behind a checkpoint.
	bool full = !keeper_has_room(keeper) && age_ns > RETRY_AFTER_MS * (SECOND_NS / 1000);
	// Once more is flushed, another one of the same seq lets more of the log go.
	uint64_t seq = store_published_seq(db->store);
	if (seq == keeper->checkpoint_seq && (!full || store_flushed_floor(db->store) == seq))
		return;
	if (old || full || wal_bytes_from(db->wal, keeper->checkpoint_seq + 1) > CHECKPOINT_BYTES)
		write_checkpoint(keeper);
}

static void
keep_ids(Keeper *keeper)
{
	Error err = ERROR_INIT;
	if (catalog_keep_ids(keeper->db->catalog, &err) != ST_OK)
		log_warn("no ids reserved", "error=\"%s\"", err.text);
}

// Nothing of it while somebody holds the log.
static void
keep_log(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	bool held = keeper->holds > 0;
	keeper->keeping = !held;
	pthread_mutex_unlock(&keeper->lock);
	if (held)
		return;
	checkpoint_by_need(keeper);
	recycle_log(keeper);
	pthread_mutex_lock(&keeper->lock);
	keeper->keeping = false;
	pthread_cond_broadcast(&keeper->kept);
	pthread_mutex_unlock(&keeper->lock);
}

// Whole files of which nobody will see a row again.
static void
drop_files(Keeper *keeper)
{
	if (clock_mono_ns() < keeper->expire_ns)
		return;
	keeper->expire_ns = clock_mono_ns() + EXPIRE_EVERY_MS * (SECOND_NS / 1000);
	Error err = ERROR_INIT;
	int64_t files = 0;
	if (store_drop_unseen_files(keeper->db->store, clock_wall_ns(), &files, &err) != ST_OK)
		log_warn("files without rows not dropped", "error=\"%s\"", err.text);
	if (files > 0)
		log_info("files without rows dropped", "files=%" PRId64, files);
}

// What their snapshots keep is wanted by those who put.
static void
tidy_tickets(Keeper *keeper)
{
	if (clock_mono_ns() < keeper->tickets_ns)
		return;
	keeper->tickets_ns = clock_mono_ns() + EXPIRE_EVERY_MS * (SECOND_NS / 1000);
	tickets_tidy(keeper->db->tickets);
}

static void
keep_memory(Keeper *keeper)
{
	while (!keeper_stopping(keeper)) {
		keep_ids(keeper);
		tidy_tickets(keeper);
		if (log_is_ready(keeper))
			keeper_compact(keeper);
		(void)signal_wait(&keeper->wake, clock_mono_ns() + LOOK_ROUND_MS * (SECOND_NS / 1000));
	}
}

// Until there is something to do, or to look at.
static void
wait_for_work(Keeper *keeper)
{
	int64_t now = clock_mono_ns(), until = now + LOOK_ROUND_MS * (SECOND_NS / 1000);
	bool again = keeper->retry_ns > now; // a flush has to
	if (again && keeper->retry_ns < until)
		until = keeper->retry_ns;
	if (again || !store_has_sealed(keeper->db->store))
		(void)signal_wait(&keeper->wake, until);
}

static void
keep_directory(Keeper *keeper)
{
	while (!keeper_stopping(keeper)) {
		keeper_mind_disk(keeper);
		(void)flush_next(keeper); // one: the log waits for nothing longer than that
		pace_look(keeper->db);
		keep_ids(keeper);
		tidy_tickets(keeper);
		if (log_is_ready(keeper)) {
			keeper_seal(keeper);
			prepare_log(keeper);
			drop_files(keeper);
			keep_log(keeper);
		}
		wait_for_work(keeper);
	}
	keeper->retry_ns = 0;
	while (flush_next(keeper))
		;
	if (log_is_ready(keeper))
		write_checkpoint(keeper);
}

static void
keeper_run(void *arg)
{
	Keeper *keeper = arg;
	if (keeper->db->dir != NULL)
		keep_directory(keeper);
	else
		keep_memory(keeper);
}

// ---- from outside ----

Status
keeper_start(mobius *db, Keeper **out, Error *err)
{
	Keeper *keeper = mem_alloc(sizeof(*keeper));
	if (keeper == NULL)
		return error_no_memory(err, "the keeper");
	keeper->db = db;
	atomic_init(&keeper->stop_by_ns, INT64_MAX);
	keeper->checkpoint_ns = clock_mono_ns();
	keeper->checkpoint_seq = store_checkpoint_seq(db->store);
	pthread_mutex_init(&keeper->lock, NULL);
	pthread_cond_init(&keeper->flushed, NULL);
	pthread_cond_init(&keeper->kept, NULL);
	signal_init(&keeper->wake);
	keeper_look_for_room_later(keeper); // a start has better to do
	keeper->ballast.dir = db->dir;
	store_on_sealed(db->store, wake_keeper, keeper);

	ThreadOptions options = {.name = "keeper", .stack_bytes = 8 << 20};
	Status st = thread_start(&options, keeper_run, keeper, &keeper->thread, err);
	if (st != ST_OK) {
		keeper_stop(keeper, false);
		return st;
	}
	*out = keeper;
	return ST_OK;
}

void
keeper_log_ready(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->log_ready = true;
	pthread_mutex_unlock(&keeper->lock);
	signal_raise(&keeper->wake);
}

void
keeper_hold_log(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->holds++;
	while (keeper->keeping)
		pthread_cond_wait(&keeper->kept, &keeper->lock);
	pthread_mutex_unlock(&keeper->lock);
}

void
keeper_let_log(Keeper *keeper)
{
	pthread_mutex_lock(&keeper->lock);
	keeper->holds--;
	pthread_mutex_unlock(&keeper->lock);
}

void
keeper_need_memory(Keeper *keeper)
{
	atomic_store(&keeper->memory_needed, true);
	signal_raise(&keeper->wake);
}

uint64_t
keeper_failures(Keeper *keeper, Error *last)
{
	pthread_mutex_lock(&keeper->lock);
	uint64_t failures = keeper->failures;
	if (failures > 0 && last != NULL)
		*last = keeper->last_error;
	pthread_mutex_unlock(&keeper->lock);
	return failures;
}

void
keeper_stop(Keeper *keeper, bool flush)
{
	if (keeper == NULL)
		return;
	if (flush && keeper->db->conductor != NULL)
		keeper_seal_all(keeper);
	pthread_mutex_lock(&keeper->lock);
	keeper->stopping = true;
	atomic_store(&keeper->stop_by_ns,
				 flush ? clock_mono_ns() + keeper->db->settings.stop_flush_ns : 0);
	pthread_cond_broadcast(&keeper->flushed);
	pthread_mutex_unlock(&keeper->lock);
	signal_raise(&keeper->wake);
	thread_join(keeper->thread);
	store_on_sealed(keeper->db->store, NULL, NULL);
	duck_disconnect(keeper->conn);
	signal_close(&keeper->wake);
	pthread_mutex_destroy(&keeper->lock);
	pthread_cond_destroy(&keeper->flushed);
	pthread_cond_destroy(&keeper->kept);
	mem_free(keeper);
}
