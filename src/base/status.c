#include "base/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A cut must not leave half a character: the text travels as UTF-8.
static void
trim_half_character(char *text)
{
	size_t len = strlen(text);
	size_t tail = 0; // continuation bytes at the end
	while (tail < 3 && tail < len && ((uint8_t)text[len - 1 - tail] & 0xC0) == 0x80)
		tail++;
	if (tail == len)
		return;
	uint8_t lead = (uint8_t)text[len - 1 - tail];
	size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
	if (wanted > tail)
		text[len - 1 - tail] = '\0';
}

__attribute__((format(printf, 2, 0))) static void
set_text(Error *err, const char *fmt, va_list args)
{
	// The arguments may be the text that is replaced.
	char text[sizeof(err->text)];
	if (vsnprintf(text, sizeof(text), fmt, args) >= (int)sizeof(text))
		trim_half_character(text);
	memcpy(err->text, text, strlen(text) + 1);
}

Status
error_set(Error *err, Status code, const char *fmt, ...)
{
	if (err == NULL)
		return code;
	err->code = code;
	err->position = -1;
	va_list args;
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	return code;
}

Status
error_set_at(Error *err, Status code, int32_t position, const char *fmt, ...)
{
	if (err == NULL)
		return code;
	err->code = code;
	err->position = position;
	va_list args;
	va_start(args, fmt);
	set_text(err, fmt, args);
	va_end(args);
	return code;
}

Status
error_prefix(Error *err, const char *fmt, ...)
{
	if (err == NULL)
		return ST_INTERNAL;
	char what[sizeof(err->text)];
	va_list args;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);

	// A prefix longer than the record is cut first: the cause says more.
	char text[2 * sizeof(err->text) + 2];
	snprintf(text, sizeof(text), "%.*s: %s", (int)(sizeof(err->text) / 2), what, err->text);
	if (strlen(text) >= sizeof(err->text)) {
		text[sizeof(err->text) - 1] = '\0';
		trim_half_character(text);
	}
	memcpy(err->text, text, strlen(text) + 1);
	return err->code;
}

Status
error_no_memory(Error *err, const char *what)
{
	return error_set(err, ST_NO_MEMORY, "no memory for %s", what);
}

const char *
status_name(Status code)
{
	switch (code) {
	case ST_OK: return "ok";
	case ST_INVALID: return "invalid_argument";
	case ST_UNAUTHENTICATED: return "unauthenticated";
	case ST_DENIED: return "permission_denied";
	case ST_NOT_FOUND: return "not_found";
	case ST_EXISTS: return "already_exists";
	case ST_CONFLICT:
	case ST_SEALED: return "failed_precondition";
	case ST_LIMIT:
	case ST_NO_MEMORY:
	case ST_DISK_FULL: return "resource_exhausted";
	case ST_IO:
	case ST_UNAVAILABLE: return "unavailable";
	case ST_DEADLINE: return "deadline_exceeded";
	case ST_CANCELLED: return "cancelled";
	case ST_CORRUPT: return "data_loss";
	case ST_UNIMPLEMENTED: return "unimplemented";
	case ST_INTERNAL: return "internal";
	}
	return "internal";
}

void
must_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: must hold: %s; stopping before bad data is written\n", file, line,
			what);
	abort();
}
