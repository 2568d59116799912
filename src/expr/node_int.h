// node_int.h - a compiled expression: a tree of nodes, each with a vector of its own.

#pragma once

#include "arrow/batch.h"
#include "expr/expr.h"
#include "expr/kind_int.h"

typedef struct Node Node;
typedef struct Call Call;

// Computes c->out from c->in. Rows whose c->out.ok is 0 are NULL already and left alone.
typedef void (*Kernel)(Call *c);

// One for each shape that an operation takes; NULL: it does not take it.
typedef struct Kernels {
	Kernel of[SHAPE_COUNT];
} Kernels;

typedef enum NodeOp {
	NODE_COLUMN,
	NODE_CONSTANT,
	NODE_CALL, // all arguments, then the kernel; NULL where one of them is
	NODE_FREE, // the same, but the kernel decides about NULL
	NODE_CASE, // when, then, when, then, …, else: each only for the rows that need it
	NODE_COALESCE,
} NodeOp;

typedef union Value {
	uint8_t truth;
	int64_t whole;
	Wide wide;
	float single;
	double real;
	Slice text;
	Span span;
} Value;

struct Node {
	NodeOp op;
	ExprType type;
	int32_t position;
	const char *name; // for error texts
	Kernel kernel;
	Node **children;
	int32_t count;
	int32_t column;
	bool null;    // NODE_CONSTANT
	Value value;  // NODE_CONSTANT
	bool literal; // a constant as it was written, or a parameter: takes the type of what it meets
	bool raising; // a cast of a literal that the type rules put in: a failure is one of the
				  // statement
	bool trying;  // TRY_CAST: a failure is NULL, and not counted
	Wide low;     // of results, by type
	Wide high;
	int64_t detail; // what the kernel was bound to
	size_t at;      // of its vector: bytes before it, for one row
};

enum { MOST_ARGUMENTS = 10000 };

struct Expr {
	Arena arena;
	Node *root;
	Schema *source;  // of the batches
	Schema *schema;  // of one field: what it gives
	int32_t columns; // that the batch must have
	size_t row_bytes;
	ExprEquals *equals;
	int32_t equals_count;
	bool truth; // `root` is of BOOLEAN
};

// ---- vectors ----

typedef struct Vec {
	uint8_t *ok; // one byte a row; 0: NULL
	union {
		void *any;
		uint8_t *bools;
		int64_t *ints;
		Wide *wides;
		float *floats;
		double *doubles;
		Slice *texts;
		Span *spans;
	};
} Vec;

// Rows of the batch: base, base + 1, … or those listed.
typedef struct Rows {
	const int32_t *list; // NULL: all from `base`
	int64_t base;
	int64_t count;
} Rows;

static inline int64_t
rows_at(const Rows *rows, int64_t i)
{
	return rows->list != NULL ? rows->list[i] : rows->base + i;
}

struct ExprWork {
	ExprFaults faults;
	ExprCounts counts;
	uint8_t *block; // vectors of `capacity` rows
	size_t size;
	int64_t capacity;
	Arena texts;     // of the rows at hand
	uint8_t *failed; // a bit for each row of the batch, where failures are NULL
	size_t failed_bytes;
	bool any_failed;
	const Batch *batch;
	Status status; // of the first failure
	Error err;
};

struct Call {
	const Node *node;
	ExprWork *work;
	const Rows *rows;
	int64_t n;
	Vec out;
	const Vec *in;
	int32_t count; // of `in`
};

enum { MOST_ROWS = 1024 }; // at a time

// A value that is not NULL to a column of its type.
void vec_append(const Vec *v, Kind kind, int64_t i, ColumnBuilder *out);

Vec node_vec(const ExprWork *work, const Node *node);

// The vectors of up to MOST_ROWS rows of the batch. A failure of a row is not one of this.
Status node_eval(const Node *node, ExprWork *work, const Rows *rows, Error *err);
Status work_begin(ExprWork *work, const Expr *expr, const Batch *batch, int64_t rows, Error *err);

// Row i of a call cannot be computed. The text says why; expression and row are added.
bool row_failed(const ExprWork *work, const Rows *rows, int64_t i);
void kernel_fail(Call *c, int64_t i, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
void call_zero(Call *c, int64_t i); // a division by zero
// Memory for a text of row i; NULL: there is none, and the evaluation fails.
uint8_t *kernel_text(Call *c, int64_t i, size_t len);

// Loads rows of a column. load.c
void column_load(Call *c, const Field *field, const Column *column);
