// cells.h - the cells of a VALUES list that an INSERT stores.
//
// The engine gives a column of several rows one type before it is cast to that of the table, so
// that a row would change what another one stores: a whole number beside 1e0 becomes a DOUBLE. So
// each cell is cast by itself, where those of a column may be of several types.

#pragma once

#include "sql/verdict.h"

typedef struct Cell {
	int32_t column;
	int32_t from; // bytes of the text, half-open
	int32_t to;
	bool cast; // its column may have several types
} Cell;

typedef struct Cells {
	Cell *list; // in the order of the text
	int32_t count;
} Cells;

// Those of a statement that is nothing but a VALUES list; else none. NULL and DEFAULT are never to
// be cast. They lie in `arena`.
Status cells_find(const Verdict *verdict, Arena *arena, Cells *out, Error *err);

// The column of the cell that is at `position` of the text; -1: there is none.
int32_t cells_column_at(const Cells *cells, int32_t position);
