// ipc_write.h - Arrow IPC messages: metadata built here, bodies gathered from where they lie.
//
// Metadata V5, little-endian, buffers 64-byte aligned within the body, no dictionaries, no
// compression.

#pragma once

#include "arrow/batch.h"

// The schema message, flatbuffer alone, padded to 8. Field and schema metadata included.
Status ipc_write_schema(const Schema *schema, Buf *out, Error *err);
// The encapsulated form that FlightInfo.schema and others carry.
Status ipc_schema_encode(const Schema *schema, Buf *out, Error *err);

typedef struct IpcMessage {
	Buf metadata; // the flatbuffer, padded to 8
	Piece *body;  // in order, padding included; owners are referenced by the message
	int32_t body_count;
	uint64_t body_len;
} IpcMessage;
#define IPC_MESSAGE_INIT                                                                           \
	{                                                                                              \
		.metadata = BUF_INIT                                                                       \
	}

// The body's pieces refer to the batch's buffers: the message holds the batch alive. `out` is
// IPC_MESSAGE_INIT. A slice of a batch (batch_head) writes only what its rows need.
Status ipc_write_batch(Batch *batch, IpcMessage *out, Error *err);
void ipc_message_close(IpcMessage *message);

// The body in one piece (for tests and files). pool may be NULL.
Status ipc_message_body(const IpcMessage *message, BytesPool *pool, Bytes **out, Error *err);
