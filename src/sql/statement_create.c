// statement_create.c - CREATE TABLE [IF NOT EXISTS] t (c type [TAG] [NOT NULL], …) [WITH (k = v,
// …)].

#include <string.h>

#include "base/setting.h"
#include "sql/statement_int.h"

enum { MOST_COLUMNS = 10000 };

// Known options; some answer that they are not built when the table is made.
static const char *const OPTIONS[] = {"time", "tags", "durability", "dedup", "ttl", "key"};

// ---- columns ----

// Words that end a type.
static bool
ends_type(const Parser *p)
{
	static const char *const words[] = {"TAG",       "NOT",     "NULL",  "PRIMARY",
										"UNIQUE",    "DEFAULT", "CHECK", "REFERENCES",
										"GENERATED", "COLLATE", "AS"};
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (parser_is_word(p, words[i]))
			return true;
	return false;
}

static bool
can_be_in_type(const Parser *p, int depth)
{
	switch (p->token.kind) {
	case TOKEN_NAME: return true;
	case TOKEN_NUMBER:
	case TOKEN_QUOTED:
	case TOKEN_STRING: return true;
	case TOKEN_SIGN:
		return parser_is_sign(p, '(') || parser_is_sign(p, '[') || parser_is_sign(p, ']') ||
			   (depth > 0 && (parser_is_sign(p, ')') || parser_is_sign(p, ',')));
	default: return false;
	}
}

// The tokens up to a word or comma that ends it.
static Status
parse_type(Parser *p, const char **out)
{
	int32_t from = p->token.from, to = from;
	for (int depth = 0; can_be_in_type(p, depth) && (depth > 0 || !ends_type(p));) {
		depth += parser_is_sign(p, '(') ? 1 : parser_is_sign(p, ')') ? -1 : 0;
		to = p->token.to;
		TRY(parser_advance(p));
	}
	if (to == from)
		return parser_expected(p, "a type such as BIGINT, DOUBLE, VARCHAR or TIMESTAMP");
	*out = parser_text(p, from, to);
	return ST_OK;
}

// What a column or a table is not given here, and what there is instead. NULL: it is none of them.
static const char *
instead_of(const Parser *p)
{
	static const struct {
		const char *word;
		const char *instead;
	} constraints[] = {
		{"PRIMARY", "write WITH (key = 'id') for a table whose rows have an id, or TAG at columns "
					"and WITH (dedup = 'last') for the last row of each time and tags"},
		{"UNIQUE", "write WITH (dedup = 'last') and rows of the same tags and time replace each "
				   "other, or WITH (key = 'id')"},
		{"FOREIGN", "leave it out, and join where you ask"},
		{"REFERENCES", "leave it out, and join where you ask"},
		{"DEFAULT",
		 "leave it out: what is not sent is NULL, and coalesce(…) gives it a value where "
		 "you ask"},
		{"CHECK", "leave it out, and ask WHERE for what is wrong"},
		{"CONSTRAINT", "leave it out"},
		{"GENERATED", "leave it out, and compute it where you ask"},
		{"AS", "leave it out, and compute it where you ask"},
		{"COLLATE", "leave it out, and write COLLATE where you ask"},
	};
	for (size_t i = 0; i < COUNT_OF(constraints); i++)
		if (parser_is_word(p, constraints[i].word))
			return constraints[i].instead;
	return NULL;
}

static Status
report_constraint(const Parser *p)
{
	int32_t from = p->token.from, len = p->token.to - from;
	return error_set_at(p->err, ST_INVALID, from, "%.*s is not kept in tables: %s", len,
						(const char *)p->text.data + from, instead_of(p));
}

// PRIMARY KEY (…) and its like where a column could stand: these words may name a column too.
static Status
check_no_constraint(const Parser *p)
{
	if (p->token.kind != TOKEN_NAME || instead_of(p) == NULL)
		return ST_OK;
	Parser ahead = *p;
	bool list = parser_is_word(p, "UNIQUE") || parser_is_word(p, "CHECK");
	bool named = parser_is_word(p, "CONSTRAINT");
	TRY(parser_advance(&ahead));
	if (named && ahead.token.kind == TOKEN_NAME) {
		TRY(parser_advance(&ahead));
		return instead_of(&ahead) != NULL ? report_constraint(&ahead) : ST_OK;
	}
	bool constraint = list ? parser_is_sign(&ahead, '(') : parser_is_word(&ahead, "KEY");
	return constraint ? report_constraint(p) : ST_OK;
}

static Status
parse_column_marks(Parser *p, SqlColumnDef *column)
{
	for (bool any = true; any;) {
		bool tag, not, null;
		TRY(parser_accept_word(p, "TAG", &tag));
		TRY(parser_accept_word(p, "NOT", &not ));
		if (not )
			TRY(parser_expect_word(p, "NULL"));
		TRY(parser_accept_word(p, "NULL", &null));
		column->tag |= tag;
		column->not_null |= not ;
		any = tag || not || null;
	}
	return instead_of(p) != NULL ? report_constraint(p) : ST_OK;
}

