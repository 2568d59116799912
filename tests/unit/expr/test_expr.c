// Expressions over rows: names, parameters, selection, what fails, and what a condition requires.

#include "trees.h"

static Schema *schema;
static Batch *rows;
static ExprScope scope;

static int
set_up(void **state)
{
	(void)state;
	schema = tree_schema();
	rows = tree_rows(schema, 10);
	scope = (ExprScope){.schema = schema, .table = "t", .time = 4};
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	batch_unref(rows);
	schema_unref(schema);
	assert_int_equal(mem_live(), 0);
	return 0;
}

static Expr *
compiled(json_t *tree, bool condition)
{
	Expr *expr = NULL;
	Error err = ERROR_INIT;
	ok(condition ? expr_compile_condition(&scope, tree, &expr, &err)
				 : expr_compile(&scope, tree, &expr, &err),
	   &err);
	json_decref(tree);
	return expr;
}

static void
refused(json_t *tree, Status code, const char *part, int32_t position)
{
	Expr *expr = NULL;
	Error err = ERROR_INIT;
	Status st = expr_compile(&scope, tree, &expr, &err);
	if (st != code)
		fail_msg("%s (%s) and not %s", status_name(st), err.text, status_name(code));
	says(&err, part);
	assert_int_equal(err.position, position);
	assert_null(expr);
	json_decref(tree);
}

// The rows that a condition selects, as "0 3 7".
static void
selects(json_t *tree, const char *want)
{
	Expr *expr = compiled(tree, true);
	ExprWork *work = NULL;
	Error err = ERROR_INIT;
	int32_t list[64];
	int64_t count = 0;
	Buf text = BUF_INIT;
	ok(expr_work_new(EXPR_FAULTS_FAIL, &work, &err), &err);
	ok(expr_select(expr, rows, work, list, &count, &err), &err);
	for (int64_t i = 0; i < count; i++)
		buf_add_printf(&text, i > 0 ? " %d" : "%d", list[i]);
	assert_string_equal(buf_text(&text), want);
	buf_close(&text);
	expr_work_free(work);
	expr_free(expr);
}

static Status
values_of(const Expr *expr, Batch *batch, const int32_t *list, int64_t count, ExprWork *work,
		  Batch **out, Error *err)
{
	SCOPED(schema_drop) Schema *one = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(schema_new(expr_field(expr), 1, NULL, 0, &one, err));
	TRY(builder_new(one, &builder, err));
	TRY(expr_append(expr, batch, list, count, work, builder_column(builder, 0), err));
	return builder_finish(builder, 0, out, err);
}

// Whole numbers as "0 1 ~".
static void
gives(json_t *tree, ExprFaults faults, const char *want, ExprCounts counts)
{
	Expr *expr = compiled(tree, false);
	ExprWork *work = NULL;
	Batch *values = NULL;
	Error err = ERROR_INIT;
	Buf text = BUF_INIT;
	ok(expr_work_new(faults, &work, &err), &err);
	ok(values_of(expr, rows, NULL, batch_rows(rows), work, &values, &err), &err);
	const Column *c = batch_column(values, 0);
	size_t width = (size_t)type_layout(&expr_field(expr)->type).value_bits / 8;
	for (int64_t i = 0; i < batch_rows(values); i++) {
		int64_t value = 0;
		memcpy(&value, c->values.data + (size_t)i * width, width);
		if (column_valid(c, i))
			buf_add_printf(&text, "%s%lld", i > 0 ? " " : "",
						   width == 4 ? (long long)(int32_t)value : (long long)value);
		else
			buf_add_printf(&text, "%s~", i > 0 ? " " : "");
	}
	assert_string_equal(buf_text(&text), want);
	assert_int_equal(expr_work_counts(work).faults, counts.faults);
	assert_int_equal(expr_work_counts(work).zeros, counts.zeros);
	buf_close(&text);
	batch_unref(values);
	expr_work_free(work);
	expr_free(expr);
}

// ---- names ----

