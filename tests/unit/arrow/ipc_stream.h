// ipc_stream.h - for tests: IPC streams taken apart and put together, and batches as text.

#pragma once

#include <inttypes.h>
#include <stdio.h>

#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "support.h"

// Cuts the next message off a stream. False at its end, also where it is cut off.
static inline bool
stream_next(Slice *stream, Slice *message, Slice *body)
{
	uint32_t head[2];
	if (stream->len < sizeof(head))
		return false;
	memcpy(head, stream->data, sizeof(head));
	size_t left = stream->len - sizeof(head);
	if (head[0] != UINT32_MAX || head[1] == 0 || head[1] > left)
		return false;
	*message = slice_of(stream->data + sizeof(head), head[1]);
	left -= head[1];
	IpcKind kind;
	uint64_t body_len;
	if (ipc_message_kind(*message, &kind, &body_len, NULL) != ST_OK || body_len > left)
		return false;
	*body = slice_of(message->data + message->len, body_len);
	*stream = slice_of(body->data + body_len, left - body_len);
	return true;
}

static inline void
text_bytes(Buf *out, Slice value, bool text)
{
	if (text) {
		buf_add_text(out, "'");
		buf_add_slice(out, value);
		buf_add_text(out, "'");
		return;
	}
	for (size_t i = 0; i < value.len; i++)
		buf_add_printf(out, "%02x", value.data[i]);
	buf_add_text(out, "h");
}

static inline int64_t
offset_at(const Column *c, int bytes, int64_t i)
{
	return bytes == 4 ? ((const int32_t *)(const void *)c->offsets.data)[i]
					  : ((const int64_t *)(const void *)c->offsets.data)[i];
}

static inline Slice
view_at(const Column *c, int64_t i)
{
	int32_t view[4];
	memcpy(view, c->values.data + 16 * i, sizeof(view));
	if (view[0] <= 12)
		return slice_of(c->values.data + 16 * i + 4, (size_t)view[0]);
	return slice_of(c->variadic[view[2]].data + view[3], (size_t)view[0]);
}

static inline void
text_number(Buf *out, const Type *type, const uint8_t *at, int bits)
{
	int64_t words[2] = {0};
	memcpy(words, at, (size_t)bits / 8);
	int unused = bits < 64 ? 64 - bits : 0;
	int64_t number = (int64_t)((uint64_t)words[0] << unused) >> unused;
	int32_t single = (int32_t)number;
	float f;
	double d;
	memcpy(&f, at, sizeof(f) < (size_t)bits / 8 ? sizeof(f) : (size_t)bits / 8);
	memcpy(&d, words, sizeof(d));
	switch (type->id) {
	case TYPE_FLOAT32:
		memcpy(&f, &single, sizeof(f));
		buf_add_printf(out, "%g", (double)f);
		break;
	case TYPE_FLOAT64: buf_add_printf(out, "%g", d); break;
	case TYPE_FLOAT16:
	case TYPE_UINT8:
	case TYPE_UINT16:
	case TYPE_UINT32:
	case TYPE_UINT64: buf_add_printf(out, "%" PRIu64, (uint64_t)words[0]); break;
	case TYPE_DECIMAL128:
		buf_add_printf(out, "%016" PRIx64 "%016" PRIx64, words[1], words[0]);
		break;
	case TYPE_INTERVAL_DAY_TIME:
		buf_add_printf(out, "%d/%d", (int32_t)words[0], (int32_t)(words[0] >> 32));
		break;
	case TYPE_INTERVAL_MONTH_DAY_NANO:
		buf_add_printf(out, "%d/%d/%" PRId64, (int32_t)words[0], (int32_t)(words[0] >> 32),
					   words[1]);
		break;
	default: buf_add_printf(out, "%" PRId64, number); break;
	}
}

static inline void text_value(Buf *out, const Field *field, const Column *c, int64_t i);

static inline void
text_items(Buf *out, const Field *field, const Column *c, int64_t begin, int64_t end)
{
	buf_add_text(out, "[");
	for (int64_t i = begin; i < end; i++) {
		if (i > begin)
			buf_add_text(out, ", ");
		text_value(out, &field->children[0], &c->children[0], i);
	}
	buf_add_text(out, "]");
}

static inline void
text_struct(Buf *out, const Field *field, const Column *c, int64_t i)
{
	buf_add_text(out, "{");
	for (int32_t k = 0; k < c->child_count; k++) {
		if (k > 0)
			buf_add_text(out, ", ");
		text_value(out, &field->children[k], &c->children[k], i);
	}
	buf_add_text(out, "}");
}

