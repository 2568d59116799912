// Starts after every kind of end: clean, killed, damaged.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include "catalog/catalog.h"
#include "images.h"

#define GAP (INT64_C(1) << 20) // numbers a start that was not clean leaves out

// ---- a writer that is killed: this program once more ----

extern char **environ;

// Runs operations from `first` on and says each that was acknowledged.
static int
write_until_killed(const char *dir, int first, bool hold)
{
	file_hold_writes(hold);
	mobius *db = NULL;
	mobius_error err = {0};
	mobius_status st =
		try_open(dir, SETTINGS("memtable.segment_size=64KiB", "wal.segment_size=64KiB"), &db, &err);
	for (int32_t i = first; st == MOBIUS_OK && i < MOST_OPS; i++) {
		st = op_run(db, i, &err);
		if (st == MOBIUS_OK && write(STDOUT_FILENO, &i, sizeof(i)) != sizeof(i))
			return 1;
	}
	fprintf(stderr, "the writer failed: %s\n", err.text);
	return 1;
}

typedef struct Writer {
	pid_t pid;
	int pipe;
	int next; // operations below it were acknowledged
} Writer;

static void
writer_start(Writer *writer, const Dir *dir, int first, bool hold)
{
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	char number[16], path[sizeof(dir->path)];
	snprintf(number, sizeof(number), "%d", first);
	snprintf(path, sizeof(path), "%s", dir->path);
	char name[] = "writer", held[] = "held", loose[] = "loose";
	char *argv[] = {name, path, number, hold ? held : loose, NULL};
	*writer = (Writer){.pipe = ends[0], .next = first};
	assert_int_equal(posix_spawn(&writer->pid, "/proc/self/exe", &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
}

static bool
writer_hear(Writer *writer)
{
	int32_t i;
	if (read(writer->pipe, &i, sizeof(i)) != sizeof(i))
		return false;
	assert_int_equal(i, writer->next);
	writer->next++;
	return true;
}

static void
writer_kill(Writer *writer)
{
	assert_int_equal(kill(writer->pid, SIGKILL), 0);
	while (writer_hear(writer))
		;
	int status;
	assert_int_equal(waitpid(writer->pid, &status, 0), writer->pid);
	assert_true(WIFSIGNALED(status)); // it did not end by itself
	close(writer->pipe);
}

// Opens a copy: what is there are the operations below `acked`, or one more. Which it says.
static int
check_image(const Dir *dir, int acked)
{
	SCOPED(dir_drop) Dir image = dir_copy(dir);
	SCOPED(db_drop) mobius *db = db_open(image.path, NULL);
	for (int n = acked; n <= acked + 1; n++)
		if (holds_exactly(db, n))
			return n;
	fail_msg("after operation %d: not what was acknowledged", acked - 1);
	return acked;
}

static void
kill_often(int kills, bool hold)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	int next = 0;
	unsigned seed = 4711;
	for (int i = 0; i < kills; i++) {
		Writer writer;
		writer_start(&writer, &dir, next, hold);
		for (int heard = rand_r(&seed) % 40; heard >= 0; heard--)
			assert_true(writer_hear(&writer));
		clock_sleep_ns(rand_r(&seed) % 4000000); // into whatever comes next
		writer_kill(&writer);
		next = check_image(&dir, writer.next);
	}
	assert_true(next > kills);
}

static void
a_killed_writer_loses_nothing_it_was_told(void **state)
{
	(void)state;
	kill_often(6, false);
}

static void
not_even_when_what_was_not_synced_is_lost(void **state)
{
	(void)state;
	kill_often(8, true);
}

// ---- images of a database at rest ----

static void
an_image_taken_at_any_commit_has_what_was_committed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	mobius_error err = {0};
	for (int i = 0; i < 32; i++) {
		fine(op_run(db, i, &err), &err);
		if (i % 5 != 3)
			continue;
		SCOPED(dir_drop) Dir image = dir_copy(&dir);
		mobius *copy = db_open(image.path, NULL);
		assert_true(holds_exactly(copy, i + 1));
		mobius_close(copy); // clean: with files and a checkpoint
		copy = db_open(image.path, NULL);
		assert_true(holds_exactly(copy, i + 1));
		mobius_close(copy);
	}
}

