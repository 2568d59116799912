#include <ctype.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "server/json_ticket.h"
#include "server/server_int.h"

Status
prepared_text(Slice handle, Slice *text, Error *err)
{
	size_t prefix = sizeof(PREPARED_PREFIX) - 1;
	if (handle.len < prefix || memcmp(handle.data, PREPARED_PREFIX, prefix) != 0)
		return error_set(err, ST_NOT_FOUND, "unknown prepared statement; prepare it again");
	*text = slice_of(handle.data + prefix, handle.len - prefix);
	return ST_OK;
}

Status
command_not_built(const SqlCommand *command, Error *err)
{
	static const struct {
		const char *name;
		const char *instead;
	} proposals[] = {
		{"CommandGetSqlInfo", "; the action server.info tells the version"},
		{"CommandGetXdbcTypeInfo", "; CommandGetTables with include_schema tells types"},
		{"CommandGetPrimaryKeys", "; system.columns tells the role of each column"},
		{"CommandGetExportedKeys", "; there are no foreign keys"},
		{"CommandGetImportedKeys", "; there are no foreign keys"},
		{"CommandGetCrossReference", "; there are no foreign keys"},
		{"CommandStatementSubstraitPlan", "; send SQL"},
		{"CommandStatementIngest", " for this call; it is a DoPut"},
	};
	const char *instead = "";
	for (size_t i = 0; i < COUNT_OF(proposals); i++)
		if (slice_is(command->name, proposals[i].name))
			instead = proposals[i].instead;
	return error_set(err, ST_UNIMPLEMENTED, "%.*s is not built yet%s", (int)command->name.len,
					 (const char *)command->name.data, instead);
}

Status
command_add_text(const SqlCommand *command, Slice text, Buf *out, Error *err)
{
	if (command->transaction_id.len > 0)
		return error_set(err, ST_UNIMPLEMENTED,
						 "transactions are not offered; leave out transaction_id");
	buf_add_slice(out, text);
	return buf_status(out, err, "a statement");
}

void
select_all(Buf *out, const mobius_table_info *table)
{
	buf_add_text(out, "SELECT * FROM ");
	text_quote(out, slice_text(table->database), '"');
	buf_add_printf(out, ".%s.", table->schema);
	text_quote(out, slice_text(table->name), '"');
}

bool
select_system(Buf *out, const Slice *path, size_t count)
{
	if (count < 2 || !slice_is(path[count - 2], "system"))
		return false;
	buf_add_text(out, "SELECT * FROM ");
	for (size_t i = 0; i < count; i++) {
		buf_add_text(out, i > 0 ? "." : "");
		text_quote(out, path[i], '"');
	}
	return true;
}

static Status
json_statement(Server *server, Slice ticket, Buf *out, mobius_session **session, Error *err)
{
	SCOPED(mem_drop) char *database = NULL;
	TRY(json_ticket_read(ticket, out, &database, err));
	mobius_error why = {0};
	if (database == NULL || mobius_session_in(server->db, database, session, &why) == MOBIUS_OK)
		return ST_OK;
	return error_set(err, (Status)why.code, "%s", why.text);
}

static mobius_status
add_select(void *arg, const mobius_table_info *info)
{
	select_all(arg, info);
	return MOBIUS_OK;
}

// htdb.t, mobius.htdb.t, system.tables: no statement, but a table's name.
static bool
is_dotted_name(Slice text)
{
	size_t dots = 0;
	for (size_t i = 0; i < text.len; i++) {
		bool dot = text.data[i] == '.';
		if (!dot && !isalnum(text.data[i]) && text.data[i] != '_')
			return false;
		if (dot && (i == 0 || i + 1 == text.len || text.data[i - 1] == '.'))
			return false;
		dots += dot;
	}
	return dots > 0 && dots < 3 && !isdigit(text.data[0]);
}

static bool
could_be_name(Slice text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!isalnum(text.data[i]) && text.data[i] != '_')
			return false;
	return text.len > 0 && text.len <= 127;
}

Status
ticket_statement(Server *server, Slice ticket, Buf *out, mobius_session **session, Error *err)
{
	if (ticket.len == 0)
		return error_set(err, ST_INVALID, "the ticket is empty; send a table's name or SQL");
	if (!utf8_valid(ticket.data, ticket.len))
		return error_set(err, ST_NOT_FOUND,
						 "unknown ticket; ask with GetFlightInfo, or send SQL as UTF-8");
	if (ticket.data[0] == '{')
		return json_statement(server, ticket, out, session, err);
	mobius_slice path = {ticket.data, ticket.len};
	bool table = could_be_name(ticket) && mobius_table_describe(server->session, &path, 1,
																add_select, out, NULL) == MOBIUS_OK;
	if (!table && is_dotted_name(ticket))
		buf_add_text(out, "FROM ");
	if (!table)
		buf_add_slice(out, ticket);
	return buf_status(out, err, "a statement");
}

int64_t
call_timeout_ns(FlightCall *call)
{
	int64_t deadline = grpc_call_deadline_ns(flight_grpc(call));
	if (deadline == INT64_MAX)
		return 0;
	int64_t left = deadline - clock_mono_ns();
	return left > 0 ? left : 1;
}
