// statement_database.c - CREATE DATABASE [IF NOT EXISTS] d, DROP DATABASE [IF EXISTS] d.

#include "sql/statement_int.h"

static Status
parse_name(Parser *p, bool create)
{
	TRY(parser_if_exists(p, create, &p->statement->if_exists));
	TRY(parser_name(p, "the name of a database", &p->statement->database));
	return parser_expect_end(p);
}

Status
parse_create_database(Parser *p)
{
	p->statement->kind = STATEMENT_CREATE_DATABASE;
	return parse_name(p, true);
}

Status
parse_drop_database(Parser *p)
{
	p->statement->kind = STATEMENT_DROP_DATABASE;
	return parse_name(p, false);
}
