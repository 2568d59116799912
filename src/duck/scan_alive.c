// The function mobius_alive(number, file, row): whether a row of a file is there for the slot's
// next execution. Only files with a mask are asked about, so that all others cost nothing.
//
// Rows of a vector mostly follow each other, so the mask is asked about a window of them at once.

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "duck/scan_int.h"

static void *
copy_bound(void *slot)
{
	ScanSlot *copy = slot;
	atomic_fetch_add_explicit(&copy->refs, 1, memory_order_relaxed);
	return copy;
}

static void
drop_bound(void *slot)
{
	scan_slot_unref(slot);
}

// The slot's number, a constant.
static bool
read_number(duckdb_bind_info info, uint64_t *out)
{
	SCOPED(duckdb_destroy_client_context) duckdb_client_context context = NULL;
	duckdb_scalar_function_get_client_context(info, &context);
	SCOPED(duckdb_destroy_expression)
	duckdb_expression number = duckdb_scalar_function_bind_get_argument(info, 0);
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
	uint64_t number = 0;
	ScanSlot *slot = read_number(info, &number) ? scan_slot_acquire(duck, number) : NULL;
	if (slot == NULL) {
		char text[64];
		snprintf(text, sizeof(text), "there is no scan %" PRIu64, number);
		duckdb_scalar_function_bind_set_error(info, text);
		return;
	}
	duckdb_scalar_function_set_bind_data(info, slot, drop_bound);
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

// A byte for each bit of `dead`, 1 where it is 0. Eight of them at once.
static void
spread_alive(const uint64_t *dead, idx_t count, bool *alive)
{
	static const uint64_t ones = UINT64_C(0x0101010101010101);
	static const uint64_t each = UINT64_C(0x8040201008040201);
	for (idx_t i = 0; i < count; i += 8) {
		uint64_t byte = ~dead[i / 64] >> (i % 64) & 0xff;
		uint64_t bytes = (((byte * ones & each) + 0x7f * ones) >> 7) & ones;
		memcpy(alive + i, &bytes, count - i < 8 ? count - i : 8);
	}
}

// Whether rows follow each other in one file: so they come where nothing was filtered before. In
// steps of a known size, which compilers make one of: this is asked of every vector.
static bool
is_run(const Asked *asked)
{
	enum { STEP = 16 };
	idx_t i = 0;
	int64_t first = asked->rows[0], other = 0;
	uint32_t file = asked->files[0], others = 0;
	for (; i + STEP <= asked->count; i += STEP) {
		const int64_t *rows = asked->rows + i;
		const uint32_t *files = asked->files + i;
		int64_t row = first + (int64_t)i;
		for (int64_t k = 0; k < STEP; k++)
			other |= rows[k] ^ (row + k);
		for (int k = 0; k < STEP; k++)
			others |= files[k] ^ file;
	}
	for (; i < asked->count; i++) {
		other |= asked->rows[i] ^ (first + (int64_t)i);
		others |= asked->files[i] ^ file;
	}
	return other == 0 && others == 0 && asked->count <= SCAN_MASK_ROWS;
}

static bool
has_dead(const uint64_t *dead, idx_t count)
{
	uint64_t any = 0;
	for (idx_t i = 0; i * 64 < count; i++)
		any |= dead[i];
	return any != 0;
}

static void
answer_run(const SharedScan *shared, const Asked *asked)
{
	uint64_t dead[SCAN_MASK_ROWS / 64] = {0};
	const RowMask *mask = mask_of(shared, asked->files[0]);
	if (mask != NULL)
		mask->dead(mask->rows, asked->rows[0], (int64_t)asked->count, dead);
	if (has_dead(dead, asked->count))
		spread_alive(dead, asked->count, asked->alive);
	else
		memset(asked->alive, true, asked->count); // of most vectors
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
	ScanSlot *slot = duckdb_scalar_function_get_bind_data(info);
	SharedScan *shared = scan_slot_rows(slot);
	Asked asked = {
		.files = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 1)),
		.rows = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 2)),
		.alive = duckdb_vector_get_data(output),
		.count = duckdb_data_chunk_get_size(input),
	};
	if (asked.count > 0 && is_run(&asked))
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
