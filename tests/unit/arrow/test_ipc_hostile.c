#include "ipc_stream.h"

enum { ROWS = 10 };

// A batch of three columns, written: what a test damages and then reads.
typedef struct Victim {
	Schema *schema;
	Buf metadata;
	Buf body;
	IpcReader *reader;
} Victim;

static IpcReader *
reader_for(const Schema *schema)
{
	Buf message = BUF_INIT;
	IpcReader *reader = NULL;
	Error err = ERROR_INIT;
	ok(ipc_write_schema(schema, &message, &err), &err);
	ok(ipc_reader_new(buf_slice(&message), (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, &err),
	   &err);
	buf_close(&message);
	return reader;
}

static Victim
victim(void)
{
	Victim v = {0};
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&v.schema, &err, 3, "host", TYPE_UTF8, true, "a", TYPE_INT64, true, "b",
				 TYPE_INT64, false),
	   &err);
	ok(builder_new(v.schema, &builder, &err), &err);
	for (int i = 0; i < ROWS; i++) {
		column_add_text(builder_column(builder, 0), i == 3 ? NULL : "name");
		column_add_int(builder_column(builder, 1), i);
		column_add_int(builder_column(builder, 2), i);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);

	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	SCOPED(bytes_drop) Bytes *body = NULL;
	ok(ipc_write_batch(batch, &message, &err), &err);
	ok(ipc_message_body(&message, NULL, &body, &err), &err);
	buf_add_slice(&v.metadata, buf_slice(&message.metadata));
	buf_add_slice(&v.body, bytes_slice(body));
	batch_unref(batch);
	v.reader = reader_for(v.schema);
	return v;
}

static void
victim_close(Victim *v)
{
	schema_unref(v->schema);
	buf_close(&v->metadata);
	buf_close(&v->body);
	ipc_reader_free(v->reader);
}

// Where `count` i64 stand side by side in the metadata.
static uint8_t *
find(const Victim *v, const int64_t *values, size_t count)
{
	uint8_t *at = memmem(v->metadata.data, v->metadata.len, values, count * sizeof(*values));
	assert_non_null(at);
	return at;
}
#define FIND(v, ...)                                                                               \
	find(v, (const int64_t[]){__VA_ARGS__}, COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static void
set(uint8_t *at, int word, int64_t value)
{
	memcpy(at + 8 * word, &value, sizeof(value));
}

// Buffers as ipc_write_batch lays them out: host has validity, offsets and bytes.
enum { HOST_OFFSETS = 64, HOST_BYTES = 128, A_VALUES = 192, B_VALUES = 320, END = 448 };

static Status
feed(const Victim *v, Batch **batch, bool *plain, Error *err)
{
	Bytes *owner = bytes_copy(NULL, buf_slice(&v->body));
	Status st = ipc_reader_message(v->reader, buf_slice(&v->metadata), bytes_slice(owner), owner,
								   batch, plain, err);
	bytes_unref(owner);
	return st;
}

static void
is_refused(const Victim *v, const char *why)
{
	Batch *batch = NULL;
	bool plain;
	Error err = ERROR_INIT;
	assert_int_equal(feed(v, &batch, &plain, &err), ST_INVALID);
	assert_null(batch);
	says(&err, why);
}

static void
what_nobody_damaged_is_read(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	SCOPED(batch_drop) Batch *batch = NULL;
	bool plain = false;
	Error err = ERROR_INIT;
	assert_int_equal(v.body.len, END);
	ok(feed(&v, &batch, &plain, &err), &err);
	assert_true(plain);
	assert_int_equal(batch_column(batch, 0)->null_count, 1);
	assert_null(batch_column(batch, 1)->validity.data);
	assert_int_equal(int64_at(batch_column(batch, 2), 9), 9);
}

static void
buffers_stay_in_the_body_and_aligned(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	uint8_t *b = FIND(&v, B_VALUES, 8 * ROWS);
	static const int64_t bad[][2] = {{B_VALUES + 4, 8},      {B_VALUES, 129}, {END, 8},
									 {END + 8, 0},           {-8, 8},         {B_VALUES, -1},
									 {INT64_MIN, INT64_MAX}, {8, INT64_MAX}};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		set(b, 0, bad[i][0]);
		set(b, 1, bad[i][1]);
		is_refused(&v, "column 'b': buffer 6 leaves the body or is not 8-byte aligned");
	}
}

static void
buffers_do_not_share_bytes(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	uint8_t *a = FIND(&v, A_VALUES, 8 * ROWS);
	uint8_t *b = FIND(&v, B_VALUES, 8 * ROWS);
	set(a, 0, 0);
	set(a, 1, END);
	set(b, 0, 0);
	set(b, 1, END);
	is_refused(&v, "column 'a': buffer 4 overlaps others");
}

static void
short_buffers_are_refused(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	set(FIND(&v, B_VALUES, 8 * ROWS), 1, 8 * ROWS - 1);
	is_refused(&v, "column 'b'");
	set(FIND(&v, B_VALUES, 8 * ROWS - 1), 1, 8 * ROWS);
	set(FIND(&v, HOST_OFFSETS, 4 * (ROWS + 1)), 1, 4 * ROWS);
	is_refused(&v, "column 'host'");
}

