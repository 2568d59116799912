#include "arrow/builder.h"
#include "support.h"

static Builder *
builder_of(Field field)
{
	Schema *schema = schema_one(field);
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	schema_unref(schema);
	return builder;
}

static Batch *
finish(Builder *builder)
{
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_finish(builder, 0, &batch, &err), &err);
	for (int32_t i = 0; i < schema_field_count(batch_schema(batch)); i++) {
		Column c = *batch_column(batch, i);
		ok(column_validate(schema_field(batch_schema(batch), i), &c, &err), &err);
		assert_int_equal(c.null_count, batch_column(batch, i)->null_count);
	}
	return batch;
}

static void
values_come_back_in_the_width_of_their_type(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 5, "i8", TYPE_INT8, true, "u16", TYPE_UINT16, true, "f",
				 TYPE_FLOAT32, true, "b", TYPE_BOOL, true, "s", TYPE_LARGE_UTF8, true),
	   &err);
	ok(builder_new(schema, &builder, &err), &err);
	for (int i = 0; i < 20; i++) {
		column_add_int(builder_column(builder, 0), -i);
		column_add_uint(builder_column(builder, 1), (uint64_t)i * 3000);
		column_add_double(builder_column(builder, 2), i / 2.0);
		column_add_bool(builder_column(builder, 3), i % 3 == 0);
		column_add_text(builder_column(builder, 4), i % 2 == 0 ? "even" : NULL);
	}
	assert_int_equal(builder_rows(builder), 20);
	assert_true(builder_bytes(builder) > 20 * 7);
	Batch *batch = finish(builder);
	assert_int_equal(batch_rows(batch), 20);
	assert_int_equal(((const int8_t *)batch_column(batch, 0)->values.data)[19], -19);
	assert_int_equal(((const uint16_t *)(const void *)batch_column(batch, 1)->values.data)[19],
					 57000);
	assert_true(((const float *)(const void *)batch_column(batch, 2)->values.data)[19] == 9.5F);
	for (int i = 0; i < 20; i++)
		assert_int_equal(bit_get(batch_column(batch, 3)->values.data, i), i % 3 == 0);
	assert_int_equal(batch_column(batch, 4)->null_count, 10);
	assert_false(column_valid(batch_column(batch, 4), 19));
	assert_int_equal(((const int64_t *)(const void *)batch_column(batch, 4)->offsets.data)[20], 40);
	assert_int_equal((uintptr_t)batch_column(batch, 4)->offsets.data % 64, 0);
	batch_unref(batch);
	schema_unref(schema);
	builder_free(builder);
	assert_int_equal(mem_live(), 0);
}

static void
a_finished_builder_begins_again(void **state)
{
	(void)state;
	Builder *builder = builder_of(field_of("s", TYPE_UTF8));
	BytesPool *pool = NULL;
	assert_int_equal(bytes_pool_new(1 << 20, &pool, NULL), ST_OK);
	builder_use_pool(builder, pool);
	for (int round = 0; round < 3; round++) {
		column_add_null(builder_column(builder, 0));
		column_add_text(builder_column(builder, 0), "x");
		Batch *batch = finish(builder);
		assert_int_equal(batch_rows(batch), 2);
		text_is(batch_column(batch, 0), 1, "x");
		batch_unref(batch);
		assert_int_equal(builder_rows(builder), 0);
	}
	Batch *empty = finish(builder);
	assert_int_equal(batch_rows(empty), 0);
	batch_unref(empty);
	builder_free(builder);
	bytes_pool_free(pool);
}

static void
validity_in_bulk_equals_validity_one_by_one(void **state)
{
	(void)state;
	Builder *builder = builder_of(field_of("x", TYPE_INT8));
	ColumnBuilder *c = builder_column(builder, 0);
	uint64_t mask[] = {UINT64_C(0xF0F0F0F0F0F0F0F0), UINT64_C(0x5)};
	int64_t sizes[] = {3, 0, 61, 67, 1};
	int64_t total = 0;
	column_add_validity(c, NULL, 5); // no NULL so far: no bitmap
	assert_int_equal(c->validity.len, 0);
	total = 5;
	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		column_add_validity(c, mask, sizes[s]);
		total += sizes[s];
	}
	column_add_validity(c, NULL, 2);
	total += 2;
	buf_add_zeros(&c->values, (size_t)total);
	Batch *batch = finish(builder);
	const Column *column = batch_column(batch, 0);
	int64_t at = 5;
	for (size_t s = 0; s < COUNT_OF(sizes); s++) {
		for (int64_t i = 0; i < sizes[s]; i++, at++)
			assert_int_equal(column_valid(column, at), mask[i / 64] >> (i % 64) & 1);
	}
	for (int64_t i = 0; i < 5; i++)
		assert_true(column_valid(column, i));
	assert_true(column_valid(column, at) && column_valid(column, at + 1));
	batch_unref(batch);
	builder_free(builder);
}

