// Record batches, and the batches within dictionary messages:
//
//     RecordBatch     { length, nodes: [{length, nulls}], buffers: [{offset, length}], compression,
//                       variadic counts: [i64] }
//     DictionaryBatch { id, data: RecordBatch, delta }
//
// Nodes, buffers and counts come in the order in which a walk over the schema's fields meets them,
// parents first. The structure is checked here, values by column_validate.

#include <inttypes.h>
#include <string.h>

#include "arrow/ipc_int.h"
#include "arrow/owners_int.h"
#include "base/mem.h"

enum { ROWS_WITHOUT_BYTES = 1 << 24 }; // no buffer bounds columns of type null

struct IpcReader {
	IpcLimits limits;
	BytesPool *pool;
	Schema *wire;
	Schema *decoded;
	IpcDictionaries dictionaries;
	IpcCodecs codecs;
};

Status
ipc_reader_new(Slice message, IpcLimits limits, BytesPool *pool, IpcReader **out, Error *err)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = mem_alloc(sizeof(*reader));
	if (reader == NULL)
		return error_no_memory(err, "an IPC reader");
	reader->limits = limits;
	reader->pool = pool;
	TRY(ipc_schema_read(message, &limits, &reader->wire, err));
	TRY(schema_decoded(reader->wire, &reader->decoded, err));
	TRY(ipc_dictionaries_init(&reader->dictionaries, reader->wire, err));
	*out = TAKE(reader);
	return ST_OK;
}

void
ipc_reader_free(IpcReader *reader)
{
	if (reader == NULL)
		return;
	ipc_codecs_close(&reader->codecs);
	ipc_dictionaries_close(&reader->dictionaries);
	schema_unref(reader->decoded);
	schema_unref(reader->wire);
	mem_free(reader);
}

Schema *
ipc_reader_schema(const IpcReader *reader)
{
	return reader->decoded;
}

Schema *
ipc_reader_wire_schema(const IpcReader *reader)
{
	return reader->wire;
}

// One batch while it is read.
typedef struct Load {
	IpcReader *reader;
	FbVector nodes;
	FbVector counts;
	uint32_t node; // next ones
	uint32_t count;
	IpcBody body;
	uint64_t budget; // bytes this message may still become
	Owners *owners;  // also of Columns
	bool exact;      // the message's null counts are true
} Load;

static Status
take_variadic(Load *load, Column *out, Error *err)
{
	if (load->count == load->counts.count)
		return error_set(err, ST_INVALID, "the batch says too rarely how many buffers views have");
	int64_t count = ipc_get_i64(&load->counts, load->count++);
	if (count < 0 || count > load->body.buffers.count - load->body.next)
		return error_set(err, ST_INVALID, "the batch has too few buffers for its views");
	out->variadic = owners_array(load->owners, (size_t)count, sizeof(*out->variadic));
	if (out->variadic == NULL)
		return error_no_memory(err, "a batch");
	out->variadic_count = (int32_t)count;
	for (int64_t i = 0; i < count; i++)
		TRY(ipc_body_take(&load->body, &out->variadic[i], err));
	return ST_OK;
}

// The node and the buffers of one field, as the wire has them: indexes where it has a dictionary.
static Status
take_column(Load *load, const Field *field, const Type *type, Column *out, Error *err)
{
	if (load->node == load->nodes.count)
		return error_set(err, ST_INVALID, "the batch has fewer columns than its schema");
	int64_t length = ipc_get_i64(&load->nodes, 2 * (size_t)load->node++);
	if (length < 0 || length > INT32_MAX)
		return error_set(err, ST_INVALID, "it cannot have %" PRId64 " rows", length);
	uint64_t left = load->body.left;
	TypeLayout layout = type_layout(type);
	out->length = length;
	if (layout.validity)
		TRY(ipc_body_take(&load->body, &out->validity, err));
	if (out->validity.len == 0)
		out->validity.data = NULL; // all are valid
	if (layout.offset_bytes > 0)
		TRY(ipc_body_take(&load->body, &out->offsets, err));
	if (layout.values)
		TRY(ipc_body_take(&load->body, &out->values, err));
	if (!field->dictionary && (type->id == TYPE_UTF8_VIEW || type->id == TYPE_BINARY_VIEW))
		TRY(take_variadic(load, out, err));
	if (length > ROWS_WITHOUT_BYTES && left == load->body.left)
		return error_set(err, ST_LIMIT, "%" PRId64 " rows without a byte: at most %d are read",
						 length, ROWS_WITHOUT_BYTES);
	return ST_OK;
}

