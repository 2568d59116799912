// The interface gives pointers without lengths: what can be checked are the numbers, and then, by
// column_validate, what the buffers hold. Offsets are stepped over; only bits that do not begin at
// a byte and values that are not aligned are copied.

#include <string.h>

#include "arrow/bits.h"
#include "arrow/cdata_int.h"
#include "arrow/column_int.h"
#include "arrow/dictionary_int.h"
#include "arrow/owners_int.h"
#include "base/mem.h"

#define LENGTH_LIMIT (INT64_C(1) << 40)

typedef struct Import {
	BytesPool *pool;
	Owners *owners;
	Error *err;
	size_t bytes; // of the buffers taken over
} Import;

static Status
no_memory(const Import *im, const Field *field)
{
	return error_set(im->err, ST_NO_MEMORY, "no memory for column '%s'", field->name);
}

static Status
bad_array(const Import *im, const Field *field, const char *why)
{
	return error_set(im->err, ST_INVALID, "column '%s': %s", field->name, why);
}

static Status
copy_bytes(Import *im, const Field *field, const uint8_t *data, size_t len, Slice *out)
{
	uint8_t *copy = owners_buffer(im->owners, im->pool, len);
	if (copy == NULL)
		return no_memory(im, field);
	memcpy(copy, data, len);
	*out = slice_of(copy, len);
	return ST_OK;
}

// A missing buffer is an empty one, which column_validate refuses where it must not be.
static Status
take_bytes(Import *im, const Field *field, const void *buffer, int64_t from, int64_t n,
		   size_t width, Slice *out)
{
	if (buffer == NULL) {
		*out = slice_of(NULL, 0);
		return ST_OK;
	}
	if (width > 0 && from + n > INT64_MAX / (int64_t)width)
		return bad_array(im, field, "its length is out of range");
	const uint8_t *data = (const uint8_t *)buffer + (size_t)from * width;
	size_t len = (size_t)n * width;
	if (field->type.id != TYPE_FIXED_BINARY && (uintptr_t)data % (width < 8 ? width : 8) != 0)
		return copy_bytes(im, field, data, len, out);
	im->bytes += len;
	*out = slice_of(data, len);
	return ST_OK;
}

static Status
take_bits(Import *im, const Field *field, const void *buffer, int64_t from, int64_t n, Slice *out)
{
	if (buffer == NULL || from % 8 == 0)
		return take_bytes(im, field, buffer, from / 8, (int64_t)bits_bytes(n), 1, out);
	size_t len = bits_bytes(n);
	uint8_t *copy = owners_buffer(im->owners, im->pool, len);
	if (copy == NULL)
		return no_memory(im, field);
	bits_copy(copy, 0, buffer, from, n);
	*out = slice_of(copy, len);
	return ST_OK;
}

// Numbers that must hold whatever the buffers are. `end` rows are needed.
static Status
check_array(const Import *im, const Field *field, const struct ArrowArray *array, int64_t children,
			int64_t end)
{
	if (array == NULL || array->release == NULL)
		return bad_array(im, field, "its array is missing or was moved away");
	if (array->length < 0 || array->offset < 0 || array->null_count < -1 ||
		array->length > LENGTH_LIMIT || array->offset > LENGTH_LIMIT)
		return bad_array(im, field, "its length, offset or null count is out of range");
	if (end > array->length)
		return bad_array(im, field, "its array is shorter than its parent's");
	if (array->n_children != children || (children > 0 && array->children == NULL))
		return bad_array(im, field, "its array has another number of children than its type");
	if ((array->dictionary != NULL) != field->dictionary)
		return bad_array(im, field, "only one of its array and its schema has a dictionary");
	if (array->n_buffers < 0 || array->n_buffers > INT32_MAX ||
		(array->n_buffers > 0 && array->buffers == NULL))
		return bad_array(im, field, "its buffers are missing");
	return ST_OK;
}

static Status
check_buffers(const Import *im, const Field *field, const struct ArrowArray *array)
{
	TypeLayout layout = type_layout(&field->type);
	bool views = type_is_view(field->type.id);
	int64_t want = (layout.validity ? 1 : 0) + (layout.offset_bytes > 0 ? 1 : 0) +
				   (layout.values ? 1 : 0) + (views ? 1 : 0);
	if (views ? array->n_buffers < want : array->n_buffers != want)
		return bad_array(im, field, "its array has another number of buffers than its type");
	return ST_OK;
}

