#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int
hold_on(void **state)
{
	(void)state;
	file_hold_writes(true);
	return 0;
}

static int
hold_off(void **state)
{
	(void)state;
	file_hold_writes(false);
	return 0;
}

static File *
open_held(Folder *folder, const char *name)
{
	File *file = NULL;
	Error err = ERROR_INIT;
	ok(file_open(in(folder, name), FILE_WRITE, &file, &err), &err);
	return file;
}

static void
on_disk(Folder *folder, const char *name, const char *wanted, size_t len)
{
	uint64_t size = 0;
	Error err = ERROR_INIT;
	ok(file_stat_size(in(folder, name), &size, &err), &err);
	assert_int_equal(size, len);
	File *file = NULL;
	char *found = mem_alloc(len);
	ok(file_open(in(folder, name), FILE_READ, &file, &err), &err);
	ok(file_read(file, 0, found, len, &err), &err);
	assert_memory_equal(found, wanted, len);
	file_close(file);
	mem_free(found);
}

static void
reads_as(File *file, const char *wanted, size_t len)
{
	uint64_t size = 0;
	Error err = ERROR_INIT;
	ok(file_size(file, &size, &err), &err);
	assert_int_equal(size, len);
	// Every part of it, not only the whole.
	char found[64];
	for (size_t from = 0; from <= len; from++) {
		for (size_t n = 0; n + from <= len; n++) {
			ok(file_read(file, from, found, n, &err), &err);
			assert_memory_equal(found, wanted + from, n);
		}
	}
	size_t got = 1;
	ok(file_read_some(file, 0, found, sizeof(found), &got, &err), &err);
	assert_int_equal(got, len);
	assert_int_equal(file_read(file, 0, found, len + 1, &err), ST_CORRUPT);
}

static void
held_writes_are_seen_here_and_not_on_disk(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_held(&folder, "a");
	assert_int_equal(file_write(file, 0, "abcdef", 6, NULL), ST_OK);
	struct iovec pieces[] = {{"X", 1}, {"", 0}, {"Y", 1}};
	assert_int_equal(file_writev(file, 2, pieces, 3, NULL), ST_OK);
	reads_as(file, "abXYef", 6);
	on_disk(&folder, "a", "", 0);
	assert_int_equal(file_sync(file, NULL), ST_OK);
	on_disk(&folder, "a", "abXYef", 6);

	assert_int_equal(file_write(file, 4, "12345", 5, NULL), ST_OK);
	reads_as(file, "abXY12345", 9);
	on_disk(&folder, "a", "abXYef", 6);
}

static void
gaps_are_zeros(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_held(&folder, "a");
	assert_int_equal(file_write(file, 3, "d", 1, NULL), ST_OK);
	assert_int_equal(file_allocate(file, 6, NULL), ST_OK);
	reads_as(file, "\0\0\0d\0\0", 6);
	assert_int_equal(file_sync(file, NULL), ST_OK);
	on_disk(&folder, "a", "\0\0\0d\0\0", 6);
}

static void
cutting_and_writing_keep_their_order(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_held(&folder, "a");
	assert_int_equal(file_write(file, 0, "abcdef", 6, NULL), ST_OK);
	assert_int_equal(file_sync(file, NULL), ST_OK);
	assert_int_equal(file_truncate(file, 2, NULL), ST_OK);
	reads_as(file, "ab", 2);
	assert_int_equal(file_write(file, 4, "x", 1, NULL), ST_OK);
	assert_int_equal(file_truncate(file, 7, NULL), ST_OK);
	reads_as(file, "ab\0\0x\0\0", 7);
	on_disk(&folder, "a", "abcdef", 6);
	assert_int_equal(file_sync(file, NULL), ST_OK);
	on_disk(&folder, "a", "ab\0\0x\0\0", 7);
	reads_as(file, "ab\0\0x\0\0", 7);
}

static void
closing_loses_what_was_not_synced(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	File *file = open_held(&folder, "a");
	assert_int_equal(file_write(file, 0, "kept", 4, NULL), ST_OK);
	assert_int_equal(file_sync(file, NULL), ST_OK);
	assert_int_equal(file_write(file, 0, "lost", 4, NULL), ST_OK);
	file_close(file);
	on_disk(&folder, "a", "kept", 4);
	assert_int_equal(mem_live(), 0);
}

static void
a_killed_process_loses_what_was_not_synced(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	pid_t child = fork();
	if (child == 0) {
		File *file = open_held(&folder, "a");
		bool fine = file_write(file, 0, "synced", 6, NULL) == ST_OK &&
					file_sync(file, NULL) == ST_OK && file_write(file, 6, "lost", 4, NULL) == ST_OK;
		if (fine)
			kill(getpid(), SIGKILL);
		_exit(1);
	}
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFSIGNALED(how));
	on_disk(&folder, "a", "synced", 6);
}

static void
a_sync_that_fails_keeps_the_file_readable(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_held(&folder, "a");
	assert_int_equal(file_write(file, 0, "ab", 2, NULL), ST_OK);
	assert_int_equal(file_write(file, 1, "c", 1, NULL), ST_OK);
	fault_arm(1); // the second held write
	assert_int_equal(file_sync(file, NULL), ST_IO);
	assert_true(fault_disarm());
	on_disk(&folder, "a", "ab", 2);
	reads_as(file, "ac", 2);
}

static Status
use_held(Folder *folder)
{
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(in(folder, "a"), FILE_WRITE, &file, NULL));
	TRY(file_write(file, 0, "abcdef", 6, NULL));
	TRY(file_truncate(file, 4, NULL));
	TRY(file_allocate(file, 8, NULL));
	char text[8];
	TRY(file_read(file, 0, text, 8, NULL));
	return file_sync(file, NULL);
}

static void
every_call_may_fail(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	FAULT_LOOP(st, st = use_held(&folder));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(held_writes_are_seen_here_and_not_on_disk),
		cmocka_unit_test(gaps_are_zeros),
		cmocka_unit_test(cutting_and_writing_keep_their_order),
		cmocka_unit_test(closing_loses_what_was_not_synced),
		cmocka_unit_test(a_killed_process_loses_what_was_not_synced),
		cmocka_unit_test(a_sync_that_fails_keeps_the_file_readable),
		cmocka_unit_test(every_call_may_fail),
	};
	return cmocka_run_group_tests(tests, hold_on, hold_off);
}
