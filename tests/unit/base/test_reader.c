#include "support.h"

#include "base/buf.h"
#include "base/reader.h"

static void
what_a_buffer_wrote_is_read_back(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_byte(&buf, 0xFF);
	buf_add_u16(&buf, 0xFEFD);
	buf_add_u32(&buf, 0xFCFBFAF9);
	buf_add_u64(&buf, 0xF8F7F6F5F4F3F2F1);
	buf_add_u32(&buf, 3);
	buf_add_text(&buf, "abcskipxy");

	Reader r = reader_of(buf_slice(&buf));
	assert_int_equal(reader_u8(&r), 0xFF);
	assert_int_equal(reader_u16(&r), 0xFEFD);
	assert_int_equal(reader_u32(&r), 0xFCFBFAF9);
	assert_true(reader_u64(&r) == 0xF8F7F6F5F4F3F2F1);
	assert_true(slice_is(reader_counted(&r), "abc"));
	reader_skip(&r, 4);
	assert_true(slice_is(reader_bytes(&r, 2), "xy"));
	assert_int_equal(reader_left(&r), 0);
	assert_false(r.failed);
}

// Reads one of each; true when the reader says that all of it was there.
static bool
read_all(Slice src)
{
	Reader r = reader_of(src);
	reader_u8(&r);
	reader_u16(&r);
	reader_u32(&r);
	reader_u64(&r);
	reader_bytes(&r, 3);
	reader_counted(&r);
	reader_skip(&r, 1);
	return !r.failed;
}

static void
every_truncation_is_noticed(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	buf_add_zeros(&buf, 1 + 2 + 4 + 8 + 3);
	buf_add_u32(&buf, 5);
	buf_add_zeros(&buf, 6);
	assert_true(read_all(buf_slice(&buf)));
	for (size_t len = 0; len < buf.len; len++) {
		// A copy of exactly this length, so that a sanitizer sees any byte too far.
		void *copy = mem_copy(buf.data, len);
		assert_false(read_all(slice_of(copy, len)));
		mem_free(copy);
	}
}

static void
after_a_failure_everything_is_zero_or_empty(void **state)
{
	(void)state;
	Reader r = reader_of(slice_text("abc"));
	assert_int_equal(reader_u32(&r), 0);
	assert_true(r.failed);
	assert_int_equal(reader_left(&r), 0);
	assert_int_equal(reader_u8(&r), 0);
	assert_int_equal(reader_bytes(&r, 1).len, 0);
	assert_int_equal(reader_counted(&r).len, 0);
	assert_true(r.failed);
}

static void
a_count_larger_than_what_is_left_fails(void **state)
{
	(void)state;
	Reader r = reader_of(slice_of("\xFF\xFF\xFF\xFF"
								  "abc",
								  7));
	assert_int_equal(reader_counted(&r).len, 0);
	assert_true(r.failed);
	r = reader_of(slice_text("abc"));
	reader_skip(&r, SIZE_MAX);
	assert_true(r.failed);
}

static void
nothing_can_be_read_from_nothing(void **state)
{
	(void)state;
	Reader r = reader_of(slice_of(NULL, 0));
	reader_skip(&r, 0);
	assert_int_equal(reader_bytes(&r, 0).len, 0);
	assert_false(r.failed);
	reader_u8(&r);
	assert_true(r.failed);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_buffer_wrote_is_read_back),
		cmocka_unit_test(every_truncation_is_noticed),
		cmocka_unit_test(after_a_failure_everything_is_zero_or_empty),
		cmocka_unit_test(a_count_larger_than_what_is_left_fails),
		cmocka_unit_test(nothing_can_be_read_from_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
