#include "arrow/batch.h"
#include "arrow/bits.h"
#include "support.h"

// "n" int64 and "s" utf8: rows first to first + rows - 1, every third s NULL.
static Batch *
numbered(int64_t first, int64_t rows)
{
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "n", TYPE_INT64, true, "s", TYPE_UTF8, true), &err);
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = first; i < first + rows; i++) {
		char text[32];
		snprintf(text, sizeof(text), "value %d", (int)i);
		column_add_int(builder_column(builder, 0), i);
		column_add_text(builder_column(builder, 1), i % 3 == 0 ? NULL : text);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	schema_unref(schema);
	return batch;
}

static void
a_batch_holds_its_owners_and_schema(void **state)
{
	(void)state;
	Schema *schema = schema_one(field_of("x", TYPE_INT64));
	Bytes *owner = bytes_new(NULL, 16);
	memset(bytes_data(owner), 1, 16);
	Column column = {.length = 2, .values = bytes_slice(owner)};
	Batch *batch = NULL;
	assert_int_equal(batch_new(schema, 2, &column, &owner, 1, &batch, NULL), ST_OK);
	schema_unref(schema);
	bytes_unref(owner);
	column.length = 99;
	assert_int_equal(batch_column(batch, 0)->length, 2);
	assert_int_equal(int64_at(batch_column(batch, 0), 1), INT64_C(0x0101010101010101));
	assert_int_equal(batch_bytes(batch), 16);
	assert_true(batch_held_bytes(batch) >= 16 + sizeof(Column));
	int32_t count = 0;
	assert_ptr_equal(batch_owners(batch, &count)[0], owner);
	assert_int_equal(count, 1);
	Batch *again = batch_ref(batch);
	batch_unref(batch);
	assert_string_equal(schema_field(batch_schema(again), 0)->name, "x");
	batch_unref(again);
	batch_unref(NULL);
	assert_int_equal(mem_live(), 0);
}

static void
the_head_of_a_batch_is_a_view_of_it(void **state)
{
	(void)state;
	Batch *batch = numbered(0, 100);
	Batch *head = NULL;
	assert_int_equal(batch_head(batch, 10, &head, NULL), ST_OK);
	assert_int_equal(batch_rows(head), 10);
	const Column *s = batch_column(head, 1);
	assert_int_equal(s->length, 10);
	assert_int_equal(s->null_count, 4);
	assert_ptr_equal(s->values.data, batch_column(batch, 1)->values.data);
	assert_int_equal(s->values.len, 6 * strlen("value 1"));
	assert_true(batch_bytes(head) < batch_bytes(batch) / 5);
	Batch *all = NULL;
	assert_int_equal(batch_head(batch, 1000, &all, NULL), ST_OK);
	assert_ptr_equal(all, batch);
	batch_unref(all);
	batch_unref(batch);
	text_is(s, 8, "value 8");
	batch_unref(head);

	Batch *nulls = any_batch(field_of("x", TYPE_NULL), 0, 5, 1);
	assert_int_equal(batch_head(nulls, 2, &head, NULL), ST_OK);
	assert_int_equal(batch_column(head, 0)->null_count, 2);
	batch_unref(head);
	batch_unref(nulls);
}

static void
the_head_of_nested_columns_cuts_their_children(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT64);
	Field parts[] = {parent_of("l", TYPE_LIST, &item, 1),
					 parent_of("f", TYPE_FIXED_LIST, &item, 1)};
	parts[1].type.width = 2;
	Schema *schema = schema_one(parent_of("s", TYPE_STRUCT, parts, 2));
	Builder *builder = NULL;
	Batch *batch = NULL, *head = NULL;
	assert_int_equal(builder_new(schema, &builder, NULL), ST_OK);
	ColumnBuilder *s = builder_column(builder, 0);
	for (int row = 0; row < 4; row++) {
		for (int i = 0; i < row; i++)
			column_add_int(&s->children[0].children[0], i);
		column_end_list(&s->children[0]);
		column_add_null(&s->children[1]);
		column_add_validity(s, NULL, 1);
	}
	assert_int_equal(builder_finish(builder, 0, &batch, NULL), ST_OK);
	assert_int_equal(batch_head(batch, 3, &head, NULL), ST_OK);
	const Column *c = batch_column(head, 0);
	assert_int_equal(c->children[0].length, 3);
	assert_int_equal(c->children[0].children[0].length, 3);
	assert_int_equal(c->children[1].null_count, 3);
	assert_int_equal(c->children[1].children[0].length, 6);
	assert_int_equal(batch_column(batch, 0)->children[1].length, 4);
	Column copy = *c;
	assert_int_equal(column_validate(schema_field(schema, 0), &copy, NULL), ST_OK);
	batch_unref(head);
	batch_unref(batch);
	builder_free(builder);
	schema_unref(schema);
}

