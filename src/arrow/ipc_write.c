// Record batch messages (ipc_read.c has their layout). The body is a list of pieces: the batch's
// own buffers, each cut to what its rows need and followed by zeros up to a multiple of 64.

#include "arrow/ipc_write.h"

#include "arrow/bits.h"
#include "arrow/column_int.h"
#include "arrow/ipc_int.h"
#include "base/mem.h"

enum { BODY_ALIGNMENT = 64, TABLE_BYTES = 256 };
static const uint8_t zeros[BODY_ALIGNMENT]; // padding, and the offsets of no rows

typedef struct Counts {
	uint32_t nodes;
	uint32_t buffers;
	uint32_t variadic; // columns of views
} Counts;

typedef struct Output {
	FbWriter fb;
	size_t node; // places of the next ones
	size_t buffer;
	size_t variadic;
	IpcMessage *message;
	Bytes *owner;
} Output;

static void
count_column(const Field *field, const Column *column, Counts *counts)
{
	TypeLayout layout = type_layout(&field->type);
	counts->nodes++;
	counts->buffers += (uint32_t)layout.validity + (layout.offset_bytes > 0) + layout.values +
					   (uint32_t)column->variadic_count;
	counts->variadic += type_is_view(field->type.id);
	for (int32_t i = 0; i < column->child_count; i++)
		count_column(&field->children[i], &column->children[i], counts);
}

static void
put_i64(Output *o, size_t *place, int64_t value)
{
	fb_set_i64(&o->fb, *place, value);
	*place += sizeof(value);
}

static void
put_piece(Output *o, const uint8_t *data, size_t len, Bytes *owner)
{
	if (len == 0)
		return;
	o->message->body[o->message->body_count++] = (Piece){data, len, bytes_ref(owner)};
	o->message->body_len += len;
}

static void
put_buffer(Output *o, const uint8_t *data, size_t len)
{
	put_i64(o, &o->buffer, (int64_t)o->message->body_len);
	put_i64(o, &o->buffer, (int64_t)len);
	put_piece(o, data, len, data == zeros ? NULL : o->owner);
	put_piece(o, zeros, -len & (BODY_ALIGNMENT - 1), NULL);
}

static int64_t
nulls_of(const TypeLayout *layout, const Column *column, int64_t rows)
{
	if (!layout->validity)
		return rows;
	if (rows == column->length || column->null_count == 0)
		return column->null_count;
	return rows - bits_count(column->validity.data, rows);
}

// Returns the last offset: how many bytes or items the rows have.
static int64_t
put_offsets(Output *o, const TypeLayout *layout, const Column *column, int64_t rows)
{
	if (column->offsets.len == 0) { // no rows
		put_buffer(o, zeros, layout->offset_bytes);
		return 0;
	}
	put_buffer(o, column->offsets.data, (size_t)(rows + 1) * layout->offset_bytes);
	return column_offset(column, layout->offset_bytes, rows);
}

static void
put_column(Output *o, const Field *field, const Column *column, int64_t rows)
{
	TypeLayout layout = type_layout(&field->type);
	int64_t nulls = nulls_of(&layout, column, rows);
	put_i64(o, &o->node, rows);
	put_i64(o, &o->node, nulls);

	if (layout.validity)
		put_buffer(o, column->validity.data, nulls == 0 ? 0 : bits_bytes(rows));
	int64_t end = rows;
	if (layout.offset_bytes > 0)
		end = put_offsets(o, &layout, column, rows);
	if (layout.values)
		put_buffer(o, column->values.data,
				   layout.offset_bytes > 0 ? (size_t)end : values_bytes(&layout, rows));
	if (type_is_view(field->type.id))
		put_i64(o, &o->variadic, column->variadic_count);
	for (int32_t i = 0; i < column->variadic_count; i++)
		put_buffer(o, column->variadic[i].data, column->variadic[i].len);

	if (field->type.id == TYPE_FIXED_LIST)
		end = rows * field->type.width;
	for (int32_t i = 0; i < column->child_count; i++)
		put_column(o, &field->children[i], &column->children[i], end);
}

static void
put_batch(Output *o, const Schema *schema, const Batch *batch, const Counts *counts)
{
	const uint8_t slots[] = {8, 4, 4, 0, counts->variadic > 0 ? 4 : 0};
	FbNew head = ipc_head_write(&o->fb, IPC_BATCH);
	FbNew table = fb_put_table(&o->fb, fb_link(&head, MESSAGE_HEADER), slots, COUNT_OF(slots));
	fb_put_int(&o->fb, &table, BATCH_LENGTH, batch_rows(batch));
	o->node = fb_put_vector(&o->fb, fb_link(&table, BATCH_NODES), counts->nodes, NODE_BYTES);
	o->buffer =
		fb_put_vector(&o->fb, fb_link(&table, BATCH_BUFFERS), counts->buffers, BUFFER_BYTES);
	if (counts->variadic > 0)
		o->variadic =
			fb_put_vector(&o->fb, fb_link(&table, BATCH_VARIADIC_COUNTS), counts->variadic, 8);

	for (int32_t i = 0; i < schema_field_count(schema); i++)
		put_column(o, schema_field(schema, i), batch_column(batch, i), batch_rows(batch));
	fb_put_int(&o->fb, &head, MESSAGE_BODY_LENGTH, (int64_t)o->message->body_len);
	fb_end(&o->fb);
}

static void
release_batch(void *batch)
{
	batch_unref(batch);
}

Status
ipc_write_batch(Batch *batch, IpcMessage *out, Error *err)
{
	const Schema *schema = batch_schema(batch);
	Counts counts = {0};
	for (int32_t i = 0; i < schema_field_count(schema); i++)
		count_column(schema_field(schema, i), batch_column(batch, i), &counts);

	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	SCOPED(bytes_drop) Bytes *owner = bytes_wrap(NULL, 0, release_batch, batch);
	if (owner == NULL)
		return error_no_memory(err, "a record batch message");
	batch_ref(batch); // the owner's
	message.body = mem_alloc_array(2 * (size_t)counts.buffers + 1, sizeof(*message.body));
	if (message.body == NULL)
		return error_no_memory(err, "a record batch message");

	buf_reserve(&message.metadata, TABLE_BYTES + NODE_BYTES * (size_t)counts.nodes +
									   BUFFER_BYTES * (size_t)counts.buffers);
	Output o = {.fb = fb_writer(&message.metadata), .message = &message, .owner = owner};
	put_batch(&o, schema, batch, &counts);
	TRY(buf_status(&message.metadata, err, "a record batch message"));
	*out = message;
	message = (IpcMessage)IPC_MESSAGE_INIT;
	return ST_OK;
}

void
ipc_message_close(IpcMessage *message)
{
	for (int32_t i = 0; i < message->body_count; i++)
		bytes_unref(message->body[i].owner);
	mem_free(message->body);
	buf_close(&message->metadata);
	*message = (IpcMessage)IPC_MESSAGE_INIT;
}

Status
ipc_message_body(const IpcMessage *message, BytesPool *pool, Bytes **out, Error *err)
{
	Bytes *body = bytes_new(pool, message->body_len);
	if (body == NULL)
		return error_no_memory(err, "a batch's body");
	uint8_t *at = bytes_data(body);
	for (int32_t i = 0; i < message->body_count; i++) {
		memcpy(at, message->body[i].data, message->body[i].len);
		at += message->body[i].len;
	}
	*out = body;
	return ST_OK;
}
