// sql_int.h - what the files of this room share about an open database.

#pragma once

#include "sql/gate.h"
#include "sql/pool.h"
#include "sql/sql.h"

enum { MOST_SOURCES = 8 };

typedef struct NamedSource {
	const char *schema;
	SqlSource source;
} NamedSource;

struct Sql {
	Store *store;
	SqlNewest newest; // lock NULL: nobody has any at hand
	char *database;   // the default one
	Pool *pool;
	Pool *narrow; // of one thread, for statements that others would only slow down
	Verdicts *verdicts;
	NamedSource sources[MOST_SOURCES]; // registered before the first query
	int32_t source_count;
};
