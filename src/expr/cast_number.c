// cast_number.c - between truth values, integers, decimals and reals.

#include <math.h>

#include "expr/kernel_int.h"

static void
beyond(Call *c, int64_t i)
{
	char type[TYPE_TEXT];
	kernel_fail(c, i, "the value is out of the range of %s", type_text(c->node->type, type));
}

static ExprType
source(const Call *c)
{
	return c->node->children[0]->type;
}

// An integer or truth value, or the digits of a decimal.
static Wide
whole_at(const Vec *v, Shape shape, int64_t i)
{
	switch (shape) {
	case SHAPE_BOOL: return v->bools[i];
	case SHAPE_INT: return v->ints[i];
	default: return v->wides[i];
	}
}

// ---- to truth values ----

static void
whole_to_bool(Call *c)
{
	Shape shape = kind_shape(source(c).kind);
	EACH_ROW(c, i) c->out.bools[i] = whole_at(&c->in[0], shape, i) != 0;
}
static void
float_to_bool(Call *c)
{
	EACH_ROW(c, i) c->out.bools[i] = c->in[0].floats[i] != 0;
}
static void
double_to_bool(Call *c)
{
	EACH_ROW(c, i) c->out.bools[i] = c->in[0].doubles[i] != 0;
}

// ---- to integers ----

static void
put_whole(Call *c, int64_t i, Wide value)
{
	if (value < c->node->low || value > c->node->high)
		beyond(c, i);
	else if (kind_shape(c->node->type.kind) == SHAPE_INT)
		c->out.ints[i] = (int64_t)value;
	else
		c->out.wides[i] = value;
}

static void
int_to_int(Call *c)
{
	int64_t low = (int64_t)c->node->low, high = (int64_t)c->node->high;
	EACH_ROW(c, i)
	{
		int64_t value = c->in[0].ints[i];
		c->out.ints[i] = value;
		if (value < low || value > high)
			beyond(c, i);
	}
}

static void
whole_to_whole(Call *c)
{
	Shape shape = kind_shape(source(c).kind);
	EACH_ROW(c, i) put_whole(c, i, whole_at(&c->in[0], shape, i));
}

// Halves go away from zero.
static Wide
drop_digits(Wide value, Wide by)
{
	Wide half = by / 2;
	return by == 1 ? value : (value < 0 ? value - half : value + half) / by;
}

static void
decimal_to_whole(Call *c)
{
	Wide by = power_of_ten(source(c).scale);
	EACH_ROW(c, i) put_whole(c, i, drop_digits(c->in[0].wides[i], by));
}

// As queries do it: the range is that of the value as it is, and what rounding carries beyond it
// comes back at the other end.
static void
real_to_whole(Call *c, int64_t i, double value)
{
	double low = (double)c->node->low, above = (double)c->node->high + 1;
	if (!(value >= low && value < above)) {
		beyond(c, i);
		return;
	}
	Wide rounded = (Wide)nearbyint(value);
	put_whole(c, i, rounded > c->node->high ? c->node->low : rounded);
}
static void
float_to_whole(Call *c)
{
	EACH_ROW(c, i) real_to_whole(c, i, (double)c->in[0].floats[i]);
}
static void
double_to_whole(Call *c)
{
	EACH_ROW(c, i) real_to_whole(c, i, c->in[0].doubles[i]);
}

// ---- to decimals ----

static void
whole_to_decimal(Call *c)
{
	ExprType type = c->node->type;
	Shape shape = kind_shape(source(c).kind);
	Wide limit = power_of_ten(type.width - type.scale), by = power_of_ten(type.scale);
	EACH_ROW(c, i)
	{
		Wide value = whole_at(&c->in[0], shape, i);
		if (value >= limit || value <= -limit)
			beyond(c, i);
		else
			c->out.wides[i] = value * by;
	}
}

static void
bool_to_decimal(Call *c)
{
	ExprType type = c->node->type;
	Wide one = type.width > type.scale ? power_of_ten(type.scale) : type.scale > 0 ? 1 : 0;
	EACH_ROW(c, i) c->out.wides[i] = c->in[0].bools[i] ? one : 0;
}

static void
decimal_to_decimal(Call *c)
{
	ExprType from = source(c), to = c->node->type;
	int more = to.scale - from.scale;
	Wide by = power_of_ten(more < 0 ? -more : more), limit = power_of_ten(to.width);
	EACH_ROW(c, i)
	{
		Wide value = c->in[0].wides[i], result;
		bool wide = more >= 0 ? __builtin_mul_overflow(value, by, &result)
							  : (result = drop_digits(value, by), false);
		if (wide || result >= limit || result <= -limit)
			beyond(c, i);
		else
			c->out.wides[i] = result;
	}
}

static double
ten_to(int exponent)
{
	static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,
									1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
									1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29,
									1e30, 1e31, 1e32, 1e33, 1e34, 1e35, 1e36, 1e37, 1e38};
	return powers[exponent];
}

