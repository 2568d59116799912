// Each key column is made comparable once: to 64-bit words whose unsigned order is that of the
// values where they are that narrow, else it is compared where it lies.

#include "arrow/sort.h"

#include <assert.h>

#include "arrow/column_int.h"
#include "arrow/convert_int.h"
#include "arrow/merge_int.h"
#include "base/arena.h"
#include "base/mem.h"

typedef __int128 Int128;

typedef enum KeyKind { KEY_NONE, KEY_WORDS, KEY_WIDE, KEY_BYTES } KeyKind;

typedef struct Key {
	KeyKind kind;
	bool descending;
	Type type;
	const Column *column;
	const uint8_t *validity; // NULL: all valid
	uint64_t *words;
} Key;

typedef struct Keys {
	Key *keys;
	int32_t count;
} Keys;

// How values lie that compare as one number.
static TypeId
number_type(TypeId id)
{
	switch (id) {
	case TYPE_DATE32:
	case TYPE_TIME32:
	case TYPE_INTERVAL_MONTHS: return TYPE_INT32;
	case TYPE_DATE64:
	case TYPE_TIME64:
	case TYPE_TIMESTAMP:
	case TYPE_DURATION: return TYPE_INT64;
	default: return id >= TYPE_INT8 && id <= TYPE_FLOAT64 ? id : TYPE_NULL;
	}
}

#define SIGN_BIT (UINT64_C(1) << 63)

static uint64_t
word_of_double(uint64_t bits)
{
	double value;
	memcpy(&value, &bits, sizeof(value));
	if (value != value)
		return UINT64_MAX;
	if (value == 0)
		return SIGN_BIT; // both zeros
	return bits & SIGN_BIT ? ~bits : bits | SIGN_BIT;
}

static void
make_words(Key *key, TypeId number)
{
	const Column *c = key->column;
	bool is_unsigned = number >= TYPE_UINT8 && number <= TYPE_UINT64;
	bool is_float = number >= TYPE_FLOAT16;
	Type from = {.id = number};
	Type to = {.id = is_unsigned ? TYPE_UINT64 : is_float ? TYPE_FLOAT64 : TYPE_INT64};
	values_widen(&from, &to, c->values.data, c->length, key->words);
	for (int64_t i = 0; i < c->length; i++) {
		uint64_t word;
		memcpy(&word, &key->words[i], sizeof(word)); // it may have been stored as a double
		if (is_float)
			word = word_of_double(word);
		else if (!is_unsigned)
			word ^= SIGN_BIT;
		key->words[i] = key->descending ? ~word : word;
	}
}

static void
make_bool_words(Key *key)
{
	for (int64_t i = 0; i < key->column->length; i++)
		key->words[i] = bit_get(key->column->values.data, i) != key->descending ? 1 : 0;
}

static Status
make_key(Arena *arena, const Field *field, const Column *c, Key *key, Error *err)
{
	key->column = c;
	key->type = field->type;
	key->validity = c->null_count > 0 ? c->validity.data : NULL;
	TypeLayout layout = type_layout(&field->type);
	TypeId number = number_type(field->type.id);
	if (number != TYPE_NULL || field->type.id == TYPE_BOOL) {
		key->kind = KEY_WORDS;
		key->words = arena_array(arena, (size_t)c->length, sizeof(*key->words));
		if (key->words == NULL)
			return error_no_memory(err, "a sort");
		if (field->type.id == TYPE_BOOL)
			make_bool_words(key);
		else
			make_words(key, number);
		return ST_OK;
	}
	if (field->child_count > 0 || (layout.validity && !layout.values))
		return error_set(
			err, ST_UNIMPLEMENTED,
			"column '%s': rows are not sorted by nested values; sort by a plain column",
			field->name);
	if (field->type.id == TYPE_DECIMAL128 || field->type.id == TYPE_INTERVAL_DAY_TIME ||
		field->type.id == TYPE_INTERVAL_MONTH_DAY_NANO)
		key->kind = KEY_WIDE;
	else
		key->kind = field->type.id == TYPE_NULL ? KEY_NONE : KEY_BYTES;
	return ST_OK;
}

// An interval is compared as SQL does it: a month has 30 days, a day 24 hours.
static Int128
wide_value(const Key *key, uint32_t row)
{
	const uint8_t *values = key->column->values.data;
	if (key->type.id == TYPE_DECIMAL128) {
		Int128 value;
		memcpy(&value, values + 16 * (size_t)row, sizeof(value));
		return value;
	}
	if (key->type.id == TYPE_INTERVAL_DAY_TIME) {
		DayTime value = ((const DayTime *)(const void *)values)[row];
		return (Int128)value.days * MS_PER_DAY + value.ms;
	}
	MonthDayNano value = ((const MonthDayNano *)(const void *)values)[row];
	Int128 days = (Int128)value.months * 30 + value.days;
	return days * MS_PER_DAY * 1000000 + value.nanos;
}

