#include "store/files.h"

#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/file.h"

struct DataFile {
	atomic_uint refs;
	atomic_bool doomed;
	FileMeta meta;
	TableDef *def;
	char *path;
};

struct FileSet {
	atomic_uint refs;
	int32_t count;
	DataFile *files[];
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
	file->meta = *meta;
	file->def = table_def_ref(def);
	file->path = copy;
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
	table_def_unref(file->def);
	mem_free(file->path);
	mem_free(file);
}

void
data_file_doom(DataFile *file)
{
	atomic_store(&file->doomed, true);
}

const FileMeta *
data_file_meta(const DataFile *file)
{
	return &file->meta;
}

TableDef *
data_file_def(const DataFile *file)
{
	return file->def;
}

const char *
data_file_path(const DataFile *file)
{
	return file->path;
}

static Status
alloc_set(int32_t count, FileSet **out, Error *err)
{
	FileSet *set = mem_alloc(sizeof(*set) + (size_t)count * sizeof(DataFile *));
	if (set == NULL)
		return error_no_memory(err, "a table's files");
	atomic_init(&set->refs, 1);
	*out = set;
	return ST_OK;
}

Status
file_set_new(DataFile *const *files, int32_t count, FileSet **out, Error *err)
{
	TRY(alloc_set(count, out, err));
	for (int32_t i = 0; i < count; i++)
		(*out)->files[i] = data_file_ref(files[i]);
	(*out)->count = count;
	return ST_OK;
}

Status
file_set_with(const FileSet *base, DataFile *add, FileSet **out, Error *err)
{
	int32_t old = file_set_count(base);
	FileSet *set = NULL;
	TRY(alloc_set(old + 1, &set, err));
	int32_t at = old;
	while (at > 0 && base->files[at - 1]->meta.min_seq > add->meta.min_seq)
		at--;
	for (int32_t i = 0; i <= old; i++) {
		DataFile *file = i < at ? base->files[i] : i == at ? add : base->files[i - 1];
		set->files[set->count++] = data_file_ref(file);
	}
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
	for (int32_t i = 0; i < set->count; i++)
		data_file_unref(set->files[i]);
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
	return set->files[i];
}
