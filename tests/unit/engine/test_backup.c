// Backups of a database that is written to, what is restored of them, and checks of both.
// EVERY_BIT=1 flips all of a catalog.

#include <fcntl.h>
#include <sys/syscall.h>

#include <sys/stat.h>

#include "support.h"

// ---- words ----

typedef struct Found {
	int damage;
	int notes;
	char first[480];
} Found;

static void
note_finding(void *arg, bool damage, const char *text)
{
	Found *found = arg;
	if (damage && found->damage == 0)
		snprintf(found->first, sizeof(found->first), "%s", text);
	found->damage += damage;
	found->notes += !damage;
}

static Found
check(const char *dir, mobius_checked *checked)
{
	Found found = {0};
	mobius_checked ignored;
	mobius_error err = {0};
	mobius_findings findings = {note_finding, &found};
	fine(mobius_check(dir, &findings, checked != NULL ? checked : &ignored, &err), &err);
	return found;
}

static void
is_clean(const char *dir)
{
	Found found = check(dir, NULL);
	if (found.damage > 0)
		fail_msg("%s", found.first);
}

static void
backup_path(const Dir *dir, const char *name, char out[160])
{
	snprintf(out, 160, "%s/backup/%s", dir->path, name);
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0;
}

static void
flip(const char *path, size_t bit)
{
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
	int byte = fgetc(file);
	assert_int_equal(fseek(file, (long)(bit / 8), SEEK_SET), 0);
	assert_true(fputc(byte ^ (1 << bit % 8), file) != EOF);
	fclose(file);
}

static void
write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static size_t
size_of(const char *path)
{
	uint64_t size = 0;
	Error err = ERROR_INIT;
	ok(file_stat_size(path, &size, &err), &err);
	return size;
}

static mobius *
restored(const char *backup, Dir *into)
{
	mobius_error err = {0};
	*into = dir_new();
	fine(mobius_restore(backup, into->path, &err), &err);
	is_clean(into->path);
	return db_open(into->path, NULL);
}

// ---- whole backups ----

static void
what_is_restored_is_what_was_there_then(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 500);
	(void)number(fx.db, "FLUSH");
	append_rows(fx.db, "t", 500, 500); // in the log alone
	append_rows(fx.db, "u", 0, 10);
	(void)number(fx.db, "BACKUP TO 'one'");
	(void)number(fx.db, "BACKUP TO 'two' WITH (copy)");
	append_rows(fx.db, "t", 1000, 77);
	(void)number(fx.db, "DROP TABLE u");
	(void)number(fx.db, "FLUSH");
	refused(fx.db, "BACKUP TO 'one'", MOBIUS_EXISTS, "/backup/one");
	static const char *const names[] = {"one", "two"};
	for (int i = 0; i < 2; i++) {
		char path[160];
		backup_path(&fx.dir, names[i], path);
		is_clean(path);
		Dir dir;
		mobius *db = restored(path, &dir);
		assert_int_equal(number(db, "SELECT count(*) FROM t"), 1000);
		assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 999 * 500);
		assert_int_equal(number(db, "SELECT count(*) FROM u"), 10);
		append_rows(db, "t", 1000, 1);
		assert_int_equal(number(db, "SELECT count(*) FROM t"), 1001);
		mobius_close(db);
		db = db_open(dir.path, NULL);
		assert_int_equal(number(db, "SELECT count(*) FROM t"), 1001);
		mobius_close(db);
		is_clean(dir.path);
		is_clean(path); // nothing of it was changed
		dir_drop(&dir);
	}
	fixture_close(&fx);
}

// An empty database, and one that was just started again, end at seqs that no record tells.
static void
there_may_be_little_to_back_up(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	char path[160];
	Dir dir;
	(void)number(fx.db, "BACKUP TO 'nothing'");
	backup_path(&fx.dir, "nothing", path);
	mobius *db = restored(path, &dir);
	assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), 0);
	mobius_close(db);
	dir_drop(&dir);

	append_rows(fx.db, "t", 0, 5);
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	fx.db = db_open(fx.dir.path, NULL);
	fx.session = session_of(fx.db);
	(void)number(fx.db, "BACKUP TO 'flushed'");
	backup_path(&fx.dir, "flushed", path);
	db = restored(path, &dir);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 5);
	mobius_close(db);
	dir_drop(&dir);
	fixture_close(&fx);
}

// ---- while it is written to ----

enum { WRITERS = 4, BATCH = 20, BACKUPS = 6 };