static void
a_selection_has_the_columns_asked_for(void **state)
{
	(void)state;
	Batch *batch = numbered(5, 3);
	Schema *schema = schema_one(field_of("s", TYPE_UTF8));
	Batch *selected = NULL;
	assert_int_equal(batch_select(batch, (int32_t[]){1}, 1, schema, &selected, NULL), ST_OK);
	batch_unref(batch);
	assert_int_equal(batch_rows(selected), 3);
	text_is(batch_column(selected, 0), 0, "value 5");
	batch_unref(selected);
	schema_unref(schema);
}

static void
gathered_rows_come_in_the_order_asked_for(void **state)
{
	(void)state;
	Batch *batches[] = {numbered(0, 50), numbered(50, 70)};
	RowRef order[120];
	for (uint32_t i = 0; i < 120; i++) { // backwards
		uint32_t row = 119 - i;
		order[i] = row < 50 ? (RowRef){0, row} : (RowRef){1, row - 50};
	}
	Batch *out = NULL;
	Error err = ERROR_INIT;
	ok(batch_gather(batches, order, 120, batch_schema(batches[0]), NULL, &out, &err), &err);
	batch_unref(batches[0]);
	batch_unref(batches[1]);
	const Column *s = batch_column(out, 1);
	assert_int_equal(s->null_count, 40);
	for (int64_t i = 0; i < 120; i++) {
		char text[32];
		snprintf(text, sizeof(text), "value %d", (int)(119 - i));
		assert_int_equal(int64_at(batch_column(out, 0), i), 119 - i);
		assert_int_equal(column_valid(s, i), (119 - i) % 3 != 0);
		if (column_valid(s, i))
			text_is(s, i, text);
	}
	batch_unref(out);
	assert_int_equal(mem_live(), 0);
}

static void
columns_of_every_type_are_gathered(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_UTF8);
	Field parts[] = {field_of("a", TYPE_INT32), field_of("b", TYPE_UTF8)};
	Field entries = parent_of("x", TYPE_STRUCT, parts, 2);
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		if (id == TYPE_UTF8_VIEW || id == TYPE_BINARY_VIEW)
			continue;
		Field field = any_field(id, &item, &entries);
		Batch *batches[] = {any_batch(field, 0, 21, 2), any_batch(field, 1, 21, 2)};
		RowRef order[42];
		for (uint32_t i = 0; i < 42; i++)
			order[i] = (RowRef){i % 2, i / 2};
		Batch *wanted = any_batch(field, 0, 42, 1), *out = NULL;
		Error err = ERROR_INIT;
		ok(batch_gather(batches, order, 42, batch_schema(wanted), NULL, &out, &err), &err);
		Column c = *batch_column(out, 0);
		ok(column_validate(&field, &c, &err), &err);
		same_columns(&field, &c, batch_column(wanted, 0));
		batch_unref(out);
		batch_unref(wanted);
		batch_unref(batches[0]);
		batch_unref(batches[1]);
	}
}

typedef struct TestView {
	int32_t len;
	char prefix[4];
	int32_t buffer;
	int32_t offset;
} TestView;

// Two views, one inline and one into a buffer that holds `text`.
static Batch *
view_batch(const char *text)
{
	Schema *schema = schema_one(field_of("v", TYPE_UTF8_VIEW));
	Bytes *owner = bytes_new(NULL, 32 + strlen(text));
	TestView views[] = {{1, "i", 0, 0}, {(int32_t)strlen(text), {0}, 0, 0}};
	memcpy(views[1].prefix, text, 4);
	memcpy(bytes_data(owner), views, 32);
	memcpy(bytes_data(owner) + 32, text, strlen(text));
	Slice data = slice_of(bytes_data(owner) + 32, strlen(text));
	Column c = {.length = 2,
				.values = slice_of(bytes_data(owner), 32),
				.variadic = &data,
				.variadic_count = 1};
	Batch *batch = NULL;
	assert_int_equal(batch_new(schema, 2, &c, &owner, 1, &batch, NULL), ST_OK);
	bytes_unref(owner);
	schema_unref(schema);
	return batch;
}

static void
gathered_views_share_the_data_of_all_batches(void **state)
{
	(void)state;
	Batch *batches[] = {view_batch("the first of the texts"),
						view_batch("the second of the texts")};
	RowRef order[] = {{1, 1}, {0, 0}, {0, 1}};
	Batch *out = NULL;
	Error err = ERROR_INIT;
	ok(batch_gather(batches, order, 3, batch_schema(batches[0]), NULL, &out, &err), &err);
	batch_unref(batches[0]);
	batch_unref(batches[1]);
	Column c = *batch_column(out, 0);
	ok(column_validate(schema_field(batch_schema(out), 0), &c, &err), &err);
	assert_int_equal(c.variadic_count, 2);
	TestView view;
	memcpy(&view, c.values.data, sizeof(view));
	assert_memory_equal(c.variadic[view.buffer].data + view.offset, "the second", 10);
	batch_unref(out);
	assert_int_equal(mem_live(), 0);
}

