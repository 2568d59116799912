// system_int.h - what the tables of "system" share: their columns and rows.

#pragma once

#include "arrow/builder.h"
#include "engine/database_int.h"

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
#define REAL(name_)                                                                                \
	{                                                                                              \
		.name = name_, .type = {.id = TYPE_FLOAT64}, .nullable = true                              \
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

// ---- rows ----

// A row under construction: values are added from left to right.
typedef struct Row {
	Builder *builder;
	int32_t at;
} Row;

static inline void
row_text(Row *row, const char *value)
{
	column_add_text(builder_column(row->builder, row->at++), value);
}

static inline void
row_number(Row *row, int64_t value)
{
	column_add_int(builder_column(row->builder, row->at++), value);
}

static inline void
row_unsigned(Row *row, uint64_t value)
{
	column_add_uint(builder_column(row->builder, row->at++), value);
}

static inline void
row_flag(Row *row, bool value)
{
	column_add_bool(builder_column(row->builder, row->at++), value);
}

static inline void
row_null(Row *row)
{
	column_add_null(builder_column(row->builder, row->at++));
}

static inline void
row_times(Row *row, const TableDef *def, int64_t min, int64_t max)
{
	if (min > max || table_time_column(def) < 0) { // of entities they are ids
		row_null(row);
		row_null(row);
		return;
	}
	row_number(row, min);
	row_number(row, max);
}

// ---- tables ----

typedef struct SystemTable {
	const char *name;
	const Field *fields;
	int32_t field_count;
	Status (*rows)(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err);
} SystemTable;

extern const SystemTable system_databases, system_tables, system_columns, system_segments,
	system_offsets, system_wal, system_compactions, system_figures, system_subscriptions;
