#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

static void
touch(const char *path)
{
	File *file = NULL;
	assert_int_equal(file_open(path, FILE_WRITE, &file, NULL), ST_OK);
	file_close(file);
}

typedef struct Seen {
	int count;
	char names[8][32];
	int stop_at; // -1: at none
} Seen;

static Status
note(void *arg, const char *name, Error *err)
{
	Seen *seen = arg;
	if (seen->count == seen->stop_at)
		return error_set(err, ST_LIMIT, "enough");
	snprintf(seen->names[seen->count++], sizeof(seen->names[0]), "%s", name);
	return ST_OK;
}

static void
a_folder_is_made_once_and_found_made_after(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	Error err = ERROR_INIT;
	ok(dir_make(in(&folder, "d"), &err), &err);
	ok(dir_make(in(&folder, "d"), &err), &err);
	ok(dir_sync(in(&folder, "d"), &err), &err);
	assert_int_equal(dir_make(in(&folder, "no/d//"), &err), ST_NOT_FOUND);
	says(&err, "no directory ");
	says(&err, "/no; ");
	ok(dir_sync_parent(in(&folder, "d"), &err), &err);
	assert_int_equal(dir_sync(in(&folder, "no"), &err), ST_NOT_FOUND);
	assert_int_equal(dir_sync_parent(in(&folder, "no"), &err), ST_NOT_FOUND);
	touch(in(&folder, "file"));
	assert_int_equal(dir_make(in(&folder, "file"), &err), ST_EXISTS);
	says(&err, "no directory");
	struct stat info;
	assert_int_equal(stat(in(&folder, "d"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
}

static void
a_listing_has_every_entry_once(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	Error err = ERROR_INIT;
	touch(in(&folder, "a"));
	touch(in(&folder, ".b"));
	ok(dir_make(in(&folder, "c"), &err), &err);
	Seen seen = {.stop_at = -1};
	ok(dir_list(folder.path, note, &seen, &err), &err);
	assert_int_equal(seen.count, 3);
	for (int i = 0; i < 3; i++)
		assert_true(strcmp(seen.names[i], ".") != 0 && strcmp(seen.names[i], "..") != 0);
	assert_int_equal(dir_list(in(&folder, "no"), note, &seen, &err), ST_NOT_FOUND);
	says(&err, in(&folder, "no"));
}

static void
a_listing_stops_at_the_first_failure(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	touch(in(&folder, "a"));
	touch(in(&folder, "b"));
	Seen seen = {.stop_at = 1};
	Error err = ERROR_INIT;
	assert_int_equal(dir_list(folder.path, note, &seen, &err), ST_LIMIT);
	says(&err, "enough");
	assert_int_equal(seen.count, 1);
}

static void
fill(Folder *folder)
{
	assert_int_equal(dir_make(in(folder, "tree"), NULL), ST_OK);
	assert_int_equal(dir_make(in(folder, "tree/x"), NULL), ST_OK);
	assert_int_equal(dir_make(in(folder, "tree/x/y"), NULL), ST_OK);
	touch(in(folder, "tree/a"));
	touch(in(folder, "tree/x/b"));
	touch(in(folder, "tree/x/y/c"));
}

static void
removing_all_takes_the_whole_tree_and_nothing_behind_links(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	Error err = ERROR_INIT;
	fill(&folder);
	ok(dir_make(in(&folder, "kept"), &err), &err);
	touch(in(&folder, "kept/file"));
	assert_int_equal(symlink(in(&folder, "kept"), in(&folder, "tree/link")), 0);
	ok(dir_remove_all(in(&folder, "tree"), &err), &err);
	ok(dir_remove_all(in(&folder, "tree"), &err), &err); // fine when there is none
	uint64_t size;
	assert_int_equal(file_stat_size(in(&folder, "tree"), &size, NULL), ST_NOT_FOUND);
	assert_int_equal(file_stat_size(in(&folder, "kept/file"), &size, NULL), ST_OK);
	touch(in(&folder, "file"));
	ok(dir_remove_all(in(&folder, "file"), &err), &err);
}

static void
a_tree_too_deep_to_be_ours_is_refused(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	char path[200];
	snprintf(path, sizeof(path), "%s/deep", folder.path);
	const size_t top = strlen(path);
	for (int level = 0; level < 40; level++) {
		assert_int_equal(dir_make(path, NULL), ST_OK);
		strcat(path, "/d");
	}
	Error err = ERROR_INIT;
	assert_int_equal(dir_remove_all(in(&folder, "deep"), &err), ST_IO);
	says(&err, "deeper than");
	// From the bottom up it goes, in two bites.
	path[top + 2 * 20] = '\0';
	assert_int_equal(dir_remove_all(path, &err), ST_OK);
}

static void
every_call_may_fail(void **state)
{
	(void)state;
	SCOPED(folder_drop) Folder folder = folder_make();
	FAULT_LOOP(st, st = dir_make(in(&folder, "d"), NULL));
	FAULT_LOOP(st, st = dir_sync(in(&folder, "d"), NULL));
	FAULT_LOOP(st, st = dir_sync_parent(in(&folder, "d"), NULL));
	uint64_t capacity = 0;
	FAULT_LOOP(st, st = dir_capacity(folder.path, &capacity, NULL));
	assert_true(capacity > 0);
	FAULT_LOOP(st, {
		Seen seen = {.stop_at = -1};
		st = dir_list(folder.path, note, &seen, NULL);
	});
	fill(&folder);
	for (long nth = 0;; nth++) {
		fault_arm(nth);
		Status st = dir_remove_all(in(&folder, "tree"), NULL);
		if (!fault_disarm()) {
			assert_int_equal(st, ST_OK);
			break;
		}
		assert_int_equal(st, ST_IO);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_is_made_once_and_found_made_after),
		cmocka_unit_test(a_listing_has_every_entry_once),
		cmocka_unit_test(a_listing_stops_at_the_first_failure),
		cmocka_unit_test(removing_all_takes_the_whole_tree_and_nothing_behind_links),
		cmocka_unit_test(a_tree_too_deep_to_be_ours_is_refused),
		cmocka_unit_test(every_call_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