static void
lists_structs_and_maps_nest(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT64);
	Field parts[] = {field_of("key", TYPE_UTF8), parent_of("value", TYPE_LIST, &item, 1)};
	Field entries = parent_of("entries", TYPE_STRUCT, parts, 2);
	Builder *builder = builder_of(parent_of("m", TYPE_MAP, &entries, 1));
	ColumnBuilder *map = builder_column(builder, 0);
	ColumnBuilder *entry = &map->children[0];
	for (int row = 0; row < 3; row++) {
		for (int i = 0; i < row; i++) {
			column_add_text(&entry->children[0], "k");
			column_add_int(&entry->children[1].children[0], 10 * row + i);
			column_end_list(&entry->children[1]);
			column_add_validity(entry, NULL, 1);
		}
		column_end_list(map);
	}
	column_add_null(map);
	Batch *batch = finish(builder);
	const Column *c = batch_column(batch, 0);
	assert_int_equal(c->length, 4);
	assert_int_equal(c->null_count, 1);
	assert_int_equal(c->children[0].length, 3);
	assert_int_equal(int64_at(&c->children[0].children[1].children[0], 2), 21);
	batch_unref(batch);
	builder_free(builder);
}

static void
a_null_of_any_type_is_a_row(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_BOOL);
	Field parts[] = {field_of("a", TYPE_INT64), field_of("b", TYPE_UTF8)};
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		if (id == TYPE_UTF8_VIEW || id == TYPE_BINARY_VIEW)
			continue;
		Field field = field_of("x", id);
		Field entries = parent_of("entries", TYPE_STRUCT, parts, 2);
		if (id == TYPE_STRUCT)
			field = entries;
		else if (id == TYPE_MAP)
			field = parent_of("x", id, &entries, 1);
		else if (id == TYPE_LIST || id == TYPE_LARGE_LIST || id == TYPE_FIXED_LIST)
			field = parent_of("x", id, &item, 1);
		field.type.width = 3;
		field.type.precision = 10;
		field.type.unit = id == TYPE_TIME64 ? UNIT_NS : UNIT_S;
		Builder *builder = builder_of(field);
		for (int i = 0; i < 9; i++)
			column_add_null(builder_column(builder, 0));
		Batch *batch = finish(builder);
		assert_int_equal(batch_rows(batch), 9);
		assert_int_equal(batch_column(batch, 0)->null_count, 9);
		batch_unref(batch);
		builder_free(builder);
	}
}

static void
bytes_are_values_of_any_fixed_width(void **state)
{
	(void)state;
	Field field = field_of("d", TYPE_DECIMAL128);
	field.type.precision = 38;
	Builder *builder = builder_of(field);
	__int128 value = -12345;
	column_add_bytes(builder_column(builder, 0), slice_of(&value, sizeof(value)));
	Batch *batch = finish(builder);
	assert_memory_equal(batch_column(batch, 0)->values.data, &value, sizeof(value));
	batch_unref(batch);
	builder_free(builder);
}

static void
columns_of_different_length_are_our_mistake(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "a", TYPE_INT8, true, "b", TYPE_INT8, true), &err);
	ok(builder_new(schema, &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 1);
	assert_int_equal(builder_finish(builder, 0, &batch, &err), ST_INTERNAL);
	says(&err, "'b'");
	assert_null(batch);
	assert_int_equal(builder_rows(builder), 0);
	schema_unref(schema);
	builder_free(builder);
}

static void
views_are_not_built(void **state)
{
	(void)state;
	Schema *schema = schema_one(field_of("v", TYPE_UTF8_VIEW));
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(builder_new(schema, &builder, &err), ST_UNIMPLEMENTED);
	says(&err, "'v'");
	schema_unref(schema);
	assert_int_equal(mem_live(), 0);
}

static void
a_schema_without_columns_has_the_rows_it_is_given(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 0), &err);
	ok(builder_new(schema, &builder, &err), &err);
	ok(builder_finish(builder, 7, &batch, &err), &err);
	assert_int_equal(batch_rows(batch), 7);
	batch_unref(batch);
	builder_free(builder);
	schema_unref(schema);
}

static void
a_builder_survives_every_fault(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT64);
	Schema *schema = schema_one(parent_of("l", TYPE_LIST, &item, 1));
	FAULT_LOOP(st, {
		Builder *builder = NULL;
		Batch *batch = NULL;
		st = builder_new(schema, &builder, NULL);
		for (int i = 0; st == ST_OK && i < 300; i++) {
			ColumnBuilder *list = builder_column(builder, 0);
			if (i % 7 == 3)
				column_add_null(&list->children[0]);
			else
				column_add_int(&list->children[0], i);
			if (i % 5 == 4)
				column_add_null(list);
			else
				column_end_list(list);
		}
		if (st == ST_OK)
			st = builder_finish(builder, 0, &batch, NULL);
		batch_unref(batch);
		builder_free(builder);
	});
	schema_unref(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_come_back_in_the_width_of_their_type),
		cmocka_unit_test(a_finished_builder_begins_again),
		cmocka_unit_test(validity_in_bulk_equals_validity_one_by_one),
		cmocka_unit_test(lists_structs_and_maps_nest),
		cmocka_unit_test(a_null_of_any_type_is_a_row),
		cmocka_unit_test(bytes_are_values_of_any_fixed_width),
		cmocka_unit_test(columns_of_different_length_are_our_mistake),
		cmocka_unit_test(views_are_not_built),
		cmocka_unit_test(a_schema_without_columns_has_the_rows_it_is_given),
		cmocka_unit_test(a_builder_survives_every_fault),
	};
	return RUN(tests);
}
