#include "log.h"

#include "base/fault.h"

typedef struct Count {
	int active;
	int inactive;
	int recycled;
	uint64_t min_seq;
	uint64_t bytes; // of inactive and active files
} Count;

static Status
count_file(void *arg, const WalFileInfo *info, Error *err)
{
	(void)err;
	Count *count = arg;
	count->active += strcmp(info->state, "active") == 0;
	count->inactive += strcmp(info->state, "inactive") == 0;
	count->recycled += strcmp(info->state, "recycled") == 0;
	if (strcmp(info->state, "recycled") != 0)
		count->bytes += info->bytes;
	if (count->min_seq == 0)
		count->min_seq = info->min_seq;
	return ST_OK;
}

static Count
count_files(Wal *wal)
{
	Count count = {0};
	Error err;
	assert_int_equal(wal_files(wal, count_file, &count, &err), ST_OK);
	return count;
}

static void
prepare(Wal *wal)
{
	Error err;
	assert_int_equal(wal_prepare(wal, &err), ST_OK);
}

// Keeps what is at or after `needed`, however old it is, if it is wanted at all.
static void
recycle(Wal *wal, uint64_t needed)
{
	WalKeep keep = {.needed_seq = needed};
	Error err;
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
}

static int
count_names(const char *dir, const char *suffix)
{
	int count = 0;
	DIR *stream = opendir(dir);
	struct dirent *entry;
	while ((entry = readdir(stream)) != NULL)
		count += strstr(entry->d_name, suffix) != NULL;
	closedir(stream);
	return count;
}

static void
two_files_are_kept_ready(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	assert_int_equal(count_files(wal).recycled, 0);
	prepare(wal);
	prepare(wal);
	assert_int_equal(count_files(wal).recycled, 2);
	log_write_synced(wal, 1, 40);
	Count count = count_files(wal);
	assert_int_equal(count.active, 1);
	assert_int_equal(count.inactive + count.recycled, 2);
	wal_close(wal);

	// They are used again by the next run, under the number that is next.
	wal = log_start(dir.path, SEGMENT, 0);
	prepare(wal);
	assert_int_equal(count_files(wal).recycled, 2);
	log_write_synced(wal, 41, 100);
	wal_close(wal);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 100);
}

static void
files_that_nobody_needs_are_used_again(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	uint64_t seq = 1;
	for (int round = 0; round < 20; round++) {
		log_write_synced(wal, seq, seq + 29);
		seq += 30;
		prepare(wal);
		recycle(wal, seq - 10);
		Count count = count_files(wal);
		assert_true(count.inactive <= 2);
		assert_true(count.min_seq <= seq - 10);
		assert_int_equal(wal_earliest_seq(wal), count.min_seq);
	}
	uint64_t earliest = wal_earliest_seq(wal);
	wal_close(wal);
	assert_true(count_names(dir.path, ".") <= 14); // . and .. among them

	// No record of a former life comes back, wherever the log ends.
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, seq - 11, &seen), ST_OK);
	assert_int_equal(seen.count, 10);
	assert_int_equal(seen.report.first_seq, earliest);
	assert_int_equal(seen.report.last_seq, seq - 1);
	assert_int_equal(seen.report.cut_bytes, 0);

	// What is gone is missed by who asks for it.
	assert_int_equal(log_read(dir.path, WAL_STRICT, 100, &seen), ST_CORRUPT);
}

static void
what_failed_while_files_were_used_again_is_made_up_for(void **state)
{
	(void)state;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, SEGMENT, 1);
		log_write_synced(wal, 1, 100);
		WalKeep keep = {.needed_seq = 100};
		Error err;
		fault_arm(nth);
		Status st = wal_recycle(wal, &keep, &err);
		hit = fault_disarm();
		assert_true(st == ST_OK || st == ST_IO || st == ST_NO_MEMORY);
		recycle(wal, 100);
		assert_true(count_files(wal).inactive <= 1);
		log_write_synced(wal, 101, 200);
		wal_close(wal);
		Seen seen;
		assert_int_equal(log_read(dir.path, WAL_STRICT, 99, &seen), ST_OK);
		assert_int_equal(seen.count, 101);
	}
}

