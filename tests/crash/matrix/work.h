// work.h - operations on a database, drawn from a seed, and the naive model of what they do: arrays
// of rows. What operation i is follows from the seed, i and the model before it.

#pragma once

#include "unit/engine/support.h"

enum {
	WORK_TABLES = 4,
	WORK_KEYED = 2,    // the table that keeps of each time and host the last row
	WORK_ENTITIES = 3, // the table that keeps of each id the last row
	WORK_EXTRA = 4,
	NO_VALUE = -1,
};

typedef struct Row {
	int64_t id; // of an entity; 0: none, or not given yet
	int64_t v;
	int64_t time; // ns
	int64_t host;
	int64_t extra[WORK_EXTRA]; // NO_VALUE: NULL, or there is no such column
} Row;

typedef struct Table {
	bool exists;
	bool has[WORK_EXTRA];
	Row *rows;
	int64_t count;
	int64_t last_id; // the greatest that was given
} Table;

typedef struct Model {
	uint64_t seed;
	long next; // operation
	Table tables[WORK_TABLES];
} Model;

typedef enum WorkKind {
	WORK_APPEND, // rows in one batch, maybe of new columns or into a new table
	WORK_INSERT, // rows as VALUES
	WORK_COPY,   // INSERT … SELECT from another table
	WORK_UPDATE,
	WORK_DELETE,
	WORK_TRUNCATE,
	WORK_SEVERAL, // BEGIN; INSERT …; DELETE …; COMMIT
	WORK_ADD,     // a column
	WORK_CUT,     // drop one
	WORK_DROP,
	WORK_FLUSH,
	WORK_COMPACT,
	WORK_BACKUP,
	WORK_REOPEN, // stop and start
	WORK_KINDS
} WorkKind;

typedef struct WorkOp {
	WorkKind kind;
	long number;
	int table;
	int other;
	int column;
	bool columns[WORK_EXTRA]; // of what is appended
	int64_t rows;
	int64_t by; // rows whose v % by is rest
	int64_t rest;
} WorkOp;

typedef struct Home {
	const char *dir;
	const char *const *settings;
	mobius *db;   // NULL after a WORK_REOPEN that failed
	uint64_t seq; // of the newest append
} Home;

void model_free(Model *model);
Model model_after(uint64_t seed, long ops); // model_free it
WorkOp work_next(const Model *model);
void model_apply(Model *model, const WorkOp *op); // op is work_next's
void model_widen(Model *model, const WorkOp *op); // only tables and columns that it brings
// `before` is the model that op was drawn from.
mobius_status work_do(Home *home, const Model *before, const WorkOp *op, mobius_error *err);
const char *work_name(WorkKind kind);

#define COULD_NOT "cannot be read"
#define NOT_WORK  -1 // v of an entity that is none of the model's

// Whether the database holds what the model does; `what` says what differs.
bool model_holds(const Model *model, mobius *db, char *what, size_t room);
