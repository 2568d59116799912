// ipc_read.h - Arrow IPC messages of one stream, hostile until proven otherwise.
//
// A reader is made from the schema message and then fed dictionary and record batch messages in
// order. Every byte is checked before it is used: flatbuffer tables (depth, count, bounds), buffers
// inside the body, disjoint where it matters and 8-aligned, offsets, UTF-8, dictionary indexes,
// decompressed sizes. A hostile message is ST_INVALID and leaves the reader as it was.
//
// Batches come out with dictionaries decoded and bodies decompressed, by reference into the body
// where the body holds plain values.
//
// Threads  one at a time.

#pragma once

#include "arrow/batch.h"

typedef struct IpcReader IpcReader;

typedef struct IpcLimits {
	uint64_t decompressed_bytes; // per message
	int32_t columns;             // fields, children included
	int32_t depth;
} IpcLimits;
#define IPC_LIMITS_DEFAULT                                                                         \
	{                                                                                              \
		.decompressed_bytes = UINT64_C(1) << 30, .columns = 4096, .depth = 32                      \
	}

// `message` is the flatbuffer alone (as FlightData.data_header has it). ST_UNIMPLEMENTED names
// types that are not read (union, run-end encoded, decimal256, list views).
Status ipc_reader_new(Slice message, IpcLimits limits, BytesPool *pool, IpcReader **out,
					  Error *err);
void ipc_reader_free(IpcReader *reader); // NULL is allowed
DEFINE_DROP(IpcReader, ipc_reader_drop, ipc_reader_free)

Schema *ipc_reader_schema(
	const IpcReader *reader); // borrowed: what its batches have (dictionaries decoded)
Schema *ipc_reader_wire_schema(
	const IpcReader *reader); // borrowed: as it was sent, with dictionary fields marked

// One dictionary batch (*out NULL) or record batch. `body` lies in `owner` (a reference is taken as
// needed; NULL when empty). *plain says that the body is an uncompressed record batch without
// dictionary columns: message and body can be stored and sent on as they are.
Status ipc_reader_message(IpcReader *reader, Slice message, Slice body, Bytes *owner, Batch **out,
						  bool *plain, Error *err);

// What kind of message this is, without reading it whole. ST_INVALID when it is none.
typedef enum IpcKind { IPC_SCHEMA = 1, IPC_DICTIONARY = 2, IPC_BATCH = 3 } IpcKind;
Status ipc_message_kind(Slice message, IpcKind *out, uint64_t *body_len, Error *err);

// A schema from its encapsulated form (FF FF FF FF, length, message) or from a whole stream's
// begin.
Status ipc_schema_decode(Slice encapsulated, Schema **out, Error *err);