static void
files_are_kept_while_they_are_needed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	int inactive = count_files(wal).inactive;
	assert_true(inactive >= 3);
	recycle(wal, 1);
	assert_int_equal(count_files(wal).inactive, inactive);
	assert_int_equal(wal_earliest_seq(wal), 1);
	recycle(wal, 1000);
	assert_int_equal(count_files(wal).inactive, 0);
	wal_close(wal);
}

// Without it nothing on disk would say where the log begins.
static void
a_file_is_kept_until_the_next_one_is_synced(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	WalGroup group;
	Error err;
	for (uint64_t seq = 1; active_file(wal).number == 1; seq++) {
		assert_int_equal(log_write(wal, seq, seq, seq - 1, &group), ST_OK);
		if (active_file(wal).number == 1)
			assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
	}
	recycle(wal, 1000);
	assert_int_equal(count_files(wal).inactive, 1);
	assert_int_equal(wal_sync(wal, &group, &err), ST_OK);
	recycle(wal, 1000);
	assert_int_equal(count_files(wal).inactive, 0);
	wal_close(wal);
}

static void
files_are_kept_for_a_time_and_a_size(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	Count all = count_files(wal);
	Error err;
	assert_true(all.bytes > (uint64_t)all.inactive * SEGMENT); // what lies on disk

	WalKeep keep = {.needed_seq = 1000, .keep_time_ns = INT64_MAX, .keep_bytes = all.bytes};
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_files(wal).inactive, all.inactive);

	keep.keep_bytes = all.bytes - 1; // one file too many
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_files(wal).inactive, all.inactive - 1);

	keep.now_ns = INT64_MAX;
	keep.keep_bytes = UINT64_MAX;
	keep.keep_time_ns = 3600;
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_files(wal).inactive, 0);
	wal_close(wal);
}

// ---- starts ----

enum { STARTS = 12, LARGER = 16 * SEGMENT };

static uint64_t
size_of(const char *dir, uint64_t number)
{
	char path[160];
	struct stat info;
	file_name(path, dir, number);
	assert_int_equal(stat(path, &info), 0);
	return (uint64_t)info.st_size;
}

static void
a_start_gives_back_what_the_last_file_did_not_fill(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	for (uint64_t seq = 1; seq <= STARTS; seq++) {
		Wal *wal = log_start(dir.path, LARGER, 0);
		log_write_synced(wal, seq, seq);
		prepare(wal);
		log_mark(wal, seq, seq % 2 == 0); // a clean stop, or none
		wal_close(wal);
		assert_int_equal(size_of(dir.path, seq), LARGER);
		if (seq > 1)
			assert_int_equal(size_of(dir.path, seq - 1), 2 * HEADER);
	}
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, STARTS);
	assert_int_equal(seen.report.cut_bytes, 0);

	// Less than it holds is damage, at any length.
	char path[160];
	file_name(path, dir.path, 3);
	Blob blob = blob_load(path);
	size_t used = blob.len;
	while (blob.data[used - 1] == 0)
		used--;
	for (size_t len = HEADER; len < used - 100; len += 8) {
		blob_save(path, blob.data, len);
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_CORRUPT);
	}
	free(blob.data);
}

static void
a_file_is_as_large_as_it_was_where_giving_back_fails(void **state)
{
	(void)state;
	int large = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, LARGER, 1);
		log_write_synced(wal, 1, 2);
		wal_close(wal);
		wal = log_open(dir.path, LARGER);
		Seen seen;
		assert_int_equal(log_recover(wal, WAL_STRICT, 0, &seen), ST_OK);
		Error err;
		fault_arm(nth);
		Status st = wal_start(wal, 3, epoch, &err);
		hit = fault_disarm();
		large += st == ST_OK && hit && size_of(dir.path, 1) == LARGER;
		if (st == ST_OK)
			log_write_synced(wal, 3, 3);
		wal_close(wal);
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
		assert_int_equal(seen.count, st == ST_OK ? 3 : 2);
	}
	assert_true(large > 0);
}

