#include "sql/rewrite.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "sql/cells.h"
#include "sql/lexer.h"
#include "sql/statement_int.h"

typedef struct Rewriter {
	const RewriteInput *input;
	Slice text;
	Arena *arena;
	Splice *splices;
	int32_t count;
	Error *err;
} Rewriter;

void
sql_add_name(Buf *out, const char *name)
{
	text_quote(out, slice_text(name), '"');
}

void
sql_add_text(Buf *out, const char *text)
{
	text_quote(out, slice_text(text), '\'');
}

static Status
add_splice(Rewriter *r, int32_t from, int32_t to, const Buf *text)
{
	TRY(buf_status(text, r->err, "a statement"));
	r->splices = list_grow(r->arena, r->splices, r->count, sizeof(Splice));
	const char *copy = arena_strndup(r->arena, (const char *)text->data, text->len);
	TRY(arena_status(r->arena, r->err, "a statement"));
	r->splices[r->count++] = (Splice){.from = from, .to = to, .text = copy};
	return ST_OK;
}

// ---- tables ----

static Status
splice_table(Rewriter *r, int32_t i)
{
	const TableRef *ref = &r->input->verdict->refs[i];
	SCOPED(buf_close) Buf text = BUF_INIT;
	if (ref->place != PLACE_FROM)
		buf_add_text(&text, "FROM ");
	buf_add_text(&text, r->input->tables[i]);
	if (!ref->aliased) {
		buf_add_text(&text, " AS ");
		sql_add_name(&text, ref->alias);
	}
	return add_splice(r, ref->from, ref->to, &text);
}

// ---- columns ----

static Status
reads_as(const Rewriter *r, Token token, const char *name, bool *out)
{
	SCOPED(buf_close) Buf value = BUF_INIT;
	*out = token.kind == TOKEN_NAME || token.kind == TOKEN_QUOTED;
	if (!*out)
		return ST_OK;
	token_value(r->text, token, &value);
	*out = strcasecmp(buf_text(&value), name) == 0;
	return buf_status(&value, r->err, "a statement");
}

// Where the parts of a written column are; *found false: it is not written as its parts.
static Status
find_parts(const Rewriter *r, const ColumnUse *use, Token *tokens, bool *found)
{
	Lexer lexer = lexer_at(r->text, use->from);
	*found = true;
	for (int32_t i = 0; i < use->parts && *found; i++) {
		Token dot;
		TRY(lexer_next(&lexer, &tokens[i], r->err));
		TRY(reads_as(r, tokens[i], use->names[i], found));
		if (i + 1 == use->parts || !*found)
			break;
		TRY(lexer_next(&lexer, &dot, r->err));
		*found = token_is_sign(r->text, dot, '.');
	}
	return ST_OK;
}

// A table is known by its alias only, from now on; and `time` is its time column's alias.
static Status
splice_column(Rewriter *r, const ColumnUse *use)
{
	const RewriteInput *in = r->input;
	int32_t ref, column;
	Token tokens[COLUMN_PARTS];
	if (use->from < 0 || !column_find(in->verdict, in->columns, use, in->time_alias, &ref, &column))
		return ST_OK;
	bool found;
	TRY(find_parts(r, use, tokens, &found));
	if (!found)
		return ST_OK;
	if (use->parts > 2) {
		SCOPED(buf_close) Buf nothing = BUF_INIT;
		TRY(add_splice(r, tokens[0].from, tokens[use->parts - 2].from, &nothing));
	}
	const char *written = use->names[use->parts - 1];
	const char *name = schema_field(in->columns[ref].schema, column)->name;
	if (strcasecmp(written, name) == 0)
		return ST_OK;
	SCOPED(buf_close) Buf text = BUF_INIT;
	sql_add_name(&text, name);
	if (use->selected) {
		buf_add_text(&text, " AS ");
		sql_add_name(&text, written);
	}
	Token last = tokens[use->parts - 1];
	return add_splice(r, last.from, last.to, &text);
}

static Status
splice_constant(Rewriter *r, const Comparison *comparison)
{
	const RewriteInput *in = r->input;
	SCOPED(buf_close) Buf text = BUF_INIT;
	if (!constraint_rewrite(in->verdict, in->columns, in->time_alias, comparison, &text))
		return ST_OK;
	return add_splice(r, comparison->operand.from, comparison->operand.to, &text);
}

