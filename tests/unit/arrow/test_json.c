#include "arrow/json.h"
#include "support.h"

// What one value looks like, as JSON and bare.
static void
is_written(Field field, void (*add)(ColumnBuilder *c), const char *json, const char *bare)
{
	Schema *schema = schema_one(field);
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	Buf out = BUF_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	add(builder_column(builder, 0));
	ok(builder_finish(builder, 0, &batch, &err), &err);
	value_json_add(schema_field(schema, 0), batch_column(batch, 0), 0, &out);
	assert_string_equal(buf_text(&out), json);
	buf_reset(&out);
	value_text_add(schema_field(schema, 0), batch_column(batch, 0), 0, &out);
	assert_string_equal(buf_text(&out), bare);
	buf_close(&out);
	batch_unref(batch);
	builder_free(builder);
	schema_unref(schema);
}

// A function that adds one value, for the parameter above.
#define ADD(name, ...)                                                                             \
	static void name(ColumnBuilder *c)                                                             \
	{                                                                                              \
		__VA_ARGS__;                                                                               \
	}

ADD(add_null, column_add_null(c))
ADD(add_minus_5, column_add_int(c, -5))
ADD(add_largest, column_add_uint(c, UINT64_MAX))
ADD(add_smallest, column_add_int(c, INT64_MIN))
ADD(add_true, column_add_bool(c, true))
ADD(add_tenth, column_add_double(c, 0.1))
ADD(add_nan, column_add_double(c, __builtin_nan("")))
ADD(add_infinity, column_add_double(c, -__builtin_inf()))
ADD(add_half, column_add_uint(c, 0xC100)) // -2.5
ADD(add_small_half, column_add_uint(c, 1))
ADD(add_half_nan, column_add_uint(c, 0x7E00))
ADD(add_text, column_add_text(c, "a\"b\\c\n\x01\xC3\xA9"))
ADD(add_empty, column_add_text(c, ""))
ADD(add_bytes, column_add_bytes(c, slice_of("\0\xFF\x01", 3)))
ADD(add_time, column_add_int(c, 1451606400123456))
ADD(add_0, column_add_int(c, 0))
ADD(add_minus_1, column_add_int(c, -1))
ADD(add_far, column_add_int(c, INT64_C(253402300800)))
ADD(add_day, column_add_int(c, 16801))
ADD(add_day_ms, column_add_int(c, INT64_C(-86400000)))
ADD(add_clock, column_add_int(c, 45296789))
ADD(add_long, column_add_int(c, INT64_C(93784500000)))
ADD(add_negative, column_add_int(c, -1500000))

static void
scalars_are_written_as_the_contract_says(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_INT32);
	is_written(field, add_null, "null", "");
	is_written(field, add_minus_5, "-5", "-5");
	field.type.id = TYPE_INT8;
	is_written(field, add_minus_5, "-5", "-5");
	field.type.id = TYPE_INT16;
	is_written(field, add_minus_5, "-5", "-5");
	field.type.id = TYPE_INT64;
	is_written(field, add_smallest, "-9223372036854775808", "-9223372036854775808");
	field.type.id = TYPE_UINT64;
	is_written(field, add_largest, "18446744073709551615", "18446744073709551615");
	field.type.id = TYPE_UINT8;
	is_written(field, add_largest, "255", "255");
	field.type.id = TYPE_BOOL;
	is_written(field, add_true, "true", "true");
	field.type.id = TYPE_FLOAT64;
	is_written(field, add_tenth, "0.1", "0.1");
	is_written(field, add_nan, "\"NaN\"", "NaN");
	is_written(field, add_infinity, "\"-Infinity\"", "-Infinity");
	field.type.id = TYPE_FLOAT32;
	is_written(field, add_tenth, "0.1", "0.1");
	is_written(field, add_nan, "\"NaN\"", "NaN");
	field.type.id = TYPE_FLOAT16;
	is_written(field, add_half, "-2.5", "-2.5");
	is_written(field, add_small_half, "5.9604645e-08", "5.9604645e-08");
	is_written(field, add_half_nan, "\"NaN\"", "NaN");
	field.type.id = TYPE_UTF8;
	is_written(field, add_text, "\"a\\\"b\\\\c\\n\\u0001\xC3\xA9\"", "a\"b\\c\n\x01\xC3\xA9");
	is_written(field, add_empty, "\"\"", "");
	field.type.id = TYPE_LARGE_UTF8;
	is_written(field, add_empty, "\"\"", "");
	field.type.id = TYPE_BINARY;
	is_written(field, add_bytes, "\"AP8B\"", "AP8B");
	field.type = (Type){.id = TYPE_FIXED_BINARY, .width = 3};
	is_written(field, add_bytes, "\"AP8B\"", "AP8B");
	field.type = (Type){.id = TYPE_NULL};
	is_written(field, add_null, "null", "");
}

