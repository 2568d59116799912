#include "store/merge_input.h"

#include "base/text.h"
#include "store/file_text.h"

enum { BATCH_ROWS = 16384, LEAST_BATCH_BYTES = 256 << 10 };

// ---- opening ----

static Status
select_text(const char *columns, const DataFile *file, Buf *out, Error *err)
{
	buf_add_printf(out, "SELECT %s FROM read_parquet([", columns);
	text_quote(out, slice_text(data_file_path(file)), '\'');
	buf_add_text(out, "], hive_partitioning = false)");
	return buf_status(out, err, "a merge");
}

static Status
open_stream(MergeInput *input, Duck *duck, const char *columns, Schema *schema, Error *err)
{
	SCOPED(buf_close) Buf sql = BUF_INIT;
	TRY(select_text(columns, input->file, &sql, err));
	TRY(duck_connect(duck, &input->conn, err));
	TRY(duck_prepare(input->conn, buf_text(&sql), &input->statement, err));
	TRY(duck_stream_open(input->statement, schema, &input->stream, err));
	return builder_new(schema, &input->builder, err);
}

static Status
open_rows(MergeInput *input, Duck *duck, Error *err)
{
	SCOPED(buf_close) Buf columns = BUF_INIT;
	TRY(file_columns_text(data_file_def(input->file), input->def, &columns, err));
	return open_stream(input, duck, buf_text(&columns), table_schema(input->def), err);
}

Status
merge_input_open(MergeInput *input, const MergeInputOptions *options, Error *err)
{
	uint64_t bytes = options->memory_bytes / 4;
	*input = (MergeInput){
		.file = options->file,
		.mask = options->mask,
		.def = options->def,
		.shape = options->shape,
		.min_time = options->min_time,
		.max_time = options->max_time,
		.batch_bytes = bytes < LEAST_BATCH_BYTES ? LEAST_BATCH_BYTES : bytes,
	};
	Status st = open_rows(input, options->duck, err);
	if (st != ST_OK)
		merge_input_close(input);
	return st;
}

void
merge_input_close(MergeInput *input)
{
	batch_unref(input->batch);
	tag_readers_close(&input->tags);
	buf_close(&input->key);
	builder_free(input->builder);
	duck_stream_close(input->stream);
	duck_statement_free(input->statement);
	duck_disconnect(input->conn);
	*input = (MergeInput){0};
}

// ---- batches ----

static Status
let_go(MergeInput *input, MergeRetire *retire, void *arg, Error *err)
{
	if (input->batch == NULL)
		return ST_OK;
	input->first_row += batch_rows(input->batch);
	if (input->given)
		return retire(arg, TAKE(input->batch), err);
	batch_unref(TAKE(input->batch));
	return ST_OK;
}

static Status
read_batch(MergeInput *input, MergeRetire *retire, void *arg, Error *err)
{
	TRY(let_go(input, retire, arg, err));
	input->given = false;
	input->row = input->end = input->series_end = 0;
	TRY(duck_stream_fill(input->stream, input->builder, BATCH_ROWS, input->batch_bytes,
						 &input->ended, err));
	int64_t rows = builder_rows(input->builder);
	if (rows == 0)
		return ST_OK;
	TRY(builder_finish(input->builder, rows, &input->batch, err));
	tag_readers_close(&input->tags);
	input->tags = (TagReaders){0};
	TRY(tag_readers_init(&input->tags, input->def, input->shape, input->batch, err));
	int32_t time = table_order_column(input->def);
	input->times =
		time < 0 ? NULL
				 : (const int64_t *)(const void *)batch_column(input->batch, time)->values.data;
	return ST_OK;
}

// ---- series ----

// The first row of [from, to) that is of another series than `key`; they are ordered.
static int64_t
series_end(const MergeInput *input, int64_t from, int64_t to)
{
	Slice key = buf_slice(&input->key);
	int64_t low = from + 1, step = 1;
	while (low < to && series_key_is_row(key, &input->tags, low)) {
		from = low;
		low = low + step < to ? low + step : to;
		step *= 2;
	}
	while (from + 1 < low) {
		int64_t middle = from + (low - from) / 2;
		if (series_key_is_row(key, &input->tags, middle))
			from = middle;
		else
			low = middle;
	}
	return low;
}

