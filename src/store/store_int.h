// store_int.h - the store's and its tables' parts, shared by its files.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "duck/parquet.h"
#include "store/recent.h"
#include "store/store.h"

enum { TABLE_BUCKETS = 4096 };

// One memory segment in a table's chain.
typedef struct Link {
	Segment *segment;
	TableDef *def; // as it was when the segment began
	struct Link *next;
} Link;

typedef struct Replayed Replayed;
typedef struct StoreAdopt StoreAdopt;
typedef struct Stray Stray;

struct Table {
	atomic_uint refs;
	Store *store;
	uint32_t id;
	SeriesMap *series;
	Producers *producers;
	RecentPuts *recent;       // the sequencer's; NULL like the next
	Newest *newest_times;     // NULL: it replaces no rows by key
	_Atomic(void *) attached; // table_attach, and how it is freed
	void (*free_attached)(void *what);
	_Atomic uint64_t flushed_seq;
	_Atomic int64_t last_id; // the greatest of an entity
	atomic_bool dropped;
	_Atomic uint64_t flush_failures; // of all time
	uint32_t failed_flushes;         // since the last good one; the keeper's, as is the next:
	bool flush_waits;                // of its oldest segment, for `rewrite`
	uint32_t merge_lost; // results in a row that a deletion made void; the merger's, as are
	_Atomic int64_t merge_after_ns; // mono: after a failure
	atomic_bool merge_stopped;      // a file is damaged
	bool few_words;                 // its last trial found files smaller so
	uint32_t untried;               // large merges since the first
	// The keeper's, in memory: after the last look at what its segments can give back,
	uint64_t looked_bytes;  // what they had,
	int64_t looked_ns;      // and when it was, if that was nothing
	pthread_mutex_t change; // store.h says what they are for; in this order, before the store's
	pthread_mutex_t rewrite;
	pthread_mutex_t lookup; // guards its segments' indexes of ids; before the store's, and alone
	bool replaying; // guarded by `rewrite`, as is the next: the log is replayed, and what flushes
	Replayed *replayed; // make is not in the catalog yet; in order
	Table *next_full;   // the publishing thread's, like full
	bool full;          // is in the store's list of such

	// Guarded by the store's lock.
	TableDef *def; // changed by the publishing thread alone
	FileSet *files;
	int64_t dropped_before; // retention gave up what is older
	uint64_t unkept_seq;    // of the first deletion in a file whose mask the catalog lacks; 0: none
	uint64_t keeping_seq;   // the same, of those on their way there
	Link *spare;            // to go on with when the growing one is sealed
	Link *oldest;           // sealed ones, then the growing one last
	Link **tail;            // where the next one goes
	Table *next_in_bucket;  // by database and name
	Table *next_by_id;
};

typedef struct Database {
	char *name;
	struct Database *next;
} Database;
Status database_new(const char *name, Database **out, Error *err);
void database_free(Database *database); // NULL is allowed

struct Store {
	StoreOptions options; // texts are its own
	StoreKept kept;       // lock NULL: there is none
	char *files_dir;
	char *tmp_dir;
	char *checkpoint_dir;
	uint64_t checkpoint_seq;   // the keeper's; atomic would be too much: read by it and at start
	uint64_t checkpoint_floor; // commits ≤ it were flushed and catalogued when it was written
	struct Flush *waiting;     // flushes with a file, for a table's rewrite lock; the keeper's
	_Atomic uint64_t flushed_bytes; // of files that were written since the start
	_Atomic uint64_t merged_bytes;

	// The publishing thread's.
	Table *full;          // references of tables whose growing segment is to be sealed
	bool sealed_some;     // since the last time it was told
	atomic_bool frozen;   // set before a rewrite lock is given back, looked at with it
	bool replaying;       // tables that are made now are replayed, too
	StoreDelete *applied; // deletions whose files change with the next publication, the last first
	StoreAdopt *adopted;  // files that come with it, after those
	Stray *strays;        // what the start found in files/ and the catalog does not know

	pthread_mutex_t lock; // guards names, every table's guarded part, published_seq and on_sealed
	Table *by_name[TABLE_BUCKETS];
	Table *by_id[TABLE_BUCKETS];
	Database *databases;
	uint64_t published_seq;
	void (*on_sealed)(void *arg);
	void *on_sealed_arg;

	pthread_mutex_t hot_lock; // guards the copies of files, in the order in which they go
	struct HotEntry *oldest_hot;
	struct HotEntry **newest_hot;
	uint64_t added_hots; // since those were left out whose copies are gone,
	uint64_t left_hots;  // and how many stayed
};

struct StoreDefine {
	Table *table; // a new one, or NULL: the next version of an existing one
	TableDef *def;
	CatalogChange *change;
	Link *spare; // an existing table's growing segment is sealed
};

// delete.c (from addresses), delete_log.c (to and from the log), delete_apply.c: rows that go, by
// segment.
typedef struct MemoryRows {
	Segment *segment; // a reference
	Buf rows;         // positions, rising; uint32_t
} MemoryRows;

typedef struct FileRows {
	uint64_t segment_id;
	int32_t at; // in the table's file set
	Mask *rows;
} FileRows;

struct StoreDelete {
	Table *table; // a reference
	MemoryRows *memory;
	int32_t memory_count;
	FileRows *files; // by rising segment id
	int32_t file_count;

	// What follows from them.
	FileSet *base;   // what `next` was made from
	FileSet *next;   // NULL: the files stay as they are
	FileMask *masks; // those of `next` that are new
	int32_t mask_count;

