// database_int.h - one open database: its parts, in the order they are made, and what its files
// share.
//
// The parts own their threads. What several of them change is atomic or has its lock beside it.

#pragma once

#include <mobius_io.h>
#include <stdatomic.h>

#include "arrow/ipc_read.h"
#include "base/bytes.h"
#include "catalog/catalog.h"
#include "duck/duck.h"
#include "engine/commit.h"
#include "engine/settings.h"
#include "engine/workers.h"
#include "live/feed.h"
#include "live/newest_rows.h"
#include "os/file.h"
#include "os/thread.h"
#include "sql/sql.h"
#include "store/store.h"
#include "wal/wal.h"

typedef struct Hub Hub;
typedef struct Subscriptions Subscriptions;
typedef struct Keeper Keeper;
typedef struct Merger Merger;
typedef struct NewestKeeper NewestKeeper;
typedef struct Scrubber Scrubber;
typedef struct Definer Definer;
typedef struct Ticker Ticker;
typedef struct Tickets Tickets;

// How far a database is. Written by the opening thread, read by all.
typedef enum Phase { PHASE_RECOVERING, PHASE_READY, PHASE_FAILED, PHASE_STOPPING } Phase;

struct mobius {
	Settings settings;
	char *dir; // NULL: in memory. Then there are no merger, no scrubber and no flush_duck either
	File *lock;
	BytesPool *pool;
	uint8_t epoch[16];
	int64_t started_ns;

	Budget *memtable; // memtable.limit
	Budget *hot;      // cache.columns
	Duck *flush_duck;
	Catalog *catalog;
	Store *store;
	Wal *wal;
	Feed *feed;
	Hub *hub;
	Subscriptions *subscriptions;
	NewestRows *newest; // and who keeps them
	NewestKeeper *newest_keeper;
	Tickets *tickets;
	Keeper *keeper;
	Merger *merger;
	Conductor *conductor;
	Sql *sql;
	Definer *definer;
	Scrubber *scrubber;
	Ticker *ticker;
	Workers *readers; // statements that read
	Workers *waiters; // jobs that wait for commits and flushes

	_Atomic Phase phase;
	_Atomic uint64_t recovery_done; // bytes of log
	_Atomic uint64_t recovery_total;
	atomic_bool read_only;
	atomic_int merge_share;   // pace.h
	pthread_mutex_t adopting; // held by who adopts files (bulk.h), before any other lock
	atomic_bool backing_up;
	atomic_bool give_up_backup; // its copying: the database closes
	Thread *opener;
	mobius_event opened;
	Status open_status;
	Error open_error;
};

struct mobius_session {
	atomic_uint refs;
	mobius *db;
	char *database;
};

// ST_UNAVAILABLE unless ready; the text says how far recovery is.
Status database_ready(mobius *db, Error *err);

// database.c. An instance that writes files of the database, with a folder of its own for what it
// spills, tmp-sql/NAME.
Status database_open_duck(const mobius *db, const char *name, uint64_t memory_bytes, Duck **out,
						  Error *err);

// The two headers' codes are the same numbers; texts are copied.
mobius_status error_out(Status status, const Error *err, mobius_error *out);

static inline Slice
slice_in(mobius_slice slice)
{
	return (Slice){slice.data, slice.len};
}
static inline mobius_slice
slice_out(Slice slice)
{
	return (mobius_slice){slice.data, slice.len};
}