static Status
splice_first_item(Rewriter *r)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_text(&text, r->input->first_item);
	return add_splice(r, SQL_MATCH_ITEM, SQL_MATCH_ITEM + 1, &text);
}

// ---- cells of VALUES ----

// Put in at one place; the text stays as long as the rewrite.
static Status
insert_at(Rewriter *r, int32_t at, const char *text)
{
	r->splices = list_grow(r->arena, r->splices, r->count, sizeof(Splice));
	TRY(arena_status(r->arena, r->err, "a statement"));
	r->splices[r->count++] = (Splice){.from = at, .to = at, .text = text};
	return ST_OK;
}

static Status
cast_cells(Rewriter *r)
{
	Cells cells;
	TRY(cells_find(r->input->verdict, r->arena, &cells, r->err));
	for (int32_t i = 0; i < cells.count; i++) {
		const Cell *cell = &cells.list[i];
		if (!cell->cast)
			continue;
		TRY(insert_at(r, cell->from, "CAST("));
		TRY(insert_at(r, cell->to, r->input->cell_types[cell->column]));
	}
	return ST_OK;
}

// ---- the new text ----

static int
compare_splices(const void *a, const void *b)
{
	const Splice *x = a, *y = b;
	return x->from != y->from ? (x->from > y->from) - (x->from < y->from)
							  : (x->to > y->to) - (x->to < y->to);
}

// What a named window holds is in the tree once for each use.
static void
drop_doubles(Rewriter *r)
{
	int32_t kept = 0;
	for (int32_t i = 0; i < r->count; i++)
		if (kept == 0 || r->splices[i].from >= r->splices[kept - 1].to)
			r->splices[kept++] = r->splices[i];
	r->count = kept;
}

static Status
write_text(Rewriter *r, Rewrite *out)
{
	const RewriteInput *in = r->input;
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_text(&text, in->prefix != NULL ? in->prefix : "");
	out->prefix = (int32_t)text.len;
	int32_t done = 0;
	for (int32_t i = 0; i < r->count; i++) {
		Splice *s = &r->splices[i];
		buf_add(&text, r->text.data + done, (size_t)(s->from - done));
		s->at = (int32_t)text.len;
		buf_add_text(&text, s->text);
		done = s->to;
	}
	buf_add(&text, r->text.data + done, r->text.len - (size_t)done);
	buf_add_text(&text, in->suffix != NULL ? in->suffix : "");
	TRY(buf_status(&text, r->err, "a statement"));
	out->text = arena_strndup(r->arena, (const char *)text.data, text.len);
	return arena_status(r->arena, r->err, "a statement");
}

Status
rewrite_make(const RewriteInput *input, Arena *arena, Rewrite *out, Error *err)
{
	const Verdict *v = input->verdict;
	Rewriter r = {
		.input = input, .text = slice_of(v->text, (size_t)v->len), .arena = arena, .err = err};
	if (input->first_item != NULL)
		TRY(splice_first_item(&r));
	for (int32_t i = 0; i < v->ref_count; i++)
		TRY(splice_table(&r, i));
	for (int32_t i = 0; i < v->column_count; i++)
		TRY(splice_column(&r, &v->columns[i]));
	for (int32_t i = 0; i < v->comparison_count; i++)
		TRY(splice_constant(&r, &v->comparisons[i]));
	if (input->cell_types != NULL)
		TRY(cast_cells(&r));
	if (r.count > 0)
		qsort(r.splices, (size_t)r.count, sizeof(Splice), compare_splices);
	drop_doubles(&r);

	Rewrite rewrite = {.splices = r.splices, .splice_count = r.count, .original_len = v->len};
	TRY(write_text(&r, &rewrite));
	*out = rewrite;
	return ST_OK;
}

int32_t
rewrite_position(const Rewrite *rewrite, int32_t position)
{
	if (position < 0)
		return position;
	int32_t shift = -rewrite->prefix; // what to add to come back
	for (int32_t i = 0; i < rewrite->splice_count; i++) {
		const Splice *s = &rewrite->splices[i];
		int32_t end = s->at + (int32_t)strlen(s->text);
		if (position < s->at)
			break;
		if (position < end)
			return s->from;
		shift = s->to - end;
	}
	int32_t original = position + shift;
	return original < 0 ? 0 : original > rewrite->original_len ? rewrite->original_len : original;
}