	// All rows.
	bool all;
	bool older;            // or none is the newest of its series
	Link *spare;           // to go on with
	const Link *last;      // of those in the table's chain that go; NULL: none
	Link *gone;            // once they were taken off
	CatalogChange *change; // the files go from the catalog

	uint64_t seq; // from its application on
	StoreDelete *next_applied;
};

// adopt.c: files that come with a commit.
struct StoreAdopt {
	Table *table;  // a reference
	TableDef *def; // they were written under
	DataFile **files;
	int32_t count;
	FileSet *base; // what `next` was made from
	FileSet *next;
	Link *spare; // to go on with: the growing segment ends before them
	CatalogChange *change;
	bool applied;
	bool replayed; // from the log: its files stay, whatever comes
	StoreAdopt *next_applied;
};

void adopt_swap_locked(StoreAdopt *adopt);
// The late rows (newest.h) of a file that comes with a commit: all it has, where rows replace
// others, since what will be there before it is not known yet.
void file_meta_come_late(FileMeta *meta, const TableDef *def);

Status delete_alloc(Table *table, int32_t memory_most, int32_t file_most, StoreDelete **out,
					Error *err);
void delete_drop(StoreDelete **del); // for SCOPED
void delete_add_file(StoreDelete *del, uint64_t segment_id, int32_t at,
					 Mask *rows); // takes the mask; there is room
void delete_sort_files(StoreDelete *del);
// Masks, file set and room for marks, from the rows.
Status delete_prepare(StoreDelete *del, FileSet *files, Error *err);
Status truncate_prepare(StoreDelete *del, const TableView *view, uint64_t seq,
						Error *err); // files of commits ≤ seq
void delete_apply(StoreDelete *del, uint64_t seq);
void delete_swap_locked(StoreDelete *del);
// Leaves out what is in files already, and what is gone. Not prepared yet.
Status delete_decode(Slice payload, const TableView *view, StoreDelete **out, Error *err);

// replay.c: with the table's rewrite lock.
Status replayed_new(const Segment *seg, const uint32_t *positions, int64_t file_rows,
					Replayed **out, Error *err);
void replayed_free(Replayed *all);
void replayed_add(Table *table, Replayed *replayed);
const Replayed *replayed_find(const Table *table, uint64_t seq,
							  SegmentCommit *out); // NULL: not flushed in this replay
uint64_t replayed_segment(const Replayed *replayed);
bool replayed_row(const Replayed *replayed, int64_t position,
				  uint32_t *file_row); // false: it is in no file

// flush.c
void flush_close_waiting(Store *store); // their files are of nobody, and go with the next start
// ST_UNAVAILABLE behind a failed sync.
Status store_check_thawed(const Store *store, Error *err);
// flush_file.c. A sealed segment that is in no table's chain, with rows, as a file in its place
// that nobody knows yet. It gets no copy in memory (hot_keep.h): who writes it may hold rewrite
// locks, and the room for one is made with those.
Status segment_to_file(Store *store, Table *table, Segment *seg, TableDef *def, DuckConn *conn,
					   DataFile **out, Error *err);

// links.c
Status link_new(Store *store, TableDef *def, Link **out, Error *err);
void link_free(Link *link); // NULL is allowed
void links_free(Link *oldest);
// A segment to go on with, made before the commit that may need it.
Status table_provide_spare(Table *table, Error *err);
Link *table_growing_locked(const Table *table); // NULL: none
// Seals it; *spare is to go on with, taken if the table lacks one. False: none was growing.
bool table_end_growing_locked(Table *table, Link **spare);
Link *table_newest_locked(const Table *table); // NULL: there is none
// The oldest segment if it can be flushed: sealed, and all of it published. NULL: it cannot.
Link *table_ripe_locked(const Store *store, const Table *table);
void table_add_link_locked(Table *table, Link *link);          // as the newest
Link *table_take_links_locked(Table *table, const Link *last); // from the oldest to this one

// tables.c
Status table_new(Store *store, TableDef *def, Table **out, Error *err);
FileSet *table_files(Table *table); // those of now, a reference; NULL: none, or it was dropped
// Readers get the set *files from now on, and the caller what it was; with the rewrite lock. False:
// the table was dropped, and *files stays.
bool table_swap_files_locked(Table *table, FileSet **files);
bool table_set_files(Table *table, FileSet *files);   // the same; takes the set
void table_insert_locked(Store *store, Table *table); // among the names
void table_remove_locked(Store *store, Table *table);

// store.c. Where a table's file lies; NULL: no memory.
char *store_file_path(const Store *store, uint32_t table_id, uint64_t segment_id);
// What a table leaves behind when it goes: to be freed outside the lock.
typedef struct Remains {
	FileSet *files;
	Link *links;
	Table *names; // the names' reference; NULL: it was gone already
} Remains;
Remains table_go_locked(Store *store, Table *table);
void remains_free_memory(Remains *remains); // all but the files
// The files of what was dropped go once the catalog does not know them any more: a start that
// misses a file the catalog knows is refused. Takes the set.
void forget_files(void *files, bool durable);

// hot_keep.c
void hot_keep_close(Store *store);

// load.c
Status store_load(Store *store, Error *err); // what the catalog knows

// sweep.c. Files the catalog does not know: what cannot be of a commit goes at once, the rest once
// the log was replayed, unless a table has it by then.
Status store_find_strays(Store *store, Error *err);
// The file a name in a table's folder is of, or of the note of its damage (*note); false: none of
// ours.
bool file_of_name(const char *name, uint64_t *segment_id, bool *note);
Status store_sweep(Store *store, Error *err);
void strays_free(Stray *all); // NULL is allowed

// checkpoint.c
Status checkpoint_load(Store *store, Error *err);
