// system_tables.c - system.databases, system.tables and system.columns.

#include <string.h>

#include "base/arena.h"
#include "engine/system_int.h"

// ---- tables ----

static Field TEXT_ITEM[] = {TEXT("item")};

static const Field DATABASES[] = {
	TEXT("name"),
	INT("tables"),
	INT("rows"),
	INT("bytes"),
};
static const Field TABLES[] = {
	TEXT("database"),
	TEXT("name"),
	TEXT("kind"),
	TEXT("time_column"),
	{.name = "tags",
	 .type = {.id = TYPE_LIST},
	 .nullable = true,
	 .child_count = 1,
	 .children = TEXT_ITEM},
	INT("rows"),
	INT("bytes"),
	TIME("min_time"),
	TIME("max_time"),
	INT("series"),
	TEXT("rtdb"),
	INT32("schema_version"),
	MOMENT("created_at"),
};

static void
tag_list(Row *row, const TableDef *def)
{
	ColumnBuilder *list = builder_column(row->builder, row->at++);
	for (int32_t i = 0; i < table_tag_count(def); i++)
		column_add_text(&list->children[0],
						schema_field(table_schema(def), table_tag_column(def, i))->name);
	column_end_list(list);
}

typedef struct Totals {
	int64_t rows;
	int64_t bytes;
	int64_t min_time;
	int64_t max_time;
} Totals;

static void
add_range(Totals *totals, int64_t min, int64_t max)
{
	if (min > max)
		return;
	totals->min_time = min < totals->min_time ? min : totals->min_time;
	totals->max_time = max > totals->max_time ? max : totals->max_time;
}

static Totals
view_totals(const TableView *view, uint64_t seq)
{
	Totals totals = {.rows = view_rows(view, seq), .min_time = INT64_MAX, .max_time = INT64_MIN};
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		totals.bytes += (int64_t)meta->bytes;
		add_range(&totals, meta->min_time, meta->max_time);
	}
	for (int32_t i = 0; i < view->segment_count; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		totals.bytes += (int64_t)stats.bytes;
		add_range(&totals, stats.min_time, stats.max_time);
	}
	return totals;
}

static Status
add_databases(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	const char *const *names;
	int32_t count;
	TRY(store_databases(db->store, &arena, &names, &count, err));
	for (int32_t n = 0; n < count; n++) {
		Totals all = {0};
		int64_t tables = 0;
		for (int32_t i = 0; i < snapshot->table_count; i++) {
			const TableView *view = &snapshot->tables[i];
			if (strcmp(table_database(view->def), names[n]) != 0)
				continue;
			Totals totals = view_totals(view, snapshot->seq);
			tables++;
			all.rows += totals.rows;
			all.bytes += totals.bytes;
		}
		Row row = {builder, 0};
		row_text(&row, names[n]);
		row_number(&row, tables);
		row_number(&row, all.rows);
		row_number(&row, all.bytes);
	}
	return ST_OK;
}

const SystemTable system_databases = {"databases", DATABASES, COUNT_OF(DATABASES), add_databases};

// Whether its newest rows are at hand; NULL: it has none of its own.
static void
newest_state(mobius *db, Row *row, const TableView *view)
{
	SCOPED(buf_close) Buf state = BUF_INIT;
	if (table_time_column(view->def) >= 0)
		newest_rows_state(db->newest, view->table, &state);
	row_text(row, state.len > 0 ? buf_text(&state) : NULL);
}

static Status
add_tables(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)err;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		const TableDef *def = view->def;
		Totals totals = view_totals(view, snapshot->seq);
		int32_t time = table_time_column(def);
		Row row = {builder, 0};
		row_text(&row, table_database(def));
		row_text(&row, table_name(def));
		row_text(&row, table_kind_name(table_kind(def)));
		row_text(&row, time >= 0 ? schema_field(table_schema(def), time)->name : NULL);
		tag_list(&row, def);
		row_number(&row, totals.rows);
		row_number(&row, totals.bytes);
		row_times(&row, def, totals.min_time, totals.max_time);
		row_number(&row, time >= 0 ? series_count(table_series(view->table)) : 0);
		newest_state(db, &row, view);
		row_number(&row, table_version(def));
		row_number(&row, table_created_ns(def) / 1000);
	}
	return ST_OK;
}

const SystemTable system_tables = {"tables", TABLES, COUNT_OF(TABLES), add_tables};

// ---- columns ----

static const Field COLUMNS[] = {
	TEXT("database"), TEXT("table"), TEXT("name"), TEXT("type"), TEXT("role"), INT32("position"),
};

static Status
add_columns(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)db;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableDef *def = snapshot->tables[i].def;
		for (int32_t c = 0; c < table_column_count(def); c++) {
			const Field *field = schema_field(table_schema(def), c);
			SCOPED(buf_close) Buf type = BUF_INIT;
			field_type_name(field, &type);
			TRY(buf_status(&type, err, "system.columns"));
			Row row = {builder, 0};
			row_text(&row, table_database(def));
			row_text(&row, table_name(def));
			row_text(&row, field->name);
			row_text(&row, buf_text(&type));
			row_text(&row, role_name(table_column_role(def, c)));
			row_number(&row, c + 1);
		}
	}
	return ST_OK;
}

const SystemTable system_columns = {"columns", COLUMNS, COUNT_OF(COLUMNS), add_columns};
