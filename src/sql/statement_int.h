// statement_int.h - a parser over tokens, shared by the statements of our own.

#pragma once

#include "base/mem.h"
#include "sql/lexer.h"
#include "sql/statement.h"

typedef struct Parser {
	SqlStatement *statement; // its arena holds what is parsed
	Slice text;
	Lexer lexer;
	Token token;  // the current one
	int32_t last; // where the one before it ends
	Error *err;
} Parser;

// ---- moving ----

Status parser_advance(Parser *p);
bool parser_is_sign(const Parser *p, char sign);
bool parser_is_word(const Parser *p, const char *word);
// Whether the current token was it; then it is passed.
Status parser_accept_sign(Parser *p, char sign, bool *was);
Status parser_accept_word(Parser *p, const char *word, bool *was);

// ST_INVALID "expected <what> …" at the current token, unless it is there.
Status parser_expected(const Parser *p, const char *what);
Status parser_expect_sign(Parser *p, char sign);
Status parser_expect_word(Parser *p, const char *word);
Status parser_expect_end(const Parser *p);

// ---- parts ----

Status parser_name(Parser *p, const char *what, SqlName *out);
Status parser_table_name(Parser *p, SqlTableName *out);
// [IF EXISTS] or [IF NOT EXISTS].
Status parser_if_exists(Parser *p, bool negated, bool *out);
const char *parser_text(Parser *p, int32_t from, int32_t to); // in the arena; NULL: no memory

// Room for one more at the end of a list in the arena whose room doubles; NULL: no memory.
void *list_grow(Arena *arena, void *items, int32_t count, size_t size);

// ---- parts of CREATE TABLE that ALTER TABLE shares ----

// c type [TAG] [NOT NULL]: one more of the statement's columns. What may follow is for the caller.
Status parse_column(Parser *p);
// (k = v, …). `known` are the options there may be.
Status parse_options(Parser *p, const char *const *known, size_t count);

// ---- sources ----

// The text that a statement reads with, and where its parts are written.
typedef struct Source {
	Parser *parser;
	Buf text;
} Source;

void source_close(Source *source);
void source_add(Source *source, const char *glue);
Status source_add_written(Source *source, int32_t from, int32_t to);
Status source_finish(Source *source); // is the statement's from now on

// ---- statements, from their first word on ----

Status parse_create_table(Parser *p); // this and the next three: behind their first words
Status parse_alter_table(Parser *p);
Status parse_create_database(Parser *p);
Status parse_drop_database(Parser *p);
Status parse_insert(Parser *p);
Status parse_backup(Parser *p);
Status parse_update(Parser *p);
Status parse_delete(Parser *p);
Status parse_truncate(Parser *p);
Status parse_begin(Parser *p);
// INSERT, UPDATE, DELETE, TRUNCATE. *was false: it is none of them.
Status parse_change(Parser *p, bool *was);

Status statement_new(SqlStatement **out, Error *err);
