// database.c - a database directory opens and closes: its parts, one after the other.
//
//     LOCK FORMAT catalog.db wal/ files/ checkpoint/ tmp/ tmp-sql/
//
// One in memory has the same parts without the files: its log keeps nothing, its catalog is
// SQLite's in memory, and its segments stay SEALED.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "engine/ballast.h"
#include "engine/define.h"
#include "engine/format.h"
#include "engine/keeper.h"
#include "engine/merger.h"
#include "engine/newest_keeper.h"
#include "engine/place.h"
#include "engine/recovery.h"
#include "engine/scrubber.h"
#include "engine/subscriptions.h"
#include "engine/system.h"
#include "engine/ticker.h"
#include "engine/ticket.h"
#include "live/hub.h"
#include "live/newest_source.h"
#include "os/clock.h"

enum {
	WAITERS = 4,
	FLUSH_MEMORY = 256 << 20,
};

// ---- the directory ----

static Status
take_directory(mobius *db, const char *dir, Error *err)
{
	TRY(dir_make(dir, err));
	TRY(place_check(dir, err));
	// Absolute, so that the query engine's sandbox and error texts name the same place.
	TRY(dir_absolute(dir, &db->dir, err));
	TRY(place_lock(db->dir, &db->lock, err));
	Status st = format_check(db->dir, err);
	if (st != ST_NOT_FOUND)
		return st;
	TRY(format_write(db->dir, NULL, err));
	return dir_sync_parent(db->dir, err);
}

// ---- parts ----

static Status
empty_temp(mobius *db, Error *err)
{
	SCOPED(mem_drop) char *temp = mem_printf("%s/tmp-sql", db->dir);
	if (temp == NULL)
		return error_no_memory(err, "a database");
	TRY(dir_remove_all(temp, err));
	return dir_make(temp, err);
}

Status
database_open_duck(const mobius *db, const char *name, uint64_t memory_bytes, Duck **out,
				   Error *err)
{
	SCOPED(mem_drop) char *temp = mem_printf("%s/tmp-sql/%s", db->dir, name);
	SCOPED(mem_drop) char *allowed = mem_printf("%s/", db->dir);
	if (temp == NULL || allowed == NULL)
		return error_no_memory(err, "a database");
	TRY(dir_make(temp, err));
	DuckOptions options = {.threads = 1,
						   .memory_bytes = memory_bytes,
						   .temp_dir = temp,
						   .allowed_dir = allowed,
						   .trusted = true,
						   .later = true};
	return duck_open(&options, out, err);
}

static Status
refuse_log_file(void *arg, const char *name, Error *err)
{
	const mobius *db = arg;
	return error_set(err, ST_CORRUPT,
					 "%s/catalog.db is missing, but there is a log (%s); restore the catalog",
					 db->dir, name);
}

// A new catalog is for a new database: beside an old log it would give up every file as unknown.
static Status
check_catalog(mobius *db, const char *path, Error *err)
{
	uint64_t size;
	Status st = file_stat_size(path, &size, err);
	if (st != ST_NOT_FOUND)
		return st;
	SCOPED(mem_drop) char *wal = mem_printf("%s/wal", db->dir);
	if (wal == NULL)
		return error_no_memory(err, "a database");
	st = dir_list(wal, refuse_log_file, db, err);
	return st == ST_NOT_FOUND ? ST_OK : st;
}

static Status
open_store(mobius *db, uint64_t *applied_seq, Error *err)
{
	SCOPED(mem_drop)
	char *path = db->dir != NULL ? mem_printf("%s/catalog.db", db->dir) : mem_strdup(":memory:");
	if (path == NULL)
		return error_no_memory(err, "a database");
	if (db->dir != NULL)
		TRY(check_catalog(db, path, err));
	CatalogState state = {0};
	TRY(catalog_open(path, &db->catalog, &state, err));
	memcpy(db->epoch, state.epoch, sizeof(db->epoch));
	*applied_seq = state.applied_seq;
	StoreKept kept = newest_rows_kept(db->newest);
	StoreOptions options = {
		.dir = db->dir,
		.catalog = db->catalog,
		.duck = db->flush_duck,
		.budget = db->memtable,
		.hot = db->hot,
		.kept = &kept,
		.pool = db->pool,
		.segment_bytes = db->settings.memtable_segment_size,
		.series_limit = (uint32_t)db->settings.series_limit,
		.verify_strict = db->settings.verify == 1,
	};
	return store_open(&options, &db->store, err);
}

static Status
open_wal(mobius *db, Error *err)
{
	SCOPED(mem_drop) char *dir = db->dir != NULL ? mem_printf("%s/wal", db->dir) : NULL;
	if (db->dir != NULL && dir == NULL)
		return error_no_memory(err, "a database");
	WalOptions options = {
		.dir = dir, .segment_size = db->settings.wal_segment_size, .pool = db->pool};
	memcpy(options.epoch, db->epoch, sizeof(options.epoch));
	return wal_open(&options, &db->wal, err);
}

