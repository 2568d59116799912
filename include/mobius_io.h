// mobius_io.h - what a server needs besides mobius.h: puts and results that never block, counted
// buffers, descriptions, actions.
//
// Nothing here waits for disk, memory or a query. Work that takes time is announced through an
// `event` callback, which may come from any thread, also on the calling thread, before the call
// that started the work returns; it says only "look again". Looking (…_poll, …_next) belongs to one
// thread at a time.

#ifndef MOBIUS_IO_H
#define MOBIUS_IO_H

#include <stdbool.h>
#include <stddef.h>

#include "mobius.h"

#ifdef __cplusplus
extern "C" {
#endif

// ---- bytes ----

typedef struct Bytes mobius_bytes;    // a counted, immutable buffer, 64-byte aligned
typedef struct BytesPool mobius_pool; // the database's pool of them: what a server receives into

MOBIUS_API mobius_pool *mobius_io_pool(mobius *db); // lives as long as db
MOBIUS_API mobius_bytes *mobius_bytes_ref(mobius_bytes *bytes);
MOBIUS_API void mobius_bytes_unref(mobius_bytes *bytes); // NULL is allowed

typedef struct mobius_slice {
	const uint8_t *data;
	size_t len;
} mobius_slice;

// One piece of a gathered message; `owner` keeps data alive.
typedef struct mobius_piece {
	const uint8_t *data;
	size_t len;
	mobius_bytes *owner;
} mobius_piece;

typedef struct mobius_event {
	void (*fn)(void *arg);
	void *arg;
} mobius_event;

// ---- sessions: who asks, and with which defaults ----

typedef struct mobius_session mobius_session;
MOBIUS_API mobius_status mobius_session_open(mobius *db, mobius_session **out, mobius_error *err);
// The same, with another database where a statement names none. MOBIUS_NOT_FOUND: there is none.
MOBIUS_API mobius_status mobius_session_in(mobius *db, const char *database, mobius_session **out,
										   mobius_error *err);
MOBIUS_API mobius_session *mobius_session_ref(mobius_session *session);
MOBIUS_API void mobius_session_unref(mobius_session *session); // NULL is allowed

// ---- puts ----

typedef struct mobius_put mobius_put;

// What to do about the table before the first row.
typedef enum mobius_put_mode {
	MOBIUS_PUT_ANY,    // made where it is not
	MOBIUS_PUT_CREATE, // MOBIUS_EXISTS where it is
	MOBIUS_PUT_APPEND, // MOBIUS_NOT_FOUND where it is not
} mobius_put_mode;

typedef struct mobius_put_options {
	const char *database;   // NULL: the session's
	const char *schema;     // NULL or "htdb"
	const char *table;      // NULL: schema metadata key `table`
	const char *durability; // "durable", "async" or NULL: the table's; schema metadata goes before
	mobius_put_mode mode;
	mobius_slice message; // the IPC schema message (flatbuffer)
	mobius_event event;
} mobius_put_options;

// Where a put stands. Counts cover what is acknowledged, cumulatively.
typedef struct mobius_put_state {
	bool ready;    // the table exists and matches
	bool failed;   // `error` says why; nothing more is taken, what was acknowledged stays
	bool finished; // mobius_put_end was called and everything before it is acknowledged (or failed)
	uint64_t seq;  // of the newest acknowledged batch; 0: none
	uint64_t durable_seq; // newest seq known to be on disk
	uint64_t rows;
	uint64_t expired; // of the rows: past the table's ttl when they came, and not stored
	uint64_t batches;
	uint64_t consumed_bytes; // wire bytes dealt with: give that much credit back
	const char *durability;  // "durable" or "async"
	int64_t first_id;     // of entities: the newest acknowledged batch with rows without an id was
						  // given ids from this one on, in the order of those rows; 0: none
	bool duplicate;       // a batch was a repetition of its producer: acknowledged, not stored
	bool has_producer;    // schema metadata mobius.producer named one, and it is known now
	bool producer_stored; // it has stored something before:
	int64_t producer_seq; // up to here
	mobius_slice client;  // app_metadata of the newest acknowledged batch, if any: JSON text to
						  // echo; valid until the next poll
	mobius_error error;
} mobius_put_state;

// Starts; whether the table can be made or matches is told by the event. MOBIUS_INVALID at once for
// what the options alone show.
MOBIUS_API mobius_status mobius_put_open(mobius_session *session, const mobius_put_options *options,
										 mobius_put **out, mobius_error *err);
// One IPC message. `body` (NULL: none) is taken over, `message` and `app_metadata` are copied as
// needed. Queues when memory is short (the sender stops when its credit is used up). wire_bytes
// come back in consumed_bytes.
MOBIUS_API void mobius_put_push(mobius_put *put, mobius_slice message, mobius_bytes *body,
								mobius_slice app_metadata, size_t wire_bytes);
MOBIUS_API void mobius_put_end(mobius_put *put); // no more messages
MOBIUS_API void mobius_put_poll(mobius_put *put,
								mobius_put_state *out); // also goes on with what was queued
// Commits under way still happen; no event comes after this returns. NULL is allowed.
MOBIUS_API void mobius_put_close(mobius_put *put);
// {"epoch":…,"seq":…} as contract and clients know it: written to out if it fits into cap. The
// length it needs is returned; 0: no memory.
MOBIUS_API size_t mobius_put_result_json(mobius_put *put, const mobius_put_state *state, char *out,
										 size_t cap);

// ---- results ----

typedef struct mobius_result mobius_result;

typedef enum mobius_want {
	MOBIUS_ROWS,   // run it
	MOBIUS_SCHEMA, // only bind: the schema, nothing runs
} mobius_want;

// One IPC message: flatbuffer and body.
typedef struct mobius_frame {
	mobius_slice header;
	const mobius_piece *body;
	size_t pieces;
	uint64_t body_len;
	int64_t rows;
} mobius_frame;

typedef enum mobius_next {
	MOBIUS_NEXT_FRAME, // *frame is valid until the next call
	MOBIUS_NEXT_WAIT,  // an event will come
	MOBIUS_NEXT_END,
	MOBIUS_NEXT_FAILED, // mobius_result_error says why
} mobius_next;

// Queues one statement for the workers; a row of constants that was asked for before is read at
// once, and its event comes before this returns. `timeout_ns` 0: query.timeout. Its first frame is
// the schema message. Production pauses (the statement is parked, its worker goes on with others)
// while `MOBIUS_RESULT_QUEUE` bytes wait to be taken.
#define MOBIUS_RESULT_QUEUE (4u << 20)
MOBIUS_API mobius_status mobius_result_open(mobius_session *session, const char *sql, size_t len,
											mobius_want want, int64_t timeout_ns,
											mobius_event event, mobius_result **out,
											mobius_error *err);
MOBIUS_API mobius_next mobius_result_next(mobius_result *result, mobius_frame *frame);
MOBIUS_API mobius_slice mobius_result_schema(
	mobius_result
		*result); // encapsulated; valid once the first frame came (or, MOBIUS_SCHEMA, the end)
MOBIUS_API bool mobius_result_is_read(
	const mobius_result *result); // false: it changes something (known at once)
MOBIUS_API int64_t mobius_result_changed(
	const mobius_result *result); // rows changed, of a statement that is no read, at the end
// The same for each statement of BEGIN; …; COMMIT. Good as long as the result.
MOBIUS_API const int64_t *mobius_result_changes(const mobius_result *result, size_t *count);
MOBIUS_API const mobius_error *mobius_result_error(const mobius_result *result);
MOBIUS_API void mobius_result_cancel(mobius_result *result);
MOBIUS_API void mobius_result_close(
	mobius_result *result); // cancels what runs; no event comes after this returns. NULL is allowed

// ---- tickets: a statement that can be asked for again ----

// Keeps the statement for flight.ticket_ttl, as it is. The ticket begins with a byte that no
// UTF-8 text has. Its first use pins the snapshot, so every use of a read gives the same rows
// (within flight.ticket_memory: the oldest pin goes first). A statement that changes something runs
// once.
#define MOBIUS_TICKET_SIZE 17
MOBIUS_API mobius_status mobius_ticket_new(mobius_session *session, const char *sql, size_t len,
										   uint8_t out[MOBIUS_TICKET_SIZE], mobius_error *err);
MOBIUS_API bool mobius_is_ticket(mobius_slice bytes);
// As mobius_result_open, for a ticket. MOBIUS_NOT_FOUND: expired, unknown, or "already executed".
MOBIUS_API mobius_status mobius_ticket_redeem(mobius_session *session, mobius_slice ticket,
											  int64_t timeout_ns, mobius_event event,
											  mobius_result **out, mobius_error *err);
// A change that ran already: a ticket that answers what mobius_result_changes said.
MOBIUS_API mobius_status mobius_ticket_of_change(mobius_session *session, const int64_t *rows,
												 size_t count, uint8_t out[MOBIUS_TICKET_SIZE],
												 mobius_error *err);

// ---- subscriptions: what happens to a table, in order, once it is durable ----

typedef struct mobius_subscription mobius_subscription;

typedef enum mobius_rows_form {
	MOBIUS_ROWS_ARRAYS,  // JSON: "rows":[["2016-01-01T00:00:00Z",1.5],…]
	MOBIUS_ROWS_OBJECTS, // JSON: "rows":[{"ts":"2016-01-01T00:00:00Z","v":1.5},…]
	MOBIUS_ROWS_ARROW,   // Arrow IPC, in `frame`
} mobius_rows_form;

typedef struct mobius_subscribe_options {
	// A JSON object, copied: "sql" (SELECT columns and expressions FROM one table WHERE condition),
	// "params" (list), "id" (text, told with every message), "start" ("now", "latest", "snapshot",
	// or {"epoch","seq"}: the last commit the reader has), "until" (seq, inclusive), "credit"
	// (bytes; absent: no limit), "on_slow" ("disconnect", "gap"), "progress_ms".
	mobius_slice request;
	mobius_rows_form form;
	uint32_t number;    // told as "n"; the reader's own
	const char *client; // for system.subscriptions; NULL: nobody said. Copied
	mobius_event event;
} mobius_subscribe_options;

typedef enum mobius_message_kind {
	MOBIUS_MESSAGE_SUBSCRIBED, // the first one, with the schema
	MOBIUS_MESSAGE_ROWS,
	MOBIUS_MESSAGE_SNAPSHOT_END,
	MOBIUS_MESSAGE_CHANGE, // rows are gone, or came in bulk: "op" says which
	MOBIUS_MESSAGE_PROGRESS,
	MOBIUS_MESSAGE_GAP,
	MOBIUS_MESSAGE_ERROR,    // the last one
	MOBIUS_MESSAGE_COMPLETE, // the last one: `until` was reached
} mobius_message_kind;

// One message. Everything it points to is valid until the next call.
typedef struct mobius_message {
	mobius_message_kind kind;
	uint64_t seq;
	bool snapshot; // rows of the snapshot, not of a commit
	bool more;     // the same commit goes on with the next message
	// The whole message as JSON text: a short piece of this subscription's own, then what it shares
	// with others. Of rows in Arrow form: the same without "rows".
	const mobius_piece *text;
	size_t text_pieces;
	size_t text_len;
	bool has_frame; // MOBIUS_ROWS_ARROW: rows; SUBSCRIBED: the schema
	mobius_frame frame;
	uint64_t credit;           // so much of the reader's credit it took
	const mobius_error *error; // ERROR
} mobius_message;

// Nothing here waits: what the query means is found out by a worker and told as SUBSCRIBED or
// ERROR. MOBIUS_INVALID at once for what the request alone shows.
MOBIUS_API mobius_status mobius_subscription_open(mobius_session *session,
												  const mobius_subscribe_options *options,
												  mobius_subscription **out, mobius_error *err);
// FRAME: *out is a message; END: the last one was taken. A message that was taken counts as
// received: take no more than can be sent on.
MOBIUS_API mobius_next mobius_subscription_next(mobius_subscription *sub, mobius_message *out);
// The error it ended with, also before what waits was taken; NULL: it has not, or without one. An
// event tells when it ends. Valid until the next call.
MOBIUS_API const mobius_error *mobius_subscription_error(mobius_subscription *sub);
MOBIUS_API void mobius_subscription_credit(mobius_subscription *sub, uint64_t bytes);
// No event comes after this returns. NULL is allowed.
MOBIUS_API void mobius_subscription_close(mobius_subscription *sub);

// ---- descriptions ----

typedef enum mobius_role {
	MOBIUS_ROLE_TIME,
	MOBIUS_ROLE_TAG,
	MOBIUS_ROLE_FIELD,
	MOBIUS_ROLE_KEY,
} mobius_role;

typedef struct mobius_table_info {
	const char *database;
	const char *schema; // "htdb", or "rtdb": its newest rows
	const char *name;
	bool in_default;           // its database is the default one: the name says enough
	mobius_slice arrow_schema; // encapsulated
	const mobius_role *roles;  // of each of its columns
	int64_t rows;              // -1: unknown
	int64_t bytes;
} mobius_table_info;

// Calls each() for every table whose name equals `pattern`, else (if none does) for those LIKE it;
// NULL or "": all. "database." before it chooses another database.
MOBIUS_API mobius_status mobius_tables_each(mobius_session *session, const char *pattern,
											mobius_status (*each)(void *arg,
																  const mobius_table_info *info),
											void *arg, mobius_error *err);
// Every table of every database, by database, schema and name.
MOBIUS_API mobius_status mobius_tables_of_all(mobius *db,
											  mobius_status (*each)(void *arg,
																	const mobius_table_info *info),
											  void *arg, mobius_error *err);
// One table by path: [table], [schema, table] or [database, schema, table].
MOBIUS_API mobius_status mobius_table_describe(
	mobius_session *session, const mobius_slice *path, size_t count,
	mobius_status (*each)(void *arg, const mobius_table_info *info), void *arg, mobius_error *err);

// ---- actions: one registry for every channel ----

typedef struct mobius_action_info {
	const char *name; // "table.flush"
	const char *help;
	const char *request; // "{\"table\": text, optional}"
	const char *reply;
} mobius_action_info;

MOBIUS_API const mobius_action_info *mobius_actions(size_t *count);

typedef struct mobius_call mobius_call;
// Runs an action on a worker. Its replies, one JSON object each, are all there once `event` came
// and mobius_call_done says so.
MOBIUS_API mobius_status
mobius_call_open(mobius_session *session, const char *name, mobius_slice json, mobius_event event,
				 mobius_call **out, mobius_error *err); // MOBIUS_UNIMPLEMENTED: no such action
MOBIUS_API bool mobius_call_done(mobius_call *call, mobius_status *status,
								 const mobius_error **err);
MOBIUS_API size_t mobius_call_count(const mobius_call *call);
MOBIUS_API mobius_slice mobius_call_reply(const mobius_call *call, size_t i);
MOBIUS_API void mobius_call_close(
	mobius_call *call); // no event comes after this returns. NULL is allowed

// ---- the process ----

// Where the sequence of commits is. MOBIUS_UNAVAILABLE: it recovers.
typedef struct mobius_position {
	char epoch[33]; // in hexadecimal
	uint64_t seq;   // of the newest commit that is seen, and on disk
} mobius_position;
MOBIUS_API mobius_status mobius_position_now(mobius *db, mobius_position *out, mobius_error *err);

typedef struct mobius_health {
	bool ready;         // recovered and taking writes
	bool read_only;     // a sync failed
	const char *reason; // of not being ready; static
} mobius_health;
MOBIUS_API mobius_health mobius_health_now(mobius *db);

// Settings, as `mobiusd --print-config` shows them. The server asks for its own through the same
// table.
typedef struct mobius_setting {
	const char *key;
	const char *unit; // "size", "duration", "bool", "int", "text", "list", "percent of memory"
	const char *fallback;
	const char *help;
} mobius_setting;
MOBIUS_API const mobius_setting *mobius_setting_at(size_t i); // NULL past the end
// What mobius_open_async would say of the settings alone; opens nothing.
MOBIUS_API mobius_status mobius_settings_check(const char *const *settings, mobius_error *err);
// The value in force. Sizes are in bytes, durations in nanoseconds.
MOBIUS_API uint64_t
mobius_setting_number(mobius *db, const char *key); // sizes in bytes, durations in ns, counts
MOBIUS_API const char *mobius_setting_text(mobius *db, const char *key);

// Opens without waiting for recovery: *out is usable for mobius_health_now at once; other calls
// answer MOBIUS_UNAVAILABLE "recovering n of m" until `event` told that it ended;
// mobius_open_result then says how.
MOBIUS_API mobius_status mobius_open_async(const char *dir, const char *const *settings,
										   mobius_event event, mobius **out, mobius_error *err);
MOBIUS_API bool mobius_open_result(mobius *db, mobius_status *status,
								   mobius_error *err); // false: not yet

// ---- directories that nobody has open ----

typedef struct mobius_findings {
	// One line each, naming the file. damage false: worth knowing, and no loss.
	void (*found)(void *arg, bool damage, const char *text);
	void *arg;
} mobius_findings;

typedef struct mobius_checked {
	uint64_t files;
	uint64_t bytes; // of the files
	uint64_t damaged;
	uint64_t last_seq;
} mobius_checked;

// Reads all of a data directory, or of a backup, and changes nothing: catalog, files, checkpoint,
// log. MOBIUS_OK also where there is damage: *out counts it.
//   MOBIUS_CONFLICT  a process has it open
//   MOBIUS_INVALID   it is neither
MOBIUS_API mobius_status mobius_check(const char *dir, const mobius_findings *findings,
									  mobius_checked *out, mobius_error *err);

// Makes a data directory of a backup; `dir` is made, or empty. It has a new epoch.
//   MOBIUS_NOT_FOUND  no backup: one that was interrupted is none
//   MOBIUS_CONFLICT   `dir` is not empty
//   MOBIUS_CORRUPT    a file of it is not what was backed up
MOBIUS_API mobius_status mobius_restore(const char *backup, const char *dir, mobius_error *err);

#ifdef __cplusplus
}
#endif

#endif