static bool
real_to_decimal(Call *c, int64_t i, double value, double *rounded)
{
	ExprType type = c->node->type;
	*rounded = round(value * ten_to(type.scale));
	bool inside = *rounded > -ten_to(type.width) && *rounded < ten_to(type.width);
	if (!inside)
		beyond(c, i);
	return inside;
}
static void
float_to_decimal(Call *c)
{
	double rounded;
	EACH_ROW(c, i)
	if (real_to_decimal(c, i, (double)c->in[0].floats[i], &rounded))
		c->out.wides[i] = (Wide)(float)rounded;
}
static void
double_to_decimal(Call *c)
{
	double rounded;
	EACH_ROW(c, i)
	if (real_to_decimal(c, i, c->in[0].doubles[i], &rounded))
		c->out.wides[i] = (Wide)rounded;
}

// ---- to reals ----

// 128 bits as the engine behind queries makes reals of them: by halves.
static double
huge_to_double(Wide value)
{
	int64_t upper = (int64_t)(value >> 64);
	uint64_t lower = (uint64_t)value;
	if (upper == -1)
		return -(double)(UINT64_MAX - lower) - 1;
	return (double)lower + (double)upper * (double)UINT64_MAX;
}

static float
huge_to_float(Wide value)
{
	return (float)huge_to_double(value);
}

#define TO_REAL(real, member, huge_to, exact)                                                      \
	static real real##_of_whole(Wide value, Kind kind)                                             \
	{                                                                                              \
		if (kind == KIND_UINT64)                                                                   \
			return (real)(uint64_t)value;                                                          \
		return kind == KIND_HUGE ? huge_to(value) : (real)(int64_t)value;                          \
	}                                                                                              \
	static void whole_to_##real(Call *c)                                                           \
	{                                                                                              \
		Kind kind = source(c).kind;                                                                \
		Shape shape = kind_shape(kind);                                                            \
		EACH_ROW(c, i) c->out.member[i] = real##_of_whole(whole_at(&c->in[0], shape, i), kind);    \
	}                                                                                              \
	static void decimal_to_##real(Call *c)                                                         \
	{                                                                                              \
		ExprType from = source(c);                                                                 \
		Wide by = power_of_ten(from.scale);                                                        \
		real divisor = (real)ten_to(from.scale);                                                   \
		Kind kind = from.width > 18 ? KIND_HUGE : KIND_INT64;                                      \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			Wide value = c->in[0].wides[i];                                                        \
			if ((value <= (exact) && value >= -(exact)) || from.scale == 0)                        \
				c->out.member[i] = real##_of_whole(value, kind) / divisor;                         \
			else                                                                                   \
				c->out.member[i] = real##_of_whole(value / by, kind) +                             \
								   real##_of_whole(value % by, kind) / divisor;                    \
		}                                                                                          \
	}
TO_REAL(float, floats, huge_to_float, (Wide)1 << 24)
TO_REAL(double, doubles, huge_to_double, (Wide)1 << 53)

static void
float_to_double(Call *c)
{
	EACH_ROW(c, i) c->out.doubles[i] = (double)c->in[0].floats[i];
}
static void
double_to_float(Call *c)
{
	EACH_ROW(c, i)
	{
		c->out.floats[i] = (float)c->in[0].doubles[i];
		if (isinf(c->out.floats[i]) && !isinf(c->in[0].doubles[i]))
			beyond(c, i);
	}
}

// ---- which ----

static Kernel
to_integer(Kind from)
{
	switch (from) {
	case KIND_FLOAT: return float_to_whole;
	case KIND_DOUBLE: return double_to_whole;
	case KIND_DECIMAL: return decimal_to_whole;
	default: return whole_to_whole;
	}
}

static Kernel
to_decimal(Kind from)
{
	switch (from) {
	case KIND_BOOL: return bool_to_decimal;
	case KIND_FLOAT: return float_to_decimal;
	case KIND_DOUBLE: return double_to_decimal;
	case KIND_DECIMAL: return decimal_to_decimal;
	default: return whole_to_decimal;
	}
}

static Kernel
to_real(Kind from, Kind to)
{
	if (from == KIND_DECIMAL)
		return to == KIND_FLOAT ? decimal_to_float : decimal_to_double;
	if (from == KIND_FLOAT)
		return float_to_double;
	if (from == KIND_DOUBLE)
		return double_to_float;
	return to == KIND_FLOAT ? whole_to_float : whole_to_double;
}

Kernel
cast_number_kernel(ExprType from, ExprType to)
{
	const uint32_t kinds = KINDS_NUMERIC | kind_bit(KIND_BOOL);
	if (!kind_in(from.kind, kinds) || !kind_in(to.kind, kinds))
		return NULL;
	bool small = kind_shape(from.kind) == SHAPE_INT && kind_shape(to.kind) == SHAPE_INT;
	if (small)
		return int_to_int;
	if (to.kind == KIND_BOOL)
		return from.kind == KIND_FLOAT    ? float_to_bool
			   : from.kind == KIND_DOUBLE ? double_to_bool
										  : whole_to_bool;
	if (to.kind == KIND_DECIMAL)
		return to_decimal(from.kind);
	return kind_in(to.kind, KINDS_REAL) ? to_real(from.kind, to.kind) : to_integer(from.kind);
}
