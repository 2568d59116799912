// pool.h - connections to the users' instance of DuckDB, and what was prepared on each.
//
// A connection serves one statement at a time, from its binding to its end, because a second one
// would end its stream. An instance that is poisoned is replaced by a fresh one; it goes when the
// last of its connections does.
//
// Threads  the pool: any. A connection: who acquired it.

#pragma once

#include "duck/duck.h"

typedef struct Pool Pool;
typedef struct Instance Instance;
typedef struct Plan Plan;

typedef struct Conn {
	DuckConn *duck;
	Duck *instance_duck; // where slots are made
	Plan *plans;         // the most recently used one first
	int32_t plan_count;
	Instance *instance;
	Pool *pool;        // it goes back to
	struct Conn *next; // while idle
} Conn;

Status pool_open(const DuckOptions *options, Pool **out, Error *err); // texts are copied
void pool_close(Pool *pool); // after all connections came back; NULL is allowed
DEFINE_DROP(Pool, pool_drop, pool_close)

// One that has a plan of one of these hashes if there is an idle one, else any idle one, else a new
// one.
Status pool_acquire(Pool *pool, const uint64_t *hashes, int hash_count, Conn **out, Error *err);
// Whether one is idle, and sound: another may take it before the caller does.
bool pool_has_idle(Pool *pool);
void pool_release(Conn *conn); // NULL is allowed
