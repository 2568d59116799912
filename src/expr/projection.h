// projection.h - SELECT columns and expressions WHERE condition, over batches as they come.
//
// Threads  a Projection never changes: any thread may run it, each with an ExprWork of its own.

#pragma once

#include "expr/expr.h"

typedef struct Projection Projection;

// `select_list` is that of a SELECT's node in the parse tree, `where` its where_clause (NULL:
// none).
// * and table.* stand for all columns of the schema. `names`: what the columns are called, by
// position; where that is NULL or too short, by AS, by the column, else "" (queries name other
// expressions by their text). ST_UNIMPLEMENTED for EXCLUDE, REPLACE and COLUMNS; else as
// expr_compile.
Status projection_compile(const ExprScope *scope, const json_t *select_list, const json_t *where,
						  const char *const *names, int32_t name_count, Projection **out,
						  Error *err);
void projection_free(Projection *projection); // NULL is allowed
DEFINE_DROP(Projection, projection_drop, projection_free)

Schema *projection_schema(const Projection *projection);            // borrowed
const Expr *projection_condition(const Projection *projection);     // NULL: all rows
int32_t projection_column(const Projection *projection, int32_t i); // see expr_column

// The rows of `batch` that fulfil the condition, as projection_schema; *out NULL: none does.
// Columns by themselves share the batch's buffers where all rows do.
Status projection_run(const Projection *projection, Batch *batch, ExprWork *work, BytesPool *pool,
					  Batch **out, Error *err);
// The same for rows that were selected already, rising; NULL: the first `count`.
Status projection_take(const Projection *projection, Batch *batch, const int32_t *rows,
					   int64_t count, ExprWork *work, BytesPool *pool, Batch **out, Error *err);
