// Each exported structure stands alone: it has a block of its own with all it points to, and a
// reference of the batch, so that a consumer may move children out and outlive the parent.

#include <string.h>

#include "arrow/cdata_int.h"
#include "arrow/column_int.h"
#include "base/mem.h"

static void
release_schema(struct ArrowSchema *schema)
{
	for (int64_t i = 0; i < schema->n_children; i++) {
		if (schema->children[i]->release != NULL)
			schema->children[i]->release(schema->children[i]);
	}
	mem_free(schema->private_data);
	*schema = (struct ArrowSchema){0};
}

static void
schema_scope_end(struct ArrowSchema *schema)
{
	if (schema->release != NULL)
		schema->release(schema);
}

// int32 count, then for each key and value int32 length and bytes.
static void
write_metadata(const KeyValue *metadata, int32_t count, Buf *out)
{
	buf_add_u32(out, (uint32_t)count);
	for (int32_t i = 0; i < count; i++) {
		const Slice parts[] = {metadata[i].key, metadata[i].value};
		for (size_t p = 0; p < COUNT_OF(parts); p++) {
			buf_add_u32(out, (uint32_t)parts[p].len);
			buf_add_slice(out, parts[p]);
		}
	}
}

// A node whose children are there, all zero: from now on its release undoes whatever follows.
static Status
begin_schema(const Field *field, struct ArrowSchema *out, Error *err)
{
	SCOPED(buf_close) Buf texts = BUF_INIT;
	cdata_format(&field->type, &texts);
	buf_add_byte(&texts, 0);
	size_t name_at = texts.len;
	buf_add(&texts, field->name, strlen(field->name) + 1);
	size_t metadata_at = texts.len;
	if (field->metadata_count > 0)
		write_metadata(field->metadata, field->metadata_count, &texts);
	TRY(buf_status(&texts, err, "an exported schema"));

	size_t n = (size_t)field->child_count;
	size_t head = n * (sizeof(struct ArrowSchema) + sizeof(struct ArrowSchema *));
	uint8_t *block = mem_alloc(head + texts.len);
	if (block == NULL)
		return error_no_memory(err, "an exported schema");
	struct ArrowSchema *children = (void *)block;
	struct ArrowSchema **pointers = (void *)(children + n);
	for (size_t i = 0; i < n; i++)
		pointers[i] = &children[i];
	char *copy = memcpy(block + head, texts.data, texts.len);
	*out = (struct ArrowSchema){
		.format = copy,
		.name = copy + name_at,
		.metadata = field->metadata_count > 0 ? copy + metadata_at : NULL,
		.flags = (field->nullable ? ARROW_FLAG_NULLABLE : 0) |
				 (field->type.keys_sorted ? ARROW_FLAG_MAP_KEYS_SORTED : 0),
		.n_children = field->child_count,
		.children = n > 0 ? pointers : NULL,
		.release = release_schema,
		.private_data = block,
	};
	return ST_OK;
}

static Status
export_field(const Field *field, struct ArrowSchema *out, Error *err)
{
	TRY(begin_schema(field, out, err));
	for (int32_t i = 0; i < field->child_count; i++)
		TRY(export_field(&field->children[i], out->children[i], err));
	return ST_OK;
}

Status
cdata_export_schema(const Schema *schema, struct ArrowSchema *out, Error *err)
{
	int32_t count = schema_field_count(schema);
	int32_t metadata_count = schema_metadata_count(schema);
	Field top = {
		.name = "",
		.type.id = TYPE_STRUCT,
		.child_count = count,
		.metadata_count = metadata_count,
		// Read only.
		.children = count > 0 ? (Field *)(uintptr_t)schema_field(schema, 0) : NULL,
		.metadata = metadata_count > 0 ? (KeyValue *)(uintptr_t)schema_metadata(schema, 0) : NULL,
	};
	SCOPED(schema_scope_end) struct ArrowSchema exported = {0};
	TRY(export_field(&top, &exported, err));
	*out = exported;
	exported.release = NULL;
	return ST_OK;
}