static void
what_a_damaged_file_has_behind_its_end_stays(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, LARGER, 1);
	log_write_synced(wal, 1, 5);
	wal_close(wal);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	blob.data[HEADER + 72 + 56 + 40] ^= 1; // in the first commit
	blob_save(path, blob.data, blob.len);
	free(blob.data);

	wal = log_open(dir.path, LARGER);
	Seen seen;
	Error err;
	assert_int_equal(log_recover(wal, WAL_POINT_IN_TIME, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 0);
	assert_int_equal(wal_start(wal, 10, epoch, &err), ST_OK);
	WalKeep keep = {.needed_seq = 1000, .keep_time_ns = INT64_MAX, .keep_bytes = UINT64_MAX};
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(size_of(dir.path, 1), LARGER);
	wal_close(wal);
}

static void
files_without_a_commit_go_at_once(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	WalKeep keep = {.needed_seq = 1, .keep_time_ns = INT64_MAX, .keep_bytes = UINT64_MAX};
	Error err;
	for (int i = 0; i < STARTS; i++) {
		Wal *wal = log_start(dir.path, LARGER, 1);
		assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
		assert_int_equal(count_names(dir.path, ".wal"), 1);
		if (i % 2 == 0)
			log_mark(wal, 0, true);
		wal_close(wal);
	}
	// Behind one that is kept they stay, small, until it goes.
	Wal *wal = log_start(dir.path, LARGER, 1);
	log_write_synced(wal, 1, 1);
	wal_close(wal);
	for (int i = 0; i < STARTS; i++)
		wal_close(log_start(dir.path, LARGER, 0));
	wal = log_start(dir.path, LARGER, 0);
	keep.needed_seq = 2;
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_files(wal).inactive, STARTS + 1);
	assert_true(count_files(wal).bytes < LARGER);
	keep.keep_bytes = count_files(wal).bytes - 1;
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_files(wal).inactive, 0);
	wal_close(wal);
}

static void
at_most_eight_are_kept_for_use(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 400);
	prepare(wal);
	assert_true(count_files(wal).inactive > 12);
	recycle(wal, 1000);
	assert_int_equal(count_files(wal).recycled, 8);
	assert_int_equal(count_names(dir.path, ".wal") + count_names(dir.path, ".spare"), 9);
	assert_int_equal(count_names(dir.path, ".idx"), 0);
	wal_close(wal);
}

static void
none_are_kept_for_use_while_the_disk_is_full(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	prepare(wal);
	recycle(wal, 60);
	assert_true(count_names(dir.path, ".spare") > 0);
	WalKeep keep = {
		.needed_seq = 1000, .keep_time_ns = INT64_MAX, .keep_bytes = UINT64_MAX, .disk_full = true};
	Error err;
	assert_int_equal(wal_recycle(wal, &keep, &err), ST_OK);
	assert_int_equal(count_names(dir.path, ".spare"), 0);
	assert_int_equal(count_files(wal).recycled, 2); // those that are ready
	assert_int_equal(count_names(dir.path, ".wal"), 3);

	log_write_synced(wal, 101, 200);
	recycle(wal, 1000);
	assert_true(count_names(dir.path, ".spare") > 0);
	wal_close(wal);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 199, &seen), ST_OK);
	assert_int_equal(seen.count, 1);
}

