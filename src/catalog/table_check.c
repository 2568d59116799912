// table_check.c - which names and columns a table may have.

#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "catalog/table_def_int.h"

enum { NAME_BYTES = 127, COLUMN_NAME_BYTES = 255 };

// ---- names of things ----

// Of ASCII, whatever the process's locale says.
static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

Status
name_check(const char *what, const char *name, Error *err)
{
	size_t len = strlen(name);
	bool ok = len >= 1 && len <= NAME_BYTES && is_letter(name[0]);
	for (size_t i = 1; ok && i < len; i++)
		ok = is_letter(name[i]) || (name[i] >= '0' && name[i] <= '9');
	if (ok)
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "%s name \"%.130s\" must be letters, digits and _, begin with no digit, and "
					 "have 1 to %d bytes",
					 what, name, NAME_BYTES);
}

Status
database_name_check(const char *name, Error *err)
{
	static const char *const reserved[] = {"htdb", "rtdb", "system", "main", "information_schema"};
	for (size_t i = 0; i < COUNT_OF(reserved); i++)
		if (strcasecmp(name, reserved[i]) == 0)
			return error_set(err, ST_INVALID,
							 "database name \"%s\" is reserved; choose another one", name);
	return name_check("database", name, err);
}

// ---- columns ----

// U+0000 to U+001F, U+007F and, in two bytes, U+0080 to U+009F.
static bool
has_control(const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c != '\0'; c++)
		if (*c < 0x20 || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
			return true;
	return false;
}

Status
table_check_column_name(const char *name, Error *err)
{
	size_t len = strlen(name);
	if (len == 0 || len > COLUMN_NAME_BYTES)
		return error_set(err, ST_INVALID,
						 "column name \"%.60s\" has %zu bytes; 1 to %d are allowed", name, len,
						 COLUMN_NAME_BYTES);
	if (!utf8_valid((const uint8_t *)name, len))
		return error_set(err, ST_INVALID, "a column name is not UTF-8");
	if (has_control(name))
		return error_set(err, ST_INVALID,
						 "column name \"%.60s\" has a control character; leave it out", name);
	return ST_OK;
}

// How many values a row of the column has whatever is in it, NULL too: those of lists of fixed size
// within each other are multiplied. No more than one past what is allowed.
static int64_t
values_of_row(const Field *field)
{
	int64_t values = 0;
	if (field->type.id != TYPE_STRUCT && field->type.id != TYPE_FIXED_LIST)
		return 1;
	for (int32_t i = 0; i < field->child_count && values <= TABLE_MOST_ROW_VALUES; i++)
		values += values_of_row(&field->children[i]);
	if (field->type.id == TYPE_FIXED_LIST)
		values *= field->type.width;
	return values <= TABLE_MOST_ROW_VALUES ? values : TABLE_MOST_ROW_VALUES + 1;
}

// Also where it is the items of a list that have them.
static bool
fits_a_row(const Field *field)
{
	bool fits = values_of_row(field) <= TABLE_MOST_ROW_VALUES;
	for (int32_t i = 0; fits && i < field->child_count; i++)
		fits = fits_a_row(&field->children[i]);
	return fits;
}

Status
table_check_column(const Field *field, FieldCheck *check, Error *err)
{
	TRY(table_check_column_name(field->name, err));
	if (!fits_a_row(field))
		return error_set(err, ST_LIMIT,
						 "column \"%s\" would have more than %d values in each row: the sizes of "
						 "fixed_size_lists within each other are multiplied; use a list",
						 field->name, TABLE_MOST_ROW_VALUES);
	return check(field, err);
}

Status
table_check_new_name(const Field *fields, int32_t count, int32_t but, const char *name, Error *err)
{
	TRY(table_check_column_name(name, err));
	for (int32_t i = 0; i < count; i++) {
		if (i == but || strcasecmp(fields[i].name, name) != 0)
			continue;
		if (strcmp(fields[i].name, name) == 0)
			return error_set(err, ST_EXISTS, "the table has a column \"%s\" already", name);
		return error_set(
			err, ST_INVALID,
			"column \"%s\" differs only in case from \"%s\", which the table has; rename it", name,
			fields[i].name);
	}
	return ST_OK;
}

static void
count_fields(const Field *fields, int32_t count, int level, int32_t *total, int *levels)
{
	*total += count;
	if (count > 0 && level > *levels)
		*levels = level;
	for (int32_t i = 0; i < count; i++)
		count_fields(fields[i].children, fields[i].child_count, level + 1, total, levels);
}

Status
table_check_size(const Field *fields, int32_t count, Error *err)
{
	int32_t total = 0;
	int levels = 0;
	count_fields(fields, count, 1, &total, &levels);
	if (total > TABLE_MOST_FIELDS)
		return error_set(err, ST_LIMIT,
						 "the table would have %d columns, parts of nested ones included; at most "
						 "%d are allowed: divide it",
						 total, TABLE_MOST_FIELDS);
	if (levels > TABLE_MOST_LEVELS)
		return error_set(err, ST_LIMIT, "a column's type has %d levels; at most %d are allowed",
						 levels, TABLE_MOST_LEVELS);
	return ST_OK;
}
