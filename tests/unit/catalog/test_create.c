// How a schema becomes a table.

#include "support.h"

static void
refuses(Schema *schema, const char *tags, Status code, const char *part)
{
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(create(schema, tags, &def, &err), code);
	says(&err, part);
	assert_null(def);
}

static void
roles(Schema *schema, const char *tags, const char *expected)
{
	TableDef *def = table_of(schema, tags);
	roles_are(def, expected);
	table_def_unref(def);
}

// ---- time ----

static void
the_usual_name_is_time_before_any_other_timestamp(void **state)
{
	(void)state;
	roles(SCHEMA(field_of("at", TYPE_TIMESTAMP), field_of("ts", TYPE_TIMESTAMP),
				 field_of("time", TYPE_TIMESTAMP)),
		  NULL, "at:field ts:field time:time");
	roles(SCHEMA(field_of("at", TYPE_TIMESTAMP), field_of("timestamp", TYPE_TIMESTAMP),
				 field_of("ts", TYPE_TIMESTAMP)),
		  NULL, "at:field timestamp:field ts:time");
	roles(SCHEMA(field_of("at", TYPE_TIMESTAMP), field_of("timestamp", TYPE_TIMESTAMP)), NULL,
		  "at:field timestamp:time");
}

static void
else_the_first_timestamp_is_time(void **state)
{
	(void)state;
	roles(SCHEMA(field_of("v", TYPE_INT64), field_of("begun", TYPE_TIMESTAMP),
				 field_of("ended", TYPE_TIMESTAMP)),
		  NULL, "v:field begun:time ended:field");
	// A usual name of another type is nothing.
	roles(SCHEMA(field_of("time", TYPE_INT64), field_of("x", TYPE_TIMESTAMP)), NULL,
		  "time:field x:time");
}

static void
a_table_without_timestamps_is_plain(void **state)
{
	(void)state;
	TableDef *def = table_of(SCHEMA(field_of("a", TYPE_UTF8), field_of("b", TYPE_INT64)), NULL);
	roles_are(def, "a:field b:field");
	assert_int_equal(table_kind(def), TABLE_PLAIN);
	assert_int_equal(table_time_column(def), -1);
	table_def_unref(def);
	refuses(SCHEMA(field_of("a", TYPE_UTF8)), "a", ST_INVALID, "no column of a timestamp type");
	roles(SCHEMA(field_of("a", TYPE_UTF8)), "", "a:field");
}

static TableRequest
request_of(Schema *schema)
{
	return (TableRequest){.database = "mobius", .name = "t", .schema = schema};
}

static void
time_can_be_asked_for(void **state)
{
	(void)state;
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("at", TYPE_TIMESTAMP),
							field_of("n", TYPE_INT64));
	TableRequest request = request_of(schema);
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	request.time = "at";
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	roles_are(def, "time:field at:time n:field");
	assert_false(schema_field(table_schema(def), 1)->nullable);
	assert_true(schema_field(table_schema(def), 0)->nullable);
	table_def_unref(def);

	request.time = "n";
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
	says(&err, "\"n\" must be a timestamp and is int64");
	request.time = "none";
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
	says(&err, "\"none\" is not among the columns");
}

// ---- tags ----

static void
dictionary_columns_are_tags_if_there_are_any(void **state)
{
	(void)state;
	roles(SCHEMA(field_of("time", TYPE_TIMESTAMP), dictionary_of("host", TYPE_UTF8),
				 field_of("note", TYPE_UTF8), dictionary_of("rack", TYPE_INT16),
				 dictionary_of("v", TYPE_FLOAT64)),
		  NULL, "time:time host:tag note:field rack:tag v:field");
}

static void
else_text_columns_are_tags(void **state)
{
	(void)state;
	roles(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8),
				 field_of("region", TYPE_LARGE_UTF8), field_of("rack", TYPE_UTF8_VIEW),
				 field_of("raw", TYPE_BINARY), field_of("n", TYPE_INT32)),
		  NULL, "time:time host:tag region:tag rack:tag raw:field n:field");
}

static void
a_list_of_tags_is_exhaustive(void **state)
{
	(void)state;
	roles(SCHEMA(field_of("time", TYPE_TIMESTAMP), dictionary_of("a", TYPE_UTF8),
				 field_of("b", TYPE_INT64), field_of("c", TYPE_DATE32), field_of("d", TYPE_UTF8)),
		  " b ,c,", "time:time a:field b:tag c:tag d:field");
	roles(SCHEMA(field_of("time", TYPE_TIMESTAMP), dictionary_of("a", TYPE_UTF8)), "",
		  "time:time a:field");
	refuses(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("a", TYPE_UTF8)), "a, x", ST_INVALID,
			"tag \"x\" is not among the columns");
	refuses(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("a", TYPE_UTF8)), "time", ST_INVALID,
			"\"time\" is the time column");
	refuses(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("a", TYPE_FLOAT64)), "a", ST_INVALID,
			"\"a\" cannot be a tag");
}

