// Expressions of ours give what queries give: the same type and the same bytes for random rows of
// every type, with overflow, NaN, −0, infinities, edges of each type, NULL and time zones. What
// fails in a query is NULL in both (TRY there, EXPR_FAULTS_NULL here).
//
// MOBIUS_EXPR_ROWS=1000000: that many rows for each expression; MOBIUS_EXPR_SEED: other rows.

#include <jansson.h>
#include <math.h>

#include "expr/expr.h"
#include "expr_list.h"
#include "expr_rows.h"
#include "support.h"

static Fixture fx;
static Schema *schema;
static ScanSlot *slot;
static Batch *batches[16];
static int batch_count;
static long different, compared, refused_alike;

// ---- answers ----

static Status
parse_item(const char *expression, json_t **out, Error *err)
{
	char sql[600];
	char *text = NULL;
	snprintf(sql, sizeof(sql), "SELECT %s", expression);
	TRY(duck_parse(fx.conn, sql, &text, err));
	json_error_t error;
	json_t *tree = json_loads(text, 0, &error);
	if (tree == NULL)
		tree = json_loads(text, JSON_DECODE_INT_AS_REAL, &error);
	mem_free(text);
	assert_non_null(tree);
	json_t *list = json_object_get(
		json_object_get(json_array_get(json_object_get(tree, "statements"), 0), "node"),
		"select_list");
	*out = json_incref(json_array_get(list, 0));
	json_decref(tree);
	return ST_OK;
}

static Status
own_answer(const char *expression, Batch **out, Error *err)
{
	json_t *tree = NULL;
	TRY(parse_item(expression, &tree, err));
	ExprScope scope = {.schema = schema, .time = -1};
	SCOPED(expr_drop) Expr *expr = NULL;
	Status st = expr_compile(&scope, tree, &expr, err);
	json_decref(tree);
	TRY(st);
	SCOPED(expr_work_drop) ExprWork *work = NULL;
	SCOPED(schema_drop) Schema *one = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(expr_work_new(EXPR_FAULTS_NULL, &work, err));
	TRY(schema_new(expr_field(expr), 1, NULL, 0, &one, err));
	TRY(builder_new(one, &builder, err));
	for (int i = 0; i < batch_count; i++)
		TRY(expr_append(expr, batches[i], NULL, batch_rows(batches[i]), work,
						builder_column(builder, 0), err));
	return builder_finish(builder, 0, out, err);
}

static Status
run_query(const char *form, const char *expression, Batch **out, Error *err)
{
	char sql[700];
	snprintf(sql, sizeof(sql), "SELECT %s(%s) FROM mobius_scan(%llu)", form, expression,
			 (unsigned long long)duck_slot_number(slot));
	SCOPED(duck_statement_drop) DuckStatement *statement = NULL;
	SCOPED(duck_stream_drop) DuckStream *stream = NULL;
	SCOPED(schema_drop) Schema *own = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(duck_prepare(fx.conn, sql, &statement, err));
	TRY(duck_statement_schema(statement, &own, err));
	TRY(builder_new(own, &builder, err));
	TRY(duck_stream_open(statement, NULL, &stream, err));
	for (bool end = false; !end;)
		TRY(duck_stream_fill(stream, builder, INT64_MAX / 4, UINT64_MAX / 4, &end, err));
	return builder_finish(builder, 0, out, err);
}

// Row by row where one of them fails.
static Status
query_answer(const char *expression, Batch **out, Error *err)
{
	if (getenv("MOBIUS_EXPR_TELL") != NULL)
		fprintf(stderr, "%s\n", expression);
	if (run_query("", expression, out, err) == ST_OK)
		return ST_OK;
	return run_query("TRY", expression, out, err);
}

// ---- comparison ----

