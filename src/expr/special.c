// special.c - functions that bind their arguments in ways of their own.

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "expr/function_int.h"
#include "expr/text_int.h"
#include "expr/time_int.h"

static Status
refuse_count(Binder *b, int32_t position, const char *name)
{
	return error_set_at(b->err, ST_INVALID, position, "%s does not take so many arguments", name);
}

// ---- text of anything ----

static Status
all_texts(Binder *b, Node **args, int32_t count)
{
	for (int32_t i = 0; i < count; i++)
		TRY(node_cast(b, args[i], type_of(KIND_TEXT), &args[i]));
	return ST_OK;
}

static Status
bind_concat(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	if (count == 0)
		return refuse_count(b, position, "concat");
	TRY(all_texts(b, args, count));
	return node_call(b, NODE_FREE, type_of(KIND_TEXT), position, "concat", text_concat, 0, args,
					 count, out);
}

// Of two blobs a blob, of a NULL that nobody cast that.
static Status
bind_join(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	if (count != 2)
		return refuse_count(b, position, "||");
	for (int32_t i = 0; i < 2; i++) {
		if (args[i]->type.kind == KIND_NULL) {
			*out = args[i];
			return ST_OK;
		}
	}
	bool blobs = args[0]->type.kind == KIND_BLOB && args[1]->type.kind == KIND_BLOB;
	if (!blobs)
		TRY(all_texts(b, args, count));
	return node_call(b, NODE_CALL, type_of(blobs ? KIND_BLOB : KIND_TEXT), position, "||",
					 text_join, 0, args, count, out);
}

// ---- choice ----

static Status
bind_extreme(Binder *b, int32_t position, Node **args, int32_t count, bool greatest, Node **out)
{
	const char *name = greatest ? "greatest" : "least";
	if (count == 0)
		return refuse_count(b, position, name);
	Term type = term_of(args[0]);
	for (int32_t i = 1; i < count; i++)
		if (!term_max(type, term_of(args[i]), &type))
			return refuse_types(b, position, "there is no order of", type.type, args[i]->type);
	for (int32_t i = 0; i < count; i++)
		TRY(node_cast(b, args[i], type.type, &args[i]));
	return node_call(b, NODE_FREE, type.type, position, name, compare_extreme, greatest, args,
					 count, out);
}

static Status
bind_least(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	return bind_extreme(b, position, args, count, false, out);
}

static Status
bind_greatest(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	return bind_extreme(b, position, args, count, true, out);
}

// CASE WHEN x = y THEN NULL ELSE x END
static Status
bind_nullif(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	if (count != 2)
		return refuse_count(b, position, "nullif");
	Node *parts[3] = {NULL, NULL, args[0]};
	TRY(bind_compare(b, COMPARE_EQ, position, args[0], args[1], &parts[0]));
	TRY(node_value(b, type_of(KIND_NULL), NULL, position, &parts[1]));
	return bind_choice(b, parts, 3, position, out);
}

// ---- parts of times ----

// As a date, or as microseconds with or without a zone.
static Status
as_time(Binder *b, int32_t position, const char *name, bool dates, Node **arg)
{
	Kind kind = (*arg)->type.kind;
	if ((kind == KIND_DATE && dates) || kind == KIND_MICROS || kind == KIND_INSTANT)
		return ST_OK;
	if (kind == KIND_DATE || kind_in(kind, KINDS_STAMP))
		return node_cast(b, *arg, type_of(KIND_MICROS), arg);
	if (kind == KIND_SPAN) {
		char what[64];
		(void)snprintf(what, sizeof(what), "%.40s of an interval", name);
		return refuse_unbuilt(b, position, what);
	}
	char type[TYPE_TEXT];
	return error_set_at(b->err, ST_INVALID, position,
						"%s takes a date or timestamp and not %s; write a cast, as in x::TIMESTAMP",
						name, type_text((*arg)->type, type));
}

static Status
bind_part(Binder *b, int32_t position, TimePart part, Node *time, Node **out)
{
	TRY(as_time(b, position, "date_part", true, &time));
	bool epoch = part == PART_EPOCH;
	return node_call(b, NODE_CALL, type_of(epoch ? KIND_DOUBLE : KIND_INT64), position, "date_part",
					 epoch ? time_epoch : time_part_of, part, &time, 1, out);
}

static Status
read_part(Binder *b, int32_t position, Node *name, TimePart *out)
{
	Value value;
	if (name->type.kind != KIND_TEXT || !node_constant(name, &value))
		return refuse_unbuilt(b, position, "a part of time that is no constant");
	if (time_part(value.text, out))
		return ST_OK;
	char what[80];
	(void)snprintf(what, sizeof(what), "part '%.*s' of times",
				   (int)(value.text.len < 40 ? value.text.len : 40), (const char *)value.text.data);
	return refuse_unbuilt(b, position, what);
}

static Status
bind_date_part(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	TimePart part;
	if (count != 2)
		return refuse_count(b, position, "date_part");
	TRY(read_part(b, position, args[0], &part));
	return bind_part(b, position, part, args[1], out);
}

