#include "log.h"

#include "base/hash.h"

// Each flip needs one recovery; this log is small so that all can be tried.
static uint64_t
small_log(const char *dir, uint64_t last, bool synced)
{
	Wal *wal = log_start(dir, SEGMENT, 1);
	WalGroup group;
	if (synced) {
		log_write_synced(wal, 1, last);
		log_mark(wal, last, false);
	} else {
		assert_int_equal(log_write(wal, 1, last, 0, &group), ST_OK);
	}
	uint64_t end = active_file(wal).bytes;
	wal_close(wal);
	return end;
}

// A log of several full files and an active one; returns the last file's number.
static uint64_t
long_log(const char *dir, uint64_t last)
{
	Wal *wal = log_start(dir, SEGMENT, 1);
	log_write_synced(wal, 1, last);
	log_mark(wal, last, true);
	uint64_t number = active_file(wal).number;
	assert_true(number >= 4);
	wal_close(wal);
	return number;
}

static void
assert_prefix(const Seen *seen)
{
	for (int32_t i = 0; i < seen->count; i++)
		assert_int_equal(seen->seqs[i], i + 1);
}

static void
assert_refused(Status st, const Seen *seen, const char *dir)
{
	assert_int_equal(st, ST_CORRUPT);
	assert_non_null(strstr(seen->err.text, dir));
	assert_non_null(strstr(seen->err.text, "--wal-recovery="));
}

static void
flip(const char *path, uint64_t byte, uint8_t mask)
{
	FILE *file = fopen(path, "r+b");
	assert_non_null(file);
	fseek(file, (long)byte, SEEK_SET);
	int was = fgetc(file);
	fseek(file, (long)byte, SEEK_SET);
	fputc(was ^ mask, file);
	fclose(file);
}

// ---- another version ----

static void
save_format(const char *path, Blob *blob, uint8_t format, size_t used)
{
	blob->data[8] = format;
	uint32_t crc = htole32(crc32c(0, blob->data, used));
	memcpy(blob->data + used, &crc, sizeof(crc));
	blob_save(path, blob->data, blob->len);
}

static void
a_log_of_another_format_is_not_called_damaged(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	small_log(dir.path, 8, true);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	static const WalRecovery modes[] = {WAL_STRICT, WAL_POINT_IN_TIME, WAL_SALVAGE};
	for (size_t i = 0; i < 2 * COUNT_OF(modes); i++) {
		save_format(path, &blob, i % 2 == 0 ? 3 : 1, i % 2 == 0 ? 64 : 56);
		Seen seen;
		assert_int_equal(log_read(dir.path, modes[i / 2], 0, &seen), ST_CORRUPT);
		assert_non_null(strstr(seen.err.text, "00000001.wal was written by another version"));
		assert_non_null(strstr(seen.err.text, i % 2 == 0 ? "has format 3" : "has format 1"));
		assert_null(strstr(seen.err.text, "damaged"));
	}
	free(blob.data);
}

// ---- truncation ----

static void
assert_cut(const char *dir, Seen *seen)
{
	assert_refused(log_read(dir, WAL_STRICT, 0, seen), seen, dir);
	assert_non_null(strstr(seen->err.text, "it was cut"));
}

static void
a_file_cut_anywhere_is_refused_and_holds_a_prefix_of_whole_commits(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 8, false);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	int32_t most = 0;
	Seen seen;
	for (uint64_t len = 0; len < blob.len; len += len < HEADER ? 64 : len < end + 8 ? 1 : 509) {
		blob_save(path, blob.data, len);
		if (len < HEADER)
			assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
		else
			assert_cut(dir.path, &seen);
		assert_int_equal(log_read(dir.path, WAL_POINT_IN_TIME, 0, &seen), ST_OK);
		assert_true(seen.report.damaged);
		assert_prefix(&seen);
		assert_true(seen.count == most || seen.count == most + 1);
		most = seen.count;
	}
	assert_int_equal(most, 8);
	blob_save(path, blob.data, blob.len);
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	free(blob.data);
}

static void
cut_by(const char *dir, uint64_t number, uint64_t bytes)
{
	char path[160];
	struct stat info;
	file_name(path, dir, number);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(truncate(path, info.st_size - (off_t)bytes), 0);
}

// It may have been begun, and all that it held be gone.
static void
a_file_that_was_ready_and_cut_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	Error err;
	assert_int_equal(wal_prepare(wal, &err), ST_OK);
	wal_close(wal);
	cut_by(dir.path, 3, SEGMENT - HEADER);
	Seen seen;
	assert_cut(dir.path, &seen);
	assert_non_null(strstr(seen.err.text, "00000003.wal has 4096 bytes, and was made with 16384"));
}

