// bulk_int.h - files on their way into a table, shared by bulk.c and adopt.c.

#pragma once

#include "store/adopt.h"
#include "store/store_int.h"

struct Bulk {
	Store *store;
	Table *table;   // a reference
	TableDef *def;  // as it was when it began
	DuckConn *conn; // borrowed
	Segment *segment;
	DataFile **files; // NULL once they were adopted
	int32_t count;
	int32_t room;
	int64_t rows;
};

Status bulk_outdated(const TableDef *def, Error *err); // ST_CONFLICT
