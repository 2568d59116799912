// math.c - functions of numbers.

#include <math.h>

#include "expr/kernel_int.h"

// ---- reals ----

#define REAL_FUNCTION(name, single, real)                                                          \
	static void name##_floats(Call *c)                                                             \
	{                                                                                              \
		EACH_ROW(c, i) c->out.floats[i] = single(c->in[0].floats[i]);                              \
	}                                                                                              \
	static void name##_doubles(Call *c)                                                            \
	{                                                                                              \
		EACH_ROW(c, i) c->out.doubles[i] = real(c->in[0].doubles[i]);                              \
	}
#define DOUBLE_FUNCTION(name, NAME, real)                                                          \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i) c->out.doubles[i] = real(c->in[0].doubles[i]);                              \
	}                                                                                              \
	const Kernels NAME = {{[SHAPE_DOUBLE] = name}};

DOUBLE_FUNCTION(cube_root, CUBE_ROOT, cbrt)
DOUBLE_FUNCTION(exponential, EXPONENTIAL, exp)

// Of what is infinite there is none.
#define ANGLE_FUNCTION(name, NAME, real)                                                           \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			if (isinf(c->in[0].doubles[i]))                                                        \
				kernel_fail(c, i, "an angle is finite");                                           \
			else                                                                                   \
				c->out.doubles[i] = real(c->in[0].doubles[i]);                                     \
		}                                                                                          \
	}                                                                                              \
	const Kernels NAME = {{[SHAPE_DOUBLE] = name}};
ANGLE_FUNCTION(sine, SINE, sin)
ANGLE_FUNCTION(cosine, COSINE, cos)
ANGLE_FUNCTION(tangent, TANGENT, tan)

static void
square_root(Call *c)
{
	EACH_ROW(c, i)
	{
		double x = c->in[0].doubles[i];
		if (x < 0)
			kernel_fail(c, i, "there is no square root of a negative number");
		else
			c->out.doubles[i] = sqrt(x);
	}
}
const Kernels SQUARE_ROOT = {{[SHAPE_DOUBLE] = square_root}};

static void
logarithms(Call *c, double (*of)(double))
{
	EACH_ROW(c, i)
	{
		double x = c->in[0].doubles[i];
		if (x <= 0)
			kernel_fail(c, i, "there is no logarithm of zero or a negative number");
		else
			c->out.doubles[i] = of(x);
	}
}
static void
logarithm(Call *c)
{
	logarithms(c, log);
}
static void
logarithm_2(Call *c)
{
	logarithms(c, log2);
}
static void
logarithm_10(Call *c)
{
	logarithms(c, log10);
}
const Kernels LOGARITHM = {{[SHAPE_DOUBLE] = logarithm}};
const Kernels LOGARITHM_2 = {{[SHAPE_DOUBLE] = logarithm_2}};
const Kernels LOGARITHM_10 = {{[SHAPE_DOUBLE] = logarithm_10}};

static void
power(Call *c)
{
	EACH_ROW(c, i) c->out.doubles[i] = pow(c->in[0].doubles[i], c->in[1].doubles[i]);
}
const Kernels POWER = {{[SHAPE_DOUBLE] = power}};

#define REAL_TEST(name, NAME, test)                                                                \
	static void name##_floats(Call *c)                                                             \
	{                                                                                              \
		EACH_ROW(c, i) c->out.bools[i] = (uint8_t)(test(c->in[0].floats[i]) != 0);                 \
	}                                                                                              \
	static void name##_doubles(Call *c)                                                            \
	{                                                                                              \
		EACH_ROW(c, i) c->out.bools[i] = (uint8_t)(test(c->in[0].doubles[i]) != 0);                \
	}                                                                                              \
	const Kernels NAME = {{[SHAPE_FLOAT] = name##_floats, [SHAPE_DOUBLE] = name##_doubles}};
REAL_TEST(is_nan, IS_NAN, isnan)
REAL_TEST(is_infinite, IS_INFINITE, isinf)
REAL_TEST(is_finite, IS_FINITE, isfinite)

// ---- sign ----

static void
absolute_ints(Call *c)
{
	EACH_ROW(c, i)
	{
		int64_t x = c->in[0].ints[i];
		if (x == (int64_t)c->node->low && x < 0)
			kernel_fail(c, i, "the absolute value is out of range");
		else
			c->out.ints[i] = x < 0 ? -x : x;
	}
}
static void
absolute_wides(Call *c)
{
	EACH_ROW(c, i)
	{
		Wide x = c->in[0].wides[i];
		if (c->node->type.kind == KIND_HUGE && x == c->node->low)
			kernel_fail(c, i, "the absolute value is out of range");
		else
			c->out.wides[i] = x < 0 ? -x : x;
	}
}
REAL_FUNCTION(absolute, fabsf, fabs)
const Kernels ABSOLUTE = {{[SHAPE_INT] = absolute_ints,
						   [SHAPE_WIDE] = absolute_wides,
						   [SHAPE_FLOAT] = absolute_floats,
						   [SHAPE_DOUBLE] = absolute_doubles}};

#define SIGN_OF(name, member)                                                                      \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i) c->out.ints[i] = (c->in[0].member[i] > 0) - (c->in[0].member[i] < 0);       \
	}
SIGN_OF(sign_ints, ints)
SIGN_OF(sign_wides, wides)
SIGN_OF(sign_floats, floats)
SIGN_OF(sign_doubles, doubles)
const Kernels SIGN = {{[SHAPE_INT] = sign_ints,
					   [SHAPE_WIDE] = sign_wides,
					   [SHAPE_FLOAT] = sign_floats,
					   [SHAPE_DOUBLE] = sign_doubles}};

// ---- whole numbers ----

#define SAME(name, member)                                                                         \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		EACH_ROW(c, i) c->out.member[i] = c->in[0].member[i];                                      \
	}
