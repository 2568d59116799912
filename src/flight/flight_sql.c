// Every message of Flight SQL but the results of a put travels in an Any:
//
//     1  type_url  "type.googleapis.com/arrow.flight.protocol.sql." and the message's name
//     2  value     the message; absent when it is empty

#include "flight/flight_sql.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "flight/wire_int.h"

#define PACKAGE "arrow.flight.protocol.sql."

// The messages decoded here. Field 1 is a text or a handle, field 2 of those with a text a
// transaction.
static const struct {
	const char *name;
	SqlCommandKind kind;
	bool is_text;
} KNOWN[] = {
	{"CommandStatementQuery", SQL_STATEMENT_QUERY, true},
	{"CommandStatementUpdate", SQL_STATEMENT_UPDATE, true},
	{"ActionCreatePreparedStatementRequest", SQL_CREATE_PREPARED, true},
	{"CommandPreparedStatementQuery", SQL_PREPARED_QUERY, false},
	{"CommandPreparedStatementUpdate", SQL_PREPARED_UPDATE, false},
	{"TicketStatementQuery", SQL_STATEMENT_TICKET, false},
	{"ActionClosePreparedStatementRequest", SQL_CLOSE_PREPARED, false},
};

// False when `bytes` is no Any with a type of this package.
static bool
unwrap(Slice bytes, Slice *name, Slice *value)
{
	Slice url = {0};
	*value = (Slice){0};
	Reader r = reader_of(bytes);
	for (WireField field; wire_next(&r, &field);) {
		if (field.tag == WIRE_BYTES(1))
			url = field.bytes;
		else if (field.tag == WIRE_BYTES(2))
			*value = field.bytes;
	}
	if (r.failed || url.len == 0)
		return false;

	// Whoever hosts the type may stand before the slash.
	const uint8_t *slash = memrchr(url.data, '/', url.len);
	size_t host = slash == NULL ? 0 : (size_t)(slash - url.data) + 1;
	Slice full = slice_of(url.data + host, url.len - host);
	size_t package = strlen(PACKAGE);
	if (full.len <= package || memcmp(full.data, PACKAGE, package) != 0)
		return false;
	*name = slice_of(full.data + package, full.len - package);
	return true;
}

static Status
decode_known(SqlCommand *command, bool is_text, Error *err)
{
	char what[64];
	snprintf(what, sizeof(what), "%.*s", (int)command->name.len, (const char *)command->name.data);
	Slice *first = is_text ? &command->query : &command->handle;
	Reader r = reader_of(command->value);
	for (WireField field; wire_next(&r, &field);) {
		if (field.tag == WIRE_BYTES(1))
			*first = field.bytes;
		else if (field.tag == WIRE_BYTES(2) && is_text)
			command->transaction_id = field.bytes;
	}
	TRY(wire_status(&r, err, what));
	return wire_check_text(command->query, err, "the query");
}

// ---- metadata and ingest ----

// Where the messages with names have them: numbers of fields, 0 where there is none.
static const struct {
	const char *name;
	SqlCommandKind kind;
	uint8_t catalog;
	uint8_t db_schema;
	uint8_t table;
	uint8_t include_schema;
	uint8_t temporary;
	uint8_t transaction_id;
	uint8_t definition;
} NAMED[] = {
	{"CommandGetCatalogs", SQL_GET_CATALOGS, 0, 0, 0, 0, 0, 0, 0},
	{"CommandGetDbSchemas", SQL_GET_DB_SCHEMAS, 1, 2, 0, 0, 0, 0, 0},
	{"CommandGetTables", SQL_GET_TABLES, 1, 2, 3, 5, 0, 0, 0},
	{"CommandGetTableTypes", SQL_GET_TABLE_TYPES, 0, 0, 0, 0, 0, 0, 0},
	{"CommandStatementIngest", SQL_STATEMENT_INGEST, 4, 3, 2, 0, 5, 6, 1},
};

// TableDefinitionOptions: what to do where the table is not, and where it is.
static Status
decode_definition(SqlCommand *command, Slice bytes, Error *err)
{
	Reader r = reader_of(bytes);
	for (WireField field; wire_next(&r, &field);) {
		if (field.tag == WIRE_VARINT(1) && field.value <= SQL_IF_NOT_FAIL)
			command->if_not = (SqlIfNot)field.value;
		else if (field.tag == WIRE_VARINT(2) && field.value <= SQL_IF_THERE_REPLACE)
			command->if_there = (SqlIfThere)field.value;
	}
	return wire_status(&r, err, "TableDefinitionOptions");
}

