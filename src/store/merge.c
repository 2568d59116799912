#include "store/merge.h"

#include <stdio.h>

#include "base/log.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/merge_int.h"

#define SECOND INT64_C(1000000000)

enum {
	MOST_LOST = 2,      // results in a row that a deletion made void
	RETRY_SECONDS = 10, // after a failure
};

// ---- publication ----

typedef enum Standing { STILL_THERE, DELETED_FROM, GONE } Standing;

// Whether the inputs are the table's still, as they were.
static Standing
standing_of(const MergeJob *job, const FileSet *files)
{
	for (int32_t i = 0; i < job->choice.count; i++) {
		int32_t was = job->inputs[i];
		DataFile *file = file_set_at(job->files, was);
		int32_t at = file_set_find(files, data_file_meta(file)->segment_id);
		if (at < 0)
			return GONE;
		if (job->choice.kind != MERGE_MOVE &&
			file_set_mask(files, at) != file_set_mask(job->files, was))
			return DELETED_FROM;
	}
	return STILL_THERE;
}

static void
list_inputs(const MergeJob *job, uint64_t *ids)
{
	for (int32_t i = 0; i < job->choice.count; i++)
		ids[i] = job->choice.inputs[i]->segment_id;
}

static void
doom_inputs(const MergeJob *job)
{
	for (int32_t i = 0; i < job->choice.count; i++)
		data_file_doom(file_set_at(job->files, job->inputs[i]));
}

static void
doom_outputs(const MergeJob *job)
{
	for (int32_t i = 0; i < job->output_count; i++)
		data_file_doom(job->outputs[i]);
}

// Of a table that was dropped meanwhile. They go only once the catalog does not know them any more;
// else the next start removes them.
static void
take_back(const MergeJob *job)
{
	uint64_t ids[MOST_CUTS + 1];
	for (int32_t i = 0; i < job->output_count; i++)
		ids[i] = job->metas[i].segment_id;
	CatalogEdit edit = {.removed = ids, .removed_count = job->output_count};
	if (catalog_publish(job->store->options.catalog, &edit, NULL) == ST_OK)
		doom_outputs(job);
}

// After a failure of the catalog nobody knows what it holds: the files stay until the next start.
static Status
replace_inputs(MergeJob *job, const FileSet *files, Error *err)
{
	uint64_t ids[MERGE_MOST_INPUTS];
	list_inputs(job, ids);
	FileSetEdit change = {.removed = ids,
						  .removed_count = job->choice.count,
						  .added = job->outputs,
						  .added_hots = job->hots,
						  .added_count = job->output_count};
	CatalogEdit edit = {.files = job->metas,
						.file_count = job->output_count,
						.removed = ids,
						.removed_count = job->choice.count};
	SCOPED(file_set_drop) FileSet *next = NULL;
	Status st = file_set_edit(files, &change, &next, err);
	if (st != ST_OK) {
		doom_outputs(job);
		return st;
	}
	TRY(catalog_publish(job->store->options.catalog, &edit, err));
	if (!table_set_files(job->table, TAKE(next))) {
		take_back(job);
		return ST_OK;
	}
	doom_inputs(job);
	for (int32_t i = 0; i < job->output_count; i++)
		hot_keep(job->store, TAKE(job->hot_entries[i]));
	return ST_OK;
}

// With the table's rewrite lock. *status: ST_CONFLICT, the result was void.
static Status
publish_files(MergeJob *job, Status *status, Error *err)
{
	SCOPED(file_set_drop) FileSet *files = table_files(job->table);
	Standing standing = standing_of(job, files);
	Status st = store_check_thawed(job->store, err);
	if (st == ST_OK && standing == STILL_THERE)
		return replace_inputs(job, files, err);
	doom_outputs(job);
	TRY(st);
	*status = ST_CONFLICT;
	job->table->merge_lost += standing == DELETED_FROM;
	return ST_OK;
}

