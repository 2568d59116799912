// query_int.h - one read on its way, and the ways it can take.

#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "sql/names.h"
#include "sql/plan.h"
#include "sql/sql_int.h"

// What an execution sees: immutable and counted.
struct SqlPin {
	atomic_uint refs;
	Snapshot *snapshot;
	int32_t ref_count;
	Batch **batches; // by TableRef: rows of a source; NULL: a table
	Table **tables;  // by TableRef: references; NULL: a source
	void **newest;   // by TableRef: newest rows at hand; NULL: none are
	SqlNewest from;  // whose they are
};

// pin.c
Status snapshot_of_names(Sql *sql, const Names *names, Snapshot **out, Error *err);
Status pin_take(Sql *sql, const Names *names, SqlPin **out, Error *err);
void pin_tell(const SqlPin *pin, Names *names); // which newest rows are at hand

// Stored batches passed on as they are.
typedef struct Passing Passing;

struct SqlQuery {
	Sql *sql;
	Verdict *verdict;
	Names names;
	Arena arena;
	Schema *as;     // the columns of an INSERT, UPDATE or DELETE; NULL: none
	int32_t as_key; // of an INSERT's: the one that takes whole numbers only; -1: none
	Match *match;   // UPDATE, DELETE; lies in the arena
	Schema *schema; // announced
	bool time_alias;
	Conn *conn; // changed under the lock
	Plan *plan; // of the connection
	SqlPin *pin;
	Views views; // of the execution
	bool started;
	bool ended;
	bool failed;
	DuckStream *stream;
	Builder *builder;
	Passing *passing;
	atomic_bool cancelled;
	pthread_mutex_t lock; // guards conn against cancel
};

// One of the pool, with a plan of these hashes preferred. Kept until the query is over, unless
// another pool is asked for before anything was prepared.
Status query_ensure_conn(SqlQuery *query, Pool *pool, const uint64_t *hashes, int count,
						 Error *err);
void query_release_conn(SqlQuery *query); // ends what runs on it
// A statement with its names, not bound to anything yet.
Status query_open(Sql *sql, const char *text, const SqlSession *session, SqlQuery **out,
				  Error *err);
// What it reads of a snapshot. Lies in the query's arena.
Status query_views(SqlQuery *query, const Snapshot *snapshot, bool time_alias, Views *out,
				   Error *err);
// ST_INVALID: an UPDATE or DELETE says what would show the addresses of rows.
Status match_check(const SqlQuery *query, const Views *views, Error *err);
// Makes or finds the plan for what the snapshot holds.
Status query_bind_to(SqlQuery *query, const Snapshot *snapshot, Error *err);

// Whether the statement is columns of one table, and nothing else, all of them known and none of
// its rows in files. Then *out is what it announces; else NULL.
Status passing_schema(const SqlQuery *query, const Snapshot *snapshot, Schema **out, Error *err);
// Whether every row can be passed on as it is stored; else *out is NULL. Borrows from the pin.
Status passing_open(const SqlQuery *query, Passing **out, Error *err);
Status passing_next(Passing *passing, Schema *schema, Batch **out, Error *err); // NULL: the end
void passing_close(Passing *passing);                                           // NULL is allowed
