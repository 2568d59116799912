#include "arrow/builder.h"

#include <assert.h>
#include <string.h>

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "base/arena.h"
#include "base/mem.h"

#define BUFFER_ALIGNMENT 64

struct Builder {
	Schema *schema;
	BytesPool *pool;
	int32_t count;
	ColumnBuilder *columns;
	Arena arena; // of the column builders
};

static void
clear_column(ColumnBuilder *c)
{
	c->length = 0;
	c->null_count = 0;
	buf_reset(&c->validity);
	buf_reset(&c->offsets);
	buf_reset(&c->values);
	buf_add_zeros(&c->offsets, type_layout(&c->field->type).offset_bytes);
	for (int32_t i = 0; i < c->child_count; i++)
		clear_column(&c->children[i]);
}

static void
close_column(ColumnBuilder *c)
{
	buf_close(&c->validity);
	buf_close(&c->offsets);
	buf_close(&c->values);
	for (int32_t i = 0; i < c->child_count; i++)
		close_column(&c->children[i]);
}

static Status
init_column(Arena *arena, const Field *field, ColumnBuilder *c, Error *err)
{
	if (type_is_view(field->type.id))
		return error_set(err, ST_UNIMPLEMENTED,
						 "column '%s': views are not built, use the plain type", field->name);
	c->field = field;
	buf_add_zeros(&c->offsets, type_layout(&field->type).offset_bytes);
	if (field->child_count == 0)
		return ST_OK;
	ColumnBuilder *children = arena_array(arena, (size_t)field->child_count, sizeof(*children));
	if (children == NULL)
		return error_no_memory(err, "a batch builder");
	c->children = children;
	for (; c->child_count < field->child_count; c->child_count++)
		TRY(init_column(arena, &field->children[c->child_count], &children[c->child_count], err));
	return ST_OK;
}

Status
builder_new(Schema *schema, Builder **out, Error *err)
{
	SCOPED(builder_drop) Builder *builder = mem_alloc(sizeof(*builder));
	if (builder == NULL)
		return error_no_memory(err, "a batch builder");
	int32_t count = schema_field_count(schema);
	builder->schema = schema_ref(schema);
	builder->columns = arena_array(&builder->arena, (size_t)count, sizeof(ColumnBuilder));
	TRY(arena_status(&builder->arena, err, "a batch builder"));
	builder->count = count;
	for (int32_t i = 0; i < count; i++)
		TRY(init_column(&builder->arena, schema_field(schema, i), &builder->columns[i], err));

	*out = TAKE(builder);
	return ST_OK;
}

void
builder_free(Builder *builder)
{
	if (builder == NULL)
		return;
	for (int32_t i = 0; i < builder->count; i++)
		close_column(&builder->columns[i]);
	arena_close(&builder->arena);
	schema_unref(builder->schema);
	mem_free(builder);
}

void
builder_use_pool(Builder *builder, BytesPool *pool)
{
	builder->pool = pool;
}

ColumnBuilder *
builder_column(Builder *builder, int32_t i)
{
	assert(i >= 0 && i < builder->count);
	return &builder->columns[i];
}

int64_t
builder_rows(const Builder *builder)
{
	return builder->count > 0 ? builder->columns[0].length : 0;
}

static uint64_t
column_bytes(const ColumnBuilder *c)
{
	uint64_t bytes = c->validity.len + c->offsets.len + c->values.len;
	for (int32_t i = 0; i < c->child_count; i++)
		bytes += column_bytes(&c->children[i]);
	return bytes;
}

uint64_t
builder_bytes(const Builder *builder)
{
	uint64_t bytes = 0;
	for (int32_t i = 0; i < builder->count; i++)
		bytes += column_bytes(&builder->columns[i]);
	return bytes;
}

// How much one offset may say.
static Status
check_limit(const ColumnBuilder *c, const TypeLayout *layout, Error *err)
{
	uint64_t reach = layout->values ? c->values.len : (uint64_t)c->children[0].length;
	if (layout->offset_bytes == 4 && reach > INT32_MAX)
		return error_set(err, ST_LIMIT,
						 "column '%s': its values are more than the 2 GiB a batch can hold; use "
						 "smaller batches",
						 c->field->name);
	return ST_OK;
}

