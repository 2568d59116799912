#include "arrow/cdata.h"
#include "support.h"

static void
release_schema(struct ArrowSchema *schema)
{
	if (schema->release != NULL)
		schema->release(schema);
}

// The field as it comes back.
static Schema *
through_schema(const Field *field)
{
	Schema *schema = schema_one(*field), *back = NULL;
	struct ArrowSchema exported;
	Error err = ERROR_INIT;
	ok(cdata_export_schema(schema, &exported, &err), &err);
	schema_unref(schema);
	ok(cdata_import_schema(&exported, &back, &err), &err);
	release_schema(&exported);
	assert_null(exported.release);
	return back;
}

static Field parts[] = {{.name = "a", .type.id = TYPE_INT32, .nullable = true},
						{.name = "b", .type.id = TYPE_UTF8}};

static Field
example(TypeId id)
{
	static Field item = {.name = "item", .type.id = TYPE_UTF8, .nullable = true};
	static Field entries = {
		.name = "x", .type.id = TYPE_STRUCT, .nullable = true, .children = parts, .child_count = 2};
	return any_field(id, &item, &entries);
}

static bool
is_view(TypeId id)
{
	return id == TYPE_UTF8_VIEW || id == TYPE_BINARY_VIEW;
}

static void
every_type_comes_back_as_it_was_exported(void **state)
{
	(void)state;
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		Field field = example(id);
		Schema *back = through_schema(&field);
		assert_true(field_equal(&field, schema_field(back, 0), true));
		schema_unref(back);
	}
	for (TimeUnit unit = UNIT_S; unit <= UNIT_NS; unit++) {
		Field field = field_of("t", TYPE_TIMESTAMP);
		field.type.unit = unit;
		field.type.zone = "America/New_York";
		field.nullable = false;
		Schema *back = through_schema(&field);
		assert_true(field_equal(&field, schema_field(back, 0), true));
		schema_unref(back);
	}
	assert_int_equal(mem_live(), 0);
}

static void
metadata_travels_with_schema_and_fields(void **state)
{
	(void)state;
	KeyValue pairs[] = {{slice_text("k"), slice_text("v")}, {slice_text(""), slice_of("\0x", 2)}};
	Field field = field_of("x", TYPE_MAP), entries = parent_of("e", TYPE_STRUCT, parts, 2);
	field.children = &entries;
	field.child_count = 1;
	field.metadata = pairs;
	field.metadata_count = 2;
	field.type.keys_sorted = true;
	Schema *schema = NULL, *back = NULL;
	struct ArrowSchema exported;
	assert_int_equal(schema_new(&field, 1, pairs, 2, &schema, NULL), ST_OK);
	assert_int_equal(cdata_export_schema(schema, &exported, NULL), ST_OK);
	assert_string_equal(exported.format, "+s");
	assert_true(exported.children[0]->flags & ARROW_FLAG_MAP_KEYS_SORTED);
	assert_int_equal(cdata_import_schema(&exported, &back, NULL), ST_OK);
	release_schema(&exported);
	Slice value;
	assert_true(schema_metadata_get(back, "", &value));
	assert_true(slice_equal(value, slice_of("\0x", 2)));
	assert_int_equal(schema_field(back, 0)->metadata_count, 2);
	assert_true(slice_is(schema_field(back, 0)->metadata[0].value, "v"));
	schema_unref(schema);
	schema_unref(back);
}

static void
children_moved_out_live_on(void **state)
{
	(void)state;
	Field field = example(TYPE_LIST);
	Batch *batch = any_batch(field, 0, 5, 1);
	struct ArrowSchema schema, schema_child;
	struct ArrowArray array, child;
	Error err = ERROR_INIT;
	ok(cdata_export_schema(batch_schema(batch), &schema, &err), &err);
	ok(cdata_export_batch(batch, &array, &err), &err);
	batch_unref(batch);
	schema_child = *schema.children[0];
	schema.children[0]->release = NULL;
	child = *array.children[0];
	array.children[0]->release = NULL;
	schema.release(&schema);
	array.release(&array);
	assert_string_equal(schema_child.format, "+l");
	assert_string_equal(schema_child.children[0]->name, "item");
	assert_int_equal(((const int32_t *)child.buffers[1])[2], 1);
	schema_child.release(&schema_child);
	child.release(&child);
	assert_int_equal(mem_live(), 0);
}

