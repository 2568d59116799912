#include "sql/gate.h"

#include <string.h>

#include "base/mem.h"
#include "sql/item_names.h"
#include "sql/statement_int.h"
#include "sql/walk_int.h"

enum { MOST_NESTED = 16 };

Verdict *
verdict_ref(Verdict *verdict)
{
	atomic_fetch_add_explicit(&verdict->refs_held, 1, memory_order_relaxed);
	return verdict;
}

void
verdict_unref(Verdict *verdict)
{
	if (verdict == NULL ||
		atomic_fetch_sub_explicit(&verdict->refs_held, 1, memory_order_acq_rel) > 1)
		return;
	arena_close(&verdict->arena);
	mem_free(verdict);
}

// ---- the text ----

typedef struct Tokens {
	Arena arena;
	Token *list; // ends with TOKEN_END
	int32_t count;
} Tokens;

static void
tokens_close(Tokens *tokens)
{
	arena_close(&tokens->arena);
}

static Status
add_token(Tokens *tokens, Token token, Error *err)
{
	tokens->list = list_grow(&tokens->arena, tokens->list, tokens->count, sizeof(Token));
	TRY(arena_status(&tokens->arena, err, "a statement"));
	tokens->list[tokens->count++] = token;
	return ST_OK;
}

static int
nesting(Slice text, Token token)
{
	static const char open[] = "([{", shut[] = ")]}";
	char sign = token.kind == TOKEN_SIGN ? (char)text.data[token.from] : '\0';
	if (sign == '\0')
		return 0;
	return strchr(open, sign) != NULL ? 1 : strchr(shut, sign) != NULL ? -1 : 0;
}

// All tokens up to a semicolon, behind which only more of them may follow.
static Status
read_tokens(Slice text, Tokens *tokens, Error *err)
{
	Lexer lexer = lexer_at(text, 0);
	bool closed = false;
	int depth = 0;
	Token token = {.kind = TOKEN_SIGN};
	while (token.kind != TOKEN_END) {
		TRY(lexer_next(&lexer, &token, err));
		bool semicolon = token_is_sign(text, token, ';');
		if (closed && !semicolon && token.kind != TOKEN_END)
			return error_set_at(err, ST_INVALID, token.from,
								"a second statement begins here; send one at a time");
		closed |= semicolon;
		depth += nesting(text, token);
		if (depth > MOST_NESTED)
			return error_set_at(err, ST_LIMIT, token.from,
								"brackets and subqueries are nested deeper than %d; use WITH",
								MOST_NESTED);
		if (token.kind == TOKEN_END && tokens->count > 0)
			token.from = token.to = tokens->list[tokens->count - 1].to;
		if (!closed || token.kind == TOKEN_END)
			TRY(add_token(tokens, token, err));
	}
	if (tokens->count == 1)
		return error_set(err, ST_INVALID, "there is no statement in the text");
	return ST_OK;
}

// ---- EXPLAIN ----

// The token behind the bracket of EXPLAIN (ANALYZE, FORMAT json); `at` itself when it opens the
// SELECT.
static int32_t
skip_explain_options(Slice text, const Tokens *tokens, int32_t at)
{
	static const char *const words[] = {"ANALYZE", "ANALYSE", "FORMAT", "VERBOSE"};
	bool options = false;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		options |= token_is_word(text, tokens->list[at + 1], words[i]);
	if (!options)
		return at;
	for (int32_t i = at + 1; i < tokens->count; i++) {
		if (token_is_sign(text, tokens->list[i], ')'))
			return i + 1;
		TokenKind kind = tokens->list[i].kind;
		if (kind != TOKEN_NAME && kind != TOKEN_STRING &&
			!token_is_sign(text, tokens->list[i], ','))
			return at;
	}
	return at;
}

// Where the SELECT begins: the parser that gives trees takes no EXPLAIN.
static int32_t
find_body(Slice text, const Tokens *tokens)
{
	int32_t at = 0;
	if (!token_is_word(text, tokens->list[0], "EXPLAIN"))
		return 0;
	at++;
	if (token_is_sign(text, tokens->list[at], '('))
		at = skip_explain_options(text, tokens, at);
	else if (token_is_word(text, tokens->list[at], "ANALYZE") ||
			 token_is_word(text, tokens->list[at], "ANALYSE"))
		at++;
	return tokens->list[at].from;
}

// ---- the tree ----

static void
tree_drop(json_t **tree)
{
	json_decref(*tree);
}

