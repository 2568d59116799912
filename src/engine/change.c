#include "engine/change.h"

#include <stdlib.h>

#include "base/mem.h"
#include "engine/change_int.h"

enum { TRIES = 4 }; // on new snapshots, until the segments are kept from going

typedef struct Change {
	const StatementCall *call;
	Step *steps;
	int32_t count;
	Table **tables; // all of them once, in the order of their locks
	int32_t table_count;
	Table **locked; // those that rows are deleted from, in the same order
	int32_t locked_count;
	bool change_locks;
	bool rewrite_locks; // of `locked`, or, with
	bool bulk_locks;    // these, of `tables`
} Change;

// ---- locks ----

// all: files may be adopted, too.
static void
lock_rewrites(Change *change, bool all)
{
	if (change->rewrite_locks)
		return;
	if (all)
		bulk_lock(change->call->db);
	Table **tables = all ? change->tables : change->locked;
	int32_t count = all ? change->table_count : change->locked_count;
	for (int32_t i = 0; i < count; i++)
		table_rewrite_lock(tables[i]);
	change->rewrite_locks = true;
	change->bulk_locks = all;
}

static void
unlock_rewrites(Change *change)
{
	bool all = change->bulk_locks;
	Table **tables = all ? change->tables : change->locked;
	int32_t count = all ? change->table_count : change->locked_count;
	for (int32_t i = 0; change->rewrite_locks && i < count; i++)
		table_rewrite_unlock(tables[i]);
	if (all)
		bulk_unlock(change->call->db);
	change->rewrite_locks = change->bulk_locks = false;
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
	mem_free(change->tables);
}

