// define.h - changes of schema, one at a time: tables are made, grow and go by commits of their
// own.
//
// Functions wait for their commit; they are called from worker threads, or through the definer's
// own thread by those who may not wait.
//
// Threads  any; one lock serialises the changes. Nobody reads a table's rows with it.

#pragma once

#include "engine/database_int.h"
#include "engine/statements.h"

Status definer_start(mobius *db, Definer **out, Error *err);
void definer_stop(Definer *definer);             // NULL is allowed
void definer_submit(Definer *definer, Job *job); // runs in the definer's thread

// What a put stream asks for.
typedef struct PutTarget {
	const char *database;
	const char *table;
	Schema *wire; // as it was sent, with dictionary marks and metadata
	Schema *decoded;
	Table *only; // borrowed: ST_NOT_FOUND unless the name still is this table's. NULL: any, or none
	mobius_put_mode mode;
	bool *made; // set where the table was made. NULL: not asked for
} PutTarget;

// The table (made or grown as the rules say) and how these batches lie in it. New references.
Status define_for_put(mobius *db, const PutTarget *target, Table **table, Shape **shape,
					  Error *err);

// CREATE TABLE. `request->schema` as the statement gives it; `wire` as in table_def_create.
// *created is false when it existed and if_not_exists.
Status define_create(mobius *db, const TableRequest *request, const Schema *wire,
					 bool if_not_exists, bool *created, Error *err);
Status define_drop(mobius *db, Table *table, Error *err);
// The statements for all of it.
Status define_statement(const StatementCall *call, const SqlStatement *statement, Error *err);
// ALTER TABLE, as it was parsed; `added` is the column of ADD COLUMN.
Status define_alter(mobius *db, Table *table, const SqlStatement *statement, const Field *added,
					Error *err);
// CREATE DATABASE and DROP DATABASE, which takes its tables with it.
Status define_database(mobius *db, const SqlStatement *statement, Error *err);