typedef struct Load {
	mobius *db;
	int number;
	atomic_bool *stop;
	atomic_int acknowledged; // batches
	Thread *thread;
} Load;

static void
write_batches(void *arg)
{
	Load *load = arg;
	char table[8];
	snprintf(table, sizeof(table), "t%d", load->number);
	for (int i = 0; !atomic_load(load->stop); i++) {
		append_rows(load->db, table, (int64_t)i * BATCH, BATCH);
		atomic_fetch_add(&load->acknowledged, 1);
		int64_t count;
		mobius_error err = {0};
		if (i % 50 == 20)
			fine(ask(load->db, "FLUSH", NULL, &count, &err), &err);
	}
}

// Of each table the first batches, whole: at least those that were acknowledged before, and none of
// those that were not sent yet.
static void
is_a_prefix(mobius *db, const int *before, Load *loads)
{
	for (int i = 0; i < WRITERS; i++) {
		char sql[80];
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM t%d", i);
		int64_t rows = number(db, sql);
		snprintf(sql, sizeof(sql), "SELECT coalesce(max(v) + 1, 0) FROM t%d", i);
		assert_int_equal(rows % BATCH, 0);
		assert_int_equal(number(db, sql), rows);
		assert_true(rows >= (int64_t)before[i] * BATCH);
		assert_true(rows <= (int64_t)(atomic_load(&loads[i].acknowledged) + 1) * BATCH);
	}
}

static void
back_up_among_writers(const char *setting)
{
	Fixture fx;
	fixture_open(&fx, SETTINGS("wal.segment_size=64KiB", "memtable.segment_size=64KiB",
							   "wal.keep_time=0s", setting));
	atomic_bool stop = false;
	Load loads[WRITERS] = {0};
	for (int i = 0; i < WRITERS; i++) {
		Error err = ERROR_INIT;
		loads[i].db = fx.db;
		loads[i].number = i;
		loads[i].stop = &stop;
		append_rows(fx.db, (char[]){'t', (char)('0' + i), '\0'}, 0, 0); // there from the start
		ok(thread_start(&(ThreadOptions){.name = "writer", .stack_bytes = 8 << 20}, write_batches,
						&loads[i], &loads[i].thread, &err),
		   &err);
	}
	int before[BACKUPS][WRITERS];
	for (int b = 0; b < BACKUPS; b++) {
		while (atomic_load(&loads[b % WRITERS].acknowledged) < 1 + b * 15)
			clock_sleep_ns(1000000);
		for (int i = 0; i < WRITERS; i++)
			before[b][i] = atomic_load(&loads[i].acknowledged);
		char sql[64];
		snprintf(sql, sizeof(sql), "BACKUP TO 'b%d'%s", b, b % 3 == 2 ? " WITH (copy)" : "");
		(void)number(fx.db, sql);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WRITERS; i++)
		thread_join(loads[i].thread);
	for (int b = 0; b < BACKUPS; b++) {
		char path[160], name[8];
		snprintf(name, sizeof(name), "b%d", b);
		backup_path(&fx.dir, name, path);
		Dir dir;
		mobius *db = restored(path, &dir);
		is_a_prefix(db, before[b], loads);
		mobius_close(db);
		dir_drop(&dir);
	}
	fixture_close(&fx);
}

static void
a_backup_among_writers_is_a_prefix_of_what_they_wrote(void **state)
{
	(void)state;
	back_up_among_writers("commit.max_bytes=256MiB");
	back_up_among_writers("commit.max_bytes=1KiB"); // every commit is of files
}

// ---- what comes while the catalog is copied ----

// Called once, by the thread that takes the backup, when the copy of the catalog was made and is to
// be synced: its files are linked then.
static struct Between {
	void (*run)(mobius *db); // NULL: nothing is to be done
	mobius *db;
	bool linked;
} between;

static bool
is_copied_catalog(int fd)
{
	static const char TAIL[] = "/tmp/backup/catalog.db";
	char link[64], path[256];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t len = readlink(link, path, sizeof(path));
	size_t tail = sizeof(TAIL) - 1;
	return len >= (ssize_t)tail && memcmp(path + len - tail, TAIL, tail) == 0;
}

