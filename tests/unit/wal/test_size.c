// Files larger than others, and copies: what they say of their size is what they have.

#include "log.h"

#include "base/fault.h"

enum { ENTRIES = 3, LARGE = 20000 };

// A commit of three entries that is larger than a file.
static Status
write_large(Wal *wal, uint64_t seq)
{
	static uint8_t bytes[LARGE];
	memset(bytes, (int)seq, sizeof(bytes));
	Piece piece = {bytes, sizeof(bytes), NULL};
	WalEntry entries[ENTRIES];
	for (int i = 0; i < ENTRIES; i++)
		entries[i] = (WalEntry){
			.kind = WAL_DELETE,
			.table_id = 1,
			.pieces = &piece,
			.piece_count = 1,
			.length = sizeof(bytes),
			.payload_crc = wal_payload_crc(&piece, 1),
		};
	WalCommit commit = {seq, entries, ENTRIES};
	WalGroup group;
	int32_t written;
	Error err;
	Status st = wal_write(wal, &commit, 1, seq - 1, &group, &written, &err);
	return st == ST_OK ? wal_sync(wal, &group, &err) : st;
}

static Status
note_seq(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)records, (void)count, (void)err;
	*(uint64_t *)arg = seq;
	return ST_OK;
}

// The last seq that can be read, which goes to *last.
static Status
read_last(const char *dir, WalRecovery mode, uint64_t *last, Error *err)
{
	Wal *wal = log_open(dir, SEGMENT);
	WalReader reader = {.commit = note_seq, .arg = last};
	WalReport report;
	*last = 0;
	Status st = wal_recover(wal, mode, 0, &reader, &report, err);
	wal_close(wal);
	return st;
}

static uint64_t
size_of(const char *dir, uint64_t number)
{
	char path[160];
	struct stat info;
	file_name(path, dir, number);
	assert_int_equal(stat(path, &info), 0);
	return (uint64_t)info.st_size;
}

// At any length the file is refused, and gives what is before the commits that are cut.
static void
each_cut_is_refused(const char *dir, uint64_t number, uint64_t from, uint64_t last)
{
	char path[160];
	file_name(path, dir, number);
	Blob blob = blob_load(path);
	uint64_t read;
	Error err;
	assert_int_equal(read_last(dir, WAL_STRICT, &read, &err), ST_OK);
	assert_int_equal(read, last);
	for (uint64_t len = from; len < blob.len; len++) {
		blob_save(path, blob.data, len);
		assert_int_equal(read_last(dir, WAL_STRICT, &read, &err), ST_CORRUPT);
		assert_non_null(strstr(err.text, "it was cut"));
		assert_int_equal(read_last(dir, WAL_POINT_IN_TIME, &read, &err), ST_OK);
		assert_true(read == last - 1 || read == last);
	}
	blob_save(path, blob.data, blob.len);
	free(blob.data);
}

static void
a_cut_in_a_commit_larger_than_a_file_is_refused(void **state)
{
	(void)state;
	for (int first = 0; first < 2; first++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, SEGMENT, 1);
		if (first == 0)
			log_write_synced(wal, 1, 1); // it gets the next file then
		assert_int_equal(write_large(wal, 2), ST_OK);
		wal_close(wal);
		uint64_t number = first == 0 ? 2 : 1;
		uint64_t size = size_of(dir.path, number);
		assert_true(size > (uint64_t)ENTRIES * LARGE);
		char path[160];
		file_name(path, dir.path, number);
		Blob blob = blob_load(path);
		uint64_t read;
		Error err;
		for (uint64_t len = HEADER; len < size; len += 104) {
			blob_save(path, blob.data, len);
			assert_int_equal(read_last(dir.path, WAL_STRICT, &read, &err), ST_CORRUPT);
		}
		// Where a record ends: the BEGIN, a mark, three entries.
		uint64_t end = HEADER + 72 + 56 + 72;
		for (int i = 0; i <= ENTRIES; i++, end += 72 + LARGE) {
			blob_save(path, blob.data, end);
			assert_int_equal(read_last(dir.path, WAL_STRICT, &read, &err), ST_CORRUPT);
			assert_non_null(strstr(err.text, "it was cut"));
		}
		free(blob.data);
	}
}

