#include "base/mem.h"
#include "base/timeval.h"
#include "engine/change_int.h"
#include "engine/define.h"

enum { MATCHES_AT_ONCE = 1 << 20 };

void
step_reset(Step *step)
{
	sql_query_close(TAKE(step->query));
	buf_close(&step->addresses);
	buf_close(&step->keys);
	batch_unref(TAKE(step->rows));
	batch_unref(TAKE(step->converted));
	bulk_rows_close(&step->bulk);
	insert_plan_close(&step->plan);
	step->changed = 0;
	step->read_seq = 0;
}

void
step_close(Step *step)
{
	step_reset(step);
	table_unref(TAKE(step->table));
}

// ---- opening ----

// Positions of what reads are of the source.
static Status
located(const Step *step, Status st, Error *err)
{
	if (st != ST_OK && err != NULL)
		err->position = sql_source_position(step->statement, err->position);
	return st;
}

// The columns an INSERT names, as the table holds them.
static Status
target_schema(const TableDef *def, const int32_t *targets, int32_t count, Schema **out, Error *err)
{
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(Field));
	if (fields == NULL)
		return error_no_memory(err, "an INSERT");
	for (int32_t i = 0; i < count; i++)
		fields[i] = *schema_field(table_schema(def), targets[i]);
	return schema_new(fields, count, NULL, 0, out, err);
}

// -1: it is not among them.
static int32_t
place_of(int32_t column, const int32_t *targets, int32_t count)
{
	int32_t at = 0;
	while (at < count && targets[at] != column)
		at++;
	return at < count ? at : -1;
}

static Status
open_insert(const StatementCall *call, Step *step, const TableDef *def, const int32_t *targets,
			Error *err)
{
	const SqlStatement *s = step->statement;
	SqlSession session = {.database = call->database};
	SCOPED(schema_drop) Schema *schema = NULL;
	int32_t key = table_key_column(def);
	if (s->targets == NULL) {
		schema = schema_ref(table_schema(def));
	} else {
		TRY(target_schema(def, targets, s->target_count, &schema, err));
		key = place_of(key, targets, s->target_count);
	}
	Status st =
		sql_query_open_as(call->db->sql, s->source, &session, schema, key, &step->query, err);
	return located(step, st, err);
}

// By its name the table is found again, which may be another by now.
static Status
open_match(const StatementCall *call, Step *step, const SqlMatch *match, Error *err)
{
	SqlSession session = {.database = call->database};
	Status st = sql_query_open_match(call->db->sql, match, &session, &step->query, err);
	TRY(located(step, st, err));
	if (!sql_query_reads(step->query, step->table))
		return error_set(err, ST_NOT_FOUND, "table \"%s\" was dropped meanwhile",
						 table_name(match->def));
	return ST_OK;
}

// A row with another key would be another row.
static Status
check_key_stays(const SqlStatement *s, const TableDef *def, const int32_t *targets, Error *err)
{
	for (int32_t i = 0; i < s->target_count && table_replaces(def); i++) {
		ColumnRole role = table_column_role(def, targets[i]);
		if (role != ROLE_FIELD)
			return error_set_at(err, ST_INVALID, s->targets[i].position,
								"column \"%s\" is part of the key of table \"%s\" and cannot be "
								"updated; delete the row and insert another",
								s->targets[i].text, table_name(def));
	}
	return ST_OK;
}

Status
step_open(const StatementCall *call, Step *step, Error *err)
{
	const SqlStatement *s = step->statement;
	if (s->kind == STATEMENT_TRUNCATE)
		return ST_OK;
	SCOPED(table_def_drop) TableDef *def = table_current(step->table);
	SCOPED(mem_drop)
	int32_t *targets = mem_alloc_array((size_t)s->target_count + 1, sizeof(*targets));
	if (targets == NULL)
		return error_no_memory(err, "a statement");
	TRY(sql_targets(s, def, targets, err));
	if (s->kind == STATEMENT_UPDATE)
		TRY(check_key_stays(s, def, targets, err));
	if (s->kind == STATEMENT_INSERT)
		return open_insert(call, step, def, targets, err);
	return open_match(call, step, &(SqlMatch){s, def, targets}, err);
}

// ---- reading ----

static Status
too_many(const Step *step, Error *err)
{
	bool update = step->statement->kind == STATEMENT_UPDATE;
	return error_set(err, ST_LIMIT, "the %s matches more than %d rows; change rows in parts",
					 update ? "UPDATE" : "DELETE", CHANGE_MOST_ROWS);
}

static Status
add_places(Step *step, const Column *segments, const Column *places, Error *err)
{
	const uint64_t *ids = (const void *)segments->values.data;
	const int64_t *rows = (const void *)places->values.data;
	RowAddress *out = buf_extend(&step->addresses, (size_t)places->length * sizeof(*out));
	TRY(buf_status(&step->addresses, err, "rows to change"));
	for (int64_t i = 0; i < places->length; i++) {
		bool in_file = rows[i] >= 0;
		out[i] = (RowAddress){ids[i], in_file ? rows[i] : -1 - rows[i], in_file};
	}
	return ST_OK;
}