// View is that of the row, kept by the caller: short values lie in it.
static Slice
bytes_value(const Key *key, uint32_t row, View *view)
{
	const Column *c = key->column;
	if (key->type.id == TYPE_FIXED_BINARY) {
		size_t width = (size_t)key->type.width;
		return slice_of(c->values.data + row * width, width);
	}
	if (type_is_view(key->type.id)) {
		*view = column_view(c, row);
		if (view->len <= (int32_t)sizeof(view->inlined))
			return slice_of(view->inlined, (size_t)view->len);
		return slice_of(c->variadic[view->buffer].data + view->offset, (size_t)view->len);
	}
	uint8_t width = type_layout(&key->type).offset_bytes;
	int64_t at = column_offset(c, width, row);
	return slice_of(c->values.data + at, (size_t)(column_offset(c, width, (int64_t)row + 1) - at));
}

static int
compare_bytes(const Key *key, uint32_t a, uint32_t b)
{
	View view_a, view_b;
	Slice x = bytes_value(key, a, &view_a);
	Slice y = bytes_value(key, b, &view_b);
	int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);
	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static int
compare_values(const Key *key, uint32_t a, uint32_t b)
{
	int order = 0;
	if (key->kind == KEY_WORDS) // which have the direction in them
		return (key->words[a] > key->words[b]) - (key->words[a] < key->words[b]);
	if (key->kind == KEY_WIDE) {
		Int128 x = wide_value(key, a);
		Int128 y = wide_value(key, b);
		order = (x > y) - (x < y);
	} else if (key->kind == KEY_BYTES) {
		order = compare_bytes(key, a, b);
	}
	return key->descending ? -order : order;
}

static bool
less_by_keys(const void *arg, uint32_t a, uint32_t b)
{
	const Keys *keys = arg;
	for (int32_t i = 0; i < keys->count; i++) {
		const Key *key = &keys->keys[i];
		if (key->validity != NULL) {
			bool valid_a = bit_get(key->validity, a);
			bool valid_b = bit_get(key->validity, b);
			if (valid_a != valid_b)
				return valid_b;
			if (!valid_a)
				continue;
		}
		int order = compare_values(key, a, b);
		if (order != 0)
			return order < 0;
	}
	return false;
}

static bool
less_by_words(const void *arg, uint32_t a, uint32_t b)
{
	const uint64_t *words = arg;
	return words[a] < words[b];
}

Status
batch_sort_order(const Batch *batch, const SortKey *keys, int32_t count, uint32_t *order,
				 Error *err)
{
	int64_t rows = batch_rows(batch);
	if (rows > UINT32_MAX)
		return error_set(err, ST_LIMIT, "%lld rows are too many to sort", (long long)rows);
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Keys all = {arena_array(&arena, (size_t)count, sizeof(*all.keys)), count};
	uint32_t *spare = arena_array(&arena, (size_t)rows, sizeof(*spare));
	TRY(arena_status(&arena, err, "a sort"));
	for (int32_t i = 0; i < count; i++) {
		all.keys[i].descending = keys[i].descending;
		TRY(make_key(&arena, schema_field(batch_schema(batch), keys[i].column),
					 batch_column(batch, keys[i].column), &all.keys[i], err));
	}

	for (uint32_t i = 0; i < (uint32_t)rows; i++)
		order[i] = i;
	if (count == 1 && all.keys[0].kind == KEY_WORDS && all.keys[0].validity == NULL)
		merge_sort(order, (size_t)rows, spare, less_by_words, all.keys[0].words);
	else
		merge_sort(order, (size_t)rows, spare, less_by_keys, &all);
	return ST_OK;
}

Status
batch_sort(Batch *batch, const SortKey *keys, int32_t count, BytesPool *pool, Batch **out,
		   Error *err)
{
	size_t rows = (size_t)batch_rows(batch);
	SCOPED(mem_drop) uint32_t *order = mem_alloc_array(rows + 1, sizeof(*order));
	if (order == NULL)
		return error_no_memory(err, "a sort");
	TRY(batch_sort_order(batch, keys, count, order, err));
	size_t same = 0;
	while (same < rows && order[same] == same)
		same++;
	if (same == rows) {
		*out = batch_ref(batch);
		return ST_OK;
	}

	SCOPED(mem_drop) RowRef *refs = mem_alloc_array(rows, sizeof(*refs));
	if (refs == NULL)
		return error_no_memory(err, "a sort");
	for (size_t i = 0; i < rows; i++)
		refs[i].row = order[i];
	return batch_gather(&batch, refs, (int64_t)rows, batch_schema(batch), pool, out, err);
}
