// statement_begin.c - BEGIN; …; COMMIT: several changes of rows in one text, one commit.

#include "sql/statement_int.h"

enum { MOST_PARTS = 1000 };

// [TRANSACTION | WORK] and the semicolon, or the end.
static Status
parse_rest(Parser *p, bool more)
{
	bool was;
	TRY(parser_accept_word(p, "TRANSACTION", &was));
	if (!was)
		TRY(parser_accept_word(p, "WORK", &was));
	if (more && !parser_is_sign(p, ';'))
		return parser_expected(p, "\";\" and the statements up to COMMIT");
	while (parser_is_sign(p, ';'))
		TRY(parser_advance(p));
	return more ? ST_OK : parser_expect_end(p);
}

// The end of the statement that begins at the current token: where its last token ends.
static Status
find_part_end(const Parser *p, int32_t *to)
{
	Parser at = *p;
	*to = at.token.to;
	while (at.token.kind != TOKEN_END && !parser_is_sign(&at, ';')) {
		*to = at.token.to;
		TRY(parser_advance(&at));
	}
	return ST_OK;
}

// A statement of the text, by a parser that sees nothing behind it.
static Status
parse_part(Parser *p)
{
	SqlStatement *all = p->statement;
	int32_t from = p->token.from, to;
	TRY(find_part_end(p, &to));
	if (all->part_count == MOST_PARTS)
		return error_set_at(p->err, ST_LIMIT, from, "more than %d statements in one commit",
							MOST_PARTS);
	SqlStatement **parts = list_grow(&all->arena, all->parts, all->part_count, sizeof(*parts));
	TRY(arena_status(&all->arena, p->err, "a statement"));
	all->parts = parts;
	SqlStatement **place = &all->parts[all->part_count];
	TRY(statement_new(place, p->err));
	all->part_count++;

	Parser part = *p;
	part.statement = *place;
	part.text.len = (size_t)to;
	part.lexer.text = part.text;
	bool was = false;
	TRY(parse_change(&part, &was));
	if (!was)
		return error_set_at(p->err, ST_INVALID, from,
							"only INSERT, UPDATE, DELETE and TRUNCATE stand between BEGIN and "
							"COMMIT; send others by themselves");
	(*place)->text = parser_text(&part, from, to);
	TRY(arena_status(&(*place)->arena, p->err, "a statement"));
	p->lexer = lexer_at(p->text, to);
	return parser_advance(p);
}

Status
parse_begin(Parser *p)
{
	p->statement->kind = STATEMENT_BEGIN;
	TRY(parser_advance(p));
	TRY(parse_rest(p, true));
	while (!parser_is_word(p, "COMMIT") && !parser_is_word(p, "END")) {
		if (p->token.kind == TOKEN_END)
			return parser_expected(p, "COMMIT");
		TRY(parse_part(p));
		if (p->token.kind != TOKEN_END && !parser_is_sign(p, ';'))
			return parser_expected(p, "\";\"");
		while (parser_is_sign(p, ';'))
			TRY(parser_advance(p));
	}
	if (p->statement->part_count == 0)
		return error_set_at(p->err, ST_INVALID, p->token.from,
							"there is no statement between BEGIN and COMMIT");
	TRY(parser_advance(p));
	return parse_rest(p, false);
}