// The doors of the system that this program goes through.
int
link(const char *from, const char *to)
{
	between.linked |= between.run != NULL;
	return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int
fdatasync(int fd)
{
	if (between.linked && is_copied_catalog(fd)) {
		void (*run)(mobius * db) = between.run;
		between.linked = false;
		between.run = NULL;
		run(between.db);
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void
flush_and_change(mobius *db)
{
	(void)number(db, "FLUSH");
	(void)number(db, "DELETE FROM t WHERE v >= 100 AND v < 150"); // of the file that came now,
	(void)number(db, "DELETE FROM t WHERE v < 30");               // and of one that was there
	(void)number(db, "UPDATE t SET v = 1000 WHERE v = 199");
}

static void
merge_and_change(mobius *db)
{
	append_rows(db, "t", 200, 100);
	(void)number(db, "FLUSH");
	(void)number(db, "COMPACT t");
	flush_and_change(db);
}

// The rows of a backup are those of one moment: here the one before the statements.
static void
is_of_before(void (*run)(mobius *db))
{
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 100);
	(void)number(fx.db, "FLUSH");
	append_rows(fx.db, "t", 100, 100);
	(void)number(fx.db, "DELETE FROM t WHERE v = 50 OR v = 150");
	between = (struct Between){.run = run, .db = fx.db};
	(void)number(fx.db, "BACKUP TO 'one'");
	assert_null(between.run);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t WHERE v < 30"), 0);
	char path[160];
	backup_path(&fx.dir, "one", path);
	is_clean(path);
	Dir dir;
	mobius *db = restored(path, &dir);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 198);
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 199 * 100 - 200);
	mobius_close(db);
	dir_drop(&dir);
	fixture_close(&fx);
}

static void
what_comes_when_the_catalog_was_copied_is_not_in_the_backup(void **state)
{
	(void)state;
	is_of_before(flush_and_change);
	is_of_before(merge_and_change);
}

// ---- what is refused ----

static void
remove_all_in(const Dir *dir, const char *name)
{
	char path[160];
	Error err = ERROR_INIT;
	snprintf(path, sizeof(path), "%s/%s", dir->path, name);
	ok(dir_remove_all(path, &err), &err);
}

// No log would lead to what the catalog has.
static void
a_catalog_that_is_ahead_of_its_log_is_backed_up_once_the_log_has_passed_it(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	(void)number(fx.db, "CREATE TABLE u (time TIMESTAMP_NS, v BIGINT)");
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	remove_all_in(&fx.dir, "wal");
	remove_all_in(&fx.dir, "checkpoint");
	log_configure(LOG_NOTHING, LOG_TEXT);
	fx.db = db_open(fx.dir.path, SETTINGS("wal.recovery=point-in-time"));
	fx.session = session_of(fx.db);
	refused(fx.db, "BACKUP TO 'one'", MOBIUS_CONFLICT, "put a row");
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "BACKUP TO 'one'");
	char path[160];
	backup_path(&fx.dir, "one", path);
	Dir dir;
	mobius *db = restored(path, &dir);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	mobius_close(db);
	dir_drop(&dir);
	fixture_close(&fx);
}

static void
bad_names_and_bad_places_are_refused(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	static const char *const names[] = {"../x", ".x", "a/b", "x.partial", "a b"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char sql[64];
		snprintf(sql, sizeof(sql), "BACKUP TO '%s'", names[i]);
		refused(fx.db, sql, MOBIUS_INVALID, "no name for a backup");
	}
	(void)number(fx.db, "BACKUP TO 'one'");
	char path[160];
	backup_path(&fx.dir, "one", path);
	mobius_error err = {0};
	mobius_checked checked;
	SCOPED(dir_drop) Dir dir = dir_new();
	assert_int_equal(mobius_restore(dir.path, path, &err), MOBIUS_NOT_FOUND);
	assert_int_equal(mobius_restore(path, fx.dir.path, &err), MOBIUS_CONFLICT);
	says(err.text, "is not empty");
	assert_int_equal(
		mobius_check(fx.dir.path, &(mobius_findings){note_finding, &(Found){0}}, &checked, &err),
		MOBIUS_CONFLICT);
	assert_int_equal(
		mobius_check(dir.path, &(mobius_findings){note_finding, &(Found){0}}, &checked, &err),
		MOBIUS_INVALID);
	mobius *db = NULL;
	assert_int_equal(try_open(path, NULL, &db, &err), MOBIUS_CORRUPT); // a backup is no database
	says(err.text, "mobius restore");
	fixture_close(&fx);
}

