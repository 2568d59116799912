// table_def_int.h - how a table definition lies in memory, and the rules its makers share.

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
	int64_t ttl_ns; // 0: none
	bool replaces;
	uint32_t next_column_id;
	int32_t time_column;
	int32_t key_column;
	int32_t tag_count;
	char *database;
	char *name;
	Schema *schema;
	uint32_t *column_ids; // one per column, rising
	ColumnRole *roles;    // one per column
	int32_t *tags;        // column indexes, in column order
};

// Everything but refs is copied or taken a reference of; `roles` decides time column and tags.
// ST_NO_MEMORY.
Status table_def_build(const TableDef *parts, TableDef **out, Error *err);
// What the next version of `def` is built from. Nothing of it is owned.
TableDef table_def_next(const TableDef *def);

// What a row of one column may have in lists of fixed size and in structs: a NULL has them too.
enum { TABLE_MOST_ROW_VALUES = 100000 };

// What a definition may hold so that it can be read back: columns with the parts of nested ones,
// and levels.
enum { TABLE_MOST_FIELDS = 4096, TABLE_MOST_LEVELS = 32 };
Status table_check_size(const Field *fields, int32_t count, Error *err); // ST_LIMIT

typedef Status FieldCheck(const Field *field, Error *err);
// Its name, TABLE_MOST_ROW_VALUES (ST_LIMIT), and what `check` has against it: of a new column.
Status table_check_column(const Field *field, FieldCheck *check, Error *err);
Status table_check_column_name(const char *name, Error *err);
bool field_can_be_tag(const Field *field);

// Option texts (NULL: as it is) into what a definition holds.
Status table_parse_durability(const char *text, bool *durable, Error *err);
Status table_parse_ttl(const char *text, int64_t *ttl_ns, Error *err);
Status table_parse_dedup(const char *text, bool *replaces, Error *err);
// What belongs to a time series only, in a table without a time.
Status table_check_options(const TableDef *parts, Error *err);

// Whether a column of this name can be added beside those of [fields, fields + count) but `but`.
Status table_check_new_name(const Field *fields, int32_t count, int32_t but, const char *name,
							Error *err);

// Marks a column as a tag: `name` must be one, and not that of the time column.
Status table_mark_tag(const Schema *schema, Slice name, ColumnRole *roles, Error *err);
// The columns that "a, b" names. An empty list is none.
Status table_mark_tags(const Schema *schema, const char *tags, ColumnRole *roles, Error *err);