static void
times_are_iso_8601(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_TIMESTAMP);
	field.type.unit = UNIT_US;
	is_written(field, add_time, "\"2016-01-01T00:00:00.123456\"", "2016-01-01T00:00:00.123456");
	field.type.zone = "Europe/Berlin";
	is_written(field, add_time, "\"2016-01-01T00:00:00.123456Z\"", "2016-01-01T00:00:00.123456Z");
	field.type.unit = UNIT_NS;
	is_written(field, add_minus_1, "\"1969-12-31T23:59:59.999999999Z\"",
			   "1969-12-31T23:59:59.999999999Z");
	field.type = (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_S};
	is_written(field, add_far, "\"10000-01-01T00:00:00\"", "10000-01-01T00:00:00");
	field.type.unit = UNIT_MS;
	is_written(field, add_minus_1, "\"1969-12-31T23:59:59.999\"", "1969-12-31T23:59:59.999");
	field.type.id = TYPE_DATE32;
	is_written(field, add_day, "\"2016-01-01\"", "2016-01-01");
	field.type.id = TYPE_DATE64;
	is_written(field, add_day_ms, "\"1969-12-31\"", "1969-12-31");
	field.type = (Type){.id = TYPE_TIME32, .unit = UNIT_MS};
	is_written(field, add_clock, "\"12:34:56.789\"", "12:34:56.789");
	field.type = (Type){.id = TYPE_TIME64, .unit = UNIT_NS};
	is_written(field, add_clock, "\"00:00:00.045296789\"", "00:00:00.045296789");
	field.type = (Type){.id = TYPE_DURATION, .unit = UNIT_US};
	is_written(field, add_0, "\"PT0S\"", "PT0S");
	is_written(field, add_long, "\"PT26H3M4.5S\"", "PT26H3M4.5S");
	is_written(field, add_negative, "\"-PT1.5S\"", "-PT1.5S");
	field.type.unit = UNIT_S;
	is_written(field, add_smallest, "\"-PT2562047788015215H30M8S\"", "-PT2562047788015215H30M8S");
}

static const int32_t DAY_TIME[] = {3, -1500};
static const struct {
	int32_t months, days;
	int64_t ns;
} MONTH_DAY_NANO = {14, -3, 1000000001};
static const __int128 DECIMAL = -1205, SMALL = 5, NOTHING = 0;

ADD(add_day_time, column_add_bytes(c, slice_of(DAY_TIME, sizeof(DAY_TIME))))
ADD(add_month_day_nano, column_add_bytes(c, slice_of(&MONTH_DAY_NANO, sizeof(MONTH_DAY_NANO))))
ADD(add_decimal, column_add_bytes(c, slice_of(&DECIMAL, sizeof(DECIMAL))))
ADD(add_small, column_add_bytes(c, slice_of(&SMALL, sizeof(SMALL))))
ADD(add_nothing, column_add_bytes(c, slice_of(&NOTHING, sizeof(NOTHING))))

