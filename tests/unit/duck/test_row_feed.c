#include <inttypes.h>
#include <unistd.h>

#include "support.h"

static Fixture fx;
static char path[128], from[128];

static int
open_fixture(void **state)
{
	(void)state;
	fx = (Fixture){0};
	fixture_open(&fx, true, 1);
	snprintf(path, sizeof(path), "%sfed.parquet", fx.dir);
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

// Gives rows of batches in runs of odd lengths, each batch by a stream of another connection.
typedef struct Feeding {
	DuckConn *conn;
	DuckStatement *statement;
	DuckStream *stream;
	Builder *builder;
	Batch *batch;
	Batch *before; // given since the last turn
	int64_t row;
	int64_t given;
	int64_t fail_at; // -1: never
	int turns;
} Feeding;

static Status
next_batch(Feeding *feeding, Error *err)
{
	bool end = false;
	batch_unref(feeding->before);
	feeding->before = TAKE(feeding->batch);
	TRY(duck_stream_fill(feeding->stream, feeding->builder, 5000, UINT64_MAX, &end, err));
	TRY(builder_finish(feeding->builder, 0, &feeding->batch, err));
	feeding->row = 0;
	return ST_OK;
}

static Status
next_run(void *arg, int64_t most, RowRun *out, Error *err)
{
	Feeding *feeding = arg;
	assert_true(most > 0);
	if (feeding->fail_at >= 0 && feeding->given >= feeding->fail_at)
		return error_set(err, ST_CORRUPT, "row %" PRId64 " is bad", feeding->given);
	if (feeding->batch == NULL || feeding->row == batch_rows(feeding->batch))
		TRY(next_batch(feeding, err));
	int64_t rows = batch_rows(feeding->batch) - feeding->row;
	rows = rows < 77 ? rows : 77;
	rows = rows < most ? rows : most;
	*out = (RowRun){feeding->batch, feeding->row, rows};
	feeding->row += rows;
	feeding->given += rows;
	return ST_OK;
}

static Status
note_turn(void *arg, Error *err)
{
	(void)err;
	((Feeding *)arg)->turns++;
	return ST_OK;
}

static void
feeding_open(Feeding *feeding, Schema *schema)
{
	Error err = ERROR_INIT;
	char sql[256];
	*feeding = (Feeding){.fail_at = -1};
	snprintf(sql, sizeof(sql), "SELECT * FROM read_parquet('%s')", from);
	ok(duck_connect(fx.duck, &feeding->conn, &err), &err);
	ok(duck_prepare(feeding->conn, sql, &feeding->statement, &err), &err);
	ok(duck_stream_open(feeding->statement, schema, &feeding->stream, &err), &err);
	ok(builder_new(schema, &feeding->builder, &err), &err);
}

static void
feeding_close(Feeding *feeding)
{
	batch_unref(feeding->batch);
	batch_unref(feeding->before);
	builder_free(feeding->builder);
	duck_stream_close(feeding->stream);
	duck_statement_free(feeding->statement);
	duck_disconnect(feeding->conn);
}

static Schema *
write_source(int64_t rows)
{
	Error err = ERROR_INIT;
	ParquetFile file = {0};
	Batch *batch = number_batch(0, rows);
	Schema *schema = schema_ref(batch_schema(batch));
	snprintf(from, sizeof(from), "%sfrom_%" PRId64 ".parquet", fx.dir, rows); // never used again
	ok(duck_write_parquet(fx.conn, schema, &batch, 1, PARQUET_FEW_WORDS, from, &file, &err), &err);
	batch_unref(batch);
	return schema;
}

static void
rows_are_written_as_they_are_made(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	Feeding feeding;
	ParquetFile file = {0};
	Schema *schema = write_source(300000);
	feeding_open(&feeding, schema);
	RowSource source = {next_run, note_turn, &feeding};
	ok(duck_write_rows(fx.conn, schema, &source, PARQUET_FEW_WORDS, path, &file, &err), &err);
	assert_int_equal(file.rows, 300000);
	assert_true(feeding.turns >= 300000 / 2048);
	char sql[512];
	snprintf(
		sql, sizeof(sql),
		"SELECT count(*), bool_and(a.i = a.file_row_number AND a.s IS NOT DISTINCT FROM b.s) "
		"FROM read_parquet('%s', file_row_number = true) a JOIN read_parquet('%s') b USING (i)",
		path, from);
	query_is(fx.conn, sql, "300000|true\n");
	feeding_close(&feeding);
	schema_unref(schema);
	assert_int_equal(remove(path), 0);
}

static void
no_rows_make_a_file_without_rows(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	Feeding feeding;
	ParquetFile file = {.rows = 7};
	Schema *schema = write_source(0);
	feeding_open(&feeding, schema);
	RowSource source = {next_run, note_turn, &feeding};
	ok(duck_write_rows(fx.conn, schema, &source, PARQUET_FEW_WORDS, path, &file, &err), &err);
	assert_int_equal(file.rows, 0);
	feeding_close(&feeding);
	schema_unref(schema);
	assert_int_equal(remove(path), 0);
}

static void
a_failure_of_the_maker_is_told_and_leaves_no_file(void **state)
{
	(void)state;
	static const int64_t at[] = {0, 77, 2048, 150000};
	Schema *schema = write_source(200001);
	for (int i = 0; i < 4; i++) {
		Error err = ERROR_INIT;
		Feeding feeding;
		ParquetFile file = {.rows = 7};
		feeding_open(&feeding, schema);
		feeding.fail_at = at[i];
		RowSource source = {next_run, note_turn, &feeding};
		Status st = duck_write_rows(fx.conn, schema, &source, PARQUET_FEW_WORDS, path, &file, &err);
		says(&err, "is bad");
		assert_int_equal(st, ST_CORRUPT);
		assert_int_equal(file.rows, 7);
		assert_int_equal(access(path, F_OK), -1);
		feeding_close(&feeding);
	}
	schema_unref(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_written_as_they_are_made),
		cmocka_unit_test(no_rows_make_a_file_without_rows),
		cmocka_unit_test(a_failure_of_the_maker_is_told_and_leaves_no_file),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