// Also one that has a folder of a name that we use.
static void
a_check_of_what_is_not_ours_leaves_it_as_it_is(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius_error err = {0};
	mobius_checked checked;
	mobius_findings findings = {note_finding, &(Found){0}};
	char wal[96], file[128], lock[96];
	snprintf(wal, sizeof(wal), "%s/wal", dir.path);
	snprintf(file, sizeof(file), "%s/wal.c", wal);
	snprintf(lock, sizeof(lock), "%s/LOCK", dir.path);
	assert_int_equal(mkdir(wal, 0700), 0);
	write_text(file, "int main;");
	assert_int_equal(mobius_check(dir.path, &findings, &checked, &err), MOBIUS_INVALID);
	says(err.text, "neither a data directory nor a backup");
	assert_false(is_there(lock));
	assert_int_equal(mobius_check("", &findings, &checked, &err), MOBIUS_NOT_FOUND);
	says(err.text, "no directory \"\"");
	snprintf(file, sizeof(file), "%s/00000001.wal", wal);
	write_text(file, "");
	Found found = check(dir.path, NULL);
	says(found.first, "FORMAT is missing");
}

static void
a_restore_that_did_not_end_is_never_opened(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "FLUSH");
	(void)number(fx.db, "BACKUP TO 'one'");
	char path[160];
	backup_path(&fx.dir, "one", path);
	bool failed = true;
	for (long nth = 0; failed; nth += 1 + nth / 40) {
		SCOPED(dir_drop) Dir dir = dir_new();
		mobius_error err = {0};
		mobius *db = NULL;
		fault_arm(nth);
		mobius_status st = mobius_restore(path, dir.path, &err);
		failed = fault_disarm();
		if (st == MOBIUS_OK) {
			db = db_open(dir.path, NULL);
			assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
		} else if (try_open(dir.path, NULL, &db, &err) == MOBIUS_OK) {
			// Nothing was begun, or all but the last sync was done.
			int64_t tables = number(db, "SELECT count(*) FROM system.tables");
			assert_true(tables == 0 || number(db, "SELECT count(*) FROM t") == 10);
		} else {
			says(err.text, "restore");
		}
		mobius_close(db);
	}
	fixture_close(&fx);
}

static void
a_backup_that_fails_leaves_no_trace(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "FLUSH");
	append_rows(fx.db, "t", 10, 10);
	char path[160], partial[180];
	backup_path(&fx.dir, "one", path);
	snprintf(partial, sizeof(partial), "%s.partial", path);
	bool made = false;
	int failures = 0;
	for (long nth = 0; !made; nth += 1 + nth / 20) {
		const char *sql = nth % 2 == 0 ? "BACKUP TO 'one'" : "BACKUP TO 'one' WITH (copy)";
		int64_t count;
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = ask(fx.db, sql, NULL, &count, &err);
		bool failed = fault_disarm();
		assert_false(is_there(partial));
		failures += st != MOBIUS_OK;
		made = !failed && st == MOBIUS_OK;
		if (is_there(path)) {
			is_clean(path); // under its name there is all of it
			Error e = ERROR_INIT;
			ok(dir_remove_all(path, &e), &e);
		} else {
			assert_true(st != MOBIUS_OK);
		}
	}
	assert_true(failures > 20);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 20);
	fixture_close(&fx);
}

// ---- damage ----

// Flips bits of one file of a backup: the check names it, and a restore refuses.
static void
flips_are_found(const char *backup, const char *name, size_t sampled)
{
	char path[200];
	snprintf(path, sizeof(path), "%s/%s", backup, name);
	size_t bits = 8 * size_of(path);
	for (size_t bit = 5; bit < bits; bit += sampled) {
		flip(path, bit);
		Found found = check(backup, NULL);
		if (found.damage == 0)
			fail_msg("bit %zu of %s was not found", bit, name);
		says(found.first, name);
		flip(path, bit);
	}
	flip(path, bits / 2);
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius_error err = {0};
	assert_int_equal(mobius_restore(backup, dir.path, &err), MOBIUS_CORRUPT);
	says(err.text, name);
	flip(path, bits / 2);
	is_clean(backup);
}

static void
a_bit_of_any_file_of_a_backup_counts(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "FLUSH");
	append_rows(fx.db, "t", 10, 10);
	char path[160], name[64];
	int64_t id = number(fx.db, "SELECT min(id)::BIGINT FROM system.segments");
	(void)number(fx.db, "BACKUP TO 'one' WITH (copy)");
	backup_path(&fx.dir, "one", path);
	snprintf(name, sizeof(name), "files/1/%" PRId64 ".parquet", id);
	flips_are_found(path, name, 397);
	flips_are_found(path, "catalog.db", 20011);
	flips_are_found(path, "wal/00000001.wal", 4999);
	flips_are_found(path, "manifest.json", 307);
	fixture_close(&fx);
}

static size_t
step(size_t sampled)
{
	const char *every = getenv("EVERY_BIT");
	return every != NULL && every[0] != '\0' ? 1 : sampled;
}

