// table_roles.c - which columns are tags.

#include <string.h>

#include "catalog/table_def_int.h"

bool
field_can_be_tag(const Field *field)
{
	switch (field->type.id) {
	case TYPE_UTF8:
	case TYPE_BINARY:
	case TYPE_BOOL:
	case TYPE_INT8:
	case TYPE_INT16:
	case TYPE_INT32:
	case TYPE_INT64:
	case TYPE_UINT8:
	case TYPE_UINT16:
	case TYPE_UINT32:
	case TYPE_UINT64:
	case TYPE_DATE32: return true;
	default: return false;
	}
}

Status
table_mark_tag(const Schema *schema, Slice name, ColumnRole *roles, Error *err)
{
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		if (!slice_is(name, field->name))
			continue;
		if (roles[i] == ROLE_TIME)
			return error_set(err, ST_INVALID,
							 "column \"%s\" is the time column and cannot be a tag too",
							 field->name);
		if (!field_can_be_tag(field))
			return error_set(
				err, ST_INVALID,
				"column \"%s\" cannot be a tag: tags are text, binary, integers, bool or dates",
				field->name);
		roles[i] = ROLE_TAG;
		return ST_OK;
	}
	return error_set(err, ST_INVALID, "tag \"%.*s\" is not among the columns", (int)name.len,
					 (const char *)name.data);
}

Status
table_mark_tags(const Schema *schema, const char *tags, ColumnRole *roles, Error *err)
{
	for (const char *p = tags; *p != '\0';) {
		size_t len = strcspn(p, ",");
		const char *from = p, *to = p + len;
		while (from < to && *from == ' ')
			from++;
		while (to > from && to[-1] == ' ')
			to--;
		if (to > from)
			TRY(table_mark_tag(schema, slice_of(from, (size_t)(to - from)), roles, err));
		p += len + (p[len] == ',');
	}
	return ST_OK;
}
