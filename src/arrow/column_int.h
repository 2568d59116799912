// column_int.h - what the files of this room share about columns.

#pragma once

#include <string.h>

#include "arrow/batch.h"

// Offset i of a column whose offsets are 4 or 8 bytes wide.
static inline int64_t
column_offset(const Column *c, uint8_t offset_bytes, int64_t i)
{
	if (offset_bytes == 4)
		return ((const int32_t *)(const void *)c->offsets.data)[i];
	return ((const int64_t *)(const void *)c->offsets.data)[i];
}

// Bytes of n fixed-width values. Only for an n that exists in memory.
static inline size_t
values_bytes(const TypeLayout *layout, int64_t n)
{
	return ((size_t)n * (size_t)layout->value_bits + 7) / 8;
}

// Makes the column its first `rows` rows, in place, children with it. The column is valid.
void column_cut(const Field *field, Column *c, int64_t rows);

static inline bool
type_is_view(TypeId id)
{
	return id == TYPE_UTF8_VIEW || id == TYPE_BINARY_VIEW;
}

static inline bool
type_has_unit(TypeId id)
{
	return id == TYPE_TIME32 || id == TYPE_TIME64 || id == TYPE_TIMESTAMP || id == TYPE_DURATION;
}

// A 16-byte view: up to 12 bytes lie in it, others in a variadic buffer.
typedef struct View {
	int32_t len;
	union {
		uint8_t inlined[12];
		struct {
			uint8_t prefix[4];
			int32_t buffer;
			int32_t offset;
		};
	};
} View;

static inline View
column_view(const Column *c, int64_t i)
{
	View view;
	memcpy(&view, c->values.data + 16 * i, sizeof(view));
	return view;
}
