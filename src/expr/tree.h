// tree.h - looking into the parse tree that the engine gives as JSON.
//
// Threads  a tree has one owner.

#pragma once

#include <jansson.h>
#include <stdint.h>

#include "base/status.h"

// All of them take NULL and nodes of other kinds.
const char *tree_text(const json_t *node, const char *key); // "": there is none
bool tree_is(const json_t *node, const char *type);         // of that "type"
bool tree_is_class(const json_t *node, const char *class_name);
int32_t tree_location(const json_t *node); // byte of the statement; -1: unknown

const json_t *tree_integer(const json_t *node); // a constant integer's value; NULL: it is none
const char *tree_string(const json_t *node);    // a constant text; NULL: it is none
