#include "support.h"
#include "web/line_protocol.h"
#include "web/line_split.h"

#define NOON "2020-01-01T12:00:00.000000000"
static const int64_t NOON_NS = INT64_C(1577880000000000000);

// ---- helpers: `out` NULL reads and says nothing ----

// The table "there": ts, host (tag), site (tag), load (float), count (int32), note (utf8), day.
static Status
find_there(void *arg, const char *measurement, Arena *arena, LineTarget *out, Error *err)
{
	(void)arg;
	if (strcmp(measurement, "broken") == 0)
		return error_set(err, ST_UNAVAILABLE, "the server is shutting down");
	if (strcmp(measurement, "refused") == 0) {
		out->refused = true;
		snprintf(out->reason, sizeof(out->reason), "refused is an archive");
		return ST_OK;
	}
	bool plain = strcmp(measurement, "plain") == 0;
	if (!plain && strcmp(measurement, "there") != 0)
		return ST_OK;
	static const LineRole roles[] = {LINE_TIME,  LINE_TAG,   LINE_TAG,  LINE_FIELD,
									 LINE_FIELD, LINE_FIELD, LINE_FIELD};
	out->roles = arena_array(arena, COUNT_OF(roles), sizeof(LineRole));
	if (out->roles == NULL)
		return error_no_memory(err, "roles");
	memcpy(out->roles, roles, sizeof(roles));
	if (plain)
		out->roles[0] = LINE_FIELD;
	return schema_of(&out->schema, err, 7, "ts", TYPE_TIMESTAMP, false, "host", TYPE_UTF8, true,
					 "site", TYPE_INT32, true, "load", TYPE_FLOAT32, true, "count", TYPE_INT32,
					 true, "note", TYPE_UTF8, true, "day", TYPE_DATE32, true);
}

static Status
add_taken(LineParser *parser, Buf *out, Error *err)
{
	for (;;) {
		LineBatch taken;
		TRY(line_parser_take(parser, &taken, err));
		if (taken.batch == NULL)
			return ST_OK;
		if (out == NULL) {
			batch_unref(taken.batch);
			continue;
		}
		Slice tags;
		assert_true(schema_metadata_get(batch_schema(taken.batch), "mobius.tags", &tags));
		buf_add_printf(out, "%s [%.*s] ", taken.measurement, (int)tags.len,
					   tags.len == 0 ? "" : (const char *)tags.data);
		is_valid(taken.batch);
		add_batch(taken.batch, out);
		batch_unref(taken.batch);
	}
}

static void
add_errors(const LineParser *parser, Buf *out)
{
	size_t count;
	const LineError *errors = line_parser_errors(parser, &count);
	for (size_t i = 0; i < count; i++)
		buf_add_printf(out, "!%lld %s\n", (long long)errors[i].line, errors[i].text);
}

static Status
read_in_pieces(LinePrecision precision, const char *text, size_t len, size_t piece_len, Buf *out,
			   Error *err)
{
	LineOptions options = {.precision = precision, .arrival_ns = NOON_NS, .find = find_there};
	SCOPED(line_parser_drop) LineParser *parser = NULL;
	TRY(line_parser_new(&options, &parser, err));
	for (size_t at = 0; at < len || at == 0; at += piece_len) {
		size_t take = len - at < piece_len ? len - at : piece_len;
		// A copy of its own, so that reads past its end are found.
		SCOPED(mem_drop) char *copy = mem_copy(text + at, take);
		if (copy == NULL)
			return error_no_memory(err, "a piece");
		Slice piece = slice_of(copy, take);
		bool full = true;
		while (piece.len > 0 || full) {
			TRY(line_parser_add(parser, &piece, at + take == len, err));
			full = line_parser_full(parser);
			if (full)
				TRY(add_taken(parser, out, err));
		}
		if (len == 0)
			break;
	}
	TRY(add_taken(parser, out, err));
	if (out == NULL)
		return ST_OK;
	add_errors(parser, out);
	return buf_status(out, err, "text");
}

static void
reads_to_with(LinePrecision precision, const char *text, const char *wanted)
{
	static const size_t pieces[] = {1 << 20, 1, 2, 3, 7, 19};
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(read_in_pieces(precision, text, strlen(text), pieces[i], &out, &err), &err);
		text_equal(&out, wanted);
	}
}