// The first of the ordered rows [from, to) with a time ≥ `time`, or > it with `beyond`.
static int64_t
first_at(const int64_t *times, int64_t from, int64_t to, int64_t time, bool beyond)
{
	int64_t step = 1, low = from, high = from;
	while (high < to && (times[high] < time || (beyond && times[high] == time))) {
		low = high + 1;
		high = high + step < to ? high + step : to;
		step *= 2;
	}
	while (low < high) {
		int64_t middle = low + (high - low) / 2;
		if (times[middle] < time || (beyond && times[middle] == time))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Status
begin_series(MergeInput *input, Error *err)
{
	series_key_encode(&input->tags, input->row, &input->key);
	TRY(buf_status(&input->key, err, "a merge"));
	input->series_end = series_end(input, input->row, batch_rows(input->batch));
	input->end = input->series_end;
	if (input->times == NULL)
		return ST_OK;
	input->row = first_at(input->times, input->row, input->end, input->min_time, false);
	input->end = first_at(input->times, input->row, input->end, input->max_time, true);
	return ST_OK;
}

Status
merge_input_next(MergeInput *input, MergeRetire *retire, void *arg, bool *end, Error *err)
{
	while (input->row == input->end) {
		input->row = input->end = input->series_end;
		if (input->batch != NULL && input->row < batch_rows(input->batch)) {
			TRY(begin_series(input, err));
			continue;
		}
		if (input->ended) {
			TRY(let_go(input, retire, arg, err));
			*end = true;
			return ST_OK;
		}
		TRY(read_batch(input, retire, arg, err));
	}
	*end = false;
	return ST_OK;
}

int64_t
merge_input_take(MergeInput *input, bool bounded, int64_t time, bool with, int64_t most)
{
	int64_t end = input->end;
	if (end - input->row > most)
		end = input->row + most;
	if (bounded && input->times != NULL)
		end = first_at(input->times, input->row, end, time, with);
	int64_t dead = input->mask == NULL ? -1 : mask_next(input->mask, input->first_row + input->row);
	if (dead >= 0 && dead - input->first_row < end)
		end = dead - input->first_row;
	int64_t rows = end - input->row;
	input->given |= rows > 0;
	input->row = rows > 0 ? end : input->row + 1;
	return rows;
}

// ---- times alone ----

static Status
read_times(MergeInput *input, void (*each)(void *arg, const int64_t *times, int64_t n), void *arg,
		   Error *err)
{
	for (bool end = false; !end;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(duck_stream_fill(input->stream, input->builder, BATCH_ROWS, UINT64_MAX, &end, err));
		int64_t rows = builder_rows(input->builder);
		TRY(builder_finish(input->builder, rows, &batch, err));
		each(arg, (const int64_t *)(const void *)batch_column(batch, 0)->values.data, rows);
	}
	return ST_OK;
}

static Status
time_schema(const Field *time, Schema **out, Error *err)
{
	return schema_new(time, 1, NULL, 0, out, err);
}

Status
merge_input_times(const MergeInputOptions *options,
				  void (*each)(void *arg, const int64_t *times, int64_t n), void *arg, Error *err)
{
	SCOPED(merge_input_close) MergeInput input = {.file = options->file, .def = options->def};
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(buf_close) Buf column = BUF_INIT;
	const TableDef *file = data_file_def(options->file);
	int32_t time = table_order_column(options->def);
	int32_t at = table_column_by_id(file, table_column_id(options->def, time));
	const Field *field = schema_field(table_schema(options->def), time);
	if (at < 0)
		return error_set(err, ST_INTERNAL, "%s has no time", data_file_path(options->file));
	TRY(duck_file_column(schema_field(table_schema(file), at), field, &column, err));
	TRY(time_schema(field, &schema, err));
	TRY(open_stream(&input, options->duck, buf_text(&column), schema, err));
	return read_times(&input, each, arg, err);
}