// Columns that hold the same rows, in whatever buffers.
static void
same_rows(Batch *a, int64_t skip, Batch *b)
{
	int64_t rows = batch_rows(b);
	RowRef *order = mem_alloc_array((size_t)rows + 1, sizeof(*order));
	Batch *x = NULL, *y = NULL;
	Error err = ERROR_INIT;
	for (int64_t i = 0; i < rows; i++)
		order[i].row = (uint32_t)(skip + i);
	ok(batch_gather(&a, order, rows, batch_schema(a), NULL, &x, &err), &err);
	for (int64_t i = 0; i < rows; i++)
		order[i].row = (uint32_t)i;
	ok(batch_gather(&b, order, rows, batch_schema(a), NULL, &y, &err), &err);
	same_columns(schema_field(batch_schema(a), 0), batch_column(x, 0), batch_column(y, 0));
	mem_free(order);
	batch_unref(x);
	batch_unref(y);
}

static void
batches_of_every_type_come_back_whole_and_sliced(void **state)
{
	(void)state;
	for (TypeId id = 0; id < TYPE_COUNT; id++) {
		if (is_view(id))
			continue;
		Batch *batch = any_batch(example(id), 0, 30, 1);
		for (int64_t skip = 0; skip <= 20; skip += 5) {
			for (int where = 0; where < 2; where++) {
				struct ArrowArray array;
				Batch *back = NULL;
				Error err = ERROR_INIT;
				ok(cdata_export_batch(batch, &array, &err), &err);
				array.length = 30 - skip - 3;
				if (where == 0) {
					array.offset = skip;
				} else {
					array.children[0]->offset = skip;
					array.children[0]->length = 30 - skip;
				}
				if (array.children[0]->null_count > 0)
					array.children[0]->null_count = -1;
				ok(cdata_import_batch(&array, batch_schema(batch), NULL, &back, &err), &err);
				assert_null(array.release);
				assert_int_equal(batch_rows(back), 30 - skip - 3);
				same_rows(batch, skip, back);
				batch_unref(back);
			}
		}
		batch_unref(batch);
	}
	assert_int_equal(mem_live(), 0);
}

// Arrays as a producer makes them by hand. `released` counts.
typedef struct Made {
	struct ArrowArray top;
	struct ArrowArray child;
	struct ArrowArray values; // of a dictionary
	struct ArrowArray *children[1];
	const void *top_buffers[1];
	const void *buffers[8];
	const void *value_buffers[3];
	int released;
} Made;

static void
release_made(struct ArrowArray *array)
{
	((Made *)array->private_data)->released++;
	array->release = NULL;
}

static void
release_child(struct ArrowArray *array)
{
	array->release = NULL;
}

static Made *
make(Made *made, int64_t rows, int64_t n_buffers)
{
	made->children[0] = &made->child;
	made->top = (struct ArrowArray){.length = rows,
									.n_buffers = 1,
									.n_children = 1,
									.buffers = made->top_buffers,
									.children = made->children,
									.release = release_made,
									.private_data = made};
	made->child = (struct ArrowArray){
		.length = rows, .n_buffers = n_buffers, .buffers = made->buffers, .release = release_child};
	return made;
}

static Batch *
imported(Made *made, Field field)
{
	Schema *schema = schema_one(field);
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(cdata_import_batch(&made->top, schema, NULL, &batch, &err), &err);
	schema_unref(schema);
	assert_int_equal(made->released, 0);
	return batch;
}

