// followed.h - SELECT columns and expressions FROM one table WHERE condition: what a subscription
// asks for, bound once and taken apart.
//
// Parameters are put into the text as constants first, so that what is bound, compared and run
// again (the snapshot) is one text.
//
// Threads  open needs a stack of 8 MiB. One owner.

#pragma once

#include <jansson.h>

#include "sql/sql.h"

typedef struct SqlFollowed {
	char *text;   // one SELECT, without a semicolon
	char *newest; // the same of rtdb
	json_t *tree;
	const json_t *select_list; // in the tree, like the next two
	const json_t *where;       // NULL: all rows
	const char *name; // what stands before a dot: the alias, else the table's name as written
	Table *table;
	Schema *schema; // as a query answers it
} SqlFollowed;

// `params` (NULL: none): a JSON list. ST_INVALID with position: what queries refuse, and all that
// is more than one table's rows; ST_NOT_FOUND: there is no such table.
Status sql_followed_open(Sql *sql, Slice text, const json_t *params, const SqlSession *session,
						 SqlFollowed *out, Error *err);
void sql_followed_close(SqlFollowed *followed);
