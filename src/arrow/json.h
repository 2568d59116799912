// json.h - rows as JSON: the one writer of queries, subscriptions, actions and webhooks.
//
// What a schema asks of each row is prepared once; a row then costs no allocation but the growth
// of the Buf, whose sticky failure says at the end whether memory was short. Values are as
// value_text.h says.

#pragma once

#include "arrow/value_text.h"

// [{"name":"time","type":"timestamp[ns]"},...]
void json_schema_add(const Schema *schema, Buf *out);

typedef enum JsonForm {
	JSON_ARRAYS,  // ["2016-01-01T00:00:00Z",1.5,null]
	JSON_OBJECTS, // {"time":"2016-01-01T00:00:00Z","v":1.5,"note":null}
} JsonForm;

// Immutable: for all threads.
typedef struct JsonRows JsonRows;

Status json_rows_new(Schema *schema, JsonForm form, JsonRows **out, Error *err);
void json_rows_free(JsonRows *rows); // NULL is allowed
DEFINE_DROP(JsonRows, json_rows_drop, json_rows_free)

// Appends one row of a batch of that schema.
void json_rows_add(const JsonRows *rows, const Batch *batch, int64_t row, Buf *out);
