// merge_piece.c - one file of a merge: the rows of a piece of time, written and put in its place.

#include <inttypes.h>

#include "base/mem.h"
#include "base/timeval.h"
#include "os/clock.h"
#include "os/file.h"
#include "store/merge_int.h"
#include "store/merge_share.h"
#include "store/quarantine.h"

enum {
	PUSH_BYTES = 8 << 20, // so many go to the disk at once, not all at the sync
	LOOK_TURNS = 32,      // how often the file is looked at
};

#define SECOND INT64_C(1000000000)
#define NAP    (SECOND / 20)

// A file that is being written.
typedef struct MergePiece {
	MergeJob *job;
	MergeRows rows;
	char *tmp_path;
	char *path;
	File *file;   // NULL: not looked at yet
	int64_t left; // rows that it takes still
	int32_t turns;
	uint64_t pushed;
	int64_t began_ns;
	MergeShare share;
	FileMeta meta;
	HotBuilder *hot; // NULL: none
} MergePiece;

static void
piece_close(MergePiece *piece)
{
	merge_rows_close(&piece->rows);
	file_close(piece->file);
	hot_builder_free(piece->hot);
	mem_free(piece->tmp_path);
	mem_free(piece->path);
	mem_free(piece);
}

static void
piece_drop(MergePiece **piece)
{
	if (*piece != NULL)
		piece_close(*piece);
}

// ---- while it is written ----

Status
merge_check_stop(const MergeJob *job, Error *err)
{
	if (job->options->stop == NULL || !atomic_load(job->options->stop))
		return ST_OK;
	return error_set(err, ST_CANCELLED, "shutting down");
}

static void
push_pages(MergePiece *piece, uint64_t size)
{
	if (size < piece->pushed + PUSH_BYTES)
		return;
	if (piece->file == NULL && file_open(piece->tmp_path, FILE_READ, &piece->file, NULL) != ST_OK)
		return; // a help, no more
	file_push(piece->file, piece->pushed, size - piece->pushed);
	piece->pushed = size;
}

static void
keep_rate(const MergePiece *piece, uint64_t size)
{
	const MergeJob *job = piece->job;
	if (job->options->rate == 0 || job->alone) // deletions wait for it
		return;
	double due = (double)size / (double)job->options->rate * (double)SECOND;
	int64_t until = piece->began_ns + (int64_t)due;
	for (int64_t left;
		 merge_check_stop(job, NULL) == ST_OK && (left = until - clock_mono_ns()) > 0;)
		clock_sleep_ns(left < NAP ? left : NAP);
}

// They are about levels 0 and 1 only, so the merge's own table may be among them unless the merge
// is about these itself.
static void
let_urgent(const MergeJob *job)
{
	const MergeOptions *options = job->options;
	if (options->let_urgent == NULL || job->alone)
		return;
	bool low = job->choice.level < 2;
	for (int32_t i = 0; i < job->choice.count; i++)
		low |= job->choice.inputs[i]->level < 2;
	options->let_urgent(options->arg, low ? job->table : NULL);
}

static Status
next_turn(void *arg, Error *err)
{
	MergePiece *piece = arg;
	merge_rows_turn(&piece->rows);
	if (++piece->turns % LOOK_TURNS != 0)
		return ST_OK;
	TRY(merge_check_stop(piece->job, err));
	uint64_t size;
	if (file_stat_size(piece->tmp_path, &size, NULL) == ST_OK) {
		push_pages(piece, size);
		keep_rate(piece, size);
	}
	let_urgent(piece->job);
	if (piece->job->options->share != NULL && !piece->job->alone)
		merge_share_keep(&piece->share, atomic_load(piece->job->options->share));
	return ST_OK;
}

static Status
next_rows(void *arg, int64_t most, RowRun *out, Error *err)
{
	MergePiece *piece = arg;
	*out = (RowRun){0};
	if (piece->left == 0)
		return ST_OK;
	TRY(merge_rows_next(&piece->rows, most < piece->left ? most : piece->left, out, err));
	piece->left -= out->rows;
	if (piece->hot != NULL)
		hot_builder_add(piece->hot, out->batch, out->row, out->rows);
	return ST_OK;
}