// Flips bits of a data directory: the check finds damage, or what is read is the same.
static void
each_bit_of_a_catalog_counts_or_changes_nothing(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	log_configure(LOG_NOTHING, LOG_TEXT);
	is_clean(fx.dir.path);
	char path[160];
	snprintf(path, sizeof(path), "%s/catalog.db", fx.dir.path);
	size_t bits = 8 * size_of(path);
	int found_some = 0;
	for (size_t bit = 3; bit < bits; bit += step(4801)) {
		flip(path, bit);
		mobius_checked checked = {0};
		Found found = check(fx.dir.path, &checked);
		if (found.damage == 0)
			assert_int_equal(checked.files, 1);
		found_some += found.damage > 0;
		flip(path, bit);
	}
	assert_true(found_some > 0);
	is_clean(fx.dir.path);
	fx.db = db_open(fx.dir.path, NULL);
	fx.session = session_of(fx.db);
	assert_int_equal(number(fx.db, "SELECT count(*) FROM t"), 10);
	fixture_close(&fx);
}

// A file that cannot be read, or memory that is short, is no damage.
static void
a_check_that_fails_finds_nothing(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "BACKUP TO 'one'");
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	char backup[160];
	backup_path(&fx.dir, "one", backup);
	const char *dirs[] = {fx.dir.path, backup};
	for (size_t i = 0; i < COUNT_OF(dirs); i++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			Found found = {0};
			mobius_checked checked = {0};
			mobius_error err = {0};
			fault_arm(nth);
			mobius_status st =
				mobius_check(dirs[i], &(mobius_findings){note_finding, &found}, &checked, &err);
			failed = fault_disarm();
			assert_true(st == MOBIUS_OK || failed);
			if (found.damage > 0)
				fail_msg("fault %ld: %s", nth, found.first);
		}
	}
	fx.db = db_open(fx.dir.path, NULL);
	fx.session = session_of(fx.db);
	fixture_close(&fx);
}

static void
a_check_names_what_is_missing_damaged_or_left_over(void **state)
{
	(void)state;
	Fixture fx;
	fixture_open(&fx, NULL);
	append_rows(fx.db, "t", 0, 10);
	(void)number(fx.db, "FLUSH");
	int64_t id = number(fx.db, "SELECT id::BIGINT FROM system.segments");
	mobius_session_unref(fx.session);
	mobius_close(fx.db);
	char path[128], away[140], stray[128];
	snprintf(path, sizeof(path), "%s/files/1/%" PRId64 ".parquet", fx.dir.path, id);
	snprintf(away, sizeof(away), "%s/away", fx.dir.path);
	snprintf(stray, sizeof(stray), "%s/files/1/99.parquet", fx.dir.path);

	flip(path, 80);
	Found found = check(fx.dir.path, NULL);
	assert_int_equal(found.damage, 1);
	says(found.first, path);
	flip(path, 80);
	assert_int_equal(rename(path, away), 0);
	found = check(fx.dir.path, NULL);
	assert_int_equal(found.damage, 1);
	says(found.first, "is missing");
	assert_int_equal(rename(away, path), 0);
	FILE *file = fopen(stray, "wb");
	assert_non_null(file);
	fclose(file);
	found = check(fx.dir.path, NULL);
	assert_int_equal(found.damage, 0);
	assert_int_equal(found.notes, 1);
	assert_true(is_there(stray)); // a check changes nothing

	fx.db = db_open(fx.dir.path, NULL);
	fx.session = session_of(fx.db);
	assert_false(is_there(stray));
	fixture_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_restored_is_what_was_there_then),
		TEST(there_may_be_little_to_back_up),
		TEST(a_backup_among_writers_is_a_prefix_of_what_they_wrote),
		TEST(what_comes_when_the_catalog_was_copied_is_not_in_the_backup),
		TEST(a_catalog_that_is_ahead_of_its_log_is_backed_up_once_the_log_has_passed_it),
		TEST(bad_names_and_bad_places_are_refused),
		TEST(a_check_of_what_is_not_ours_leaves_it_as_it_is),
		TEST(a_restore_that_did_not_end_is_never_opened),
		TEST(a_backup_that_fails_leaves_no_trace),
		TEST(a_bit_of_any_file_of_a_backup_counts),
		TEST(each_bit_of_a_catalog_counts_or_changes_nothing),
		TEST(a_check_that_fails_finds_nothing),
		TEST(a_check_names_what_is_missing_damaged_or_left_over),
	};
	return RUN(tests);
}
