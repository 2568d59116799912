// Commits read back while the log is written, recycled and damaged.

#include "log.h"

#include <stdatomic.h>

#include "os/thread.h"
#include "wal/wal_tail.h"

enum { PLENTY = 1 << 30 };

typedef struct Told {
	uint32_t table; // asked for; 0: all
	uint64_t last;  // seq
	uint64_t count;
	uint64_t fail_at; // the commit that is refused once
} Told;

// Every record that was asked for, as it was written.
static Status
tell_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	Told *told = arg;
	if (told->fail_at == seq) {
		told->fail_at = 0;
		return error_set(err, ST_LIMIT, "not now");
	}
	Commit want;
	commit_fill(&want, seq);
	int32_t at = 0;
	for (int32_t i = 0; i < want.commit.count; i++) {
		const WalEntry *entry = &want.entries[i];
		if (told->table != 0 && entry->table_id != told->table)
			continue;
		assert_true(at < count);
		assert_int_equal(records[at].kind, entry->kind);
		assert_int_equal(records[at].table_id, entry->table_id);
		assert_true(slice_equal(records[at].payload, slice_of(want.bytes[i], entry->length)));
		if (entry->kind == WAL_BATCH)
			assert_true(slice_equal(records[at].schema, entry->schema));
		at++;
	}
	assert_int_equal(at, count);
	assert_true(seq > told->last);
	told->last = seq;
	told->count++;
	return ST_OK;
}

static bool
has_table(uint64_t seq, uint32_t table)
{
	Commit commit;
	commit_fill(&commit, seq);
	bool has = table == 0;
	for (int32_t i = 0; i < commit.commit.count; i++)
		has |= commit.entries[i].table_id == table;
	return has;
}

static uint64_t
count_of(uint64_t first, uint64_t last, uint32_t table)
{
	uint64_t count = 0;
	for (uint64_t seq = first; seq <= last; seq++)
		count += has_table(seq, table);
	return count;
}

static WalTail *
tail_new(Wal *wal, uint64_t after, const Told *told)
{
	WalTail *tail = NULL;
	Error err = ERROR_INIT;
	ok(wal_tail_open(wal, after, &told->table, told->table != 0, &tail, &err), &err);
	return tail;
}

static Status
tail_read(WalTail *tail, uint64_t upto, uint64_t bytes, Told *told, Error *err)
{
	WalReader reader = {.commit = tell_commit, .arg = told};
	*err = (Error)ERROR_INIT;
	return wal_tail_read(tail, upto, bytes, &reader, err);
}

static void
prepare(Wal *wal)
{
	Error err = ERROR_INIT;
	ok(wal_prepare(wal, &err), &err);
}

static void
recycle(Wal *wal, uint64_t needed)
{
	WalKeep keep = {.needed_seq = needed};
	Error err = ERROR_INIT;
	ok(wal_recycle(wal, &keep, &err), &err);
}

// ---- what is given ----

static void
every_commit_comes_once_from_anywhere(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 200);
	log_mark(wal, 200, false);
	for (uint64_t after = 0; after <= 200; after += 7) {
		for (uint32_t table = 0; table <= 3; table++) {
			Told told = {.table = table};
			Error err;
			SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, after, &told);
			ok(tail_read(tail, 200, PLENTY, &told, &err), &err);
			assert_int_equal(told.count, count_of(after + 1, 200, table));
			assert_int_equal(wal_tail_seq(tail), 200);
		}
	}
	wal_close(wal);
}

static void
reading_goes_on_as_the_log_grows_and_no_further_than_asked(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	Told all = {0}, some = {.table = 2};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &all);
	SCOPED(wal_tail_drop) WalTail *other = tail_new(wal, 0, &some);
	Error err;
	for (uint64_t seq = 1; seq <= 300; seq += 3) {
		WalGroup group;
		ok(log_write(wal, seq, seq + 2, seq - 1, &group), NULL);
		ok(wal_sync(wal, &group, &err), &err);
		if (seq % 9 == 1)
			log_mark(wal, seq + 2, false);
		ok(tail_read(tail, seq + 1, PLENTY, &all, &err), &err);
		assert_int_equal(all.last, seq + 1);
		ok(tail_read(other, seq + 2, PLENTY, &some, &err), &err);
		assert_int_equal(wal_tail_seq(other), seq + 2);
		assert_int_equal(some.count, count_of(1, seq + 2, 2));
	}
	assert_int_equal(all.count, 299);
	wal_close(wal);
}

