// hot.h - the rows of a file in memory, as they lie in it: hot columns.
//
// The file stays the truth; a hot copy is exactly its rows, in its order, so that masks and row
// numbers hold for both. Tags are not kept by row: rows of one series follow each other (a run),
// and each run has them once. Signed integers take as few bytes as hold them.
//
// Threads  a Hot is immutable and counted. A builder has one owner.

#pragma once

#include "arrow/batch.h"
#include "store/budget.h"
#include "store/shape.h"

typedef struct Hot Hot;

enum { HOT_PART_ROWS = 128 * 1024 };

// Some of the rows. Run i is rows [starts[i], starts[i + 1]) of the part, in order of time.
typedef struct HotPart {
	Batch *rows; // every column but tags
	Batch *tags; // a row for each run; NULL: the table has none
	int64_t *starts;
	int64_t run_count;
	int64_t first_row; // in the file
} HotPart;

Hot *hot_ref(Hot *hot);   // NULL is allowed
void hot_unref(Hot *hot); // NULL is allowed
DEFINE_DROP(Hot, hot_drop, hot_unref)
uint64_t hot_bytes(const Hot *hot);
int32_t hot_part_count(const Hot *hot);
const HotPart *hot_part(const Hot *hot, int32_t i);
// Where a column of the file's definition lies: of `rows`, or, *tag, of `tags`.
int32_t hot_column(const Hot *hot, int32_t column, bool *tag);

// ---- making ----

typedef struct HotBuilder HotBuilder;

// For rows of def's columns, in the order of the file. Memory is charged to `budget`. A copy of
// more than `most_bytes` is given up.
Status hot_builder_new(TableDef *def, Budget *budget, uint64_t most_bytes, HotBuilder **out,
					   Error *err);
void hot_builder_free(HotBuilder *builder); // NULL is allowed
// A file does not fail for its copy: without memory it has none. Takes references of the batch.
void hot_builder_add(HotBuilder *builder, Batch *batch, int64_t row, int64_t rows);
Hot *hot_builder_finish(HotBuilder *builder); // NULL: it was given up, or has no rows