static void
rows_are_the_same_everywhere(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	uint8_t *nodes = FIND(&v, ROWS, 1, ROWS, 0, ROWS, 0);
	set(nodes, 2, ROWS - 1);
	is_refused(&v, "column 'a': it has 9 rows, the batch 10");
	set(nodes, 2, -1);
	is_refused(&v, "column 'a': it cannot have -1 rows");
	set(nodes, 2, INT64_C(1) << 40);
	is_refused(&v, "column 'a'");
}

static void
wrong_null_counts_are_corrected_and_not_passed_on(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	uint8_t *nodes = FIND(&v, ROWS, 1, ROWS, 0, ROWS, 0);
	static const int64_t counts[] = {0, -1, 7, INT64_MAX};
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain = true;
		Error err = ERROR_INIT;
		set(nodes, 1, counts[i]);
		ok(feed(&v, &batch, &plain, &err), &err);
		assert_false(plain);
		assert_int_equal(batch_column(batch, 0)->null_count, 1);
	}
}

static void
values_are_checked_and_the_row_named(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	v.body.data[HOST_OFFSETS + 4 * 8 + 1] = 1;
	is_refused(&v, "column 'host'");
	is_refused(&v, "row 8");
	v.body.data[HOST_OFFSETS + 4 * 8 + 1] = 0;
	v.body.data[HOST_BYTES + 5] = 0xFF;
	is_refused(&v, "column 'host': row 1 is not valid UTF-8");
}

static void
nulls_of_a_column_that_has_none_are_refused(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	// The validity of b becomes that of host, whose own goes.
	uint8_t *buffers = FIND(&v, 0, 2, HOST_OFFSETS, 4 * (ROWS + 1));
	set(buffers, 1, 0);
	set(buffers, 10, 0);
	set(buffers, 11, 2);
	is_refused(&v, "column 'b': it is declared as not null and has 1 NULLs");
}

static void
a_batch_has_the_columns_of_its_schema(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	SCOPED(schema_drop) Schema *fewer = NULL;
	SCOPED(schema_drop) Schema *more = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&fewer, &err, 2, "host", TYPE_UTF8, true, "a", TYPE_INT64, true), &err);
	ok(schema_of(&more, &err, 4, "host", TYPE_UTF8, true, "a", TYPE_INT64, true, "b", TYPE_INT64,
				 true, "c", TYPE_INT8, true),
	   &err);
	ipc_reader_free(v.reader);
	v.reader = reader_for(fewer);
	is_refused(&v, "more columns or buffers than its schema");
	ipc_reader_free(v.reader);
	v.reader = reader_for(more);
	is_refused(&v, "column 'c': the batch has fewer columns");
}

static void
a_body_has_the_length_its_message_says(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	v.body.len -= 8;
	is_refused(&v, "speaks of a body of 448 bytes, it has 440");
}

static void
a_stream_has_one_schema(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	Error err = ERROR_INIT;
	buf_reset(&v.metadata);
	buf_reset(&v.body);
	ok(ipc_write_schema(v.schema, &v.metadata, &err), &err);
	is_refused(&v, "second schema");
}

static void
set_version(Victim *v, int16_t version)
{
	uint32_t table, vtable;
	uint16_t at;
	memcpy(&table, v->metadata.data, sizeof(table));
	memcpy(&vtable, v->metadata.data + table, sizeof(vtable));
	memcpy(&at, v->metadata.data + table - vtable + 4, sizeof(at)); // slot 0
	memcpy(v->metadata.data + table + at, &version, sizeof(version));
}

static void
metadata_of_version_4_is_read_and_not_passed_on(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	SCOPED(batch_drop) Batch *batch = NULL;
	bool plain = true;
	Error err = ERROR_INIT;
	set_version(&v, 3);
	ok(feed(&v, &batch, &plain, &err), &err);
	assert_false(plain);
	static const int16_t others[] = {2, 5, -1};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		Batch *none = NULL;
		set_version(&v, others[i]);
		assert_int_equal(feed(&v, &none, &plain, &err), ST_UNIMPLEMENTED);
		says(&err, "send V5");
	}
}

// Feeds the messages of a golden stream that are of one kind.
static Status
feed_kind(IpcReader *reader, Bytes *owner, IpcKind kind, Error *err)
{
	Slice stream = bytes_slice(owner), message, body;
	while (stream_next(&stream, &message, &body)) {
		SCOPED(batch_drop) Batch *batch = NULL;
		IpcKind found;
		uint64_t body_len;
		bool plain;
		TRY(ipc_message_kind(message, &found, &body_len, err));
		if (found == kind)
			TRY(ipc_reader_message(reader, message, body, owner, &batch, &plain, err));
	}
	return ST_OK;
}

