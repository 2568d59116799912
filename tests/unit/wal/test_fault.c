// A run of the log under faults, against a model of what must and what may come back.

#include "log.h"

#include "base/fault.h"

enum { COMMITS = 90, SMALL = 16384 };

typedef struct Model {
	uint64_t first;           // what is before was given up by recycling
	uint64_t next;            // never used
	bool acked[COMMITS * 2];  // synced: must come back
	bool denied[COMMITS * 2]; // failed: must not come back, unless everything failed from then on
	bool dead;                // a start or a sync failed
	bool misread;             // a call that failed was taken for damage
} Model;

static uint64_t
last_acked(const Model *model)
{
	uint64_t seq = model->next - 1;
	while (seq > 1 && !model->acked[seq])
		seq--;
	return seq;
}

static bool
write_one(Wal *wal, Model *model, uint64_t count, bool retry, WalGroup *group)
{
	uint64_t first = model->next;
	uint64_t synced = first - 1; // every group is synced before the next
	if (log_write(wal, first, first + count - 1, synced, group) != ST_OK) {
		if (retry && log_write(wal, first, first + count - 1, synced, group) == ST_OK) {
			model->next += count;
			return true;
		}
		for (uint64_t seq = first; seq < first + count; seq++)
			model->denied[seq] = true;
		model->next += count;
		return false;
	}
	model->next += count;
	return true;
}

static void
run_commits(Wal *wal, Model *model, bool retry)
{
	Error err;
	for (uint64_t i = 0; model->next + 8 < COMMITS && !model->dead; i++) {
		WalGroup group;
		uint64_t first = model->next;
		if (write_one(wal, model, 1 + i % 7, retry, &group)) {
			model->dead = wal_sync(wal, &group, &err) != ST_OK;
			for (uint64_t seq = first; !model->dead && seq < model->next; seq++)
				model->acked[seq] = true;
		}
		Status st = i % 3 == 0 ? wal_prepare(wal, &err) : ST_OK;
		if (i % 5 == 4) {
			WalKeep keep = {.needed_seq = last_acked(model)};
			model->first = keep.needed_seq;
			st = wal_recycle(wal, &keep, &err);
		}
		(void)st;
	}
	if (!model->dead) {
		WalGroup group;
		Status st = wal_mark(wal, model->next - 1, model->next - 1, true, &group, &err);
		if (st == ST_OK)
			st = wal_sync(wal, &group, &err);
	}
}

// Everything a life of the log does; what fails is noted in the model.
static void
run_log(const char *dir, Model *model, bool retry)
{
	for (int life = 0; life < 2; life++) {
		Wal *wal = log_open(dir, SMALL);
		if (wal == NULL)
			return;
		Seen *seen = mem_alloc(sizeof(*seen));
		Error err;
		Status st =
			seen == NULL ? ST_NO_MEMORY : log_recover(wal, WAL_STRICT, model->first - 1, seen);
		model->misread |= st == ST_CORRUPT;
		if (st == ST_OK) {
			if (seen->report.last_seq >= model->next)
				model->next = seen->report.last_seq + 1;
			if (wal_start(wal, model->next, epoch, &err) == ST_OK)
				run_commits(wal, model, retry);
		}
		mem_free(seen);
		wal_close(wal);
		model->next += life == 0 ? 5 : 0;
		model->dead = false;
	}
}

static void
assert_recovers(const char *dir, const Model *model, bool denied_may_come)
{
	static Seen seen;
	assert_false(model->misread);
	Status st = log_read(dir, WAL_STRICT, model->first - 1, &seen);
	if (st != ST_OK)
		print_error("%s\n", seen.err.text);
	assert_int_equal(st, ST_OK);
	for (uint64_t seq = model->first; seq < model->next; seq++) {
		if (model->acked[seq])
			assert_true(seen_has(&seen, seq));
		if (model->denied[seq] && !denied_may_come)
			assert_false(seen_has(&seen, seq));
	}
}

