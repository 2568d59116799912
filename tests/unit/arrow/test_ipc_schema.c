#include "ipc_stream.h"

static Schema *
schema_with_everything(void)
{
	static const KeyValue metadata[] = {{{(const uint8_t *)"k", 1}, {(const uint8_t *)"v", 1}},
										{{(const uint8_t *)"", 0}, {(const uint8_t *)"\0\xFF", 2}}};
	Field members[] = {field_of("Größe", TYPE_FLOAT32), field_of("", TYPE_BOOL)};
	Field item = parent_of("item", TYPE_STRUCT, members, 2);
	Field fields[] = {field_of("ts", TYPE_TIMESTAMP), parent_of("list", TYPE_LIST, &item, 1)};
	fields[0].nullable = false;
	fields[0].type.zone = "UTC";
	fields[0].metadata = (KeyValue *)(uintptr_t)metadata;
	fields[0].metadata_count = 2;
	members[1].metadata = (KeyValue *)(uintptr_t)metadata;
	members[1].metadata_count = 1;
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, 2, metadata, 2, &schema, &err), &err);
	return schema;
}

static void
same_metadata(const KeyValue *a, int32_t a_count, const KeyValue *b, int32_t b_count)
{
	assert_int_equal(a_count, b_count);
	for (int32_t i = 0; i < a_count; i++) {
		assert_true(slice_equal(a[i].key, b[i].key));
		assert_true(slice_equal(a[i].value, b[i].value));
	}
}

static void
a_schema_comes_back_with_its_metadata(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = schema_with_everything();
	SCOPED(schema_drop) Schema *back = NULL;
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	Error err = ERROR_INIT;
	buf_add_text(&encoded, "odd"); // what is there stays
	ok(ipc_schema_encode(schema, &encoded, &err), &err);
	assert_int_equal((encoded.len - 3) % 8, 0);
	ok(ipc_schema_decode(slice_of(encoded.data + 3, encoded.len - 3), &back, &err), &err);
	assert_true(schema_equal(schema, back));
	same_metadata(schema_metadata(schema, 0), 2, schema_metadata(back, 0),
				  schema_metadata_count(back));
	const Field *a = schema_field(schema, 0), *b = schema_field(back, 0);
	same_metadata(a->metadata, a->metadata_count, b->metadata, b->metadata_count);
	a = &schema_field(schema, 1)->children[0].children[1];
	b = &schema_field(back, 1)->children[0].children[1];
	same_metadata(a->metadata, a->metadata_count, b->metadata, b->metadata_count);
}

static void
all_forms_of_an_encapsulated_schema_are_read(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = schema_with_everything();
	SCOPED(schema_drop) Schema *old = NULL;
	SCOPED(schema_drop) Schema *whole = NULL;
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	Error err = ERROR_INIT;
	ok(ipc_schema_encode(schema, &encoded, &err), &err);
	ok(ipc_schema_decode(slice_of(encoded.data + 4, encoded.len - 4), &old, &err), &err);
	assert_true(schema_equal(schema, old));
	buf_add_u32(&encoded, UINT32_MAX);
	buf_add_u32(&encoded, 0);
	ok(ipc_schema_decode(buf_slice(&encoded), &whole, &err), &err);
	assert_true(schema_equal(schema, whole));
}

static void
a_truncated_schema_is_refused(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = schema_with_everything();
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	Error err = ERROR_INIT;
	ok(ipc_schema_encode(schema, &encoded, &err), &err);
	for (size_t len = 0; len < encoded.len; len++) {
		SCOPED(mem_drop) uint8_t *copy = mem_copy(encoded.data, len);
		Schema *out = NULL;
		assert_int_equal(ipc_schema_decode(slice_of(copy, len), &out, &err), ST_INVALID);
		assert_null(out);
	}
}

// Where the root table's vtable says how long the table is.
static uint8_t *
root_length(uint8_t *message)
{
	uint32_t root, back;
	memcpy(&root, message, sizeof(root));
	memcpy(&back, message + root, sizeof(back));
	return message + root - (int32_t)back + 2;
}

