// Every type that tables keep, through memory and through files: what goes in comes out.

#include "samples.h"

static Fixture fx;

static int
open_fixture(void **state)
{
	(void)state;
	fx = (Fixture){0};
	fixture_open(&fx, true, 1);
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	fixture_close(&fx);
	return 0;
}

static void
same_text(const Field *field, Buf *want, Buf *have)
{
	if (strcmp(buf_text(want), buf_text(have)) == 0)
		return;
	Buf type = BUF_INIT;
	field_type_name(field, &type);
	fail_msg("%s: in went\n%s\nout came\n%s", buf_text(&type), buf_text(want), buf_text(have));
}

static void
values_pass_through_memory_unchanged(void **state)
{
	(void)state;
	FieldList list = {0};
	fields_of_every_type(&list);
	for (int i = 0; i < list.count; i++) {
		Schema *schema = schema_one(list.fields[i]);
		// Small batches, so that a vector is gathered from several.
		Batch *batches[5];
		Buf want = BUF_INIT;
		for (int b = 0; b < 5; b++) {
			batches[b] = sample_batch(schema, b * 70, 70);
			render_batch(batches[b], &want);
		}
		ScanSlot *slot = NULL;
		Error err = ERROR_INIT;
		ok(duck_slot_new(fx.duck, schema, 350, &slot, &err), &err);
		slot_set_batches(slot, batches, 5, NULL);
		char sql[128];
		SCAN_SQL(sql, slot, "SELECT c FROM mobius_scan(%llu)");
		Buf have = BUF_INIT;
		ok(query_text(fx.conn, sql, schema, &have, &err), &err);
		same_text(&list.fields[i], &want, &have);

		// Counting NULLs reads masks alone, of parents too.
		int64_t nulls = 0;
		for (int b = 0; b < 5; b++)
			nulls += batch_column(batches[b], 0)->null_count;
		char count[32];
		snprintf(count, sizeof(count), "%lld\n", (long long)nulls);
		SCAN_SQL(sql, slot, "SELECT count(*) FROM mobius_scan(%llu) WHERE c IS NULL");
		query_is(fx.conn, sql, list.fields[i].type.id == TYPE_NULL ? "350\n" : count);
		duck_slot_free(slot);
		buf_close(&want);
		buf_close(&have);
		schema_unref(schema);
	}
}

static void
values_pass_through_files_unchanged(void **state)
{
	(void)state;
	FieldList list = {0};
	fields_of_every_type(&list);
	for (int i = 0; i < list.count; i++) {
		Schema *schema = schema_one(list.fields[i]);
		Batch *batches[2] = {sample_batch(schema, 0, SAMPLE_ROWS),
							 sample_batch(schema, SAMPLE_ROWS, SAMPLE_ROWS)};
		Buf want = BUF_INIT;
		render_batch(batches[0], &want);
		render_batch(batches[1], &want);

		char path[128];
		snprintf(path, sizeof(path), "%st%d.parquet", fx.dir, i);
		ParquetFile file = {0};
		Error err = ERROR_INIT;
		ok(duck_write_parquet(fx.conn, schema, batches, 2, PARQUET_FEW_WORDS, path, &file, &err),
		   &err);
		uint64_t size = 0;
		ok(file_stat_size(path, &size, &err), &err);
		assert_int_equal(file.rows, 2 * SAMPLE_ROWS);
		assert_int_equal(file.bytes, size);
		assert_true(file.footer_bytes > 0 && file.footer_bytes < size);

		Buf sql = BUF_INIT;
		buf_add_text(&sql, "SELECT ");
		ok(duck_file_column(schema_field(schema, 0), schema_field(schema, 0), &sql, &err), &err);
		buf_add_printf(&sql, " AS c FROM read_parquet(['%s'])", path);
		Buf have = BUF_INIT;
		Status st = query_text(fx.conn, buf_text(&sql), schema, &have, &err);
		if (st != ST_OK)
			fail_msg("%s: %s", buf_text(&sql), err.text);
		same_text(&list.fields[i], &want, &have);

		for (int b = 0; b < 2; b++)
			batch_unref(batches[b]);
		buf_close(&want);
		buf_close(&have);
		buf_close(&sql);
		schema_unref(schema);
	}
}