static void
columns_are_found_by_name_without_case(void **state)
{
	(void)state;
	static const char *const found[] = {"i", "I", "TIME"};
	static const int32_t columns[] = {0, 0, 4};
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		Expr *expr = compiled(tree_column(found[i]), false);
		assert_int_equal(expr_column(expr), columns[i]);
		assert_string_equal(expr_field(expr)->name, schema_field(schema, columns[i])->name);
		expr_free(expr);
	}
	refused(tree_at(tree_column("x"), 7), ST_INVALID, "there is no column \"x\"", 7);
	Expr *expr = compiled(json_pack("{s:s, s:[s,s], s:s}", "class", "COLUMN_REF", "column_names",
									"T", "small", "alias", "tiny"),
						  false);
	assert_int_equal(expr_column(expr), 1);
	assert_string_equal(expr_field(expr)->name, "tiny");
	expr_free(expr);
	refused(json_pack("{s:s, s:[s,s]}", "class", "COLUMN_REF", "column_names", "u", "i"),
			ST_UNIMPLEMENTED, "a field of a column", -1);
}

static void
parameters_are_values(void **state)
{
	(void)state;
	Schema *types = NULL;
	Builder *builder = NULL;
	Error err = ERROR_INIT;
	ok(schema_of(&types, &err, 2, "low", TYPE_INT64, true, "word", TYPE_UTF8, true), &err);
	ok(builder_new(types, &builder, &err), &err);
	column_add_int(builder_column(builder, 0), 3);
	column_add_text(builder_column(builder, 1), "n1");
	ok(builder_finish(builder, 0, &scope.params, &err), &err);
	json_t *one = json_pack("{s:s, s:s}", "class", "PARAMETER", "identifier", "1");
	json_t *word = json_pack("{s:s, s:s}", "class", "PARAMETER", "identifier", "word");
	selects(tree_and(tree_compare("COMPARE_GREATERTHAN", tree_column("i"), one),
					 tree_equal(tree_column("s"), word)),
			"7");
	refused(json_pack("{s:s, s:s}", "class", "PARAMETER", "identifier", "3"), ST_INVALID,
			"no value for parameter $3", -1);
	batch_unref(scope.params);
	builder_free(builder);
	schema_unref(types);
}

static void
what_is_not_built_is_named_with_its_position(void **state)
{
	(void)state;
	refused(tree_at(tree_call("regexp_matches", tree_column("s"), tree_word("x")), 9),
			ST_UNIMPLEMENTED, "function regexp_matches", 9);
	refused(tree_at(json_pack("{s:s}", "class", "SUBQUERY"), 3), ST_UNIMPLEMENTED, "SUBQUERY", 3);
	refused(tree_at(json_pack("{s:s}", "class", "WINDOW"), 4), ST_UNIMPLEMENTED, "WINDOW", 4);
	refused(json_pack("{}"), ST_UNIMPLEMENTED, "a part without a class", -1);
	refused(tree_at(tree_cast(tree_column("i"), "UUID"), 5), ST_UNIMPLEMENTED, "type UUID", 5);
	refused(tree_at(tree_call("+", tree_column("s"), tree_column("i")), 2), ST_INVALID,
			"+(VARCHAR, BIGINT)", 2);
	refused(tree_call("lower", tree_number(5), NULL), ST_INVALID, "lower(INTEGER)", -1);
}

static void
depth_and_size_have_limits(void **state)
{
	(void)state;
	json_t *deep = tree_column("i");
	for (int i = 0; i < 1100; i++)
		deep = tree_call("abs", deep, NULL);
	refused(deep, ST_LIMIT, "1000 deep", -1);
	json_t *wide = tree_two("OPERATOR", "COMPARE_IN", tree_column("i"), NULL);
	for (int i = 0; i < 10001; i++)
		json_array_append_new(json_object_get(wide, "children"), tree_number(i));
	refused(wide, ST_LIMIT, "10000 parts", -1);
}

// ---- selection ----

static void
null_is_not_true(void **state)
{
	(void)state;
	selects(tree_compare("COMPARE_GREATERTHAN", tree_column("i"), tree_number(3)), "6 7 8");
	selects(tree_compare("COMPARE_NOTEQUAL", tree_column("i"), tree_number(0)), "0 1 3 5 6 7 8");
	selects(tree_two("OPERATOR", "OPERATOR_IS_NULL", tree_column("i"), NULL), "4 9");
	selects(tree_two("OPERATOR", "OPERATOR_NOT",
					 tree_compare("COMPARE_LESSTHAN", tree_column("i"), tree_number(5)), NULL),
			"7 8");
	selects(tree_or(tree_null(), tree_equal(tree_column("small"), tree_number(1))), "1 6");
	selects(tree_column("small"), "1 2 3 4 6 7 8 9");
}