static void
a_read_stops_when_its_bytes_are_used_up(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	Told told = {0};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	Error err;
	for (uint64_t calls = 1; told.last < 100; calls++) {
		ok(tail_read(tail, 100, 1, &told, &err), &err);
		assert_true(calls <= 300); // begins of files and marks are passed too
	}
	assert_int_equal(told.count, 100);
	wal_close(wal);
}

static void
a_commit_that_is_refused_comes_again(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 60);
	Told told = {.fail_at = 31};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	Error err;
	assert_int_equal(tail_read(tail, 60, PLENTY, &told, &err), ST_LIMIT);
	assert_int_equal(wal_tail_seq(tail), 30);
	ok(tail_read(tail, 60, PLENTY, &told, &err), &err);
	assert_int_equal(told.count, 60);
	wal_close(wal);
}

static void
commits_of_former_runs_are_read_over_gaps_in_the_numbers(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 50);
	wal_close(wal);
	wal = log_start(dir.path, SEGMENT, 1000);
	log_write_synced(wal, 1000, 1050);
	Told told = {0}, late = {0};
	Error err;
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 20, &told);
	ok(tail_read(tail, 1050, PLENTY, &told, &err), &err);
	assert_int_equal(told.count, 30 + 51);
	SCOPED(wal_tail_drop) WalTail *between = tail_new(wal, 700, &late);
	ok(tail_read(between, 1050, PLENTY, &late, &err), &err);
	assert_int_equal(late.count, 51);
	wal_close(wal);
}

static void
a_commit_larger_than_a_file_is_read(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	static uint8_t large[3 * SEGMENT];
	memset(large, 'x', sizeof(large));
	Piece piece = {large, sizeof(large), NULL};
	WalEntry entry = {.kind = WAL_DROP,
					  .table_id = 7,
					  .pieces = &piece,
					  .piece_count = 1,
					  .length = sizeof(large),
					  .payload_crc = wal_payload_crc(&piece, 1)};
	log_write_synced(wal, 1, 40);
	WalCommit commit = {.seq = 41, .entries = &entry, .count = 1};
	WalGroup group;
	int32_t written;
	Error err = ERROR_INIT;
	ok(wal_write(wal, &commit, 1, 40, &group, &written, &err), &err);
	ok(wal_sync(wal, &group, &err), &err);
	log_write_synced(wal, 42, 80);
	Told told = {.table = 1};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	ok(tail_read(tail, 80, PLENTY, &told, &err), &err);
	assert_int_equal(told.count, count_of(1, 40, 1) + count_of(42, 80, 1));
	wal_close(wal);
}

// ---- what is gone ----

static void
a_place_that_was_recycled_says_where_the_log_goes_on(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 20);
	Told told = {0};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	Error err;
	ok(tail_read(tail, 10, PLENTY, &told, &err), &err);
	for (uint64_t seq = 21; seq < 400; seq += 20) {
		log_write_synced(wal, seq, seq + 19);
		prepare(wal);
		recycle(wal, seq);
	}
	assert_int_equal(tail_read(tail, 400, PLENTY, &told, &err), ST_NOT_FOUND);
	assert_int_equal(told.last, 10);
	assert_int_equal(wal_tail_seq(tail), 10);
	uint64_t next = wal_tail_next(tail);
	assert_int_equal(next, wal_earliest_seq(wal));
	assert_int_equal(wal_readable_after(wal), next - 1);
	SCOPED(wal_tail_drop) WalTail *again = tail_new(wal, next - 1, &told);
	ok(tail_read(again, 400, PLENTY, &told, &err), &err);
	assert_int_equal(told.count, 10 + 400 - next + 1);
	wal_close(wal);
}

static void
what_recycling_leaves_is_told_by_the_next_start(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	for (uint64_t seq = 1; seq < 200; seq += 20) {
		log_write_synced(wal, seq, seq + 19);
		prepare(wal);
		recycle(wal, seq);
	}
	uint64_t readable = wal_readable_after(wal);
	wal_close(wal);
	wal = log_open(dir.path, SEGMENT);
	Seen *seen = mem_alloc(sizeof(*seen));
	ok(log_recover(wal, WAL_STRICT, readable, seen), &seen->err);
	mem_free(seen);
	Error err = ERROR_INIT;
	ok(wal_start(wal, 201, epoch, &err), &err);
	assert_int_equal(wal_readable_after(wal), readable);
	Told told = {0};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, readable, &told);
	ok(tail_read(tail, 200, PLENTY, &told, &err), &err);
	assert_int_equal(told.count, 200 - readable);
	SCOPED(wal_tail_drop) WalTail *early = tail_new(wal, readable - 1, &told);
	assert_int_equal(tail_read(early, 200, PLENTY, &told, &err), ST_NOT_FOUND);
	wal_close(wal);
}

