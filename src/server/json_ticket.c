#include "server/json_ticket.h"

#include <jansson.h>
#include <string.h>

#include "base/mem.h"

static void
json_drop(json_t **json)
{
	json_decref(*json);
}

static Status
read_database(const json_t *name, char **out, Error *err)
{
	*out = NULL;
	if (name == NULL || json_is_null(name))
		return ST_OK;
	if (!json_is_string(name))
		return error_set(err, ST_INVALID, "the ticket's \"database\" is no text");
	*out = mem_strdup(json_string_value(name));
	return *out != NULL ? ST_OK : error_no_memory(err, "a ticket");
}

Status
json_ticket_read(Slice ticket, Buf *text, char **database, Error *err)
{
	json_error_t cause;
	SCOPED(json_drop)
	json_t *json = json_loadb((const char *)ticket.data, ticket.len, 0, &cause);
	if (json == NULL)
		return error_set(err, ST_INVALID, "the ticket is no JSON: %s", cause.text);
	const char *type = json_string_value(json_object_get(json, "query_type"));
	const char *query = json_string_value(json_object_get(json, "sql_query"));
	if (type != NULL && strcmp(type, "sql") != 0)
		return error_set(err, ST_UNIMPLEMENTED, "query_type \"%.40s\" is not built; ask in sql",
						 type);
	if (query == NULL)
		return error_set(err, ST_INVALID, "the ticket has no \"sql_query\"");
	buf_add_text(text, query);
	TRY(buf_status(text, err, "a statement"));
	return read_database(json_object_get(json, "database"), database, err);
}
