// store_int.h - the store's and its tables' parts, shared by its files.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "store/store.h"

enum { TABLE_BUCKETS = 4096 };

// One memory segment in a table's chain.
typedef struct Link {
	Segment *segment;
	TableDef *def; // as it was when the segment began
	struct Link *next;
} Link;

struct Table {
	atomic_uint refs;
	Store *store;
	uint32_t id;
	SeriesMap *series;
	_Atomic uint64_t flushed_seq;
	atomic_bool dropped;
	uint32_t failed_flushes; // since the last good one; the keeper's
	Table *next_full;        // the publishing thread's, like full
	bool full;               // is in the store's list of such

	// Guarded by the store's lock.
	TableDef *def; // changed by the publishing thread alone
	FileSet *files;
	Link *spare;  // to go on with when the growing one is sealed
	Link *oldest; // sealed ones, then the growing one last
	Link **newest;
	Table *next_in_bucket; // by database and name
	Table *next_by_id;
};

typedef struct Database {
	char *name;
	struct Database *next;
} Database;

struct Store {
	StoreOptions options; // texts are its own
	char *files_dir;
	char *tmp_dir;
	char *checkpoint_dir;
	uint64_t checkpoint_seq;   // the keeper's; atomic would be too much: read by it and at start
	uint64_t checkpoint_floor; // commits ≤ it were flushed and catalogued when it was written

	// The publishing thread's.
	Table *full;      // references of tables whose growing segment is to be sealed
	bool sealed_some; // since the last time it was told

	pthread_mutex_t lock; // guards names, every table's guarded part, published_seq and on_sealed
	Table *by_name[TABLE_BUCKETS];
	Table *by_id[TABLE_BUCKETS];
	Database *databases;
	uint64_t published_seq;
	void (*on_sealed)(void *arg);
	void *on_sealed_arg;
};

struct StoreDefine {
	Table *table; // a new one, or NULL: the next version of an existing one
	TableDef *def;
	CatalogChange *change;
	Link *spare; // an existing table's growing segment is sealed
};

// tables.c
Status table_new(Store *store, TableDef *def, Table **out, Error *err);
Status link_new(Store *store, TableDef *def, Link **out, Error *err);
void link_free(Link *link); // NULL is allowed
// A segment to go on with, made before the commit that may need it.
Status table_provide_spare(Table *table, Error *err);
void table_insert_locked(Store *store, Table *table);
void table_remove_locked(Store *store, Table *table);
Link *table_growing_locked(Table *table); // NULL: none
// The oldest segment if it can be flushed: sealed, and all of it published. NULL: it cannot.
Link *table_ripe_locked(const Store *store, const Table *table);

// load.c
Status store_load(Store *store, Error *err);  // what the catalog knows
Status store_sweep(Store *store, Error *err); // then: removes files it does not know

// checkpoint.c
Status checkpoint_load(Store *store, Error *err);
