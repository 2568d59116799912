// The schema message:
//
//     Message { version, header type 1, header, body length 0 }
//     Schema  { endianness, fields: [Field], metadata: [KeyValue] }
//     Field   { name, nullable, type code, type, dictionary, children: [Field], metadata }
//
// and its encapsulated form: FF FF FF FF, i32 length, the message padded to 8.
//
// Many offsets may lead to one table, so a small message can describe a huge schema. Fields are
// counted against a limit, and so are the bytes a copy of everything would take.

#include <inttypes.h>
#include <string.h>

#include "arrow/ipc_int.h"
#include "arrow/ipc_write.h"
#include "base/reader.h"
#include "base/text.h"

enum { ENCAPSULATED = -1, COPY_FACTOR = 8, COPY_SLACK = 64 << 10 };

Status
ipc_damaged(Error *err)
{
	return error_set(err, ST_INVALID, "the IPC message is damaged: no valid flatbuffer");
}

Status
ipc_head_read(FbReader *r, IpcHead *out, Error *err)
{
	FbTable message = fb_root(r);
	int64_t version = fb_int(r, &message, MESSAGE_VERSION, 2, 0);
	int64_t kind = fb_int(r, &message, MESSAGE_HEADER_TYPE, 1, 0);
	int64_t body_len = fb_int(r, &message, MESSAGE_BODY_LENGTH, 8, 0);
	FbTable header = fb_table(r, &message, MESSAGE_HEADER);
	FbVector metadata = fb_vector(r, &message, MESSAGE_METADATA, 4);
	if (r->failed || header.pos == 0)
		return ipc_damaged(err);
	if (version < METADATA_V4 || version > METADATA_V5)
		return error_set(err, ST_UNIMPLEMENTED,
						 "IPC metadata V%" PRId64 " is not read, send V5 (Arrow 1.0 or later)",
						 version + 1);
	if (kind < IPC_SCHEMA || kind > IPC_BATCH)
		return error_set(err, ST_UNIMPLEMENTED,
						 "IPC message type %" PRId64 " is not read: only schemas, dictionaries and "
						 "record batches are",
						 kind);
	if (body_len < 0)
		return error_set(err, ST_INVALID, "the IPC message gives its body a negative length");
	*out = (IpcHead){(IpcKind)kind, version, (uint64_t)body_len, metadata.count > 0, header};
	return ST_OK;
}

FbNew
ipc_head_write(FbWriter *w, IpcKind kind)
{
	static const uint8_t slots[] = {2, 1, 4, 8};
	FbNew message = fb_put_table(w, FB_ROOT, slots, COUNT_OF(slots));
	fb_put_int(w, &message, MESSAGE_VERSION, METADATA_V5);
	fb_put_int(w, &message, MESSAGE_HEADER_TYPE, kind);
	return message;
}

Status
ipc_message_kind(Slice message, IpcKind *out, uint64_t *body_len, Error *err)
{
	FbReader r = fb_reader(message);
	IpcHead head;
	TRY(ipc_head_read(&r, &head, err));
	*out = head.kind;
	*body_len = head.body_len;
	return ST_OK;
}

// Reading. Fields and their texts are borrowed from the message; lists of them lie in the arena.

typedef struct SchemaReader {
	FbReader fb;
	Arena arena;
	int32_t fields_left;
	int32_t depth_left;
	size_t copy_left; // bytes
} SchemaReader;

static Status
take_copy(SchemaReader *s, size_t bytes, Error *err)
{
	if (bytes > s->copy_left)
		return error_set(err, ST_LIMIT,
						 "the schema is far larger than its message: it uses parts of it again "
						 "and again");
	s->copy_left -= bytes;
	return ST_OK;
}

static Status
read_metadata(SchemaReader *s, const FbTable *table, int slot, KeyValue **out, int32_t *count,
			  Error *err)
{
	FbVector pairs = fb_vector(&s->fb, table, slot, 4);
	TRY(take_copy(s, pairs.count * sizeof(KeyValue), err));
	KeyValue *metadata = arena_array(&s->arena, pairs.count, sizeof(*metadata));
	TRY(arena_status(&s->arena, err, "a schema"));
	for (uint32_t i = 0; i < pairs.count; i++) {
		FbTable pair = fb_element(&s->fb, &pairs, i);
		metadata[i].key = fb_string(&s->fb, &pair, KEY_VALUE_KEY);
		metadata[i].value = fb_string(&s->fb, &pair, KEY_VALUE_VALUE);
		TRY(take_copy(s, metadata[i].key.len + metadata[i].value.len, err));
	}
	*out = metadata;
	*count = (int32_t)pairs.count;
	return s->fb.failed ? ipc_damaged(err) : ST_OK;
}