static void
marks_name_tags_whatever_their_names(void **state)
{
	(void)state;
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("a,b", TYPE_UTF8),
							field_of("c", TYPE_UTF8));
	TableRequest request = request_of(schema);
	request.tag_marks = (bool[]){false, true, false};
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	roles_are(def, "time:time a,b:tag c:field");
	assert_int_equal(table_tag_count(def), 1);
	assert_int_equal(table_tag_column(def, 0), 1);
	table_def_unref(def);
}

// ---- names ----

static void
names_are_checked(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "_", "A1", "_9z", "rtdb"};
	static const char *const bad[] = {"", "1a", "a-b", "a b", "\xc3\xa9t\xc3\xa9", "a.b"};
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(good); i++)
		ok(name_check("table", good[i], &err), &err);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(name_check("table", bad[i], &err), ST_INVALID);
		says(&err, "table name");
	}
	char name[130];
	memset(name, 'a', sizeof(name));
	name[127] = '\0';
	ok(name_check("task", name, &err), &err);
	name[127] = 'a';
	name[128] = '\0';
	assert_int_equal(name_check("task", name, &err), ST_INVALID);
	ok(database_name_check("mobius", &err), &err);
	assert_int_equal(database_name_check("rtdb", &err), ST_INVALID);
	assert_int_equal(database_name_check("System", &err), ST_INVALID);
	says(&err, "reserved");
}

static void
column_names_are_checked(void **state)
{
	(void)state;
	char name[258];
	memset(name, 'x', sizeof(name));
	name[255] = '\0';
	roles(SCHEMA(field_of(name, TYPE_INT64)), "", strcat(strcpy((char[300]){0}, name), ":field"));
	name[255] = 'x';
	name[256] = '\0';
	refuses(SCHEMA(field_of(name, TYPE_INT64)), NULL, ST_INVALID, "has 256 bytes");
	refuses(SCHEMA(field_of("", TYPE_INT64)), NULL, ST_INVALID, "has 0 bytes");
	refuses(SCHEMA(field_of("a\tb", TYPE_INT64)), NULL, ST_INVALID, "control character");
	refuses(SCHEMA(field_of("a\xc2\x85", TYPE_INT64)), NULL, ST_INVALID, "control character");
	roles(SCHEMA(field_of("\xc2\xb0"
						  "C and \"more\"",
						  TYPE_INT64)),
		  NULL,
		  "\xc2\xb0"
		  "C and \"more\":field");
}

static void
names_that_differ_in_case_only_are_refused(void **state)
{
	(void)state;
	refuses(SCHEMA(field_of("Temp", TYPE_INT64), field_of("v", TYPE_INT64),
				   field_of("temp", TYPE_INT64)),
			NULL, ST_INVALID, "\"Temp\" and \"temp\" differ at most in case");
	refuses(SCHEMA(field_of("a", TYPE_INT64), field_of("a", TYPE_INT64)), NULL, ST_INVALID,
			"differ at most in case");
}

static void
the_name_of_the_table_is_checked(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("a", TYPE_INT64));
	TableRequest request = request_of(schema);
	request.name = "no good";
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
	says(&err, "no good");
}

// ---- types and sizes ----

static void
types_become_those_of_tables(void **state)
{
	(void)state;
	TableDef *def =
		table_of(SCHEMA(field_of("a", TYPE_LARGE_UTF8), field_of("b", TYPE_FIXED_BINARY),
						field_of("c", TYPE_FLOAT16), field_of("d", TYPE_DATE64)),
				 NULL);
	static const TypeId types[] = {TYPE_UTF8, TYPE_BINARY, TYPE_FLOAT32, TYPE_DATE32};
	for (int32_t i = 0; i < 4; i++)
		assert_int_equal(schema_field(table_schema(def), i)->type.id, types[i]);
	table_def_unref(def);
	refuses(SCHEMA(field_of("refused", TYPE_INT64)), NULL, ST_UNIMPLEMENTED, "is refused");
}

static Schema *
wide_schema(int32_t count)
{
	Field *fields = calloc((size_t)count, sizeof(*fields));
	char(*names)[16] = calloc((size_t)count, sizeof(*names));
	for (int32_t i = 0; i < count; i++) {
		snprintf(names[i], sizeof(names[i]), "c%d", (int)i);
		fields[i] = field_of(names[i], TYPE_INT8);
	}
	Schema *schema = schema_from(fields, count);
	free(fields);
	free(names);
	return schema;
}