static void
intervals_and_decimals_are_exact(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_INTERVAL_MONTHS);
	is_written(field, add_minus_5, "\"P-5M\"", "P-5M");
	is_written(field, add_0, "\"PT0S\"", "PT0S");
	field.type.id = TYPE_INTERVAL_DAY_TIME;
	is_written(field, add_day_time, "\"P3DT-1.5S\"", "P3DT-1.5S");
	field.type.id = TYPE_INTERVAL_MONTH_DAY_NANO;
	is_written(field, add_month_day_nano, "\"P14M-3DT1.000000001S\"", "P14M-3DT1.000000001S");
	field.type = (Type){.id = TYPE_DECIMAL128, .precision = 10, .scale = 2};
	is_written(field, add_decimal, "\"-12.05\"", "-12.05");
	is_written(field, add_small, "\"0.05\"", "0.05");
	is_written(field, add_nothing, "\"0.00\"", "0.00");
	field.type.scale = 0;
	is_written(field, add_decimal, "\"-1205\"", "-1205");
	is_written(field, add_nothing, "\"0\"", "0");
}

static void
add_nested(ColumnBuilder *c)
{
	column_add_int(&c->children[0], 1);
	column_add_null(&c->children[0]);
	column_end_list(c);
}

static void
add_entry(ColumnBuilder *c)
{
	column_add_text(&c->children[0].children[0], "a");
	column_add_double(&c->children[0].children[1], 1.5);
	column_add_validity(&c->children[0], NULL, 1);
	column_end_list(c);
}

static void
add_pair(ColumnBuilder *c)
{
	column_add_text(&c->children[0], "a");
	column_add_double(&c->children[1], 1.5);
	column_add_validity(c, NULL, 1);
}

static void
add_two(ColumnBuilder *c)
{
	column_add_int(&c->children[0], 1);
	column_add_int(&c->children[0], 2);
	column_add_validity(c, NULL, 1);
}

static void
nested_values_are_arrays_objects_and_pairs(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT64);
	Field pair[] = {field_of("k\"", TYPE_UTF8), field_of("v", TYPE_FLOAT64)};
	Field entries = parent_of("entries", TYPE_STRUCT, pair, 2);
	entries.nullable = pair[0].nullable = false;
	is_written(parent_of("x", TYPE_LIST, &item, 1), add_nested, "[1,null]", "[1,null]");
	is_written(parent_of("x", TYPE_LARGE_LIST, &item, 1), add_nested, "[1,null]", "[1,null]");
	Field fixed = parent_of("x", TYPE_FIXED_LIST, &item, 1);
	fixed.type.width = 2;
	is_written(fixed, add_two, "[1,2]", "[1,2]");
	is_written(parent_of("x", TYPE_MAP, &entries, 1), add_entry, "[[\"a\",1.5]]", "[[\"a\",1.5]]");
	is_written(parent_of("x", TYPE_STRUCT, pair, 2), add_pair, "{\"k\\\"\":\"a\",\"v\":1.5}",
			   "{\"k\\\"\":\"a\",\"v\":1.5}");
}

static void
views_are_texts(void **state)
{
	(void)state;
	struct {
		int32_t len;
		char in[12];
	} inside = {5, "hello"};
	struct {
		int32_t len;
		char prefix[4];
		int32_t buffer, offset;
	} outside = {13, "a lo", 0, 2};
	uint8_t values[32];
	memcpy(values, &inside, 16);
	memcpy(values + 16, &outside, 16);
	Slice data = slice_of("..a longer text", 16);
	Column column = {
		.length = 2, .values = slice_of(values, 32), .variadic = &data, .variadic_count = 1};
	Field field = field_of("x", TYPE_UTF8_VIEW);
	Buf out = BUF_INIT;
	value_json_add(&field, &column, 0, &out);
	value_json_add(&field, &column, 1, &out);
	assert_string_equal(buf_text(&out), "\"hello\"\"a longer text\"");
	buf_close(&out);
}

