#include "web/text_columns.h"

#include <string.h>

#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "base/timeval.h"
#include "web/value_read.h"

struct TextColumn {
	Field field; // name; and type once all rows are there
	unsigned kinds;
	ColumnBuilder cells; // utf8
};

static const Field CELL = {.name = "", .type.id = TYPE_UTF8, .nullable = true};

enum { NAME_MOST = 255, CELL_BYTES = 5 }; // what a cell takes besides its text

void
text_columns_init(TextColumns *columns, LinePrecision precision, uint64_t most_bytes)
{
	*columns = (TextColumns){.precision = precision,
							 .most_bytes = most_bytes < INT32_MAX ? most_bytes : INT32_MAX};
}

void
text_columns_close(TextColumns *columns)
{
	for (int32_t i = 0; i < columns->count; i++) {
		ColumnBuilder *cells = &columns->columns[i].cells;
		buf_close(&cells->validity);
		buf_close(&cells->offsets);
		buf_close(&cells->values);
	}
	mem_free(columns->columns);
	name_index_close(&columns->index);
	buf_close(&columns->lines);
	arena_close(&columns->arena);
}

// ---- rows ----

static Status
check_name(Slice name, Error *err)
{
	bool right = name.len > 0 && name.len <= NAME_MOST && utf8_valid(name.data, name.len);
	for (size_t i = 0; right && i < name.len; i++)
		right = name.data[i] >= ' ' && name.data[i] != 0x7F;
	if (right)
		return ST_OK;
	return error_set(err, ST_INVALID,
					 "a column's name is UTF-8 of 1 to %d bytes without control characters",
					 NAME_MOST);
}

static bool
make_room(TextColumns *columns)
{
	if (columns->count < columns->cap)
		return true;
	int32_t cap = columns->cap == 0 ? 16 : columns->cap * 2;
	void *grown = mem_resize(columns->columns, (size_t)cap * sizeof(*columns->columns));
	if (grown == NULL)
		return false;
	columns->columns = grown;
	columns->cap = cap;
	return true;
}

Status
text_columns_find(TextColumns *columns, Slice name, int32_t *out, Error *err)
{
	*out = name_index_find(&columns->index, name);
	if (*out >= 0)
		return ST_OK;
	TRY(check_name(name, err));
	if (columns->count == TEXT_COLUMNS)
		return error_set(err, ST_INVALID, "there are more than %d columns", TEXT_COLUMNS);
	const char *own = arena_strndup(&columns->arena, (const char *)name.data, name.len);
	TRY(arena_status(&columns->arena, err, "a column"));
	if (!make_room(columns) || !name_index_add(&columns->index, slice_text(own), columns->count))
		return error_no_memory(err, "a column");
	struct TextColumn *column = &columns->columns[columns->count];
	*column = (struct TextColumn){.field = {.name = own, .nullable = true}, .cells.field = &CELL};
	buf_add_zeros(&column->cells.offsets, sizeof(int32_t));
	*out = columns->count++;
	return ST_OK;
}

static void
fill(ColumnBuilder *cells, int64_t rows)
{
	while (cells->length < rows)
		column_add_null(cells);
}

Status
text_columns_set(TextColumns *columns, int32_t at, Slice text, CellKind kind, Error *err)
{
	struct TextColumn *column = &columns->columns[at];
	uint64_t missing = (uint64_t)(columns->rows - column->cells.length);
	if (column->cells.length > columns->rows)
		return error_set(err, ST_INVALID, "\"%s\" is there twice", column->field.name);
	columns->bytes += (missing + 1) * CELL_BYTES + text.len;
	if (columns->bytes > columns->most_bytes)
		return error_set(err, ST_LIMIT,
						 "the rows take more than the %llu bytes that one commit may have "
						 "(commit.max_bytes); send fewer in one body",
						 (unsigned long long)columns->most_bytes);
	column->kinds |= kind;
	fill(&column->cells, columns->rows);
	column_add_bytes(&column->cells, text);
	return ST_OK;
}

Status
text_columns_end_row(TextColumns *columns, int64_t line, Error *err)
{
	buf_add_u64(&columns->lines, (uint64_t)line);
	columns->rows++;
	columns->bytes += sizeof(int64_t);
	return buf_status(&columns->lines, err, "rows");
}

// ---- types ----

static Slice
cell_at(const ColumnBuilder *cells, int64_t row)
{
	int32_t ends[2];
	memcpy(ends, cells->offsets.data + row * 4, sizeof(ends));
	if (ends[0] == ends[1])
		return slice_of("", 0); // perhaps there are no bytes at all
	return slice_of(cells->values.data + ends[0], (size_t)(ends[1] - ends[0]));
}

static bool
cell_valid(const ColumnBuilder *cells, int64_t row)
{
	return cells->validity.len == 0 || bit_get(cells->validity.data, row);
}

static bool
is_int(Slice text)
{
	int64_t value;
	return number_read_int(text, &value);
}

static bool
is_real(Slice text)
{
	double value;
	return number_read_double(text, &value);
}

static bool
is_bool(Slice text)
{
	return text_equal_fold(text, slice_text("true")) || text_equal_fold(text, slice_text("false"));
}

