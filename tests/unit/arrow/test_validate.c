#include "support.h"

// What a column of one field is found to be.
static void
valid(Field field, Column *c)
{
	Error err = ERROR_INIT;
	ok(column_validate(&field, c, &err), &err);
}

static void
invalid(Field field, Column c, const char *why)
{
	Error err = ERROR_INIT;
	assert_int_equal(column_validate(&field, &c, &err), ST_INVALID);
	says(&err, "'x'");
	says(&err, why);
}

#define INTS(...)  slice_of((const int32_t[]){__VA_ARGS__}, sizeof((const int32_t[]){__VA_ARGS__}))
#define TEXT(text) slice_of(text, strlen(text))

static void
null_counts_are_corrected(void **state)
{
	(void)state;
	Column c = {.length = 3, .null_count = 77, .values = INTS(1, 2, 3), .validity = TEXT("\xF9")};
	valid(field_of("x", TYPE_INT32), &c);
	assert_int_equal(c.null_count, 2); // 001, and bits past the end do not count
	c.validity = slice_of(NULL, 0);
	valid(field_of("x", TYPE_INT32), &c);
	assert_int_equal(c.null_count, 0);
	Column nulls = {.length = 5};
	valid(field_of("x", TYPE_NULL), &nulls);
	assert_int_equal(nulls.null_count, 5);
}

static void
short_buffers_are_refused(void **state)
{
	(void)state;
	Column c = {.length = 3, .values = INTS(1, 2)};
	invalid(field_of("x", TYPE_INT32), c, "values buffer");
	c.values = slice_of(NULL, 0);
	invalid(field_of("x", TYPE_INT32), c, "values buffer");
	c = (Column){.length = 9, .values = INTS(1, 2, 3), .validity = TEXT("\xFF")};
	invalid(field_of("x", TYPE_INT8), c, "validity");
	c = (Column){.length = 2, .offsets = INTS(0, 1), .values = TEXT("ab")};
	invalid(field_of("x", TYPE_UTF8), c, "offsets buffer");
	c = (Column){.length = 1, .offsets = INTS(0, 3), .values = TEXT("ab")};
	invalid(field_of("x", TYPE_UTF8), c, "values buffer");
	c = (Column){.length = -1};
	invalid(field_of("x", TYPE_NULL), c, "rows");
	c = (Column){.length = INT64_MAX};
	invalid(field_of("x", TYPE_NULL), c, "rows");
	c = (Column){.length = INT64_C(1) << 40, .values = TEXT("ab")};
	Field wide = field_of("x", TYPE_FIXED_BINARY);
	wide.type.width = INT32_MAX / 8;
	invalid(wide, c, "values buffer");
	c = (Column){.length = INT64_C(1) << 40, .values = TEXT("ab")};
	invalid(field_of("x", TYPE_BOOL), c, "values buffer");
}

static void
misaligned_buffers_are_refused(void **state)
{
	(void)state;
	_Alignas(8) static const uint8_t bytes[32];
	Column c = {.length = 1, .values = slice_of(bytes + 4, 8)};
	invalid(field_of("x", TYPE_INT64), c, "aligned");
	c = (Column){.length = 1, .offsets = slice_of(bytes + 2, 8)};
	invalid(field_of("x", TYPE_UTF8), c, "aligned");
	c = (Column){.length = 1, .values = slice_of(bytes + 1, 8)};
	Field fixed = field_of("x", TYPE_FIXED_BINARY);
	fixed.type.width = 8;
	valid(fixed, &c);
}

