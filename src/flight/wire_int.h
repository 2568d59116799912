// wire_int.h - the fields of protobuf messages, read where they lie and written in place.
//
// For messages on the hot path and for answers built once; bigger control messages have generated
// code (proto/). Reading borrows: slices lie in what the Reader was made of.

#pragma once

#include "base/buf.h"
#include "base/reader.h"
#include "base/status.h"

// A field's number and wire type, as the tag spells them: `switch (field.tag)` over these passes by
// unknown fields and known ones of another type, as every protobuf reader must.
#define WIRE_VARINT(number)  ((uint32_t)(number) << 3 | 0)
#define WIRE_FIXED64(number) ((uint32_t)(number) << 3 | 1)
#define WIRE_BYTES(number)   ((uint32_t)(number) << 3 | 2)

typedef struct WireField {
	uint32_t tag;
	uint64_t value; // of numbers
	Slice bytes;    // of texts, bytes and messages
} WireField;

// The next field; false at the end, and when the bytes are wrong (the Reader has failed then).
bool wire_next(Reader *r, WireField *out);

// ST_INVALID naming `what` when the Reader has failed.
Status wire_status(const Reader *r, Error *err, const char *what);
// ST_INVALID naming `what` when text is not UTF-8.
Status wire_check_text(Slice text, Error *err, const char *what);

// The same with `optional` presence: also zero and empty are written.
void wire_add_varint(Buf *out, uint32_t number, uint64_t value);
void wire_add_double(Buf *out, uint32_t number, double value);
void wire_add_bytes(Buf *out, uint32_t number, Slice bytes);
// Only the tag and the length of a bytes field: its value follows.
void wire_add_head(Buf *out, uint32_t number, size_t len);

// Without presence: zero and empty are not written.
void wire_set_varint(Buf *out, uint32_t number, uint64_t value);
void wire_set_bytes(Buf *out, uint32_t number, Slice bytes);

// A nested message: what is added between the two is its value.
size_t wire_begin(Buf *out, uint32_t number);
void wire_end(Buf *out, size_t begun);
