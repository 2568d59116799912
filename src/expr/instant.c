// instant.c - comparisons of the table's time column with nanoseconds, or with text that says its
// offset: they hold for instants, whatever the column's unit is.

#include <string.h>

#include "base/timeval.h"
#include "expr/bind_int.h"

static int64_t
unit_of(Kind kind)
{
	switch (kind) {
	case KIND_SECONDS: return time_unit_ns(UNIT_S);
	case KIND_MILLIS: return time_unit_ns(UNIT_MS);
	case KIND_NANOS: return time_unit_ns(UNIT_NS);
	default: return time_unit_ns(UNIT_US);
	}
}

static bool
is_time(const Binder *b, const Node *node)
{
	return node->op == NODE_COLUMN && node->column == b->scope->time &&
		   (kind_in(node->type.kind, KINDS_STAMP) || node->type.kind == KIND_INSTANT);
}

static bool
has_offset(Slice text)
{
	for (size_t i = strlen("2016-01-01"); i < text.len; i++)
		if (text.data[i] == '+' || text.data[i] == '-')
			return true;
	return false;
}

static bool
read_instant(const Node *node, int64_t *out_ns)
{
	Term term = term_of(node);
	if (term.literal == TERM_INTEGER) {
		*out_ns = term.value > INT64_MAX   ? INT64_MAX
				  : term.value < INT64_MIN ? INT64_MIN
										   : (int64_t)term.value;
		return true;
	}
	return term.literal == TERM_TEXT && has_offset(node->value.text) &&
		   time_parse(node->value.text, out_ns, NULL) == ST_OK;
}

static CompareWay
turned(CompareWay way)
{
	switch (way) {
	case COMPARE_LT: return COMPARE_GT;
	case COMPARE_LE: return COMPARE_GE;
	case COMPARE_GT: return COMPARE_LT;
	case COMPARE_GE: return COMPARE_LE;
	default: return way;
	}
}

// Equal to no whole unit: what holds for every value, or none, as far as it is not NULL.
static Status
bind_unequal(Binder *b, CompareWay way, int32_t position, Node *time, Node **out)
{
	Value least = {.whole = INT64_MIN};
	Value truth = {.truth = way == COMPARE_OTHER};
	if (way == COMPARE_SAME || way == COMPARE_OTHER)
		return node_value(b, type_of(KIND_BOOL), &truth, position, out);
	Node *bound;
	TRY(node_value(b, time->type, &least, position, &bound));
	return bind_compare(b, way == COMPARE_NE ? COMPARE_GE : COMPARE_LT, position, time, bound, out);
}

Status
bind_instant_compare(Binder *b, CompareWay way, int32_t position, Node *left, Node *right,
					 Node **out, bool *was)
{
	bool turn = is_time(b, right);
	Node *time = turn ? right : left, *other = turn ? left : right;
	int64_t ns, unit = unit_of(time->type.kind);
	*was = is_time(b, time) && read_instant(other, &ns);
	if (!*was)
		return ST_OK;
	way = turn ? turned(way) : way;
	bool exact = ns % unit == 0, up = way == COMPARE_GE || way == COMPARE_LT;
	bool ordered = up || way == COMPARE_LE || way == COMPARE_GT;
	if (!exact && !ordered)
		return bind_unequal(b, way, position, time, out);
	Value bound = {.whole = up ? time_round_up(ns, unit) : time_scale_saturating(ns, 1, unit)};
	Node *constant;
	TRY(node_value(b, time->type, &bound, position, &constant));
	return bind_compare(b, way, position, time, constant, out);
}