static Status
read_name(SchemaReader *s, const FbTable *table, Field *out, Error *err)
{
	Slice name = fb_string(&s->fb, table, FIELD_NAME);
	if (s->fb.failed)
		return ipc_damaged(err);
	if (name.data == NULL)
		name = slice_text("");
	if (!utf8_valid(name.data, name.len) || memchr(name.data, '\0', name.len) != NULL)
		return error_set(err, ST_INVALID, "a column's name is not UTF-8 text");
	out->name = (const char *)name.data;
	return take_copy(s, name.len, err);
}

static Status
read_dictionary(SchemaReader *s, const FbTable *field, Field *out, Error *err)
{
	FbTable encoding = fb_table(&s->fb, field, FIELD_DICTIONARY);
	if (encoding.pos == 0)
		return s->fb.failed ? ipc_damaged(err) : ST_OK;
	out->dictionary = true;
	out->dictionary_id = fb_int(&s->fb, &encoding, ENCODING_ID, 8, 0);
	if (fb_int(&s->fb, &encoding, ENCODING_KIND, 2, 0) != 0)
		return error_set(err, ST_UNIMPLEMENTED,
						 "dictionaries of other kinds than dense arrays are "
						 "not read");
	return ipc_index_type_read(&s->fb, &encoding, &out->index_type, err);
}

static Status read_fields(SchemaReader *s, const FbTable *table, int slot, Field **out,
						  int32_t *count, Error *err);

static Status
read_parts(SchemaReader *s, const FbTable *table, Field *out, Error *err)
{
	TRY(ipc_type_read(&s->fb, table, &out->type, err));
	if (out->type.zone != NULL)
		TRY(take_copy(s, strlen(out->type.zone), err));
	TRY(read_dictionary(s, table, out, err));
	TRY(read_metadata(s, table, FIELD_METADATA, &out->metadata, &out->metadata_count, err));
	TRY(read_fields(s, table, FIELD_CHILDREN, &out->children, &out->child_count, err));
	if (out->type.id == TYPE_MAP && out->child_count == 1 && out->children[0].dictionary)
		return error_set(err, ST_INVALID, "a map's entries cannot be a dictionary");
	return ST_OK;
}

static Status
read_field(SchemaReader *s, const FbTable *table, Field *out, Error *err)
{
	TRY(read_name(s, table, out, err));
	out->nullable = fb_int(&s->fb, table, FIELD_NULLABLE, 1, 0) != 0;
	Status st = read_parts(s, table, out, err);
	if (st != ST_OK)
		(void)error_prefix(err, "column '%.64s'", out->name);
	return st;
}

static Status
read_fields(SchemaReader *s, const FbTable *table, int slot, Field **out, int32_t *count,
			Error *err)
{
	FbVector tables = fb_vector(&s->fb, table, slot, 4);
	if (tables.count > (uint32_t)s->fields_left)
		return error_set(err, ST_LIMIT, "the schema has too many columns");
	if (tables.count > 0 && s->depth_left == 0)
		return error_set(err, ST_LIMIT, "the types nest too deep");
	Field *fields = arena_array(&s->arena, tables.count, sizeof(*fields));
	TRY(arena_status(&s->arena, err, "a schema"));

	s->fields_left -= (int32_t)tables.count;
	s->depth_left--;
	for (uint32_t i = 0; i < tables.count; i++) {
		FbTable field = fb_element(&s->fb, &tables, i);
		TRY(read_field(s, &field, &fields[i], err));
	}
	s->depth_left++;
	*out = fields;
	*count = (int32_t)tables.count;
	return s->fb.failed ? ipc_damaged(err) : ST_OK;
}

static Status
read_schema(SchemaReader *s, Schema **out, Error *err)
{
	IpcHead head;
	TRY(ipc_head_read(&s->fb, &head, err));
	if (head.kind != IPC_SCHEMA)
		return error_set(err, ST_INVALID, "an IPC stream begins with a schema message");
	if (fb_int(&s->fb, &head.header, SCHEMA_ENDIANNESS, 2, 0) != 0)
		return error_set(err, ST_UNIMPLEMENTED, "big-endian data is not read");

	Field *fields;
	KeyValue *metadata;
	int32_t count, metadata_count;
	TRY(read_fields(s, &head.header, SCHEMA_FIELDS, &fields, &count, err));
	TRY(read_metadata(s, &head.header, SCHEMA_METADATA, &metadata, &metadata_count, err));
	return schema_new(fields, count, metadata, metadata_count, out, err);
}