// A write that failed may leave a larger file: what is written then says so as well.
static void
a_file_that_grew_for_a_failed_write_says_its_size(void **state)
{
	(void)state;
	int grown = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, SEGMENT, 1);
		fault_arm(nth);
		Status st = write_large(wal, 1);
		hit = fault_disarm();
		if (st != ST_OK && !wal_failed(wal)) {
			log_write_synced(wal, 1, 1);
			grown += size_of(dir.path, 1) > SEGMENT;
			wal_close(wal);
			char path[160];
			file_name(path, dir.path, 1);
			uint64_t read;
			Error err;
			assert_int_equal(read_last(dir.path, WAL_STRICT, &read, &err), ST_OK);
			assert_int_equal(read, 1);
			assert_int_equal(truncate(path, (off_t)size_of(dir.path, 1) - 1), 0);
			assert_int_equal(read_last(dir.path, WAL_STRICT, &read, &err), ST_CORRUPT);
			continue;
		}
		wal_close(wal);
	}
	assert_true(grown > 0);
}

static void
a_power_cut_while_a_file_grows_is_no_damage(void **state)
{
	(void)state;
	bool hit = true;
	file_hold_writes(true);
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, SEGMENT, 1);
		log_write_synced(wal, 1, 1);
		fault_arm_sticky(nth);
		Status st = write_large(wal, 2);
		hit = fault_disarm();
		wal_close(wal); // loses what was not synced
		uint64_t read;
		Error err;
		assert_int_equal(read_last(dir.path, WAL_STRICT, &read, &err), ST_OK);
		assert_true(read == 2 || (read == 1 && st != ST_OK));
	}
	file_hold_writes(false);
}

// ---- copies ----

static void
a_copy_says_its_own_size(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(dir_drop) Dir to = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	Error err;
	assert_int_equal(wal_copy(wal, 0, 3, to.path, &err), ST_OK);
	wal_close(wal);
	assert_true(size_of(to.path, 1) < size_of(dir.path, 1));
	each_cut_is_refused(to.path, 1, size_of(to.path, 1) - 150, 3);
}

static void
a_copy_of_a_file_that_grew_is_whole(void **state)
{
	(void)state;
	for (uint64_t last = 1; last < 4; last++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		SCOPED(dir_drop) Dir to = dir_new();
		Wal *wal = log_start(dir.path, SEGMENT, 1);
		log_write_synced(wal, 1, 1);
		assert_int_equal(write_large(wal, 2), ST_OK);
		log_write_synced(wal, 3, 3);
		Error err;
		assert_int_equal(wal_copy(wal, 0, last, to.path, &err), ST_OK);
		wal_close(wal);
		uint64_t read;
		assert_int_equal(read_last(to.path, WAL_STRICT, &read, &err), ST_OK);
		assert_int_equal(read, last);

		// And so is a copy of what was started on it.
		SCOPED(dir_drop) Dir again = dir_new();
		wal = log_open(to.path, SEGMENT);
		WalReader reader = {.commit = note_seq, .arg = &read};
		WalReport report;
		assert_int_equal(wal_recover(wal, WAL_STRICT, 0, &reader, &report, &err), ST_OK);
		assert_int_equal(wal_start(wal, 9, epoch, &err), ST_OK);
		log_write_synced(wal, 9, 9);
		assert_int_equal(wal_copy(wal, 0, 9, again.path, &err), ST_OK);
		wal_close(wal);
		assert_int_equal(read_last(again.path, WAL_STRICT, &read, &err), ST_OK);
		assert_int_equal(read, 9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_in_a_commit_larger_than_a_file_is_refused),
		cmocka_unit_test(a_file_that_grew_for_a_failed_write_says_its_size),
		cmocka_unit_test(a_power_cut_while_a_file_grows_is_no_damage),
		cmocka_unit_test(a_copy_says_its_own_size),
		cmocka_unit_test(a_copy_of_a_file_that_grew_is_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
