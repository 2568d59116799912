// What statements make of a table: its next version, or a reason why not.

#include "support.h"

static TableDef *
host_table(void)
{
	return table_of(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("host", TYPE_UTF8),
						   field_of("v", TYPE_INT32), field_of("w", TYPE_FLOAT64)),
					"host");
}

static Status
try_add(TableDef *def, Field column, bool tag, TableDef **out, Error *err)
{
	return table_def_add_column(def, &column, tag, any_field, out, err);
}

static void
refuses_add(TableDef *def, Field column, bool tag, Status status, const char *part)
{
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(try_add(def, column, tag, &next, &err), status);
	says(&err, part);
	assert_null(next);
}

// Ids of columns: "1 2 4".
static void
ids_are(const TableDef *def, const char *ids)
{
	Buf text = BUF_INIT;
	for (int32_t i = 0; i < table_column_count(def); i++)
		buf_add_printf(&text, "%s%u", i > 0 ? " " : "", table_column_id(def, i));
	assert_string_equal(buf_text(&text), ids);
	buf_close(&text);
}

static void
same_after_codec(const TableDef *def)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	SCOPED(table_def_drop) TableDef *again = NULL;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	ok(table_def_decode(buf_slice(&bytes), &again, &err), &err);
	defs_equal(def, again);
	assert_true(table_ttl_ns(again) == table_ttl_ns(def));
}

static void
columns_come_and_go_and_ids_are_never_used_again(void **state)
{
	(void)state;
	SCOPED(table_def_drop) TableDef *def = host_table();
	SCOPED(table_def_drop) TableDef *less = NULL, *more = NULL, *tagged = NULL, *renamed = NULL;
	Error err = ERROR_INIT;
	ok(table_def_drop_column(def, 3, &less, &err), &err);
	roles_are(less, "time:time host:tag v:field");
	ok(try_add(less, field_of("w", TYPE_UTF8), false, &more, &err), &err);
	roles_are(more, "time:time host:tag v:field w:field");
	ids_are(more, "1 2 3 5");
	ok(try_add(more, field_of("rack", TYPE_LARGE_UTF8), true, &tagged, &err), &err);
	roles_are(tagged, "time:time host:tag v:field w:field rack:tag");
	assert_int_equal(schema_field(table_schema(tagged), 4)->type.id, TYPE_UTF8);
	ids_are(tagged, "1 2 3 5 6");
	ok(table_def_rename_column(tagged, 0, "TIME", &renamed, &err), &err);
	roles_are(renamed, "TIME:time host:tag v:field w:field rack:tag");
	ids_are(renamed, "1 2 3 5 6");
	assert_int_equal(table_version(renamed), 5);
	assert_int_equal(table_column_by_id(renamed, 4), -1);
	assert_int_equal(table_time_column(renamed), 0);
	same_after_codec(renamed);
	// A put grows from there.
	SCOPED(schema_drop)
	Schema *sent = SCHEMA(field_of("TIME", TYPE_TIMESTAMP), field_of("x", TYPE_INT8));
	SCOPED(table_def_drop) TableDef *grown = NULL;
	ok(table_def_grow(renamed, sent, NULL, any_field, &grown, &err), &err);
	ids_are(grown, "1 2 3 5 6 7");
}

static void
what_would_break_a_table_is_refused(void **state)
{
	(void)state;
	SCOPED(table_def_drop) TableDef *def = host_table();
	SCOPED(table_def_drop) TableDef *plain = table_of(SCHEMA(field_of("a", TYPE_INT64)), NULL);
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	refuses_add(def, field_of("v", TYPE_INT8), false, ST_EXISTS, "\"v\" already");
	refuses_add(def, field_of("HOST", TYPE_INT8), false, ST_INVALID, "only in case from \"host\"");
	refuses_add(def, field_of("", TYPE_INT8), false, ST_INVALID, "0 bytes");
	refuses_add(def, field_of("a\tb", TYPE_INT8), false, ST_INVALID, "control character");
	refuses_add(def, field_of("x", TYPE_FLOAT64), true, ST_INVALID, "cannot be a tag");
	refuses_add(def, field_of("refused", TYPE_INT8), false, ST_UNIMPLEMENTED, "refused");
	refuses_add(plain, field_of("x", TYPE_UTF8), true, ST_INVALID, "no time series");
	assert_int_equal(table_def_drop_column(def, 0, &next, &err), ST_INVALID);
	says(&err, "time column");
	assert_int_equal(table_def_drop_column(def, 1, &next, &err), ST_INVALID);
	says(&err, "tag column");
	assert_int_equal(table_def_drop_column(plain, 0, &next, &err), ST_INVALID);
	says(&err, "drop the table");
	assert_int_equal(table_def_rename_column(def, 2, "w", &next, &err), ST_EXISTS);
	assert_int_equal(table_def_rename_column(def, 2, "W", &next, &err), ST_INVALID);
	assert_int_equal(table_def_rename_column(def, 2, "", &next, &err), ST_INVALID);
	assert_null(next);
	// But a column may change its own case.
	ok(table_def_rename_column(def, 2, "V", &next, &err), &err);
	table_def_unref(next);
}