static bool
same_value(const Field *field, const Column *a, const Column *b, int64_t i)
{
	if (column_valid(a, i) != column_valid(b, i))
		return false;
	if (!column_valid(a, i))
		return true;
	if (field->type.id == TYPE_BOOL)
		return bit_get(a->values.data, i) == bit_get(b->values.data, i);
	if (field->type.id == TYPE_UTF8 || field->type.id == TYPE_BINARY) {
		const int32_t *x = (const void *)a->offsets.data, *y = (const void *)b->offsets.data;
		return slice_equal(slice_of(a->values.data + x[i], (size_t)(x[i + 1] - x[i])),
						   slice_of(b->values.data + y[i], (size_t)(y[i + 1] - y[i])));
	}
	size_t width = (size_t)type_layout(&field->type).value_bits / 8;
	const uint8_t *x = a->values.data + (size_t)i * width, *y = b->values.data + (size_t)i * width;
	if (field->type.id == TYPE_FLOAT64 && isnan(*(const double *)(const void *)x))
		return isnan(*(const double *)(const void *)y);
	if (field->type.id == TYPE_FLOAT32 && isnan(*(const float *)(const void *)x))
		return isnan(*(const float *)(const void *)y);
	return memcmp(x, y, width) == 0;
}

static void
tell(const char *expression, const char *what)
{
	if (different++ < 200)
		print_message("%s: %s\n", expression, what);
}

static void
tell_row(const char *expression, const Field *field, const Batch *own, const Batch *theirs,
		 int64_t row)
{
	Buf text = BUF_INIT;
	buf_add_text(&text, "ours ");
	render(field, batch_column(own, 0), row, &text);
	buf_add_text(&text, ", theirs ");
	render(field, batch_column(theirs, 0), row, &text);
	int64_t at = row;
	int b = 0;
	while (at >= batch_rows(batches[b]))
		at -= batch_rows(batches[b++]);
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const char *name = schema_field(schema, i)->name;
		if (strstr(expression, name) == NULL)
			continue;
		buf_add_printf(&text, "; %s ", name);
		render(schema_field(schema, i), batch_column(batches[b], i), at, &text);
	}
	tell(expression, buf_text(&text));
	buf_close(&text);
}

static void
compare_answers(const char *expression, const Batch *own, const Batch *theirs)
{
	const Field *field = schema_field(batch_schema(own), 0);
	const Field *other = schema_field(batch_schema(theirs), 0);
	if (!type_equal(&field->type, &other->type)) {
		Buf text = BUF_INIT;
		buf_add_text(&text, "type: ours ");
		field_type_name(field, &text);
		buf_add_text(&text, ", theirs ");
		field_type_name(other, &text);
		tell(expression, buf_text(&text));
		buf_close(&text);
		return;
	}
	if (batch_rows(own) != batch_rows(theirs)) {
		tell(expression, "other number of rows");
		return;
	}
	for (int64_t i = 0; i < batch_rows(own); i++) {
		if (!same_value(field, batch_column(own, 0), batch_column(theirs, 0), i)) {
			tell_row(expression, field, own, theirs, i);
			return;
		}
	}
	compared++;
}

// Queries find out when they run.
static bool
no_cast(const Error *err)
{
	return strstr(err->text, "there is no cast") != NULL;
}

static bool
all_null(const Batch *batch)
{
	return batch_column(batch, 0)->null_count == batch_rows(batch);
}

// A result that its column cannot carry ends a query: then it is compared as text.
static bool
is_beyond(const Error *err)
{
	return strstr(err->text, "does not fit") != NULL;
}

// `strict`: what queries answer, we must.
static void
check_one(const char *expression, bool strict)
{
	Batch *own = NULL, *theirs = NULL;
	Error err = ERROR_INIT, other = ERROR_INIT;
	Status st = own_answer(expression, &own, &err);
	Status query = query_answer(expression, &theirs, &other);
	char text[700];
	if (query != ST_OK && is_beyond(&other)) {
		batch_unref(own);
		snprintf(text, sizeof(text), "CAST((%.200s) AS VARCHAR)", expression);
		check_one(text, strict);
		return;
	}
	if (st == ST_OK && query == ST_OK) {
		compare_answers(expression, own, theirs);
	} else if (st == ST_OK) {
		snprintf(text, sizeof(text), "refused by queries only: %.300s", other.text);
		tell(expression, text);
	} else if (query != ST_OK || (!strict && st == ST_UNIMPLEMENTED) ||
			   (st == ST_INVALID && !strict && (all_null(theirs) || no_cast(&err)))) {
		refused_alike++;
	} else {
		snprintf(text, sizeof(text), "refused by us only: %.300s", err.text);
		tell(expression, text);
	}
	batch_unref(own);
	batch_unref(theirs);
}

