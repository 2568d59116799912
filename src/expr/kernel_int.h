// kernel_int.h - the operations, by what they are about.

#pragma once

#include "expr/node_int.h"

// For each row that has values.
#define EACH_ROW(c, i)                                                                             \
	for (int64_t i = 0; i < (c)->n; i++)                                                           \
		if ((c)->out.ok[i])

// arithmetic.c
extern const Kernels ADD, SUBTRACT, MULTIPLY, DIVIDE, WHOLE_DIVIDE, MODULO, NEGATE;

// compare.c. `detail` of the node is a CompareWay.
typedef enum CompareWay {
	COMPARE_EQ,
	COMPARE_NE,
	COMPARE_LT,
	COMPARE_LE,
	COMPARE_GT,
	COMPARE_GE,
	COMPARE_SAME, // IS NOT DISTINCT FROM
	COMPARE_OTHER // IS DISTINCT FROM
} CompareWay;
void compare_values(Call *c);  // NODE_CALL, and NODE_FREE for SAME and OTHER
void compare_list(Call *c);    // NODE_FREE: IN; `detail` 1: NOT IN
void compare_extreme(Call *c); // NODE_FREE: least; `detail` 1: greatest
int compare_texts(Slice a, Slice b);

// logic.c
void logic_and(Call *c); // NODE_FREE
void logic_or(Call *c);  // NODE_FREE
void logic_not(Call *c);
void logic_is_null(Call *c); // NODE_FREE; `detail` 1: IS NOT NULL

// cast_*.c: from the type of the argument to that of the node; NULL: there is no such cast.
Kernel cast_kernel(ExprType from, ExprType to);
Kernel cast_number_kernel(ExprType from, ExprType to);
Kernel cast_time_kernel(ExprType from, ExprType to);
Kernel cast_read_kernel(ExprType to);    // from text
Kernel cast_write_kernel(ExprType from); // to text

// math.c
extern const Kernels SAME_VALUE, ABSOLUTE, SIGN, CEILING, FLOOR, ROUND, TRUNCATE, ROUND_TO;
extern const Kernels SQUARE_ROOT, CUBE_ROOT, EXPONENTIAL, LOGARITHM, LOGARITHM_2, LOGARITHM_10,
	POWER;
extern const Kernels SINE, COSINE, TANGENT, IS_NAN, IS_INFINITE, IS_FINITE;
