#include "support.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/bytes.h"

enum { KIB = 1024, MIB = 1024 * 1024 };

static BytesPool *
pool_of(size_t keep_bytes)
{
	BytesPool *pool = NULL;
	assert_int_equal(bytes_pool_new(keep_bytes, &pool, NULL), ST_OK);
	return pool;
}

static void
slices_are_equal_by_content(void **state)
{
	(void)state;
	assert_true(slice_is(slice_text("abc"), "abc"));
	assert_false(slice_is(slice_text("abc"), "abd"));
	assert_false(slice_is(slice_text("abc"), "ab"));
	assert_true(slice_equal(slice_of(NULL, 0), slice_text("")));
}

static void
data_is_aligned_and_readable_past_its_end(void **state)
{
	(void)state;
	BytesPool *pools[] = {NULL, pool_of(MIB)};
	static const size_t sizes[] = {0, 1, 63, 64, 65, 4095, 4096, 4097, 65536, 100000};
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (size_t p = 0; p < COUNT_OF(pools); p++) {
			Bytes *bytes = bytes_new(pools[p], sizes[i]);
			assert_int_equal((uintptr_t)bytes_data(bytes) % 64, 0);
			assert_int_equal(bytes_len(bytes), sizes[i]);
			assert_true(bytes_size(bytes) >= sizes[i] + 8);
			memset(bytes_data(bytes), 1, sizes[i] + 8);
			bytes_unref(bytes);
		}
	}
	bytes_pool_free(pools[1]);
	assert_int_equal(mem_live(), 0);
}

static void
the_last_unref_frees(void **state)
{
	(void)state;
	Bytes *bytes = bytes_copy(NULL, slice_text("shared"));
	assert_ptr_equal(bytes_ref(bytes), bytes);
	bytes_unref(bytes);
	assert_true(slice_is(bytes_slice(bytes), "shared"));
	bytes_unref(bytes);
	assert_int_equal(mem_live(), 0);
	assert_null(bytes_ref(NULL));
	bytes_unref(NULL);
}

static void
its_maker_may_shorten_it(void **state)
{
	(void)state;
	SCOPED(bytes_drop) Bytes *bytes = bytes_copy(NULL, slice_text("shorter"));
	bytes_truncate(bytes, 5);
	assert_true(slice_is(bytes_slice(bytes), "short"));
}

static void
count_release(void *arg)
{
	++*(int *)arg;
}

static void
wrapped_memory_is_released_once_by_the_last_unref(void **state)
{
	(void)state;
	int released = 0;
	Bytes *bytes = bytes_wrap("foreign", 7, count_release, &released);
	bytes_ref(bytes);
	bytes_unref(bytes);
	assert_int_equal(released, 0);
	assert_true(slice_is(bytes_slice(bytes), "foreign"));
	assert_true(bytes_size(bytes) >= 7);
	bytes_unref(bytes);
	assert_int_equal(released, 1);
	bytes_unref(bytes_wrap("static", 6, NULL, NULL));
	assert_int_equal(mem_live(), 0);
}

static void
a_pool_hands_out_a_freed_block_again(void **state)
{
	(void)state;
	BytesPool *pool = pool_of(MIB);
	Bytes *first = bytes_new(pool, 100 * KIB);
	bytes_unref(first);
	Bytes *second = bytes_new(pool, 98 * KIB); // of the same class
	assert_ptr_equal(second, first);
	assert_int_equal(bytes_len(second), 98 * KIB);
	bytes_unref(second);
	bytes_pool_free(pool);
	assert_int_equal(mem_live(), 0);
}

static void
a_pool_keeps_no_more_than_it_may(void **state)
{
	(void)state;
	BytesPool *pool = pool_of(300 * KIB);
	Bytes *blocks[8];
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		blocks[i] = bytes_new(pool, 64 * KIB);
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		bytes_unref(blocks[i]);
	assert_int_equal(mem_live(), 1 + 4); // the pool and four blocks of a bit more than 64 KiB
	bytes_pool_free(pool);
	assert_int_equal(mem_live(), 0);

	pool = pool_of(0);
	bytes_unref(bytes_new(pool, 64 * KIB));
	assert_int_equal(mem_live(), 1);
	bytes_pool_free(pool);
	bytes_pool_free(NULL);
}

static void
small_and_huge_blocks_pass_the_pool_by(void **state)
{
	(void)state;
	BytesPool *pool = pool_of(SIZE_MAX);
	bytes_unref(bytes_new(pool, 4095));
	bytes_unref(bytes_new(pool, 64 * MIB + 1));
	assert_int_equal(mem_live(), 1);
	bytes_unref(bytes_new(pool, 4096));
	bytes_unref(bytes_new(pool, 64 * MIB));
	assert_int_equal(mem_live(), 3);
	bytes_pool_free(pool);
	assert_int_equal(mem_live(), 0);
}

