// statement_change.c - UPDATE t SET c = e, … [WHERE p], DELETE FROM t [WHERE p], TRUNCATE t.
//
// Values and conditions are the engine's grammar: here only their ends are found. Each is put into
// brackets, in a SELECT of the rows it is about, and so can be nothing else than one expression.

#include "sql/statement_int.h"

// ---- sources ----

void
source_close(Source *source)
{
	buf_close(&source->text);
}

void
source_add(Source *source, const char *glue)
{
	buf_add_text(&source->text, glue);
}

Status
source_add_written(Source *source, int32_t from, int32_t to)
{
	Parser *p = source->parser;
	SqlStatement *s = p->statement;
	s->origins = list_grow(&s->arena, s->origins, s->origin_count, sizeof(*s->origins));
	TRY(arena_status(&s->arena, p->err, "a statement"));
	s->origins[s->origin_count++] = (SqlOrigin){(int32_t)source->text.len, from, to - from};
	buf_add(&source->text, p->text.data + from, (size_t)(to - from));
	return ST_OK;
}

Status
source_finish(Source *source)
{
	SqlStatement *s = source->parser->statement;
	TRY(buf_status(&source->text, source->parser->err, "a statement"));
	s->source = arena_strndup(&s->arena, (const char *)source->text.data, source->text.len);
	return arena_status(&s->arena, source->parser->err, "a statement");
}

int32_t
sql_source_position(const SqlStatement *statement, int32_t position)
{
	if (position < 0 || statement->origin_count == 0)
		return position;
	const SqlOrigin *origin = &statement->origins[0];
	for (int32_t i = 1; i < statement->origin_count && statement->origins[i].at <= position; i++)
		origin = &statement->origins[i];
	int32_t inside = position - origin->at;
	return origin->from + (inside < 0 ? 0 : inside > origin->len ? origin->len : inside);
}

// ---- expressions ----

// Words that begin what these statements do not have here.
static Status
refuse_clause(const Parser *p, const char *verb)
{
	static const char *const words[] = {"RETURNING", "FROM", "USING"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (parser_is_word(p, words[i]))
			return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
								"%s with %s is not built yet; use a subquery in its condition",
								verb, words[i]);
	return ST_OK;
}

// Passes an expression: to a comma (where there may be one), WHERE, another clause or the end,
// outside of brackets. IS DISTINCT FROM is no FROM.
static Status
skip_expression(Parser *p, const char *verb, bool comma, int32_t *from, int32_t *to)
{
	int depth = 0;
	bool distinct = false;
	*from = *to = p->token.from;
	while (p->token.kind != TOKEN_END) {
		bool shut = parser_is_sign(p, ')') || parser_is_sign(p, ']') || parser_is_sign(p, '}');
		bool open = parser_is_sign(p, '(') || parser_is_sign(p, '[') || parser_is_sign(p, '{');
		if (depth == 0 && (shut || (comma && parser_is_sign(p, ',')) || parser_is_word(p, "WHERE")))
			break;
		if (depth == 0 && !(distinct && parser_is_word(p, "FROM")))
			TRY(refuse_clause(p, verb));
		depth += open - shut;
		distinct = parser_is_word(p, "DISTINCT");
		*to = p->token.to;
		TRY(parser_advance(p));
	}
	return *to > *from ? ST_OK : parser_expected(p, "an expression");
}

// ---- tables ----

// The table and its alias; where both are written.
static Status
parse_target(Parser *p, const char *next, int32_t *from, int32_t *to)
{
	*from = p->token.from;
	TRY(parser_table_name(p, &p->statement->table));
	bool as;
	TRY(parser_accept_word(p, "AS", &as));
	bool quoted = p->token.kind == TOKEN_QUOTED;
	bool clause = parser_is_word(p, next) || parser_is_word(p, "WHERE") ||
				  parser_is_word(p, "USING") || parser_is_word(p, "RETURNING");
	if (as || quoted || (p->token.kind == TOKEN_NAME && !clause)) {
		SqlName alias;
		TRY(parser_name(p, "an alias", &alias));
	}
	*to = p->last;
	return ST_OK;
}

// The end of the source, and of the statement: of which rows of the target it is.
static Status
parse_rows(Parser *p, const char *verb, Source *source, int32_t from, int32_t to)
{
	bool where;
	TRY(refuse_clause(p, verb));
	source_add(source, " FROM ");
	TRY(source_add_written(source, from, to));
	TRY(parser_accept_word(p, "WHERE", &where));
	if (where) {
		TRY(skip_expression(p, verb, false, &from, &to));
		source_add(source, " WHERE (");
		TRY(source_add_written(source, from, to));
		source_add(source, ")");
	}
	TRY(parser_expect_end(p));
	return source_finish(source);
}

// ---- statements ----

static Status
parse_assignment(Parser *p, Source *source)
{
	SqlStatement *s = p->statement;
	if (parser_is_sign(p, '('))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"SET of several columns at once is not built yet; write a = 1, b = 2");
	s->targets = list_grow(&s->arena, s->targets, s->target_count, sizeof(*s->targets));
	TRY(arena_status(&s->arena, p->err, "a statement"));
	TRY(parser_name(p, "the name of a column", &s->targets[s->target_count++]));
	TRY(parser_expect_sign(p, '='));
	int32_t from, to;
	TRY(skip_expression(p, "UPDATE", true, &from, &to));
	source_add(source, ", (");
	TRY(source_add_written(source, from, to));
	source_add(source, ") AS \"\x01\""); // a name that nothing else has
	return ST_OK;
}

Status
parse_update(Parser *p)
{
	p->statement->kind = STATEMENT_UPDATE;
	SCOPED(source_close) Source source = {.parser = p};
	int32_t from, to;
	TRY(parser_advance(p));
	TRY(parse_target(p, "SET", &from, &to));
	TRY(parser_expect_word(p, "SET"));
	source_add(&source, "SELECT 0");
	for (bool comma = true; comma;) {
		TRY(parse_assignment(p, &source));
		TRY(parser_accept_sign(p, ',', &comma));
	}
	return parse_rows(p, "UPDATE", &source, from, to);
}

Status
parse_delete(Parser *p)
{
	p->statement->kind = STATEMENT_DELETE;
	SCOPED(source_close) Source source = {.parser = p};
	int32_t from, to;
	TRY(parser_advance(p));
	TRY(parser_expect_word(p, "FROM"));
	TRY(parse_target(p, "WHERE", &from, &to));
	source_add(&source, "SELECT 0");
	return parse_rows(p, "DELETE", &source, from, to);
}

Status
parse_truncate(Parser *p)
{
	p->statement->kind = STATEMENT_TRUNCATE;
	bool was;
	TRY(parser_advance(p));
	TRY(parser_accept_word(p, "TABLE", &was));
	TRY(parser_table_name(p, &p->statement->table));
	return parser_expect_end(p);
}

Status
parse_change(Parser *p, bool *was)
{
	static const struct {
		const char *word;
		Status (*parse)(Parser *p);
	} changes[] = {
		{"INSERT", parse_insert},
		{"UPDATE", parse_update},
		{"DELETE", parse_delete},
		{"TRUNCATE", parse_truncate},
	};
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		*was = parser_is_word(p, changes[i].word);
		if (*was)
			return changes[i].parse(p);
	}
	return ST_OK;
}
