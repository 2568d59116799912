// support.h - what the tests of this room share: schemas in one line, tables, a directory of their
// own.

#pragma once

#include "../temp_dir.h"
#include "arrow/convert.h"
#include "catalog/catalog.h"

// ---- schemas ----

static inline Field
field_of(const char *name, TypeId id)
{
	return (Field){.name = name,
				   .type = {.id = id, .unit = UNIT_NS, .precision = 10, .scale = 2, .width = 4},
				   .nullable = true};
}

static inline Field
dictionary_of(const char *name, TypeId id)
{
	Field field = field_of(name, id);
	field.dictionary = true;
	field.index_type = TYPE_INT32;
	return field;
}

static inline Schema *
schema_from(const Field *fields, int32_t count)
{
	Schema *schema = NULL;
	Error err = ERROR_INIT;
	ok(schema_new(fields, count, NULL, 0, &schema, &err), &err);
	return schema;
}

#define SCHEMA(...) schema_from((Field[]){__VA_ARGS__}, (int32_t)COUNT_OF(((Field[]){__VA_ARGS__})))

// ---- tables ----

static inline Status
any_field(const Field *field, Error *err)
{
	if (strcmp(field->name, "refused") == 0)
		return error_set(err, ST_UNIMPLEMENTED, "column '%s' is refused", field->name);
	return ST_OK;
}

// Takes the schema. It may have dictionary columns, as the wire has them.
static inline Status
create(Schema *wire, const char *tags, TableDef **out, Error *err)
{
	SCOPED(schema_drop) Schema *sent = wire;
	SCOPED(schema_drop) Schema *decoded = NULL;
	TRY(schema_decoded(sent, &decoded, err));
	TableRequest request = {.database = "mobius", .name = "t", .schema = decoded, .tags = tags};
	return table_def_create(&request, sent, 7, 1000, any_field, out, err);
}

static inline TableDef *
table_of(Schema *wire, const char *tags)
{
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(create(wire, tags, &def, &err), &err);
	return def;
}

// "time:time host:tag v:field"
static inline void
roles_are(const TableDef *def, const char *roles)
{
	Buf text = BUF_INIT;
	for (int32_t i = 0; i < table_column_count(def); i++)
		buf_add_printf(&text, "%s%s:%s", i > 0 ? " " : "", schema_field(table_schema(def), i)->name,
					   role_name(table_column_role(def, i)));
	assert_string_equal(buf_text(&text), roles);
	buf_close(&text);
}

static inline void
defs_equal(const TableDef *a, const TableDef *b)
{
	Buf x = BUF_INIT, y = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(a, &x, &err), &err);
	ok(table_def_encode(b, &y, &err), &err);
	assert_int_equal(x.len, y.len);
	assert_memory_equal(x.data, y.data, x.len);
	buf_close(&x);
	buf_close(&y);
}

// ---- a directory with a catalog ----

typedef struct CatalogDir {
	char path[64];
	char db[80];
} CatalogDir;

static inline CatalogDir
catalog_dir_new(void)
{
	CatalogDir dir;
	temp_dir_make(dir.path);
	snprintf(dir.db, sizeof(dir.db), "%s/catalog.db", dir.path);
	return dir;
}

static inline void
catalog_dir_drop(CatalogDir *dir)
{
	temp_dir_remove(dir->path);
}
