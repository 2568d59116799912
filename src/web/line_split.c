#include "web/line_split.h"

#include <string.h>

void
line_split_init(LineSplit *split, LineForm form)
{
	*split = (LineSplit){.form = form};
}

void
line_split_close(LineSplit *split)
{
	buf_close(&split->held);
}

// ---- where a line ends: the break's place, or NULL; the scan goes on where it stopped ----

static const uint8_t *
end_plain(struct LineScan *scan, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *at = memchr(p, '\n', (size_t)(end - p));
	scan->breaks += at != NULL;
	return at;
}

static int64_t
count_breaks(const uint8_t *p, const uint8_t *end)
{
	int64_t count = 0;
	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		count++;
		p++;
	}
	return count;
}

static const uint8_t *
end_csv(struct LineScan *scan, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *line = NULL; // the first break at or behind p, once looked for
	bool looked = false;
	while (p < end) {
		if (!scan->quoted && (!looked || (line != NULL && line < p))) {
			line = memchr(p, '\n', (size_t)(end - p));
			looked = true;
		}
		const uint8_t *limit = scan->quoted || line == NULL ? end : line;
		const uint8_t *quote = memchr(p, '"', (size_t)(limit - p));
		if (scan->quoted)
			scan->breaks += count_breaks(p, quote == NULL ? end : quote);
		else if (quote == NULL)
			scan->breaks += line != NULL;
		if (quote == NULL)
			return scan->quoted ? NULL : line;
		scan->quoted = !scan->quoted;
		p = quote + 1;
	}
	return NULL;
}

// One byte of line protocol. A text begins with a quote behind the equals sign of a field; blanks
// between two parts are as one.
static void
scan_byte(struct LineScan *scan, uint8_t c)
{
	bool equals = scan->equals, blank = scan->blank;
	scan->equals = scan->blank = false;
	if (scan->escaped) {
		scan->escaped = false;
	} else if (c == '\\') {
		scan->escaped = true;
	} else if (scan->quoted) {
		scan->quoted = c != '"';
	} else if (c == '"' && equals && scan->part == 2) {
		scan->quoted = true;
	} else if (c == ' ') {
		scan->part += !blank;
		scan->blank = true;
	} else {
		scan->equals = c == '=';
	}
}

static const uint8_t *
end_protocol(struct LineScan *scan, const uint8_t *p, const uint8_t *end)
{
	if (scan->part == 0) { // most lines have no text in them
		const uint8_t *line = memchr(p, '\n', (size_t)(end - p));
		if (line != NULL && memchr(p, '"', (size_t)(line - p)) == NULL) {
			scan->breaks++;
			return line;
		}
	}
	for (; p < end; p++) {
		scan->breaks += *p == '\n';
		if (*p == '\n' && !scan->quoted)
			return p;
		if (scan->part == 0 && *p != ' ' && *p != '\t') {
			scan->part = 1;
			scan->comment = *p == '#';
		}
		if (scan->part > 0 && scan->part < 3 && !scan->comment)
			scan_byte(scan, *p);
	}
	return NULL;
}

// ---- lines ----

static const uint8_t *
find_end(LineSplit *split, Slice piece)
{
	if (piece.len == 0)
		return NULL;
	const uint8_t *p = piece.data, *end = p + piece.len;
	switch (split->form) {
	case LINES_PLAIN: return end_plain(&split->scan, p, end);
	case LINES_CSV: return end_csv(&split->scan, p, end);
	default: return end_protocol(&split->scan, p, end);
	}
}

static void
hold(LineSplit *split, Slice part)
{
	split->begun |= part.len > 0;
	split->too_long |= split->held.len + part.len > LINE_MOST;
	if (!split->too_long)
		buf_add_slice(&split->held, part);
	split->failed |= split->held.failed;
}

static void
give(LineSplit *split, Slice text, Line *out)
{
	if (text.len > 0 && text.data[text.len - 1] == '\r')
		text.len--;
	*out = (Line){text, split->lines + 1, split->too_long || text.len > LINE_MOST};
	split->lines += split->scan.breaks;
	split->scan = (struct LineScan){0};
	split->begun = split->too_long = false;
}

bool
line_split_next(LineSplit *split, Slice *piece, bool last, Line *out)
{
	if (split->given)
		buf_reset(&split->held);
	split->given = false;
	const uint8_t *end = find_end(split, *piece);
	if (end == NULL && (!last || (piece->len == 0 && !split->begun))) {
		hold(split, *piece);
		piece->len = 0;
		return false;
	}
	Slice text = slice_of(piece->data, end == NULL ? piece->len : (size_t)(end - piece->data));
	size_t used = text.len + (end != NULL);
	if (used > 0)
		*piece = slice_of(piece->data + used, piece->len - used);
	if (split->begun) {
		hold(split, text);
		text = buf_slice(&split->held);
		split->given = true;
	}
	give(split, text, out);
	return !split->failed;
}

Status
line_split_status(const LineSplit *split, Error *err)
{
	return split->failed ? error_no_memory(err, "a line") : ST_OK;
}
