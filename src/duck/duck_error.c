// DuckDB's messages arrive as flat JSON objects of texts (errors_as_json): exception_type,
// exception_message and, where it is known, position, a byte of the statement. What is raised
// before a session exists, and by the C API itself, is plain: "Binder Error: ...".

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "duck/duck_int.h"

const char duck_no_memory_text[] = "mobius: no memory for a scan";

// ---- flat JSON ----

static void
add_code_point(Buf *out, unsigned code)
{
	if (code < 0x80) {
		buf_add_byte(out, (uint8_t)code);
	} else if (code < 0x800) {
		buf_add_byte(out, (uint8_t)(0xC0 | code >> 6));
		buf_add_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
	} else {
		buf_add_byte(out, (uint8_t)(0xE0 | code >> 12));
		buf_add_byte(out, (uint8_t)(0x80 | (code >> 6 & 0x3F)));
		buf_add_byte(out, (uint8_t)(0x80 | (code & 0x3F)));
	}
}

// One escape after its backslash; returns what follows it.
static const char *
add_escape(Buf *out, const char *p)
{
	static const char from[] = "bfnrt";
	static const char to[] = "\b\f\n\r\t";
	const char *known = *p == '\0' ? NULL : strchr(from, *p);
	if (known != NULL) {
		buf_add_byte(out, (uint8_t)to[known - from]);
		return p + 1;
	}
	if (*p != 'u' || strlen(p) < 5) {
		if (*p != '\0')
			buf_add_byte(out, (uint8_t)*p++);
		return p;
	}
	char digits[5] = {p[1], p[2], p[3], p[4], '\0'};
	unsigned code = (unsigned)strtoul(digits, NULL, 16);
	add_code_point(out, code >= 0xD800 && code < 0xE000 ? '?' : code);
	return p + 5;
}

// A JSON text that begins at its quote, into `out`; returns what follows it, NULL at a broken one.
static const char *
read_json_text(const char *p, Buf *out)
{
	buf_reset(out);
	if (*p++ != '"')
		return NULL;
	while (*p != '"' && *p != '\0') {
		if (*p == '\\')
			p = add_escape(out, p + 1);
		else
			buf_add_byte(out, (uint8_t)*p++);
	}
	return *p == '"' ? p + 1 : NULL;
}

static const char *
read_json_value(const char *p, Buf *out)
{
	if (*p == '"')
		return read_json_text(p, out);
	size_t len = strcspn(p, ",}");
	buf_reset(out);
	buf_add(out, p, len);
	return p + len;
}

// The value of `key` in a flat object. False: it has none. Where memory was short, `out` has
// failed.
static bool
json_find(const char *json, const char *key, Buf *out)
{
	SCOPED(buf_close) Buf name = BUF_INIT;
	const char *p = json;
	while (p != NULL && (*p == '{' || *p == ',')) {
		p = read_json_text(p + 1, &name);
		if (p == NULL || *p != ':')
			return false;
		p = read_json_value(p + 1, out);
		out->failed |= name.failed;
		if (out->failed || (p != NULL && strcmp(buf_text(&name), key) == 0))
			return true;
	}
	return false;
}

// ---- classes ----

// DuckDB's kinds of exception. What is not here is ST_INTERNAL.
static const struct Kind {
	const char *name;
	Status code;
} kinds[] = {
	{"Binder", ST_INVALID},
	{"Parser", ST_INVALID},
	{"Syntax", ST_INVALID},
	{"Catalog", ST_INVALID},
	{"Conversion", ST_INVALID},
	{"Constraint", ST_INVALID},
	{"Decimal", ST_INVALID},
	{"Divide by Zero", ST_INVALID},
	{"Expression", ST_INVALID},
	{"Invalid", ST_INVALID},
	{"Invalid Configuration", ST_INVALID},
	{"Invalid Input", ST_INVALID},
	{"Invalid type", ST_INVALID},
	{"Mismatch Type", ST_INVALID},
	{"Object Size", ST_INVALID},
	{"Out of Range", ST_INVALID},
	{"Parameter Not Allowed", ST_INVALID},
	{"Parameter Not Resolved", ST_INVALID},
	{"Unknown Type", ST_INVALID},
	{"Extension Autoloading", ST_UNIMPLEMENTED},
	{"Missing Extension", ST_UNIMPLEMENTED},
	{"Not implemented", ST_UNIMPLEMENTED},
	{"Permission", ST_DENIED},
	{"Out of Memory", ST_LIMIT},
	{"INTERRUPT", ST_CANCELLED},
	{"IO", ST_IO},
};

