// value_read.h - one value from its text, as value_text.h writes it.

#pragma once

#include "arrow/builder.h"
#include "web/line_protocol.h"

// Appends what `text` means as a value of the column: integers, doubles, bools, texts, binary as
// base64, decimals, ISO 8601 dates, times and timestamps (in UTC where they name no offset).
// A timestamp may be an integer as well, of `precision`. ST_INVALID: it is none;
// ST_UNIMPLEMENTED: the type is not read from text.
Status value_read(ColumnBuilder *column, Slice text, LinePrecision precision, Error *err);
