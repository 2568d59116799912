// flush.c - SEALED → FLUSHED: the oldest sealed segment of a table becomes a Parquet file.
//
// In this order, each step durable before the next: file under tmp/, its bytes synced, renamed into
// files/, the directory synced, the catalog's commit; only then is it shown to readers, and the log
// may go. A crash in between leaves a file the catalog does not know, which the next start removes,
// and the rows in the log.

#include "base/mem.h"
#include "store/flush_int.h"
#include "store/quarantine.h"

// The oldest rows first, but a table that cannot be flushed must not hold up the others.
static bool
comes_before(const Table *table, uint64_t min_seq, const Flush *best)
{
	if (best->link == NULL || table->failed_flushes != best->table->failed_flushes)
		return best->link == NULL || table->failed_flushes < best->table->failed_flushes;
	return min_seq < best->stats.min_seq;
}

static void
consider_locked(const Store *store, Table *table, Flush *best)
{
	Link *link = table->flush_waits ? NULL : table_ripe_locked(store, table);
	if (link == NULL)
		return;
	SegmentStats stats = segment_stats(link->segment);
	if (!comes_before(table, stats.min_seq, best))
		return;
	best->table = table;
	best->link = link;
	best->stats = stats;
}

static bool
find_oldest(Store *store, Flush *flush)
{
	pthread_mutex_lock(&store->lock);
	for (int b = 0; b < TABLE_BUCKETS; b++)
		for (Table *t = store->by_id[b]; t != NULL; t = t->next_by_id)
			consider_locked(store, t, flush);
	if (flush->link != NULL) {
		table_ref(flush->table);
		flush->segment = segment_ref(flush->link->segment);
		flush->def = table_def_ref(flush->link->def);
	}
	pthread_mutex_unlock(&store->lock);
	return flush->link != NULL;
}

// ---- rows that were deleted while the file was written ----

static Status
note_dead(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	uint8_t *dead = (uint8_t *)arg + part->first_row;
	for (int64_t row = 0; row < part->rows; row++)
		dead[row] = !part_is_live(part, row);
	return ST_OK;
}

// NULL: there are none.
static Status
late_mask(const Flush *flush, Mask **out, Error *err)
{
	const Segment *seg = flush->segment;
	*out = NULL;
	int64_t left_out = flush->stats.rows - flush->meta.rows; // deleted, or replaced
	int64_t deleted = segment_dead_rows(seg, UINT64_MAX);
	if (deleted == 0 || (!table_replaces(flush->def) && deleted == left_out))
		return ST_OK;
	SCOPED(mem_drop) uint8_t *dead = mem_alloc((size_t)flush->stats.rows);
	SCOPED(buf_close) Buf rows = BUF_INIT;
	if (dead == NULL)
		return error_no_memory(err, "a mask");
	TRY(segment_each(seg, UINT64_MAX, INT64_MIN, INT64_MAX, note_dead, dead, err));
	for (int64_t i = 0; i < flush->meta.rows; i++)
		if (dead[flush->positions[i]])
			buf_add(&rows, &(uint32_t){(uint32_t)i}, sizeof(uint32_t));
	TRY(buf_status(&rows, err, "a mask"));
	if (rows.len == 0)
		return ST_OK;
	TRY(mask_of_rows(&rows, out, err));
	mask_stamp(*out, segment_newest_deletion(seg));
	return ST_OK;
}

// ---- publication ----

// The table's files as they are. False: the segment is not the table's any more.
static bool
still_there(const Flush *flush, FileSet **files)
{
	Table *table = flush->table;
	pthread_mutex_lock(&flush->store->lock);
	bool there = table->oldest != NULL && table->oldest->segment == flush->segment;
	*files = file_set_ref(table->files);
	pthread_mutex_unlock(&flush->store->lock);
	return there;
}

// In one step readers lose the segment and get the file. False: the table was dropped meanwhile.
static bool
swap_in(const Flush *flush, FileSet *files)
{
	Table *table = flush->table;
	Link *link = NULL;
	pthread_mutex_lock(&flush->store->lock);
	if (table_swap_files_locked(table, &files)) {
		must(table->oldest == flush->link);
		link = table_take_links_locked(table, flush->link);
		atomic_store(&table->flushed_seq, flush->stats.max_seq);
	}
	pthread_mutex_unlock(&flush->store->lock);
	file_set_unref(files);
	link_free(link);
	return link != NULL;
}

static void
forget(const Flush *flush, DataFile *file)
{
	if (flush->meta.rows > 0)
		data_file_doom(file);
}

// Nobody will read it. The file goes only once the catalog does not know it any more; else the next
// start removes it.
static void
take_back(const Flush *flush, DataFile *file)
{
	Store *store = flush->store;
	uint64_t id = data_file_meta(file)->segment_id;
	CatalogEdit edit = {.removed = &id, .removed_count = 1};
	if (catalog_publish(store->options.catalog, &edit, NULL) == ST_OK)
		forget(flush, file);
}

// The file has each key once: its late rows matter where older files may have them too.
static void
describe_late(Flush *flush, const FileSet *older)
{
	FileMeta *meta = &flush->meta;
	const SegmentStats *stats = &flush->stats;
	for (int32_t i = 0; i < file_set_count(older) && table_replaces(flush->def); i++) {
		const FileMeta *file = data_file_meta(file_set_at(older, i));
		if (file->min_time > stats->late_max || file->max_time < stats->late_min)
			continue;
		meta->late_min = stats->late_min;
		meta->late_max = stats->late_max;
	}
}

