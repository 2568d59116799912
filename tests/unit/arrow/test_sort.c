#include "arrow/sort.h"

#include <math.h>

#include "support.h"

static uint64_t
next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

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
	builder_free(builder);
	return batch;
}

// Sorts by column 0 and wants these rows; releases the batch.
static void
sorts_to(Batch *batch, bool descending, const uint32_t *wanted)
{
	uint32_t order[64];
	SortKey key = {0, descending};
	Error err = ERROR_INIT;
	ok(batch_sort_order(batch, &key, 1, order, &err), &err);
	for (int64_t i = 0; i < batch_rows(batch); i++)
		assert_int_equal(order[i], wanted[i]);
	batch_unref(batch);
}

#define WANTED(...) ((const uint32_t[]){__VA_ARGS__})

static Batch *
ints(TypeId id)
{
	Builder *builder = builder_of(field_of("x", id));
	const int values[] = {5, -1, 0, 100, -100};
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		column_add_int(builder_column(builder, 0), values[i]);
		if (i == 2)
			column_add_null(builder_column(builder, 0));
	}
	return finish(builder);
}

static void
signed_numbers_sort_by_value_and_nulls_first(void **state)
{
	(void)state;
	const TypeId types[] = {TYPE_INT8,   TYPE_INT16,  TYPE_INT32,     TYPE_INT64,
							TYPE_DATE32, TYPE_DATE64, TYPE_TIMESTAMP, TYPE_INTERVAL_MONTHS};
	for (size_t t = 0; t < COUNT_OF(types); t++) {
		sorts_to(ints(types[t]), false, WANTED(3, 5, 1, 2, 0, 4));
		sorts_to(ints(types[t]), true, WANTED(3, 4, 0, 2, 1, 5));
	}
}

static void
unsigned_numbers_sort_by_value(void **state)
{
	(void)state;
	for (TypeId id = TYPE_UINT8; id <= TYPE_UINT64; id++) {
		Builder *builder = builder_of(field_of("x", id));
		column_add_uint(builder_column(builder, 0), UINT64_MAX);
		column_add_uint(builder_column(builder, 0), 3);
		column_add_uint(builder_column(builder, 0), 0);
		sorts_to(finish(builder), false, WANTED(2, 1, 0));
	}
}

static Batch *
doubles(TypeId id)
{
	Builder *builder = builder_of(field_of("x", id));
	const double values[] = {(double)NAN, -0.0, 0.0, -1.5, (double)INFINITY, -(double)INFINITY, 2};
	for (size_t i = 0; i < COUNT_OF(values); i++)
		column_add_double(builder_column(builder, 0), values[i]);
	return finish(builder);
}

static void
nan_is_above_all_numbers_and_zeros_are_equal(void **state)
{
	(void)state;
	for (TypeId id = TYPE_FLOAT32; id <= TYPE_FLOAT64; id++) {
		sorts_to(doubles(id), false, WANTED(5, 3, 1, 2, 6, 4, 0));
		sorts_to(doubles(id), true, WANTED(0, 4, 6, 1, 2, 3, 5));
	}
	Builder *builder = builder_of(field_of("x", TYPE_FLOAT16));
	const uint16_t halves[] = {0x7E00, 0x3C00, 0xBC00, 0x0001, 0x8000}; // nan, 1, -1, 2^-24, -0
	for (size_t i = 0; i < COUNT_OF(halves); i++)
		column_add_bytes(builder_column(builder, 0), slice_of(&halves[i], 2));
	sorts_to(finish(builder), false, WANTED(2, 4, 3, 1, 0));
}

static void
texts_sort_by_their_bytes(void **state)
{
	(void)state;
	const TypeId types[] = {TYPE_UTF8, TYPE_LARGE_UTF8, TYPE_BINARY};
	for (size_t t = 0; t < COUNT_OF(types); t++) {
		Builder *builder = builder_of(field_of("x", types[t]));
		const char *const texts[] = {"b", "", "ab", NULL, "a", "\xC3\xA4"};
		for (size_t i = 0; i < COUNT_OF(texts); i++)
			column_add_text(builder_column(builder, 0), texts[i]);
		sorts_to(finish(builder), false, WANTED(3, 1, 4, 2, 0, 5));
	}
	Field fixed = field_of("x", TYPE_FIXED_BINARY);
	fixed.type.width = 2;
	Builder *builder = builder_of(fixed);
	column_add_text(builder_column(builder, 0), "zz");
	column_add_text(builder_column(builder, 0), "az");
	sorts_to(finish(builder), false, WANTED(1, 0));
}

