// The table function mobius_scan(number).
//
// Bind runs in the thread that prepares, init in that one or a worker, the rest in any worker; a
// cursor may go on in another thread than it began in. What they share is immutable, counted or
// handed over by an atomic of our own: DuckDB orders its threads as well, but a race detector does
// not see how.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "duck/scan_int.h"

// What a worker takes at a time: small enough that short scans use all threads.
enum { MORSEL_ROWS = 16 * 1024 };

// Rows of one series that are worth a chunk of their own, where tags are said once; and so many
// that a chunk with rows of others ends before them.
enum { OWN_CHUNK_ROWS = 64, LONG_RUN_ROWS = 256 };

// One execution, shared by its workers.
typedef struct ScanRun {
	const ScanSlot *slot; // the statement's bind data keeps it
	SharedScan *shared;   // NULL: no rows
	int64_t rows;
	_Atomic int64_t next_row; // where the next morsel begins; hands over the rest
	int32_t column_count;
	int32_t columns[]; // of the scan; -1: asked for its number of rows only
} ScanRun;

// Where one worker is.
typedef struct ScanCursor {
	int64_t row;
	int64_t end;
	int64_t part;
	atomic_bool ready; // hands over the rest
} ScanCursor;

static void
bind_drop(void *slot)
{
	scan_slot_unref(slot);
}

static void
bind_columns(duckdb_bind_info info, const ScanSlot *slot)
{
	for (int32_t i = 0; i < schema_field_count(slot->schema); i++) {
		const Field *field = schema_field(slot->schema, i);
		SCOPED(duckdb_destroy_logical_type)
		duckdb_logical_type type = duck_logical_type(field, slot->form);
		if (type == NULL)
			duckdb_bind_set_error(info, duck_no_memory_text);
		else
			duckdb_bind_add_result_column(info, field->name, type);
	}
}

void
scan_bind(duckdb_bind_info info)
{
	Duck *duck = duckdb_bind_get_extra_info(info);
	SCOPED(duckdb_destroy_value) duckdb_value value = duckdb_bind_get_parameter(info, 0);
	uint64_t number = duckdb_get_uint64(value);
	ScanSlot *slot = scan_slot_acquire(duck, number);
	if (slot == NULL) {
		char text[64];
		snprintf(text, sizeof(text), "there is no scan %" PRIu64, number);
		duckdb_bind_set_error(info, text);
		return;
	}
	duckdb_bind_set_bind_data(info, slot, bind_drop);
	bind_columns(info, slot);
	// "Exact" is how DuckDB's C API spells an estimate without an upper bound. A later execution
	// may read more rows, so there must be none: it would let sums overflow unseen.
	duckdb_bind_set_cardinality(info, (idx_t)slot->expected_rows, true);
}

static void
run_drop(void *ptr)
{
	ScanRun *run = ptr;
	(void)atomic_load_explicit(&run->next_row, memory_order_acquire);
	shared_scan_unref(run->shared);
	mem_free(run);
}

static void
init_scan(duckdb_init_info info)
{
	ScanSlot *slot = duckdb_init_get_bind_data(info);
	idx_t count = duckdb_init_get_column_count(info);
	ScanRun *run = mem_alloc(sizeof(*run) + count * sizeof(run->columns[0]));
	if (run == NULL) {
		duckdb_init_set_error(info, duck_no_memory_text);
		return;
	}
	run->slot = slot;
	run->shared = scan_slot_rows(slot);
	run->rows = run->shared == NULL ? 0 : run->shared->scan.rows;
	run->column_count = (int32_t)count;
	idx_t known = (idx_t)schema_field_count(slot->schema);
	for (idx_t i = 0; i < count; i++) {
		idx_t column = duckdb_init_get_column_index(info, i);
		run->columns[i] = column < known ? (int32_t)column : -1;
	}
	atomic_store_explicit(&run->next_row, 0, memory_order_release);
	duckdb_init_set_init_data(info, run, run_drop);
	duckdb_init_set_max_threads(info, (idx_t)(run->rows / MORSEL_ROWS) + 1);
}

static void
init_cursor(duckdb_init_info info)
{
	ScanCursor *cursor = mem_alloc(sizeof(*cursor));
	if (cursor == NULL) {
		duckdb_init_set_error(info, duck_no_memory_text);
		return;
	}
	atomic_store_explicit(&cursor->ready, true, memory_order_release);
	duckdb_init_set_init_data(info, cursor, mem_free);
}