static void
spares_of_another_size_are_not_used(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	recycle(wal, 1000);
	wal_close(wal);
	assert_true(count_names(dir.path, ".spare") > 1);

	wal = log_open(dir.path, (uint64_t)2 * SEGMENT);
	Seen seen;
	Error err;
	assert_int_equal(log_recover(wal, WAL_STRICT, 100, &seen), ST_OK);
	assert_int_equal(wal_start(wal, 101, epoch, &err), ST_OK);
	prepare(wal);
	assert_int_equal(count_names(dir.path, ".spare"), 0);
	log_write_synced(wal, 101, 200);
	wal_close(wal);
	assert_int_equal(log_read(dir.path, WAL_STRICT, 100, &seen), ST_OK);
	assert_int_equal(seen.count, 100);
}

// ---- index ----

typedef struct Sum {
	uint64_t files;
	uint64_t rows;
	int64_t min_time;
	int64_t max_time;
	uint64_t min_seq;
	uint64_t max_seq;
} Sum;

static Status
sum_extent(void *arg, const WalExtent *extent, Error *err)
{
	(void)err;
	Sum *sum = arg;
	sum->files++;
	sum->rows += extent->rows;
	if (sum->files == 1) {
		sum->min_time = extent->min_time;
		sum->min_seq = extent->min_seq;
	}
	sum->max_time = extent->max_time;
	sum->max_seq = extent->max_seq;
	assert_true(extent->offset > HEADER);
	assert_true(extent->length > 0 && extent->offset + extent->length <= SEGMENT);
	return ST_OK;
}

static Sum
sum_extents(Wal *wal, uint32_t table)
{
	Sum sum = {0};
	Error err;
	assert_int_equal(wal_extents(wal, table, sum_extent, &sum, &err), ST_OK);
	return sum;
}

static Sum
expect_sum(uint32_t table, uint64_t last)
{
	Sum sum = {0};
	for (uint64_t seq = 1; seq <= last; seq++) {
		Commit c;
		commit_fill(&c, seq);
		for (int32_t i = 0; i < c.commit.count; i++) {
			if (c.entries[i].table_id != table)
				continue;
			sum.rows += (uint64_t)c.entries[i].rows;
			if (sum.min_seq == 0) {
				sum.min_seq = seq;
				sum.min_time = c.entries[i].min_time;
			}
			sum.max_seq = seq;
			sum.max_time = c.entries[i].max_time;
		}
	}
	return sum;
}

static void
assert_sums(Wal *wal, uint64_t last)
{
	for (uint32_t table = 1; table <= 3; table++) {
		Sum want = expect_sum(table, last);
		Sum got = sum_extents(wal, table);
		want.files = got.files;
		assert_memory_equal(&want, &got, sizeof(want));
		assert_true(got.files > 2);
	}
	assert_int_equal(sum_extents(wal, 77).files, 0);
}

static void
records_without_rows_have_no_times(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	uint8_t payload[8] = {0};
	Piece piece = {payload, sizeof(payload), NULL};
	WalEntry entry = {.kind = WAL_DEFINE,
					  .table_id = 9,
					  .pieces = &piece,
					  .piece_count = 1,
					  .length = sizeof(payload),
					  .payload_crc = wal_payload_crc(&piece, 1)};
	WalCommit commit = {1, &entry, 1};
	WalGroup group;
	int32_t written;
	Error err;
	assert_int_equal(wal_write(wal, &commit, 1, 0, &group, &written, &err), ST_OK);
	Sum sum = sum_extents(wal, 9);
	assert_int_equal(sum.files, 1);
	assert_true(sum.min_time > sum.max_time);
	wal_close(wal);
}

