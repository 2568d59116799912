// Files that are no catalog, or were one: an error, or what was written; never something else.

#include "dump.h"

typedef struct Content {
	uint8_t *data;
	size_t len;
} Content;

static Content
read_all(const char *path)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	fseek(file, 0, SEEK_END);
	Content content = {.len = (size_t)ftell(file)};
	rewind(file);
	content.data = malloc(content.len + 1);
	assert_int_equal(fread(content.data, 1, content.len, file), content.len);
	fclose(file);
	return content;
}

static void
write_all(const char *path, const uint8_t *data, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, len, file), len);
	fclose(file);
}

static void
refuses(const CatalogDir *dir, Status code, const char *part)
{
	Catalog *catalog = NULL;
	CatalogState found;
	Error err = ERROR_INIT;
	assert_int_equal(catalog_open(dir->db, &catalog, &found, &err), code);
	says(&err, "catalog.db");
	says(&err, part);
}

static void
another_file_is_no_catalog(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	char text[8192];
	memset(text, 'x', sizeof(text));
	write_all(dir.db, (const uint8_t *)text, sizeof(text));
	refuses(&dir, ST_CORRUPT, "not a database");
	snprintf(dir.db, sizeof(dir.db), "%s/none/catalog.db", dir.path);
	refuses(&dir, ST_IO, "unable to open");
}

static void
two_cannot_have_it(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	Catalog *catalog = open_catalog(&dir, NULL);
	refuses(&dir, ST_CONFLICT, "in use");
	catalog_close(catalog);
}

// A catalog with a bit of everything; returns what it says.
static Buf
fill(Catalog *catalog)
{
	TableDef *one = first_version(), *two = next_version(one);
	Error err = ERROR_INIT;
	apply_define(catalog, one, 1);
	apply_define(catalog, two, 2);
	for (uint64_t i = 1; i <= 5; i++) {
		FileMeta file = file_of(7, i, 10 * i, 10 * i + 9);
		ok(publish_file(catalog, &file, &err), &err);
	}
	Buf text = BUF_INIT;
	ok(dump(catalog, &text, &err), &err);
	table_def_unref(one);
	table_def_unref(two);
	return text;
}

// Opens and reads. True: it says what it should.
static bool
says_the_same(const CatalogDir *dir, const char *expected, uint64_t *generation)
{
	Catalog *catalog = NULL;
	CatalogState found;
	Buf text = BUF_INIT;
	Error err = ERROR_INIT;
	*generation = UINT64_MAX;
	bool same = true;
	if (catalog_open(dir->db, &catalog, &found, &err) == ST_OK) {
		if (dump(catalog, &text, &err) == ST_OK) {
			same = strcmp(buf_text(&text), expected) == 0;
			*generation = catalog_generation(catalog);
		}
		catalog_close(catalog);
	}
	buf_close(&text);
	return same;
}

static void
a_flipped_bit_is_noticed_or_harmless(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	Catalog *catalog = open_catalog(&dir, NULL);
	Buf expected = fill(catalog);
	catalog_close(catalog);
	Content content = read_all(dir.db);
	uint64_t generation;
	for (size_t bit = 0; bit < 8 * content.len; bit += 509) {
		content.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_all(dir.db, content.data, content.len);
		if (!says_the_same(&dir, buf_text(&expected), &generation))
			fail_msg("bit %zu is not noticed", bit);
		content.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		char journal[96];
		snprintf(journal, sizeof(journal), "%s-journal", dir.db);
		remove(journal);
		snprintf(journal, sizeof(journal), "%s-wal", dir.db);
		remove(journal);
	}
	free(content.data);
	buf_close(&expected);
}

static void
a_cut_is_noticed(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	Catalog *catalog = open_catalog(&dir, NULL);
	Buf expected = fill(catalog);
	catalog_close(catalog);
	Content content = read_all(dir.db);
	for (size_t len = 512; len < content.len; len += 512) {
		write_all(dir.db, content.data, len);
		Catalog *none = NULL;
		CatalogState found;
		Error err = ERROR_INIT;
		Status st = catalog_open(dir.db, &none, &found, &err);
		if (st != ST_CORRUPT)
			fail_msg("cut at %zu of %zu: %s %s", len, content.len, status_name(st), err.text);
	}
	free(content.data);
	buf_close(&expected);
}

// SQLite takes its own log for ended where it is damaged: the generation tells.
static void
a_lost_transaction_shows_in_the_generation(void **state)
{
	(void)state;
	SCOPED(catalog_dir_drop) CatalogDir dir = catalog_dir_new();
	SCOPED(catalog_dir_drop) CatalogDir copy = catalog_dir_new();
	char wal[96], wal_copy[96];
	snprintf(wal, sizeof(wal), "%s-wal", dir.db);
	snprintf(wal_copy, sizeof(wal_copy), "%s-wal", copy.db);
	Catalog *catalog = open_catalog(&dir, NULL);
	Buf expected = fill(catalog);
	uint64_t whole = catalog_generation(catalog), generation;
	Content main = read_all(dir.db), log = read_all(wal); // as after a crash
	catalog_close(catalog);
	assert_true(log.len > 4096);
	int lost = 0;
	for (size_t at = 40; at < log.len; at += 4999) {
		log.data[at] ^= 1;
		write_all(copy.db, main.data, main.len);
		write_all(wal_copy, log.data, log.len);
		bool same = says_the_same(&copy, buf_text(&expected), &generation);
		if (!same && generation >= whole)
			fail_msg("byte %zu is not noticed", at);
		lost += !same;
		log.data[at] ^= 1;
	}
	assert_true(lost > 0);
	write_all(copy.db, main.data, main.len);
	write_all(wal_copy, log.data, log.len);
	assert_true(says_the_same(&copy, buf_text(&expected), &generation));
	assert_int_equal(generation, whole);
	free(main.data);
	free(log.data);
	buf_close(&expected);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_file_is_no_catalog),
		cmocka_unit_test(two_cannot_have_it),
		cmocka_unit_test(a_flipped_bit_is_noticed_or_harmless),
		cmocka_unit_test(a_cut_is_noticed),
		cmocka_unit_test(a_lost_transaction_shows_in_the_generation),
	};
	return RUN(tests);
}
