// plan.h - a statement prepared for certain definitions and files, to be run as often as they hold.
//
// It belongs to its connection. The memory it reads is set at each start and taken away at its end.

#pragma once

#include "sql/pool.h"
#include "sql/rewrite.h"
#include "sql/views.h"

struct Plan {
	Plan *next; // of the connection
	uint64_t hash;
	Buf key;
	Arena arena;
	Rewrite rewrite;
	DuckStatement *statement;
	Schema *schema;   // what every batch has
	ScanSlot **slots; // of each TableRef; NULL: read from files only
	ScanSlot **cuts;  // of each TableRef, from where its rows are seen; NULL: all are
	int32_t slot_count;
	bool once;  // the engine cannot execute an ASOF join of it again
	bool spent; // it was executed
};

// What an UPDATE or DELETE asks of its table, the statement's first.
typedef struct Match {
	uint32_t version;      // of the table's definition it is for
	const char *items;     // what stands for the first of the SELECT list
	const int32_t *places; // of each column of `as`, among the items
} Match;

typedef struct PlanInput {
	const Verdict *verdict;
	const Views *views;
	Schema *as;         // the columns of an INSERT, UPDATE or DELETE; NULL: the statement's own
	int32_t key;        // of an INSERT's columns, the one in which nothing is rounded; -1: none
	const Match *match; // NULL: no UPDATE or DELETE
} PlanInput;

// What a plan holds for: text, definitions, the columns that are assigned, files, which of them
// have rows that are too old, and about how much is in memory. From where rows are seen is told at
// each start.
Status plan_key(const PlanInput *input, Buf *out, Error *err);

// What a table is read from: slots of the plan, 0 where it has none.
typedef struct TableSlots {
	uint64_t rows; // in memory, and masks of files
	uint64_t cut;  // the time from which on rows are seen
} TableSlots;

// A column that tells which of two rows of one key came later.
extern const char version_order[];

// What stands for a table in FROM. Files first: they hold what came first.
Status plan_add_table(const RefView *view, TableSlots slots, Buf *out, Error *err);
// plan_cast.c. What stands before and behind a statement whose rows go into a table:
// SELECT CAST("a" AS …), … FROM (…) AS source("a", …).
Status plan_add_casts(const PlanInput *input, Buf *prefix, Buf *suffix, Error *err);

// Kept with the connection, which drops the least recently used one. Positions of errors are of the
// statement as it was written.
Status plan_make(Conn *conn, const PlanInput *input, const Buf *key, Plan **out, Error *err);
// What the engine says of a plan, with its position in the statement as it was written, and the
// column of a cell that it could not cast. `as`: of an INSERT; else NULL.
// Returns the error's code.
Status plan_locate(const Verdict *verdict, const Schema *as, const Rewrite *rewrite, Error *err);
Plan *plans_find(Conn *conn, const Buf *key); // NULL: none that can be executed
bool plans_have(const Conn *conn, uint64_t hash);
void plans_free(Conn *conn);

// What the next execution reads besides what the views say, by TableRef.
typedef struct PlanRows {
	uint64_t seq;
	Batch *const *batches; // rows of sources
	void *const *newest;   // newest rows at hand, of `from`
	const SqlNewest *from;
} PlanRows;
Status plan_set_rows(Plan *plan, const Verdict *verdict, const Views *views, const PlanRows *rows,
					 Error *err);
void plan_clear_rows(Plan *plan);

// What the engine says of an UPDATE or DELETE, without the columns that only we have put there.
Status match_refused(Status st, Error *err);

// ---- results ----

// The schema that is announced: of bare columns and stars of the outermost SELECT the stored types,
// else the engine's; every field nullable.
Status result_schema(const Verdict *verdict, const Views *views, Schema *own, Schema **out,
					 Error *err);