static Column *
new_columns(Load *load, int32_t count)
{
	return owners_array(load->owners, (size_t)count, sizeof(Column));
}

static Status
load_column(Load *load, const Field *field, Column *out, Error *err)
{
	const Type index = {.id = field->index_type};
	Status st = take_column(load, field, field->dictionary ? &index : &field->type, out, err);
	if (st != ST_OK)
		return error_prefix(err, "column '%.64s'", field->name);
	if (field->dictionary) {
		const IpcReader *reader = load->reader;
		return ipc_dictionary_decode(
			ipc_dictionary_find(&reader->dictionaries, field->dictionary_id), field, out,
			&load->budget, reader->pool, load->owners, err);
	}
	if (field->child_count == 0)
		return ST_OK;
	out->child_count = field->child_count;
	out->children = new_columns(load, field->child_count);
	if (out->children == NULL)
		return error_no_memory(err, "a batch");
	for (int32_t i = 0; i < field->child_count; i++)
		TRY(load_column(load, &field->children[i], &out->children[i], err));
	return ST_OK;
}

// Forgets bitmaps that say nothing, and compares null counts with those of the message.
static void
settle_column(Load *load, Column *column)
{
	if (load->node < load->nodes.count)
		load->exact &= column->null_count == ipc_get_i64(&load->nodes, 2 * (size_t)load->node + 1);
	load->node++;
	if (column->null_count == 0)
		column->validity = slice_of(NULL, 0);
	for (int32_t i = 0; i < column->child_count; i++)
		settle_column(load, &column->children[i]);
}

static Status
check_column(const Field *field, Column *column, int64_t rows, Error *err)
{
	if (column->length != rows)
		return error_set(err, ST_INVALID,
						 "column '%.64s': it has %" PRId64 " rows, the batch %" PRId64, field->name,
						 column->length, rows);
	// Decoded values were checked when the dictionary came.
	if (!field->dictionary)
		TRY(column_validate(field, column, err));
	if (!field->nullable && column->null_count > 0)
		return error_set(err, ST_INVALID,
						 "column '%.64s': it is declared as not null and has %" PRId64 " NULLs",
						 field->name, column->null_count);
	return ST_OK;
}

static Status
load_columns(Load *load, const Schema *wire, int64_t rows, Column *columns, Error *err)
{
	int32_t count = schema_field_count(wire);
	for (int32_t i = 0; i < count; i++)
		TRY(load_column(load, schema_field(wire, i), &columns[i], err));
	if (load->node != load->nodes.count || load->body.next != load->body.buffers.count ||
		load->count != load->counts.count)
		return error_set(err, ST_INVALID, "the batch has more columns or buffers than its schema");
	for (int32_t i = 0; i < count; i++)
		TRY(check_column(schema_field(wire, i), &columns[i], rows, err));
	load->node = 0;
	for (int32_t i = 0; i < count; i++)
		settle_column(load, &columns[i]);
	return ST_OK;
}

// Fills the load from the RecordBatch table; returns the rows it has.
static Status
open_load(Load *load, FbReader *fb, const FbTable *batch, int64_t *rows, Error *err)
{
	*rows = fb_int(fb, batch, BATCH_LENGTH, 8, 0);
	load->nodes = fb_vector(fb, batch, BATCH_NODES, NODE_BYTES);
	load->body.buffers = fb_vector(fb, batch, BATCH_BUFFERS, BUFFER_BYTES);
	load->counts = fb_vector(fb, batch, BATCH_VARIADIC_COUNTS, 8);
	FbTable compression = fb_table(fb, batch, BATCH_COMPRESSION);
	int64_t codec = fb_int(fb, &compression, COMPRESSION_CODEC, 1, CODEC_LZ4_FRAME);
	int64_t method = fb_int(fb, &compression, COMPRESSION_METHOD, 1, 0);
	if (fb->failed || batch->pos == 0)
		return ipc_damaged(err);
	if (method != 0 || codec < CODEC_LZ4_FRAME || codec > CODEC_ZSTD)
		return error_set(err, ST_UNIMPLEMENTED,
						 "this compression is not read: LZ4 frames and ZSTD "
						 "are");
	if (*rows < 0 || *rows > INT32_MAX || (load->nodes.count == 0 && *rows > ROWS_WITHOUT_BYTES))
		return error_set(err, ST_INVALID, "a batch cannot have %" PRId64 " rows", *rows);
	load->body.codec = compression.pos == 0 ? CODEC_NONE : codec;
	return ST_OK;
}

