// mobius.h: a directory opened, written, asked and closed by the process itself.

#include "support.h"

// ---- open and close ----

static void
what_was_appended_is_there_after_opening_again(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t last = 0;
	for (int life = 0; life < 4; life++) {
		SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
		if (life > 0)
			assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), life * 200);
		uint64_t seq = append_rows(db, "t", life * 200, 100);
		assert_int_equal(seq, life == 0 ? 2 : last + 1); // a clean stop leaves out no number
		if (life % 2 == 0)
			assert_int_equal(number(db, "FLUSH t"), 0);
		last = append_rows(db, "t", life * 200 + 100, 100);
		assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"),
						 (life + 1) * 100 * ((life + 1) * 200 - 1));
	}
}

static void
a_directory_is_made_and_an_empty_one_has_no_tables(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	char path[96];
	snprintf(path, sizeof(path), "%s/new", dir.path);
	SCOPED(db_drop) mobius *db = db_open(path, NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), 0);
	assert_true(mobius_health_now(db).ready);
	assert_string_equal(mobius_health_now(db).reason, "");
}

static void
a_directory_in_use_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL), *second = NULL;
	mobius_error err = {0};
	assert_int_equal(try_open(dir.path, NULL, &second, &err), MOBIUS_CONFLICT);
	says(err.text, "is in use");
	says(err.text, "or this one");
	says(err.text, dir.path);
	append_rows(db, "t", 0, 10);
	mobius_close(db);
	mobius_close(db_open(dir.path, NULL));
	mobius_close(NULL);
}

static void
two_databases_live_in_one_process(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(dir_drop) Dir other = dir_new();
	mobius *a = db_open(dir.path, NULL), *b = db_open(other.path, SETTINGS("query.threads=2"));
	append_rows(a, "t", 0, 10);
	append_rows(b, "t", 100, 30);
	assert_int_equal(number(a, "SELECT count(*) FROM t"), 10);
	assert_int_equal(number(b, "SELECT min(v) FROM t"), 100);
	mobius_close(a);
	append_rows(b, "t", 200, 1);
	assert_int_equal(number(b, "SELECT count(*) FROM t"), 31);
	mobius_close(b);
}

static void
settings_that_cannot_be_are_refused_and_make_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	char path[96];
	snprintf(path, sizeof(path), "%s/new", dir.path);
	mobius *db = NULL;
	mobius_error err = {0};
	assert_int_equal(try_open(path, SETTINGS("wal.segmentsize=1MiB"), &db, &err), MOBIUS_INVALID);
	says(err.text, "did you mean wal.segment_size?");
	assert_null(db);
	assert_int_not_equal(access(path, F_OK), 0);

	mobius_error same = {0};
	assert_int_equal(mobius_settings_check(SETTINGS("wal.segmentsize=1MiB"), &same),
					 MOBIUS_INVALID);
	assert_string_equal(same.text, err.text);
	assert_int_equal(mobius_settings_check(SETTINGS("wal.segment_size=1MiB"), NULL), MOBIUS_OK);
	assert_int_equal(mobius_settings_check(NULL, NULL), MOBIUS_OK);
}

static void
write_format(const Dir *dir, const char *text)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/FORMAT", dir->path);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void
data_of_a_newer_format_is_refused_and_left_as_it_is(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius_close(db_open(dir.path, NULL));
	static const char *const cases[][2] = {{"7\n", "format 7"}, {"seven\n", "does not hold"}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		write_format(&dir, cases[i][0]);
		mobius *db = NULL;
		mobius_error err = {0};
		assert_int_equal(try_open(dir.path, NULL, &db, &err), MOBIUS_CORRUPT);
		says(err.text, cases[i][1]);
		says(err.text, "FORMAT");
	}
	write_format(&dir, "2\n");
	mobius_close(db_open(dir.path, NULL));
}

