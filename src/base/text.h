// text.h - encodings of bytes as text.

#pragma once

#include "base/buf.h"

bool utf8_valid(const uint8_t *data, size_t len);

void text_percent_encode(
	Buf *out, Slice src,
	const char *keep); // keeps printable ASCII that is in `keep` or alphanumeric
void text_quote(Buf *out, Slice src, char quote); // the quotes in it doubled
void text_hex(Buf *out, Slice src);
// `len` bytes from twice as many digits, and no more; of any case. False: it is something else.
bool text_unhex(Slice src, uint8_t *out, size_t len);
void text_base64(Buf *out, Slice src);                 // padded
Status text_unbase64(Slice src, Buf *out, Error *err); // padding optional
void text_json_string(Buf *out, Slice src);            // with quotes; invalid UTF-8 becomes U+FFFD
uint8_t text_fold(uint8_t c);                          // ASCII in lower case
bool text_equal_fold(Slice a, Slice b);                // ASCII case folded

// SQL LIKE with % and _ and `\` as escape.
bool text_like(Slice text, Slice pattern);