// Numbers beyond 63 bits are read as floating point: their digits are in the text.
static Status
load_tree(const char *json, json_t **out, Error *err)
{
	json_error_t error;
	*out = json_loads(json, 0, &error);
	if (*out == NULL && json_error_code(&error) == json_error_numeric_overflow)
		*out = json_loads(json, JSON_DECODE_INT_AS_REAL, &error);
	if (*out != NULL)
		return ST_OK;
	if (json_error_code(&error) == json_error_stack_overflow)
		return error_set(err, ST_LIMIT, "the statement is nested too deep; split it with WITH");
	if (json_error_code(&error) == json_error_out_of_memory)
		return error_no_memory(err, "a parse tree");
	return error_set(err, ST_INVALID, "the statement has characters that cannot be read");
}

static Status
parse_body(DuckConn *conn, const char *body, json_t **out, Error *err)
{
	SCOPED(mem_drop) char *json = NULL;
	TRY(duck_parse(conn, body, &json, err));
	return load_tree(json, out, err);
}

Status
gate_tree(DuckConn *conn, Slice text, json_t **out, Error *err)
{
	SCOPED(tokens_close) Tokens tokens = {0};
	SCOPED(mem_drop) char *body = mem_strndup((const char *)text.data, text.len);
	if (body == NULL)
		return error_no_memory(err, "a statement");
	TRY(read_tokens(text, &tokens, err));
	return parse_body(conn, body, out, err);
}

static Status
walk_tree(const json_t *tree, Walk *walk)
{
	const json_t *statements = json_object_get(tree, "statements");
	if (json_array_size(statements) != 1)
		return error_set(walk->err, ST_INVALID, "send one statement at a time");
	const json_t *statement = json_array_get(statements, 0);
	const json_t *parameters = json_object_get(statement, "named_param_map");
	if (json_array_size(parameters) > 0 || json_object_size(parameters) > 0)
		return error_set(walk->err, ST_INVALID,
						 "parameters are not built yet; write the values into the statement, or "
						 "send rows by a put or bulk ingest");
	TRY(walk_node(walk, json_object_get(statement, "node"), (Place){.scope = -1},
				  walk->verdict->body == 0));
	return arena_status(&walk->verdict->arena, walk->err, "a statement");
}

static Status
verdict_new(Slice text, Verdict **out, Error *err)
{
	SCOPED(verdict_drop) Verdict *v = mem_alloc(sizeof(*v));
	if (v == NULL)
		return error_no_memory(err, "a statement");
	atomic_init(&v->refs_held, 1);
	v->text = arena_strndup(&v->arena, (const char *)text.data, text.len);
	TRY(arena_status(&v->arena, err, "a statement"));
	v->len = (int32_t)text.len;
	v->root = -1;
	TRY(text_plain_blanks((uint8_t *)v->text, text.len, err));
	*out = TAKE(v);
	return ST_OK;
}

static Status
check_bytes(Slice text, Error *err)
{
	if (text.len > SQL_MAX_TEXT)
		return error_set(err, ST_LIMIT, "the statement has %zu bytes; %d are the most", text.len,
						 SQL_MAX_TEXT);
	const uint8_t *zero = text.len > 0 ? memchr(text.data, '\0', text.len) : NULL;
	return zero == NULL ? ST_OK
						: error_set_at(err, ST_INVALID, (int32_t)(zero - text.data),
									   "the statement has a zero byte");
}

// In few bytes only few constants can be nested, so that no stack is too small for them.
static bool
is_constant(const Verdict *v, const Walk *walk)
{
	enum { FEW_BYTES = 256 };
	return v->len <= FEW_BYTES && v->body == 0 && v->root >= 0 && v->scope_count == 1 &&
		   v->item_count == 0 && v->column_count == 0 && !v->scopes[v->root].stars && !walk->calls;
}

Status
gate_judge(DuckConn *conn, Slice text, Verdict **out, Error *err)
{
	TRY(check_bytes(text, err));
	SCOPED(verdict_drop) Verdict *v = NULL;
	TRY(verdict_new(text, &v, err));
	SCOPED(tokens_close) Tokens tokens = {0};
	TRY(read_tokens(slice_text(v->text), &tokens, err));
	v->len = tokens.list[tokens.count - 1].to;
	v->text[v->len] = '\0';
	v->body = find_body(slice_text(v->text), &tokens);

	// Positions stay what they are: blanks stand for EXPLAIN.
	SCOPED(mem_drop) char *body = mem_strndup(v->text, (size_t)v->len);
	if (body == NULL)
		return error_no_memory(err, "a statement");
	memset(body, ' ', (size_t)v->body);
	SCOPED(tree_drop) json_t *tree = NULL;
	TRY(parse_body(conn, body, &tree, err));
	Walk walk = {.verdict = v,
				 .text = slice_text(v->text),
				 .tokens = tokens.list,
				 .token_count = tokens.count,
				 .err = err};
	TRY(walk_tree(tree, &walk));
	v->constant = is_constant(v, &walk);
	TRY(item_names_find(conn, body, v, err));
	*out = TAKE(v);
	return ST_OK;
}