static Status
move_files(MergeJob *job, Status *status, Error *err)
{
	FileMeta metas[MERGE_MOST_INPUTS];
	SCOPED(file_set_drop) FileSet *files = table_files(job->table);
	SCOPED(file_set_drop) FileSet *next = NULL;
	if (standing_of(job, files) != STILL_THERE) {
		*status = ST_CONFLICT;
		return ST_OK;
	}
	for (int32_t i = 0; i < job->choice.count; i++) {
		metas[i] = *job->choice.inputs[i];
		metas[i].level = job->choice.levels[i];
	}
	CatalogEdit edit = {.files = metas, .file_count = job->choice.count};
	TRY(catalog_publish(job->store->options.catalog, &edit, err));
	for (int32_t i = 0; i < job->choice.count; i++)
		data_file_move(file_set_at(job->files, job->inputs[i]), job->choice.levels[i]);
	// The order of the set follows the levels; without memory for it the next one has it.
	if (file_set_edit(files, &(FileSetEdit){0}, &next, NULL) == ST_OK)
		(void)table_set_files(job->table, TAKE(next));
	return ST_OK;
}

// ---- one job ----

static Status
run_job(MergeJob *job, Status *status, Error *err)
{
	if (job->choice.kind != MERGE_MOVE) {
		Status st = merge_write(job, err);
		if (st != ST_OK) {
			doom_outputs(job);
			return st;
		}
	}
	table_rewrite_lock(job->table);
	Status st = job->choice.kind == MERGE_MOVE ? move_files(job, status, err)
											   : publish_files(job, status, err);
	table_rewrite_unlock(job->table);
	return st;
}

bool
merge_keeps_deletions_out(const Table *table)
{
	return table->merge_lost >= MOST_LOST;
}

// Results were void again and again: this time nobody deletes meanwhile. The choice is made anew,
// of what is there then.
static Status
keep_deletions_out(MergeJob *job, bool *found, Error *err)
{
	MergeOptions options = *job->options;
	MergeJob again = {.store = job->store, .options = &options};
	options.table = job->table;
	table_change_lock(job->table);
	Status st = merge_pick(&again, found, err);
	if (st != ST_OK || !*found) {
		table_change_unlock(job->table);
		merge_job_close(&again);
		return st;
	}
	again.options = job->options;
	again.alone = true;
	MergeJob before = *job;
	*job = again;
	merge_job_close(&before);
	return st;
}

static void
describe(const MergeJob *job, MergeReport *report)
{
	(void)snprintf(report->database, sizeof(report->database), "%s", table_database(job->def));
	(void)snprintf(report->table, sizeof(report->table), "%s", table_name(job->def));
	report->kind = job->choice.kind;
	report->level = job->choice.kind == MERGE_MOVE ? job->choice.levels[0] : job->choice.level;
	report->inputs = job->choice.count;
	report->bytes_in = job->choice.bytes;
}

static void
describe_result(const MergeJob *job, MergeReport *report)
{
	report->outputs = job->output_count;
	report->rows = job->rows;
	for (int32_t i = 0; i < job->output_count; i++)
		report->bytes_out += job->metas[i].bytes;
	atomic_fetch_add(&job->store->merged_bytes, report->bytes_out);
}

static void
note_outcome(Table *table, Status st, Status result, const Error *err)
{
	if (st == ST_OK && result == ST_OK)
		table->merge_lost = 0;
	if (st == ST_CORRUPT) {
		table->merge_stopped = true;
		log_error("table is merged no more", "error=\"%s\"", err->text);
	} else if (st != ST_OK) {
		table->merge_after_ns = clock_mono_ns() + RETRY_SECONDS * SECOND;
	}
}

static Status
connect_and_run(MergeJob *job, MergeReport *report, Error *err)
{
	SCOPED(duck_conn_drop) DuckConn *conn = NULL;
	TRY(duck_connect(job->options->duck, &conn, err));
	job->conn = conn;
	Status st = run_job(job, &report->status, err);
	describe_result(job, report);
	return st;
}

Status
store_merge_one(Store *store, const MergeOptions *options, bool *did, MergeReport *report,
				Error *err)
{
	SCOPED(merge_job_close) MergeJob job = {.store = store, .options = options};
	*did = false;
	TRY(merge_pick(&job, did, err));
	if (*did && merge_keeps_deletions_out(job.table))
		TRY(keep_deletions_out(&job, did, err));
	if (!*did)
		return ST_OK;
	Error own = ERROR_INIT;
	*report = (MergeReport){.started_ns = clock_wall_ns()};
	int64_t began = clock_mono_ns();
	describe(&job, report);
	Status st = connect_and_run(&job, report, &own);
	report->duration_ns = clock_mono_ns() - began;
	if (st != ST_OK)
		report->status = st;
	note_outcome(job.table, st, report->status, &own);
	if (st != ST_OK && err != NULL)
		*err = own;
	return st;
}