static void
bytes_may_outlive_their_pool(void **state)
{
	(void)state;
	BytesPool *pool = pool_of(MIB);
	Bytes *a = bytes_new(pool, 10 * KIB);
	Bytes *b = bytes_new(pool, 10 * KIB);
	bytes_unref(bytes_new(pool, 10 * KIB));
	bytes_pool_free(pool);
	memset(bytes_data(a), 1, 10 * KIB);
	bytes_unref(a);
	assert_true(mem_live() > 0);
	bytes_unref(b);
	assert_int_equal(mem_live(), 0);
}

static void
a_size_that_cannot_be_is_refused(void **state)
{
	(void)state;
	assert_null(bytes_new(NULL, SIZE_MAX));
	assert_null(bytes_new(NULL, SIZE_MAX - 100));
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	FAULT_LOOP(st, {
		BytesPool *pool = NULL;
		st = bytes_pool_new(MIB, &pool, NULL);
		Bytes *made[] = {NULL, NULL, NULL};
		if (st == ST_OK) {
			made[0] = bytes_new(pool, 5000);
			made[1] = bytes_copy(NULL, slice_text("x"));
			made[2] = bytes_wrap("x", 1, NULL, NULL);
		}
		for (size_t i = 0; i < COUNT_OF(made); i++) {
			st = made[i] == NULL ? ST_NO_MEMORY : st;
			bytes_unref(made[i]);
		}
		bytes_pool_free(pool);
	});
}

// Threads take blocks, share them through one exchanged slot and drop what they find there.
typedef struct Traffic {
	BytesPool *pool;
	_Atomic(Bytes *) slot;
} Traffic;

static void *
drive(void *arg)
{
	Traffic *traffic = arg;
	for (size_t i = 0; i < 2000; i++) {
		size_t len = 4096u << i % 4;
		Bytes *bytes = bytes_new(traffic->pool, len);
		memset(bytes_data(bytes), (int)(i & 255), len);
		Bytes *found = atomic_exchange(&traffic->slot, bytes_ref(bytes));
		bytes_unref(bytes);
		if (found != NULL && bytes_data(found)[0] != bytes_data(found)[bytes_len(found) - 1])
			return "torn";
		bytes_unref(found);
	}
	return NULL;
}

static void
threads_share_a_pool_and_its_blocks(void **state)
{
	(void)state;
	Traffic traffic = {.pool = pool_of(128 * KIB)};
	pthread_t threads[4];
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, drive, &traffic), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *torn = NULL;
		pthread_join(threads[i], &torn);
		assert_null(torn);
	}
	bytes_pool_free(traffic.pool);
	bytes_unref(traffic.slot);
	assert_int_equal(mem_live(), 0);
}

static void *
drop_all(void *arg)
{
	Bytes **blocks = arg;
	for (size_t i = 0; blocks[i] != NULL; i++)
		bytes_unref(blocks[i]);
	return NULL;
}

static void
a_pool_is_freed_while_other_threads_return_blocks(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		BytesPool *pool = pool_of(MIB);
		Bytes *blocks[2][17] = {0};
		pthread_t threads[2];
		for (size_t t = 0; t < 2; t++) {
			for (size_t i = 0; i < 16; i++)
				blocks[t][i] = bytes_new(pool, 8 * KIB);
		}
		for (size_t t = 0; t < 2; t++)
			assert_int_equal(pthread_create(&threads[t], NULL, drop_all, blocks[t]), 0);
		bytes_pool_free(pool);
		for (size_t t = 0; t < 2; t++)
			pthread_join(threads[t], NULL);
		assert_int_equal(mem_live(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slices_are_equal_by_content),
		cmocka_unit_test(data_is_aligned_and_readable_past_its_end),
		cmocka_unit_test(the_last_unref_frees),
		cmocka_unit_test(its_maker_may_shorten_it),
		cmocka_unit_test(wrapped_memory_is_released_once_by_the_last_unref),
		cmocka_unit_test(a_pool_hands_out_a_freed_block_again),
		cmocka_unit_test(a_pool_keeps_no_more_than_it_may),
		cmocka_unit_test(small_and_huge_blocks_pass_the_pool_by),
		cmocka_unit_test(bytes_may_outlive_their_pool),
		cmocka_unit_test(a_size_that_cannot_be_is_refused),
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(threads_share_a_pool_and_its_blocks),
		cmocka_unit_test(a_pool_is_freed_while_other_threads_return_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