// The series of rows whose tags are columns of the batch, from the from-th on.
static Status
find_series(const Step *step, TableDef *def, Batch *batch, int32_t from, uint32_t *ids, Error *err)
{
	int32_t count = table_tag_count(def);
	SCOPED(mem_drop) int32_t *columns = mem_alloc_array((size_t)count + 1, sizeof(*columns));
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	if (columns == NULL || fields == NULL)
		return error_no_memory(err, "rows to change");
	for (int32_t i = 0; i < count; i++) {
		columns[i] = from + i;
		fields[i] = *schema_field(table_schema(def), table_tag_column(def, i));
	}
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	SCOPED(batch_drop) Batch *tags = NULL;
	TRY(schema_new(fields, count, NULL, 0, &schema, err));
	TRY(shape_new(0, def, schema, &shape, err));
	TRY(batch_select(batch, columns, count, schema, &tags, err));
	return series_find_batch(table_series(step->table), def, shape, tags, ids, err);
}

// What the rows are: their tags are the last columns but one, the last is their time.
static Status
add_keys(Step *step, TableDef *def, Batch *batch, Error *err)
{
	int64_t rows = batch_rows(batch), unit = table_order_unit_ns(def);
	if (table_time_column(def) < 0 || rows == 0)
		return ST_OK;
	int32_t last = schema_field_count(batch_schema(batch)) - 1;
	SCOPED(mem_drop) uint32_t *ids = mem_alloc_array((size_t)rows, sizeof(*ids)); // no tags: 0
	if (ids == NULL)
		return error_no_memory(err, "rows to change");
	if (table_tag_count(def) > 0)
		TRY(find_series(step, def, batch, last - table_tag_count(def), ids, err));
	const int64_t *times = (const void *)batch_column(batch, last)->values.data;
	for (int64_t i = 0; i < rows;) {
		NewestKey key = {ids[i], times[i]};
		for (; i < rows && ids[i] == key.series; i++)
			key.time = times[i] > key.time ? times[i] : key.time;
		key.time = time_scale_saturating(key.time, unit, 1);
		buf_add(&step->keys, &key, sizeof(key));
	}
	return buf_status(&step->keys, err, "rows to change");
}

// Where the rows of a batch are, and the other versions of their keys: nothing older comes back.
static Status
add_addresses(Step *step, Batch *batch, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(step->table);
	step->changed += batch_rows(batch);
	TRY(add_keys(step, def, batch, err));
	TRY(add_places(step, batch_column(batch, 0), batch_column(batch, 1), err));
	if (!table_replaces(def))
		return ST_OK;
	return add_places(step, &batch_column(batch, 2)->children[0],
					  &batch_column(batch, 3)->children[0], err);
}

// The rows as they become, without their addresses and old keys.
static Status
take_rows(Step *step, Batch *batch, Error *err)
{
	const Schema *schema = batch_schema(batch);
	SCOPED(table_def_drop) TableDef *def = table_current(step->table);
	int32_t first = table_replaces(def) ? 4 : 2;
	int32_t old = table_time_column(def) >= 0 ? table_tag_count(def) + 1 : 0;
	int32_t count = schema_field_count(schema) - first - old;
	SCOPED(mem_drop) int32_t *columns = mem_alloc_array((size_t)count + 1, sizeof(*columns));
	SCOPED(mem_drop) Field *fields = mem_alloc_array((size_t)count + 1, sizeof(*fields));
	if (columns == NULL || fields == NULL)
		return error_no_memory(err, "an UPDATE");
	for (int32_t i = 0; i < count; i++) {
		columns[i] = i + first;
		fields[i] = *schema_field(schema, i + first);
	}
	SCOPED(schema_drop) Schema *own = NULL;
	TRY(schema_new(fields, count, NULL, 0, &own, err));
	return batch_select(batch, columns, count, own, &step->rows, err);
}

static Status
take_batch(Step *step, Batch *batch, Error *err)
{
	if (step->statement->kind == STATEMENT_INSERT) {
		step->rows = batch_ref(batch);
		step->changed += batch_rows(batch);
		return ST_OK;
	}
	TRY(add_addresses(step, batch, err));
	return step->statement->kind == STATEMENT_UPDATE ? take_rows(step, batch, err) : ST_OK;
}

// As many rows as the log takes in one commit come in one batch; with more of them they go into
// files. Addresses may come in any number up to a limit.
static Status
read_all(mobius *db, Step *step, Error *err)
{
	bool stored = step->statement->kind != STATEMENT_DELETE;
	uint64_t limit = db->settings.commit_max_bytes;
	for (;;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(step->query, stored ? INT64_MAX : MATCHES_AT_ONCE, limit, &batch, err));
		if (batch == NULL)
			return ST_OK;
		if (step->addresses.len > CHANGE_MOST_ROWS * sizeof(RowAddress))
			return too_many(step, err);
		if (batch_rows(batch) == 0)
			continue;
		if (step->rows != NULL)
			TRY(step_spill(db, step, err));
		TRY(take_batch(step, batch, err));
	}
}

