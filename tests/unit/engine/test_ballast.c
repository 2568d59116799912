#include "support.h"

#include "engine/ballast.h"

static uint64_t
size_in(const char *dir)
{
	char path[256];
	uint64_t size = 0;
	snprintf(path, sizeof(path), "%s/ballast", dir);
	return file_stat_size(path, &size, NULL) == ST_OK ? size : 0;
}

static void
it_is_there_while_it_is_held(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Ballast ballast = {.dir = dir.path};
	Error err = ERROR_INIT;
	ok(ballast_hold(&ballast, 0, 4096, &err), &err);
	ok(ballast_hold(&ballast, 0, 4096, &err), &err);
	assert_in_range(size_in(dir.path), 1, 32 << 20);
	assert_int_equal(size_in(dir.path), ballast.held);
	ballast_give_back(&ballast);
	assert_int_equal(ballast.held, 0);
	assert_int_equal(size_in(dir.path), 0);
}

static void
it_grows_with_what_a_checkpoint_takes(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Ballast ballast = {.dir = dir.path};
	Error err = ERROR_INIT;
	ok(ballast_hold(&ballast, 0, 4096, &err), &err);
	uint64_t least = ballast.held;
	ok(ballast_hold(&ballast, 9 << 20, 4096, &err), &err);
	assert_in_range(ballast.held, least + (9 << 20), least + (16 << 20));
	assert_int_equal(size_in(dir.path), ballast.held);
	uint64_t held = ballast.held;
	assert_int_not_equal(ballast_hold(&ballast, INT64_MAX / 2, 0, &err), ST_OK);
	assert_int_equal(ballast.held, held);
	assert_int_equal(size_in(dir.path), held);
	ballast_give_back(&ballast);
}

static void
it_is_not_held_when_there_is_no_room_beside_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Ballast ballast = {.dir = dir.path};
	Error err = ERROR_INIT;
	assert_int_not_equal(ballast_hold(&ballast, 0, INT64_MAX / 2, &err), ST_OK);
	assert_int_equal(ballast.held, 0);
	assert_int_equal(size_in(dir.path), 0);
}

static void
a_failure_leaves_none(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Ballast ballast = {.dir = dir.path};
	for (long nth = 0; ballast.held == 0; nth++) {
		fault_arm(nth);
		Status st = ballast_hold(&ballast, 0, 4096, NULL);
		assert_int_equal(st != ST_OK, fault_disarm());
		assert_int_equal(ballast.held != 0, st == ST_OK);
		assert_int_equal(size_in(dir.path), ballast.held);
	}
	ballast_give_back(&ballast);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(it_is_there_while_it_is_held),
		TEST(it_grows_with_what_a_checkpoint_takes),
		TEST(it_is_not_held_when_there_is_no_room_beside_it),
		TEST(a_failure_leaves_none),
	};
	return RUN(tests);
}