static void
one_failure_loses_nothing_and_brings_nothing_back(void **state)
{
	(void)state;
	long blocks = mem_live();
	for (long nth = 0;; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Model model = {.first = 1, .next = 1};
		fault_arm(nth);
		run_log(dir.path, &model, nth % 2 == 0);
		bool hit = fault_disarm();
		assert_int_equal(mem_live(), blocks);
		assert_int_equal(file_live(), 0);
		assert_recovers(dir.path, &model, false);
		if (!hit)
			break;
	}
}

static void
an_end_at_any_call_loses_nothing(void **state)
{
	(void)state;
	long blocks = mem_live();
	for (long nth = 0;; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Model model = {.first = 1, .next = 1};
		fault_arm_sticky(nth); // nothing reaches the disk from then on, as after a kill
		run_log(dir.path, &model, false);
		bool hit = fault_disarm();
		assert_int_equal(mem_live(), blocks);
		assert_int_equal(file_live(), 0);
		assert_recovers(dir.path, &model, true);
		if (!hit)
			break;
	}
}

static void
a_power_cut_at_any_call_loses_nothing_that_was_synced(void **state)
{
	(void)state;
	file_hold_writes(true);
	for (long nth = 0;; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Model model = {.first = 1, .next = 1};
		fault_arm_sticky(nth);
		run_log(dir.path, &model, false); // closing loses what was not synced
		bool hit = fault_disarm();
		assert_recovers(dir.path, &model, true);
		if (!hit)
			break;
	}
	file_hold_writes(false);
}

static void
a_failed_sync_is_final(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Wal *wal = log_start(dir.path, SMALL, 1);
	log_write_synced(wal, 1, 3);
	WalGroup group;
	Error err;
	assert_int_equal(log_write(wal, 4, 4, 3, &group), ST_OK);
	assert_false(wal_failed(wal));
	fault_arm(0);
	assert_int_equal(wal_sync(wal, &group, &err), ST_IO);
	assert_true(fault_disarm());
	assert_true(wal_failed(wal));
	assert_int_equal(wal_sync(wal, &group, &err), ST_UNAVAILABLE);
	assert_int_equal(log_write(wal, 5, 5, 3, &group), ST_UNAVAILABLE);
	assert_int_equal(wal_mark(wal, 4, 3, true, &group, &err), ST_UNAVAILABLE);
	wal_close(wal);
}

// What one call writes, and half as much again.
enum { LARGE = 3 << 19, MANY = 2200 };

// A write that takes more than one system call, failing between them. Returns what the write said;
// *left says whether the first call left something that was not wiped.
static Status
fail_in_between(Wal *wal, const char *dir, long nth, bool sticky, bool *hit, bool *left)
{
	static const uint8_t zeros[1000];
	WalGroup group;
	if (sticky)
		fault_arm_sticky(nth);
	else
		fault_arm(nth);
	Status st = log_write(wal, 4, MANY, 3, &group);
	*hit = fault_disarm();
	char path[160];
	file_name(path, dir, 1);
	Blob blob = blob_load(path);
	const uint8_t *later = blob.data + active_file(wal).bytes + 10000;
	*left = st != ST_OK && memcmp(later, zeros, sizeof(zeros)) != 0;
	free(blob.data);
	return st;
}

static void
a_failed_write_does_not_come_back(void **state)
{
	(void)state;
	int with_leftovers = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, LARGE, 1);
		log_write_synced(wal, 1, 3);
		bool left;
		Status st = fail_in_between(wal, dir.path, nth, false, &hit, &left);
		with_leftovers += left;
		wal_close(wal);
		static Seen seen;
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
		assert_int_equal(seen.count, st == ST_OK ? MANY : 3);
	}
	assert_true(with_leftovers > 0);
}

