#include "support.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"

typedef struct Capture {
	int real;
	int ends[2];
	char text[16384];
} Capture;

// Standard error goes into a pipe between these two.
static void
capture_begin(Capture *capture)
{
	fflush(stderr);
	assert_int_equal(pipe(capture->ends), 0);
	capture->real = dup(STDERR_FILENO);
	assert_true(dup2(capture->ends[1], STDERR_FILENO) >= 0);
}

static const char *
capture_end(Capture *capture)
{
	dup2(capture->real, STDERR_FILENO);
	close(capture->real);
	close(capture->ends[1]);
	ssize_t len = read(capture->ends[0], capture->text, sizeof(capture->text) - 1);
	close(capture->ends[0]);
	capture->text[len < 0 ? 0 : len] = '\0';
	return capture->text;
}

// What follows the time, which is of a fixed length.
static const char *
after_time(const char *line, const char *before)
{
	assert_int_equal(strncmp(line, before, strlen(before)), 0);
	line += strlen(before);
	assert_true(strlen(line) > 24);
	assert_int_equal(line[10], 'T');
	assert_int_equal(line[23], 'Z');
	return line + 24;
}

static Capture capture;

// The first of them: before anybody has configured it.
static void
nothing_is_written_before_it_was_asked_for(void **state)
{
	(void)state;
	capture_begin(&capture);
	log_error("flush failed", "error=%d", 1);
	assert_string_equal(capture_end(&capture), "");
}

static void
a_text_line_has_time_level_event_and_values(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_TEXT);
	capture_begin(&capture);
	log_warn("segment flushed", "table=%s rows=%d", "t", 3);
	const char *line = capture_end(&capture);
	assert_string_equal(after_time(line, ""), " warn segment flushed table=t rows=3\n");
}

static void
lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	log_configure(LOG_WARN, LOG_TEXT);
	capture_begin(&capture);
	log_debug("a", "x=1");
	log_info("b", "x=1");
	log_error("c", "x=1");
	const char *line = capture_end(&capture);
	assert_string_equal(after_time(line, ""), " error c x=1\n");
}

static void
an_event_is_one_line_whatever_it_holds(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_TEXT);
	capture_begin(&capture);
	log_info("bad", "text=\"%s\"", "two\nlines\r\x1B[2J");
	const char *line = capture_end(&capture);
	assert_string_equal(after_time(line, ""), " info bad text=\"two lines  [2J\"\n");
}

static const char *
json_of(const char *text)
{
	log_configure(LOG_INFO, LOG_JSON);
	capture_begin(&capture);
	log_info("an event", "%s", text);
	return after_time(capture_end(&capture), "{\"time\":\"");
}

#define HEAD "\",\"level\":\"info\",\"event\":\"an event\""

static void
a_json_line_has_values_as_members(void **state)
{
	(void)state;
	assert_string_equal(json_of(""), HEAD "}\n");
	assert_string_equal(json_of("a=1 b_c.d=x"), HEAD ",\"a\":\"1\",\"b_c.d\":\"x\"}\n");
	assert_string_equal(json_of("a=\"two words\" b=\"\""),
						HEAD ",\"a\":\"two words\",\"b\":\"\"}\n");
	assert_string_equal(json_of("a=two words b=1"), HEAD ",\"a\":\"two words\",\"b\":\"1\"}\n");
	assert_string_equal(json_of("no key b=1"), HEAD ",\"message\":\"no key\",\"b\":\"1\"}\n");
	assert_string_equal(json_of("a=\"say \\ \"x\"y\" b=1"),
						HEAD ",\"a\":\"say \\\\ \\\"x\\\"y\",\"b\":\"1\"}\n");
	assert_string_equal(json_of("a=x\ny"), HEAD ",\"a\":\"x y\"}\n");
	assert_string_equal(json_of("a=\xC3\xA9"), HEAD ",\"a\":\"\xC3\xA9\"}\n");
	assert_string_equal(json_of("a=\xC3("), HEAD ",\"a\":\"?(\"}\n");
}

static void
a_long_line_is_cut_and_still_closed(void **state)
{
	(void)state;
	static char text[10000];
	static const char *const units[] = {"\"", "\\", "a= ", "a=\"b\" ", "x", "\xC3\xA9"};
	for (size_t i = 0; i < COUNT_OF(units); i++) {
		size_t width = strlen(units[i]);
		memset(text, 0, sizeof(text));
		for (size_t at = 0; at + width < sizeof(text); at += width)
			memcpy(text + at, units[i], width);
		const char *line = json_of(text);
		size_t len = strlen(line);
		assert_true(len > 2000);
		assert_string_equal(line + len - 3, "\"}\n");
	}
}

static void
logging_needs_no_memory_and_keeps_errno(void **state)
{
	(void)state;
	log_configure(LOG_INFO, LOG_JSON);
	capture_begin(&capture);
	fault_arm_sticky(0);
	errno = ENOSPC;
	log_info("no memory", "a=1");
	assert_int_equal(errno, ENOSPC);
	assert_false(fault_disarm());
	assert_non_null(strstr(capture_end(&capture), "no memory"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_written_before_it_was_asked_for),
		cmocka_unit_test(a_text_line_has_time_level_event_and_values),
		cmocka_unit_test(lines_below_the_level_are_not_written),
		cmocka_unit_test(an_event_is_one_line_whatever_it_holds),
		cmocka_unit_test(a_json_line_has_values_as_members),
		cmocka_unit_test(a_long_line_is_cut_and_still_closed),
		cmocka_unit_test(logging_needs_no_memory_and_keeps_errno),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
