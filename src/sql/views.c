#include "sql/views.h"

#include "arrow/builder.h"
#include "base/timeval.h"
#include "sql/hot_scan.h"
#include "store/quarantine.h"

enum { FEW_MASKED = 16 };

static bool
overlaps(TimeRange range, int64_t min, int64_t max)
{
	// No time, or not known: it may hold anything.
	return min > max || (min <= range.max && max >= range.min);
}

// ---- files ----

DataFile *
view_file(const RefView *view, int32_t i)
{
	return file_set_at(view->table->files, view->files[i]);
}

const Mask *
view_mask(const RefView *view, int32_t i)
{
	return file_set_mask(view->table->files, view->files[i]);
}

// Written under one version of the definition, and with deleted or expired rows or without. A few
// files with deleted rows are read one by one: then nobody has to tell for each row which it is of.
static bool
read_alike(const RefView *view, int32_t a, int32_t b)
{
	return table_version(data_file_def(view_file(view, a))) ==
			   table_version(data_file_def(view_file(view, b))) &&
		   (view_mask(view, a) == NULL) == (view_mask(view, b) == NULL) &&
		   (a == b || view_mask(view, a) == NULL || view->masked > FEW_MASKED) &&
		   view->cut[a] == view->cut[b] && view_lateness(view, a) == view_lateness(view, b);
}

int32_t
view_group_end(const RefView *view, int32_t from)
{
	int32_t end = from + 1;
	while (end < view->file_count && read_alike(view, from, end))
		end++;
	return end;
}

// Brings those that are read alike together, each group where its first file is.
static Status
group_files(RefView *view, Arena *arena, Error *err)
{
	if (view->file_count == 0 || view_group_end(view, 0) == view->file_count)
		return ST_OK;
	size_t count = (size_t)view->file_count, done = 0;
	int32_t *files = arena_array(arena, count, sizeof(int32_t));
	bool *cut = arena_array(arena, count, sizeof(bool));
	bool *taken = arena_array(arena, count, sizeof(bool));
	TRY(arena_status(arena, err, "a list of files"));
	for (int32_t first = 0; first < view->file_count; first++) {
		for (int32_t i = taken[first] ? view->file_count : first; i < view->file_count; i++) {
			if (!read_alike(view, first, i)) // one that was taken is like another
				continue;
			taken[i] = true;
			files[done] = view->files[i];
			cut[done++] = view->cut[i];
		}
	}
	view->files = files;
	view->cut = cut;
	return ST_OK;
}

static void
add_file(RefView *view, int32_t i, const FileMeta *meta)
{
	bool cut = meta->min_time <= meta->max_time && meta->min_time < view->table->visible_from;
	// Addresses and the order of versions come from the file.
	bool plain = !view->addresses && !view->newest && view->late_count == 0;
	if (plain && file_set_hot(view->table->files, i) != NULL) {
		view->hots[view->hot_count++] = i;
		view->memory = true;
		view->memory_cut |= cut;
		view->memory_rows += hot_estimate(view, i);
		return;
	}
	view->cut[view->file_count] = cut;
	view->files[view->file_count++] = i;
}

static Status
find_files(RefView *view, Arena *arena, Error *err)
{
	int32_t count = file_set_count(view->table->files);
	if (count == 0)
		return ST_OK;
	view->files = arena_array(arena, (size_t)count, sizeof(int32_t));
	view->hots = arena_array(arena, (size_t)count, sizeof(int32_t));
	view->cut = arena_array(arena, (size_t)count, sizeof(bool));
	TRY(arena_status(arena, err, "a list of files"));
	for (int32_t i = 0; i < count; i++) {
		const FileMeta *meta = data_file_meta(file_set_at(view->table->files, i));
		if (meta->rows > 0 && overlaps(view->range, meta->min_time, meta->max_time))
			add_file(view, i, meta);
	}
	for (int32_t i = 0; i < view->file_count; i++)
		view->masked += view_mask(view, i) != NULL;
	return group_files(view, arena, err);
}

static void
find_memory(RefView *view)
{
	for (int32_t i = 0; i < view->table->segment_count; i++) {
		SegmentStats stats = segment_stats(view->table->segments[i]);
		if (stats.rows == 0 || !overlaps(view->range, stats.min_time, stats.max_time))
			continue;
		view->memory = true;
		view->memory_cut |= stats.min_time < view->table->visible_from;
		view->memory_rows += stats.rows;
	}
}

// ---- all of a statement ----

static RefColumns
columns_of(const NamedRef *named, const TableView *table)
{
	if (table == NULL)
		return (RefColumns){.schema = named->schema, .time = -1, .key = -1};
	return (RefColumns){.schema = table_schema(table->def),
						.time = table_time_column(table->def),
						.key = table_key_column(table->def)};
}

