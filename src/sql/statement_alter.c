// statement_alter.c - ALTER TABLE [IF EXISTS] t and then one of
//
//     ADD [COLUMN] [IF NOT EXISTS] c type [TAG]
//     DROP [COLUMN] [IF EXISTS] c
//     RENAME [COLUMN] a TO b
//     SET (k = v, …)

#include "sql/statement_int.h"

// Others are decided when a table is made.
static const char *const OPTIONS[] = {"durability", "ttl"};

static Status
parse_add(Parser *p)
{
	SqlStatement *s = p->statement;
	bool was;
	s->alter = ALTER_ADD_COLUMN;
	TRY(parser_accept_word(p, "COLUMN", &was));
	TRY(parser_if_exists(p, true, &s->if_column));
	TRY(parse_column(p));
	if (s->columns[0].not_null)
		return error_set_at(
			p->err, ST_INVALID, s->columns[0].name.position,
			"column \"%s\" cannot be NOT NULL: the rows there are have no value for "
			"it; leave NOT NULL out",
			s->columns[0].name.text);
	return parser_expect_end(p);
}

static Status
parse_drop(Parser *p)
{
	SqlStatement *s = p->statement;
	bool was;
	s->alter = ALTER_DROP_COLUMN;
	TRY(parser_accept_word(p, "COLUMN", &was));
	TRY(parser_if_exists(p, false, &s->if_column));
	TRY(parser_name(p, "the name of a column", &s->column));
	return parser_expect_end(p);
}

static Status
parse_rename(Parser *p)
{
	SqlStatement *s = p->statement;
	bool was;
	s->alter = ALTER_RENAME_COLUMN;
	if (parser_is_word(p, "TO"))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"renaming a table is not built yet; RENAME COLUMN a TO b is");
	TRY(parser_accept_word(p, "COLUMN", &was));
	TRY(parser_name(p, "the name of a column", &s->column));
	TRY(parser_expect_word(p, "TO"));
	TRY(parser_name(p, "the column's new name", &s->renamed));
	return parser_expect_end(p);
}

static Status
parse_set(Parser *p)
{
	p->statement->alter = ALTER_SET;
	TRY(parse_options(p, OPTIONS, COUNT_OF(OPTIONS)));
	return parser_expect_end(p);
}

Status
parse_alter_table(Parser *p)
{
	bool add, drop, rename, set;
	p->statement->kind = STATEMENT_ALTER_TABLE;
	TRY(parser_if_exists(p, false, &p->statement->if_exists));
	TRY(parser_table_name(p, &p->statement->table));
	if (parser_is_word(p, "ALTER"))
		return error_set_at(p->err, ST_UNIMPLEMENTED, p->token.from,
							"ALTER COLUMN is not built yet; a column grows by itself when wider "
							"values come");
	TRY(parser_accept_word(p, "ADD", &add));
	if (add)
		return parse_add(p);
	TRY(parser_accept_word(p, "DROP", &drop));
	if (drop)
		return parse_drop(p);
	TRY(parser_accept_word(p, "RENAME", &rename));
	if (rename)
		return parse_rename(p);
	TRY(parser_accept_word(p, "SET", &set));
	return set ? parse_set(p)
			   : parser_expected(p, "ADD COLUMN, DROP COLUMN, RENAME COLUMN or SET (…)");
}
