// support.h - what the tests of this room share: batches as texts.

#pragma once

#include "../check.h"
#include "arrow/json.h"

#define FAULT_LOOP(st, ...) FAULTS_IN_TURN(mem_live(), st == ST_NO_MEMORY, st, __VA_ARGS__)

// The columns with their types, then a line for each row.
static inline void
add_batch(const Batch *batch, Buf *out)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	SCOPED(json_rows_drop) JsonRows *rows = NULL;
	Schema *schema = batch_schema(batch);
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		buf_reset(&type);
		field_type_name(schema_field(schema, i), &type);
		buf_add_printf(out, "%s%s %s", i > 0 ? ", " : "", schema_field(schema, i)->name,
					   buf_text(&type));
	}
	buf_add_text(out, "\n");
	ok(json_rows_new(schema, JSON_ARRAYS, &rows, &err), &err);
	for (int64_t i = 0; i < batch_rows(batch); i++) {
		json_rows_add(rows, batch, i, out);
		buf_add_text(out, "\n");
	}
}

static inline void
is_valid(const Batch *batch)
{
	Schema *schema = batch_schema(batch);
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		Column column = *batch_column(batch, i);
		assert_int_equal(column.length, batch_rows(batch));
		ok(column_validate(schema_field(schema, i), &column, &err), &err);
		assert_int_equal(column.null_count, batch_column(batch, i)->null_count);
	}
}

static inline void
text_equal(Buf *buf, const char *wanted)
{
	assert_string_equal(buf_text(buf), wanted);
}
