// merge_pick.c - which table is merged next.

#include <stdlib.h>

#include "base/mem.h"
#include "os/clock.h"
#include "store/merge_int.h"

void
merge_job_close(MergeJob *job)
{
	for (int32_t i = 0; i < job->output_count; i++) {
		data_file_unref(job->outputs[i]);
		hot_unref(job->hots[i]);
		hot_entry_free(job->hot_entries[i]);
	}
	merge_list_close(&job->list);
	mem_free(job->now);
	file_set_unref(job->files);
	table_def_unref(job->def);
	if (job->alone)
		table_change_unlock(job->table);
	table_unref(job->table);
	mem_free(job->dir);
}

// Behind it are commits whose rows are in memory yet: files that were adopted meanwhile wait for
// them, so that an older level never holds newer rows.
static uint64_t
in_memory_from(const TableView *view)
{
	return view->segment_count > 0 ? segment_stats(view->segments[0]).min_seq : UINT64_MAX;
}

// The files as they are, at the levels where they are.
static Status
list_files(MergeJob *job, uint64_t before_seq, Error *err)
{
	int32_t listed = 0;
	int32_t count = file_set_count(job->files);
	job->now = mem_alloc_array((size_t)count, sizeof(FileMeta));
	SCOPED(mem_drop) const FileMeta **files = mem_alloc_array((size_t)count, sizeof(FileMeta *));
	if (job->now == NULL || files == NULL)
		return error_no_memory(err, "a merge");
	for (int32_t i = 0; i < count; i++) {
		job->now[i] = *data_file_meta(file_set_at(job->files, i));
		job->now[i].level = data_file_level(file_set_at(job->files, i));
		if (job->now[i].min_seq < before_seq)
			files[listed++] = &job->now[i];
	}
	return merge_list_init(&job->list, &job->rules, files, listed, err);
}

static Status
choose(MergeJob *job, const TableView *view, int32_t files, bool all, Error *err)
{
	job->table = table_ref(view->table);
	job->def = table_def_ref(view->def);
	job->files = file_set_ref(view->files);
	job->rules = merge_rules(table_order_column(view->def) >= 0, files);
	job->rules.all = all;
	job->rules.urgent = job->options != NULL && job->options->urgent;
	TRY(list_files(job, in_memory_from(view), err));
	merge_choose(&job->list, &job->rules, &job->choice);
	for (int32_t i = 0; i < job->choice.count; i++)
		job->inputs[i] = (int32_t)(job->choice.inputs[i] - job->now);
	return ST_OK;
}

// What costs nothing, then where most files wait.
static double
urgency(const MergeJob *job)
{
	switch (job->choice.kind) {
	case MERGE_NOTHING: return 0;
	case MERGE_MOVE: return 1e9;
	case MERGE_PREFIX: return 1 + job->list.starts[1];
	case MERGE_PUSH: return 0.5;
	case MERGE_GATHER: break;
	}
	return 0.25;
}

static bool
may_be_merged(const Table *table, int64_t now_ns)
{
	return !table->merge_stopped && table->merge_after_ns <= now_ns;
}

// One that lets no deletion in takes the table's change lock, which the merge that waits may hold.
static bool
may_go_before(const MergeOptions *options, const Table *table)
{
	return !options->urgent || (table != options->busy && !merge_keeps_deletions_out(table));
}

static Status
consider(MergeJob *best, const TableView *view, Error *err)
{
	SCOPED(merge_job_close)
	MergeJob job = {.store = best->store, .options = best->options};
	TRY(choose(&job, view, best->options->files, best->options->all, err));
	if (urgency(&job) > urgency(best)) {
		MergeJob other = *best;
		*best = job;
		job = other;
	}
	return ST_OK;
}

Status
merge_pick(MergeJob *job, bool *found, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Table *only = job->options->table;
	int64_t now = clock_mono_ns();
	TRY(store_snapshot(job->store, only != NULL ? &only : NULL, only != NULL, &snapshot, err));
	for (int32_t i = 0; i < snapshot->table_count; i++) {
		const TableView *view = &snapshot->tables[i];
		bool may = only != NULL || may_be_merged(view->table, now);
		if (file_set_count(view->files) > 0 && may && may_go_before(job->options, view->table))
			TRY(consider(job, view, err));
	}
	*found = job->choice.kind != MERGE_NOTHING;
	return ST_OK;
}

static MergeBacklog
backlog_locked(const Table *table)
{
	MergeBacklog backlog = {0};
	MergeRules rules = merge_rules(true, 0); // neither says what is small
	uint64_t before =
		table->oldest != NULL ? segment_stats(table->oldest->segment).min_seq : UINT64_MAX;
	for (int32_t i = 0; i < file_set_count(table->files); i++) {
		const DataFile *file = file_set_at(table->files, i);
		const FileMeta *meta = data_file_meta(file);
		if (data_file_level(file) == 0)
			backlog.fresh += meta->min_seq < before;
		else
			backlog.small += merge_is_small(&rules, meta);
	}
	return backlog;
}

MergeBacklog
store_merge_backlog(Store *store)
{
	MergeBacklog most = {0};
	int64_t now = clock_mono_ns();
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++)
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id) {
			MergeBacklog backlog = {0};
			if (may_be_merged(t, now))
				backlog = backlog_locked(t);
			most.fresh = backlog.fresh > most.fresh ? backlog.fresh : most.fresh;
			most.small = backlog.small > most.small ? backlog.small : most.small;
		}
	pthread_mutex_unlock(&store->lock);
	return most;
}

static uint64_t
level_bytes(const MergeJob *job, int32_t level)
{
	uint64_t bytes = 0;
	for (int32_t i = job->list.starts[level]; i < job->list.starts[level + 1]; i++)
		bytes += job->list.files[i]->bytes;
	return bytes;
}

static Status
add_figures(Store *store, const TableView *view, int32_t files, MergeFigures *out, Error *err)
{
	SCOPED(merge_job_close) MergeJob job = {.store = store};
	TRY(choose(&job, view, files, false, err));
	int32_t behind = job.list.starts[1];
	out->behind_files = behind > out->behind_files ? behind : out->behind_files;
	if (job.choice.kind == MERGE_PUSH || job.choice.kind == MERGE_GATHER)
		out->debt_bytes += job.choice.bytes;
	if (behind >= files)
		out->debt_bytes += level_bytes(&job, 0);
	return ST_OK;
}

Status
store_merge_figures(Store *store, int32_t files, MergeFigures *out, Error *err)
{
	MergeFigures figures = {.flushed_bytes = atomic_load(&store->flushed_bytes),
							.merged_bytes = atomic_load(&store->merged_bytes)};
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(store_snapshot(store, NULL, 0, &snapshot, err));
	for (int32_t i = 0; i < snapshot->table_count; i++)
		TRY(add_figures(store, &snapshot->tables[i], files, &figures, err));
	*out = figures;
	return ST_OK;
}