static void
data_of_an_older_format_is_refused_by_the_older_version_once_it_was_opened(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius_close(db_open(dir.path, NULL));
	write_format(&dir, "1\n");
	mobius_close(db_open(dir.path, NULL));
	char path[96], text[8] = "";
	snprintf(path, sizeof(path), "%s/FORMAT", dir.path);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	assert_string_equal(text, "2\n");
}

static void
a_path_that_is_no_directory_is_refused_by_name(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	write_format(&dir, "");
	char path[96];
	snprintf(path, sizeof(path), "%s/FORMAT", dir.path);
	mobius *db = NULL;
	mobius_error err = {0};
	assert_int_not_equal(try_open(path, NULL, &db, &err), MOBIUS_OK);
	says(err.text, "FORMAT");
	assert_int_equal(try_open("", NULL, &db, &err), MOBIUS_INVALID);
	says(err.text, "empty; name one");
	assert_int_equal(try_open("/proc/nope", NULL, &db, &err), MOBIUS_NOT_FOUND);
	says(err.text, "/proc takes no directories");
}

static void
opening_beside_tells_when_it_is_done(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Watch watch;
	mobius *db = NULL;
	mobius_error err = {0};
	mobius_status st;
	fine(mobius_open_async(dir.path, SETTINGS("log.level=error"), watch_init(&watch), &db, &err),
		 &err);
	while (!mobius_open_result(db, &st, &err)) {
		assert_false(mobius_health_now(db).ready);
		watch_wait(&watch);
	}
	fine(st, &err);
	append_rows(db, "t", 0, 1);
	mobius_close(db);
	watch_close(&watch);
}

// ---- append ----

static void
an_append_of_no_rows_makes_the_table_and_no_commit(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	assert_int_equal(append_rows(db, "t", 0, 0), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 0);
	assert_int_equal(append_rows(db, "t", 0, 1), 2);
}

static void
an_append_names_a_table_or_a_database_and_a_table(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	append_rows(db, "mobius.t", 0, 3);
	append_rows(db, "t", 3, 3);
	append_rows(db, "htdb.t", 6, 3);
	append_rows(db, "mobius.htdb.t", 9, 3);
	assert_int_equal(number(db, "SELECT count(*) FROM mobius.htdb.t"), 12);
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 1);
	static const struct {
		const char *table;
		mobius_status code;
	} cases[] = {{"other.t", MOBIUS_NOT_FOUND},  {"", MOBIUS_INVALID},
				 {"a b", MOBIUS_INVALID},        {"mobius.", MOBIUS_INVALID},
				 {"mobius.a.b", MOBIUS_INVALID}, {".t", MOBIUS_NOT_FOUND},
				 {".htdb.t", MOBIUS_NOT_FOUND},  {"a.b.htdb.t", MOBIUS_NOT_FOUND},
				 {"a.htdb.b.t", MOBIUS_INVALID}, {"htdb.", MOBIUS_INVALID}};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		mobius_error err = {0};
		uint64_t seq = 77;
		mobius_status st = append_batch(db, cases[i].table, schema, batch, &seq, &err);
		if (st != cases[i].code)
			fail_msg("\"%s\": %s", cases[i].table, status_name((Status)st));
		assert_int_equal(seq, 77);
		assert_true(err.text[0] != '\0');
	}
}

typedef struct Counted {
	int schemas;
	int arrays;
} Counted;

static void
release_schema(struct ArrowSchema *schema)
{
	((Counted *)schema->private_data)->schemas++;
	schema->release = NULL;
}

static void
release_array(struct ArrowArray *array)
{
	((Counted *)array->private_data)->arrays++;
	array->release = NULL;
}

// Structures that say nothing sensible.
static void
what_is_refused_is_released_once(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	static const char *const formats[] = {"+s", "l", "nonsense"};
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		Counted counted = {0};
		struct ArrowSchema schema = {
			.format = formats[i], .release = release_schema, .private_data = &counted};
		struct ArrowArray array = {
			.length = -1, .release = release_array, .private_data = &counted};
		mobius_error err = {0};
		assert_int_equal(mobius_append(db, "t", &schema, &array, NULL, &err), MOBIUS_INVALID);
		assert_int_equal(counted.schemas, 1);
		assert_int_equal(counted.arrays, 1);
	}
	assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), 0);
}

