#include "store/series_int.h"

#include <string.h>

#include "base/mem.h"

// ---- tags of a batch ----

static bool
is_text(TypeId type)
{
	return type == TYPE_UTF8 || type == TYPE_BINARY;
}

static TagReader
reader_of_column(const Column *column, TypeId type)
{
	return (TagReader){
		.type = type,
		.absent = type == TYPE_NULL || (column->length > 0 && column->null_count == column->length),
		.validity = column->null_count > 0 ? column->validity.data : NULL,
		.offsets = column->offsets.data,
		.values = column->values.data,
	};
}

Status
tag_readers_init(TagReaders *readers, const TableDef *def, const Shape *shape, const Batch *batch,
				 Error *err)
{
	readers->count = table_tag_count(def);
	readers->tags = mem_alloc_array((size_t)readers->count, sizeof(TagReader));
	if (readers->tags == NULL)
		return error_no_memory(err, "series");
	const Schema *schema = shape_schema(shape);
	for (int32_t i = 0; i < readers->count; i++) {
		uint32_t id = table_column_id(def, table_tag_column(def, i));
		readers->tags[i].absent = true;
		for (int32_t c = 0; c < schema_field_count(schema); c++)
			if (shape_column_id(shape, c) == id)
				readers->tags[i] =
					reader_of_column(batch_column(batch, c), schema_field(schema, c)->type.id);
	}
	return ST_OK;
}

void
tag_readers_close(TagReaders *readers)
{
	mem_free(readers->tags);
}

static inline bool
is_null(const TagReader *tag, int64_t row)
{
	return tag->absent || (tag->validity != NULL && !bit_get(tag->validity, row));
}

// ---- values ----

#define LOAD(T)                                                                                    \
	({                                                                                             \
		T v_;                                                                                      \
		memcpy(&v_, tag->values + (size_t)row * sizeof(T), sizeof(T));                             \
		v_;                                                                                        \
	})

// In the order of unsigned numbers.
static uint64_t
number_at(const TagReader *tag, int64_t row)
{
	const uint64_t sign = UINT64_C(1) << 63;
	switch (tag->type) {
	case TYPE_BOOL: return bit_get(tag->values, row);
	case TYPE_UINT8: return LOAD(uint8_t);
	case TYPE_UINT16: return LOAD(uint16_t);
	case TYPE_UINT32: return LOAD(uint32_t);
	case TYPE_UINT64: return LOAD(uint64_t);
	case TYPE_INT8: return (uint64_t)(int64_t)LOAD(int8_t) ^ sign;
	case TYPE_INT16: return (uint64_t)(int64_t)LOAD(int16_t) ^ sign;
	case TYPE_DATE32:
	case TYPE_INT32: return (uint64_t)(int64_t)LOAD(int32_t) ^ sign;
	default: return (uint64_t)LOAD(int64_t) ^ sign;
	}
}

static inline Slice
text_at(const TagReader *tag, int64_t row)
{
	int32_t ends[2];
	memcpy(ends, tag->offsets + 4 * (size_t)row, sizeof(ends));
	size_t len = (size_t)(ends[1] - ends[0]);
	return slice_of(len == 0 ? NULL : tag->values + ends[0], len);
}

static void
big_endian(uint64_t v, uint8_t out[8])
{
	v = __builtin_bswap64(v);
	memcpy(out, &v, sizeof(v));
}

void
series_key_encode(const TagReaders *readers, int64_t row, Buf *out)
{
	buf_reset(out);
	size_t end = 0;
	for (int32_t i = 0; i < readers->count; i++) {
		const TagReader *tag = &readers->tags[i];
		uint32_t len = NULL_TAG;
		if (is_null(tag, row)) {
			buf_add(out, &len, sizeof(len));
			continue;
		}
		uint8_t number[8];
		Slice value;
		if (is_text(tag->type)) {
			value = text_at(tag, row);
		} else {
			big_endian(number_at(tag, row), number);
			value = slice_of(number, sizeof(number));
		}
		len = (uint32_t)value.len;
		buf_add(out, &len, sizeof(len));
		buf_add_slice(out, value);
		end = out->len;
	}
	if (!out->failed)
		out->len = end;
}

// ---- comparing ----

#define EQUAL(T, at)                                                                               \
	({                                                                                             \
		T x_, y_;                                                                                  \
		memcpy(&x_, a + (at), sizeof(T));                                                          \
		memcpy(&y_, b + (at), sizeof(T));                                                          \
		x_ == y_;                                                                                  \
	})

// Tags are short: two loads that overlap are cheaper than a call.
static inline bool
equal_bytes(const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len > 16)
		return memcmp(a, b, len) == 0;
	if (len >= 8)
		return EQUAL(uint64_t, 0) && EQUAL(uint64_t, len - 8);
	if (len >= 4)
		return EQUAL(uint32_t, 0) && EQUAL(uint32_t, len - 4);
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

// The length at *p, NULL_TAG at the end too; *p is then at the bytes.
static inline uint32_t
next_length(const uint8_t **p, const uint8_t *end)
{
	uint32_t len = NULL_TAG;
	if (*p < end) {
		memcpy(&len, *p, sizeof(len));
		*p += sizeof(len);
	}
	return len;
}

bool
series_key_is_row(Slice key, const TagReaders *readers, int64_t row)
{
	const uint8_t *p = key.data, *end = key.data + key.len;
	for (int32_t i = 0; i < readers->count; i++) {
		const TagReader *tag = &readers->tags[i];
		uint32_t len = next_length(&p, end);
		if (is_null(tag, row) || len == NULL_TAG) {
			if (!is_null(tag, row) || len != NULL_TAG)
				return false;
			continue;
		}
		if (is_text(tag->type)) {
			Slice value = text_at(tag, row);
			if (value.len != len || !equal_bytes(value.data, p, len))
				return false;
		} else {
			uint64_t v;
			if (len != sizeof(v))
				return false;
			memcpy(&v, p, sizeof(v));
			if (__builtin_bswap64(v) != number_at(tag, row))
				return false;
		}
		p += len;
	}
	return p == end;
}

int
series_key_compare(Slice a, Slice b)
{
	const uint8_t *p = a.data, *p_end = a.data + a.len;
	const uint8_t *q = b.data, *q_end = b.data + b.len;
	while (p < p_end || q < q_end) {
		uint32_t m = next_length(&p, p_end), n = next_length(&q, q_end);
		if (m == NULL_TAG || n == NULL_TAG) {
			if (m != n)
				return m == NULL_TAG ? -1 : 1;
			continue;
		}
		int order = memcmp(p, q, m < n ? m : n);
		if (order != 0)
			return order;
		if (m != n)
			return m < n ? -1 : 1;
		p += m;
		q += n;
	}
	return 0;
}

bool
series_key_is_sound(Slice key)
{
	if (key.len == 0)
		return true;
	const uint8_t *p = key.data, *end = key.data + key.len;
	uint32_t len = 0;
	while (p < end) {
		if (end - p < 4)
			return false;
		len = next_length(&p, end);
		if (len != NULL_TAG && len > (size_t)(end - p))
			return false;
		p += len != NULL_TAG ? len : 0;
	}
	return len != NULL_TAG; // those at the end are left out
}
