// mobius.h - the embedded MobiusDB: open a directory or memory, append Arrow batches, ask SQL.
//
// Data crosses as the Arrow C Data and C Stream Interfaces. Functions that can fail return a
// mobius_status and fill `err` (NULL is allowed); out parameters change only on MOBIUS_OK. No other
// argument may be NULL where it is not said. All functions may be called from any thread. The
// structs of the two interfaces are those of Arrow's specification: take them from a library of
// Arrow's, or write them down as examples/append_query.c does.
//
//     mobius *db;
//     mobius_open("data", NULL, &db, &err);
//     mobius_append(db, "cpu", &schema, &array, &seq, &err);   // durable when it returns
//     mobius_query(db, "select * from cpu", &stream, &err);
//     mobius_close(db);

#ifndef MOBIUS_H
#define MOBIUS_H

#include <stdbool.h>
#include <stddef.h>
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

typedef struct mobius mobius; // a database directory or one in memory, open in this process

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream;

MOBIUS_API const char *mobius_version(void); // "0.1.0"

// Opens `dir` (made when missing) and recovers what was acknowledged. `settings`: "key=value"
// texts, ended by NULL, or NULL. Nothing is written to standard error unless "log.level" or
// "log.format" is among them; these two are of the whole process, and the last ones given hold.
//
// ":memory:" is a new database without a directory: nothing is written to disk, and mobius_close or
// the end of the process loses all of it. Everything else is as usual, but that it holds no more
// than memtable.limit (by default a quarter of the machine's memory; MOBIUS_LIMIT beyond), that a
// statement changes at most commit.max_bytes of rows, and has query.memory and no disk to spill to,
// that its segments are never FLUSHED (FLUSH seals them), and that it has no backups. The memory of
// rows that were deleted, have expired or were replaced by key is given back: sealed segments that
// have many of them give way to smaller ones, and when memory is short growing ones are sealed for
// it. What a stream sees stays until it is released.
//   MOBIUS_CONFLICT  another process, or this one, has it open
//   MOBIUS_CORRUPT   acknowledged data is damaged; nothing was changed
//   MOBIUS_INVALID   an unknown setting or a bad value; `dir` holds other things than a database
MOBIUS_API mobius_status mobius_open(const char *dir, const char *const *settings, mobius **out,
									 mobius_error *err);
// No other call may be running. Flushes what it can within stop.flush, writes a checkpoint. NULL is
// allowed. Streams must have been released.
MOBIUS_API void mobius_close(mobius *db);

// Appends one struct array as one atomic, durable commit; the table is made from the schema if
// there is none: "table", "database.table", or as SQL has it "htdb.table", "database.htdb.table".
// Both structures are moved: their releases are called, also on failure. *seq (may be NULL) is the
// commit's number.
MOBIUS_API mobius_status mobius_append(mobius *db, const char *table, struct ArrowSchema *schema,
									   struct ArrowArray *array, uint64_t *seq, mobius_error *err);

// Runs one statement. A read streams its rows; any other answers one row, column "rows" (int64).
// The stream holds its snapshot until it is released.
MOBIUS_API mobius_status mobius_query(mobius *db, const char *sql, struct ArrowArrayStream *out,
									  mobius_error *err);

// The tables, as rows of system.tables.
MOBIUS_API mobius_status mobius_tables(mobius *db, struct ArrowArrayStream *out, mobius_error *err);

// ---- databases and collections, as objects ----
//
// A database is a namespace of collections (tables); "mobius" is there from the start. What is done
// through these objects and what is done by SQL is the same.
//
// Objects are handles with one owner: opened by name, closed in any order before mobius_close. A
// handle of something that was dropped answers MOBIUS_NOT_FOUND, and is closed as usual. A
// collection that is made under the name of one that was dropped is another one.

typedef struct mobius_database mobius_database;
typedef struct mobius_collection mobius_collection;

// Told one name after the other; a result other than MOBIUS_OK ends that and is returned.
typedef mobius_status mobius_each_name(void *arg, const char *name);

