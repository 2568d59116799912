// The table function mobius_rows(number): rows that their maker gives run by run.
//
// One statement, one thread: what is asked for comes in order. The maker may run statements of its
// own meanwhile, on other connections.

#include "duck/scan_int.h"

static void
init_feed(duckdb_init_info info)
{
	duckdb_init_set_max_threads(info, 1);
}

static void
fill_run(const ScanSlot *slot, const RowRun *run, duckdb_data_chunk out, idx_t at)
{
	Schema *schema = batch_schema(run->batch);
	for (int32_t i = 0; i < schema_field_count(slot->schema); i++) {
		FillTarget to = {.field = schema_field(slot->schema, i),
						 .form = slot->form,
						 .vector = duckdb_data_chunk_get_vector(out, (idx_t)i),
						 .at = at};
		FillSource from = {.field = schema_field(schema, i),
						   .column = batch_column(run->batch, i),
						   .row = run->row,
						   .rows = run->rows};
		scan_fill(to, from);
	}
}

static Status
fill_chunk(const ScanSlot *slot, duckdb_data_chunk out, idx_t *filled, Error *err)
{
	const RowSource *source = &slot->feed->source;
	idx_t room = duckdb_vector_size();
	TRY(source->turn(source->arg, err));
	while (*filled < room) {
		RowRun run = {0};
		TRY(source->next(source->arg, (int64_t)(room - *filled), &run, err));
		if (run.rows == 0)
			break;
		fill_run(slot, &run, out, *filled);
		*filled += (idx_t)run.rows;
	}
	return ST_OK;
}

static void
next_chunk(duckdb_function_info info, duckdb_data_chunk out)
{
	ScanSlot *slot = duckdb_function_get_bind_data(info);
	idx_t filled = 0;
	Error *err = &slot->feed->error;
	Status st = fill_chunk(slot, out, &filled, err);
	if (st != ST_OK) {
		err->code = st;
		duckdb_function_set_error(info, err->text);
		filled = 0;
	}
	duckdb_data_chunk_set_size(out, filled);
}

Status
feed_register(Duck *duck, duckdb_connection conn, Error *err)
{
	SCOPED(duckdb_destroy_table_function)
	duckdb_table_function function = duckdb_create_table_function();
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_ANY);
	duckdb_table_function_set_name(function, "mobius_rows");
	duckdb_table_function_add_parameter(function, number);
	duckdb_table_function_set_extra_info(function, duck, NULL);
	duckdb_table_function_set_bind(function, scan_bind);
	duckdb_table_function_set_init(function, init_feed);
	duckdb_table_function_set_function(function, next_chunk);
	if (duckdb_register_table_function(conn, function) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take the function mobius_rows");
	return ST_OK;
}
