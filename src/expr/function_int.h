// function_int.h - the functions there are: their overloads, and those that need more than that.

#pragma once

#include "expr/bind_int.h"

enum {
	ARG_EACH = KIND_COUNT, // each of the kinds of `each`, the same for all such arguments
	MOST_ARGS = 3,
};

typedef struct Overload {
	const char *name;
	uint32_t each;           // kinds; 0: none of the arguments is ARG_EACH
	uint8_t count;           // of arguments
	uint8_t args[MOST_ARGS]; // Kind, or ARG_EACH
	uint8_t result;          // Kind, or ARG_EACH
	const Kernels *kernels;  // by the shape of the first argument
	Kernel kernel;           // without `kernels`
	int64_t detail;
	// Decimals: which types the arguments are cast to, and which type comes out. `args` are bound.
	Status (*adjust)(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
					 int64_t *detail);
} Overload;

extern const Overload overloads[];
extern const size_t overload_count;

// Those that bind their arguments in ways of their own.
typedef struct Special {
	const char *name;
	Status (*bind)(Binder *b, int32_t position, Node **args, int32_t count, Node **out);
} Special;
extern const Special specials[];
extern const size_t special_count;

// The call of an overload's kernel with arguments that are of its types already.
Status node_call(Binder *b, NodeOp op, ExprType type, int32_t position, const char *name,
				 Kernel kernel, int64_t detail, Node *const *args, int32_t count, Node **out);

// decimal_rules.c: what `adjust` is of + and -, *, %, and of ceil, floor, round and trunc.
Status adjust_sum(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
				  int64_t *detail);
Status adjust_product(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
					  int64_t *detail);
Status adjust_modulo(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
					 int64_t *detail);
Status adjust_whole(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
					int64_t *detail);
Status adjust_round(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
					int64_t *detail);
Status adjust_same(Binder *b, Node **args, int32_t count, ExprType *types, ExprType *result,
				   int64_t *detail);
