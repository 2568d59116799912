// support.h - what the tests of this room share: an instance over a directory of its own, rows of
// any type, and results as text.

#pragma once

#include "../check.h"
#include "arrow/builder.h"
#include "duck/duck.h"
#include "duck/parquet.h"
#include "duck/scan.h"
#include "os/file.h"

// ---- an instance ----

typedef struct Fixture {
	char dir[64];     // ends in '/'; files go here
	char outside[96]; // a file beside it that nobody may read
	char temp[80];
	Duck *duck;
	DuckConn *conn;
} Fixture;

static inline void
fixture_open(Fixture *fx, bool trusted, int threads)
{
	char base[] = "/tmp/mobius-duck-XXXXXX";
	assert_non_null(mkdtemp(base));
	snprintf(fx->dir, sizeof(fx->dir), "%s/files/", base);
	snprintf(fx->temp, sizeof(fx->temp), "%s/temp", base);
	snprintf(fx->outside, sizeof(fx->outside), "%s/outside.csv", base);
	Error err = ERROR_INIT;
	ok(dir_make(fx->dir, &err), &err);
	ok(dir_make(fx->temp, &err), &err);
	FILE *file = fopen(fx->outside, "w");
	assert_non_null(file);
	fputs("a,b\n1,2\n", file);
	fclose(file);

	DuckOptions options = {.threads = threads,
						   .memory_bytes = UINT64_C(512) << 20,
						   .temp_dir = fx->temp,
						   .allowed_dir = fx->dir,
						   .trusted = trusted};
	ok(duck_open(&options, &fx->duck, &err), &err);
	ok(duck_connect(fx->duck, &fx->conn, &err), &err);
}

static inline void
fixture_remove(Fixture *fx)
{
	duck_disconnect(fx->conn);
	duck_close(fx->duck);
	*strrchr(fx->outside, '/') = '\0';
	Error err = ERROR_INIT;
	ok(dir_remove_all(fx->outside, &err), &err);
}

static inline void
fixture_close(Fixture *fx)
{
	fixture_remove(fx);
	assert_int_equal(mem_live(), 0);
}

// ---- values as text ----

static inline void render(const Field *field, const Column *c, int64_t row, Buf *out);

static inline void
render_range(const Field *field, const Column *c, int64_t from, int64_t to, Buf *out)
{
	buf_add_text(out, "[");
	for (int64_t i = from; i < to; i++) {
		buf_add_text(out, i > from ? " " : "");
		render(field, c, i, out);
	}
	buf_add_text(out, "]");
}

static inline void
render_fixed(const Field *field, const Column *c, int64_t row, Buf *out)
{
	size_t width = (size_t)type_layout(&field->type).value_bits / 8;
	uint8_t bytes[16] = {0};
	memcpy(bytes, c->values.data + (size_t)row * width, width);
	int64_t number;
	memcpy(&number, bytes, 8);
	switch (field->type.id) {
	case TYPE_INT8: buf_add_printf(out, "%d", (int8_t)number); break;
	case TYPE_INT16: buf_add_printf(out, "%d", (int16_t)number); break;
	case TYPE_DATE32:
	case TYPE_INT32: buf_add_printf(out, "%d", (int32_t)number); break;
	case TYPE_DECIMAL128:
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		for (size_t i = width; i > 0; i--)
			buf_add_printf(out, "%02x", bytes[i - 1]);
		break;
	case TYPE_FLOAT32: {
		float value;
		memcpy(&value, bytes, sizeof(value));
		buf_add_printf(out, "%g", (double)value);
		break;
	}
	case TYPE_FLOAT64: {
		double value;
		memcpy(&value, bytes, sizeof(value));
		buf_add_printf(out, "%.17g", value);
		break;
	}
	case TYPE_UINT64: buf_add_printf(out, "%llu", (unsigned long long)number); break;
	default: buf_add_printf(out, "%lld", (long long)number); break;
	}
}

static inline void
render(const Field *field, const Column *c, int64_t row, Buf *out)
{
	const int32_t *offsets = (const void *)c->offsets.data;
	if (field->type.id == TYPE_NULL || !column_valid(c, row)) {
		buf_add_text(out, "~");
		return;
	}
	switch (field->type.id) {
	case TYPE_BOOL: buf_add_text(out, bit_get(c->values.data, row) ? "true" : "false"); break;
	case TYPE_UTF8:
	case TYPE_BINARY:
		buf_add(out, c->values.data + offsets[row], (size_t)(offsets[row + 1] - offsets[row]));
		break;
	case TYPE_LIST:
	case TYPE_MAP:
		render_range(&field->children[0], &c->children[0], offsets[row], offsets[row + 1], out);
		break;
	case TYPE_FIXED_LIST:
		render_range(&field->children[0], &c->children[0], row * field->type.width,
					 (row + 1) * field->type.width, out);
		break;
	case TYPE_STRUCT:
		buf_add_text(out, "{");
		for (int32_t i = 0; i < field->child_count; i++) {
			buf_add_text(out, i > 0 ? " " : "");
			render(&field->children[i], &c->children[i], row, out);
		}
		buf_add_text(out, "}");
		break;
	default: render_fixed(field, c, row, out); break;
	}
}

