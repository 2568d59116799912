// embedded_query.c - queries of mobius.h over one collection: conditions are written as SQL, with
// every name quoted and every value a literal, and run as any statement is.

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "engine/embedded_int.h"
#include "sql/rewrite.h"

enum { MOST_LEVELS = 64 }; // of conditions within conditions

// A statement being written.
typedef struct Writing {
	const mobius_collection *collection;
	Schema *schema; // borrowed
	Buf sql;
} Writing;

static void
writing_close(Writing *w)
{
	buf_close(&w->sql);
}

// ---- names and values ----

static Status
add_column(Writing *w, const char *column, Error *err)
{
	const char *collection = table_name(w->collection->made);
	if (column == NULL)
		return error_set(err, ST_INVALID,
						 "a query of collection \"%s\" names no column where one "
						 "is needed",
						 collection);
	if (schema_find(w->schema, column) < 0)
		return error_set(err, ST_INVALID,
						 "collection \"%s\" has no column \"%s\"; mobius_collection_schema tells "
						 "which it has",
						 collection, column);
	sql_add_name(&w->sql, column);
	return ST_OK;
}

// The program may have a locale in which the point is something else.
static void
add_double(Buf *sql, double value)
{
	char digits[40];
	(void)snprintf(digits, sizeof(digits), "%.16e", fabs(value));
	const char *exponent = strchr(digits, 'e');
	buf_add_text(sql, signbit(value) ? "CAST('-" : "CAST('");
	if (isnan(value))
		buf_add_text(sql, "nan");
	else if (isinf(value) || exponent == NULL)
		buf_add_text(sql, "infinity");
	else
		buf_add_printf(sql, "%c.%s", digits[0], exponent - 16);
	buf_add_text(sql, "' AS DOUBLE)");
}

static Status
add_text(Buf *sql, const char *text, Error *err)
{
	if (text == NULL || !utf8_valid((const uint8_t *)text, strlen(text)))
		return error_set(err, ST_INVALID, "a text of a condition is %s",
						 text == NULL ? "missing; MOBIUS_VALUE_NULL means NULL" : "no UTF-8");
	sql_add_text(sql, text);
	return ST_OK;
}

static Status
add_value(Writing *w, const mobius_value *value, Error *err)
{
	switch (value->type) {
	case MOBIUS_VALUE_NULL: buf_add_text(&w->sql, "NULL"); return ST_OK;
	case MOBIUS_VALUE_INT: buf_add_printf(&w->sql, "%" PRId64, value->as.number); return ST_OK;
	case MOBIUS_VALUE_DOUBLE: add_double(&w->sql, value->as.real); return ST_OK;
	case MOBIUS_VALUE_BOOL: buf_add_text(&w->sql, value->as.truth ? "true" : "false"); return ST_OK;
	case MOBIUS_VALUE_TEXT: return add_text(&w->sql, value->as.text, err);
	}
	return error_set(err, ST_INVALID, "a value of a condition has type %d, which there is not",
					 (int)value->type);
}

// ---- conditions ----

static Status
check_count(const char *what, size_t count, size_t wanted, Error *err)
{
	if (count == wanted)
		return ST_OK;
	return error_set(err, ST_INVALID, "a condition %s takes %zu, not %zu", what, wanted, count);
}

static Status
add_comparison(Writing *w, const mobius_condition *c, Error *err)
{
	static const char *const signs[] = {" = ", " <> ", " < ", " <= ", " > ", " >= "};
	TRY(check_count("that compares: its number of values", c->value_count, 1, err));
	TRY(add_column(w, c->column, err));
	buf_add_text(&w->sql, signs[c->op]);
	return add_value(w, c->values, err);
}

static Status
add_between(Writing *w, const mobius_condition *c, Error *err)
{
	TRY(check_count("BETWEEN: its number of values", c->value_count, 2, err));
	TRY(add_column(w, c->column, err));
	buf_add_text(&w->sql, " BETWEEN ");
	TRY(add_value(w, &c->values[0], err));
	buf_add_text(&w->sql, " AND ");
	return add_value(w, &c->values[1], err);
}

static Status
add_in(Writing *w, const mobius_condition *c, Error *err)
{
	if (c->value_count == 0) {
		buf_add_text(&w->sql, "false");
		return ST_OK;
	}
	TRY(add_column(w, c->column, err));
	for (size_t i = 0; i < c->value_count; i++) {
		buf_add_text(&w->sql, i == 0 ? " IN (" : ", ");
		TRY(add_value(w, &c->values[i], err));
	}
	buf_add_byte(&w->sql, ')');
	return ST_OK;
}