static Status
add_step(Change *change, const SqlStatement *statement, Error *err)
{
	Step *step = &change->steps[change->count++];
	step->statement = statement;
	step->deletes = statement->kind != STATEMENT_INSERT;
	TRY(statement_table(change->call, statement, &step->table, err));
	change->tables[change->table_count++] = step->table;
	for (int32_t i = 0; i < change->count - 1; i++)
		if (change->steps[i].table == step->table)
			step->before = &change->steps[i];
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
	change->tables = mem_alloc_array(count, sizeof(Table *));
	if (change->steps == NULL || change->locked == NULL || change->tables == NULL)
		return error_no_memory(err, "a change");
	for (size_t i = 0; i < count; i++)
		TRY(add_step(change, several ? statement->parts[i] : statement, err));
	TRY(check_apart(change, err));
	qsort(change->locked, (size_t)change->locked_count, sizeof(Table *), compare_tables);
	qsort(change->tables, (size_t)change->table_count, sizeof(Table *), compare_tables);
	int32_t different = 0;
	for (int32_t i = 0; i < change->table_count; i++)
		if (i == 0 || change->tables[i] != change->tables[i - 1])
			change->tables[different++] = change->tables[i];
	change->table_count = different;
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

// Entries on their way into a commit, and the memory that is reserved and not theirs yet.
typedef struct Pending {
	mobius *db;
	CommitEntry *rows; // of each step
	int32_t steps;
	CommitEntry *entries;
	int32_t count;
	uint64_t reserved;
} Pending;

static void
drop_rows(Pending *pending)
{
	for (int32_t i = 0; i < pending->steps; i++)
		commit_entry_close(&pending->rows[i]);
	budget_release(pending->db->memtable, pending->reserved);
	pending->reserved = 0;
}

static void
pending_close(Pending *pending)
{
	drop_rows(pending);
	for (int32_t i = 0; i < pending->count; i++)
		commit_entry_close(&pending->entries[i]);
	mem_free(pending->rows);
	mem_free(pending->entries);
}

static Status
pending_alloc(const Change *change, Pending *pending, Error *err)
{
	size_t count = (size_t)change->count;
	pending->rows = mem_alloc_array(count, sizeof(CommitEntry));
	pending->entries = mem_alloc_array(2 * count, sizeof(CommitEntry));
	if (pending->rows == NULL || pending->entries == NULL)
		return error_no_memory(err, "a change");
	pending->steps = change->count;
	return ST_OK;
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

// ---- rows, for the log or in files ----

// *bulk: they are too many for the log.
static Status
convert_all(Change *change, uint64_t *cost, bool *bulk, Error *err)
{
	mobius *db = change->call->db;
	uint64_t bytes = 0;
	*cost = 0;
	*bulk = false;
	for (int32_t i = 0; i < change->count; i++) {
		Step *step = &change->steps[i];
		uint64_t of_step;
		TRY(step_convert(db, step, &of_step, err));
		*cost += of_step;
		bytes += step->converted != NULL ? batch_bytes(step->converted) : 0;
		*bulk |= step->bulk.bulk != NULL;
	}
	*bulk |= bulk_is_needed(db, bytes, *cost);
	return ST_OK;
}

// Memory is reserved before the segments are kept from going: flushing them gives some back. The
// last attempt keeps them already, and does not wait for it.
static Status
make_rows(Change *change, Pending *pending, uint64_t cost, bool *bulk, Error *err)
{
	mobius *db = pending->db;
	if (cost > 0)
		TRY(insert_reserve(db, cost, !change->rewrite_locks, err));
	pending->reserved = cost;
	uint64_t bytes = 0;
	for (int32_t i = 0; i < change->count; i++) {
		TRY(step_rows(db, &change->steps[i], &pending->rows[i], &pending->reserved, err));
		bytes += pending->rows[i].wal.length;
	}
	*bulk = bulk_is_needed(db, bytes, cost);
	if (*bulk)
		drop_rows(pending);
	return ST_OK;
}

static Status
spill_all(Change *change, Error *err)
{
	for (int32_t i = 0; i < change->count; i++)
		TRY(step_end_files(change->call->db, &change->steps[i], err));
	return ST_OK;
}

// ---- entries, with the locks ----

static Status
add_steps(Change *change, Pending *pending, Error *err)
{
	for (int32_t i = 0; i < change->count; i++) {
		CommitEntry *next = &pending->entries[pending->count];
		TRY(step_deletion(pending->db, &change->steps[i], next, err));
		pending->count += next->wal.kind != 0;
		if (pending->rows[i].wal.kind == 0)
			continue;
		pending->entries[pending->count++] = pending->rows[i];
		pending->rows[i] = (CommitEntry){0};
	}
	return ST_OK;
}

static const StoreDelete *
deletion_of(const Pending *pending, const Table *table)
{
	for (int32_t i = 0; i < pending->count; i++)
		if (pending->entries[i].wal.kind == WAL_DELETE && pending->entries[i].table == table)
			return pending->entries[i].del;
	return NULL;
}

// All the files of one table, in the order of the statements that made them.
static Status
add_files(Change *change, Pending *pending, Table *table, Error *err)
{
	SCOPED(mem_drop) Bulk **bulks = mem_alloc_array((size_t)change->count, sizeof(Bulk *));
	if (bulks == NULL)
		return error_no_memory(err, "a change");
	int32_t count = 0;
	uint64_t read_seq = 0;
	for (int32_t i = 0; i < change->count; i++) {
		const Step *step = &change->steps[i];
		if (step->table != table || step->bulk.bulk == NULL)
			continue;
		bulks[count++] = step->bulk.bulk;
		if (step->statement->kind == STATEMENT_UPDATE)
			read_seq = step->read_seq; // there is no other step of the table
	}
	if (count == 0)
		return ST_OK;
	CommitEntry *entry = &pending->entries[pending->count];
	TRY(bulk_entry(pending->db, table, bulks, count, deletion_of(pending, table),
				   &(InsertSource){.read_seq = read_seq}, entry, err));
	pending->count++;
	return ST_OK;
}

static Status
commit(Change *change, Error *err)
{
	mobius *db = change->call->db;
	SCOPED(pending_close) Pending pending = {.db = db};
	TRY(pending_alloc(change, &pending, err));
	uint64_t cost;
	bool bulk;
	TRY(convert_all(change, &cost, &bulk, err));
	if (!bulk)
		TRY(make_rows(change, &pending, cost, &bulk, err));
	if (bulk)
		TRY(spill_all(change, err));
	lock_rewrites(change, bulk);
	TRY(add_steps(change, &pending, err));
	for (int32_t i = 0; bulk && i < change->table_count; i++)
		TRY(add_files(change, &pending, change->tables[i], err));
	if (pending.count == 0)
		return ST_OK;
	return conductor_commit_all(db->conductor, pending.entries, pending.count,
								!bulk && may_be_async(change), NULL, err);
}

static Status
attempt(Change *change, bool last, Error *err)
{
	if (last)
		lock_rewrites(change, true);
	for (int32_t i = 0; i < change->count; i++)
		change->steps[i].no_wait = last;
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
