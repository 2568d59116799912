// table_options.c - options of a table as users write them.

#include <string.h>

#include "base/setting.h"
#include "catalog/table_def_int.h"

Status
table_parse_durability(const char *text, bool *durable, Error *err)
{
	if (text == NULL)
		return ST_OK;
	bool yes = strcmp(text, "durable") == 0;
	if (!yes && strcmp(text, "async") != 0)
		return error_set(err, ST_INVALID, "durability is durable or async, not \"%s\"", text);
	*durable = yes;
	return ST_OK;
}

Status
table_parse_ttl(const char *text, int64_t *ttl_ns, Error *err)
{
	int64_t ns = 0;
	if (text == NULL)
		return ST_OK;
	if (strcmp(text, "none") == 0) {
		*ttl_ns = 0;
		return ST_OK;
	}
	// "0" has no unit and "-1d" is no duration, but what is wrong with them is something else.
	bool zero = text[0] != '\0' && text[strspn(text, "0")] == '\0';
	bool more = text[0] != '-' && !zero;
	Status st = more ? setting_parse_duration(text, &ns, err) : ST_OK;
	if (st != ST_OK) {
		(void)error_prefix(err, "ttl");
		return st;
	}
	if (ns <= 0)
		return error_set(err, ST_INVALID,
						 "ttl is %s and must be more than 0: 30d, 12h; none keeps everything",
						 text);
	*ttl_ns = ns;
	return ST_OK;
}

Status
table_parse_dedup(const char *text, bool *replaces, Error *err)
{
	if (text == NULL)
		return ST_OK;
	bool last = strcmp(text, "last") == 0;
	if (!last && strcmp(text, "none") != 0)
		return error_set(err, ST_INVALID, "dedup is last or none, not \"%s\"", text);
	*replaces = last;
	return ST_OK;
}

Status
table_check_options(const TableDef *parts, Error *err)
{
	bool timed = false, keyed = false;
	for (int32_t i = 0; i < schema_field_count(parts->schema); i++) {
		timed |= parts->roles[i] == ROLE_TIME;
		keyed |= parts->roles[i] == ROLE_KEY;
	}
	if (parts->ttl_ns > 0 && !timed)
		return error_set(
			err, ST_INVALID,
			"ttl is for tables with a time column; table \"%s\" has none: leave it out",
			parts->name);
	if (parts->replaces && !timed && !keyed)
		return error_set(
			err, ST_INVALID,
			"dedup is for tables with a time column; table \"%s\" has none: leave it out",
			parts->name);
	return ST_OK;
}
