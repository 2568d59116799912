// How a table grows.

#include "support.h"

static TableDef *
grown(TableDef *def, Schema *incoming, const char *tags)
{
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	ok(table_def_grow(def, incoming, tags, any_field, &next, &err), &err);
	schema_unref(incoming);
	return next;
}

static void
refuses(TableDef *def, Schema *incoming, const char *tags, const char *const *parts)
{
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(table_def_grow(def, incoming, tags, any_field, &next, &err), ST_INVALID);
	for (; *parts != NULL; parts++)
		says(&err, *parts);
	assert_null(next);
	schema_unref(incoming);
}
#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static TableDef *
host_table(void)
{
	return table_of(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8),
						   field_of("v", TYPE_INT32)),
					NULL);
}

static void
what_fits_changes_nothing(void **state)
{
	(void)state;
	TableDef *def = host_table();
	TableDef *same =
		grown(def, SCHEMA(field_of("v", TYPE_INT8), field_of("time", TYPE_TIMESTAMP)), NULL);
	assert_ptr_equal(same, def);
	table_def_unref(same);
	// A column of NULLs fits any.
	same =
		grown(def, SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_NULL)), "host");
	assert_ptr_equal(same, def);
	table_def_unref(same);
	table_def_unref(def);
}

static void
new_columns_are_fields_unless_named_as_tags(void **state)
{
	(void)state;
	TableDef *def = host_table();
	TableDef *next = grown(def,
						   SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("note", TYPE_UTF8),
								  field_of("rack", TYPE_INT16)),
						   "host, rack");
	roles_are(next, "time:time host:tag v:field note:field rack:tag");
	assert_int_equal(table_version(next), 2);
	assert_int_equal(table_id(next), table_id(def));
	for (int32_t i = 0; i < 5; i++)
		assert_int_equal(table_column_id(next, i), i + 1);
	assert_int_equal(table_column_by_id(next, 5), 4);
	assert_int_equal(table_column_by_id(next, 6), -1);
	// What the table has keeps its role, whatever a message says.
	TableDef *last =
		grown(next, SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("x", TYPE_UTF8)), "");
	roles_are(last, "time:time host:tag v:field note:field rack:tag x:field");
	assert_int_equal(table_column_id(last, 5), 6);
	table_def_unref(def);
	table_def_unref(next);
	table_def_unref(last);
}

static void
tags_that_are_told_otherwise_are_refused(void **state)
{
	(void)state;
	TableDef *def = host_table();
#define SENT                                                                                       \
	SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8), field_of("v", TYPE_INT32))
	TableDef *same = grown(def, SENT, "host");
	assert_ptr_equal(same, def);
	table_def_unref(same);
	refuses(def, SENT, "", PARTS("\"host\" is a tag", "does not name it", "leave mobius.tags out"));
	refuses(def, SENT, "host, v", PARTS("\"v\" is a field", "names it", "new table"));
	refuses(def, SENT, "nothing", PARTS("nothing"));
	// A tag that is not sent need not be named, and may be.
	Field only = field_of("time", TYPE_TIMESTAMP);
	for (int i = 0; i < 2; i++) {
		same = grown(def, schema_from(&only, 1), i == 0 ? "" : "host");
		assert_ptr_equal(same, def);
		table_def_unref(same);
	}
	table_def_unref(def);
}

// ---- what else a put says of its table ----

static void
asks_in_vain(const TableDef *def, TableRequest asked, const char *const *parts)
{
	Error err = ERROR_INIT;
	assert_int_equal(table_def_check_asked(def, &asked, &err), ST_INVALID);
	for (; *parts != NULL; parts++)
		says(&err, *parts);
}

static void
asks_for_what_is(const TableDef *def, TableRequest asked)
{
	Error err = ERROR_INIT;
	ok(table_def_check_asked(def, &asked, &err), &err);
}

static void
a_table_is_what_a_put_asks_for_or_says_why_not(void **state)
{
	(void)state;
	TableDef *def = host_table();
	asks_for_what_is(def,
					 (TableRequest){.time = "time", .dedup = "none", .ttl = "none", .key = ""});
	asks_in_vain(def, (TableRequest){.dedup = "last"},
				 PARTS("dedup = none", "\"last\"", "new table"));
	asks_in_vain(def, (TableRequest){.dedup = "first"}, PARTS("last or none"));
	asks_in_vain(def, (TableRequest){.ttl = "30d"}, PARTS("ttl = none", "\"30d\"", "ALTER TABLE"));
	asks_in_vain(def, (TableRequest){.time = "v"}, PARTS("time column \"time\"", "\"v\""));
	asks_in_vain(def, (TableRequest){.time = ""},
				 PARTS("time column \"time\"", "leave mobius.time"));
	asks_in_vain(def, (TableRequest){.key = "id"}, PARTS("no key column", "\"id\""));
	TableDef *kept = NULL;
	Error err = ERROR_INIT;
	ok(table_def_set_options(def, &(TableOptions){.ttl = "30d"}, &kept, &err), &err);
	asks_for_what_is(kept, (TableRequest){.ttl = "720h"});
	asks_in_vain(kept, (TableRequest){.ttl = "none"}, PARTS("ttl = 30d", "SET (ttl = 'none')"));
	table_def_unref(kept);
	table_def_unref(def);
}

