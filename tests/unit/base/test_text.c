#include "support.h"

#include "base/text.h"

typedef void (*Encode)(Buf *out, Slice src);

static void
encodes(Encode encode, Slice src, const char *wanted)
{
	SCOPED(buf_close) Buf buf = BUF_INIT;
	encode(&buf, src);
	assert_string_equal(buf_text(&buf), wanted);
}

static bool
valid(const char *text)
{
	return utf8_valid((const uint8_t *)text, strlen(text));
}

static void
utf8_is_accepted_in_every_length(void **state)
{
	(void)state;
	assert_true(valid(""));
	assert_true(valid("plain text that is longer than one word"));
	assert_true(valid("\xC2\x80 \xDF\xBF \xE0\xA0\x80 \xED\x9F\xBF \xEE\x80\x80 \xEF\xBF\xBF"));
	assert_true(valid("\xF0\x90\x80\x80 \xF4\x8F\xBF\xBF"));
	assert_true(utf8_valid((const uint8_t *)"a\0b", 3));
}

static void
what_is_no_utf8_is_refused_wherever_it_stands(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\x80",
		"\xBF",
		"\xC0\x80",         // overlong
		"\xC1\xBF",         // overlong
		"\xC2",             // cut
		"\xC2 ",            // broken off
		"\xE0\x9F\xBF",     // overlong
		"\xE2\x82",         // cut
		"\xED\xA0\x80",     // surrogate
		"\xF0\x8F\xBF\xBF", // overlong
		"\xF0\x9F\x98",     // cut
		"\xF4\x90\x80\x80", // above U+10FFFF
		"\xF5\x80\x80\x80", // no such lead
		"\xFF",
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		for (size_t before = 0; before < 20; before++) {
			char text[64] = "";
			memset(text, 'x', before);
			strcpy(text + before, bad[i]);
			assert_false(valid(text));
			strcat(text, "more text after it");
			assert_false(valid(text));
		}
	}
}

static void
percent_encoding_keeps_what_it_was_told(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	text_percent_encode(&buf, slice_of("aZ9-_ /%\xC3\xA9\0", 11), "-_/");
	assert_string_equal(buf_text(&buf), "aZ9-_%20/%25%C3%A9%00");
}

static void
quotes_within_quotes_are_doubled(void **state)
{
	(void)state;
	SCOPED(buf_close) Buf buf = BUF_INIT;
	text_quote(&buf, slice_text("a\"b'c\""), '"');
	text_quote(&buf, slice_text("a\"b'c"), '\'');
	text_quote(&buf, slice_text(""), '"');
	assert_string_equal(buf_text(&buf), "\"a\"\"b'c\"\"\"'a\"b''c'\"\"");
}

static void
hex_is_lower_case(void **state)
{
	(void)state;
	encodes(text_hex, slice_of("\x00\x0F\xF0\xAB", 4), "000ff0ab");
	encodes(text_hex, slice_of(NULL, 0), "");
}

static void
base64_has_the_values_of_its_standard(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
	};
	for (size_t i = 0; i < COUNT_OF(pairs); i++) {
		encodes(text_base64, slice_text(pairs[i][0]), pairs[i][1]);
		size_t padded = strlen(pairs[i][1]);
		size_t bare = strcspn(pairs[i][1], "=");
		for (size_t len = bare; len <= padded; len += padded - bare > 0 ? padded - bare : 1) {
			SCOPED(buf_close) Buf buf = BUF_INIT;
			assert_int_equal(text_unbase64(slice_of(pairs[i][1], len), &buf, NULL), ST_OK);
			assert_string_equal(buf_text(&buf), pairs[i][0]);
		}
	}
}

static void
base64_round_trips_every_byte(void **state)
{
	(void)state;
	uint8_t all[256];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)i;
	for (size_t len = 0; len <= sizeof(all); len++) {
		SCOPED(buf_close) Buf text = BUF_INIT;
		SCOPED(buf_close) Buf back = BUF_INIT;
		text_base64(&text, slice_of(all, len));
		assert_int_equal(text_unbase64(buf_slice(&text), &back, NULL), ST_OK);
		assert_true(slice_equal(buf_slice(&back), slice_of(all, len)));
	}
}

static void
what_is_no_base64_is_refused_and_adds_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = {"A", "AAAAA", "A===", "AA=",  "AA=A",
									  "=", "====",  "A A=", "AA\n="};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		SCOPED(buf_close) Buf buf = BUF_INIT;
		Error err = ERROR_INIT;
		assert_int_equal(text_unbase64(slice_text(bad[i]), &buf, &err), ST_INVALID);
		says(&err, "base64");
		assert_int_equal(buf.len, 0);
	}
}

static void
json_strings_escape_what_json_cannot_hold(void **state)
{
	(void)state;
	encodes(text_json_string, slice_text(""), "\"\"");
	encodes(text_json_string, slice_text("plain \xE2\x82\xAC"), "\"plain \xE2\x82\xAC\"");
	encodes(text_json_string, slice_text("\"\\/\b\f\n\r\t\x01\x1F"),
			"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\"");
	encodes(text_json_string, slice_of("a\0b", 3), "\"a\\u0000b\"");
}