static void
indexes_need_a_dictionary(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *owner = golden_read("ipc/dictionary.arrows");
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	Error err = ERROR_INIT;
	Slice stream = bytes_slice(owner);
	ok(stream_open(&stream, &reader, &err), &err);
	assert_int_equal(feed_kind(reader, owner, IPC_BATCH, &err), ST_INVALID);
	says(&err, "column 'd': row 0 is not in its dictionary of 0 values");

	// All dictionaries at once leave the last ones, which are too small for the second batch.
	ok(feed_kind(reader, owner, IPC_DICTIONARY, &err), &err);
	assert_int_equal(feed_kind(reader, owner, IPC_BATCH, &err), ST_INVALID);
	says(&err, "column 'd': row 0 is not in its dictionary of 2 values");
}

static void
dictionaries_of_no_column_are_refused(void **state)
{
	(void)state;
	SCOPED(victim_close) Victim v = victim();
	SCOPED(bytes_drop) Bytes *owner = golden_read("ipc/dictionary.arrows");
	Error err = ERROR_INIT;
	assert_int_equal(feed_kind(v.reader, owner, IPC_DICTIONARY, &err), ST_INVALID);
	says(&err, "no column has a dictionary with id");
}

static void
dictionaries_are_held_within_the_limit(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *owner = golden_read("ipc/dictionary.arrows");
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	Error err = ERROR_INIT;
	Slice stream = bytes_slice(owner), message, body;
	assert_true(stream_next(&stream, &message, &body));
	const IpcLimits limits = {.decompressed_bytes = 100, .columns = 10, .depth = 10};
	ok(ipc_reader_new(message, limits, NULL, &reader, &err), &err);
	assert_int_equal(feed_kind(reader, owner, IPC_DICTIONARY, &err), ST_LIMIT);
	says(&err, "dictionaries hold more than 100 bytes");
}

static void
bombs_do_not_go_off(void **state)
{
	(void)state;
	static const char *const files[] = {"ipc/bomb_zstd.arrows", "ipc/bomb_dictionary.arrows"};
	static const char *const why[] = {"more than 1000-fold",
									  "column 'd': decoded, the batch is too large"};
	const IpcLimits limits[] = {{UINT64_C(1) << 30, 10, 10}, {1 << 20, 10, 10}};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		SCOPED(bytes_drop) Bytes *owner = golden_read(files[i]);
		SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
		Error err = ERROR_INIT;
		Slice stream = bytes_slice(owner), message, body;
		assert_true(stream_next(&stream, &message, &body));
		ok(ipc_reader_new(message, limits[i], NULL, &reader, &err), &err);
		assert_int_equal(stream_feed(reader, stream, owner, NULL, &err), ST_LIMIT);
		says(&err, why[i]);
	}
}

static void
lying_lengths_of_compressed_buffers_are_refused(void **state)
{
	(void)state;
	static const char *const files[] = {"ipc/lz4.arrows", "ipc/zstd.arrows"};
	static const int64_t lies[] = {1599, 1601, 0, -2, INT64_MIN, INT64_MAX, INT64_C(1) << 40, -1};
	for (size_t i = 0; i < COUNT_OF(files); i++) {
		SCOPED(bytes_drop) Bytes *owner = golden_read(files[i]);
		SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
		Error err = ERROR_INIT;
		Slice stream = bytes_slice(owner);
		ok(stream_open(&stream, &reader, &err), &err);
		const int64_t truth = 1600; // 200 times of day
		uint8_t *prefix = memmem(stream.data, stream.len, &truth, sizeof(truth));
		assert_non_null(prefix);
		for (size_t lie = 0; lie < COUNT_OF(lies); lie++) {
			set(prefix, 0, lies[lie]);
			Status st = stream_feed(reader, stream, owner, NULL, &err);
			bool large = lies[lie] >= INT64_C(1) << 40;
			assert_int_equal(st, large ? ST_LIMIT : ST_INVALID);
			if (!large)
				says(&err, "column 't'");
		}
		SCOPED(buf_close) Buf text = BUF_INIT;
		set(prefix, 0, truth);
		ok(stream_feed(reader, stream, owner, &text, &err), &err);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_nobody_damaged_is_read),
		cmocka_unit_test(buffers_stay_in_the_body_and_aligned),
		cmocka_unit_test(buffers_do_not_share_bytes),
		cmocka_unit_test(short_buffers_are_refused),
		cmocka_unit_test(rows_are_the_same_everywhere),
		cmocka_unit_test(wrong_null_counts_are_corrected_and_not_passed_on),
		cmocka_unit_test(values_are_checked_and_the_row_named),
		cmocka_unit_test(nulls_of_a_column_that_has_none_are_refused),
		cmocka_unit_test(a_batch_has_the_columns_of_its_schema),
		cmocka_unit_test(a_body_has_the_length_its_message_says),
		cmocka_unit_test(a_stream_has_one_schema),
		cmocka_unit_test(metadata_of_version_4_is_read_and_not_passed_on),
		cmocka_unit_test(indexes_need_a_dictionary),
		cmocka_unit_test(dictionaries_of_no_column_are_refused),
		cmocka_unit_test(dictionaries_are_held_within_the_limit),
		cmocka_unit_test(bombs_do_not_go_off),
		cmocka_unit_test(lying_lengths_of_compressed_buffers_are_refused),
	};
	return RUN(tests);
}
