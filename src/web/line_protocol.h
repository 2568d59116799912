// line_protocol.h - InfluxDB line protocol in, a batch for each measurement out.
//
//     measurement,tag=value,... field=value,... [time]
//
// A body comes in pieces, cut anywhere. Its tags are exactly the tag set, texts among its fields
// are fields, its time becomes a timestamp[ns]; a line without one has the time of arrival. A line
// that is wrong is kept with its number and a reason, and the others are taken: also one whose
// field has another type than that field of its table has, or had in an earlier line.
//
// Integers (1i) become int64, 1u uint64, 1.5 double, t and f bool, "a" utf8.
//
// Memory is bounded: rows stop being taken at LINE_BATCH_BYTES until they are handed over.
//
// Threads  one owner.

#pragma once

#include "arrow/batch.h"
#include "base/buf.h"

enum {
	LINE_BATCH_BYTES = 8 << 20,
	LINE_COLUMNS = 1000,       // of one measurement
	LINE_ALL_COLUMNS = 100000, // of all of a body
	LINE_ERRORS = 100,         // that are told one by one
};

// What a number behind a line counts.
typedef enum LinePrecision {
	LINE_NS,
	LINE_US,
	LINE_MS,
	LINE_S,
	LINE_MINUTES,
	LINE_HOURS,
	LINE_AUTO, // by its size: below 5e9 seconds, 5e12 milliseconds, 5e15 microseconds, else ns
} LinePrecision;

// As the three APIs write it: n, ns, nanosecond; u, us, µs, microsecond; ms, millisecond; s,
// second; m; h; auto. ST_INVALID: none of these.
Status line_precision_parse(Slice text, LinePrecision *out, Error *err);

// A number of that precision in nanoseconds. False: beyond what they reach.
bool line_time(LinePrecision precision, int64_t value, int64_t *out_ns);

typedef enum LineRole { LINE_TIME, LINE_TAG, LINE_FIELD } LineRole;

// The table of a measurement, where there is one already.
typedef struct LineTarget {
	Schema *schema;  // NULL: there is none
	LineRole *roles; // of its columns
	bool refused;    // no row of it is taken: `reason`
	char reason[200];
} LineTarget;

typedef struct LineOptions {
	LinePrecision precision;
	int64_t arrival_ns;
	BytesPool *pool;
	// Asked once for each measurement, whose name can be a table's; it fills *out, which begins
	// empty, with memory of `arena` and a new reference of the schema. NULL: no table is there.
	Status (*find)(void *arg, const char *measurement, Arena *arena, LineTarget *out, Error *err);
	void *arg;
} LineOptions;

typedef struct LineParser LineParser;

Status line_parser_new(const LineOptions *options, LineParser **out, Error *err);
void line_parser_free(LineParser *parser); // NULL is allowed
DEFINE_DROP(LineParser, line_parser_drop, line_parser_free)

// Takes lines from the front of *piece until it is used up, or until it is full: then all batches
// are taken, and what is left of the piece, nothing perhaps, is given again. `last`: nothing
// follows the piece. Only what is no line's fault fails: ST_NO_MEMORY, what `find` said.
Status line_parser_add(LineParser *parser, Slice *piece, bool last, Error *err);
bool line_parser_full(const LineParser *parser);

// The rows of one measurement, which are then no longer here. Schema metadata says mobius.time and
// mobius.tags.
typedef struct LineBatch {
	const char *measurement; // good as long as the parser
	Batch *batch;            // owned; NULL: no more rows
} LineBatch;
Status line_parser_take(LineParser *parser, LineBatch *out, Error *err);

// Lines that were wrong: how many, and of the first LINE_ERRORS of them number and reason.
typedef struct LineError {
	int64_t line; // from 1
	const char *text;
} LineError;
int64_t line_parser_wrong(const LineParser *parser);
const LineError *line_parser_errors(const LineParser *parser, size_t *count);
int64_t line_parser_lines(const LineParser *parser); // that became rows
