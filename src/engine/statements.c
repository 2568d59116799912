#include "engine/statements.h"

#include <string.h>

#include "base/mem.h"
#include "engine/backup.h"
#include "engine/change.h"
#include "engine/define.h"
#include "engine/merger.h"

Status
statement_table(const StatementCall *call, const SqlStatement *statement, Table **out, Error *err)
{
	return sql_find_table(call->db->sql, &statement->table,
						  &(SqlSession){.database = call->database}, out, err);
}

// ---- FLUSH, COMPACT, BACKUP ----

static Status
run_upkeep(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	SCOPED(table_drop_ref) Table *table = NULL;
	if (statement->table.table.text != NULL)
		TRY(statement_table(call, statement, &table, err));
	KeeperFlushed done;
	return statement->kind == STATEMENT_FLUSH ? keeper_flush(call->db->keeper, table, &done, err)
											  : merger_compact(call->db, table, &done, err);
}

static Status
run_backup(const StatementCall *call, const SqlStatement *statement, Error *err)
{
	BackupDone done;
	BackupRequest request = {.name = statement->backup, .copy = statement->copy};
	return backup_create(call->db, &request, &done, err);
}

// ---- all ----

void
changes_close(Changes *changes)
{
	mem_free(changes->rows);
	*changes = (Changes){0};
}

int64_t
changes_total(const Changes *changes)
{
	int64_t total = 0;
	for (int32_t i = 0; i < changes->count; i++)
		total += changes->rows[i];
	return total;
}

Status
changes_of(const int64_t *rows, int32_t count, Changes *out, Error *err)
{
	int64_t *copy = mem_alloc_array((size_t)count + 1, sizeof(*copy));
	if (copy == NULL)
		return error_no_memory(err, "a statement");
	for (int32_t i = 0; rows != NULL && i < count; i++)
		copy[i] = rows[i];
	*out = (Changes){copy, count};
	return ST_OK;
}

static Status
run(const StatementCall *call, const SqlStatement *statement, Changes *changes, Error *err)
{
	switch (statement->kind) {
	case STATEMENT_CREATE_TABLE:
	case STATEMENT_DROP_TABLE:
	case STATEMENT_ALTER_TABLE:
	case STATEMENT_CREATE_DATABASE:
	case STATEMENT_DROP_DATABASE: return define_statement(call, statement, err);
	case STATEMENT_INSERT:
	case STATEMENT_UPDATE:
	case STATEMENT_DELETE:
	case STATEMENT_TRUNCATE:
	case STATEMENT_BEGIN: return change_run(call, statement, changes, err);
	case STATEMENT_FLUSH:
	case STATEMENT_COMPACT: return run_upkeep(call, statement, err);
	case STATEMENT_BACKUP: return run_backup(call, statement, err);
	case STATEMENT_READ:
	case STATEMENT_SHOW_TABLES:
	case STATEMENT_SHOW_DATABASES:
	case STATEMENT_SHOW_CREATE_TABLE:
	case STATEMENT_DESCRIBE: break;
	}
	return error_set(err, ST_INTERNAL, "a read was run as a change");
}

Status
statement_run(const StatementCall *call, const SqlStatement *statement, Changes *out, Error *err)
{
	SCOPED(changes_close) Changes changes = {0};
	int32_t count = statement->kind == STATEMENT_BEGIN ? statement->part_count : 1;
	TRY(changes_of(NULL, count, &changes, err));
	TRY(run(call, statement, &changes, err));
	*out = changes;
	changes = (Changes){0};
	return ST_OK;
}
