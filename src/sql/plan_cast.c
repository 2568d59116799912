// plan_cast.c - the rows of an INSERT or UPDATE as the table's columns have them.

#include "sql/plan.h"

// Which column of the table a column of the statement goes to: the engine's errors name it.
static const char *
source_name(const PlanInput *input, int32_t at)
{
	int32_t i = 0;
	while (input->match != NULL && input->match->places[i] != at)
		i++;
	return schema_field(input->as, input->match != NULL ? i : at)->name;
}

static Status
add_cast(const Field *field, Buf *out, Error *err)
{
	buf_add_text(out, "CAST(");
	sql_add_name(out, field->name);
	buf_add_text(out, " AS ");
	TRY(duck_sql_type(field, out, err));
	buf_add_byte(out, ')');
	return buf_status(out, err, "a statement");
}

// A rounded id would be that of another row. The decimal has room for every id and what is behind
// its point; what it cannot hold no id is either, and the cast says so.
static Status
add_key_cast(const Field *field, Buf *out, Error *err)
{
	buf_add_text(out, "CASE WHEN TRY_CAST(");
	sql_add_name(out, field->name);
	buf_add_text(out, " AS DECIMAL(38, 18)) <> ");
	TRY(add_cast(field, out, err));
	buf_add_text(out, " THEN error('column ' || ");
	SCOPED(buf_close) Buf name = BUF_INIT;
	sql_add_name(&name, field->name);
	TRY(buf_status(&name, err, "a statement"));
	sql_add_text(out, buf_text(&name));
	buf_add_text(out, " || ' is the key and takes whole numbers only, not ' || ");
	sql_add_name(out, field->name);
	buf_add_text(out, ") ELSE ");
	TRY(add_cast(field, out, err));
	buf_add_text(out, " END");
	return buf_status(out, err, "a statement");
}

Status
plan_add_casts(const PlanInput *input, Buf *prefix, Buf *suffix, Error *err)
{
	const Schema *as = input->as;
	buf_add_text(prefix, "SELECT ");
	buf_add_text(suffix, ") AS source(");
	for (int32_t i = 0; i < schema_field_count(as); i++) {
		const char *comma = i > 0 ? ", " : "";
		bool key = input->match == NULL && i == input->key;
		buf_add_text(prefix, comma);
		TRY((key ? add_key_cast : add_cast)(schema_field(as, i), prefix, err));
		buf_add_text(suffix, comma);
		sql_add_name(suffix, source_name(input, i));
	}
	buf_add_text(prefix, " FROM (");
	buf_add_byte(suffix, ')');
	TRY(buf_status(prefix, err, "a statement"));
	return buf_status(suffix, err, "a statement");
}
