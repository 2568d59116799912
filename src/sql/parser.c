// parser.c - moving over the tokens of a statement, and the parts that statements share.

#include <string.h>

#include "sql/statement_int.h"

Status
parser_advance(Parser *p)
{
	p->last = p->token.to;
	return lexer_next(&p->lexer, &p->token, p->err);
}

bool
parser_is_sign(const Parser *p, char sign)
{
	return token_is_sign(p->text, p->token, sign);
}

bool
parser_is_word(const Parser *p, const char *word)
{
	return token_is_word(p->text, p->token, word);
}

Status
parser_accept_sign(Parser *p, char sign, bool *was)
{
	*was = parser_is_sign(p, sign);
	return *was ? parser_advance(p) : ST_OK;
}

Status
parser_accept_word(Parser *p, const char *word, bool *was)
{
	*was = parser_is_word(p, word);
	return *was ? parser_advance(p) : ST_OK;
}

Status
parser_expected(const Parser *p, const char *what)
{
	if (p->token.kind == TOKEN_END)
		return error_set_at(p->err, ST_INVALID, p->token.from,
							"expected %s, but the statement ends", what);
	int32_t len = p->token.to - p->token.from;
	return error_set_at(p->err, ST_INVALID, p->token.from, "expected %s, not %.*s%s", what,
						len < 40 ? len : 40, (const char *)p->text.data + p->token.from,
						len < 40 ? "" : "…");
}

Status
parser_expect_sign(Parser *p, char sign)
{
	char what[] = {'"', sign, '"', '\0'};
	return parser_is_sign(p, sign) ? parser_advance(p) : parser_expected(p, what);
}

Status
parser_expect_word(Parser *p, const char *word)
{
	return parser_is_word(p, word) ? parser_advance(p) : parser_expected(p, word);
}

Status
parser_expect_end(const Parser *p)
{
	return p->token.kind == TOKEN_END ? ST_OK : parser_expected(p, "the end of the statement");
}

const char *
parser_text(Parser *p, int32_t from, int32_t to)
{
	return arena_strndup(&p->statement->arena, (const char *)p->text.data + from,
						 (size_t)(to - from));
}

// ---- names ----

Status
parser_name(Parser *p, const char *what, SqlName *out)
{
	if (p->token.kind != TOKEN_NAME && p->token.kind != TOKEN_QUOTED &&
		p->token.kind != TOKEN_STRING)
		return parser_expected(p, what);
	SCOPED(buf_close) Buf value = BUF_INIT;
	token_value(p->text, p->token, &value);
	TRY(buf_status(&value, p->err, "a statement"));
	if (value.len == 0 || memchr(value.data, '\0', value.len) != NULL)
		return error_set_at(p->err, ST_INVALID, p->token.from, "%s is empty or has a zero byte",
							what);
	SqlName name = {.quoted = p->token.kind != TOKEN_NAME, .position = p->token.from};
	name.text = arena_strndup(&p->statement->arena, (const char *)value.data, value.len);
	TRY(parser_advance(p));
	*out = name;
	return arena_status(&p->statement->arena, p->err, "a statement");
}

Status
parser_table_name(Parser *p, SqlTableName *out)
{
	SqlName parts[3] = {0};
	int count = 0;
	bool dot = true;
	while (dot) {
		if (count == 3)
			return parser_expected(p, "no fourth part of the name: database.htdb.table is all");
		TRY(parser_name(p, "the name of a table", &parts[count++]));
		TRY(parser_accept_sign(p, '.', &dot));
	}
	*out = (SqlTableName){
		.database = count == 3 ? parts[0] : (SqlName){0},
		.schema = count >= 2 ? parts[count - 2] : (SqlName){0},
		.table = parts[count - 1],
	};
	return ST_OK;
}

Status
parser_if_exists(Parser *p, bool negated, bool *out)
{
	TRY(parser_accept_word(p, "IF", out));
	if (!*out)
		return ST_OK;
	if (negated)
		TRY(parser_expect_word(p, "NOT"));
	return parser_expect_word(p, "EXISTS");
}

void *
list_grow(Arena *arena, void *items, int32_t count, size_t size)
{
	bool full = (count & (count - 1)) == 0; // 0, 1, 2, 4, …
	if (!full)
		return items;
	size_t room = count == 0 ? 1 : 2 * (size_t)count;
	void *grown = arena_array(arena, room, size);
	if (grown != NULL && count > 0)
		memcpy(grown, items, (size_t)count * size);
	return grown;
}
