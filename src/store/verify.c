#include "store/verify.h"

#include <inttypes.h>

#include "base/mem.h"

enum {
	READ_BYTES = 1 << 20,
	TAIL_BYTES = 8, // the footer's length and "PAR1"
};

// What is read of a file, and what comes out.
typedef struct Reading {
	uint64_t from;   // a multiple of FILE_BLOCK where the page cache is passed
	uint64_t footer; // where it begins
	const VerifyPace *pace;
	Hash128 whole; // of all from `from` on
	Hash128 footer_hash;
	uint64_t end;
} Reading;

// Adds what of the piece at `at` lies behind `from`.
static void
add_behind(Hasher128 *hasher, uint64_t from, uint64_t at, const uint8_t *piece, size_t len)
{
	size_t skip = at >= from ? 0 : from - at < len ? (size_t)(from - at) : len;
	hasher128_add(hasher, piece + skip, len - skip);
}

static Status
read_hashes(File *file, Reading *reading, Error *err)
{
	SCOPED(hasher_drop) Hasher128 *whole = hasher128_new();
	SCOPED(hasher_drop) Hasher128 *footer = hasher128_new();
	SCOPED(mem_drop) uint8_t *memory = mem_alloc_aligned(READ_BYTES + FILE_BLOCK);
	if (whole == NULL || footer == NULL || memory == NULL)
		return error_no_memory(err, "a file's hash");
	uint8_t *buffer = file_block_align(memory);
	uint64_t at = reading->from;
	for (size_t got = READ_BYTES; got == READ_BYTES; at += got) {
		TRY(file_read_some(file, at, buffer, READ_BYTES, &got, err));
		hasher128_add(whole, buffer, got);
		add_behind(footer, reading->footer, at, buffer, got);
		if (reading->pace != NULL && !reading->pace->pace(reading->pace->arg, got))
			return error_set(err, ST_CANCELLED, "%s: not read to its end", file_path(file));
	}
	reading->whole = hasher128_end(whole);
	reading->footer_hash = hasher128_end(footer);
	reading->end = at;
	return ST_OK;
}

static uint64_t
footer_of(const FileMeta *meta)
{
	uint64_t bytes = meta->footer_bytes + TAIL_BYTES;
	return bytes < meta->bytes ? meta->bytes - bytes : 0;
}

Status
verify_take_hashes(File *file, FileMeta *meta, Error *err)
{
	Reading reading = {.footer = footer_of(meta)};
	TRY(read_hashes(file, &reading, err));
	meta->hash = reading.whole;
	meta->footer_hash = reading.footer_hash;
	return ST_OK;
}

Status
verify_hash_file(const char *path, uint64_t *bytes, Hash128 *hash, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	Reading reading = {.footer = UINT64_MAX};
	TRY(file_open(path, FILE_READ, &file, err));
	TRY(read_hashes(file, &reading, err));
	*bytes = reading.end;
	*hash = reading.whole;
	return ST_OK;
}

// ---- against the catalog ----

static bool
same_hash(Hash128 a, Hash128 b)
{
	return a.low == b.low && a.high == b.high;
}

static Status
check_size(const char *path, const FileMeta *meta, Error *err)
{
	uint64_t size;
	Status st = file_stat_size(path, &size, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_CORRUPT,
						 "%s is missing: the catalog knows it with %" PRId64 " rows", path,
						 meta->rows);
	TRY(st);
	if (size != meta->bytes)
		return error_set(err, ST_CORRUPT, "%s has %" PRIu64 " bytes; the catalog says %" PRIu64,
						 path, size, meta->bytes);
	return ST_OK;
}

static Status
check_whole(File *file, const FileMeta *meta, const VerifyPace *pace, Error *err)
{
	Reading reading = {.footer = footer_of(meta), .pace = pace};
	TRY(read_hashes(file, &reading, err));
	if (reading.end == meta->bytes && same_hash(reading.whole, meta->hash))
		return ST_OK;
	const char *what =
		same_hash(reading.footer_hash, meta->footer_hash) ? "bytes are" : "footer is";
	return error_set(err, ST_CORRUPT,
					 "%s is damaged: its %s not what was written; restore it from a backup",
					 file_path(file), what);
}

// A footer hash that is not known, or itself damaged, decides nothing.
static Status
check_footer(File *file, const FileMeta *meta, Error *err)
{
	Reading reading = {.from = footer_of(meta), .footer = footer_of(meta)};
	TRY(read_hashes(file, &reading, err));
	return same_hash(reading.whole, meta->footer_hash) ? ST_OK : check_whole(file, meta, NULL, err);
}

Status
verify_file(const char *path, const FileMeta *meta, VerifyDepth depth, const VerifyPace *pace,
			Error *err)
{
	TRY(check_size(path, meta, err));
	if (depth == VERIFY_NOTHING)
		return ST_OK;
	SCOPED(file_drop) File *file = NULL;
	Status st = file_open(path, FILE_READ, &file, err);
	if (st == ST_NOT_FOUND)
		return error_set(err, ST_CORRUPT, "%s is missing", path);
	TRY(st);
	if (pace != NULL && depth == VERIFY_WHOLE) // a footer begins anywhere
		file_read_direct(file);
	return depth == VERIFY_FOOTER ? check_footer(file, meta, err)
								  : check_whole(file, meta, pace, err);
}