static void
refused(Made *made, Field field, const char *why)
{
	Schema *schema = schema_one(field);
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	made->released = 0;
	assert_int_equal(cdata_import_batch(&made->top, schema, NULL, &batch, &err), ST_INVALID);
	assert_null(batch);
	says(&err, why);
	assert_int_equal(made->released, 1);
	schema_unref(schema);
	assert_int_equal(mem_live(), 0);
}

static void
imported_buffers_live_as_long_as_the_batch(void **state)
{
	(void)state;
	static const int64_t values[] = {1, 2, 3};
	Made made = {0};
	make(&made, 3, 2)->buffers[1] = values;
	Batch *batch = imported(&made, field_of("x", TYPE_INT64));
	assert_ptr_equal(batch_column(batch, 0)->values.data, values);
	assert_true(batch_held_bytes(batch) >= sizeof(values));
	batch_unref(batch);
	assert_int_equal(made.released, 1);
}

static void
misaligned_values_are_copied(void **state)
{
	(void)state;
	_Alignas(8) uint8_t bytes[20] = {0};
	int64_t value = 77;
	memcpy(bytes + 3, &value, 8);
	Made made = {0};
	make(&made, 1, 2)->buffers[1] = bytes + 3;
	Batch *batch = imported(&made, field_of("x", TYPE_INT64));
	assert_int_equal(int64_at(batch_column(batch, 0), 0), 77);
	batch_unref(batch);
}

static void
views_bring_their_data_buffers(void **state)
{
	(void)state;
	typedef struct TestView {
		int32_t len;
		char prefix[4];
		int32_t buffer;
		int32_t offset;
	} TestView;
	static const TestView views[] = {{2, "no", 0, 0}, {13, "thir", 1, 2}};
	const int64_t sizes[] = {0, 15};
	Made made = {0};
	make(&made, 1, 5);
	made.child.offset = 1;
	made.buffers[1] = views;
	made.buffers[3] = "__thirteen text";
	made.buffers[4] = sizes;
	Batch *batch = imported(&made, field_of("x", TYPE_UTF8_VIEW));
	const Column *c = batch_column(batch, 0);
	assert_int_equal(c->variadic_count, 2);
	assert_int_equal(c->variadic[1].len, 15);

	// And out again.
	struct ArrowArray array;
	assert_int_equal(cdata_export_batch(batch, &array, NULL), ST_OK);
	batch_unref(batch);
	assert_int_equal(array.children[0]->n_buffers, 5);
	assert_int_equal(((const int64_t *)array.children[0]->buffers[4])[1], 15);
	array.release(&array);
	assert_int_equal(made.released, 1);

	make(&made, 1, 5);
	const int64_t bad[] = {0, -1};
	made.buffers[4] = bad;
	refused(&made, field_of("x", TYPE_UTF8_VIEW), "negative size");
	make(&made, 1, 2);
	refused(&made, field_of("x", TYPE_UTF8_VIEW), "buffers");
}

static Field
tag_field(void)
{
	Field field = field_of("x", TYPE_UTF8);
	field.dictionary = true;
	field.index_type = TYPE_INT8;
	return field;
}

static Made *
make_tags(Made *made, const int8_t *indexes, int64_t rows)
{
	static const int32_t offsets[] = {0, 2, 2, 5};
	static const uint8_t valid[] = {0x05};
	make(made, rows, 2)->buffers[1] = indexes;
	made->value_buffers[0] = valid;
	made->value_buffers[1] = offsets;
	made->value_buffers[2] = "hifoo";
	made->values = (struct ArrowArray){.length = 3,
									   .null_count = 1,
									   .n_buffers = 3,
									   .buffers = made->value_buffers,
									   .release = release_child};
	made->child.dictionary = &made->values;
	return made;
}

