#include "sql/cells.h"

#include "sql/lexer.h"
#include "sql/statement_int.h"

// What is known of a cell's type by its tokens. Cells of one kind, or of none, have one type, or
// types that cast alike.
enum {
	KIND_NONE = -1, // NULL, DEFAULT: takes any type
	KIND_OTHER = 0, // anything
	KIND_TEXT,
	KIND_INTEGER,
	KIND_FLOAT,
	KIND_BOOLEAN,
	KIND_DATE,
	KIND_TIMESTAMP,
	KIND_DECIMAL, // + digits behind the point
};

enum { MOST_DIGITS = 18 }; // of numbers whose types cast alike

typedef struct Reader {
	Slice text;
	Lexer lexer;
	Token token;
	Arena *arena;
	Cell *cells;
	int32_t count;
	int32_t *kinds; // of each column; KIND_NONE: not known yet
	int32_t columns;
	Error *err;
} Reader;

static Status
advance(Reader *r)
{
	return lexer_next(&r->lexer, &r->token, r->err);
}

// ---- kinds ----

static int
kind_of_number(Slice text, Token token)
{
	int digits = 0, behind = -1;
	for (int32_t i = token.from; i < token.to; i++) {
		uint8_t c = text.data[i];
		if (c == 'e' || c == 'E')
			return KIND_FLOAT;
		if (c == '.' && behind < 0)
			behind = 0;
		else if (c < '0' || c > '9')
			return KIND_OTHER;
		else {
			digits++;
			behind += behind >= 0;
		}
	}
	if (digits > MOST_DIGITS)
		return KIND_OTHER;
	return behind < 0 ? KIND_INTEGER : KIND_DECIMAL + behind;
}

static bool
is_plain_text(Slice text, Token token)
{
	return token.kind == TOKEN_STRING && text.data[token.from] == '\'';
}

static int
kind_of_one(Slice text, Token token)
{
	if (token.kind == TOKEN_NUMBER)
		return kind_of_number(text, token);
	if (is_plain_text(text, token))
		return KIND_TEXT;
	if (token_is_word(text, token, "NULL") || token_is_word(text, token, "DEFAULT"))
		return KIND_NONE;
	bool boolean = token_is_word(text, token, "TRUE") || token_is_word(text, token, "FALSE");
	return boolean ? KIND_BOOLEAN : KIND_OTHER;
}

static int
kind_of_two(Slice text, Token first, Token second)
{
	if (token_is_sign(text, first, '-') && second.kind == TOKEN_NUMBER)
		return kind_of_number(text, second);
	if (is_plain_text(text, second) && token_is_word(text, first, "TIMESTAMP"))
		return KIND_TIMESTAMP;
	if (is_plain_text(text, second) && token_is_word(text, first, "DATE"))
		return KIND_DATE;
	return KIND_OTHER;
}

// ---- rows ----

// How deep it is inside of brackets behind this token.
static int
depth_behind(const Reader *r, int depth)
{
	static const char open[] = "([{", close[] = ")]}";
	for (int i = 0; i < 3; i++)
		depth +=
			token_is_sign(r->text, r->token, open[i]) - token_is_sign(r->text, r->token, close[i]);
	return depth;
}

static Status
add_cell(Reader *r, Cell cell, int kind)
{
	r->cells = list_grow(r->arena, r->cells, r->count, sizeof(Cell));
	TRY(arena_status(r->arena, r->err, "a statement"));
	cell.cast = kind != KIND_NONE;
	r->cells[r->count++] = cell;
	if (cell.column >= r->columns || kind == KIND_NONE)
		return ST_OK;
	int32_t *known = &r->kinds[cell.column];
	*known = *known == KIND_NONE || *known == kind ? kind : KIND_OTHER;
	return ST_OK;
}

// Up to the comma or bracket behind it.
static Status
read_cell(Reader *r, int32_t column)
{
	Cell cell = {.column = column, .from = r->token.from};
	Token tokens[2];
	int count = 0;
	for (int depth = 0; r->token.kind != TOKEN_END; count++) {
		bool ends = token_is_sign(r->text, r->token, ',') || token_is_sign(r->text, r->token, ')');
		if (depth == 0 && ends)
			break;
		depth = depth_behind(r, depth);
		if (count < 2)
			tokens[count] = r->token;
		cell.to = r->token.to;
		TRY(advance(r));
	}
	if (count == 0)
		return ST_OK;
	int kind = count == 1   ? kind_of_one(r->text, tokens[0])
			   : count == 2 ? kind_of_two(r->text, tokens[0], tokens[1])
							: KIND_OTHER;
	return add_cell(r, cell, kind);
}

// Behind its opening bracket.
static Status
read_row(Reader *r)
{
	for (int32_t column = 0;; column++) {
		TRY(read_cell(r, column));
		if (!token_is_sign(r->text, r->token, ','))
			return advance(r);
		TRY(advance(r));
	}
}

static Status
read_rows(Reader *r, int32_t *rows)
{
	for (*rows = 0; token_is_sign(r->text, r->token, '(');) {
		TRY(advance(r));
		TRY(read_row(r));
		++*rows;
		if (!token_is_sign(r->text, r->token, ','))
			break;
		TRY(advance(r));
	}
	return ST_OK;
}

// Where VALUES is the first word, perhaps in brackets. False: behind WITH the engine has one type
// for a column, too.
static Status
find_rows(Reader *r, bool *found)
{
	TRY(advance(r));
	while (token_is_sign(r->text, r->token, '('))
		TRY(advance(r));
	*found = token_is_word(r->text, r->token, "VALUES");
	return *found ? advance(r) : ST_OK;
}

Status
cells_find(const Verdict *verdict, Arena *arena, Cells *out, Error *err)
{
	*out = (Cells){0};
	if (verdict->values == 0)
		return ST_OK;
	Reader r = {.text = slice_of(verdict->text, (size_t)verdict->len),
				.arena = arena,
				.columns = verdict->values,
				.err = err};
	r.lexer = lexer_at(r.text, 0);
	r.kinds = arena_array(arena, (size_t)r.columns, sizeof(*r.kinds));
	TRY(arena_status(arena, err, "a statement"));
	for (int32_t i = 0; i < r.columns; i++)
		r.kinds[i] = KIND_NONE;
	bool found;
	int32_t rows = 0;
	TRY(find_rows(&r, &found));
	if (found)
		TRY(read_rows(&r, &rows));
	for (int32_t i = 0; i < r.count; i++) {
		Cell *cell = &r.cells[i];
		cell->cast &= rows > 1 && cell->column < r.columns && r.kinds[cell->column] == KIND_OTHER;
	}
	*out = (Cells){r.cells, r.count};
	return ST_OK;
}

int32_t
cells_column_at(const Cells *cells, int32_t position)
{
	for (int32_t i = 0; i < cells->count; i++)
		if (position >= cells->list[i].from && position < cells->list[i].to)
			return cells->list[i].column;
	return -1;
}