static void
no_rows_are_gathered_from_no_batches(void **state)
{
	(void)state;
	Batch *batch = numbered(0, 1), *out = NULL;
	Error err = ERROR_INIT;
	ok(batch_gather(NULL, NULL, 0, batch_schema(batch), NULL, &out, &err), &err);
	assert_int_equal(batch_rows(out), 0);
	Column c = *batch_column(out, 1);
	ok(column_validate(schema_field(batch_schema(batch), 1), &c, &err), &err);
	batch_unref(out);
	batch_unref(batch);
}

static void
a_column_past_two_gigabytes_is_not_gathered(void **state)
{
	(void)state;
	Schema *schema = schema_one(field_of("s", TYPE_BINARY));
	static uint8_t megabyte[1 << 20];
	int32_t offsets[] = {0, sizeof(megabyte)};
	Column c = {
		.length = 1, .offsets = slice_of(offsets, sizeof(offsets)), .values = SLICE(megabyte)};
	Batch *batch = NULL, *out = NULL;
	assert_int_equal(batch_new(schema, 1, &c, NULL, 0, &batch, NULL), ST_OK);
	RowRef *order = mem_alloc_array(2048, sizeof(*order));
	Error err = ERROR_INIT;
	assert_int_equal(batch_gather(&batch, order, 2048, schema, NULL, &out, &err), ST_LIMIT);
	says(&err, "'s'");
	mem_free(order);
	batch_unref(batch);
	schema_unref(schema);
}

static void
bitmaps_are_copied_from_any_bit_to_any_bit(void **state)
{
	(void)state;
	uint8_t src[40], dst[40], wanted[40];
	for (size_t i = 0; i < sizeof(src); i++)
		src[i] = (uint8_t)(i * 37 + 11);
	for (int64_t from = 0; from < 17; from++) {
		for (int64_t to = 0; to < 17; to++) {
			for (int64_t n = 0; n < 100; n += 7) {
				memset(dst, 0xA5, sizeof(dst));
				memcpy(wanted, dst, sizeof(dst));
				for (int64_t i = 0; i < n; i++)
					bit_set(wanted, to + i, bit_get(src, from + i));
				bits_copy(dst, to, src, from, n);
				assert_memory_equal(dst, wanted, sizeof(dst));
				for (int64_t i = 0; i < n; i++)
					bit_set(wanted, to + i, true);
				bits_fill(dst, to, n, true);
				assert_memory_equal(dst, wanted, sizeof(dst));
			}
		}
	}
	for (int64_t n = 0; n <= 320; n++) {
		int64_t count = 0;
		for (int64_t i = 0; i < n; i++)
			count += bit_get(src, i);
		assert_int_equal(bits_count(src, n), count);
	}
}

static void
batches_survive_every_fault(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_UTF8);
	Field parts[] = {field_of("a", TYPE_BOOL), parent_of("l", TYPE_LIST, &item, 1)};
	Batch *batch = any_batch(parent_of("s", TYPE_STRUCT, parts, 2), 0, 10, 1);
	Batch *views = view_batch("text that lies in a buffer");
	RowRef order[] = {{0, 1}, {0, 0}};
	FAULT_LOOP(st, {
		Batch *head = NULL;
		st = batch_head(batch, 3, &head, NULL);
		batch_unref(head);
	});
	FAULT_LOOP(st, {
		Batch *out = NULL;
		st = batch_gather(&batch, order, 2, batch_schema(batch), NULL, &out, NULL);
		batch_unref(out);
	});
	FAULT_LOOP(st, {
		Batch *out = NULL;
		st = batch_gather(&views, order, 2, batch_schema(views), NULL, &out, NULL);
		batch_unref(out);
	});
	FAULT_LOOP(st, {
		Batch *out = NULL;
		st = batch_select(batch, (int32_t[]){0}, 1, batch_schema(batch), &out, NULL);
		batch_unref(out);
	});
	batch_unref(views);
	batch_unref(batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_batch_holds_its_owners_and_schema),
		cmocka_unit_test(the_head_of_a_batch_is_a_view_of_it),
		cmocka_unit_test(the_head_of_nested_columns_cuts_their_children),
		cmocka_unit_test(a_selection_has_the_columns_asked_for),
		cmocka_unit_test(gathered_rows_come_in_the_order_asked_for),
		cmocka_unit_test(columns_of_every_type_are_gathered),
		cmocka_unit_test(gathered_views_share_the_data_of_all_batches),
		cmocka_unit_test(no_rows_are_gathered_from_no_batches),
		cmocka_unit_test(a_column_past_two_gigabytes_is_not_gathered),
		cmocka_unit_test(bitmaps_are_copied_from_any_bit_to_any_bit),
		cmocka_unit_test(batches_survive_every_fault),
	};
	return RUN(tests);
}
