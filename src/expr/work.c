// work.c - evaluation: memory of vectors, the walk over the nodes, failures of rows.

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arrow/bits.h"
#include "base/mem.h"
#include "expr/node_int.h"

enum { LEAST_ROWS = 64, WORST_ARGUMENTS = 8, MOST_TEXTS = 256 << 20 };

Status
expr_work_new(ExprFaults faults, ExprWork **out, Error *err)
{
	ExprWork *work = mem_alloc(sizeof(*work));
	if (work == NULL)
		return error_no_memory(err, "an evaluation");
	work->faults = faults;
	*out = work;
	return ST_OK;
}

void
expr_work_free(ExprWork *work)
{
	if (work == NULL)
		return;
	arena_close(&work->texts);
	mem_free(work->block);
	mem_free(work->failed);
	mem_free(work);
}

ExprCounts
expr_work_counts(const ExprWork *work)
{
	return work->counts;
}

// The same bytes mean the same values: which zone it is does not matter, nor what the columns are
// called. A column of type null stands for one of NULLs.
static bool
fits(const Node *node, const Schema *source, const Schema *other)
{
	for (int32_t i = 0; i < node->count; i++)
		if (!fits(node->children[i], source, other))
			return false;
	if (node->op != NODE_COLUMN)
		return true;
	const Field *a = schema_field(source, node->column), *b = schema_field(other, node->column);
	if (b->type.id == TYPE_NULL)
		return true;
	Kind kind = type_of_field(a).kind;
	bool scaled = kind == KIND_INSTANT && a->type.unit != b->type.unit;
	return !scaled && type_same(type_of_field(a), type_of_field(b)) &&
		   (kind != KIND_OTHER || a->type.id == b->type.id);
}

static Status
check_batch(const Expr *expr, const Batch *batch, Error *err)
{
	const Schema *other = batch != NULL ? batch_schema(batch) : expr->source;
	if (other == expr->source ||
		(schema_field_count(other) >= expr->columns && fits(expr->root, expr->source, other)))
		return ST_OK;
	return error_set(err, ST_INTERNAL, "an expression meets rows of another schema");
}

// None has failed yet.
static Status
clear_failed(ExprWork *work, const Batch *batch, Error *err)
{
	size_t bytes = batch != NULL ? bits_bytes(batch_rows(batch)) : 0;
	if (work->faults == EXPR_FAULTS_FAIL || (bytes <= work->failed_bytes && !work->any_failed))
		return ST_OK;
	if (bytes > work->failed_bytes) {
		uint8_t *failed = mem_alloc(bytes);
		if (failed == NULL)
			return error_no_memory(err, "an evaluation");
		mem_free(work->failed);
		work->failed = failed;
		work->failed_bytes = bytes;
	}
	memset(work->failed, 0, work->failed_bytes);
	work->any_failed = false;
	return ST_OK;
}

Status
work_begin(ExprWork *work, const Expr *expr, const Batch *batch, int64_t rows, Error *err)
{
	TRY(check_batch(expr, batch, err));
	int64_t capacity = rows <= LEAST_ROWS ? LEAST_ROWS : MOST_ROWS;
	size_t size = expr->row_bytes * (size_t)capacity;
	if (size > work->size) {
		uint8_t *block = mem_alloc_aligned(size);
		if (block == NULL)
			return error_no_memory(err, "an evaluation");
		mem_free(work->block);
		work->block = block;
		work->size = size;
	}
	TRY(clear_failed(work, batch, err));
	work->capacity = capacity;
	work->batch = batch;
	work->status = ST_OK;
	arena_close(&work->texts);
	return ST_OK;
}

// The values first, then a byte a row, then room for two lists of rows where parts are evaluated
// for some rows only.
Vec
node_vec(const ExprWork *work, const Node *node)
{
	uint8_t *at = work->block + node->at * (size_t)work->capacity;
	size_t values = shape_bytes(kind_shape(node->type.kind)) * (size_t)work->capacity;
	return (Vec){.ok = at + values, .any = at};
}