static inline void
text_value(Buf *out, const Field *field, const Column *c, int64_t i)
{
	const Type *type = &field->type;
	TypeLayout layout = type_layout(type);
	int width = layout.offset_bytes;
	bool text = type->id == TYPE_UTF8 || type->id == TYPE_LARGE_UTF8 || type->id == TYPE_UTF8_VIEW;
	if (type->id == TYPE_NULL || !column_valid(c, i)) {
		buf_add_text(out, "null");
		return;
	}
	switch (type->id) {
	case TYPE_BOOL: buf_add_text(out, bit_get(c->values.data, i) ? "true" : "false"); break;
	case TYPE_UTF8:
	case TYPE_LARGE_UTF8:
	case TYPE_BINARY:
	case TYPE_LARGE_BINARY: {
		int64_t at = offset_at(c, width, i);
		text_bytes(out, slice_of(c->values.data + at, (size_t)(offset_at(c, width, i + 1) - at)),
				   text);
		break;
	}
	case TYPE_UTF8_VIEW:
	case TYPE_BINARY_VIEW: text_bytes(out, view_at(c, i), text); break;
	case TYPE_FIXED_BINARY:
		text_bytes(out, slice_of(c->values.data + i * type->width, (size_t)type->width), false);
		break;
	case TYPE_LIST:
	case TYPE_LARGE_LIST:
	case TYPE_MAP:
		text_items(out, field, c, offset_at(c, width, i), offset_at(c, width, i + 1));
		break;
	case TYPE_FIXED_LIST: text_items(out, field, c, i * type->width, (i + 1) * type->width); break;
	case TYPE_STRUCT: text_struct(out, field, c, i); break;
	default:
		text_number(out, type, c->values.data + i * layout.value_bits / 8, layout.value_bits);
		break;
	}
}

// As tests/golden/make_ipc.py writes it.
static inline void
text_batch(Buf *out, const Batch *batch, const Schema *schema)
{
	buf_add_printf(out, "rows %" PRId64 "\n", batch_rows(batch));
	for (int32_t i = 0; i < schema_field_count(schema); i++) {
		const Field *field = schema_field(schema, i);
		buf_add_printf(out, "%s:", field->name);
		for (int64_t row = 0; row < batch_rows(batch); row++) {
			buf_add_text(out, " ");
			text_value(out, field, batch_column(batch, i), row);
		}
		buf_add_text(out, "\n");
	}
}

// A reader for a stream, of which it takes the schema.
static inline Status
stream_open(Slice *stream, IpcReader **out, Error *err)
{
	const IpcLimits limits = {.decompressed_bytes = 1 << 20, .columns = 100, .depth = 10};
	Slice message, body;
	if (!stream_next(stream, &message, &body))
		return error_set(err, ST_INVALID, "no schema");
	return ipc_reader_new(message, limits, NULL, out, err);
}

// Reads a stream that lies in `owner` as far as it goes; text gets its batches.
static inline Status
stream_feed(IpcReader *reader, Slice stream, Bytes *owner, Buf *text, Error *err)
{
	Slice message, body;
	while (stream_next(&stream, &message, &body)) {
		SCOPED(batch_drop) Batch *batch = NULL;
		bool plain;
		TRY(ipc_reader_message(reader, message, body, owner, &batch, &plain, err));
		if (batch != NULL)
			text_batch(text, batch, ipc_reader_schema(reader));
	}
	return ST_OK;
}

static inline Status
stream_read(Slice stream, Bytes *owner, Buf *text, Error *err)
{
	SCOPED(ipc_reader_drop) IpcReader *reader = NULL;
	TRY(stream_open(&stream, &reader, err));
	return stream_feed(reader, stream, owner, text, err);
}

// Appends a message in its encapsulated form.
static inline void
stream_add(Buf *stream, Slice metadata, Slice body)
{
	buf_add_u32(stream, UINT32_MAX);
	buf_add_u32(stream, (uint32_t)metadata.len);
	buf_add_slice(stream, metadata);
	buf_add_slice(stream, body);
}

static inline Status
stream_add_batch(Buf *stream, Batch *batch, Error *err)
{
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	SCOPED(bytes_drop) Bytes *body = NULL;
	TRY(ipc_write_batch(batch, &message, err));
	TRY(ipc_message_body(&message, NULL, &body, err));
	stream_add(stream, buf_slice(&message.metadata), bytes_slice(body));
	return buf_status(stream, err, "a stream");
}

static inline Status
stream_add_schema(Buf *stream, const Schema *schema, Error *err)
{
	return ipc_schema_encode(schema, stream, err);
}

// A committed file, found from any build directory. The name is "ipc/lz4.arrows".
static inline Bytes *
golden_read(const char *name)
{
	static const char *const folders[] = {"tests/golden", "../tests/golden", "../../tests/golden",
										  "../../../tests/golden"};
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		char path[200];
		snprintf(path, sizeof(path), "%s/%s", folders[i], name);
		FILE *file = fopen(path, "rb");
		if (file == NULL)
			continue;
		Bytes *bytes = bytes_new(NULL, 1 << 16);
		bytes_truncate(bytes, fread(bytes_data(bytes), 1, bytes_len(bytes), file));
		fclose(file);
		return bytes;
	}
	fail_msg("no golden file %s", name);
	return NULL;
}
