// The sequencer, the syncer, the keeper and somebody who looks, all at once.

#include "log.h"

#include "os/thread.h"

enum { COMMITS = 3000, GROUP = 9, FILE_BYTES = 32768 };

typedef struct Shared {
	Wal *wal;
	pthread_mutex_t lock;
	pthread_cond_t moved;
	WalGroup group; // the newest that was written
	uint64_t written;
	uint64_t synced;
	bool stop; // keeper and looker
} Shared;

static void
run_writer(void *arg)
{
	Shared *shared = arg;
	for (uint64_t seq = 1; seq <= COMMITS; seq += GROUP) {
		uint64_t last = seq + GROUP - 1 < COMMITS ? seq + GROUP - 1 : COMMITS;
		pthread_mutex_lock(&shared->lock);
		while (shared->synced + 200 < seq) // not all at once: the others are to do something
			pthread_cond_wait(&shared->moved, &shared->lock);
		uint64_t synced = shared->synced;
		pthread_mutex_unlock(&shared->lock);

		WalGroup group;
		assert_int_equal(log_write(shared->wal, seq, last, synced, &group), ST_OK);
		pthread_mutex_lock(&shared->lock);
		shared->group = group;
		shared->written = last;
		pthread_cond_broadcast(&shared->moved);
		pthread_mutex_unlock(&shared->lock);
	}
}

static void
run_syncer(void *arg)
{
	Shared *shared = arg;
	Error err;
	uint64_t synced = 0;
	while (synced < COMMITS) {
		pthread_mutex_lock(&shared->lock);
		while (shared->written == synced)
			pthread_cond_wait(&shared->moved, &shared->lock);
		WalGroup group = shared->group;
		pthread_mutex_unlock(&shared->lock);

		assert_int_equal(wal_sync(shared->wal, &group, &err), ST_OK);
		synced = group.last_seq;
		pthread_mutex_lock(&shared->lock);
		shared->synced = synced;
		pthread_cond_broadcast(&shared->moved);
		pthread_mutex_unlock(&shared->lock);
	}
}

static uint64_t
synced_now(Shared *shared, bool *stop)
{
	pthread_mutex_lock(&shared->lock);
	uint64_t synced = shared->synced;
	*stop = shared->stop;
	pthread_mutex_unlock(&shared->lock);
	return synced;
}

static void
run_keeper(void *arg)
{
	Shared *shared = arg;
	Error err;
	for (bool stop = false; !stop;) {
		uint64_t synced = synced_now(shared, &stop);
		assert_int_equal(wal_prepare(shared->wal, &err), ST_OK);
		WalKeep keep = {.needed_seq = synced > 500 ? synced - 500 : 1};
		assert_int_equal(wal_recycle(shared->wal, &keep, &err), ST_OK);
	}
}

static Status
look_extent(void *arg, const WalExtent *extent, Error *err)
{
	(void)err;
	*(uint64_t *)arg += extent->rows;
	return ST_OK;
}

static void
run_looker(void *arg)
{
	Shared *shared = arg;
	Error err;
	for (bool stop = false; !stop;) {
		// Looked at before it is compared: the others do not wait.
		uint64_t earliest = wal_earliest_seq(shared->wal);
		uint64_t active = active_file(shared->wal).min_seq;
		uint64_t rows = 0;
		assert_int_equal(wal_extents(shared->wal, 2, look_extent, &rows, &err), ST_OK);
		uint64_t synced = synced_now(shared, &stop);
		assert_true(earliest <= synced + 1);
		assert_true(active <= COMMITS);
		assert_true(synced == 0 || wal_bytes_from(shared->wal, synced) > 0);
		assert_true(synced == 0 || rows > 0 || earliest == 0);
		assert_false(wal_failed(shared->wal));
	}
}

static void
all_threads_work_at_once(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Shared shared = {.wal = log_start(dir.path, FILE_BYTES, 1)};
	pthread_mutex_init(&shared.lock, NULL);
	pthread_cond_init(&shared.moved, NULL);
	static void (*const runs[])(void *) = {run_writer, run_syncer, run_keeper, run_looker};
	Thread *threads[COUNT_OF(runs)];
	Error err;
	for (size_t i = 0; i < COUNT_OF(runs); i++) {
		ThreadOptions options = {.name = "wal-test"};
		assert_int_equal(thread_start(&options, runs[i], &shared, &threads[i], &err), ST_OK);
	}
	thread_join(threads[0]);
	thread_join(threads[1]);
	pthread_mutex_lock(&shared.lock);
	shared.stop = true;
	pthread_mutex_unlock(&shared.lock);
	thread_join(threads[2]);
	thread_join(threads[3]);
	wal_close(shared.wal);
	pthread_mutex_destroy(&shared.lock);
	pthread_cond_destroy(&shared.moved);

	static Seen seen;
	assert_int_equal(log_read(dir.path, WAL_STRICT, COMMITS - 501, &seen), ST_OK);
	assert_int_equal(seen.count, 501);
	assert_int_equal(seen.report.last_seq, COMMITS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_threads_work_at_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