static void
the_commits_on_both_sides_of_a_flush_are_there_once(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	mobius_error err = {0};
	int64_t count;
	fine(ask(db, "CREATE TABLE t (v BIGINT)", NULL, &count, &err), &err);
	fine(ask(db, "INSERT INTO t VALUES (1)", NULL, &count, &err), &err);
	fine(ask(db, "INSERT INTO t VALUES (2)", NULL, &count, &err), &err);
	fine(ask(db, "FLUSH", NULL, &count, &err), &err);
	fine(ask(db, "INSERT INTO t VALUES (4)", NULL, &count, &err), &err);
	SCOPED(dir_drop) Dir image = dir_copy(&dir);
	SCOPED(db_drop) mobius *copy = db_open(image.path, NULL);
	assert_int_equal(number(copy, "SELECT sum(v)::BIGINT FROM t"), 1 + 2 + 4);
}

static int64_t
newest_seq(mobius *db)
{
	return number(db, "SELECT max(max_seq)::BIGINT FROM system.segments");
}

static void
a_start_that_was_not_clean_leaves_out_numbers(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	int64_t last = (int64_t)append_rows(db, "t", 0, 10);
	SCOPED(dir_drop) Dir killed = dir_copy(&dir);
	mobius_close(db);

	db = db_open(dir.path, NULL); // a clean stop leaves out none
	assert_int_equal(append_rows(db, "t", 10, 10), last + 1);
	mobius_close(db);

	db = db_open(killed.path, NULL);
	assert_int_equal(append_rows(db, "t", 10, 10), last + 1 + GAP);
	assert_int_equal(newest_seq(db), last + 1 + GAP);
	mobius_close(db);
}

// It may have acknowledged async commits that are lost.
static void
numbers_of_a_run_without_a_trace_are_not_given_again(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	int64_t last = (int64_t)append_rows(db, "t", 0, 10);
	SCOPED(dir_drop) Dir first = dir_copy(&dir);
	mobius_close(db);

	db = db_open(first.path, NULL);
	SCOPED(dir_drop) Dir second = dir_copy(&first);
	mobius_close(db);

	db = db_open(second.path, NULL);
	assert_int_equal(append_rows(db, "t", 10, 10), last + 1 + 2 * GAP);
	mobius_close(db);
}

static void
a_log_larger_than_memory_is_replayed_through_files(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, SETTINGS("memtable.segment_size=32MiB"));
	for (int i = 0; i < 40; i++)
		append_rows(db, i % 2 == 0 ? "t" : "u", i * 10000, 10000);
	SCOPED(dir_drop) Dir image = dir_copy(&dir);
	mobius_close(db);
	db = db_open(image.path, SETTINGS("memtable.limit=1MiB", "memtable.segment_size=32MiB"));
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), 200000);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM u"), 200000);
	assert_true(number(db, "SELECT count(*) FROM system.segments WHERE status = 'FLUSHED'") > 2);
	mobius_close(db);
}

static void
what_grew_and_what_was_dropped_is_replayed_so(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	mobius_error err = {0};
	for (int i = 0; i < 28; i++)
		fine(op_run(db, i, &err), &err);
	SCOPED(dir_drop) Dir image = dir_copy(&dir);
	int64_t wide = number(db, "SELECT count(w) FROM t0");
	int64_t series = number(db, "SELECT series FROM system.tables WHERE name = 't1'");
	mobius_close(db);
	assert_true(wide > 0 && series > 0);
	db = db_open(image.path, NULL);
	assert_true(holds_exactly(db, 28));
	assert_int_equal(number(db, "SELECT count(w) FROM t0"), wide);
	assert_int_equal(number(db, "SELECT series FROM system.tables WHERE name = 't1'"), series);
	mobius_close(db);
}

// ---- a commit of files, between rows in memory ----

// Something stands where the table's rows would be written: they stay in memory.
static void
stop_flushes(mobius *db, const Dir *dir, char path[96])
{
	int64_t growing = number(db, "SELECT id::BIGINT FROM system.segments WHERE status = 'GROWING'");
	snprintf(path, 96, "%s/tmp/%" PRId64 ".parquet", dir->path, growing);
	assert_int_equal(mkdir(path, 0700), 0);
}

// A copy whose catalog has applied the commit.
static Dir
copy_applied(const Dir *dir, uint64_t seq)
{
	for (int64_t until = clock_mono_ns() + 60 * SECOND; clock_mono_ns() < until;) {
		Dir copy = dir_copy(dir);
		SCOPED(mem_drop) char *path = mem_printf("%s/catalog.db", copy.path);
		Catalog *catalog = NULL;
		CatalogState state = {0};
		Error err = ERROR_INIT;
		ok(catalog_open(path, &catalog, &state, &err), &err);
		catalog_close(catalog);
		if (state.applied_seq >= seq)
			return copy;
		dir_drop(&copy);
	}
	fail_msg("the catalog never had commit %" PRIu64, seq);
	return (Dir){0};
}

