#include "arrow/schema.h"
#include "support.h"

static void
type_name_is(Field field, const char *wanted)
{
	Buf name = BUF_INIT;
	field_type_name(&field, &name);
	assert_string_equal(buf_text(&name), wanted);
	buf_close(&name);
}

// What is written is read back as the same type.
static void
reads_back(const char *text)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field field;
	Error err = ERROR_INIT;
	ok(field_of_type_name("c", text, &arena, &field, &err), &err);
	assert_string_equal(field.name, "c");
	assert_true(field.nullable);
	SCOPED(schema_drop) Schema *schema = NULL;
	ok(schema_new(&field, 1, NULL, 0, &schema, &err), &err);
	type_name_is(*schema_field(schema, 0), text);
}

static void
types_are_read_as_they_are_written(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"null",
		"bool",
		"int8",
		"uint64",
		"halffloat",
		"float",
		"double",
		"decimal128(10, 2)",
		"decimal128(38, 0)",
		"string",
		"large_string",
		"string_view",
		"binary_view",
		"fixed_size_binary[3]",
		"date32[day]",
		"date64[ms]",
		"time32[s]",
		"time64[ns]",
		"timestamp[s]",
		"timestamp[ns, tz=Europe/Berlin]",
		"timestamp[ms, tz=+02:00]",
		"duration[us]",
		"month_day_nano_interval",
		"list<item: double>",
		"large_list<element: int64 not null>",
		"fixed_size_list<item: duration[s]>[3]",
		"struct<a: int64, b c: string not null, d>: list<item: null>>",
		"struct<\"a: \"\"b\": int64, \"\"\"x\": bool>",
		"map<string, list<item: struct<k: string>>>",
		"map<int64, bool not null, keys_sorted>",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		reads_back(texts[i]);
	static const char *const wrong[] = {"",
										"int65",
										"int64 ",
										"duration",
										"duration[m]",
										"timestamp[us, tz=]",
										"timestamp[us, UTC]",
										"decimal128(10)",
										"list<double>",
										"list<a: int8, b: int8>",
										"list<item: int8",
										"struct<>",
										"struct<\"a: int8>",
										"map<string>",
										"fixed_size_list<item: int8>[]",
										"dictionary<values=string, indices=int8, ordered=0>"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		SCOPED(arena_close) Arena arena = ARENA_INIT;
		Field field;
		Error err = ERROR_INIT;
		if (field_of_type_name("c", wrong[i], &arena, &field, &err) != ST_INVALID)
			fail_msg("\"%s\" was read", wrong[i]);
		assert_non_null(strstr(err.text, "\"c\""));
	}
}

static void
a_schema_owns_a_copy_of_all_its_parts(void **state)
{
	(void)state;
	char name[] = "a", zone[] = "UTC", item[] = "item", key[] = "k", value[] = "v";
	Field child = field_of(item, TYPE_TIMESTAMP);
	child.type.zone = zone;
	KeyValue pair = {slice_text(key), slice_text(value)};
	Field field = parent_of(name, TYPE_LIST, &child, 1);
	field.metadata = &pair;
	field.metadata_count = 1;
	Schema *schema = NULL;
	assert_int_equal(schema_new(&field, 1, &pair, 1, &schema, NULL), ST_OK);
	name[0] = zone[0] = item[0] = key[0] = value[0] = '?';

	const Field *copy = schema_field(schema, 0);
	assert_string_equal(copy->name, "a");
	assert_string_equal(copy->children[0].name, "item");
	assert_string_equal(copy->children[0].type.zone, "UTC");
	assert_true(slice_is(copy->metadata[0].value, "v"));
	Slice found;
	assert_true(schema_metadata_get(schema, "k", &found));
	assert_true(slice_is(found, "v"));
	assert_false(schema_metadata_get(schema, "K", &found));
	assert_int_equal(schema_metadata_count(schema), 1);
	assert_true(slice_is(schema_metadata(schema, 0)->key, "k"));
	schema_unref(schema);
	assert_int_equal(mem_live(), 0);
}

static void
a_type_that_cannot_be_read_for_lack_of_memory_says_so(void **state)
{
	(void)state;
	for (long nth = 0;; nth++) {
		Arena arena = ARENA_INIT;
		Field field;
		fault_arm(nth);
		Status st = field_of_type_name(
			"c", "struct<a: list<item: string>, \"b: \": map<string, int8>, c: bool>", &arena,
			&field, NULL);
		bool faulted = fault_disarm();
		arena_close(&arena);
		assert_int_equal(mem_live(), 0);
		assert_int_equal(st, faulted ? ST_NO_MEMORY : ST_OK);
		if (!faulted)
			return;
	}
}

