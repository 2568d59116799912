// table_codec.c - a table definition as bytes, in the log and in the catalog.
//
// Little-endian; texts and bytes are counted by a u32.
//
//     u32 format (3) · u32 id · u32 version · u32 kind · u32 durable · i64 created
//     i64 ttl (0: none; format 1 has no ttl) · u32 dedup (0: none, 1: last; from format 3 on)
//     u32 next column id · text database · text name
//     bytes schema (an Arrow IPC schema message) · u32 columns, then for each:
//     u32 column id · u32 role

#include <string.h>

#include "arrow/convert.h"
#include "arrow/ipc_read.h"
#include "arrow/ipc_write.h"
#include "base/mem.h"
#include "base/reader.h"
#include "catalog/table_def_int.h"

enum { FORMAT = 3, FORMAT_WITHOUT_DEDUP = 2, FORMAT_WITHOUT_TTL = 1 };

static void
add_counted(Buf *out, Slice bytes)
{
	buf_add_u32(out, (uint32_t)bytes.len);
	buf_add_slice(out, bytes);
}

Status
table_def_encode(const TableDef *def, Buf *out, Error *err)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	TRY(ipc_write_schema(def->schema, &schema, err));
	buf_add_u32(out, FORMAT);
	buf_add_u32(out, def->id);
	buf_add_u32(out, def->version);
	buf_add_u32(out, (uint32_t)def->kind);
	buf_add_u32(out, def->durable);
	buf_add_u64(out, (uint64_t)def->created_ns);
	buf_add_u64(out, (uint64_t)def->ttl_ns);
	buf_add_u32(out, def->replaces);
	buf_add_u32(out, def->next_column_id);
	add_counted(out, slice_text(def->database));
	add_counted(out, slice_text(def->name));
	add_counted(out, buf_slice(&schema));
	buf_add_u32(out, (uint32_t)table_column_count(def));
	for (int32_t i = 0; i < table_column_count(def); i++) {
		buf_add_u32(out, def->column_ids[i]);
		buf_add_u32(out, (uint32_t)def->roles[i]);
	}
	return buf_status(out, err, "a table definition");
}

static Status
bad(Error *err, const char *what)
{
	return error_set(err, ST_CORRUPT, "a table definition is damaged: %s", what);
}

static Status
read_text(Reader *r, char **out, Error *err)
{
	Slice text = reader_counted(r);
	if (r->failed || text.len == 0 || memchr(text.data, 0, text.len) != NULL)
		return bad(err, "a name");
	*out = mem_strndup((const char *)text.data, text.len);
	return *out == NULL ? error_no_memory(err, "a table") : ST_OK;
}

static Status
read_schema(Reader *r, Schema **out, Error *err)
{
	Slice message = reader_counted(r);
	if (r->failed)
		return bad(err, "its schema");
	IpcReader *reader = NULL;
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	Status st = ipc_reader_new(message, limits, NULL, &reader, err);
	if (st != ST_OK)
		return st == ST_NO_MEMORY ? st : bad(err, "its schema");
	*out = schema_ref(ipc_reader_schema(reader));
	ipc_reader_free(reader);
	return ST_OK;
}

// Ids rise, since columns are added at the end.
static Status
read_columns(Reader *r, TableDef *parts, uint32_t *ids, ColumnRole *roles, Error *err)
{
	uint32_t before = 0;
	for (int32_t i = 0; i < schema_field_count(parts->schema); i++) {
		ids[i] = reader_u32(r);
		uint32_t role = reader_u32(r);
		if (r->failed || role > ROLE_KEY || ids[i] <= before || ids[i] >= parts->next_column_id)
			return bad(err, "its columns");
		before = ids[i];
		roles[i] = (ColumnRole)role;
	}
	if (reader_left(r) != 0)
		return bad(err, "bytes behind its end");
	parts->column_ids = ids;
	parts->roles = roles;
	return ST_OK;
}

// Who reads rows relies on time and tags being of their types.
static Status
check_roles(const TableDef *parts, Error *err)
{
	int32_t times = 0, keys = 0;
	for (int32_t i = 0; i < schema_field_count(parts->schema); i++) {
		const Field *field = schema_field(parts->schema, i);
		times += parts->roles[i] == ROLE_TIME;
		keys += parts->roles[i] == ROLE_KEY;
		if ((parts->roles[i] == ROLE_KEY && field->type.id != TYPE_INT64) ||
			(parts->roles[i] == ROLE_TIME && field->type.id != TYPE_TIMESTAMP) ||
			(parts->roles[i] == ROLE_TAG && !field_can_be_tag(field)))
			return bad(err, "the type of a column");
	}
	bool fits = parts->kind == TABLE_SERIES ? times == 1 : times <= 1;
	if (parts->ttl_ns < 0 || (parts->ttl_ns > 0 && times == 0))
		return bad(err, "its ttl");
	bool entities = parts->kind == TABLE_ENTITY;
	if (keys != entities || (entities && (times > 0 || !parts->replaces)) ||
		(parts->replaces && times == 0 && keys == 0))
		return bad(err, "its key");
	return fits ? ST_OK : bad(err, "its time column");
}

static Status
check_parts(const TableDef *parts, Error *err)
{
	if (parts->id == 0 || parts->version == 0)
		return bad(err, "its head");
	if (database_name_check(parts->database, NULL) != ST_OK ||
		name_check("table", parts->name, NULL) != ST_OK)
		return bad(err, "a name");
	SCOPED(schema_drop) Schema *canonical = NULL;
	Status st = schema_canonical(parts->schema, &canonical, NULL);
	if (st == ST_NO_MEMORY)
		return error_no_memory(err, "a table");
	if (st != ST_OK || !schema_equal(parts->schema, canonical))
		return bad(err, "its schema");
	return check_roles(parts, err);
}

Status
table_def_decode(Slice bytes, TableDef **out, Error *err)
{
	Reader r = reader_of(bytes);
	uint32_t format = reader_u32(&r);
	if (format < FORMAT_WITHOUT_TTL || format > FORMAT)
		return bad(err, "an unknown format");
	TableDef parts = {.id = reader_u32(&r), .version = reader_u32(&r)};
	uint32_t kind = reader_u32(&r);
	parts.durable = reader_u32(&r) != 0;
	parts.created_ns = (int64_t)reader_u64(&r);
	parts.ttl_ns = format > FORMAT_WITHOUT_TTL ? (int64_t)reader_u64(&r) : 0;
	parts.replaces = format > FORMAT_WITHOUT_DEDUP && reader_u32(&r) != 0;
	parts.next_column_id = reader_u32(&r);
	if (r.failed || kind > TABLE_ARCHIVE)
		return bad(err, "its head");
	parts.kind = (TableKind)kind;

	SCOPED(mem_drop) char *database = NULL, *name = NULL;
	TRY(read_text(&r, &database, err));
	TRY(read_text(&r, &name, err));
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(read_schema(&r, &schema, err));
	uint32_t count = reader_u32(&r);
	if (r.failed || count == 0 || count != (uint32_t)schema_field_count(schema))
		return bad(err, "its columns");
	parts.database = database;
	parts.name = name;
	parts.schema = schema;
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array(count, sizeof(*ids));
	SCOPED(mem_drop) ColumnRole *roles = mem_alloc_array(count, sizeof(*roles));
	if (ids == NULL || roles == NULL)
		return error_no_memory(err, "a table");
	TRY(read_columns(&r, &parts, ids, roles, err));
	TRY(check_parts(&parts, err));
	return table_def_build(&parts, out, err);
}
