#include "web/arrow_body.h"

#include <string.h>

#include "arrow/ipc_read.h"
#include "base/mem.h"

enum { BATCHES_MOST = 1 << 16 };

typedef struct Batches {
	Batch **list;
	int32_t count;
	int32_t cap;
	int64_t rows;
} Batches;

static void
batches_close(Batches *batches)
{
	for (int32_t i = 0; i < batches->count; i++)
		batch_unref(batches->list[i]);
	mem_free(batches->list);
}

// Takes the batch over, also when it fails.
static Status
keep(Batches *batches, Batch *batch, Error *err)
{
	SCOPED(batch_drop) Batch *owned = batch;
	if (batches->count == BATCHES_MOST)
		return error_set(err, ST_LIMIT, "the stream has more than %d batches", BATCHES_MOST);
	if (batches->count == batches->cap) {
		int32_t cap = batches->cap == 0 ? 8 : batches->cap * 2;
		void *grown = mem_resize(batches->list, (size_t)cap * sizeof(*batches->list));
		if (grown == NULL)
			return error_no_memory(err, "batches");
		batches->list = grown;
		batches->cap = cap;
	}
	batches->rows += batch_rows(batch);
	batches->list[batches->count++] = TAKE(owned);
	return ST_OK;
}

// ---- messages ----

static uint32_t
u32_at(Slice bytes, size_t at)
{
	uint32_t value;
	memcpy(&value, bytes.data + at, sizeof(value));
	return value;
}

static Slice
take(Slice *rest, size_t len)
{
	Slice taken = slice_of(rest->data, len);
	*rest = slice_of(rest->data + len, rest->len - len);
	return taken;
}

// The next message's flatbuffer and body; *more false: the stream ended.
static Status
next_message(Slice *rest, Slice *message, Slice *body, bool *more, Error *err)
{
	*more = rest->len > 0;
	if (rest->len == 0)
		return ST_OK; // without its end mark, which many writers leave out
	if (rest->len < 8 || u32_at(*rest, 0) != UINT32_MAX)
		return error_set(err, ST_INVALID,
						 "the body is no Arrow IPC stream, or cut short: a message does not begin "
						 "with FF FF FF FF and its length");
	size_t len = u32_at(*rest, 4);
	(void)take(rest, 8);
	*more = len > 0;
	if (len == 0)
		return rest->len == 0 ? ST_OK
							  : error_set(err, ST_INVALID, "something follows the stream's end");
	uint64_t body_len;
	if (len > rest->len)
		return error_set(err, ST_INVALID, "the stream is cut short");
	*message = take(rest, len);
	IpcKind kind;
	TRY(ipc_message_kind(*message, &kind, &body_len, err));
	if (body_len > rest->len)
		return error_set(err, ST_INVALID, "the stream is cut short");
	*body = take(rest, (size_t)body_len);
	return ST_OK;
}

static Status
read_message(IpcReader *reader, Slice message, Slice body, BytesPool *pool, Batches *batches,
			 Error *err)
{
	SCOPED(bytes_drop) Bytes *owner = bytes_copy(pool, body); // aligned, as it may not be here
	if (owner == NULL)
		return error_no_memory(err, "a batch");
	Batch *batch = NULL;
	bool plain;
	TRY(ipc_reader_message(reader, message, bytes_slice(owner), owner, &batch, &plain, err));
	return batch == NULL ? ST_OK : keep(batches, batch, err);
}

// ---- one batch ----

// The schema of the rows, with mobius.tags where dictionaries say which columns are tags.
static Status
schema_of_rows(const IpcReader *reader, Schema **out, Error *err)
{
	Schema *schema = ipc_reader_schema(reader), *wire = ipc_reader_wire_schema(reader);
	int32_t count = schema_field_count(schema), known = schema_metadata_count(wire);
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	SCOPED(buf_close) Buf tags = BUF_INIT;
	Field *fields = arena_array(&arena, (size_t)count + 1, sizeof(*fields));
	KeyValue *metadata = arena_array(&arena, (size_t)known + 1, sizeof(*metadata));
	TRY(arena_status(&arena, err, "a schema"));
	for (int32_t i = 0; i < count; i++) {
		fields[i] = *schema_field(schema, i);
		if (!schema_field(wire, i)->dictionary)
			continue;
		buf_add_text(&tags, tags.len > 0 ? "," : "");
		buf_add_text(&tags, fields[i].name);
	}
	TRY(buf_status(&tags, err, "tags"));
	for (int32_t i = 0; i < known; i++)
		metadata[i] = *schema_metadata(wire, i);
	Slice said;
	if (tags.len > 0 && !schema_metadata_get(wire, "mobius.tags", &said))
		metadata[known++] = (KeyValue){slice_text("mobius.tags"), buf_slice(&tags)};
	return schema_new(fields, count, metadata, known, out, err);
}

static Status
join(const Batches *batches, Schema *schema, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(mem_drop)
	RowRef *order = mem_alloc_array((size_t)batches->rows + 1, sizeof(*order));
	if (order == NULL)
		return error_no_memory(err, "rows");
	int64_t next = 0;
	for (int32_t i = 0; i < batches->count; i++)
		for (int64_t row = 0; row < batch_rows(batches->list[i]); row++)
			order[next++] = (RowRef){(uint32_t)i, (uint32_t)row};
	return batch_gather(batches->list, order, batches->rows, schema, pool, out, err);
}

Status
arrow_body_read(Slice stream, BytesPool *pool, Batch **out, Error *err)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	SCOPED(batches_close) Batches batches = {0};
	Slice message, body;
	bool more;
	TRY(next_message(&stream, &message, &body, &more, err));
	if (!more)
		return error_set(err, ST_INVALID,
						 "the body is empty: an Arrow stream begins with a schema");
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	TRY(ipc_reader_new(message, limits, pool, &reader, err));
	for (;;) {
		TRY(next_message(&stream, &message, &body, &more, err));
		if (!more)
			break;
		TRY(read_message(reader, message, body, pool, &batches, err));
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_of_rows(reader, &schema, err));
	return join(&batches, schema, pool, out, err);
}