static Batch *
two_rows(Schema **schema)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(schema, &err, 3, "time", TYPE_TIMESTAMP, false, "a \"b\"", TYPE_UTF8, true, "v",
				 TYPE_FLOAT64, true),
	   &err);
	ok(builder_new(*schema, &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 0);
	column_add_text(builder_column(builder, 1), "x");
	column_add_double(builder_column(builder, 2), 1.5);
	column_add_int(builder_column(builder, 0), 1);
	column_add_null(builder_column(builder, 1));
	column_add_null(builder_column(builder, 2));
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static void
rows_are_arrays_or_objects(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Batch *batch = two_rows(&schema);
	JsonRows *rows = NULL;
	Error err = ERROR_INIT;
	Buf out = BUF_INIT;
	ok(json_rows_new(schema, JSON_ARRAYS, &rows, &err), &err);
	json_rows_add(rows, batch, 0, &out);
	json_rows_add(rows, batch, 1, &out);
	assert_string_equal(buf_text(&out), "[\"1970-01-01T00:00:00.000000000\",\"x\",1.5]"
										"[\"1970-01-01T00:00:00.000000001\",null,null]");
	json_rows_free(rows);
	buf_reset(&out);
	ok(json_rows_new(schema, JSON_OBJECTS, &rows, &err), &err);
	json_rows_add(rows, batch, 0, &out);
	assert_string_equal(
		buf_text(&out),
		"{\"time\":\"1970-01-01T00:00:00.000000000\",\"a \\\"b\\\"\":\"x\",\"v\":1.5}");
	json_rows_free(rows);
	buf_reset(&out);
	json_schema_add(schema, &out);
	assert_string_equal(buf_text(&out), "[{\"name\":\"time\",\"type\":\"timestamp[ns]\"},"
										"{\"name\":\"a \\\"b\\\"\",\"type\":\"string\"},"
										"{\"name\":\"v\",\"type\":\"double\"}]");
	buf_close(&out);
	batch_unref(batch);
	schema_unref(schema);
}

static void
rows_without_columns_are_empty(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Batch *batch = NULL;
	JsonRows *rows = NULL;
	Error err = ERROR_INIT;
	Buf out = BUF_INIT;
	ok(schema_new(NULL, 0, NULL, 0, &schema, &err), &err);
	ok(batch_new(schema, 1, NULL, NULL, 0, &batch, &err), &err);
	for (JsonForm form = JSON_ARRAYS; form <= JSON_OBJECTS; form++) {
		ok(json_rows_new(schema, form, &rows, &err), &err);
		json_rows_add(rows, batch, 0, &out);
		json_rows_free(rows);
	}
	json_schema_add(schema, &out);
	assert_string_equal(buf_text(&out), "[]{}[]");
	buf_close(&out);
	batch_unref(batch);
	schema_unref(schema);
}

static Status
write_all(Schema *schema, const Batch *batch, Error *err)
{
	SCOPED(json_rows_drop) JsonRows *rows = NULL;
	SCOPED(buf_close) Buf out = BUF_INIT;
	TRY(json_rows_new(schema, JSON_OBJECTS, &rows, err));
	json_schema_add(schema, &out);
	for (int i = 0; i < 20; i++)
		json_rows_add(rows, batch, i % 2, &out);
	return buf_status(&out, err, "rows");
}

static void
short_memory_is_told_and_nothing_is_left(void **state)
{
	(void)state;
	Schema *schema = NULL;
	Batch *batch = two_rows(&schema);
	Error err = ERROR_INIT;
	FAULT_LOOP(st, st = write_all(schema, batch, &err));
	batch_unref(batch);
	schema_unref(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scalars_are_written_as_the_contract_says),
		cmocka_unit_test(times_are_iso_8601),
		cmocka_unit_test(intervals_and_decimals_are_exact),
		cmocka_unit_test(nested_values_are_arrays_objects_and_pairs),
		cmocka_unit_test(views_are_texts),
		cmocka_unit_test(rows_are_arrays_or_objects),
		cmocka_unit_test(rows_without_columns_are_empty),
		cmocka_unit_test(short_memory_is_told_and_nothing_is_left),
	};
	return RUN(tests);
}
