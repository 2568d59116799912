// Types as SQL text.

#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "duck/duck_int.h"

static const char *
timestamp_text(const Type *type)
{
	static const char *const by_unit[] = {"TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP",
										  "TIMESTAMP_NS"};
	bool instant = type_has_zone(type) && type->unit != UNIT_NS;
	return instant ? "TIMESTAMPTZ" : by_unit[type->unit];
}

// NULL: a type with parts, or none that tables keep.
static const char *
plain_text(const Type *type)
{
	switch (type->id) {
	case TYPE_NULL: return "INTEGER";
	case TYPE_BOOL: return "BOOLEAN";
	case TYPE_INT8: return "TINYINT";
	case TYPE_INT16: return "SMALLINT";
	case TYPE_INT32: return "INTEGER";
	case TYPE_DURATION:
	case TYPE_INT64: return "BIGINT";
	case TYPE_UINT8: return "UTINYINT";
	case TYPE_UINT16: return "USMALLINT";
	case TYPE_UINT32: return "UINTEGER";
	case TYPE_UINT64: return "UBIGINT";
	case TYPE_FLOAT32: return "FLOAT";
	case TYPE_FLOAT64: return "DOUBLE";
	case TYPE_UTF8: return "VARCHAR";
	case TYPE_BINARY: return "BLOB";
	case TYPE_DATE32: return "DATE";
	case TYPE_TIME64: return type->unit == UNIT_NS ? "TIME_NS" : "TIME";
	case TYPE_TIMESTAMP: return timestamp_text(type);
	case TYPE_INTERVAL_MONTH_DAY_NANO: return "INTERVAL";
	default: return NULL;
	}
}

static void
add_type(const Field *field, Buf *out)
{
	const char *plain = plain_text(&field->type);
	switch (field->type.id) {
	case TYPE_DECIMAL128:
		buf_add_printf(out, "DECIMAL(%d,%d)", field->type.precision, field->type.scale);
		break;
	case TYPE_LIST:
		add_type(&field->children[0], out);
		buf_add_text(out, "[]");
		break;
	case TYPE_FIXED_LIST:
		add_type(&field->children[0], out);
		buf_add_printf(out, "[%d]", field->type.width);
		break;
	case TYPE_STRUCT:
		for (int32_t i = 0; i < field->child_count; i++) {
			buf_add_text(out, i == 0 ? "STRUCT(" : ", ");
			text_quote(out, slice_text(field->children[i].name), '"');
			buf_add_byte(out, ' ');
			add_type(&field->children[i], out);
		}
		buf_add_byte(out, ')');
		break;
	case TYPE_MAP:
		buf_add_text(out, "MAP(");
		add_type(&field->children[0].children[0], out);
		buf_add_text(out, ", ");
		add_type(&field->children[0].children[1], out);
		buf_add_byte(out, ')');
		break;
	default: buf_add_text(out, plain != NULL ? plain : "VARCHAR"); break;
	}
}

Status
duck_sql_type(const Field *field, Buf *out, Error *err)
{
	TRY(duck_check_field(field, err));
	add_type(field, out);
	return buf_status(out, err, "a type");
}

// ---- types as users write them ----

// The text goes into a statement: it must not be able to end the cast it stands in.
static bool
looks_like_type(const char *text)
{
	int depth = 0;
	char quote = '\0'; // the one that is open
	for (const char *p = text; *p != '\0'; p++) {
		if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '\'' || *p == '"')
			quote = *p;
		else if (*p == '(' || *p == '[')
			depth++;
		else if ((*p == ')' || *p == ']') && depth-- == 0)
			return false;
		else if (strchr(";-/$?", *p) != NULL)
			return false;
	}
	return depth == 0 && quote == '\0' && text[0] != '\0';
}

static Status
refuse_type(const char *name, const char *type_text, const char *why, Error *err)
{
	return error_set(err, ST_INVALID, "column '%s': '%s' %s", name, type_text, why);
}

// Types that a result may have and a table may not.
static bool
is_wide_integer(duckdb_type id)
{
	return id == DUCKDB_TYPE_HUGEINT || id == DUCKDB_TYPE_UHUGEINT || id == DUCKDB_TYPE_BIGNUM;
}

// Arrow's name for a type that is kept as text; NULL: it is no such type.
static const char *
extension_of(duckdb_logical_type type)
{
	duckdb_type id = duckdb_get_type_id(type);
	if (id == DUCKDB_TYPE_UUID || id == DUCKDB_TYPE_ENUM)
		return "arrow.opaque";
	char *alias = duckdb_logical_type_get_alias(type);
	bool json = alias != NULL && strcmp(alias, "JSON") == 0;
	duckdb_free(alias);
	return json ? "arrow.json" : NULL;
}

static Status
mark_extension(duckdb_logical_type type, Arena *arena, Field *field, Error *err)
{
	const char *name = extension_of(type);
	if (name == NULL)
		return ST_OK;
	field->metadata = arena_array(arena, 1, sizeof(KeyValue));
	if (field->metadata == NULL)
		return error_no_memory(err, "a type");
	field->metadata[0] = (KeyValue){slice_text("ARROW:extension:name"), slice_text(name)};
	field->metadata_count = 1;
	return ST_OK;
}

Status
duck_field_of_type(DuckConn *conn, const char *name, const char *type_text, Field *out,
				   Arena *arena, Error *err)
{
	if (!looks_like_type(type_text))
		return refuse_type(name, type_text, "is not a type", err);
	SCOPED(buf_close) Buf sql = BUF_INIT;
	buf_add_printf(&sql, "SELECT CAST(NULL AS %s)", type_text);
	TRY(buf_status(&sql, err, "a type"));

	SCOPED(duckdb_destroy_prepare) duckdb_prepared_statement prepared = NULL;
	Status st = duck_prepare_one(conn, buf_text(&sql), &prepared, err);
	if (st == ST_INVALID)
		return refuse_type(name, type_text,
						   "is not a type; write BIGINT, DOUBLE, VARCHAR, BOOLEAN, TIMESTAMP or "
						   "another of DuckDB's names",
						   err);
	TRY(st);
	if (duckdb_prepared_statement_column_count(prepared) != 1)
		return refuse_type(name, type_text, "is not a type", err);
	SCOPED(duckdb_destroy_logical_type)
	duckdb_logical_type type = duckdb_prepared_statement_column_logical_type(prepared, 0);
	if (is_wide_integer(duckdb_get_type_id(type)))
		return refuse_type(name, type_text, "is not kept in tables; take BIGINT or DECIMAL(38,0)",
						   err);
	Field field = {0};
	TRY(duck_result_field(type, name, arena, &field, err));
	TRY(mark_extension(type, arena, &field, err));
	*out = field;
	return ST_OK;
}
