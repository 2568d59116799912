// ndjson_read.h - newline-delimited JSON in, one batch out: all of it or nothing.
//
// Each line is an object of columns and values; those that a line does not have are NULL in it.
// Values are texts, numbers, true, false and null. Blank lines are passed over.
//
// Threads  one owner.

#pragma once

#include "web/text_columns.h"

typedef struct NdjsonReader NdjsonReader;

Status ndjson_reader_new(LinePrecision precision, uint64_t most_bytes, NdjsonReader **out,
						 Error *err);
void ndjson_reader_free(NdjsonReader *reader); // NULL is allowed
DEFINE_DROP(NdjsonReader, ndjson_reader_drop, ndjson_reader_free)

// The next piece of the body; `last`: nothing follows. ST_INVALID names the line; ST_LIMIT: more
// than most_bytes; ST_UNIMPLEMENTED: a list or an object is a value. After a failure the reader is
// only good to be freed.
Status ndjson_reader_add(NdjsonReader *reader, Slice piece, bool last, Error *err);

// Behind the last piece: the rows, as text_columns_finish says.
Status ndjson_reader_finish(NdjsonReader *reader, const Schema *table, BytesPool *pool, Batch **out,
							Error *err);
