#include "support.h"
#include "web/csv_read.h"
#include "web/rows_text.h"

// A table with a column of each type that is read from text.
static Schema *
table_of_all(void)
{
	static const Field fields[] = {
		{.name = "b", .type.id = TYPE_BOOL, .nullable = true},
		{.name = "i8", .type.id = TYPE_INT8, .nullable = true},
		{.name = "u16", .type.id = TYPE_UINT16, .nullable = true},
		{.name = "f", .type.id = TYPE_FLOAT32, .nullable = true},
		{.name = "s", .type.id = TYPE_UTF8, .nullable = true},
		{.name = "x", .type.id = TYPE_BINARY, .nullable = true},
		{.name = "d", .type.id = TYPE_DATE32, .nullable = true},
		{.name = "c", .type = {.id = TYPE_TIME64, .unit = UNIT_US}, .nullable = true},
		{.name = "t", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_MS}, .nullable = true},
		{.name = "n",
		 .type = {.id = TYPE_DECIMAL128, .precision = 5, .scale = 2},
		 .nullable = true},
		{.name = "p", .type = {.id = TYPE_DURATION, .unit = UNIT_S}, .nullable = true},
	};
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, &err), &err);
	return schema;
}

static Status
read_in_pieces(const Schema *table, const char *text, size_t piece_len, uint64_t most, Buf *out,
			   Error *err)
{
	SCOPED(csv_reader_drop) CsvReader *reader = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(csv_reader_new(LINE_MS, most, &reader, err));
	size_t len = strlen(text);
	for (size_t at = 0; at < len; at += piece_len) {
		size_t take = len - at < piece_len ? len - at : piece_len;
		SCOPED(mem_drop) char *copy = mem_copy(text + at, take);
		if (copy == NULL)
			return error_no_memory(err, "a piece");
		TRY(csv_reader_add(reader, slice_of(copy, take), at + take == len, err));
	}
	TRY(csv_reader_finish(reader, table, NULL, &batch, err));
	if (out == NULL)
		return ST_OK;
	is_valid(batch);
	add_batch(batch, out);
	return buf_status(out, err, "text");
}

static void
reads_to(const Schema *table, const char *text, const char *wanted)
{
	static const size_t pieces[] = {1 << 20, 1, 2, 3, 7};
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(read_in_pieces(table, text, pieces[i], 1 << 20, &out, &err), &err);
		text_equal(&out, wanted);
	}
}

static void
is_refused(const Schema *table, const char *text, Status status, const char *reason)
{
	Error err = ERROR_INIT;
	assert_int_equal(read_in_pieces(table, text, 1000, 1 << 20, NULL, &err), status);
	says(&err, reason);
}

static void
types_of_a_new_table_are_those_of_its_values(void **state)
{
	(void)state;
	reads_to(NULL,
			 "time,host,i,f,b,empty,at,late\r\n"
			 "1577880000000,a,1,1,true,,2020-01-01,\r\n"
			 "1577880000001,\"b,\"\"c\"\"\",-2,2.5,FALSE,,2020-01-01T12:00:00Z,7\r\n",
			 "time timestamp[ns], host string, i int64, f double, b bool, at timestamp[ns], "
			 "late int64\n"
			 "[\"2020-01-01T12:00:00.000000000\",\"a\",1,1.0,true,"
			 "\"2020-01-01T00:00:00.000000000\",null]\n"
			 "[\"2020-01-01T12:00:00.001000000\",\"b,\\\"c\\\"\",-2,2.5,false,"
			 "\"2020-01-01T12:00:00.000000000\",7]\n");
}

static void
quotes_commas_and_breaks_are_as_in_rfc_4180(void **state)
{
	(void)state;
	reads_to(NULL, "\xEF\xBB\xBF\"a b\",c\n\"x\ny\",\"\"\n\n,\"\"\"\"\n\"\"\"q\"\"\",z",
			 "a b string, c string\n[\"x\\ny\",\"\"]\n[null,\"\\\"\"]\n[\"\\\"q\\\"\",\"z\"]\n");
	reads_to(NULL, "a\n1\n", "a int64\n[1]\n");
}

