#include "ipc_stream.h"

// Columns of any type with made-up values, in an arena of Bytes.
typedef struct Maker {
	uint64_t random;
	Owners *owners;
} Maker;

static uint64_t
next_random(Maker *m)
{
	m->random = m->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return m->random >> 33;
}

static uint8_t *
new_buffer(Maker *m, size_t len, Slice *out)
{
	Bytes *bytes = bytes_new(NULL, len);
	assert_true(owners_add(m->owners, bytes));
	*out = bytes_slice(bytes);
	memset(bytes_data(bytes), 0, len);
	return bytes_data(bytes);
}

static void
make_validity(Maker *m, Column *c)
{
	uint8_t *bits = new_buffer(m, ((size_t)c->length + 7) / 8, &c->validity);
	for (int64_t i = 0; i < c->length; i++) {
		if (next_random(m) % 4 != 0)
			bits[i / 8] |= (uint8_t)(1U << i % 8);
	}
}

// Small numbers are of every type: times of day, decimals of few digits, texts in ASCII.
static void
make_fixed(Maker *m, Column *c, int bits)
{
	size_t len = ((size_t)c->length * (size_t)bits + 7) / 8;
	uint8_t *values = new_buffer(m, len, &c->values);
	size_t step = bits < 8 ? 1 : (size_t)bits / 8;
	for (size_t at = 0; at < len; at += step)
		values[at] = (uint8_t)(next_random(m) % 128);
}

static int64_t
make_offsets(Maker *m, Column *c, int bytes)
{
	uint8_t *offsets = new_buffer(m, ((size_t)c->length + 1) * (size_t)bytes, &c->offsets);
	int64_t end = (int64_t)(next_random(m) % 3); // they need not begin at 0
	for (int64_t i = 0; i <= c->length; i++) {
		memcpy(offsets + i * bytes, &end, (size_t)bytes);
		end += i < c->length ? (int64_t)(next_random(m) % 4) : 0;
	}
	return end;
}

static void
make_views(Maker *m, Column *c)
{
	static Slice data[2];
	c->variadic = data;
	c->variadic_count = COUNT_OF(data);
	for (size_t i = 0; i < COUNT_OF(data); i++)
		memset(new_buffer(m, 100, &data[i]), 'v', 100);
	uint8_t *views = new_buffer(m, 16 * (size_t)c->length, &c->values);
	for (int64_t i = 0; i < c->length; i++) {
		int32_t view[4] = {(int32_t)(next_random(m) % 30), 0x76767676, (int32_t)(i % 2), 5};
		if (view[0] <= 12)
			memset(view + 1, 0, 12);
		memcpy(views + 16 * i, view, sizeof(view));
	}
}

static void
make_column(Maker *m, const Field *field, int64_t rows, Column *c)
{
	TypeLayout layout = type_layout(&field->type);
	*c = (Column){.length = rows, .child_count = field->child_count};
	if (layout.validity && field->nullable)
		make_validity(m, c);
	int64_t end = rows;
	if (layout.offset_bytes > 0)
		end = make_offsets(m, c, layout.offset_bytes);
	if (field->type.id == TYPE_UTF8_VIEW || field->type.id == TYPE_BINARY_VIEW)
		make_views(m, c);
	else if (layout.values && layout.offset_bytes > 0)
		memset(new_buffer(m, (size_t)end, &c->values), 't', (size_t)end);
	else if (layout.values)
		make_fixed(m, c, layout.value_bits);

	static Column children[TYPE_COUNT][4];
	if (field->type.id == TYPE_FIXED_LIST)
		end = rows * field->type.width;
	c->children = children[field->type.id];
	for (int32_t i = 0; i < field->child_count; i++)
		make_column(m, &field->children[i], end, &c->children[i]);
}

static Batch *
make_batch(Schema *schema, int64_t rows, uint64_t seed)
{
	Maker m = {seed, owners_new()};
	Column columns[4];
	Error err = ERROR_INIT;
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		make_column(&m, schema_field(schema, i), rows, &columns[i]);
		ok(column_validate(schema_field(schema, i), &columns[i], &err), &err);
	}
	int32_t owner_count;
	Bytes *const *owners = owners_list(m.owners, &owner_count);
	Batch *batch = NULL;
	ok(batch_new(schema, rows, columns, owners, owner_count, &batch, &err), &err);
	owners_free(m.owners);
	return batch;
}

// The plain parameters of a type, with children where it needs them.
static Field
field_for(TypeId id)
{
	static Field item, members[2], entries;
	item = field_of("item", TYPE_INT16);
	members[0] = field_of("a", TYPE_UTF8);
	members[0].nullable = id != TYPE_MAP;
	members[1] = field_of("b", TYPE_INT64);
	entries = parent_of("entries", TYPE_STRUCT, members, 2);
	entries.nullable = false;
	Field field = field_of("c", id);
	field.type.unit = id == TYPE_TIME32 ? UNIT_MS : UNIT_US;
	field.type.precision = id == TYPE_DECIMAL128 ? 20 : 0;
	field.type.scale = id == TYPE_DECIMAL128 ? -3 : 0;
	field.type.width = id == TYPE_FIXED_BINARY || id == TYPE_FIXED_LIST ? 3 : 0;
	field.type.zone = id == TYPE_TIMESTAMP ? "Asia/Tokyo" : NULL;
	field.type.keys_sorted = id == TYPE_MAP;
	if (id == TYPE_LIST || id == TYPE_LARGE_LIST || id == TYPE_FIXED_LIST)
		field.children = &item;
	else if (id == TYPE_STRUCT)
		field.children = members;
	else if (id == TYPE_MAP)
		field.children = &entries;
	field.child_count = field.children == NULL ? 0 : id == TYPE_STRUCT ? 2 : 1;
	return field;
}

