// write_int.h - what the files of the write paths share.

#pragma once

#include "web/csv_read.h"
#include "web/ndjson_read.h"
#include "web/web_int.h"

// What a body holds.
typedef enum WriteForm { WRITE_LINES, WRITE_CSV, WRITE_NDJSON, WRITE_ARROW } WriteForm;

typedef struct WriteCall {
	WebCall call;
	WriteForm form;
	bool quiet; // a path of line protocol's clients: the answer to all that went well is 204
	mobius_session *session;
	Arena arena;             // of texts here
	const char *table;       // NULL: none named
	const char *durability;  // NULL: the table's
	const char *tags, *time; // of a table that is made; NULL: as usual
	LinePrecision precision;

	LineParser *lines;
	CsvReader *csv;
	NdjsonReader *ndjson;
	Buf rest;      // of the body: what came while puts are under way; of Arrow, all of it
	bool whole;    // the body's end came
	bool drained;  // and was read
	bool busy;     // puts are under way
	WorkerJob job; // makes a batch of what is not lines:
	atomic_bool made;
	Batch *batch;
	Status batch_status;
	Error batch_error;
	bool answered;
	WebPuts puts;
} WriteCall;

void write_refuse(WriteCall *w, Status status, const Error *err);

// write_lines.c

Status write_lines_begin(WriteCall *w, Error *err);
// Goes on with the body: `part` is what comes next of it.
void write_lines_go_on(WriteCall *w, Slice part);

// write_table.c: what a table is that is there

// *schema NULL: there is none. Roles, one for each column, in `arena`.
Status write_find_table(mobius_session *session, const char *table, Arena *arena, Schema **schema,
						LineRole **roles, Error *err);