static void
dictionaries_are_decoded(void **state)
{
	(void)state;
	Made made = {0};
	static const uint8_t valid[] = {0xEE}; // rows 1, 2, 3, but not 4
	make_tags(&made, (const int8_t[]){9, 2, 0, 1, 100}, 5);
	made.child.offset = 1;
	made.top.length = made.child.length = 4;
	made.buffers[0] = valid;
	made.child.null_count = 1;
	Batch *batch = imported(&made, tag_field());
	const Column *c = batch_column(batch, 0);
	assert_false(schema_field(batch_schema(batch), 0)->dictionary);
	text_is(c, 0, "foo");
	text_is(c, 1, "hi");
	assert_int_equal(c->null_count, 2); // a NULL value, and a NULL index
	assert_true(column_valid(c, 1));
	assert_false(column_valid(c, 2));
	assert_false(column_valid(c, 3));
	batch_unref(batch);

	made = (Made){0};
	refused(make_tags(&made, (const int8_t[]){3}, 1), tag_field(),
			"row 0 is not in its dictionary");
	refused(make_tags(&made, (const int8_t[]){-1}, 1), tag_field(),
			"row 0 is not in its dictionary");
	make_tags(&made, (const int8_t[]){0}, 1)->child.dictionary = NULL;
	refused(&made, tag_field(), "dictionary");
	make_tags(&made, (const int8_t[]){0}, 1)->values.length = 0;
	refused(&made, tag_field(), "empty");
	make_tags(&made, (const int8_t[]){0}, 1);
	refused(&made, field_of("x", TYPE_INT8), "dictionary");
}

static void
indexes_are_of_any_integer_type(void **state)
{
	(void)state;
	static const uint8_t index_valid[] = {0x01};
	for (TypeId id = TYPE_INT8; id <= TYPE_UINT64; id++) {
		static const uint64_t two[2] = {2, UINT64_MAX}; // its first bytes are a 2 of any width
		Field field = tag_field();
		field.index_type = id;
		Made made = {0};
		make_tags(&made, (const void *)two, 1);
		made.value_buffers[0] = NULL;
		made.values.null_count = 0;
		made.buffers[0] = index_valid;
		made.child.null_count = -1;
		Batch *batch = imported(&made, field);
		text_is(batch_column(batch, 0), 0, "foo");
		batch_unref(batch);
	}

	// NULL indexes alone: their validity is the column's.
	Made made = {0};
	make_tags(&made, (const int8_t[]){2, 99}, 2);
	made.value_buffers[0] = NULL;
	made.values.null_count = 0;
	made.buffers[0] = index_valid;
	made.child.null_count = 1;
	Batch *batch = imported(&made, tag_field());
	assert_ptr_equal(batch_column(batch, 0)->validity.data, index_valid);
	assert_int_equal(batch_column(batch, 0)->null_count, 1);
	batch_unref(batch);
}

static void
an_empty_dictionary_has_only_nulls(void **state)
{
	(void)state;
	static const uint8_t none[] = {0};
	Made made = {0};
	make_tags(&made, (const int8_t[]){5, 6}, 2)->values.length = 0;
	made.buffers[0] = none;
	made.child.null_count = 2;
	Batch *batch = imported(&made, tag_field());
	assert_int_equal(batch_column(batch, 0)->null_count, 2);
	batch_unref(batch);
}

