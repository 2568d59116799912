// test_catalog_masks.c - the rows of files that are deleted, and tables that are emptied.

#include <sqlite3.h>

#include "dump.h"

static void
run_sql(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static Status
publish_mask(Catalog *catalog, uint64_t segment, uint64_t seq, const char *rows, Error *err)
{
	CatalogMask mask = {segment, seq, slice_of(rows, strlen(rows))};
	CatalogEdit edit = {.masks = &mask, .mask_count = 1};
	return catalog_publish(catalog, &edit, err);
}

// The mask of the only file there is; "": none.
static void
mask_is(Catalog *catalog, const char *expected)
{
	Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	ok(dump(catalog, &text, &err), &err);
	char *mask = strstr((char *)(uintptr_t)buf_text(&text), "  mask");
	char *end = mask != NULL ? strchr(mask, '\n') : NULL;
	if (end != NULL)
		*end = '\0';
	assert_string_equal(mask != NULL ? mask : "", expected);
	buf_close(&text);
}

static void
a_mask_is_as_new_as_its_newest_deletion_and_goes_with_its_file(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 1);
	Error err = ERROR_INIT;
	FileMeta file = file_of(7, 5, 10, 19);
	ok(publish_mask(catalog, 5, 20, "early", &err), &err); // there is no such file
	ok(publish_file(catalog, &file, &err), &err);
	mask_is(catalog, "");
	ok(publish_mask(catalog, 5, 22, "new", &err), &err);
	ok(publish_mask(catalog, 5, 21, "late", &err), &err);
	ok(publish_file(catalog, &file, &err), &err); // it moved a level up
	for (int round = 0; round < 2; round++) {
		mask_is(catalog, "  mask at 22: new");
		catalog_close(catalog);
		catalog = open_catalog(&dir, NULL);
	}
	uint64_t removed = 5;
	ok(catalog_publish(catalog, &(CatalogEdit){.removed = &removed, .removed_count = 1}, &err),
	   &err);
	ok(publish_file(catalog, &file, &err), &err);
	mask_is(catalog, "");
	ok(publish_mask(catalog, 5, 23, "again", &err), &err);
	apply_drop(catalog, 7, 30);
	apply_define(catalog, def, 31);
	ok(publish_file(catalog, &file, &err), &err);
	mask_is(catalog, "");
	catalog_close(catalog);
	table_def_unref(def);
}

static void
a_truncation_takes_the_files_before_it(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 1);
	Error err = ERROR_INIT;
	FileMeta before = file_of(7, 5, 10, 19), behind = file_of(7, 6, 21, 30);
	ok(publish_file(catalog, &before, &err), &err);
	ok(publish_mask(catalog, 5, 20, "rows", &err), &err);
	CatalogChange *change = NULL;
	ok(catalog_change_truncate(7, &change, &err), &err);
	catalog_apply(catalog, change, 20);
	Buf text = BUF_INIT;
	ok(dump(catalog, &text, &err), &err);
	assert_null(strstr(buf_text(&text), "file"));
	assert_non_null(strstr(buf_text(&text), "flushed 7 to 20"));
	buf_reset(&text);
	// Where the log is read again, later files are there already.
	ok(publish_file(catalog, &behind, &err), &err);
	ok(catalog_change_truncate(7, &change, &err), &err);
	catalog_apply(catalog, change, 20);
	ok(dump(catalog, &text, &err), &err);
	assert_non_null(strstr(buf_text(&text), "file 6"));
	assert_non_null(strstr(buf_text(&text), "flushed 7 to 30"));
	buf_close(&text);
	catalog_close(catalog);
	table_def_unref(def);
}

static void
ids_are(Catalog *catalog, const char *expected)
{
	Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	ok(dump(catalog, &text, &err), &err);
	const char *found = strstr(buf_text(&text), "ids of 7");
	assert_int_equal(found != NULL, expected != NULL);
	if (found != NULL)
		assert_memory_equal(found, expected, strlen(expected));
	buf_close(&text);
}

static Status
publish_ids(Catalog *catalog, int64_t last, Error *err)
{
	CatalogFlushed flushed = {7, 5, last};
	return catalog_publish(catalog, &(CatalogEdit){.flushed = &flushed, .flushed_count = 1}, err);
}

static void
ids_that_were_given_only_rise_until_the_table_goes(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	Error err = ERROR_INIT;
	ok(publish_ids(catalog, 9, &err), &err);
	apply_define(catalog, def, 1);
	ids_are(catalog, NULL);
	ok(publish_ids(catalog, 10, &err), &err);
	ok(publish_ids(catalog, 8, &err), &err);
	ok(publish_ids(catalog, 0, &err), &err);
	ids_are(catalog, "ids of 7 to 10\n");
	CatalogChange *change = NULL;
	ok(catalog_change_truncate(7, &change, &err), &err);
	catalog_change_last_id(change, 12);
	catalog_apply(catalog, change, 20);
	catalog_close(catalog);
	catalog = open_catalog(&dir, NULL);
	ids_are(catalog, "ids of 7 to 12\n");
	apply_drop(catalog, 7, 30);
	apply_define(catalog, def, 31);
	ids_are(catalog, NULL);
	catalog_close(catalog);
	table_def_unref(def);
}

static void
a_catalog_from_before_there_were_masks_opens(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	TableDef *def = first_version();
	Catalog *catalog = open_catalog(&dir, NULL);
	apply_define(catalog, def, 1);
	Error err = ERROR_INIT;
	FileMeta file = file_of(7, 5, 10, 19);
	ok(publish_file(catalog, &file, &err), &err);
	catalog_close(catalog);
	run_sql(dir.db, "DROP TABLE masks");
	run_sql(dir.db, "DROP TABLE ids");
	catalog = open_catalog(&dir, NULL);
	mask_is(catalog, "");
	ok(publish_mask(catalog, 5, 22, "new", &err), &err);
	catalog_close(catalog);
	catalog = open_catalog(&dir, NULL);
	mask_is(catalog, "  mask at 22: new");
	catalog_close(catalog);
	run_sql(dir.db, "UPDATE masks SET seq=23");
	CatalogState found;
	assert_int_equal(catalog_open(dir.db, &catalog, &found, &err), ST_CORRUPT);
	table_def_unref(def);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mask_is_as_new_as_its_newest_deletion_and_goes_with_its_file),
		cmocka_unit_test(a_truncation_takes_the_files_before_it),
		cmocka_unit_test(ids_that_were_given_only_rise_until_the_table_goes),
		cmocka_unit_test(a_catalog_from_before_there_were_masks_opens),
	};
	return RUN(tests);
}
