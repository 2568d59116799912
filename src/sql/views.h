// views.h - what one execution reads of each table: its definition, the range of time that can hold
// the answer, and which files and memory overlap it.

#pragma once

#include "duck/scan.h"
#include "sql/constraint.h"

enum { MOST_LATE = 4 };

typedef struct RefView {
	const NamedRef *named;
	const TableView *table; // of the snapshot; NULL: a source's
	TimeRange range;
	const Condition *conditions;
	int32_t condition_count;
	int32_t *files; // of table->files, those that overlap; those that are read alike side by side
	int32_t file_count;
	int32_t masked; // of how many files some rows are deleted
	int32_t *hots;  // of table->files, those that overlap and are read from memory
	int32_t hot_count;
	bool memory;         // a segment or one of `hots` overlaps
	int64_t memory_rows; // about
	bool *cut;           // of each of `files`: some of its rows are too old to be seen
	bool memory_cut;     // the same of what is in memory
	bool addresses;      // with more columns: where each row is
	bool newest;         // of each series only the newest row, chosen from all that can be seen
	bool at_hand;        // the same, of somebody who has them: there is nothing else to read
	bool shielded;       // no condition may reach the reader of the files: see plan_table.c
	// Of a table that replaces rows by key: the times at which a key may have several versions,
	// disjoint and rising. They are rounded outwards, so that plans hold for a while.
	TimeRange late[MOST_LATE];
	int32_t late_count;
	bool memory_late;  // rows in memory may lie in them
	bool memory_clean; // and outside of them
} RefView;

typedef struct Views {
	RefView *refs;
	RefColumns *columns; // of each ref
	int32_t count;
	bool time_alias;
} Views;

// Lies in `arena`; borrows from names and snapshot. `addresses`: of the first.
Status views_make(const Verdict *verdict, const Names *names, const Snapshot *snapshot,
				  bool time_alias, bool addresses, Arena *arena, Views *out, Error *err);

// Whether the files can be read: before they are, ST_CORRUPT names the first that cannot.
Status views_ready(const Views *views, Error *err);
// After reading failed with `status`: if a file is why, ST_CORRUPT names it.
Status views_doubt(const Views *views, Status status, Error *err);

DataFile *view_file(const RefView *view, int32_t i);   // the i-th of those that overlap
const Mask *view_mask(const RefView *view, int32_t i); // NULL: all its rows are there
// How the times of a file lie to those at which a key may have several versions.
typedef enum Lateness { LATE_NOT, LATE_PARTLY, LATE_WHOLLY } Lateness;
Lateness view_lateness(const RefView *view, int32_t i);
// Where the files end that are read in the same way as the one at `from`.
int32_t view_group_end(const RefView *view, int32_t from);

// The orders of versions of a key: the greater is the later. Of files and memory segments that have
// a time in common those with the greater seq come later; within one, rows count up from the order.
int64_t view_file_order(const RefView *view, int32_t i);
int64_t view_memory_order(const RefView *view, int32_t segment); // of the table's

// late.c: finds the times at which a key may have several versions, and whether memory has them.
Status view_find_late(RefView *view, Arena *arena, Error *err);

// The columns that addresses add: uint64, the segment; int64, the row in a file, or −1 − its place
// in memory. Where rows are replaced by key also, as lists, those of every stored version of the
// row's key, its own among them; NULL: there is no other. No column of a table can have such names.
extern const char address_segment[];
extern const char address_row[];
extern const char version_segments[];
extern const char version_rows[];

// Whether something is set before each execution, by a slot: rows in memory, or masks of files.
bool view_has_slot(const RefView *view);
// The memory of a ref as rows for the table function, of the columns of the view's definition (and
// its addresses), and the masks of its files. It holds references of its own.
Status scan_memory(const RefView *view, uint64_t seq, BatchScan *out, Error *err);
// The one time, in the unit of the time column, that the oldest visible row has: what the rows of a
// cut file or memory are compared with.
Status scan_visible_from(const RefView *view, Batch **out, Error *err);
// Whether some of what it reads is cut.
bool view_has_cut(const RefView *view);
// A source's rows.
Status scan_batch(Batch *batch, BatchScan *out, Error *err);
