#include "arrow/convert.h"

#include <math.h>

#include "support.h"

#define TEXT(text)    slice_of(text, strlen(text))
#define ARRAY(T, ...) slice_of((const T[]){__VA_ARGS__}, sizeof((const T[]){__VA_ARGS__}))

static Field
timed(TypeId id, TimeUnit unit)
{
	Field field = field_of("x", id);
	field.type.unit = unit;
	return field;
}

static Field
canonical_of(Field field, Schema **keep)
{
	Schema *schema = schema_one(field);
	Error err = ERROR_INIT;
	ok(schema_canonical(schema, keep, &err), &err);
	schema_unref(schema);
	return *schema_field(*keep, 0);
}

static Owners *
converted(const Field *from, Column c, const Field *to, Column *out)
{
	Error err = ERROR_INIT;
	ok(column_validate(from, &c, &err), &err);
	Owners *owners = owners_new();
	ok(column_convert(from, &c, to, NULL, owners, out, &err), &err);
	ok(column_validate(to, out, &err), &err);
	return owners;
}

static void
refused(const Field *from, Column c, const Field *to, const char *why)
{
	Error err = ERROR_INIT;
	Owners *owners = owners_new();
	Column out;
	assert_int_equal(column_convert(from, &c, to, NULL, owners, &out, &err), ST_INVALID);
	says(&err, "'x'");
	says(&err, why);
	owners_free(owners);
}

static void
tables_keep_fewer_types(void **state)
{
	(void)state;
	const TypeId pairs[][2] = {
		{TYPE_FLOAT16, TYPE_FLOAT32},
		{TYPE_LARGE_UTF8, TYPE_UTF8},
		{TYPE_UTF8_VIEW, TYPE_UTF8},
		{TYPE_LARGE_BINARY, TYPE_BINARY},
		{TYPE_BINARY_VIEW, TYPE_BINARY},
		{TYPE_FIXED_BINARY, TYPE_BINARY},
		{TYPE_DATE64, TYPE_DATE32},
		{TYPE_TIME32, TYPE_TIME64},
		{TYPE_INTERVAL_MONTHS, TYPE_INTERVAL_MONTH_DAY_NANO},
		{TYPE_INTERVAL_DAY_TIME, TYPE_INTERVAL_MONTH_DAY_NANO},
		{TYPE_TIMESTAMP, TYPE_TIMESTAMP},
		{TYPE_UINT8, TYPE_UINT8},
		{TYPE_NULL, TYPE_NULL},
	};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		Schema *schema = NULL;
		Field field = canonical_of(timed(pairs[i][0], UNIT_MS), &schema);
		assert_int_equal(field.type.id, pairs[i][1]);
		if (field.type.id == TYPE_TIME64)
			assert_int_equal(field.type.unit, UNIT_US);
		schema_unref(schema);
	}
}

static void
nested_types_are_canonical_by_their_children_and_keep_metadata(void **state)
{
	(void)state;
	KeyValue extension = {slice_text("ARROW:extension:name"), slice_text("uuid")};
	Field item = field_of("item", TYPE_LARGE_UTF8);
	item.dictionary = true;
	item.index_type = TYPE_INT8;
	item.metadata = &extension;
	item.metadata_count = 1;
	Schema *schema = NULL;
	Field field = canonical_of(parent_of("x", TYPE_LARGE_LIST, &item, 1), &schema);
	assert_int_equal(field.type.id, TYPE_LIST);
	assert_int_equal(field.children[0].type.id, TYPE_UTF8);
	assert_false(field.children[0].dictionary);
	assert_true(slice_is(field.children[0].metadata[0].value, "uuid"));
	schema_unref(schema);
}

static void
no_table_keeps(Field field, const char *why)
{
	Schema *schema = schema_one(field), *out = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(schema_canonical(schema, &out, &err), ST_UNIMPLEMENTED);
	says(&err, "'x'");
	says(&err, why);
	schema_unref(schema);
}

static void
what_tables_cannot_keep_is_refused_by_column_and_type(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_DECIMAL128);
	field.type.precision = 5;
	field.type.scale = -2;
	no_table_keeps(field, "decimal128(5, -2)");
	no_table_keeps(field_of("x", TYPE_STRUCT), "struct<>");
	Field item = field_of("item", TYPE_INT8);
	field = parent_of("x", TYPE_FIXED_LIST, &item, 1);
	no_table_keeps(field, "[0]");
}

static bool
widens(Field from, Field to)
{
	return field_widens(&from, &to);
}

