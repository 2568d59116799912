// statement.c - which statement a text is, by its first words.

#include <string.h>

#include "sql/statement_int.h"

// ---- what is known by name ----

// Reads: what follows is the engine's grammar.
static const char *const READS[] = {"SELECT",  "WITH",     "FROM", "VALUES",    "TABLE",
									"EXPLAIN", "DESCRIBE", "DESC", "SUMMARIZE", "UNPIVOT"};

// Statements that there will be.
static const char *const PLANNED[] = {
	"REFRESH",
	"GRANT",
	"REVOKE",
	"CANCEL",
};
static const char *const PLANNED_OBJECTS[] = {
	"STREAM", "RULE", "ARCHIVE", "WEBHOOK", "USER", "TOKEN",
};

static const char *
find_word(const Parser *p, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (parser_is_word(p, words[i]))
			return words[i];
	return NULL;
}

static Status
not_built(const Parser *p, int32_t position, const char *verb, const char *object)
{
	return error_set_at(p->err, ST_UNIMPLEMENTED, position, "%s%s%s is not built yet", verb,
						object[0] != '\0' ? " " : "", object);
}

static Status
not_allowed(const Parser *p, int32_t from, int32_t to)
{
	int32_t len = to - from < 60 ? to - from : 60;
	return error_set_at(
		p->err, ST_INVALID, from,
		"%.*s is not allowed; name a table that exists, read with SELECT, EXPLAIN, SUMMARIZE, "
		"DESCRIBE or SHOW, change with INSERT, UPDATE, DELETE, TRUNCATE, CREATE, ALTER TABLE, "
		"DROP, FLUSH, COMPACT or BACKUP, several times at once with BEGIN; …; COMMIT in one text",
		len, (const char *)p->text.data + from);
}

// ---- CREATE, DROP, SHOW, FLUSH, COMPACT ----

// CREATE or DROP of a table or database; other objects are planned or not allowed.
static Status
parse_object(Parser *p, const char *verb, bool *database)
{
	int32_t from = p->token.from;
	TRY(parser_advance(p));
	*database = parser_is_word(p, "DATABASE");
	if (parser_is_word(p, "TABLE") || *database)
		return parser_advance(p);
	const char *object = find_word(p, PLANNED_OBJECTS, COUNT_OF(PLANNED_OBJECTS));
	if (object != NULL)
		return not_built(p, from, verb, object);
	return p->token.kind == TOKEN_END ? parser_expected(p, "TABLE")
									  : not_allowed(p, from, p->token.to);
}

static Status
parse_create(Parser *p)
{
	bool database;
	TRY(parse_object(p, "CREATE", &database));
	if (database)
		return parse_create_database(p);
	p->statement->kind = STATEMENT_CREATE_TABLE;
	return parse_create_table(p);
}

static Status
parse_drop(Parser *p)
{
	bool database;
	TRY(parse_object(p, "DROP", &database));
	if (database)
		return parse_drop_database(p);
	p->statement->kind = STATEMENT_DROP_TABLE;
	TRY(parser_if_exists(p, false, &p->statement->if_exists));
	TRY(parser_table_name(p, &p->statement->table));
	return parser_expect_end(p);
}

static Status
parse_alter(Parser *p)
{
	int32_t from = p->token.from;
	TRY(parser_advance(p));
	bool task = parser_is_word(p, "TASK");
	if (task || parser_is_word(p, "USER"))
		return not_built(p, from, "ALTER", task ? "TASK" : "USER");
	TRY(parser_expect_word(p, "TABLE"));
	return parse_alter_table(p);
}

// FLUSH or COMPACT, of one table or of all.
static Status
parse_upkeep(Parser *p, StatementKind kind)
{
	p->statement->kind = kind;
	bool was;
	TRY(parser_advance(p));
	TRY(parser_accept_word(p, "TABLE", &was));
	if (p->token.kind != TOKEN_END || was)
		TRY(parser_table_name(p, &p->statement->table));
	return parser_expect_end(p);
}

static Status
parse_show(Parser *p)
{
	int32_t from = p->token.from;
	TRY(parser_advance(p));
	if (p->token.kind == TOKEN_END)
		return parser_expected(p, "TABLES, DATABASES or CREATE TABLE");
	bool create;
	TRY(parser_accept_word(p, "CREATE", &create));
	if (create) {
		p->statement->kind = STATEMENT_SHOW_CREATE_TABLE;
		TRY(parser_expect_word(p, "TABLE"));
		TRY(parser_table_name(p, &p->statement->table));
		return parser_expect_end(p);
	}
	bool databases = parser_is_word(p, "DATABASES");
	if (!databases && !parser_is_word(p, "TABLES")) {
		int32_t len = p->token.to - from < 60 ? p->token.to - from : 60;
		return error_set_at(p->err, ST_UNIMPLEMENTED, from,
							"%.*s is not built yet; SHOW TABLES, SHOW DATABASES, SHOW CREATE TABLE "
							"and DESCRIBE are",
							len, (const char *)p->text.data + from);
	}
	p->statement->kind = databases ? STATEMENT_SHOW_DATABASES : STATEMENT_SHOW_TABLES;
	TRY(parser_advance(p));
	return parser_expect_end(p);
}

