#include "support.h"
#include "web/line_split.h"

static Status
split_in_pieces(LineForm form, const char *text, size_t piece_len, Buf *out, Error *err)
{
	SCOPED(line_split_close) LineSplit split;
	line_split_init(&split, form);
	size_t len = strlen(text);
	for (size_t at = 0; at < len; at += piece_len) {
		size_t take = len - at < piece_len ? len - at : piece_len;
		SCOPED(mem_drop) char *copy = mem_copy(text + at, take);
		if (copy == NULL)
			return error_no_memory(err, "a piece");
		Slice piece = slice_of(copy, take);
		Line line;
		while (line_split_next(&split, &piece, at + take == len, &line))
			buf_add_printf(out, "%lld:%.*s|", (long long)line.number, (int)line.text.len,
						   line.text.len == 0 ? "" : (const char *)line.text.data);
	}
	TRY(line_split_status(&split, err));
	return buf_status(out, err, "lines");
}

static void
splits_to(LineForm form, const char *text, const char *wanted)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		SCOPED(buf_close) Buf out = BUF_INIT;
		Error err = ERROR_INIT;
		ok(split_in_pieces(form, text, piece, &out, &err), &err);
		text_equal(&out, wanted);
	}
}

static void
lines_are_the_same_wherever_pieces_end(void **state)
{
	(void)state;
	splits_to(LINES_PLAIN, "a\nbc\r\n\nd\"\ne", "1:a|2:bc|3:|4:d\"|5:e|");
	splits_to(LINES_PLAIN, "a\n", "1:a|");
	splits_to(LINES_PLAIN, "\n\n", "1:|2:|");
	splits_to(LINES_CSV, "a,\"b\nc\"\"\n\"\nd\n\"\n", "1:a,\"b\nc\"\"\n\"|4:d|5:\"\n|");
	splits_to(LINES_CSV, "a\"b\nc\"d\n\ne,\"f\"\n\"g\"", "1:a\"b\nc\"d|3:|4:e,\"f\"|5:\"g\"|");
	splits_to(LINES_PROTOCOL, "m f=\"a\nb\\\"\n\" 1\nm,t=\"x f=1\n# \"\nm f=2\n",
			  "1:m f=\"a\nb\\\"\n\" 1|4:m,t=\"x f=1|5:# \"|6:m f=2|");
	splits_to(LINES_PROTOCOL, "m  f=\"a\n\"  1\nm f=1 \"\nm f\\==\"\n\"\nm f=\"\\\\\"\nx",
			  "1:m  f=\"a\n\"  1|3:m f=1 \"|4:m f\\==\"\n\"|6:m f=\"\\\\\"|7:x|");
}

static void
short_memory_is_told(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	FAULT_LOOP(st, {
		SCOPED(buf_close) Buf out = BUF_INIT;
		st = split_in_pieces(LINES_PLAIN, "abc\ndef\n", 2, &out, &err);
	});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_the_same_wherever_pieces_end),
		cmocka_unit_test(short_memory_is_told),
	};
	return RUN(tests);
}
