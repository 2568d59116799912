#include "support.h"

#include "base/buf.h"

static void
what_is_added_stands_in_order(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add(&buf, "ab", 2);
	buf_add_text(&buf, "cd");
	buf_add_slice(&buf, slice_text("ef"));
	buf_add_byte(&buf, 'g');
	buf_add_printf(&buf, "%d", 12);
	memcpy(buf_extend(&buf, 2), "xy", 2);
	assert_string_equal(buf_text(&buf), "abcdefg12xy");
	assert_int_equal(buf.len, 11);
	assert_true(slice_is(buf_slice(&buf), "abcdefg12xy"));
	assert_int_equal(buf_status(&buf, NULL, "x"), ST_OK);
}

static void
numbers_are_little_endian(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_u16(&buf, 0x0102);
	buf_add_u32(&buf, 0x03040506);
	buf_add_u64(&buf, 0x0708090A0B0C0D0E);
	static const uint8_t wanted[] = {2, 1, 6, 5, 4, 3, 14, 13, 12, 11, 10, 9, 8, 7};
	assert_int_equal(buf.len, sizeof(wanted));
	assert_memory_equal(buf.data, wanted, sizeof(wanted));
}

static void
aligning_adds_zeros_up_to_the_next_multiple(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_align(&buf, 8);
	assert_int_equal(buf.len, 0);
	buf_add_byte(&buf, 1);
	buf_align(&buf, 8);
	buf_align(&buf, 8);
	assert_int_equal(buf.len, 8);
	assert_memory_equal(buf.data, "\1\0\0\0\0\0\0\0", 8);
}

static void
a_long_text_is_formatted_whole(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	for (int width = 0; width < 300; width++) {
		buf_reset(&buf);
		buf_add_printf(&buf, "%*s|", width, "");
		assert_int_equal(buf.len, width + 1);
		assert_int_equal(buf.data[width], '|');
	}
}

static void
nothing_is_a_text_and_a_slice_too(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	assert_string_equal(buf_text(&buf), "");
	assert_int_equal(buf_slice(&buf).len, 0);
	assert_non_null(buf_extend(&buf, 0));
	buf_add(&buf, NULL, 0);
	assert_int_equal(buf.len, 0);
	char *text = buf_take_text(&buf);
	assert_string_equal(text, "");
	mem_free(text);
}

static void
a_reset_keeps_the_capacity(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_zeros(&buf, 1000);
	size_t cap = buf.cap;
	buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	assert_int_equal(buf.cap, cap);
}

static void
a_failure_sticks_until_reset(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_text(&buf, "before");
	fault_arm(0);
	buf_add_zeros(&buf, 10000);
	assert_true(fault_disarm());

	buf_add_text(&buf, "after");
	assert_null(buf_extend(&buf, 1));
	assert_string_equal(buf_text(&buf), "");
	assert_null(buf_take_text(&buf));
	assert_null(buf_to_bytes(&buf));
	Error err = ERROR_INIT;
	assert_int_equal(buf_status(&buf, &err, "a row"), ST_NO_MEMORY);
	says(&err, "a row");

	buf_reset(&buf);
	buf_add_text(&buf, "again");
	assert_string_equal(buf_text(&buf), "again");
}

static void
what_was_added_is_a_text_without_more_memory(void **state)
{
	(void)state;
	for (size_t len = 1; len < 300; len++) {
		SCOPED(buf_close) Buf buf = BUF_INIT;
		for (size_t i = 0; i < len; i++)
			buf_add_byte(&buf, 'x');
		fault_arm_sticky(0);
		const char *text = buf_text(&buf);
		assert_false(fault_disarm());
		assert_int_equal(strlen(text), len);
	}
}

static void
a_size_that_cannot_be_is_a_failure(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_byte(&buf, 1);
	assert_false(buf_reserve(&buf, SIZE_MAX));
	assert_true(buf.failed);
}

static void
content_can_leave_as_text_or_as_bytes(void **state)
{
	(void)state;
	Buf buf = BUF_INIT;
	buf_add_text(&buf, "content");
	Bytes *bytes = buf_to_bytes(&buf);
	assert_true(slice_is(bytes_slice(bytes), "content"));
	bytes_unref(bytes);
	char *text = buf_take_text(&buf);
	assert_string_equal(text, "content");
	assert_null(buf.data);
	assert_int_equal(buf.len, 0);
	mem_free(text);
	assert_int_equal(mem_live(), 0);
}

static Status
build(char **out)
{
	SCOPED(buf_close) Buf buf = BUF_INIT;
	for (int i = 0; i < 100; i++)
		buf_add_printf(&buf, "row %d\n", i);
	buf_align(&buf, 64);
	TRY(buf_status(&buf, NULL, "rows"));
	*out = buf_take_text(&buf);
	return *out == NULL ? ST_NO_MEMORY : ST_OK;
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		char *text = NULL;
		st = build(&text);
		mem_free(text);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_added_stands_in_order),
		cmocka_unit_test(numbers_are_little_endian),
		cmocka_unit_test(aligning_adds_zeros_up_to_the_next_multiple),
		cmocka_unit_test(a_long_text_is_formatted_whole),
		cmocka_unit_test(nothing_is_a_text_and_a_slice_too),
		cmocka_unit_test(a_reset_keeps_the_capacity),
		cmocka_unit_test(a_failure_sticks_until_reset),
		cmocka_unit_test(what_was_added_is_a_text_without_more_memory),
		cmocka_unit_test(a_size_that_cannot_be_is_a_failure),
		cmocka_unit_test(content_can_leave_as_text_or_as_bytes),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