static void
fields_are_found_by_their_exact_name(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "ts", TYPE_TIMESTAMP, false, "host", TYPE_UTF8, true), &err);
	assert_int_equal(schema_field_count(schema), 2);
	assert_int_equal(schema_find(schema, "host"), 1);
	assert_int_equal(schema_find(schema, "HOST"), -1);
	assert_int_equal(schema_field(schema, 0)->type.unit, UNIT_NS);
	assert_false(schema_field(schema, 0)->nullable);
	Schema *again = schema_ref(schema);
	schema_unref(schema);
	assert_int_equal(schema_find(again, "ts"), 0);
	schema_unref(again);
	schema_unref(NULL);
}

static void
types_are_written_as_arrow_writes_them(void **state)
{
	(void)state;
	Field zoned = field_of("t", TYPE_TIMESTAMP);
	zoned.type.unit = UNIT_US;
	type_name_is(zoned, "timestamp[us]");
	zoned.type.zone = "UTC";
	type_name_is(zoned, "timestamp[us, tz=UTC]");
	Field decimal = field_of("d", TYPE_DECIMAL128);
	decimal.type.precision = 10;
	decimal.type.scale = 2;
	type_name_is(decimal, "decimal128(10, 2)");
	Field fixed = field_of("f", TYPE_FIXED_BINARY);
	fixed.type.width = 16;
	type_name_is(fixed, "fixed_size_binary[16]");
	type_name_is(field_of("x", TYPE_FLOAT64), "double");
	type_name_is(field_of("x", TYPE_DATE32), "date32[day]");

	Field item = field_of("item", TYPE_FLOAT64);
	type_name_is(parent_of("l", TYPE_LIST, &item, 1), "list<item: double>");
	Field array = parent_of("l", TYPE_FIXED_LIST, &item, 1);
	array.type.width = 3;
	type_name_is(array, "fixed_size_list<item: double>[3]");
	Field parts[] = {field_of("a", TYPE_INT64), field_of("b", TYPE_UTF8)};
	parts[0].nullable = false;
	Field entries = parent_of("s", TYPE_STRUCT, parts, 2);
	type_name_is(entries, "struct<a: int64 not null, b: string>");
	type_name_is(parent_of("m", TYPE_MAP, &entries, 1), "map<int64, string>");

	Field tag = field_of("t", TYPE_UTF8);
	tag.dictionary = true;
	tag.index_type = TYPE_INT32;
	type_name_is(tag, "dictionary<values=string, indices=int32, ordered=0>");
}

static void
refuses(Field field, const char *why)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(schema_new(&field, 1, NULL, 0, &schema, &err), ST_INVALID);
	assert_null(schema);
	says(&err, why);
}

static void
what_is_no_type_is_refused_by_column(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_DECIMAL128);
	refuses(field, "'x'");
	field.type.precision = 39;
	refuses(field, "precision");
	field = field_of("x", TYPE_FIXED_BINARY);
	field.type.width = -1;
	refuses(field, "wide");
	field = field_of("x", TYPE_TIME32);
	field.type.unit = UNIT_NS;
	refuses(field, "time32");
	field = field_of("x", TYPE_TIME64);
	refuses(field, "time64");
	field = field_of("x", TYPE_TIMESTAMP);
	field.type.zone = "\xff";
	refuses(field, "zone");
	refuses(field_of("\xff", TYPE_INT8), "UTF-8");
	refuses(field_of("x", (TypeId)TYPE_COUNT), "no such type");
	refuses(field_of("x", TYPE_LIST), "item");
	Field item = field_of("item", TYPE_INT8);
	refuses(parent_of("x", TYPE_MAP, &item, 1), "key and value");
	refuses(parent_of("x", TYPE_INT8, &item, 1), "children");
	field = field_of("x", TYPE_UTF8);
	field.dictionary = true;
	field.index_type = TYPE_FLOAT32;
	refuses(field, "indexes");
	item.type.id = TYPE_LIST;
	refuses(parent_of("x", TYPE_STRUCT, &item, 1), "in column 'x': column 'item'");
}

static void
types_nest_to_a_limit(void **state)
{
	(void)state;
	Field levels[100];
	levels[0] = field_of("item", TYPE_INT8);
	for (int i = 1; i < 100; i++)
		levels[i] = parent_of("item", TYPE_LIST, &levels[i - 1], 1);
	refuses(levels[99], "deeper");
	schema_unref(schema_one(levels[60]));
}