static void
the_sql_type_is_the_one_the_scan_shows(void **state)
{
	(void)state;
	FieldList list = {0};
	fields_of_every_type(&list);
	for (int i = 0; i < list.count; i++) {
		Schema *schema = schema_one(list.fields[i]);
		ScanSlot *slot = NULL;
		Error err = ERROR_INIT;
		ok(duck_slot_new(fx.duck, schema, 0, &slot, &err), &err);
		Buf sql = BUF_INIT;
		buf_add_text(&sql, "SELECT typeof(c) = typeof(CAST(NULL AS ");
		ok(duck_sql_type(schema_field(schema, 0), &sql, &err), &err);
		buf_add_printf(&sql, ")) FROM (SELECT NULL) LEFT JOIN mobius_scan(%llu) ON true",
					   (unsigned long long)duck_slot_number(slot));
		query_is(fx.conn, buf_text(&sql), "true\n");
		buf_close(&sql);
		duck_slot_free(slot);
		schema_unref(schema);
	}
}

// ---- widening ----

typedef struct Wider {
	Type from;
	Type to;
} Wider;

static const Wider widenings[] = {
	{{.id = TYPE_NULL}, {.id = TYPE_INT16}},
	{{.id = TYPE_NULL}, {.id = TYPE_UTF8}},
	{{.id = TYPE_INT8}, {.id = TYPE_INT64}},
	{{.id = TYPE_UINT16}, {.id = TYPE_UINT32}},
	{{.id = TYPE_FLOAT32}, {.id = TYPE_FLOAT64}},
	{{.id = TYPE_DECIMAL128, .precision = 4, .scale = 2},
	 {.id = TYPE_DECIMAL128, .precision = 20, .scale = 2}},
	{{.id = TYPE_TIME64, .unit = UNIT_US}, {.id = TYPE_TIME64, .unit = UNIT_NS}},
	{{.id = TYPE_DURATION, .unit = UNIT_S}, {.id = TYPE_DURATION, .unit = UNIT_NS}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_S}, {.id = TYPE_TIMESTAMP, .unit = UNIT_MS}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_S}, {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_MS}, {.id = TYPE_TIMESTAMP, .unit = UNIT_US}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_US}, {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_S, .zone = "UTC"},
	 {.id = TYPE_TIMESTAMP, .unit = UNIT_MS, .zone = "UTC"}},
	{{.id = TYPE_TIMESTAMP, .unit = UNIT_MS, .zone = "UTC"},
	 {.id = TYPE_TIMESTAMP, .unit = UNIT_NS, .zone = "UTC"}},
};