// ---- rows ----

typedef struct Scan {
	BatchPart parts[16];
	int32_t map[64];
} Scan;

static void
scan_release(void *ptr)
{
	Scan *scan = ptr;
	for (int i = 0; i < 16; i++)
		batch_unref(scan->parts[i].batch);
	free(scan);
}

static void
show_batches(int64_t rows)
{
	Scan *scan = calloc(1, sizeof(*scan));
	assert_non_null(scan);
	for (int32_t i = 0; i < 64; i++)
		scan->map[i] = i;
	for (int i = 0; i < batch_count; i++)
		scan->parts[i] = (BatchPart){
			.batch = batch_ref(batches[i]), .rows = batch_rows(batches[i]), .map = scan->map};
	BatchScan all = {.parts = scan->parts,
					 .part_count = batch_count,
					 .rows = rows,
					 .release = scan_release,
					 .owner = scan};
	Error err = ERROR_INIT;
	ok(duck_slot_new(fx.duck, schema, rows, &slot, &err), &err);
	ok(duck_slot_set(slot, &all, &err), &err);
}

static void
next_rows(Rand *rand, int64_t rows)
{
	int64_t each = rows < 2048 ? rows : 2048;
	batch_count = 0;
	for (int64_t done = 0; done < rows; done += each) {
		int64_t now = rows - done < each ? rows - done : each;
		batches[batch_count] = random_batch(schema, rand, now, batch_count % 4 == 0);
		batch_count++;
	}
	show_batches(rows);
}

static void
drop_rows(void)
{
	duck_slot_free(slot);
	for (int i = 0; i < batch_count; i++)
		batch_unref(batches[i]);
}

static int64_t
wanted_rows(int64_t quick)
{
	const char *rows = getenv("MOBIUS_EXPR_ROWS");
	return rows != NULL ? atoll(rows) : quick;
}

// Runs `check` over as many random rows as wanted, some at a time.
static void
run_rows(int64_t quick, void (*check)(void))
{
	const char *seed = getenv("MOBIUS_EXPR_SEED");
	Rand rand = {seed != NULL ? strtoull(seed, NULL, 10) : 20240607};
	int64_t left = wanted_rows(quick);
	different = compared = refused_alike = 0;
	while (left > 0) {
		int64_t now = left < 16 * 2048 ? left : 16 * 2048;
		next_rows(&rand, now);
		check();
		drop_rows();
		left -= now;
	}
	print_message("%ld answers equal, %ld refused by both or not built, %ld different\n", compared,
				  refused_alike, different);
	assert_int_equal(different, 0);
}

// ---- what is checked ----

static const char *const numbers[] = {"ia", "ib", "ic", "id", "ua", "ub", "uc",
									  "ud", "fa", "fb", "da", "db", "dc"};
// The same types again, other values.
static const char *const others[] = {"ja", "jb", "jc", "jd", "va", "vb", "vc",
									 "vd", "ga", "gb", "ea", "eb", "ec"};

static void
check_arithmetic(void)
{
	static const char *const signs[] = {"+", "-", "*", "/", "//", "%"};
	static const char *const constants[] = {"1",    "0",   "-1", "300",  "3000000000", "1.5",
											"0.25", "1e3", "7",  "NULL", "'3'"};
	char text[200];
	for (size_t s = 0; s < COUNT_OF(signs); s++) {
		for (size_t i = 0; i < COUNT_OF(numbers); i++) {
			snprintf(text, sizeof(text), "%s %s %s", numbers[i], signs[s], others[i]);
			check_one(text, true);
		}
	}
	if (wanted_rows(0) > 0)
		return;
	for (size_t s = 0; s < COUNT_OF(signs); s++) {
		for (size_t i = 0; i < COUNT_OF(numbers); i++) {
			for (size_t k = 0; k < COUNT_OF(others); k++) {
				snprintf(text, sizeof(text), "%s %s %s", numbers[i], signs[s], others[k]);
				check_one(text, true);
			}
			for (size_t k = 0; k < COUNT_OF(constants); k++) {
				snprintf(text, sizeof(text), "%s %s %s", numbers[i], signs[s], constants[k]);
				check_one(text, true);
			}
		}
	}
}