static void
offsets_must_not_fall_anywhere(void **state)
{
	(void)state;
	enum { ROWS = 200 };
	int32_t narrow[ROWS + 1];
	int64_t wide[ROWS + 1];
	for (int bad = 0; bad <= ROWS; bad++) {
		for (int what = 0; what < 2; what++) {
			for (int i = 0; i <= ROWS; i++)
				wide[i] = narrow[i] = i * 2;
			wide[bad] = narrow[bad] = what == 0 ? -5 : bad == ROWS ? 0 : INT32_MAX;
			Column c = {.length = ROWS, .offsets = slice_of(narrow, sizeof(narrow))};
			invalid(field_of("x", TYPE_BINARY), c, "ends before");
			c.offsets = slice_of(wide, sizeof(wide));
			invalid(field_of("x", TYPE_LARGE_BINARY), c, "ends before");
		}
	}
	Column extremes = {.length = 2, .offsets = INTS(INT32_MIN, 0, INT32_MAX)};
	invalid(field_of("x", TYPE_BINARY), extremes, "row 0");
}

static void
no_rows_need_no_offsets(void **state)
{
	(void)state;
	Column c = {.length = 0};
	valid(field_of("x", TYPE_LARGE_UTF8), &c);
	assert_int_equal(c.offsets.len, 8);
	assert_non_null(c.values.data);
	c = (Column){.length = 0, .offsets = INTS(-1)};
	invalid(field_of("x", TYPE_UTF8), c, "ends before");
}

static void
each_text_is_utf8_by_itself(void **state)
{
	(void)state;
	// A character cut in two by the border of two values.
	Column c = {.length = 2, .offsets = INTS(0, 1, 2), .values = TEXT("\xC3\xA4")};
	invalid(field_of("x", TYPE_UTF8), c, "row 0");
	c.offsets = INTS(0, 2, 2);
	valid(field_of("x", TYPE_UTF8), &c);
	c.offsets = INTS(0, 0, 2);
	valid(field_of("x", TYPE_UTF8), &c);
	// What no value refers to does not count.
	c = (Column){.length = 1,
				 .offsets = INTS(1, 4),
				 .values = TEXT("\xFF"
								"abc"
								"\xFF")};
	valid(field_of("x", TYPE_UTF8), &c);
	c = (Column){.length = 1,
				 .offsets = INTS(0, 41),
				 .values = TEXT("0123456789012345678901234567890123456789\xFF")};
	invalid(field_of("x", TYPE_UTF8), c, "row 0");
	valid(field_of("x", TYPE_BINARY), &c);
}

static void
what_lies_behind_a_null_may_be_anything(void **state)
{
	(void)state;
	Column c = {.length = 2,
				.offsets = INTS(0, 1, 2),
				.values = TEXT("\xFF"
							   "a"),
				.validity = TEXT("\x02")};
	valid(field_of("x", TYPE_UTF8), &c);
	c = (Column){.length = 2, .values = INTS(-7, 5), .validity = TEXT("\x02")};
	Field time = field_of("x", TYPE_TIME32);
	valid(time, &c);
	c.validity = slice_of(NULL, 0);
	invalid(time, c, "row 0");
}

static void
decimals_have_no_more_digits_than_their_precision(void **state)
{
	(void)state;
	Field field = field_of("x", TYPE_DECIMAL128);
	field.type.precision = 3;
	__int128 values[] = {999, -999, 0};
	Column c = {.length = 3, .values = slice_of(values, sizeof(values))};
	valid(field, &c);
	values[2] = 1000;
	invalid(field, c, "row 2");
	values[2] = -1000;
	invalid(field, c, "row 2");
	field.type.precision = 38;
	valid(field, &c);
	values[1] = (__int128)1 << 126; // 8.5e37
	valid(field, &c);
	memset(&values[1], 0x7F, sizeof(values[1])); // 1.7e38
	invalid(field, c, "row 1");
}

static void
times_lie_within_a_day(void **state)
{
	(void)state;
	int64_t values[] = {INT64_C(86400000000), 0};
	Column c = {.length = 2, .values = slice_of(values, sizeof(values))};
	Field field = field_of("x", TYPE_TIME64);
	field.type.unit = UNIT_US;
	valid(field, &c);
	values[1] = INT64_C(86400000001);
	invalid(field, c, "row 1");
	field.type.unit = UNIT_NS;
	valid(field, &c);
}

typedef struct TestView {
	int32_t len;
	char prefix[4];
	int32_t buffer;
	int32_t offset;
} TestView;