static void
views_sort_like_texts(void **state)
{
	(void)state;
	typedef struct TestView {
		int32_t len;
		char prefix[4];
		int32_t buffer;
		int32_t offset;
	} TestView;
	Schema *schema = schema_one(field_of("x", TYPE_UTF8_VIEW));
	static const TestView views[] = {{14, "long", 0, 0}, {5, "long", 'e', 0}, {1, "a", 0, 0}};
	Slice data = slice_text("longer than 12");
	Column c = {.length = 3,
				.values = slice_of(views, sizeof(views)),
				.variadic = &data,
				.variadic_count = 1};
	Batch *batch = NULL;
	assert_int_equal(batch_new(schema, 3, &c, NULL, 0, &batch, NULL), ST_OK);
	schema_unref(schema);
	sorts_to(batch, false, WANTED(2, 1, 0));
}

static void
decimals_intervals_and_bools_sort_by_value(void **state)
{
	(void)state;
	Field decimal = field_of("x", TYPE_DECIMAL128);
	decimal.type.precision = 38;
	Builder *builder = builder_of(decimal);
	const __int128 values[] = {(__int128)1 << 100, -1, 5};
	for (size_t i = 0; i < COUNT_OF(values); i++)
		column_add_bytes(builder_column(builder, 0), slice_of(&values[i], 16));
	sorts_to(finish(builder), true, WANTED(0, 2, 1));

	typedef struct Interval {
		int32_t months, days;
		int64_t nanos;
	} Interval;
	builder = builder_of(field_of("x", TYPE_INTERVAL_MONTH_DAY_NANO));
	const Interval intervals[] = {{1, 0, 0}, {0, 29, 0}, {0, 30, 1}, {0, 0, -1}};
	for (size_t i = 0; i < COUNT_OF(intervals); i++)
		column_add_bytes(builder_column(builder, 0), slice_of(&intervals[i], 16));
	sorts_to(finish(builder), false, WANTED(3, 1, 0, 2));

	builder = builder_of(field_of("x", TYPE_INTERVAL_DAY_TIME));
	const int32_t day_times[][2] = {{1, 0}, {0, 86400001}, {0, 5}};
	for (size_t i = 0; i < COUNT_OF(day_times); i++)
		column_add_bytes(builder_column(builder, 0), slice_of(day_times[i], 8));
	sorts_to(finish(builder), false, WANTED(2, 0, 1));

	builder = builder_of(field_of("x", TYPE_BOOL));
	column_add_bool(builder_column(builder, 0), true);
	column_add_bool(builder_column(builder, 0), false);
	sorts_to(finish(builder), false, WANTED(1, 0));

	builder = builder_of(field_of("x", TYPE_NULL));
	column_add_null(builder_column(builder, 0));
	column_add_null(builder_column(builder, 0));
	sorts_to(finish(builder), true, WANTED(0, 1));
}

static Batch *
two_columns(uint32_t rows, uint64_t distinct)
{
	Schema *schema = NULL;
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&schema, &err, 2, "a", TYPE_UTF8, true, "b", TYPE_INT32, true), &err);
	ok(builder_new(schema, &builder, &err), &err);
	schema_unref(schema);
	uint64_t seed = 88172645463325252U;
	for (uint32_t i = 0; i < rows; i++) {
		char text[16];
		snprintf(text, sizeof(text), "%d", (int)(next_random(&seed) % distinct));
		column_add_text(builder_column(builder, 0), i % 11 == 0 ? NULL : text);
		column_add_int(builder_column(builder, 1), (int64_t)(next_random(&seed) % distinct));
	}
	return finish(builder);
}

static void
later_keys_decide_between_equal_rows_and_then_position(void **state)
{
	(void)state;
	Batch *batch = two_columns(5000, 20), *sorted = NULL;
	SortKey keys[] = {{0, false}, {1, true}};
	uint32_t *order = mem_alloc_array(5000, sizeof(*order));
	Error err = ERROR_INIT;
	ok(batch_sort_order(batch, keys, 2, order, &err), &err);
	ok(batch_sort(batch, keys, 2, NULL, &sorted, &err), &err);
	const Column *a = batch_column(sorted, 0), *b = batch_column(sorted, 1);
	for (int64_t i = 1; i < 5000; i++) {
		if (column_valid(a, i - 1) != column_valid(a, i)) {
			assert_false(column_valid(a, i - 1));
			continue;
		}
		Slice x = bytes_at(a, i - 1), y = bytes_at(a, i);
		int text = !column_valid(a, i) ? 0 : memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);
		if (text == 0 && column_valid(a, i))
			text = (x.len > y.len) - (x.len < y.len);
		assert_true(text <= 0);
		if (text == 0) {
			assert_true(int32_at(b, i - 1) >= int32_at(b, i));
			if (int32_at(b, i - 1) == int32_at(b, i))
				assert_true(order[i - 1] < order[i]);
		}
	}
	mem_free(order);
	batch_unref(sorted);
	batch_unref(batch);
}