// Writes and reads; what comes back says the same and is as it was written.
static void
comes_back(Batch *batch)
{
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf stream = BUF_INIT;
	SCOPED(buf_close) Buf wanted = BUF_INIT;
	SCOPED(buf_close) Buf text = BUF_INIT;
	ok(stream_add_schema(&stream, batch_schema(batch), &err), &err);
	ok(stream_add_batch(&stream, batch, &err), &err);
	text_batch(&wanted, batch, batch_schema(batch));

	SCOPED(bytes_drop) Bytes *owner = buf_to_bytes(&stream);
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(batch_drop) Batch *back = NULL;
	Slice rest = bytes_slice(owner), message, body;
	bool plain;
	ok(stream_open(&rest, &reader, &err), &err);
	assert_true(schema_equal(ipc_reader_schema(reader), batch_schema(batch)));
	assert_true(stream_next(&rest, &message, &body));
	ok(ipc_reader_message(reader, message, body, owner, &back, &plain, &err), &err);
	text_batch(&text, back, ipc_reader_schema(reader));
	assert_string_equal(buf_text(&text), buf_text(&wanted));
	assert_true(plain);
}

static void
every_type_comes_back(void **state)
{
	(void)state;
	static const int64_t rows[] = {0, 1, 7, 8, 65, 300};
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		Schema *schema = schema_one(field_for(id));
		for (size_t i = 0; i < COUNT_OF(rows); i++) {
			Batch *batch = make_batch(schema, rows[i], id * 100 + i);
			comes_back(batch);
			batch_unref(batch);
		}
		schema_unref(schema);
	}
}

static void
the_first_rows_come_back_alone(void **state)
{
	(void)state;
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		Schema *schema = schema_one(field_for(id));
		Batch *batch = make_batch(schema, 100, id);
		for (int64_t rows = 0; rows < 100; rows += 13) {
			SCOPED(batch_drop) Batch *head = NULL;
			Error err = ERROR_INIT;
			ok(batch_head(batch, rows, &head, &err), &err);
			comes_back(head);
		}
		batch_unref(batch);
		schema_unref(schema);
	}
}

static void
a_batch_without_columns_keeps_its_rows(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(NULL, 0, NULL, 0, &schema, &err), &err);
	ok(batch_new(schema, 5, NULL, NULL, 0, &batch, &err), &err);
	comes_back(batch);
}

static void
buffers_are_sent_from_where_they_are(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = schema_one(field_for(TYPE_INT64));
	Batch *batch = make_batch(schema, 10, 1);
	Column c = *batch_column(batch, 0);
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	Error err = ERROR_INIT;
	ok(ipc_write_batch(batch, &message, &err), &err);
	assert_int_equal(message.metadata.len % 8, 0);
	assert_int_equal(message.body_count, 4);
	assert_ptr_equal(message.body[0].data, c.validity.data);
	assert_int_equal(message.body[0].len, 2);
	assert_int_equal(message.body[1].len, 62);
	assert_ptr_equal(message.body[2].data, c.values.data);
	assert_int_equal(message.body[2].len, 80);
	assert_int_equal(message.body_len, 192);

	// The message keeps what it refers to.
	uint8_t first = c.values.data[0];
	batch_unref(batch);
	SCOPED(bytes_drop) Bytes *body = NULL;
	ok(ipc_message_body(&message, NULL, &body, &err), &err);
	assert_int_equal(bytes_len(body), 192);
	assert_int_equal(bytes_data(body)[64], first);
}

static void
nothing_but_zeros_lies_between_buffers(void **state)
{
	(void)state;
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		Schema *schema = schema_one(field_for(id));
		Batch *batch = make_batch(schema, 21, id);
		IpcMessage message = IPC_MESSAGE_INIT;
		Error err = ERROR_INIT;
		ok(ipc_write_batch(batch, &message, &err), &err);
		uint64_t at = 0;
		for (int32_t i = 0; i < message.body_count; at += message.body[i++].len) {
			assert_true(at % 64 == 0 || message.body[i].owner == NULL);
			for (size_t b = 0; message.body[i].owner == NULL && b < message.body[i].len; b++)
				assert_int_equal(message.body[i].data[b], 0);
		}
		assert_int_equal(at, message.body_len);
		assert_int_equal(at % 64, 0);
		ipc_message_close(&message);
		batch_unref(batch);
		schema_unref(schema);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back),
		cmocka_unit_test(the_first_rows_come_back_alone),
		cmocka_unit_test(a_batch_without_columns_keeps_its_rows),
		cmocka_unit_test(buffers_are_sent_from_where_they_are),
		cmocka_unit_test(nothing_but_zeros_lies_between_buffers),
	};
	return RUN(tests);
}
