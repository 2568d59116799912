// plan_table.c - what a table becomes in FROM: its files through the engine's Parquet reader, its
// memory through the table function; of both, the rows that are not too old.

#include "sql/plan.h"

static Status
add_file_columns(const TableDef *file, const TableDef *table, Buf *out, Error *err)
{
	for (int32_t i = 0; i < table_column_count(table); i++) {
		const Field *field = schema_field(table_schema(table), i);
		int32_t at = table_column_by_id(file, table_column_id(table, i));
		buf_add_text(out, i > 0 ? ", " : "");
		if (at >= 0) {
			TRY(duck_file_column(schema_field(table_schema(file), at), field, out, err));
		} else {
			buf_add_text(out, "CAST(NULL AS ");
			TRY(duck_sql_type(field, out, err));
			buf_add_byte(out, ')');
		}
		buf_add_text(out, " AS ");
		sql_add_name(out, field->name);
	}
	return ST_OK;
}

// Rows in memory, or of files in brackets before it, that are not too old.
static void
add_cut(const RefView *view, TableSlots slots, Buf *out)
{
	const TableDef *def = view->table->def;
	buf_add_text(out, " WHERE ");
	sql_add_name(out, schema_field(table_schema(def), table_time_column(def))->name);
	buf_add_printf(out, " >= (FROM mobius_scan(%llu))", (unsigned long long)slots.cut);
}

// Files that are read alike: written under one version of the definition, and all or none of them
// with rows that are too old.
static bool
reads_alike(const RefView *view, int32_t a, int32_t b)
{
	return table_version(data_file_def(view_file(view, a))) ==
			   table_version(data_file_def(view_file(view, b))) &&
		   view->cut[a] == view->cut[b];
}

// The `first` file and those that are read alike, in one read_parquet.
static Status
add_files(const RefView *view, int32_t first, TableSlots slots, Buf *out, Error *err)
{
	SCOPED(buf_close) Buf list = BUF_INIT;
	for (int32_t i = first; i < view->file_count; i++) {
		if (!reads_alike(view, first, i))
			continue;
		buf_add_text(&list, i > first ? ", " : "");
		sql_add_text(&list, data_file_path(view_file(view, i)));
	}
	TRY(buf_status(&list, err, "a list of files"));
	buf_add_text(out, view->cut[first] ? "SELECT * FROM (SELECT " : "SELECT ");
	TRY(add_file_columns(data_file_def(view_file(view, first)), view->table->def, out, err));
	buf_add_printf(out, " FROM read_parquet([%s], hive_partitioning = false)", buf_text(&list));
	if (view->cut[first]) {
		buf_add_byte(out, ')');
		add_cut(view, slots, out);
	}
	return ST_OK;
}

static bool
read_already(const RefView *view, int32_t at)
{
	for (int32_t i = 0; i < at; i++)
		if (reads_alike(view, i, at))
			return true;
	return false;
}

Status
plan_add_table(const RefView *view, TableSlots slots, Buf *out, Error *err)
{
	if (view->table == NULL || (view->file_count == 0 && !view->memory_cut)) {
		buf_add_printf(out, "mobius_scan(%llu)", (unsigned long long)slots.memory);
		return ST_OK;
	}
	buf_add_byte(out, '(');
	for (int32_t i = 0; i < view->file_count; i++) {
		if (read_already(view, i))
			continue;
		buf_add_text(out, i > 0 ? " UNION ALL " : "");
		TRY(add_files(view, i, slots, out, err));
	}
	if (slots.memory != 0) {
		buf_add_printf(out, "%sSELECT * FROM mobius_scan(%llu)",
					   view->file_count > 0 ? " UNION ALL " : "", (unsigned long long)slots.memory);
		if (view->memory_cut)
			add_cut(view, slots, out);
	}
	buf_add_byte(out, ')');
	return ST_OK;
}