static void
later_conjuncts_see_rows_that_passed_earlier_ones(void **state)
{
	(void)state;
	// Only "n1" of the texts would fail to become a date; a time would fail for all.
	json_t *first = tree_equal(tree_column("s"), tree_word("-"));
	json_t *second =
		tree_compare("COMPARE_GREATERTHAN", tree_cast(tree_column("s"), "INTEGER"), tree_number(0));
	selects(tree_and(first, second), "");
}

static void
instants_are_nanoseconds_whatever_the_unit(void **state)
{
	(void)state;
	static const struct {
		const char *type;
		int64_t ns;
		const char *rows;
	} cases[] = {
		{"COMPARE_EQUAL", 3000000000, "3"},
		{"COMPARE_EQUAL", 3000000001, ""},
		{"COMPARE_NOTEQUAL", 3000000001, "0 1 2 3 4 5 6 7 8 9"},
		{"COMPARE_LESSTHAN", 2000000001, "0 1 2"},
		{"COMPARE_LESSTHAN", 2000000000, "0 1"},
		{"COMPARE_LESSTHANOREQUALTO", 2999999999, "0 1 2"},
		{"COMPARE_GREATERTHAN", 7999999999, "8 9"},
		{"COMPARE_GREATERTHANOREQUALTO", 7000000001, "8 9"},
		{"COMPARE_GREATERTHANOREQUALTO", 8000000000, "8 9"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		selects(tree_compare(cases[i].type, tree_column("ts"), tree_number(cases[i].ns)),
				cases[i].rows);
	selects(tree_compare("COMPARE_LESSTHAN", tree_number(7000000000), tree_column("ts")), "8 9");
	selects(tree_equal(tree_column("time"), tree_word("1970-01-01 02:00:04+02")), "4");
	selects(tree_equal(tree_column("ts"), tree_word("1970-01-01 00:00:05")), "5");
	json_t *in = tree_two("OPERATOR", "COMPARE_IN", tree_column("ts"), tree_number(1000000000));
	json_array_append_new(json_object_get(in, "children"), tree_number(6000000000));
	selects(in, "1 6");
}

// ---- values and failures ----

static void
what_fails_is_told_or_counted(void **state)
{
	(void)state;
	json_t *tree = tree_at(tree_call("+", tree_column("small"), tree_number(125)), 11);
	Expr *expr = compiled(json_incref(tree), false);
	ExprWork *work = NULL;
	Batch *values = NULL;
	Error err = ERROR_INIT;
	ok(expr_work_new(EXPR_FAULTS_FAIL, &work, &err), &err);
	assert_int_equal(values_of(expr, rows, NULL, 10, work, &values, &err), ST_INVALID);
	says(&err, "+ in row 3: the result is out of the range of TINYINT");
	assert_int_equal(err.position, 11);
	// The next batch is not touched by it.
	ok(values_of(expr, rows, NULL, 3, work, &values, &err), &err);
	batch_unref(values);
	expr_work_free(work);
	expr_free(expr);
	json_decref(tree);
	gives(tree_call("+", tree_cast(tree_column("small"), "INTEGER"), tree_number(INT32_MAX - 2)),
		  EXPR_FAULTS_NULL,
		  "2147483645 2147483646 2147483647 ~ ~ 2147483645 2147483646 2147483647 "
		  "~ ~",
		  (ExprCounts){.faults = 4});
	gives(tree_call("//", tree_number(6), tree_cast(tree_column("small"), "INTEGER")),
		  EXPR_FAULTS_FAIL, "~ 6 3 2 1 ~ 6 3 2 1", (ExprCounts){.zeros = 2});
}

static void
branches_are_evaluated_for_rows_that_need_them(void **state)
{
	(void)state;
	json_t *when = tree_equal(tree_column("s"), tree_word("n0"));
	json_t *fails = tree_cast(tree_call("||", tree_word("1"), tree_column("s")), "INTEGER");
	json_t *other = tree_cast(tree_column("small"), "INTEGER");
	gives(tree_case(when, tree_number(7), other), EXPR_FAULTS_FAIL, "7 1 2 7 4 0 7 2 3 7",
		  (ExprCounts){0});
	gives(tree_case(tree_compare("COMPARE_GREATERTHAN", tree_column("d"), tree_number(100)), fails,
					tree_number(1)),
		  EXPR_FAULTS_FAIL, "1 1 1 1 1 1 1 1 1 1", (ExprCounts){0});
	json_t *coalesce = tree_two("OPERATOR", "OPERATOR_COALESCE", tree_column("i"),
								tree_call("-", tree_column("i"), tree_number(1)));
	json_array_append_new(json_object_get(coalesce, "children"), tree_number(9));
	gives(coalesce, EXPR_FAULTS_FAIL, "-2 -1 0 1 9 3 4 5 6 9", (ExprCounts){0});
}

static void
literals_that_cannot_be_cast_are_refused_at_once(void **state)
{
	(void)state;
	refused(tree_equal(tree_column("i"), tree_at(tree_word("abc"), 14)), ST_INVALID,
			"'abc' cannot be cast to BIGINT", 14);
	// What was asked for is a matter of rows.
	expr_free(compiled(tree_cast(tree_word("abc"), "INTEGER"), false));
}

static void
many_rows_and_few_give_the_same(void **state)
{
	(void)state;
	Batch *many = tree_rows(schema, 3000), *all = NULL, *some = NULL;
	Expr *expr = compiled(tree_call("||", tree_column("s"), tree_column("i")), false);
	ExprWork *work = NULL;
	Error err = ERROR_INIT;
	ok(expr_work_new(EXPR_FAULTS_FAIL, &work, &err), &err);
	ok(values_of(expr, many, NULL, 3000, work, &all, &err), &err);
	int32_t list[1500];
	for (int32_t i = 0; i < 1500; i++)
		list[i] = 2 * i;
	ok(values_of(expr, many, list, 1500, work, &some, &err), &err);
	const Column *a = batch_column(all, 0), *b = batch_column(some, 0);
	const int32_t *x = (const void *)a->offsets.data, *y = (const void *)b->offsets.data;
	for (int32_t i = 0; i < 1500; i++) {
		int32_t row = list[i];
		assert_int_equal(column_valid(a, row), column_valid(b, i));
		assert_int_equal(x[row + 1] - x[row], y[i + 1] - y[i]);
		assert_memory_equal(a->values.data + x[row], b->values.data + y[i],
							(size_t)(y[i + 1] - y[i]));
	}
	batch_unref(all);
	batch_unref(some);
	batch_unref(many);
	expr_work_free(work);
	expr_free(expr);
}

static void
rows_of_another_schema_are_refused(void **state)
{
	(void)state;
	Expr *expr =
		compiled(tree_compare("COMPARE_GREATERTHAN", tree_column("i"), tree_number(0)), true);
	static const TypeId types[] = {TYPE_INT32, TYPE_NULL, TYPE_INT64};
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		Schema *other = NULL;
		Builder *builder = NULL;
		Batch *batch = NULL;
		ExprWork *work = NULL;
		Error err = ERROR_INIT;
		int32_t list[4];
		int64_t count = -1;
		ok(schema_of(&other, &err, 1, "i", types[i], true), &err);
		ok(builder_new(other, &builder, &err), &err);
		column_add_null(builder_column(builder, 0));
		ok(builder_finish(builder, 0, &batch, &err), &err);
		ok(expr_work_new(EXPR_FAULTS_FAIL, &work, &err), &err);
		Status st = expr_select(expr, batch, work, list, &count, &err);
		assert_int_equal(st, types[i] == TYPE_INT32 ? ST_INTERNAL : ST_OK);
		assert_int_equal(count, st == ST_OK ? 0 : -1);
		expr_work_free(work);
		batch_unref(batch);
		builder_free(builder);
		schema_unref(other);
	}
	expr_free(expr);
}

static void
texts_have_a_bound(void **state)
{
	(void)state;
	char *many = malloc(65537), *by = malloc(8193);
	memset(many, 'a', 65536);
	memset(by, 'b', 8192);
	many[65536] = by[8192] = '\0';
	json_t *call = tree_call("replace", tree_word(many), tree_word("a"));
	json_array_append_new(json_object_get(call, "children"), tree_at(tree_word(by), 3));
	refused(tree_at(call, 6), ST_LIMIT, "replace", 6);
	free(many);
	free(by);
}

// ---- what a condition requires ----

static void
conjuncts_with_constants_are_recognised(void **state)
{
	(void)state;
	json_t *in = tree_two("OPERATOR", "COMPARE_IN", tree_column("small"), tree_number(2));
	json_array_append_new(json_object_get(in, "children"), tree_null());
	json_array_append_new(json_object_get(in, "children"), tree_number(4));
	json_t *real = tree_equal(tree_column("d"), tree_number(1));
	json_t *other = tree_equal(tree_column("i"), tree_column("small"));
	json_t *wide = tree_equal(tree_column("small"), tree_number(300));
	Expr *expr = compiled(tree_and(tree_and(tree_equal(tree_word("n1"), tree_column("s")), in),
								   tree_and(tree_and(real, other), wide)),
						  true);
	int32_t count;
	const ExprEquals *equals = expr_equals(expr, &count);
	assert_int_equal(count, 2);
	assert_int_equal(equals[0].column, 2);
	assert_int_equal(batch_rows(equals[0].constants), 1);
	assert_memory_equal(batch_column(equals[0].constants, 0)->values.data, "n1", 2);
	assert_int_equal(equals[1].column, 1);
	assert_int_equal(batch_rows(equals[1].constants), 2);
	assert_memory_equal(batch_column(equals[1].constants, 0)->values.data, "\x02\x04", 2);
	expr_free(expr);

	expr = compiled(tree_or(tree_equal(tree_column("s"), tree_word("a")),
							tree_equal(tree_column("s"), tree_word("b"))),
					true);
	(void)expr_equals(expr, &count);
	assert_int_equal(count, 0);
	expr_free(expr);
}

// ---- faults ----

static Status
compile_and_run(const json_t *item, const json_t *condition, Error *err)
{
	SCOPED(expr_drop) Expr *expr = NULL;
	SCOPED(expr_drop) Expr *where = NULL;
	SCOPED(expr_work_drop) ExprWork *work = NULL;
	SCOPED(batch_drop) Batch *values = NULL;
	int32_t list[16];
	int64_t count;
	TRY(expr_compile(&scope, item, &expr, err));
	TRY(expr_compile_condition(&scope, condition, &where, err));
	TRY(expr_work_new(EXPR_FAULTS_NULL, &work, err));
	TRY(expr_select(where, rows, work, list, &count, err));
	return values_of(expr, rows, list, count, work, &values, err);
}

static void
out_of_memory_leaves_nothing(void **state)
{
	(void)state;
	json_t *item =
		tree_call("||", tree_call("upper", tree_column("s"), NULL),
				  tree_case(tree_equal(tree_column("i"), tree_number(1)),
							tree_call("||", tree_word("a"), tree_word("b")), tree_column("s")));
	json_t *in = tree_two("OPERATOR", "COMPARE_IN", tree_column("s"), tree_word("n1"));
	json_array_append_new(json_object_get(in, "children"), tree_word("n2"));
	Error err = ERROR_INIT;
	FAULTS_IN_TURN(mem_live(), st == ST_NO_MEMORY && err.text[0] != '\0', st,
				   st = compile_and_run(item, in, &err));
	json_decref(item);
	json_decref(in);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(columns_are_found_by_name_without_case, set_up, tear_down),
		cmocka_unit_test_setup_teardown(parameters_are_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_built_is_named_with_its_position, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(depth_and_size_have_limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(null_is_not_true, set_up, tear_down),
		cmocka_unit_test_setup_teardown(later_conjuncts_see_rows_that_passed_earlier_ones, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(instants_are_nanoseconds_whatever_the_unit, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(what_fails_is_told_or_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(branches_are_evaluated_for_rows_that_need_them, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(literals_that_cannot_be_cast_are_refused_at_once, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(many_rows_and_few_give_the_same, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rows_of_another_schema_are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(texts_have_a_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(conjuncts_with_constants_are_recognised, set_up, tear_down),
		cmocka_unit_test_setup_teardown(out_of_memory_leaves_nothing, set_up, tear_down),
	};
	return RUN(tests);
}
