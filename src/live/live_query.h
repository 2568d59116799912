// live_query.h - what a subscription asks for, bound: columns and expressions of one table's rows,
// as they come by.
//
// Immutable and counted. The answers are those of the same text as a query; but where a query would
// fail for a row (a number too large, a bad cast), that value is NULL.

#pragma once

#include "arrow/json.h"
#include "expr/projection.h"
#include "live/feed.h"
#include "sql/followed.h"

typedef struct LiveQuery LiveQuery;

// ST_UNIMPLEMENTED names the expression that is not built yet. Needs a stack of 8 MiB.
Status live_query_new(Sql *sql, Slice text, const json_t *params, const SqlSession *session,
					  LiveQuery **out, Error *err);
LiveQuery *live_query_ref(LiveQuery *query);
void live_query_unref(LiveQuery *query); // NULL is allowed
DEFINE_DROP(LiveQuery, live_query_drop, live_query_unref)

const char *live_query_text(const LiveQuery *query);   // one SELECT, with its parameters
const char *live_query_newest(const LiveQuery *query); // the same of rtdb
Table *live_query_table(const LiveQuery *query);       // borrowed, like the next ones
TableDef *live_query_def(const LiveQuery *query);      // the table as it was bound
Schema *live_query_schema(const LiveQuery *query);
const JsonRows *live_query_json(const LiveQuery *query, JsonForm form);

// ST_CONFLICT: rows of this schema are of other types than its own.
Status live_query_check(const LiveQuery *query, const Schema *answer, Error *err);

// What running takes; of one thread.
typedef struct LiveWork {
	BytesPool *pool;
	ExprWork *expr;
} LiveWork;

// The rows of an entry (FEED_ROWS) that are asked for; *out NULL: none of them.
Status live_query_run(const LiveQuery *query, const FeedEntry *entry, const LiveWork *work,
					  Batch **out, Error *err);
// Whether the table with this definition answers no more as it did: a column it had is another one.
bool live_query_ends_with(const LiveQuery *query, const TableDef *def);
