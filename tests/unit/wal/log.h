// log.h - what tests of the log share: a directory, commits that can be told from their seq alone,
// and a reader that checks them.

#pragma once

#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../temp_dir.h"
#include "wal/wal.h"

enum { SEGMENT = 16384, ENTRIES_MAX = 3, HEADER = 4096, SEEN_MAX = 4096 };

static const uint8_t epoch[16] = "epoch of a test";

// ---- commits ----

typedef struct Commit {
	uint8_t bytes[ENTRIES_MAX][600];
	char schemas[ENTRIES_MAX][32];
	Piece pieces[ENTRIES_MAX][2];
	WalEntry entries[ENTRIES_MAX];
	WalCommit commit;
} Commit;

// Bytes that differ wherever one begins to read; copied, since they are made millions of times.
static inline const uint8_t *
noise_at(uint64_t place)
{
	static uint8_t noise[1024];
	if (noise[1] == 0)
		for (uint32_t i = 0; i < COUNT_OF(noise); i++)
			noise[i] = (uint8_t)(i * 167 + i / 256 * 31 + i * i / 7);
	return noise + place % (COUNT_OF(noise) - 600);
}

static inline uint32_t
length_of(uint64_t seq, int32_t at)
{
	return (uint32_t)((seq * 37 + (uint64_t)at * 101) % 400);
}

static inline void
commit_fill(Commit *c, uint64_t seq)
{
	c->commit = (WalCommit){seq, c->entries, (int32_t)(1 + seq % ENTRIES_MAX)};
	for (int32_t i = 0; i < c->commit.count; i++) {
		uint32_t length = length_of(seq, i);
		memcpy(c->bytes[i], noise_at(seq * 7 + (uint64_t)i * 13), length);
		uint32_t table = (uint32_t)((seq + (uint64_t)i) % 3 + 1);
		uint32_t schema = table * 10 + (uint32_t)(seq / 8 % 2);
		snprintf(c->schemas[i], sizeof(c->schemas[i]), "schema %u", schema);
		c->pieces[i][0] = (Piece){c->bytes[i], length / 3, NULL};
		c->pieces[i][1] = (Piece){c->bytes[i] + length / 3, length - length / 3, NULL};
		c->entries[i] = (WalEntry){
			.kind = i == 1 ? WAL_DELETE : WAL_BATCH,
			.table_id = table,
			.schema_id = schema,
			.schema = slice_text(c->schemas[i]),
			.pieces = c->pieces[i],
			.piece_count = 2,
			.length = length,
			.payload_crc = wal_payload_crc(c->pieces[i], 2),
			.rows = (int64_t)length,
			.min_time = (int64_t)seq * 10,
			.max_time = (int64_t)seq * 10 + 5,
		};
	}
}

// ---- reading back ----

typedef struct Seen {
	uint64_t seqs[SEEN_MAX];
	int32_t count;
	WalReport report;
	Error err;
} Seen;

static inline bool
seen_has(const Seen *seen, uint64_t seq)
{
	for (int32_t i = 0; i < seen->count; i++) {
		if (seen->seqs[i] == seq)
			return true;
	}
	return false;
}

static inline Status
see_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)err;
	Seen *seen = arg;
	Commit want;
	commit_fill(&want, seq);
	assert_int_equal(count, want.commit.count);
	for (int32_t i = 0; i < count; i++) {
		const WalEntry *entry = &want.entries[i];
		assert_int_equal(records[i].kind, entry->kind);
		assert_int_equal(records[i].table_id, entry->table_id);
		assert_int_equal(records[i].schema_id, entry->schema_id);
		assert_true(slice_equal(records[i].payload, slice_of(want.bytes[i], entry->length)));
		assert_int_equal((uintptr_t)records[i].payload.data % 8, 0);
		if (entry->kind == WAL_BATCH)
			assert_true(slice_equal(records[i].schema, entry->schema));
	}
	assert_true(seen->count == 0 || seen->seqs[seen->count - 1] < seq);
	assert_true(seen->count < SEEN_MAX);
	seen->seqs[seen->count++] = seq;
	return ST_OK;
}

static inline Wal *
log_open(const char *dir, uint64_t segment)
{
	WalOptions options = {.dir = dir, .segment_size = segment};
	memcpy(options.epoch, epoch, sizeof(epoch));
	Wal *wal = NULL;
	Error err;
	Status st = wal_open(&options, &wal, &err);
	return st == ST_OK ? wal : NULL;
}