static const char *const kinds[] = {"ia",  "ib", "ic", "id", "ua", "ub", "uc", "ud",
									"fa",  "fb", "da", "db", "dc", "ba", "sa", "la",
									"day", "ts", "tm", "tu", "tn", "tz", "iv"};
static const char *const kinds_too[] = {"ja",   "jb", "jc", "jd", "va", "vb", "vc", "vd",
										"ga",   "gb", "ea", "eb", "ec", "bb", "sb", "lb",
										"date", "xs", "xm", "xu", "xn", "xz", "iw"};

static void
check_comparison(void)
{
	static const char *const signs[] = {"=", "<>", "<", ">=", "IS DISTINCT FROM"};
	char text[200];
	bool all = wanted_rows(0) == 0;
	for (size_t s = 0; s < COUNT_OF(signs); s++) {
		for (size_t i = 0; i < COUNT_OF(kinds); i++) {
			for (size_t k = all ? 0 : i; k < (all ? COUNT_OF(kinds) : i + 1); k++) {
				snprintf(text, sizeof(text), "%s %s %s", kinds[i], signs[s], kinds_too[k]);
				check_one(text, i == k);
			}
		}
	}
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		static const char *const forms[] = {"%s IN (%s, NULL)", "least(%s, %s)",
											"greatest(%s, %s)", "coalesce(%s, %s)",
											"nullif(%s, %s)",   "CASE WHEN ba THEN %s ELSE %s END"};
		for (size_t f = 0; f < COUNT_OF(forms); f++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(text, sizeof(text), forms[f], kinds[i], kinds_too[i]);
#pragma GCC diagnostic pop
			check_one(text, true);
		}
	}
}

static void
check_casts(void)
{
	static const char *const types[] = {
		"BOOLEAN",       "TINYINT",   "SMALLINT",     "INTEGER",      "BIGINT",
		"HUGEINT",       "UTINYINT",  "USMALLINT",    "UINTEGER",     "UBIGINT",
		"FLOAT",         "DOUBLE",    "DECIMAL(4,1)", "DECIMAL(9,3)", "DECIMAL(18,6)",
		"DECIMAL(38,5)", "VARCHAR",   "BLOB",         "DATE",         "TIMESTAMP_S",
		"TIMESTAMP_MS",  "TIMESTAMP", "TIMESTAMP_NS", "TIMESTAMPTZ",  "INTERVAL"};
	char text[200];
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		for (size_t k = 0; k < COUNT_OF(types); k++) {
			// What results cannot carry would end the query. TRY of many rows takes its time.
			bool whole = strcmp(types[k], "HUGEINT") == 0;
			bool span = strcmp(types[k], "INTERVAL") == 0;
			const char *word = wanted_rows(0) > 0 ? "TRY_CAST" : "CAST";
			snprintf(text, sizeof(text),
					 whole || span ? "CAST(%s(%s AS %s) AS VARCHAR)" : "%s(%s AS %s)", word,
					 kinds[i], types[k]);
			check_one(text, false);
		}
	}
}

static void
check_list(void)
{
	for (size_t i = 0; i < COUNT_OF(expressions); i++)
		check_one(expressions[i], true);
}

static void
arithmetic_gives_what_queries_give(void **state)
{
	(void)state;
	run_rows(200, check_arithmetic);
}

static void
comparisons_give_what_queries_give(void **state)
{
	(void)state;
	run_rows(200, check_comparison);
}

static void
casts_give_what_queries_give(void **state)
{
	(void)state;
	run_rows(600, check_casts);
}

static void
functions_give_what_queries_give(void **state)
{
	(void)state;
	run_rows(2000, check_list);
}

static int
open_fixture(void **state)
{
	(void)state;
	fixture_open(&fx, true, 1);
	schema = random_schema();
	return 0;
}

static int
close_fixture(void **state)
{
	(void)state;
	schema_unref(schema);
	fixture_close(&fx);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arithmetic_gives_what_queries_give, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(comparisons_give_what_queries_give, open_fixture,
										close_fixture),
		cmocka_unit_test_setup_teardown(casts_give_what_queries_give, open_fixture, close_fixture),
		cmocka_unit_test_setup_teardown(functions_give_what_queries_give, open_fixture,
										close_fixture),
	};
	return RUN(tests);
}
