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

// How many rows each statement of a text changed: one number, or, of BEGIN … COMMIT, one for each
// between them.
typedef struct Changes {
	int64_t *rows;
	int32_t count;
} Changes;

void changes_close(Changes *changes);
int64_t changes_total(const Changes *changes);
// Of numbers that are known.
Status changes_of(const int64_t *rows, int32_t count, Changes *out, Error *err);

// Runs a statement that is no read. *out: rows received (INSERT) or matched (UPDATE, DELETE), 0 for
// everything else.
Status statement_run(const StatementCall *call, const SqlStatement *statement, Changes *out,
					 Error *err);

// The table that it names: a reference (sql_find_table).
Status statement_table(const StatementCall *call, const SqlStatement *statement, Table **out,
					   Error *err);

bool statement_is_read(const SqlStatement *statement);
// Of a read, its text; of a SHOW, that of the read it stands for, which lies in the statement.
// ST_NOT_FOUND, for SHOW CREATE TABLE.
Status statement_read_text(mobius *db, const char *database, SqlStatement *statement,
						   const char **out, Error *err);