static inline Status
log_recover(Wal *wal, WalRecovery mode, uint64_t after, Seen *seen)
{
	memset(seen, 0, sizeof(*seen));
	WalReader reader = {.commit = see_commit, .arg = seen};
	return wal_recover(wal, mode, after, &reader, &seen->report, &seen->err);
}

// Opens, recovers and closes.
static inline Status
log_read(const char *dir, WalRecovery mode, uint64_t after, Seen *seen)
{
	Wal *wal = log_open(dir, SEGMENT);
	assert_non_null(wal);
	Status st = log_recover(wal, mode, after, seen);
	wal_close(wal);
	return st;
}

// Opens, recovers and starts; next_seq 0: after the last one.
static inline Wal *
log_start(const char *dir, uint64_t segment, uint64_t next_seq)
{
	Wal *wal = log_open(dir, segment);
	assert_non_null(wal);
	Seen *seen = mem_alloc(sizeof(*seen));
	assert_int_equal(log_recover(wal, WAL_STRICT, 0, seen), ST_OK);
	if (next_seq == 0)
		next_seq = seen->report.last_seq + 1;
	mem_free(seen);
	Error err;
	assert_int_equal(wal_start(wal, next_seq, epoch, &err), ST_OK);
	return wal;
}

// ---- writing ----

// Writes commits first..last in one call and as many more as it takes.
static inline Status
log_write(Wal *wal, uint64_t first, uint64_t last, uint64_t synced, WalGroup *group)
{
	Status st = ST_OK;
	int32_t count = (int32_t)(last - first + 1);
	Commit *filled = calloc((size_t)count, sizeof(*filled));
	WalCommit *commits = calloc((size_t)count, sizeof(*commits));
	for (int32_t i = 0; i < count; i++) {
		commit_fill(&filled[i], first + (uint64_t)i);
		commits[i] = filled[i].commit;
	}
	for (int32_t done = 0; st == ST_OK && done < count;) {
		int32_t written = 0;
		Error err;
		st = wal_write(wal, commits + done, count - done, synced, group, &written, &err);
		if (st == ST_OK)
			assert_true(written > 0);
		done += written;
	}
	free(commits);
	free(filled);
	return st;
}

// One by one, each synced before the next.
static inline void
log_write_synced(Wal *wal, uint64_t first, uint64_t last)
{
	Error err;
	for (uint64_t seq = first; seq <= last; seq++) {
		WalGroup group;
		assert_int_equal(log_write(wal, seq, seq, seq - 1, &group), ST_OK);
		assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
	}
}

static inline void
log_mark(Wal *wal, uint64_t seq, bool clean)
{
	Error err;
	WalGroup group;
	assert_int_equal(wal_mark(wal, seq, seq, clean, &group, &err), ST_OK);
	assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
}

// ---- files as bytes ----

typedef struct Blob {
	uint8_t *data;
	size_t len;
} Blob;

static inline void
file_name(char out[160], const char *dir, uint64_t number)
{
	snprintf(out, 160, "%s/%08" PRIu64 ".wal", dir, number);
}

static inline Blob
blob_load(const char *path)
{
	FILE *in = fopen(path, "rb");
	assert_non_null(in);
	struct stat info;
	assert_int_equal(fstat(fileno(in), &info), 0);
	Blob blob = {malloc((size_t)info.st_size + 1), (size_t)info.st_size};
	assert_int_equal(fread(blob.data, 1, blob.len, in), blob.len);
	fclose(in);
	return blob;
}

static inline void
blob_save(const char *path, const uint8_t *data, size_t len)
{
	FILE *out = fopen(path, "wb");
	assert_non_null(out);
	assert_int_equal(fwrite(data, 1, len, out), len);
	fclose(out);
}

// What the active file holds: the end of the last record, from the listing.
static inline Status
find_active(void *arg, const WalFileInfo *info, Error *err)
{
	(void)err;
	if (strcmp(info->state, "active") == 0)
		*(WalFileInfo *)arg = *info;
	return ST_OK;
}

static inline WalFileInfo
active_file(Wal *wal)
{
	WalFileInfo info = {0};
	Error err;
	assert_int_equal(wal_files(wal, find_active, &info, &err), ST_OK);
	return info;
}
