// expr.h - typed expressions over batches: a scalar expression's parse tree is compiled once, then
// evaluated over batches, to values or to the rows for which it is true.
//
// The answers are those of the engine behind queries (DuckDB 1.5.6), types included: promotion,
// decimal literals, overflow, NaN above all numbers, −0 = 0, text without an offset as UTC. What is
// not built is refused by name when it is compiled, so that what compiles answers alike.
//
//   literals, parameters   ?, $1, $name
//   columns                name, table.name; of any type by themselves and with IS [NOT] NULL
//   operators              + - * / // % ** ^ || = <> < <= > >= IS [NOT] DISTINCT FROM, BETWEEN, IN,
//                          AND, OR, NOT, IS [NOT] NULL, [NOT] LIKE and ILIKE with ESCAPE, ^@
//   forms                  CASE, CAST, TRY_CAST, ::, coalesce, ifnull, if, nullif
//   functions              see function_table.c
//
// What depends on anything but the row (now(), random()) is not built.
//
// Threads  an Expr never changes: any thread may evaluate it, each with an ExprWork of its own.

#pragma once

#include <jansson.h>

#include "arrow/builder.h"

typedef struct Expr Expr;
typedef struct ExprWork ExprWork;

// What the names and parameters of a tree mean. Borrowed while it is compiled.
typedef struct ExprScope {
	Schema *schema;    // of the batches, of canonical types (arrow/convert.h)
	const char *table; // what stands before a dot; NULL: nothing may
	int32_t time;      // the table's time column; -1: none
	Batch *params;     // one row: $n is column n - 1, $name the one of that name; NULL: none
} ExprScope;

// `tree` is an item of a SELECT list of what the parser gives (duck_parse). An integer compared
// with the time column is nanoseconds since 1970. ST_INVALID for what queries refuse (names, types,
// constants that cannot be cast), ST_UNIMPLEMENTED, ST_LIMIT for trees of more than 1000 levels or
// 10000 parts; with the position in the statement.
Status expr_compile(const ExprScope *scope, const json_t *tree, Expr **out, Error *err);
// The same of a WHERE clause: what is not BOOLEAN is cast to it.
Status expr_compile_condition(const ExprScope *scope, const json_t *tree, Expr **out, Error *err);
void expr_free(Expr *expr); // NULL is allowed
DEFINE_DROP(Expr, expr_drop, expr_free)

// Type and name (AS, else the column's; else empty) of what it gives. A column by itself keeps its
// own field; others are nullable and of the types that queries answer.
const Field *expr_field(const Expr *expr);
int32_t expr_column(const Expr *expr); // of a column by itself; -1: it is another expression

// ---- evaluation ----

// What becomes of a row whose value cannot be computed (overflow, a bad cast): the evaluation
// fails, or the expression as a whole is NULL for that row, as TRY(…) in a query is, and it counts.
typedef enum ExprFaults { EXPR_FAULTS_FAIL, EXPR_FAULTS_NULL } ExprFaults;

typedef struct ExprCounts {
	uint64_t faults; // EXPR_FAULTS_NULL: rows that gave NULL instead of failing
	uint64_t zeros;  // divisions by zero, which always give NULL
} ExprCounts;

// Memory of evaluations, kept from one to the next; serves any Expr. Threads  one at a time.
Status expr_work_new(ExprFaults faults, ExprWork **out, Error *err);
void expr_work_free(ExprWork *work); // NULL is allowed
DEFINE_DROP(ExprWork, expr_work_drop, expr_work_free)
ExprCounts expr_work_counts(const ExprWork *work); // since it was made

// The rows of `batch`, rising, for which a condition is true: NULL is not. `rows` has room for
// batch_rows. Of conjuncts, the later ones see only rows that passed the earlier ones. `batch` is
// of the schema the expression was compiled for, as far as it names columns (else ST_INTERNAL); one
// of type null is NULL in each row. ST_INVALID names expression and row. ST_LIMIT
// where the texts made of 1024 rows take more than 256 MiB.
Status expr_select(const Expr *expr, Batch *batch, ExprWork *work, int32_t *rows, int64_t *count,
				   Error *err);

// Appends a value for each of `count` rows (`rows` NULL: the first ones) to a column of
// expr_field's type. ST_UNIMPLEMENTED for a column by itself of a nested type: take that from the
// batch (projection.h does).
Status expr_append(const Expr *expr, Batch *batch, const int32_t *rows, int64_t count,
				   ExprWork *work, ColumnBuilder *out, Error *err);

// ---- what a condition requires ----

// column = constant, or column IN (constants): rows for which it does not hold are refused.
typedef struct ExprEquals {
	int32_t column;
	Batch *constants; // one column, of the column's own field: the values it may have, never NULL
} ExprEquals;

// The conjuncts of a condition that require a column to equal constants, as far as the constants
// are of the column's type without loss. The list belongs to the Expr.
const ExprEquals *expr_equals(const Expr *condition, int32_t *count);