static void
an_append_that_conflicts_is_refused_by_column(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	append_rows(db, "t", 0, 3);
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	Error e = ERROR_INIT;
	ok(schema_of(&schema, &e, 2, "time", TYPE_TIMESTAMP, true, "v", TYPE_BOOL, true), &e);
	ok(builder_new(schema, &builder, &e), &e);
	ok(builder_finish(builder, 0, &batch, &e), &e);
	mobius_error err = {0};
	assert_int_equal(append_batch(db, "t", schema, batch, NULL, &err), MOBIUS_INVALID);
	says(err.text, "\"v\"");
}

typedef struct Appender {
	mobius *db;
	Thread *thread;
	int number;
} Appender;

static void
append_often(void *arg)
{
	Appender *appender = arg;
	uint64_t last = 0;
	for (int i = 0; i < 50; i++) {
		uint64_t seq =
			append_rows(appender->db, i % 2 == 0 ? "t" : "u", (appender->number * 50 + i) * 10, 10);
		assert_true(seq > last);
		last = seq;
	}
}

static void
appends_of_many_threads_are_all_there(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, SETTINGS("memtable.segment_size=64KiB"));
	Appender appenders[4];
	Error err = ERROR_INIT;
	for (int i = 0; i < 4; i++) {
		appenders[i] = (Appender){.db = db, .number = i};
		ok(thread_start(&(ThreadOptions){.name = "appender"}, append_often, &appenders[i],
						&appenders[i].thread, &err),
		   &err);
	}
	for (int i = 0; i < 4; i++)
		thread_join(appenders[i].thread);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM t"), 1000);
	assert_int_equal(number(db, "SELECT count(DISTINCT v) FROM u"), 1000);
}

// ---- query ----

static void
a_statement_that_fails_gives_no_stream(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	append_rows(db, "t", 0, 3);
	refused(db, "SELECT nowhere FROM t", MOBIUS_INVALID, "nowhere");
	refused(db, "SELECT * FROM nothing", MOBIUS_NOT_FOUND, "nothing");
	refused(db, "COPY t TO '/tmp/x'", MOBIUS_INVALID, "");
	struct ArrowArrayStream stream = {.private_data = &stream};
	mobius_error err = {0};
	assert_int_equal(mobius_query(db, "SELECT 1 +", &stream, &err), MOBIUS_INVALID);
	assert_true(err.position >= 0);
	assert_ptr_equal(stream.private_data, &stream); // untouched
	assert_int_equal(mobius_query(db, "SELECT 1 +", &stream, NULL), MOBIUS_INVALID);
}

static void
a_failure_in_mid_stream_is_told_by_the_stream(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	append_rows(db, "t", 0, 10000);
	int64_t count;
	mobius_error err = {0};
	mobius_status st =
		ask(db, "SELECT CASE WHEN v = 9000 THEN 9223372036854775807 + v ELSE v END FROM t", NULL,
			&count, &err);
	assert_int_not_equal(st, MOBIUS_OK);
	says(err.text, "verflow");
}

static void
a_stream_may_be_released_before_its_end(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	for (int i = 0; i < 8; i++)
		append_rows(db, "t", i * 50000, 50000);
	for (int taken = 0; taken < 3; taken++) {
		struct ArrowArrayStream stream;
		mobius_error err = {0};
		fine(mobius_query(db, "SELECT * FROM t", &stream, &err), &err);
		for (int i = 0; i < taken; i++) {
			struct ArrowArray array;
			assert_int_equal(stream.get_next(&stream, &array), 0);
			assert_true(array.length > 0);
			array.release(&array);
		}
		stream.release(&stream);
		assert_null(stream.release);
	}
}