static Status
take_variadic(Import *im, const Field *field, const struct ArrowArray *array, Column *out)
{
	int64_t count = array->n_buffers - 3;
	const uint8_t *sizes = array->buffers[array->n_buffers - 1];
	if (count > 0 && sizes == NULL)
		return bad_array(im, field, "the sizes of its data buffers are missing");
	out->variadic = owners_array(im->owners, (size_t)count, sizeof(Slice));
	if (out->variadic == NULL)
		return no_memory(im, field);
	for (int64_t i = 0; i < count; i++) {
		int64_t size;
		memcpy(&size, sizes + 8 * i, sizeof(size));
		if (size < 0)
			return bad_array(im, field, "a data buffer has a negative size");
		TRY(take_bytes(im, field, array->buffers[2 + i], 0, size, 1, &out->variadic[i]));
	}
	out->variadic_count = (int32_t)count;
	return ST_OK;
}

// Offsets, and the bytes up to the last of them.
static Status
take_variable(Import *im, const Field *field, const TypeLayout *layout,
			  const struct ArrowArray *array, int64_t from, Column *out)
{
	TRY(take_bytes(im, field, array->buffers[1], from, out->length + 1, layout->offset_bytes,
				   &out->offsets));
	if (!layout->values)
		return ST_OK;
	int64_t end =
		out->offsets.data == NULL ? 0 : column_offset(out, layout->offset_bytes, out->length);
	return take_bytes(im, field, array->buffers[2], 0, end < 0 ? 0 : end, 1, &out->values);
}

static Status
take_buffers(Import *im, const Field *field, const struct ArrowArray *array, int64_t from,
			 Column *out)
{
	TRY(check_buffers(im, field, array));
	TypeLayout layout = type_layout(&field->type);
	if (!layout.validity)
		return ST_OK;
	if (array->null_count > 0 && array->buffers[0] == NULL)
		return bad_array(im, field, "it has NULLs but no validity buffer");
	if (array->null_count != 0)
		TRY(take_bits(im, field, array->buffers[0], from, out->length, &out->validity));
	if (layout.offset_bytes > 0)
		return take_variable(im, field, &layout, array, from, out);
	if (!layout.values)
		return ST_OK;
	if (layout.value_bits == 1)
		return take_bits(im, field, array->buffers[1], from, out->length, &out->values);
	TRY(take_bytes(im, field, array->buffers[1], from, out->length, (size_t)layout.value_bits / 8,
				   &out->values));
	return type_is_view(field->type.id) ? take_variadic(im, field, array, out) : ST_OK;
}

static Status import_column(Import *im, const Field *field, const struct ArrowArray *array,
							int64_t skip, int64_t length, Column *out);

static Status
import_children(Import *im, const Field *field, const struct ArrowArray *array, int64_t from,
				Column *out)
{
	if (field->child_count == 0)
		return ST_OK;
	out->children = owners_array(im->owners, (size_t)field->child_count, sizeof(Column));
	if (out->children == NULL)
		return no_memory(im, field);
	out->child_count = field->child_count;
	int64_t width = field->type.id == TYPE_FIXED_LIST ? field->type.width : 1;
	int64_t skip = 0, length = 0;
	if (__builtin_mul_overflow(from, width, &skip) ||
		__builtin_mul_overflow(out->length, width, &length))
		return bad_array(im, field, "its length is out of range");
	for (int32_t i = 0; i < field->child_count; i++) {
		const struct ArrowArray *child = array->children[i];
		if (type_layout(&field->type).offset_bytes > 0) {
			skip = 0;
			length = child == NULL ? 0 : child->length;
		}
		TRY(import_column(im, &field->children[i], child, skip, length, &out->children[i]));
	}
	return ST_OK;
}