Status
parse_column(Parser *p)
{
	SqlStatement *s = p->statement;
	if (s->column_count == MOST_COLUMNS)
		return error_set_at(p->err, ST_LIMIT, p->token.from, "a table has at most %d columns",
							MOST_COLUMNS);
	s->columns = list_grow(&s->arena, s->columns, s->column_count, sizeof(*s->columns));
	TRY(arena_status(&s->arena, p->err, "a statement"));
	SqlColumnDef *column = &s->columns[s->column_count++];
	TRY(parser_name(p, "the name of a column", &column->name));
	TRY(parse_type(p, &column->type));
	return parse_column_marks(p, column);
}

static Status
parse_columns(Parser *p)
{
	TRY(parser_expect_sign(p, '('));
	for (bool comma = true; comma;) {
		TRY(check_no_constraint(p));
		TRY(parse_column(p));
		if (!parser_is_sign(p, ',') && !parser_is_sign(p, ')'))
			return parser_expected(p, "TAG, NOT NULL, a comma or \")\"");
		TRY(parser_accept_sign(p, ',', &comma));
	}
	return parser_expect_sign(p, ')');
}

// ---- options ----

static Status
report_unknown(const Parser *p, const SqlOption *option, const char *const *known, size_t count)
{
	for (size_t i = 0; i < COUNT_OF(OPTIONS); i++)
		if (strcmp(OPTIONS[i], option->key) == 0)
			return error_set_at(p->err, ST_INVALID, option->position,
								"option %s is given when the table is made and stays as it is",
								option->key);
	if (strcmp(option->key, "rtdb") == 0 || strcmp(option->key, "history") == 0)
		return error_set_at(p->err, ST_UNIMPLEMENTED, option->position,
							"option %s is not built yet", option->key);
	const char *near = setting_propose(option->key, known, count);
	if (near != NULL)
		return error_set_at(p->err, ST_INVALID, option->position,
							"there is no option %s; did you mean %s?", option->key, near);
	SCOPED(buf_close) Buf all = BUF_INIT;
	for (size_t i = 0; i < count; i++)
		buf_add_printf(&all, "%s%s", i == 0 ? "" : i + 1 < count ? ", " : " and ", known[i]);
	return error_set_at(p->err, ST_INVALID, option->position, "there is no option %s; there are %s",
						option->key, buf_text(&all));
}

static Status
check_option(const Parser *p, const SqlOption *option, const char *const *known, size_t count)
{
	const SqlStatement *s = p->statement;
	for (int32_t i = 0; i < s->option_count; i++)
		if (strcmp(s->options[i].key, option->key) == 0)
			return error_set_at(p->err, ST_INVALID, option->position, "option %s is given twice",
								option->key);
	for (size_t i = 0; i < count; i++)
		if (strcmp(known[i], option->key) == 0)
			return ST_OK;
	return report_unknown(p, option, known, count);
}

static Status
parse_option(Parser *p, const char *const *known, size_t count, SqlOption *out)
{
	SqlName key, value;
	TRY(parser_name(p, "the name of an option", &key));
	char *folded = arena_strdup(&p->statement->arena, key.text);
	TRY(arena_status(&p->statement->arena, p->err, "a statement"));
	for (char *c = folded; *c != '\0'; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
	*out = (SqlOption){.key = folded, .position = key.position};
	TRY(check_option(p, out, known, count));
	TRY(parser_expect_sign(p, '='));
	if (p->token.kind == TOKEN_NUMBER) {
		out->value = parser_text(p, p->token.from, p->token.to);
		return parser_advance(p);
	}
	if (p->token.kind == TOKEN_STRING && p->token.to - p->token.from == 2) {
		out->value = ""; // no tags
		return parser_advance(p);
	}
	TRY(parser_name(p, "the value of the option", &value));
	out->value = value.text;
	return ST_OK;
}

Status
parse_options(Parser *p, const char *const *known, size_t count)
{
	SqlStatement *s = p->statement;
	TRY(parser_expect_sign(p, '('));
	for (bool comma = true; comma;) {
		SqlOption option;
		TRY(parse_option(p, known, count, &option));
		s->options = list_grow(&s->arena, s->options, s->option_count, sizeof(*s->options));
		TRY(arena_status(&s->arena, p->err, "a statement"));
		s->options[s->option_count++] = option;
		TRY(parser_accept_sign(p, ',', &comma));
	}
	return parser_expect_sign(p, ')');
}

Status
parse_create_table(Parser *p)
{
	TRY(parser_if_exists(p, true, &p->statement->if_exists));
	TRY(parser_table_name(p, &p->statement->table));
	if (parser_is_word(p, "AS"))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"CREATE TABLE AS is not built yet; create the table, then INSERT");
	TRY(parse_columns(p));
	bool with;
	TRY(parser_accept_word(p, "WITH", &with));
	if (with)
		TRY(parse_options(p, OPTIONS, COUNT_OF(OPTIONS)));
	return parser_expect_end(p);
}