static void
the_index_says_where_tables_lie(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	WalGroup group;
	assert_int_equal(log_write(wal, 1, 100, 0, &group), ST_OK);
	assert_sums(wal, 100);
	prepare(wal);
	int inactive = count_files(wal).inactive;
	assert_int_equal(count_names(dir.path, ".idx"), inactive);
	wal_close(wal);

	// From the index files, from the log, and from the log although an index is there.
	for (int round = 0; round < 3; round++) {
		wal = log_open(dir.path, SEGMENT);
		Seen seen;
		assert_int_equal(log_recover(wal, WAL_STRICT, round == 2 ? 0 : 100, &seen), ST_OK);
		assert_sums(wal, 100);
		wal_close(wal);
		for (uint64_t i = 1; round == 0 && i <= (uint64_t)inactive; i++) {
			char path[160];
			snprintf(path, sizeof(path), "%s/%08" PRIu64 ".idx", dir.path, i);
			assert_int_equal(i == 2 ? truncate(path, 100) : unlink(path), 0);
		}
	}
}

static void
a_flipped_bit_in_an_index_is_noticed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 60);
	prepare(wal);
	wal_close(wal);
	char path[160];
	snprintf(path, sizeof(path), "%s/00000001.idx", dir.path);
	Blob blob = blob_load(path);
	for (size_t i = 0; i < blob.len; i++) {
		blob.data[i] ^= 8;
		blob_save(path, blob.data, blob.len);
		wal = log_open(dir.path, SEGMENT);
		Seen seen;
		assert_int_equal(log_recover(wal, WAL_STRICT, 60, &seen), ST_OK);
		assert_int_equal(seen.report.last_seq, 60);
		Sum want = expect_sum(1, 60);
		assert_int_equal(sum_extents(wal, 1).rows, want.rows);
		wal_close(wal);
		blob.data[i] ^= 8;
	}
	free(blob.data);
}

static void
a_file_that_a_checkpoint_covers_is_not_read(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	prepare(wal);
	uint64_t number = active_file(wal).number;
	wal_close(wal);
	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 100, &seen), ST_OK);
	assert_int_equal(seen.report.first_seq, 1);
	assert_true(seen.report.bytes_read < SEGMENT * 2);
	assert_true(number > 3);
}

static void
after_a_clean_stop_little_is_read(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	prepare(wal);
	log_write_synced(wal, 1, 10);
	log_mark(wal, 10, true);
	wal_close(wal);
	assert_int_equal(count_names(dir.path, ".wal"), 1);
	assert_int_equal(count_names(dir.path, ".spare"), 2);

	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 10, &seen), ST_OK);
	assert_int_equal(seen.count, 0);
	assert_true(seen.report.clean);
	assert_int_equal(seen.report.first_seq, 1);
	assert_int_equal(seen.report.last_seq, 10);
	assert_in_range(seen.report.bytes_read, 1, 128); // the mark
	assert_int_equal(log_read(dir.path, WAL_STRICT, 9, &seen), ST_OK);
	assert_int_equal(seen.count, 1);

	// The next runs go on behind it, also where they do not stop cleanly.
	for (uint64_t seq = 11; seq < 14; seq++) {
		wal = log_start(dir.path, SEGMENT, 0);
		prepare(wal);
		log_write_synced(wal, seq, seq);
		wal_close(wal);
	}
	assert_int_equal(log_read(dir.path, WAL_STRICT, 10, &seen), ST_OK);
	assert_int_equal(seen.count, 3);
	assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
	assert_int_equal(seen.count, 13);
}

static void
an_index_without_the_mark_behind_it_is_not_believed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 10);
	uint64_t end = active_file(wal).bytes;
	log_mark(wal, 10, true);
	wal_close(wal);
	char name[160];
	file_name(name, dir.path, 1);
	Blob blob = blob_load(name);
	blob.data[end + 9] ^= 1;
	blob_save(name, blob.data, blob.len);
	free(blob.data);

	Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, 10, &seen), ST_OK);
	assert_false(seen.report.clean);
	assert_int_equal(seen.report.last_seq, 10);
	assert_true(seen.report.bytes_read > 1000);
}

