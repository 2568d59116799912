// The conductor over a real log and store: one order, acknowledgements, what a failure takes with
// it.

#include "engine/commit.h"
#include "support.h"

typedef struct Parts {
	Dir dir;
	BytesPool *pool;
	Budget *budget;
	Catalog *catalog;
	Store *store;
	Wal *wal;
	Conductor *conductor;
	Table *table;
	Shape *shape;
	atomic_int sync_failures;
	atomic_int turn; // of acknowledgements and releases
} Parts;

// ---- the parts ----

static void
write_failed(void *arg, Status status)
{
	(void)arg, (void)status;
}

static void
sync_failed(void *arg, const Error *err)
{
	assert_int_equal(err->code, ST_UNAVAILABLE);
	atomic_fetch_add(&((Parts *)arg)->sync_failures, 1);
}

static Status
any_type(const Field *field, Error *err)
{
	(void)field, (void)err;
	return ST_OK;
}

static Status
count_commit(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	(void)records, (void)err;
	uint64_t *last = arg;
	assert_int_equal(count, 1);
	assert_int_equal(seq, *last + 1); // no number is left out
	*last = seq;
	return ST_OK;
}

// Recovers what is there, 1 … *last.
static void
open_log(Parts *fx, uint64_t *last)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/wal", fx->dir.path);
	WalOptions options = {.dir = path, .segment_size = 64 << 10, .pool = fx->pool};
	WalReader reader = {.commit = count_commit, .arg = last};
	WalReport report;
	Error err = ERROR_INIT;
	*last = 0;
	ok(wal_open(&options, &fx->wal, &err), &err);
	ok(wal_recover(fx->wal, WAL_STRICT, 0, &reader, &report, &err), &err);
}

static void
open_store(Parts *fx)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/catalog.db", fx->dir.path);
	Error err = ERROR_INIT;
	CatalogState state;
	ok(bytes_pool_new(1 << 20, &fx->pool, &err), &err);
	ok(budget_new("memtable.limit", 64 << 20, &fx->budget, &err), &err);
	ok(catalog_open(path, &fx->catalog, &state, &err), &err);
	StoreOptions options = {.dir = fx->dir.path,
							.catalog = fx->catalog,
							.budget = fx->budget,
							.pool = fx->pool,
							.segment_bytes = 64 << 20,
							.series_limit = 1000};
	ok(store_open(&options, &fx->store, &err), &err);
}

static void
start_conductor(Parts *fx)
{
	Error err = ERROR_INIT;
	ConductorOptions options = {.wal = fx->wal,
								.store = fx->store,
								.next_seq = 1,
								.on_write_failure = write_failed,
								.on_sync_failure = sync_failed,
								.arg = fx};
	ok(conductor_start(&options, &fx->conductor, &err), &err);
}

// A table, by a commit of its own.
static uint64_t
make_table(Parts *fx, const char *dedup)
{
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(table_def_drop) TableDef *def = NULL;
	uint32_t id;
	ok(catalog_next_table_id(fx->catalog, &id, &err), &err);
	TableRequest request = {.database = "mobius", .name = "t", .schema = schema, .dedup = dedup};
	ok(table_def_create(&request, NULL, id, 1, any_type, &def, &err), &err);

	CommitEntry entry = {.wal = {.kind = WAL_DEFINE, .table_id = id}};
	ok(table_def_encode(def, &entry.head, &err), &err);
	ok(store_define_new(fx->store, def, &entry.define, &err), &err);
	ok(commit_entry_seal(&entry, &err), &err);
	uint64_t seq = 0;
	ok(conductor_commit(fx->conductor, &entry, false, &seq, &err), &err);

	fx->table = store_find_id(fx->store, id);
	assert_non_null(fx->table);
	ok(shape_new(1, def, schema, &fx->shape, &err), &err);
	return seq;
}

