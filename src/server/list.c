// list.c - ListFlights and Handshake: answered at once.

#include "base/mem.h"
#include "server/server_int.h"

static mobius_status
send_table(void *arg, const mobius_table_info *table)
{
	FlightCall *call = arg;
	Server *server = flight_service(call);
	SCOPED(buf_close) Buf text = BUF_INIT;
	select_all(&text, table);
	uint8_t id[MOBIUS_TICKET_SIZE];
	mobius_error err = {0};
	if (text.failed ||
		mobius_ticket_new(server->session, buf_text(&text), text.len, id, &err) != MOBIUS_OK)
		return MOBIUS_NO_MEMORY;
	Slice path[] = {slice_text(table->database), slice_text(table->schema),
					slice_text(table->name)};
	size_t parts = table->in_default ? 1 : 3;
	FlightDescriptor descriptor = {
		.type = DESCRIPTOR_PATH, .path = path + 3 - parts, .path_count = parts};
	FlightEndpoint endpoint = {.ticket = slice_of(id, sizeof(id))};
	FlightInfo info = {
		.schema = {table->arrow_schema.data, table->arrow_schema.len},
		.descriptor = &descriptor,
		.endpoints = &endpoint,
		.endpoint_count = 1,
		.total_records = table->rows,
		.total_bytes = table->bytes,
	};
	flight_send_info(call, &info);
	return MOBIUS_OK;
}

void
serve_list_flights(FlightCall *call, Slice expression)
{
	Server *server = flight_service(call);
	SCOPED(mem_drop) char *pattern = mem_strndup((const char *)expression.data, expression.len);
	mobius_error err = {0};
	if (pattern == NULL)
		call_refuse(call, ST_NO_MEMORY, "no memory for a list");
	else if (mobius_tables_each(server->session, pattern, send_table, call, &err) != MOBIUS_OK)
		call_fail(call, &err);
	else
		flight_finish(call, ST_OK, NULL);
}

// With no users defined it succeeds for anybody; clients insist on a token.
void
serve_handshake(FlightCall *call, Slice payload)
{
	(void)payload;
	static const char token[] = "anonymous";
	grpc_add_header(flight_grpc(call), "authorization", slice_text("Bearer anonymous"));
	flight_send_handshake(call, slice_of(token, sizeof(token) - 1));
	flight_finish(call, ST_OK, NULL);
}