static Status
run_load(Load *load, FbReader *fb, const FbTable *table, Schema *wire, Schema *decoded, Slice body,
		 Bytes *owner, Batch **out, Error *err)
{
	load->owners = owners_new();
	if (load->owners == NULL)
		return error_no_memory(err, "a batch");
	int64_t rows;
	TRY(open_load(load, fb, table, &rows, err));
	IpcReader *reader = load->reader;
	TRY(ipc_body_open(&load->body, body, owner, reader->pool, load->owners, err));
	TRY(ipc_body_decompress(&load->body, &reader->codecs, reader->pool, load->owners, &load->budget,
							err));

	Column *columns = new_columns(load, schema_field_count(wire));
	if (columns == NULL)
		return error_no_memory(err, "a batch");
	TRY(load_columns(load, wire, rows, columns, err));
	int32_t owner_count;
	Bytes *const *owners = owners_list(load->owners, &owner_count);
	return batch_new(decoded, rows, columns, owners, owner_count, out, err);
}

// *exact: nothing was corrected or decompressed on the way.
static Status
load_batch(IpcReader *reader, FbReader *fb, const FbTable *table, Schema *wire, Schema *decoded,
		   Slice body, Bytes *owner, Batch **out, bool *exact, Error *err)
{
	Load load = {.reader = reader, .budget = reader->limits.decompressed_bytes, .exact = true};
	Status st = run_load(&load, fb, table, wire, decoded, body, owner, out, err);
	owners_free(load.owners);
	*exact = load.exact && load.body.codec == CODEC_NONE;
	return st;
}

static Status
read_dictionary(IpcReader *reader, FbReader *fb, const FbTable *table, Slice body, Bytes *owner,
				Error *err)
{
	int64_t id = fb_int(fb, table, DICTIONARY_ID, 8, 0);
	bool delta = fb_int(fb, table, DICTIONARY_DELTA, 1, 0) != 0;
	FbTable data = fb_table(fb, table, DICTIONARY_DATA);
	if (fb->failed)
		return ipc_damaged(err);
	IpcDictionary *d = ipc_dictionary_find(&reader->dictionaries, id);
	if (d == NULL)
		return error_set(err, ST_INVALID, "no column has a dictionary with id %" PRId64, id);

	SCOPED(batch_drop) Batch *values = NULL;
	SCOPED(schema_drop) Schema *decoded = NULL;
	bool exact;
	TRY(schema_decoded(ipc_dictionary_schema(d), &decoded, err));
	TRY(load_batch(reader, fb, &data, ipc_dictionary_schema(d), decoded, body, owner, &values,
				   &exact, err));
	return ipc_dictionary_put(&reader->dictionaries, d, values, delta,
							  reader->limits.decompressed_bytes, err);
}

Status
ipc_reader_message(IpcReader *reader, Slice message, Slice body, Bytes *owner, Batch **out,
				   bool *plain, Error *err)
{
	FbReader fb = fb_reader(message);
	IpcHead head;
	TRY(ipc_head_read(&fb, &head, err));
	if (head.kind == IPC_SCHEMA)
		return error_set(err, ST_INVALID, "a second schema in one IPC stream");
	if (head.body_len != body.len)
		return error_set(err, ST_INVALID,
						 "the IPC message speaks of a body of %" PRIu64 " bytes, it has %zu",
						 head.body_len, body.len);
	if (head.kind == IPC_DICTIONARY) {
		TRY(read_dictionary(reader, &fb, &head.header, body, owner, err));
		*out = NULL;
		*plain = false;
		return ST_OK;
	}
	bool exact;
	TRY(load_batch(reader, &fb, &head.header, reader->wire, reader->decoded, body, owner, out,
				   &exact, err));
	*plain =
		exact && !head.annotated && head.version == METADATA_V5 && reader->dictionaries.count == 0;
	return ST_OK;
}