static Status add_condition(Writing *w, const mobius_condition *c, int level, Error *err);

static Status
add_parts(Writing *w, const mobius_condition *c, int level, Error *err)
{
	bool all = c->op == MOBIUS_AND;
	if (c->part_count == 0)
		buf_add_text(&w->sql, all ? "true" : "false");
	for (size_t i = 0; i < c->part_count; i++) {
		if (i > 0)
			buf_add_text(&w->sql, all ? " AND " : " OR ");
		TRY(add_condition(w, &c->parts[i], level + 1, err));
	}
	return ST_OK;
}

static Status
add_plain(Writing *w, const mobius_condition *c, int level, Error *err)
{
	switch (c->op) {
	case MOBIUS_EQ:
	case MOBIUS_NE:
	case MOBIUS_LT:
	case MOBIUS_LE:
	case MOBIUS_GT:
	case MOBIUS_GE: return add_comparison(w, c, err);
	case MOBIUS_BETWEEN: return add_between(w, c, err);
	case MOBIUS_IN: return add_in(w, c, err);
	case MOBIUS_IS_NULL:
		TRY(add_column(w, c->column, err));
		buf_add_text(&w->sql, " IS NULL");
		return ST_OK;
	case MOBIUS_AND:
	case MOBIUS_OR: return add_parts(w, c, level, err);
	case MOBIUS_NOT:
		TRY(check_count("NOT: its number of parts", c->part_count, 1, err));
		buf_add_text(&w->sql, "NOT ");
		return add_condition(w, c->parts, level + 1, err);
	}
	return error_set(err, ST_INVALID, "a condition has operator %d, which there is not",
					 (int)c->op);
}

static Status
add_condition(Writing *w, const mobius_condition *c, int level, Error *err)
{
	if (level > MOST_LEVELS)
		return error_set(err, ST_LIMIT, "a condition is more than %d levels deep", MOST_LEVELS);
	buf_add_byte(&w->sql, '(');
	TRY(add_plain(w, c, level, err));
	buf_add_byte(&w->sql, ')');
	return ST_OK;
}

// ---- statements ----

static Status
add_columns(Writing *w, const char *const *columns, Error *err)
{
	if (columns == NULL) {
		buf_add_byte(&w->sql, '*');
		return ST_OK;
	}
	for (size_t i = 0; columns[i] != NULL; i++) {
		if (i > 0)
			buf_add_text(&w->sql, ", ");
		TRY(add_column(w, columns[i], err));
	}
	return columns[0] != NULL ? ST_OK : error_set(err, ST_INVALID, "a query asks for no column");
}

static void
add_table(Writing *w)
{
	sql_add_name(&w->sql, table_database(w->collection->made));
	buf_add_text(&w->sql, ".htdb.");
	sql_add_name(&w->sql, table_name(w->collection->made));
}

static Status
add_order(Writing *w, const mobius_query_options *options, Error *err)
{
	for (size_t i = 0; i < options->order_count; i++) {
		buf_add_text(&w->sql, i == 0 ? " ORDER BY " : ", ");
		TRY(add_column(w, options->order[i].column, err));
		buf_add_text(&w->sql, options->order[i].descending ? " DESC NULLS LAST" : " NULLS LAST");
	}
	if (options->limit < 0 || options->offset < 0)
		return error_set(err, ST_INVALID,
						 "limit %" PRId64 " and offset %" PRId64
						 " must not be negative; a limit of 0 means all rows",
						 options->limit, options->offset);
	if (options->limit > 0)
		buf_add_printf(&w->sql, " LIMIT %" PRId64, options->limit);
	if (options->offset > 0)
		buf_add_printf(&w->sql, " OFFSET %" PRId64, options->offset);
	return ST_OK;
}

static Status
write_query(Writing *w, const mobius_query_options *options, Error *err)
{
	TRY(embedded_collection_check(w->collection, err));
	SCOPED(table_def_drop) TableDef *def = table_current(w->collection->table);
	w->schema = table_schema(def);
	buf_add_text(&w->sql, "SELECT ");
	TRY(add_columns(w, options->columns, err));
	buf_add_text(&w->sql, " FROM ");
	add_table(w);
	if (options->where != NULL) {
		buf_add_text(&w->sql, " WHERE ");
		TRY(add_condition(w, options->where, 1, err));
	}
	TRY(add_order(w, options, err));
	(void)buf_text(&w->sql);
	return buf_status(&w->sql, err, "a query");
}

