#include "support.h"

#include "base/arena.h"

static void
objects_are_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	uint8_t *objects[500];
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		size_t size = i * 37 % 3000;
		objects[i] = arena_alloc(&arena, size);
		assert_int_equal((uintptr_t)objects[i] % 16, 0);
		for (size_t at = 0; at < size; at++)
			assert_int_equal(objects[i][at], 0);
		memset(objects[i], (int)(i % 255) + 1, size);
	}
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		for (size_t at = 0; at < i * 37 % 3000; at++)
			assert_int_equal(objects[i][at], i % 255 + 1);
	}
}

static void
many_small_objects_need_few_blocks(void **state)
{
	(void)state;
	Arena arena = ARENA_INIT;
	for (int i = 0; i < 100000; i++)
		assert_non_null(arena_alloc(&arena, 16));
	assert_true(mem_live() < 40);
	assert_int_equal(arena.used, 1600000);
	arena_close(&arena);
	assert_int_equal(mem_live(), 0);
	assert_int_equal(arena.used, 0);
}

static void
a_large_object_leaves_the_room_of_the_block_in_use(void **state)
{
	(void)state;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	uint8_t *small = arena_alloc(&arena, 16);
	memset(arena_alloc(&arena, 1000000), 1, 1000000);
	assert_ptr_equal(arena_alloc(&arena, 16), small + 16);
}

static void
texts_are_copied_with_their_end(void **state)
{
	(void)state;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	assert_string_equal(arena_strdup(&arena, "abc"), "abc");
	assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_strndup(&arena, NULL, 0), "");
	assert_string_equal(arena_printf(&arena, "%s-%d", "abc", 5), "abc-5");
	int64_t *numbers = arena_array(&arena, 3, sizeof(*numbers));
	assert_int_equal(numbers[2], 0);
	assert_int_equal(arena_status(&arena, NULL, "x"), ST_OK);
}

static void
a_size_that_overflows_is_a_failure_that_sticks(void **state)
{
	(void)state;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	assert_null(arena_array(&arena, SIZE_MAX / 2, 3));
	assert_true(arena.failed);
	assert_null(arena_alloc(&arena, 1));
	assert_null(arena_strdup(&arena, "a"));
	assert_null(arena_printf(&arena, "a"));
	Error err = ERROR_INIT;
	assert_int_equal(arena_status(&arena, &err, "a plan"), ST_NO_MEMORY);
	says(&err, "a plan");
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		SCOPED(arena_close) Arena arena = ARENA_INIT;
		for (size_t i = 0; i < 200; i++)
			arena_alloc(&arena, i * 100);
		st = arena_status(&arena, NULL, "objects");
		arena_close(&arena);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_zeroed_aligned_and_apart),
		cmocka_unit_test(many_small_objects_need_few_blocks),
		cmocka_unit_test(a_large_object_leaves_the_room_of_the_block_in_use),
		cmocka_unit_test(texts_are_copied_with_their_end),
		cmocka_unit_test(a_size_that_overflows_is_a_failure_that_sticks),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