static void
reads_to(const char *text, const char *wanted)
{
	reads_to_with(LINE_NS, text, wanted);
}

static void
is_wrong(const char *text, const char *reason)
{
	char wanted[512];
	snprintf(wanted, sizeof(wanted), "!1 %s\n", reason);
	reads_to(text, wanted);
}

// ---- tests ----

static void
a_line_becomes_a_row(void **state)
{
	(void)state;
	reads_to("cpu,host=a,region=eu usage=1.5,count=3i,size=4u,up=true,note=\"x y\" 1",
			 "cpu [host,region] time timestamp[ns], host string, region string, usage double, "
			 "count int64, size uint64, up bool, note string\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"a\",\"eu\",1.5,3,4,true,\"x y\"]\n");
}

static void
an_empty_body_has_no_rows(void **state)
{
	(void)state;
	reads_to("", "");
	reads_to("\n\r\n  \n# a comment \"with a quote\n  # another\n#\n", "");
}

static void
line_ends_are_lf_or_crlf(void **state)
{
	(void)state;
	const char *wanted = "m [] time timestamp[ns], f double\n"
						 "[\"1970-01-01T00:00:00.000000001\",1.0]\n"
						 "[\"1970-01-01T00:00:00.000000002\",2.0]\n";
	reads_to("m f=1 1\nm f=2 2\n", wanted);
	reads_to("m f=1 1\r\nm f=2 2\r\n", wanted);
	reads_to("\n# c\nm f=1 1\n\n   m   f=2   2   ", wanted);
}

static void
a_line_without_time_has_that_of_its_arrival(void **state)
{
	(void)state;
	reads_to("m f=1\nm f=2 \n", "m [] time timestamp[ns], f double\n"
								"[\"" NOON "\",1.0]\n[\"" NOON "\",2.0]\n");
}

static void
escapes_take_the_meaning(void **state)
{
	(void)state;
	// The examples of the protocol's documentation.
	reads_to("my\\ m,tag\\ k\\=1=v\\,1\\ x f\\=\\ k=\"a\" 1",
			 "!1 measurement \"my m\" cannot be a table: names are letters, digits and _, at most "
			 "127, no digit first\n");
	reads_to("m,tag\\ k\\=1=v\\,1\\ x f\\=\\,k=\"a\" 1",
			 "m [tag k=1] time timestamp[ns], tag k=1 string, f=,k string\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"v,1 x\",\"a\"]\n");
	reads_to("m f=\"too \\\"hot\\\" C:\\\\ \\n, =\" 1",
			 "m [] time timestamp[ns], f string\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"too \\\"hot\\\" C:\\\\ \\\\n, =\"]\n");
	reads_to("m,path=C:\\dir\\\\,q=\"x\" f=1 1",
			 "m [path,q] time timestamp[ns], path string, q string, f double\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"C:\\\\dir\\\\\\\\\",\"\\\"x\\\"\",1.0]\n");
	reads_to("m,emoji=\xF0\x9F\x8D\xAD f=\"\xF0\x9F\x8D\xAD\" 1",
			 "m [emoji] time timestamp[ns], emoji string, f string\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"\xF0\x9F\x8D\xAD\",\"\xF0\x9F\x8D\xAD\"]\n");
}

static void
a_text_may_hold_line_breaks(void **state)
{
	(void)state;
	reads_to("m f=\"a\nb\\\"\n\",g=1 1\nm f=\"\",g=2 2\nm g=x\n",
			 "m [] time timestamp[ns], f string, g double\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"a\\nb\\\"\\n\",1.0]\n"
			 "[\"1970-01-01T00:00:00.000000002\",\"\",2.0]\n"
			 "!5 \"x\" is no value for field \"g\": write 1i, 1u, 1.5, true or \"text\"\n");
}

static void
a_quote_elsewhere_is_a_letter(void **state)
{
	(void)state;
	reads_to("m,t=\"a f\"=1,g=2 1\nm,t=b g=3 2",
			 "m [t] time timestamp[ns], t string, f\" double, g double\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"\\\"a\",1.0,2.0]\n"
			 "[\"1970-01-01T00:00:00.000000002\",\"b\",null,3.0]\n");
}

