// flatbuf_int.h - FlatBuffers: a checked reader and a forward writer, as much as Arrow needs.
//
//     u32  offset of the root table                                   at 0
//     table:  i32 its position minus its vtable's, then its fields    4-aligned
//     vtable: u16 bytes of vtable, u16 bytes of table, u16 each slot  a field's place in the table;
//                                                                     0: absent
//     vector: u32 count, elements       string: u32 count, bytes, NUL
//
// Everything is little-endian and aligned to its own size. What is not a number stands elsewhere:
// its field holds a u32 offset from there, always forward, so no walk can come back to where it
// was. Writers let tables with the same slots share one vtable even where one of the tables is
// longer, so the reader takes no note of a table's bytes: a field's bound is the message's end.
//
// Threads  one owner.

#pragma once

#include "base/buf.h"

// Sticky failure: past a fault every read yields "absent"; check `failed` before acting on values.
typedef struct FbReader {
	const uint8_t *data;
	uint32_t len;
	bool failed;
} FbReader;

typedef struct FbTable {
	uint32_t pos; // 0: absent
	uint32_t vtable;
	uint16_t vtable_len;
} FbTable;

typedef struct FbVector {
	const uint8_t *data; // of its elements; NULL: absent
	uint32_t count;
} FbVector;

FbReader fb_reader(Slice message);
FbTable fb_root(FbReader *r);
// A field of 1, 2, 4 or 8 bytes, sign-extended.
int64_t fb_int(FbReader *r, const FbTable *table, int slot, int bytes, int64_t absent);
FbTable fb_table(FbReader *r, const FbTable *table, int slot);
Slice fb_string(FbReader *r, const FbTable *table, int slot); // a NUL follows; data NULL: absent
// Elements are aligned to 8 when they are a multiple of 8 bytes, else to 4.
FbVector fb_vector(FbReader *r, const FbTable *table, int slot, uint32_t element_bytes);
FbTable fb_element(FbReader *r, const FbVector *tables, uint32_t i);

// Appends to a Buf, whose sticky failure is the writer's. A parent is written before its children:
// whatever is referred to is given the place of the offset that shall lead to it.
typedef struct FbWriter {
	Buf *out;
	size_t base; // positions count from here
} FbWriter;

enum { FB_SLOTS = 8, FB_ROOT = 0 };
typedef struct FbNew {
	size_t pos;
	const uint8_t *bytes; // of each slot, as given
	uint8_t at[FB_SLOTS]; // its place in the table
} FbNew;

FbWriter fb_writer(Buf *out); // at the end of what is there
// `bytes` says how wide each slot is, 0: absent. It outlives the FbNew.
FbNew fb_put_table(FbWriter *w, size_t link, const uint8_t *bytes, int slots);
void fb_put_int(FbWriter *w, const FbNew *table, int slot, int64_t value);
void fb_put_string(FbWriter *w, size_t link, Slice text);
// Zeroed elements, aligned as fb_vector says; returns the place of the first.
size_t fb_put_vector(FbWriter *w, size_t link, uint32_t count, uint32_t element_bytes);
void fb_set_i64(FbWriter *w, size_t pos, int64_t value);
void fb_end(FbWriter *w); // pads to 8

static inline size_t
fb_link(const FbNew *table, int slot)
{
	return table->pos + table->at[slot];
}
