// type_rules.c - which type values take when they meet: the costs and the order that the engine
// behind queries has.

#include "expr/bind_int.h"

Term
term_plain(ExprType type)
{
	return (Term){.type = type};
}

static Wide
value_wide(const Node *node)
{
	return kind_shape(node->type.kind) == SHAPE_WIDE ? node->value.wide : node->value.whole;
}

Term
term_of(const Node *node)
{
	Term term = term_plain(node->type);
	if (!node->literal || node->null)
		return term;
	if (node->type.kind == KIND_TEXT)
		term.literal = TERM_TEXT;
	if (kind_in(node->type.kind, KINDS_INTEGER)) {
		term.literal = TERM_INTEGER;
		term.value = value_wide(node);
	}
	return term;
}

// ---- implicit casts ----

static int
target_cost(Kind to)
{
	switch (to) {
	case KIND_INT64: return 101;
	case KIND_INT32: return 102;
	case KIND_HUGE: return 103;
	case KIND_DOUBLE: return 104;
	case KIND_DECIMAL: return 105;
	case KIND_NANOS: return 119;
	case KIND_MICROS: return 120;
	case KIND_MILLIS: return 121;
	case KIND_SECONDS: return 122;
	case KIND_INSTANT: return 123;
	case KIND_TEXT: return 149;
	default: return 110;
	}
}

enum { WIDE_NUMBERS = KINDS_REAL | KINDS_DECIMAL };
#define BIT(kind) (UINT32_C(1) << (kind))

// What a kind becomes without being asked.
static const uint32_t WIDENS[KIND_COUNT] = {
	[KIND_INT8] =
		BIT(KIND_INT16) | BIT(KIND_INT32) | BIT(KIND_INT64) | BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_INT16] = BIT(KIND_INT32) | BIT(KIND_INT64) | BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_INT32] = BIT(KIND_INT64) | BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_INT64] = BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_HUGE] = WIDE_NUMBERS,
	[KIND_UINT8] = BIT(KIND_UINT16) | BIT(KIND_UINT32) | BIT(KIND_UINT64) | BIT(KIND_INT16) |
				   BIT(KIND_INT32) | BIT(KIND_INT64) | BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_UINT16] = BIT(KIND_UINT32) | BIT(KIND_UINT64) | BIT(KIND_INT32) | BIT(KIND_INT64) |
					BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_UINT32] = BIT(KIND_UINT64) | BIT(KIND_INT64) | BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_UINT64] = BIT(KIND_HUGE) | WIDE_NUMBERS,
	[KIND_FLOAT] = BIT(KIND_DOUBLE),
	[KIND_DECIMAL] = KINDS_REAL,
	[KIND_DATE] = KINDS_STAMP | BIT(KIND_INSTANT),
	[KIND_SECONDS] = BIT(KIND_MILLIS) | BIT(KIND_MICROS) | BIT(KIND_NANOS),
	[KIND_MILLIS] = BIT(KIND_MICROS) | BIT(KIND_NANOS),
	[KIND_MICROS] = BIT(KIND_NANOS) | BIT(KIND_INSTANT),
	[KIND_NANOS] = BIT(KIND_MICROS),
};

static int
plain_cost(Kind from, Kind to)
{
	if (from == KIND_NULL)
		return target_cost(to);
	if (from == to)
		return 0;
	return (WIDENS[from] & BIT(to)) != 0 ? target_cost(to) : -1;
}

static bool
literal_fits(Wide value, Kind to)
{
	if (kind_in(to, KINDS_REAL))
		return true;
	ExprType type = type_of(to);
	return kind_in(to, KINDS_INTEGER) && value >= type_low(type) && value <= type_high(type);
}

int
term_cost(Term from, Kind to)
{
	switch (from.literal) {
	case TERM_TEXT: return to == KIND_TEXT ? 1 : to == KIND_DECIMAL ? -1 : 20;
	case TERM_INTEGER:
		if (from.type.kind == to)
			return 0;
		return literal_fits(from.value, to) ? target_cost(to) - 90 : plain_cost(from.type.kind, to);
	case TERM_PLAIN: break;
	}
	return plain_cost(from.type.kind, to);
}

// ---- what two have in common ----

static int
larger(int a, int b)
{
	return a > b ? a : b;
}

// `decimal` with room for the digits of an integer before the point.
static ExprType
decimal_for(ExprType other, ExprType decimal)
{
	int width, scale;
	if (!type_digits(other, &width, &scale) || width <= decimal.width - decimal.scale)
		return decimal;
	width += decimal.scale;
	return type_decimal(width > 38 ? 38 : width, decimal.scale);
}

static ExprType
decimals_max(ExprType a, ExprType b)
{
	int scale = larger(a.scale, b.scale);
	int width = larger(a.width - a.scale, b.width - b.scale) + scale;
	return type_decimal(width > 38 ? 38 : width, scale);
}

