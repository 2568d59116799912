// Damaged files under a database that runs: an error that names them, or the right answer.
// EVERY_BIT=1 flips all of them.

#include <fcntl.h>
#include <sys/stat.h>

#include "support.h"

enum { ROWS = 50 };

static void
path_of(mobius *db, const Dir *dir, const char *table, int nth, char out[128])
{
	char sql[128];
	snprintf(sql, sizeof(sql),
			 "SELECT id::BIGINT FROM system.segments WHERE \"table\" = '%s' ORDER BY id LIMIT 1 "
			 "OFFSET %d",
			 table, nth);
	int64_t id = number(db, sql);
	snprintf(out, 128, "%s/files/%d/%" PRId64 ".parquet", dir->path, table[0] == 't' ? 1 : 2, id);
}

// Table t has two files, of v below and from 1000 on, and table u one.
static void
make_files(Fixture *fx, char first[128], char second[128], char other[128])
{
	fixture_open(fx, NULL);
	append_rows(fx->db, "t", 0, ROWS);
	(void)number(fx->db, "FLUSH");
	append_rows(fx->db, "t", 1000, ROWS);
	(void)number(fx->db, "FLUSH");
	append_rows(fx->db, "u", 5000, ROWS);
	(void)number(fx->db, "FLUSH");
	path_of(fx->db, &fx->dir, "t", 0, first);
	path_of(fx->db, &fx->dir, "t", 1, second);
	path_of(fx->db, &fx->dir, "u", 0, other);
}

static int64_t
sum_of(int64_t from)
{
	return ROWS * from + ROWS * (ROWS - 1) / 2;
}

// The file is named, and what does not need it goes on.
static void
is_named_and_no_more(Fixture *fx, const char *path)
{
	refused(fx->db, "SELECT sum(v)::BIGINT FROM t", MOBIUS_CORRUPT, path);
	refused(fx->db, "SELECT v FROM t WHERE v < 10", MOBIUS_CORRUPT, path);
	assert_int_equal(number(fx->db, "SELECT sum(v)::BIGINT FROM t WHERE time >= 1000000"),
					 sum_of(1000));
	assert_int_equal(number(fx->db, "SELECT sum(v)::BIGINT FROM u"), sum_of(5000));
	assert_int_equal(
		number(fx->db, "SELECT count(*) FROM system.segments WHERE status = 'QUARANTINED'"), 1);
}

static void
is_whole(Fixture *fx)
{
	assert_int_equal(number(fx->db, "SELECT sum(v)::BIGINT FROM t"), sum_of(0) + sum_of(1000));
	assert_int_equal(
		number(fx->db, "SELECT count(*) FROM system.segments WHERE status = 'QUARANTINED'"), 0);
}

static size_t
read_bytes(const char *path, uint8_t *bytes, size_t room)
{
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(bytes, 1, room, file);
	assert_true(len > 0 && len < room);
	fclose(file);
	return len;
}

static void
write_bytes(const char *path, const uint8_t *bytes, size_t len)
{
	FILE *file = fopen(path, "wb");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
}

static size_t
step(size_t sampled)
{
	const char *every = getenv("EVERY_BIT");
	return every != NULL && every[0] != '\0' ? 1 : sampled;
}

static void
a_bit_that_flips_is_never_answered(void **state)
{
	(void)state;
	Fixture fx;
	char path[128], second[128], other[128];
	static uint8_t bytes[64 << 10];
	make_files(&fx, path, second, other);
	log_configure(LOG_NOTHING, LOG_TEXT);
	size_t len = read_bytes(path, bytes, sizeof(bytes));
	for (size_t bit = 0; bit < 8 * len; bit += step(331)) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		write_bytes(path, bytes, len);
		refused(fx.db, "SELECT sum(v)::BIGINT FROM t", MOBIUS_CORRUPT, path);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	is_named_and_no_more(&fx, path);
	write_bytes(path, bytes, len);
	is_whole(&fx);
	fixture_close(&fx);
}

