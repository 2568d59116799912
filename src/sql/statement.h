// statement.h - what a text asks for: reads go to DuckDB through the gate (query.h); a few
// statements are ours and parsed here.
//
// Names in statements are unquoted texts with a flag that says whether they were quoted (unquoted
// ones fold case). Everything lies in the statement's arena.

#pragma once

#include "base/arena.h"
#include "base/bytes.h"
#include "base/status.h"

enum { SQL_MAX_TEXT = 1 << 20 }; // bytes of a statement

typedef enum StatementKind {
	STATEMENT_READ, // SELECT, WITH, FROM, VALUES, TABLE, EXPLAIN, DESCRIBE, SUMMARIZE: the gate
					// decides
	STATEMENT_CREATE_TABLE,
	STATEMENT_DROP_TABLE,
	STATEMENT_INSERT,
	STATEMENT_UPDATE,
	STATEMENT_DELETE,
	STATEMENT_TRUNCATE,
	STATEMENT_BEGIN, // BEGIN; …; COMMIT: INSERT, UPDATE, DELETE and TRUNCATE in one text
	STATEMENT_FLUSH,
	STATEMENT_COMPACT,
	STATEMENT_BACKUP,
	STATEMENT_SHOW_TABLES,
	STATEMENT_ALTER_TABLE,
	STATEMENT_CREATE_DATABASE,
	STATEMENT_DROP_DATABASE,
	STATEMENT_SHOW_DATABASES,
	STATEMENT_SHOW_CREATE_TABLE,
	STATEMENT_DESCRIBE, // of what may be a table; of queries it is a STATEMENT_READ
} StatementKind;

typedef enum SqlAlter {
	ALTER_ADD_COLUMN,
	ALTER_DROP_COLUMN,
	ALTER_RENAME_COLUMN,
	ALTER_SET,
} SqlAlter;

typedef struct SqlName {
	const char *text;
	bool quoted;
	int32_t position; // of its first byte in the statement
} SqlName;

// [database.][schema.]table. Parts that were not written have text NULL.
typedef struct SqlTableName {
	SqlName database;
	SqlName schema;
	SqlName table;
} SqlTableName;

typedef struct SqlColumnDef {
	SqlName name;
	const char *type; // as written
	bool tag;
	bool not_null;
} SqlColumnDef;

typedef struct SqlOption {
	const char *key;
	const char *value;
	int32_t position;
} SqlOption;

// Where a part of `source` is written: from its byte `at` on, text[from, from + len).
typedef struct SqlOrigin {
	int32_t at;
	int32_t from;
	int32_t len;
} SqlOrigin;

typedef struct SqlStatement SqlStatement;

struct SqlStatement {
	StatementKind kind;
	const char *text; // trimmed, without a trailing semicolon, NUL-terminated
	SqlTableName table;
	bool if_exists;   // DROP, ALTER: if exists; CREATE: if not exists
	SqlName database; // CREATE DATABASE, DROP DATABASE
	// ALTER TABLE. ADD COLUMN: columns[0]; SET: options
	SqlAlter alter;
	bool if_column;  // ADD: if it does not exist; DROP: if it does
	SqlName column;  // of DROP and RENAME
	SqlName renamed; // its new name
	// CREATE TABLE
	SqlColumnDef *columns;
	int32_t column_count;
	SqlOption *options;
	int32_t option_count;
	// INSERT: the columns it fills; UPDATE: those it assigns
	SqlName *targets; // NULL: all columns in order
	int32_t target_count;
	// INSERT: the SELECT or VALUES text. UPDATE and DELETE: SELECT 0, (value), … FROM table WHERE
	// (condition)
	const char *source;
	SqlOrigin *origins;
	int32_t origin_count;
	// BEGIN: its statements. Their positions are of the whole text
	SqlStatement **parts;
	int32_t part_count;
	// BACKUP
	const char *backup;
	bool copy;
	Arena arena;
};

enum { SQL_MATCH_ITEM = 7 }; // where the 0 of an UPDATE's or DELETE's source stands

// ST_INVALID with position; two statements in one text are refused here. Statements that are
// planned but not built are ST_UNIMPLEMENTED by name (CREATE STREAM, …); options of CREATE TABLE
// likewise, an unknown one with a proposal. Anything that is not ours and not a read (SET, COPY,
// ATTACH, PRAGMA, INSTALL, …) is ST_INVALID and says that the statement is not allowed.
Status sql_parse(Slice text, SqlStatement **out, Error *err);
// What WITH (…) says of `key`, or SET of an ALTER; NULL: nothing.
const char *sql_option_value(const SqlStatement *statement, const char *key);
void sql_statement_free(SqlStatement *statement); // NULL is allowed
DEFINE_DROP(SqlStatement, sql_statement_drop, sql_statement_free)

// The position in the text of what stands at `position` of the source; -1 stays.
int32_t sql_source_position(const SqlStatement *statement, int32_t position);
