// verdict.h - what is known of a read by its text alone: that it may run, and where in it tables,
// columns and comparisons with constants are.
//
// Immutable and counted, so that statements of one text share it. Names are compared without case,
// as the engine does with columns and aliases.
//
// Threads  any.

#pragma once

#include <stdatomic.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "sql/statement.h"

// Where a table stands in the text: TABLE t and DESCRIBE t take a name only, so what stands for it
// begins with FROM.
typedef enum RefPlace { PLACE_FROM, PLACE_TABLE_WORD, PLACE_DESCRIBE } RefPlace;

typedef struct TableRef {
	SqlTableName name;
	int32_t scope;
	int32_t from; // its bytes, with the word TABLE
	int32_t to;
	RefPlace place;
	const char *alias; // as columns name it
	bool aliased;      // the alias is written
	bool prunable;     // rows that WHERE refuses need not come
} TableRef;

// The things between FROM and WHERE, which columns are of.
typedef struct FromItem {
	int32_t scope;
	int32_t ref;       // -1: a subquery, a CTE, a function
	const char *alias; // NULL: it has none
} FromItem;

// One SELECT.
typedef struct Scope {
	int32_t parent; // whose columns it may name, too; -1: none
	bool stars;     // * or COLUMNS(…) stands in it
	bool merges; // a join makes one column of two (USING, NATURAL) or drops a side's (SEMI, ANTI)
} Scope;

enum { COLUMN_PARTS = 4 };

typedef struct ColumnUse {
	int32_t scope; // -1: it names no column of a table
	int32_t from;  // byte; -1: unknown
	int32_t parts;
	const char *names[COLUMN_PARTS];
	bool selected; // an item of a SELECT list by itself, without AS
} ColumnUse;

typedef enum CompareOp { OP_GT, OP_GE, OP_LT, OP_LE, OP_EQ, OP_OTHER } CompareOp;

typedef enum OperandKind {
	OPERAND_INTEGER,
	OPERAND_TEXT,  // 'text' alone
	OPERAND_TYPED, // TIMESTAMP 'text', DATE 'text'
	OPERAND_NOW,   // now() + value
} OperandKind;

typedef struct Operand {
	OperandKind kind;
	int64_t value; // INTEGER (saturated), NOW: nanoseconds; TYPED: those it is rounded to, 0: none
	const char *text;
	int32_t from; // bytes of the constant; -1: unknown
	int32_t to;
} Operand;

// column op operand.
typedef struct Comparison {
	int32_t column; // index of a ColumnUse
	CompareOp op;
	bool required; // a row of its SELECT for which it does not hold is refused
	Operand operand;
} Comparison;

// column IN (constants), where every row for which it does not hold is refused.
typedef struct ConstantList {
	int32_t from; // the first of its comparisons
	int32_t count;
} ConstantList;

typedef struct Span {
	int32_t from;
	int32_t to;
} Span;

typedef enum ItemKind {
	ITEM_STAR,   // all columns, of `relation` if that is not NULL
	ITEM_COLUMN, // a column by itself
	ITEM_ONE,    // one column of the engine's own
	ITEM_MANY,   // nobody knows how many
} ItemKind;

typedef struct SelectItem {
	ItemKind kind;
	int32_t column;       // ITEM_COLUMN: a ColumnUse
	const char *relation; // ITEM_STAR
	const char *alias;    // ITEM_COLUMN: NULL: its own name
	// ITEM_ONE without AS: what is replaced in it, half-open ranges of the lists below, and the
	// name that the engine gives the text as it was written (NULL: nothing can be replaced).
	Span refs;
	Span columns;
	Span comparisons;
	const char *name;
} SelectItem;

typedef struct Verdict {
	char *text; // NUL-terminated
	int32_t len;
	int32_t body; // where the SELECT begins: behind EXPLAIN
	TableRef *refs;
	int32_t ref_count;
	Scope *scopes;
	int32_t scope_count;
	FromItem *items;
	int32_t item_count;
	ColumnUse *columns;
	int32_t column_count;
	Comparison *comparisons;
	int32_t comparison_count;
	ConstantList *lists;
	int32_t list_count;
	int32_t root;       // scope of the outermost SELECT; -1: UNION, EXPLAIN, DESCRIBE
	SelectItem *select; // of the outermost SELECT
	int32_t select_count;
	int32_t values; // columns of a VALUES list that is all of the statement; 0: it is none
	bool asof;      // an ASOF join stands in it
	bool distinct;  // IS [NOT] DISTINCT FROM stands in it, as no conjunct of a WHERE
	bool wide;      // it may use columns of tables without naming them
	bool rows;      // SELECT columns FROM one table, and nothing else but WHERE
	bool plain;     // the same without WHERE
	bool constant;  // SELECT constants, and nothing else: a row, which costs next to nothing
	Arena arena;
	atomic_uint refs_held;
} Verdict;

Verdict *verdict_ref(Verdict *verdict);
void verdict_unref(Verdict *verdict); // NULL is allowed
DEFINE_DROP(Verdict, verdict_drop, verdict_unref)