static void
a_vtable_may_be_shared_by_tables_of_other_lengths(void **state)
{
	(void)state;
	enum { PREFIX = 8 };
	SCOPED(schema_drop) Schema *schema = schema_with_everything();
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	Error err = ERROR_INIT;
	ok(ipc_schema_encode(schema, &encoded, &err), &err);
	static const uint16_t lengths[] = {0, 4, 8, UINT16_MAX};
	for (size_t i = 0; i < COUNT_OF(lengths); i++) {
		SCOPED(schema_drop) Schema *back = NULL;
		memcpy(root_length(encoded.data + PREFIX), &lengths[i], sizeof(lengths[i]));
		ok(ipc_schema_decode(buf_slice(&encoded), &back, &err), &err);
		assert_true(schema_equal(schema, back));
	}
}

static void
schemas_undo_themselves_when_memory_is_short(void **state)
{
	(void)state;
	Schema *schema = schema_with_everything();
	FAULT_LOOP(st, {
		SCOPED(schema_drop) Schema *out = NULL;
		SCOPED(buf_close) Buf encoded = BUF_INIT;
		st = ipc_schema_encode(schema, &encoded, NULL);
		if (st == ST_OK)
			st = ipc_schema_decode(buf_slice(&encoded), &out, NULL);
	});
	schema_unref(schema);
}

// Two schemas that differ in one place show where it is.
static size_t
where_they_differ(Field a, Field b, Buf *message)
{
	SCOPED(schema_drop) Schema *first = schema_one(a);
	SCOPED(schema_drop) Schema *second = schema_one(b);
	SCOPED(buf_close) Buf other = BUF_INIT;
	Error err = ERROR_INIT;
	ok(ipc_write_schema(first, message, &err), &err);
	ok(ipc_write_schema(second, &other, &err), &err);
	assert_int_equal(message->len, other.len);
	size_t at = 0;
	while (message->data[at] == other.data[at])
		at++;
	return at;
}

