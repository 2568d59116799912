// plan_table.c - what stands for a table in FROM: its files by read_parquet, its memory by
// mobius_scan.
//
// What changes with every snapshot is no part of it: rows in memory and masks of files are set in
// the slot. Only files that have a mask are asked which of their rows are there.

#include <inttypes.h>

#include "sql/plan.h"
#include "store/file_text.h"

const char address_segment[] = "\x01segment";
const char address_row[] = "\x01row";

bool
view_has_slot(const RefView *view)
{
	return view->table == NULL || view->memory || view->file_count == 0 || view->masked > 0;
}

static void
add_address(const char *segment, const char *row, Buf *out)
{
	buf_add_printf(out, ", %s AS ", segment);
	sql_add_name(out, address_segment);
	buf_add_printf(out, ", %s AS ", row);
	sql_add_name(out, address_row);
}

static Status
add_file_address(const RefView *view, int32_t from, int32_t to, Buf *out, Error *err)
{
	SCOPED(buf_close) Buf ids = BUF_INIT;
	buf_add_byte(&ids, '[');
	for (int32_t i = from; i < to; i++)
		buf_add_printf(&ids, "%s%" PRIu64 "::UBIGINT", i > from ? ", " : "",
					   data_file_meta(view_file(view, i))->segment_id);
	buf_add_text(&ids, "][CAST(file_index AS BIGINT) + 1]");
	TRY(buf_status(&ids, err, "a list of files"));
	add_address(buf_text(&ids), "file_row_number", out);
	return ST_OK;
}

// Of what is before it, the rows that are not too old.
static void
add_cut(const RefView *view, TableSlots slots, Buf *out)
{
	const TableDef *def = view->table->def;
	buf_add_text(out, " WHERE ");
	sql_add_name(out, schema_field(table_schema(def), table_time_column(def))->name);
	buf_add_printf(out, " >= (FROM mobius_scan(%" PRIu64 "))", slots.cut);
}

static void
add_alive(int32_t from, int32_t to, uint64_t slot, Buf *out)
{
	buf_add_printf(out, " WHERE mobius_alive(%" PRIu64 ", ", slot);
	if (to == from + 1)
		buf_add_printf(out, "%d", from);
	else
		buf_add_printf(out, "CAST(file_index + %d AS UINTEGER)", from);
	buf_add_text(out, ", file_row_number)");
}

// The files [from, to), which are read alike.
static Status
add_files(const RefView *view, int32_t from, int32_t to, TableSlots slots, Buf *out, Error *err)
{
	buf_add_text(out, view->cut[from] ? "SELECT * FROM (SELECT " : "SELECT ");
	TRY(file_columns_text(data_file_def(view_file(view, from)), view->table->def, out, err));
	if (view->addresses)
		TRY(add_file_address(view, from, to, out, err));
	buf_add_text(out, " FROM read_parquet([");
	for (int32_t i = from; i < to; i++) {
		buf_add_text(out, i > from ? ", " : "");
		sql_add_text(out, data_file_path(view_file(view, i)));
	}
	buf_add_text(out, "], hive_partitioning = false)");
	if (view_mask(view, from) != NULL)
		add_alive(from, to, slots.rows, out);
	if (view->cut[from]) {
		buf_add_byte(out, ')');
		add_cut(view, slots, out);
	}
	return ST_OK;
}

static void
add_memory(const RefView *view, TableSlots slots, Buf *out)
{
	const Schema *schema = table_schema(view->table->def);
	buf_add_text(out, "SELECT ");
	for (int32_t i = 0; view->addresses && i < schema_field_count(schema); i++) {
		buf_add_text(out, i > 0 ? ", " : "");
		sql_add_name(out, schema_field(schema, i)->name);
	}
	if (view->addresses)
		add_address("\"\x01segment\"", "-1 - \"\x01row\"", out);
	buf_add_printf(out, "%s FROM mobius_scan(%" PRIu64 ")", view->addresses ? "" : "*", slots.rows);
	if (view->memory_cut)
		add_cut(view, slots, out);
}

// Files first: they hold what came first.
Status
plan_add_table(const RefView *view, TableSlots slots, Buf *out, Error *err)
{
	bool memory = view->memory || view->file_count == 0;
	if (view->table == NULL || (view->file_count == 0 && !view->memory_cut && !view->addresses)) {
		buf_add_printf(out, "mobius_scan(%" PRIu64 ")", slots.rows);
		return buf_status(out, err, "a plan");
	}
	buf_add_byte(out, '(');
	for (int32_t from = 0, to; from < view->file_count; from = to) {
		to = view_group_end(view, from);
		buf_add_text(out, from > 0 ? " UNION ALL " : "");
		TRY(add_files(view, from, to, slots, out, err));
	}
	if (memory) {
		buf_add_text(out, view->file_count > 0 ? " UNION ALL " : "");
		add_memory(view, slots, out);
	}
	buf_add_byte(out, ')');
	return buf_status(out, err, "a plan");
}
