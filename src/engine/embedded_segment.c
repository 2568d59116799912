// embedded_segment.c - segments of mobius.h: looked for by id each time they are asked about, since
// flushes and merges go on meanwhile.

#include <assert.h>
#include <inttypes.h>

#include "base/mem.h"
#include "engine/embedded_int.h"

// ---- what a snapshot shows ----

static mobius_segment_info
file_info(const FileSet *files, int32_t i)
{
	const FileMeta *meta = data_file_meta(file_set_at(files, i));
	return (mobius_segment_info){
		.id = meta->segment_id,
		.status = MOBIUS_SEGMENT_FLUSHED,
		.rows = meta->rows - mask_count(file_set_mask(files, i)),
		.created_at = meta->created_ns,
		.sealed_at = meta->sealed_ns,
	};
}

static mobius_segment_info
memory_info(const TableView *view, int32_t i, uint64_t seq)
{
	static_assert((int)MOBIUS_SEGMENT_DROPPED == (int)SEGMENT_DROPPED, "one word for one idea");
	const SegmentStats stats = segment_stats(view->segments[i]);
	const TableView alone = {.segments = &view->segments[i], .segment_count = 1};
	return (mobius_segment_info){
		.id = stats.id,
		.status = (mobius_segment_status)stats.status,
		.rows = view_rows(&alone, seq),
		.created_at = stats.created_ns,
		.sealed_at = stats.sealed_ns,
	};
}

static int32_t
info_count(const TableView *view)
{
	return file_set_count(view->files) + view->segment_count;
}

static mobius_segment_info
info_at(const TableView *view, int32_t i, uint64_t seq)
{
	int32_t files = file_set_count(view->files);
	return i < files ? file_info(view->files, i) : memory_info(view, i - files, seq);
}

// ---- of a collection ----

static Status
each_segment(const mobius_collection *collection, mobius_each_segment *each, void *arg, Error *err)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	TRY(embedded_collection_snapshot(collection, &snapshot, err));
	const TableView *view = &snapshot->tables[0];
	for (int32_t i = 0; i < info_count(view); i++) {
		const mobius_segment_info info = info_at(view, i, snapshot->seq);
		mobius_status st = each(arg, &info);
		if (st != MOBIUS_OK)
			return error_set(err, (Status)st, "the list was ended at segment %" PRIu64, info.id);
	}
	return ST_OK;
}

mobius_status
mobius_segments(mobius_collection *collection, mobius_each_segment *each, void *arg,
				mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(each_segment(collection, each, arg, &e), &e, err);
}

typedef struct OfStatus {
	mobius_segment_status status;
	mobius_each_segment *each;
	void *arg;
} OfStatus;

static mobius_status
tell_of_status(void *arg, const mobius_segment_info *info)
{
	const OfStatus *of = arg;
	return info->status == of->status ? of->each(of->arg, info) : MOBIUS_OK;
}

mobius_status
mobius_segments_by_status(mobius_collection *collection, mobius_segment_status status,
						  mobius_each_segment *each, void *arg, mobius_error *err)
{
	return mobius_segments(collection, tell_of_status, &(OfStatus){status, each, arg}, err);
}

mobius_status
mobius_segments_size(mobius_collection *collection, int64_t *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Status st = embedded_collection_snapshot(collection, &snapshot, &e);
	if (st == ST_OK)
		*out = info_count(&snapshot->tables[0]);
	return error_out(st, &e, err);
}

mobius_status
mobius_segments_empty(mobius_collection *collection, bool *out, mobius_error *err)
{
	int64_t count;
	mobius_status st = mobius_segments_size(collection, &count, err);
	if (st == MOBIUS_OK)
		*out = count == 0;
	return st;
}

typedef struct Search {
	bool (*is_it)(const struct Search *search, const mobius_segment_info *info);
	uint64_t id;
	mobius_segment_status status;
	int64_t found;
	mobius_segment_info last;
} Search;

static bool
has_id(const Search *search, const mobius_segment_info *info)
{
	return info->id == search->id;
}

static bool
has_status(const Search *search, const mobius_segment_info *info)
{
	return info->status == search->status;
}

static mobius_status
search_segment(void *arg, const mobius_segment_info *info)
{
	Search *search = arg;
	if (search->is_it(search, info)) {
		search->found++;
		search->last = *info;
	}
	return MOBIUS_OK;
}

mobius_status
mobius_segment_count(mobius_collection *collection, mobius_segment_status status, int64_t *out,
					 mobius_error *err)
{
	Search search = {.is_it = has_status, .status = status};
	mobius_status st = mobius_segments(collection, search_segment, &search, err);
	if (st == MOBIUS_OK)
		*out = search.found;
	return st;
}

mobius_status
mobius_segment_exists(mobius_collection *collection, uint64_t id, bool *out, mobius_error *err)
{
	Search search = {.is_it = has_id, .id = id};
	mobius_status st = mobius_segments(collection, search_segment, &search, err);
	if (st == MOBIUS_OK)
		*out = search.found > 0;
	return st;
}

// ---- handles ----

static void
segment_close(mobius_segment **segment)
{
	mobius_segment_close(*segment);
}

static Status
open_found(const mobius_collection *collection, const mobius_segment_info *info,
		   mobius_segment **out, Error *err)
{
	SCOPED(segment_close) mobius_segment *segment = mem_alloc(sizeof(*segment));
	if (segment == NULL)
		return error_no_memory(err, "a segment");
	segment->id = info->id;
	atomic_init(&segment->created_ns, info->created_at);
	atomic_init(&segment->sealed_ns, info->sealed_at);
	TRY(embedded_collection_new(collection->db, collection->table, &segment->collection, err));
	*out = TAKE(segment);
	return ST_OK;
}

