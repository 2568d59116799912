#include "store/files.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"
#include "store/file_check_int.h"

struct DataFile {
	atomic_uint refs;
	atomic_bool doomed;
	_Atomic int32_t level;
	FileMeta meta;
	TableDef *def;
	char *path;
	FileCheck check;
};

typedef struct Entry {
	DataFile *file;
	Mask *mask; // NULL: none
	Hot *hot;   // NULL: none
} Entry;

// Where a file is in its set.
typedef struct Place {
	uint64_t segment_id;
	int32_t at;
} Place;

enum { FEW_FILES = 64 }; // are looked through

struct FileSet {
	atomic_uint refs;
	int32_t count;
	_Atomic(Place *) places; // by segment id, made by who first searches; NULL: nobody did
	Entry entries[];
};

Status
data_file_new(const FileMeta *meta, TableDef *def, const char *path, DataFile **out, Error *err)
{
	DataFile *file = mem_alloc(sizeof(*file));
	char *copy = mem_strdup(path);
	if (file == NULL || copy == NULL) {
		mem_free(file);
		mem_free(copy);
		return error_no_memory(err, "a file");
	}
	atomic_init(&file->refs, 1);
	atomic_init(&file->level, meta->level);
	file->meta = *meta;
	file->def = table_def_ref(def);
	file->path = copy;
	file_check_init(&file->check);
	*out = file;
	return ST_OK;
}

DataFile *
data_file_ref(DataFile *file)
{
	atomic_fetch_add_explicit(&file->refs, 1, memory_order_relaxed);
	return file;
}

void
data_file_unref(DataFile *file)
{
	if (file == NULL || atomic_fetch_sub_explicit(&file->refs, 1, memory_order_acq_rel) > 1)
		return;
	Error err = ERROR_INIT;
	if (atomic_load(&file->doomed) && file_unlink(file->path, &err) != ST_OK)
		log_warn("file not removed", "error=\"%s\"", err.text); // the next start removes it
	file_check_close(&file->check);
	table_def_unref(file->def);
	mem_free(file->path);
	mem_free(file);
}

void
data_file_doom(DataFile *file)
{
	atomic_store(&file->doomed, true);
}

void
data_file_adopt(DataFile *file, uint64_t seq)
{
	file->meta.min_seq = file->meta.max_seq = seq;
}

const FileMeta *
data_file_meta(const DataFile *file)
{
	return &file->meta;
}

int32_t
data_file_level(const DataFile *file)
{
	return atomic_load_explicit(&file->level, memory_order_relaxed);
}

void
data_file_move(DataFile *file, int32_t level)
{
	atomic_store_explicit(&file->level, level, memory_order_relaxed);
}

TableDef *
data_file_def(const DataFile *file)
{
	return file->def;
}

FileCheck *
data_file_check(DataFile *file)
{
	return &file->check;
}

const char *
data_file_path(const DataFile *file)
{
	return file->path;
}

// ---- sets ----

static bool
is_removed(const FileSetEdit *edit, const DataFile *file)
{
	for (int32_t i = 0; i < edit->removed_count; i++)
		if (edit->removed[i] == file->meta.segment_id)
			return true;
	return false;
}

static const Mask *
replaced_mask(const FileSetEdit *edit, const Entry *entry)
{
	uint64_t id = entry->file->meta.segment_id;
	int32_t low = 0, high = edit->mask_count;
	while (low < high) {
		int32_t middle = low + (high - low) / 2;
		if (edit->masks[middle].segment_id < id)
			low = middle + 1;
		else
			high = middle;
	}
	bool found = low < edit->mask_count && edit->masks[low].segment_id == id;
	return found ? edit->masks[low].mask : entry->mask;
}

static bool
comes_after(const DataFile *a, const DataFile *b)
{
	int32_t x = data_file_level(a), y = data_file_level(b);
	if (x != y)
		return x < y;
	if (a->meta.min_seq != b->meta.min_seq)
		return a->meta.min_seq > b->meta.min_seq;
	return a->meta.segment_id > b->meta.segment_id;
}

