#include "os/clock.h"
#include "os/thread.h"
#include "support.h"

static Fixture fx;
static char path[128];

static int
open_fixture(void **state)
{
	(void)state;
	fx = (Fixture){0};
	fixture_open(&fx, true, 1);
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

static void
file_is(const char *select, const char *rest, const char *rows)
{
	char sql[512];
	snprintf(sql, sizeof(sql), "SELECT %s FROM read_parquet('%s') %s", select, path, rest);
	query_is(fx.conn, sql, rows);
}

static void
name_file(const char *name)
{
	snprintf(path, sizeof(path), "%s%s", fx.dir, name);
}

static void
rows_keep_their_order_and_groups_their_size(void **state)
{
	(void)state;
	Batch *batches[7];
	ParquetFile file = {0};
	Error err = ERROR_INIT;
	for (int i = 0; i < 7; i++)
		batches[i] = number_batch(i * 20011, (i + 1) * 20011); // not of whole vectors
	name_file("order.parquet");
	ok(duck_write_parquet(fx.conn, batch_schema(batches[0]), batches, 7, PARQUET_FEW_WORDS, path,
						  &file, &err),
	   &err);
	assert_int_equal(file.rows, 140077);
	file_is("count(*), bool_and(i = file_row_number), count(s)", "", "140077|true|112062\n");

	char sql[512];
	snprintf(sql, sizeof(sql),
			 "SELECT row_group_num_rows, compression, encodings FROM parquet_metadata('%s') "
			 "WHERE path_in_schema = 'i'",
			 path);
	query_is(fx.conn, sql, "122880|ZSTD|DELTA_BINARY_PACKED\n17197|ZSTD|DELTA_BINARY_PACKED\n");
	for (int i = 0; i < 7; i++)
		batch_unref(batches[i]);
}

static void
columns_of_more_words_than_are_let_have_none(void **state)
{
	(void)state;
	Batch *batches[] = {number_batch(0, 5000), number_batch(0, 5000)};
	ParquetFile few = {0}, many = {0};
	Error err = ERROR_INIT;
	Schema *schema = batch_schema(batches[0]);
	char sql[512];
	for (int i = 0; i < 2; i++) {
		name_file(i == 0 ? "few.parquet" : "many.parquet");
		ok(duck_write_parquet(fx.conn, schema, batches, 2,
							  i == 0 ? PARQUET_FEW_WORDS : PARQUET_MANY_WORDS, path,
							  i == 0 ? &few : &many, &err),
		   &err);
		snprintf(sql, sizeof(sql),
				 "SELECT encodings FROM parquet_metadata('%s') WHERE path_in_schema = 'd'", path);
		query_is(fx.conn, sql, i == 0 ? "BYTE_STREAM_SPLIT\n" : "RLE_DICTIONARY\n");
	}
	assert_true(few.bytes != many.bytes);
	batch_unref(batches[0]);
	batch_unref(batches[1]);
}

static void
rows_keep_their_order_with_many_threads(void **state)
{
	(void)state;
	Fixture other = {0};
	Batch *batches[10];
	ParquetFile file = {0};
	Error err = ERROR_INIT;
	fixture_open(&other, true, 4);
	for (int i = 0; i < 10; i++)
		batches[i] = number_batch(i * 30000, (i + 1) * 30000);
	char name[128];
	char sql[256];
	snprintf(name, sizeof(name), "%sthreads.parquet", other.dir);
	ok(duck_write_parquet(other.conn, batch_schema(batches[0]), batches, 10, PARQUET_FEW_WORDS,
						  name, &file, &err),
	   &err);
	snprintf(sql, sizeof(sql), "SELECT bool_and(i = file_row_number) FROM read_parquet('%s')",
			 name);
	query_is(other.conn, sql, "true\n");
	for (int i = 0; i < 10; i++)
		batch_unref(batches[i]);
	fixture_remove(&other);
}

static void
a_file_of_no_rows_has_its_columns(void **state)
{
	(void)state;
	ParquetFile file = {0};
	Error err = ERROR_INIT;
	Batch *batch = number_batch(0, 0);
	name_file("empty.parquet");
	ok(duck_write_parquet(fx.conn, batch_schema(batch), NULL, 0, PARQUET_FEW_WORDS, path, &file,
						  &err),
	   &err);
	assert_int_equal(file.rows, 0);
	file_is("count(*), count(i), count(s), count(d)", "", "0|0|0|0\n");
	batch_unref(batch);
}

static void
names_of_files_and_columns_may_need_quotes(void **state)
{
	(void)state;
	Field field = {.name = "the \"column\" it's", .type = {.id = TYPE_INT64}, .nullable = true};
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	ParquetFile file = {0};
	Buf sql = BUF_INIT;
	Error err = ERROR_INIT;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	ok(builder_new(schema, &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 7);
	ok(builder_finish(builder, 0, &batch, &err), &err);
	name_file("it's.parquet");
	ok(duck_write_parquet(fx.conn, schema, &batch, 1, PARQUET_FEW_WORDS, path, &file, &err), &err);
	buf_add_text(&sql, "SELECT ");
	ok(duck_file_column(&field, &field, &sql, &err), &err);
	buf_add_printf(&sql, " FROM read_parquet('%sit''s.parquet')", fx.dir);
	query_is(fx.conn, buf_text(&sql), "7\n");
	buf_close(&sql);
	batch_unref(batch);
	builder_free(builder);
	schema_unref(schema);
}

static void
a_file_that_exists_is_not_written_over(void **state)
{
	(void)state;
	ParquetFile file = {0};
	Error err = ERROR_INIT;
	Batch *batch = number_batch(0, 10);
	name_file("once.parquet");
	ok(duck_write_parquet(fx.conn, batch_schema(batch), &batch, 1, PARQUET_FEW_WORDS, path, &file,
						  &err),
	   &err);
	assert_int_equal(duck_write_parquet(fx.conn, batch_schema(batch), &batch, 1, PARQUET_FEW_WORDS,
										path, &file, &err),
					 ST_EXISTS);
	says(&err, path);
	file_is("count(*)", "", "10\n");
	batch_unref(batch);
}

static void
what_cannot_be_written_leaves_no_file(void **state)
{
	(void)state;
	ParquetFile file = {.rows = -1};
	uint64_t size = 0;
	Error err = ERROR_INIT;
	Batch *batch = number_batch(0, 10);
	snprintf(path, sizeof(path), "%s.parquet", fx.outside);
	assert_int_equal(duck_write_parquet(fx.conn, batch_schema(batch), &batch, 1, PARQUET_FEW_WORDS,
										path, &file, &err),
					 ST_DENIED);
	assert_int_equal(file_stat_size(path, &size, &err), ST_NOT_FOUND);
	name_file("no/such/directory.parquet");
	assert_int_equal(duck_write_parquet(fx.conn, batch_schema(batch), &batch, 1, PARQUET_FEW_WORDS,
										path, &file, &err),
					 ST_IO);
	assert_int_equal(file.rows, -1);
	batch_unref(batch);
}

typedef struct Interrupter {
	DuckConn *conn;
	Signal done;
} Interrupter;

static void
interrupt_until_told(void *arg)
{
	Interrupter *interrupter = arg;
	do {
		duck_interrupt(interrupter->conn);
	} while (!signal_wait(&interrupter->done, clock_mono_ns() + 100000));
}

static void
an_interrupted_file_is_gone(void **state)
{
	(void)state;
	Interrupter interrupter = {.conn = fx.conn};
	Thread *thread = NULL;
	ParquetFile file = {0};
	uint64_t size = 0;
	Error err = ERROR_INIT;
	Batch *batch = number_batch(0, 100000);
	Batch *batches[40];
	for (int i = 0; i < 40; i++)
		batches[i] = batch;
	name_file("cancelled.parquet");
	signal_init(&interrupter.done);
	ok(thread_start(&(ThreadOptions){.name = "interrupter"}, interrupt_until_told, &interrupter,
					&thread, &err),
	   &err);
	assert_int_equal(duck_write_parquet(fx.conn, batch_schema(batch), batches, 40,
										PARQUET_FEW_WORDS, path, &file, &err),
					 ST_CANCELLED);
	signal_raise(&interrupter.done);
	thread_join(thread);
	signal_close(&interrupter.done);
	assert_int_equal(file_stat_size(path, &size, &err), ST_NOT_FOUND);
	batch_unref(batch);
}

static void
writing_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	Batch *batch = number_batch(0, 100);
	long live = mem_live();
	name_file("fault.parquet");
	for (long nth = 0;; nth++) {
		ParquetFile file = {0};
		uint64_t size = 0;
		fault_arm(nth);
		Status st = duck_write_parquet(fx.conn, batch_schema(batch), &batch, 1, PARQUET_FEW_WORDS,
									   path, &file, &err);
		bool failed = fault_disarm();
		assert_int_equal(mem_live(), live);
		assert_int_equal(file_live(), 0);
		assert_int_equal(file_stat_size(path, &size, NULL), st == ST_OK ? ST_OK : ST_NOT_FOUND);
		if (!failed) {
			ok(st, &err);
			break;
		}
		assert_true(st != ST_OK);
		assert_true(nth < 1000);
	}
	batch_unref(batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_keep_their_order_and_groups_their_size),
		cmocka_unit_test(columns_of_more_words_than_are_let_have_none),
		cmocka_unit_test(rows_keep_their_order_with_many_threads),
		cmocka_unit_test(a_file_of_no_rows_has_its_columns),
		cmocka_unit_test(names_of_files_and_columns_may_need_quotes),
		cmocka_unit_test(a_file_that_exists_is_not_written_over),
		cmocka_unit_test(what_cannot_be_written_leaves_no_file),
		cmocka_unit_test(an_interrupted_file_is_gone),
		cmocka_unit_test(writing_undoes_itself_on_every_fault),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
