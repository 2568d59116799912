// arithmetic.c - + - * / // % on numbers. What leaves the range of its type is a failure; a zero
// that divides gives NULL.

#include <math.h>

#include "expr/kernel_int.h"

static void
overflow(Call *c, int64_t i)
{
	char type[TYPE_TEXT];
	kernel_fail(c, i, "the result is out of the range of %s", type_text(c->node->type, type));
}

// A whole number from two, where the builtin tells overflow and the type has a range.
#define WHOLE(name, member, wide, builtin)                                                         \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		const wide low = (wide)c->node->low, high = (wide)c->node->high;                           \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			wide *out = &c->out.member[i];                                                         \
			if (builtin(c->in[0].member[i], c->in[1].member[i], out) || *out < low || *out > high) \
				overflow(c, i);                                                                    \
		}                                                                                          \
	}
#define REAL(name, member, sign)                                                                   \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		for (int64_t i = 0; i < c->n; i++)                                                         \
			c->out.member[i] = c->in[0].member[i] sign c->in[1].member[i];                         \
	}

WHOLE(add_ints, ints, int64_t, __builtin_add_overflow)
WHOLE(add_wides, wides, Wide, __builtin_add_overflow)
REAL(add_floats, floats, +)
REAL(add_doubles, doubles, +)
const Kernels ADD = {{[SHAPE_INT] = add_ints,
					  [SHAPE_WIDE] = add_wides,
					  [SHAPE_FLOAT] = add_floats,
					  [SHAPE_DOUBLE] = add_doubles}};

WHOLE(subtract_ints, ints, int64_t, __builtin_sub_overflow)
WHOLE(subtract_wides, wides, Wide, __builtin_sub_overflow)
REAL(subtract_floats, floats, -)
REAL(subtract_doubles, doubles, -)
const Kernels SUBTRACT = {{[SHAPE_INT] = subtract_ints,
						   [SHAPE_WIDE] = subtract_wides,
						   [SHAPE_FLOAT] = subtract_floats,
						   [SHAPE_DOUBLE] = subtract_doubles}};

WHOLE(multiply_ints, ints, int64_t, __builtin_mul_overflow)
WHOLE(multiply_wides, wides, Wide, __builtin_mul_overflow)
REAL(multiply_floats, floats, *)
REAL(multiply_doubles, doubles, *)
const Kernels MULTIPLY = {{[SHAPE_INT] = multiply_ints,
						   [SHAPE_WIDE] = multiply_wides,
						   [SHAPE_FLOAT] = multiply_floats,
						   [SHAPE_DOUBLE] = multiply_doubles}};

// ---- division ----

#define QUOTIENT(name, member, wide, result)                                                       \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		const wide low = c->node->type.kind == KIND_DECIMAL ? 0 : (wide)c->node->low;              \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			wide x = c->in[0].member[i], y = c->in[1].member[i];                                   \
			if (y == 0)                                                                            \
				call_zero(c, i);                                                                   \
			else if (y == -1 && x == low && low != 0)                                              \
				overflow(c, i);                                                                    \
			else                                                                                   \
				c->out.member[i] = result;                                                         \
		}                                                                                          \
	}
#define REAL_QUOTIENT(name, member, real, result)                                                  \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			real x = c->in[0].member[i], y = c->in[1].member[i];                                   \
			if (y == 0)                                                                            \
				call_zero(c, i);                                                                   \
			else                                                                                   \
				c->out.member[i] = result;                                                         \
		}                                                                                          \
	}

REAL_QUOTIENT(divide_floats, floats, float, x / y)
REAL_QUOTIENT(divide_doubles, doubles, double, x / y)
const Kernels DIVIDE = {{[SHAPE_FLOAT] = divide_floats, [SHAPE_DOUBLE] = divide_doubles}};

QUOTIENT(divide_ints, ints, int64_t, x / y)
QUOTIENT(divide_wides, wides, Wide, x / y)
const Kernels WHOLE_DIVIDE = {{[SHAPE_INT] = divide_ints,
							   [SHAPE_WIDE] = divide_wides,
							   [SHAPE_FLOAT] = divide_floats,
							   [SHAPE_DOUBLE] = divide_doubles}};

QUOTIENT(modulo_ints, ints, int64_t, x % y)
QUOTIENT(modulo_wides, wides, Wide, x % y)
REAL_QUOTIENT(modulo_floats, floats, float, fmodf(x, y))
REAL_QUOTIENT(modulo_doubles, doubles, double, fmod(x, y))
const Kernels MODULO = {{[SHAPE_INT] = modulo_ints,
						 [SHAPE_WIDE] = modulo_wides,
						 [SHAPE_FLOAT] = modulo_floats,
						 [SHAPE_DOUBLE] = modulo_doubles}};

// ---- sign ----

// Without a sign it wraps, as in queries.
#define NEGATED(name, member, wide)                                                                \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		const wide low = (wide)c->node->low, high = (wide)c->node->high;                           \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			wide x = c->in[0].member[i];                                                           \
			if (x == low && low != 0 && c->node->type.kind != KIND_DECIMAL)                        \
				overflow(c, i);                                                                    \
			else                                                                                   \
				c->out.member[i] = low == 0 && x != 0 ? high - x + 1 : -x;                         \
		}                                                                                          \
	}
NEGATED(negate_ints, ints, int64_t)
NEGATED(negate_wides, wides, Wide)

static void
negate_floats(Call *c)
{
	for (int64_t i = 0; i < c->n; i++)
		c->out.floats[i] = -c->in[0].floats[i];
}

static void
negate_doubles(Call *c)
{
	for (int64_t i = 0; i < c->n; i++)
		c->out.doubles[i] = -c->in[0].doubles[i];
}

const Kernels NEGATE = {{[SHAPE_INT] = negate_ints,
						 [SHAPE_WIDE] = negate_wides,
						 [SHAPE_FLOAT] = negate_floats,
						 [SHAPE_DOUBLE] = negate_doubles}};