// The last part that begins at or before `row`: the one that holds it.
static int64_t
find_part(const SharedScan *shared, int64_t row)
{
	int64_t low = 0;
	int64_t high = shared->scan.part_count - 1;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (shared->starts[middle] <= row)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

static bool
take_morsel(ScanRun *run, ScanCursor *cursor)
{
	int64_t row = atomic_fetch_add_explicit(&run->next_row, MORSEL_ROWS, memory_order_acq_rel);
	if (row >= run->rows)
		return false;
	cursor->row = row;
	cursor->end = row + MORSEL_ROWS < run->rows ? row + MORSEL_ROWS : run->rows;
	cursor->part = find_part(run->shared, row);
	return true;
}

// ---- filling ----

// Where rows of a part go: the columns' vectors, and the place in them.
typedef struct Filling {
	const ScanRun *run;
	const BatchPart *part;
	duckdb_data_chunk out;
	idx_t at;
	bool one_run; // all of the chunk is of one series
} Filling;

// Rows of the part that follow each other.
typedef struct PartRun {
	int64_t row;
	int64_t rows;
} PartRun;

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
	int64_t low = 0, high = runs->count - 1;
	while (low < high) {
		int64_t middle = low + (high - low + 1) / 2;
		if (runs->starts[middle] <= row)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
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
fill_alive(Filling *f, int64_t row, int64_t rows)
{
	uint64_t dead[SCAN_MASK_ROWS / 64] = {0};
	PartRun runs[SCAN_MASK_ROWS / 2 + 1];
	int64_t count = 0;
	const RowMask *mask = f->part->mask;
	mask->dead(mask->rows, row, rows, dead);
	for (int64_t to, from = find_bit(dead, 0, rows, false); from < rows;
		 from = find_bit(dead, to, rows, false)) {
		to = find_bit(dead, from, rows, true);
		runs[count++] = (PartRun){row + from, to - from};
	}
	fill_runs(f, runs, count);
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

// Up to `room` rows (SCAN_MASK_ROWS at most), gathered from as many parts as it takes. None only at
// the morsel's end, or where all were left out.
static int64_t
fill_rows(const ScanRun *run, ScanCursor *cursor, duckdb_data_chunk out, int64_t room)
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
			fill_alive(&f, row, rows);
		cursor->row += rows;
	}
	return (int64_t)f.at;
}

static void
next_rows(duckdb_function_info info, duckdb_data_chunk out)
{
	ScanRun *run = duckdb_function_get_init_data(info);
	ScanCursor *cursor = duckdb_function_get_local_init_data(info);
	(void)atomic_load_explicit(&run->next_row, memory_order_acquire);
	(void)atomic_load_explicit(&cursor->ready, memory_order_acquire);
	int64_t room = (int64_t)duckdb_vector_size(), rows = 0;
	room = room < SCAN_MASK_ROWS ? room : SCAN_MASK_ROWS;
	// A chunk without rows is the end, so morsels of deleted rows are passed.
	while (rows == 0 && (cursor->row < cursor->end || take_morsel(run, cursor)))
		rows = fill_rows(run, cursor, out, room);
	atomic_store_explicit(&cursor->ready, true, memory_order_release);
	duckdb_data_chunk_set_size(out, (idx_t)rows);
}

Status
scan_register(Duck *duck, duckdb_connection conn, Error *err)
{
	SCOPED(duckdb_destroy_table_function)
	duckdb_table_function function = duckdb_create_table_function();
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_ANY); // as it is written
	duckdb_table_function_set_name(function, "mobius_scan");
	duckdb_table_function_add_parameter(function, number);
	duckdb_table_function_set_extra_info(function, duck, NULL);
	duckdb_table_function_set_bind(function, scan_bind);
	duckdb_table_function_set_init(function, init_scan);
	duckdb_table_function_set_local_init(function, init_cursor);
	duckdb_table_function_set_function(function, next_rows);
	duckdb_table_function_supports_projection_pushdown(function, true);
	if (duckdb_register_table_function(conn, function) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take the function mobius_scan");
	return ST_OK;
}
