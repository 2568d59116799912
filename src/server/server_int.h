// server_int.h - mobiusd's parts: one database, one Flight service over it.
//
// Nothing of the database but the two installed headers is used here.

#pragma once

#include <mobius_io.h>
#include <stdatomic.h>

#include "flight/flight.h"
#include "flight/flight_sql.h"
#include "flight/sql_listing.h"
#include "net/server.h"
#include "web/web.h"

typedef struct Server {
	mobius *db;
	mobius_session *session; // nobody is asked who they are yet: one for all
	TlsContext *tls;         // NULL: without
	NetServer *net;
	FlightServer *flight;
	Web *web;
	uint64_t ingest_memory;
	_Atomic uint64_t assembling; // bytes of messages being received
} Server;

// The handlers of all RPCs; their service is the Server.
extern const FlightHandlers SERVER_HANDLERS;

// ---- calls: what each kind of RPC keeps, behind flight_user ----

// Every kind begins with this. `look` is called in the call's thread after an event of the database
// (any thread) said to look again.
typedef struct CallState {
	const struct CallKind *kind;
	FlightCall *call;
	Server *server;
	LoopCall post;
	atomic_bool posted; // `post` is on its way: the state lives until it ran
	bool over;          // done came
} CallState;

typedef struct CallKind {
	void (*look)(CallState *state);
	void (*message)(CallState *state, FlightData *data); // NULL: none comes
	void (*end)(CallState *state);                       // the client half-closed; NULL: nothing
	void (*writable)(CallState *state);                  // NULL: nothing
	void (*close)(CallState *state); // lets go of what the database lent; no event comes afterwards
} CallKind;

// A zeroed state of `size` bytes for the call, or NULL after the call was ended with "no memory".
void *call_state_new(FlightCall *call, const CallKind *kind, size_t size);
mobius_event call_event(CallState *state); // to give to the database
void call_fail(FlightCall *call, const mobius_error *err);
void call_refuse(FlightCall *call, Status status, const char *text);

// do_get.c, do_put.c, do_exchange.c, flight_info.c, do_action.c, metadata.c, list.c
void serve_do_get(FlightCall *call, Slice ticket);
void serve_do_put(FlightCall *call);
void serve_do_exchange(FlightCall *call);
void serve_flight_info(FlightCall *call, const FlightDescriptor *descriptor);
void serve_poll_info(FlightCall *call, const FlightDescriptor *descriptor);
void serve_schema(FlightCall *call, const FlightDescriptor *descriptor);
void serve_do_action(FlightCall *call, Slice type, Slice body);
void serve_list_actions(FlightCall *call);
void serve_metadata(FlightCall *call, const SqlCommand *command); // a DoGet that asks what there is
void serve_list_flights(FlightCall *call, Slice expression);
void serve_handshake(FlightCall *call, Slice payload);

// statement_text.c: what a ticket or a command asks for, as SQL text.

// The handle of a prepared statement is its text behind this prefix: nothing is kept for it.
#define PREPARED_PREFIX "statement:"
Status prepared_text(Slice handle, Slice *text, Error *err);
// A Flight SQL command: ST_UNIMPLEMENTED, by its name; or what it asks for appended to `out`.
Status command_not_built(const SqlCommand *command, Error *err);
Status command_add_text(const SqlCommand *command, Slice text, Buf *out, Error *err);
// SELECT * FROM a table, by its exact name.
void select_all(Buf *out, const mobius_table_info *table);
// The same of [system, table] or [database, system, table]. False: the path is none of these.
bool select_system(Buf *out, const Slice *path, size_t count);
// Appends the text that a ticket's bytes stand for (not ours, not Flight SQL): JSON, a table's
// name, or SQL as it is. *session: a reference to the one it is for, or NULL: the server's.
Status ticket_statement(Server *server, Slice ticket, Buf *out, mobius_session **session,
						Error *err);
int64_t call_timeout_ns(FlightCall *call); // what is left of grpc-timeout; 0: none