static Status
open_feed(mobius *db, uint64_t next_seq, Error *err)
{
	FeedOptions options = {.wal = db->wal,
						   .pool = db->pool,
						   .memory_bytes = db->settings.feed_memory,
						   .head = next_seq - 1};
	memcpy(options.epoch, db->epoch, sizeof(options.epoch));
	TRY(feed_new(&options, &db->feed, err));
	TRY(subscriptions_new(&db->subscriptions, err));
	return hub_start(db->feed, db->pool, &db->hub, err);
}

static Status
open_sql(mobius *db, Error *err)
{
	SCOPED(mem_drop) char *temp = NULL;
	SCOPED(mem_drop) char *files = NULL;
	if (db->dir != NULL) {
		temp = mem_printf("%s/tmp-sql/queries", db->dir);
		files = mem_printf("%s/files/", db->dir);
		if (temp == NULL || files == NULL)
			return error_no_memory(err, "a database");
		TRY(dir_make(temp, err));
	}
	SqlNewest newest = newest_source(db->newest);
	SqlOptions options = {
		.store = db->store,
		.newest = &newest,
		.threads = (int)db->settings.query_threads,
		.memory_bytes = db->settings.query_memory,
		.temp_dir = temp,
		.files_dir = files,
		.database = DEFAULT_DATABASE,
	};
	TRY(sql_open(&options, &db->sql, err));
	return system_register(db, err);
}

static void
write_failed(void *arg, Status status)
{
	if (status == ST_DISK_FULL)
		keeper_disk_full(((mobius *)arg)->keeper);
}

static void
sync_failed(void *arg, const Error *err)
{
	mobius *db = arg;
	atomic_store(&db->read_only, true);
	store_freeze(db->store);
	if (db->settings.wal_on_sync_failure == 1) {
		log_error("exit", "reason=\"%s\"", err->text);
		_Exit(1); // nothing more may be written
	}
}

static Status
start_threads(mobius *db, uint64_t next_seq, Error *err)
{
	ConductorOptions options = {.wal = db->wal,
								.store = db->store,
								.feed = db->feed,
								.newest = db->newest,
								.next_seq = next_seq,
								.on_write_failure = write_failed,
								.on_sync_failure = sync_failed,
								.arg = db};
	TRY(conductor_start(&options, &db->conductor, err));
	keeper_log_ready(db->keeper);
	if (db->dir != NULL) {
		TRY(merger_start(db, &db->merger, err));
		TRY(scrubber_start(db, &db->scrubber, err));
	}
	TRY(newest_keeper_start(db->newest_keeper, err));
	TRY(ticker_start(&db->ticker, err));
	TRY(definer_start(db, &db->definer, err));
	TRY(workers_start("query", (int)db->settings.query_running, &db->readers, err));
	return workers_start("waiter", WAITERS, &db->waiters, err);
}

static Status
open_parts(mobius *db, Error *err)
{
	uint64_t applied_seq = 0, next_seq = 0;
	// A start on a full disk needs room for the catalog and the log. The keeper takes it again.
	if (db->dir != NULL)
		ballast_give_back(&(Ballast){.dir = db->dir});
	TRY(budget_new("memtable.limit", db->settings.memtable_limit, &db->memtable, err));
	TRY(budget_new("cache.columns", db->settings.cache_columns, &db->hot, err));
	if (db->dir != NULL) {
		TRY(empty_temp(db, err));
		TRY(database_open_duck(db, "flush", FLUSH_MEMORY, &db->flush_duck, err));
	}
	TRY(newest_keeper_new(db, &db->newest_keeper, err));
	TRY(open_store(db, &applied_seq, err));
	TRY(open_wal(db, err));
	TRY(tickets_open(db, &db->tickets, err));
	TRY(keeper_start(db, &db->keeper, err));
	TRY(recovery_run(db, applied_seq, &next_seq, err));
	TRY(open_sql(db, err));
	TRY(open_feed(db, next_seq, err));
	return start_threads(db, next_seq, err);
}

// ---- open ----

static void
open_run(void *arg)
{
	mobius *db = arg;
	db->open_error = (Error)ERROR_INIT;
	db->open_status = open_parts(db, &db->open_error);
	atomic_store(&db->phase, db->open_status == ST_OK ? PHASE_READY : PHASE_FAILED);
	if (db->opened.fn != NULL)
		db->opened.fn(db->opened.arg);
}

static Status
begin_open(const char *dir, const char *const *settings, mobius **out, Error *err)
{
	mobius *db = mem_alloc(sizeof(*db));
	if (db == NULL)
		return error_no_memory(err, "a database");
	db->started_ns = clock_wall_ns();
	pthread_mutex_init(&db->adopting, NULL);
	Status st = settings_parse(settings, &db->settings, err);
	if (st == ST_OK)
		st = bytes_pool_new((size_t)(db->settings.memtable_limit / 8), &db->pool, err);
	if (st == ST_OK) {
		if (db->settings.log_wanted)
			log_configure((LogLevel)db->settings.log_level, (LogFormat)db->settings.log_format);
		if (strcmp(dir, ":memory:") != 0)
			st = take_directory(db, dir, err);
	}
	if (st != ST_OK) {
		mobius_close(db);
		return st;
	}
	*out = db;
	return ST_OK;
}

