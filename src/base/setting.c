#include "base/setting.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

typedef struct Unit {
	const char *name;
	uint64_t factor;
} Unit;

static const Unit size_units[] = {
	{"", 1},
	{"B", 1},
	{"KB", 1000},
	{"MB", 1000 * 1000},
	{"GB", 1000 * 1000 * 1000},
	{"TB", 1000ull * 1000 * 1000 * 1000},
	{"KiB", 1ull << 10},
	{"MiB", 1ull << 20},
	{"GiB", 1ull << 30},
	{"TiB", 1ull << 40},
};

static const Unit time_units[] = {
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000 * 1000},
	{"s", 1000 * 1000 * 1000},
	{"m", 60ull * 1000 * 1000 * 1000},
	{"h", 3600ull * 1000 * 1000 * 1000},
	{"d", 86400ull * 1000 * 1000 * 1000},
	{"w", 7 * 86400ull * 1000 * 1000 * 1000},
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Reads digits; false when there are none or they do not fit.
static bool
scan_number(const char **text, uint64_t *out)
{
	const char *p = *text;
	uint64_t v = 0;
	for (; is_digit(*p); p++) {
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return false;
	}
	bool any = p > *text;
	*text = p;
	*out = v;
	return any;
}

// Reads letters and finds them among the units; NULL: unknown.
static const Unit *
scan_unit(const char **text, const Unit *units, size_t count, bool fold)
{
	const char *start = *text;
	while (is_letter(**text))
		++*text;
	Slice name = slice_of(start, (size_t)(*text - start));
	for (size_t i = 0; i < count; i++) {
		Slice unit = slice_text(units[i].name);
		if (fold ? text_equal_fold(name, unit) : slice_equal(name, unit))
			return &units[i];
	}
	return NULL;
}

Status
setting_parse_size(const char *text, uint64_t *out_bytes, Error *err)
{
	const char *p = text;
	uint64_t number;
	if (!scan_number(&p, &number))
		return error_set(err, ST_INVALID, "'%.64s' is no size; write 4096, 64MiB or 1GiB", text);
	while (*p == ' ')
		p++;
	const Unit *unit = scan_unit(&p, size_units, COUNT_OF(size_units), true);
	if (unit == NULL || *p != '\0')
		return error_set(err, ST_INVALID,
						 "'%.64s' has an unknown unit; use KiB, MiB, GiB, TiB or KB, MB, GB, TB",
						 text);
	if (__builtin_mul_overflow(number, unit->factor, &number))
		return error_set(err, ST_INVALID, "'%.64s' is more bytes than 64 bits can count", text);
	*out_bytes = number;
	return ST_OK;
}

// No unit begins with `at`, which stands behind a number.
static Status
refuse_unit(const char *text, char at, Error *err)
{
	if (at == '.' || at == ',')
		return error_set(err, ST_INVALID,
						 "'%.64s' has a fraction; write whole numbers, such as 1h30m for 1.5h",
						 text);
	if (at == ' ')
		return error_set(err, ST_INVALID,
						 "'%.64s' has a blank; write the unit next to its number, such as 30d",
						 text);
	return error_set(err, ST_INVALID, "'%.64s' needs a unit after each number: ns us ms s m h d w",
					 text);
}

Status
setting_parse_duration(const char *text, int64_t *out_ns, Error *err)
{
	const char *p = text;
	int64_t total = 0;
	do {
		uint64_t number;
		int64_t part;
		if (!scan_number(&p, &number))
			return error_set(err, ST_INVALID, "'%.64s' is no duration; write 10s, 500ms or 1h30m",
							 text);
		const Unit *unit = scan_unit(&p, time_units, COUNT_OF(time_units), false);
		if (unit == NULL)
			return refuse_unit(text, *p, err);
		if (__builtin_mul_overflow(number, unit->factor, &part) ||
			__builtin_add_overflow(total, part, &total))
			return error_set(err, ST_INVALID, "'%.64s' is longer than 292 years", text);
	} while (*p != '\0');
	*out_ns = total;
	return ST_OK;
}

void
setting_format_duration(int64_t ns, char out[DURATION_TEXT])
{
	uint64_t left = (uint64_t)ns;
	size_t at = 0;
	out[0] = '\0';
	// Weeks only by themselves: who says 30 days means neither four weeks nor two days more.
	size_t units = COUNT_OF(time_units);
	if (left % time_units[units - 1].factor != 0)
		units--;
	for (size_t i = units; i-- > 0 && left > 0;) {
		uint64_t count = left / time_units[i].factor;
		left %= time_units[i].factor;
		if (count > 0)
			at += (size_t)snprintf(out + at, DURATION_TEXT - at, "%llu%s",
								   (unsigned long long)count, time_units[i].name);
	}
}

Status
setting_parse_bool(const char *text, bool *out, Error *err)
{
	static const char *const yes[] = {"on", "true", "yes", "1"};
	static const char *const no[] = {"off", "false", "no", "0"};
	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		bool is_yes = text_equal_fold(slice_text(text), slice_text(yes[i]));
		if (is_yes || text_equal_fold(slice_text(text), slice_text(no[i]))) {
			*out = is_yes;
			return ST_OK;
		}
	}
	return error_set(err, ST_INVALID, "'%.64s' is neither yes nor no; write on or off", text);
}

Status
setting_parse_int(const char *text, int64_t *out, Error *err)
{
	const char *p = text;
	bool negative = *p == '-';
	if (negative || *p == '+')
		p++;
	uint64_t number;
	uint64_t most = (uint64_t)INT64_MAX + negative;
	if (!scan_number(&p, &number) || *p != '\0' || number > most)
		return error_set(err, ST_INVALID, "'%.64s' is no whole number of 64 bits", text);
	*out = negative ? (int64_t)(0 - number) : (int64_t)number;
	return ST_OK;
}

enum { NAME_MAX_COMPARED = 64 };

// Insertions, deletions and replacements that turn a into b, whatever the case.
static size_t
edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[NAME_MAX_COMPARED + 1];
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 0; i < a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i + 1;
		for (size_t j = 0; j < b_len; j++) {
			size_t best = diagonal + (text_fold((uint8_t)a[i]) != text_fold((uint8_t)b[j]));
			diagonal = row[j + 1];
			if (diagonal + 1 < best)
				best = diagonal + 1;
			if (row[j] + 1 < best)
				best = row[j] + 1;
			row[j + 1] = best;
		}
	}
	return row[b_len];
}

const char *
setting_propose(const char *wanted, const char *const *names, size_t count)
{
	size_t len = strlen(wanted);
	if (len > NAME_MAX_COMPARED)
		return NULL;
	// A third of the letters may differ; more is another word.
	size_t nearest = len / 3 + 2;
	const char *proposal = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t name_len = strlen(names[i]);
		if (name_len > NAME_MAX_COMPARED)
			continue;
		size_t distance = edit_distance(wanted, len, names[i], name_len);
		if (distance < nearest && distance < name_len) {
			nearest = distance;
			proposal = names[i];
		}
	}
	return proposal;
}