// What could not even be wiped must not follow what is written in its place.
static void
leftovers_of_a_failed_write_do_not_chain(void **state)
{
	(void)state;
	int with_leftovers = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, LARGE, 1);
		log_write_synced(wal, 1, 3);
		bool left;
		Status st = fail_in_between(wal, dir.path, nth, true, &hit, &left);
		with_leftovers += left;
		WalGroup group;
		if (st != ST_OK)
			assert_int_equal(log_write(wal, 4, 4, 3, &group), ST_OK);
		wal_close(wal);
		static Seen seen;
		assert_int_equal(log_read(dir.path, WAL_STRICT, 0, &seen), ST_OK);
		assert_int_equal(seen.count, st == ST_OK ? MANY : 4);
	}
	assert_true(with_leftovers > 0);
}

// One commit of `count` pieces of 512 bytes each.
static Status
write_pieces(Wal *wal, uint64_t seq, int32_t count)
{
	static uint8_t bytes[512];
	memset(bytes, 'x', sizeof(bytes));
	Piece *pieces = calloc((size_t)count, sizeof(*pieces));
	for (int32_t i = 0; i < count; i++)
		pieces[i] = (Piece){bytes, sizeof(bytes), NULL};
	WalEntry entry = {
		.kind = WAL_ADOPT,
		.pieces = pieces,
		.piece_count = count,
		.length = (uint32_t)count * sizeof(bytes),
		.payload_crc = wal_payload_crc(pieces, count),
	};
	WalCommit commit = {seq, &entry, 1};
	WalGroup group;
	int32_t written;
	Error err;
	Status st = wal_write(wal, &commit, 1, seq - 1, &group, &written, &err);
	free(pieces);
	return st == ST_OK ? wal_sync(wal, &group, &err) : st;
}

static Status
note_seq(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)records, (void)count, (void)err;
	*(uint64_t *)arg = seq;
	return ST_OK;
}

// The same for a write that went on in the next file, while the log then goes on in this one.
static void
a_next_file_begun_by_a_failed_write_is_not_followed(void **state)
{
	(void)state;
	int with_leftovers = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		SCOPED(dir_drop) Dir dir = dir_new();
		Wal *wal = log_start(dir.path, SMALL, 1);
		assert_int_equal(write_pieces(wal, 1, 20), ST_OK);
		fault_arm_sticky(nth);
		Status st = write_pieces(wal, 2, 3000);
		hit = fault_disarm();
		uint64_t last = st == ST_OK ? 2 : 1;
		if (!wal_failed(wal))
			assert_int_equal(write_pieces(wal, ++last, 1), ST_OK);
		wal_close(wal);

		char path[160];
		file_name(path, dir.path, 2);
		if (st != ST_OK && access(path, R_OK) == 0) {
			Blob blob = blob_load(path);
			with_leftovers += memchr(blob.data + HEADER, 'x', blob.len - HEADER) != NULL;
			free(blob.data);
		}
		wal = log_open(dir.path, SMALL);
		uint64_t seen = 0;
		WalReader reader = {.commit = note_seq, .arg = &seen};
		WalReport report;
		Error err;
		assert_int_equal(wal_recover(wal, WAL_STRICT, 0, &reader, &report, &err), ST_OK);
		if (!hit || last == 2)
			assert_int_equal(seen, last);
		wal_close(wal);
	}
	assert_true(with_leftovers > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_failure_loses_nothing_and_brings_nothing_back),
		cmocka_unit_test(an_end_at_any_call_loses_nothing),
		cmocka_unit_test(a_power_cut_at_any_call_loses_nothing_that_was_synced),
		cmocka_unit_test(a_failed_sync_is_final),
		cmocka_unit_test(a_failed_write_does_not_come_back),
		cmocka_unit_test(leftovers_of_a_failed_write_do_not_chain),
		cmocka_unit_test(a_next_file_begun_by_a_failed_write_is_not_followed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