static void
parts_open_with(Parts *fx, const char *dedup)
{
	*fx = (Parts){.dir = dir_new()};
	Error err = ERROR_INIT;
	uint64_t last;
	const uint8_t epoch[16] = {0};
	open_store(fx);
	open_log(fx, &last);
	ok(wal_start(fx->wal, 1, epoch, &err), &err);
	start_conductor(fx);
	assert_int_equal(make_table(fx, dedup), 1);
}

static void
parts_open(Parts *fx)
{
	parts_open_with(fx, "none");
}

// Stops, and reads from the log again what was written: the newest number.
static uint64_t
parts_close(Parts *fx)
{
	uint64_t last;
	conductor_stop(fx->conductor);
	wal_close(fx->wal);
	open_log(fx, &last);
	wal_close(fx->wal);
	shape_unref(fx->shape);
	table_unref(fx->table);
	store_close(fx->store);
	catalog_close(fx->catalog);
	assert_int_equal(budget_used(fx->budget), 0);
	budget_free(fx->budget);
	bytes_pool_free(fx->pool);
	dir_drop(&fx->dir);
	return last;
}

// ---- commits ----

typedef struct Sent {
	Commit commit; // first
	Parts *fx;
	Status status;
	Error err;
	int done_turn; // from 1; 0: not yet
	int released_turn;
	uint64_t published_seq; // when it was done
	Signal done;
	Signal released;
} Sent;

static void
sent_done(Commit *commit, Status status, const Error *err)
{
	Sent *sent = (Sent *)commit;
	assert_int_equal(sent->done_turn, 0); // once
	sent->status = status;
	if (err != NULL)
		sent->err = *err;
	sent->published_seq = store_published_seq(sent->fx->store);
	sent->done_turn = 1 + atomic_fetch_add(&sent->fx->turn, 1);
	signal_raise(&sent->done);
}

static void
sent_release(Commit *commit)
{
	Sent *sent = (Sent *)commit;
	sent->released_turn = 1 + atomic_fetch_add(&sent->fx->turn, 1);
	signal_raise(&sent->released);
}

static void
fill_entry(Parts *fx, int64_t from, int64_t rows, CommitEntry *entry)
{
	Error err = ERROR_INIT;
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, from, rows);
	*entry = (CommitEntry){.wal = {.kind = WAL_BATCH,
								   .table_id = shape_table_id(fx->shape),
								   .schema_id = shape_id(fx->shape),
								   .schema = shape_encoded(fx->shape),
								   .rows = rows},
						   .table = table_ref(fx->table),
						   .shape = shape_ref(fx->shape)};
	ok(ipc_write_batch(batch, &entry->message, &err), &err);
	ok(commit_entry_seal(entry, &err), &err);
	budget_charge(fx->budget, 1000);
	ok(store_insert_new(fx->store, fx->table, fx->shape, batch, 1000, &entry->insert, &err), &err);
}

static void
prepare_rows(Parts *fx, Sent *sent, int64_t from, int64_t rows, bool async)
{
	*sent =
		(Sent){.fx = fx, .commit = {.async = async, .done = sent_done, .release = sent_release}};
	signal_init(&sent->done);
	signal_init(&sent->released);
	fill_entry(fx, from, rows, &sent->commit.entry);
}

static void
send_rows(Parts *fx, Sent *sent, int64_t from, int64_t rows, bool async)
{
	prepare_rows(fx, sent, from, rows, async);
	conductor_submit(fx->conductor, &sent->commit);
}

static void
wait_on(Signal *signal)
{
	if (!signal_wait(signal, clock_mono_ns() + 60 * SECOND))
		fail_msg("nothing came within a minute");
}

static Status
sent_finish(Sent *sent)
{
	wait_on(&sent->released);
	assert_true(sent->done_turn > 0 && sent->done_turn < sent->released_turn);
	commit_entry_close(&sent->commit.entry);
	signal_close(&sent->done);
	signal_close(&sent->released);
	return sent->status;
}

static Status
commit_rows(Parts *fx, int64_t rows, bool async, uint64_t *seq, Error *err)
{
	CommitEntry entry;
	fill_entry(fx, 0, rows, &entry);
	return conductor_commit(fx->conductor, &entry, async, seq, err);
}

