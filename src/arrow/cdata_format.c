#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrow/cdata_int.h"
#include "arrow/column_int.h"

// Formats that are whole, and those of timestamps up to the zone.
typedef struct Format {
	const char *text;
	TypeId id;
	TimeUnit unit;
} Format;

static const Format formats[] = {
	{"n", TYPE_NULL, 0},
	{"b", TYPE_BOOL, 0},
	{"c", TYPE_INT8, 0},
	{"s", TYPE_INT16, 0},
	{"i", TYPE_INT32, 0},
	{"l", TYPE_INT64, 0},
	{"C", TYPE_UINT8, 0},
	{"S", TYPE_UINT16, 0},
	{"I", TYPE_UINT32, 0},
	{"L", TYPE_UINT64, 0},
	{"e", TYPE_FLOAT16, 0},
	{"f", TYPE_FLOAT32, 0},
	{"g", TYPE_FLOAT64, 0},
	{"u", TYPE_UTF8, 0},
	{"U", TYPE_LARGE_UTF8, 0},
	{"vu", TYPE_UTF8_VIEW, 0},
	{"z", TYPE_BINARY, 0},
	{"Z", TYPE_LARGE_BINARY, 0},
	{"vz", TYPE_BINARY_VIEW, 0},
	{"tdD", TYPE_DATE32, 0},
	{"tdm", TYPE_DATE64, 0},
	{"tts", TYPE_TIME32, UNIT_S},
	{"ttm", TYPE_TIME32, UNIT_MS},
	{"ttu", TYPE_TIME64, UNIT_US},
	{"ttn", TYPE_TIME64, UNIT_NS},
	{"tss:", TYPE_TIMESTAMP, UNIT_S},
	{"tsm:", TYPE_TIMESTAMP, UNIT_MS},
	{"tsu:", TYPE_TIMESTAMP, UNIT_US},
	{"tsn:", TYPE_TIMESTAMP, UNIT_NS},
	{"tDs", TYPE_DURATION, UNIT_S},
	{"tDm", TYPE_DURATION, UNIT_MS},
	{"tDu", TYPE_DURATION, UNIT_US},
	{"tDn", TYPE_DURATION, UNIT_NS},
	{"tiM", TYPE_INTERVAL_MONTHS, 0},
	{"tiD", TYPE_INTERVAL_DAY_TIME, 0},
	{"tin", TYPE_INTERVAL_MONTH_DAY_NANO, 0},
	{"+l", TYPE_LIST, 0},
	{"+L", TYPE_LARGE_LIST, 0},
	{"+s", TYPE_STRUCT, 0},
	{"+m", TYPE_MAP, 0},
};

void
cdata_format(const Type *type, Buf *out)
{
	switch (type->id) {
	case TYPE_DECIMAL128: buf_add_printf(out, "d:%d,%d", type->precision, type->scale); return;
	case TYPE_FIXED_BINARY: buf_add_printf(out, "w:%d", type->width); return;
	case TYPE_FIXED_LIST: buf_add_printf(out, "+w:%d", type->width); return;
	default: break;
	}
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (formats[i].id == type->id &&
			(!type_has_unit(type->id) || formats[i].unit == type->unit)) {
			buf_add_text(out, formats[i].text);
			break;
		}
	}
	if (type->id == TYPE_TIMESTAMP && type->zone != NULL)
		buf_add_text(out, type->zone);
}

static bool
starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

// A number at *text, followed by `next`, which is stepped over unless it is the end.
static bool
read_number(const char **text, char next, int32_t *out)
{
	char *end = NULL;
	errno = 0;
	long value = strtol(*text, &end, 10);
	if (end == *text || errno != 0 || value < INT32_MIN || value > INT32_MAX || *end != next)
		return false;
	*text = next == '\0' ? end : end + 1;
	*out = (int32_t)value;
	return true;
}

static Status
not_a_format(const char *format, Error *err)
{
	return error_set(err, ST_INVALID, "'%s' is no Arrow format", format);
}

static Status
parse_decimal(const char *format, Type *out, Error *err)
{
	const char *at = format + 2;
	Type type = {.id = TYPE_DECIMAL128};
	int32_t bits = 128;
	if (!read_number(&at, ',', &type.precision))
		return not_a_format(format, err);
	bool plain = strchr(at, ',') == NULL;
	if (!read_number(&at, plain ? '\0' : ',', &type.scale) ||
		(!plain && !read_number(&at, '\0', &bits)))
		return not_a_format(format, err);
	if (bits != 128)
		return error_set(err, ST_UNIMPLEMENTED, "decimal%d is not kept; use decimal128", bits);
	*out = type;
	return ST_OK;
}

static Status
parse_width(const char *format, const char *number, TypeId id, Type *out, Error *err)
{
	Type type = {.id = id};
	if (!read_number(&number, '\0', &type.width))
		return not_a_format(format, err);
	*out = type;
	return ST_OK;
}

static const char *
unread(const char *format)
{
	if (starts_with(format, "+u"))
		return "unions";
	if (starts_with(format, "+r"))
		return "run-end encoded columns";
	if (starts_with(format, "+v"))
		return "list views";
	return NULL;
}

Status
cdata_format_parse(const char *format, Type *out, Error *err)
{
	if (starts_with(format, "d:"))
		return parse_decimal(format, out, err);
	if (starts_with(format, "w:"))
		return parse_width(format, format + 2, TYPE_FIXED_BINARY, out, err);
	if (starts_with(format, "+w:"))
		return parse_width(format, format + 3, TYPE_FIXED_LIST, out, err);
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		const Format *f = &formats[i];
		bool zoned = f->id == TYPE_TIMESTAMP;
		if (zoned ? !starts_with(format, f->text) : strcmp(format, f->text) != 0)
			continue;
		*out = (Type){.id = f->id, .unit = f->unit, .zone = zoned ? format + 4 : NULL};
		return ST_OK;
	}
	if (unread(format) != NULL)
		return error_set(err, ST_UNIMPLEMENTED, "%s are not read; use a plain type",
						 unread(format));
	return not_a_format(format, err);
}