//   MOBIUS_EXISTS   there is one
//   MOBIUS_INVALID  it cannot be a name
MOBIUS_API mobius_status mobius_create_database(mobius *db, const char *name, mobius_error *err);
// With all its collections. MOBIUS_INVALID: "mobius" stays.
MOBIUS_API mobius_status mobius_drop_database(mobius *db, const char *name, mobius_error *err);
MOBIUS_API mobius_status mobius_database_open(mobius *db, const char *name, mobius_database **out,
											  mobius_error *err);
MOBIUS_API void mobius_database_close(mobius_database *database); // NULL is allowed
MOBIUS_API const char *mobius_database_name(const mobius_database *database);
MOBIUS_API mobius_status mobius_databases(mobius *db, mobius_each_name *each, void *arg,
										  mobius_error *err); // in order of their names

// `schema` is moved: its release is called, also on failure. `options`: "key=value" texts as in
// CREATE TABLE ... WITH ("tags=host,cpu", "ttl=30d"), ended by NULL, or NULL.
//   MOBIUS_EXISTS   there is one of that name
//   MOBIUS_INVALID  a name, a type or an option that cannot be
MOBIUS_API mobius_status mobius_create_collection(mobius_database *database, const char *name,
												  struct ArrowSchema *schema,
												  const char *const *options,
												  mobius_collection **out, mobius_error *err);
MOBIUS_API mobius_status mobius_drop_collection(mobius_database *database, const char *name,
												mobius_error *err);
MOBIUS_API mobius_status mobius_collection_open(mobius_database *database, const char *name,
												mobius_collection **out, mobius_error *err);
MOBIUS_API void mobius_collection_close(mobius_collection *collection); // NULL is allowed
MOBIUS_API mobius_status mobius_collections(mobius_database *database, mobius_each_name *each,
											void *arg, mobius_error *err); // in order of names

MOBIUS_API const char *mobius_collection_name(const mobius_collection *collection);
// Its columns now. The caller releases *out.
MOBIUS_API mobius_status mobius_collection_schema(mobius_collection *collection,
												  struct ArrowSchema *out, mobius_error *err);
// As mobius_append, but that a collection which was dropped is not made anew.
MOBIUS_API mobius_status mobius_collection_append(mobius_collection *collection,
												  struct ArrowSchema *schema,
												  struct ArrowArray *array, uint64_t *seq,
												  mobius_error *err);
// The same, and *first_id tells the first of the ids that its rows were given: those without one
// get consecutive ones, in order. 0: none was, or the collection has no key.
MOBIUS_API mobius_status mobius_collection_append_ids(mobius_collection *collection,
													  struct ArrowSchema *schema,
													  struct ArrowArray *array, uint64_t *seq,
													  int64_t *first_id, mobius_error *err);
MOBIUS_API mobius_status mobius_collection_size(mobius_collection *collection, int64_t *rows,
												mobius_error *err); // rows that a query would see
MOBIUS_API mobius_status mobius_collection_empty(mobius_collection *collection, bool *empty,
												 mobius_error *err);
// Deletes every row in one commit, as TRUNCATE.
MOBIUS_API mobius_status mobius_collection_clear(mobius_collection *collection, mobius_error *err);

// ---- values ----

typedef enum mobius_value_type {
	MOBIUS_VALUE_NULL, // compared with, it is neither true nor false, as in SQL
	MOBIUS_VALUE_INT,  // for a column of a timestamp type: ns since 1970, whatever its unit
	MOBIUS_VALUE_DOUBLE,
	MOBIUS_VALUE_BOOL,
	MOBIUS_VALUE_TEXT, // UTF-8, ended by NUL; borrowed
} mobius_value_type;

typedef struct mobius_value {
	mobius_value_type type;
	union {
		int64_t number;
		double real;
		bool truth;
		const char *text;
	} as;
} mobius_value;

static inline mobius_value
mobius_int(int64_t number)
{
	mobius_value value;
	value.type = MOBIUS_VALUE_INT;
	value.as.number = number;
	return value;
}

static inline mobius_value
mobius_double(double real)
{
	mobius_value value;
	value.type = MOBIUS_VALUE_DOUBLE;
	value.as.real = real;
	return value;
}