static void
is_refused(const Buf *message, Status wanted, const char *why)
{
	IpcReader *reader = NULL;
	Error err = ERROR_INIT;
	Status st =
		ipc_reader_new(buf_slice(message), (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, &err);
	assert_int_equal(st, wanted);
	says(&err, "column 'x'");
	says(&err, why);
}

static void
types_that_are_not_read_are_named(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf message = BUF_INIT;
	size_t code = where_they_differ(field_of("x", TYPE_UTF8), field_of("x", TYPE_BINARY), &message);
	message.data[code] = 14;
	is_refused(&message, ST_UNIMPLEMENTED, "unions");
	message.data[code] = 22;
	is_refused(&message, ST_UNIMPLEMENTED, "run-end");
	message.data[code] = 25;
	is_refused(&message, ST_UNIMPLEMENTED, "list views");
	message.data[code] = 26;
	is_refused(&message, ST_UNIMPLEMENTED, "list views");
	message.data[code] = 0;
	is_refused(&message, ST_INVALID, "code 0");
	message.data[code] = 27;
	is_refused(&message, ST_INVALID, "code 27");
	message.data[code] = 0xFF;
	is_refused(&message, ST_INVALID, "code -1");
	message.data[code] = 2; // an integer of no bits
	is_refused(&message, ST_INVALID, "integer of 0 bits");
}

static void
other_decimals_are_named(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf message = BUF_INIT;
	Field field = field_of("x", TYPE_DECIMAL128);
	field.type.precision = 9;
	Field other = field;
	other.type.precision = 5;
	size_t precision = where_they_differ(field, other, &message);
	static const uint32_t bits[] = {32, 64, 256};
	static const char *const wanted[] = {"decimal32 ", "decimal64 ", "decimal256 "};
	for (size_t i = 0; i < COUNT_OF(bits); i++) {
		memcpy(message.data + precision + 8, &bits[i], sizeof(bits[i]));
		is_refused(&message, ST_UNIMPLEMENTED, wanted[i]);
	}
}

static void
the_limits_of_a_schema_hold(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = schema_with_everything(); // 5 fields, 3 levels
	SCOPED(buf_close) Buf message = BUF_INIT;
	Error err = ERROR_INIT;
	ok(ipc_write_schema(schema, &message, &err), &err);
	static const IpcLimits refused[] = {{1 << 20, 4, 3}, {1 << 20, 5, 2}};
	const IpcLimits enough = {1 << 20, 5, 3};
	for (size_t i = 0; i < COUNT_OF(refused); i++) {
		IpcReader *reader = NULL;
		assert_int_equal(ipc_reader_new(buf_slice(&message), refused[i], NULL, &reader, &err),
						 ST_LIMIT);
	}
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	ok(ipc_reader_new(buf_slice(&message), enough, NULL, &reader, &err), &err);
}

// All pairs of the metadata are made to be the largest one.
static void
a_schema_that_repeats_a_part_too_often_is_refused(void **state)
{
	(void)state;
	enum { PAIRS = 2001, LARGEST = 60000 };
	SCOPED(mem_drop) KeyValue *pairs = mem_alloc_array(PAIRS, sizeof(*pairs));
	SCOPED(mem_drop) char *large = mem_alloc(LARGEST);
	pairs[0].value = slice_of(large, LARGEST);
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(buf_close) Buf message = BUF_INIT;
	Error err = ERROR_INIT;
	ok(schema_new(NULL, 0, pairs, PAIRS, &schema, &err), &err);
	ok(ipc_write_schema(schema, &message, &err), &err);

	const uint32_t count = PAIRS;
	uint8_t *vector = memmem(message.data, message.len, &count, sizeof(count));
	assert_non_null(vector);
	uint32_t first;
	memcpy(&first, vector + 4, sizeof(first));
	for (uint32_t i = 1; i < PAIRS; i++) {
		uint32_t offset = first - 4 * i;
		if ((int32_t)offset > 0) // offsets lead forward
			memcpy(vector + 4 + 4 * i, &offset, sizeof(offset));
	}
	IpcReader *reader = NULL;
	assert_int_equal(
		ipc_reader_new(buf_slice(&message), (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, &err),
		ST_LIMIT);
	says(&err, "again and again");
}

static void
only_a_schema_begins_a_stream(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *stream = golden_read("ipc/empty.arrows");
	Slice rest = bytes_slice(stream), message, body;
	assert_true(stream_next(&rest, &message, &body));
	assert_true(stream_next(&rest, &message, &body));
	IpcReader *reader = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(ipc_reader_new(message, (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, &err),
					 ST_INVALID);
	says(&err, "begins with a schema");
	assert_int_equal(
		ipc_reader_new(slice_of(NULL, 0), (IpcLimits)IPC_LIMITS_DEFAULT, NULL, &reader, &err),
		ST_INVALID);
}

static void
dictionary_fields_are_marked_on_the_wire_only(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *stream = golden_read("ipc/dictionary.arrows");
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(buf_close) Buf encoded = BUF_INIT;
	Error err = ERROR_INIT;
	Slice rest = bytes_slice(stream);
	ok(stream_open(&rest, &reader, &err), &err);
	const Field *wire = schema_field(ipc_reader_wire_schema(reader), 0);
	const Field *decoded = schema_field(ipc_reader_schema(reader), 0);
	assert_true(wire->dictionary);
	assert_int_equal(wire->index_type, TYPE_INT8);
	assert_int_equal(wire->type.id, TYPE_UTF8);
	assert_true(schema_field(ipc_reader_wire_schema(reader), 1)->children[0].dictionary);
	assert_false(decoded->dictionary);
	assert_int_equal(decoded->type.id, TYPE_UTF8);
	assert_int_equal(ipc_write_schema(ipc_reader_wire_schema(reader), &encoded, &err),
					 ST_UNIMPLEMENTED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_schema_comes_back_with_its_metadata),
		cmocka_unit_test(all_forms_of_an_encapsulated_schema_are_read),
		cmocka_unit_test(a_truncated_schema_is_refused),
		cmocka_unit_test(a_vtable_may_be_shared_by_tables_of_other_lengths),
		cmocka_unit_test(schemas_undo_themselves_when_memory_is_short),
		cmocka_unit_test(types_that_are_not_read_are_named),
		cmocka_unit_test(other_decimals_are_named),
		cmocka_unit_test(the_limits_of_a_schema_hold),
		cmocka_unit_test(a_schema_that_repeats_a_part_too_often_is_refused),
		cmocka_unit_test(only_a_schema_begins_a_stream),
		cmocka_unit_test(dictionary_fields_are_marked_on_the_wire_only),
	};
	return RUN(tests);
}
