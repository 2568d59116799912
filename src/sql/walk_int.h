// walk_int.h - from a parse tree to a Verdict: what the files that walk the tree share.

#pragma once

#include "expr/tree.h"
#include "sql/lexer.h"
#include "sql/verdict.h"

// A name that means something else than a table or column inside a part of the tree.
typedef struct Shadow {
	const char *name;
	const struct Shadow *next;
} Shadow;

// Where in the tree.
typedef struct Place {
	int32_t scope; // -1: outside of every SELECT
	const Shadow *ctes;
	const Shadow *lambdas; // parameters
	const Shadow *results; // names of a SELECT's list that come before columns
	bool in_lambda;
	bool in_arithmetic; // an operand of it or of a comparison
} Place;

typedef struct Walk {
	Verdict *verdict;
	Slice text;
	const Token *tokens; // of the text, with TOKEN_END at the end
	int32_t token_count;
	double list_items; // see CallPlace
	bool calls;        // a function, which may take any time
	Error *err;
} Walk;

bool shadow_find(const Shadow *shadow, const char *name);

// The token that begins at `location`; -1: none does.
int32_t walk_token(const Walk *w, int32_t location);

// A query with its own SELECT, UNION or CTEs. `place` is where it stands.
Status walk_node(Walk *w, const json_t *node, Place place, bool outermost);
// What stands between FROM and WHERE.
Status walk_from(Walk *w, const json_t *ref, Place place, bool prunable);
// Any part: expressions, lists of them, what holds them.
Status walk_value(Walk *w, const json_t *value, Place place);
// All that a node holds, but not what it is itself.
Status walk_parts(Walk *w, const json_t *node, Place place);
// WHERE: its conjuncts are what every row must fulfil.
Status walk_where(Walk *w, const json_t *value, Place place);
// walk_compare.c. Notes the column that the node is.
bool walk_is_column(const json_t *node);
Status walk_add_column(Walk *w, const json_t *node, Place place, int32_t *out);
// A comparison, BETWEEN or IN. `required`: a row for which it does not hold is refused. *was false:
// it is none of them, and nothing was done.
Status walk_compare(Walk *w, const json_t *node, Place place, bool required, bool *was);
// ORDER BY, DISTINCT ON and HAVING of a SELECT.
Status walk_result(Walk *w, const json_t *node, Place place);
// An item of a SELECT list.
Status walk_selected(Walk *w, const json_t *item, Place place, SelectItem *out);

// A constant that is comparable with time. False: it is none.
bool operand_read(const Walk *w, const json_t *node, Operand *out);
// What lists are made of: an instant with its type, a span of weeks or less. False: it is none.
bool operand_instant(const json_t *node, int64_t *out_ns);
bool operand_span(const json_t *node, int64_t *out_ns);