// What an earlier recovery gave up, or what never was, is not asked for.
static void
a_file_that_was_cut_behind_its_end_does_not_matter_once_the_log_goes_on(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	small_log(dir.path, 4, true);
	Wal *wal = log_start(dir.path, SEGMENT, 5);
	log_write_synced(wal, 5, 6);
	wal_close(wal);
	cut_by(dir.path, 1, 8);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 6);
}

static void
an_index_does_not_hide_that_its_file_was_cut(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	Error err;
	assert_int_equal(wal_prepare(wal, &err), ST_OK);
	wal_close(wal);
	cut_by(dir.path, 1, SEGMENT / 2);
	Seen seen;
	assert_refused(log_read(dir.path, WAL_STRICT, 100, &seen), &seen, dir.path);
}

// As a power cut leaves what was never synced.
static void
zero_from(const char *path, uint64_t from)
{
	Blob blob = blob_load(path);
	memset(blob.data + from, 0, blob.len - from);
	blob_save(path, blob.data, blob.len);
	free(blob.data);
}

static void
a_torn_log_takes_new_commits_and_remembers_where_it_was_cut(void **state)
{
	(void)state;
	for (uint64_t back = 8; back < 1200; back += 61) {
		SCOPED(dir_drop) Dir dir = dir_new();
		uint64_t end = small_log(dir.path, 8, false);
		char path[160];
		file_name(path, dir.path, 1);
		zero_from(path, end - back);
		Seen seen;
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
		int32_t left = seen.count;
		assert_true(left < 8);

		for (uint64_t seq = 1001; seq < 1004; seq++) {
			Wal *wal = log_start(dir.path, SEGMENT, seq);
			log_write_synced(wal, seq, seq);
			wal_close(wal);
		}
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
		assert_int_equal(seen.count, left + 3);
		assert_int_equal(seen.report.cut_bytes, 0);
	}
}

static void
a_torn_commit_is_dropped_whole(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 8, false); // commit 8 has three entries
	char path[160];
	file_name(path, dir.path, 1);
	flip(path, end - 20, 1);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 7);
	assert_true(seen.report.cut_bytes > 600);
	assert_true(seen.report.cut_bytes < 1200);
}

// ---- flips ----

static void
a_flipped_bit_in_synced_commits_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 4, true);
	char path[160];
	file_name(path, dir.path, 1);
	Seen seen;
	long refused = 0;
	for (uint64_t byte = 0; byte < end; byte++) {
		if (byte == 68)
			byte = HEADER; // zeros that nobody reads
		for (int bit = 0; bit < 8; bit++) {
			flip(path, byte, (uint8_t)(1 << bit));
			Status st = log_read(dir.path, WAL_STRICT, 0, &seen);
			if (st == ST_OK) {
				// The padding between records, or the mark itself.
				assert_int_equal(seen.count, 4);
			} else {
				assert_refused(st, &seen, dir.path);
				refused++;
			}
			flip(path, byte, (uint8_t)(1 << bit));
		}
	}
	assert_true(refused > (long)(end - HEADER - 200) * 8);
}

static void
a_flipped_bit_in_commits_never_synced_cuts_there(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 6, false);
	char path[160];
	file_name(path, dir.path, 1);
	Seen seen;
	int32_t most = 0;
	for (uint64_t byte = HEADER; byte < end; byte++) {
		flip(path, byte, (uint8_t)(1 << byte % 8));
		Status st = log_read(dir.path, WAL_STRICT, 0, &seen);
		assert_int_equal(st, ST_OK);
		assert_prefix(&seen);
		if (seen.count < 6) {
			assert_true(seen.count >= most);
			most = seen.count;
		}
		flip(path, byte, (uint8_t)(1 << byte % 8));
	}
	assert_int_equal(most, 5);
}

static void
swapped_sectors_never_give_wrong_data(void **state)
{
	(void)state;
	enum { SECTOR = 512 };
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 8, true);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	uint8_t *swapped = malloc(blob.len);
	Seen seen;
	for (uint64_t a = 0; a < end; a += SECTOR) {
		for (uint64_t b = a + SECTOR; b < end; b += SECTOR) {
			memcpy(swapped, blob.data, blob.len);
			memcpy(swapped + a, blob.data + b, SECTOR);
			memcpy(swapped + b, blob.data + a, SECTOR);
			blob_save(path, swapped, blob.len);
			Status st = log_read(dir.path, WAL_STRICT, 0, &seen);
			// With the mark at the end goes the proof that the last commit was synced.
			bool same = memcmp(swapped, blob.data, blob.len) == 0;
			bool proof_lost = b + SECTOR > end - 72;
			if (st == ST_OK && (same || proof_lost))
				assert_prefix(&seen), assert_true(seen.count >= (same ? 8 : 7));
			else
				assert_refused(st, &seen, dir.path);
		}
	}
	free(swapped);
	free(blob.data);
}

