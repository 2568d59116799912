// adopt.c - files that a commit adds to its table, with the payload of its record (adopt.h).

#include "store/adopt.h"

#include <string.h>

#include "base/mem.h"
#include "base/reader.h"
#include "store/bulk_int.h"
#include "store/quarantine.h"

enum { FORMAT = 1, FILE_BYTES = 12 * 8 };

// ---- made ----

static Status
adopt_alloc(Table *table, TableDef *def, int32_t files, StoreAdopt **out, Error *err)
{
	StoreAdopt *adopt = mem_alloc(sizeof(*adopt));
	if (adopt == NULL)
		return error_no_memory(err, "files");
	adopt->table = table_ref(table);
	adopt->def = table_def_ref(def);
	adopt->files = mem_alloc_array((size_t)files + 1, sizeof(DataFile *));
	if (adopt->files == NULL) {
		store_adopt_free(adopt);
		return error_no_memory(err, "files");
	}
	*out = adopt;
	return ST_OK;
}

void
store_adopt_free(StoreAdopt *adopt)
{
	if (adopt == NULL)
		return;
	// Behind a failed sync the record may be found again.
	bool keep = adopt->applied || adopt->replayed || atomic_load(&adopt->table->store->frozen);
	for (int32_t i = 0; i < adopt->count; i++) {
		if (!keep)
			data_file_doom(adopt->files[i]);
		data_file_unref(adopt->files[i]);
	}
	mem_free(adopt->files);
	file_set_unref(adopt->base);
	file_set_unref(adopt->next);
	link_free(adopt->spare);
	catalog_change_free(adopt->change);
	table_def_unref(adopt->def);
	table_unref(adopt->table);
	mem_free(adopt);
}

static void
adopt_drop(StoreAdopt **adopt)
{
	store_adopt_free(*adopt);
}

Status
bulk_outdated(const TableDef *def, Error *err)
{
	return error_set(err, ST_CONFLICT,
					 "the columns of table \"%s\" changed while rows were written for it; nothing "
					 "was stored: try again",
					 table_name(def));
}

static Status
make_change(StoreAdopt *adopt, Error *err)
{
	SCOPED(mem_drop) FileMeta *metas = mem_alloc_array((size_t)adopt->count + 1, sizeof(*metas));
	if (metas == NULL)
		return error_no_memory(err, "files");
	for (int32_t i = 0; i < adopt->count; i++)
		metas[i] = *data_file_meta(adopt->files[i]);
	return catalog_change_adopt(adopt->table->id, metas, adopt->count, &adopt->change, err);
}

// All that is needed once it is applied. The new files are behind all others, whatever their seq
// will be.
static Status
prepare(StoreAdopt *adopt, FileSet *base, Error *err)
{
	for (int32_t i = 0; i < adopt->count; i++)
		data_file_adopt(adopt->files[i], UINT64_MAX);
	FileSetEdit edit = {.added = adopt->files, .added_count = adopt->count};
	TRY(file_set_edit(base, &edit, &adopt->next, err));
	adopt->base = file_set_ref(base);
	TRY(link_new(adopt->table->store, adopt->def, &adopt->spare, err));
	return make_change(adopt, err);
}

static void
take_files(StoreAdopt *adopt, Bulk *bulk)
{
	for (int32_t i = 0; i < bulk->count; i++)
		adopt->files[adopt->count++] = bulk->files[i];
	bulk->count = 0;
}

Status
store_adopt_new(Store *store, Table *table, Bulk *const *bulks, int32_t count,
				const StoreDelete *del, StoreAdopt **out, Error *err)
{
	TRY(store_check_thawed(store, err));
	if (table_dropped(table))
		return error_set(err, ST_NOT_FOUND, "the table was dropped; nothing was stored");
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	int32_t files = 0;
	for (int32_t i = 0; i < count; i++) {
		if (table_version(bulks[i]->def) != table_version(def))
			return bulk_outdated(def, err);
		files += bulks[i]->count;
	}
	SCOPED(adopt_drop) StoreAdopt *adopt = NULL;
	TRY(adopt_alloc(table, def, files, &adopt, err));
	for (int32_t i = 0; i < count; i++)
		take_files(adopt, bulks[i]);
	SCOPED(file_set_drop) FileSet *now = table_files(table);
	TRY(prepare(adopt, del != NULL && del->next != NULL ? del->next : now, err));
	*out = TAKE(adopt);
	return ST_OK;
}

