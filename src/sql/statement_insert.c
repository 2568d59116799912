// statement_insert.c - INSERT INTO t [(c, …)] VALUES … | SELECT …: the source is the engine's
// grammar and only found here.

#include "sql/statement_int.h"

static Status
parse_targets(Parser *p)
{
	SqlStatement *s = p->statement;
	for (bool comma = true; comma;) {
		s->targets = list_grow(&s->arena, s->targets, s->target_count, sizeof(*s->targets));
		TRY(arena_status(&s->arena, p->err, "a statement"));
		TRY(parser_name(p, "the name of a column", &s->targets[s->target_count]));
		s->target_count++;
		TRY(parser_accept_sign(p, ',', &comma));
	}
	return parser_expect_sign(p, ')');
}

// A bracket may open the list of columns, or the source.
static bool
begins_source(const Parser *p)
{
	static const char *const words[] = {"SELECT", "VALUES", "WITH", "FROM", "TABLE"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (parser_is_word(p, words[i]))
			return true;
	return parser_is_sign(p, '(');
}

// Endings that other databases know.
static Status
refuse_endings(Parser *p)
{
	bool on = false;
	for (int depth = 0; p->token.kind != TOKEN_END;) {
		bool conflict = on && parser_is_word(p, "CONFLICT");
		if (depth == 0 && (conflict || parser_is_word(p, "RETURNING")))
			return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
								"INSERT with %s is not built yet",
								conflict ? "ON CONFLICT" : "RETURNING");
		on = parser_is_word(p, "ON");
		depth += parser_is_sign(p, '(') ? 1 : parser_is_sign(p, ')') ? -1 : 0;
		TRY(parser_advance(p));
	}
	return ST_OK;
}

static Status
parse_source(Parser *p)
{
	SCOPED(source_close) Source source = {.parser = p};
	if (parser_is_word(p, "BY") || parser_is_word(p, "DEFAULT"))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"INSERT %s is not built yet; name the columns behind the table",
							parser_is_word(p, "BY") ? "BY NAME" : "DEFAULT VALUES");
	if (!begins_source(p))
		return parser_expected(p, "VALUES or SELECT");
	TRY(source_add_written(&source, p->token.from, (int32_t)p->text.len));
	TRY(source_finish(&source));
	return refuse_endings(p);
}

Status
parse_insert(Parser *p)
{
	p->statement->kind = STATEMENT_INSERT;
	TRY(parser_advance(p));
	if (parser_is_word(p, "OR"))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"INSERT OR REPLACE and INSERT OR IGNORE are not built yet");
	TRY(parser_expect_word(p, "INTO"));
	TRY(parser_table_name(p, &p->statement->table));
	if (!parser_is_sign(p, '('))
		return parse_source(p);

	Parser behind = *p;
	TRY(parser_advance(&behind));
	if (begins_source(&behind))
		return parse_source(p);
	TRY(parser_advance(p));
	TRY(parse_targets(p));
	return parse_source(p);
}
