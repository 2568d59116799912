#include "support.h"

static void
new_blocks_are_zeroed_and_counted(void **state)
{
	(void)state;
	char *block = mem_alloc(100);
	uint64_t *array = mem_alloc_array(10, sizeof(*array));
	assert_int_equal(mem_live(), 2);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(block[i], 0);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(array[i], 0);
	mem_free(block);
	mem_free(array);
	mem_free(NULL);
	assert_int_equal(mem_live(), 0);
}

static void
a_block_of_nothing_has_an_address(void **state)
{
	(void)state;
	void *blocks[] = {mem_alloc(0),        mem_alloc_array(0, 8), mem_alloc_array(SIZE_MAX, 0),
					  mem_resize(NULL, 0), mem_alloc_aligned(0),  mem_copy(NULL, 0)};
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		assert_non_null(blocks[i]);
		mem_free(blocks[i]);
	}
	void *shrunk = mem_resize(mem_alloc(10), 0);
	assert_non_null(shrunk);
	assert_int_equal(mem_live(), 1);
	mem_free(shrunk);
}

static void
a_size_that_overflows_is_refused(void **state)
{
	(void)state;
	assert_null(mem_alloc_array(SIZE_MAX / 2, 3));
	assert_null(mem_alloc_aligned(SIZE_MAX));
	assert_null(mem_strndup("x", SIZE_MAX));
	assert_int_equal(mem_live(), 0);
}

static void
resizing_keeps_the_content_and_the_count(void **state)
{
	(void)state;
	char *text = mem_strdup("kept");
	text = mem_resize(text, 10000);
	assert_string_equal(text, "kept");
	assert_int_equal(mem_live(), 1);

	fault_arm(0);
	assert_null(mem_resize(text, 20000));
	assert_true(fault_disarm());
	assert_string_equal(text, "kept");
	assert_int_equal(mem_live(), 1);
	mem_free(text);
}

static void
aligned_blocks_are_aligned(void **state)
{
	(void)state;
	for (size_t size = 1; size < 300; size += 13) {
		void *block = mem_alloc_aligned(size);
		assert_int_equal((uintptr_t)block % 64, 0);
		memset(block, 1, size);
		mem_free(block);
	}
}

static void
texts_are_copied_whole(void **state)
{
	(void)state;
	char *texts[] = {mem_strdup("abc"), mem_strndup("abcdef", 3), mem_printf("%c%s", 'a', "bc"),
					 mem_copy("abc", 4)};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_string_equal(texts[i], "abc");
		mem_free(texts[i]);
	}
}

static void
every_door_closes_when_a_fault_is_armed(void **state)
{
	(void)state;
	fault_arm_sticky(0);
	assert_null(mem_alloc(1));
	assert_null(mem_alloc_array(1, 1));
	assert_null(mem_alloc_aligned(1));
	assert_null(mem_resize(NULL, 1));
	assert_null(mem_copy("a", 1));
	assert_null(mem_strdup("a"));
	assert_null(mem_strndup("a", 1));
	assert_null(mem_printf("a"));
	assert_true(fault_disarm());
	assert_int_equal(mem_live(), 0);
}

static void
an_armed_fault_happens_once(void **state)
{
	(void)state;
	fault_arm(2);
	bool seen[6];
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		seen[i] = fault_here();
	assert_true(fault_disarm());
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		assert_int_equal(seen[i], i == 2);
	assert_false(fault_here());
}

static void
a_sticky_fault_goes_on_until_disarmed(void **state)
{
	(void)state;
	fault_arm_sticky(2);
	for (int i = 0; i < 6; i++)
		assert_int_equal(fault_here(), i >= 2);
	assert_true(fault_disarm());
	assert_false(fault_here());

	fault_arm(0);
	assert_true(fault_here());
	assert_false(fault_here()); // what was sticky before is forgotten
	assert_true(fault_disarm());
}

static void
a_fault_that_was_not_reached_did_not_happen(void **state)
{
	(void)state;
	fault_arm(1);
	assert_false(fault_here());
	assert_false(fault_disarm());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_blocks_are_zeroed_and_counted),
		cmocka_unit_test(a_block_of_nothing_has_an_address),
		cmocka_unit_test(a_size_that_overflows_is_refused),
		cmocka_unit_test(resizing_keeps_the_content_and_the_count),
		cmocka_unit_test(aligned_blocks_are_aligned),
		cmocka_unit_test(texts_are_copied_whole),
		cmocka_unit_test(every_door_closes_when_a_fault_is_armed),
		cmocka_unit_test(an_armed_fault_happens_once),
		cmocka_unit_test(a_sticky_fault_goes_on_until_disarmed),
		cmocka_unit_test(a_fault_that_was_not_reached_did_not_happen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
