// evaluate.c - expressions over whole batches: the rows a condition selects, and columns of values.

#include <string.h>

#include "expr/kernel_int.h"

// ---- selection ----

static int64_t
keep_true(const ExprWork *work, const Vec *v, const Rows *rows, int32_t *out)
{
	int64_t kept = 0;
	for (int64_t i = 0; i < rows->count; i++)
		if (v->ok[i] && v->bools[i] && !row_failed(work, rows, i))
			out[kept++] = (int32_t)rows_at(rows, i);
	return kept;
}

// Of up to MOST_ROWS rows. `out` may be the list that `rows` is.
static Status
select_rows(const Node *node, ExprWork *work, Rows rows, int32_t *out, int64_t *kept, Error *err)
{
	bool conjuncts = node->op == NODE_FREE && node->kernel == logic_and;
	for (int32_t i = 0; i < (conjuncts ? node->count : 1); i++) {
		const Node *part = conjuncts ? node->children[i] : node;
		if (conjuncts) {
			TRY(select_rows(part, work, rows, out, kept, err));
		} else {
			TRY(node_eval(part, work, &rows, err));
			Vec truth = node_vec(work, part);
			*kept = keep_true(work, &truth, &rows, out);
		}
		rows = (Rows){.list = out, .count = *kept};
		if (*kept == 0)
			break;
	}
	return ST_OK;
}

Status
expr_select(const Expr *expr, Batch *batch, ExprWork *work, int32_t *rows, int64_t *count,
			Error *err)
{
	int64_t total = batch_rows(batch), found = 0;
	if (!expr->truth)
		return error_set(err, ST_INTERNAL, "an expression that is no condition selects rows");
	TRY(work_begin(work, expr, batch, total, err));
	for (int64_t base = 0; base < total; base += MOST_ROWS) {
		int64_t n = total - base < MOST_ROWS ? total - base : MOST_ROWS;
		int64_t kept = 0;
		arena_close(&work->texts);
		TRY(select_rows(expr->root, work, (Rows){.base = base, .count = n}, rows + found, &kept,
						err));
		found += kept;
	}
	*count = found;
	return ST_OK;
}

// ---- values ----

// What a result cannot carry is a failure of its row.
static void
check_results(Call *c)
{
	Kind kind = c->node->type.kind;
	for (int64_t i = 0; i < c->n; i++) {
		if (kind == KIND_HUGE && c->out.ok[i] &&
			(c->out.wides[i] < INT64_MIN || c->out.wides[i] > INT64_MAX))
			kernel_fail(c, i, "a HUGEINT beyond BIGINT; cast it to DECIMAL(38,0) or DOUBLE");
		if (kind == KIND_SPAN && c->out.ok[i] &&
			(c->out.spans[i].micros > INT64_MAX / 1000 ||
			 c->out.spans[i].micros < INT64_MIN / 1000))
			kernel_fail(c, i, "an interval of more than 292 years of seconds");
	}
}

void
vec_append(const Vec *v, Kind kind, int64_t i, ColumnBuilder *out)
{
	switch (kind) {
	case KIND_BOOL: column_add_bool(out, v->bools[i]); break;
	case KIND_FLOAT: column_add_bytes(out, slice_of(&v->floats[i], sizeof(float))); break;
	case KIND_DOUBLE: column_add_double(out, v->doubles[i]); break;
	case KIND_DECIMAL: column_add_bytes(out, slice_of(&v->wides[i], sizeof(Wide))); break;
	case KIND_HUGE:
	case KIND_UINT64: column_add_uint(out, (uint64_t)v->wides[i]); break;
	case KIND_TEXT:
	case KIND_BLOB: column_add_bytes(out, v->texts[i]); break;
	case KIND_SPAN: {
		Span span = v->spans[i];
		span.micros *= 1000;
		column_add_bytes(out, slice_of(&span, sizeof(span)));
		break;
	}
	default: column_add_int(out, v->ints[i]); break;
	}
}

// A column by itself keeps its unit.
static int64_t
own_unit(const Field *field, int64_t value)
{
	if (field->type.id != TYPE_TIMESTAMP || field->type.unit >= UNIT_US || field->type.zone == NULL)
		return value;
	return value / (field->type.unit == UNIT_S ? 1000000 : 1000);
}

static Status
append_rows(const Expr *expr, ExprWork *work, const Rows *rows, ColumnBuilder *out, Error *err)
{
	const Node *root = expr->root;
	const Field *field = expr_field(expr);
	TRY(node_eval(root, work, rows, err));
	Call c = {
		.node = root, .work = work, .rows = rows, .n = rows->count, .out = node_vec(work, root)};
	if (root->type.kind == KIND_HUGE || root->type.kind == KIND_SPAN)
		check_results(&c);
	if (root->type.kind == KIND_INSTANT)
		for (int64_t i = 0; i < c.n; i++)
			c.out.ints[i] = c.out.ok[i] ? own_unit(field, c.out.ints[i]) : 0;
	for (int64_t i = 0; i < c.n; i++) {
		if (c.out.ok[i] && !row_failed(work, rows, i))
			vec_append(&c.out, root->type.kind, i, out);
		else
			column_add_null(out);
	}
	if (work->status != ST_OK && err != NULL)
		*err = work->err;
	return work->status;
}

Status
expr_append(const Expr *expr, Batch *batch, const int32_t *rows, int64_t count, ExprWork *work,
			ColumnBuilder *out, Error *err)
{
	if (expr->root->type.kind == KIND_OTHER)
		return error_set(err, ST_UNIMPLEMENTED, "column '%s' is of a type that is only passed on",
						 expr_field(expr)->name);
	TRY(work_begin(work, expr, batch, count, err));
	for (int64_t base = 0; base < count; base += MOST_ROWS) {
		int64_t n = count - base < MOST_ROWS ? count - base : MOST_ROWS;
		arena_close(&work->texts);
		Rows some = rows != NULL ? (Rows){.list = rows + base, .count = n}
								 : (Rows){.base = base, .count = n};
		TRY(append_rows(expr, work, &some, out, err));
	}
	return ST_OK;
}
