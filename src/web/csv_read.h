// csv_read.h - CSV with a header in (RFC 4180), one batch out: all of it or nothing.
//
// The first line names the columns. A value may stand in double quotes, those within it doubled,
// and may then hold commas and line breaks. Nothing is NULL, and "" an empty text. Blank lines are
// passed over; a byte order mark before the header, too.
//
// Threads  one owner.

#pragma once

#include "web/text_columns.h"

typedef struct CsvReader CsvReader;

Status csv_reader_new(LinePrecision precision, uint64_t most_bytes, CsvReader **out, Error *err);
void csv_reader_free(CsvReader *reader); // NULL is allowed
DEFINE_DROP(CsvReader, csv_reader_drop, csv_reader_free)

// The next piece of the body; `last`: nothing follows. ST_INVALID names the line; ST_LIMIT:
// more than most_bytes. After a failure the reader is only good to be freed.
Status csv_reader_add(CsvReader *reader, Slice piece, bool last, Error *err);

// Behind the last piece: the rows, as text_columns_finish says. ST_INVALID: there is no header.
Status csv_reader_finish(CsvReader *reader, const Schema *table, BytesPool *pool, Batch **out,
						 Error *err);