static void
hostile_arrays_are_refused_and_released(void **state)
{
	(void)state;
	static const int64_t values[4];
	Field field = field_of("x", TYPE_INT64);
	Made made = {0};
	made.buffers[1] = values;
	make(&made, 1, 2)->child.length = -1;
	refused(&made, field, "out of range");
	make(&made, 1, 2)->child.offset = -1;
	refused(&made, field, "out of range");
	make(&made, 1, 2)->child.offset = INT64_MAX;
	refused(&made, field, "out of range");
	make(&made, 1, 2)->child.null_count = -2;
	refused(&made, field, "out of range");
	make(&made, 1, 2)->child.null_count = 1;
	refused(&made, field, "no validity");
	make(&made, 1, 2)->top.length = 2;
	refused(&made, field, "shorter");
	make(&made, 1, 2)->top.length = -2;
	refused(&made, field, "out of range");
	make(&made, 1, 2)->top.offset = INT64_MAX;
	refused(&made, field, "out of range");
	make(&made, 1, 3);
	refused(&made, field, "buffers");
	make(&made, 1, -1);
	refused(&made, field, "buffers");
	make(&made, 1, 2)->child.buffers = NULL;
	refused(&made, field, "buffers");
	make(&made, 1, 2)->child.n_children = 1;
	refused(&made, field, "children");
	make(&made, 1, 2)->children[0] = NULL;
	refused(&made, field, "missing");
	make(&made, 1, 2)->child.release = NULL;
	refused(&made, field, "moved");
	make(&made, 1, 2)->top.n_children = 2;
	refused(&made, field, "children");
	make(&made, 1, 2)->top.children = NULL;
	refused(&made, field, "children");
	make(&made, 1, 2)->top.n_buffers = 0;
	refused(&made, field, "one buffer");
	make(&made, 1, 2)->top.null_count = -1;
	made.top_buffers[0] = values;
	refused(&made, field, "NULL as a whole");
	made.top_buffers[0] = NULL;

	Field wide = field_of("x", TYPE_FIXED_BINARY);
	wide.type.width = INT32_MAX / 8;
	make(&made, INT64_C(1) << 40, 2);
	refused(&made, wide, "out of range");
	make(&made, 1, 2)->buffers[1] = NULL;
	refused(&made, field, "values buffer");
	static const int32_t falling[] = {0, -4};
	make(&made, 1, 3)->buffers[1] = falling;
	refused(&made, field_of("x", TYPE_UTF8), "ends before");
}

static void
not_a_schema(struct ArrowSchema schema, Status wanted, const char *why)
{
	Schema *out = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(cdata_import_schema(&schema, &out, &err), wanted);
	assert_null(out);
	says(&err, why);
	assert_int_equal(mem_live(), 0);
}

static void
no_schema_release(struct ArrowSchema *schema)
{
	(void)schema;
}

static void
hostile_schemas_are_refused(void **state)
{
	(void)state;
	struct ArrowSchema child = {.format = "l", .name = "x", .release = no_schema_release};
	struct ArrowSchema *children[] = {&child};
	struct ArrowSchema top = {
		.format = "+s", .n_children = 1, .children = children, .release = no_schema_release};
	const char *const bad[] = {
		"",    "q",   "+w",   "+w:",  "+w:x",   "d:", "d:5",    "d:5,",
		"tss", "ttx", "w:-1", "w:1x", "d:39,0", "+l", "d:5,2,", "w:99999999999"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		child.format = bad[i];
		not_a_schema(top, ST_INVALID, "'x'");
	}
	const char *const unread[] = {"+ud:0,1", "+r", "+vl", "+vL", "d:40,2,256"};
	for (size_t i = 0; i < COUNT_OF(unread); i++) {
		child.format = unread[i];
		not_a_schema(top, ST_UNIMPLEMENTED, "'x'");
	}
	child.format = NULL;
	not_a_schema(top, ST_INVALID, "missing");
	child.format = "l";
	child.metadata = "\xff\xff\xff\xff";
	not_a_schema(top, ST_INVALID, "metadata");
	child.metadata = "\1\0\0\0\xff\xff\xff\xff";
	not_a_schema(top, ST_INVALID, "metadata");
	child.metadata = NULL;
	child.release = NULL;
	not_a_schema(top, ST_INVALID, "moved");
	child.release = no_schema_release;
	top.n_children = -1;
	not_a_schema(top, ST_INVALID, "children");
	top.n_children = 1;
	top.children = NULL;
	not_a_schema(top, ST_INVALID, "children");
	not_a_schema(child, ST_INVALID, "struct");

	// A schema that contains itself.
	children[0] = &top;
	top.children = children;
	not_a_schema(top, ST_INVALID, "deeper");

	// Indexes are integers, and values are not encoded again.
	struct ArrowSchema values = {.format = "u", .release = no_schema_release};
	children[0] = &child;
	child.dictionary = &values;
	child.format = "g";
	not_a_schema(top, ST_INVALID, "indexes");
	child.format = "c";
	values.dictionary = &values;
	values.format = "c";
	not_a_schema(top, ST_INVALID, "deeper");
}

