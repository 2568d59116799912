#include "engine/change.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/change_int.h"

enum { TRIES = 4 }; // on new snapshots, until the segments are kept from going

typedef struct Change {
	const StatementCall *call;
	Step *steps;
	int32_t count;
	Table **locked; // those that rows are deleted from, in the order of their locks
	int32_t locked_count;
	bool change_locks;
	bool rewrite_locks;
} Change;

// ---- locks ----

static void
lock_rewrites(Change *change)
{
	for (int32_t i = 0; !change->rewrite_locks && i < change->locked_count; i++)
		table_rewrite_lock(change->locked[i]);
	change->rewrite_locks = true;
}

static void
unlock_rewrites(Change *change)
{
	for (int32_t i = 0; change->rewrite_locks && i < change->locked_count; i++)
		table_rewrite_unlock(change->locked[i]);
	change->rewrite_locks = false;
}

static void
lock_changes(Change *change)
{
	for (int32_t i = 0; i < change->locked_count; i++)
		table_change_lock(change->locked[i]);
	change->change_locks = true;
}

// One order for all changes.
static int
compare_tables(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) * (Table *const *)a, y = (uintptr_t) * (Table *const *)b;
	return (x > y) - (x < y);
}

// ---- steps ----

static void
change_close(Change *change)
{
	unlock_rewrites(change);
	for (int32_t i = 0; change->change_locks && i < change->locked_count; i++)
		table_change_unlock(change->locked[i]);
	for (int32_t i = 0; i < change->count; i++)
		step_close(&change->steps[i]);
	mem_free(change->steps);
	mem_free(change->locked);
}

static Status
add_step(Change *change, const SqlStatement *statement, Error *err)
{
	Step *step = &change->steps[change->count++];
	step->statement = statement;
	step->deletes = statement->kind != STATEMENT_INSERT;
	SqlSession session = {.database = change->call->database};
	TRY(sql_find_table(change->call->db->sql, &statement->table, &session, &step->table, err));
	if (step->deletes)
		change->locked[change->locked_count++] = step->table;
	return ST_OK;
}

// What one statement deletes from is nothing to the others: they would not see it.
static Status
named_again(const Step *deletes, const Step *again, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(deletes->table);
	return error_set_at(err, ST_INVALID, again->statement->table.table.position,
						"table \"%s\" is updated or deleted from in this text, so no other "
						"statement of it may name the table; send that one by itself",
						table_name(def));
}

static Status
check_apart(const Change *change, Error *err)
{
	for (int32_t i = 0; i < change->count; i++) {
		const Step *deletes = &change->steps[i];
		for (int32_t j = 0; deletes->deletes && j < change->count; j++) {
			const Step *other = &change->steps[j];
			bool reads = other->query != NULL && sql_query_reads(other->query, deletes->table);
			if (j != i && (other->table == deletes->table || reads))
				return named_again(deletes, other, err);
		}
	}
	return ST_OK;
}

static Status
make_steps(Change *change, const SqlStatement *statement, Error *err)
{
	bool several = statement->kind == STATEMENT_BEGIN;
	size_t count = several ? (size_t)statement->part_count : 1;
	change->steps = mem_alloc_array(count, sizeof(Step));
	change->locked = mem_alloc_array(count, sizeof(Table *));
	if (change->steps == NULL || change->locked == NULL)
		return error_no_memory(err, "a change");
	for (size_t i = 0; i < count; i++)
		TRY(add_step(change, several ? statement->parts[i] : statement, err));
	TRY(check_apart(change, err));
	qsort(change->locked, (size_t)change->locked_count, sizeof(Table *), compare_tables);
	return ST_OK;
}

// ---- one attempt ----

static Status
pin_all(const Change *change, Error *err)
{
	SCOPED(mem_drop) SqlQuery **queries = mem_alloc_array((size_t)change->count, sizeof(*queries));
	if (queries == NULL)
		return error_no_memory(err, "a change");
	int32_t count = 0;
	for (int32_t i = 0; i < change->count; i++)
		if (change->steps[i].query != NULL)
			queries[count++] = change->steps[i].query;
	return sql_queries_pin(change->call->db->sql, queries, count, err);
}

