// define_fit.c - whether what is stored fits the types a table grows to. Numbers and decimals
// always do; an instant in a coarse unit may lie where a finer one does not reach.

#include <stdatomic.h>

#include "arrow/convert.h"
#include "engine/define_int.h"
#include "engine/ticker.h"
#include "os/clock.h"
#include "sql/rewrite.h"

enum { BATCH_ROWS = 64 << 10, BATCH_BYTES = 4 << 20 };

static bool
gets_finer(const Field *from, const Field *to)
{
	TypeId id = from->type.id;
	bool timed = id == TYPE_TIMESTAMP || id == TYPE_DURATION || id == TYPE_TIME64;
	if (timed && id == to->type.id && from->type.unit < to->type.unit)
		return true;
	for (int32_t i = 0; i < from->child_count && i < to->child_count; i++)
		if (gets_finer(&from->children[i], &to->children[i]))
			return true;
	return false;
}

static Status
refuse(const Field *to, Error *err)
{
	SCOPED(buf_close) Buf type = BUF_INIT;
	field_type_name(to, &type);
	return error_set(err, ST_INVALID,
					 "column \"%s\" cannot become %s: a stored value is out of its range; send "
					 "the unit the table has, or delete that value",
					 to->name, buf_text(&type));
}

// ---- the time column: its range is known ----

// Ranges are kept in ns, and what ns do not hold is at their end.
static bool
ends_outside(int64_t min, int64_t max)
{
	return min <= max && (min == INT64_MIN || max == INT64_MAX);
}

// Only ns do not hold what tables take; *out says whether some time may lie outside of them.
static Status
may_not_fit(mobius *db, Table *table, const Field *to, bool *out, Error *err)
{
	*out = false;
	if (to->type.unit != UNIT_NS)
		return ST_OK;
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(db->store, &table, 1, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		*out |= ends_outside(meta->min_time, meta->max_time);
	}
	for (int32_t i = 0; i < view->segment_count; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		*out |= ends_outside(stats.min_time, stats.max_time);
	}
	return ST_OK;
}

// ---- other columns: their values are read ----

static Status
query_text(const TableDef *def, const Field *column, Buf *out, Error *err)
{
	buf_add_text(out, "SELECT ");
	sql_add_name(out, column->name);
	buf_add_text(out, " FROM ");
	sql_add_name(out, table_database(def));
	buf_add_text(out, ".htdb.");
	sql_add_name(out, table_name(def));
	return buf_status(out, err, "a statement");
}

static Status
check_batch(mobius *db, Batch *batch, const Field *to, Error *err)
{
	SCOPED(owners_drop) Owners *owners = owners_new();
	if (owners == NULL)
		return error_no_memory(err, "a batch");
	Column converted;
	return column_convert(schema_field(batch_schema(batch), 0), batch_column(batch, 0), to,
						  db->pool, owners, &converted, err);
}

// Who waits for a put waits no longer for it than a statement may take.
typedef struct Reading {
	Tick tick;
	SqlQuery *query;
	int64_t until_ns;
	atomic_bool late;
} Reading;

static void
end_late(void *arg, int64_t now_ns)
{
	Reading *reading = arg;
	if (now_ns <= reading->until_ns)
		return;
	atomic_store(&reading->late, true);
	sql_query_cancel(reading->query);
}

static Status
read_values(mobius *db, SqlQuery *query, const Field *to, Error *err)
{
	for (;;) {
		SCOPED(batch_drop) Batch *batch = NULL;
		TRY(sql_query_next(query, BATCH_ROWS, BATCH_BYTES, &batch, err));
		if (batch == NULL)
			return ST_OK;
		Error why = ERROR_INIT;
		Status st = check_batch(db, batch, to, &why);
		if (st == ST_INVALID)
			return refuse(to, err);
		if (st != ST_OK && err != NULL)
			*err = why;
		TRY(st);
	}
}

static Status
check_values(mobius *db, const TableDef *def, const Field *from, const Field *to, int64_t until_ns,
			 Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(query_text(def, from, &text, err));
	TRY(sql_query_open(db->sql, buf_text(&text), NULL, &query, err));
	Reading reading = {
		.tick = {.fn = end_late, .arg = &reading}, .query = query, .until_ns = until_ns};
	ticker_add(db->ticker, &reading.tick);
	Status st = read_values(db, query, to, err);
	ticker_remove(db->ticker, &reading.tick);
	if (st == ST_CANCELLED && atomic_load(&reading.late))
		return error_set(err, ST_DEADLINE,
						 "column \"%s\" cannot become finer: to read its values took longer than "
						 "query.timeout; send the unit the table has, or raise query.timeout",
						 to->name);
	return st;
}

// ---- all columns ----

// Of the column of `now` at i: what it becomes, NULL: what it holds fits.
static Status
finer_column(mobius *db, const FitCheck *fit, int32_t i, const Field **out, Error *err)
{
	int32_t at = table_column_by_id(fit->next, table_column_id(fit->now, i));
	const Field *from = schema_field(table_schema(fit->now), i);
	const Field *to = at < 0 ? from : schema_field(table_schema(fit->next), at);
	*out = NULL;
	if (!gets_finer(from, to))
		return ST_OK;
	bool look = true;
	if (i == table_time_column(fit->now))
		TRY(may_not_fit(db, fit->table, to, &look, err));
	*out = look ? to : NULL;
	return ST_OK;
}

Status
fit_must_read(mobius *db, const FitCheck *fit, bool *out, Error *err)
{
	*out = false;
	for (int32_t i = 0; i < table_column_count(fit->now); i++) {
		const Field *to;
		TRY(finer_column(db, fit, i, &to, err));
		*out |= to != NULL;
	}
	return ST_OK;
}

Status
fit_read(mobius *db, const FitCheck *fit, Error *err)
{
	int64_t until_ns = clock_mono_ns() + db->settings.query_timeout_ns;
	for (int32_t i = 0; i < table_column_count(fit->now); i++) {
		const Field *to;
		TRY(finer_column(db, fit, i, &to, err));
		if (to != NULL)
			TRY(check_values(db, fit->now, schema_field(table_schema(fit->now), i), to, until_ns,
							 err));
	}
	return ST_OK;
}

void
fit_close(FitCheck *fit)
{
	table_unref(fit->table);
	table_def_unref(fit->now);
	table_def_unref(fit->next);
	*fit = (FitCheck){0};
}
