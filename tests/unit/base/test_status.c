#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void
setting_an_error_fills_all_of_it_and_returns_the_code(void **state)
{
	(void)state;
	Error err = {.position = 7};
	assert_int_equal(error_set(&err, ST_CORRUPT, "%s: byte %d", "f", 3), ST_CORRUPT);
	assert_int_equal(err.code, ST_CORRUPT);
	assert_int_equal(err.position, -1);
	assert_string_equal(err.text, "f: byte 3");
	assert_int_equal(error_set(NULL, ST_IO, "nobody listens"), ST_IO);
	assert_int_equal(error_set_at(NULL, ST_INVALID, 1, "nobody listens"), ST_INVALID);
}

static void
an_error_at_a_byte_keeps_its_position_when_prefixed(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	assert_int_equal(error_set_at(&err, ST_INVALID, 17, "no column x"), ST_INVALID);
	assert_int_equal(error_prefix(&err, "stream %s", "s"), ST_INVALID);
	assert_int_equal(err.position, 17);
	assert_string_equal(err.text, "stream s: no column x");
}

static void
an_error_may_be_built_from_its_own_text(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	(void)error_set(&err, ST_IO, "cause");
	(void)error_set(&err, ST_INVALID, "again: %s", err.text);
	assert_string_equal(err.text, "again: cause");
	(void)error_prefix(&err, "%s", err.text);
	assert_string_equal(err.text, "again: cause: again: cause");
}

static void
a_long_text_is_cut_between_characters(void **state)
{
	(void)state;
	static const char *const characters[] = {"x", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"};
	for (size_t i = 0; i < COUNT_OF(characters); i++) {
		for (size_t shift = 0; shift < 4; shift++) {
			char text[2000] = "";
			size_t width = strlen(characters[i]);
			memset(text, '-', shift);
			for (size_t at = shift; at + width < sizeof(text); at += width)
				memcpy(text + at, characters[i], width);
			Error err = ERROR_INIT;
			(void)error_set(&err, ST_IO, "%s", text);
			assert_int_equal((strlen(err.text) - shift) % width, 0);
			assert_true(strlen(err.text) > sizeof(err.text) - 5);

			(void)error_set(&err, ST_IO, "%.300s", text);
			(void)error_prefix(&err, "%s", text);
			assert_true(strlen(err.text) > sizeof(err.text) - 5);
			assert_non_null(strstr(err.text, ": "));
		}
	}
}

static void
no_memory_names_what_it_was_for(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	assert_int_equal(error_no_memory(&err, "a batch"), ST_NO_MEMORY);
	assert_string_equal(err.text, "no memory for a batch");
}

static void
every_status_has_a_name_that_json_bodies_use(void **state)
{
	(void)state;
	for (int code = ST_OK; code <= ST_INTERNAL; code++)
		assert_true(strlen(status_name((Status)code)) > 1);
	assert_string_equal(status_name(ST_INVALID), "invalid_argument");
	assert_string_equal(status_name(ST_SEALED), "failed_precondition");
	assert_string_equal(status_name(ST_DISK_FULL), "resource_exhausted");
	assert_string_equal(status_name(ST_CORRUPT), "data_loss");
	assert_string_equal(status_name((Status)99), "internal");
}

static Status
first_failure(Status a, Status b)
{
	TRY(a);
	TRY(b);
	return ST_OK;
}

static void
try_stops_at_the_first_failure(void **state)
{
	(void)state;
	assert_int_equal(first_failure(ST_OK, ST_OK), ST_OK);
	assert_int_equal(first_failure(ST_OK, ST_IO), ST_IO);
	assert_int_equal(first_failure(ST_LIMIT, ST_IO), ST_LIMIT);
}

static char *
made_or_dropped(bool keep)
{
	SCOPED(mem_drop) char *text = mem_strdup("text");
	return keep ? TAKE(text) : NULL;
}

static void
what_is_scoped_is_freed_unless_it_was_taken(void **state)
{
	(void)state;
	assert_null(made_or_dropped(false));
	assert_int_equal(mem_live(), 0);
	char *text = made_or_dropped(true);
	assert_int_equal(mem_live(), 1);
	mem_free(text);
}

static void
what_must_hold_ends_the_process_when_it_does_not(void **state)
{
	(void)state;
	must(1 + 1 == 2);
	pid_t child = fork();
	if (child == 0) {
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		must(1 + 1 == 3);
		_exit(0);
	}
	int how = 0;
	assert_int_equal(waitpid(child, &how, 0), child);
	assert_true(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_an_error_fills_all_of_it_and_returns_the_code),
		cmocka_unit_test(an_error_at_a_byte_keeps_its_position_when_prefixed),
		cmocka_unit_test(an_error_may_be_built_from_its_own_text),
		cmocka_unit_test(a_long_text_is_cut_between_characters),
		cmocka_unit_test(no_memory_names_what_it_was_for),
		cmocka_unit_test(every_status_has_a_name_that_json_bodies_use),
		cmocka_unit_test(try_stops_at_the_first_failure),
		cmocka_unit_test(what_is_scoped_is_freed_unless_it_was_taken),
		cmocka_unit_test(what_must_hold_ends_the_process_when_it_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
