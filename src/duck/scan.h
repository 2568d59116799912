// scan.h - batches as a table of DuckDB, and table columns as types of DuckDB.
//
// SQL text refers to a scan slot by number: mobius_scan(17). The slot gives its columns and
// cardinality when the statement is bound and its rows when it starts, so a prepared statement can
// be run again over newer rows. Projection is pushed down; rows come in morsels of 16 Ki; strings
// are handed over without a copy.
//
// Threads  slots: any thread, by one lock of the instance. A BatchScan is immutable and counted;
// workers share it.

#pragma once

#include "base/arena.h"
#include "duck/duck.h"

enum { SCAN_MASK_ROWS = 4096 }; // that a mask is asked about at once, at most

// Rows that are left out. dead(rows, first, count, bits): of rows [first, first + count) sets bit i
// of `bits` (all 0 before) where row first + i is one of them. Any thread, several at once.
typedef struct RowMask {
	void (*dead)(const void *rows, int64_t first, int64_t count, uint64_t *bits);
	const void *rows;
} RowMask;

// What a column of a scan is, where it is no column of the batch.
enum {
	MAP_NULL = -1,    // NULL in every row
	MAP_SEGMENT = -2, // the part's segment_id; the scan's column is a uint64
	MAP_ROW = -3,     // the row's number, from the part's first_row on; an int64
	MAP_ORDER = -4,   // the row's number, from the part's first_order on; an int64
	MAP_TAG = -5,     // and below: column MAP_TAG - map[i] of the part's tags
};

// Rows of a batch that have their tags in common: run i is rows [starts[i], starts[i + 1]).
typedef struct TagRuns {
	Batch *tags; // a row for each run
	const int64_t *starts;
	int64_t count;
} TagRuns;

// A run of rows of one batch. map[i] is the batch's column for column i of the scan, or one of
// MAP_*. A column whose type is narrower than the scan's is widened on the way (values_widen).
typedef struct BatchPart {
	Batch *batch;
	int64_t from; // rows [from, from + rows) of it
	int64_t rows;
	const int32_t *map;  // lives as long as the scan (arena), like mask
	const RowMask *mask; // of the batch's rows; NULL: all of them are there
	const TagRuns *runs; // of the batch; lives like map; NULL: no column is a MAP_TAG
	uint64_t segment_id;
	int64_t first_row; // the batch's, like first_order
	int64_t first_order;
} BatchPart;

// Rows of one table reference, and which rows of its files are left out: mobius_alive(17, file,
// row) asks files[file], of the slot 17. `release(owner)` runs when the last user is gone, in any
// thread and under DuckDB's locks: it must not call this room.
typedef struct BatchScan {
	const BatchPart *parts;
	int64_t part_count;
	int64_t rows;         // of all parts, with those left out
	const RowMask *files; // dead NULL: nothing is left out
	int64_t file_count;
	void (*release)(void *owner);
	void *owner;
} BatchScan;

typedef struct ScanSlot ScanSlot;

// `schema`: canonical types (arrow/convert.h).
Status duck_slot_new(Duck *duck, Schema *schema, int64_t expected_rows, ScanSlot **out, Error *err);
void duck_slot_free(ScanSlot *slot); // after the statements that name it; NULL is allowed
uint64_t duck_slot_number(const ScanSlot *slot);
// What the next execution reads. Takes the BatchScan over by value (its release will run) on ST_OK;
// scan NULL: no rows.
Status duck_slot_set(ScanSlot *slot, const BatchScan *scan, Error *err);

// ---- types ----

// ST_UNIMPLEMENTED names a type DuckDB cannot hold. Called when a table is created.
Status duck_check_field(const Field *field, Error *err);

// Refuses values that queries cannot handle: instants in s or ms beyond what microseconds reach
// (years 290309 BC to 294247). For puts. ST_INVALID names column and row.
Status duck_check_values(const Field *field, const Column *column, Error *err);

// The SQL type of a canonical field in a query: "BIGINT", "TIMESTAMP_NS", "STRUCT(a BIGINT)", …
Status duck_sql_type(const Field *field, Buf *out, Error *err);

// A canonical field from a type as users write it in CREATE TABLE (any type name DuckDB knows).
// ST_INVALID names it. One of JSON has the metadata of Arrow's extension arrow.json.
Status duck_field_of_type(DuckConn *conn, const char *name, const char *type_text, Field *out,
						  Arena *arena, Error *err);

// The expression that reads column `name` of type `file` from one of our Parquet files as a value
// of `table`'s SQL type: the quoted name alone where the file holds it as it is, else with a cast
// or function around it.
Status duck_file_column(const Field *file, const Field *table, Buf *out, Error *err);