static void
dictionary_fields_are_marked(void **state)
{
	(void)state;
	struct ArrowSchema values = {.format = "u", .release = no_schema_release};
	struct ArrowSchema child = {.format = "S",
								.name = "tag",
								.flags = ARROW_FLAG_NULLABLE,
								.dictionary = &values,
								.release = no_schema_release};
	struct ArrowSchema *children[] = {&child};
	struct ArrowSchema top = {
		.format = "+s", .n_children = 1, .children = children, .release = no_schema_release};
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(cdata_import_schema(&top, &schema, &err), &err);
	const Field *field = schema_field(schema, 0);
	assert_true(field->dictionary && field->nullable);
	assert_int_equal(field->index_type, TYPE_UINT16);
	assert_int_equal(field->type.id, TYPE_UTF8);
	assert_string_equal(field->name, "tag");
	schema_unref(schema);
}

static void
the_interface_survives_every_fault(void **state)
{
	(void)state;
	Field inner = example(TYPE_LIST);
	Batch *batch = any_batch(parent_of("x", TYPE_STRUCT, &inner, 1), 0, 30, 1);
	FAULT_LOOP(st, {
		struct ArrowSchema schema = {0};
		Schema *back = NULL;
		st = cdata_export_schema(batch_schema(batch), &schema, NULL);
		if (st == ST_OK)
			st = cdata_import_schema(&schema, &back, NULL);
		release_schema(&schema);
		schema_unref(back);
	});
	FAULT_LOOP(st, {
		struct ArrowArray array = {0};
		Batch *back = NULL;
		st = cdata_export_batch(batch, &array, NULL);
		if (st == ST_OK) {
			array.offset = 3;
			array.length = 20;
			st = cdata_import_batch(&array, batch_schema(batch), NULL, &back, NULL);
		}
		assert_null(array.release);
		batch_unref(back);
	});
	batch_unref(batch);
	static const uint8_t valid[] = {0x05}; // of the indexes, from the second
	Schema *tags = schema_one(tag_field());
	FAULT_LOOP(st, {
		Made made = {0};
		Batch *back = NULL;
		make_tags(&made, (const int8_t[]){0, 1, 0}, 3);
		made.buffers[0] = valid;
		made.child.null_count = -1;
		made.top.length = 2;
		made.top.offset = 1;
		st = cdata_import_batch(&made.top, tags, NULL, &back, NULL);
		batch_unref(back);
		assert_int_equal(made.released, 1);
	});
	schema_unref(tags);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_comes_back_as_it_was_exported),
		cmocka_unit_test(metadata_travels_with_schema_and_fields),
		cmocka_unit_test(children_moved_out_live_on),
		cmocka_unit_test(batches_of_every_type_come_back_whole_and_sliced),
		cmocka_unit_test(imported_buffers_live_as_long_as_the_batch),
		cmocka_unit_test(misaligned_values_are_copied),
		cmocka_unit_test(views_bring_their_data_buffers),
		cmocka_unit_test(dictionaries_are_decoded),
		cmocka_unit_test(indexes_are_of_any_integer_type),
		cmocka_unit_test(an_empty_dictionary_has_only_nulls),
		cmocka_unit_test(hostile_arrays_are_refused_and_released),
		cmocka_unit_test(hostile_schemas_are_refused),
		cmocka_unit_test(dictionary_fields_are_marked),
		cmocka_unit_test(the_interface_survives_every_fault),
	};
	return RUN(tests);
}
