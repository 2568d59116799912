// sql.h - reads: a text goes through the gate, its tables are replaced by scans of exactly what can
// hold the answer, DuckDB runs it, batches come out.
//
// One Sql per database directory. It owns the users' DuckDB instance (replaced when poisoned), its
// connections, and what is kept by text: verdicts, and prepared plans for as long as the table
// definitions and file sets they were made for are current.
//
// Threads  any number of queries at once; one query is used by one thread at a time, not always the
// same; sql_query_cancel: any thread.
//          sql_query_open and sql_query_next need a stack of 8 MiB.

#pragma once

#include "arrow/batch.h"
#include "duck/scan.h"
#include "sql/statement.h"
#include "store/store.h"

typedef struct Sql Sql;
typedef struct SqlQuery SqlQuery;

// Tables that are not the store's: "system". Registered by schema name.
typedef struct SqlSource {
	// The columns of `name` (canonical types), or ST_NOT_FOUND. *out is a new reference.
	Status (*columns)(void *ctx, const char *name, Schema **out, Error *err);
	// Its rows now, of that schema. Runs after the statement's snapshot was taken.
	Status (*rows)(void *ctx, const char *name, const Snapshot *snapshot, Batch **out, Error *err);
	// All names, NULL-terminated and static: for proposals and listings.
	const char *const *names;
	void *ctx;
} SqlSource;

// What a statement asks of a table's newest rows. Rows that it does not ask for may come as well.
typedef struct SqlWanted {
	const TableDef *def;
	const bool
		*columns;     // of def: those whose values are looked at; what others are does not matter
	int64_t min_time; // nanoseconds, inclusive
	int64_t max_time;
	// A row with the tags that all rows have that are asked for, in columns of this shape. NULL:
	// there are others.
	Batch *tags;
	Shape *tags_shape;
} SqlWanted;

// Who has the newest row of each series of the store's tables at hand (rtdb). Between lock and
// unlock what it has is of one moment with the store's snapshot.
typedef struct SqlNewest {
	void *ctx;
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);
	bool (*knows)(void *ctx, Table *table); // whether `acquire` would find something, just now
	// Locked. *view NULL: it does not have them all; they are chosen from history.
	Status (*acquire)(void *ctx, Table *table, void **view, Error *err);
	void (*release)(void *view);
	uint64_t (*bytes)(const void *view); // that it keeps from being freed
	// The rows, in the columns of the definition. What is in *out holds what it needs by itself.
	Status (*rows)(const void *view, const SqlWanted *wanted, BatchScan *out, Error *err);
} SqlNewest;

typedef struct SqlOptions {
	Store *store;            // borrowed
	const SqlNewest *newest; // copied; NULL: nobody has newest rows at hand
	int threads;
	uint64_t memory_bytes; // query.memory
	const char *temp_dir;
	const char *files_dir; // absolute: what read_parquet may open
	const char *database;  // the default one
} SqlOptions;

Status sql_open(const SqlOptions *options, Sql **out, Error *err);
void sql_close(Sql *sql); // after its queries; NULL is allowed
Status sql_register(Sql *sql, const char *schema, const SqlSource *source, Error *err);

// What an execution sees, so that another one of the same text sees the same.
typedef struct SqlPin SqlPin;

typedef struct SqlSession {
	const char *database; // NULL: the default
	SqlPin *pin; // NULL: what is there now. Else of the same text; its tables may be dropped
} SqlSession;

// Lets the text through the gate, binds it and knows the result's schema; runs nothing.
// ST_INVALID (with position), ST_NOT_FOUND (an unknown table; lists close names), ST_UNIMPLEMENTED,
// ST_LIMIT.
Status sql_query_open(Sql *sql, const char *text, const SqlSession *session, SqlQuery **out,
					  Error *err);
// Whether reading the text takes microseconds, and little of the stack: it is a row of constants
// that was asked for before, and there is a connection for it.
bool sql_is_known_constant(Sql *sql, const char *text);
Schema *sql_query_schema(const SqlQuery *query); // borrowed; what every batch has

// The next batch of about max_rows / max_bytes at most (a stored batch may be passed on as it is),
// or NULL at the end. The first call takes the snapshot and starts.
Status sql_query_next(SqlQuery *query, int64_t max_rows, uint64_t max_bytes, Batch **out,
					  Error *err);
bool sql_query_ended(const SqlQuery *query); // no batch will follow
// Before the first sql_query_next. *pin NULL: takes the snapshot now and gives a new pin.
Status sql_query_pin(SqlQuery *query, SqlPin **pin, Error *err);
SqlPin *sql_pin_ref(SqlPin *pin);
void sql_pin_unref(SqlPin *pin); // NULL is allowed
DEFINE_DROP(SqlPin, sql_pin_drop, sql_pin_unref)
// Memory that it keeps from being freed; more of it, when what it sees was flushed meanwhile.
uint64_t sql_pin_bytes(const SqlPin *pin);

void sql_query_cancel(SqlQuery *query);
void sql_query_close(SqlQuery *query); // NULL is allowed
DEFINE_DROP(SqlQuery, sql_query_drop, sql_query_close)

// A SELECT's rows as columns of `schema` in its order (INSERT): each value cast as the engine casts
// on insert, but none rounded in column `key` (-1: none), whose rows are found by it: ST_INVALID.
Status sql_query_open_as(Sql *sql, const char *text, const SqlSession *session, Schema *schema,
						 int32_t key, SqlQuery **out, Error *err);

// ---- statements that change rows ----

// The columns that an INSERT or UPDATE names, as those of the table. ST_INVALID with the position
// in the statement.
Status sql_targets(const SqlStatement *statement, const TableDef *def, int32_t *columns,
				   Error *err);

// An UPDATE or DELETE of a table under one definition of it.
typedef struct SqlMatch {
	const SqlStatement *statement;
	TableDef *def;
	const int32_t *targets; // UPDATE: sql_targets
} SqlMatch;

// The rows it is about. Columns: uint64, the segment; int64, the row in a file, or −1 − its place
// in a memory segment; and, of an UPDATE, the table's columns as they become, cast as on insert;
// last, where the table has times, the tags and the time that the row has.
// Positions of errors, here and later, are of the statement's source. ST_CONFLICT at the start: the
// table has another definition by now.
Status sql_query_open_match(Sql *sql, const SqlMatch *match, const SqlSession *session,
							SqlQuery **out, Error *err);

// Before the first sql_query_next of any: all of them see one moment.
Status sql_queries_pin(Sql *sql, SqlQuery *const *queries, int32_t count, Error *err);
uint64_t sql_query_seq(const SqlQuery *query); // of the moment it sees; it is pinned
bool sql_query_reads(const SqlQuery *query, const Table *table);

// A field from CREATE TABLE's type text: one of the engine's names, or in quotes one of Arrow's.
Status sql_field_of_type(Sql *sql, const char *name, const char *type_text, bool nullable,
						 Field *out, Arena *arena, Error *err);

// The database that a name of ours is in, exactly as it is called. The table need not exist.
// ST_NOT_FOUND with a close name; ST_INVALID when ambiguous, or the schema is not htdb.
Status sql_find_database(Sql *sql, const SqlTableName *name, const SqlSession *session,
						 char out[DATABASE_NAME_ROOM], Error *err);

// Finds the table a statement of ours names: a reference, or ST_NOT_FOUND with close names,
// ST_INVALID when ambiguous or not in htdb.
Status sql_find_table(Sql *sql, const SqlTableName *name, const SqlSession *session, Table **out,
					  Error *err);
