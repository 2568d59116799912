// The configuration: what stands in it without a word, and what is refused.

#include "engine/settings.h"
#include "support.h"

static Settings
parsed(const char *const *texts)
{
	Settings settings = {0};
	Error err = ERROR_INIT;
	ok(settings_parse(texts, &settings, &err), &err);
	return settings;
}

static void
is_refused(const char *text, const char *part)
{
	Settings settings = {.wal_segment_size = 7};
	Error err = ERROR_INIT;
	assert_int_equal(settings_parse(SETTINGS(text), &settings, &err), ST_INVALID);
	says(err.text, part);
	assert_int_equal(settings.wal_segment_size, 7); // untouched
}

static void
what_is_not_given_has_its_default(void **state)
{
	(void)state;
	SCOPED(settings_close) Settings s = parsed(NULL);
	assert_string_equal(s.flight_listen, "127.0.0.1:50051");
	assert_int_equal(s.flight_max_message, 64 << 20);
	assert_int_equal(s.flight_ticket_ttl_ns, 300 * SECOND);
	assert_true(s.ingest_create_tables);
	assert_int_equal(s.ingest_wait_ns, 10 * SECOND);
	assert_int_equal(s.commit_max_bytes, 256 << 20);
	assert_int_equal(s.wal_segment_size, 64 << 20);
	assert_int_equal(s.wal_keep_time_ns, 3600 * SECOND);
	assert_int_equal(s.wal_on_sync_failure, 0);
	assert_int_equal(s.wal_recovery, 0);
	assert_int_equal(s.memtable_limit, os_memory_bytes() / 100 * 25);
	assert_int_equal(s.series_limit, 10000000);
	assert_int_equal(s.query_running, 2 * os_core_count());
	assert_int_equal(s.query_threads, os_core_count());
}

static void
every_setting_has_key_unit_and_meaning(void **state)
{
	(void)state;
	size_t count = 0;
	for (; settings_at(count) != NULL; count++) {
		const SettingDef *def = settings_at(count);
		assert_true(strchr(def->key, '.') != NULL || strcmp(def->key, "verify") == 0);
		assert_true(def->unit[0] != '\0' && def->help[0] != '\0' && def->fallback[0] != '\0');
	}
	assert_true(count > 20);
}

static void
sizes_durations_counts_and_choices_are_read(void **state)
{
	(void)state;
	SCOPED(settings_close)
	Settings s =
		parsed(SETTINGS("wal.segment_size=1MiB", "memtable.limit=50%", "query.timeout=1m30s",
						"query.running=3", "ingest.create_tables=off", "wal.recovery=salvage",
						"log.format=json", "flight.listen=[::1]:0,127.0.0.1:0"));
	assert_int_equal(s.wal_segment_size, 1 << 20);
	assert_int_equal(s.memtable_limit, os_memory_bytes() / 100 * 50);
	assert_int_equal(s.query_timeout_ns, 90 * SECOND);
	assert_int_equal(s.query_running, 3);
	assert_false(s.ingest_create_tables);
	assert_int_equal(s.wal_recovery, 2);
	assert_int_equal(s.log_format, 1);
	assert_string_equal(s.flight_listen, "[::1]:0,127.0.0.1:0");
}

static void
the_last_of_several_texts_wins(void **state)
{
	(void)state;
	SCOPED(settings_close)
	Settings s = parsed(
		SETTINGS("flight.listen=a:1", "query.running=3", "flight.listen=b:2", "query.running=4"));
	assert_string_equal(s.flight_listen, "b:2");
	assert_int_equal(s.query_running, 4);
}

static void
a_value_can_be_asked_for_by_key(void **state)
{
	(void)state;
	SCOPED(settings_close) Settings s = parsed(SETTINGS("ingest.wait=7s", "series.limit=9"));
	assert_int_equal(settings_number(&s, "ingest.wait"), 7 * SECOND);
	assert_int_equal(settings_number(&s, "series.limit"), 9);
	assert_int_equal(settings_number(&s, "memtable.limit"), s.memtable_limit);
	assert_string_equal(settings_text(&s, "flight.listen"), s.flight_listen);
	assert_int_equal(settings_number(&s, "flight.listen"), 0);
	assert_int_equal(settings_number(&s, "no.such"), 0);
	assert_null(settings_text(&s, "ingest.wait"));
	assert_null(settings_text(&s, "no.such"));
}

static void
an_unknown_key_is_named_with_the_one_that_was_meant(void **state)
{
	(void)state;
	is_refused("memtable.limt=1GiB", "unknown setting memtable.limt; did you mean memtable.limit?");
	is_refused("something=1", "--print-config lists all");
	is_refused("=1", "unknown setting");
	is_refused("query.running", "key=value");
}

static void
a_bad_value_is_named_with_its_key_and_unit(void **state)
{
	(void)state;
	is_refused("wal.segment_size=big", "setting wal.segment_size (size)");
	is_refused("wal.segment_size=", "setting wal.segment_size (size)");
	is_refused("memtable.limit=0%", "between 1% and 100%");
	is_refused("memtable.limit=101%", "between 1% and 100%");
	is_refused("memtable.limit=%", "setting memtable.limit (size)");
	is_refused("query.timeout=10", "setting query.timeout (duration)");
	is_refused("query.running=-1", "is negative");
	is_refused("query.running=2.5", "setting query.running (count)");
	is_refused("ingest.create_tables=maybe", "setting ingest.create_tables (bool)");
	is_refused("log.level=loud", "setting log.level (debug | info | warn | error)");
}

static void
values_the_parts_cannot_work_with_are_refused(void **state)
{
	(void)state;
	is_refused("wal.segment_size=4KiB", "at least 64KiB");
	is_refused("memtable.segment_size=1", "at least 64KiB");
	is_refused("flight.max_message=2GiB", "from 64KiB to 1GiB");
	is_refused("series.limit=4294967295", "at most 4294967294");
	is_refused("memtable.limit=1KiB", "setting memtable.limit: at least");
	is_refused("query.running=1000000000", "setting query.running: at most");
	is_refused("query.threads=1000000000", "setting query.threads: at most");
}

static void
no_memory_leaves_nothing_behind(void **state)
{
	(void)state;
	long blocks = mem_live();
	for (long nth = 0;; nth++) {
		Settings settings = {0};
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st =
			settings_parse(SETTINGS("flight.listen=a:1", "memtable.limit=3%"), &settings, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		settings_close(&settings);
		assert_int_equal(mem_live(), blocks);
		if (!failed)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_not_given_has_its_default),
		TEST(every_setting_has_key_unit_and_meaning),
		TEST(sizes_durations_counts_and_choices_are_read),
		TEST(the_last_of_several_texts_wins),
		TEST(a_value_can_be_asked_for_by_key),
		TEST(an_unknown_key_is_named_with_the_one_that_was_meant),
		TEST(a_bad_value_is_named_with_its_key_and_unit),
		TEST(values_the_parts_cannot_work_with_are_refused),
		TEST(no_memory_leaves_nothing_behind),
	};
	return RUN(tests);
}