static void
a_file_cut_replaced_or_gone_is_named_until_it_is_back(void **state)
{
	(void)state;
	Fixture fx;
	char path[128], second[128], other[128], away[160];
	static uint8_t bytes[64 << 10], another[64 << 10];
	make_files(&fx, path, second, other);
	log_configure(LOG_NOTHING, LOG_TEXT);
	size_t len = read_bytes(path, bytes, sizeof(bytes));
	for (size_t cut = 0; cut < len; cut += step(97)) {
		write_bytes(path, bytes, cut);
		refused(fx.db, "SELECT sum(v)::BIGINT FROM t", MOBIUS_CORRUPT, path);
	}
	is_named_and_no_more(&fx, path);
	size_t other_len = read_bytes(second, another, sizeof(another));
	write_bytes(path, another, other_len);
	is_named_and_no_more(&fx, path);
	write_bytes(path, bytes, len);
	is_whole(&fx);
	snprintf(away, sizeof(away), "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	is_named_and_no_more(&fx, path);
	assert_int_equal(rename(away, path), 0);
	is_whole(&fx);
	fixture_close(&fx);
}

// A damaged file may be dropped with its table; what is left starts.
static void
a_table_with_a_damaged_file_can_be_dropped(void **state)
{
	(void)state;
	Fixture fx;
	char path[128], second[128], other[128];
	make_files(&fx, path, second, other);
	log_configure(LOG_NOTHING, LOG_TEXT);
	write_bytes(path, (const uint8_t *)"x", 1);
	refused(fx.db, "SELECT sum(v)::BIGINT FROM t", MOBIUS_CORRUPT, path);
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	fx.db = db_open(fx.dir.path, SETTINGS("verify=strict"));
	fx.session = session_of(fx.db);
	is_named_and_no_more(&fx, path);
	assert_int_equal(number(fx.db, "DROP TABLE t"), 0);
	assert_int_equal(number(fx.db, "SELECT sum(v)::BIGINT FROM u"), sum_of(5000));
	fixture_close(&fx);
}

// Nothing is made of what could not be restored; what the refusal proposes works.
static void
a_backup_of_a_damaged_file_is_refused(void **state)
{
	(void)state;
	Fixture fx;
	char path[128], second[128], other[128], dir[160];
	static uint8_t bytes[64 << 10];
	make_files(&fx, path, second, other);
	log_configure(LOG_NOTHING, LOG_TEXT);
	snprintf(dir, sizeof(dir), "%s/backup", fx.dir.path);
	size_t len = read_bytes(path, bytes, sizeof(bytes));
	bytes[len / 2] ^= 1;
	write_bytes(path, bytes, len);
	refused(fx.db, "SELECT sum(v)::BIGINT FROM t", MOBIUS_CORRUPT, path);
	static const char *const asked[] = {"BACKUP TO 'x'", "BACKUP TO 'x' WITH (copy)"};
	for (size_t i = 0; i < COUNT_OF(asked); i++) {
		refused(fx.db, asked[i], MOBIUS_CORRUPT, path);
		refused(fx.db, asked[i], MOBIUS_CORRUPT, "table \"t\"");
		refused(fx.db, asked[i], MOBIUS_CORRUPT, "TRUNCATE");
		assert_int_equal(access(dir, F_OK), -1);
	}
	bytes[len / 2] ^= 1;
	write_bytes(path, bytes, len); // an intact copy in its place
	(void)number(fx.db, "BACKUP TO 'mended'");
	write_bytes(other, (const uint8_t *)"x", 1);
	refused(fx.db, "BACKUP TO 'x'", MOBIUS_CORRUPT, other);
	(void)number(fx.db, "TRUNCATE u");
	(void)number(fx.db, "BACKUP TO 'emptied' WITH (copy)");
	write_bytes(path, (const uint8_t *)"x", 1);
	refused(fx.db, "BACKUP TO 'x'", MOBIUS_CORRUPT, path);
	(void)number(fx.db, "DROP TABLE t");
	(void)number(fx.db, "BACKUP TO 'dropped' WITH (copy)");
	fixture_close(&fx);
}

// The medium's doing, which no mark tells: the time of writing is as it was.
static void
flip_unnoticed(const char *path)
{
	static uint8_t bytes[64 << 10];
	struct stat info;
	assert_int_equal(stat(path, &info), 0);
	size_t len = read_bytes(path, bytes, sizeof(bytes));
	bytes[len / 2] ^= 1;
	write_bytes(path, bytes, len);
	struct timespec times[] = {info.st_atim, info.st_mtim};
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

// Found while it is copied: the database's file is named, not the link that was read.
static void
a_copy_that_finds_damage_names_the_source(void **state)
{
	(void)state;
	Fixture fx;
	char path[128], second[128], other[128], dir[160];
	make_files(&fx, path, second, other);
	log_configure(LOG_NOTHING, LOG_TEXT);
	flip_unnoticed(path);
	refused(fx.db, "BACKUP TO 'x' WITH (copy)", MOBIUS_CORRUPT, path);
	snprintf(dir, sizeof(dir), "%s/backup/x", fx.dir.path);
	assert_int_equal(access(dir, F_OK), -1);
	is_named_and_no_more(&fx, path); // and is known from now on
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_bit_that_flips_is_never_answered),
		TEST(a_file_cut_replaced_or_gone_is_named_until_it_is_back),
		TEST(a_table_with_a_damaged_file_can_be_dropped),
		TEST(a_backup_of_a_damaged_file_is_refused),
		TEST(a_copy_that_finds_damage_names_the_source),
	};
	return RUN(tests);
}
