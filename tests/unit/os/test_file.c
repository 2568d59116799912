#include "support.h"

#include <limits.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static File *
open_in(Folder *folder, const char *name, FileMode mode)
{
	File *file = NULL;
	Error err = ERROR_INIT;
	ok(file_open(in(folder, name), mode, &file, &err), &err);
	return file;
}

static void
what_was_written_is_read_back(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	Error err = ERROR_INIT;
	ok(file_write(file, 0, "hello world", 11, &err), &err);
	ok(file_write(file, 6, "there", 5, &err), &err);
	char text[12] = "";
	ok(file_read(file, 0, text, 11, &err), &err);
	assert_string_equal(text, "hello there");
	uint64_t size = 0;
	ok(file_size(file, &size, &err), &err);
	assert_int_equal(size, 11);
	ok(file_stat_size(file_path(file), &size, &err), &err);
	assert_int_equal(size, 11);
	ok(file_sync(file, &err), &err);
	file_push(file, 0, 11);
}

static void
reading_past_the_end_is_corruption_or_short(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	Error err = ERROR_INIT;
	ok(file_write(file, 0, "abc", 3, &err), &err);
	char text[8] = "";
	assert_int_equal(file_read(file, 1, text, 5, &err), ST_CORRUPT);
	says(&err, file_path(file));
	says(&err, "byte 3");
	says(&err, "3 more");
	size_t got = 9;
	ok(file_read_some(file, 1, text, 5, &got, &err), &err);
	assert_int_equal(got, 2);
	ok(file_read_some(file, 100, text, 5, &got, &err), &err);
	assert_int_equal(got, 0);
}

static void
what_is_no_file_is_not_read(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	const char *pipe = in(&folder, "pipe");
	assert_int_equal(mkfifo(pipe, 0600), 0);
	const char *const others[] = {pipe, "/dev/zero", folder.path};
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		SCOPED(file_drop) File *file = NULL;
		Error err = ERROR_INIT;
		assert_int_equal(file_open(others[i], FILE_READ, &file, &err), ST_CORRUPT);
		says(&err, others[i]);
	}
}