static void
rows_around_a_commit_of_files_stay_before_and_after_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, SETTINGS("commit.max_bytes=64KiB", "stop.flush=0s"));
	mobius_error err = {0};
	int64_t count;
	char path[96];
	fine(ask(db, "CREATE TABLE t (time TIMESTAMP_NS, v BIGINT) WITH (dedup = 'last')", NULL, &count,
			 &err),
		 &err);
	number(db, "INSERT INTO t VALUES (make_timestamp_ns(5), 1), (make_timestamp_ns(-1), 1)");
	log_configure(LOG_NOTHING, LOG_TEXT); // the flushes fail
	stop_flushes(db, &dir, path);
	number(db, "INSERT INTO t SELECT make_timestamp_ns(range), 2 FROM range(20000)");
	uint64_t files = (uint64_t)newest_seq(db);
	number(db, "INSERT INTO t VALUES (make_timestamp_ns(7), 3)");
	SCOPED(dir_drop) Dir image = copy_applied(&dir, files);
	assert_int_equal(rmdir(path), 0);
	mobius_close(db);

	for (int life = 0; life < 2; life++) {
		SCOPED(db_drop) mobius *again = db_open(image.path, NULL);
		assert_int_equal(number(again, "SELECT v FROM t WHERE time = make_timestamp_ns(-1)"), 1);
		assert_int_equal(number(again, "SELECT v FROM t WHERE time = make_timestamp_ns(5)"), 2);
		assert_int_equal(number(again, "SELECT v FROM t WHERE time = make_timestamp_ns(7)"), 3);
		assert_int_equal(number(again, "SELECT count(*) FROM t"), 20001);
	}
}

// ---- damage ----

static void
damage_byte(const char *path, int64_t offset)
{
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	int byte = fgetc(file);
	assert_true(byte != EOF);
	assert_int_equal(fseek(file, offset, SEEK_SET), 0);
	fputc(byte ^ 0x40, file);
	fclose(file);
}

// An image of t with 30 commits of 10 rows, all in the log, and where the log holds them.
static Dir
make_logged(int64_t *offset, int64_t *length)
{
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	for (int i = 0; i < 30; i++)
		append_rows(db, "t", i * 10, 10);
	*offset = number(db, "SELECT \"offset\"::BIGINT FROM system.offsets");
	*length = number(db, "SELECT length::BIGINT FROM system.offsets");
	Dir image = dir_copy(&dir);
	mobius_close(db);
	return image;
}

static void
epoch_of(mobius *db, char out[40])
{
	mobius_session *session = session_of(db);
	Watch watch;
	mobius_error err = {0};
	mobius_call *call = NULL;
	mobius_status st;
	const mobius_error *cause;
	fine(mobius_call_open(session, "server.info", (mobius_slice){0}, watch_init(&watch), &call,
						  &err),
		 &err);
	while (!mobius_call_done(call, &st, &cause))
		watch_wait(&watch);
	fine(st, cause);
	mobius_slice reply = mobius_call_reply(call, 0);
	static const char key[] = "\"epoch\":\"";
	const char *at = memmem(reply.data, reply.len, key, strlen(key));
	assert_non_null(at);
	snprintf(out, 33, "%.32s", at + strlen(key));
	mobius_call_close(call);
	watch_close(&watch);
	mobius_session_unref(session);
}

static void
is_corrupt(const Dir *dir, const char *const *settings, const char *part)
{
	mobius *db = NULL;
	mobius_error err = {0};
	mobius_status st = try_open(dir->path, settings, &db, &err);
	if (st != MOBIUS_CORRUPT)
		fail_msg("%s: %s", status_name((Status)st), err.text);
	says(err.text, part);
}

static void
a_damaged_middle_of_the_log_is_refused_by_file_and_stays_as_it_is(void **state)
{
	(void)state;
	int64_t offset, length;
	SCOPED(dir_drop) Dir dir = make_logged(&offset, &length);
	char path[96];
	snprintf(path, sizeof(path), "%s/wal/00000001.wal", dir.path);
	damage_byte(path, offset + length / 2);
	for (int i = 0; i < 2; i++)
		is_corrupt(&dir, NULL, "00000001.wal is damaged at byte");
	damage_byte(path, offset + length / 2); // once more: whole again
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), 300);
}

