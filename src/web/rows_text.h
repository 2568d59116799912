// rows_text.h - rows out as text: CSV with a header (RFC 4180), and newline-delimited JSON.

#pragma once

#include "arrow/json.h"

// Lines end with CR LF. NULL is nothing, an empty text "".
void csv_add_header(const Schema *schema, Buf *out);
void csv_add_rows(const Batch *batch, int64_t from, int64_t to, Buf *out); // half-open

// One object a line.
void ndjson_add_rows(const JsonRows *objects, const Batch *batch, int64_t from, int64_t to,
					 Buf *out);