static int64_t
visible_rows(Parts *fx)
{
	Error err = ERROR_INIT;
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	ok(store_snapshot(fx->store, &fx->table, 1, &snapshot, &err), &err);
	return view_rows(&snapshot->tables[0], snapshot->seq);
}

// ---- the publishing thread, held ----

typedef struct Holding {
	Parts *fx;
	Thread *thread;
	Signal held;
	Signal go_on;
} Holding;

static void
hold(void *arg)
{
	Holding *holding = arg;
	signal_raise(&holding->held);
	wait_on(&holding->go_on);
}

static void
run_hold(void *arg)
{
	conductor_run(((Holding *)arg)->fx->conductor, hold, arg);
}

static void
hold_publishing(Parts *fx, Holding *holding)
{
	*holding = (Holding){.fx = fx};
	signal_init(&holding->held);
	signal_init(&holding->go_on);
	Error err = ERROR_INIT;
	ok(thread_start(&(ThreadOptions){.name = "holder"}, run_hold, holding, &holding->thread, &err),
	   &err);
	wait_on(&holding->held);
}

static void
let_go(Holding *holding)
{
	signal_raise(&holding->go_on);
	thread_join(holding->thread);
	signal_close(&holding->held);
	signal_close(&holding->go_on);
}

// ---- tests ----

static void
commits_are_numbered_shown_and_acknowledged_in_the_order_they_came(void **state)
{
	(void)state;
	enum { COUNT = 3000 }; // more than one write, and than one file, takes
	Parts fx;
	parts_open(&fx);
	Sent *sent = mem_alloc_array(COUNT, sizeof(*sent));
	for (int i = 0; i < COUNT; i++)
		send_rows(&fx, &sent[i], i * 3, 3, false);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(sent_finish(&sent[i]), ST_OK);
		assert_int_equal(sent[i].commit.seq, i + 2);
		if (i > 0)
			assert_true(sent[i - 1].done_turn < sent[i].done_turn);
	}
	mem_free(sent);
	assert_int_equal(visible_rows(&fx), COUNT * 3);
	assert_int_equal(conductor_synced_seq(fx.conductor), COUNT + 1);
	assert_int_equal(parts_close(&fx), COUNT + 1);
}

static void
an_async_commit_is_acknowledged_before_it_is_synced_and_shown_after(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	Holding holding;
	hold_publishing(&fx, &holding);
	Sent durable, async;
	send_rows(&fx, &durable, 0, 5, false);
	send_rows(&fx, &async, 5, 5, true);
	wait_on(&async.done);
	assert_int_equal(async.status, ST_OK);
	assert_int_equal(async.commit.seq, 3);
	assert_int_equal(durable.done_turn, 0);
	assert_int_equal(async.released_turn, 0);
	assert_int_equal(conductor_synced_seq(fx.conductor), 1);
	assert_int_equal(visible_rows(&fx), 0);
	let_go(&holding);
	assert_int_equal(sent_finish(&durable), ST_OK);
	assert_int_equal(sent_finish(&async), ST_OK);
	assert_int_equal(visible_rows(&fx), 10);
	assert_int_equal(parts_close(&fx), 3);
}

static void
send_timed(Parts *fx, Sent *sent, uint64_t read_seq)
{
	prepare_rows(fx, sent, 0, 5, true);
	sent->commit.entry.read_seq = read_seq;
	sent->commit.entry.wal.min_time = 0;
	sent->commit.entry.wal.max_time = INT64_MAX;
	conductor_submit(fx->conductor, &sent->commit);
}

