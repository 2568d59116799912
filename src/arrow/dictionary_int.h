// dictionary_int.h - a dictionary-encoded column as plain values.

#pragma once

#include "arrow/convert.h"

// dictionary: a valid column of `field`. indexes: a valid column of the integer type index_type.
// The result is a valid column of `field` with as many rows as indexes; its buffers are owned by
// `owners`, but for the data of views and the validity of indexes, which the caller keeps alive.
// ST_INVALID names column and row where an index points to no value.
Status dictionary_decode(const Field *field, const Column *dictionary, TypeId index_type,
						 const Column *indexes, BytesPool *pool, Owners *owners, Column *out,
						 Error *err);