// Opens damaged data, and then again without a word; both write a row. How many are left.
static int64_t
give_up_damage(const Dir *damaged, const char *mode, const char *old_epoch)
{
	SCOPED(dir_drop) Dir dir = dir_copy(damaged);
	int64_t rows = 0;
	char epochs[2][40];
	for (int life = 0; life < 2; life++) {
		SCOPED(db_drop) mobius *db = db_open(dir.path, life == 0 ? SETTINGS(mode) : NULL);
		rows = number(db, "SELECT count(DISTINCT v) FROM t WHERE v < 1000");
		assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v < 1000"), rows);
		assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v >= 1000"), life);
		append_rows(db, "t", 1000 + life, 1);
		epoch_of(db, epochs[life]);
	}
	assert_string_not_equal(old_epoch, epochs[0]); // what was lost may have been told to others
	assert_string_equal(epochs[0], epochs[1]);
	return rows;
}

static void
point_in_time_ends_before_the_damage_and_salvage_goes_on_behind_it(void **state)
{
	(void)state;
	int64_t offset, length;
	SCOPED(dir_drop) Dir dir = make_logged(&offset, &length);
	SCOPED(dir_drop) Dir whole = dir_copy(&dir);
	mobius *db = db_open(whole.path, NULL);
	char path[96], epoch[40];
	epoch_of(db, epoch);
	mobius_close(db);
	snprintf(path, sizeof(path), "%s/wal/00000001.wal", dir.path);
	damage_byte(path, offset + length / 2);
	int64_t before = give_up_damage(&dir, "wal.recovery=point-in-time", epoch);
	int64_t around = give_up_damage(&dir, "wal.recovery=salvage", epoch);
	assert_true(before > 0 && before < 300 && before % 10 == 0);
	assert_int_equal(around, 290);
}

static void
a_damaged_checkpoint_is_refused_and_a_missing_file_named(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	int64_t seq = (int64_t)append_rows(db, "t", 0, 10);
	mobius_close(db); // flushes and writes a checkpoint
	char path[128], to[140];
	snprintf(path, sizeof(path), "%s/checkpoint/%" PRId64, dir.path, seq);
	damage_byte(path, 30);
	is_corrupt(&dir, NULL, "/checkpoint/");
	damage_byte(path, 30);

	db = db_open(dir.path, NULL);
	int64_t id = number(db, "SELECT id::BIGINT FROM system.segments");
	mobius_close(db);
	snprintf(path, sizeof(path), "%s/files/1/%" PRId64 ".parquet", dir.path, id);
	snprintf(to, sizeof(to), "%s.away", path);
	assert_int_equal(rename(path, to), 0);
	db = db_open(dir.path, NULL); // who asks for it hears its name
	mobius_error err = {0};
	int64_t count;
	assert_int_equal(ask(db, "SELECT v FROM t", NULL, &count, &err), MOBIUS_CORRUPT);
	says(err.text, ".parquet is missing");
	mobius_close(db);
}

// Files the catalog does not know are removed at a start, so a start without one must not be.
static void
a_log_without_its_catalog_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	append_rows(db, "t", 0, 10);
	mobius_close(db);
	char path[96], to[110];
	snprintf(path, sizeof(path), "%s/catalog.db", dir.path);
	snprintf(to, sizeof(to), "%s.away", path);
	assert_int_equal(rename(path, to), 0);
	for (int i = 0; i < 2; i++)
		is_corrupt(&dir, NULL, "catalog.db is missing");
	assert_int_equal(rename(to, path), 0);
	db = db_open(dir.path, NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 10);
	mobius_close(db);
}

int
main(int argc, char **argv)
{
	if (argc == 4)
		return write_until_killed(argv[1], atoi(argv[2]), strcmp(argv[3], "held") == 0);
	const struct CMUnitTest tests[] = {
		TEST(a_killed_writer_loses_nothing_it_was_told),
		TEST(not_even_when_what_was_not_synced_is_lost),
		TEST(an_image_taken_at_any_commit_has_what_was_committed),
		TEST(the_commits_on_both_sides_of_a_flush_are_there_once),
		TEST(a_start_that_was_not_clean_leaves_out_numbers),
		TEST(numbers_of_a_run_without_a_trace_are_not_given_again),
		TEST(a_log_larger_than_memory_is_replayed_through_files),
		TEST(what_grew_and_what_was_dropped_is_replayed_so),
		TEST(rows_around_a_commit_of_files_stay_before_and_after_it),
		TEST(a_damaged_middle_of_the_log_is_refused_by_file_and_stays_as_it_is),
		TEST(point_in_time_ends_before_the_damage_and_salvage_goes_on_behind_it),
		TEST(a_damaged_checkpoint_is_refused_and_a_missing_file_named),
		TEST(a_log_without_its_catalog_is_refused),
	};
	return RUN(tests);
}