static void
a_ttl_is_a_duration_of_a_table_with_time(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"1ns", 1},
				{"1h30m", INT64_C(5400000000000)},
				{"none", 0},
				{"30d", INT64_C(2592000000000000)}};
	static const char *const bad[] = {"0", "0d", "00", "-1d", "-", "", "1", "soon", "99999w", "1D"};
	SCOPED(table_def_drop) TableDef *def = host_table();
	SCOPED(table_def_drop) TableDef *plain = table_of(SCHEMA(field_of("a", TYPE_INT64)), NULL);
	Error err = ERROR_INIT;
	for (size_t i = 0; i < COUNT_OF(good); i++) {
		SCOPED(table_def_drop) TableDef *next = NULL;
		ok(table_def_set_options(def, &(TableOptions){.ttl = good[i].text}, &next, &err), &err);
		assert_true(table_ttl_ns(next) == good[i].ns);
		assert_true(table_durable(next));
		same_after_codec(next);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		TableDef *next = NULL;
		assert_int_equal(table_def_set_options(def, &(TableOptions){.ttl = bad[i]}, &next, &err),
						 ST_INVALID);
		says(&err, "ttl");
	}
	TableDef *next = NULL;
	assert_int_equal(table_def_set_options(plain, &(TableOptions){.ttl = "1d"}, &next, &err),
					 ST_INVALID);
	says(&err, "time column");
	assert_int_equal(
		table_def_set_options(def, &(TableOptions){.durability = "never"}, &next, &err),
		ST_INVALID);
	says(&err, "durable or async");
	ok(table_def_set_options(def, &(TableOptions){.durability = "async"}, &next, &err), &err);
	assert_false(table_durable(next));
	table_def_unref(next);
}

static void
definitions_of_older_formats_are_read(void **state)
{
	(void)state;
	SCOPED(table_def_drop) TableDef *def = host_table(), *again = NULL;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	// Format 2 is format 3 without the four bytes behind the ttl.
	memmove(bytes.data + 36, bytes.data + 40, bytes.len - 40);
	bytes.data[0] = 2;
	ok(table_def_decode(slice_of(bytes.data, bytes.len - 4), &again, &err), &err);
	defs_equal(def, again);
	table_def_unref(TAKE(again));
	// Format 1 is format 2 without the eight bytes behind the time of creation.
	memmove(bytes.data + 28, bytes.data + 36, bytes.len - 40);
	bytes.data[0] = 1;
	ok(table_def_decode(slice_of(bytes.data, bytes.len - 12), &again, &err), &err);
	defs_equal(def, again);
}

// ---- faults ----

static Status
alter_all(TableDef *def, Error *err)
{
	SCOPED(table_def_drop) TableDef *added = NULL, *renamed = NULL, *dropped = NULL, *set = NULL;
	TRY(try_add(def, field_of("x", TYPE_UTF8), true, &added, err));
	TRY(table_def_rename_column(added, 4, "y", &renamed, err));
	TRY(table_def_drop_column(renamed, 2, &dropped, err));
	return table_def_set_options(dropped, &(TableOptions){.ttl = "1d", .durability = "async"}, &set,
								 err);
}

static void
altering_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	SCOPED(table_def_drop) TableDef *def = host_table();
	long live = mem_live();
	for (long nth = 0;; nth++) {
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = alter_all(def, &err);
		bool hit = fault_disarm();
		assert_int_equal(mem_live(), live);
		assert_int_equal(st, hit ? ST_NO_MEMORY : ST_OK);
		if (!hit)
			break;
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_come_and_go_and_ids_are_never_used_again),
		cmocka_unit_test(what_would_break_a_table_is_refused),
		cmocka_unit_test(a_ttl_is_a_duration_of_a_table_with_time),
		cmocka_unit_test(definitions_of_older_formats_are_read),
		cmocka_unit_test(altering_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
