// statements.h - the statements that change something, or show it, run by the engine itself.
//
// They wait for their commit, so they run on the pool of those who wait.

#pragma once

#include "engine/database_int.h"

// Who has a statement run.
typedef struct StatementCall {
	mobius *db;
	const char *database; // of the session
	// Told the query the statement reads with, so that it can be cancelled, and NULL before that
	// one is closed. False: the call was given up, and the statement ends as cancelled.
	bool (*reading)(void *arg, SqlQuery *query);
	void *arg;
} StatementCall;

// Runs a statement that is no read. *changed: rows (INSERT), 0 for definitions.
Status statement_run(const StatementCall *call, const SqlStatement *statement, int64_t *changed,
					 Error *err);

bool statement_is_read(const SqlStatement *statement);
// Of a read, its text; of a SHOW, that of the read it stands for, which lies in the statement.
// ST_NOT_FOUND, for SHOW CREATE TABLE.
Status statement_read_text(mobius *db, const char *database, SqlStatement *statement,
						   const char **out, Error *err);