// ---- its rows ----

MergeInputOptions
merge_input_of(const MergeJob *job, int32_t input)
{
	int32_t at = job->inputs[input];
	return (MergeInputOptions){
		.duck = job->options->duck,
		.file = file_set_at(job->files, at),
		.mask = file_set_mask(job->files, at),
		.def = job->def,
		.min_time = INT64_MIN,
		.max_time = INT64_MAX,
		.memory_bytes = job->options->memory_bytes / 2 / (uint64_t)job->choice.count,
	};
}

// The inputs that hold rows of [from, to), and what is said of them all.
static Status
open_inputs(MergePiece *piece, Shape *shape, Span piece_span, Error *err)
{
	const MergeJob *job = piece->job;
	FileMeta *meta = &piece->meta;
	int64_t unit = table_order_unit_ns(job->def);
	for (int32_t i = 0; i < job->choice.count; i++) {
		const FileMeta *from = job->choice.inputs[i];
		Span span = merge_span(&job->rules, from);
		if (job->rules.by_time && (span.max < piece_span.min || span.min > piece_span.max))
			continue;
		MergeInputOptions input = merge_input_of(job, i);
		int64_t min = piece_span.min > job->visible_from ? piece_span.min : job->visible_from;
		input.shape = shape;
		if (min > INT64_MIN)
			input.min_time = time_round_up(min, unit);
		if (piece_span.max < INT64_MAX)
			input.max_time = time_scale_saturating(piece_span.max, 1, unit);
		TRY(merge_rows_add(&piece->rows, &input, err));
		meta->min_seq = from->min_seq < meta->min_seq ? from->min_seq : meta->min_seq;
		meta->max_seq = from->max_seq > meta->max_seq ? from->max_seq : meta->max_seq;
		meta->sealed_ns = from->sealed_ns > meta->sealed_ns ? from->sealed_ns : meta->sealed_ns;
	}
	return merge_rows_begin(&piece->rows, err);
}

static Status
piece_new(MergeJob *job, MergePiece **out, Error *err)
{
	SCOPED(piece_drop) MergePiece *piece = mem_alloc(sizeof(*piece));
	if (piece == NULL)
		return error_no_memory(err, "a merge");
	merge_rows_init(&piece->rows);
	piece->job = job;
	piece->left = INT64_MAX;
	piece->began_ns = clock_mono_ns();
	piece->meta = (FileMeta){.table_id = job->table->id,
							 .table_version = table_version(job->def),
							 .min_seq = UINT64_MAX};
	*out = TAKE(piece);
	return ST_OK;
}

static Status
name_piece(MergePiece *piece, Error *err)
{
	const MergeJob *job = piece->job;
	Store *store = job->store;
	FileMeta *meta = &piece->meta;
	TRY(catalog_next_segment_id(store->options.catalog, &meta->segment_id, err));
	piece->tmp_path = mem_printf("%s/%" PRIu64 ".parquet", store->tmp_dir, meta->segment_id);
	piece->path = store_file_path(store, meta->table_id, meta->segment_id);
	if (piece->tmp_path == NULL || piece->path == NULL)
		return error_no_memory(err, "a merge");
	if (job->hot_bytes > 0)
		hot_keep_begin(store, job->def, job->hot_bytes, &piece->hot);
	return ST_OK;
}

// ---- what is said of it ----

// Whether files that are older than the result hold times of the range: no key is twice among the
// inputs any more.
static bool
older_overlap(const MergeJob *job, int64_t min, int64_t max)
{
	for (int32_t i = 0; i < job->list.count; i++) {
		const FileMeta *file = job->list.files[i];
		bool input = false;
		for (int32_t in = 0; in < job->choice.count; in++)
			input |= job->choice.inputs[in] == file;
		if (!input && file->level > job->choice.level && file->min_time <= max &&
			file->max_time >= min)
			return true;
	}
	return false;
}