static int32_t *
node_lists(const ExprWork *work, const Node *node)
{
	return (int32_t *)(void *)(node_vec(work, node).ok + work->capacity);
}

// ---- failures ----

bool
row_failed(const ExprWork *work, const Rows *rows, int64_t i)
{
	return work->any_failed && bit_get(work->failed, rows_at(rows, i));
}

void
kernel_fail(Call *c, int64_t i, const char *fmt, ...)
{
	c->out.ok[i] = 0;
	ExprWork *work = c->work;
	if (c->node->trying)
		return;
	if (work->faults == EXPR_FAULTS_NULL) {
		int64_t row = rows_at(c->rows, i);
		work->counts.faults += !bit_get(work->failed, row);
		bit_set(work->failed, row, true);
		work->any_failed = true;
		return;
	}
	if (work->status != ST_OK)
		return;
	char why[256];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	// Without a batch it is a constant of the statement.
	work->status =
		work->batch == NULL
			? error_set_at(&work->err, ST_INVALID, c->node->position, "%s: %s", c->node->name, why)
			: error_set_at(&work->err, ST_INVALID, c->node->position, "%s in row %lld: %s",
						   c->node->name, (long long)rows_at(c->rows, i), why);
}

void
call_zero(Call *c, int64_t i)
{
	c->out.ok[i] = 0;
	c->work->counts.zeros++;
}

uint8_t *
kernel_text(Call *c, int64_t i, size_t len)
{
	ExprWork *work = c->work;
	bool many = len > MOST_TEXTS || work->texts.used > MOST_TEXTS - len;
	uint8_t *text = many ? NULL : arena_alloc(&work->texts, len);
	if (many && work->status == ST_OK)
		work->status = error_set_at(&work->err, ST_LIMIT, c->node->position,
									"the texts that %s makes of %d rows take more than 256 MiB",
									c->node->name, MOST_ROWS);
	else if (text == NULL && work->status == ST_OK)
		work->status = error_no_memory(&work->err, "a text");
	if (text == NULL)
		c->out.ok[i] = 0;
	return text;
}

// ---- the walk ----

static void
eval_constant(const Node *node, const Call *c)
{
	memset(c->out.ok, !node->null, (size_t)c->n);
	if (node->null)
		return;
	size_t bytes = shape_bytes(kind_shape(node->type.kind));
	for (int64_t i = 0; i < c->n; i++)
		memcpy((uint8_t *)c->out.any + (size_t)i * bytes, &node->value, bytes);
}

static Status
eval_arguments(const Node *node, ExprWork *work, const Rows *rows, Error *err)
{
	for (int32_t i = 0; i < node->count; i++)
		TRY(node_eval(node->children[i], work, rows, err));
	return ST_OK;
}

static void
mark_nulls(const Call *c)
{
	memset(c->out.ok, 1, (size_t)c->n);
	for (int32_t k = 0; k < c->count; k++) {
		const uint8_t *ok = c->in[k].ok;
		for (int64_t i = 0; i < c->n; i++)
			c->out.ok[i] &= ok[i];
	}
}

static Status
eval_call(const Node *node, ExprWork *work, Call *c, Error *err)
{
	TRY(eval_arguments(node, work, c->rows, err));
	Vec few[WORST_ARGUMENTS];
	Vec *in = few;
	if (node->count > WORST_ARGUMENTS)
		in = arena_array(&work->texts, (size_t)node->count, sizeof(Vec));
	if (in == NULL)
		return error_no_memory(err, "an evaluation");
	for (int32_t i = 0; i < node->count; i++)
		in[i] = node_vec(work, node->children[i]);
	c->in = in;
	c->count = node->count;
	if (node->op == NODE_CALL)
		mark_nulls(c);
	node->kernel(c);
	return ST_OK;
}

// ---- for some rows only ----

// Rows that still have no answer: where they are in the batch, and in the vector of the node.
typedef struct Left {
	int32_t *rows;
	int32_t *at;
	int64_t count;
} Left;

