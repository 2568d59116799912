// split_int.h - one protobuf message, coming in any parts, split into its body field and the rest.
//
// The body goes straight into its final buffer; what is left, in the order it came, is the head.
// Nothing is understood but where top-level fields begin and end.
//
// Threads  one owner.

#pragma once

#include "base/buf.h"
#include "net/grpc.h"

typedef struct FieldSplit {
	BytesPool *pool;
	uint32_t body_field; // 0: there is no body
	enum { SPLIT_TAG, SPLIT_VARINT, SPLIT_LENGTH, SPLIT_HEAD, SPLIT_BODY, SPLIT_WHOLE } state;
	uint64_t varint; // of the tag or length being read
	unsigned shift;
	bool in_body_field;
	uint8_t raw[20]; // tag and length as they came, until it is known whose they are
	size_t raw_len;
	size_t room; // bytes the message may still have
	size_t left; // bytes of the field's value to come
	Bytes *fill; // the body, or the whole message
	size_t filled;
	Buf head;
} FieldSplit;

void split_init(FieldSplit *split, uint32_t body_field, BytesPool *pool);
void split_close(FieldSplit *split);

// Starts a message of `len` bytes; not `exact`: of at most so many. ST_NO_MEMORY.
Status split_begin(FieldSplit *split, size_t len, bool exact);
// The next bytes: ST_INVALID when they are no protobuf or too many, ST_NO_MEMORY.
Status split_push(FieldSplit *split, Slice in, Error *err);
// Ends the message and moves it to *out (head and body).
Status split_end(FieldSplit *split, GrpcMessage *out, Error *err);