static inline mobius_value
mobius_bool(bool truth)
{
	mobius_value value;
	value.type = MOBIUS_VALUE_BOOL;
	value.as.truth = truth;
	return value;
}

static inline mobius_value
mobius_text(const char *text)
{
	mobius_value value;
	value.type = text != NULL ? MOBIUS_VALUE_TEXT : MOBIUS_VALUE_NULL;
	value.as.text = text;
	return value;
}

// ---- entities: rows that are known by their ids ----
//
// A collection with a key (option "key=id") has entities: each row has an id, a number from 1
// upward, and of the rows with one id the last is seen. Ids are given by the collection, rise, and
// are never given twice. Each change here is one durable commit; where there are many at once,
// mobius_collection_append and a writer cost less a row.
//
// All of these answer MOBIUS_INVALID where the collection has no key, and where a column is not
// there or does not take the value.

typedef struct mobius_field {
	const char *column;
	mobius_value value;
} mobius_field;

// A new entity; columns that are not named are NULL. *id (may be NULL) is what it was given. With
// the key among the fields, the entity of that id is replaced as a whole, or made; ids may be given
// up to 2^62 (MOBIUS_INVALID above), so that there are always some left.
MOBIUS_API mobius_status mobius_collection_insert(mobius_collection *collection,
												  const mobius_field *fields, size_t count,
												  int64_t *id, mobius_error *err);
// One entity as it is now, what was committed before the call in it: a struct array of one row, the
// columns in the order of the collection's. The caller releases *out and, unless it is NULL,
// *schema. While it is in memory, in a segment or as a copy of a file's rows, this takes
// microseconds; elsewhere it is a query. The first call after many rows came looks at them all
// once, and keeps 21 to 43 bytes for each id in a segment, of memtable.limit and for as long as the
// segment is in memory; where there is no room for it, all are queries.
//   MOBIUS_NOT_FOUND  there is none of that id
MOBIUS_API mobius_status mobius_collection_get(mobius_collection *collection, int64_t id,
											   struct ArrowSchema *schema, struct ArrowArray *out,
											   mobius_error *err);
MOBIUS_API mobius_status mobius_collection_contains(mobius_collection *collection, int64_t id,
													bool *out, mobius_error *err);
// Gives some of its columns new values; the others stay as they are.
//   MOBIUS_NOT_FOUND  there is none of that id
//   MOBIUS_INVALID    the key is among the fields: it stays
//   MOBIUS_CONFLICT   others kept writing rows of it, or of ids around it, all the while
MOBIUS_API mobius_status mobius_collection_update(mobius_collection *collection, int64_t id,
												  const mobius_field *fields, size_t count,
												  mobius_error *err);
// MOBIUS_NOT_FOUND: there is none of that id.
MOBIUS_API mobius_status mobius_collection_remove(mobius_collection *collection, int64_t id,
												  mobius_error *err);
// What the next entity without an id would get; somebody else may get it first.
MOBIUS_API mobius_status mobius_collection_next_id(mobius_collection *collection, int64_t *out,
												   mobius_error *err);

// ---- segments: GROWING, SEALED, FLUSHED, DROPPED ----
//
// A collection's rows lie in segments. The growing one takes what is appended; it is sealed when it
// is full, or by command, and takes no row from then on; flushed, it is a file under the same id;
// merged into another, or gone with its collection, it is dropped. A segment begins with its first
// row: after the last was sealed, none grows until the next append.

typedef struct mobius_segment mobius_segment;

typedef enum mobius_segment_status {
	MOBIUS_SEGMENT_GROWING,
	MOBIUS_SEGMENT_SEALED,
	MOBIUS_SEGMENT_FLUSHED,
	MOBIUS_SEGMENT_DROPPED,
} mobius_segment_status;

typedef struct mobius_segment_info {
	uint64_t id; // never used again within a database
	mobius_segment_status status;
	int64_t rows;       // of them, those that were not deleted; 0: it is empty
	int64_t created_at; // ns since 1970; of a file: when it was written
	int64_t sealed_at;  // 0: not yet
} mobius_segment_info;

