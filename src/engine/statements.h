// statements.h - the statements that change something, or show it, run by the engine itself.
//
// They wait for their commit, so they run on the pool of those who wait.

#pragma once

#include "engine/database_int.h"

// Runs a statement that is no read. *changed: rows (INSERT), 0 for definitions.
Status statement_run(mobius *db, const SqlStatement *statement, const char *database,
					 int64_t *changed, Error *err);

// The text of the read that a SHOW stands for; NULL when the statement is no read.
const char *statement_read_text(const SqlStatement *statement);
