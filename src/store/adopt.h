// adopt.h - rows that are too many for the log: they are written to files first, and one commit
// then adopts these.
//
//     bulk_new ─► bulk_add, bulk_write, …      files in their places that nobody knows: a crash
//                                             leaves them to the next start's sweep
//     store_adopt_new ─► WAL_ADOPT ─► store_apply_adopt     all of them become visible at once
//
// The record is small and names the files with all the catalog has to know of them; the catalog
// follows as it does with definitions. Where rows replace others by key, of those of one commit the
// later files' do: the segment ids rise in the order in which they were added. A start replays the
// records the catalog lacks, and removes only then what nobody knows.
//
// Threads  a Bulk: one owner. Applying: the publishing thread.

#pragma once

#include "store/store.h"

// Rows of one table on their way into files, sorted in each of them.
typedef struct Bulk Bulk;
Status bulk_new(Store *store, Table *table, DuckConn *conn, Bulk **out, Error *err);
void bulk_free(Bulk *bulk); // with the files that were not adopted; NULL is allowed
// Takes over `reserved` bytes of the budget on ST_OK; they are released once the rows are in a
// file. ST_CONFLICT: the table has changed since bulk_new.
Status bulk_add(Bulk *bulk, Shape *shape, Batch *batch, uint64_t reserved, Error *err);
// Writes the next file if the rows that wait occupy so much memory; 0: if there are any. After a
// failure the bulk is of no use.
Status bulk_write(Bulk *bulk, uint64_t least_bytes, Error *err);

// Files that one commit adds to a table. In the log, little-endian:
//
//     u8 format (1) · u8 0 · u16 0 · u32 length · the definition they were written under
//     u32 files · for each of them, in the order of their rows:
//         u64 segment id · i64 rows · u64 bytes · u64 footer bytes · hash 16 · footer hash 16
//         i64 min time · i64 max time · i64 created · i64 sealed
typedef struct StoreAdopt StoreAdopt;
// Takes the files of bulks of `table`, in this order, which is that of their writing. `del` (may be
// NULL): what the same commit deletes of the table. The caller holds the table's rewrite lock from
// before until the commit was published or failed. ST_CONFLICT: the table has changed; write the
// rows again. ST_NOT_FOUND: it was dropped.
Status store_adopt_new(Store *store, Table *table, Bulk *const *bulks, int32_t count,
					   const StoreDelete *del, StoreAdopt **out, Error *err);
// Never applied: the files go, unless the log may have the record. NULL is allowed.
void store_adopt_free(StoreAdopt *adopt);
Status store_adopt_encode(const StoreAdopt *adopt, Buf *out, Error *err); // appends the payload
// What a record holds. ST_CORRUPT: no payload of ours.
typedef struct AdoptedFiles {
	TableDef *def;
	FileMeta *metas;
	int32_t count;
} AdoptedFiles;
Status adopted_files_read(Slice payload, uint64_t seq, AdoptedFiles *out, Error *err);
void adopted_files_close(AdoptedFiles *files);
int64_t store_adopt_rows(const StoreAdopt *adopt);
bool store_adopt_times(const StoreAdopt *adopt, int64_t *min, int64_t *max); // false: none
void store_apply_adopt(Store *store, StoreAdopt *adopt, uint64_t seq);
// From the log, at start, of a commit that is not in the catalog. ST_CORRUPT: no payload of ours.
Status store_replay_adopt(Store *store, Table *table, Slice payload, uint64_t seq, Error *err);
// The series of rows that the commit put into files, for a start that has not seen them.
Status store_replay_adopted_series(Store *store, Table *table, uint64_t seq, Error *err);