static void
a_plain_table_gets_no_tags(void **state)
{
	(void)state;
	TableDef *def = table_of(SCHEMA(field_of("a", TYPE_INT64)), NULL);
	refuses(def, SCHEMA(field_of("b", TYPE_UTF8)), "b", PARTS("\"b\"", "no time series"));
	TableDef *next = grown(def, SCHEMA(field_of("b", TYPE_UTF8)), NULL);
	roles_are(next, "a:field b:field");
	table_def_unref(next);
	table_def_unref(def);
}

static void
time_must_be_there(void **state)
{
	(void)state;
	TableDef *def = host_table();
	refuses(def, SCHEMA(field_of("host", TYPE_UTF8)), NULL,
			PARTS("time column \"time\"", "\"t\"", "missing"));
	refuses(def, SCHEMA(field_of("time", TYPE_INT64)), NULL,
			PARTS("\"time\"", "timestamp[ns]", "int64"));
	table_def_unref(def);
}

static void
names_are_checked(void **state)
{
	(void)state;
	TableDef *def = host_table();
	Field time = field_of("time", TYPE_TIMESTAMP);
	refuses(def, SCHEMA(time, field_of("x", TYPE_INT8), field_of("x", TYPE_INT8)), NULL,
			PARTS("\"x\" comes twice"));
	refuses(def, SCHEMA(time, field_of("Host", TYPE_UTF8)), NULL,
			PARTS("\"Host\" differs only in case from \"host\""));
	refuses(def, SCHEMA(time, field_of("new", TYPE_UTF8), field_of("New", TYPE_UTF8)), NULL,
			PARTS("\"New\"", "\"new\""));
	refuses(def, SCHEMA(time, field_of("a\nb", TYPE_UTF8)), NULL, PARTS("control character"));
	refuses(def, SCHEMA(time, field_of("x", TYPE_UTF8)), "y", PARTS("tag \"y\""));
	refuses(def, SCHEMA(time, field_of("x", TYPE_FLOAT64)), "x", PARTS("\"x\" cannot be a tag"));
	table_def_unref(def);
}

// ---- widening ----

static Field
of_unit(TypeId id, TimeUnit unit, const char *zone)
{
	Field field = field_of("x", id);
	field.type.unit = unit;
	field.type.zone = zone;
	return field;
}

static Field
decimal_of(int32_t precision, int32_t scale)
{
	Field field = field_of("x", TYPE_DECIMAL128);
	field.type.precision = precision;
	field.type.scale = scale;
	return field;
}

// A table of x that holds `from` becomes one of `to`, and then takes `from` as it is.
static void
widens(Field from, Field to)
{
	TableDef *def = table_of(SCHEMA(from), "");
	TableDef *next = grown(def, SCHEMA(to), NULL);
	assert_true(field_equal(schema_field(table_schema(next), 0), &to, false));
	assert_int_equal(table_version(next), 2);
	assert_int_equal(table_column_id(next, 0), 1);
	TableDef *same = grown(next, SCHEMA(from), NULL);
	assert_ptr_equal(same, next);
	table_def_unref(same);
	table_def_unref(next);
	table_def_unref(def);
}

static void
every_allowed_pair_widens(void **state)
{
	(void)state;
	static const TypeId families[][4] = {
		{TYPE_INT8, TYPE_INT16, TYPE_INT32, TYPE_INT64},
		{TYPE_UINT8, TYPE_UINT16, TYPE_UINT32, TYPE_UINT64},
		{TYPE_FLOAT32, TYPE_FLOAT64},
	};
	for (size_t f = 0; f < COUNT_OF(families); f++)
		for (int from = 0; from < 4; from++)
			for (int to = from + 1; to < 4 && families[f][to] != TYPE_NULL; to++)
				widens(field_of("x", families[f][from]), field_of("x", families[f][to]));
	for (TimeUnit from = UNIT_S; from <= UNIT_NS; from++) {
		for (TimeUnit to = from + 1; to <= UNIT_NS; to++) {
			widens(of_unit(TYPE_TIMESTAMP, from, NULL), of_unit(TYPE_TIMESTAMP, to, NULL));
			widens(of_unit(TYPE_TIMESTAMP, from, "UTC"), of_unit(TYPE_TIMESTAMP, to, "UTC"));
			widens(of_unit(TYPE_DURATION, from, NULL), of_unit(TYPE_DURATION, to, NULL));
		}
	}
	widens(of_unit(TYPE_TIME64, UNIT_US, NULL), of_unit(TYPE_TIME64, UNIT_NS, NULL));
	widens(decimal_of(10, 2), decimal_of(38, 2));
	widens(field_of("x", TYPE_NULL), field_of("x", TYPE_UTF8));
}

