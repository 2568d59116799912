// table_asked.c - whether a table is what a put's schema metadata says of it.
//
// What only a creation reads must not be passed over in silence later: who sends dedup = last to a
// table that keeps every row would learn of it from wrong answers.

#include <stdio.h>
#include <string.h>

#include "base/setting.h"
#include "catalog/table_def_int.h"

// What stays as it was made.
static Status
refuse(const TableDef *def, const char *what, const char *has, const char *asked, Error *err)
{
	return error_set(
		err, ST_INVALID,
		"table \"%s\" has %s, but mobius.%s of the schema says \"%s\": it stays as the "
		"table was made; leave mobius.%s out, or put to a new table",
		def->name, has, what, asked, what);
}

// ---- options ----

static Status
check_dedup(const TableDef *def, const char *asked, Error *err)
{
	bool replaces = def->replaces;
	TRY(table_parse_dedup(asked, &replaces, err));
	if (replaces == def->replaces)
		return ST_OK;
	return refuse(def, "dedup",
				  def->key_column >= 0 ? "a key, by which rows are replaced"
				  : def->replaces      ? "dedup = last"
									   : "dedup = none",
				  asked, err);
}

static Status
check_ttl(const TableDef *def, const char *asked, Error *err)
{
	int64_t ttl_ns = def->ttl_ns;
	char has[DURATION_TEXT] = "none";
	TRY(table_parse_ttl(asked, &ttl_ns, err));
	if (ttl_ns == def->ttl_ns)
		return ST_OK;
	if (def->ttl_ns > 0)
		setting_format_duration(def->ttl_ns, has);
	return error_set(err, ST_INVALID,
					 "table \"%s\" has ttl = %s, but mobius.ttl of the schema says \"%s\": ALTER "
					 "TABLE \"%s\" SET (ttl = '%s') changes it; or leave mobius.ttl out",
					 def->name, has, asked, def->name, asked);
}

// A column that has a role of its own: `column` -1 is a table without one, and so is an empty text.
static Status
check_column(const TableDef *def, const char *what, int32_t column, const char *asked, Error *err)
{
	char has[320];
	if (asked == NULL)
		return ST_OK;
	const char *name = column >= 0 ? schema_field(def->schema, column)->name : "";
	if (strcmp(name, asked) == 0)
		return ST_OK;
	if (column >= 0)
		(void)snprintf(has, sizeof(has), "%s column \"%s\"", what, name);
	else
		(void)snprintf(has, sizeof(has), "no %s column", what);
	return refuse(def, what, has, asked, err);
}

// ---- all ----

Status
table_def_check_asked(const TableDef *def, const TableRequest *asked, Error *err)
{
	TRY(check_column(def, "time", def->time_column, asked->time, err));
	TRY(check_column(def, "key", def->key_column, asked->key, err));
	TRY(check_dedup(def, asked->dedup, err));
	return check_ttl(def, asked->ttl, err);
}