static void
a_lost_sector_in_synced_commits_is_refused(void **state)
{
	(void)state;
	enum { SECTOR = 512 };
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t end = small_log(dir.path, 8, true);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	Seen seen;
	// The last one holds the mark: what proves that it was there is gone with it.
	for (uint64_t at = HEADER; at + SECTOR < end - 72; at += SECTOR) {
		uint8_t *zeroed = malloc(blob.len);
		memcpy(zeroed, blob.data, blob.len);
		memset(zeroed + at, 0, SECTOR);
		blob_save(path, zeroed, blob.len);
		assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
		free(zeroed);
	}
	free(blob.data);
}

// ---- files ----

static void
a_missing_file_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t files = long_log(dir.path, 150);
	Seen seen;
	for (uint64_t number = 1; number <= files; number++) {
		char path[160];
		file_name(path, dir.path, number);
		Blob blob = blob_load(path);
		unlink(path);
		// That the last one is missing is known from a checkpoint only.
		uint64_t after = number == files ? 150 : 0;
		assert_refused(log_read(dir.path, WAL_STRICT, after, &seen), &seen, dir.path);
		blob_save(path, blob.data, 0);
		assert_refused(log_read(dir.path, WAL_STRICT, after, &seen), &seen, dir.path);
		blob_save(path, blob.data, blob.len);
		free(blob.data);
	}
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 150);
}

static void
an_empty_log_with_a_checkpoint_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Seen seen;
	assert_refused(log_read(dir.path, WAL_STRICT, 5, &seen), &seen, dir.path);
	assert_int_equal(log_read(dir.path, WAL_POINT_IN_TIME, 5, &seen), ST_OK);
	assert_int_equal(seen.report.last_seq, 5);
}

static void
an_older_version_of_a_file_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 10);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	log_write_synced(wal, 11, 100);
	wal_close(wal);
	blob_save(path, blob.data, blob.len);
	Seen seen;
	assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
	free(blob.data);
}

static void
a_file_under_another_number_is_refused(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	long_log(dir.path, 150);
	char path[160];
	file_name(path, dir.path, 2);
	Blob blob = blob_load(path);
	file_name(path, dir.path, 3);
	blob_save(path, blob.data, blob.len);
	Seen seen;
	assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
	free(blob.data);
}

static void
records_of_another_life_are_no_records(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(dir_drop) Dir other = dir_new();
	uint64_t end = small_log(dir.path, 3, false);
	small_log(other.path, 9, true);
	char path[160];
	file_name(path, other.path, 1);
	Blob stale = blob_load(path);
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	memcpy(blob.data + end, stale.data + end, blob.len - end);
	blob_save(path, blob.data, blob.len);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.report.cut_bytes, 0);
	free(stale.data);
	free(blob.data);
}

static void
an_unsynced_tail_over_two_files_is_cut(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	uint64_t synced_end = active_file(wal).bytes;
	WalGroup group;
	assert_int_equal(log_write(wal, 6, 60, 5, &group), ST_OK);
	assert_true(active_file(wal).number >= 2);
	wal_close(wal);
	char path[160];
	file_name(path, dir.path, 1);
	flip(path, synced_end + 700, 0xff);

	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	int32_t left = seen.count;
	assert_true(left >= 5 && left < 10);
	assert_true(seen.report.cut_bytes > SEGMENT / 2);
	for (uint64_t seq = 1001; seq < 1003; seq++) {
		wal = log_start(dir.path, SEGMENT, seq);
		log_write_synced(wal, seq, seq);
		wal_close(wal);
	}
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, left + 2);
}

// ---- the other modes ----

static void
a_log_that_ends_before_its_checkpoint_goes_on_after_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	char path[160];
	file_name(path, dir.path, long_log(dir.path, 150));
	unlink(path);
	Wal *wal = log_open(dir.path, SEGMENT);
	Seen seen;
	Error err;
	assert_int_equal(log_recover(wal, WAL_POINT_IN_TIME, 150, &seen), ST_OK);
	assert_int_equal(seen.report.last_seq, 150);
	assert_int_equal(wal_start(wal, 151, epoch, &err), ST_OK);
	log_write_synced(wal, 151, 153);
	wal_close(wal);
	assert_int_equal(log_read(dir.path, WAL_STRICT, 150, &seen), ST_OK);
	assert_int_equal(seen.count, 3);
}

