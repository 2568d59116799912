// json_rows.h - rows as JSON objects keyed by column, for the replies of actions: integers exact,
// timestamps ISO 8601, lists as arrays, NULL null.

#pragma once

#include "arrow/batch.h"

// Appends row `row` as one object. ST_UNIMPLEMENTED names a type that no system table has.
Status json_row(const Batch *batch, int64_t row, Buf *out, Error *err);
