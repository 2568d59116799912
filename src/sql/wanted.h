// wanted.h - what a statement asks of newest rows that somebody has at hand: which columns, which
// times, and which one series if its tags say so.

#pragma once

#include "sql/sql.h"
#include "sql/views.h"

typedef struct Wanted {
	SqlWanted wanted; // borrows from the rest and from the view
	bool *columns;
	Batch *tags;
	Shape *shape;
} Wanted;

// Of a TableRef whose rows are at hand.
Status wanted_make(const Verdict *verdict, const Views *views, int32_t ref, Wanted *out,
				   Error *err);
void wanted_close(Wanted *wanted); // for SCOPED
