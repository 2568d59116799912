// scan_chunk.c - a chunk of a scan: rows of one or more parts, gathered column by column.

#include <string.h>

#include "base/search.h"
#include "duck/scan_int.h"

// Rows of one series that are worth a chunk of their own, where tags are said once; and so many
// that a chunk with rows of others ends before them.
enum { OWN_CHUNK_ROWS = 64, LONG_RUN_ROWS = 256 };

// Where rows of a part go: the columns' vectors, and the place in them.
typedef struct Filling {
	const ScanRun *run;
	const BatchPart *part;
	duckdb_data_chunk out;
	idx_t at;
	bool one_run; // all of the chunk is of one series
	int64_t gone; // how many of the rows filled are deleted; which ones:
	uint64_t gone_bits[SCAN_MASK_ROWS / 64];
} Filling;

// Rows of the part that follow each other.
typedef struct PartRun {
	int64_t row;
	int64_t rows;
} PartRun;

// ---- columns ----

// Where a row is, in place of what it holds.
static void
fill_address(const Filling *f, int32_t what, duckdb_vector vector, PartRun run, idx_t at)
{
	int64_t *out = (int64_t *)duckdb_vector_get_data(vector) + at;
	int64_t first = what == MAP_ORDER ? f->part->first_order : f->part->first_row;
	for (int64_t i = 0; i < run.rows; i++)
		out[i] = what == MAP_SEGMENT ? (int64_t)f->part->segment_id : first + run.row + i;
}

// A column of the scan in the part, for one or more runs of rows.
typedef struct FillColumn {
	int32_t source; // of the part, or MAP_*
	bool constant;  // said once for the chunk
	FillTarget to;
	FillSource from;
} FillColumn;

// ---- tags ----

// The run that holds a row of the batch.
static int64_t
find_run(const TagRuns *runs, int64_t row)
{
	return search_last(runs->starts, runs->count, row);
}

static void
fill_tags(const Filling *f, FillColumn column, PartRun rows, idx_t at)
{
	if (column.constant)
		return;
	const TagRuns *runs = f->part->runs;
	int64_t run = find_run(runs, rows.row), end = rows.row + rows.rows;
	for (int64_t row = rows.row; row < end; run++) {
		int64_t to = runs->starts[run + 1] < end ? runs->starts[run + 1] : end;
		column.to.at = at;
		column.from.row = run;
		column.from.rows = to - row;
		scan_fill_same(column.to, column.from);
		at += (idx_t)(to - row);
		row = to;
	}
}

// Of a chunk that is of one series.
static bool
fill_constant(const Filling *f, FillColumn *column, int64_t row)
{
	if (!f->one_run || column->source > MAP_TAG)
		return false;
	column->from.row = find_run(f->part->runs, row);
	return scan_fill_constant(column->to, column->from);
}

// ---- runs of rows ----

static bool
find_column(const Filling *f, int32_t i, FillColumn *out)
{
	const ScanSlot *slot = f->run->slot;
	int32_t column = f->run->columns[i];
	if (column < 0)
		return false;
	*out = (FillColumn){.source = f->part->map[column]};
	out->to = (FillTarget){.field = schema_field(slot->schema, column),
						   .form = slot->form,
						   .vector = duckdb_data_chunk_get_vector(f->out, (idx_t)i)};
	if (out->source <= MAP_TAG) {
		Batch *tags = f->part->runs->tags;
		out->from.field = schema_field(batch_schema(tags), MAP_TAG - out->source);
		out->from.column = batch_column(tags, MAP_TAG - out->source);
	} else if (out->source >= 0) {
		out->from.field = schema_field(batch_schema(f->part->batch), out->source);
		out->from.column = batch_column(f->part->batch, out->source);
	}
	return true;
}

static void
fill_run(const Filling *f, FillColumn column, PartRun run, idx_t at)
{
	column.to.at = at;
	column.from.row = run.row;
	column.from.rows = run.rows;
	if (column.source <= MAP_TAG)
		fill_tags(f, column, run, at);
	else if (column.source < MAP_NULL)
		fill_address(f, column.source, column.to.vector, run, at);
	else
		scan_fill(column.to, column.from);
}

// Column by column, each run behind the one before.
static void
fill_runs(Filling *f, const PartRun *runs, int64_t count)
{
	idx_t at = f->at;
	for (int32_t i = 0; i < f->run->column_count && count > 0; i++) {
		FillColumn column;
		PlainFill plain;
		if (!find_column(f, i, &column))
			continue;
		column.constant = fill_constant(f, &column, runs[0].row);
		bool copies =
			count > 1 && column.source >= 0 && scan_fill_is_plain(column.to, column.from, &plain);
		at = f->at;
		for (int64_t r = 0; r < count; at += (idx_t)runs[r++].rows) {
			if (copies)
				memcpy(plain.to + at * plain.width, plain.from + (size_t)runs[r].row * plain.width,
					   (size_t)runs[r].rows * plain.width);
			else
				fill_run(f, column, runs[r], at);
		}
	}
	for (int64_t r = 0; r < count; r++)
		f->at += (idx_t)runs[r].rows;
}

// ---- a chunk ----

