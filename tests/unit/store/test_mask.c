#include "store/mask.h"

#include "support.h"

static Mask *
mask_of(const uint32_t *rows, int64_t count)
{
	Mask *mask = NULL;
	Error err = ERROR_INIT;
	ok(mask_new(NULL, rows, count, &mask, &err), &err);
	return mask;
}

static void
a_mask_says_which_rows_are_deleted(void **state)
{
	(void)state;
	const uint32_t rows[] = {7, 3, 4, 70000, 3, UINT32_MAX};
	Mask *mask = mask_of(rows, COUNT(rows));
	assert_int_equal(mask_count(mask), 5);
	assert_int_equal(mask_count(NULL), 0);
	assert_true(mask_has(mask, 3) && mask_has(mask, 70000) && mask_has(mask, UINT32_MAX));
	assert_false(mask_has(mask, 5) || mask_has(mask, -1) || mask_has(mask, INT64_MAX));
	assert_int_equal(mask_next(mask, 0), 3);
	assert_int_equal(mask_next(mask, 5), 7);
	assert_int_equal(mask_next(mask, 8), 70000);
	assert_int_equal(mask_next(mask, INT64_C(1) << 32), -1);
	mask_stamp(mask, 9);
	assert_int_equal(mask_seq(mask), 9);
	mask_unref(mask);
	assert_int_equal(mem_live(), 0);
}

static void
what_is_left_of_a_range_is_the_rest(void **state)
{
	(void)state;
	const uint32_t rows[] = {0, 2, 3, 9};
	uint32_t left[8];
	Mask *mask = mask_of(rows, COUNT(rows));
	assert_int_equal(mask_live(mask, 0, 5, left), 2);
	assert_true(left[0] == 1 && left[1] == 4);
	assert_int_equal(mask_live(mask, 3, 8, left), 6);
	assert_true(left[0] == 1 && left[4] == 5 && left[5] == 7);
	assert_int_equal(mask_live(mask, 2, 2, left), 0);
	assert_int_equal(mask_live(mask, 10, 3, left), 3);
	assert_int_equal(mask_live(mask, 5, 0, left), 0);
	mask_unref(mask);
}

static void
the_next_version_leaves_the_one_before_it_as_it_was(void **state)
{
	(void)state;
	Mask *first = mask_of((uint32_t[]){1, 2}, 2), *more = mask_of((uint32_t[]){2, 5}, 2);
	Mask *both = NULL, *next = NULL, *copy = NULL;
	Error err = ERROR_INIT;
	ok(mask_union(first, more, &both, &err), &err);
	ok(mask_new(first, (uint32_t[]){9}, 1, &next, &err), &err);
	ok(mask_union(NULL, more, &copy, &err), &err);
	assert_int_equal(mask_count(first), 2);
	assert_int_equal(mask_count(both), 3);
	assert_int_equal(mask_count(copy), 2);
	assert_true(mask_has(next, 1) && mask_has(next, 9) && !mask_has(next, 5));
	mask_unref(first);
	assert_true(mask_has(mask_ref(both), 1));
	mask_unref(both);
	mask_unref(both);
	mask_unref(next);
	mask_unref(more);
	mask_unref(copy);
	mask_unref(NULL);
	assert_int_equal(mem_live(), 0);
}

// Sparse, dense and mixed rows.
static int64_t
make_rows(uint32_t *rows, int shape, int64_t count)
{
	uint32_t at = 0;
	for (int64_t i = 0; i < count; i++) {
		at += shape == 0 ? 1 : shape == 1 ? 3 : i % 97 == 0 ? 70001 : 1;
		rows[i] = at;
	}
	return count;
}