static void
types_widen_within_their_family_only(void **state)
{
	(void)state;
	assert_true(widens(field_of("x", TYPE_INT8), field_of("x", TYPE_INT64)));
	assert_true(widens(field_of("x", TYPE_INT64), field_of("x", TYPE_INT64)));
	assert_false(widens(field_of("x", TYPE_INT64), field_of("x", TYPE_INT8)));
	assert_false(widens(field_of("x", TYPE_INT64), field_of("x", TYPE_UINT8)));
	assert_false(widens(field_of("x", TYPE_UINT8), field_of("x", TYPE_INT64)));
	assert_false(widens(field_of("x", TYPE_INT8), field_of("x", TYPE_FLOAT64)));
	assert_true(widens(field_of("x", TYPE_UINT8), field_of("x", TYPE_UINT16)));
	assert_true(widens(field_of("x", TYPE_FLOAT16), field_of("x", TYPE_FLOAT64)));
	assert_false(widens(field_of("x", TYPE_FLOAT64), field_of("x", TYPE_FLOAT32)));
	assert_true(widens(field_of("x", TYPE_NULL), field_of("x", TYPE_UTF8)));
	assert_false(widens(field_of("x", TYPE_UTF8), field_of("x", TYPE_NULL)));
	assert_true(widens(field_of("x", TYPE_UTF8_VIEW), field_of("x", TYPE_UTF8)));
	assert_false(widens(field_of("x", TYPE_UTF8), field_of("x", TYPE_BINARY)));
	assert_true(widens(timed(TYPE_TIMESTAMP, UNIT_S), timed(TYPE_TIMESTAMP, UNIT_NS)));
	assert_false(widens(timed(TYPE_TIMESTAMP, UNIT_NS), timed(TYPE_TIMESTAMP, UNIT_S)));
	assert_true(widens(timed(TYPE_TIME32, UNIT_S), timed(TYPE_TIME64, UNIT_US)));

	Field utc = timed(TYPE_TIMESTAMP, UNIT_S), berlin = timed(TYPE_TIMESTAMP, UNIT_S);
	utc.type.zone = "UTC";
	berlin.type.zone = "Europe/Berlin";
	assert_true(widens(utc, berlin));
	assert_false(widens(utc, timed(TYPE_TIMESTAMP, UNIT_S)));

	Field small = field_of("x", TYPE_DECIMAL128), large = small;
	small.type.precision = 5;
	large.type.precision = 9;
	assert_true(widens(small, large));
	assert_false(widens(large, small));
	large.type.scale = 1;
	assert_false(widens(small, large));
}

static void
nested_types_widen_by_their_children(void **state)
{
	(void)state;
	Field a = field_of("a", TYPE_INT8), wide = field_of("a", TYPE_INT32),
		  b = field_of("b", TYPE_INT8);
	assert_true(widens(parent_of("x", TYPE_STRUCT, &a, 1), parent_of("x", TYPE_STRUCT, &wide, 1)));
	assert_false(widens(parent_of("x", TYPE_STRUCT, &wide, 1), parent_of("x", TYPE_STRUCT, &a, 1)));
	assert_false(widens(parent_of("x", TYPE_STRUCT, &a, 1), parent_of("x", TYPE_STRUCT, &b, 1)));
	assert_true(
		widens(parent_of("x", TYPE_LARGE_LIST, &b, 1), parent_of("x", TYPE_LIST, &wide, 1)));
	Field two[] = {a, b};
	assert_false(widens(parent_of("x", TYPE_STRUCT, &a, 1), parent_of("x", TYPE_STRUCT, two, 2)));
}

static void
two_fields_have_the_wider_in_common(void **state)
{
	(void)state;
	Field a = timed(TYPE_TIMESTAMP, UNIT_S), b = timed(TYPE_TIMESTAMP, UNIT_US), out;
	a.type.zone = "UTC";
	b.type.zone = "Europe/Berlin";
	b.name = "other";
	a.nullable = false;
	assert_true(field_common(&a, &b, &out));
	assert_int_equal(out.type.unit, UNIT_US);
	assert_string_equal(out.type.zone, "UTC");
	assert_string_equal(out.name, "x");
	assert_true(out.nullable);
	assert_true(field_common(&b, &a, &out));
	assert_int_equal(out.type.unit, UNIT_US);
	Field null = field_of("x", TYPE_NULL), text = field_of("x", TYPE_UTF8);
	assert_true(field_common(&null, &text, &out));
	assert_int_equal(out.type.id, TYPE_UTF8);
	assert_false(field_common(&text, &a, &out));
}

