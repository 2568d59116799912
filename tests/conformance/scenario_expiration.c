// expiration_time:*: three endpoints, of which two expire; they can be cancelled and renewed.
//
// Every GetFlightInfo starts anew. A ticket is "<index>: <text>".

#include <stdio.h>

#include "flight.pb-c.h"
#include "os/clock.h"
#include "scenario.h"

#define PB(name) Arrow__Flight__Protocol__##name

static const int64_t SECOND = 1000000000;

typedef struct Part {
	int64_t expiration_ns; // 0: none
	int reads;
	bool cancelled;
} Part;

static Part parts[3];

static Part *
find_part(Slice ticket)
{
	if (ticket.len < 2 || ticket.data[0] < '0' || ticket.data[0] > '2' || ticket.data[1] != ':')
		return NULL;
	return &parts[ticket.data[0] - '0'];
}

static void
get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	Error err = ERROR_INIT;
	Status status = rows_schema(TYPE_UINT32, &schema, &err);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return;
	}
	int64_t now = clock_wall_ns();
	parts[0] = (Part){0};
	parts[1] = (Part){.expiration_ns = now + 5 * SECOND};
	parts[2] = (Part){.expiration_ns = now + 6 * SECOND};
	FlightEndpoint endpoints[] = {
		{.ticket = slice_text("0: No expiration time")},
		{.ticket = slice_text("1: 5 seconds"), .expiration_ns = parts[1].expiration_ns},
		{.ticket = slice_text("2: 6 seconds"), .expiration_ns = parts[2].expiration_ns},
	};
	flight_reply_info(call, &(FlightInfo){.schema = buf_slice(&schema),
										  .descriptor = descriptor,
										  .endpoints = endpoints,
										  .endpoint_count = COUNT_OF(endpoints),
										  .total_records = -1,
										  .total_bytes = -1});
}

static Status
check_part(const Part *part, Error *err)
{
	if (part == NULL)
		return error_set(err, ST_NOT_FOUND, "no such ticket; ask GetFlightInfo for one");
	if (part->cancelled)
		return error_set(err, ST_INVALID, "the ticket was cancelled");
	if (part->expiration_ns == 0 && part->reads > 0)
		return error_set(err, ST_INVALID, "the ticket was used up");
	if (part->expiration_ns != 0 && part->expiration_ns < clock_wall_ns())
		return error_set(err, ST_INVALID, "the ticket has expired");
	return ST_OK;
}

static void
do_get(FlightCall *call, Slice ticket)
{
	Error err = ERROR_INIT;
	Part *part = find_part(ticket);
	Status status = check_part(part, &err);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return;
	}
	part->reads++;
	rows_send(call, TYPE_UINT32, &(int64_t){part - parts}, 1);
}

static void
list_actions(FlightCall *call)
{
	flight_send_action_type(call, "CancelFlightInfo", "Ends the tickets of a FlightInfo");
	flight_send_action_type(call, "RenewFlightEndpoint", "Lets a ticket live longer");
	flight_finish(call, ST_OK, NULL);
}

static Slice
ticket_of(const PB(FlightEndpoint) * endpoint)
{
	if (endpoint->ticket == NULL)
		return (Slice){0};
	return slice_of(endpoint->ticket->ticket.data, endpoint->ticket->ticket.len);
}

// Cancelled, or not cancellable when any of it is not.
static PB(CancelStatus) cancel(const PB(FlightInfo) * info)
{
	PB(CancelStatus) status = ARROW__FLIGHT__PROTOCOL__CANCEL_STATUS__CANCEL_STATUS_CANCELLED;
	for (size_t i = 0; i < info->n_endpoint; i++) {
		Part *part = find_part(ticket_of(info->endpoint[i]));
		if (part == NULL || part->cancelled)
			status = ARROW__FLIGHT__PROTOCOL__CANCEL_STATUS__CANCEL_STATUS_NOT_CANCELLABLE;
		else
			part->cancelled = true;
	}
	return status;
}

