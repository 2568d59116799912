#include "engine/system.h"

#include <stdio.h>
#include <string.h>

#include "arrow/builder.h"
#include "store/quarantine.h"

// ---- columns ----

#define TEXT(name_)                                                                                \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_UTF8}, .nullable = true                                 \
	}
#define INT(name_)                                                                                 \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_INT64}, .nullable = true                                \
	}
#define UINT(name_)                                                                                \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_UINT64}, .nullable = true                               \
	}
#define INT32(name_)                                                                               \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_INT32}, .nullable = true                                \
	}
#define FLAG(name_)                                                                                \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_BOOL}, .nullable = true                                 \
	}
#define TIME(name_)                                                                                \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}, .nullable = true           \
	}

#define MOMENT(name_)                                                                              \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_US, .zone = "UTC"},             \
		.nullable = true                                                                           \
	}

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
	INT32("schema_version"),
	MOMENT("created_at"),
};
static const Field COLUMNS[] = {
	TEXT("database"), TEXT("table"), TEXT("name"), TEXT("type"), TEXT("role"), INT32("position"),
};
static const Field SEGMENTS[] = {
	TEXT("database"),    TEXT("table"),    UINT("id"),           TEXT("status"),
	INT32("level"),      TEXT("file"),     INT("rows"),          INT("bytes"),
	TIME("min_time"),    TIME("max_time"), UINT("min_seq"),      UINT("max_seq"),
	INT("deleted_rows"), FLAG("hot"),      MOMENT("created_at"), MOMENT("sealed_at"),
};
static const Field OFFSETS[] = {
	TEXT("database"), TEXT("table"),    UINT("segment"),  TEXT("wal_file"),
	UINT("offset"),   UINT("length"),   UINT("min_seq"),  UINT("max_seq"),
	UINT("rows"),     TIME("min_time"), TIME("max_time"),
};
static const Field WAL[] = {
	TEXT("file"), TEXT("state"), INT("bytes"), UINT("min_seq"), UINT("max_seq"),
};

// ---- rows ----

// A row under construction: values are added from left to right.
typedef struct Row {
	Builder *builder;
	int32_t at;
} Row;

static void
text(Row *row, const char *value)
{
	column_add_text(builder_column(row->builder, row->at++), value);
}

static void
number(Row *row, int64_t value)
{
	column_add_int(builder_column(row->builder, row->at++), value);
}

static void
unsigned_number(Row *row, uint64_t value)
{
	column_add_uint(builder_column(row->builder, row->at++), value);
}

static void
flag(Row *row, bool value)
{
	column_add_bool(builder_column(row->builder, row->at++), value);
}

static void
null(Row *row)
{
	column_add_null(builder_column(row->builder, row->at++));
}

static void
time_range(Row *row, int64_t min, int64_t max)
{
	if (min > max) {
		null(row);
		null(row);
		return;
	}
	number(row, min);
	number(row, max);
}

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
		text(&row, names[n]);
		number(&row, tables);
		number(&row, all.rows);
		number(&row, all.bytes);
	}
	return ST_OK;
}

static Status
add_tables(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)db;
	(void)err;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		const TableDef *def = view->def;
		Totals totals = view_totals(view, snapshot->seq);
		int32_t time = table_time_column(def);
		Row row = {builder, 0};
		text(&row, table_database(def));
		text(&row, table_name(def));
		text(&row, table_kind_name(table_kind(def)));
		text(&row, time >= 0 ? schema_field(table_schema(def), time)->name : NULL);
		tag_list(&row, def);
		number(&row, totals.rows);
		number(&row, totals.bytes);
		time_range(&row, totals.min_time, totals.max_time);
		number(&row, time >= 0 ? series_count(table_series(view->table)) : 0);
		number(&row, table_version(def));
		number(&row, table_created_ns(def) / 1000);
	}
	return ST_OK;
}

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
			text(&row, table_database(def));
			text(&row, table_name(def));
			text(&row, field->name);
			text(&row, buf_text(&type));
			text(&row, role_name(table_column_role(def, c)));
			number(&row, c + 1);
		}
	}
	return ST_OK;
}

static void
add_file_row(Builder *builder, const TableDef *def, DataFile *file, const Mask *mask)
{
	const FileMeta *meta = data_file_meta(file);
	Row row = {builder, 0};
	text(&row, table_database(def));
	text(&row, table_name(def));
	unsigned_number(&row, meta->segment_id);
	text(&row, data_file_quarantined(file) ? "QUARANTINED" : segment_status_name(SEGMENT_FLUSHED));
	number(&row, meta->level);
	text(&row, data_file_path(file));
	number(&row, meta->rows);
	number(&row, (int64_t)meta->bytes);
	time_range(&row, meta->min_time, meta->max_time);
	unsigned_number(&row, meta->min_seq);
	unsigned_number(&row, meta->max_seq);
	number(&row, mask_count(mask));
	flag(&row, false);
	number(&row, meta->created_ns / 1000);
	number(&row, meta->sealed_ns / 1000);
}

static void
add_memory_row(Builder *builder, const TableDef *def, const Segment *seg, uint64_t seq)
{
	SegmentStats stats = segment_stats(seg);
	Row row = {builder, 0};
	text(&row, table_database(def));
	text(&row, table_name(def));
	unsigned_number(&row, stats.id);
	text(&row, segment_status_name(stats.status));
	null(&row);
	null(&row);
	number(&row, stats.rows);
	number(&row, (int64_t)stats.bytes);
	time_range(&row, stats.min_time, stats.max_time);
	unsigned_number(&row, stats.min_seq);
	unsigned_number(&row, stats.max_seq);
	number(&row, segment_dead_rows(seg, seq));
	flag(&row, true);
	number(&row, stats.created_ns / 1000);
	if (stats.sealed_ns == 0)
		null(&row);
	else
		number(&row, stats.sealed_ns / 1000);
}