// Told one segment after the other, all of one moment; a result other than MOBIUS_OK ends that and
// is returned.
typedef mobius_status mobius_each_segment(void *arg, const mobius_segment_info *info);

MOBIUS_API mobius_status mobius_segments(mobius_collection *collection, mobius_each_segment *each,
										 void *arg, mobius_error *err); // files first
// Those of one status; of MOBIUS_SEGMENT_DROPPED there are none.
MOBIUS_API mobius_status mobius_segments_by_status(mobius_collection *collection,
												   mobius_segment_status status,
												   mobius_each_segment *each, void *arg,
												   mobius_error *err);
MOBIUS_API mobius_status mobius_segments_size(mobius_collection *collection, int64_t *out,
											  mobius_error *err);
MOBIUS_API mobius_status mobius_segments_empty(mobius_collection *collection, bool *out,
											   mobius_error *err);
// How many there are of a status.
MOBIUS_API mobius_status mobius_segment_count(mobius_collection *collection,
											  mobius_segment_status status, int64_t *out,
											  mobius_error *err);
MOBIUS_API mobius_status mobius_segment_exists(mobius_collection *collection, uint64_t id,
											   bool *out, mobius_error *err);
// MOBIUS_NOT_FOUND: the collection has none of that id.
MOBIUS_API mobius_status mobius_segment_open(mobius_collection *collection, uint64_t id,
											 mobius_segment **out, mobius_error *err);
// The growing one. MOBIUS_NOT_FOUND: none grows.
MOBIUS_API mobius_status mobius_segment_active(mobius_collection *collection, mobius_segment **out,
											   mobius_error *err);
// The growing one is sealed, if there is one, so that the next row begins another.
MOBIUS_API mobius_status mobius_segment_rotate(mobius_collection *collection, mobius_error *err);
MOBIUS_API void mobius_segment_close(mobius_segment *segment); // NULL is allowed

MOBIUS_API uint64_t mobius_segment_id(const mobius_segment *segment);
// As it is now. Of a dropped one: no rows, and the times that were known.
MOBIUS_API mobius_status mobius_segment_look(mobius_segment *segment, mobius_segment_info *out,
											 mobius_error *err);
// MOBIUS_SEALED: it is not growing any more.
MOBIUS_API mobius_status mobius_segment_seal(mobius_segment *segment, mobius_error *err);
// Deletes its rows in one commit; a growing one is sealed before. Where rows replace others by key,
// those of its rows that a query would see take the older ones of their keys with them, wherever
// they are: nothing that was replaced comes back. Without rows it is left out by the next flush or
// merge that comes to it, and is dropped then. MOBIUS_NOT_FOUND: it was dropped. MOBIUS_LIMIT: it
// has more than 10 million rows; DELETE … WHERE with ranges of time takes them in parts.
MOBIUS_API mobius_status mobius_segment_remove(mobius_segment *segment, mobius_error *err);
// As mobius_collection_append, if the segment is growing when it begins; MOBIUS_SEALED: it is not.
// Rows that meet the end of the segment on their way go into the next one.
MOBIUS_API mobius_status mobius_segment_append(mobius_segment *segment, struct ArrowSchema *schema,
											   struct ArrowArray *array, uint64_t *seq,
											   mobius_error *err);

// An entity of the collection, if what it is now lies in this segment: an update moves it into the
// growing one, a merge into another file. The rest is as of mobius_collection_get.
//   MOBIUS_NOT_FOUND  it is in another, or nowhere; the segment was dropped
//   MOBIUS_INVALID    the collection has no key
MOBIUS_API mobius_status mobius_segment_get(mobius_segment *segment, int64_t id,
											struct ArrowSchema *schema, struct ArrowArray *out,
											mobius_error *err);
MOBIUS_API mobius_status mobius_segment_contains(mobius_segment *segment, int64_t id, bool *out,
												 mobius_error *err);

