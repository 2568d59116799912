#include "sql/lexer.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"

// The byte `ahead` of the position; 0 beyond the end.
static uint8_t
peek(const Lexer *lexer, int32_t ahead)
{
	size_t at = (size_t)lexer->at + (size_t)ahead;
	return at < lexer->text.len ? lexer->text.data[at] : 0;
}

static bool
at_end(const Lexer *lexer)
{
	return (size_t)lexer->at >= lexer->text.len;
}

static bool
starts_name(uint8_t c)
{
	return isalpha(c) || c == '_' || c >= 0x80;
}

static bool
continues_name(uint8_t c)
{
	return starts_name(c) || isdigit(c) || c == '$';
}

// ---- blanks and comments ----

// Comments of this form may hold others.
static Status
skip_block_comment(Lexer *lexer, Error *err)
{
	int32_t from = lexer->at;
	int depth = 0;
	do {
		if (at_end(lexer))
			return error_set_at(err, ST_INVALID, from, "the comment that begins here has no */");
		int step = 2;
		if (peek(lexer, 0) == '/' && peek(lexer, 1) == '*')
			depth++;
		else if (peek(lexer, 0) == '*' && peek(lexer, 1) == '/')
			depth--;
		else
			step = 1;
		lexer->at += step;
	} while (depth > 0);
	return ST_OK;
}

static Status
skip_blanks(Lexer *lexer, Error *err)
{
	while (!at_end(lexer)) {
		uint8_t c = peek(lexer, 0);
		if (isspace(c)) {
			lexer->at++;
		} else if (c == '-' && peek(lexer, 1) == '-') {
			while (!at_end(lexer) && peek(lexer, 0) != '\n' && peek(lexer, 0) != '\r')
				lexer->at++;
		} else if (c == '/' && peek(lexer, 1) == '*') {
			TRY(skip_block_comment(lexer, err));
		} else {
			break;
		}
	}
	return ST_OK;
}

// ---- quotes ----

// From the opening quote to behind the closing one; a doubled quote is one of the text.
static Status
skip_quoted(Lexer *lexer, uint8_t quote, bool escapes, Error *err)
{
	int32_t from = lexer->at++;
	while (!at_end(lexer)) {
		uint8_t c = peek(lexer, 0);
		if (c == quote && peek(lexer, 1) != quote) {
			lexer->at++;
			return ST_OK;
		}
		bool pair = c == quote || (escapes && c == '\\');
		lexer->at += pair ? 2 : 1;
	}
	lexer->at = (int32_t)lexer->text.len;
	return error_set_at(err, ST_INVALID, from, "the quote that begins here does not end");
}

// Length of the $tag$ that begins here; 0: none does.
static int32_t
dollar_tag(const Lexer *lexer)
{
	int32_t len = 1;
	if (starts_name(peek(lexer, len)))
		while (starts_name(peek(lexer, len)) || isdigit(peek(lexer, len)))
			len++;
	return peek(lexer, len) == '$' ? len + 1 : 0;
}

static Status
skip_dollar_quoted(Lexer *lexer, int32_t tag, Error *err)
{
	int32_t from = lexer->at;
	const uint8_t *text = lexer->text.data;
	size_t body = (size_t)(from + tag);
	const uint8_t *end = memmem(text + body, lexer->text.len - body, text + from, (size_t)tag);
	if (end == NULL)
		return error_set_at(err, ST_INVALID, from, "the quote that begins here does not end");
	lexer->at = (int32_t)(end - text) + tag;
	return ST_OK;
}

// ---- numbers ----

static void
skip_digits(Lexer *lexer)
{
	while (isdigit(peek(lexer, 0)) || (peek(lexer, 0) == '_' && isdigit(peek(lexer, 1))))
		lexer->at++;
}

static void
skip_number(Lexer *lexer)
{
	bool hex = peek(lexer, 0) == '0' && (peek(lexer, 1) | 0x20) == 'x' && isxdigit(peek(lexer, 2));
	if (hex) {
		lexer->at += 2;
		while (isxdigit(peek(lexer, 0)) || peek(lexer, 0) == '_')
			lexer->at++;
		return;
	}
	skip_digits(lexer);
	if (peek(lexer, 0) == '.') {
		lexer->at++;
		skip_digits(lexer);
	}
	int32_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
	if ((peek(lexer, 0) | 0x20) == 'e' && isdigit(peek(lexer, 1 + sign))) {
		lexer->at += 1 + sign;
		skip_digits(lexer);
	}
}

// ---- tokens ----

static Status
next_dollar(Lexer *lexer, Token *token, Error *err)
{
	int32_t tag = dollar_tag(lexer);
	if (tag > 0) {
		token->kind = TOKEN_STRING;
		return skip_dollar_quoted(lexer, tag, err);
	}
	token->kind = TOKEN_PARAM;
	lexer->at++;
	while (continues_name(peek(lexer, 0)))
		lexer->at++;
	return ST_OK;
}