// A position in a text that the caller has never seen says nothing.
static mobius_status
run_written(Writing *w, struct ArrowArrayStream *out, mobius_error *err)
{
	mobius_error e = {.position = -1};
	mobius_status st = mobius_query(w->collection->db, buf_text(&w->sql), out, &e);
	e.position = -1;
	if (st != MOBIUS_OK && err != NULL)
		*err = e;
	return st;
}

mobius_status
mobius_collection_query(mobius_collection *collection, const mobius_query_options *options,
						struct ArrowArrayStream *out, mobius_error *err)
{
	static const mobius_query_options everything = {0};
	SCOPED(writing_close) Writing w = {.collection = collection, .sql = BUF_INIT};
	Error e = ERROR_INIT;
	Status st = write_query(&w, options != NULL ? options : &everything, &e);
	return st == ST_OK ? run_written(&w, out, err) : error_out(st, &e, err);
}

// The one number that a statement answers.
static mobius_status
take_number(struct ArrowArrayStream *stream, int64_t *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	struct ArrowArray array;
	if (stream->get_next(stream, &array) != 0)
		return error_out(error_set(&e, ST_IO, "%s", stream->get_last_error(stream)), &e, err);
	if (array.release == NULL)
		return error_out(error_set(&e, ST_INTERNAL, "a number was asked for, and none came"), &e,
						 err);
	*out = ((const int64_t *)array.children[0]->buffers[1])[0];
	array.release(&array);
	return MOBIUS_OK;
}

// What was written answers one number.
static mobius_status
run_number(Writing *w, int64_t *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	(void)buf_text(&w->sql);
	Status written = buf_status(&w->sql, &e, "a statement");
	if (written != ST_OK)
		return error_out(written, &e, err);
	struct ArrowArrayStream stream;
	mobius_status st = run_written(w, &stream, err);
	if (st != MOBIUS_OK)
		return st;
	st = take_number(&stream, out, err);
	stream.release(&stream);
	return st;
}

mobius_status
embedded_collection_number(mobius_collection *collection, const char *statement, int64_t *out,
						   mobius_error *err)
{
	SCOPED(writing_close) Writing w = {.collection = collection, .sql = BUF_INIT};
	Error e = ERROR_INIT;
	Status st = embedded_collection_check(collection, &e);
	if (st != ST_OK)
		return error_out(st, &e, err);
	buf_add_text(&w.sql, statement);
	add_table(&w);
	return run_number(&w, out, err);
}

Status
embedded_collection_delete(mobius_collection *collection, const mobius_condition *where,
						   int64_t *rows, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(collection->table);
	SCOPED(writing_close)
	Writing w = {.collection = collection, .schema = table_schema(def), .sql = BUF_INIT};
	TRY(embedded_collection_check(collection, err));
	buf_add_text(&w.sql, "DELETE FROM ");
	add_table(&w);
	buf_add_text(&w.sql, " WHERE ");
	TRY(add_condition(&w, where, 1, err));
	mobius_error e = {0};
	mobius_status st = run_number(&w, rows, &e);
	return st == MOBIUS_OK ? ST_OK : error_set(err, (Status)st, "%s", e.text);
}

Status
embedded_entity_text(const mobius_collection *collection, const TableDef *def, int64_t id,
					 bool update, Buf *out, Error *err)
{
	Writing w = {.collection = collection, .sql = BUF_INIT};
	const char *key = schema_field(table_schema(def), table_key_column(def))->name;
	buf_add_text(&w.sql, update ? "UPDATE " : "SELECT * FROM ");
	add_table(&w);
	if (update) {
		buf_add_text(&w.sql, " SET ");
		sql_add_name(&w.sql, key);
		buf_add_text(&w.sql, " = ");
		sql_add_name(&w.sql, key);
	}
	buf_add_text(&w.sql, " WHERE ");
	sql_add_name(&w.sql, key);
	buf_add_printf(&w.sql, " = %" PRId64, id);
	(void)buf_text(&w.sql);
	*out = w.sql;
	return buf_status(out, err, "a query");
}
