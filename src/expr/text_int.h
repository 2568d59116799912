// text_int.h - the operations on text.

#pragma once

#include "expr/kernel_int.h"

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

void text_contains(Call *c);
void text_starts_with(Call *c);
void text_ends_with(Call *c);
void text_position(Call *c);
void text_length(Call *c);
void text_bytes(Call *c);
void text_substring(Call *c);
void text_left(Call *c);
void text_right(Call *c);
void text_trim(Call *c);   // `detail`: the sides
void text_concat(Call *c); // NODE_FREE
void text_join(Call *c);
void text_replace(Call *c);
void text_lower(Call *c);
void text_upper(Call *c);

// like.c. `detail`: LIKE_NOT, LIKE_FOLD; a third argument is the escape.
enum { LIKE_NOT = 1, LIKE_FOLD = 2 };
void text_matches(Call *c);