static Status
next_token(Lexer *lexer, Token *token, Error *err)
{
	uint8_t c = peek(lexer, 0);
	bool quote_follows = peek(lexer, 1) == '\'';
	if (c == '\'' || (quote_follows && c != '\0' && strchr("eExXbB", c) != NULL)) {
		token->kind = TOKEN_STRING;
		lexer->at += c != '\'';
		return skip_quoted(lexer, '\'', (c | 0x20) == 'e', err);
	}
	if (c == '"') {
		token->kind = TOKEN_QUOTED;
		return skip_quoted(lexer, '"', false, err);
	}
	if (c == '$')
		return next_dollar(lexer, token, err);
	if (starts_name(c)) {
		token->kind = TOKEN_NAME;
		while (continues_name(peek(lexer, 0)))
			lexer->at++;
	} else if (isdigit(c) || (c == '.' && isdigit(peek(lexer, 1)))) {
		token->kind = TOKEN_NUMBER;
		skip_number(lexer);
	} else {
		token->kind = c == '?' ? TOKEN_PARAM : TOKEN_SIGN;
		lexer->at++;
	}
	return ST_OK;
}

Status
lexer_next(Lexer *lexer, Token *out, Error *err)
{
	TRY(skip_blanks(lexer, err));
	Token token = {.kind = TOKEN_END, .from = lexer->at};
	if (!at_end(lexer))
		TRY(next_token(lexer, &token, err));
	token.to = lexer->at;
	*out = token;
	return ST_OK;
}

bool
token_is_sign(Slice text, Token token, char sign)
{
	return token.kind == TOKEN_SIGN && text.data[token.from] == (uint8_t)sign;
}

static Slice
token_slice(Slice text, Token token)
{
	return slice_of(text.data + token.from, (size_t)(token.to - token.from));
}

bool
token_is_word(Slice text, Token token, const char *word)
{
	return token.kind == TOKEN_NAME && text_equal_fold(token_slice(text, token), slice_text(word));
}

// ---- values ----

static void
add_unquoted(Buf *out, Slice inner, uint8_t quote, bool escapes)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	for (size_t i = 0; i < inner.len; i++) {
		uint8_t c = inner.data[i];
		if (c == quote || (escapes && c == '\\'))
			i++;
		uint8_t what = i < inner.len ? inner.data[i] : c;
		const char *known = escapes && c == '\\' && what != '\0' ? strchr(from, what) : NULL;
		buf_add_byte(out, known != NULL ? (uint8_t)to[known - from] : what);
	}
}

void
token_value(Slice text, Token token, Buf *out)
{
	Slice all = token_slice(text, token);
	uint8_t first = all.len > 0 ? all.data[0] : 0;
	if (token.kind == TOKEN_QUOTED) {
		add_unquoted(out, slice_of(all.data + 1, all.len - 2), '"', false);
	} else if (token.kind != TOKEN_STRING) {
		buf_add_slice(out, all);
	} else if (first == '$') {
		size_t tag =
			(size_t)((const uint8_t *)memchr(all.data + 1, '$', all.len - 1) - all.data) + 1;
		buf_add(out, all.data + tag, all.len - 2 * tag);
	} else {
		size_t lead = first == '\'' ? 1 : 2;
		add_unquoted(out, slice_of(all.data + lead, all.len - lead - 1), '\'',
					 (first | 0x20) == 'e' && lead == 2);
	}
}

// ---- blanks of Unicode ----

// Bytes of the blank that begins here; 0: none.
static size_t
unicode_blank(const uint8_t *p, size_t left)
{
	if (left >= 2 && p[0] == 0xC2 && p[1] == 0xA0)
		return 2;
	if (left < 3)
		return 0;
	bool general = p[0] == 0xE2 && p[1] == 0x80 && ((p[2] >= 0x80 && p[2] <= 0x8F) || p[2] == 0xAF);
	bool other = p[0] == 0xE2 && p[1] == 0x81 && (p[2] == 0x9F || p[2] == 0xA0);
	bool wide = (p[0] == 0xE3 && p[1] == 0x80 && p[2] == 0x80) ||
				(p[0] == 0xEF && p[1] == 0xBB && p[2] == 0xBF);
	return general || other || wide ? 3 : 0;
}

static void
plain_range(uint8_t *text, size_t from, size_t to)
{
	for (size_t at = from; at < to; at++) {
		size_t len = unicode_blank(text + at, to - at);
		if (len > 0)
			memset(text + at, ' ', len);
	}
}

Status
text_plain_blanks(uint8_t *text, size_t len, Error *err)
{
	Lexer lexer = lexer_at(slice_of(text, len), 0);
	size_t done = 0;
	for (Token token = {.kind = TOKEN_SIGN}; token.kind != TOKEN_END;) {
		TRY(lexer_next(&lexer, &token, err));
		if (token.kind != TOKEN_STRING && token.kind != TOKEN_QUOTED && token.kind != TOKEN_END)
			continue;
		plain_range(text, done, (size_t)token.from);
		done = (size_t)token.to;
	}
	return ST_OK;
}
