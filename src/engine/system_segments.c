// system_segments.c - system.segments, system.offsets and system.wal: where rows lie.

#include <stdio.h>

#include "engine/system_int.h"
#include "store/quarantine.h"

// ---- segments ----

static const Field SEGMENTS[] = {
	TEXT("database"),    TEXT("table"),    UINT("id"),           TEXT("status"),
	INT32("level"),      TEXT("file"),     INT("rows"),          INT("bytes"),
	TIME("min_time"),    TIME("max_time"), UINT("min_seq"),      UINT("max_seq"),
	INT("deleted_rows"), FLAG("hot"),      MOMENT("created_at"), MOMENT("sealed_at"),
};

static void
add_file_row(Builder *builder, const TableDef *def, const FileSet *files, int32_t i)
{
	DataFile *file = file_set_at(files, i);
	const FileMeta *meta = data_file_meta(file);
	Row row = {builder, 0};
	row_text(&row, table_database(def));
	row_text(&row, table_name(def));
	row_unsigned(&row, meta->segment_id);
	row_text(&row,
			 data_file_quarantined(file) ? "QUARANTINED" : segment_status_name(SEGMENT_FLUSHED));
	row_number(&row, data_file_level(file));
	row_text(&row, data_file_path(file));
	row_number(&row, meta->rows);
	row_number(&row, (int64_t)meta->bytes);
	row_times(&row, def, meta->min_time, meta->max_time);
	row_unsigned(&row, meta->min_seq);
	row_unsigned(&row, meta->max_seq);
	row_number(&row, mask_count(file_set_mask(files, i)));
	row_flag(&row, file_set_hot(files, i) != NULL);
	row_number(&row, meta->created_ns / 1000);
	row_number(&row, meta->sealed_ns / 1000);
}

static void
add_memory_row(Builder *builder, const TableDef *def, const Segment *seg, uint64_t seq)
{
	SegmentStats stats = segment_stats(seg);
	Row row = {builder, 0};
	row_text(&row, table_database(def));
	row_text(&row, table_name(def));
	row_unsigned(&row, stats.id);
	row_text(&row, segment_status_name(stats.status));
	row_null(&row);
	row_null(&row);
	row_number(&row, stats.rows);
	row_number(&row, (int64_t)stats.bytes);
	row_times(&row, def, stats.min_time, stats.max_time);
	row_unsigned(&row, stats.min_seq);
	row_unsigned(&row, stats.max_seq);
	row_number(&row, segment_dead_rows(seg, seq));
	row_flag(&row, true);
	row_number(&row, stats.created_ns / 1000);
	if (stats.sealed_ns == 0)
		row_null(&row);
	else
		row_number(&row, stats.sealed_ns / 1000);
}

static Status
add_segments(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)db;
	(void)err;
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		for (int32_t f = 0; f < file_set_count(view->files); f++)
			add_file_row(builder, view->def, view->files, f);
		for (int32_t s = 0; s < view->segment_count; s++)
			add_memory_row(builder, view->def, view->segments[s], snapshot->seq);
	}
	return ST_OK;
}

const SystemTable system_segments = {"segments", SEGMENTS, COUNT_OF(SEGMENTS), add_segments};

// ---- offsets ----

static const Field OFFSETS[] = {
	TEXT("database"), TEXT("table"),    UINT("segment"),  TEXT("wal_file"),
	UINT("offset"),   UINT("length"),   UINT("min_seq"),  UINT("max_seq"),
	UINT("rows"),     TIME("min_time"), TIME("max_time"),
};

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
	row_text(&row, table_database(rows->view->def));
	row_text(&row, table_name(rows->view->def));
	if (first_segment(rows->view, extent, &id))
		row_unsigned(&row, id);
	else
		row_null(&row);
	row_text(&row, file);
	row_unsigned(&row, extent->offset);
	row_unsigned(&row, extent->length);
	row_unsigned(&row, extent->min_seq);
	row_unsigned(&row, extent->max_seq);
	row_unsigned(&row, extent->rows);
	row_times(&row, rows->view->def, extent->min_time, extent->max_time);
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

const SystemTable system_offsets = {"offsets", OFFSETS, COUNT_OF(OFFSETS), add_offsets};

// ---- the log ----

static const Field WAL[] = {
	TEXT("file"), TEXT("state"), INT("bytes"), UINT("min_seq"), UINT("max_seq"),
};

static Status
add_wal_file(void *arg, const WalFileInfo *info, Error *err)
{
	(void)err;
	char file[32];
	(void)snprintf(file, sizeof(file), "%08llu.wal", (unsigned long long)info->number);
	Row row = {arg, 0};
	row_text(&row, file);
	row_text(&row, info->state);
	row_number(&row, (int64_t)info->bytes);
	row_unsigned(&row, info->min_seq);
	row_unsigned(&row, info->max_seq);
	return ST_OK;
}

static Status
add_wal(mobius *db, const Snapshot *snapshot, Builder *builder, Error *err)
{
	(void)snapshot;
	return wal_files(db->wal, add_wal_file, builder, err);
}

const SystemTable system_wal = {"wal", WAL, COUNT_OF(WAL), add_wal};