SAME(same_ints, ints)
SAME(same_wides, wides)
SAME(same_floats, floats)
SAME(same_doubles, doubles)
const Kernels SAME_VALUE = {{[SHAPE_INT] = same_ints,
							 [SHAPE_WIDE] = same_wides,
							 [SHAPE_FLOAT] = same_floats,
							 [SHAPE_DOUBLE] = same_doubles}};

// A decimal by a power of ten; `detail` is its exponent.
#define BY_POWER(name, result)                                                                     \
	static void name(Call *c)                                                                      \
	{                                                                                              \
		const Wide by = power_of_ten((int)c->node->detail), half = by / 2;                         \
		(void)half;                                                                                \
		EACH_ROW(c, i)                                                                             \
		{                                                                                          \
			Wide x = c->in[0].wides[i];                                                            \
			c->out.wides[i] = by == 1 ? x : (result);                                              \
		}                                                                                          \
	}
BY_POWER(ceiling_wides, x <= 0 ? x / by : (x - 1) / by + 1)
BY_POWER(floor_wides, x < 0 ? (x + 1) / by - 1 : x / by)
BY_POWER(truncate_wides, x / by)
BY_POWER(round_wides, (x < 0 ? x - half : x + half) / by)

REAL_FUNCTION(ceiling, ceilf, ceil)
REAL_FUNCTION(floor, floorf, floor)
REAL_FUNCTION(truncate, truncf, trunc)

// Halves go away from zero; what is not finite stays.
static double
round_real(double x)
{
	double rounded = round(x);
	return isfinite(rounded) ? rounded : x;
}
static float
round_single(float x)
{
	return (float)round_real((double)x);
}
REAL_FUNCTION(round, round_single, round_real)

const Kernels CEILING = {{[SHAPE_WIDE] = ceiling_wides,
						  [SHAPE_FLOAT] = ceiling_floats,
						  [SHAPE_DOUBLE] = ceiling_doubles}};
const Kernels FLOOR = {
	{[SHAPE_WIDE] = floor_wides, [SHAPE_FLOAT] = floor_floats, [SHAPE_DOUBLE] = floor_doubles}};
const Kernels TRUNCATE = {{[SHAPE_INT] = same_ints,
						   [SHAPE_WIDE] = truncate_wides,
						   [SHAPE_FLOAT] = truncate_floats,
						   [SHAPE_DOUBLE] = truncate_doubles}};
const Kernels ROUND = {{[SHAPE_INT] = same_ints,
						[SHAPE_WIDE] = round_wides,
						[SHAPE_FLOAT] = round_floats,
						[SHAPE_DOUBLE] = round_doubles}};

// ---- round(x, digits) ----

// What leaves the range comes back at the other end, as in queries.
static Wide
wrapped(Wide value, Wide low, Wide high)
{
	WideBits span = (WideBits)high - (WideBits)low + 1;
	return span == 0 ? value : (Wide)(((WideBits)value - (WideBits)low) % span + (WideBits)low);
}

// In 64 bits, which wrap.
static void
round_to_ints(Call *c)
{
	EACH_ROW(c, i)
	{
		int64_t x = c->in[0].ints[i], digits = c->in[1].ints[i];
		if (digits >= 0 || digits <= -19) {
			c->out.ints[i] = digits >= 0 ? x : 0;
			continue;
		}
		int64_t by = (int64_t)power_of_ten((int)-digits), half = x < 0 ? -(by / 2) : by / 2;
		int64_t sum = (int64_t)((uint64_t)x + (uint64_t)half);
		c->out.ints[i] = (int64_t)wrapped(sum / by * by, c->node->low, c->node->high);
	}
}

static void
round_to_wides(Call *c)
{
	if (c->node->type.kind == KIND_DECIMAL) {
		round_wides(c);
		return;
	}
	EACH_ROW(c, i)
	{
		Wide x = c->in[0].wides[i];
		int64_t digits = c->in[1].ints[i];
		if (digits >= 0 || digits < -38) {
			c->out.wides[i] = digits >= 0 ? x : 0;
			continue;
		}
		Wide by = power_of_ten((int)-digits), half = x < 0 ? -(by / 2) : by / 2;
		c->out.wides[i] = (Wide)((WideBits)x + (WideBits)half) / by * by;
	}
}

static double
round_to(double x, double modifier, bool left)
{
	return left ? round(x / modifier) * modifier : round(x * modifier) / modifier;
}

static void
round_to_floats(Call *c)
{
	EACH_ROW(c, i)
	{
		float x = c->in[0].floats[i], digits = (float)c->in[1].ints[i];
		double modifier = pow(10, (double)(digits < 0 ? -digits : digits));
		double rounded = round_to((double)x, modifier, digits < 0);
		c->out.floats[i] = isfinite(rounded) ? (float)rounded : digits < 0 ? 0 : x;
	}
}

static void
round_to_doubles(Call *c)
{
	EACH_ROW(c, i)
	{
		double x = c->in[0].doubles[i], digits = (double)c->in[1].ints[i];
		double modifier = pow(10, digits < 0 ? -digits : digits);
		double rounded = round_to(x, modifier, digits < 0);
		c->out.doubles[i] = isfinite(rounded) ? rounded : digits < 0 ? 0 : x;
	}
}

// Of decimals, digits are part of the type: see function.c.
const Kernels ROUND_TO = {{[SHAPE_INT] = round_to_ints,
						   [SHAPE_WIDE] = round_to_wides,
						   [SHAPE_FLOAT] = round_to_floats,
						   [SHAPE_DOUBLE] = round_to_doubles}};
