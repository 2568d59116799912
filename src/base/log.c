// A line is built in a buffer of its own on the stack: what is logged is often that memory ran out.
// Time and write are asked from the system here because base stands below os.

#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "base/timeval.h"

// In JSON no text grows to more than 7/3 of its length (that is "a= "), so a line of 4 has room.
enum { TEXT_MAX = 2048, LINE_MAX_BYTES = 4 * TEXT_MAX };

static atomic_int log_level = LOG_NOTHING;
static atomic_int log_format = LOG_TEXT;

typedef struct Line {
	size_t len;
	char text[LINE_MAX_BYTES];
} Line;

// Room for what closes the line is always kept.
enum { CLOSING = 4 };

static void
add(Line *line, const char *src, size_t len)
{
	if (len > sizeof(line->text) - CLOSING - line->len)
		return;
	memcpy(line->text + line->len, src, len);
	line->len += len;
}

static void
add_text(Line *line, const char *src)
{
	add(line, src, strlen(src));
}

// One event stays one line, whatever a value holds.
static void
add_flat(Line *line, Slice src)
{
	for (size_t i = 0; i < src.len; i++) {
		char c = (char)src.data[i];
		add(line, (unsigned char)c < ' ' || c == 0x7F ? " " : &c, 1);
	}
}

static void
add_json(Line *line, Slice src)
{
	bool valid = utf8_valid(src.data, src.len);
	add_text(line, "\"");
	for (size_t i = 0; i < src.len; i++) {
		char c = (char)src.data[i];
		if (c == '"' || c == '\\')
			add(line, (char[]){'\\', c}, 2);
		else if ((unsigned char)c < ' ')
			add(line, " ", 1);
		else
			add(line, (unsigned char)c >= 0x80 && !valid ? "?" : &c, 1);
	}
	add_text(line, "\"");
}

static bool
is_key_byte(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

// Length of the key when the text begins with key=, else 0.
static size_t
key_len(Slice text)
{
	size_t len = 0;
	while (len < text.len && is_key_byte(text.data[len]))
		len++;
	return len < text.len && text.data[len] == '=' ? len : 0;
}

// Where the value at the start of the text ends: behind the quote that a blank or the end follows,
// or at the blank before the next key.
static size_t
value_len(Slice text)
{
	bool quoted = text.len > 0 && text.data[0] == '"';
	for (size_t i = quoted; i < text.len; i++) {
		Slice rest = slice_of(text.data + i, text.len - i);
		if (quoted && rest.data[0] == '"' && (rest.len == 1 || rest.data[1] == ' '))
			return i + 1;
		if (!quoted && rest.data[0] == ' ' && key_len(slice_of(rest.data + 1, rest.len - 1)) > 0)
			return i;
	}
	return text.len;
}

// key=value ... become members; words before the first key are the member "message".
static void
add_members(Line *line, Slice text)
{
	while (text.len > 0) {
		if (text.data[0] == ' ') {
			text = slice_of(text.data + 1, text.len - 1);
			continue;
		}
		size_t key = key_len(text);
		Slice value = key == 0 ? text : slice_of(text.data + key + 1, text.len - key - 1);
		size_t taken = value_len(value);
		Slice rest = slice_of(value.data + taken, value.len - taken);
		value.len = taken;
		if (taken > 1 && value.data[0] == '"' && value.data[taken - 1] == '"')
			value = slice_of(value.data + 1, taken - 2);

		add_text(line, ",");
		add_json(line, key == 0 ? slice_text("message") : slice_of(text.data, key));
		add_text(line, ":");
		add_json(line, value);
		text = rest;
	}
}

void
log_configure(LogLevel level, LogFormat format)
{
	atomic_store(&log_level, (int)level);
	atomic_store(&log_format, (int)format);
}

static void
build(Line *line, LogLevel level, const char *event, const char *text)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	char time[48];
	time_format((int64_t)now.tv_sec * 1000000000 + now.tv_nsec, 3, true, time);

	if (atomic_load(&log_format) == LOG_TEXT) {
		const char *parts[] = {time, " ", names[level], " ", event, " "};
		for (size_t i = 0; i < COUNT_OF(parts) - (*text == '\0'); i++)
			add_text(line, parts[i]);
		add_flat(line, slice_text(text));
	} else {
		const char *parts[] = {"{\"time\":\"", time, "\",\"level\":\"", names[level],
							   "\",\"event\":"};
		for (size_t i = 0; i < COUNT_OF(parts); i++)
			add_text(line, parts[i]);
		add_json(line, slice_text(event));
		add_members(line, slice_text(text));
		line->text[line->len++] = '}';
	}
	line->text[line->len++] = '\n';
}

void
log_line(LogLevel level, const char *event, const char *fmt, ...)
{
	if ((int)level < atomic_load_explicit(&log_level, memory_order_relaxed))
		return;
	int saved = errno;
	char text[TEXT_MAX];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	Line line;
	line.len = 0;
	build(&line, level, event, text);
	// Nobody can be told when this fails.
	ssize_t written = write(STDERR_FILENO, line.text, line.len);
	(void)written;
	errno = saved;
}