static void
equal_values_are_shared(void **state)
{
	(void)state;
	Field from = field_of("x", TYPE_INT32);
	from.type.unit = UNIT_NS; // which an int32 does not have
	Field to = field_of("x", TYPE_INT32);
	Column c = {.length = 2, .values = ARRAY(int32_t, 1, 2), .validity = TEXT("\x01")}, out;
	Owners *owners = converted(&from, c, &to, &out);
	assert_ptr_equal(out.values.data, c.values.data);
	assert_ptr_equal(out.validity.data, c.validity.data);
	assert_int_equal(out.null_count, 1);
	owners_free(owners);
}

static void
numbers_widen_by_value(void **state)
{
	(void)state;
	Column out;
	Field from = field_of("x", TYPE_INT8), to = field_of("x", TYPE_INT64);
	Owners *owners =
		converted(&from, (Column){.length = 2, .values = ARRAY(int8_t, -5, 7)}, &to, &out);
	assert_int_equal(int64_at(&out, 0), -5);
	assert_int_equal(int64_at(&out, 1), 7);
	owners_free(owners);

	for (TypeId a = TYPE_INT8; a <= TYPE_UINT64; a++) {
		for (TypeId b = a; b <= TYPE_UINT64; b++) {
			from = field_of("x", a);
			to = field_of("x", b);
			if (!field_widens(&from, &to))
				continue;
			bool is_signed = a <= TYPE_INT64;
			int64_t in = -3, wide = 0;
			values_widen(&from.type, &to.type, &in, 1, &wide);
			unsigned bits_in = (unsigned)type_layout(&from.type).value_bits;
			unsigned bits_out = (unsigned)type_layout(&to.type).value_bits;
			uint64_t wanted = is_signed ? (uint64_t)-3 << (64 - bits_out) >> (64 - bits_out)
										: (uint64_t)-3 << (64 - bits_in) >> (64 - bits_in);
			assert_int_equal((uint64_t)wide, wanted);
		}
	}
}

static void
half_floats_are_exact(void **state)
{
	(void)state;
	const uint16_t halves[] = {0x0000, 0x8000, 0x3C00, 0xC000, 0x7BFF, 0x0001,
							   0x03FF, 0x0400, 0x7C00, 0xFC00, 0x7E01, 0x3555};
	const double wanted[] = {0,
							 -0.0,
							 1,
							 -2,
							 65504,
							 0x1p-24,
							 0x3FFp-24,
							 0x1p-14,
							 (double)INFINITY,
							 -(double)INFINITY,
							 (double)NAN,
							 0.333251953125};
	Field from = field_of("x", TYPE_FLOAT16), single = field_of("x", TYPE_FLOAT32),
		  wide = field_of("x", TYPE_FLOAT64);
	Column c = {.length = COUNT_OF(halves), .values = slice_of(halves, sizeof(halves))}, out;
	Owners *owners = converted(&from, c, &single, &out);
	double doubles[COUNT_OF(halves)];
	values_widen(&from.type, &wide.type, halves, COUNT_OF(halves), doubles);
	for (size_t i = 0; i < COUNT_OF(halves); i++) {
		float value = ((const float *)(const void *)out.values.data)[i];
		if (isnan(wanted[i])) {
			assert_true(isnan(value) && isnan(doubles[i]));
			continue;
		}
		assert_true((double)value == wanted[i] && doubles[i] == wanted[i]);
		assert_int_equal(signbit(value) != 0, signbit(wanted[i]) != 0);
	}
	owners_free(owners);
}

static void
finer_time_units_are_refused_where_they_overflow(void **state)
{
	(void)state;
	Field from = timed(TYPE_TIMESTAMP, UNIT_S), to = timed(TYPE_TIMESTAMP, UNIT_NS);
	const int64_t most = INT64_MAX / 1000000000;
	int64_t values[] = {most, -most, most + 1};
	Column c = {.length = 3, .values = slice_of(values, sizeof(values))}, out;
	refused(&from, c, &to, "row 2");
	values[2] = -most - 1;
	refused(&from, c, &to, "row 2");
	c.validity = TEXT("\x03"); // behind a NULL it does not matter
	Owners *owners = converted(&from, c, &to, &out);
	assert_int_equal(int64_at(&out, 0), most * 1000000000);
	assert_int_equal(int64_at(&out, 1), -most * 1000000000);
	owners_free(owners);

	int64_t old[] = {INT64_MAX, INT64_MIN, 5}, wide[3];
	values_widen(&from.type, &to.type, old, 3, wide);
	assert_int_equal(wide[0], INT64_MAX);
	assert_int_equal(wide[1], INT64_MIN);
	assert_int_equal(wide[2], INT64_C(5000000000));
}