static void
json_strings_replace_what_is_no_utf8(void **state)
{
	(void)state;
	encodes(text_json_string, slice_text("a\xFF"), "\"a\xEF\xBF\xBD\"");
	encodes(text_json_string, slice_text("\xC3(\xE2\x82"),
			"\"\xEF\xBF\xBD(\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void
folding_is_for_ascii_letters_alone(void **state)
{
	(void)state;
	assert_true(text_equal_fold(slice_text("MiB@"), slice_text("mIb@")));
	assert_false(text_equal_fold(slice_text("a"), slice_text("ab")));
	assert_false(text_equal_fold(slice_text("@"), slice_text("`")));
	assert_false(text_equal_fold(slice_text("\xC3\x84"), slice_text("\xC3\xA4")));
}

static bool
like(const char *text, const char *pattern)
{
	return text_like(slice_text(text), slice_text(pattern));
}

static void
like_matches_the_whole_text(void **state)
{
	(void)state;
	assert_true(like("", ""));
	assert_true(like("", "%%"));
	assert_false(like("", "_"));
	assert_true(like("abc", "abc"));
	assert_false(like("abc", "ab"));
	assert_false(like("ab", "abc"));
	assert_false(like("abc", "ABC"));
	assert_true(like("abc", "a%"));
	assert_true(like("abc", "%c"));
	assert_true(like("abc", "%b%"));
	assert_false(like("abc", "%d%"));
	assert_true(like("abc", "_b_"));
	assert_false(like("abc", "__"));
	assert_true(like("abcabd", "%ab_"));
	assert_true(like("aXbXc", "a%X%c"));
	assert_false(like("aXbXc", "a%X%X%c%X"));
}

static void
like_counts_characters_not_bytes(void **state)
{
	(void)state;
	assert_true(like("\xC3\xA9", "_"));
	assert_false(like("\xC3\xA9", "__"));
	assert_true(like("\xF0\x9F\x98\x80x", "_x"));
	assert_false(like("\xC3\xA9", "%__"));
	assert_true(like("\xFF\xFF", "__"));
}

static void
like_takes_escaped_signs_as_they_are(void **state)
{
	(void)state;
	assert_true(like("50%", "50\\%"));
	assert_false(like("500", "50\\%"));
	assert_true(like("a_b", "a\\_b"));
	assert_false(like("axb", "a\\_b"));
	assert_true(like("a\\b", "a\\\\b"));
	assert_true(like("a\\", "a\\"));
}

static void
like_is_fast_on_patterns_made_to_be_slow(void **state)
{
	(void)state;
	char text[5001] = "";
	memset(text, 'a', sizeof(text) - 1);
	char pattern[202] = "";
	for (size_t i = 0; i < 200; i += 2)
		memcpy(pattern + i, "%a", 2);
	pattern[200] = 'b';
	assert_false(like(text, pattern));
}

static void
every_allocation_may_fail(void **state)
{
	(void)state;
	char long_text[1000];
	memset(long_text, 'A', sizeof(long_text));
	FAULT_LOOP(st, {
		Buf buf = BUF_INIT;
		st = text_unbase64(slice_of(long_text, sizeof(long_text)), &buf, NULL);
		buf_close(&buf);
	});
	FAULT_LOOP(st, {
		Buf buf = BUF_INIT;
		text_json_string(&buf, slice_of(long_text, sizeof(long_text)));
		text_json_string(&buf, slice_text("\"\n\xFF"));
		text_base64(&buf, slice_of(long_text, sizeof(long_text)));
		text_hex(&buf, slice_of(long_text, sizeof(long_text)));
		st = buf_status(&buf, NULL, "text");
		buf_close(&buf);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_accepted_in_every_length),
		cmocka_unit_test(what_is_no_utf8_is_refused_wherever_it_stands),
		cmocka_unit_test(percent_encoding_keeps_what_it_was_told),
		cmocka_unit_test(quotes_within_quotes_are_doubled),
		cmocka_unit_test(hex_is_lower_case),
		cmocka_unit_test(base64_has_the_values_of_its_standard),
		cmocka_unit_test(base64_round_trips_every_byte),
		cmocka_unit_test(what_is_no_base64_is_refused_and_adds_nothing),
		cmocka_unit_test(json_strings_escape_what_json_cannot_hold),
		cmocka_unit_test(json_strings_replace_what_is_no_utf8),
		cmocka_unit_test(folding_is_for_ascii_letters_alone),
		cmocka_unit_test(like_matches_the_whole_text),
		cmocka_unit_test(like_counts_characters_not_bytes),
		cmocka_unit_test(like_takes_escaped_signs_as_they_are),
		cmocka_unit_test(like_is_fast_on_patterns_made_to_be_slow),
		cmocka_unit_test(every_allocation_may_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
