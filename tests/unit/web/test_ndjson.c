#include "support.h"
#include "web/ndjson_read.h"
#include "web/rows_text.h"

static Status
read_batch(const Schema *table, const char *text, size_t piece_len, uint64_t most, Batch **out,
		   Error *err)
{
	SCOPED(ndjson_reader_drop) NdjsonReader *reader = NULL;
	TRY(ndjson_reader_new(LINE_NS, most, &reader, err));
	size_t len = strlen(text);
	for (size_t at = 0; at < len; at += piece_len) {
		size_t take = len - at < piece_len ? len - at : piece_len;
		SCOPED(mem_drop) char *copy = mem_copy(text + at, take);
		if (copy == NULL)
			return error_no_memory(err, "a piece");
		TRY(ndjson_reader_add(reader, slice_of(copy, take), at + take == len, err));
	}
	return ndjson_reader_finish(reader, table, NULL, out, err);
}

static void
reads_to(const Schema *table, const char *text, const char *wanted)
{
	static const size_t pieces[] = {1 << 20, 1, 2, 3, 7};
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		SCOPED(batch_drop) Batch *batch = NULL;
		Error err = ERROR_INIT;
		ok(read_batch(table, text, pieces[i], 1 << 20, &batch, &err), &err);
		is_valid(batch);
		add_batch(batch, &out);
		text_equal(&out, wanted);
	}
}

static void
is_refused(const Schema *table, const char *text, Status status, const char *reason)
{
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(read_batch(table, text, 1000, 1 << 20, &batch, &err), status);
	assert_null(batch);
	says(&err, reason);
}

static void
objects_become_rows(void **state)
{
	(void)state;
	reads_to(NULL,
			 "{\"time\":1, \"host\":\"a\",\"v\":1.5,\"n\":1,\"up\":true}\n\r\n"
			 " { \"v\" : -2e3 , \"time\":2,\"x\":null } \r\n{}",
			 "time timestamp[ns], host string, v double, n int64, up bool\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"a\",1.5,1,true]\n"
			 "[\"1970-01-01T00:00:00.000000002\",null,-2000.0,null,null]\n"
			 "[null,null,null,null,null]\n");
}

static void
texts_have_their_escapes(void **state)
{
	(void)state;
	reads_to(
		NULL, "{\"a\\u0062\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83C\\uDF6D\xC3\xA9\"}",
		"ab string\n[\"\\\"\\\\/\\b\\f\\n\\r\\t\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8D\xAD\xC3\xA9\"]\n");
	// A text that looks like something else is a text.
	reads_to(NULL, "{\"a\":\"1\",\"b\":\"true\",\"c\":\"2020-01-01\"}",
			 "a string, b string, c string\n[\"1\",\"true\",\"2020-01-01\"]\n");
}

static void
types_of_a_table_that_is_there_hold(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *table = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&table, &err, 5, "u", TYPE_UINT64, true, "f", TYPE_FLOAT64, true, "s", TYPE_UTF8,
				 true, "b", TYPE_BOOL, true, "x", TYPE_BINARY, true),
	   &err);
	reads_to(table,
			 "{\"u\":18446744073709551615,\"f\":1,\"s\":\"t\",\"b\":false,\"x\":\"AP8=\"}\n"
			 "{\"u\":\"7\",\"f\":\"NaN\"}",
			 "u uint64, f double, s string, b bool, x binary\n"
			 "[18446744073709551615,1.0,\"t\",false,\"AP8=\"]\n[7,\"NaN\",null,null,null]\n");
	is_refused(table, "{\"s\":1}", ST_INVALID,
			   "column \"s\" is string, and has a number among its values");
	is_refused(table, "{\"b\":\"true\"}", ST_INVALID,
			   "column \"b\" is bool, and has a text among its values");
	is_refused(table, "{\"u\":true}", ST_INVALID,
			   "column \"u\" is uint64, and has true or false among its values");
	is_refused(table, "{\"u\":1}\n{\"u\":-1}", ST_INVALID,
			   "line 2: column \"u\": \"-1\" is no uint64");
	is_refused(NULL, "{\"a\":1}\n{\"a\":\"x\"}", ST_INVALID,
			   "column \"a\" is string, and has a number among its values");
}

