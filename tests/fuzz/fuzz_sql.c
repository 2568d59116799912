// Statements as text: what the lexer and the parser of our own statements do with anything. What is
// accepted says again what it said.

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sql/lexer.h"
#include "sql/statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Tokens lie inside the text, one behind the other, and those with a value have one.
static void
read_tokens(Slice text)
{
	Lexer lexer = lexer_at(text, 0);
	Token token = {.kind = TOKEN_SIGN};
	int32_t done = 0;
	while (token.kind != TOKEN_END) {
		SCOPED(buf_close) Buf value = BUF_INIT;
		if (lexer_next(&lexer, &token, NULL) != ST_OK)
			return;
		if (token.from < done || token.to < token.from || (size_t)token.to > text.len)
			abort();
		if (token.kind != TOKEN_END && token.to == token.from)
			abort();
		token_value(text, token, &value);
		done = token.to;
	}
}

// What a source says was written, where it says; and no position leaves the text.
static void
check_source(const char *text, const SqlStatement *s)
{
	int32_t len = s->source != NULL ? (int32_t)strlen(s->source) : 0, done = 0;
	for (int32_t i = 0; i < s->origin_count; i++) {
		const SqlOrigin *o = &s->origins[i];
		if (o->at < done || o->len > len - o->at ||
			memcmp(s->source + o->at, text + o->from, (size_t)o->len) != 0)
			abort();
		done = o->at + o->len;
	}
	for (int32_t i = 0; i <= len; i++) {
		int32_t at = sql_source_position(s, i);
		if (at < 0 || (size_t)at > strlen(text))
			abort();
	}
	if ((s->kind == STATEMENT_UPDATE || s->kind == STATEMENT_DELETE) &&
		s->source[SQL_MATCH_ITEM] != '0')
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_tokens(slice_of(data, size));
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	SCOPED(sql_statement_drop) SqlStatement *again = NULL;
	if (sql_parse(slice_of(data, size), &statement, NULL) != ST_OK)
		return 0;
	if (strlen(statement->text) > size)
		abort();
	if (sql_parse(slice_text(statement->text), &again, NULL) != ST_OK ||
		again->kind != statement->kind || strcmp(again->text, statement->text) != 0)
		abort();
	check_source(statement->text, statement);
	for (int32_t i = 0; i < statement->part_count; i++)
		check_source(statement->text, statement->parts[i]);
	return 0;
}