static Status
open_by_id(const mobius_collection *collection, uint64_t id, mobius_segment **out, Error *err)
{
	Search search = {.is_it = has_id, .id = id};
	TRY(each_segment(collection, search_segment, &search, err));
	if (search.found == 0)
		return error_set(err, ST_NOT_FOUND,
						 "collection \"%s\" has no segment %" PRIu64
						 "; mobius_segments lists those it has",
						 table_name(collection->made), id);
	return open_found(collection, &search.last, out, err);
}

mobius_status
mobius_segment_open(mobius_collection *collection, uint64_t id, mobius_segment **out,
					mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_by_id(collection, id, out, &e), &e, err);
}

static Status
open_growing(const mobius_collection *collection, mobius_segment **out, Error *err)
{
	Search search = {.is_it = has_status, .status = MOBIUS_SEGMENT_GROWING};
	TRY(each_segment(collection, search_segment, &search, err));
	if (search.found == 0)
		return error_set(err, ST_NOT_FOUND,
						 "collection \"%s\" has no growing segment; the next row begins one",
						 table_name(collection->made));
	return open_found(collection, &search.last, out, err);
}

mobius_status
mobius_segment_active(mobius_collection *collection, mobius_segment **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_growing(collection, out, &e), &e, err);
}

void
mobius_segment_close(mobius_segment *segment)
{
	if (segment == NULL)
		return;
	mobius_collection_close(segment->collection);
	mem_free(segment);
}

uint64_t
mobius_segment_id(const mobius_segment *segment)
{
	return segment->id;
}

// ---- its life ----

static Status
look(mobius_segment *segment, mobius_segment_info *out, Error *err)
{
	Search search = {.is_it = has_id, .id = segment->id};
	Status st = each_segment(segment->collection, search_segment, &search, err);
	if (st != ST_OK && st != ST_NOT_FOUND)
		return st;
	if (search.found > 0) {
		atomic_store(&segment->created_ns, search.last.created_at);
		atomic_store(&segment->sealed_ns, search.last.sealed_at);
		*out = search.last;
		return ST_OK;
	}
	*out = (mobius_segment_info){
		.id = segment->id,
		.status = MOBIUS_SEGMENT_DROPPED,
		.created_at = atomic_load(&segment->created_ns),
		.sealed_at = atomic_load(&segment->sealed_ns),
	};
	return ST_OK;
}

mobius_status
mobius_segment_look(mobius_segment *segment, mobius_segment_info *out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(look(segment, out, &e), &e, err);
}

static Status
check_growing(mobius_segment *segment, Error *err)
{
	mobius_segment_info info;
	TRY(look(segment, &info, err));
	if (info.status == MOBIUS_SEGMENT_GROWING)
		return ST_OK;
	return error_set(err, ST_SEALED,
					 "segment %" PRIu64 " is %s and takes no rows; append to its collection",
					 segment->id, segment_status_name((SegmentStatus)info.status));
}

typedef struct Seal {
	mobius_segment *segment;
	Status status;
	Error error;
} Seal;

// In the publishing thread: nobody else seals meanwhile.
static void
seal_if_growing(void *arg)
{
	Seal *seal = arg;
	const mobius_collection *collection = seal->segment->collection;
	seal->status = check_growing(seal->segment, &seal->error);
	if (seal->status != ST_OK)
		return;
	store_seal(collection->db->store, collection->table, 0);
	// Without memory for the next segment it goes on growing.
	Error none = ERROR_INIT;
	Status st = check_growing(seal->segment, &none);
	if (st != ST_SEALED)
		seal->status = st == ST_OK ? error_no_memory(&seal->error, "the next segment")
								   : error_set(&seal->error, st, "%s", none.text);
}

Status
embedded_segment_seal(mobius_segment *segment, Error *err)
{
	mobius *db = segment->collection->db;
	TRY(database_ready(db, err));
	Seal seal = {.segment = segment, .error = ERROR_INIT};
	conductor_run(db->conductor, seal_if_growing, &seal);
	if (seal.status != ST_OK)
		*err = seal.error;
	return seal.status;
}

mobius_status
mobius_segment_seal(mobius_segment *segment, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(embedded_segment_seal(segment, &e), &e, err);
}

typedef struct Rotation {
	const mobius_collection *collection;
	Status status;
	Error error;
} Rotation;

// In the publishing thread.
static void
end_growing(void *arg)
{
	Rotation *r = arg;
	const mobius_collection *collection = r->collection;
	r->status = embedded_collection_check(collection, &r->error);
	if (r->status == ST_OK)
		r->status = store_end_segment(collection->db->store, collection->table, &r->error);
}

mobius_status
mobius_segment_rotate(mobius_collection *collection, mobius_error *err)
{
	Rotation r = {.collection = collection, .error = ERROR_INIT};
	r.status = database_ready(collection->db, &r.error);
	if (r.status == ST_OK)
		conductor_run(collection->db->conductor, end_growing, &r);
	return error_out(r.status, &r.error, err);
}

static Status
append_growing(mobius_segment *segment, struct ArrowSchema *schema, struct ArrowArray *array,
			   uint64_t *seq, Error *err)
{
	TRY(check_growing(segment, err));
	return embedded_collection_append(segment->collection, schema, array, seq, NULL, err);
}

mobius_status
mobius_segment_append(mobius_segment *segment, struct ArrowSchema *schema, struct ArrowArray *array,
					  uint64_t *seq, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st = append_growing(segment, schema, array, seq, &e);
	embedded_release(schema, array);
	return error_out(st, &e, err);
}