// What a cut has dropped is not brought back by a salvage of what was before it.
static void
salvage_does_not_go_behind_a_cut(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	uint64_t end = active_file(wal).bytes;
	WalGroup group;
	assert_int_equal(log_write(wal, 6, 12, 5, &group), ST_OK);
	wal_close(wal);
	char path[160];
	file_name(path, dir.path, 1);
	flip(path, end + 20, 1); // 6 is torn, the others are whole
	wal = log_start(dir.path, SEGMENT, 1001);
	log_write_synced(wal, 1001, 1003);
	wal_close(wal);
	flip(path, end - 60, 1); // and now 5 is damaged

	Seen seen;
	assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
	assert_int_equal(log_read(dir.path, WAL_SALVAGE, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 7);
	assert_int_equal(seen.seqs[3], 4);
	assert_int_equal(seen.seqs[4], 1001);
}

static int
count_lost_files(const char *dir)
{
	int count = 0;
	DIR *stream = opendir(dir);
	struct dirent *entry;
	while ((entry = readdir(stream)) != NULL)
		count += strstr(entry->d_name, ".lost") != NULL;
	closedir(stream);
	return count;
}

// Recovers in a mode, starts with a new epoch, adds one commit, and reads all again strictly.
static void
recover_and_go_on(const char *dir, WalRecovery mode, uint64_t next_seq, Seen *first, Seen *again)
{
	Wal *wal = log_open(dir, SEGMENT);
	assert_int_equal(log_recover(wal, mode, 0, first), ST_OK);
	if (mode == WAL_POINT_IN_TIME || first->report.lost_ranges > 0)
		assert_true(first->report.damaged);
	Error err;
	assert_int_equal(wal_start(wal, next_seq, (const uint8_t *)"another epoch 16", &err), ST_OK);
	log_write_synced(wal, next_seq, next_seq);
	wal_close(wal);
	assert_int_equal(log_read(dir, WAL_STRICT, 0, again), ST_OK);
	assert_false(again->report.damaged);
	assert_int_equal(again->count, first->count + 1);
	assert_memory_equal(again->seqs, first->seqs, (size_t)first->count * sizeof(first->seqs[0]));
}

static void
point_in_time_stops_before_the_damage(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t files = long_log(dir.path, 150);
	char path[160];
	file_name(path, dir.path, 2);
	flip(path, HEADER + 5000, 4);
	Seen seen;
	Seen again;
	recover_and_go_on(dir.path, WAL_POINT_IN_TIME, 1001, &seen, &again);
	assert_prefix(&seen);
	assert_true(seen.count > 20 && seen.count < 80);
	assert_int_equal(count_lost_files(dir.path), files - 2);
}

static void
point_in_time_stops_before_a_missing_file(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t files = long_log(dir.path, 150);
	char path[160];
	file_name(path, dir.path, 3);
	unlink(path);
	Seen seen;
	Seen again;
	recover_and_go_on(dir.path, WAL_POINT_IN_TIME, 1001, &seen, &again);
	assert_prefix(&seen);
	assert_int_equal(count_lost_files(dir.path), files - 3);
}

static void
salvage_skips_one_commit_for_one_flip(void **state)
{
	(void)state;
	for (uint64_t at = HEADER + 150; at < HEADER + 9000; at += 509) {
		SCOPED(dir_drop) Dir dir = dir_new();
		long_log(dir.path, 150);
		char path[160];
		file_name(path, dir.path, 2);
		flip(path, at, 0x10);
		Seen seen;
		Seen again;
		recover_and_go_on(dir.path, WAL_SALVAGE, 1001, &seen, &again);
		assert_int_equal(seen.report.last_seq, 150);
		// A schema that is lost with its commit is known from the file before.
		assert_true(seen.count == 149 || seen.count == 150);
		assert_int_equal(seen.report.lost_ranges, 150 - seen.count);
		assert_int_equal(count_lost_files(dir.path), 0);
	}
}

static void
salvage_skips_files_that_are_gone_or_unreadable(void **state)
{
	(void)state;
	for (uint64_t number = 1; number < 4; number++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		long_log(dir.path, 150);
		char path[160];
		file_name(path, dir.path, number);
		if (number % 2 == 0)
			flip(path, 20, 1);
		else
			unlink(path);
		Seen seen;
		Seen again;
		recover_and_go_on(dir.path, WAL_SALVAGE, 1001, &seen, &again);
		assert_int_equal(seen.report.last_seq, 150);
		assert_int_equal(seen.report.lost_ranges, 1);
		assert_true(seen.count > 80 && seen.count < 145);
	}
}

static void
files_that_were_cut_are_given_up_or_skipped(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		uint64_t files = long_log(dir.path, 150);
		uint64_t number = round % 2 == 0 ? 2 : files;
		cut_by(dir.path, number, SEGMENT - HEADER - 900);
		Seen seen;
		Seen again;
		assert_refused(log_read(dir.path, WAL_STRICT, 0, &seen), &seen, dir.path);
		WalRecovery mode = round < 2 ? WAL_POINT_IN_TIME : WAL_SALVAGE;
		recover_and_go_on(dir.path, mode, 1001, &seen, &again);
		assert_true(seen.count > 15 && seen.count < 150);
		assert_int_equal(seen.report.lost_ranges, mode == WAL_SALVAGE);
		if (mode == WAL_SALVAGE && number == 2)
			assert_int_equal(seen.report.last_seq, 150);
	}
}

