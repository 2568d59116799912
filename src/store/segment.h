// segment.h - a run of a table's rows with one life: GROWING → SEALED → FLUSHED → DROPPED. This is
// the form in memory; a flushed one is a file (files.h).
//
// A segment is a list of references to received batches; small batches are gathered into chunks of
// fixed capacity. What a reader may see is told by seq: rows of commits ≤ its snapshot's seq.
//
// Threads  one appender: the syncer, or who makes a segment that nobody else has yet (a compaction
// in memory); any readers. Sealed ones get no more rows.

#pragma once

#include "arrow/batch.h"
#include "store/budget.h"
#include "store/newest.h"
#include "store/shape.h"

typedef struct Segment Segment;

typedef enum SegmentStatus {
	SEGMENT_GROWING,
	SEGMENT_SEALED,
	SEGMENT_FLUSHED,
	SEGMENT_DROPPED
} SegmentStatus;
const char *segment_status_name(SegmentStatus status); // "GROWING", …

typedef struct SegmentStats {
	SegmentStatus status;
	uint64_t id;
	int64_t rows;
	uint64_t bytes;   // held in memory
	int64_t min_time; // nanoseconds, whatever the column's unit; min > max: none
	int64_t max_time;
	uint64_t min_seq; // 0: empty
	uint64_t max_seq;
	int64_t created_ns;
	int64_t sealed_ns; // 0: not yet
	int64_t late_min;  // of late rows (newest.h), nanoseconds; min > max: none
	int64_t late_max;
	bool left; // its table has it no more: only readers keep it in memory
} SegmentStats;

// One batch on its way into a segment, made by the handler: nothing the append does can fail. Holds
// its reservation.
typedef struct SegmentInsert SegmentInsert;
// What rows occupy in memory: what to reserve for them.
uint64_t segment_insert_cost(const Batch *batch);
// `ids` (rows entries, or NULL) are copied. Computes the time range. Takes references. `reserved`
// bytes of `budget` go with it and are released when the rows leave memory.
Status segment_insert_new(Shape *shape, const TableDef *def, Batch *batch, const uint32_t *ids,
						  Budget *budget, uint64_t reserved, SegmentInsert **out, Error *err);
void segment_insert_free(SegmentInsert *insert); // one that was never appended; NULL is allowed
int64_t segment_insert_rows(const SegmentInsert *insert);
// What its rows are, for who looks at each. Borrowed.
typedef struct SegmentRows {
	Batch *batch;
	Shape *shape;
	const uint32_t *ids; // their series; NULL: not known
	int32_t time_column; // of the batch; -1: none
	int64_t unit_ns;     // of the times
} SegmentRows;
SegmentRows segment_insert_look(const SegmentInsert *insert);
bool segment_insert_times(const SegmentInsert *insert, int64_t *min,
						  int64_t *max); // false: no time column

Status segment_new(uint64_t id, Budget *budget, BytesPool *pool, int64_t now_ns, Segment **out,
				   Error *err);
Segment *segment_ref(Segment *seg);
void segment_unref(Segment *seg); // NULL is allowed; the last one gives the memory back
DEFINE_DROP(Segment, segment_drop, segment_unref)

// Its life begins now, not when it was made: before anybody else can see it.
void segment_begin(Segment *seg, int64_t now_ns);
// Of a table that replaces rows by key, before the insert is appended: notes which times of it are
// late.
void segment_note_late(Segment *seg, const SegmentInsert *insert, Newest *newest);
// Where an insert's rows lie, one after the other; `batch` is borrowed of the segment, and may have
// more rows by and by.
typedef struct SegmentSpot {
	Batch *batch;
	int64_t row; // the first
} SegmentSpot;

// GROWING only; takes the insert. Seqs never fall.
SegmentSpot segment_append(Segment *seg, SegmentInsert *insert, uint64_t seq);
void segment_seal(Segment *seg, int64_t now_ns);
void segment_leave(Segment *seg); // its table lets go of it
// Its rows are the last it gets, and those that are left of older segments: of `stats` it takes the
// times of their lives, their seqs and their late rows. Before anybody else can see it.
void segment_succeed(Segment *seg, const SegmentStats *stats);
SegmentStats segment_stats(const Segment *seg);

// Which rows of a part were deleted, and by which commit.
typedef struct DeadRows DeadRows;

// What a reader at `seq` sees that overlaps [min_time, max_time] (ns, inclusive): the first `rows`
// rows of `batch`, but for those that part_live leaves out. ids may be NULL. All of it is borrowed
// for as long as the segment is referenced.
typedef struct SegmentPart {
	Batch *batch;
	int64_t rows; // with the deleted ones
	Shape *shape;
	const uint32_t *ids;
	int64_t first_row; // position of the part's first row in the segment: addresses count from it
	const DeadRows *dead; // NULL: nothing was ever deleted
	uint64_t seq;         // the reader's
	uint64_t min_seq;
	uint64_t max_seq; // of the rows that count
} SegmentPart;

int64_t part_dead_rows(const SegmentPart *part); // of its rows, those the reader does not see
// Of its rows [first, first + count), those the reader sees, relative to `first`; how many.
int64_t part_live(const SegmentPart *part, int64_t first, int64_t count, uint32_t *rows);
// The same for many: sets bit i of `bits` where row first + i is one that the reader does not see.
// Of a part with deleted rows.
void part_dead_bits(const SegmentPart *part, int64_t first, int64_t count, uint64_t *bits);
bool part_is_live(const SegmentPart *part, int64_t row);

Status segment_each(const Segment *seg, uint64_t seq, int64_t min_time, int64_t max_time,
					Status (*each)(void *arg, const SegmentPart *part, Error *err), void *arg,
					Error *err);

// ---- deletions, by position in the segment ----

// Where a commit's rows lie, one after the other.
typedef struct SegmentCommit {
	uint64_t seq;
	int64_t first_row;
	int64_t rows;
} SegmentCommit;

// Where a search goes on when the next is for something further on. Begins as {0}.
typedef struct SegmentPlace {
	const void *node;
} SegmentPlace;
// False: there is no such row, or commit.
bool segment_commit_of(const Segment *seg, SegmentPlace *from, int64_t row, SegmentCommit *out);
bool segment_find_commit(const Segment *seg, SegmentPlace *from, uint64_t seq, SegmentCommit *out);

// `rows` rise. First room is made for their marks (may fail; nothing is seen of it); then the
// appender marks those that are not deleted yet.
Status segment_make_room(Segment *seg, const uint32_t *rows, int64_t count, Error *err);
void segment_delete(Segment *seg, const uint32_t *rows, int64_t count, uint64_t seq);
int64_t segment_dead_rows(const Segment *seg, uint64_t seq); // not seen by a reader at seq
uint64_t segment_newest_deletion(const Segment *seg);        // its seq; 0: none

// ---- rows by id, of a table of entities ----

// One row of a part.
typedef struct SegmentRow {
	SegmentPart part;
	int64_t row; // of the part; -1: there is none
} SegmentRow;

// The last row with an id among those that a reader at `seq` has before it, deleted ones too.
// `column_id`: of the ids. The first call makes an index of the segment's ids, and every call adds
// what has come since; callers are one at a time, and their seqs never fall. What the index
// occupies is taken of the segment's budget and goes with the segment. ST_LIMIT: there is no room
// for it.
Status segment_find_id(Segment *seg, uint32_t column_id, int64_t id, uint64_t seq, SegmentRow *out,
					   Error *err);
