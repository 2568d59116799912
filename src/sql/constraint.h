// constraint.h - what a statement says about time: the range of it that each table must be read in,
// and constants as the engine takes them.

#pragma once

#include "sql/names.h"

// Nanoseconds, inclusive; min > max: no row can fulfil it.
typedef struct TimeRange {
	int64_t min;
	int64_t max;
} TimeRange;

// Of each TableRef: no narrower than what the statement's SELECTs require. now_ns: the server's
// clock.
void constraint_ranges(const Verdict *verdict, const RefColumns *refs, bool time_alias,
					   int64_t now_ns, TimeRange *out);

// A bound of a column of times or ids, of its type, as the engine takes it: none that is not below
// `ns` (or, without `least`, not above it) is left out.
void constraint_bound(const Field *time, bool least, int64_t ns, Buf *out);

// A condition that a SELECT has for a column of one of its tables: rows that do not fulfil it need
// not come.
typedef struct Condition {
	int32_t column;
	CompareOp op;                // OP_EQ: it is one of them
	const Comparison *constants; // of the verdict
	int32_t count;
} Condition;

// Those of a TableRef. They lie in `arena`.
Status constraint_conditions(const Verdict *verdict, const RefColumns *refs, bool time_alias,
							 int32_t ref, Arena *arena, Condition **out, int32_t *count,
							 Error *err);

// Whether the constant of a comparison with a table's time column must be written otherwise: a
// number, a text with an offset, or an instant that the column's unit cannot hold. Then adds it as
// the engine takes it, of the column's type, so that the comparison holds for the same instants.
bool constraint_rewrite(const Verdict *verdict, const RefColumns *refs, bool time_alias,
						const Comparison *comparison, Buf *out);
