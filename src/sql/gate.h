// gate.h - lets one harmless read through: judged by its text, then by its parse tree, before
// anything binds or plans it.
//
// Order matters: planning nested scalar subqueries takes 2^depth and cannot be interrupted, and
// binding runs table functions.

#pragma once

#include <jansson.h>

#include "duck/duck.h"
#include "sql/verdict.h"

// ST_INVALID (with position), ST_UNIMPLEMENTED, ST_LIMIT.
Status gate_judge(DuckConn *conn, Slice text, Verdict **out, Error *err);

// The parse tree of one SELECT, to be given back by json_decref. The text has plain blanks
// (text_plain_blanks) and no zero byte.
Status gate_tree(DuckConn *conn, Slice text, json_t **out, Error *err);

// Verdicts by text: the most recently used ones.
typedef struct Verdicts Verdicts;
Status verdicts_new(Verdicts **out, Error *err);
void verdicts_free(Verdicts *verdicts);                              // NULL is allowed
Verdict *verdicts_find(Verdicts *verdicts, Slice text);              // a reference, or NULL
void verdicts_add(Verdicts *verdicts, Slice text, Verdict *verdict); // or not, when memory is short
