#include "arrow/builder.h"
#include "arrow/ipc_write.h"
#include "support.h"
#include "web/arrow_body.h"

// Rows from, from + 1, …: a time, a text that is NULL in every third.
static Batch *
rows_from(Schema *schema, int from, int count)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int i = from; i < from + count; i++) {
		column_add_int(builder_column(builder, 0), i);
		column_add_text(builder_column(builder, 1), i % 3 == 0 ? NULL : "text");
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static void
add_message(Buf *out, Slice metadata, const IpcMessage *message)
{
	buf_add_u32(out, UINT32_MAX);
	buf_add_u32(out, (uint32_t)metadata.len);
	buf_add_slice(out, metadata);
	for (int32_t i = 0; message != NULL && i < message->body_count; i++)
		buf_add(out, message->body[i].data, message->body[i].len);
}

// A stream of batches of 3 and 2 rows; `end`: with the mark that says so.
static Buf
stream_of_two(bool end)
{
	Buf out = BUF_INIT, metadata = BUF_INIT;
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "ts", TYPE_TIMESTAMP, false, "s", TYPE_UTF8, true), &err);
	ok(ipc_write_schema(schema, &metadata, &err), &err);
	add_message(&out, buf_slice(&metadata), NULL);
	for (int i = 0; i < 2; i++) {
		IpcMessage message = IPC_MESSAGE_INIT;
		Batch *batch = rows_from(schema, 3 * i, 3 - i);
		ok(ipc_write_batch(batch, &message, &err), &err);
		add_message(&out, buf_slice(&message.metadata), &message);
		ipc_message_close(&message);
		batch_unref(batch);
	}
	if (end)
		buf_add(&out, "\xFF\xFF\xFF\xFF\0\0\0\0", 8);
	buf_close(&metadata);
	schema_unref(schema);
	return out;
}

static void
batches_of_a_stream_become_one(void **state)
{
	(void)state;
	for (int end = 0; end <= 1; end++) {
		SCOPED(buf_close) Buf stream = stream_of_two(end == 1), out = BUF_INIT;
		SCOPED(batch_drop) Batch *batch = NULL;
		Error err = ERROR_INIT;
		ok(arrow_body_read(buf_slice(&stream), NULL, &batch, &err), &err);
		is_valid(batch);
		add_batch(batch, &out);
		text_equal(&out, "ts timestamp[ns], s string\n"
						 "[\"1970-01-01T00:00:00.000000000\",null]\n"
						 "[\"1970-01-01T00:00:00.000000001\",\"text\"]\n"
						 "[\"1970-01-01T00:00:00.000000002\",\"text\"]\n"
						 "[\"1970-01-01T00:00:00.000000003\",null]\n"
						 "[\"1970-01-01T00:00:00.000000004\",\"text\"]\n");
	}
}

// What is cut at the end of a message is a shorter stream; elsewhere it is none.
static void
every_truncation_is_a_stream_or_refused(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf stream = stream_of_two(true);
	for (size_t len = 0; len < stream.len; len++) {
		SCOPED(batch_drop) Batch *batch = NULL;
		SCOPED(mem_drop) uint8_t *copy = mem_copy(stream.data, len);
		Error err = ERROR_INIT;
		Status st = arrow_body_read(slice_of(copy, len), NULL, &batch, &err);
		assert_true(st == ST_OK || st == ST_INVALID);
		assert_true((st == ST_OK) == (batch != NULL));
		if (st == ST_OK)
			assert_true(batch_rows(batch) == 0 || batch_rows(batch) == 3 || batch_rows(batch) == 5);
	}
}

static void
what_is_no_stream_is_refused(void **state)
{
	(void)state;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(arrow_body_read(slice_of("", 0), NULL, &batch, &err), ST_INVALID);
	says(&err, "the body is empty");
	assert_int_equal(arrow_body_read(slice_of("ARROW1\0\0abcd", 12), NULL, &batch, &err),
					 ST_INVALID);
	says(&err, "no Arrow IPC stream");
	SCOPED(buf_close) Buf stream = stream_of_two(true);
	buf_add_text(&stream, "more");
	assert_int_equal(arrow_body_read(buf_slice(&stream), NULL, &batch, &err), ST_INVALID);
	says(&err, "something follows");
}

static void
short_memory_is_told_and_nothing_is_left(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf stream = stream_of_two(true);
	Error err = ERROR_INIT;
	FAULT_LOOP(st, {
		SCOPED(batch_drop) Batch *batch = NULL;
		st = arrow_body_read(buf_slice(&stream), NULL, &batch, &err);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(batches_of_a_stream_become_one),
		cmocka_unit_test(every_truncation_is_a_stream_or_refused),
		cmocka_unit_test(what_is_no_stream_is_refused),
		cmocka_unit_test(short_memory_is_told_and_nothing_is_left),
	};
	return RUN(tests);
}
