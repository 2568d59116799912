#include "flight/sql_listing.h"

#include <string.h>

#include "arrow/builder.h"
#include "base/mem.h"
#include "base/text.h"

struct SqlListing {
	SqlCommand command;
	Schema *schema;
	Builder *builder;
};

// ---- schemas ----

#define COLUMN(name_, type_, nullable_)                                                            \
	{                                                                                              \
		.name = name_, .type = {.id = type_}, .nullable = nullable_                                \
	}

static const Field CATALOGS[] = {COLUMN("catalog_name", TYPE_UTF8, false)};
static const Field DB_SCHEMAS[] = {COLUMN("catalog_name", TYPE_UTF8, true),
								   COLUMN("db_schema_name", TYPE_UTF8, false)};
static const Field TABLES[] = {
	COLUMN("catalog_name", TYPE_UTF8, true), COLUMN("db_schema_name", TYPE_UTF8, true),
	COLUMN("table_name", TYPE_UTF8, false), COLUMN("table_type", TYPE_UTF8, false),
	COLUMN("table_schema", TYPE_BINARY, false)};
static const Field TYPES[] = {COLUMN("table_type", TYPE_UTF8, false)};

static Status
make_schema(const SqlCommand *command, Schema **out, Error *err)
{
	switch (command->kind) {
	case SQL_GET_CATALOGS: return schema_new(CATALOGS, COUNT_OF(CATALOGS), NULL, 0, out, err);
	case SQL_GET_DB_SCHEMAS: return schema_new(DB_SCHEMAS, COUNT_OF(DB_SCHEMAS), NULL, 0, out, err);
	case SQL_GET_TABLES:
		return schema_new(TABLES, COUNT_OF(TABLES) - !command->include_schema, NULL, 0, out, err);
	case SQL_GET_TABLE_TYPES: return schema_new(TYPES, COUNT_OF(TYPES), NULL, 0, out, err);
	default: return error_set(err, ST_INTERNAL, "no question about what there is");
	}
}

bool
sql_listing_answers(const SqlCommand *command)
{
	return command->kind == SQL_GET_CATALOGS || command->kind == SQL_GET_DB_SCHEMAS ||
		   command->kind == SQL_GET_TABLES || command->kind == SQL_GET_TABLE_TYPES;
}

Status
sql_listing_schema(const SqlCommand *command, Buf *out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(make_schema(command, &schema, err));
	return ipc_schema_encode(schema, out, err);
}

Status
sql_listing_new(const SqlCommand *command, SqlListing **out, Error *err)
{
	SCOPED(sql_listing_drop) SqlListing *listing = mem_alloc(sizeof(*listing));
	if (listing == NULL)
		return error_no_memory(err, "a list");
	listing->command = *command;
	TRY(make_schema(command, &listing->schema, err));
	TRY(builder_new(listing->schema, &listing->builder, err));
	*out = TAKE(listing);
	return ST_OK;
}

void
sql_listing_free(SqlListing *listing)
{
	if (listing == NULL)
		return;
	builder_free(listing->builder);
	schema_unref(listing->schema);
	mem_free(listing);
}

// ---- rows ----

static bool
fits_name(const SqlText *asked, const char *name)
{
	return !asked->given || slice_is(asked->text, name);
}

static bool
fits_pattern(const SqlText *asked, const char *name)
{
	return !asked->given || text_like(slice_text(name), asked->text);
}

static bool
fits(const SqlCommand *command, const SqlListed *row)
{
	switch (command->kind) {
	case SQL_GET_DB_SCHEMAS:
		return fits_name(&command->catalog, row->catalog) &&
			   fits_pattern(&command->db_schema, row->db_schema);
	case SQL_GET_TABLES:
		return fits_name(&command->catalog, row->catalog) &&
			   fits_pattern(&command->db_schema, row->db_schema) &&
			   fits_pattern(&command->table, row->table) &&
			   (flight_sql_wants_type(command, row->type) ||
				(strcmp(row->type, "TABLE") == 0 && flight_sql_wants_type(command, "BASE TABLE")));
	default: return true;
	}
}

void
sql_listing_add(SqlListing *listing, const SqlListed *row)
{
	const SqlCommand *command = &listing->command;
	const char *const names[] = {row->catalog, row->db_schema, row->table, row->type};
	bool type = command->kind == SQL_GET_TABLE_TYPES;
	int32_t count = schema_field_count(listing->schema);
	if (!fits(command, row))
		return;
	for (int32_t i = 0; i < count; i++) {
		ColumnBuilder *column = builder_column(listing->builder, i);
		if (i < (int32_t)COUNT_OF(names))
			column_add_text(column, type ? row->type : names[i]);
		else
			column_add_bytes(column, row->arrow_schema);
	}
}

// ---- messages ----

uint64_t
sql_listing_bytes(const SqlListing *listing)
{
	return builder_bytes(listing->builder);
}

Status
sql_listing_begin(const SqlListing *listing, Buf *out, Error *err)
{
	return ipc_write_schema(listing->schema, out, err);
}

Status
sql_listing_take(SqlListing *listing, IpcMessage *out, int64_t *rows, Error *err)
{
	*rows = builder_rows(listing->builder);
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(builder_finish(listing->builder, *rows, &batch, err));
	return *rows > 0 ? ipc_write_batch(batch, out, err) : ST_OK;
}