// Rows end with '\n', columns are divided by '|'.
static inline void
render_batch(const Batch *batch, Buf *out)
{
	Schema *schema = batch_schema(batch);
	for (int64_t row = 0; row < batch_rows(batch); row++) {
		for (int32_t i = 0; i < schema_field_count(schema); i++) {
			buf_add_text(out, i > 0 ? "|" : "");
			render(schema_field(schema, i), batch_column(batch, i), row, out);
		}
		buf_add_text(out, "\n");
	}
}

// ---- results ----

// All rows of a statement as text, in batches of `max_rows`; each batch is validated. *out is
// appended to.
static inline Status
statement_text(DuckStatement *statement, Schema *as, int64_t max_rows, Buf *out, Error *err)
{
	SCOPED(duck_stream_drop) DuckStream *stream = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	SCOPED(schema_drop) Schema *own = NULL;
	TRY(duck_statement_schema(statement, &own, err));
	TRY(builder_new(as != NULL ? as : own, &builder, err));
	TRY(duck_stream_open(statement, as, &stream, err));
	for (bool end = false; !end;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(duck_stream_fill(stream, builder, max_rows, 1 << 20, &end, err));
		TRY(builder_finish(builder, 0, &batch, err));
		assert_true(batch_rows(batch) <= max_rows);
		for (int32_t i = 0; i < schema_field_count(batch_schema(batch)); i++) {
			Column column = *batch_column(batch, i);
			TRY(column_validate(schema_field(batch_schema(batch), i), &column, err));
		}
		render_batch(batch, out);
	}
	return ST_OK;
}

static inline Status
query_text(DuckConn *conn, const char *sql, Schema *as, Buf *out, Error *err)
{
	SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
	TRY(duck_prepare(conn, sql, &statement, err));
	return statement_text(statement, as, 1000, out, err);
}

static inline void
query_is(DuckConn *conn, const char *sql, const char *rows)
{
	Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	Status st = query_text(conn, sql, NULL, &out, &err);
	if (st != ST_OK)
		fail_msg("%s: %s: %s", sql, status_name(st), err.text);
	if (strcmp(buf_text(&out), rows) != 0)
		fail_msg("%s gives\n%s and not\n%s", sql, buf_text(&out), rows);
	buf_close(&out);
}

static inline void
query_fails(DuckConn *conn, const char *sql, Status code, const char *part)
{
	Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	Status st = query_text(conn, sql, NULL, &out, &err);
	if (st != code)
		fail_msg("%s: %s (%s) and not %s", sql, status_name(st), err.text, status_name(code));
	says(&err, part);
	buf_close(&out);
}

// ---- scans ----

typedef struct Rows {
	int64_t count;
	BatchPart parts[16];
	int32_t map[8];
	int *released; // counted up when the last user is gone
} Rows;

static inline void
rows_release(void *ptr)
{
	Rows *rows = ptr;
	for (int64_t i = 0; i < rows->count; i++)
		batch_unref(rows->parts[i].batch);
	if (rows->released != NULL)
		__atomic_fetch_add(rows->released, 1, __ATOMIC_RELAXED);
	free(rows);
}

// Batches of the scan's own schema; takes their references.
static inline void
slot_set_batches(ScanSlot *slot, Batch *const *batches, int count, int *released)
{
	Rows *rows = calloc(1, sizeof(*rows));
	assert_non_null(rows);
	rows->count = count;
	rows->released = released;
	for (int32_t i = 0; i < 8; i++)
		rows->map[i] = i;
	BatchScan scan = {
		.parts = rows->parts, .part_count = count, .release = rows_release, .owner = rows};
	for (int i = 0; i < count; i++) {
		rows->parts[i] =
			(BatchPart){.batch = batches[i], .rows = batch_rows(batches[i]), .map = rows->map};
		scan.rows += batch_rows(batches[i]);
	}
	Error err = ERROR_INIT;
	ok(duck_slot_set(slot, &scan, &err), &err);
}

// "SELECT … FROM mobius_scan(n) …" from a text with one %llu.
#define SCAN_SQL(text, slot, ...)                                                                  \
	snprintf(text, sizeof(text), __VA_ARGS__, (unsigned long long)duck_slot_number(slot))

// Rows from … to-1: i INT64, s UTF8 (long and short, some NULL), d FLOAT64.
static inline Batch *
number_batch(int64_t from, int64_t to)
{
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 3, "i", TYPE_INT64, true, "s", TYPE_UTF8, true, "d", TYPE_FLOAT64,
				 true),
	   &err);
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = from; i < to; i++) {
		char text[64];
		snprintf(text, sizeof(text), i % 3 == 0 ? "n%lld" : "a text of more than twelve %lld",
				 (long long)i);
		column_add_int(builder_column(builder, 0), i);
		column_add_text(builder_column(builder, 1), i % 5 == 4 ? NULL : text);
		column_add_double(builder_column(builder, 2), (double)i / 2);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	schema_unref(schema);
	return batch;
}

// A slot over `count` batches of `rows` rows each, numbered from 0.
static inline ScanSlot *
number_slot(Duck *duck, int count, int64_t rows, int *released)
{
	Batch *batches[16];
	ScanSlot *slot = NULL;
	Error err = ERROR_INIT;
	for (int i = 0; i < count; i++)
		batches[i] = number_batch(i * rows, (i + 1) * rows);
	ok(duck_slot_new(duck, batch_schema(batches[0]), count * rows, &slot, &err), &err);
	slot_set_batches(slot, batches, count, released);
	return slot;
}
