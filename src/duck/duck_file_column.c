// Columns of our Parquet files as values of a table's type.
//
// Most are read as they lie. A cast does where DuckDB reads another type with the same values
// (TIMESTAMP for ms, LIST for ARRAY) or where the table has been widened since. What was stored in
// parts or as a number is put together by functions, inside lists, structs and maps as well.

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "duck/duck_int.h"

static const char seconds_function[] = "mobius_seconds"; // BIGINT to TIMESTAMP_S, same number

// ---- how a column is read ----

typedef enum Reading {
	READ_PLAIN, // as it is
	READ_CAST,  // by a cast to the table's type
	READ_BUILT, // by functions
} Reading;

static Reading
own_reading(const Field *file, const Field *table)
{
	const Type *from = &file->type;
	const Type *to = &table->type;
	switch (from->id) {
	case TYPE_NULL:
	case TYPE_FIXED_LIST: return READ_CAST;
	case TYPE_INTERVAL_MONTH_DAY_NANO: return READ_BUILT;
	case TYPE_DURATION: return from->unit == to->unit ? READ_PLAIN : READ_BUILT;
	case TYPE_TIMESTAMP:
		if (from->unit == UNIT_S && !type_has_zone(from))
			return READ_BUILT;
		if (from->unit == UNIT_MS && !type_has_zone(from))
			return READ_CAST;
		// With a zone all units but ns are one type.
		if (type_has_zone(from) && from->unit != UNIT_NS && to->unit != UNIT_NS)
			return READ_PLAIN;
		return from->unit == to->unit ? READ_PLAIN : READ_CAST;
	default: return type_equal(from, to) ? READ_PLAIN : READ_CAST;
	}
}

static Reading
reading_of(const Field *file, const Field *table)
{
	Reading most = own_reading(file, table);
	for (int32_t i = 0; i < file->child_count && i < table->child_count; i++) {
		Reading child = reading_of(&file->children[i], &table->children[i]);
		most = child > most ? child : most;
	}
	return most;
}

// ---- the expression ----

typedef struct Writer {
	Buf *out;
	int depth; // of lambdas: each has a parameter of its own
	Error *err;
} Writer;

static Status add_value(Writer *w, const char *value, const Field *file, const Field *table);

static Status
add_cast_end(Writer *w, const Field *table)
{
	buf_add_text(w->out, " AS ");
	TRY(duck_sql_type(table, w->out, w->err));
	buf_add_byte(w->out, ')');
	return ST_OK;
}

static Status
add_interval(Writer *w, const char *value)
{
	buf_add_printf(w->out,
				   "(to_months(struct_extract(%s, 'months')) + to_days(struct_extract(%s, 'days')) "
				   "+ to_microseconds(struct_extract(%s, 'micros')))",
				   value, value, value);
	return ST_OK;
}

static Status
add_seconds(Writer *w, const char *value, const Field *table)
{
	bool wider = table->type.unit != UNIT_S;
	buf_add_printf(w->out, "%s%s(%s)", wider ? "CAST(" : "", seconds_function, value);
	return wider ? add_cast_end(w, table) : ST_OK;
}

static Status
add_duration(Writer *w, const char *value, const Field *file, const Field *table)
{
	int64_t factor = 1;
	for (int unit = (int)file->type.unit; unit < (int)table->type.unit; unit++)
		factor *= 1000;
	buf_add_printf(w->out, "(%s * %lld)", value, (long long)factor);
	return ST_OK;
}

static Status
add_list(Writer *w, const char *value, const Field *file, const Field *table)
{
	bool array = table->type.id == TYPE_FIXED_LIST;
	char item[24];
	snprintf(item, sizeof(item), "item%d", w->depth++);
	buf_add_printf(w->out, "%slist_transform(%s, lambda %s: ", array ? "CAST(" : "", value, item);
	TRY(add_value(w, item, &file->children[0], &table->children[0]));
	buf_add_byte(w->out, ')');
	return array ? add_cast_end(w, table) : ST_OK;
}