static void
every_form_of_value_is_read(void **state)
{
	(void)state;
	reads_to("m a=1,b=-1.5,c=.5,d=1e3,e=-1E-2,f=5.,g=-9223372036854775808i,"
			 "h=18446744073709551615u,i=t,j=T,k=True,l=TRUE,m=f,n=F,o=False,p=FALSE,q=0i 1",
			 "m [] time timestamp[ns], a double, b double, c double, d double, e double, f double, "
			 "g int64, h uint64, i bool, j bool, k bool, l bool, m bool, n bool, o bool, p bool, "
			 "q int64\n"
			 "[\"1970-01-01T00:00:00.000000001\",1.0,-1.5,0.5,1000.0,-0.01,5.0,"
			 "-9223372036854775808,18446744073709551615,true,true,true,true,false,false,false,"
			 "false,0]\n");
	static const char *const wrong[] = {"tRUE", "yes",   "NaN", "inf", "1x",
										"1i2",  "i",     "-u",  "-1u", "9223372036854775808i",
										"0x1",  "1e999", "'a'", "-"};
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		char line[64], reason[160];
		snprintf(line, sizeof(line), "m a=%s 1", wrong[i]);
		snprintf(reason, sizeof(reason),
				 "\"%s\" is no value for field \"a\": write 1i, 1u, 1.5, true or \"text\"",
				 wrong[i]);
		is_wrong(line, reason);
	}
}

static void
times_are_of_the_precision_asked_for(void **state)
{
	(void)state;
#define AT(time) "m [] time timestamp[ns], f double\n[\"" time "\",1.0]\n"
	reads_to_with(LINE_US, "m f=1 1577880000000000", AT(NOON));
	reads_to_with(LINE_MS, "m f=1 1577880000000", AT(NOON));
	reads_to_with(LINE_S, "m f=1 1577880000", AT(NOON));
	reads_to_with(LINE_MINUTES, "m f=1 26298000", AT(NOON));
	reads_to_with(LINE_HOURS, "m f=1 438300", AT(NOON));
	reads_to_with(LINE_AUTO, "m f=1 1577880000", AT(NOON));
	reads_to_with(LINE_AUTO, "m f=1 1577880000000", AT(NOON));
	reads_to_with(LINE_AUTO, "m f=1 1577880000000000", AT(NOON));
	reads_to_with(LINE_AUTO, "m f=1 1577880000000000000", AT(NOON));
	reads_to_with(LINE_S, "m f=1 -1", AT("1969-12-31T23:59:59.000000000"));
	reads_to_with(LINE_AUTO, "m f=1 -1", AT("1969-12-31T23:59:59.000000000"));
	reads_to_with(LINE_S, "m f=1 9223372037",
				  "!1 time 9223372037 is beyond what nanoseconds reach\n");
	is_wrong("m f=1 1.5", "\"1.5\" is no time: write an integer");
	is_wrong("m f=1 1x", "\"1x\" is no time: write an integer");
	is_wrong("m f=1 99999999999999999999", "\"99999999999999999999\" is no time: write an integer");
	is_wrong("m f=1 1 2", "something follows the time 1");
}

static void
names_of_precisions_are_those_of_all_apis(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		LinePrecision precision;
	} names[] = {{"ns", LINE_NS},          {"n", LINE_NS},
				 {"nanosecond", LINE_NS},  {"us", LINE_US},
				 {"u", LINE_US},           {"\xC2\xB5s", LINE_US},
				 {"microsecond", LINE_US}, {"ms", LINE_MS},
				 {"millisecond", LINE_MS}, {"s", LINE_S},
				 {"second", LINE_S},       {"m", LINE_MINUTES},
				 {"h", LINE_HOURS},        {"auto", LINE_AUTO}};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		LinePrecision precision = LINE_NS;
		Error err = ERROR_INIT;
		ok(line_precision_parse(slice_text(names[i].name), &precision, &err), &err);
		assert_int_equal(precision, names[i].precision);
	}
	LinePrecision precision;
	Error err = ERROR_INIT;
	assert_int_equal(line_precision_parse(slice_text("day"), &precision, &err), ST_INVALID);
	says(&err, "\"day\" is no precision");
}