// Small numbers that every unit holds.
static Batch *
small_batch(Schema *schema)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	ColumnBuilder *c = builder_column(builder, 0);
	for (int i = 0; i < 20; i++) {
		__int128 wide = i - 7;
		if (c->field->type.id == TYPE_NULL || i % 5 == 4)
			column_add_null(c);
		else if (c->field->type.id == TYPE_FLOAT32)
			column_add_double(c, i - 7);
		else if (c->field->type.id == TYPE_DECIMAL128)
			column_add_bytes(c, slice_of(&wide, 16));
		else
			column_add_int(c, c->field->type.id == TYPE_TIME64 ? i : i - 7);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static void
expect_wider(const Wider *wider, Buf *out)
{
	int64_t factor = 1;
	for (int unit = (int)wider->from.unit; unit < (int)wider->to.unit; unit++)
		factor *= 1000;
	for (int i = 0; i < 20; i++) {
		int64_t value = wider->from.id == TYPE_TIME64   ? i
						: wider->from.id == TYPE_UINT16 ? (uint16_t)(i - 7)
														: i - 7;
		if (wider->from.id == TYPE_NULL || i % 5 == 4)
			buf_add_text(out, "~\n");
		else if (wider->from.id == TYPE_DECIMAL128)
			buf_add_printf(out, "%016llx%016llx\n", (unsigned long long)(value >> 63),
						   (unsigned long long)value);
		else
			buf_add_printf(out, "%lld\n", (long long)(value * factor));
	}
}

static void
columns_of_older_types_are_widened(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(widenings); i++) {
		Schema *old = schema_one(field_as("c", widenings[i].from));
		Schema *now = schema_one(field_as("c", widenings[i].to));
		Batch *batch = small_batch(old);
		Buf want = BUF_INIT;
		Buf have = BUF_INIT;
		Error err = ERROR_INIT;
		expect_wider(&widenings[i], &want);

		char path[128];
		snprintf(path, sizeof(path), "%sw%zu.parquet", fx.dir, i);
		ParquetFile file = {0};
		ok(duck_write_parquet(fx.conn, old, &batch, 1, PARQUET_FEW_WORDS, path, &file, &err), &err);
		Buf sql = BUF_INIT;
		buf_add_text(&sql, "SELECT ");
		ok(duck_file_column(schema_field(old, 0), schema_field(now, 0), &sql, &err), &err);
		buf_add_printf(&sql, " AS c FROM read_parquet(['%s'])", path);
		ok(query_text(fx.conn, buf_text(&sql), now, &have, &err), &err);
		same_text(schema_field(now, 0), &want, &have);
		buf_reset(&have);

		ScanSlot *slot = NULL;
		ok(duck_slot_new(fx.duck, now, 20, &slot, &err), &err);
		slot_set_batches(slot, &batch, 1, NULL);
		char scan[128];
		SCAN_SQL(scan, slot, "SELECT c FROM mobius_scan(%llu)");
		ok(query_text(fx.conn, scan, now, &have, &err), &err);
		same_text(schema_field(now, 0), &want, &have);

		duck_slot_free(slot);
		buf_close(&sql);
		buf_close(&want);
		buf_close(&have);
		schema_unref(old);
		schema_unref(now);
	}
}

// ---- types as text ----

static void
types_are_read_as_users_write_them(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		const char *type; // as Arrow writes it
	} cases[] = {
		{"BIGINT", "int64"},
		{"int", "int32"},
		{"double precision", "double"},
		{"TEXT", "string"},
		{"varchar(20)", "string"},
		{"TIMESTAMP", "timestamp[us]"},
		{"TIMESTAMP(9)", "timestamp[ns]"},
		{"TIMESTAMP_S", "timestamp[s]"},
		{"timestamp with time zone", "timestamp[us, tz=UTC]"},
		{"DECIMAL(10,2)", "decimal128(10, 2)"},
		{"TIME", "time64[us]"},
		{"TIME_NS", "time64[ns]"},
		{"INTERVAL", "month_day_nano_interval"},
		{"BLOB", "binary"},
		{"BOOLEAN", "bool"},
		{"UUID", "string"},
		{"ENUM('a', 'b)')", "string"},
		{"JSON", "string"},
		{"FLOAT[3]", "fixed_size_list<item: float>[3]"},
		{"INTEGER[][]", "list<item: list<item: int32>>"},
		{"STRUCT(a INTEGER, \"b c\" VARCHAR)", "struct<a: int32, b c: string>"},
		{"MAP(VARCHAR, DOUBLE)", "map<string, double>"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		SCOPED(arena_close) Arena arena = ARENA_INIT;
		SCOPED(buf_close) Buf name = BUF_INIT;
		Field field = {0};
		Error err = ERROR_INIT;
		ok(duck_field_of_type(fx.conn, "c", cases[i].text, &field, &arena, &err), &err);
		field_type_name(&field, &name);
		assert_string_equal(buf_text(&name), cases[i].type);
		assert_string_equal(field.name, "c");
		assert_true(field.nullable);
		ok(duck_check_field(&field, &err), &err);
	}
	static const char *const bad[] = {"",
									  "NOSUCH",
									  "INTEGER) + (1",
									  "INTEGER), (SELECT 1",
									  "INTEGER) FROM range(3) --",
									  "INTEGER; DROP TABLE t",
									  "ENUM('a",
									  "HUGEINT",
									  "UHUGEINT",
									  "$1",
									  "INTEGER)",
									  "STRUCT(a INTEGER"};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		SCOPED(arena_close) Arena arena = ARENA_INIT;
		Field field = {0};
		Error err = ERROR_INIT;
		Status st = duck_field_of_type(fx.conn, "c", bad[i], &field, &arena, &err);
		if (st != ST_INVALID)
			fail_msg("'%s': %s", bad[i], status_name(st));
		says(&err, "column 'c'");
		says(&err, bad[i]);
		assert_int_equal(err.position, -1);
	}
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field field = {0};
	Error err = ERROR_INIT;
	assert_int_equal(
		duck_field_of_type(fx.conn, "c", "UNION(a INTEGER, b VARCHAR)", &field, &arena, &err),
		ST_UNIMPLEMENTED);
}