static void
what_would_undo_a_put_is_refused_once_that_can_be_seen(void **state)
{
	(void)state;
	Parts fx;
	parts_open_with(&fx, "last");
	Holding holding;
	hold_publishing(&fx, &holding);
	Sent put, update, other;
	send_timed(&fx, &put, 0);
	wait_on(&put.done);
	send_timed(&fx, &update, 1);
	send_timed(&fx, &other, 0);
	wait_on(&other.done); // so the update was looked at
	assert_int_equal(other.commit.seq, 3);
	assert_int_equal(update.done_turn, 0);
	let_go(&holding);
	assert_int_equal(sent_finish(&update), ST_CONFLICT);
	says(update.err.text, "\"t\"");
	assert_true(update.published_seq >= put.commit.seq);
	assert_int_equal(sent_finish(&put), ST_OK);
	assert_int_equal(sent_finish(&other), ST_OK);
	send_timed(&fx, &update, 3);
	assert_int_equal(sent_finish(&update), ST_OK);
	assert_int_equal(update.commit.seq, 4);
	assert_int_equal(parts_close(&fx), 4);
}

static void
what_waits_for_one_sync_is_shown_at_once(void **state)
{
	(void)state;
	enum { COUNT = 200 };
	Parts fx;
	parts_open(&fx);
	Holding holding;
	hold_publishing(&fx, &holding);
	Sent *sent = mem_alloc_array(COUNT, sizeof(*sent));
	for (int i = 0; i < COUNT; i++)
		send_rows(&fx, &sent[i], i, 1, i == COUNT - 1);
	wait_on(&sent[COUNT - 1].done); // all of them are written
	Sent behind;
	send_rows(&fx, &behind, COUNT, 1, true);
	wait_on(&behind.done); // and all of them wait for the sync: the sequencer went on to this one
	let_go(&holding);
	// Who hears of the first sees the last.
	wait_on(&sent[0].done);
	assert_true(visible_rows(&fx) >= COUNT);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(sent_finish(&sent[i]), ST_OK);
	assert_int_equal(sent_finish(&behind), ST_OK);
	mem_free(sent);
	assert_int_equal(parts_close(&fx), COUNT + 2);
}

static void
a_write_that_fails_takes_its_own_commits_only_and_their_numbers_are_given_again(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	uint64_t next = 2;
	for (int round = 0; round < 20; round++) {
		Sent refused[3];
		Holding holding;
		hold_publishing(&fx, &holding); // so that no sync meets the fault
		for (int i = 0; i < 3; i++)
			prepare_rows(&fx, &refused[i], 0, 1 + round * 20, i == 1);
		fault_arm_sticky(0);
		for (int i = 0; i < 3; i++)
			conductor_submit(fx.conductor, &refused[i].commit);
		for (int i = 0; i < 3; i++) {
			assert_int_not_equal(sent_finish(&refused[i]), ST_OK);
			assert_int_not_equal(refused[i].status, ST_UNAVAILABLE);
		}
		fault_disarm();
		let_go(&holding);

		uint64_t seq = 0;
		Error err = ERROR_INIT;
		ok(commit_rows(&fx, 2, false, &seq, &err), &err);
		assert_int_equal(seq, next++);
		assert_int_equal(visible_rows(&fx), 2 * (round + 1));
	}
	assert_int_equal(fx.sync_failures, 0);
	assert_int_equal(parts_close(&fx), next - 1);
}

static void
after_a_sync_that_failed_everything_is_unavailable(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	Sent durable, async;
	Holding holding;
	hold_publishing(&fx, &holding);
	send_rows(&fx, &durable, 0, 4, false);
	send_rows(&fx, &async, 4, 4, true);
	wait_on(&async.done); // written
	fault_arm_sticky(0);
	let_go(&holding);
	assert_int_equal(sent_finish(&durable), ST_UNAVAILABLE);
	says(durable.err.text, "read-only since a sync of the log failed");
	assert_int_equal(sent_finish(&async), ST_OK); // it was told so, and may be lost
	fault_disarm();

	for (int i = 0; i < 3; i++) {
		Error err = ERROR_INIT;
		uint64_t seq = 77;
		assert_int_equal(commit_rows(&fx, 1, i == 1, &seq, &err), ST_UNAVAILABLE);
		says(err.text, "restart to recover");
		assert_int_equal(seq, 77);
	}
	assert_true(conductor_failed(fx.conductor));
	assert_int_equal(fx.sync_failures, 1);
	assert_int_equal(visible_rows(&fx), 0);
	assert_int_equal(conductor_synced_seq(fx.conductor), 1);
	(void)parts_close(&fx);
}