Status
ipc_schema_read(Slice message, const IpcLimits *limits, Schema **out, Error *err)
{
	SchemaReader s = {
		.fb = fb_reader(message),
		.fields_left = limits->columns,
		.depth_left = limits->depth,
		.copy_left = COPY_FACTOR * message.len + COPY_SLACK,
	};
	Status st = read_schema(&s, out, err);
	arena_close(&s.arena);
	return st;
}

Status
ipc_schema_decode(Slice encapsulated, Schema **out, Error *err)
{
	// Before Arrow 0.15 the length came first.
	Reader r = reader_of(encapsulated);
	int32_t len = (int32_t)reader_u32(&r);
	if (len == ENCAPSULATED)
		len = (int32_t)reader_u32(&r);
	Slice message = len < 0 ? slice_of(NULL, 0) : reader_bytes(&r, (size_t)len);
	if (len <= 0 || r.failed)
		return error_set(err, ST_INVALID, "the schema is cut off: %zu bytes", encapsulated.len);

	const IpcLimits limits = IPC_LIMITS_DEFAULT;
	SCOPED(schema_drop) Schema *wire = NULL;
	TRY(ipc_schema_read(message, &limits, &wire, err));
	return schema_decoded(wire, out, err);
}

// Writing.

static void
write_metadata(FbWriter *w, size_t link, const KeyValue *metadata, int32_t count)
{
	static const uint8_t slots[] = {4, 4};
	size_t first = fb_put_vector(w, link, (uint32_t)count, 4);
	for (int32_t i = 0; i < count; i++) {
		FbNew pair = fb_put_table(w, first + 4 * (size_t)i, slots, COUNT_OF(slots));
		fb_put_string(w, fb_link(&pair, KEY_VALUE_KEY), metadata[i].key);
		fb_put_string(w, fb_link(&pair, KEY_VALUE_VALUE), metadata[i].value);
	}
}

static Status
write_field(FbWriter *w, size_t link, const Field *field, Error *err)
{
	if (field->dictionary)
		return error_set(err, ST_UNIMPLEMENTED, "column '%.64s': dictionaries are not written",
						 field->name);
	const uint8_t slots[] = {4, 1, 1, 4, 0, 4, field->metadata_count > 0 ? 4 : 0};
	FbNew table = fb_put_table(w, link, slots, COUNT_OF(slots));
	fb_put_int(w, &table, FIELD_NULLABLE, field->nullable);
	fb_put_int(w, &table, FIELD_TYPE_CODE, ipc_type_code(field->type.id));
	fb_put_string(w, fb_link(&table, FIELD_NAME), slice_text(field->name));
	ipc_type_write(w, fb_link(&table, FIELD_TYPE), &field->type);
	if (field->metadata_count > 0)
		write_metadata(w, fb_link(&table, FIELD_METADATA), field->metadata, field->metadata_count);

	uint32_t count = (uint32_t)field->child_count;
	size_t first = fb_put_vector(w, fb_link(&table, FIELD_CHILDREN), count, 4);
	for (uint32_t i = 0; i < count; i++)
		TRY(write_field(w, first + 4 * (size_t)i, &field->children[i], err));
	return ST_OK;
}

Status
ipc_write_schema(const Schema *schema, Buf *out, Error *err)
{
	FbWriter w = fb_writer(out);
	int32_t metadata_count = schema_metadata_count(schema);
	const uint8_t slots[] = {2, 4, metadata_count > 0 ? 4 : 0};
	FbNew head = ipc_head_write(&w, IPC_SCHEMA);
	FbNew table = fb_put_table(&w, fb_link(&head, MESSAGE_HEADER), slots, COUNT_OF(slots));
	if (metadata_count > 0)
		write_metadata(&w, fb_link(&table, SCHEMA_METADATA), schema_metadata(schema, 0),
					   metadata_count);

	uint32_t count = (uint32_t)schema_field_count(schema);
	size_t first = fb_put_vector(&w, fb_link(&table, SCHEMA_FIELDS), count, 4);
	for (uint32_t i = 0; i < count; i++)
		TRY(write_field(&w, first + 4 * (size_t)i, schema_field(schema, (int32_t)i), err));
	fb_end(&w);
	return buf_status(out, err, "a schema message");
}

Status
ipc_schema_encode(const Schema *schema, Buf *out, Error *err)
{
	buf_add_u32(out, (uint32_t)ENCAPSULATED);
	size_t len_at = out->len;
	buf_add_u32(out, 0);
	TRY(ipc_write_schema(schema, out, err));
	uint32_t len = (uint32_t)(out->len - len_at - sizeof(len));
	memcpy(out->data + len_at, &len, sizeof(len));
	return ST_OK;
}
