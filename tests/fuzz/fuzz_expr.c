// Parse trees as JSON, of expressions over rows: whatever they hold, they are refused or they
// compile, and what compiles is evaluated within its memory.

#include <jansson.h>
#include <string.h>

#include "base/mem.h"
#include "expr/projection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Batch *
make_rows(void)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	Batch *batch = NULL;
	if (schema_of(&schema, NULL, 5, "i", TYPE_INT64, true, "s", TYPE_UTF8, true, "d", TYPE_FLOAT64,
				  true, "t", TYPE_TIMESTAMP, true, "b", TYPE_BINARY, true) != ST_OK ||
		builder_new(schema, &builder, NULL) != ST_OK)
		return NULL;
	static const char *const texts[] = {"", "12.5", "2020-01-01 01:02:03", "äß%_", NULL};
	for (int row = 0; row < 5; row++) {
		column_add_int(builder_column(builder, 0), row - 2);
		column_add_text(builder_column(builder, 1), texts[row]);
		column_add_double(builder_column(builder, 2), row / 2.0);
		column_add_int(builder_column(builder, 3), INT64_C(1600000000000000000) * (row - 2) / 2);
		column_add_text(builder_column(builder, 4), texts[4 - row]);
	}
	return builder_finish(builder, 0, &batch, NULL) == ST_OK ? batch : NULL;
}

static void
run(const json_t *tree, Batch *rows)
{
	SCOPED(projection_drop) Projection *projection = NULL;
	SCOPED(expr_work_drop) ExprWork *work = NULL;
	SCOPED(batch_drop) Batch *out = NULL;
	ExprScope scope = {.schema = batch_schema(rows), .table = "t", .time = 3, .params = rows};
	const json_t *where = json_object_get(tree, "where_clause");
	if (projection_compile(&scope, json_object_get(tree, "select_list"), where, NULL, 0,
						   &projection, NULL) == ST_OK &&
		expr_work_new(EXPR_FAULTS_NULL, &work, NULL) == ST_OK)
		(void)!projection_run(projection, rows, work, NULL, &out, NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_error_t error;
	json_t *tree = json_loadb((const char *)data, size, 0, &error);
	SCOPED(batch_drop) Batch *rows = tree != NULL ? make_rows() : NULL;
	if (rows != NULL)
		run(tree, rows);
	json_decref(tree);
	return 0;
}