static void
dates_and_times_keep_their_day_and_instant(void **state)
{
	(void)state;
	Column out;
	Field from = field_of("x", TYPE_DATE64), to = field_of("x", TYPE_DATE32);
	Column c = {.length = 4, .values = ARRAY(int64_t, 86400000, -1, -86400000, 86399999)};
	Owners *owners = converted(&from, c, &to, &out);
	const int32_t days[] = {1, -1, -1, 0};
	assert_memory_equal(out.values.data, days, sizeof(days));
	owners_free(owners);
	c = (Column){.length = 2, .values = ARRAY(int64_t, 0, INT64_MAX)};
	refused(&from, c, &to, "row 1");

	from = timed(TYPE_TIME32, UNIT_MS);
	to = timed(TYPE_TIME64, UNIT_US);
	owners = converted(&from, (Column){.length = 1, .values = ARRAY(int32_t, 1500)}, &to, &out);
	assert_int_equal(int64_at(&out, 0), 1500000);
	owners_free(owners);
}

typedef struct Interval {
	int32_t months, days;
	int64_t nanos;
} Interval;

static void
intervals_are_whole_microseconds(void **state)
{
	(void)state;
	Column out;
	Field to = field_of("x", TYPE_INTERVAL_MONTH_DAY_NANO),
		  from = field_of("x", TYPE_INTERVAL_MONTHS);
	Owners *owners =
		converted(&from, (Column){.length = 1, .values = ARRAY(int32_t, -7)}, &to, &out);
	assert_memory_equal(out.values.data, (&(Interval){-7, 0, 0}), sizeof(Interval));
	owners_free(owners);
	from.type.id = TYPE_INTERVAL_DAY_TIME;
	_Alignas(8) const int32_t day_time[] = {3, -4};
	owners = converted(&from, (Column){.length = 1, .values = slice_of(day_time, 8)}, &to, &out);
	assert_memory_equal(out.values.data, (&(Interval){0, 3, -4000000}), sizeof(Interval));
	owners_free(owners);

	const Interval values[] = {{1, 2, 3000}, {1, 2, 3001}};
	refused(&to, (Column){.length = 2, .values = slice_of(values, sizeof(values))}, &to, "row 1");
}

static void
large_and_fixed_and_viewed_bytes_become_plain_ones(void **state)
{
	(void)state;
	Column out;
	Field to = field_of("x", TYPE_UTF8), from = field_of("x", TYPE_LARGE_UTF8);
	Column c = {.length = 2, .offsets = ARRAY(int64_t, 2, 3, 5), .values = TEXT("__abc")};
	Owners *owners = converted(&from, c, &to, &out);
	text_is(&out, 0, "a");
	text_is(&out, 1, "bc");
	owners_free(owners);

	from = field_of("x", TYPE_FIXED_BINARY);
	from.type.width = 2;
	to = field_of("x", TYPE_BINARY);
	owners = converted(&from, (Column){.length = 2, .values = TEXT("abcd")}, &to, &out);
	text_is(&out, 1, "cd");
	owners_free(owners);

	typedef struct TestView {
		int32_t len;
		char prefix[4];
		int32_t buffer;
		int32_t offset;
	} TestView;
	const TestView views[] = {{2, "hi", 0, 0}, {999, "", 9, 9}, {13, "long", 0, 1}};
	Slice data = TEXT("_longer than 1");
	c = (Column){.length = 3,
				 .values = slice_of(views, sizeof(views)),
				 .validity = TEXT("\x05"),
				 .variadic = &data,
				 .variadic_count = 1};
	from = field_of("x", TYPE_UTF8_VIEW);
	to = field_of("x", TYPE_UTF8);
	owners = converted(&from, c, &to, &out);
	text_is(&out, 0, "hi");
	assert_false(column_valid(&out, 1));
	text_is(&out, 2, "longer than 1");
	assert_int_equal(out.variadic_count, 0);
	owners_free(owners);
}

