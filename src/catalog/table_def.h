// table_def.h - what a table is: names, columns with roles, options. Immutable and counted; a
// change makes the next version.
//
// Columns have ids that are never reused within a table, so batches and files written under older
// versions map by id.
//
// Threads  any.

#pragma once

#include "arrow/schema.h"
#include "base/bytes.h"
#include "base/status.h"

#define DEFAULT_DATABASE "mobius" // there from the start, and stays

typedef enum ColumnRole { ROLE_FIELD, ROLE_TAG, ROLE_TIME, ROLE_KEY } ColumnRole;
typedef enum TableKind { TABLE_SERIES, TABLE_ENTITY, TABLE_PLAIN, TABLE_ARCHIVE } TableKind;

typedef struct TableDef TableDef;

uint32_t table_id(const TableDef *def);
uint32_t table_version(const TableDef *def); // from 1
const char *table_database(const TableDef *def);
const char *table_name(const TableDef *def);
TableKind table_kind(const TableDef *def);
int64_t table_created_ns(const TableDef *def);
bool table_durable(const TableDef *def);   // the table's default durability
int64_t table_ttl_ns(const TableDef *def); // rows older than that are not seen; 0: all are
// dedup = 'last': of rows with the same tags and time only the last one is seen. Of entities, of
// rows with the same id.
bool table_replaces(const TableDef *def);

Schema *table_schema(const TableDef *def); // borrowed; canonical types, in column order
int32_t table_column_count(const TableDef *def);
uint32_t table_column_id(const TableDef *def, int32_t column);
ColumnRole table_column_role(const TableDef *def, int32_t column);
int32_t table_column_by_id(const TableDef *def, uint32_t id); // -1: none
int32_t table_time_column(const TableDef *def);               // -1: no time series
int32_t table_key_column(const TableDef *def);                // the id; -1: no entities
// What rows are ordered by within a series, and ranges and late marks are of: the time, or the id.
// -1: a plain table.
int32_t table_order_column(const TableDef *def);
int64_t table_order_unit_ns(const TableDef *def); // of times; 1 of ids, which are kept like ns
int32_t table_tag_count(const TableDef *def);
int32_t table_tag_column(const TableDef *def, int32_t tag); // column index of the i-th tag
const char *role_name(ColumnRole role);                     // "time", "tag", "field", "key"
const char *table_kind_name(TableKind kind);

TableDef *table_def_ref(TableDef *def);
void table_def_unref(TableDef *def); // NULL is allowed
DEFINE_DROP(TableDef, table_def_drop, table_def_unref)

// Databases, tables, tasks, users: [A-Za-z_][A-Za-z0-9_]{0,126}; reserved words for databases are
// refused.
Status name_check(const char *what, const char *name, Error *err);
Status database_name_check(const char *name, Error *err);

// What a user asked for. Option texts are as written; NULL: not given.
typedef struct TableRequest {
	const char *database;
	const char *name;
	Schema *schema;        // any types; canonicalised here
	const char *time;      // column name; "": none
	const char *tags;      // comma separated; "": none
	const bool *tag_marks; // per column (CREATE TABLE … TAG); NULL: none
	const char *durability;
	const char *ttl;   // "30d", or "none"
	const char *dedup; // "last", or "none"
	const char *key;   // of entities: the column of their ids, added where it is missing
	bool strict;       // NOT NULL is refused where it is not kept; else it is passed over
} TableRequest;

// The rules of creation: time column (asked for, or named time/ts/timestamp of timestamp type, or
// the first timestamp column, or none), tags (asked for, else dictionary columns of `schema`'s wire
// form, else string columns; a plain table has none), names, duplicates that differ only in case,
// time not of timestamp type. `wire` (may be NULL) is the schema as it was sent, for its dictionary
// marks. `check` refuses types by name. With a key the table is of entities: it has no time and no
// tags, and a later row replaces the one with the same id.
Status table_def_create(const TableRequest *request, const Schema *wire, uint32_t id,
						int64_t now_ns, Status (*check)(const Field *field, Error *err),
						TableDef **out, Error *err);

// The next version that can also hold `incoming` (canonical): new columns (fields, or tags if named
// in `tags`), widened types. *out is `def` itself (a new reference) when nothing has to change.
// ST_INVALID names the column that conflicts and both types, or both roles: `tags` may name no
// field of the table, and where it names no new column it names all tags that are sent.
Status table_def_grow(TableDef *def, Schema *incoming, const char *tags,
					  Status (*check)(const Field *field, Error *err), TableDef **out, Error *err);

// Whether `def` has the time, key, dedup and ttl that a put asks for; NULL: nothing is asked.
// ST_INVALID names both sides. Tags are table_def_grow's.
Status table_def_check_asked(const TableDef *def, const TableRequest *asked, Error *err);

// What ALTER TABLE makes of `def`: the next version. Columns keep their ids, so that rows and files
// of older versions are read under the new one as they are. ST_INVALID says why it cannot be.

// A new last column, NULL in the rows there are. ST_EXISTS: the table has it.
Status table_def_add_column(TableDef *def, const Field *column, bool tag,
							Status (*check)(const Field *field, Error *err), TableDef **out,
							Error *err);
Status table_def_drop_column(TableDef *def, int32_t column, TableDef **out, Error *err);
Status table_def_rename_column(TableDef *def, int32_t column, const char *name, TableDef **out,
							   Error *err);
// Option texts as in TableRequest; NULL: stays as it is.
typedef struct TableOptions {
	const char *durability;
	const char *ttl;
} TableOptions;
Status table_def_set_options(TableDef *def, const TableOptions *options, TableDef **out,
							 Error *err);

// Bytes for the log and the catalog, and back (untrusted: ST_CORRUPT).
Status table_def_encode(const TableDef *def, Buf *out, Error *err);
Status table_def_decode(Slice bytes, TableDef **out, Error *err);
