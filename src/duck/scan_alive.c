// The function mobius_alive(number, file, row): whether a row of a file is there for the slot's
// next execution. Only files with a mask are asked about, so that all others cost nothing.
//
// Rows of a vector mostly follow each other, so the mask is asked about a window of them at once.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "duck/scan_int.h"

// What is known when a statement is bound: the slot, and mostly the file as well.
typedef struct Bound {
	atomic_int refs; // hands over the rest
	ScanSlot *slot;
	bool one_file;
} Bound;

static void *
copy_bound(void *ptr)
{
	Bound *bound = ptr;
	atomic_fetch_add_explicit(&bound->refs, 1, memory_order_relaxed);
	return bound;
}

static void
drop_bound(void *ptr)
{
	Bound *bound = ptr;
	if (atomic_fetch_sub_explicit(&bound->refs, 1, memory_order_acq_rel) > 1)
		return;
	scan_slot_unref(bound->slot);
	mem_free(bound);
}

// False: the argument is no constant.
static bool
read_number(duckdb_bind_info info, idx_t argument, uint64_t *out)
{
	SCOPED(duckdb_destroy_client_context) duckdb_client_context context = NULL;
	duckdb_scalar_function_get_client_context(info, &context);
	SCOPED(duckdb_destroy_expression)
	duckdb_expression number = duckdb_scalar_function_bind_get_argument(info, argument);
	if (number == NULL || !duckdb_expression_is_foldable(number))
		return false;
	SCOPED(duckdb_destroy_value) duckdb_value value = NULL;
	SCOPED(duckdb_destroy_error_data)
	duckdb_error_data error = duckdb_expression_fold(context, number, &value);
	bool known = value != NULL && (error == NULL || !duckdb_error_data_has_error(error));
	*out = known ? duckdb_get_uint64(value) : 0;
	return known;
}

static void
bind_alive(duckdb_bind_info info)
{
	Duck *duck = duckdb_scalar_function_bind_get_extra_info(info);
	uint64_t number = 0, file = 0;
	ScanSlot *slot = read_number(info, 0, &number) ? scan_slot_acquire(duck, number) : NULL;
	if (slot == NULL) {
		char text[64];
		snprintf(text, sizeof(text), "there is no scan %" PRIu64, number);
		duckdb_scalar_function_bind_set_error(info, text);
		return;
	}
	Bound *bound = mem_alloc(sizeof(*bound));
	if (bound == NULL) {
		scan_slot_unref(slot);
		duckdb_scalar_function_bind_set_error(info, duck_no_memory_text);
		return;
	}
	bound->slot = slot;
	bound->one_file = read_number(info, 1, &file);
	atomic_store_explicit(&bound->refs, 1, memory_order_release);
	duckdb_scalar_function_set_bind_data(info, bound, drop_bound);
	duckdb_scalar_function_set_bind_data_copy(info, copy_bound);
}

static const RowMask *
mask_of(const SharedScan *shared, uint32_t file)
{
	bool known = shared != NULL && file < shared->scan.file_count;
	const RowMask *mask = known ? &shared->scan.files[file] : NULL;
	return mask != NULL && mask->dead != NULL ? mask : NULL;
}

typedef struct Asked {
	const uint32_t *files;
	const int64_t *rows;
	bool *alive;
	idx_t count;
} Asked;

// Whether rows follow each other in one file: so they come where nothing was filtered before. They
// rise in any case, as a scan gives them, so that the first and the last tell it. Some between them
// are looked at all the same.
static bool
is_run(const Bound *bound, const Asked *asked)
{
	enum { STEP = 32 };
	const uint32_t *files = asked->files;
	uint64_t first = (uint64_t)asked->rows[0];
	idx_t last = asked->count - 1;
	bool run = (uint64_t)asked->rows[last] - first == last && asked->count <= SCAN_MASK_ROWS;
	for (idx_t i = 0; i < last && run; i += STEP)
		run = (uint64_t)asked->rows[i] - first == i;
	return run && (bound->one_file || memcmp(files, files + 1, last * sizeof(*files)) == 0);
}

static void
answer_run(const SharedScan *shared, const Asked *asked)
{
	uint64_t dead[SCAN_MASK_ROWS / 64] = {0};
	const RowMask *mask = mask_of(shared, asked->files[0]);
	if (mask != NULL)
		mask->dead(mask->rows, asked->rows[0], (int64_t)asked->count, dead);
	memset(asked->alive, true, asked->count);
	for (idx_t at = 0; at < asked->count; at += 64) // few are deleted, of most words none
		for (uint64_t word = dead[at / 64]; word != 0; word &= word - 1)
			asked->alive[at + (idx_t)__builtin_ctzll(word)] = false;
}

// Answers for the rows of one file from `at` on that rise and lie within one window; returns where
// the next ones begin.
static idx_t
answer_window(const SharedScan *shared, const Asked *asked, idx_t at)
{
	uint32_t file = asked->files[at];
	int64_t first = asked->rows[at], last = first;
	idx_t end = at + 1;
	for (; end < asked->count && asked->files[end] == file && asked->rows[end] > last &&
		   asked->rows[end] - first < SCAN_MASK_ROWS;
		 end++)
		last = asked->rows[end];

	uint64_t dead[SCAN_MASK_ROWS / 64] = {0};
	const RowMask *mask = mask_of(shared, file);
	if (mask != NULL)
		mask->dead(mask->rows, first, last - first + 1, dead);
	for (; at < end; at++) {
		uint64_t bit = (uint64_t)(asked->rows[at] - first);
		asked->alive[at] = (dead[bit / 64] >> (bit % 64) & 1) == 0;
	}
	return end;
}

static void
run_alive(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
	const Bound *bound = duckdb_scalar_function_get_bind_data(info);
	(void)atomic_load_explicit(&bound->refs, memory_order_acquire);
	SharedScan *shared = scan_slot_rows(bound->slot);
	Asked asked = {
		.files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1)),
		.rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 2)),
		.alive = duckdb_vector_get_data(output),
		.count = duckdb_data_chunk_get_size(input),
	};
	if (asked.count > 0 && is_run(bound, &asked))
		answer_run(shared, &asked);
	else
		for (idx_t at = 0; at < asked.count;)
			at = answer_window(shared, &asked, at);
	shared_scan_unref(shared);
}

Status
alive_register(Duck *duck, duckdb_connection conn, Error *err)
{
	// Small types: constants are written out for every row.
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_UINTEGER);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type row = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type answer = duckdb_create_logical_type(DUCKDB_TYPE_BOOLEAN);
	SCOPED(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_scalar_function_set_name(function, "mobius_alive");
	duckdb_scalar_function_add_parameter(function, number);
	duckdb_scalar_function_add_parameter(function, number);
	duckdb_scalar_function_add_parameter(function, row);
	duckdb_scalar_function_set_return_type(function, answer);
	duckdb_scalar_function_set_extra_info(function, duck, NULL);
	duckdb_scalar_function_set_bind(function, bind_alive);
	duckdb_scalar_function_set_function(function, run_alive);
	if (duckdb_register_scalar_function(conn, function) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take the function mobius_alive");
	return ST_OK;
}