static void
what_is_no_object_is_refused_with_its_line(void **state)
{
	(void)state;
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{"{}\n[1]", "line 2: an object is expected before \"[1]\""},
		{"1", "an object is expected"},
		{"{", "a name in quotes is expected"},
		{"{\"a\"}", "a colon is expected before \"}\""},
		{"{\"a\":}", "a value is expected before \"}\""},
		{"{\"a\":1", "a comma or a closing brace is expected before \"\""},
		{"{\"a\":1,}", "a name in quotes is expected"},
		{"{\"a\":1}}", "the end of the line is expected before \"}\""},
		{"{\"a\":1 2}", "a comma or a closing brace is expected"},
		{"{\"a\":tru}", "a value is expected before \"tru}\""},
		{"{\"a\":01}", "a value is expected"},
		{"{\"a\":+1}", "a value is expected"},
		{"{\"a\":.5}", "a value is expected"},
		{"{\"a\":NaN}", "a value is expected"},
		{"{\"a\":\"x}", "a closing quote is expected"},
		{"{\"a\":\"\\x\"}", "a text has an escape that is none"},
		{"{\"a\":\"\\u12\"}", "a text has an escape that is none"},
		{"{\"a\":\"\\ud800\"}", "a text has an escape that is none"},
		{"{\"a\":\"\\udc00\"}", "a text has an escape that is none"},
		{"{\"a\":\"\t\"}", "a closing quote is expected"},
		{"{\"a\":\"\xFF\"}", "it is not UTF-8"},
		{"{\"\":1}", "a column's name is UTF-8"},
		{"{\"a\":1,\"a\":2}", "\"a\" is there twice"},
		{"{\"a\":1.2.3}", "column \"a\" is string, and has a number"},
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		is_refused(NULL, wrong[i].text, ST_INVALID, wrong[i].reason);
	is_refused(NULL, "{\"a\":[1]}", ST_UNIMPLEMENTED, "lists and objects");
	is_refused(NULL, "{\"a\":{}}", ST_UNIMPLEMENTED, "lists and objects");
}

static void
memory_is_bounded(void **state)
{
	(void)state;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf text = BUF_INIT;
	for (int i = 0; i < 1000; i++)
		buf_add_text(&text, "{}\n");
	// Each of them is NULL in all rows before.
	for (int i = 0; i < 1000; i++)
		buf_add_printf(&text, "{\"c%d\":1}\n", i);
	assert_int_equal(read_batch(NULL, buf_text(&text), text.len, 1 << 20, &batch, &err), ST_LIMIT);
	says(&err, "commit.max_bytes");
}

static void
rows_are_written_as_they_are_read(void **state)
{
	(void)state;
	Batch *batch = NULL;
	JsonRows *rows = NULL;
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	static const char text[] = "{\"a\":1,\"b\":\"x\\ny\",\"c\":0.5}\n{\"a\":null,\"b\":\"\","
							   "\"c\":null}\n";
	ok(read_batch(NULL, text, 5, 1 << 20, &batch, &err), &err);
	ok(json_rows_new(batch_schema(batch), JSON_OBJECTS, &rows, &err), &err);
	ndjson_add_rows(rows, batch, 0, 2, &out);
	text_equal(&out, text);
	json_rows_free(rows);
	batch_unref(batch);
}

static void
short_memory_is_told_and_nothing_is_left(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	FAULT_LOOP(st, {
		SCOPED(batch_drop) Batch *batch = NULL;
		st = read_batch(NULL, "{\"a\":1,\"b\":\"x\\ny\"}\n{\"c\":true,\"a\":2.5}\n", 9, 1 << 20,
						&batch, &err);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_become_rows),
		cmocka_unit_test(texts_have_their_escapes),
		cmocka_unit_test(types_of_a_table_that_is_there_hold),
		cmocka_unit_test(what_is_no_object_is_refused_with_its_line),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(rows_are_written_as_they_are_read),
		cmocka_unit_test(short_memory_is_told_and_nothing_is_left),
	};
	return RUN(tests);
}
