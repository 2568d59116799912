// rewrite.h - a statement's text with its tables, and some constants and columns, replaced at their
// positions; and the way back for positions of errors.

#pragma once

#include "sql/constraint.h"

typedef struct Splice {
	int32_t from; // bytes of the original, half-open
	int32_t to;
	const char *text;
	int32_t at; // in the new text
} Splice;

typedef struct Rewrite {
	char *text;
	Splice *splices; // by position
	int32_t splice_count;
	int32_t prefix; // bytes put before everything
	int32_t original_len;
} Rewrite;

typedef struct RewriteInput {
	const Verdict *verdict;
	const RefColumns *columns;
	const char *const *tables; // what each TableRef becomes in FROM: a function or a subquery
	bool time_alias;
	const char *const
		*cell_types;        // of a VALUES list's columns, for cells that are cast; NULL: none
	const char *first_item; // what the 0 at SQL_MATCH_ITEM becomes; NULL: there is none
	const char *prefix;     // around the whole statement; NULL: none
	const char *suffix;
} RewriteInput;

// Everything lies in `arena`.
Status rewrite_make(const RewriteInput *input, Arena *arena, Rewrite *out, Error *err);

// The position in the original text; -1 stays.
int32_t rewrite_position(const Rewrite *rewrite, int32_t position);

// `name` between double quotes.
void sql_add_name(Buf *out, const char *name);
void sql_add_text(Buf *out, const char *text); // between single quotes