// What is created can be read back, so there is a limit.
static void
a_table_is_as_wide_as_can_be_read_back(void **state)
{
	(void)state;
	TableDef *def = table_of(wide_schema(4096), NULL), *again = NULL;
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	ok(table_def_decode(buf_slice(&bytes), &again, &err), &err);
	table_def_unref(again);
	buf_close(&bytes);

	refuses(wide_schema(4097), NULL, ST_LIMIT, "4097 columns");
	SCOPED(schema_drop) Schema *more = SCHEMA(field_of("one_more", TYPE_INT64));
	assert_int_equal(table_def_grow(def, more, NULL, any_field, &again, &err), ST_LIMIT);
	says(&err, "4097 columns");
	table_def_unref(def);
	refuses(schema_from(NULL, 0), NULL, ST_INVALID, "at least one column");
}

static void
a_type_is_as_deep_as_can_be_read_back(void **state)
{
	(void)state;
	for (int levels = 31; levels <= 33; levels++) {
		Field fields[40];
		fields[0] = field_of("item", TYPE_INT64);
		for (int i = 1; i < levels; i++) {
			fields[i] = field_of(i == levels - 1 ? "deep" : "item", TYPE_LIST);
			fields[i].children = &fields[i - 1];
			fields[i].child_count = 1;
		}
		Schema *schema = schema_from(&fields[levels - 1], 1);
		if (levels == 33) {
			refuses(schema, NULL, ST_LIMIT, "33 levels");
			continue;
		}
		TableDef *def = table_of(schema, NULL), *again = NULL;
		Buf bytes = BUF_INIT;
		Error err = ERROR_INIT;
		ok(table_def_encode(def, &bytes, &err), &err);
		ok(table_def_decode(buf_slice(&bytes), &again, &err), &err);
		buf_close(&bytes);
		table_def_unref(def);
		table_def_unref(again);
	}
}

static Field
fixed_list_of(const char *name, int32_t width, Field *item)
{
	Field field = field_of(name, TYPE_FIXED_LIST);
	field.type.width = width;
	field.children = item;
	field.child_count = 1;
	return field;
}

static void
a_row_of_a_column_has_a_bounded_number_of_values(void **state)
{
	(void)state;
	const char *told = "column \"v\" would have more than 100000 values in each row";
	Field number = field_of("item", TYPE_INT32);
	Field inner = fixed_list_of("item", 1000, &number);
	TableDef *def = table_of(SCHEMA(fixed_list_of("v", 100, &inner)), NULL);
	refuses(SCHEMA(fixed_list_of("v", 101, &inner)), NULL, ST_LIMIT, told);
	inner.type.width = 70000;
	refuses(SCHEMA(fixed_list_of("v", 70000, &inner)), NULL, ST_LIMIT, told);

	inner.type.width = 60000; // both together
	Field parts[] = {inner, inner};
	parts[0].name = "a";
	parts[1].name = "b";
	Field both = field_of("v", TYPE_STRUCT);
	both.children = parts;
	both.child_count = 2;
	refuses(SCHEMA(both), NULL, ST_LIMIT, told);
	both.child_count = 1;
	Field list = field_of("v", TYPE_LIST), pair = fixed_list_of("item", 2, &both);
	list.children = &pair;
	list.child_count = 1;
	refuses(SCHEMA(list), NULL, ST_LIMIT, told);
	list.children = &both;
	table_def_unref(table_of(SCHEMA(list), NULL));

	// Who comes later is no better.
	TableDef *wider = NULL;
	Error err = ERROR_INIT;
	Field late = fixed_list_of("late", 2, &inner);
	assert_int_equal(table_def_add_column(def, &late, false, any_field, &wider, &err), ST_LIMIT);
	says(&err, "column \"late\"");
	SCOPED(schema_drop) Schema *more = SCHEMA(late);
	assert_int_equal(table_def_grow(def, more, NULL, any_field, &wider, &err), ST_LIMIT);
	says(&err, "column \"late\"");
	table_def_unref(def);
}

// ---- options ----

static void
options_are_taken_or_named(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("a", TYPE_INT64));
	TableRequest request = request_of(schema);
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	request.durability = "async";
	request.dedup = request.ttl = "none";
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	assert_false(table_durable(def));
	table_def_unref(def);

	request.durability = "sometimes";
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
	says(&err, "sometimes");
}

static void
rows_are_replaced_by_key_where_there_is_a_time(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *timed = SCHEMA(field_of("ts", TYPE_TIMESTAMP));
	SCOPED(schema_drop) Schema *plain = SCHEMA(field_of("a", TYPE_INT64));
	SCOPED(table_def_drop) TableDef *def = NULL, *next = NULL, *again = NULL;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	TableRequest request = request_of(timed);
	request.dedup = "first";
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
	says(&err, "dedup is last or none");
	request.dedup = "last";
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	assert_true(table_replaces(def));
	ok(table_def_set_options(def, &(TableOptions){.ttl = "1d"}, &next, &err), &err);
	assert_true(table_replaces(next));
	ok(table_def_encode(next, &bytes, &err), &err);
	ok(table_def_decode(buf_slice(&bytes), &again, &err), &err);
	assert_true(table_replaces(again));
	request = request_of(plain);
	request.dedup = "last";
	TableDef *none = NULL;
	assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &none, &err), ST_INVALID);
	says(&err, "leave it out");
}