int64_t
store_adopt_rows(const StoreAdopt *adopt)
{
	int64_t rows = 0;
	for (int32_t i = 0; i < adopt->count; i++)
		rows += data_file_meta(adopt->files[i])->rows;
	return rows;
}

bool
store_adopt_times(const StoreAdopt *adopt, int64_t *min, int64_t *max)
{
	*min = INT64_MAX;
	*max = INT64_MIN;
	for (int32_t i = 0; i < adopt->count; i++) {
		const FileMeta *meta = data_file_meta(adopt->files[i]);
		*min = meta->min_time <= meta->max_time && meta->min_time < *min ? meta->min_time : *min;
		*max = meta->min_time <= meta->max_time && meta->max_time > *max ? meta->max_time : *max;
	}
	return *min <= *max;
}

// ---- to and from the log ----

static void
encode_file(const FileMeta *meta, Buf *out)
{
	const uint64_t before[] = {meta->segment_id, (uint64_t)meta->rows, meta->bytes,
							   meta->footer_bytes};
	const int64_t after[] = {meta->min_time, meta->max_time, meta->created_ns, meta->sealed_ns};
	for (size_t i = 0; i < COUNT_OF(before); i++)
		buf_add_u64(out, before[i]);
	buf_add(out, &meta->hash, sizeof(meta->hash));
	buf_add(out, &meta->footer_hash, sizeof(meta->footer_hash));
	for (size_t i = 0; i < COUNT_OF(after); i++)
		buf_add_u64(out, (uint64_t)after[i]);
}

Status
store_adopt_encode(const StoreAdopt *adopt, Buf *out, Error *err)
{
	SCOPED(buf_close) Buf def = BUF_INIT;
	TRY(table_def_encode(adopt->def, &def, err));
	buf_add_u32(out, FORMAT);
	buf_add_u32(out, (uint32_t)def.len);
	buf_add_slice(out, buf_slice(&def));
	buf_add_u32(out, (uint32_t)adopt->count);
	for (int32_t i = 0; i < adopt->count; i++)
		encode_file(data_file_meta(adopt->files[i]), out);
	return buf_status(out, err, "a commit");
}

static Status
bad_record(Error *err)
{
	return error_set(err, ST_CORRUPT, "a record of files that is none");
}

static Hash128
read_hash(Reader *r)
{
	Hash128 hash = {0};
	Slice bytes = reader_bytes(r, sizeof(hash));
	if (bytes.len == sizeof(hash))
		memcpy(&hash, bytes.data, sizeof(hash));
	return hash;
}

void
file_meta_come_late(FileMeta *meta, const TableDef *def)
{
	bool late = table_replaces(def) && meta->min_time <= meta->max_time;
	meta->late_min = late ? meta->min_time : 1;
	meta->late_max = late ? meta->max_time : 0;
}

static FileMeta
decode_file(Reader *r, const TableDef *def, uint64_t seq)
{
	FileMeta meta = {.table_id = table_id(def),
					 .table_version = table_version(def),
					 .min_seq = seq,
					 .max_seq = seq};
	meta.segment_id = reader_u64(r);
	meta.rows = (int64_t)reader_u64(r);
	meta.bytes = reader_u64(r);
	meta.footer_bytes = reader_u64(r);
	meta.hash = read_hash(r);
	meta.footer_hash = read_hash(r);
	meta.min_time = (int64_t)reader_u64(r);
	meta.max_time = (int64_t)reader_u64(r);
	meta.created_ns = (int64_t)reader_u64(r);
	meta.sealed_ns = (int64_t)reader_u64(r);
	file_meta_come_late(&meta, def);
	return meta;
}

void
adopted_files_close(AdoptedFiles *files)
{
	table_def_unref(files->def);
	mem_free(files->metas);
	*files = (AdoptedFiles){0};
}

Status
adopted_files_read(Slice payload, uint64_t seq, AdoptedFiles *out, Error *err)
{
	Reader r = reader_of(payload);
	uint32_t format = reader_u32(&r);
	Slice encoded = reader_counted(&r);
	uint32_t count = reader_u32(&r);
	if (r.failed || format != FORMAT || count != reader_left(&r) / FILE_BYTES)
		return bad_record(err);
	SCOPED(adopted_files_close) AdoptedFiles files = {0};
	TRY(table_def_decode(encoded, &files.def, err));
	files.metas = mem_alloc_array((size_t)count + 1, sizeof(FileMeta));
	if (files.metas == NULL)
		return error_no_memory(err, "files");
	for (; (uint32_t)files.count < count; files.count++) {
		FileMeta meta = decode_file(&r, files.def, seq);
		if (meta.rows <= 0 || meta.rows > UINT32_MAX || meta.footer_bytes > meta.bytes)
			return bad_record(err);
		files.metas[files.count] = meta;
	}
	if (r.failed || reader_left(&r) > 0)
		return bad_record(err);
	*out = files;
	files = (AdoptedFiles){0};
	return ST_OK;
}