static void
bytes_give_the_same_mask_back(void **state)
{
	(void)state;
	enum { ROWS = 20000 };
	uint32_t *rows = calloc(ROWS, sizeof(*rows));
	for (int shape = 0; shape < 3; shape++) {
		int64_t count = make_rows(rows, shape, ROWS);
		Mask *mask = mask_of(rows, count), *back = NULL;
		Buf bytes = BUF_INIT, list = BUF_INIT, runs = BUF_INIT;
		Error err = ERROR_INIT;
		ok(mask_encode(mask, &bytes, &err), &err);
		ok(mask_decode(buf_slice(&bytes), (int64_t)rows[count - 1] + 1, &back, &err), &err);
		assert_int_equal(mask_count(back), count);
		ok(rows_decode(buf_slice(&bytes), (int64_t)rows[count - 1] + 1, &list, &err), &err);
		assert_memory_equal(list.data, rows, (size_t)count * sizeof(*rows));
		RowRuns each = {.out = &runs};
		for (int64_t i = 0; i < count; i++) {
			assert_true(mask_has(back, rows[i]));
			row_runs_add(&each, rows[i]);
		}
		row_runs_end(&each);
		assert_true(slice_equal(buf_slice(&runs), buf_slice(&bytes)));
		mask_unref(mask);
		mask_unref(back);
		buf_close(&bytes);
		buf_close(&list);
		buf_close(&runs);
	}
	free(rows);
	assert_int_equal(mem_live(), 0);
}

static void
a_mask_of_another_file_is_refused(void **state)
{
	(void)state;
	Mask *mask = mask_of((uint32_t[]){5, 6, 100}, 3), *back = NULL;
	Buf bytes = BUF_INIT, list = BUF_INIT;
	Error err = ERROR_INIT;
	ok(mask_encode(mask, &bytes, &err), &err);
	assert_int_equal(mask_decode(buf_slice(&bytes), 100, &back, &err), ST_CORRUPT);
	says(&err, "damaged");
	assert_int_equal(rows_decode(buf_slice(&bytes), 100, &list, &err), ST_CORRUPT);
	ok(mask_decode(buf_slice(&bytes), 101, &back, &err), &err);
	mask_unref(back);
	mask_unref(mask);
	buf_close(&bytes);
	buf_close(&list);
}

static void
damaged_bytes_are_refused_or_say_rows_of_the_file(void **state)
{
	(void)state;
	uint32_t rows[64];
	Mask *mask = mask_of(rows, make_rows(rows, 2, COUNT(rows)));
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(mask_encode(mask, &bytes, &err), &err);
	for (size_t cut = 0; cut < bytes.len; cut++) {
		for (int byte = 0; byte < 256; byte += 51) {
			uint8_t *copy = malloc(cut + 1); // exact, so that a read behind it is noticed
			memcpy(copy, bytes.data, cut + 1);
			copy[cut] = (uint8_t)byte;
			Mask *back = NULL;
			Status st = mask_decode(slice_of(copy, cut + 1), 100000, &back, &err);
			assert_true(st == ST_OK || st == ST_CORRUPT);
			assert_true(st != ST_OK || mask_next(back, 100000) < 0);
			mask_unref(back);
			free(copy);
		}
	}
	const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x00};
	Mask *back = NULL;
	assert_int_equal(mask_decode(slice_of(endless, sizeof(endless)), 10, &back, &err), ST_CORRUPT);
	mask_unref(mask);
	buf_close(&bytes);
	assert_int_equal(mem_live(), 0);
}

static void
masks_undo_themselves_on_every_fault(void **state)
{
	(void)state;
	Mask *first = mask_of((uint32_t[]){1, 2}, 2);
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		SCOPED(mask_drop) Mask *mask = NULL;
		SCOPED(mask_drop) Mask *back = NULL;
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		Error err = ERROR_INIT;
		long live = mem_live();
		fault_arm(nth);
		Status st = mask_union(first, first, &mask, &err);
		if (st == ST_OK)
			st = mask_encode(mask, &bytes, &err);
		if (st == ST_OK)
			st = mask_decode(buf_slice(&bytes), 10, &back, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		assert_true(!failed || back == NULL);
		assert_true(!failed || mem_live() <= live + 2);
	}
	mask_unref(first);
	assert_int_equal(mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mask_says_which_rows_are_deleted),
		cmocka_unit_test(what_is_left_of_a_range_is_the_rest),
		cmocka_unit_test(the_next_version_leaves_the_one_before_it_as_it_was),
		cmocka_unit_test(bytes_give_the_same_mask_back),
		cmocka_unit_test(a_mask_of_another_file_is_refused),
		cmocka_unit_test(damaged_bytes_are_refused_or_say_rows_of_the_file),
		cmocka_unit_test(masks_undo_themselves_on_every_fault),
	};
	return RUN(tests);
}
