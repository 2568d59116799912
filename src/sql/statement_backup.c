// statement_backup.c - BACKUP TO 'name' [WITH (copy)].

#include "sql/statement_int.h"

// The options there are: one.
static Status
parse_with(Parser *p)
{
	TRY(parser_expect_sign(p, '('));
	TRY(parser_expect_word(p, "copy"));
	p->statement->copy = true;
	return parser_expect_sign(p, ')');
}

Status
parse_backup(Parser *p)
{
	SqlName name;
	bool with;
	p->statement->kind = STATEMENT_BACKUP;
	TRY(parser_advance(p));
	TRY(parser_expect_word(p, "TO"));
	TRY(parser_name(p, "the name of the backup", &name));
	p->statement->backup = name.text;
	TRY(parser_accept_word(p, "WITH", &with));
	if (with)
		TRY(parse_with(p));
	return parser_expect_end(p);
}
