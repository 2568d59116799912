#include "engine/manifest.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/timeval.h"
#include "os/file.h"
#include "store/verify.h"

enum { FORMAT = 1, MOST_BYTES = 1 << 30 };

void
manifest_close(Manifest *manifest)
{
	for (int32_t i = 0; i < manifest->count; i++)
		mem_free(manifest->files[i].path);
	mem_free(manifest->files);
	*manifest = (Manifest){0};
}

Status
manifest_add(Manifest *manifest, const char *path, uint64_t bytes, Hash128 hash, Error *err)
{
	if (manifest->count == manifest->room) {
		int32_t room = manifest->room == 0 ? 64 : manifest->room * 2;
		ManifestFile *files = mem_resize(manifest->files, (size_t)room * sizeof(*manifest->files));
		if (files == NULL)
			return error_no_memory(err, "a backup's files");
		manifest->files = files;
		manifest->room = room;
	}
	char *copy = mem_strdup(path);
	if (copy == NULL)
		return error_no_memory(err, "a backup's files");
	manifest->files[manifest->count++] = (ManifestFile){copy, bytes, hash};
	return ST_OK;
}

Status
manifest_add_read(Manifest *manifest, const char *dir, const char *path, Error *err)
{
	SCOPED(mem_drop) char *full = mem_printf("%s/%s", dir, path);
	if (full == NULL)
		return error_no_memory(err, "a backup's files");
	uint64_t bytes = 0;
	Hash128 hash = {0};
	TRY(verify_hash_file(full, &bytes, &hash, err));
	return manifest_add(manifest, path, bytes, hash, err);
}

uint64_t
manifest_bytes(const Manifest *manifest)
{
	uint64_t bytes = 0;
	for (int32_t i = 0; i < manifest->count; i++)
		bytes += manifest->files[i].bytes;
	return bytes;
}

// ---- as text ----

static void
add_hash(Buf *out, Hash128 hash)
{
	buf_add_printf(out, "%016" PRIx64 "%016" PRIx64, hash.high, hash.low);
}

static bool
parse_hash(const char *text, Hash128 *out)
{
	char end;
	return text != NULL && strlen(text) == 32 &&
		   sscanf(text, "%16" SCNx64 "%16" SCNx64 "%c", &out->high, &out->low, &end) == 2;
}

// What `hash` is over: all that counts, in order.
static Status
own_hash(const Manifest *manifest, Hash128 *out, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_printf(&text, "%" PRIu64 " %" PRId64 " ", manifest->seq, manifest->created_ns);
	text_hex(&text, slice_of(manifest->epoch, sizeof(manifest->epoch)));
	for (int32_t i = 0; i < manifest->count; i++) {
		const ManifestFile *file = &manifest->files[i];
		buf_add_printf(&text, "\n%s %" PRIu64 " ", file->path, file->bytes);
		add_hash(&text, file->hash);
	}
	TRY(buf_status(&text, err, "a manifest"));
	Hasher128 *hasher = hasher128_new();
	if (hasher == NULL)
		return error_no_memory(err, "a manifest");
	hasher128_add(hasher, text.data, text.len);
	*out = hasher128_end(hasher);
	hasher128_free(hasher);
	return ST_OK;
}

static Status
write_text(const Manifest *manifest, Buf *out, Error *err)
{
	char created[48];
	Hash128 hash;
	TRY(own_hash(manifest, &hash, err));
	time_format(manifest->created_ns, 9, true, created);
	buf_add_printf(out, "{\"format\":%d,\"seq\":%" PRIu64 ",\"epoch\":\"", FORMAT, manifest->seq);
	text_hex(out, slice_of(manifest->epoch, sizeof(manifest->epoch)));
	buf_add_printf(out, "\",\"created_at\":\"%s\",\"files\":[", created);
	for (int32_t i = 0; i < manifest->count; i++) {
		const ManifestFile *file = &manifest->files[i];
		buf_add_printf(out, "%s\n{\"path\":\"%s\",\"bytes\":%" PRIu64 ",\"hash\":\"",
					   i > 0 ? "," : "", file->path, file->bytes);
		add_hash(out, file->hash);
		buf_add_text(out, "\"}");
	}
	buf_add_text(out, "],\n\"hash\":\"");
	add_hash(out, hash);
	buf_add_text(out, "\"}\n");
	return buf_status(out, err, "a manifest");
}

