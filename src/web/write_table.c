// write_table.c - what the table of a write is, where it is there.

#include <string.h>

#include "arrow/ipc_read.h"
#include "web/write_int.h"

typedef struct Found {
	Arena *arena;
	Schema *schema;
	LineRole *roles;
	Status status;
	Error *err;
} Found;

static Status
copy_table(const mobius_table_info *info, Found *found)
{
	static const LineRole roles[] = {
		[MOBIUS_ROLE_TIME] = LINE_TIME,
		[MOBIUS_ROLE_TAG] = LINE_TAG,
		[MOBIUS_ROLE_FIELD] = LINE_FIELD,
		[MOBIUS_ROLE_KEY] = LINE_FIELD,
	};
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(ipc_schema_decode(slice_of(info->arrow_schema.data, info->arrow_schema.len), &schema,
						  found->err));
	int32_t count = schema_field_count(schema);
	found->roles = arena_array(found->arena, (size_t)count + 1, sizeof(*found->roles));
	TRY(arena_status(found->arena, found->err, "a table"));
	for (int32_t i = 0; i < count; i++)
		found->roles[i] = roles[info->roles[i]];
	found->schema = TAKE(schema);
	return ST_OK;
}

static mobius_status
see_table(void *arg, const mobius_table_info *info)
{
	Found *found = arg;
	found->status = copy_table(info, found);
	return found->status == ST_OK ? MOBIUS_OK : MOBIUS_INTERNAL;
}

Status
write_find_table(mobius_session *session, const char *table, Arena *arena, Schema **schema,
				 LineRole **roles, Error *err)
{
	Found found = {.arena = arena, .err = err};
	mobius_slice path = {(const uint8_t *)table, strlen(table)};
	mobius_error e = {0};
	mobius_status st = mobius_table_describe(session, &path, 1, see_table, &found, &e);
	TRY(found.status);
	if (st != MOBIUS_OK && st != MOBIUS_NOT_FOUND)
		return web_error(&e, err);
	*schema = found.schema;
	*roles = found.roles;
	return ST_OK;
}
