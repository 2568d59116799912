// mobius.h - the embedded MobiusDB: open a directory, append Arrow batches, ask SQL.
//
// Data crosses as the Arrow C Data and C Stream Interfaces. Functions that can fail return a
// mobius_status and fill `err` (NULL is allowed); out parameters change only on MOBIUS_OK. All
// functions may be called from any thread.
//
//     mobius *db;
//     mobius_open("data", NULL, &db, &err);
//     mobius_append(db, "cpu", &schema, &array, &seq, &err);   // durable when it returns
//     mobius_query(db, "select * from cpu", &stream, &err);
//     mobius_close(db);

#ifndef MOBIUS_H
#define MOBIUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MOBIUS_API __attribute__((visibility("default")))

typedef enum mobius_status {
	MOBIUS_OK = 0,
	MOBIUS_INVALID,         // the caller's SQL, schema, data or argument is wrong
	MOBIUS_UNAUTHENTICATED, // no or bad credentials
	MOBIUS_DENIED,
	MOBIUS_NOT_FOUND,
	MOBIUS_EXISTS,
	MOBIUS_CONFLICT, // the state of things forbids it now; a data directory in use
	MOBIUS_SEALED,
	MOBIUS_LIMIT, // a configured limit; the text names it
	MOBIUS_NO_MEMORY,
	MOBIUS_DISK_FULL,
	MOBIUS_UNAVAILABLE, // recovering, read-only, shutting down
	MOBIUS_DEADLINE,
	MOBIUS_CANCELLED,
	MOBIUS_IO,
	MOBIUS_CORRUPT, // damaged bytes on disk; the text names file and place
	MOBIUS_UNIMPLEMENTED,
	MOBIUS_INTERNAL,
} mobius_status;

typedef struct mobius_error {
	mobius_status code;
	int32_t position; // byte in the statement, from 0; -1: none
	char text[480];
} mobius_error;

typedef struct mobius mobius; // a database directory, open in this process

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;

MOBIUS_API const char *mobius_version(void); // "0.1.0"

// Opens `dir` (made when missing) and recovers what was acknowledged. `settings`: "key=value"
// texts, ended by NULL, or NULL.
//   MOBIUS_CONFLICT  another process has it open
//   MOBIUS_CORRUPT   acknowledged data is damaged; nothing was changed
//   MOBIUS_INVALID   an unknown setting or a bad value
MOBIUS_API mobius_status mobius_open(const char *dir, const char *const *settings, mobius **out,
									 mobius_error *err);
// No other call may be running. Flushes what it can within stop.flush, writes a checkpoint. NULL is
// allowed. Streams must have been released.
MOBIUS_API void mobius_close(mobius *db);

// Appends one struct array as one atomic, durable commit; the table is made from the schema if
// there is none ("table", or "database.table"). Both structures are moved: their releases are
// called, also on failure. *seq (may be NULL) is the commit's number.
MOBIUS_API mobius_status mobius_append(mobius *db, const char *table, struct ArrowSchema *schema,
									   struct ArrowArray *array, uint64_t *seq, mobius_error *err);

// Runs one statement. A read streams its rows; any other answers one row, column "rows" (int64).
// The stream holds its snapshot until it is released.
MOBIUS_API mobius_status mobius_query(mobius *db, const char *sql, struct ArrowArrayStream *out,
									  mobius_error *err);

// The tables, as rows of system.tables.
MOBIUS_API mobius_status mobius_tables(mobius *db, struct ArrowArrayStream *out, mobius_error *err);

#ifdef __cplusplus
}
#endif

#endif
