// line_split.h - a body that comes in pieces, cut into its lines.
//
// A line that lies whole in a piece is not copied; one that is cut by the end of a piece is held
// until its end comes, up to LINE_MOST bytes. Each byte is looked at a bounded number of times,
// wherever the pieces end.
//
// Threads  one owner.

#pragma once

#include "base/buf.h"

enum { LINE_MOST = 1 << 20 };

// Where a line break belongs to a value.
typedef enum LineForm {
	LINES_PLAIN,    // nowhere
	LINES_CSV,      // within double quotes
	LINES_PROTOCOL, // within the double quotes of a field's text (line protocol)
} LineForm;

typedef struct LineSplit {
	LineForm form;
	Buf held;      // the begin of a line whose end has not come
	bool given;    // what is held was given out
	bool begun;    // something of the next line came
	bool too_long; // more of it than is held
	bool failed;   // no memory
	int64_t lines; // before the next one
	struct LineScan {
		int64_t breaks; // in the next line, so far
		bool quoted;
		bool escaped; // behind a backslash
		bool equals;  // behind an equals sign
		bool blank;   // behind a blank
		bool comment;
		uint8_t part; // of line protocol: 0 before anything, 1 series, 2 fields, 3 time
	} scan;
} LineSplit;

typedef struct Line {
	Slice text; // without its line break (LF or CR LF)
	int64_t number;
	bool too_long;
} Line;

void line_split_init(LineSplit *split, LineForm form);
void line_split_close(LineSplit *split);

// The next line, taken from the front of *piece; good until the next call. False: *piece is used
// up, and the next one is needed. `last`: nothing follows the piece, so its end ends a line.
bool line_split_next(LineSplit *split, Slice *piece, bool last, Line *out);

// ST_NO_MEMORY once a line could not be held.
Status line_split_status(const LineSplit *split, Error *err);