// Behind those that are its equals, so that files which come in order need no look at the others.
static void
add_entry(FileSet *set, DataFile *file, const Mask *mask, Hot *hot)
{
	int32_t at = set->count++;
	for (; at > 0 && comes_after(set->entries[at - 1].file, file); at--)
		set->entries[at] = set->entries[at - 1];
	set->entries[at] = (Entry){data_file_ref(file), mask_ref(mask), hot_ref(hot)};
}

Status
file_set_edit(const FileSet *base, const FileSetEdit *edit, FileSet **out, Error *err)
{
	size_t most = (size_t)file_set_count(base) + (size_t)edit->added_count;
	FileSet *set = mem_alloc(sizeof(*set) + most * sizeof(Entry));
	if (set == NULL)
		return error_no_memory(err, "a table's files");
	atomic_init(&set->refs, 1);
	for (int32_t i = 0; i < file_set_count(base); i++) {
		const Entry *entry = &base->entries[i];
		Hot *hot = entry->file->meta.segment_id == edit->cold ? NULL : entry->hot;
		if (!is_removed(edit, entry->file))
			add_entry(set, entry->file, replaced_mask(edit, entry), hot);
	}
	for (int32_t i = 0; i < edit->added_count; i++)
		add_entry(set, edit->added[i], edit->added_masks != NULL ? edit->added_masks[i] : NULL,
				  edit->added_hots != NULL ? edit->added_hots[i] : NULL);
	*out = set;
	return ST_OK;
}

FileSet *
file_set_ref(FileSet *set)
{
	if (set != NULL)
		atomic_fetch_add_explicit(&set->refs, 1, memory_order_relaxed);
	return set;
}

void
file_set_unref(FileSet *set)
{
	if (set == NULL || atomic_fetch_sub_explicit(&set->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (int32_t i = 0; i < set->count; i++) {
		data_file_unref(set->entries[i].file);
		mask_unref(set->entries[i].mask);
		hot_unref(set->entries[i].hot);
	}
	mem_free(atomic_load_explicit(&set->places, memory_order_acquire));
	mem_free(set);
}

int32_t
file_set_count(const FileSet *set)
{
	return set == NULL ? 0 : set->count;
}

DataFile *
file_set_at(const FileSet *set, int32_t i)
{
	return set->entries[i].file;
}

const Mask *
file_set_mask(const FileSet *set, int32_t i)
{
	return set->entries[i].mask;
}

const Hot *
file_set_hot(const FileSet *set, int32_t i)
{
	return set->entries[i].hot;
}

static int
by_segment(const void *a, const void *b)
{
	const Place *x = a, *y = b;
	return (x->segment_id > y->segment_id) - (x->segment_id < y->segment_id);
}

// Two may make them at once: the second finds those of the first. NULL: no memory.
static const Place *
places_of(FileSet *set)
{
	Place *places = atomic_load_explicit(&set->places, memory_order_acquire), *none = NULL;
	if (places != NULL)
		return places;
	places = mem_alloc_array((size_t)set->count, sizeof(*places));
	if (places == NULL)
		return NULL;
	for (int32_t i = 0; i < set->count; i++)
		places[i] = (Place){set->entries[i].file->meta.segment_id, i};
	qsort(places, (size_t)set->count, sizeof(*places), by_segment);
	if (atomic_compare_exchange_strong_explicit(&set->places, &none, places, memory_order_acq_rel,
												memory_order_acquire))
		return places;
	mem_free(places);
	return none;
}

int32_t
file_set_find(const FileSet *set, uint64_t segment_id)
{
	const Place *places = NULL;
	if (file_set_count(set) > FEW_FILES)
		places = places_of((FileSet *)(uintptr_t)set);
	if (places != NULL) {
		Place key = {.segment_id = segment_id};
		const Place *found = bsearch(&key, places, (size_t)set->count, sizeof(*places), by_segment);
		return found != NULL ? found->at : -1;
	}
	for (int32_t i = 0; i < file_set_count(set); i++)
		if (set->entries[i].file->meta.segment_id == segment_id)
			return i;
	return -1;
}
