#include "engine/system.h"

#include <string.h>

#include "engine/system_int.h"

static const SystemTable *const TABLES[] = {
	&system_databases, &system_tables,      &system_columns, &system_segments,      &system_offsets,
	&system_wal,       &system_compactions, &system_figures, &system_subscriptions,
};

static const char *const NAMES[] = {"databases",     "tables", "columns",     "segments",
									"offsets",       "wal",    "compactions", "figures",
									"subscriptions", NULL};

static const SystemTable *
find_system(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(TABLES); i++)
		if (strcmp(TABLES[i]->name, name) == 0)
			return TABLES[i];
	return NULL;
}

static Status
describe_columns(void *ctx, const char *name, Schema **out, Error *err)
{
	(void)ctx;
	const SystemTable *table = find_system(name);
	if (table == NULL)
		return error_set(err, ST_NOT_FOUND, "there is no table system.%s", name);
	return schema_new(table->fields, table->field_count, NULL, 0, out, err);
}

static Status
build_rows(mobius *db, const SystemTable *table, const Snapshot *snapshot, Batch **out, Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(table->fields, table->field_count, NULL, 0, &schema, err));
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(schema, &builder, err));
	TRY(table->rows(db, snapshot, builder, err));
	return builder_finish(builder, builder_rows(builder), out, err);
}

Status
system_rows(mobius *db, const char *name, Batch **out, Error *err)
{
	const SystemTable *table = find_system(name);
	if (table == NULL)
		return error_set(err, ST_NOT_FOUND, "there is no table system.%s", name);
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(db->store, NULL, 0, &snapshot, err));
	return build_rows(db, table, snapshot, out, err);
}

// A statement's own snapshot holds only the tables it names; these look at all.
static Status
system_scan(void *ctx, const char *name, const Snapshot *snapshot, Batch **out, Error *err)
{
	(void)snapshot;
	return system_rows(ctx, name, out, err);
}

Status
system_register(mobius *db, Error *err)
{
	SqlSource source = {
		.columns = describe_columns, .rows = system_scan, .names = NAMES, .ctx = db};
	return sql_register(db->sql, "system", &source, err);
}