static Status
read_all(Change *change, Error *err)
{
	for (int32_t i = 0; i < change->count; i++) {
		step_reset(&change->steps[i]);
		TRY(step_open(change->call, &change->steps[i], err));
	}
	TRY(check_apart(change, err));
	TRY(pin_all(change, err));
	for (int32_t i = 0; i < change->count; i++)
		TRY(step_read(change->call, &change->steps[i], err));
	return ST_OK;
}

static Status
convert_all(Change *change, uint64_t *cost, Error *err)
{
	*cost = 0;
	for (int32_t i = 0; i < change->count; i++) {
		uint64_t of_step;
		TRY(step_convert(change->call->db, &change->steps[i], &of_step, err));
		*cost += of_step;
	}
	return ST_OK;
}

// Entries on their way into a commit, and the memory that is reserved and not theirs yet.
typedef struct Pending {
	mobius *db;
	CommitEntry *entries;
	int32_t count;
	uint64_t reserved;
} Pending;

static void
pending_close(Pending *pending)
{
	for (int32_t i = 0; i < pending->count; i++)
		commit_entry_close(&pending->entries[i]);
	mem_free(pending->entries);
	budget_release(pending->db->memtable, pending->reserved);
}

static Status
check_size(const Pending *pending, Error *err)
{
	uint64_t bytes = 0, limit = pending->db->settings.commit_max_bytes;
	for (int32_t i = 0; i < pending->count; i++)
		bytes += pending->entries[i].wal.length;
	if (bytes <= limit)
		return ST_OK;
	return error_set(err, ST_LIMIT,
					 "the commit has %llu bytes, which is over commit.max_bytes (%llu); change "
					 "rows in parts",
					 (unsigned long long)bytes, (unsigned long long)limit);
}

static bool
may_be_async(const Change *change)
{
	bool durable = false;
	for (int32_t i = 0; i < change->count; i++) {
		SCOPED(table_def_drop) TableDef *def = table_current(change->steps[i].table);
		durable |= table_durable(def);
	}
	return !durable;
}

static Status
reserve(mobius *db, uint64_t cost, Error *err)
{
	if (cost > budget_limit(db->memtable))
		return error_set(err, ST_LIMIT,
						 "%llu bytes of rows are over memtable.limit; change rows in parts",
						 (unsigned long long)cost);
	return cost > 0 ? insert_reserve(db, cost, err) : ST_OK;
}

// Memory is reserved before the segments are kept from going: flushing them gives some back.
static Status
commit(Change *change, Error *err)
{
	mobius *db = change->call->db;
	SCOPED(pending_close) Pending pending = {.db = db};
	uint64_t cost;
	TRY(convert_all(change, &cost, err));
	TRY(reserve(db, cost, err));
	pending.reserved = cost;
	pending.entries = mem_alloc_array(2 * (size_t)change->count, sizeof(CommitEntry));
	if (pending.entries == NULL)
		return error_no_memory(err, "a change");
	lock_rewrites(change);
	for (int32_t i = 0; i < change->count; i++)
		TRY(step_entries(db, &change->steps[i], pending.entries, &pending.count, &pending.reserved,
						 err));
	TRY(check_size(&pending, err));
	if (pending.count == 0)
		return ST_OK;
	return conductor_commit_all(db->conductor, pending.entries, pending.count, may_be_async(change),
								NULL, err);
}

static Status
attempt(Change *change, bool last, Error *err)
{
	if (last)
		lock_rewrites(change);
	Status st = read_all(change, err);
	if (st == ST_OK)
		st = commit(change, err);
	unlock_rewrites(change);
	return st;
}

// ---- all ----

Status
change_run(const StatementCall *call, const SqlStatement *statement, Changes *out, Error *err)
{
	SCOPED(change_close) Change change = {.call = call};
	TRY(make_steps(&change, statement, err));
	lock_changes(&change);
	Status st = ST_CONFLICT;
	for (int try = 1; st == ST_CONFLICT && try <= TRIES; try++)
		st = attempt(&change, try == TRIES, err);
	TRY(st);
	for (int32_t i = 0; i < change.count; i++)
		out->rows[i] = change.steps[i].changed;
	return ST_OK;
}