// The mark ends the file it is in, and not the one that a salvage goes on in.
static void
salvage_goes_on_behind_the_mark_of_a_clean_stop(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 10);
	log_mark(wal, 10, true);
	wal_close(wal);
	wal = log_start(dir.path, SEGMENT, 11);
	uint64_t begun = active_file(wal).bytes;
	log_write_synced(wal, 11, 20);
	wal_close(wal);
	char path[160];
	file_name(path, dir.path, 2);
	flip(path, HEADER + 20, 1);    // its BEGIN
	flip(path, begun + 72 + 1, 1); // what is in its first commit

	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_SALVAGE, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 19);
	assert_int_equal(seen.seqs[10], 12);
	assert_int_equal(seen.report.last_seq, 20);
}

static void
salvage_of_much_damage_goes_on(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	uint64_t files = long_log(dir.path, 150);
	for (uint64_t number = 1; number < files; number++) {
		char path[160];
		file_name(path, dir.path, number);
		for (uint64_t at = HEADER + 1000 * (number % 3); at < SEGMENT; at += 3000)
			flip(path, at, 0x55);
	}
	Seen seen;
	Seen again;
	recover_and_go_on(dir.path, WAL_SALVAGE, 1001, &seen, &again);
	assert_int_equal(seen.report.last_seq, 150);
	assert_true(seen.report.lost_ranges >= files - 1);
	assert_true(seen.count > 100);
	recover_and_go_on(dir.path, WAL_SALVAGE, 2001, &seen, &again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_log_of_another_format_is_not_called_damaged),
		cmocka_unit_test(a_file_cut_anywhere_is_refused_and_holds_a_prefix_of_whole_commits),
		cmocka_unit_test(a_file_that_was_ready_and_cut_is_refused),
		cmocka_unit_test(a_file_that_was_cut_behind_its_end_does_not_matter_once_the_log_goes_on),
		cmocka_unit_test(an_index_does_not_hide_that_its_file_was_cut),
		cmocka_unit_test(a_torn_log_takes_new_commits_and_remembers_where_it_was_cut),
		cmocka_unit_test(a_torn_commit_is_dropped_whole),
		cmocka_unit_test(a_flipped_bit_in_synced_commits_is_refused),
		cmocka_unit_test(a_flipped_bit_in_commits_never_synced_cuts_there),
		cmocka_unit_test(swapped_sectors_never_give_wrong_data),
		cmocka_unit_test(a_lost_sector_in_synced_commits_is_refused),
		cmocka_unit_test(a_missing_file_is_refused),
		cmocka_unit_test(an_empty_log_with_a_checkpoint_is_refused),
		cmocka_unit_test(an_older_version_of_a_file_is_refused),
		cmocka_unit_test(a_file_under_another_number_is_refused),
		cmocka_unit_test(records_of_another_life_are_no_records),
		cmocka_unit_test(an_unsynced_tail_over_two_files_is_cut),
		cmocka_unit_test(a_log_that_ends_before_its_checkpoint_goes_on_after_it),
		cmocka_unit_test(salvage_does_not_go_behind_a_cut),
		cmocka_unit_test(point_in_time_stops_before_the_damage),
		cmocka_unit_test(point_in_time_stops_before_a_missing_file),
		cmocka_unit_test(salvage_skips_one_commit_for_one_flip),
		cmocka_unit_test(salvage_skips_files_that_are_gone_or_unreadable),
		cmocka_unit_test(files_that_were_cut_are_given_up_or_skipped),
		cmocka_unit_test(salvage_goes_on_behind_the_mark_of_a_clean_stop),
		cmocka_unit_test(salvage_of_much_damage_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