// The first of the bits [from, count) that is `value`; `count`: none is.
static int64_t
find_bit(const uint64_t *bits, int64_t from, int64_t count, bool value)
{
	while (from < count) {
		uint64_t word = (value ? bits[from / 64] : ~bits[from / 64]) >> (from % 64);
		if (word != 0) {
			from += __builtin_ctzll(word);
			break;
		}
		from = (from / 64 + 1) * 64;
	}
	return from < count ? from : count;
}

// Those of the rows that are there.
static void
gather_alive(Filling *f, const uint64_t *dead, PartRun of)
{
	PartRun runs[SCAN_MASK_ROWS / 2 + 1];
	int64_t count = 0;
	for (int64_t to, from = find_bit(dead, 0, of.rows, false); from < of.rows;
		 from = find_bit(dead, to, of.rows, false)) {
		to = find_bit(dead, from, of.rows, true);
		runs[count++] = (PartRun){of.row + from, to - from};
	}
	fill_runs(f, runs, count);
}

// Notes which of the rows that are filled next are deleted.
static void
note_gone(Filling *f, const uint64_t *dead, int64_t rows)
{
	for (int64_t at = 0; at < rows; at += 64)
		for (uint64_t word = dead[at / 64]; word != 0; word &= word - 1) {
			idx_t row = f->at + (idx_t)at + (idx_t)__builtin_ctzll(word);
			f->gone_bits[row / 64] |= UINT64_C(1) << (row % 64);
			f->gone++;
		}
}

// Where few are deleted all rows are filled at once, and those are left out at the end.
static void
fill_alive(Filling *f, PartRun of)
{
	enum { FEW = 4 }; // one in
	uint64_t dead[SCAN_MASK_ROWS / 64] = {0};
	const RowMask *mask = f->part->mask;
	mask->dead(mask->rows, of.row, of.rows, dead);
	int64_t count = 0;
	for (int64_t at = 0; at < of.rows; at += 64)
		count += __builtin_popcountll(dead[at / 64]);
	if (count > of.rows / FEW) {
		gather_alive(f, dead, of);
		return;
	}
	note_gone(f, dead, of.rows);
	fill_runs(f, &of, 1);
}

// The places of the rows that are left. In steps of a known size, of which most have no other.
static void
list_left(const Filling *f, sel_t *to)
{
	enum { STEP = 16 };
	for (sel_t at = 0; at < f->at; at += STEP) {
		uint64_t gone = f->gone_bits[at / 64] >> (at % 64) & ((1 << STEP) - 1);
		if (gone == 0 && at + STEP <= f->at) {
			for (sel_t i = 0; i < STEP; i++)
				to[i] = at + i;
			to += STEP;
			continue;
		}
		for (sel_t i = 0; i < STEP && at + i < f->at; i++)
			if ((gone >> i & 1) == 0)
				*to++ = at + i;
	}
}

// How many rows of the chunk are left.
static int64_t
leave_out_gone(const Filling *f)
{
	int64_t left = (int64_t)f->at - f->gone;
	if (f->gone == 0)
		return left;
	duckdb_selection_vector rows = duckdb_create_selection_vector((idx_t)left);
	list_left(f, duckdb_selection_vector_get_data_ptr(rows));
	for (int32_t i = 0; i < f->run->column_count; i++)
		duckdb_slice_vector(duckdb_data_chunk_get_vector(f->out, (idx_t)i), rows, (idx_t)left);
	duckdb_destroy_selection_vector(rows);
	return left;
}

// How many of the part's next rows go into the chunk; 0: it is to end before them.
static int64_t
rows_to_take(Filling *f, int64_t row, int64_t rows)
{
	if (f->part->runs == NULL)
		return rows;
	const TagRuns *runs = f->part->runs;
	int64_t run = find_run(runs, row), end = row + rows;
	int64_t to = runs->starts[run + 1] < end ? runs->starts[run + 1] : end;
	if (f->at > 0 && to - row >= LONG_RUN_ROWS)
		return 0;
	f->one_run = f->at == 0 && to - row >= OWN_CHUNK_ROWS;
	while (!f->one_run && to < end && runs->starts[run + 2] - to < LONG_RUN_ROWS) {
		run++;
		to = runs->starts[run + 1] < end ? runs->starts[run + 1] : end;
	}
	return to - row;
}

int64_t
scan_fill_chunk(const ScanRun *run, ScanCursor *cursor, duckdb_data_chunk out, int64_t room)
{
	const int64_t *starts = run->shared->starts;
	Filling f = {.run = run, .out = out};
	while ((int64_t)f.at < room && cursor->row < cursor->end && !f.one_run) {
		while (starts[cursor->part + 1] <= cursor->row)
			cursor->part++;
		int64_t end =
			starts[cursor->part + 1] < cursor->end ? starts[cursor->part + 1] : cursor->end;
		int64_t left = room - (int64_t)f.at;
		int64_t rows = end - cursor->row < left ? end - cursor->row : left;
		f.part = &run->shared->scan.parts[cursor->part];
		int64_t row = f.part->from + cursor->row - starts[cursor->part];
		rows = rows_to_take(&f, row, rows);
		if (rows == 0)
			break;
		if (f.part->mask == NULL)
			fill_runs(&f, &(PartRun){row, rows}, 1);
		else
			fill_alive(&f, (PartRun){row, rows});
		cursor->row += rows;
	}
	return leave_out_gone(&f);
}
