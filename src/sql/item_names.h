// item_names.h - the names of result columns whose expressions are rewritten.

#pragma once

#include "duck/duck.h"
#include "sql/verdict.h"

// Asks the engine what it calls the items of the SELECT list in which something may be replaced.
// `body` is the statement as it is parsed.
Status item_names_find(DuckConn *conn, const char *body, Verdict *verdict, Error *err);
