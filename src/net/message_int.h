// message_int.h - gRPC's length-prefixed messages out of a stream's bytes, however these are cut.
//
// Threads  one owner.

#pragma once

#include "net/grpc.h"
#include "net/gunzip_int.h"
#include "net/split_int.h"

typedef struct MessageReader {
	const GrpcOptions *options;
	bool gzip; // the call's grpc-encoding
	Gunzip *gunzip;
	FieldSplit split;
	uint8_t prefix[5];
	size_t prefix_len;
	bool compressed;
	size_t wire_bytes; // of the message being read, with its prefix; 0: none begun
	size_t wire_left;
	size_t room; // bytes the message may still inflate to
	size_t reserved;
} MessageReader;

// body_field 0: none. The options outlive the reader.
void reader_init(MessageReader *reader, const GrpcOptions *options, uint32_t body_field, bool gzip);
void reader_close(MessageReader *reader); // drops what was begun

// Reads from *in, and moves it on, until a message is complete (out->head is set) or all is read.
// Anything but GRPC_OK ends the call, with err's text; the reader is then to be closed.
GrpcStatus reader_push(MessageReader *reader, Slice *in, GrpcMessage *out, Error *err);

bool reader_is_between(const MessageReader *reader); // messages: none is begun
// Bytes the begun message has on the wire, once that is known, and how many of them came.
size_t reader_message_bytes(const MessageReader *reader);
size_t reader_message_read(const MessageReader *reader);