static void
never_across_families(void **state)
{
	(void)state;
	struct {
		Field have, sent;
		const char *names[2];
	} pairs[] = {
		{field_of("x", TYPE_INT64), field_of("x", TYPE_FLOAT64), {"int64", "double"}},
		{field_of("x", TYPE_INT8), field_of("x", TYPE_UINT8), {"int8", "uint8"}},
		{field_of("x", TYPE_UTF8), field_of("x", TYPE_INT64), {"string", "int64"}},
		{field_of("x", TYPE_UTF8), field_of("x", TYPE_BINARY), {"string", "binary"}},
		{field_of("x", TYPE_BOOL), field_of("x", TYPE_INT8), {"bool", "int8"}},
		{decimal_of(10, 2), decimal_of(12, 3), {"decimal128(10, 2)", "decimal128(12, 3)"}},
		{of_unit(TYPE_TIMESTAMP, UNIT_S, NULL),
		 of_unit(TYPE_TIMESTAMP, UNIT_S, "UTC"),
		 {"timestamp[s]", "timestamp[s, tz=UTC]"}},
		{field_of("x", TYPE_DATE32), field_of("x", TYPE_TIMESTAMP), {"date32", "timestamp[ns]"}},
	};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		TableDef *def = table_of(SCHEMA(pairs[i].have), "");
		bool time = table_time_column(def) >= 0;
		refuses(def, SCHEMA(pairs[i].sent), NULL,
				PARTS("\"x\"", pairs[i].names[0], pairs[i].names[1]));
		assert_int_equal(time, pairs[i].have.type.id == TYPE_TIMESTAMP);
		table_def_unref(def);
	}
}

static void
nested_columns_widen_by_their_parts(void **state)
{
	(void)state;
	Field narrow = field_of("item", TYPE_INT16), wide = field_of("item", TYPE_INT64);
	Field text = field_of("item", TYPE_UTF8);
	Field have = field_of("x", TYPE_LIST), sent = have, other = have;
	have.child_count = sent.child_count = other.child_count = 1;
	have.children = &narrow;
	sent.children = &wide;
	other.children = &text;
	widens(have, sent);
	TableDef *def = table_of(SCHEMA(have), "");
	refuses(def, SCHEMA(other), NULL, PARTS("\"x\"", "list<item: int16>", "list<item: string>"));
	table_def_unref(def);
}

static void
a_tag_widens_and_stays_a_tag(void **state)
{
	(void)state;
	TableDef *def =
		table_of(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("rack", TYPE_INT16)), "rack");
	TableDef *next =
		grown(def, SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("rack", TYPE_INT64)), NULL);
	roles_are(next, "time:time rack:tag");
	assert_int_equal(schema_field(table_schema(next), 1)->type.id, TYPE_INT64);
	table_def_unref(next);
	table_def_unref(def);
}

static void
growth_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	TableDef *def = host_table();
	SCOPED(schema_drop)
	Schema *incoming = SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("v", TYPE_INT64),
							  field_of("rack", TYPE_UTF8));
	long live = mem_live();
	for (long nth = 0;; nth++) {
		TableDef *next = NULL;
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = table_def_grow(def, incoming, "rack", any_field, &next, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		table_def_unref(next);
		assert_int_equal(mem_live(), live);
		if (!failed)
			break;
	}
	table_def_unref(def);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_changes_nothing),
		cmocka_unit_test(new_columns_are_fields_unless_named_as_tags),
		cmocka_unit_test(tags_that_are_told_otherwise_are_refused),
		cmocka_unit_test(a_table_is_what_a_put_asks_for_or_says_why_not),
		cmocka_unit_test(a_plain_table_gets_no_tags),
		cmocka_unit_test(time_must_be_there),
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(every_allowed_pair_widens),
		cmocka_unit_test(never_across_families),
		cmocka_unit_test(nested_columns_widen_by_their_parts),
		cmocka_unit_test(a_tag_widens_and_stays_a_tag),
		cmocka_unit_test(growth_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
