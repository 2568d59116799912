// Arbitrary bytes as a log file: recovery in every mode ends, and once a start has followed it, the
// log is whole and says the same again.
//
// The first byte chooses: bits 0-1 what is made right (0: nothing, 1: the file header, 2 and 3:
// also the checksums of records), bits 2-3 the mode, bit 4 whether the header says that the file
// was larger, bit 5 whether the file has an index: then the third byte is the length of what
// follows the index's head, and bit 6 makes its checksum right. The second byte is `after`.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/log.h"
#include "os/file.h"
#include "wal/wal.h"

enum { HEADER = 4096, HEAD = 72, SEGMENT = 16384, LONGEST = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static char dir[64];

static void
check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void
put_u32(uint8_t *at, uint32_t v)
{
	memcpy(at, &v, sizeof(v));
}

static uint32_t
get_u32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return v;
}

static void
make_header(uint8_t file[HEADER], uint64_t size)
{
	memset(file, 0, HEADER);
	memcpy(file, "MOBIUSWL\2", 9);
	file[16] = 1;
	memcpy(file + 56, &size, sizeof(size));
	put_u32(file + 64, crc32c(0, file, 64));
}

// Makes records of what lies there, as long as lengths fit.
static void
make_records(uint8_t *file, size_t len)
{
	static const uint8_t incarnation[16];
	uint32_t seed = crc32c(0, incarnation, sizeof(incarnation));
	uint32_t prev_crc = seed;
	for (uint64_t at = HEADER; at + HEAD <= len;) {
		uint8_t *head = file + at;
		uint32_t length = get_u32(head + 8) % 1024;
		if (length > len - at - HEAD)
			return;
		put_u32(head + 8, length);
		put_u32(head + 4, crc32c(0, head + HEAD, length));
		put_u32(head + 12, prev_crc);
		head[34] = head[35] = 0;
		prev_crc = crc32c(crc32c(seed, &at, sizeof(at)), head + 4, HEAD - 4);
		put_u32(head, prev_crc);
		at += HEAD + ((length + 7) & ~7U);
	}
}

static void
write_bytes(const char *name, const void *data, size_t len)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	FILE *out = fopen(path, "wb");
	check(out != NULL && fwrite(data, 1, len, out) == len, "no room for the test");
	fclose(out);
}

// As 00000001.idx; how many bytes of the input it has taken.
static size_t
write_index(const uint8_t *data, size_t len, bool right)
{
	enum { LEAD = 40 };
	uint8_t index[LEAD + 256 + 4] = "MOBWALIX\1\0\0\0\0\0\0\0\1";
	size_t count = len == 0 ? 0 : data[0] < len - 1 ? data[0] : len - 1;
	if (count > 0)
		memcpy(index + LEAD, data + 1, count);
	if (right)
		put_u32(index + LEAD + count, crc32c(0, index, LEAD + count));
	write_bytes("00000001.idx", index, LEAD + count + 4);
	return len == 0 ? 0 : 1 + count;
}

static void
write_file(const uint8_t *data, size_t len, int repair, bool cut)
{
	static uint8_t file[HEADER + LONGEST];
	size_t start = repair == 0 ? 0 : HEADER;
	len = len < LONGEST ? len : LONGEST;
	if (repair > 0)
		make_header(file, start + len + (cut ? 1 : 0));
	memcpy(file + start, data, len);
	if (repair >= 2)
		make_records(file, start + len);
	write_bytes("00000001.wal", file, start + len);
}

static Status
read_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)err;
	uint64_t *sum = arg;
	*sum = *sum * 31 + seq;
	for (int32_t i = 0; i < count; i++) {
		*sum = *sum * 31 + hash64(records[i].payload.data, records[i].payload.len);
		*sum = *sum * 31 + hash64(records[i].schema.data, records[i].schema.len);
	}
	return ST_OK;
}

static Status
recover(WalRecovery mode, uint64_t after, uint64_t *sum, WalReport *report, Wal **out)
{
	Error err;
	WalOptions options = {.dir = dir, .segment_size = SEGMENT};
	WalReader reader = {.commit = read_commit, .arg = sum};
	*sum = 0;
	check(wal_open(&options, out, &err) == ST_OK, "open");
	Status st = wal_recover(*out, mode, after, &reader, report, &err);
	check(st == ST_OK || st == ST_CORRUPT, err.text);
	check(st == ST_OK || mode == WAL_STRICT, "the other modes always end well");
	return st;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len < 2)
		return 0;
	Error err;
	if (dir[0] == '\0') {
		log_configure(LOG_ERROR, LOG_TEXT);
		// In memory where that is possible: each run syncs.
		bool memory = access("/dev/shm", W_OK) == 0;
		strcpy(dir, memory ? "/dev/shm/mobius-wal-XXXXXX" : "/tmp/mobius-wal-XXXXXX");
		check(mkdtemp(dir) != NULL, "no directory for the test");
	}
	check(dir_remove_all(dir, &err) == ST_OK && dir_make(dir, &err) == ST_OK, "directory");
	size_t index = (data[0] & 32) != 0 ? write_index(data + 2, len - 2, (data[0] & 64) != 0) : 0;
	write_file(data + 2 + index, len - 2 - index, data[0] & 3, (data[0] & 16) != 0);

	Wal *wal;
	WalReport report;
	uint64_t sum;
	uint64_t after = data[1];
	Status st = recover((WalRecovery)((data[0] >> 2) % 3), after, &sum, &report, &wal);
	bool going = st == ST_OK && report.last_seq < UINT64_MAX - 1;
	if (going)
		check(wal_start(wal, report.last_seq + 1, (uint8_t[16]){1}, &err) == ST_OK, "start");
	wal_close(wal);
	if (!going)
		return 0;

	uint64_t again;
	WalReport second;
	check(recover(WAL_STRICT, after, &again, &second, &wal) == ST_OK, "whole after a start");
	check(again == sum && second.last_seq == report.last_seq, "the same again");
	check(second.cut_bytes == 0 && second.lost_ranges == 0, "nothing more is lost");
	wal_close(wal);
	return 0;
}