static Status
bind_date_trunc(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	TimePart part;
	if (count != 2)
		return refuse_count(b, position, "date_trunc");
	TRY(read_part(b, position, args[0], &part));
	TRY(as_time(b, position, "date_trunc", false, &args[1]));
	return node_call(b, NODE_CALL, args[1]->type, position, "date_trunc", time_truncate, part,
					 args + 1, 1, out);
}

#define PART_FUNCTION(name, part)                                                                  \
	static Status name(Binder *b, int32_t position, Node **args, int32_t count, Node **out)        \
	{                                                                                              \
		return count == 1 ? bind_part(b, position, part, args[0], out)                             \
						  : refuse_count(b, position, #part);                                      \
	}
PART_FUNCTION(bind_epoch, PART_EPOCH)
PART_FUNCTION(bind_microsecond, PART_MICROSECONDS)
PART_FUNCTION(bind_millisecond, PART_MILLISECONDS)
PART_FUNCTION(bind_second, PART_SECOND)
PART_FUNCTION(bind_minute, PART_MINUTE)
PART_FUNCTION(bind_hour, PART_HOUR)
PART_FUNCTION(bind_day, PART_DAY)
PART_FUNCTION(bind_week, PART_WEEK)
PART_FUNCTION(bind_month, PART_MONTH)
PART_FUNCTION(bind_quarter, PART_QUARTER)
PART_FUNCTION(bind_year, PART_YEAR)
PART_FUNCTION(bind_weekday, PART_WEEKDAY)
PART_FUNCTION(bind_iso_weekday, PART_ISO_WEEKDAY)
PART_FUNCTION(bind_year_day, PART_YEAR_DAY)

// Of timestamps; a number goes the other way round.
static Status
bind_units(Binder *b, int32_t position, Node **args, int32_t count, int64_t units, Node **out)
{
	if (count != 1)
		return refuse_count(b, position, "epoch_…");
	bool number = kind_in(args[0]->type.kind, KINDS_INTEGER) && units == 1000;
	if (number) {
		TRY(node_cast(b, args[0], type_of(KIND_INT64), &args[0]));
		return node_call(b, NODE_CALL, type_of(KIND_MICROS), position, "epoch_ms", time_from_units,
						 1000, args, 1, out);
	}
	if (units != 1000000000 || args[0]->type.kind != KIND_NANOS)
		TRY(as_time(b, position, "epoch_…", false, &args[0]));
	return node_call(b, NODE_CALL, type_of(KIND_INT64), position, "epoch_…", time_epoch_units,
					 units, args, 1, out);
}

static Status
bind_epoch_ms(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	return bind_units(b, position, args, count, 1000, out);
}

static Status
bind_epoch_us(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	return bind_units(b, position, args, count, 1000000, out);
}

static Status
bind_epoch_ns(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	return bind_units(b, position, args, count, 1000000000, out);
}

// x AT TIME ZONE 'UTC': the same microseconds, with a zone or without.
static Status
bind_timezone(Binder *b, int32_t position, Node **args, int32_t count, Node **out)
{
	Value zone;
	if (count != 2)
		return refuse_count(b, position, "timezone");
	if (args[0]->type.kind != KIND_TEXT || !node_constant(args[0], &zone) || zone.text.len != 3 ||
		strncasecmp((const char *)zone.text.data, "utc", 3) != 0)
		return refuse_unbuilt(b, position, "a time zone other than 'UTC'");
	TRY(as_time(b, position, "timezone", false, &args[1]));
	bool zoned = args[1]->type.kind == KIND_INSTANT;
	return node_cast(b, args[1], type_of(zoned ? KIND_MICROS : KIND_INSTANT), out);
}

const Special specials[] = {
	{"concat", bind_concat},
	{"||", bind_join},
	{"least", bind_least},
	{"greatest", bind_greatest},
	{"nullif", bind_nullif},
	{"date_part", bind_date_part},
	{"datepart", bind_date_part},
	{"date_trunc", bind_date_trunc},
	{"datetrunc", bind_date_trunc},
	{"timezone", bind_timezone},
	{"epoch", bind_epoch},
	{"epoch_ms", bind_epoch_ms},
	{"epoch_us", bind_epoch_us},
	{"epoch_ns", bind_epoch_ns},
	{"microsecond", bind_microsecond},
	{"millisecond", bind_millisecond},
	{"second", bind_second},
	{"minute", bind_minute},
	{"hour", bind_hour},
	{"day", bind_day},
	{"dayofmonth", bind_day},
	{"week", bind_week},
	{"weekofyear", bind_week},
	{"month", bind_month},
	{"quarter", bind_quarter},
	{"year", bind_year},
	{"dayofweek", bind_weekday},
	{"weekday", bind_weekday},
	{"isodow", bind_iso_weekday},
	{"dayofyear", bind_year_day},
};
const size_t special_count = COUNT_OF(specials);