static Status
cancel_flight_info(FlightCall *call, Slice body, Error *err)
{
	PB(CancelFlightInfoRequest) *request =
		arrow__flight__protocol__cancel_flight_info_request__unpack(NULL, body.len, body.data);
	if (request == NULL)
		return error_set(err, ST_INVALID, "the body is no CancelFlightInfoRequest");
	PB(CancelFlightInfoResult) result = ARROW__FLIGHT__PROTOCOL__CANCEL_FLIGHT_INFO_RESULT__INIT;
	result.has_status = true;
	if (request->info != NULL)
		result.status = cancel(request->info);
	arrow__flight__protocol__cancel_flight_info_request__free_unpacked(request, NULL);

	uint8_t packed[16];
	size_t len = arrow__flight__protocol__cancel_flight_info_result__pack(&result, packed);
	flight_send_result(call, slice_of(packed, len));
	return ST_OK;
}

// The ticket with its new end; its index stays where it was.
static void
send_renewed(FlightCall *call, Part *part, Slice ticket)
{
	char renewed[256];
	int len = snprintf(renewed, sizeof(renewed), "%.*s: renewed (+ 10 seconds)",
					   (int)(ticket.len < 200 ? ticket.len : 200), (const char *)ticket.data);
	part->expiration_ns = clock_wall_ns() + 10 * SECOND;

	PB(Ticket) new_ticket = ARROW__FLIGHT__PROTOCOL__TICKET__INIT;
	new_ticket.has_ticket = true;
	new_ticket.ticket = (ProtobufCBinaryData){(size_t)len, (uint8_t *)renewed};
	PB(Timestamp) time = ARROW__FLIGHT__PROTOCOL__TIMESTAMP__INIT;
	time.has_seconds = time.has_nanos = true;
	time.seconds = part->expiration_ns / SECOND;
	time.nanos = (int32_t)(part->expiration_ns % SECOND);
	PB(FlightEndpoint) endpoint = ARROW__FLIGHT__PROTOCOL__FLIGHT_ENDPOINT__INIT;
	endpoint.ticket = &new_ticket;
	endpoint.expiration_time = &time;

	uint8_t packed[512];
	size_t size = arrow__flight__protocol__flight_endpoint__pack(&endpoint, packed);
	flight_send_result(call, slice_of(packed, size));
}

static Status
renew_flight_endpoint(FlightCall *call, Slice body, Error *err)
{
	PB(RenewFlightEndpointRequest) *request =
		arrow__flight__protocol__renew_flight_endpoint_request__unpack(NULL, body.len, body.data);
	if (request == NULL)
		return error_set(err, ST_INVALID, "the body is no RenewFlightEndpointRequest");
	Slice ticket = request->endpoint == NULL ? (Slice){0} : ticket_of(request->endpoint);
	Part *part = find_part(ticket);
	if (part != NULL)
		send_renewed(call, part, ticket);
	arrow__flight__protocol__renew_flight_endpoint_request__free_unpacked(request, NULL);
	return part != NULL ? ST_OK : error_set(err, ST_NOT_FOUND, "no such ticket");
}

static void
do_action(FlightCall *call, Slice type, Slice body)
{
	Error err = ERROR_INIT;
	Status status;
	if (slice_is(type, "CancelFlightInfo"))
		status = cancel_flight_info(call, body, &err);
	else if (slice_is(type, "RenewFlightEndpoint"))
		status = renew_flight_endpoint(call, body, &err);
	else
		status = error_set(&err, ST_UNIMPLEMENTED, "no such action; ask ListActions");
	flight_finish(call, status, &err);
}

const Scenario SCENARIO_EXPIRATION = {
	.name = "expiration_time:",
	.handlers = {.get_flight_info = get_flight_info,
				 .do_get = do_get,
				 .list_actions = list_actions,
				 .do_action = do_action},
};
