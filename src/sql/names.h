// names.h - what the names of a statement mean now: tables of the store, or of a source.

#pragma once

#include "sql/sql_int.h"
#include "sql/verdict.h"

// What a TableRef is. Either a table of `Names`, or a source's.
typedef struct NamedRef {
	int32_t table;           // index; -1: a source's
	bool newest;             // rtdb: of the table the newest row of each series
	bool at_hand;            // and somebody has them
	const SqlSource *source; // NULL: a table
	const char *name;        // of the source's table
	Schema *schema;          // of the source's table: owned
} NamedRef;

typedef struct Names {
	Table **tables; // each once: references
	int32_t table_count;
	NamedRef *refs; // one for each TableRef
	int32_t ref_count;
} Names;

// The lists lie in `arena`. `database` is the session's. `pinned`: by TableRef what its table is,
// dropped or not (NULL: a source's); NULL: what the names mean now.
Status names_resolve(Sql *sql, const Verdict *verdict, const char *database, Table *const *pinned,
					 Arena *arena, Names *out, Error *err);
void names_close(Names *names);

// ---- columns ----

// The columns of a TableRef under the definition that an execution uses.
typedef struct RefColumns {
	Schema *schema;
	int32_t time; // -1: no time column
	int32_t key;  // of entities: their ids; -1: none
} RefColumns;

// The table a column is of, where its names say that without doubt. time_alias: where a table has
// no column "time", that is its time column.
bool column_find(const Verdict *verdict, const RefColumns *refs, const ColumnUse *use,
				 bool time_alias, int32_t *ref, int32_t *column);

// As a statement spells it: exactly, or without case where it is not quoted.
int32_t schema_find_named(const Schema *schema, const SqlName *name);
// Says that a table has no such column, and which one was probably meant; returns `code`.
Status report_no_column(const TableDef *def, const SqlName *name, Status code, Error *err);