static void
what_is_no_line_is_told(void **state)
{
	(void)state;
	is_wrong("m", "the line has no fields");
	is_wrong("m ", "the line has no fields");
	is_wrong("m,t=1", "the line has no fields");
	is_wrong("m,t=1 ", "the line has no fields");
	is_wrong("m,t f=1", "tag \"t\" has no value");
	is_wrong("m,t= f=1", "tag \"t\" has no value");
	is_wrong("m,=1 f=1", "the name of a tag is of 1 to 255 bytes");
	is_wrong("m, f=1", "tag \"\" has no value");
	is_wrong("m,t=1=2 f=1", "the value of tag \"t\" holds an equals sign; write it as \\=");
	is_wrong("m f", "field \"f\" has no value");
	is_wrong("m f=", "\"\" is no value for field \"f\": write 1i, 1u, 1.5, true or \"text\"");
	is_wrong("m f= 1", "\"\" is no value for field \"f\": write 1i, 1u, 1.5, true or \"text\"");
	is_wrong("m =1", "the name of a field is of 1 to 255 bytes");
	is_wrong("m f=1,", "field \"\" has no value");
	is_wrong("m f=\"a", "the text of field \"f\" does not end");
	is_wrong("m f=\"a\"b 1", "something follows the text of field \"f\"");
	is_wrong("m f=1,f=2", "\"f\" is there twice");
	is_wrong("m,t=1,t=2 f=1", "\"t\" is there twice");
	is_wrong("m,a=1 a=1", "\"a\" is a tag in another line, and not a field");
	is_wrong("m f=1,F=2", "columns \"F\" and \"f\" differ in nothing but case");
	is_wrong("m time=1", "\"time\" is the time column: the time stands behind the fields");
	is_wrong("m,Time=1 f=1", "\"Time\" is the time column: the time stands behind the fields");
	is_wrong("m,a\\,b=1 f=1", "tag \"a,b\": a tag's name holds no comma, and no blank at its ends");
	is_wrong("m f\x01=1", "a name holds a control character");
	is_wrong("m f=\"\xFF\"", "the line is not UTF-8");
	is_wrong("m\\", "measurement \"m\\\" cannot be a table: names are letters, digits and _, at "
					"most 127, no digit first");
}

static void
good_lines_are_kept(void **state)
{
	(void)state;
	reads_to("m,h=a f=1 1\nm,h=a f=1i 2\nm,h=b f=x 3\n\nn g=true 4\nm,h=c f=2 5\nn g=1 6",
			 "m [h] time timestamp[ns], h string, f double\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"a\",1.0]\n"
			 "[\"1970-01-01T00:00:00.000000005\",\"c\",2.0]\n"
			 "n [] time timestamp[ns], g bool\n"
			 "[\"1970-01-01T00:00:00.000000004\",true]\n"
			 "!2 field \"f\" is double, and not int64\n"
			 "!3 \"x\" is no value for field \"f\": write 1i, 1u, 1.5, true or \"text\"\n"
			 "!7 field \"g\" is bool, and not double\n");
}

static void
a_bad_line_settles_no_type(void **state)
{
	(void)state;
	reads_to("m f=1i,g=x 1\nm f=1.5 2", "m [] time timestamp[ns], f double\n"
										"[\"1970-01-01T00:00:00.000000002\",1.5]\n"
										"!1 \"x\" is no value for field \"g\": write 1i, 1u, "
										"1.5, true or \"text\"\n");
}

static void
tag_sets_and_fields_may_differ_from_line_to_line(void **state)
{
	(void)state;
	reads_to("m,a=1 f=1 1\nn x=1i 1\nm,b=2 g=\"t\" 2\nm,b=3,a=4 g=\"u\",f=2 3\nn x=2i,y=f 2\nm h=t",
			 "m [a,b] time timestamp[ns], a string, f double, b string, g string, h bool\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"1\",1.0,null,null,null]\n"
			 "[\"1970-01-01T00:00:00.000000002\",null,null,\"2\",\"t\",null]\n"
			 "[\"1970-01-01T00:00:00.000000003\",\"4\",2.0,\"3\",\"u\",null]\n"
			 "[\"" NOON "\",null,null,null,null,true]\n"
			 "n [] time timestamp[ns], x int64, y bool\n"
			 "[\"1970-01-01T00:00:00.000000001\",1,null]\n"
			 "[\"1970-01-01T00:00:00.000000002\",2,false]\n");
}