// What can hold the answer, of a table.
static Status
find_rows(RefView *view, Arena *arena, Error *err)
{
	if (view->table->visible_from > view->range.min)
		view->range.min = view->table->visible_from;
	if (!view->newest) // else an older version of a key is no newest row either
		TRY(view_find_late(view, arena, err));
	TRY(find_files(view, arena, err));
	find_memory(view);
	return ST_OK;
}

// They are in memory, those that can be seen.
static void
look_at_newest(RefView *view)
{
	if (view->table->visible_from > view->range.min)
		view->range.min = view->table->visible_from;
	view->memory = true;
	view->memory_rows = series_count(table_series(view->table->table));
}

Status
views_make(const Verdict *verdict, const Names *names, const Snapshot *snapshot, bool time_alias,
		   bool addresses, Arena *arena, Views *out, Error *err)
{
	size_t count = (size_t)names->ref_count;
	Views views = {.count = names->ref_count, .time_alias = time_alias};
	views.refs = arena_array(arena, count, sizeof(RefView));
	views.columns = arena_array(arena, count, sizeof(RefColumns));
	TimeRange *ranges = arena_array(arena, count, sizeof(TimeRange));
	TRY(arena_status(arena, err, "a statement"));
	for (int32_t i = 0; i < names->ref_count; i++) {
		const NamedRef *named = &names->refs[i];
		const TableView *table = named->table >= 0 ? &snapshot->tables[named->table] : NULL;
		views.refs[i] = (RefView){.named = named, .table = table};
		views.columns[i] = columns_of(named, table);
	}

	constraint_ranges(verdict, views.columns, time_alias, snapshot->now_ns, ranges);
	for (int32_t i = 0; i < views.count; i++) {
		RefView *view = &views.refs[i];
		view->range = ranges[i];
		if (view->table == NULL)
			continue;
		int32_t nullable =
			table_column_count(view->table->def) - (table_order_column(view->table->def) >= 0);
		view->shielded = verdict->distinct && nullable > 0;
		view->newest = view->named->newest && !view->named->at_hand;
		view->at_hand = view->named->newest && view->named->at_hand;
		if (view->newest) { // a row that is not asked for may be the newest
			view->range = (TimeRange){INT64_MIN, INT64_MAX};
			TRY(find_rows(view, arena, err));
			continue;
		}
		Condition *conditions;
		TRY(constraint_conditions(verdict, views.columns, time_alias, i, arena, &conditions,
								  &view->condition_count, err));
		view->conditions = conditions;
		if (view->at_hand) {
			look_at_newest(view);
			continue;
		}
		view->addresses = addresses && i == 0;
		TRY(find_rows(view, arena, err));
	}
	*out = views;
	return ST_OK;
}

// ---- files that cannot be read ----

Status
views_ready(const Views *views, Error *err)
{
	for (int32_t r = 0; r < views->count; r++) {
		const RefView *view = &views->refs[r];
		for (int32_t i = 0; i < view->file_count; i++)
			TRY(table_file_ready(view->table->table, view_file(view, i), err));
		// The copy of a file that was damaged is right, but its days are counted.
		for (int32_t i = 0; i < view->hot_count; i++)
			TRY(table_file_ready(view->table->table, file_set_at(view->table->files, view->hots[i]),
								 err));
	}
	return ST_OK;
}

// Most that a statement can do wrong looks like nothing a file could: then only those are read that
// were not, once.
Status
views_doubt(const Views *views, Status status, Error *err)
{
	bool sure = status == ST_IO || status == ST_INTERNAL || status == ST_CORRUPT;
	if (!sure && status != ST_INVALID)
		return status;
	for (int32_t r = 0; r < views->count; r++) {
		const RefView *view = &views->refs[r];
		for (int32_t i = 0; i < view->file_count; i++) {
			Error cause = ERROR_INIT;
			DataFile *file = view_file(view, i);
			if (data_file_doubt(file, !sure, &cause) == ST_CORRUPT)
				return error_set(err, ST_CORRUPT, "%s", cause.text);
		}
	}
	return status;
}

// ---- what is too old ----

bool
view_has_cut(const RefView *view)
{
	bool cut = view->memory_cut;
	for (int32_t i = 0; i < view->file_count; i++)
		cut |= view->cut[i];
	return cut;
}

Status
scan_visible_from(const RefView *view, Batch **out, Error *err)
{
	const TableDef *def = view->table->def;
	const Field *time = schema_field(table_schema(def), table_time_column(def));
	int64_t from = view->table->visible_from, unit = table_order_unit_ns(def);
	int64_t value = time_round_up(from, unit);
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	TRY(schema_new(time, 1, NULL, 0, &schema, err));
	TRY(builder_new(schema, &builder, err));
	column_add_int(builder_column(builder, 0), value);
	return builder_finish(builder, 1, out, err);
}
