// line_int.h - what the files of line protocol share.

#pragma once

#include "arrow/builder.h"
#include "web/line_protocol.h"
#include "web/line_split.h"
#include "web/name_index.h"

typedef struct LineColumn {
	Slice raw;   // its key as it is written, escapes and all
	Field field; // name, and type once it is known
	bool tag;
	bool typed;       // the type is settled: by the table, or by a row
	uint64_t touched; // the last line that named it
	ColumnBuilder values;
} LineColumn;

typedef struct LineTable {
	const char *name;
	Slice raw;
	LineTarget target; // the table that is there, if one is
	LineColumn time;
	LineColumn **columns;
	int32_t count;
	int32_t cap;
	NameIndex index;    // of columns, by name
	LineColumn **order; // the last line's keys in turn: the next one's are most likely the same
	int32_t order_count;
	int32_t order_cap;
	int64_t rows;
	uint64_t row_bytes; // of each, whatever is in it
} LineTable;

// What a line says of one column.
typedef struct LineItem {
	LineColumn *column;
	TypeId type;
	bool escaped; // text has backslashes that are not meant
	Slice text;
	union {
		int64_t integer;
		double number;
		bool truth;
	};
} LineItem;

struct LineParser {
	LineOptions options;
	LineSplit split;
	Arena arena; // names, columns, errors: as long as the parser
	LineTable **tables;
	int32_t table_count;
	int32_t table_cap;
	NameIndex index;   // of tables, by raw name
	LineTable *latest; // the last line's
	LineItem *items;   // of the line being read
	int32_t item_count;
	int32_t item_cap;
	bool waiting; // a line is read again once there is room:
	Buf waiter;
	Buf name;        // being looked for
	int64_t columns; // of all tables
	uint64_t line;   // counts lines, whatever is in them
	uint64_t bytes;  // of rows not handed over
	int32_t next;    // the table to hand over next
	int64_t rows;
	int64_t wrong;
	LineError errors[LINE_ERRORS];
	size_t error_count;
};

// line_table.c

// Finds or makes. ST_INVALID: that cannot be one, and why.
Status line_table_of(LineParser *parser, Slice raw, LineTable **out, Error *err);
Status line_column_of(LineParser *parser, LineTable *table, Slice raw, bool tag, LineColumn **out,
					  Error *err);
// `raw` without the backslashes before what `escapable` names, appended to `out`.
void line_unescape(Slice raw, const char *escapable, Buf *out);
// Room for one more in an array that doubles.
bool line_make_room(void **array, int32_t count, int32_t *cap, size_t size);
const char *line_type_name(TypeId type);

// line_read.c

// One line into parser->items, whose table is *table. ST_INVALID says what is wrong with the line.
Status line_read(LineParser *parser, Slice line, LineTable **table, int64_t *time_ns, Error *err);

// line_batch.c

// What the items would take besides their own bytes: columns that begin with them are NULL in all
// rows before.
uint64_t line_cost(const LineParser *parser, const LineTable *table);
// The items of a good line as a row.
Status line_store(LineParser *parser, LineTable *table, int64_t time_ns, Error *err);
