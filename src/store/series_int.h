// series_int.h - the keys of series: a row's tag values as bytes.
//
// A key is the values in column order, trailing NULLs left out, so that a table that gets a new tag
// keeps its keys. Each value is
//
//     u32 length, or NULL_TAG · bytes: text and binary as they are; numbers as eight bytes,
//     big-endian, the sign bit flipped
//
// so that keys compare value by value as bytes, whatever the width of an integer tag becomes. (The
// lengths are as the machine has them.)

#pragma once

#include "arrow/batch.h"
#include "catalog/table_def.h"
#include "store/shape.h"

#define NULL_TAG UINT32_MAX

// Where a batch has a tag.
typedef struct TagReader {
	TypeId type;
	bool absent;             // NULL in every row
	const uint8_t *validity; // NULL: all valid
	const uint8_t *offsets;  // of text
	const uint8_t *values;
} TagReader;

typedef struct TagReaders {
	TagReader *tags;
	int32_t count;
} TagReaders;

Status tag_readers_init(TagReaders *readers, const TableDef *def, const Shape *shape,
						const Batch *batch, Error *err);
void tag_readers_close(TagReaders *readers); // for SCOPED

void series_key_encode(const TagReaders *readers, int64_t row, Buf *out); // replaces what is in out
bool series_key_is_row(Slice key, const TagReaders *readers, int64_t row);
int series_key_compare(Slice a, Slice b); // in the order of the values, NULL first
bool series_key_is_sound(Slice key);      // one that was read back
