// functions.h - which functions statements may use, and how.
//
// Threads  any.

#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "base/status.h"

extern const char *const function_names[]; // sorted, allowed in every form
extern const size_t function_name_count;

// Where a call stands.
typedef struct CallPlace {
	bool in_from;   // where a table does
	bool in_lambda; // in what is done with each item of a list
	double *items;  // of the lists that the statement makes, so far
} CallPlace;

// `call` is a FUNCTION or WINDOW of the parse tree. ST_INVALID with position.
Status function_check(const json_t *call, const CallPlace *place, Error *err);
// Whether it takes lambdas: `a -> b` in other calls is a path in JSON.
bool function_takes_lambda(const json_t *call);
// + - * / and their like, which never yield a list.
bool function_is_arithmetic(const json_t *call);