static void
columns_over_two_gigabytes_are_refused_by_name(void **state)
{
	(void)state;
	const int64_t offsets[] = {0, INT64_C(1) << 31};
	Column c = {.length = 1, .offsets = slice_of(offsets, sizeof(offsets)), .values = TEXT("")};
	Field from = field_of("x", TYPE_LARGE_UTF8), to = field_of("x", TYPE_UTF8);
	refused(&from, c, &to, "2 GiB");
	Field item = field_of("item", TYPE_INT8);
	from = parent_of("x", TYPE_LARGE_LIST, &item, 1);
	to = parent_of("x", TYPE_LIST, &item, 1);
	refused(&from, c, &to, "2 GiB");
	from = field_of("x", TYPE_FIXED_BINARY);
	from.type.width = 1 << 20;
	to = field_of("x", TYPE_BINARY);
	refused(&from, (Column){.length = 2048}, &to, "2 GiB");
	from = field_of("x", TYPE_BINARY_VIEW);
	static int32_t views[3 * 4];
	views[0] = views[4] = views[8] = 1 << 30;
	refused(&from, (Column){.length = 3, .values = slice_of(views, sizeof(views))}, &to, "2 GiB");
}

static void
nested_columns_convert_their_children(void **state)
{
	(void)state;
	Field large = field_of("t", TYPE_LARGE_UTF8), plain = field_of("t", TYPE_UTF8);
	Field narrow = parent_of("s", TYPE_STRUCT, &large, 1),
		  wide = parent_of("s", TYPE_STRUCT, &plain, 1);
	Field from = parent_of("x", TYPE_LARGE_LIST, &narrow, 1),
		  to = parent_of("x", TYPE_LIST, &wide, 1);
	Column texts = {.length = 2, .offsets = ARRAY(int64_t, 0, 1, 2), .values = TEXT("ab")};
	Column structs = {.length = 2, .children = &texts, .child_count = 1};
	Column c = {
		.length = 1, .offsets = ARRAY(int64_t, 0, 2), .children = &structs, .child_count = 1};
	Column out;
	Owners *owners = converted(&from, c, &to, &out);
	assert_int_equal(((const int32_t *)(const void *)out.offsets.data)[1], 2);
	text_is(&out.children[0].children[0], 1, "b");
	owners_free(owners);

	Field fine = timed(TYPE_TIMESTAMP, UNIT_NS), coarse = timed(TYPE_TIMESTAMP, UNIT_S);
	fine.name = coarse.name = "t";
	Field struct_from = parent_of("x", TYPE_STRUCT, &coarse, 1),
		  struct_to = parent_of("x", TYPE_STRUCT, &fine, 1);
	Column times = {.length = 1, .values = ARRAY(int64_t, INT64_MAX)};
	c = (Column){.length = 1, .children = &times, .child_count = 1};
	refused(&struct_from, c, &struct_to, "in column 'x': column 't': row 0");

	// Of rows that are stored already it goes as far as it can.
	Error err = ERROR_INIT;
	owners = owners_new();
	ok(column_widen(&struct_from, &c, &struct_to, NULL, owners, &out, &err), &err);
	assert_true(((const int64_t *)(const void *)out.children[0].values.data)[0] == INT64_MAX);
	owners_free(owners);
}

static void
nulls_become_a_column_of_any_type(void **state)
{
	(void)state;
	Field from = field_of("x", TYPE_NULL), item = field_of("item", TYPE_UTF8);
	Field parts[] = {field_of("key", TYPE_INT32), field_of("value", TYPE_BOOL)};
	Field entries = parent_of("entries", TYPE_STRUCT, parts, 2);
	Field targets[] = {field_of("x", TYPE_BOOL),
					   field_of("x", TYPE_DECIMAL128),
					   parent_of("x", TYPE_FIXED_LIST, &item, 1),
					   parent_of("x", TYPE_MAP, &entries, 1),
					   entries,
					   from};
	targets[1].type.precision = 3;
	targets[2].type.width = 2;
	for (size_t i = 0; i < COUNT_OF(targets); i++) {
		for (int64_t rows = 0; rows < 20; rows += 9) {
			Column out;
			Owners *owners = converted(&from, (Column){.length = rows}, &targets[i], &out);
			assert_int_equal(out.length, rows);
			assert_int_equal(out.null_count, rows);
			owners_free(owners);
		}
	}
}

static void
what_does_not_fit_is_refused_with_both_types(void **state)
{
	(void)state;
	Field from = field_of("x", TYPE_INT64), to = field_of("x", TYPE_UTF8);
	refused(&from, (Column){.length = 0}, &to, "int64 does not fit string");
}

