// codec.h - Flight's messages as bytes: what calls take and answer, without a call.
//
// Decoding borrows: slices lie in the bytes given. Texts must be UTF-8; unknown fields are passed
// by. Wrong bytes are ST_INVALID.

#pragma once

#include "flight/flight.h"

// *storage holds out's path (mem_free it when done); NULL when there is none.
Status flight_descriptor_decode(Slice bytes, FlightDescriptor *out, Slice **storage, Error *err);
void flight_descriptor_encode(Buf *out, const FlightDescriptor *descriptor);

// Moves *message into *out; on failure both stay as they are.
Status flight_data_decode(GrpcMessage *message, FlightData *out, Error *err);
// All of a FlightData that stands before the bytes of its body. has_body false: there is no body.
void flight_data_encode_head(Buf *out, Slice header, Slice app_metadata, bool has_body,
							 size_t body_len);

void flight_info_encode(Buf *out, const FlightInfo *info);
// Arguments as in flight_reply_poll.
void flight_poll_encode(Buf *out, const FlightInfo *info, const FlightDescriptor *next,
						double progress, int64_t expiration_ns);

// Ticket, Criteria and HandshakeRequest are one bytes field each: 1, 1 and 2.
Status flight_bytes_decode(Slice message, uint32_t field, Slice *out, Error *err, const char *what);
Status flight_action_decode(Slice bytes, Slice *type, Slice *body, Error *err);
Status flight_basic_auth_decode(Slice bytes, Slice *user, Slice *password, Error *err);