// ---- on disk ----

static Status
make_path(const char *dir, char **out, Error *err)
{
	*out = mem_printf("%s/manifest.json", dir);
	return *out == NULL ? error_no_memory(err, "a manifest") : ST_OK;
}

Status
manifest_save(const Manifest *manifest, const char *dir, Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(file_drop) File *file = NULL;
	TRY(make_path(dir, &path, err));
	TRY(write_text(manifest, &text, err));
	TRY(file_open(path, FILE_CREATE_NEW, &file, err));
	TRY(file_write(file, 0, text.data, text.len, err));
	TRY(file_sync(file, err));
	return dir_sync(dir, err);
}

static Status
damaged(const char *path, const char *why, Error *err)
{
	return error_set(err, ST_CORRUPT, "%s is damaged: %s; take another backup", path, why);
}

static Status
read_text(const char *path, char **out, size_t *out_len, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	uint64_t size;
	TRY(file_open(path, FILE_READ, &file, err));
	TRY(file_size(file, &size, err));
	if (size > MOST_BYTES)
		return damaged(path, "it is too long", err);
	SCOPED(mem_drop) char *text = mem_alloc(size + 1);
	if (text == NULL)
		return error_no_memory(err, "a manifest");
	TRY(file_read(file, 0, text, size, err));
	*out = TAKE(text);
	*out_len = size;
	return ST_OK;
}

// Nothing outside of the folder can be named.
static bool
path_is_ours(const char *path)
{
	return path != NULL && path[0] != '/' && path[0] != '.' && strstr(path, "..") == NULL &&
		   path[strspn(path, "abcdefghijklmnopqrstuvwxyz0123456789./")] == '\0' &&
		   strlen(path) < 200;
}

static Status
parse_file(const char *at, json_t *object, Manifest *out, Error *err)
{
	const char *path = json_string_value(json_object_get(object, "path"));
	json_int_t bytes = json_integer_value(json_object_get(object, "bytes"));
	Hash128 hash;
	if (!path_is_ours(path) || bytes < 0 ||
		!parse_hash(json_string_value(json_object_get(object, "hash")), &hash))
		return damaged(at, "an entry is not as we write it", err);
	return manifest_add(out, path, (uint64_t)bytes, hash, err);
}

static Status
parse(const char *path, json_t *root, Manifest *out, Error *err)
{
	const char *created = json_string_value(json_object_get(root, "created_at"));
	if (json_integer_value(json_object_get(root, "format")) != FORMAT)
		return damaged(path, "this version does not read its format", err);
	const char *epoch = json_string_value(json_object_get(root, "epoch"));
	if (epoch == NULL || !text_unhex(slice_text(epoch), out->epoch, sizeof(out->epoch)) ||
		created == NULL || time_parse(slice_text(created), &out->created_ns, NULL) != ST_OK)
		return damaged(path, "its epoch or time is not as we write it", err);
	out->seq = (uint64_t)json_integer_value(json_object_get(root, "seq"));
	const json_t *files = json_object_get(root, "files");
	for (size_t i = 0; i < json_array_size(files); i++)
		TRY(parse_file(path, json_array_get(files, i), out, err));
	Hash128 said, is;
	TRY(own_hash(out, &is, err));
	if (!parse_hash(json_string_value(json_object_get(root, "hash")), &said) ||
		said.low != is.low || said.high != is.high)
		return damaged(path, "it does not say what was written", err);
	return ST_OK;
}

Status
manifest_load(const char *dir, Manifest *out, Error *err)
{
	SCOPED(mem_drop) char *path = NULL;
	SCOPED(mem_drop) char *text = NULL;
	SCOPED(manifest_close) Manifest manifest = {0};
	size_t len = 0;
	TRY(make_path(dir, &path, err));
	TRY(read_text(path, &text, &len, err));
	json_error_t cause;
	json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &cause);
	if (root == NULL)
		return damaged(path, cause.text, err);
	Status st = parse(path, root, &manifest, err);
	json_decref(root);
	TRY(st);
	*out = manifest;
	manifest = (Manifest){0};
	return ST_OK;
}
