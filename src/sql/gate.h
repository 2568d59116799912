// gate.h - lets one harmless read through: judged by its text, then by its parse tree, before
// anything binds or plans it.
//
// Order matters: planning nested scalar subqueries takes 2^depth and cannot be interrupted, and
// binding runs table functions.

#pragma once

#include "duck/duck.h"
#include "sql/verdict.h"

// ST_INVALID (with position), ST_UNIMPLEMENTED, ST_LIMIT.
Status gate_judge(DuckConn *conn, Slice text, Verdict **out, Error *err);

// Verdicts by text: the most recently used ones.
typedef struct Verdicts Verdicts;
Status verdicts_new(Verdicts **out, Error *err);
void verdicts_free(Verdicts *verdicts);                              // NULL is allowed
Verdict *verdicts_find(Verdicts *verdicts, Slice text);              // a reference, or NULL
void verdicts_add(Verdicts *verdicts, Slice text, Verdict *verdict); // or not, when memory is short
