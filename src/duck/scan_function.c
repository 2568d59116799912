// The table function mobius_scan(number).
//
// Bind runs in the thread that prepares, init in that one or a worker, the rest in any worker; a
// cursor may go on in another thread than it began in. What they share is immutable, counted or
// handed over by an atomic of our own: DuckDB orders its threads as well, but a race detector does
// not see how.

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/search.h"
#include "duck/scan_int.h"

// What a worker takes at a time: small enough that short scans use all threads.
enum { MORSEL_ROWS = 16 * 1024 };

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

static bool
take_morsel(ScanRun *run, ScanCursor *cursor)
{
	int64_t row = atomic_fetch_add_explicit(&run->next_row, MORSEL_ROWS, memory_order_acq_rel);
	if (row >= run->rows)
		return false;
	cursor->row = row;
	cursor->end = row + MORSEL_ROWS < run->rows ? row + MORSEL_ROWS : run->rows;
	cursor->part = search_last(run->shared->starts, run->shared->scan.part_count, row);
	return true;
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
		rows = scan_fill_chunk(run, cursor, out, room);
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
