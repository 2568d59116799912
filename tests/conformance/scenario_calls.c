// Scenarios that remember nothing between calls.

#include "os/clock.h"
#include "scenario.h"

static const int64_t SECOND = 1000000000;

static void
refuse(FlightCall *call, Status status, const char *text)
{
	Error err = ERROR_INIT;
	flight_finish(call, error_set(&err, status, "%s", text), &err);
}

// Fills in the schema of `type` and answers.
static void
reply_info(FlightCall *call, TypeId type, FlightInfo info)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	Error err = ERROR_INIT;
	Status status = rows_schema(type, &schema, &err);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return;
	}
	info.schema = buf_slice(&schema);
	info.total_records = info.total_bytes = -1;
	flight_reply_info(call, &info);
}

// ---- auth:basic_proto: user "arrow", password "flight", token "arrow" ----

static void
auth_handshake(FlightCall *call, Slice payload)
{
	SCOPED(flight_credentials_close) FlightCredentials shown = {0};
	Error err = ERROR_INIT;
	Status status = flight_credentials(call, payload, &shown, &err);
	if (status == ST_OK && (!slice_is(shown.user, "arrow") || !slice_is(shown.password, "flight")))
		status = error_set(&err, ST_UNAUTHENTICATED, "wrong user name or password");
	if (status == ST_OK) {
		grpc_add_header(flight_grpc(call), "authorization", slice_text("Bearer arrow"));
		flight_send_handshake(call, slice_text("arrow"));
	}
	flight_finish(call, status, &err);
}

static Status
auth_authenticate(FlightCall *call, Error *err)
{
	SCOPED(flight_credentials_close) FlightCredentials shown = {0};
	TRY(flight_credentials(call, (Slice){0}, &shown, err));
	if (shown.kind != CREDENTIALS_BEARER || !slice_is(shown.token, "arrow"))
		return error_set(err, ST_UNAUTHENTICATED, "invalid token; call Handshake first");
	return ST_OK;
}

static void
auth_do_action(FlightCall *call, Slice type, Slice body)
{
	(void)type, (void)body;
	flight_send_result(call, slice_text("arrow"));
	flight_finish(call, ST_OK, NULL);
}

const Scenario SCENARIO_AUTH = {
	.name = "auth:basic_proto",
	.handlers = {.handshake = auth_handshake,
				 .authenticate = auth_authenticate,
				 .do_action = auth_do_action},
};

// ---- middleware: every answer carries the header of its request ----

static Status
middleware_authenticate(FlightCall *call, Error *err)
{
	(void)err;
	Slice value = {0};
	grpc_call_header(flight_grpc(call), "x-middleware", 0, &value);
	grpc_add_header(flight_grpc(call), "x-middleware", value);
	return ST_OK;
}

static void
middleware_get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	if (!slice_is(descriptor->cmd, "success")) {
		refuse(call, ST_INTERNAL, "this call is meant to fail");
		return;
	}
	FlightEndpoint endpoint = {.ticket = slice_text("foo"),
							   .location = "grpc+tcp://localhost:10010"};
	reply_info(call, TYPE_NULL,
			   (FlightInfo){.descriptor = descriptor, .endpoints = &endpoint, .endpoint_count = 1});
}

const Scenario SCENARIO_MIDDLEWARE = {
	.name = "middleware",
	.handlers = {.authenticate = middleware_authenticate,
				 .get_flight_info = middleware_get_flight_info},
};

// ---- ordered: three endpoints whose order counts when it is asked for ----

static void
ordered_get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	bool ordered = slice_is(descriptor->cmd, "ordered");
	FlightEndpoint endpoints[] = {
		{.ticket = slice_text("1")},
		{.ticket = slice_text(ordered ? "2" : "3")},
		{.ticket = slice_text(ordered ? "3" : "2")},
	};
	reply_info(call, TYPE_INT32,
			   (FlightInfo){.descriptor = descriptor,
							.endpoints = endpoints,
							.endpoint_count = COUNT_OF(endpoints),
							.ordered = ordered});
}

static void
ordered_do_get(FlightCall *call, Slice ticket)
{
	static const int64_t rows[][3] = {{1, 2, 3}, {10, 20, 30}, {100, 200, 300}};
	if (ticket.len != 1 || ticket.data[0] < '1' || ticket.data[0] > '3') {
		refuse(call, ST_NOT_FOUND, "no such ticket; there are 1, 2 and 3");
		return;
	}
	rows_send(call, TYPE_INT32, rows[ticket.data[0] - '1'], 3);
}

const Scenario SCENARIO_ORDERED = {
	.name = "ordered",
	.handlers = {.get_flight_info = ordered_get_flight_info, .do_get = ordered_do_get},
};

// ---- location:reuse_connection ----

static void
reuse_get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	FlightEndpoint endpoint = {.ticket = slice_text("reuse"),
							   .location = "arrow-flight-reuse-connection://?"};
	reply_info(call, TYPE_NULL,
			   (FlightInfo){.descriptor = descriptor, .endpoints = &endpoint, .endpoint_count = 1});
}

const Scenario SCENARIO_REUSE = {
	.name = "location:reuse_connection",
	.handlers = {.get_flight_info = reuse_get_flight_info},
};

// ---- poll_flight_info: a query that is done at the second look ----

static void
poll_poll_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	Error err = ERROR_INIT;
	Status status = rows_schema(TYPE_UINT32, &schema, &err);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return;
	}
	FlightEndpoint endpoint = {.ticket = slice_text("long-running query")};
	FlightInfo info = {.schema = buf_slice(&schema),
					   .descriptor = descriptor,
					   .endpoints = &endpoint,
					   .endpoint_count = 1,
					   .total_records = -1,
					   .total_bytes = -1};
	FlightDescriptor next = {.type = DESCRIPTOR_CMD, .cmd = slice_text("poll")};
	if (slice_is(descriptor->cmd, "poll"))
		flight_reply_poll(call, &info, NULL, 1.0, 0);
	else
		flight_reply_poll(call, &info, &next, 0.1, clock_wall_ns() + 10 * SECOND);
}

const Scenario SCENARIO_POLL = {
	.name = "poll_flight_info",
	.handlers = {.poll_flight_info = poll_poll_flight_info},
};

// ---- app_metadata_flight_info_endpoint: the command comes back as metadata ----

static void
app_metadata_get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	if (descriptor->type != DESCRIPTOR_CMD) {
		refuse(call, ST_INVALID, "the descriptor has to be a command");
		return;
	}
	FlightEndpoint endpoint = {.app_metadata = descriptor->cmd};
	reply_info(call, TYPE_UINT32,
			   (FlightInfo){.descriptor = descriptor,
							.endpoints = &endpoint,
							.endpoint_count = 1,
							.app_metadata = descriptor->cmd});
}

const Scenario SCENARIO_APP_METADATA = {
	.name = "app_metadata_flight_info_endpoint",
	.handlers = {.get_flight_info = app_metadata_get_flight_info},
};
