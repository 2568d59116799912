#include "log.h"

static void
an_empty_directory_is_an_empty_log(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 0);
	assert_int_equal(seen.report.last_seq, 0);
	assert_int_equal(seen.report.first_seq, 0);
	assert_false(seen.report.clean);
}

static void
what_was_written_is_read_back(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 10);
	log_mark(wal, 10, true);
	wal_close(wal);

	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 10);
	assert_int_equal(seen.report.first_seq, 1);
	assert_int_equal(seen.report.last_seq, 10);
	assert_int_equal(seen.report.commits, 10);
	assert_int_equal(seen.report.cut_bytes, 0);
	assert_true(seen.report.clean);

	assert_int_equal(log_read(dir.path, WAL_STRICT, 7, &seen), ST_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.seqs[0], 8);
}

static void
a_stop_without_a_mark_is_not_clean(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 3);
	log_mark(wal, 3, false);
	wal_close(wal);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_false(seen.report.clean);
	assert_int_equal(seen.report.last_seq, 3);
}

static void
the_log_goes_on_over_starts(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	for (uint64_t run = 0; run < 5; run++) {
		Wal *wal = log_start(dir.path, SEGMENT, run * 1000 + 1);
		log_write_synced(wal, run * 1000 + 1, run * 1000 + 4);
		wal_close(wal);
	}
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 20);
	assert_int_equal(seen.report.last_seq, 4004);
}

static void
a_start_without_commits_remembers_the_last_seq(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 4);
	wal_close(wal);
	for (int i = 0; i < 3; i++)
		wal_close(log_start(dir.path, SEGMENT, 0));
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 4, &seen), ST_OK);
	assert_int_equal(seen.count, 0);
	assert_int_equal(seen.report.last_seq, 4);
}

static void
many_commits_roll_over_files(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	WalGroup group;
	assert_int_equal(log_write(wal, 1, 300, 0, &group), ST_OK);
	Error err;
	assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
	assert_int_equal(group.last_seq, 300);
	assert_true(active_file(wal).number > 4);
	wal_close(wal);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 300);
}

static void
a_group_touches_two_files_at_most(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	static Commit filled[200];
	WalCommit commits[200];
	for (uint64_t i = 0; i < 200; i++) {
		commit_fill(&filled[i], i + 1);
		commits[i] = filled[i].commit;
	}
	WalGroup group;
	int32_t written;
	Error err;
	assert_int_equal(wal_write(wal, commits, 200, 0, &group, &written, &err), ST_OK);
	assert_true(written > 0 && written < 200);
	assert_int_equal(group.file_numbers[0], 1);
	assert_int_equal(group.file_numbers[1], 2);
	assert_int_equal(group.last_seq, written);
	wal_close(wal);
}

// One commit of one entry of `length` bytes, all the same.
static void
write_large(Wal *wal, uint64_t seq, uint32_t length)
{
	uint8_t *bytes = malloc(length);
	memset(bytes, (int)seq, length);
	Piece piece = {bytes, length, NULL};
	WalEntry entry = {
		.kind = WAL_ADOPT,
		.pieces = &piece,
		.piece_count = 1,
		.length = length,
		.payload_crc = wal_payload_crc(&piece, 1),
	};
	WalCommit commit = {seq, &entry, 1};
	WalGroup group;
	int32_t written;
	Error err;
	assert_int_equal(wal_write(wal, &commit, 1, seq - 1, &group, &written, &err), ST_OK);
	assert_int_equal(written, 1);
	assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
	free(bytes);
}

typedef struct Large {
	uint32_t lengths[16];
	int32_t count;
} Large;

static Status
see_large(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)err;
	Large *large = arg;
	assert_int_equal(count, 1);
	for (size_t i = 0; i < records[0].payload.len; i++)
		assert_int_equal(records[0].payload.data[i], (uint8_t)seq);
	large->lengths[large->count++] = (uint32_t)records[0].payload.len;
	return ST_OK;
}

static void
a_large_commit_gets_a_file_of_its_own_size(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	static const uint32_t lengths[] = {100000, 100, 3000000, 12000, 50, 20000};
	for (size_t i = 0; i < COUNT_OF(lengths); i++)
		write_large(wal, i + 1, lengths[i]);
	wal_close(wal);

	wal = log_open(dir.path, SEGMENT);
	Large large = {0};
	WalReader reader = {.commit = see_large, .arg = &large};
	WalReport report;
	Error err;
	assert_int_equal(wal_recover(wal, WAL_STRICT, 0, &reader, &report, &err), ST_OK);
	assert_int_equal(large.count, COUNT_OF(lengths));
	assert_memory_equal(large.lengths, lengths, sizeof(lengths));
	wal_close(wal);
}

static Status
stop_at_three(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)records, (void)count;
	*(uint64_t *)arg = seq;
	return seq == 3 ? error_set(err, ST_LIMIT, "enough") : ST_OK;
}

static void
recovery_stops_at_the_readers_failure(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	wal_close(wal);
	wal = log_open(dir.path, SEGMENT);
	uint64_t last = 0;
	WalReader reader = {.commit = stop_at_three, .arg = &last};
	WalReport report;
	Error err;
	assert_int_equal(wal_recover(wal, WAL_STRICT, 0, &reader, &report, &err), ST_LIMIT);
	assert_int_equal(last, 3);
	wal_close(wal);
}

static void
the_checksum_of_a_payload_is_crc32c(void **state)
{
	(void)state;
	Piece piece = {(const uint8_t *)"123456789", 9, NULL};
	assert_int_equal(wal_payload_crc(&piece, 1), 0xE3069283); // the check value of CRC-32C
}

static void
too_small_files_are_refused(void **state)
{
	(void)state;
	assert_null(log_open("/tmp/mobius-wal-never-made", 100));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_directory_is_an_empty_log),
		cmocka_unit_test(what_was_written_is_read_back),
		cmocka_unit_test(a_stop_without_a_mark_is_not_clean),
		cmocka_unit_test(the_log_goes_on_over_starts),
		cmocka_unit_test(a_start_without_commits_remembers_the_last_seq),
		cmocka_unit_test(many_commits_roll_over_files),
		cmocka_unit_test(a_group_touches_two_files_at_most),
		cmocka_unit_test(a_large_commit_gets_a_file_of_its_own_size),
		cmocka_unit_test(recovery_stops_at_the_readers_failure),
		cmocka_unit_test(the_checksum_of_a_payload_is_crc32c),
		cmocka_unit_test(too_small_files_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