static void
views_point_into_their_buffers(void **state)
{
	(void)state;
	Slice data = TEXT("a text in a buffer");
	TestView good = {18, "a te", 0, 0};
	Column c = {.length = 1,
				.values = slice_of(&good, sizeof(good)),
				.variadic = &data,
				.variadic_count = 1};
	Field field = field_of("x", TYPE_UTF8_VIEW);
	valid(field, &c);
	const TestView bad[] = {
		{19, "a te", 0, 0},  {18, "b te", 0, 0},         {18, "a te", 1, 0}, {18, "a te", -1, 0},
		{18, "a te", 0, -1}, {INT32_MAX, "a te", 0, 17}, {-1, "", 0, 0},     {1, "\xFF", 0, 0},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		c.values = slice_of(&bad[i], sizeof(bad[i]));
		c.validity = slice_of(NULL, 0);
		invalid(field, c, "row 0");
		c.validity = TEXT("\xFE"); // a NULL's view is not looked at
		valid(field, &c);
	}
}

static void
children_fit_their_parents(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT32);
	Column items = {.length = 3, .values = INTS(1, 2, 3)};
	Column c = {.length = 2, .offsets = INTS(0, 1, 3), .children = &items, .child_count = 1};
	Field list = parent_of("x", TYPE_LIST, &item, 1);
	valid(list, &c);
	c.offsets = INTS(0, 1, 4);
	invalid(list, c, "child 'item' has 3 rows and needs 4");
	c.child_count = 0;
	invalid(list, c, "children");

	Field fixed = parent_of("x", TYPE_FIXED_LIST, &item, 1);
	fixed.type.width = 2;
	c = (Column){.length = 2, .children = &items, .child_count = 1};
	invalid(fixed, c, "needs 4");
	fixed.type.width = INT32_MAX;
	c.length = INT64_C(1) << 40;
	invalid(fixed, c, "needs");

	// A struct's longer child is cut, and its NULLs are counted anew.
	items.validity = TEXT("\x01");
	c = (Column){.length = 1, .children = &items, .child_count = 1};
	valid(parent_of("x", TYPE_STRUCT, &item, 1), &c);
	assert_int_equal(items.length, 1);
	assert_int_equal(items.null_count, 0);
	assert_int_equal(items.values.len, 4);
	items.values.len = 0;
	invalid(parent_of("x", TYPE_STRUCT, &item, 1), c, "in column 'x': column 'item'");
}

static void
keys_of_maps_are_not_null(void **state)
{
	(void)state;
	Field parts[] = {field_of("key", TYPE_INT32), field_of("value", TYPE_INT32)};
	Field entries = parent_of("entries", TYPE_STRUCT, parts, 2);
	Column columns[] = {{.length = 1, .values = INTS(1)}, {.length = 1, .values = INTS(1)}};
	Column entry = {.length = 1, .children = columns, .child_count = 2};
	Column c = {.length = 1, .offsets = INTS(0, 1), .children = &entry, .child_count = 1};
	columns[1].validity = TEXT("\xF0");
	valid(parent_of("x", TYPE_MAP, &entries, 1), &c);
	columns[0].validity = TEXT("\xF0");
	invalid(parent_of("x", TYPE_MAP, &entries, 1), c, "NULL key");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_counts_are_corrected),
		cmocka_unit_test(short_buffers_are_refused),
		cmocka_unit_test(misaligned_buffers_are_refused),
		cmocka_unit_test(offsets_must_not_fall_anywhere),
		cmocka_unit_test(no_rows_need_no_offsets),
		cmocka_unit_test(each_text_is_utf8_by_itself),
		cmocka_unit_test(what_lies_behind_a_null_may_be_anything),
		cmocka_unit_test(decimals_have_no_more_digits_than_their_precision),
		cmocka_unit_test(times_lie_within_a_day),
		cmocka_unit_test(views_point_into_their_buffers),
		cmocka_unit_test(children_fit_their_parents),
		cmocka_unit_test(keys_of_maps_are_not_null),
	};
	return RUN(tests);
}
