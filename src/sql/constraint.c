#include "sql/constraint.h"

#include <inttypes.h>
#include <string.h>

#include "base/timeval.h"

// The engine's now() is read after ours; in between a statement is planned.
static const int64_t NOW_MARGIN_NS = INT64_C(60) * 1000000000;

static int64_t
saturating_add(int64_t a, int64_t b)
{
	int64_t sum;
	if (__builtin_add_overflow(a, b, &sum))
		return b < 0 ? INT64_MIN : INT64_MAX;
	return sum;
}

// Whether a text ends in an offset from UTC that is not Z: DuckDB drops it where the column has no
// zone.
static bool
has_offset(const char *text)
{
	size_t date = strlen("2016-01-01");
	return strlen(text) > date && strpbrk(text + date, "+-") != NULL;
}

// The column of ids that a comparison with a whole number is about.
static bool
compares_key(const Verdict *v, const RefColumns *refs, bool time_alias, const Comparison *c,
			 int32_t *ref)
{
	int32_t column;
	return c->operand.kind == OPERAND_INTEGER &&
		   column_find(v, refs, &v->columns[c->column], time_alias, ref, &column) &&
		   column == refs[*ref].key;
}

// The time column that a comparison is about.
static const Field *
compared_time(const Verdict *v, const RefColumns *refs, bool time_alias, const Comparison *c,
			  int32_t *ref)
{
	int32_t column;
	const ColumnUse *use = &v->columns[c->column];
	if (!column_find(v, refs, use, time_alias, ref, &column) || column != refs[*ref].time)
		return NULL;
	const Field *field = schema_field(refs[*ref].schema, column);
	return field->type.id == TYPE_TIMESTAMP ? field : NULL;
}

// ---- ranges ----

// The instants a constant may mean: one, or a span where it is now().
static bool
operand_range(const Operand *operand, int64_t now_ns, TimeRange *out)
{
	int64_t ns;
	switch (operand->kind) {
	case OPERAND_INTEGER: ns = operand->value; break;
	case OPERAND_NOW:
		ns = saturating_add(now_ns, operand->value);
		*out = (TimeRange){saturating_add(ns, -NOW_MARGIN_NS), saturating_add(ns, NOW_MARGIN_NS)};
		return true;
	case OPERAND_TYPED:
		if (has_offset(operand->text))
			return false;
		[[fallthrough]];
	case OPERAND_TEXT:
	default:
		if (time_parse(slice_text(operand->text), &ns, NULL) != ST_OK)
			return false;
		break;
	}
	*out = (TimeRange){ns, ns};
	return true;
}

// What the engine may round a constant to: the column's unit, or that of its own type.
static int64_t
rounding_ns(const Operand *operand, int64_t unit_ns)
{
	bool coarser = operand->kind == OPERAND_TYPED && operand->value > unit_ns;
	return coarser ? operand->value : unit_ns;
}

// One unit wider than it says: the engine may have rounded to it.
static void
narrow(TimeRange *range, CompareOp op, TimeRange at, int64_t unit_ns)
{
	int64_t low = saturating_add(at.min, -unit_ns), high = saturating_add(at.max, unit_ns);
	bool from = op == OP_GT || op == OP_GE || op == OP_EQ;
	bool to = op == OP_LT || op == OP_LE || op == OP_EQ;
	if (from && low > range->min)
		range->min = low;
	if (to && high < range->max)
		range->max = high;
}

void
constraint_ranges(const Verdict *verdict, const RefColumns *refs, bool time_alias, int64_t now_ns,
				  TimeRange *out)
{
	for (int32_t i = 0; i < verdict->ref_count; i++)
		out[i] = (TimeRange){INT64_MIN, INT64_MAX};
	for (int32_t i = 0; i < verdict->comparison_count; i++) {
		const Comparison *c = &verdict->comparisons[i];
		int32_t ref;
		TimeRange at;
		const Field *field = c->required ? compared_time(verdict, refs, time_alias, c, &ref) : NULL;
		bool key = c->required && compares_key(verdict, refs, time_alias, c, &ref);
		if ((field == NULL && !key) || !verdict->refs[ref].prunable ||
			verdict->refs[ref].scope != verdict->columns[c->column].scope ||
			!operand_range(&c->operand, now_ns, &at))
			continue;
		int64_t unit_ns = key ? 1 : time_unit_ns(field->type.unit);
		narrow(&out[ref], c->op, at, rounding_ns(&c->operand, unit_ns));
	}
}

// ---- conditions ----

// Whether a condition of these columns in this place is the ref's.
static bool
is_of_ref(const Verdict *v, const RefColumns *refs, bool time_alias, int32_t use, int32_t ref,
		  int32_t *column)
{
	int32_t found;
	return v->refs[ref].prunable && v->refs[ref].scope == v->columns[use].scope &&
		   column_find(v, refs, &v->columns[use], time_alias, &found, column) && found == ref;
}