static Status
catalog_file(const Flush *flush, const Mask *late, Error *err)
{
	SCOPED(buf_close) Buf rows = BUF_INIT;
	CatalogFlushed flushed = {flush->table->id, flush->stats.max_seq, table_last_id(flush->table)};
	CatalogMask mask = {.segment_id = flush->meta.segment_id};
	CatalogEdit edit = {.files = &flush->meta,
						.file_count = flush->meta.rows > 0,
						.masks = &mask,
						.flushed = &flushed,
						.flushed_count = 1};
	if (late != NULL) {
		TRY(mask_encode(late, &rows, err));
		mask.seq = mask_seq(late);
		mask.rows = buf_slice(&rows);
		edit.mask_count = 1;
	}
	return catalog_publish(flush->store->options.catalog, &edit, err);
}

// With the table's rewrite lock: what is deleted from now on has its address in the file.
static Status
publish(Flush *flush, Error *err)
{
	SCOPED(data_file_drop) DataFile *file = NULL;
	SCOPED(mask_drop) Mask *late = NULL;
	SCOPED(file_set_drop) FileSet *old = NULL;
	SCOPED(file_set_drop) FileSet *next = NULL;
	TRY(store_check_thawed(flush->store, err));
	bool there = still_there(flush, &old);
	describe_late(flush, old);
	TRY(data_file_new(&flush->meta, flush->def, flush->path, &file, err));
	data_file_written(file);
	if (!there) {
		forget(flush, file); // the catalog never knew it
		return ST_OK;
	}
	TRY(late_mask(flush, &late, err));
	FileSetEdit edit = {.added = &file,
						.added_masks = &late,
						.added_hots = &flush->hot,
						.added_count = flush->meta.rows > 0};
	TRY(file_set_edit(old, &edit, &next, err));
	Replayed *replayed = NULL;
	if (flush->table->replaying)
		TRY(replayed_new(flush->segment, flush->positions, flush->meta.rows, &replayed, err));
	else
		TRY(catalog_file(flush, late, err));
	if (swap_in(flush, TAKE(next)))
		hot_keep(flush->store, TAKE(flush->hot_entry));
	else
		take_back(flush, file);
	if (replayed != NULL)
		replayed_add(flush->table, replayed);
	return ST_OK;
}

void
store_freeze(Store *store)
{
	atomic_store(&store->frozen, true);
}

Status
store_check_thawed(const Store *store, Error *err)
{
	return atomic_load(&store->frozen)
			   ? error_set(err, ST_UNAVAILABLE, "no files are made: a sync of the log failed")
			   : ST_OK;
}

// ---- one after the other ----

static void
note_outcome(const Flush *flush, Status st, int64_t *rows)
{
	flush->table->failed_flushes = st == ST_OK ? 0 : flush->table->failed_flushes + 1;
	if (st != ST_OK) {
		atomic_fetch_add(&flush->table->flush_failures, 1);
		return;
	}
	*rows = flush->stats.rows;
	atomic_fetch_add(&flush->store->flushed_bytes, flush->meta.bytes);
}

// False: who changes the table's rows has its rewrite lock, maybe for a long read.
static bool
try_publish(Flush *flush, Status *st, int64_t *rows, Error *err)
{
	if (!table_rewrite_try(flush->table))
		return false;
	*st = publish(flush, err);
	table_rewrite_unlock(flush->table);
	note_outcome(flush, *st, rows);
	return true;
}

static bool
publish_waiting(Store *store, Status *st, int64_t *rows, Error *err)
{
	for (Flush **at = &store->waiting; *at != NULL; at = &(*at)->next) {
		Flush *flush = *at;
		if (!try_publish(flush, st, rows, err))
			continue;
		*at = flush->next;
		flush->table->flush_waits = false;
		flush_close(flush);
		mem_free(flush);
		return true;
	}
	return false;
}

// Takes it.
static Status
let_wait(Flush *flush, Error *err)
{
	Flush *kept = mem_alloc(sizeof(*kept));
	if (kept == NULL)
		return error_no_memory(err, "a flush");
	*kept = *flush;
	*flush = (Flush){0};
	kept->table->flush_waits = true;
	kept->next = kept->store->waiting;
	kept->store->waiting = kept;
	return ST_OK;
}

// The oldest there is. *did stays false: there is none, or it waits now (*waits).
static Status
flush_next(Store *store, DuckConn *conn, bool *did, bool *waits, int64_t *rows, Error *err)
{
	SCOPED(flush_close) Flush flush = {.store = store, .cached = true};
	*waits = false;
	*did = find_oldest(store, &flush);
	if (!*did)
		return ST_OK;
	Status st = flush_write(&flush, conn, err);
	if (st != ST_OK) {
		note_outcome(&flush, st, rows);
		return st;
	}
	*waits = !try_publish(&flush, &st, rows, err);
	if (!*waits)
		return st;
	st = let_wait(&flush, err);
	if (st != ST_OK)
		note_outcome(&flush, st, rows);
	*did = st != ST_OK;
	return st;
}

Status
store_flush_one(Store *store, DuckConn *conn, bool *did, int64_t *rows, Error *err)
{
	Status st = ST_OK;
	*rows = 0;
	*did = publish_waiting(store, &st, rows, err);
	for (bool more = !*did; more && st == ST_OK;)
		st = flush_next(store, conn, did, &more, rows, err);
	return st;
}

uint64_t
table_flush_failures(const Table *table)
{
	return atomic_load(&table->flush_failures);
}

bool
store_flush_waits(const Store *store)
{
	return store->waiting != NULL;
}

void
flush_close_waiting(Store *store)
{
	for (Flush *next; store->waiting != NULL; store->waiting = next) {
		next = store->waiting->next;
		flush_close(store->waiting);
		mem_free(store->waiting);
	}
}
