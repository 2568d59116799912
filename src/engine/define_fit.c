// define_fit.c - whether what is stored fits the types a table grows to. Numbers and decimals
// always do; an instant in a coarse unit may lie where a finer one does not reach.

#include "arrow/convert.h"
#include "engine/define_int.h"
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

static Status
check_values(mobius *db, const TableDef *def, const Field *from, const Field *to, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(sql_query_drop) SqlQuery *query = NULL;
	TRY(query_text(def, from, &text, err));
	TRY(sql_query_open(db->sql, buf_text(&text), NULL, &query, err));
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

Status
define_check_fit(mobius *db, Table *table, TableDef *now, TableDef *next, Error *err)
{
	for (int32_t i = 0; i < table_column_count(now); i++) {
		int32_t at = table_column_by_id(next, table_column_id(now, i));
		const Field *from = schema_field(table_schema(now), i);
		const Field *to = at < 0 ? from : schema_field(table_schema(next), at);
		if (!gets_finer(from, to))
			continue;
		bool look = true;
		if (i == table_time_column(now))
			TRY(may_not_fit(db, table, to, &look, err));
		if (look)
			TRY(check_values(db, now, from, to, err));
	}
	return ST_OK;
}
