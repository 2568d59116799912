// scan_int.h - what a scan slot and the table function over it share.

#pragma once

#include "duck/duck_int.h"
#include "duck/parquet.h"

// Rows that are being read: counted by the slot and by each execution.
typedef struct SharedScan {
	atomic_int refs;
	BatchScan scan;
	int64_t *starts; // of each part, and the end: part_count + 1
} SharedScan;

void shared_scan_unref(SharedScan *shared); // NULL is allowed

// Rows that are made while they are read, and what their maker failed with.
typedef struct RowFeed {
	RowSource source;
	Error error;
} RowFeed;

// Counted by its maker and by each statement that is bound to it.
struct ScanSlot {
	atomic_int refs;
	Duck *duck;
	uint64_t number;
	ScanSlot *next; // in its bucket; guarded by the instance's lock
	Schema *schema;
	DuckForm form;
	int64_t expected_rows;
	SharedScan *shared; // guarded by the instance's lock; NULL: no rows
	RowFeed *feed;      // of the one statement that reads it by mobius_rows; NULL: none
};

Status scan_slot_new(Duck *duck, Schema *schema, DuckForm form, int64_t expected_rows,
					 ScanSlot **out, Error *err);

ScanSlot *scan_slot_acquire(Duck *duck, uint64_t number); // NULL: there is none
void scan_slot_unref(ScanSlot *slot);
SharedScan *scan_slot_rows(ScanSlot *slot); // an owned reference; NULL: no rows

// The table functions mobius_scan and mobius_rows, and the function mobius_alive, once for each
// instance.
Status scan_register(Duck *duck, duckdb_connection conn, Error *err);
Status feed_register(Duck *duck, duckdb_connection conn, Error *err);
Status alive_register(Duck *duck, duckdb_connection conn, Error *err);
void scan_bind(duckdb_bind_info info); // of both: the slot by its number, and its columns

// ---- running ----

// One execution, shared by its workers.
typedef struct ScanRun {
	const ScanSlot *slot; // the statement's bind data keeps it
	SharedScan *shared;   // NULL: no rows
	int64_t rows;
	_Atomic int64_t next_row; // where the next morsel begins; hands over the rest
	int32_t column_count;
	int32_t columns[]; // of the scan; -1: asked for its number of rows only
} ScanRun;

// Where one worker is: rows [row, end) are still its own.
typedef struct ScanCursor {
	int64_t row;
	int64_t end;
	int64_t part;
	atomic_bool ready; // hands over the rest
} ScanCursor;

// scan_chunk.c: up to `room` rows (SCAN_MASK_ROWS at most), gathered from as many parts as it
// takes. None only at the cursor's end, or where all were left out.
int64_t scan_fill_chunk(const ScanRun *run, ScanCursor *cursor, duckdb_data_chunk out,
						int64_t room);

// ---- filling vectors ----

typedef struct FillTarget {
	const Field *field; // the scan's
	DuckForm form;
	duckdb_vector vector;
	idx_t at; // the first row to fill
} FillTarget;

typedef struct FillSource {
	const Field *field;   // the batch's
	const Column *column; // NULL: NULL in every row
	int64_t row;
	int64_t rows;
} FillSource;

// Whether filling is copying bytes: from where to where, and how many a row has.
typedef struct PlainFill {
	uint8_t *to;
	const uint8_t *from;
	size_t width;
} PlainFill;
bool scan_fill_is_plain(FillTarget to, FillSource from, PlainFill *out);

// Row `run.row` of the column, in each of run.rows rows.
void scan_fill_same(FillTarget to, FillSource from);
// The same in a vector that has nothing else, if it can be said once for all of it.
bool scan_fill_constant(FillTarget to, FillSource from);

// Strings of the vector point into the column. Rows of a vector are filled in order, from 0.
void scan_fill(FillTarget to, FillSource from);
