// compare.c - values in order: NaN is equal to itself and above all numbers, text is ordered by its
// bytes, intervals by 30-day months and 24-hour days.

#include <math.h>
#include <string.h>

#include "expr/kernel_int.h"

int
compare_texts(Slice a, Slice b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common > 0 ? memcmp(a.data, b.data, common) : 0;
	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int
compare_reals(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b) != 0 ? (isnan(a) ? 1 : -1) : 0;
	return (a > b) - (a < b);
}

// Microseconds that make days go up, then days that make months.
static void
normal_span(Span span, int64_t out[3])
{
	const int64_t day = INT64_C(86400000000);
	int64_t days = span.days + span.micros / day;
	out[0] = span.months + days / 30;
	out[1] = days % 30;
	out[2] = span.micros % day;
}

static int
compare_spans(Span a, Span b)
{
	int64_t x[3], y[3];
	normal_span(a, x);
	normal_span(b, y);
	for (int i = 0; i < 3; i++)
		if (x[i] != y[i])
			return x[i] > y[i] ? 1 : -1;
	return 0;
}

static int
compare_at(Shape shape, const Vec *a, const Vec *b, int64_t i)
{
	switch (shape) {
	case SHAPE_BOOL: return (int)a->bools[i] - (int)b->bools[i];
	case SHAPE_INT: return (a->ints[i] > b->ints[i]) - (a->ints[i] < b->ints[i]);
	case SHAPE_WIDE: return (a->wides[i] > b->wides[i]) - (a->wides[i] < b->wides[i]);
	case SHAPE_FLOAT: return compare_reals((double)a->floats[i], (double)b->floats[i]);
	case SHAPE_DOUBLE: return compare_reals(a->doubles[i], b->doubles[i]);
	case SHAPE_TEXT: return compare_texts(a->texts[i], b->texts[i]);
	case SHAPE_SPAN: return compare_spans(a->spans[i], b->spans[i]);
	case SHAPE_COUNT: break;
	}
	return 0;
}

static bool
holds(CompareWay way, int order)
{
	switch (way) {
	case COMPARE_EQ:
	case COMPARE_SAME: return order == 0;
	case COMPARE_NE:
	case COMPARE_OTHER: return order != 0;
	case COMPARE_LT: return order < 0;
	case COMPARE_LE: return order <= 0;
	case COMPARE_GT: return order > 0;
	case COMPARE_GE: return order >= 0;
	}
	return false;
}

// What most conditions are: without a branch for each row, and whatever is behind a NULL.
static void
compare_ints(Call *c, CompareWay way)
{
	const int64_t *a = c->in[0].ints, *b = c->in[1].ints;
	uint8_t *out = c->out.bools;
#define ALL_ROWS(sign)                                                                             \
	for (int64_t i = 0; i < c->n; i++)                                                             \
		out[i] = a[i] sign b[i];                                                                   \
	break
	switch (way) {
	case COMPARE_EQ: ALL_ROWS(==);
	case COMPARE_NE: ALL_ROWS(!=);
	case COMPARE_LT: ALL_ROWS(<);
	case COMPARE_LE: ALL_ROWS(<=);
	case COMPARE_GT: ALL_ROWS(>);
	default: ALL_ROWS(>=);
	}
#undef ALL_ROWS
}

void
compare_values(Call *c)
{
	CompareWay way = (CompareWay)c->node->detail;
	Shape shape = kind_shape(c->node->children[0]->type.kind);
	bool distinct = way == COMPARE_SAME || way == COMPARE_OTHER;
	if (shape == SHAPE_INT && !distinct) {
		compare_ints(c, way);
		return;
	}
	const Vec *a = &c->in[0], *b = &c->in[1];
	if (distinct)
		memset(c->out.ok, 1, (size_t)c->n);
	EACH_ROW(c, i)
	{
		if (distinct && (!a->ok[i] || !b->ok[i]))
			c->out.bools[i] = (a->ok[i] == b->ok[i]) == (way == COMPARE_SAME);
		else
			c->out.bools[i] = holds(way, compare_at(shape, a, b, i));
	}
}

// True where one is equal; else NULL where one is NULL.
void
compare_list(Call *c)
{
	Shape shape = kind_shape(c->node->children[0]->type.kind);
	const Vec *input = &c->in[0];
	for (int64_t i = 0; i < c->n; i++) {
		bool found = false, null = !input->ok[i];
		for (int32_t k = 1; k < c->count && !found && input->ok[i]; k++) {
			null |= !c->in[k].ok[i];
			found = c->in[k].ok[i] && compare_at(shape, input, &c->in[k], i) == 0;
		}
		c->out.ok[i] = found || !null;
		c->out.bools[i] = found != (c->node->detail == 1);
	}
}

// Here intervals are ordered by their parts, not by their length, as in queries.
static int
compare_parts(Span a, Span b)
{
	if (a.months != b.months)
		return a.months > b.months ? 1 : -1;
	if (a.days != b.days)
		return a.days > b.days ? 1 : -1;
	return (a.micros > b.micros) - (a.micros < b.micros);
}

static int
compare_extremes(Shape shape, const Vec *a, const Vec *b, int64_t i)
{
	return shape == SHAPE_SPAN ? compare_parts(a->spans[i], b->spans[i])
							   : compare_at(shape, a, b, i);
}

// The least or the greatest of those that are not NULL.
void
compare_extreme(Call *c)
{
	Shape shape = kind_shape(c->node->type.kind);
	size_t bytes = shape_bytes(shape);
	for (int64_t i = 0; i < c->n; i++) {
		int32_t best = -1;
		for (int32_t k = 0; k < c->count; k++) {
			if (!c->in[k].ok[i])
				continue;
			int order = best < 0 ? 0 : compare_extremes(shape, &c->in[k], &c->in[best], i);
			if (best < 0 || (c->node->detail == 1 ? order > 0 : order < 0))
				best = k;
		}
		c->out.ok[i] = best >= 0;
		if (best >= 0)
			memcpy((uint8_t *)c->out.any + (size_t)i * bytes,
				   (uint8_t *)c->in[best].any + (size_t)i * bytes, bytes);
		if (best >= 0 && shape == SHAPE_FLOAT)
			c->out.floats[i] += 0.0F; // of floats, but not of doubles, queries give 0 for −0
	}
}