static void
a_table_that_is_there_says_its_types(void **state)
{
	(void)state;
	reads_to("there,host=a load=1,count=2i,note=\"n\",more=1u 1",
			 "there [host] ts timestamp[ns], host string, load double, count int64, note string, "
			 "more uint64\n"
			 "[\"1970-01-01T00:00:00.000000001\",\"a\",1.0,2,\"n\",1]\n");
	is_wrong("there load=1i", "field \"load\" is double, and not int64");
	is_wrong("there count=1", "field \"count\" is int64, and not double");
	is_wrong("there host=1", "\"host\" is a tag of table \"there\", and not a field");
	is_wrong("there,load=1 count=1i", "\"load\" is a field of table \"there\", and not a tag");
	is_wrong("there,site=1 load=1", "column \"site\" of table \"there\" is int64");
	is_wrong("there day=1i",
			 "column \"day\" of table \"there\" is of a type that line protocol does not have");
	is_wrong("there ts=1i", "\"ts\" is the time column: the time stands behind the fields");
	is_wrong("there Load=1", "columns \"Load\" and \"load\" differ in nothing but case");
	is_wrong("refused f=1", "refused is an archive");
	is_wrong("plain load=1", "table \"plain\" has no time column");
}

static void
what_is_no_fault_of_a_line_ends_it_all(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf out = BUF_INIT;
	Error err = ERROR_INIT;
	const char *text = "m f=1\nbroken f=1\n";
	assert_int_equal(read_in_pieces(LINE_NS, text, strlen(text), 100, &out, &err), ST_UNAVAILABLE);
	says(&err, "shutting down");
}

static void
a_line_has_a_most_of_bytes(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_text(&text, "m f=\"");
	for (int i = 0; i < LINE_MOST; i++)
		buf_add_byte(&text, 'x');
	buf_add_text(&text, "\" 1\nm f=\"y\" 2\n");
	static const size_t pieces[] = {1 << 22, 65536};
	for (size_t i = 0; i < COUNT_OF(pieces); i++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(read_in_pieces(LINE_NS, (const char *)text.data, text.len, pieces[i], &out, &err), &err);
		text_equal(&out, "m [] time timestamp[ns], f string\n"
						 "[\"1970-01-01T00:00:00.000000002\",\"y\"]\n"
						 "!1 the line is longer than 1048576 bytes\n");
	}
}

static void
the_first_errors_are_told_and_all_are_counted(void **state)
{
	(void)state;
	LineOptions options = {.precision = LINE_NS};
	LineParser *parser = NULL;
	Error err = ERROR_INIT;
	ok(line_parser_new(&options, &parser, &err), &err);
	for (int i = 0; i < 250; i++) {
		Slice piece = slice_text("m\nm f=1\n");
		ok(line_parser_add(parser, &piece, false, &err), &err);
	}
	size_t count;
	const LineError *errors = line_parser_errors(parser, &count);
	assert_int_equal(count, LINE_ERRORS);
	assert_int_equal(errors[99].line, 199);
	assert_int_equal(line_parser_wrong(parser), 250);
	assert_int_equal(line_parser_lines(parser), 250);
	line_parser_free(parser);
}

// A line that begins many columns behind many rows waits until these are handed over.
static void
memory_is_bounded_whatever_the_lines_say(void **state)
{
	(void)state;
	LineOptions options = {.precision = LINE_NS};
	LineParser *parser = NULL;
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf text = BUF_INIT;
	for (int i = 0; i < 20000; i++)
		buf_add_text(&text, "m f=1 1\n");
	buf_add_text(&text, "m f=1");
	for (int i = 0; i < LINE_COLUMNS - 1; i++)
		buf_add_printf(&text, ",c%d=1", i);
	buf_add_text(&text, "\nm f=2 2\n");
	ok(line_parser_new(&options, &parser, &err), &err);
	Slice piece = buf_slice(&text);
	int64_t rows[8] = {0};
	int batches = 0;
	bool full = true;
	while (full || piece.len > 0) {
		ok(line_parser_add(parser, &piece, true, &err), &err);
		full = line_parser_full(parser);
		for (LineBatch taken = {.batch = NULL};;) {
			ok(line_parser_take(parser, &taken, &err), &err);
			if (taken.batch == NULL)
				break;
			assert_true(batch_bytes(taken.batch) < 2 * LINE_BATCH_BYTES);
			rows[batches++] = batch_rows(taken.batch);
			batch_unref(taken.batch);
		}
	}
	assert_int_equal(batches, 2);
	assert_int_equal(rows[0], 20000);
	assert_int_equal(rows[1], 2);
	line_parser_free(parser);
}