// All is there and of one length. *bytes grows by what the buffers take in one block.
static Status
check_column(const ColumnBuilder *c, int64_t rows, size_t *bytes, Error *err)
{
	TRY(buf_status(&c->validity, err, c->field->name));
	TRY(buf_status(&c->offsets, err, c->field->name));
	TRY(buf_status(&c->values, err, c->field->name));

	TypeLayout layout = type_layout(&c->field->type);
	bool whole = c->length == rows;
	if (layout.offset_bytes > 0) {
		TRY(check_limit(c, &layout, err));
		whole &= c->offsets.len == ((size_t)rows + 1) * layout.offset_bytes;
	} else if (layout.values) {
		whole &= c->values.len == values_bytes(&layout, rows);
	}
	if (c->null_count > 0 && layout.validity)
		whole &= c->validity.len == bits_bytes(rows);
	if (!whole)
		return error_set(err, ST_INTERNAL, "column '%s' was built with %lld rows and not %lld",
						 c->field->name, (long long)c->length, (long long)rows);

	const Buf *bufs[] = {&c->validity, &c->offsets, &c->values};
	for (size_t i = 0; i < COUNT_OF(bufs); i++)
		*bytes += (bufs[i]->len + BUFFER_ALIGNMENT - 1) & ~(size_t)(BUFFER_ALIGNMENT - 1);
	for (int32_t i = 0; i < c->child_count; i++) {
		const ColumnBuilder *child = &c->children[i];
		int64_t child_rows = c->field->type.id == TYPE_FIXED_LIST ? rows * c->field->type.width
							 : layout.offset_bytes > 0            ? child->length
																  : rows;
		TRY(check_column(child, child_rows, bytes, err));
	}
	return ST_OK;
}

static Slice
place_buffer(const Buf *buf, uint8_t **next)
{
	if (buf->len == 0)
		return slice_of(*next, 0);
	size_t padded = (buf->len + BUFFER_ALIGNMENT - 1) & ~(size_t)(BUFFER_ALIGNMENT - 1);
	Slice placed = slice_of(*next, buf->len);
	memcpy(*next, buf->data, buf->len);
	memset(*next + buf->len, 0, padded - buf->len);
	*next += padded;
	return placed;
}

static void
place_column(Arena *arena, const ColumnBuilder *c, uint8_t **next, Column *out)
{
	out->length = c->length;
	out->null_count = c->null_count;
	if (c->validity.len > 0)
		out->validity = place_buffer(&c->validity, next);
	if (c->offsets.len > 0)
		out->offsets = place_buffer(&c->offsets, next);
	if (type_layout(&c->field->type).values)
		out->values = place_buffer(&c->values, next);
	if (c->child_count == 0)
		return;
	out->children = arena_array(arena, (size_t)c->child_count, sizeof(Column));
	out->child_count = out->children == NULL ? 0 : c->child_count;
	for (int32_t i = 0; i < out->child_count; i++)
		place_column(arena, &c->children[i], next, &out->children[i]);
}

static Status
make_batch(const Builder *builder, int64_t rows, Batch **out, Error *err)
{
	size_t size = 0;
	for (int32_t i = 0; i < builder->count; i++)
		TRY(check_column(&builder->columns[i], rows, &size, err));
	SCOPED(bytes_drop) Bytes *block = bytes_new(builder->pool, size);
	if (block == NULL)
		return error_no_memory(err, "a batch");

	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Column *columns = arena_array(&arena, (size_t)builder->count, sizeof(*columns));
	uint8_t *next = bytes_data(block);
	for (int32_t i = 0; columns != NULL && i < builder->count; i++)
		place_column(&arena, &builder->columns[i], &next, &columns[i]);
	TRY(arena_status(&arena, err, "a batch"));
	return batch_new(builder->schema, rows, columns, &block, 1, out, err);
}

Status
builder_finish(Builder *builder, int64_t rows, Batch **out, Error *err)
{
	Status st =
		make_batch(builder, builder->count > 0 ? builder->columns[0].length : rows, out, err);
	for (int32_t i = 0; i < builder->count; i++)
		clear_column(&builder->columns[i]);
	return st;
}
