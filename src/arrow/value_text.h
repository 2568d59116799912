// value_text.h - one value of a column as text, as every text form writes it (JSON adds quotes
// where they are due, CSV where they are needed).
//
// Timestamps ISO 8601 with `T`, 0, 3, 6 or 9 fraction digits by unit and `Z` when zoned; dates,
// times and durations ISO 8601; integers exact; doubles in the shortest form that reads back as the
// same; NaN, Infinity, -Infinity; decimals exact; binary in base64. Lists are JSON arrays, structs
// objects, maps arrays of pairs.

#pragma once

#include "arrow/batch.h"

// Bare: nothing for NULL, no quotes around texts.
void value_text_add(const Field *field, const Column *column, int64_t row, Buf *out);

// As a JSON value.
void value_json_add(const Field *field, const Column *column, int64_t row, Buf *out);

// The bytes of a text or binary value of any kind; good as long as the column. The value is not
// NULL.
Slice value_bytes(const Field *field, const Column *column, int64_t row);