mobius_status
mobius_open_async(const char *dir, const char *const *settings, mobius_event event, mobius **out,
				  mobius_error *err)
{
	Error e = ERROR_INIT;
	mobius *db = NULL;
	Status st = begin_open(dir, settings, &db, &e);
	if (st == ST_OK) {
		db->opened = event;
		ThreadOptions options = {.name = "opener", .stack_bytes = 8 << 20};
		st = thread_start(&options, open_run, db, &db->opener, &e);
		if (st != ST_OK)
			mobius_close(db);
	}
	if (st == ST_OK)
		*out = db;
	return error_out(st, &e, err);
}

bool
mobius_open_result(mobius *db, mobius_status *status, mobius_error *err)
{
	Phase phase = atomic_load(&db->phase);
	if (phase == PHASE_RECOVERING)
		return false;
	*status = error_out(db->open_status, &db->open_error, err);
	return true;
}

mobius_status
mobius_open(const char *dir, const char *const *settings, mobius **out, mobius_error *err)
{
	mobius *db = NULL;
	mobius_status status = mobius_open_async(dir, settings, (mobius_event){0}, &db, err);
	if (status != MOBIUS_OK)
		return status;
	thread_join(TAKE(db->opener));
	(void)mobius_open_result(db, &status, err);
	if (status != MOBIUS_OK)
		mobius_close(db);
	else
		*out = db;
	return status;
}

// ---- close ----

void
mobius_close(mobius *db)
{
	if (db == NULL)
		return;
	thread_join(TAKE(db->opener));
	Phase was = atomic_exchange(&db->phase, PHASE_STOPPING);
	atomic_store(&db->give_up_backup, true);
	merger_give_up(db->merger);
	workers_stop(db->waiters);
	workers_stop(db->readers);
	hub_stop(db->hub);
	definer_stop(db->definer);
	scrubber_stop(db->scrubber);
	ticker_stop(db->ticker);
	newest_keeper_stop(db->newest_keeper);
	sql_close(db->sql);
	merger_stop(db->merger);
	// A database that did not open is left as it is.
	keeper_stop(db->keeper, was == PHASE_READY && !atomic_load(&db->read_only));
	tickets_close(db->tickets);
	conductor_stop(db->conductor);
	hub_free(db->hub);
	subscriptions_free(db->subscriptions);
	feed_free(db->feed);
	wal_close(db->wal);
	store_close(db->store);
	newest_rows_free(db->newest);
	newest_keeper_free(db->newest_keeper);
	catalog_close(db->catalog);
	duck_close(db->flush_duck);
	budget_free(db->memtable);
	budget_free(db->hot);
	bytes_pool_free(db->pool);
	file_close(db->lock);
	pthread_mutex_destroy(&db->adopting);
	mem_free(db->dir);
	settings_close(&db->settings);
	mem_free(db);
}

// ---- how it is ----

Status
database_ready(mobius *db, Error *err)
{
	switch (atomic_load(&db->phase)) {
	case PHASE_READY: return ST_OK;
	case PHASE_RECOVERING:
		return error_set(err, ST_UNAVAILABLE, "recovering %" PRIu64 " of %" PRIu64 " bytes of log",
						 atomic_load(&db->recovery_done), atomic_load(&db->recovery_total));
	case PHASE_FAILED:
		return error_set(err, ST_UNAVAILABLE, "the database did not open: %s", db->open_error.text);
	case PHASE_STOPPING: break;
	}
	return error_set(err, ST_UNAVAILABLE, "shutting down");
}

static Status
position_now(mobius *db, mobius_position *out, Error *err)
{
	TRY(database_ready(db, err));
	FeedPosition head = feed_head(db->feed);
	SCOPED(buf_close) Buf epoch = BUF_INIT;
	text_hex(&epoch, slice_of(head.epoch, sizeof(head.epoch)));
	TRY(buf_status(&epoch, err, "a position"));
	*out = (mobius_position){.seq = head.seq};
	memcpy(out->epoch, epoch.data, sizeof(out->epoch) - 1);
	return ST_OK;
}

mobius_status
mobius_position_now(mobius *db, mobius_position *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(position_now(db, out, &e), &e, err);
}

mobius_health
mobius_health_now(mobius *db)
{
	static const char *const reasons[] = {"recovering", "", "did not open", "shutting down"};
	Phase phase = atomic_load(&db->phase);
	bool read_only = atomic_load(&db->read_only);
	return (mobius_health){
		.ready = phase == PHASE_READY && !read_only,
		.read_only = read_only,
		.reason = read_only ? "read-only: a sync of the log failed" : reasons[phase],
	};
}