// The keeper writes a new index without a sync: a power cut may bring the old one back.
static void
an_index_that_is_older_than_a_cut_of_its_file_is_not_believed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 5);
	uint64_t cut = active_file(wal).bytes;
	log_write_synced(wal, 6, 10);
	log_mark(wal, 10, true);
	wal_close(wal);
	assert_int_equal(count_names(dir.path, ".idx"), 1);
	char name[160];
	file_name(name, dir.path, 1);
	Blob blob = blob_load(name);
	blob.data[cut + 9] ^= 1;
	blob_save(name, blob.data, blob.len);
	free(blob.data);

	Seen seen;
	Error err;
	wal = log_open(dir.path, SEGMENT);
	assert_int_equal(log_recover(wal, WAL_POINT_IN_TIME, 0, &seen), ST_OK);
	assert_int_equal(seen.report.last_seq, 5);
	assert_int_equal(wal_start(wal, 21, epoch, &err), ST_OK);
	log_write_synced(wal, 21, 25);
	wal_close(wal);
	assert_int_equal(log_read(dir.path, WAL_STRICT, 25, &seen), ST_OK);
	assert_int_equal(seen.report.last_seq, 25);
}

static void
the_log_after_a_seq_is_measured_in_files(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	assert_int_equal(wal_bytes_from(wal, 1), 0);
	log_write_synced(wal, 1, 100);
	Count count = count_files(wal);
	uint64_t headers = (uint64_t)(count.inactive + count.active) * HEADER;
	uint64_t used = wal_bytes_from(wal, 1);
	assert_true(used <= count.bytes - headers && used > (uint64_t)count.inactive * SEGMENT / 2);
	uint64_t before = UINT64_MAX;
	for (uint64_t seq = 1; seq <= 101; seq++) {
		assert_true(wal_bytes_from(wal, seq) <= before);
		before = wal_bytes_from(wal, seq);
	}
	assert_int_equal(before, 0);
	assert_int_equal(wal_seq_behind(wal, used), 0);
	uint64_t newest = wal_seq_behind(wal, 0); // of what is not written any more
	for (uint64_t bytes = 0; bytes < used; bytes += SEGMENT / 4) {
		uint64_t seq = wal_seq_behind(wal, bytes);
		assert_true(wal_bytes_from(wal, seq == 0 ? 1 : seq) > bytes);
		assert_true(wal_bytes_from(wal, seq + 1) <= bytes || seq == newest); // the last of them
	}
	assert_true(newest > 0 && newest < 100);
	wal_close(wal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_files_are_kept_ready),
		cmocka_unit_test(files_that_nobody_needs_are_used_again),
		cmocka_unit_test(what_failed_while_files_were_used_again_is_made_up_for),
		cmocka_unit_test(files_are_kept_while_they_are_needed),
		cmocka_unit_test(a_file_is_kept_until_the_next_one_is_synced),
		cmocka_unit_test(files_are_kept_for_a_time_and_a_size),
		cmocka_unit_test(a_start_gives_back_what_the_last_file_did_not_fill),
		cmocka_unit_test(a_file_is_as_large_as_it_was_where_giving_back_fails),
		cmocka_unit_test(what_a_damaged_file_has_behind_its_end_stays),
		cmocka_unit_test(files_without_a_commit_go_at_once),
		cmocka_unit_test(at_most_eight_are_kept_for_use),
		cmocka_unit_test(none_are_kept_for_use_while_the_disk_is_full),
		cmocka_unit_test(spares_of_another_size_are_not_used),
		cmocka_unit_test(records_without_rows_have_no_times),
		cmocka_unit_test(the_index_says_where_tables_lie),
		cmocka_unit_test(a_flipped_bit_in_an_index_is_noticed),
		cmocka_unit_test(a_file_that_a_checkpoint_covers_is_not_read),
		cmocka_unit_test(after_a_clean_stop_little_is_read),
		cmocka_unit_test(an_index_without_the_mark_behind_it_is_not_believed),
		cmocka_unit_test(an_index_that_is_older_than_a_cut_of_its_file_is_not_believed),
		cmocka_unit_test(the_log_after_a_seq_is_measured_in_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
