#include "web/line_protocol.h"

#include "base/mem.h"
#include "web/line_int.h"

// ---- times ----

Status
line_precision_parse(Slice text, LinePrecision *out, Error *err)
{
	static const struct {
		const char *name;
		LinePrecision precision;
	} names[] = {
		{"ns", LINE_NS},        {"n", LINE_NS},           {"nanosecond", LINE_NS},
		{"us", LINE_US},        {"u", LINE_US},           {"\xC2\xB5s", LINE_US},
		{"\xCE\xBCs", LINE_US}, {"\xC2\xB5", LINE_US},    {"microsecond", LINE_US},
		{"ms", LINE_MS},        {"millisecond", LINE_MS}, {"s", LINE_S},
		{"second", LINE_S},     {"m", LINE_MINUTES},      {"h", LINE_HOURS},
		{"auto", LINE_AUTO},
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (slice_is(text, names[i].name)) {
			*out = names[i].precision;
			return ST_OK;
		}
	}
	return error_set(err, ST_INVALID, "\"%.*s\" is no precision; write ns, us, ms, s, m, h or auto",
					 text.len > 100 ? 100 : (int)text.len, (const char *)text.data);
}

static LinePrecision
guess(int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	if (size < UINT64_C(5000000000))
		return LINE_S;
	if (size < UINT64_C(5000000000000))
		return LINE_MS;
	return size < UINT64_C(5000000000000000) ? LINE_US : LINE_NS;
}

bool
line_time(LinePrecision precision, int64_t value, int64_t *out_ns)
{
	static const int64_t units[] = {
		[LINE_NS] = 1,
		[LINE_US] = 1000,
		[LINE_MS] = 1000000,
		[LINE_S] = 1000000000,
		[LINE_MINUTES] = INT64_C(60000000000),
		[LINE_HOURS] = INT64_C(3600000000000),
	};
	int64_t unit = units[precision == LINE_AUTO ? guess(value) : precision];
	return !__builtin_mul_overflow(value, unit, out_ns);
}

// ---- the parser ----

Status
line_parser_new(const LineOptions *options, LineParser **out, Error *err)
{
	LineParser *parser = mem_alloc(sizeof(*parser));
	if (parser == NULL)
		return error_no_memory(err, "line protocol");
	parser->options = *options;
	line_split_init(&parser->split, LINES_PROTOCOL);
	*out = parser;
	return ST_OK;
}

static void
close_column(LineColumn *column)
{
	buf_close(&column->values.validity);
	buf_close(&column->values.offsets);
	buf_close(&column->values.values);
}

static void
close_table(LineTable *table)
{
	close_column(&table->time);
	for (int32_t i = 0; i < table->count; i++)
		close_column(table->columns[i]);
	mem_free(table->columns);
	mem_free(table->order);
	name_index_close(&table->index);
	schema_unref(table->target.schema);
}

void
line_parser_free(LineParser *parser)
{
	if (parser == NULL)
		return;
	for (int32_t i = 0; i < parser->table_count; i++)
		close_table(parser->tables[i]);
	mem_free(parser->tables);
	mem_free(parser->items);
	name_index_close(&parser->index);
	buf_close(&parser->name);
	buf_close(&parser->waiter);
	line_split_close(&parser->split);
	arena_close(&parser->arena);
	mem_free(parser);
}

bool
line_parser_full(const LineParser *parser)
{
	return parser->waiting || parser->bytes >= LINE_BATCH_BYTES;
}

static Status
note_wrong(LineParser *parser, const Line *line, const Error *wrong, Error *err)
{
	parser->wrong++;
	if (parser->error_count == LINE_ERRORS)
		return ST_OK;
	const char *text = arena_strdup(&parser->arena, wrong->text);
	TRY(arena_status(&parser->arena, err, "a line"));
	parser->errors[parser->error_count++] = (LineError){line->number, text};
	return ST_OK;
}

// Blank lines and comments say nothing.
static bool
says_nothing(Line *line)
{
	while (line->text.len > 0 && (line->text.data[0] == ' ' || line->text.data[0] == '\t'))
		line->text = slice_of(line->text.data + 1, line->text.len - 1);
	return line->text.len == 0 || line->text.data[0] == '#';
}

static Status
read_line(LineParser *parser, const Line *line, LineTable **table, int64_t *time_ns, Error *wrong)
{
	if (line->too_long)
		return error_set(wrong, ST_INVALID, "the line is longer than %d bytes", LINE_MOST);
	parser->line++;
	return line_read(parser, line->text, table, time_ns, wrong);
}

// Keeps a line that begins too many columns behind the rows there are.
static Status
wait_with(LineParser *parser, Slice line, Error *err)
{
	buf_reset(&parser->waiter);
	buf_add_slice(&parser->waiter, line);
	parser->waiting = true;
	return buf_status(&parser->waiter, err, "a line");
}

static Status
add_line(LineParser *parser, Line *line, Error *err)
{
	if (says_nothing(line))
		return ST_OK;
	Error wrong = ERROR_INIT;
	LineTable *table;
	int64_t time_ns;
	Status st = read_line(parser, line, &table, &time_ns, &wrong);
	if (st == ST_OK && line_cost(parser, table) > LINE_BATCH_BYTES)
		return wait_with(parser, line->text, err);
	if (st == ST_OK)
		return line_store(parser, table, time_ns, err);
	if (st == ST_INVALID)
		return note_wrong(parser, line, &wrong, err);
	if (err != NULL)
		*err = wrong;
	return st;
}

Status
line_parser_add(LineParser *parser, Slice *piece, bool last, Error *err)
{
	Line line = {.text = buf_slice(&parser->waiter)};
	if (parser->waiting && parser->bytes == 0) {
		parser->waiting = false;
		TRY(add_line(parser, &line, err));
	}
	while (!line_parser_full(parser) && line_split_next(&parser->split, piece, last, &line))
		TRY(add_line(parser, &line, err));
	return line_split_status(&parser->split, err);
}

int64_t
line_parser_wrong(const LineParser *parser)
{
	return parser->wrong;
}

const LineError *
line_parser_errors(const LineParser *parser, size_t *count)
{
	*count = parser->error_count;
	return parser->errors;
}

int64_t
line_parser_lines(const LineParser *parser)
{
	return parser->rows;
}
