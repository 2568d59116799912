// flight_sql.h - the payload convention of Flight SQL on descriptors, tickets, action bodies and
// results: decoding and encoding only. What the commands mean is the server's.

#pragma once

#include "arrow/schema.h"
#include "base/buf.h"
#include "base/status.h"

typedef enum SqlCommandKind {
	SQL_NONE, // not a Flight SQL message: text, JSON, or a ticket of the server's own
	SQL_STATEMENT_QUERY,
	SQL_STATEMENT_UPDATE,
	SQL_PREPARED_QUERY,
	SQL_PREPARED_UPDATE,
	SQL_STATEMENT_TICKET, // TicketStatementQuery: `handle`
	SQL_CREATE_PREPARED,  // action bodies
	SQL_CLOSE_PREPARED,
	SQL_OTHER, // a Flight SQL message not decoded here: `name` says which
} SqlCommandKind;

typedef struct SqlCommand {
	SqlCommandKind kind;
	Slice query;  // statements and SQL_CREATE_PREPARED
	Slice handle; // prepared ones and SQL_STATEMENT_TICKET
	Slice transaction_id;
	// The message's name after the last '.' of the type URL, "CommandGetTables"; empty for
	// SQL_NONE.
	Slice name;
	Slice value; // the inner message's bytes
} SqlCommand;

// Recognises google.protobuf.Any with a Flight SQL type URL (matched after the last '/'); anything
// else is SQL_NONE. ST_INVALID when the Any is one of ours but its value does not parse. Slices lie
// in `bytes`.
Status flight_sql_decode(Slice bytes, SqlCommand *out, Error *err);

// Any(<message name>) around a message that is encoded already: results of SQL_OTHER.
void flight_sql_wrap(Buf *out, const char *name, Slice value);
// Any(TicketStatementQuery{handle}).
void flight_sql_ticket(Buf *out, Slice handle);
// Any(ActionCreatePreparedStatementResult). Schemas are encapsulated; empty: omitted.
void flight_sql_prepared_result(Buf *out, Slice handle, Slice dataset_schema,
								Slice parameter_schema, bool is_update);
// DoPutUpdateResult, not wrapped. record_count -1: unknown.
void flight_sql_update_result(Buf *out, int64_t record_count);