static void
do_nothing(void *arg)
{
	(void)arg;
}

static void
a_sync_that_fails_inside_a_write_ends_everything_too(void **state)
{
	(void)state;
	int inside = 0;
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		Parts fx;
		parts_open(&fx);
		Sent sent; // larger than a file of the log, which grows for it
		prepare_rows(&fx, &sent, 0, 10000, false);
		fault_arm(nth);
		conductor_submit(fx.conductor, &sent.commit);
		Status st = sent_finish(&sent);
		hit = fault_disarm();
		for (int i = 0; i < 2; i++) // so that the publishing thread came round
			conductor_run(fx.conductor, do_nothing, NULL);
		assert_int_equal(conductor_failed(fx.conductor), wal_failed(fx.wal));
		assert_int_equal(fx.sync_failures, wal_failed(fx.wal));
		if (wal_failed(fx.wal)) {
			Error err = ERROR_INIT;
			uint64_t seq;
			assert_int_not_equal(st, ST_OK);
			inside += st != ST_UNAVAILABLE;
			assert_int_equal(commit_rows(&fx, 1, false, &seq, &err), ST_UNAVAILABLE);
			says(err.text, "read-only since a sync of the log failed");
		}
		(void)parts_close(&fx);
	}
	assert_true(inside > 0);
}

// ---- the lane ----

typedef struct Counter {
	pthread_t thread; // that runs the jobs
	int count;
} Counter;

static void
count_up(void *arg)
{
	Counter *counter = arg;
	if (counter->count++ > 0)
		assert_true(pthread_equal(counter->thread, pthread_self()));
	counter->thread = pthread_self();
}

typedef struct Runner {
	Parts *fx;
	Counter *counter;
} Runner;

static void
run_many(void *arg)
{
	Runner *runner = arg;
	for (int i = 0; i < 100; i++)
		conductor_run(runner->fx->conductor, count_up, runner->counter);
}

static void
jobs_of_the_lane_run_one_by_one_in_the_publishing_thread(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	Counter counter = {0};
	Runner runner = {&fx, &counter};
	Thread *threads[3];
	Error err = ERROR_INIT;
	for (int i = 0; i < 3; i++)
		ok(thread_start(&(ThreadOptions){.name = "runner"}, run_many, &runner, &threads[i], &err),
		   &err);
	for (int i = 0; i < 50; i++)
		ok(commit_rows(&fx, 1, false, NULL, &err), &err);
	for (int i = 0; i < 3; i++)
		thread_join(threads[i]);
	assert_int_equal(counter.count, 300);
	assert_int_equal(parts_close(&fx), 51);
}

// ---- from many threads ----

static void
commit_many(void *arg)
{
	Parts *fx = arg;
	for (int i = 0; i < 100; i++) {
		Error err = ERROR_INIT;
		uint64_t seq = 0;
		ok(commit_rows(fx, 1, i % 3 == 0, &seq, &err), &err);
		assert_true(seq > 1);
		if (i % 3 != 0)
			assert_true(conductor_synced_seq(fx->conductor) >= seq);
	}
}

static void
commits_of_many_threads_lose_no_number(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	Thread *threads[4];
	Error err = ERROR_INIT;
	for (int i = 0; i < 4; i++)
		ok(thread_start(&(ThreadOptions){.name = "writer"}, commit_many, &fx, &threads[i], &err),
		   &err);
	for (int i = 0; i < 4; i++)
		thread_join(threads[i]);
	assert_int_equal(visible_rows(&fx), 400);
	assert_int_equal(parts_close(&fx), 401);
}

// ---- stopping ----