// A struct is taken through a list, whose NULL stays NULL; CASE around struct_pack would do that
// too, but not where there is an ARRAY inside.
static Status
add_struct(Writer *w, const char *value, const Field *file, const Field *table)
{
	int depth = w->depth++;
	buf_add_printf(w->out,
				   "list_extract(list_transform(CASE WHEN %s IS NULL THEN NULL ELSE [%s] END, "
				   "lambda item%d: struct_pack(",
				   value, value, depth);
	for (int32_t i = 0; i < file->child_count; i++) {
		SCOPED(buf_close) Buf child = BUF_INIT;
		buf_add_printf(&child, "struct_extract(item%d, ", depth);
		text_quote(&child, slice_text(file->children[i].name), '\'');
		buf_add_byte(&child, ')');
		TRY(buf_status(&child, w->err, "an expression"));

		buf_add_text(w->out, i > 0 ? ", " : "");
		text_quote(w->out, slice_text(table->children[i].name), '"');
		buf_add_text(w->out, " := ");
		TRY(add_value(w, buf_text(&child), &file->children[i], &table->children[i]));
	}
	buf_add_text(w->out, ")), 1)");
	return ST_OK;
}

static Status
add_map(Writer *w, const char *value, const Field *file, const Field *table)
{
	const Field *from = file->children[0].children;
	const Field *to = table->children[0].children;
	char part[40];
	int depth = w->depth++;
	buf_add_printf(
		w->out,
		"map_from_entries(list_transform(map_entries(%s), lambda item%d: struct_pack(key := ",
		value, depth);
	snprintf(part, sizeof(part), "struct_extract(item%d, 'key')", depth);
	TRY(add_value(w, part, &from[0], &to[0]));
	buf_add_text(w->out, ", value := ");
	snprintf(part, sizeof(part), "struct_extract(item%d, 'value')", depth);
	TRY(add_value(w, part, &from[1], &to[1]));
	buf_add_text(w->out, ")))");
	return ST_OK;
}

// `value` is the expression of what the file holds.
static Status
add_value(Writer *w, const char *value, const Field *file, const Field *table)
{
	switch (reading_of(file, table)) {
	case READ_PLAIN: buf_add_text(w->out, value); return ST_OK;
	case READ_CAST:
		buf_add_printf(w->out, "CAST(%s", file->type.id == TYPE_NULL ? "NULL" : value);
		return add_cast_end(w, table);
	case READ_BUILT: break;
	}
	switch (file->type.id) {
	case TYPE_INTERVAL_MONTH_DAY_NANO: return add_interval(w, value);
	case TYPE_TIMESTAMP: return add_seconds(w, value, table);
	case TYPE_DURATION: return add_duration(w, value, file, table);
	case TYPE_LIST:
	case TYPE_FIXED_LIST: return add_list(w, value, file, table);
	case TYPE_STRUCT: return add_struct(w, value, file, table);
	default: return add_map(w, value, file, table);
	}
}

Status
duck_file_column(const Field *file, const Field *table, Buf *out, Error *err)
{
	TRY(duck_check_field(file, err));
	SCOPED(buf_close) Buf name = BUF_INIT;
	text_quote(&name, slice_text(file->name), '"');
	TRY(buf_status(&name, err, "an expression"));
	Writer writer = {.out = out, .err = err};
	TRY(add_value(&writer, buf_text(&name), file, table));
	return buf_status(out, err, "an expression");
}

// ---- the function ----

// DuckDB hands over flat vectors; NULLs are the function's own matter.
static void
run_seconds(duckdb_function_info info, duckdb_data_chunk in, duckdb_vector out)
{
	(void)info;
	idx_t rows = duckdb_data_chunk_get_size(in);
	duckdb_vector numbers = duckdb_data_chunk_get_vector(in, 0);
	memcpy(duckdb_vector_get_data(out), duckdb_vector_get_data(numbers), rows * sizeof(int64_t));
	const uint64_t *valid = duckdb_vector_get_validity(numbers);
	if (valid == NULL)
		return;
	duckdb_vector_ensure_validity_writable(out);
	memcpy(duckdb_vector_get_validity(out), valid, (rows + 63) / 64 * sizeof(*valid));
}

Status
duck_register_file_function(duckdb_connection conn, Error *err)
{
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type number = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type time = duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP_S);
	SCOPED(duckdb_destroy_scalar_function)
	duckdb_scalar_function function = duckdb_create_scalar_function();
	duckdb_scalar_function_set_name(function, seconds_function);
	duckdb_scalar_function_add_parameter(function, number);
	duckdb_scalar_function_set_return_type(function, time);
	duckdb_scalar_function_set_function(function, run_seconds);
	duckdb_scalar_function_set_special_handling(function);
	if (duckdb_register_scalar_function(conn, function) != DuckDBSuccess)
		return error_set(err, ST_INTERNAL, "DuckDB does not take the function %s",
						 seconds_function);
	return ST_OK;
}
