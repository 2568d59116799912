// Answers: each is encoded into one Buf and handed to the call as one message.

#include <string.h>

#include "base/mem.h"
#include "flight/codec.h"
#include "flight/flight_int.h"
#include "flight/wire_int.h"

// What some clients can take at most: their protobuf readers count in int32.
enum { MESSAGE_MAX = INT32_MAX };

// True while the queue has room. A message that could not be built ends the call.
static bool
send_built(FlightCall *call, const Buf *message)
{
	Error err = ERROR_INIT;
	Status status = buf_status(message, &err, "an answer");
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return false;
	}
	if (call->finished)
		return false;
	return grpc_send(call->grpc, &(Piece){message->data, message->len, NULL}, 1);
}

// Of messages that have one field: number 1, or 2 in a HandshakeResponse.
static bool
send_field(FlightCall *call, uint32_t number, Slice bytes)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	wire_set_bytes(&message, number, bytes);
	return send_built(call, &message);
}

// ---- unary ----

void
flight_reply_info(FlightCall *call, const FlightInfo *info)
{
	flight_send_info(call, info);
	flight_finish(call, ST_OK, NULL);
}

void
flight_reply_poll(FlightCall *call, const FlightInfo *info, const FlightDescriptor *next,
				  double progress, int64_t expiration_ns)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	flight_poll_encode(&message, info, next, progress, expiration_ns);
	send_built(call, &message);
	flight_finish(call, ST_OK, NULL);
}

void
flight_reply_schema(FlightCall *call, Slice encapsulated_schema)
{
	send_field(call, 1, encapsulated_schema);
	flight_finish(call, ST_OK, NULL);
}

// ---- streams ----

void
flight_send_handshake(FlightCall *call, Slice payload)
{
	send_field(call, 2, payload);
}

void
flight_send_info(FlightCall *call, const FlightInfo *info)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	flight_info_encode(&message, info);
	send_built(call, &message);
}

bool
flight_send_put_result(FlightCall *call, Slice app_metadata)
{
	return send_field(call, 1, app_metadata);
}

void
flight_send_result(FlightCall *call, Slice body)
{
	send_field(call, 1, body);
}

void
flight_send_action_type(FlightCall *call, const char *type, const char *description)
{
	SCOPED(buf_close) Buf message = BUF_INIT;
	wire_set_bytes(&message, 1, slice_text(type));
	wire_set_bytes(&message, 2, slice_text(description));
	send_built(call, &message);
}

// ---- FlightData ----

// The body's pieces go out from where they lie, after one piece with all that stands before them.
static bool
send_gathered(FlightCall *call, const Buf *head, const Piece *body, size_t pieces)
{
	enum { FEW = 64 };
	Piece few[FEW];
	SCOPED(mem_drop) Piece *many = NULL;
	Piece *all = few;
	if (pieces >= FEW) {
		all = many = mem_alloc_array(pieces + 1, sizeof(*many));
		if (many == NULL) {
			Error err = ERROR_INIT;
			flight_finish(call, error_no_memory(&err, "a message's pieces"), &err);
			return false;
		}
	}
	all[0] = (Piece){head->data, head->len, NULL};
	if (pieces > 0)
		memcpy(all + 1, body, pieces * sizeof(*all));
	return grpc_send(call->grpc, all, pieces + 1);
}

bool
flight_send_data(FlightCall *call, Slice header, Slice app_metadata, const Piece *body,
				 size_t pieces)
{
	if (call->finished)
		return false;
	size_t body_len = 0;
	for (size_t i = 0; i < pieces; i++)
		body_len += body[i].len;

	SCOPED(buf_close) Buf head = BUF_INIT;
	flight_data_encode_head(&head, header, app_metadata, pieces > 0, body_len);
	Error err = ERROR_INIT;
	Status status = buf_status(&head, &err, "an answer's head");
	if (status == ST_OK && head.len + body_len > MESSAGE_MAX)
		status =
			error_set(&err, ST_LIMIT, "a message of %zu bytes is more than clients take (2 GiB)",
					  head.len + body_len);
	if (status != ST_OK) {
		flight_finish(call, status, &err);
		return false;
	}
	return send_gathered(call, &head, body, pieces);
}
