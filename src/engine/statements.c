#include "engine/statements.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "engine/backup.h"
#include "engine/define.h"
#include "engine/insert.h"
#include "engine/keeper.h"

enum { INSERT_BATCH_ROWS = 1 << 20 };

static Status
find_table(const StatementCall *call, const SqlStatement *statement, Table **out, Error *err)
{
	return sql_find_table(call->db->sql, &statement->table,
						  &(SqlSession){.database = call->database}, out, err);
}

// ---- INSERT ----

// The columns an INSERT names, as the table holds them.
static Status
target_schema(const SqlStatement *statement, TableDef *def, Schema **out, Error *err)
{
	Schema *table = table_schema(def);
	if (statement->targets == NULL) {
		*out = schema_ref(table);
		return ST_OK;
	}
	SCOPED(mem_drop)
	Field *fields = mem_alloc_array((size_t)statement->target_count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "an INSERT");
	for (int32_t i = 0; i < statement->target_count; i++) {
		const SqlName *name = &statement->targets[i];
		int32_t at = schema_find(table, name->text);
		for (int32_t c = 0; at < 0 && !name->quoted && c < schema_field_count(table); c++)
			if (strcasecmp(schema_field(table, c)->name, name->text) == 0)
				at = c;
		if (at < 0)
			return error_set_at(err, ST_INVALID, name->position,
								"table \"%s\" has no column \"%s\"", table_name(def), name->text);
		for (int32_t j = 0; j < i; j++)
			if (strcmp(fields[j].name, schema_field(table, at)->name) == 0)
				return error_set_at(err, ST_INVALID, name->position, "column \"%s\" is named twice",
									name->text);
		fields[i] = *schema_field(table, at);
	}
	return schema_new(fields, statement->target_count, NULL, 0, out, err);
}

static Status
read_all(mobius *db, SqlQuery *query, Batch **out, Error *err)
{
	uint64_t limit = db->settings.commit_max_bytes;
	TRY(sql_query_next(query, INT64_MAX, limit, out, err));
	if (*out == NULL)
		return ST_OK;
	SCOPED(batch_drop) Batch *more = NULL;
	TRY(sql_query_next(query, INSERT_BATCH_ROWS, limit, &more, err));
	if (more == NULL)
		return ST_OK;
	return error_set(err, ST_LIMIT,
					 "the INSERT is over commit.max_bytes (%llu bytes); insert in parts",
					 (unsigned long long)limit);
}

// All rows of the source in one batch: an INSERT is one commit.
static Status
read_source(const StatementCall *call, const SqlStatement *statement, Schema *schema, Batch **out,
			Error *err)
{
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(sql_query_open_as(call->db->sql, statement->source,
						  &(SqlSession){.database = call->database}, schema, &query, err));
	SCOPED(batch_drop) Batch *batch = NULL;
	bool wanted = call->reading(call->arg, query);
	Status st = wanted ? read_all(call->db, query, &batch, err) : ST_OK;
	// Who gave up while it was read must not find rows that were stored afterwards.
	wanted = call->reading(call->arg, NULL) && wanted;
	TRY(st);
	if (!wanted)
		return error_set(err, ST_CANCELLED, "the statement was cancelled");
	*out = TAKE(batch);
	return ST_OK;
}

static Status
run_insert(const StatementCall *call, const SqlStatement *statement, int64_t *changed, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	TRY(find_table(call, statement, &table, err));
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(target_schema(statement, def, &schema, err));
	SCOPED(batch_drop) Batch *batch = NULL;
	Status st = read_source(call, statement, schema, &batch, err);
	if (st != ST_OK && err != NULL && err->position >= 0)
		err->position += statement->source_position;
	TRY(st);
	if (batch == NULL || batch_rows(batch) == 0)
		return ST_OK;

	PutTarget target = {.database = table_database(def),
						.table = table_name(def),
						.wire = schema,
						.decoded = schema};
	SCOPED(table_drop_ref) Table *into = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(call->db, &target, &into, &shape, err));
	SCOPED(insert_plan_close) InsertPlan plan = {0};
	insert_plan_init(&plan, into, shape, batch_schema(batch));
	TRY(insert_batch(call->db, &plan, batch, !table_durable(def), NULL, err));
	*changed = batch_rows(batch);
	return ST_OK;
}

// ---- all ----

static Status
run_flush(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	if (statement->table.table.text != NULL)
		TRY(find_table(call, statement, &table, err));
	KeeperFlushed flushed;
	return keeper_flush(call->db->keeper, table, &flushed, err);
}

static Status
run_backup(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	BackupDone done;
	BackupRequest request = {.name = statement->backup, .copy = statement->copy};
	return backup_create(call->db, &request, &done, err);
}

Status
statement_run(const StatementCall *call, const SqlStatement *statement, int64_t *changed,
			  Error *err)
{
	*changed = 0;
	switch (statement->kind) {
	case STATEMENT_CREATE_TABLE:
	case STATEMENT_DROP_TABLE:
	case STATEMENT_ALTER_TABLE:
	case STATEMENT_CREATE_DATABASE:
	case STATEMENT_DROP_DATABASE: return define_statement(call, statement, err);
	case STATEMENT_INSERT: return run_insert(call, statement, changed, err);
	case STATEMENT_FLUSH: return run_flush(call, statement, err);
	case STATEMENT_BACKUP: return run_backup(call, statement, err);
	case STATEMENT_READ:
	case STATEMENT_SHOW_TABLES:
	case STATEMENT_SHOW_DATABASES:
	case STATEMENT_SHOW_CREATE_TABLE: break;
	}
	return error_set(err, ST_INTERNAL, "a read was run as a change");
}
