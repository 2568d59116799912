// duck_int.h - what the files of this room share.

#pragma once

#include <duckdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "duck/duck.h"
#include "duck/scan.h"

enum { SLOT_BUCKETS = 256 };

struct Duck {
	DuckOptions options; // its texts are our own
	char *temp_dir;
	char *allowed_dir;
	pthread_mutex_t opening; // held by who connects; guards the next two
	bool open;
	duckdb_database db;
	atomic_int conns;
	bool trusted;
	atomic_bool poisoned;
	pthread_mutex_t lock; // guards what follows, and what each slot reads
	uint64_t next_slot;
	ScanSlot *slots[SLOT_BUCKETS]; // by number
};

struct DuckConn {
	Duck *duck;
	duckdb_connection conn;
	duckdb_prepared_statement parser; // NULL until something was parsed
};

struct DuckStatement {
	DuckConn *conn;
	duckdb_prepared_statement prepared;
	duckdb_statement_type type;
	Schema *schema; // NULL: `why` says why there is none
	Error why;
};

// ---- errors ----

// What our callbacks tell DuckDB when memory is short: it comes back as ST_NO_MEMORY.
extern const char duck_no_memory_text[];

// The Status for a message of DuckDB's, JSON (errors_as_json) or plain. Poisons the instance where
// the message says that it broke.
Status duck_error(Duck *duck, const char *message, Error *err);

// The same for json_serialize_sql's answer to a text that it does not take.
Status duck_parse_error(Duck *duck, const char *json, Error *err);

// ---- statements ----

// Prepares the one statement of `sql`; an instance of users refuses what writes files or attaches
// databases.
Status duck_prepare_one(DuckConn *conn, const char *sql, duckdb_prepared_statement *out,
						Error *err);

// ---- types ----

// How a column is seen by DuckDB: as queries see it, or as our Parquet files hold it (types without
// an exact form there become integers).
typedef enum DuckForm { FORM_QUERY, FORM_FILE } DuckForm;

// NULL: no memory. The caller destroys it. Of a field that duck_check_field lets pass.
duckdb_logical_type duck_logical_type(const Field *field, DuckForm form);

// The Arrow field of a result column; its parts live in arena. ST_UNIMPLEMENTED names a type that
// results do not carry.
Status duck_result_field(duckdb_logical_type type, const char *name, Arena *arena, Field *out,
						 Error *err);

static inline bool
type_has_zone(const Type *type)
{
	return type->zone != NULL && type->zone[0] != '\0';
}

// Bytes of DuckDB's value of a decimal.
static inline int
decimal_bytes(int precision)
{
	return precision <= 4 ? 2 : precision <= 9 ? 4 : precision <= 18 ? 8 : 16;
}

// The function that duck_file_column uses, and time_bucket; to be registered once for each
// instance.
Status duck_register_file_function(duckdb_connection conn, Error *err);
Status duck_register_bucket(duckdb_connection conn, Error *err);