static Status
import_encoded(Import *im, const Field *field, const struct ArrowArray *array, int64_t from,
			   int64_t length, Column *out)
{
	Field index = {.name = field->name, .type.id = field->index_type};
	Field value = *field;
	value.dictionary = false;
	Column indexes = {.length = length};
	Column values;
	TRY(take_buffers(im, &index, array, from, &indexes));
	TRY(column_validate(&index, &indexes, im->err));
	TRY(import_column(im, &value, array->dictionary, 0, array->dictionary->length, &values));
	TRY(column_validate(&value, &values, im->err));
	return dictionary_decode(&value, &values, field->index_type, &indexes, im->pool, im->owners,
							 out, im->err);
}

// Rows [skip, skip + length) of the array.
static Status
import_column(Import *im, const Field *field, const struct ArrowArray *array, int64_t skip,
			  int64_t length, Column *out)
{
	int64_t end = 0;
	if (__builtin_add_overflow(skip, length, &end))
		end = INT64_MAX;
	TRY(check_array(im, field, array, field->dictionary ? 0 : field->child_count, end));
	int64_t from = array->offset + skip;
	if (field->dictionary)
		return import_encoded(im, field, array, from, length, out);
	*out = (Column){.length = length};
	TRY(take_buffers(im, field, array, from, out));
	return import_children(im, field, array, from, out);
}

// The top is a struct whose rows are those of the batch: none of them can be NULL.
static Status
check_top(const Import *im, const Field *top, const struct ArrowArray *array, int64_t columns)
{
	TRY(check_array(im, top, array, columns, array->length));
	if (array->n_buffers != 1)
		return bad_array(im, top, "a batch has one buffer, its validity");
	const uint8_t *bits = array->buffers[0];
	for (int64_t i = 0; bits != NULL && array->null_count != 0 && i < array->length; i++) {
		if (!bit_get(bits, array->offset + i))
			return bad_array(im, top, "a row of a batch is NULL as a whole");
	}
	return ST_OK;
}

static Status
import_columns(Import *im, const struct ArrowArray *array, const Schema *schema, Schema *decoded,
			   Column *columns)
{
	Field top = {.name = "", .type.id = TYPE_STRUCT};
	TRY(check_top(im, &top, array, schema_field_count(schema)));
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		TRY(import_column(im, schema_field(schema, i), array->children[i], array->offset,
						  array->length, &columns[i]));
		TRY(column_validate(schema_field(decoded, i), &columns[i], im->err));
	}
	return ST_OK;
}

static void
array_free(struct ArrowArray *array)
{
	if (array == NULL)
		return;
	if (array->release != NULL)
		array->release(array);
	mem_free(array);
}
DEFINE_DROP(struct ArrowArray, array_drop, array_free)

static void
array_release(void *arg)
{
	array_free(arg);
}

// Moves the array to the heap, where it lives as long as the batch.
static struct ArrowArray *
move_array(struct ArrowArray *array)
{
	struct ArrowArray *moved = mem_alloc(sizeof(*moved));
	if (moved != NULL) {
		*moved = *array;
		array->release = NULL;
	} else if (array->release != NULL) {
		array->release(array);
	}
	return moved;
}

Status
cdata_import_batch(struct ArrowArray *array, Schema *schema, BytesPool *pool, Batch **out,
				   Error *err)
{
	SCOPED(array_drop) struct ArrowArray *moved = move_array(array);
	SCOPED(owners_drop) Owners *owners = owners_new();
	SCOPED(mem_drop)
	Column *columns = mem_alloc_array((size_t)schema_field_count(schema) + 1, sizeof(*columns));
	SCOPED(schema_drop) Schema *decoded = NULL;
	if (moved == NULL || owners == NULL || columns == NULL)
		return error_no_memory(err, "a batch");
	TRY(schema_decoded(schema, &decoded, err));
	Import im = {.pool = pool, .owners = owners, .err = err};
	TRY(import_columns(&im, moved, schema, decoded, columns));

	Bytes *wrapped = bytes_wrap(NULL, im.bytes, array_release, moved);
	if (wrapped == NULL)
		return error_no_memory(err, "a batch");
	int64_t rows = moved->length;
	moved = NULL; // the wrapping releases it
	if (!owners_add(owners, wrapped))
		return error_no_memory(err, "a batch");
	int32_t owner_count = 0;
	Bytes *const *list = owners_list(owners, &owner_count);
	return batch_new(decoded, rows, columns, list, owner_count, out, err);
}