static void
describe_late(const MergeJob *job, FileMeta *meta)
{
	int64_t min = INT64_MAX, max = INT64_MIN;
	for (int32_t i = 0; i < job->choice.count && table_replaces(job->def); i++) {
		const FileMeta *from = job->choice.inputs[i];
		if (from->late_min > from->late_max)
			continue;
		min = from->late_min < min ? from->late_min : min;
		max = from->late_max > max ? from->late_max : max;
	}
	bool late = min <= max && older_overlap(job, min, max);
	meta->late_min = late ? min : 1;
	meta->late_max = late ? max : 0;
}

static void
describe(MergePiece *piece, const ParquetFile *written)
{
	const MergeJob *job = piece->job;
	FileMeta *meta = &piece->meta;
	bool by_time = job->rules.by_time;
	int64_t unit = table_order_unit_ns(job->def);
	meta->rows = written->rows;
	meta->bytes = written->bytes;
	meta->footer_bytes = written->footer_bytes;
	meta->created_ns = clock_wall_ns();
	meta->min_time = by_time ? time_scale_saturating(piece->rows.min_time, unit, 1) : 1;
	meta->max_time = by_time ? time_scale_saturating(piece->rows.max_time, unit, 1) : 0;
	describe_late(job, meta);
	meta->level = merge_highest_level(&job->list, &job->rules, job->choice.level,
									  merge_span(&job->rules, meta));
}

// ---- the file ----

static Status
write_rows(MergePiece *piece, Error *err)
{
	MergeJob *job = piece->job;
	RowSource source = {next_rows, next_turn, piece};
	ParquetFile written = {0};
	TRY(duck_write_rows(job->conn, table_schema(job->def), &source, job->words, piece->tmp_path,
						&written, err));
	if (written.rows != piece->rows.rows)
		return error_set(err, ST_INTERNAL, "%s has %" PRId64 " rows instead of %" PRId64,
						 piece->tmp_path, written.rows, piece->rows.rows);
	describe(piece, &written);
	return ST_OK;
}

// Renamed; the directory is synced for all of them later.
static Status
place(MergePiece *piece, Error *err)
{
	MergeJob *job = piece->job;
	SCOPED(file_drop) File *file = NULL;
	TRY(file_open(piece->tmp_path, FILE_WRITE, &file, err));
	TRY(file_sync(file, err));
	TRY(verify_take_hashes(file, &piece->meta, err));
	DataFile *output = NULL;
	TRY(data_file_new(&piece->meta, job->def, piece->path, &output, err));
	Status st = file_rename(piece->tmp_path, piece->path, err);
	if (st != ST_OK) {
		data_file_unref(output);
		return st;
	}
	data_file_written(output);
	job->hots[job->output_count] = hot_keep_end(job->store, job->table, piece->meta.segment_id,
												piece->hot, &job->hot_entries[job->output_count]);
	job->metas[job->output_count] = piece->meta;
	job->outputs[job->output_count++] = output;
	job->rows += piece->meta.rows;
	return ST_OK;
}

Status
merge_piece_write(MergeJob *job, Shape *shape, Span span, Error *err)
{
	SCOPED(piece_drop) MergePiece *piece = NULL;
	TRY(piece_new(job, &piece, err));
	TRY(name_piece(piece, err));
	TRY(open_inputs(piece, shape, span, err));
	Status st = write_rows(piece, err);
	if (st == ST_OK && piece->meta.rows > 0)
		st = place(piece, err);
	if (st != ST_OK || piece->meta.rows == 0) // all of it was deleted
		(void)file_unlink(piece->tmp_path, NULL);
	return st;
}

Status
merge_piece_try(MergeJob *job, Shape *shape, int32_t words, uint64_t *bytes, Error *err)
{
	SCOPED(piece_drop) MergePiece *piece = NULL;
	TRY(piece_new(job, &piece, err));
	piece->tmp_path = mem_printf("%s/trial.parquet", job->store->tmp_dir);
	if (piece->tmp_path == NULL)
		return error_no_memory(err, "a merge");
	TRY(file_unlink_if_there(piece->tmp_path, err)); // left by an attempt that failed
	TRY(open_inputs(piece, shape, (Span){INT64_MIN, INT64_MAX}, err));
	piece->left = PARQUET_GROUP_ROWS;
	job->words = words;
	TRY(write_rows(piece, err));
	*bytes = piece->meta.bytes;
	return file_unlink(piece->tmp_path, err);
}