Status
constraint_conditions(const Verdict *v, const RefColumns *refs, bool time_alias, int32_t ref,
					  Arena *arena, Condition **out, int32_t *count, Error *err)
{
	size_t most = (size_t)(v->comparison_count + v->list_count) + 1;
	Condition *list = arena_array(arena, most, sizeof(*list));
	TRY(arena_status(arena, err, "a statement"));
	*out = list;
	*count = 0;
	for (int32_t i = 0; i < v->comparison_count; i++) {
		const Comparison *c = &v->comparisons[i];
		int32_t column;
		if (c->required && is_of_ref(v, refs, time_alias, c->column, ref, &column))
			list[(*count)++] = (Condition){column, c->op, c, 1};
	}
	for (int32_t i = 0; i < v->list_count; i++) {
		const ConstantList *l = &v->lists[i];
		const Comparison *first = &v->comparisons[l->from];
		int32_t column;
		if (is_of_ref(v, refs, time_alias, first->column, ref, &column))
			list[(*count)++] = (Condition){column, OP_EQ, first, l->count};
	}
	return ST_OK;
}

// ---- constants ----

// The bound in the column's unit: rounded so that the comparison holds for the same whole units.
// False: no whole unit is equal.
static bool
in_unit(CompareOp op, int64_t ns, int64_t unit_ns, int64_t *out)
{
	bool exact = ns % unit_ns == 0;
	bool up = op == OP_GE || op == OP_LT;
	*out = up ? time_round_up(ns, unit_ns) : time_scale_saturating(ns, 1, unit_ns);
	return exact || op != OP_OTHER;
}

// Nanoseconds have no type with a zone in the engine.
static bool
is_zoned(const Type *type)
{
	return type->zone != NULL && type->zone[0] != '\0' && type->unit != UNIT_NS;
}

static const char *
type_word(const Type *type)
{
	static const char *const words[] = {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP", "TIMESTAMP_NS"};
	return is_zoned(type) ? "TIMESTAMPTZ" : words[type->unit];
}

// Beyond these DuckDB reads no TIMESTAMP_NS.
static const int64_t LEAST_NS = INT64_C(-9223285632000000000);
static const int64_t MOST_NS = INT64_C(9223285632000000000);

static void
add_instant(const Type *type, CompareOp op, int64_t ns, Buf *out)
{
	static const int digits[] = {0, 3, 6, 9};
	const char *word = type_word(type);
	int64_t unit_ns = time_unit_ns(type->unit), value;
	int fraction = digits[type->unit];
	bool whole = in_unit(op == OP_EQ ? OP_OTHER : op, ns, unit_ns, &value);
	bool inside = ns > LEAST_NS && ns < MOST_NS;
	if (inside && whole)
		ns = value * unit_ns;
	if (inside && !whole) { // equal to nothing: said in a finer unit
		word = "TIMESTAMP_NS";
		fraction = 9;
	}
	char text[48];
	time_format(ns, fraction, is_zoned(type), text);
	const char *infinity = ns > 0 ? "infinity" : "-infinity";
	buf_add_printf(out, "%s '%s'", word, inside ? text : infinity);
}

void
constraint_bound(const Field *time, bool least, int64_t ns, Buf *out)
{
	if (time->type.id == TYPE_TIMESTAMP)
		add_instant(&time->type, least ? OP_GE : OP_LE, ns, out);
	else
		buf_add_printf(out, "%" PRId64, ns < 0 ? 0 : ns); // ids are above
}

bool
constraint_rewrite(const Verdict *verdict, const RefColumns *refs, bool time_alias,
				   const Comparison *comparison, Buf *out)
{
	const Operand *operand = &comparison->operand;
	int32_t ref;
	if (operand->from < 0 || (operand->kind != OPERAND_INTEGER && operand->kind != OPERAND_TEXT))
		return false;
	const Field *field = compared_time(verdict, refs, time_alias, comparison, &ref);
	if (field == NULL)
		return false;
	int64_t ns = operand->value;
	if (operand->kind == OPERAND_TEXT) {
		if (time_parse(slice_text(operand->text), &ns, NULL) != ST_OK)
			return false;
		bool beyond = field->type.unit == UNIT_NS && (ns <= LEAST_NS || ns >= MOST_NS);
		if (!has_offset(operand->text) && !beyond)
			return false;
		if (!beyond && (ns <= LEAST_NS || ns >= MOST_NS))
			return false; // coarser units hold it
	}
	add_instant(&field->type, comparison->op, ns, out);
	return true;
}
