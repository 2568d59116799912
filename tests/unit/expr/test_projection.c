// SELECT lists and conditions over batches.

#include "expr/projection.h"
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

static json_t *
list_of(json_t *a, json_t *b)
{
	json_t *list = json_array();
	json_array_append_new(list, a);
	if (b != NULL)
		json_array_append_new(list, b);
	return list;
}

static json_t *
star(void)
{
	return json_pack("{s:s, s:s}", "class", "STAR", "type", "STAR");
}

static Status
run(const json_t *list, const json_t *where, const char *const *names, Batch **out, Error *err)
{
	SCOPED(projection_drop) Projection *p = NULL;
	SCOPED(expr_work_drop) ExprWork *work = NULL;
	TRY(projection_compile(&scope, list, where, names, names != NULL ? 2 : 0, &p, err));
	TRY(expr_work_new(EXPR_FAULTS_FAIL, &work, err));
	return projection_run(p, rows, work, NULL, out, err);
}

static void
columns_and_expressions_come_in_order(void **state)
{
	(void)state;
	static const char *const names[] = {"twice", NULL};
	json_t *list = list_of(tree_call("*", tree_column("i"), tree_number(2)), star());
	json_t *where = tree_compare("COMPARE_GREATERTHAN", tree_column("i"), tree_number(4));
	Batch *out = NULL;
	Error err = ERROR_INIT;
	ok(run(list, where, names, &out, &err), &err);
	assert_int_equal(batch_rows(out), 2);
	assert_int_equal(schema_field_count(batch_schema(out)), 6);
	assert_string_equal(schema_field(batch_schema(out), 0)->name, "twice");
	assert_string_equal(schema_field(batch_schema(out), 3)->name, "s");
	const int64_t *twice = (const void *)batch_column(out, 0)->values.data;
	const int64_t *time = (const void *)batch_column(out, 5)->values.data;
	assert_int_equal(twice[0], 10);
	assert_int_equal(twice[1], 12);
	assert_int_equal(time[1], 8);
	batch_unref(out);
	json_decref(list);
	json_decref(where);
}

static void
columns_of_all_rows_are_shared(void **state)
{
	(void)state;
	json_t *list = list_of(tree_column("s"), tree_column("d"));
	Batch *out = NULL;
	Error err = ERROR_INIT;
	ok(run(list, NULL, NULL, &out, &err), &err);
	assert_ptr_equal(batch_column(out, 1)->values.data, batch_column(rows, 3)->values.data);
	assert_int_equal(batch_rows(out), 10);
	batch_unref(out);
	json_decref(list);
}

static void
no_row_gives_no_batch(void **state)
{
	(void)state;
	json_t *list = list_of(star(), NULL);
	json_t *where = tree_equal(tree_column("i"), tree_number(-100));
	Batch *out = NULL;
	Error err = ERROR_INIT;
	ok(run(list, where, NULL, &out, &err), &err);
	assert_null(out);
	json_decref(list);
	json_decref(where);
}

static void
stars_with_more_to_them_are_not_built(void **state)
{
	(void)state;
	json_t *part = star();
	json_object_set_new(part, "exclude_list", json_pack("[s]", "i"));
	json_t *list = list_of(tree_at(part, 7), NULL);
	Batch *out = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(run(list, NULL, NULL, &out, &err), ST_UNIMPLEMENTED);
	assert_int_equal(err.position, 7);
	json_decref(list);
	part = star();
	json_object_set_new(part, "relation_name", json_string("u"));
	list = list_of(part, NULL);
	assert_int_equal(run(list, NULL, NULL, &out, &err), ST_INVALID);
	json_decref(list);
}

static void
out_of_memory_leaves_nothing(void **state)
{
	(void)state;
	json_t *list = list_of(tree_call("lower", tree_column("s"), NULL), tree_column("i"));
	json_t *where = tree_equal(tree_column("s"), tree_word("n1"));
	Error err = ERROR_INIT;
	FAULTS_IN_TURN(mem_live(), st == ST_NO_MEMORY, st, {
		Batch *out = NULL;
		st = run(list, where, NULL, &out, &err);
		batch_unref(out);
	});
	json_decref(list);
	json_decref(where);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(columns_and_expressions_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(columns_of_all_rows_are_shared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_row_gives_no_batch, set_up, tear_down),
		cmocka_unit_test_setup_teardown(stars_with_more_to_them_are_not_built, set_up, tear_down),
		cmocka_unit_test_setup_teardown(out_of_memory_leaves_nothing, set_up, tear_down),
	};
	return RUN(tests);
}