static Status
open_file(StoreAdopt *adopt, const FileMeta *meta, const DamageNotes *notes, Error *err)
{
	SCOPED(mem_drop)
	char *path = store_file_path(adopt->table->store, meta->table_id, meta->segment_id);
	if (path == NULL)
		return error_no_memory(err, "files");
	TRY(data_file_new(meta, adopt->def, path, &adopt->files[adopt->count], err));
	adopt->count++;
	// One that is missing or short is not read, and named to who would.
	return data_file_look(adopt->files[adopt->count - 1], notes, err);
}

static Status
decode(Table *table, Slice payload, uint64_t seq, StoreAdopt **out, Error *err)
{
	SCOPED(adopted_files_close) AdoptedFiles files = {0};
	TRY(adopted_files_read(payload, seq, &files, err));
	if (table_id(files.def) != table->id)
		return bad_record(err);
	SCOPED(adopt_drop) StoreAdopt *adopt = NULL;
	TRY(adopt_alloc(table, files.def, files.count, &adopt, err));
	adopt->replayed = true;
	SCOPED(damage_notes_close) DamageNotes notes = {BUF_INIT};
	TRY(damage_notes_read(&notes, table->store, table->id, err));
	for (int32_t i = 0; i < files.count; i++)
		TRY(open_file(adopt, &files.metas[i], &notes, err));
	*out = TAKE(adopt);
	return ST_OK;
}

// ---- applied ----

// Rows that were there before stay before: of a table, seqs of memory segments and files of level 0
// do not cross.
static void
end_segment(StoreAdopt *adopt)
{
	Store *store = adopt->table->store;
	pthread_mutex_lock(&store->lock);
	store->sealed_some |= table_end_growing_locked(adopt->table, &adopt->spare);
	pthread_mutex_unlock(&store->lock);
}

// Rows that come later may replace those of the files.
static void
raise_newest(StoreAdopt *adopt)
{
	int64_t min, max;
	Table *table = adopt->table;
	if (table->newest_times == NULL || !store_adopt_times(adopt, &min, &max))
		return;
	newest_raise(table->newest_times, max);
	if (table_key_column(adopt->def) < 0)
		return;
	table_know_id(table, max);
	catalog_change_last_id(adopt->change, table_last_id(table));
}

static void
apply(StoreAdopt *adopt, uint64_t seq)
{
	Store *store = adopt->table->store;
	end_segment(adopt);
	raise_newest(adopt);
	for (int32_t i = 0; i < adopt->count; i++) {
		data_file_adopt(adopt->files[i], seq);
		atomic_fetch_add(&store->flushed_bytes, data_file_meta(adopt->files[i])->bytes);
	}
	catalog_apply(store->options.catalog, TAKE(adopt->change), seq);
	adopt->applied = true;
}

void
store_apply_adopt(Store *store, StoreAdopt *adopt, uint64_t seq)
{
	if (table_dropped(adopt->table)) {
		store_adopt_free(adopt); // nobody knows its files
		return;
	}
	apply(adopt, seq);
	adopt->next_applied = store->adopted;
	store->adopted = adopt;
}

void
adopt_swap_locked(StoreAdopt *adopt)
{
	// What was there is freed with it, outside the lock; the rewrite lock kept it as it was.
	if (table_swap_files_locked(adopt->table, &adopt->next))
		must(adopt->next == adopt->base);
}

// ---- replayed ----

static Status
replay(Store *store, Table *table, Slice payload, uint64_t seq, Error *err)
{
	SCOPED(adopt_drop) StoreAdopt *adopt = NULL;
	TRY(decode(table, payload, seq, &adopt, err));
	SCOPED(file_set_drop) FileSet *now = table_files(table);
	TRY(prepare(adopt, now, err));
	apply(adopt, seq);
	pthread_mutex_lock(&store->lock);
	adopt_swap_locked(adopt);
	pthread_mutex_unlock(&store->lock);
	return ST_OK;
}

Status
store_replay_adopt(Store *store, Table *table, Slice payload, uint64_t seq, Error *err)
{
	table_rewrite_lock(table); // files are flushed meanwhile
	Status st = replay(store, table, payload, seq, err);
	table_rewrite_unlock(table);
	return st;
}