Status
step_read(const StatementCall *call, Step *step, Error *err)
{
	if (step->query == NULL)
		return ST_OK;
	step->read_seq = sql_query_seq(step->query);
	bool wanted = call->reading(call->arg, step->query);
	Status st = wanted ? read_all(call->db, step, err) : ST_OK;
	// Who gave up while it was read must not find rows that were changed afterwards.
	wanted = call->reading(call->arg, NULL) && wanted;
	TRY(located(step, st, err));
	if (!wanted)
		return error_set(err, ST_CANCELLED, "the statement was cancelled");
	sql_query_close(TAKE(step->query));
	return ST_OK;
}

// ---- storing ----

// Where its rows go, and how.
static Status
make_plan(mobius *db, Step *step, Error *err)
{
	SCOPED(table_def_drop) TableDef *def = table_current(step->table);
	PutTarget target = {.database = table_database(def),
						.table = table_name(def),
						.wire = batch_schema(step->rows),
						.decoded = batch_schema(step->rows)};
	SCOPED(table_drop_ref) Table *into = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(db, &target, &into, &shape, err));
	if (into != step->table)
		return error_set(err, ST_NOT_FOUND, "table \"%s\" was dropped meanwhile", table_name(def));
	insert_plan_init(&step->plan, into, shape, batch_schema(step->rows));
	return ST_OK;
}

Status
step_convert(mobius *db, Step *step, uint64_t *cost, Error *err)
{
	*cost = 0;
	if (step->rows == NULL)
		return ST_OK;
	if (step->plan.table == NULL)
		TRY(make_plan(db, step, err));
	int64_t expired, first_id;
	TRY(insert_convert(db, &step->plan, step->rows, &step->converted, &first_id, err));
	batch_unref(TAKE(step->rows));
	TRY(insert_expire(db, &step->plan, &step->converted, &expired, err));
	if (step->statement->kind == STATEMENT_INSERT)
		step->changed -= expired;
	if (step->converted == NULL)
		return ST_OK;
	return insert_check(db, &step->plan, step->converted, cost, err);
}

Status
step_spill(mobius *db, Step *step, Error *err)
{
	uint64_t cost;
	if (step->converted == NULL)
		TRY(step_convert(db, step, &cost, err));
	if (step->converted == NULL)
		return ST_OK;
	// Files are in the order of their making.
	if (step->bulk.bulk == NULL && step->before != NULL)
		TRY(step_end_files(db, step->before, err));
	if (step->bulk.bulk == NULL)
		TRY(bulk_rows_open(db, step->table, step->no_wait, &step->bulk, err));
	TRY(bulk_rows_add(&step->bulk, &step->plan, step->converted, err));
	batch_unref(TAKE(step->converted));
	return ST_OK;
}

Status
step_end_files(mobius *db, Step *step, Error *err)
{
	if (step->before != NULL)
		TRY(step_end_files(db, step->before, err));
	TRY(step_spill(db, step, err));
	return step->bulk.bulk != NULL ? bulk_rows_end(&step->bulk, err) : ST_OK;
}

// What it can take of the newest rows is told to who keeps them, as far as is known.
static void
find_hits(mobius *db, const Step *step, StoreDelete *del, NewestHits **hits)
{
	int64_t count = (int64_t)(step->keys.len / sizeof(NewestKey));
	const NewestKey *keys = (const void *)step->keys.data;
	if (count > 0 && newest_hits_find(db->newest, step->table, keys, count, hits) && *hits == NULL)
		store_delete_is_older(del);
}

Status
step_deletion(mobius *db, const Step *step, CommitEntry *out, Error *err)
{
	if (step->addresses.len == 0 && step->statement->kind != STATEMENT_TRUNCATE)
		return ST_OK;
	int64_t count = (int64_t)(step->addresses.len / sizeof(RowAddress));
	StoreDelete *del = NULL;
	if (step->statement->kind == STATEMENT_TRUNCATE)
		TRY(store_truncate_new(db->store, step->table, &del, err));
	else
		TRY(store_delete_new(db->store, step->table,
							 (const RowAddress *)(const void *)step->addresses.data, count, &del,
							 err));
	NewestHits *hits = NULL;
	find_hits(db, step, del, &hits);
	Status st = commit_entry_of_deletion(step->table, del, out, err);
	if (st == ST_OK)
		out->hits = hits;
	else
		newest_hits_free(hits);
	return st;
}

Status
step_rows(mobius *db, Step *step, CommitEntry *out, uint64_t *reserved, Error *err)
{
	if (step->converted == NULL)
		return ST_OK;
	uint64_t cost = segment_insert_cost(step->converted);
	bool update = step->statement->kind == STATEMENT_UPDATE;
	const InsertSource from = {.read_seq = update ? step->read_seq : 0};
	TRY(insert_entry(db, &step->plan, step->converted, &from, cost, out, err));
	*reserved -= cost;
	return ST_OK;
}