static Left
left_all(const Call *c)
{
	int32_t *lists = node_lists(c->work, c->node);
	Left left = {lists, lists + c->work->capacity, c->n};
	for (int64_t i = 0; i < c->n; i++) {
		left.rows[i] = (int32_t)rows_at(c->rows, i);
		left.at[i] = (int32_t)i;
	}
	return left;
}

static void
put_value(const Call *c, int64_t to, const Vec *from, int64_t i)
{
	size_t bytes = shape_bytes(kind_shape(c->node->type.kind));
	c->out.ok[to] = from->ok[i];
	memcpy((uint8_t *)c->out.any + (size_t)to * bytes, (uint8_t *)from->any + (size_t)i * bytes,
		   bytes);
}

// Swaps the rows that are chosen to the front, each part in its order; how many they are.
// `spare` has room for them.
static int64_t
partition(Left *left, const Vec *when, int32_t *spare)
{
	int64_t chosen = 0, others = 0, count = left->count;
	for (int pass = 0; pass < 2; pass++) {
		int32_t *list = pass == 0 ? left->rows : left->at;
		chosen = others = 0;
		for (int64_t i = 0; i < count; i++) {
			if (when->ok[i] && when->bools[i])
				list[chosen++] = list[i];
			else
				spare[others++] = list[i];
		}
		memcpy(list + chosen, spare, (size_t)others * sizeof(*spare));
	}
	return chosen;
}

static Status
eval_for(const Node *child, const Call *c, const int32_t *rows, const int32_t *at, int64_t count,
		 Error *err)
{
	if (count == 0)
		return ST_OK;
	Rows some = {.list = rows, .count = count};
	TRY(node_eval(child, c->work, &some, err));
	Vec values = node_vec(c->work, child);
	for (int64_t i = 0; i < count; i++)
		put_value(c, at[i], &values, i);
	return ST_OK;
}

static Status
eval_case(const Node *node, Call *c, Error *err)
{
	Left left = left_all(c);
	int32_t *spare = left.at + c->work->capacity;
	for (int32_t k = 0; k + 1 < node->count && left.count > 0; k += 2) {
		Rows some = {.list = left.rows, .count = left.count};
		TRY(node_eval(node->children[k], c->work, &some, err));
		Vec when = node_vec(c->work, node->children[k]);
		int64_t chosen = partition(&left, &when, spare);
		TRY(eval_for(node->children[k + 1], c, left.rows, left.at, chosen, err));
		left.rows += chosen;
		left.at += chosen;
		left.count -= chosen;
	}
	return eval_for(node->children[node->count - 1], c, left.rows, left.at, left.count, err);
}

static Status
eval_coalesce(const Node *node, Call *c, Error *err)
{
	Left left = left_all(c);
	memset(c->out.ok, 0, (size_t)c->n);
	for (int32_t k = 0; k < node->count && left.count > 0; k++) {
		TRY(eval_for(node->children[k], c, left.rows, left.at, left.count, err));
		int64_t still = 0;
		for (int64_t i = 0; i < left.count; i++) {
			if (c->out.ok[left.at[i]])
				continue;
			left.rows[still] = left.rows[i];
			left.at[still++] = left.at[i];
		}
		left.count = still;
	}
	return ST_OK;
}

Status
node_eval(const Node *node, ExprWork *work, const Rows *rows, Error *err)
{
	assert(rows->count <= work->capacity);
	Call c = {
		.node = node, .work = work, .rows = rows, .n = rows->count, .out = node_vec(work, node)};
	switch (node->op) {
	case NODE_COLUMN:
		column_load(&c, schema_field(batch_schema(work->batch), node->column),
					batch_column(work->batch, node->column));
		break;
	case NODE_CONSTANT: eval_constant(node, &c); break;
	case NODE_CALL:
	case NODE_FREE: TRY(eval_call(node, work, &c, err)); break;
	case NODE_CASE: TRY(eval_case(node, &c, err)); break;
	case NODE_COALESCE: TRY(eval_coalesce(node, &c, err)); break;
	}
	if (work->status == ST_OK)
		return ST_OK;
	if (err != NULL)
		*err = work->err;
	return work->status;
}
