// item_names.c - a column without AS is called what its expression says: as it was written, not as
// it was rewritten. The engine says it of a statement that has this item alone.

#include "sql/item_names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

// $1: the statement; $2: which item of its SELECT list.
static const char item_sql[] =
	"WITH t AS (SELECT json_serialize_sql($1::VARCHAR)::JSON AS all_of_it, "
	"json_serialize_sql('SELECT 1')::JSON AS frame) "
	"SELECT json_deserialize_sql(json_object('error', false, 'statements', json_array(json_object("
	"'node', json_merge_patch(json_extract(frame, '$.statements[0].node'), "
	"json_object('select_list', json_array(json_extract(all_of_it, "
	"'$.statements[0].node.select_list[' || $2::VARCHAR || ']')))), "
	"'named_param_map', json_array())))) FROM t";

static bool
may_be_replaced(const Verdict *v, const SelectItem *item)
{
	bool any = item->refs.to > item->refs.from || item->comparisons.to > item->comparisons.from;
	for (int32_t i = item->columns.from; i < item->columns.to; i++) {
		const ColumnUse *use = &v->columns[i];
		bool fits = use->parts >= 1 && use->parts <= COLUMN_PARTS;
		any |= fits && strcasecmp(use->names[use->parts - 1], "time") == 0;
	}
	return any;
}

Status
item_names_find(DuckConn *conn, const char *body, Verdict *verdict, Error *err)
{
	const size_t lead = strlen("SELECT ");
	for (int32_t i = 0; i < verdict->select_count; i++) {
		SelectItem *item = &verdict->select[i];
		if (!may_be_replaced(verdict, item))
			continue;
		char number[16];
		(void)snprintf(number, sizeof(number), "%d", i);
		const char *const params[] = {body, number};
		SCOPED(mem_drop) char *text = NULL;
		TRY(duck_query_text(conn, item_sql, params, 2, &text, err));
		if (text != NULL && strncmp(text, "SELECT ", lead) == 0)
			item->name = arena_strdup(&verdict->arena, text + lead);
		TRY(arena_status(&verdict->arena, err, "a statement"));
	}
	return ST_OK;
}