static void
types_of_a_table_that_is_there_hold(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *table = table_of_all();
	reads_to(
		table,
		"b,i8,u16,f,s,x,d,c,t,n,new\n"
		"true,-128,65535,0.1,7,AP8=,1969-12-31,12:34:56.5,2020-01-01T12:00:00.0019,-1.5,q\n"
		"false,127,0,NaN,\"\",,2020-01-01,00:00,1577880000000,999.99,\n"
		",,,-Infinity,,,,,,0,\n",
		"b bool, i8 int8, u16 uint16, f float, s string, x binary, d date32[day], c time64[us], "
		"t timestamp[ms], n decimal128(5, 2), new string\n"
		"[true,-128,65535,0.1,\"7\",\"AP8=\",\"1969-12-31\",\"12:34:56.500000\","
		"\"2020-01-01T12:00:00.001\",\"-1.50\",\"q\"]\n"
		"[false,127,0,\"NaN\",\"\",null,\"2020-01-01\",\"00:00:00.000000\","
		"\"2020-01-01T12:00:00.000\",\"999.99\",null]\n"
		"[null,null,null,\"-Infinity\",null,null,null,null,null,\"0.00\",null]\n");
	static const struct {
		const char *text, *reason;
	} wrong[] = {
		{"i8\n128\n", "line 2: column \"i8\": \"128\" is no int8"},
		{"i8\n-129\n", "is no int8"},
		{"u16\n-1\n", "\"-1\" is no uint16"},
		{"u16\n\n65536\n", "line 3: column \"u16\": \"65536\" is no uint16"},
		{"f\nx\n", "\"x\" is no float"},
		{"b\n1\n", "\"1\" is no bool"},
		{"x\n*\n", "\"*\" is no binary"},
		{"d\n2020-13-01\n", "is no date32[day]"},
		{"c\n25:00\n", "is no time64[us]"},
		{"t\n9999-01-01\n", "is no timestamp[ms]"},
		{"t\n1.5\n", "is no timestamp[ms]"},
		{"n\n1000\n", "\"1000\" is no decimal128(5, 2)"},
		{"n\n1.234\n", "is no decimal128(5, 2)"},
		{"n\n-\n", "is no decimal128(5, 2)"},
		{"n\n1.2.3\n", "is no decimal128(5, 2)"},
	};
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		is_refused(table, wrong[i].text, ST_INVALID, wrong[i].reason);
	is_refused(table, "p\n1\n", ST_UNIMPLEMENTED, "values of type duration[s] are not read");
}

static void
what_is_no_csv_is_refused_with_its_line(void **state)
{
	(void)state;
	is_refused(NULL, "", ST_INVALID, "the CSV is empty");
	is_refused(NULL, "\n\n", ST_INVALID, "the CSV is empty");
	is_refused(NULL, "a,b\n1,2\n3\n", ST_INVALID, "line 3: it has 1 values, and the header 2");
	is_refused(NULL, "a,b\n1,2,3\n", ST_INVALID, "line 2: it has 3 values, and the header 2");
	is_refused(NULL, "a,a\n", ST_INVALID, "line 1: the header has the column \"a\" twice");
	is_refused(NULL, "a,\n", ST_INVALID, "line 1: a column's name is UTF-8 of 1 to 255 bytes");
	is_refused(NULL, "a\nx\"y\"\n", ST_INVALID, "line 2: a quote stands within a value");
	is_refused(NULL, "a\n\"x\"y\n", ST_INVALID, "line 2: something follows the closing quote");
	is_refused(NULL, "a\n1\n\"x\n", ST_INVALID, "line 3: a quoted value does not end");
	is_refused(NULL, "a\n\xFF\n", ST_INVALID, "line 2: it is not UTF-8");
	is_refused(NULL, "a,b,c\n1,2,3,4\n", ST_INVALID, "4 values");
}

static void
memory_is_bounded(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	assert_int_equal(read_in_pieces(NULL, "a\n1234567890\n1234567890\n1\n1\n", 100, 40, NULL, &err),
					 ST_LIMIT);
	says(&err, "commit.max_bytes");
}

static void
rows_are_written_as_they_are_read(void **state)
{
	(void)state;
	SCOPED(csv_reader_drop) CsvReader *reader = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	static const char text[] = "time,\"a,\"\"b\",v\r\n"
							   "2020-01-01T12:00:00.000000001,\"x\r\ny\",1.5\r\n"
							   "2020-01-01T12:00:00.000000002,\"\",NaN\r\n"
							   "2020-01-01T12:00:00.000000003,,\r\n"
							   "2020-01-01T12:00:00.000000004,\" z\",0.0\r\n";
	Schema *table = NULL;
	ok(schema_of(&table, &err, 1, "v", TYPE_FLOAT64, true), &err);
	ok(csv_reader_new(LINE_NS, 1 << 20, &reader, &err), &err);
	ok(csv_reader_add(reader, slice_text(text), true, &err), &err);
	ok(csv_reader_finish(reader, table, NULL, &batch, &err), &err);
	csv_add_header(batch_schema(batch), &out);
	csv_add_rows(batch, 0, 4, &out);
	text_equal(&out, text);
	schema_unref(table);
}

static void
short_memory_is_told_and_nothing_is_left(void **state)
{
	(void)state;
	Schema *table = table_of_all();
	Error err = ERROR_INIT;
	FAULT_LOOP(st, {
		st = read_in_pieces(table, "b,i8,s,x,c,new\ntrue,1,\"a\"\"b\",AP8=,12:00,z\n,,,,,\n", 9,
							1 << 20, NULL, &err);
	});
	schema_unref(table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_of_a_new_table_are_those_of_its_values),
		cmocka_unit_test(quotes_commas_and_breaks_are_as_in_rfc_4180),
		cmocka_unit_test(types_of_a_table_that_is_there_hold),
		cmocka_unit_test(what_is_no_csv_is_refused_with_its_line),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(rows_are_written_as_they_are_read),
		cmocka_unit_test(short_memory_is_told_and_nothing_is_left),
	};
	return RUN(tests);
}