static Status
take_text(const WireField *field, SqlText *out, Error *err, const char *what)
{
	*out = (SqlText){true, field->bytes};
	return wire_check_text(field->bytes, err, what);
}

static Status
decode_named(SqlCommand *command, size_t which, Error *err)
{
	Reader r = reader_of(command->value);
	for (WireField field; wire_next(&r, &field);) {
		if (field.tag == WIRE_BYTES(NAMED[which].catalog))
			TRY(take_text(&field, &command->catalog, err, "the catalog"));
		else if (field.tag == WIRE_BYTES(NAMED[which].db_schema))
			TRY(take_text(&field, &command->db_schema, err, "the schema"));
		else if (field.tag == WIRE_BYTES(NAMED[which].table))
			TRY(take_text(&field, &command->table, err, "the table"));
		else if (field.tag == WIRE_BYTES(NAMED[which].transaction_id))
			command->transaction_id = field.bytes;
		else if (field.tag == WIRE_BYTES(NAMED[which].definition))
			TRY(decode_definition(command, field.bytes, err));
		else if (field.tag == WIRE_VARINT(NAMED[which].include_schema))
			command->include_schema = field.value != 0;
		else if (field.tag == WIRE_VARINT(NAMED[which].temporary))
			command->temporary = field.value != 0;
	}
	return wire_status(&r, err, NAMED[which].name);
}

bool
flight_sql_wants_type(const SqlCommand *command, const char *type)
{
	bool any = false;
	Reader r = reader_of(command->value);
	for (WireField field; wire_next(&r, &field);) {
		if (field.tag != WIRE_BYTES(4))
			continue;
		any = true;
		if (field.bytes.len == strlen(type) &&
			strncasecmp((const char *)field.bytes.data, type, field.bytes.len) == 0)
			return true;
	}
	return !any;
}

Status
flight_sql_decode(Slice bytes, SqlCommand *out, Error *err)
{
	SqlCommand command = {.kind = SQL_NONE};
	if (unwrap(bytes, &command.name, &command.value)) {
		command.kind = SQL_OTHER;
		for (size_t i = 0; i < COUNT_OF(KNOWN); i++) {
			if (!slice_is(command.name, KNOWN[i].name))
				continue;
			command.kind = KNOWN[i].kind;
			TRY(decode_known(&command, KNOWN[i].is_text, err));
		}
		for (size_t i = 0; i < COUNT_OF(NAMED); i++) {
			if (!slice_is(command.name, NAMED[i].name))
				continue;
			command.kind = NAMED[i].kind;
			TRY(decode_named(&command, i, err));
		}
	}
	*out = command;
	return ST_OK;
}

// The message's fields go between this and wire_end.
static size_t
begin_any(Buf *out, const char *name)
{
	size_t url = wire_begin(out, 1);
	buf_add_text(out, "type.googleapis.com/" PACKAGE);
	buf_add_text(out, name);
	wire_end(out, url);
	return wire_begin(out, 2);
}

void
flight_sql_wrap(Buf *out, const char *name, Slice value)
{
	size_t any = begin_any(out, name);
	buf_add_slice(out, value);
	wire_end(out, any);
}

void
flight_sql_ticket(Buf *out, Slice handle)
{
	size_t any = begin_any(out, "TicketStatementQuery");
	wire_set_bytes(out, 1, handle);
	wire_end(out, any);
}

void
flight_sql_prepared_result(Buf *out, Slice handle, Slice dataset_schema, Slice parameter_schema,
						   bool is_update)
{
	size_t any = begin_any(out, "ActionCreatePreparedStatementResult");
	wire_set_bytes(out, 1, handle);
	wire_set_bytes(out, 2, dataset_schema);
	wire_set_bytes(out, 3, parameter_schema);
	wire_add_varint(out, 4, is_update); // absent makes clients guess, and they guess wrong
	wire_end(out, any);
}

void
flight_sql_update_result(Buf *out, int64_t record_count)
{
	// Zero as well: clients may take an empty answer for none.
	wire_add_varint(out, 1, (uint64_t)record_count);
}