static void
equality_is_of_names_types_and_nullability(void **state)
{
	(void)state;
	Field a = field_of("x", TYPE_TIMESTAMP), b = a;
	assert_true(field_equal(&a, &b, true));
	b.type.zone = "";
	assert_true(field_equal(&a, &b, true));
	b.type.zone = "UTC";
	assert_false(field_equal(&a, &b, false));
	b = a;
	b.name = "y";
	assert_true(field_equal(&a, &b, false));
	assert_false(field_equal(&a, &b, true));

	// A struct's names are its type, a list's are not.
	Field p = field_of("p", TYPE_INT8), q = field_of("q", TYPE_INT8);
	Field s1 = parent_of("x", TYPE_STRUCT, &p, 1), s2 = parent_of("x", TYPE_STRUCT, &q, 1);
	assert_false(field_equal(&s1, &s2, false));
	Field l1 = parent_of("x", TYPE_LIST, &p, 1), l2 = parent_of("x", TYPE_LIST, &q, 1);
	assert_true(field_equal(&l1, &l2, true));

	s2 = parent_of("x", TYPE_STRUCT, &p, 0);
	assert_false(field_equal(&s1, &s2, false));
	q.nullable = false;
	assert_false(field_equal(&l1, &l2, true));
	assert_true(field_equal(&l1, &l2, false));
	q.type.id = TYPE_INT16;
	assert_false(field_equal(&l1, &l2, false));

	KeyValue pair = {slice_text("k"), slice_text("v")};
	Schema *one = NULL, *two = NULL;
	assert_int_equal(schema_new(&a, 1, &pair, 1, &one, NULL), ST_OK);
	assert_int_equal(schema_new(&a, 1, NULL, 0, &two, NULL), ST_OK);
	assert_true(schema_equal(one, two));
	schema_unref(two);
	a.nullable = false;
	assert_int_equal(schema_new(&a, 1, NULL, 0, &two, NULL), ST_OK);
	assert_false(schema_equal(one, two));
	schema_unref(one);
	schema_unref(two);
}

static void
a_decoded_schema_has_no_dictionaries(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_UTF8);
	item.dictionary = true;
	item.index_type = TYPE_INT8;
	Schema *wire = schema_one(parent_of("tags", TYPE_LIST, &item, 1));
	Schema *decoded = NULL, *same = NULL;
	assert_int_equal(schema_decoded(wire, &decoded, NULL), ST_OK);
	assert_false(schema_field(decoded, 0)->children[0].dictionary);
	assert_true(schema_field(wire, 0)->children[0].dictionary);
	assert_int_equal(schema_decoded(decoded, &same, NULL), ST_OK);
	assert_ptr_equal(same, decoded);
	schema_unref(same);
	schema_unref(decoded);
	schema_unref(wire);
}

static void
every_type_has_a_layout(void **state)
{
	(void)state;
	Type type = {.id = TYPE_LARGE_UTF8};
	assert_int_equal(type_layout(&type).offset_bytes, 8);
	type.id = TYPE_UTF8_VIEW;
	assert_int_equal(type_layout(&type).value_bits, 128);
	type.id = TYPE_NULL;
	assert_false(type_layout(&type).validity);
	type.id = TYPE_STRUCT;
	assert_false(type_layout(&type).values);
	type.id = TYPE_MAP;
	assert_int_equal(type_layout(&type).offset_bytes, 4);
	type.id = TYPE_BOOL;
	assert_int_equal(type_layout(&type).value_bits, 1);
}

static void
a_schema_that_cannot_be_made_leaves_nothing(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_UTF8);
	item.dictionary = true;
	item.index_type = TYPE_INT8;
	Field field = parent_of("x", TYPE_LIST, &item, 1);
	FAULT_LOOP(st, {
		Schema *schema = NULL, *decoded = NULL;
		st = schema_new(&field, 1, NULL, 0, &schema, NULL);
		if (st == ST_OK)
			st = schema_decoded(schema, &decoded, NULL);
		schema_unref(decoded);
		schema_unref(schema);
	});
	FAULT_LOOP(st, {
		Schema *schema = NULL;
		st = schema_of(&schema, NULL, 1, "x", TYPE_INT8, true);
		schema_unref(schema);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_schema_owns_a_copy_of_all_its_parts),
		cmocka_unit_test(fields_are_found_by_their_exact_name),
		cmocka_unit_test(types_are_written_as_arrow_writes_them),
		cmocka_unit_test(types_are_read_as_they_are_written),
		cmocka_unit_test(a_type_that_cannot_be_read_for_lack_of_memory_says_so),
		cmocka_unit_test(what_is_no_type_is_refused_by_column),
		cmocka_unit_test(types_nest_to_a_limit),
		cmocka_unit_test(equality_is_of_names_types_and_nullability),
		cmocka_unit_test(a_decoded_schema_has_no_dictionaries),
		cmocka_unit_test(every_type_has_a_layout),
		cmocka_unit_test(a_schema_that_cannot_be_made_leaves_nothing),
	};
	return RUN(tests);
}