static void
arrays_outlive_their_stream(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	append_rows(db, "t", 0, 1000);
	struct ArrowArrayStream stream;
	struct ArrowSchema schema;
	struct ArrowArray array;
	mobius_error err = {0};
	fine(mobius_query(db, "SELECT v FROM t", &stream, &err), &err);
	assert_int_equal(stream.get_schema(&stream, &schema), 0);
	assert_int_equal(stream.get_next(&stream, &array), 0);
	stream.release(&stream);
	mobius_close(db);
	assert_string_equal(schema.children[0]->name, "v");
	const int64_t *values = array.children[0]->buffers[1];
	for (int64_t i = 0; i < 1000; i++)
		assert_int_equal(values[i], i);
	array.release(&array);
	schema.release(&schema);
}

static void
the_tables_are_listed_as_rows(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	append_rows(db, "b", 0, 3);
	append_rows(db, "a", 0, 3);
	struct ArrowArrayStream stream;
	struct ArrowArray array;
	mobius_error err = {0};
	fine(mobius_tables(db, &stream, &err), &err);
	assert_int_equal(stream.get_next(&stream, &array), 0);
	assert_int_equal(array.length, 2);
	assert_memory_equal(array.children[1]->buffers[2], "ab", 2); // names, in order
	array.release(&array);
	stream.release(&stream);
}

static void
changes_answer_how_many_rows(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	assert_int_equal(number(db, "CREATE TABLE p (a BIGINT, b VARCHAR); "), 0);
	assert_int_equal(number(db, "INSERT INTO p VALUES (1, 'x'), (2, NULL)"), 2);
	assert_int_equal(number(db, "INSERT INTO p (b) SELECT b FROM p"), 2);
	assert_int_equal(number(db, "INSERT INTO p SELECT * FROM p WHERE a > 5"), 0);
	assert_int_equal(number(db, "SELECT count(*) FROM p WHERE a IS NULL"), 2);
	refused(db, "CREATE TABLE p (a BIGINT)", MOBIUS_EXISTS, "\"p\"");
	assert_int_equal(number(db, "CREATE TABLE IF NOT EXISTS p (a BIGINT)"), 0);
	assert_int_equal(number(db, "DROP TABLE p"), 0);
	refused(db, "DROP TABLE p", MOBIUS_NOT_FOUND, "\"p\"");
	assert_int_equal(number(db, "DROP TABLE IF EXISTS p"), 0);
}

// ---- settings ----

static void
settings_in_force_can_be_asked_for(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, SETTINGS("flight.max_message=1MiB"));
	assert_int_equal(mobius_setting_number(db, "flight.max_message"), 1 << 20);
	assert_int_equal(mobius_setting_number(db, "ingest.wait"), 10 * SECOND);
	assert_string_equal(mobius_setting_text(db, "flight.listen"), "127.0.0.1:50051");
	assert_string_equal(mobius_setting_at(0)->key, "flight.listen");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_appended_is_there_after_opening_again),
		TEST(a_directory_is_made_and_an_empty_one_has_no_tables),
		TEST(a_directory_in_use_is_refused),
		TEST(two_databases_live_in_one_process),
		TEST(settings_that_cannot_be_are_refused_and_make_nothing),
		TEST(data_of_a_newer_format_is_refused_and_left_as_it_is),
		TEST(data_of_an_older_format_is_refused_by_the_older_version_once_it_was_opened),
		TEST(a_path_that_is_no_directory_is_refused_by_name),
		TEST(opening_beside_tells_when_it_is_done),
		TEST(an_append_of_no_rows_makes_the_table_and_no_commit),
		TEST(an_append_names_a_table_or_a_database_and_a_table),
		TEST(what_is_refused_is_released_once),
		TEST(an_append_that_conflicts_is_refused_by_column),
		TEST(appends_of_many_threads_are_all_there),
		TEST(a_statement_that_fails_gives_no_stream),
		TEST(a_failure_in_mid_stream_is_told_by_the_stream),
		TEST(a_stream_may_be_released_before_its_end),
		TEST(arrays_outlive_their_stream),
		TEST(the_tables_are_listed_as_rows),
		TEST(changes_answer_how_many_rows),
		TEST(settings_in_force_can_be_asked_for),
	};
	return RUN(tests);
}