static Status
add_segments(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)db;
	(void)err;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		for (int32_t f = 0; f < file_set_count(view->files); f++)
			add_file_row(builder, view->def, file_set_at(view->files, f),
						 file_set_mask(view->files, f));
		for (int32_t s = 0; s < view->segment_count; s++)
			add_memory_row(builder, view->def, view->segments[s], snapshot->seq);
	}
	return ST_OK;
}

// Where commits lie in the log: beside its extent, the segment that holds its first row.
typedef struct OffsetRows {
	Builder *builder;
	const TableView *view;
} OffsetRows;

static bool
first_segment(const TableView *view, const WalExtent *extent, uint64_t *id)
{
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
		*id = meta->segment_id;
		if (meta->min_seq <= extent->max_seq && extent->min_seq <= meta->max_seq)
			return true;
	}
	for (int32_t i = 0; i < view->segment_count; i++) {
		SegmentStats stats = segment_stats(view->segments[i]);
		*id = stats.id;
		if (stats.rows > 0 && stats.min_seq <= extent->max_seq && extent->min_seq <= stats.max_seq)
			return true;
	}
	return false;
}

static Status
add_extent(void *arg, const WalExtent *extent, Error *err)
{
	(void)err;
	OffsetRows *rows = arg;
	uint64_t id;
	char file[32];
	(void)snprintf(file, sizeof(file), "%08llu.wal", (unsigned long long)extent->file);
	Row row = {rows->builder, 0};
	text(&row, table_database(rows->view->def));
	text(&row, table_name(rows->view->def));
	if (first_segment(rows->view, extent, &id))
		unsigned_number(&row, id);
	else
		null(&row);
	text(&row, file);
	unsigned_number(&row, extent->offset);
	unsigned_number(&row, extent->length);
	unsigned_number(&row, extent->min_seq);
	unsigned_number(&row, extent->max_seq);
	unsigned_number(&row, extent->rows);
	time_range(&row, extent->min_time, extent->max_time);
	return ST_OK;
}

static Status
add_offsets(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		OffsetRows rows = {builder, &snapshot->tables[i]};
		TRY(wal_extents(db->wal, table_id(rows.view->def), add_extent, &rows, err));
	}
	return ST_OK;
}

static Status
add_wal_file(void *arg, const WalFileInfo *info, Error *err)
{
	(void)err;
	char file[32];
	(void)snprintf(file, sizeof(file), "%08llu.wal", (unsigned long long)info->number);
	Row row = {arg, 0};
	text(&row, file);
	text(&row, info->state);
	number(&row, (int64_t)info->bytes);
	unsigned_number(&row, info->min_seq);
	unsigned_number(&row, info->max_seq);
	return ST_OK;
}

static Status
add_wal(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)snapshot;
	return wal_files(db->wal, add_wal_file, builder, err);
}

// ---- all of them ----

static const struct SystemTable {
	const char *name;
	const Field *fields;
	int32_t field_count;
	Status (*rows)(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err);
} SYSTEM[] = {
	{"databases", DATABASES, COUNT_OF(DATABASES), add_databases},
	{"tables", TABLES, COUNT_OF(TABLES), add_tables},
	{"columns", COLUMNS, COUNT_OF(COLUMNS), add_columns},
	{"segments", SEGMENTS, COUNT_OF(SEGMENTS), add_segments},
	{"offsets", OFFSETS, COUNT_OF(OFFSETS), add_offsets},
	{"wal", WAL, COUNT_OF(WAL), add_wal},
};

static const char *const NAMES[] = {"databases", "tables", "columns", "segments",
									"offsets",   "wal",    NULL};

static const struct SystemTable *
find_system(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(SYSTEM); i++)
		if (strcmp(SYSTEM[i].name, name) == 0)
			return &SYSTEM[i];
	return NULL;
}

static Status
system_columns(void *ctx, const char *name, Schema **out, Error *err)
{
	(void)ctx;
	const struct SystemTable *table = find_system(name);
	if (table == NULL)
		return error_set(err, ST_NOT_FOUND, "there is no table system.%s", name);
	return schema_new(table->fields, table->field_count, NULL, 0, out, err);
}

static Status
build_rows(mobius *db, const struct SystemTable *table, const Snapshot *snapshot, Batch **out,
		   Error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TRY(schema_new(table->fields, table->field_count, NULL, 0, &schema, err));
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(builder_new(schema, &builder, err));
	TRY(table->rows(db, snapshot, builder, err));
	return builder_finish(builder, builder_rows(builder), out, err);
}

Status
system_rows(mobius *db, const char *name, Batch **out, Error *err)
{
	const struct SystemTable *table = find_system(name);
	if (table == NULL)
		return error_set(err, ST_NOT_FOUND, "there is no table system.%s", name);
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(db->store, NULL, 0, &snapshot, err));
	return build_rows(db, table, snapshot, out, err);
}

// A statement's own snapshot holds only the tables it names; these look at all.
static Status
system_scan(void *ctx, const char *name, const Snapshot *snapshot, Batch **out, Error *err)
{
	(void)snapshot;
	return system_rows(ctx, name, out, err);
}

Status
system_register(mobius *db, Error *err)
{
	SqlSource source = {.columns = system_columns, .rows = system_scan, .names = NAMES, .ctx = db};
	return sql_register(db->sql, "system", &source, err);
}