static void
fields_that_tables_cannot_hold_are_refused_by_name(void **state)
{
	(void)state;
	Field letters[] = {field_as("a", (Type){.id = TYPE_INT8}),
					   field_as("A", (Type){.id = TYPE_INT8})};
	Field nameless[] = {field_as("", (Type){.id = TYPE_INT8})};
	Field large[] = {field_as("item", (Type){.id = TYPE_LARGE_UTF8})};
	Field bad[] = {
		{.type = {.id = TYPE_FLOAT16}},
		{.type = {.id = TYPE_UTF8_VIEW}},
		{.type = {.id = TYPE_FIXED_BINARY, .width = 16}},
		{.type = {.id = TYPE_DATE64}},
		{.type = {.id = TYPE_TIME32}},
		{.type = {.id = TYPE_DECIMAL128, .precision = 5, .scale = 6}},
		{.type = {.id = TYPE_DECIMAL128, .precision = 5, .scale = -1}},
		{.type = {.id = TYPE_STRUCT}},
		{.type = {.id = TYPE_STRUCT}, .children = letters, .child_count = 2},
		{.type = {.id = TYPE_STRUCT}, .children = nameless, .child_count = 1},
		{.type = {.id = TYPE_FIXED_LIST, .width = 0}, .children = letters, .child_count = 1},
		{.type = {.id = TYPE_FIXED_LIST, .width = 100001}, .children = letters, .child_count = 1},
		{.type = {.id = TYPE_LIST}, .children = large, .child_count = 1},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		Error err = ERROR_INIT;
		bad[i].name = "colour";
		assert_int_equal(duck_check_field(&bad[i], &err), ST_UNIMPLEMENTED);
		says(&err, "colour");
	}
}

static void
instants_that_queries_cannot_handle_are_refused_by_row(void **state)
{
	(void)state;
	const int64_t second = INT64_MAX / 1000000;
	int64_t values[] = {0, second, -second, second + 1, INT64_MIN};
	uint8_t valid = 0x07; // the last two are NULL
	Field parts[] = {field_as("item", (Type){.id = TYPE_TIMESTAMP, .unit = UNIT_S})};
	Field list = {.name = "times", .type = {.id = TYPE_LIST}, .children = parts, .child_count = 1};
	Column items = {.length = 5,
					.null_count = 2,
					.values = slice_of(values, sizeof(values)),
					.validity = slice_of(&valid, 1)};
	Column column = {.length = 1, .children = &items, .child_count = 1};
	Error err = ERROR_INIT;
	ok(duck_check_values(&list, &column, &err), &err);
	valid = 0x17;
	assert_int_equal(duck_check_values(&list, &column, &err), ST_INVALID);
	says(&err, "'item': row 4");
	valid = 0x1F;
	assert_int_equal(duck_check_values(&list, &column, &err), ST_INVALID);
	says(&err, "row 3");
	parts[0].type.unit = UNIT_MS;
	values[4] = 0;
	ok(duck_check_values(&list, &column, &err), &err);
	parts[0].type.unit = UNIT_US;
	values[4] = INT64_MAX;
	ok(duck_check_values(&list, &column, &err), &err);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_pass_through_memory_unchanged),
		cmocka_unit_test(values_pass_through_files_unchanged),
		cmocka_unit_test(the_sql_type_is_the_one_the_scan_shows),
		cmocka_unit_test(columns_of_older_types_are_widened),
		cmocka_unit_test(types_are_read_as_users_write_them),
		cmocka_unit_test(fields_that_tables_cannot_hold_are_refused_by_name),
		cmocka_unit_test(instants_that_queries_cannot_handle_are_refused_by_row),
	};
	return cmocka_run_group_tests(tests, open_fixture, close_fixture);
}
