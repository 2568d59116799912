// duck.h - DuckDB behind our own words: instances, connections, statements, streams.
//
// Only files of this room include duckdb.h. An instance holds no data of ours: a poisoned one is
// thrown away and opened again, by its owner, or by duck_connect once all its connections are gone.
//
// Threads  an instance is shared; a connection (and what was prepared on it) serves one thread at a
// time, not always the same one.
//          Threads that prepare or run users' statements have stacks of at least 8 MiB.
//          duck_interrupt: any thread.

#pragma once

#include "arrow/batch.h"
#include "arrow/builder.h"
#include "base/status.h"

typedef struct Duck Duck;
typedef struct DuckConn DuckConn;
typedef struct DuckStatement DuckStatement;
typedef struct DuckStream DuckStream;

typedef struct DuckOptions {
	int threads;
	uint64_t memory_bytes;
	const char *temp_dir;    // DuckDB's own, holds nothing else
	const char *allowed_dir; // absolute; the only directory its SQL can read. NULL: none
	bool trusted; // our own statements (flush): not locked against COPY TO the allowed directory
	bool later;   // it opens with the first connection; what is wrong with the options shows then
} DuckOptions;

// Locked down in the order that holds; time macros installed so that now() compares with every
// timestamp unit; our table functions registered (duck/scan.h).
Status duck_open(const DuckOptions *options, Duck **out, Error *err);
void duck_close(Duck *duck); // after its connections, slots and statements; NULL is allowed
DEFINE_DROP(Duck, duck_drop, duck_close)

Status duck_connect(Duck *duck, DuckConn **out, Error *err);
void duck_disconnect(DuckConn *conn); // after its statements and streams; NULL is allowed
DEFINE_DROP(DuckConn, duck_conn_drop, duck_disconnect)
void duck_interrupt(DuckConn *conn); // ends what it runs with ST_CANCELLED; harmless when idle
bool duck_conn_poisoned(
	const DuckConn *conn); // an INTERNAL or FATAL error came: the whole instance must be replaced
bool duck_poisoned(const Duck *duck); // the same

// Runs a statement whose result is not wanted.
Status duck_run(DuckConn *conn, const char *sql, Error *err);
// Runs a statement with text parameters and returns the first column's first value as text (owned;
// NULL: no row or NULL).
Status duck_query_text(DuckConn *conn, const char *sql, const char *const *params, int count,
					   char **out, Error *err);

// The parse tree of one SELECT as JSON text (owned), by a prepared statement kept with the
// connection. ST_INVALID with the parser's message and position when the text is not exactly one
// SELECT.
Status duck_parse(DuckConn *conn, const char *sql, char **out_json, Error *err);
Status duck_count_statements(DuckConn *conn, const char *sql, int *out, Error *err);

// Errors of the engine become ours: binder, catalog, parser, conversion → ST_INVALID (position
// kept), out of memory → ST_LIMIT naming query.memory, interrupt → ST_CANCELLED, the rest
// ST_INTERNAL.
Status duck_prepare(DuckConn *conn, const char *sql, DuckStatement **out, Error *err);
void duck_statement_free(DuckStatement *statement); // NULL is allowed
DEFINE_DROP(DuckStatement, duck_statement_drop, duck_statement_free)
bool duck_statement_is_select(const DuckStatement *statement); // SELECT or EXPLAIN

// The result's columns as Arrow fields, by the engine's types ("everything else follows DuckDB"):
// VARCHAR utf8, UUID/ENUM/BIT/TIMETZ utf8, HUGEINT int64, DECIMAL decimal128, TIMESTAMP* timestamp,
// TIMESTAMPTZ timestamp[us, UTC], INTERVAL month_day_nano, BLOB binary, nested.
Status duck_statement_schema(const DuckStatement *statement, Schema **out, Error *err);
int duck_statement_param_count(const DuckStatement *statement);

// Starts executing, streaming. `as` (may be NULL) is the schema the rows are wanted in: equal in
// number, each column either the engine's own type or one that holds the same values under another
// label (unit, zone, duration over BIGINT, null over anything).
Status duck_stream_open(DuckStatement *statement, Schema *as, DuckStream **out, Error *err);
// Adds rows until about max_rows or max_bytes are in the builder, or the end (*end). Runs the query
// in this thread.
Status duck_stream_fill(DuckStream *stream, Builder *builder, int64_t max_rows, uint64_t max_bytes,
						bool *end, Error *err);
// Also lets go what the stream had pinned. NULL is allowed.
void duck_stream_close(DuckStream *stream);
DEFINE_DROP(DuckStream, duck_stream_drop, duck_stream_close)