// Tables that nothing is written for do not fall behind.
static void
a_tail_that_passed_files_by_does_not_need_them(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	Told told = {.table = 9};
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	Error err;
	for (uint64_t seq = 1; seq < 300; seq += 20) {
		log_write_synced(wal, seq, seq + 19);
		ok(tail_read(tail, seq + 19, PLENTY, &told, &err), &err);
		assert_int_equal(wal_tail_seq(tail), seq + 19);
		prepare(wal);
		recycle(wal, seq + 19);
	}
	assert_int_equal(told.count, 0);
	wal_close(wal);
}

static void
a_log_without_a_directory_keeps_nothing(void **state)
{
	(void)state;
	Wal *wal = log_start(NULL, SEGMENT, 1);
	WalGroup group;
	ok(log_write(wal, 1, 5, 0, &group), NULL);
	Told told = {0};
	Error err;
	SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, 0, &told);
	assert_int_equal(tail_read(tail, 5, PLENTY, &told, &err), ST_NOT_FOUND);
	assert_true(wal_readable_after(wal) == UINT64_MAX);
	wal_close(wal);
}

// ---- damage ----

// Reads all there is, going on wherever it is told to; how many commits came.
static uint64_t
read_over_gaps(Wal *wal, uint64_t upto, uint64_t *gaps)
{
	Told told = {0};
	uint64_t after = 0;
	Status st = ST_NOT_FOUND;
	while (st == ST_NOT_FOUND) {
		Error err;
		SCOPED(wal_tail_drop) WalTail *tail = tail_new(wal, after, &told);
		st = tail_read(tail, upto, PLENTY, &told, &err);
		assert_true(st == ST_OK || st == ST_NOT_FOUND || st == ST_CORRUPT);
		if (st == ST_NOT_FOUND) {
			assert_true(wal_tail_next(tail) > wal_tail_seq(tail));
			after = wal_tail_next(tail) - 1;
			++*gaps;
		}
	}
	return told.count;
}

static void
damage_under_a_tail_is_told_and_never_given_as_rows(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 120);
	char path[160];
	file_name(path, dir.path, 1);
	Blob good = blob_load(path);
	uint64_t all_gaps = 0;
	for (size_t i = 0; i < 300; i++) {
		size_t at = HEADER + (i * 7919) % (good.len - HEADER);
		Blob bad = {malloc(good.len), good.len};
		memcpy(bad.data, good.data, good.len);
		for (size_t j = 0; j < 1 + i % 40 && at + j < good.len; j++)
			bad.data[at + j] ^= (uint8_t)(1 + i % 255);
		blob_save(path, bad.data, bad.len);
		uint64_t gaps = 0;
		uint64_t count = read_over_gaps(wal, 120, &gaps);
		assert_true(count <= 120);
		assert_true(count + 40 > 120 || gaps > 0);
		assert_true(count == 120 || gaps > 0);
		all_gaps += gaps;
		free(bad.data);
	}
	assert_true(all_gaps > 50);
	blob_save(path, good.data, good.len);
	uint64_t gaps = 0;
	assert_int_equal(read_over_gaps(wal, 120, &gaps), 120);
	assert_int_equal(gaps, 0);
	free(good.data);
	wal_close(wal);
}

static void
what_a_salvage_skipped_is_told_as_gone(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 120);
	log_mark(wal, 120, true);
	wal_close(wal);
	char path[160];
	file_name(path, dir.path, 1);
	Blob blob = blob_load(path);
	memset(blob.data + HEADER + 2500, 0xff, 50);
	blob_save(path, blob.data, blob.len);
	free(blob.data);

	wal = log_open(dir.path, SEGMENT);
	static Seen seen;
	ok(log_recover(wal, WAL_SALVAGE, 0, &seen), &seen.err);
	assert_int_equal(seen.report.lost_ranges, 1);
	Error err = ERROR_INIT;
	ok(wal_start(wal, 121, epoch, &err), &err);
	uint64_t gaps = 0;
	assert_int_equal(read_over_gaps(wal, 120, &gaps), seen.count);
	assert_int_equal(gaps, 1);
	wal_close(wal);
}

// ---- failures ----

