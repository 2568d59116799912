// lexer.h - SQL text as tokens, cut as DuckDB's parser cuts them: names, texts, numbers, signs.
// Blanks and comments lie between them.
//
// Threads  any; a Lexer has one owner.

#pragma once

#include "base/buf.h"
#include "base/status.h"

typedef enum TokenKind {
	TOKEN_END,
	TOKEN_NAME,   // as written, not quoted; words of the language too
	TOKEN_QUOTED, // "name"
	TOKEN_STRING, // 'text', E'text', $$text$$
	TOKEN_NUMBER,
	TOKEN_PARAM, // ?, $1, $name
	TOKEN_SIGN,  // one byte: brackets, comma, semicolon, operators
} TokenKind;

typedef struct Token {
	TokenKind kind;
	int32_t from; // bytes of the text, half-open
	int32_t to;
} Token;

typedef struct Lexer {
	Slice text; // at most INT32_MAX bytes
	int32_t at;
} Lexer;

static inline Lexer
lexer_at(Slice text, int32_t at)
{
	return (Lexer){text, at};
}

// ST_INVALID with position: a quote or comment that does not end. At the end TOKEN_END, as often as
// asked for.
Status lexer_next(Lexer *lexer, Token *out, Error *err);

bool token_is_sign(Slice text, Token token, char sign);
bool token_is_word(Slice text, Token token, const char *word); // a NAME equal to it without case

// What a NAME, QUOTED or STRING token says, without its quotes and escapes. Appended to `out`.
void token_value(Slice text, Token token, Buf *out);

// Blanks of Unicode outside quotes become blanks of ASCII, as many as they have bytes: the engine
// would shorten the text instead, and with it every position. ST_INVALID as lexer_next.
Status text_plain_blanks(uint8_t *text, size_t len, Error *err);
