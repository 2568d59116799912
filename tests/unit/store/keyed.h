// keyed.h - tables that replace rows by key, for tests.

#pragma once

#include "rig.h"
#include "store/merge.h"

static inline Table *
add_keyed(Rig *rig)
{
	SCOPED(schema_drop) Schema *schema = host_schema();
	TableRequest request = {
		.database = "mobius", .name = "t", .schema = schema, .tags = "host", .dedup = "last"};
	SCOPED(table_def_drop) TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, 1, 1000, any_field, &def, &err), &err);
	apply_define(rig, def);
	return table_by_id(rig, 1);
}

// Their ids are where other tests have the time.
static inline Table *
add_entities(Rig *rig)
{
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("time", TYPE_INT64), field_of("host", TYPE_UTF8),
							field_of("n", TYPE_INT64));
	TableRequest request = {.database = "mobius", .name = "t", .schema = schema, .key = "time"};
	SCOPED(table_def_drop) TableDef *def = NULL;
	Error err = ERROR_INIT;
	ok(table_def_create(&request, NULL, 1, 1000, any_field, &def, &err), &err);
	apply_define(rig, def);
	return table_by_id(rig, 1);
}

static inline void
merge_all(Rig *rig)
{
	Error err = ERROR_INIT;
	MergeOptions options = {.duck = rig->duck, .files = 2, .memory_bytes = 64 << 20, .all = true};
	for (bool did = true; did;) {
		MergeReport report;
		ok(store_merge_one(rig->store, &options, &did, &report, &err), &err);
	}
}

// The late ranges of the files, the oldest first, then of memory: "1..2 - 5..5".
static inline void
late_is(Rig *rig, Table *table, const char *expected)
{
	char text[256] = "";
	Snapshot *snapshot = snapshot_of(rig, table);
	const TableView *view = &snapshot->tables[0];
	for (int32_t i = 0; i < file_set_count(view->files) + view->segment_count; i++) {
		int32_t at = i - file_set_count(view->files);
		SegmentStats stats = {.late_min = 1};
		if (at >= 0) {
			stats = segment_stats(view->segments[at]);
		} else {
			const FileMeta *meta = data_file_meta(file_set_at(view->files, i));
			stats.late_min = meta->late_min;
			stats.late_max = meta->late_max;
		}
		size_t len = strlen(text);
		if (stats.late_min > stats.late_max)
			snprintf(text + len, sizeof(text) - len, "%s-", len > 0 ? " " : "");
		else
			snprintf(text + len, sizeof(text) - len, "%s%" PRId64 "..%" PRId64, len > 0 ? " " : "",
					 stats.late_min, stats.late_max);
	}
	snapshot_free(snapshot);
	assert_string_equal(text, expected);
}
