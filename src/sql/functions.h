// functions.h - which functions statements may use, and how.
//
// Threads  any.

#pragma once

#include <jansson.h>

#include "base/status.h"

extern const char *const function_names[]; // sorted, allowed in every form
extern const size_t function_name_count;

// `call` is a FUNCTION or WINDOW of the parse tree. in_from: it stands where a table does.
// ST_INVALID with position.
Status function_check(const json_t *call, bool in_from, Error *err);