static bool
is_time(Slice text)
{
	int64_t ns;
	return text.len >= 10 && time_parse(text, &ns, NULL) == ST_OK;
}

static bool
all_are(const ColumnBuilder *cells, bool (*fits)(Slice text))
{
	for (int64_t row = 0; row < cells->length; row++)
		if (cell_valid(cells, row) && !fits(cell_at(cells, row)))
			return false;
	return true;
}

static bool
is_time_name(const char *name)
{
	static const char *const names[] = {"time", "ts", "timestamp"};
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (text_equal_fold(slice_text(name), slice_text(names[i])))
			return true;
	return false;
}

static Type
type_of_values(const struct TextColumn *column)
{
	const ColumnBuilder *cells = &column->cells;
	Type time = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS};
	bool text = (column->kinds & CELL_TEXT) != 0, bare = (column->kinds & CELL_BARE) != 0;
	if (!text && column->kinds != CELL_BOOL && all_are(cells, is_int))
		return is_time_name(column->field.name) ? time : (Type){.id = TYPE_INT64};
	if (!text && column->kinds != CELL_BOOL && all_are(cells, is_real))
		return (Type){.id = TYPE_FLOAT64};
	if (!text && all_are(cells, is_bool))
		return (Type){.id = TYPE_BOOL};
	if ((bare || is_time_name(column->field.name)) && all_are(cells, is_time))
		return time;
	return (Type){.id = TYPE_UTF8};
}

// A number is no text and no truth, and the other way round: what is written says which.
static Status
check_kinds(const struct TextColumn *column, Error *err)
{
	unsigned wrong = 0;
	switch (column->field.type.id) {
	case TYPE_UTF8:
	case TYPE_BINARY:
	case TYPE_DATE32:
	case TYPE_TIME64: wrong = CELL_NUMBER | CELL_BOOL; break;
	case TYPE_BOOL: wrong = CELL_NUMBER | CELL_TEXT; break;
	default: wrong = CELL_BOOL; break;
	}
	if ((column->kinds & wrong) == 0)
		return ST_OK;
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(&column->field, &type);
	return error_set(err, ST_INVALID, "column \"%s\" is %s, and has %s among its values",
					 column->field.name, buf_text(&type),
					 (column->kinds & wrong & CELL_NUMBER) != 0 ? "a number"
					 : (column->kinds & wrong & CELL_BOOL) != 0 ? "true or false"
																: "a text");
}

// ---- the batch ----

static Status
choose_fields(TextColumns *columns, const Schema *table, Field *fields, int32_t *of, int32_t *count,
			  Error *err)
{
	*count = 0;
	for (int32_t i = 0; i < columns->count; i++) {
		struct TextColumn *column = &columns->columns[i];
		int32_t at = table == NULL ? -1 : schema_find(table, column->field.name);
		fill(&column->cells, columns->rows);
		if (column->cells.null_count == columns->rows)
			continue;
		column->field.type = at < 0 ? type_of_values(column) : schema_field(table, at)->type;
		if (at >= 0) {
			column->field.children = schema_field(table, at)->children;
			column->field.child_count = schema_field(table, at)->child_count;
		}
		TRY(check_kinds(column, err));
		fields[*count] = column->field;
		of[(*count)++] = i;
	}
	return ST_OK;
}

static Status
read_column(const TextColumns *columns, const struct TextColumn *column, ColumnBuilder *out,
			Error *err)
{
	for (int64_t row = 0; row < columns->rows; row++) {
		if (!cell_valid(&column->cells, row)) {
			column_add_null(out);
			continue;
		}
		if (value_read(out, cell_at(&column->cells, row), columns->precision, err) != ST_OK) {
			int64_t line;
			memcpy(&line, columns->lines.data + 8 * row, sizeof(line));
			return error_prefix(err, "line %lld: column \"%s\"", (long long)line,
								column->field.name);
		}
	}
	return ST_OK;
}

static Status
check_memory(const TextColumns *columns, Error *err)
{
	for (int32_t i = 0; i < columns->count; i++) {
		const ColumnBuilder *cells = &columns->columns[i].cells;
		if (cells->values.failed || cells->offsets.failed || cells->validity.failed)
			return error_no_memory(err, "rows");
	}
	return ST_OK;
}

Status
text_columns_finish(TextColumns *columns, const Schema *table, BytesPool *pool, Batch **out,
					Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Field *fields = arena_array(&arena, (size_t)columns->count + 1, sizeof(*fields));
	int32_t *of = arena_array(&arena, (size_t)columns->count + 1, sizeof(*of)), count;
	TRY(arena_status(&arena, err, "rows"));
	TRY(check_memory(columns, err));
	TRY(choose_fields(columns, table, fields, of, &count, err));
	TRY(check_memory(columns, err));
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(schema_new(fields, count, NULL, 0, &schema, err));
	TRY(builder_new(schema, &builder, err));
	builder_use_pool(builder, pool);
	for (int32_t i = 0; i < count; i++)
		TRY(read_column(columns, &columns->columns[of[i]], builder_column(builder, i), err));
	return builder_finish(builder, columns->rows, out, err);
}
