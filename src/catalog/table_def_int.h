// table_def_int.h - how a table definition lies in memory.

#pragma once

#include <stdatomic.h>

#include "catalog/table_def.h"

struct TableDef {
	atomic_uint refs;
	uint32_t id;
	uint32_t version;
	TableKind kind;
	bool durable;
	int64_t created_ns;
	uint32_t next_column_id;
	int32_t time_column;
	int32_t tag_count;
	char *database;
	char *name;
	Schema *schema;
	uint32_t *column_ids; // one per column, like roles
	ColumnRole *roles;
	int32_t *tags; // column indexes, in column order
};

// Everything but refs is copied or taken a reference of; `roles` decides time column and tags.
// ST_NO_MEMORY.
Status table_def_build(const TableDef *parts, TableDef **out, Error *err);