static Kind
with_and_without_sign(Kind a, Kind b)
{
	Kind with = kind_in(a, KINDS_SIGNED) ? a : b, without = with == a ? b : a;
	if (with == KIND_INT64 || without == KIND_UINT64)
		return KIND_HUGE;
	if (with == KIND_INT32 || without == KIND_UINT32)
		return KIND_INT64;
	return with == KIND_INT16 || without == KIND_UINT16 ? KIND_INT32 : KIND_INT16;
}

static bool
alike_max(Term a, Term b, Term *out)
{
	if (a.literal != b.literal)
		return false;
	if (a.literal == TERM_INTEGER)
		return term_max(term_plain(a.type), term_plain(b.type), out);
	if (a.type.kind != b.type.kind)
		return false;
	*out = term_plain(a.type.kind == KIND_DECIMAL ? decimals_max(a.type, b.type) : a.type);
	return true;
}

static bool
cheaper_max(Term a, Term b, Term *out)
{
	// Nothing becomes a literal.
	int there = b.literal == TERM_PLAIN ? term_cost(a, b.type.kind) : -1;
	int back = a.literal == TERM_PLAIN ? term_cost(b, a.type.kind) : -1;
	if (there < 0 && back < 0)
		return false;
	bool take_b = there >= 0 && (back < 0 || there < back);
	Term taken = take_b ? b : a, other = take_b ? a : b;
	*out =
		taken.type.kind == KIND_DECIMAL ? term_plain(decimal_for(other.type, taken.type)) : taken;
	return true;
}

bool
term_max(Term a, Term b, Term *out)
{
	if (a.type.kind == KIND_NULL || b.type.kind == KIND_NULL) {
		*out = term_plain(a.type.kind == KIND_NULL ? b.type : a.type);
		return true;
	}
	if (a.literal == TERM_TEXT || b.literal == TERM_TEXT) {
		*out = term_plain(a.literal == TERM_TEXT ? b.type : a.type);
		return true;
	}
	if (alike_max(a, b, out) || cheaper_max(a, b, out))
		return true;
	if (a.literal == TERM_INTEGER || b.literal == TERM_INTEGER)
		return term_max(term_plain(a.type), term_plain(b.type), out);
	if (kind_in(a.type.kind, KINDS_INTEGER) && kind_in(b.type.kind, KINDS_INTEGER)) {
		*out = term_plain(type_of(with_and_without_sign(a.type.kind, b.type.kind)));
		return true;
	}
	bool truth = a.type.kind == KIND_BOOL;
	ExprType other = truth ? b.type : a.type;
	*out = term_plain(other);
	return (truth || b.type.kind == KIND_BOOL) && kind_in(other.kind, KINDS_INTEGER);
}

// ---- comparisons ----

// The order of types where values of neither fit the other.
static int
rank(Kind kind)
{
	static const uint8_t ranks[KIND_COUNT] = {
		[KIND_BOOL] = 10,   [KIND_UINT8] = 11,   [KIND_INT8] = 12,    [KIND_UINT16] = 13,
		[KIND_INT16] = 14,  [KIND_UINT32] = 15,  [KIND_INT32] = 16,   [KIND_UINT64] = 17,
		[KIND_INT64] = 18,  [KIND_HUGE] = 20,    [KIND_DECIMAL] = 21, [KIND_FLOAT] = 22,
		[KIND_DOUBLE] = 23, [KIND_DATE] = 52,    [KIND_SECONDS] = 53, [KIND_MILLIS] = 54,
		[KIND_MICROS] = 55, [KIND_INSTANT] = 55, [KIND_NANOS] = 56,   [KIND_SPAN] = 58,
		[KIND_TEXT] = 77,   [KIND_BLOB] = 101,   [KIND_OTHER] = 125,
	};
	return ranks[kind];
}

// Wide enough for both sides, digits before and behind the point.
static ExprType
decimal_compare(ExprType result, ExprType a, ExprType b)
{
	int aw, as, bw, bs;
	if (!type_digits(a, &aw, &as) || !type_digits(b, &bw, &bs))
		return result;
	int scale = larger(as, bs), width = larger(larger(aw, bw), scale + larger(aw - as, bw - bs));
	return type_decimal(width > 38 ? 38 : width, scale);
}

bool
term_compare(Term a, Term b, bool equality, Term *out)
{
	if (!term_max(a, b, out)) {
		if (!equality)
			return false;
		int x = a.literal != TERM_PLAIN ? 0 : rank(a.type.kind);
		int y = b.literal != TERM_PLAIN ? 0 : rank(b.type.kind);
		*out = x < y ? b : a;
	}
	if (out->type.kind == KIND_DECIMAL)
		*out = term_plain(decimal_compare(out->type, a.type, b.type));
	if (out->type.kind != KIND_TEXT)
		return true;
	// Texts become what they are compared with.
	if (a.type.kind != KIND_TEXT && a.type.kind != KIND_BLOB && a.type.kind != KIND_NULL)
		*out = term_plain(a.type);
	else if (b.type.kind != KIND_TEXT && b.type.kind != KIND_BLOB && b.type.kind != KIND_NULL)
		*out = term_plain(b.type);
	else
		*out = term_plain(out->type);
	return true;
}
