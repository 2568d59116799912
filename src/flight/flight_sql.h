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
	SQL_GET_CATALOGS, // metadata: sql_listing.h answers these
	SQL_GET_DB_SCHEMAS,
	SQL_GET_TABLES,
	SQL_GET_TABLE_TYPES,
	SQL_STATEMENT_INGEST,
	SQL_OTHER, // a Flight SQL message not decoded here: `name` says which
} SqlCommandKind;

// An optional text: absent is not the same as empty.
typedef struct SqlText {
	bool given;
	Slice text;
} SqlText;

typedef enum SqlIfNot { SQL_IF_NOT_UNSPECIFIED, SQL_IF_NOT_CREATE, SQL_IF_NOT_FAIL } SqlIfNot;
typedef enum SqlIfThere {
	SQL_IF_THERE_UNSPECIFIED,
	SQL_IF_THERE_FAIL,
	SQL_IF_THERE_APPEND,
	SQL_IF_THERE_REPLACE
} SqlIfThere;

typedef struct SqlCommand {
	SqlCommandKind kind;
	Slice query;  // statements and SQL_CREATE_PREPARED
	Slice handle; // prepared ones and SQL_STATEMENT_TICKET
	Slice transaction_id;
	// Of metadata and SQL_STATEMENT_INGEST. Of metadata db_schema and table are patterns of LIKE.
	SqlText catalog;
	SqlText db_schema;
	SqlText table;
	bool include_schema;
	bool temporary;
	SqlIfNot if_not;
	SqlIfThere if_there;
	// The message's name after the last '.' of the type URL, "CommandGetTables"; empty for
	// SQL_NONE.
	Slice name;
	Slice value; // the inner message's bytes
} SqlCommand;

// Recognises google.protobuf.Any with a Flight SQL type URL (matched after the last '/'); anything
// else is SQL_NONE. ST_INVALID when the Any is one of ours but its value does not parse. Slices lie
// in `bytes`.
Status flight_sql_decode(Slice bytes, SqlCommand *out, Error *err);

// Whether SQL_GET_TABLES asks for tables of this type; case does not matter.
bool flight_sql_wants_type(const SqlCommand *command, const char *type);

// Any(<message name>) around a message that is encoded already: results of SQL_OTHER.
void flight_sql_wrap(Buf *out, const char *name, Slice value);
// Any(TicketStatementQuery{handle}).
void flight_sql_ticket(Buf *out, Slice handle);
// Any(ActionCreatePreparedStatementResult). Schemas are encapsulated; empty: omitted.
void flight_sql_prepared_result(Buf *out, Slice handle, Slice dataset_schema,
								Slice parameter_schema, bool is_update);
// DoPutUpdateResult, not wrapped. record_count -1: unknown.
void flight_sql_update_result(Buf *out, int64_t record_count);