static void
rows_in_order_stay_where_they_are(void **state)
{
	(void)state;
	Builder *builder = builder_of(field_of("x", TYPE_INT64));
	for (int i = 0; i < 100; i++)
		column_add_int(builder_column(builder, 0), i / 3);
	Batch *batch = finish(builder), *sorted = NULL;
	SortKey key = {0, false};
	assert_int_equal(batch_sort(batch, &key, 1, NULL, &sorted, NULL), ST_OK);
	assert_ptr_equal(sorted, batch);
	batch_unref(sorted);
	batch_unref(batch);
}

static void
nested_keys_are_refused_by_name(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT8);
	Builder *builder = builder_of(parent_of("tags", TYPE_LIST, &item, 1));
	Batch *batch = finish(builder);
	SortKey key = {0, false};
	Error err = ERROR_INIT;
	assert_int_equal(batch_sort_order(batch, &key, 1, NULL, &err), ST_UNIMPLEMENTED);
	says(&err, "'tags'");
	batch_unref(batch);
}

// Any disorder: `spread` is how far a time may lie from its place.
static void
check_rank_sort(uint32_t rows, uint32_t rank_count, uint64_t spread)
{
	uint32_t *rank = mem_alloc_array(rows + 1, sizeof(*rank));
	uint32_t *order = mem_alloc_array(rows + 1, sizeof(*order));
	bool *seen = mem_alloc_array(rows + 1, sizeof(*seen));
	int64_t *time = mem_alloc_array(rows + 1, sizeof(*time));
	uint64_t seed = 0x9E3779B97F4A7C15U + rows;
	for (uint32_t i = 0; i < rows; i++) {
		rank[i] = (uint32_t)(next_random(&seed) % rank_count);
		time[i] = (int64_t)(i / 4 + next_random(&seed) % spread) - 50;
	}
	Error err = ERROR_INIT;
	ok(sort_by_rank_and_time(rank, rank_count, time, rows, order, &err), &err);
	for (uint32_t i = 0; i < rows; i++) {
		assert_false(seen[order[i]]);
		seen[order[i]] = true;
		if (i == 0)
			continue;
		uint32_t a = order[i - 1], b = order[i];
		assert_true(rank[a] <= rank[b]);
		if (rank[a] == rank[b])
			assert_true(time[a] < time[b] || (time[a] == time[b] && a < b));
	}
	mem_free(rank);
	mem_free(order);
	mem_free(seen);
	mem_free(time);
}

static void
rows_are_ordered_by_rank_and_time_and_position(void **state)
{
	(void)state;
	const uint64_t spreads[] = {1, 2, 10, 1000000};
	for (size_t s = 0; s < COUNT_OF(spreads); s++) {
		check_rank_sort(0, 1, spreads[s]);
		check_rank_sort(1, 1, spreads[s]);
		check_rank_sort(1000, 1, spreads[s]);
		check_rank_sort(4099, 7, spreads[s]);
		check_rank_sort(300, 1000, spreads[s]);
	}
}

static void
sorts_survive_every_fault(void **state)
{
	(void)state;
	Batch *batch = two_columns(50, 5);
	SortKey keys[] = {{1, false}, {0, true}};
	FAULT_LOOP(st, {
		Batch *sorted = NULL;
		st = batch_sort(batch, keys, 2, NULL, &sorted, NULL);
		batch_unref(sorted);
	});
	const uint32_t rank[] = {0, 1, 0};
	const int64_t time[] = {5, 6, 4};
	uint32_t order[3];
	FAULT_LOOP(st, { st = sort_by_rank_and_time(rank, 2, time, 3, order, NULL); });
	batch_unref(batch);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(signed_numbers_sort_by_value_and_nulls_first),
		cmocka_unit_test(unsigned_numbers_sort_by_value),
		cmocka_unit_test(nan_is_above_all_numbers_and_zeros_are_equal),
		cmocka_unit_test(texts_sort_by_their_bytes),
		cmocka_unit_test(views_sort_like_texts),
		cmocka_unit_test(decimals_intervals_and_bools_sort_by_value),
		cmocka_unit_test(later_keys_decide_between_equal_rows_and_then_position),
		cmocka_unit_test(rows_in_order_stay_where_they_are),
		cmocka_unit_test(nested_keys_are_refused_by_name),
		cmocka_unit_test(rows_are_ordered_by_rank_and_time_and_position),
		cmocka_unit_test(sorts_survive_every_fault),
	};
	return RUN(tests);
}