static void
columns_of_a_measurement_are_bounded(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf text = BUF_INIT, out = BUF_INIT;
	Error err = ERROR_INIT;
	buf_add_text(&text, "m f=1");
	for (int i = 0; i < LINE_COLUMNS; i++)
		buf_add_printf(&text, ",c%d=1", i);
	ok(read_in_pieces(LINE_NS, (const char *)text.data, text.len, text.len, &out, &err), &err);
	text_equal(&out, "!1 a measurement has at most 1000 columns here, and all of a body 100000\n");
}

static void
many_rows_come_in_batches(void **state)
{
	(void)state;
	LineOptions options = {.precision = LINE_NS};
	LineParser *parser = NULL;
	Error err = ERROR_INIT;
	SCOPED(buf_close) Buf text = BUF_INIT;
	enum { ROWS = 400000 };
	for (int i = 0; i < ROWS; i++)
		buf_add_printf(&text, "m,h=host%d f=%d,g=\"%d\" %d\n", i % 100, i, i, i + 1);
	ok(line_parser_new(&options, &parser, &err), &err);
	Slice piece = buf_slice(&text);
	int64_t rows = 0, sum = 0;
	int batches = 0;
	bool full = true;
	while (full || piece.len > 0) {
		ok(line_parser_add(parser, &piece, true, &err), &err);
		full = line_parser_full(parser);
		for (LineBatch taken = {.batch = NULL};; batches++) {
			ok(line_parser_take(parser, &taken, &err), &err);
			if (taken.batch == NULL)
				break;
			is_valid(taken.batch);
			const int64_t *times = (const void *)batch_column(taken.batch, 0)->values.data;
			for (int64_t i = 0; i < batch_rows(taken.batch); i++)
				sum += times[i];
			rows += batch_rows(taken.batch);
			batch_unref(taken.batch);
		}
	}
	assert_int_equal(rows, ROWS);
	assert_true(sum == (int64_t)ROWS * (ROWS + 1) / 2);
	assert_true(batches > 1);
	line_parser_free(parser);
}

static void
short_memory_is_told_and_nothing_is_left(void **state)
{
	(void)state;
	const char *text =
		"m,h=a\\ b f=1,g=\"x\\\"\" 1\nthere,host=b load=1,n=1i 2\nbad\nm,k=c f=2,b=t 3\n";
	Error err = ERROR_INIT;
	FAULT_LOOP(st, st = read_in_pieces(LINE_NS, text, strlen(text), 11, NULL, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_becomes_a_row),
		cmocka_unit_test(an_empty_body_has_no_rows),
		cmocka_unit_test(line_ends_are_lf_or_crlf),
		cmocka_unit_test(a_line_without_time_has_that_of_its_arrival),
		cmocka_unit_test(escapes_take_the_meaning),
		cmocka_unit_test(a_text_may_hold_line_breaks),
		cmocka_unit_test(a_quote_elsewhere_is_a_letter),
		cmocka_unit_test(every_form_of_value_is_read),
		cmocka_unit_test(times_are_of_the_precision_asked_for),
		cmocka_unit_test(names_of_precisions_are_those_of_all_apis),
		cmocka_unit_test(what_is_no_line_is_told),
		cmocka_unit_test(good_lines_are_kept),
		cmocka_unit_test(a_bad_line_settles_no_type),
		cmocka_unit_test(tag_sets_and_fields_may_differ_from_line_to_line),
		cmocka_unit_test(a_table_that_is_there_says_its_types),
		cmocka_unit_test(what_is_no_fault_of_a_line_ends_it_all),
		cmocka_unit_test(a_line_has_a_most_of_bytes),
		cmocka_unit_test(the_first_errors_are_told_and_all_are_counted),
		cmocka_unit_test(memory_is_bounded_whatever_the_lines_say),
		cmocka_unit_test(columns_of_a_measurement_are_bounded),
		cmocka_unit_test(many_rows_come_in_batches),
		cmocka_unit_test(short_memory_is_told_and_nothing_is_left),
	};
	return RUN(tests);
}