static void
owners_keep_what_they_are_given(void **state)
{
	(void)state;
	Owners *owners = owners_new();
	for (int i = 0; i < 20; i++)
		assert_true(owners_add(owners, bytes_new(NULL, 8)));
	int32_t count = 0;
	Schema *schema = NULL;
	Batch *batch = NULL;
	assert_int_equal(schema_of(&schema, NULL, 0), ST_OK);
	assert_int_equal(batch_new(schema, 0, NULL, owners_list(owners, &count), 20, &batch, NULL),
					 ST_OK);
	assert_int_equal(count, 20);
	owners_free(owners);
	Owners *more = owners_new();
	assert_true(owners_add_batch(more, batch));
	batch_unref(batch);
	memset(bytes_data(owners_list(more, &count)[19]), 1, 8);
	owners_free(more);
	owners_free(NULL);
	schema_unref(schema);
	assert_int_equal(mem_live(), 0);
}

static void
conversions_survive_every_fault(void **state)
{
	(void)state;
	Field large = field_of("t", TYPE_LARGE_UTF8), plain = field_of("t", TYPE_UTF8);
	Field from = parent_of("x", TYPE_LARGE_LIST, &large, 1),
		  to = parent_of("x", TYPE_LIST, &plain, 1);
	Column texts = {.length = 2, .offsets = ARRAY(int64_t, 0, 1, 2), .values = TEXT("ab")};
	Column c = {.length = 1, .offsets = ARRAY(int64_t, 0, 2), .children = &texts, .child_count = 1};
	FAULT_LOOP(st, {
		Column out;
		Owners *owners = owners_new();
		st = owners == NULL ? ST_NO_MEMORY
							: column_convert(&from, &c, &to, NULL, owners, &out, NULL);
		owners_free(owners);
	});
	FAULT_LOOP(st, {
		Column out;
		Owners *owners = owners_new();
		st = owners == NULL ? ST_NO_MEMORY : column_nulls(&to, 9, NULL, owners, &out, NULL);
		owners_free(owners);
	});

	// The kinds that need new buffers, each by itself.
	static const int32_t views[8] = {1, 'a', 0, 0, 1, 'b', 0, 0};
	const TypeId pairs[][2] = {
		{TYPE_UTF8_VIEW, TYPE_UTF8}, {TYPE_FIXED_BINARY, TYPE_BINARY}, {TYPE_INT8, TYPE_INT16}};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		Field a = field_of("x", pairs[i][0]), b = field_of("x", pairs[i][1]);
		Column values = {.length = 2, .values = slice_of(views, sizeof(views))};
		FAULT_LOOP(st, {
			Column out;
			Owners *owners = owners_new();
			st = owners == NULL ? ST_NO_MEMORY
								: column_convert(&a, &values, &b, NULL, owners, &out, NULL);
			owners_free(owners);
		});
	}

	Schema *schema = schema_one(from);
	FAULT_LOOP(st, {
		Schema *out = NULL;
		st = schema_canonical(schema, &out, NULL);
		schema_unref(out);
	});
	schema_unref(schema);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_keep_fewer_types),
		cmocka_unit_test(nested_types_are_canonical_by_their_children_and_keep_metadata),
		cmocka_unit_test(what_tables_cannot_keep_is_refused_by_column_and_type),
		cmocka_unit_test(types_widen_within_their_family_only),
		cmocka_unit_test(nested_types_widen_by_their_children),
		cmocka_unit_test(two_fields_have_the_wider_in_common),
		cmocka_unit_test(equal_values_are_shared),
		cmocka_unit_test(numbers_widen_by_value),
		cmocka_unit_test(half_floats_are_exact),
		cmocka_unit_test(finer_time_units_are_refused_where_they_overflow),
		cmocka_unit_test(dates_and_times_keep_their_day_and_instant),
		cmocka_unit_test(intervals_are_whole_microseconds),
		cmocka_unit_test(large_and_fixed_and_viewed_bytes_become_plain_ones),
		cmocka_unit_test(columns_over_two_gigabytes_are_refused_by_name),
		cmocka_unit_test(nested_columns_convert_their_children),
		cmocka_unit_test(nulls_become_a_column_of_any_type),
		cmocka_unit_test(what_does_not_fit_is_refused_with_both_types),
		cmocka_unit_test(owners_keep_what_they_are_given),
		cmocka_unit_test(conversions_survive_every_fault),
	};
	return RUN(tests);
}
