// bind_int.h - from a parse tree to typed nodes: names, types, casts and overloads.

#pragma once

#include "expr/kernel_int.h"
#include "expr/tree.h"

typedef struct Binder {
	const ExprScope *scope;
	Expr *expr;
	ExprWork *work; // what constants are computed with
	int32_t parts;  // nodes so far
	int32_t depth;
	Error *err;
} Binder;

enum { MOST_PARTS = 10000, MOST_DEPTH = 1000 };

Status bind_tree(Binder *b, const json_t *tree, Node **out);
// Those of an array under `key`, in `from` and behind it.
Status bind_children(Binder *b, const json_t *tree, const char *key, Node ***out, int32_t *count);
Status bind_operator(Binder *b, const json_t *tree, Node **out); // operator.c
Status bind_function(Binder *b, const json_t *tree, Node **out); // function.c
Status bind_constant(Binder *b, const json_t *tree, Node **out); // constant.c
Status bind_parameter(Binder *b, const json_t *tree, Node **out);
// A type as the tree writes it. ST_UNIMPLEMENTED names one that expressions do not know.
Status tree_type(Binder *b, const json_t *type, int32_t position, ExprType *out);

Status bind_compare(Binder *b, CompareWay way, int32_t position, Node *left, Node *right,
					Node **out);
// parts: when, then, when, then, …, else
Status bind_choice(Binder *b, Node **parts, int32_t count, int32_t position, Node **out);
// A comparison of the time column with an instant; *was false: it is another one, and nothing was
// done. instant.c
Status bind_instant_compare(Binder *b, CompareWay way, int32_t position, Node *left, Node *right,
							Node **out, bool *was);

// ---- nodes ----

// With room for `count` children, which the caller fills in, and then calls node_done.
Status node_new(Binder *b, NodeOp op, ExprType type, int32_t position, const char *name,
				int32_t count, Node **out);
// Computes what depends on constants only, now.
Status node_done(Binder *b, Node **node);
// Lays out the vectors of a tree; the bytes of a row.
size_t node_layout(Node *node, size_t at);
// The value of a folded node; false: it is none, or NULL.
bool node_constant(const Node *node, Value *out);
// A constant of its own, for what is made here.
Status node_value(Binder *b, ExprType type, const Value *value, int32_t position, Node **out);

// As `type`: itself if it is that already. ST_INVALID where there is no such cast, and for literals
// that do not fit where the rules, not the user, ask for it.
Status node_cast(Binder *b, Node *node, ExprType type, Node **out);

// ---- type rules ----

// A type as the rules see it: literals take the type of what they meet.
typedef enum TermKind { TERM_PLAIN, TERM_INTEGER, TERM_TEXT } TermKind;
typedef struct Term {
	ExprType type;
	TermKind literal;
	Wide value; // TERM_INTEGER
} Term;

Term term_of(const Node *node);
Term term_plain(ExprType type);

// What it costs the choice of overloads to take a term as a kind; negative: it cannot be.
// KIND_DECIMAL stands for one of any width.
int term_cost(Term from, Kind to);
// The type that values of both fit; false: there is none.
bool term_max(Term a, Term b, Term *out);
// The same for comparisons; equality finds one for any two.
bool term_compare(Term a, Term b, bool equality, Term *out);

// ST_INVALID at the node, about two types.
Status refuse_types(Binder *b, int32_t position, const char *what, ExprType x, ExprType y);
Status refuse_unbuilt(Binder *b, int32_t position, const char *what);