static Status
code_of(Slice kind)
{
	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		if (text_equal_fold(kind, slice_text(kinds[i].name)))
			return kinds[i].code;
	}
	return ST_INTERNAL;
}

static bool
is_fatal(Slice kind)
{
	return text_equal_fold(kind, slice_text("INTERNAL")) ||
		   text_equal_fold(kind, slice_text("FATAL"));
}

static Status
report(Duck *duck, Slice kind, const char *message, int32_t position, Error *err)
{
	if (is_fatal(kind))
		atomic_store(&duck->poisoned, true);
	if (strstr(message, duck_no_memory_text) != NULL)
		return error_no_memory(err, "a scan");
	Status code = code_of(kind);
	if (code == ST_LIMIT)
		return error_set(err, ST_LIMIT,
						 "the statement needs more memory than query.memory lets it have; ask for "
						 "fewer rows or groups, or raise it (%.*s)",
						 (int)strcspn(message, "\n"), message);
	if (code == ST_CANCELLED)
		return error_set(err, ST_CANCELLED, "the statement was cancelled");
	if (code == ST_IO && strstr(message, "No space left") != NULL)
		code = ST_DISK_FULL;
	return error_set_at(err, code, position, "%s", message);
}

// Plain text: "Binder Error: it says so", maybe with the line and a caret under it.
static Status
report_plain(Duck *duck, const char *message, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	const char *mark = strstr(message, " Error: ");
	Slice kind = slice_text("Invalid");
	if (mark != NULL && strcspn(message, "\n:") > (size_t)(mark - message)) {
		kind = slice_of(message, (size_t)(mark - message));
		message = mark + strlen(" Error: ");
	}
	const char *line = strstr(message, "\n\nLINE ");
	buf_add(&text, message, line != NULL ? (size_t)(line - message) : strlen(message));
	TRY(buf_status(&text, err, "an error's text"));
	return report(duck, kind, buf_text(&text), -1, err);
}

static Status
report_json(Duck *duck, const char *json, const char *kind_key, const char *message_key, Error *err)
{
	SCOPED(buf_close) Buf kind = BUF_INIT;
	SCOPED(buf_close) Buf message = BUF_INIT;
	SCOPED(buf_close) Buf position = BUF_INIT;
	if (!json_find(json, kind_key, &kind) || !json_find(json, message_key, &message))
		return report_plain(duck, json, err);
	int32_t at = json_find(json, "position", &position)
					 ? (int32_t)strtol(buf_text(&position), NULL, 10)
					 : -1;
	TRY(buf_status(&kind, err, "an error's text"));
	TRY(buf_status(&message, err, "an error's text"));
	TRY(buf_status(&position, err, "an error's text"));
	return report(duck, buf_slice(&kind), buf_text(&message), at, err);
}

Status
duck_error(Duck *duck, const char *message, Error *err)
{
	if (message == NULL || message[0] == '\0') { // seen only where the instance is broken
		atomic_store(&duck->poisoned, true);
		return error_set(err, ST_INTERNAL, "DuckDB failed and did not say why");
	}
	const char *json = strstr(message, "{\"exception_type\":");
	if (json == NULL)
		return report_plain(duck, message, err);
	return report_json(duck, json, "exception_type", "exception_message", err);
}

Status
duck_parse_error(Duck *duck, const char *json, Error *err)
{
	Status st = report_json(duck, json, "error_type", "error_message", err);
	if (st == ST_UNIMPLEMENTED)
		return error_set(err, ST_INVALID, "this is not a SELECT");
	return st;
}
