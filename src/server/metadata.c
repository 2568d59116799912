// metadata.c - what there is, as Flight SQL asks for it: databases are catalogs, and each has the
// schema htdb of its tables and the schema rtdb of their newest rows.
//
// The answers are small and made at once, in the call's thread; the ticket is the question itself.

#include <string.h>

#include "server/server_int.h"

enum { MESSAGE_BYTES = 1 << 20 };

typedef struct MetadataCall {
	FlightCall *call;
	Server *server;
	SqlCommandKind kind;
	SqlListing *listing;
	Status status;
	Error error;
} MetadataCall;

// Sends what was added so far.
static void
send_rows(MetadataCall *m)
{
	IpcMessage message = IPC_MESSAGE_INIT;
	int64_t rows = 0;
	if (m->status == ST_OK)
		m->status = sql_listing_take(m->listing, &message, &rows, &m->error);
	if (m->status == ST_OK && rows > 0)
		(void)flight_send_data(m->call, buf_slice(&message.metadata), (Slice){0}, message.body,
							   (size_t)message.body_count);
	ipc_message_close(&message);
}

static mobius_status
add_table(void *arg, const mobius_table_info *table)
{
	MetadataCall *m = arg;
	bool newest = strcmp(table->schema, "rtdb") == 0;
	sql_listing_add(m->listing, &(SqlListed){.catalog = table->database,
											 .db_schema = table->schema,
											 .table = table->name,
											 .type = newest ? "VIEW" : "TABLE",
											 .arrow_schema = {table->arrow_schema.data,
															  table->arrow_schema.len}});
	if (sql_listing_bytes(m->listing) > MESSAGE_BYTES)
		send_rows(m);
	return (mobius_status)m->status;
}

static mobius_status
add_database(void *arg, const char *name)
{
	MetadataCall *m = arg;
	sql_listing_add(m->listing, &(SqlListed){.catalog = name, .db_schema = "htdb"});
	if (m->kind == SQL_GET_DB_SCHEMAS)
		sql_listing_add(m->listing, &(SqlListed){.catalog = name, .db_schema = "rtdb"});
	return MOBIUS_OK;
}

static mobius_status
add_rows(MetadataCall *m, mobius_error *err)
{
	switch (m->kind) {
	case SQL_GET_TABLE_TYPES:
		sql_listing_add(m->listing, &(SqlListed){.type = "TABLE"});
		sql_listing_add(m->listing, &(SqlListed){.type = "VIEW"});
		return MOBIUS_OK;
	case SQL_GET_TABLES: return mobius_tables_of_all(m->server->db, add_table, m, err);
	default: return mobius_databases(m->server->db, add_database, m, err);
	}
}

void
serve_metadata(FlightCall *call, const SqlCommand *command)
{
	MetadataCall m = {
		.call = call, .server = flight_service(call), .kind = command->kind, .error = ERROR_INIT};
	SCOPED(buf_close) Buf schema = BUF_INIT;
	SCOPED(sql_listing_drop) SqlListing *listing = NULL;
	mobius_error err = {0};
	m.status = sql_listing_new(command, &listing, &m.error);
	m.listing = listing;
	if (m.status == ST_OK)
		m.status = sql_listing_begin(listing, &schema, &m.error);
	if (m.status == ST_OK)
		(void)flight_send_data(call, buf_slice(&schema), (Slice){0}, NULL, 0);
	if (m.status == ST_OK && add_rows(&m, &err) != MOBIUS_OK && m.status == ST_OK) {
		call_fail(call, &err);
		return;
	}
	send_rows(&m);
	flight_finish(call, m.status, &m.error);
}