// DESCRIBE [TABLE] t. Whatever else is described is for the engine.
static void
look_for_described(Parser *p)
{
	Parser ahead = *p;
	SqlTableName name;
	bool was;
	ahead.err = NULL;
	if (parser_advance(&ahead) != ST_OK || parser_accept_word(&ahead, "TABLE", &was) != ST_OK ||
		parser_table_name(&ahead, &name) != ST_OK || parser_expect_end(&ahead) != ST_OK)
		return;
	p->statement->kind = STATEMENT_DESCRIBE;
	p->statement->table = name;
}

// ---- all ----

// The text ends where its last token does; a semicolon may follow, another statement only behind
// BEGIN.
static Status
find_end(const Parser *p, int32_t *end)
{
	Lexer lexer = lexer_at(p->text, 0);
	bool closed = false, several = parser_is_word(p, "BEGIN");
	*end = 0;
	for (Token token;;) {
		TRY(lexer_next(&lexer, &token, p->err));
		if (token.kind == TOKEN_END)
			return ST_OK;
		bool semicolon = token_is_sign(p->text, token, ';');
		if (closed && !semicolon && !several)
			return error_set_at(p->err, ST_INVALID, token.from,
								"a second statement begins here; send one at a time, or changes "
								"of rows as BEGIN; …; COMMIT");
		closed |= semicolon;
		if (!semicolon)
			*end = token.to;
	}
}

static Status
parse_known(Parser *p)
{
	if (find_word(p, READS, COUNT_OF(READS)) != NULL || parser_is_sign(p, '(')) {
		p->statement->kind = STATEMENT_READ;
		if (parser_is_word(p, "DESCRIBE") || parser_is_word(p, "DESC"))
			look_for_described(p);
		return ST_OK;
	}
	if (parser_is_word(p, "CREATE"))
		return parse_create(p);
	if (parser_is_word(p, "DROP"))
		return parse_drop(p);
	if (parser_is_word(p, "ALTER"))
		return parse_alter(p);
	if (parser_is_word(p, "FLUSH"))
		return parse_upkeep(p, STATEMENT_FLUSH);
	if (parser_is_word(p, "COMPACT"))
		return parse_upkeep(p, STATEMENT_COMPACT);
	if (parser_is_word(p, "BACKUP"))
		return parse_backup(p);
	if (parser_is_word(p, "SHOW"))
		return parse_show(p);
	if (parser_is_word(p, "BEGIN"))
		return parse_begin(p);
	bool change;
	TRY(parse_change(p, &change));
	return change ? ST_OK : not_allowed(p, p->token.from, p->token.to);
}

static Status
parse(Parser *p)
{
	TRY(parser_advance(p));
	if (p->token.kind == TOKEN_END || parser_is_sign(p, ';'))
		return error_set(p->err, ST_INVALID, "there is no statement in the text");
	const char *planned = find_word(p, PLANNED, COUNT_OF(PLANNED));
	if (planned != NULL)
		return not_built(p, p->token.from, planned, "");

	int32_t end;
	TRY(find_end(p, &end));
	p->text.len = (size_t)end;
	p->lexer.text = p->text;
	p->statement->text = parser_text(p, 0, end);
	TRY(arena_status(&p->statement->arena, p->err, "a statement"));
	TRY(parse_known(p));
	return arena_status(&p->statement->arena, p->err, "a statement");
}

Status
statement_new(SqlStatement **out, Error *err)
{
	SqlStatement *statement = mem_alloc(sizeof(*statement));
	if (statement == NULL)
		return error_no_memory(err, "a statement");
	*out = statement;
	return ST_OK;
}

Status
sql_parse(Slice text, SqlStatement **out, Error *err)
{
	if (text.len > SQL_MAX_TEXT)
		return error_set(err, ST_LIMIT, "the statement has %zu bytes; %d are the most", text.len,
						 SQL_MAX_TEXT);
	const uint8_t *zero = text.len > 0 ? memchr(text.data, '\0', text.len) : NULL;
	if (zero != NULL)
		return error_set_at(err, ST_INVALID, (int32_t)(zero - text.data),
							"the statement has a zero byte");
	SCOPED(sql_statement_drop) SqlStatement *statement = NULL;
	TRY(statement_new(&statement, err));
	char *copy = arena_strndup(&statement->arena, (const char *)text.data, text.len);
	TRY(arena_status(&statement->arena, err, "a statement"));
	TRY(text_plain_blanks((uint8_t *)copy, text.len, err));

	Parser parser = {.statement = statement, .text = slice_of(copy, text.len), .err = err};
	parser.lexer = lexer_at(parser.text, 0);
	TRY(parse(&parser));
	*out = TAKE(statement);
	return ST_OK;
}

const char *
sql_option_value(const SqlStatement *statement, const char *key)
{
	for (int32_t i = 0; i < statement->option_count; i++)
		if (strcmp(statement->options[i].key, key) == 0)
			return statement->options[i].value;
	return NULL;
}

void
sql_statement_free(SqlStatement *statement)
{
	if (statement == NULL)
		return;
	for (int32_t i = 0; i < statement->part_count; i++)
		sql_statement_free(statement->parts[i]);
	arena_close(&statement->arena);
	mem_free(statement);
}
