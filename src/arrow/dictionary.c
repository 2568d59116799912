#include "arrow/dictionary_int.h"

#include <assert.h>
#include <string.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "arrow/gather_int.h"
#include "arrow/owners_int.h"
#include "base/mem.h"

// An index as an unsigned number: negative ones come out larger than any dictionary.
#define INDEXES(T)                                                                                 \
	do {                                                                                           \
		const T *in_ = (const void *)indexes->values.data;                                         \
		for (int64_t i_ = 0; i_ < indexes->length; i_++)                                           \
			out[i_] = (uint64_t)in_[i_];                                                           \
		return;                                                                                    \
	} while (0)

static void
read_indexes(const Column *indexes, TypeId type, uint64_t *out)
{
	switch (type) {
	case TYPE_INT8: INDEXES(int8_t);
	case TYPE_INT16: INDEXES(int16_t);
	case TYPE_INT32: INDEXES(int32_t);
	case TYPE_INT64: INDEXES(int64_t);
	case TYPE_UINT8: INDEXES(uint8_t);
	case TYPE_UINT16: INDEXES(uint16_t);
	case TYPE_UINT32: INDEXES(uint32_t);
	default: INDEXES(uint64_t);
	}
}

// A RowRef is as wide as an index, so each takes its place.
static Status
make_order(const Field *field, const Column *dictionary, const Column *indexes, RowRef *order,
		   Error *err)
{
	uint64_t size = dictionary->length < UINT32_MAX ? (uint64_t)dictionary->length : UINT32_MAX;
	for (int64_t i = 0; i < indexes->length; i++) {
		uint64_t index;
		memcpy(&index, &order[i], sizeof(index));
		if (index >= size) {
			if (column_valid(indexes, i))
				return error_set(err, ST_INVALID, "column '%s': row %lld is not in its dictionary",
								 field->name, (long long)i);
			index = 0; // what lies behind a NULL is any value that exists
		}
		order[i] = (RowRef){0, (uint32_t)index};
	}
	return ST_OK;
}

// A row is valid where its index is and the value it points to.
static Status
merge_validity(const Column *indexes, BytesPool *pool, Owners *owners, Column *out, Error *err)
{
	if (indexes->null_count == 0)
		return ST_OK;
	if (out->null_count == 0) {
		out->validity = indexes->validity;
		out->null_count = indexes->null_count;
		return ST_OK;
	}
	size_t len = bits_bytes(out->length);
	uint8_t *bits = owners_buffer(owners, pool, len);
	if (bits == NULL)
		return error_no_memory(err, "a dictionary column");
	for (size_t i = 0; i < len; i++)
		bits[i] = indexes->validity.data[i] & out->validity.data[i];
	out->validity = slice_of(bits, len);
	out->null_count = out->length - bits_count(bits, out->length);
	return ST_OK;
}

Status
dictionary_decode(const Field *field, const Column *dictionary, TypeId index_type,
				  const Column *indexes, BytesPool *pool, Owners *owners, Column *out, Error *err)
{
	if (dictionary->length == 0 && indexes->null_count == indexes->length)
		return column_nulls(field, indexes->length, pool, owners, out, err);
	if (dictionary->length == 0)
		return error_set(err, ST_INVALID, "column '%s': its dictionary is empty", field->name);
	static_assert(sizeof(RowRef) == sizeof(uint64_t), "indexes are read in place");
	SCOPED(mem_drop)
	RowRef *order = mem_alloc_array((size_t)indexes->length + 1, sizeof(*order));
	if (order == NULL)
		return error_no_memory(err, "a dictionary column");
	read_indexes(indexes, index_type, (void *)order);
	TRY(make_order(field, dictionary, indexes, order, err));

	Gather gather = {order, indexes->length, 1, pool, owners, err};
	Column decoded;
	TRY(column_gather(&gather, field, &dictionary, &decoded));
	if (field->type.id != TYPE_NULL)
		TRY(merge_validity(indexes, pool, owners, &decoded, err));
	*out = decoded;
	return ST_OK;
}