static void
a_key_makes_a_table_of_entities(void **state)
{
	(void)state;
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("ts", TYPE_TIMESTAMP), field_of("name", TYPE_UTF8),
							field_of("id", TYPE_INT16));
	SCOPED(table_def_drop) TableDef *def = NULL, *again = NULL;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	TableRequest request = request_of(schema);
	request.key = "id";
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	roles_are(def, "ts:field name:field id:key");
	assert_int_equal(table_kind(def), TABLE_ENTITY);
	assert_true(table_replaces(def));
	assert_int_equal(table_time_column(def), -1);
	assert_int_equal(table_key_column(def), 2);
	assert_int_equal(table_order_column(def), 2);
	assert_int_equal(table_order_unit_ns(def), 1);
	assert_int_equal(schema_field(table_schema(def), 2)->type.id, TYPE_INT64);
	ok(table_def_encode(def, &bytes, &err), &err);
	ok(table_def_decode(buf_slice(&bytes), &again, &err), &err);
	roles_are(again, "ts:field name:field id:key");

	table_def_unref(TAKE(def));
	request.key = "number";
	ok(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), &err);
	roles_are(def, "number:key ts:field name:field id:field");
}

static void
a_key_that_cannot_be_is_refused(void **state)
{
	(void)state;
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("ts", TYPE_TIMESTAMP), field_of("name", TYPE_UTF8),
							field_of("n", TYPE_UINT8));
	static const struct {
		const char *key, *time, *tags, *dedup, *ttl, *error;
	} cases[] = {
		{"name", NULL, NULL, NULL, NULL, "signed integer"},
		{"n", NULL, NULL, NULL, NULL, "signed integer"},
		{"Name", NULL, NULL, NULL, NULL, "case"},
		{"", NULL, NULL, NULL, NULL, "name"},
		{"id", "ts", NULL, NULL, NULL, "leave time out"},
		{"id", NULL, "name", NULL, NULL, "leave tags out"},
		{"id", NULL, NULL, "none", NULL, "leave dedup out"},
		{"id", NULL, "", "last", "1d", "ttl"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		TableDef *def = NULL;
		Error err = ERROR_INIT;
		TableRequest request = request_of(schema);
		request.key = cases[i].key;
		request.time = cases[i].time;
		request.tags = cases[i].tags;
		request.dedup = cases[i].dedup;
		request.ttl = cases[i].ttl;
		assert_int_equal(table_def_create(&request, NULL, 1, 0, any_field, &def, &err), ST_INVALID);
		says(&err, cases[i].error);
	}
}

static void
creation_undoes_itself(const char *key)
{
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8));
	TableRequest request = request_of(schema);
	request.key = key;
	long live = mem_live();
	for (long nth = 0;; nth++) {
		TableDef *def = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = table_def_create(&request, NULL, 1, 0, any_field, &def, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		table_def_unref(def);
		assert_int_equal(mem_live(), live);
		if (!failed)
			break;
	}
}

static void
creation_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	creation_undoes_itself(NULL);
	creation_undoes_itself("id");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_usual_name_is_time_before_any_other_timestamp),
		cmocka_unit_test(else_the_first_timestamp_is_time),
		cmocka_unit_test(a_table_without_timestamps_is_plain),
		cmocka_unit_test(time_can_be_asked_for),
		cmocka_unit_test(dictionary_columns_are_tags_if_there_are_any),
		cmocka_unit_test(else_text_columns_are_tags),
		cmocka_unit_test(a_list_of_tags_is_exhaustive),
		cmocka_unit_test(marks_name_tags_whatever_their_names),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(column_names_are_checked),
		cmocka_unit_test(names_that_differ_in_case_only_are_refused),
		cmocka_unit_test(the_name_of_the_table_is_checked),
		cmocka_unit_test(types_become_those_of_tables),
		cmocka_unit_test(a_table_is_as_wide_as_can_be_read_back),
		cmocka_unit_test(a_type_is_as_deep_as_can_be_read_back),
		cmocka_unit_test(a_row_of_a_column_has_a_bounded_number_of_values),
		cmocka_unit_test(options_are_taken_or_named),
		cmocka_unit_test(rows_are_replaced_by_key_where_there_is_a_time),
		cmocka_unit_test(a_key_makes_a_table_of_entities),
		cmocka_unit_test(a_key_that_cannot_be_is_refused),
		cmocka_unit_test(creation_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