// One deletion of every row that a statement would have found.
static void
a_deletion_is_logged_and_shown_in_one_commit(void **state)
{
	(void)state;
	Parts fx;
	Error err = ERROR_INIT;
	parts_open(&fx);
	uint64_t seq = 0;
	ok(commit_rows(&fx, 10, false, NULL, &err), &err);
	SCOPED(snapshot_drop) Snapshot *before = NULL;
	ok(store_snapshot(fx.store, &fx.table, 1, &before, &err), &err);
	const uint64_t segment = segment_stats(before->tables[0].segments[0]).id;
	const RowAddress rows[] = {{.segment_id = segment, .row = 2},
							   {.segment_id = segment, .row = 9}};

	CommitEntry entry = {.wal = {.kind = WAL_DELETE, .table_id = shape_table_id(fx.shape)},
						 .table = table_ref(fx.table)};
	table_rewrite_lock(fx.table);
	ok(store_delete_new(fx.store, fx.table, rows, COUNT_OF(rows), &entry.del, &err), &err);
	ok(store_delete_encode(entry.del, &entry.head, &err), &err);
	ok(commit_entry_seal(&entry, &err), &err);
	assert_int_equal(visible_rows(&fx), 10);
	ok(conductor_commit(fx.conductor, &entry, false, &seq, &err), &err);
	table_rewrite_unlock(fx.table);

	assert_int_equal(seq, 3);
	assert_int_equal(visible_rows(&fx), 8);
	assert_int_equal(view_rows(&before->tables[0], before->seq), 10);
	snapshot_free(TAKE(before));
	assert_int_equal(parts_close(&fx), 3);
}

static void
stopping_finishes_what_was_submitted(void **state)
{
	(void)state;
	enum { COUNT = 500 };
	Parts fx;
	parts_open(&fx);
	Sent *sent = mem_alloc_array(COUNT, sizeof(*sent));
	for (int i = 0; i < COUNT; i++)
		send_rows(&fx, &sent[i], i, 1, i % 2 == 0);
	conductor_stop(TAKE(fx.conductor));
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(sent_finish(&sent[i]), ST_OK);
	mem_free(sent);
	assert_int_equal(visible_rows(&fx), COUNT);
	assert_int_equal(parts_close(&fx), COUNT + 1);
}

// ---- starting ----

static void
a_start_that_fails_leaves_nothing(void **state)
{
	(void)state;
	Parts fx;
	parts_open(&fx);
	conductor_stop(TAKE(fx.conductor));
	// The catalog's thread lets go of the table's definition before it answers.
	Error asked = ERROR_INIT;
	ok(catalog_publish(fx.catalog, &(CatalogEdit){0}, &asked), &asked);
	long blocks = mem_live();
	for (long nth = 0;; nth++) {
		ConductorOptions options = {.wal = fx.wal, .store = fx.store, .next_seq = 2};
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st = conductor_start(&options, &fx.conductor, &err);
		bool failed = fault_disarm();
		assert_int_equal(st == ST_OK, !failed);
		conductor_stop(TAKE(fx.conductor));
		assert_int_equal(mem_live(), blocks);
		if (!failed)
			break;
	}
	(void)parts_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(commits_are_numbered_shown_and_acknowledged_in_the_order_they_came),
		TEST(an_async_commit_is_acknowledged_before_it_is_synced_and_shown_after),
		TEST(what_would_undo_a_put_is_refused_once_that_can_be_seen),
		TEST(what_waits_for_one_sync_is_shown_at_once),
		TEST(a_write_that_fails_takes_its_own_commits_only_and_their_numbers_are_given_again),
		TEST(after_a_sync_that_failed_everything_is_unavailable),
		TEST(a_sync_that_fails_inside_a_write_ends_everything_too),
		TEST(jobs_of_the_lane_run_one_by_one_in_the_publishing_thread),
		TEST(commits_of_many_threads_lose_no_number),
		TEST(a_deletion_is_logged_and_shown_in_one_commit),
		TEST(stopping_finishes_what_was_submitted),
		TEST(a_start_that_fails_leaves_nothing),
	};
	return RUN(tests);
}