typedef struct ArrayBlock {
	Batch *batch;
	int64_t empty[2]; // what buffers without bytes point to
} ArrayBlock;

static void
release_array(struct ArrowArray *array)
{
	for (int64_t i = 0; i < array->n_children; i++) {
		if (array->children[i]->release != NULL)
			array->children[i]->release(array->children[i]);
	}
	ArrayBlock *block = array->private_data;
	batch_unref(block->batch);
	mem_free(block);
	*array = (struct ArrowArray){0};
}

static void
array_scope_end(struct ArrowArray *array)
{
	if (array->release != NULL)
		array->release(array);
}

static size_t
count_buffers(const Field *field, const Column *c)
{
	TypeLayout layout = type_layout(&field->type);
	size_t count = layout.validity ? 1 : 0;
	count += layout.offset_bytes > 0 ? 1 : 0;
	count += layout.values ? 1 : 0;
	if (type_is_view(field->type.id))
		count += (size_t)c->variadic_count + 1; // and their sizes
	return count;
}

static void
fill_buffers(const Field *field, const Column *c, ArrayBlock *block, const void **next,
			 int64_t *sizes)
{
	TypeLayout layout = type_layout(&field->type);
	if (layout.validity)
		*next++ = c->validity.data;
	if (layout.offset_bytes > 0)
		*next++ = c->offsets.data;
	if (layout.values)
		*next++ = c->values.data != NULL ? (const void *)c->values.data : block->empty;
	if (!type_is_view(field->type.id))
		return;
	for (int32_t v = 0; v < c->variadic_count; v++) {
		*next++ = c->variadic[v].data;
		sizes[v] = (int64_t)c->variadic[v].len;
	}
	*next = sizes;
}

static Status
begin_array(Batch *batch, const Field *field, const Column *c, struct ArrowArray *out, Error *err)
{
	size_t n = (size_t)c->child_count;
	size_t n_buffers = count_buffers(field, c);
	size_t children_size = n * (sizeof(struct ArrowArray) + sizeof(struct ArrowArray *));
	ArrayBlock *block = mem_alloc(sizeof(*block) + children_size + n_buffers * sizeof(void *) +
								  (size_t)c->variadic_count * sizeof(int64_t));
	if (block == NULL)
		return error_no_memory(err, "an exported batch");
	struct ArrowArray *children = (void *)(block + 1);
	struct ArrowArray **pointers = (void *)(children + n);
	const void **buffers = (void *)(pointers + n);
	for (size_t i = 0; i < n; i++)
		pointers[i] = &children[i];
	fill_buffers(field, c, block, buffers, (void *)(buffers + n_buffers));
	block->batch = batch_ref(batch);
	*out = (struct ArrowArray){
		.length = c->length,
		.null_count = c->null_count,
		.n_buffers = (int64_t)n_buffers,
		.n_children = c->child_count,
		.buffers = buffers,
		.children = n > 0 ? pointers : NULL,
		.release = release_array,
		.private_data = block,
	};
	return ST_OK;
}

static Status
export_column(Batch *batch, const Field *field, const Column *c, struct ArrowArray *out, Error *err)
{
	TRY(begin_array(batch, field, c, out, err));
	for (int32_t i = 0; i < c->child_count; i++)
		TRY(export_column(batch, &field->children[i], &c->children[i], out->children[i], err));
	return ST_OK;
}

Status
cdata_export_batch(Batch *batch, struct ArrowArray *out, Error *err)
{
	int32_t count = schema_field_count(batch_schema(batch));
	Field field = {.type.id = TYPE_STRUCT};
	Column top = {.length = batch_rows(batch), .child_count = count};
	SCOPED(array_scope_end) struct ArrowArray exported = {0};
	TRY(begin_array(batch, &field, &top, &exported, err));
	for (int32_t i = 0; i < count; i++)
		TRY(export_column(batch, schema_field(batch_schema(batch), i), batch_column(batch, i),
						  exported.children[i], err));
	*out = exported;
	exported.release = NULL;
	return ST_OK;
}
