// convert.h - from the types clients send to the types tables keep.
//
// Tables keep fewer types than Arrow has (the canonical ones): float16 becomes float32; large and
// view kinds the plain ones; date64 date32; time32 time64[us]; fixed_size_binary binary; large_list
// list; interval forms month_day_nano (its nanoseconds must be whole microseconds). Nested types by
// their children.

#pragma once

#include "arrow/batch.h"

// The schema a table keeps for what comes with `schema`; metadata of schema and fields stays.
// ST_UNIMPLEMENTED names column and type where tables keep no such type: a decimal whose scale is
// not within its precision, a struct without fields, a fixed_size_list of 0 or more than 100000
// items.
Status schema_canonical(const Schema *schema, Schema **out, Error *err);

// Whether values of `from` fit `to` without loss: equal canonical types, null into anything,
// int8→16→32→64, uint8→…→64, float16→32→64, decimal precision at equal scale, coarser → finer time
// unit of equal zone-ness. `to` is canonical.
bool field_widens(const Field *from, const Field *to);

// The narrowest field both widen to (for a table that grows), by type id and unit. False: other
// families. Both are canonical; name, metadata and zone are those of `a`, and the parts of *out are
// borrowed from both.
bool field_common(const Field *a, const Field *b, Field *out);

// A column of `from` as one of `to`, where field_widens(from canonical, to) or they are equal after
// canonicalisation. Buffers are shared where they are the same; new ones come from pool and are
// added to `owners`. *out is good until owners_free (batch_new copies it), and as long as what
// `column` is made of: see owners_add_batch. ST_INVALID names column and row where a value
// overflows (time units, offsets over 2 GiB).
typedef struct Owners Owners; // a growing list of Bytes references
Owners *owners_new(void);
void owners_free(Owners *owners); // NULL is allowed
DEFINE_DROP(Owners, owners_drop, owners_free)
bool owners_add(Owners *owners,
				Bytes *bytes); // takes the reference; false (and unref) when out of memory
bool owners_add_batch(Owners *owners, const Batch *batch); // new references of all the batch holds
Bytes *const *owners_list(const Owners *owners, int32_t *count);

Status column_convert(const Field *from, const Column *column, const Field *to, BytesPool *pool,
					  Owners *owners, Column *out, Error *err);

// The same, but values that the finer time unit does not reach saturate, as they do in
// values_widen, also inside lists, structs and maps: for rows that were stored before the table
// grew.
Status column_widen(const Field *from, const Column *column, const Field *to, BytesPool *pool,
					Owners *owners, Column *out, Error *err);

// `rows` NULLs of any type: a column that a message does not have.
Status column_nulls(const Field *field, int64_t rows, BytesPool *pool, Owners *owners, Column *out,
					Error *err);

// Widens n fixed-width values row by row into out (a scan's vector): from and to as in
// field_widens, both of fixed width. Values that do not fit the finer time unit saturate (refused
// at put, so only old rows of a widened table).
void values_widen(const Type *from, const Type *to, const void *values, int64_t n, void *out);
