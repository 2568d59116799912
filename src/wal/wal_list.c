// What is in the directory: <number>.wal, <number>.idx, <id>.spare, <number>-<time>.lost. Other
// names are none of ours.

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wal/wal_int.h"
#include "wal/wal_read_int.h"

typedef struct Listing {
	Buf numbers; // u64 each, of .wal files
	Buf spares;  // likewise, ids
} Listing;

static void
listing_close(Listing *listing)
{
	buf_close(&listing->numbers);
	buf_close(&listing->spares);
}

// The number before the suffix, if the name is exactly as we write it.
static bool
parse_name(const char *name, const char *suffix, uint64_t *out)
{
	char *end;
	if (name[0] < '0' || name[0] > '9')
		return false;
	uint64_t number = strtoull(name, &end, 10);
	char again[32]; // on the stack: a file that is not seen for want of memory would be lost
	(void)snprintf(again, sizeof(again), "%08" PRIu64 "%s", number, suffix);
	*out = number;
	// The first and the last number are nobody's, so that there is always one before and after.
	return strcmp(name, again) == 0 && number > 0 && number < UINT64_MAX;
}

static Status
list_name(void *arg, const char *name, Error *err)
{
	Listing *listing = arg;
	uint64_t number;
	if (parse_name(name, ".wal", &number))
		buf_add(&listing->numbers, &number, sizeof(number));
	else if (parse_name(name, ".spare", &number))
		buf_add(&listing->spares, &number, sizeof(number));
	TRY(buf_status(&listing->numbers, err, "the list of log files"));
	return buf_status(&listing->spares, err, "the list of log files");
}

static int
by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static uint64_t
number_at(const Buf *numbers, size_t i)
{
	uint64_t number;
	memcpy(&number, numbers->data + i * sizeof(number), sizeof(number));
	return number;
}

static size_t
sort_numbers(Buf *numbers)
{
	size_t count = numbers->len / sizeof(uint64_t);
	if (count > 0)
		qsort(numbers->data, count, sizeof(uint64_t), by_number);
	return count;
}

// The rest is left over from other settings or from failures.
static void
load_spares(Wal *wal, Buf *ids)
{
	size_t count = sort_numbers(ids);
	for (size_t i = 0; i < count; i++) {
		uint64_t id = number_at(ids, i);
		wal->last_spare = id;
		if (wal->spare_count < WAL_SPARES_MAX) {
			wal->spares[wal->spare_count++] = id;
			continue;
		}
		SCOPED(mem_drop) char *path = NULL;
		Status ignored = wal_path(wal, id, ".spare", &path, NULL);
		if (ignored == ST_OK)
			ignored = file_unlink(path, NULL);
		(void)ignored;
	}
}

static Status
load_begin(Wal *wal, WalCursor *cursor, WalFile *file, Error *err)
{
	bool valid;
	TRY(wal_cursor_head(cursor, WAL_HEADER_BYTES, &file->head, &valid, err));
	if (!valid || file->head.kind != WAL_BEGIN || file->head.prev_crc != file->seed)
		return ST_OK;
	SCOPED(bytes_drop) Bytes *payload = NULL;
	TRY(wal_cursor_payload(cursor, WAL_HEADER_BYTES, &file->head, wal->pool, &payload, err));
	if (payload == NULL || !wal_begin_decode(bytes_slice(payload), &file->begin) ||
		file->begin.last_seq + 1 != file->head.seq)
		return ST_OK;
	file->begun = true;
	file->begun_ns = file->begin.begun_ns;
	return ST_OK;
}

// Nothing of it is damaged: no way of recovery may cut or skip it.
static Status
refuse_other_format(const Wal *wal, uint64_t number, const uint8_t *header, Error *err)
{
	uint32_t format = header != NULL ? wal_header_other_format(header) : 0;
	if (format == 0)
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "%s/%08" PRIu64
					 ".wal was written by another version: the log has format %" PRIu32
					 ", this version reads %d; start the version that wrote it",
					 wal->dir, number, format, WAL_FORMAT);
}

static Status
load_file(Wal *wal, uint64_t number, WalFile **out, Error *err)
{
	SCOPED(wal_file_drop) WalFile *file = mem_alloc(sizeof(*file));
	if (file == NULL)
		return error_no_memory(err, "a log file");
	SCOPED(wal_cursor_close) WalCursor cursor = {0};
	const uint8_t *header = NULL;
	TRY(wal_cursor_open(&cursor, wal, number, WAL_PEEK_BYTES, err));
	file->size = cursor.size;
	TRY(wal_cursor_header(&cursor, &header, err));
	TRY(refuse_other_format(wal, number, header, err));
	file->readable =
		header != NULL && wal_header_decode(header, &file->header) && file->header.number == number;
	file->header.number = number;
	file->end = file->readable ? WAL_HEADER_BYTES : 0;
	file->synced_end = file->end;
	file->told = file->header.size;
	file->seed = wal_seed(file->header.incarnation);
	file->end_crc = file->seed;
	cursor.seed = file->seed;
	if (file->readable)
		TRY(load_begin(wal, &cursor, file, err));
	*out = TAKE(file);
	return ST_OK;
}

void
wal_list_add(Wal *wal, WalFile *file)
{
	if (wal->last == NULL)
		wal->first = file;
	else
		wal->last->next = file;
	wal->last = file;
}

Status
wal_files_load(Wal *wal, Error *err)
{
	SCOPED(listing_close) Listing listing = {BUF_INIT, BUF_INIT};
	TRY(dir_list(wal->dir, list_name, &listing, err));
	load_spares(wal, &listing.spares);

	size_t count = sort_numbers(&listing.numbers);
	wal->next_number = count > 0 ? number_at(&listing.numbers, 0) : 1;
	for (size_t i = 0; i < count; i++) {
		WalFile *file = NULL;
		TRY(load_file(wal, number_at(&listing.numbers, i), &file, err));
		wal_list_add(wal, file);
	}
	return ST_OK;
}