// ---- queries over one collection, without SQL text ----
//
// All segments are asked; order and limit hold for all of them together. Conditions are plain
// structures of the caller's, read during the call and not kept:
//
//     mobius_value zero = mobius_int(0);
//     mobius_condition parts[] = {
//         {.op = MOBIUS_EQ, .column = "host", .values = &host, .value_count = 1},
//         {.op = MOBIUS_GT, .column = "load", .values = &zero, .value_count = 1}};
//     mobius_condition both = {.op = MOBIUS_AND, .parts = parts, .part_count = 2};

typedef enum mobius_operator {
	MOBIUS_EQ, // this and the next five: column and one value
	MOBIUS_NE,
	MOBIUS_LT,
	MOBIUS_LE,
	MOBIUS_GT,
	MOBIUS_GE,
	MOBIUS_BETWEEN, // column and two values, both inclusive
	MOBIUS_IN,      // column and values; none: no row
	MOBIUS_IS_NULL, // column
	MOBIUS_AND,     // parts; none: every row
	MOBIUS_OR,      // parts; none: no row
	MOBIUS_NOT,     // one part
} mobius_operator;

typedef struct mobius_condition {
	mobius_operator op;
	const char *column;
	const mobius_value *values;
	size_t value_count;
	const struct mobius_condition *parts;
	size_t part_count;
} mobius_condition;

typedef struct mobius_order {
	const char *column;
	bool descending; // NULLs come last either way
} mobius_order;

typedef struct mobius_query_options {
	const mobius_condition *where; // NULL: every row
	const char *const *columns;    // ended by NULL; NULL: all of them
	const mobius_order *order;
	size_t order_count;
	int64_t limit; // 0: all
	int64_t offset;
} mobius_query_options;

// `options` NULL: all there is.
//   MOBIUS_INVALID  a column there is not, a condition that makes no sense
MOBIUS_API mobius_status mobius_collection_query(mobius_collection *collection,
												 const mobius_query_options *options,
												 struct ArrowArrayStream *out, mobius_error *err);

// ---- a writer: single rows, committed together ----
//
// Buffers rows of one collection, and commits them at 1,000 rows (or 8 MiB), when the first of them
// is 1 ms old, or at flush; meanwhile it takes the next. Rows are stored in the order they were
// ended. A writer belongs to one thread at a time.
//
// A commit that fails is final for its writer: the failure is told by every call that ends a row or
// flushes from then on, rows that were not flushed may or may not be stored, and no later one is.
// Close it and open another.

typedef struct mobius_writer mobius_writer;

typedef struct mobius_writer_options {
	int64_t rows;    // of a commit; 0: 1,000
	int64_t wait_ns; // how long a row waits for others; 0: 1 ms
} mobius_writer_options;

// With the columns the collection has now. `options` may be NULL. The writer outlives the handle.
//   MOBIUS_UNIMPLEMENTED  it has a column of a type that is not built value by value
MOBIUS_API mobius_status mobius_writer_open(mobius_collection *collection,
											const mobius_writer_options *options,
											mobius_writer **out, mobius_error *err);
// Commits what is buffered and waits, but tells nobody how that went: flush before. NULL is
// allowed.
MOBIUS_API void mobius_writer_close(mobius_writer *writer);

MOBIUS_API int32_t mobius_writer_column(const mobius_writer *writer, const char *name); // -1: none
// One value of the row: mobius_int for integers and, in ns since 1970, timestamps; mobius_double
// for floats; mobius_bool; mobius_text, whose bytes must stay until the row is ended. What is not
// set is NULL.
//   MOBIUS_INVALID  the column does not take it; its name is in the text, and the row is as before
MOBIUS_API mobius_status mobius_writer_set(mobius_writer *writer, int32_t column,
										   mobius_value value, mobius_error *err);
// Ends the row; the next begins empty. MOBIUS_INVALID: a column that every row has was not set; the
// row is left out.
MOBIUS_API mobius_status mobius_writer_end_row(mobius_writer *writer, mobius_error *err);
// MOBIUS_OK: every row that was ended is durable, and seen by queries.
MOBIUS_API mobius_status mobius_writer_flush(mobius_writer *writer, mobius_error *err);

#ifdef __cplusplus
}
#endif

#endif
