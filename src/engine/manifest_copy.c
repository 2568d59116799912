// manifest_copy.c - the files of a backup: checked, copied, synced.

#include <string.h>

#include "base/mem.h"
#include "engine/manifest.h"
#include "os/file.h"
#include "store/verify.h"

enum { COPY_BYTES = 1 << 20 };

static bool
is_as_written(const ManifestFile *entry, uint64_t bytes, Hash128 hash)
{
	return bytes == entry->bytes && hash.low == entry->hash.low && hash.high == entry->hash.high;
}

static Status
not_as_written(const char *path, Error *err)
{
	return error_set(err, ST_CORRUPT, "%s is damaged: it is not what was backed up", path);
}

static Status
missing(Status st, const char *path, Error *err)
{
	return st != ST_NOT_FOUND ? st : error_set(err, ST_CORRUPT, "%s is missing", path);
}

Status
manifest_check_file(const Manifest *manifest, int32_t i, const char *dir, Error *err)
{
	const ManifestFile *entry = &manifest->files[i];
	SCOPED(mem_drop) char *path = mem_printf("%s/%s", dir, entry->path);
	if (path == NULL)
		return error_no_memory(err, "a backup's files");
	uint64_t bytes = 0;
	Hash128 hash = {0};
	TRY(missing(verify_hash_file(path, &bytes, &hash, err), path, err));
	return is_as_written(entry, bytes, hash) ? ST_OK : not_as_written(path, err);
}

// ---- copying ----

static Status
copy_bytes(File *from, File *to, const atomic_bool *stop, uint64_t *bytes, Hash128 *hash,
		   Error *err)
{
	SCOPED(hasher_drop) Hasher128 *hasher = hasher128_new();
	SCOPED(mem_drop) uint8_t *buffer = mem_alloc_aligned(COPY_BYTES);
	if (hasher == NULL || buffer == NULL)
		return error_no_memory(err, "a copy");
	uint64_t at = 0;
	for (size_t got = COPY_BYTES; got == COPY_BYTES; at += got) {
		TRY(file_read_some(from, at, buffer, COPY_BYTES, &got, err));
		TRY(file_write(to, at, buffer, got, err));
		hasher128_add(hasher, buffer, got);
		file_push(to, at, got);
		if (stop != NULL && atomic_load(stop))
			return error_set(err, ST_CANCELLED, "the copy was given up: shutting down");
	}
	*bytes = at;
	*hash = hasher128_end(hasher);
	return file_sync(to, err);
}

// "a/b/c" makes a and a/b in `dir`.
static Status
make_parents(const char *dir, const char *path, Error *err)
{
	for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		SCOPED(mem_drop) char *parent = mem_printf("%s/%.*s", dir, (int)(slash - path), path);
		if (parent == NULL)
			return error_no_memory(err, "a folder");
		TRY(dir_make(parent, err));
	}
	return ST_OK;
}

static Status
copy_file(const ManifestFile *entry, const char *from_dir, const char *to_dir,
		  const atomic_bool *stop, Error *err)
{
	SCOPED(mem_drop) char *from_path = mem_printf("%s/%s", from_dir, entry->path);
	SCOPED(mem_drop) char *to_path = mem_printf("%s/%s", to_dir, entry->path);
	if (from_path == NULL || to_path == NULL)
		return error_no_memory(err, "a copy");
	SCOPED(file_drop) File *from = NULL;
	SCOPED(file_drop) File *to = NULL;
	TRY(missing(file_open(from_path, FILE_READ, &from, err), from_path, err));
	TRY(make_parents(to_dir, entry->path, err));
	TRY(file_open(to_path, FILE_CREATE_NEW, &to, err));
	uint64_t bytes = 0;
	Hash128 hash = {0};
	TRY(copy_bytes(from, to, stop, &bytes, &hash, err));
	return is_as_written(entry, bytes, hash) ? ST_OK : not_as_written(from_path, err);
}

Status
manifest_copy(const Manifest *manifest, const char *from, const char *to, const atomic_bool *stop,
			  int32_t *copied, Error *err)
{
	for (int32_t i = 0; i < manifest->count; i++) {
		TRY(copy_file(&manifest->files[i], from, to, stop, err));
		if (copied != NULL)
			*copied = i + 1;
	}
	return manifest_sync_dirs(manifest, to, err);
}

// ---- folders ----

static size_t
parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash == NULL ? 0 : (size_t)(slash - path);
}

// Files of one folder follow each other.
static bool
same_parent(const Manifest *manifest, int32_t i)
{
	if (i == 0)
		return false;
	const char *path = manifest->files[i].path, *before = manifest->files[i - 1].path;
	size_t len = parent_len(path);
	return parent_len(before) == len && memcmp(path, before, len) == 0;
}

Status
manifest_sync_dirs(const Manifest *manifest, const char *dir, Error *err)
{
	static const char *const tops[] = {"/files", ""};
	for (int32_t i = 0; i < manifest->count; i++) {
		const char *path = manifest->files[i].path;
		if (same_parent(manifest, i) || parent_len(path) == 0)
			continue;
		SCOPED(mem_drop) char *parent = mem_printf("%s/%.*s", dir, (int)parent_len(path), path);
		if (parent == NULL)
			return error_no_memory(err, "a folder");
		TRY(dir_sync(parent, err));
	}
	for (size_t i = 0; i < COUNT_OF(tops); i++) {
		SCOPED(mem_drop) char *top = mem_printf("%s%s", dir, tops[i]);
		if (top == NULL)
			return error_no_memory(err, "a folder");
		Status st = dir_sync(top, err);
		if (st != ST_NOT_FOUND)
			TRY(st);
	}
	return ST_OK;
}