static void
each_mode_opens_what_it_says(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	File *file = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(file_open(in(&folder, "a"), FILE_READ, &file, &err), ST_NOT_FOUND);
	says(&err, in(&folder, "a"));
	assert_null(file);
	file_close(open_in(&folder, "a", FILE_CREATE_NEW));
	assert_int_equal(file_open(in(&folder, "a"), FILE_CREATE_NEW, &file, &err), ST_EXISTS);
	file_close(open_in(&folder, "a", FILE_WRITE));
	file = open_in(&folder, "a", FILE_READ);
	assert_int_equal(file_write(file, 0, "x", 1, &err), ST_IO);
	file_close(file);
	file_close(NULL);
	assert_int_equal(file_live(), 0);

	struct stat info;
	assert_int_equal(stat(in(&folder, "a"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600); // nobody else reads the data
}

static void
more_pieces_than_the_system_takes_are_written(void **state)
{
	(void)state;
	enum { PIECES = 3 * IOV_MAX + 7 };
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	struct iovec *pieces = mem_alloc_array(PIECES, sizeof(*pieces));
	char *wanted = mem_alloc(3 * PIECES);
	size_t len = 0;
	for (size_t i = 0; i < PIECES; i++) {
		pieces[i].iov_base = wanted + len;
		pieces[i].iov_len = i % 4; // some are empty
		memset(wanted + len, 'a' + (int)(i % 26), i % 4);
		len += i % 4;
	}
	Error err = ERROR_INIT;
	ok(file_writev(file, 5, pieces, PIECES, &err), &err);
	char *found = mem_alloc(len);
	ok(file_read(file, 5, found, len, &err), &err);
	assert_memory_equal(found, wanted, len);
	uint64_t size = 0;
	ok(file_size(file, &size, &err), &err);
	assert_int_equal(size, 5 + len);
	mem_free(found);
	mem_free(wanted);
	mem_free(pieces);
}

static void
writing_nothing_is_fine(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	struct iovec nothing[] = {{"x", 0}, {NULL, 0}};
	assert_int_equal(file_writev(file, 0, nothing, 2, NULL), ST_OK);
	assert_int_equal(file_writev(file, 0, NULL, 0, NULL), ST_OK);
	assert_int_equal(file_write(file, 0, NULL, 0, NULL), ST_OK);
}

static void
a_write_that_the_system_takes_in_part_goes_on(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	// With a limit of the file's size the system takes the bytes before it, then refuses.
	struct rlimit before, small;
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	struct iovec pieces[] = {{"abcd", 4}, {"efgh", 4}, {"ijkl", 4}};
	Error err = ERROR_INIT;
	Status st = file_writev(file, 0, pieces, 3, &err);
	setrlimit(RLIMIT_FSIZE, &before);

	assert_int_equal(st, ST_IO);
	assert_int_equal(pieces[2].iov_len, 2); // it went on inside of the last piece
	char text[11] = "";
	ok(file_read(file, 0, text, 10, &err), &err);
	assert_string_equal(text, "abcdefghij");
}

static void
a_full_disk_is_told_apart(void **state)
{
	(void)state;
	if (access("/dev/full", W_OK) != 0)
		skip();
	File *file = NULL;
	Error err = ERROR_INIT;
	ok(file_open("/dev/full", FILE_WRITE, &file, &err), &err);
	assert_int_equal(file_write(file, 0, "x", 1, &err), ST_DISK_FULL);
	says(&err, "/dev/full");
	says(&err, "free space");
	file_close(file);
}

// Pieces of many lengths, some larger than what is gathered at once.
static void
what_is_appended_past_the_cache_is_read_back(void **state)
{
	(void)state;
	enum { ALL = 6 << 20 };
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	Error err = ERROR_INIT;
	ok(file_append_direct(file, &err), &err);
	uint8_t *bytes = malloc(ALL), *back = malloc(ALL);
	for (size_t i = 0; i < ALL; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 251);
	static const size_t lengths[] = {1, 4095, 4096, 100, 70000, 3, 1 << 20, 65536, 2500001, 8};
	size_t at = 0;
	for (size_t i = 0; at + lengths[i] <= ALL; i = (i + 1) % COUNT_OF(lengths)) {
		struct iovec pieces[] = {{bytes + at, lengths[i] / 3},
								 {bytes + at + lengths[i] / 3, lengths[i] - lengths[i] / 3}};
		ok(file_writev(file, at, pieces, 2, &err), &err);
		at += lengths[i];
	}
	ok(file_sync(file, &err), &err);
	SCOPED(file_drop) File *again = open_in(&folder, "a", FILE_READ);
	ok(file_read(again, 0, back, at, &err), &err);
	assert_memory_equal(back, bytes, at);
	free(bytes);
	free(back);
}

static void
a_file_grows_and_shrinks(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	SCOPED(file_drop) File *file = open_in(&folder, "a", FILE_WRITE);
	Error err = ERROR_INIT;
	uint64_t size = 0;
	ok(file_allocate(file, 0, &err), &err);
	ok(file_allocate(file, 10000, &err), &err);
	ok(file_size(file, &size, &err), &err);
	assert_int_equal(size, 10000);
	ok(file_allocate(file, 100, &err), &err);
	ok(file_truncate(file, 5000, &err), &err);
	ok(file_size(file, &size, &err), &err);
	assert_int_equal(size, 5000);
	char byte = 1;
	ok(file_read(file, 4999, &byte, 1, &err), &err);
	assert_int_equal(byte, 0);
}

static void
names_can_be_moved_linked_and_removed(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	Error err = ERROR_INIT;
	file_close(open_in(&folder, "a", FILE_WRITE));
	ok(file_link(in(&folder, "a"), in(&folder, "b"), &err), &err);
	assert_int_equal(file_link(in(&folder, "a"), in(&folder, "b"), &err), ST_EXISTS);
	says(&err, in(&folder, "b"));
	ok(file_rename(in(&folder, "a"), in(&folder, "c"), &err), &err);
	assert_int_equal(file_rename(in(&folder, "a"), in(&folder, "d"), &err), ST_NOT_FOUND);
	ok(file_unlink(in(&folder, "b"), &err), &err);
	assert_int_equal(file_unlink(in(&folder, "b"), &err), ST_NOT_FOUND);
	uint64_t size = 7;
	assert_int_equal(file_stat_size(in(&folder, "b"), &size, &err), ST_NOT_FOUND);
	assert_int_equal(size, 7);
	ok(file_stat_size(in(&folder, "c"), &size, &err), &err);
}

static void
a_lock_is_had_once_and_ends_with_its_file(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	File *lock = NULL, *second = NULL;
	Error err = ERROR_INIT;
	ok(file_lock(in(&folder, "lock"), &lock, &err), &err);
	assert_int_equal(file_lock(in(&folder, "lock"), &second, &err), ST_CONFLICT);
	says(&err, "another process");
	assert_null(second);
	file_close(lock);
	ok(file_lock(in(&folder, "lock"), &second, &err), &err);
	file_close(second);
	assert_int_equal(file_live(), 0);
}

static Status
use_file(Folder *folder, Error *err)
{
	SCOPED(file_drop) File *lock = NULL;
	SCOPED(file_drop) File *file = NULL;
	TRY(file_lock(in(folder, "lock"), &lock, err));
	TRY(file_open(in(folder, "a"), FILE_WRITE, &file, err));
	TRY(file_allocate(file, 100, err));
	TRY(file_write(file, 0, "abcdef", 6, err));
	struct iovec pieces[] = {{"ab", 2}, {"cd", 2}};
	TRY(file_writev(file, 0, pieces, 2, err));
	char text[6];
	size_t got;
	TRY(file_read(file, 0, text, 6, err));
	TRY(file_read_some(file, 0, text, 6, &got, err));
	uint64_t size;
	TRY(file_size(file, &size, err));
	TRY(file_truncate(file, 4, err));
	TRY(file_sync(file, err));
	TRY(file_stat_size(in(folder, "a"), &size, err));
	TRY(file_link(in(folder, "a"), in(folder, "b"), err));
	TRY(file_rename(in(folder, "b"), in(folder, "c"), err));
	return file_unlink(in(folder, "c"), err);
}

static void
every_call_may_fail(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	FAULT_LOOP(st, {
		Error err = ERROR_INIT;
		st = use_file(&folder, &err);
		if (st != ST_OK) {
			assert_true(st == ST_IO || st == ST_NO_MEMORY);
			says(&err, folder.path);
		}
		unlink(in(&folder, "b"));
		unlink(in(&folder, "c"));
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(reading_past_the_end_is_corruption_or_short),
		cmocka_unit_test(what_is_no_file_is_not_read),
		cmocka_unit_test(each_mode_opens_what_it_says),
		cmocka_unit_test(more_pieces_than_the_system_takes_are_written),
		cmocka_unit_test(writing_nothing_is_fine),
		cmocka_unit_test(a_write_that_the_system_takes_in_part_goes_on),
		cmocka_unit_test(a_full_disk_is_told_apart),
		cmocka_unit_test(what_is_appended_past_the_cache_is_read_back),
		cmocka_unit_test(a_file_grows_and_shrinks),
		cmocka_unit_test(names_can_be_moved_linked_and_removed),
		cmocka_unit_test(a_lock_is_had_once_and_ends_with_its_file),
		cmocka_unit_test(every_call_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