static void
a_read_that_fails_changes_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SEGMENT, 1);
	log_write_synced(wal, 1, 100);
	FAULTS_IN_TURN(mem_live(), st == ST_IO || st == ST_NO_MEMORY, st, {
		Told told = {.table = 2};
		WalTail *tail = NULL;
		Error err;
		WalReader reader = {.commit = tell_commit, .arg = &told};
		st = wal_tail_open(wal, 0, &told.table, 1, &tail, &err);
		if (st == ST_OK)
			st = wal_tail_read(tail, 100, PLENTY, &reader, &err);
		if (st != ST_OK && tail != NULL)
			assert_int_equal(wal_tail_read(tail, 100, PLENTY, &reader, &err), ST_OK);
		assert_true(tail == NULL || told.count == count_of(1, 100, 2));
		wal_tail_close(tail);
	});
	wal_close(wal);
}

// ---- threads ----

enum { COMMITS = 3000, TAILS = 4, FILE_BYTES = 32768 };

typedef struct Shared {
	Wal *wal;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	uint64_t synced;
	uint64_t gone; // how often a tail was told so
} Shared;

static uint64_t
wait_for(Shared *shared, uint64_t seq)
{
	pthread_mutex_lock(&shared->lock);
	while (shared->synced <= seq)
		pthread_cond_wait(&shared->moved, &shared->lock);
	uint64_t synced = shared->synced;
	pthread_mutex_unlock(&shared->lock);
	return synced;
}

static void
run_tail(void *arg)
{
	Shared *shared = arg;
	static atomic_uint which;
	uint32_t table = atomic_fetch_add(&which, 1) % 4;
	Told told = {.table = table};
	WalTail *tail = tail_new(shared->wal, 0, &told);
	uint64_t gone = 0;
	while (wal_tail_seq(tail) < COMMITS) {
		Error err;
		uint64_t upto = wait_for(shared, wal_tail_seq(tail));
		Status st = tail_read(tail, upto, 1000 + table * 4000, &told, &err);
		if (st == ST_NOT_FOUND) {
			uint64_t next = wal_tail_next(tail);
			wal_tail_close(tail);
			tail = tail_new(shared->wal, next - 1, &told);
			gone++;
		} else {
			ok(st, &err);
		}
	}
	wal_tail_close(tail);
	pthread_mutex_lock(&shared->lock);
	shared->gone += gone;
	pthread_mutex_unlock(&shared->lock);
}

static void
run_keeper(void *arg)
{
	Shared *shared = arg;
	for (uint64_t synced = 0; synced < COMMITS;) {
		synced = wait_for(shared, synced);
		prepare(shared->wal);
		recycle(shared->wal, synced > 300 ? synced - 300 : 1);
	}
}

static void
tails_read_beside_writer_and_keeper(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Shared shared = {.wal = log_start(dir.path, FILE_BYTES, 1)};
	pthread_mutex_init(&shared.lock, NULL);
	pthread_cond_init(&shared.moved, NULL);
	Thread *threads[TAILS + 1];
	Error err;
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		ThreadOptions options = {.name = "tail-test"};
		ok(thread_start(&options, i < TAILS ? run_tail : run_keeper, &shared, &threads[i], &err),
		   &err);
	}
	for (uint64_t seq = 1; seq <= COMMITS; seq += 5) {
		WalGroup group;
		ok(log_write(shared.wal, seq, seq + 4, seq - 1, &group), NULL);
		ok(wal_sync(shared.wal, &group, &err), &err);
		pthread_mutex_lock(&shared.lock);
		shared.synced = seq + 4;
		pthread_cond_broadcast(&shared.moved);
		pthread_mutex_unlock(&shared.lock);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		thread_join(threads[i]);
	wal_close(shared.wal);
	pthread_mutex_destroy(&shared.lock);
	pthread_cond_destroy(&shared.moved);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_commit_comes_once_from_anywhere),
		cmocka_unit_test(reading_goes_on_as_the_log_grows_and_no_further_than_asked),
		cmocka_unit_test(a_read_stops_when_its_bytes_are_used_up),
		cmocka_unit_test(a_commit_that_is_refused_comes_again),
		cmocka_unit_test(commits_of_former_runs_are_read_over_gaps_in_the_numbers),
		cmocka_unit_test(a_commit_larger_than_a_file_is_read),
		cmocka_unit_test(a_place_that_was_recycled_says_where_the_log_goes_on),
		cmocka_unit_test(what_recycling_leaves_is_told_by_the_next_start),
		cmocka_unit_test(a_tail_that_passed_files_by_does_not_need_them),
		cmocka_unit_test(a_log_without_a_directory_keeps_nothing),
		cmocka_unit_test(damage_under_a_tail_is_told_and_never_given_as_rows),
		cmocka_unit_test(what_a_salvage_skipped_is_told_as_gone),
		cmocka_unit_test(a_read_that_fails_changes_nothing),
		cmocka_unit_test(tails_read_beside_writer_and_keeper),
	};
	return RUN(tests);
}
