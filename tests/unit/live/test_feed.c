#include "feeds.h"

#include "wal/wal_tail.h"

enum { PLENTY = 1 << 30, MEMORY = 8 << 20, NO_MEMORY = 0, SOME_MEMORY = 20000 };

// What was told of a table whose commit `seq` holds the rows 10 seq … 10 seq + 2.
typedef struct Told {
	uint64_t last;
	uint64_t commits;
	uint64_t entries;
	FeedKind kind; // of the last entry
	int64_t min_time;
	uint64_t fail_at;
} Told;

static Status
tell(void *arg, const FeedCommit *commit, Error *err)
{
	Told *told = arg;
	if (commit->seq == told->fail_at) {
		told->fail_at = 0;
		return error_set(err, ST_LIMIT, "not now");
	}
	assert_true(commit->seq > told->last);
	assert_true(commit->count > 0);
	told->last = commit->seq;
	told->commits++;
	for (int32_t i = 0; i < commit->count; i++) {
		const FeedEntry *entry = &commit->entries[i];
		told->entries++;
		told->kind = entry->kind;
		told->min_time = entry->min_time;
		if (entry->kind != FEED_ROWS)
			continue;
		assert_non_null(entry->shape);
		assert_int_equal(batch_rows(entry->batch), 3);
		assert_int_equal(int64_at(batch_column(entry->batch, 0), 0), 10 * commit->seq);
		assert_int_equal(int64_at(batch_column(entry->batch, 2), 2), 10 * commit->seq + 2);
	}
	return ST_OK;
}

static FeedCursor *
cursor_of(Feeds *fx, Table *table)
{
	FeedCursor *cursor = NULL;
	Error err = ERROR_INIT;
	ok(feed_cursor_open(fx->feed, table, &cursor, &err), &err);
	return cursor;
}

static Status
next(FeedCursor *cursor, uint64_t bytes, Told *told, uint64_t *resume)
{
	FeedReader reader = {.commit = tell, .arg = told};
	Error err = ERROR_INIT;
	return feed_cursor_next(cursor, bytes, &reader, resume, &err);
}

static void
read_all(FeedCursor *cursor, Told *told)
{
	uint64_t resume;
	assert_int_equal(next(cursor, PLENTY, told, &resume), ST_OK);
}

static void
put(Feeds *fx, Table *table)
{
	int64_t from = 10 * (int64_t)(fx->seq + 1);
	commit_rows(fx, table, from, from + 3);
}

// Commits of two tables in turn; memory holds all of them, some, or none.
static void
a_follower_gets_each_commit_once(void **state)
{
	(void)state;
	static const uint64_t memories[] = {MEMORY, SOME_MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Table *table = add_table(&fx.rig, 1), *other = add_table(&fx.rig, 2);
		FeedCursor *cursor = cursor_of(&fx, table), *late = cursor_of(&fx, table);
		Told told = {0}, late_told = {0};
		for (int n = 0; n < 200; n++) {
			put(&fx, n % 3 == 2 ? other : table);
			if (n % 7 == 0)
				read_all(cursor, &told);
		}
		read_all(cursor, &told);
		assert_int_equal(told.commits, 134);
		assert_int_equal(feed_cursor_seq(cursor), fx.seq);
		read_all(late, &late_told);
		assert_int_equal(late_told.commits, 134);
		feed_cursor_close(cursor);
		feed_cursor_close(late);
		table_unref(table);
		table_unref(other);
		feeds_close(&fx);
	}
}

static void
what_was_before_the_follower_is_read_from_the_log(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, MEMORY);
	Table *table = add_table(&fx.rig, 1);
	for (int n = 0; n < 50; n++)
		put(&fx, table);
	FeedCursor *cursor = cursor_of(&fx, table);
	Told told = {0};
	read_all(cursor, &told);
	assert_int_equal(told.commits, 0);
	for (int n = 0; n < 50; n++)
		put(&fx, table);
	for (uint64_t after = 0; after <= 100; after++) {
		told = (Told){0};
		feed_cursor_seek(cursor, after);
		read_all(cursor, &told);
		assert_int_equal(told.commits, 100 - after);
	}
	feed_cursor_close(cursor);
	table_unref(table);
	feeds_close(&fx);
}

static void
a_call_gives_about_as_much_as_it_is_asked_for(void **state)
{
	(void)state;
	static const uint64_t memories[] = {MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Table *table = add_table(&fx.rig, 1);
		FeedCursor *cursor = cursor_of(&fx, table);
		for (int n = 0; n < 20; n++)
			put(&fx, table);
		Told told = {0};
		uint64_t resume;
		for (uint64_t n = 0; n <= 40 && told.commits < 20; n++) {
			uint64_t before = told.commits;
			assert_int_equal(next(cursor, 1, &told, &resume), ST_OK);
			assert_true(told.commits <= before + 1);
		}
		assert_int_equal(told.commits, 20);
		feed_cursor_close(cursor);
		table_unref(table);
		feeds_close(&fx);
	}
}

static void
a_commit_that_is_refused_comes_again(void **state)
{
	(void)state;
	static const uint64_t memories[] = {MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Table *table = add_table(&fx.rig, 1);
		FeedCursor *cursor = cursor_of(&fx, table);
		for (int n = 0; n < 20; n++)
			put(&fx, table);
		Told told = {.fail_at = 11};
		uint64_t resume;
		assert_int_equal(next(cursor, PLENTY, &told, &resume), ST_LIMIT);
		assert_int_equal(told.last, 10);
		read_all(cursor, &told);
		assert_int_equal(told.commits, 20);
		feed_cursor_close(cursor);
		table_unref(table);
		feeds_close(&fx);
	}
}

static void
nothing_is_kept_of_tables_that_nobody_follows(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, MEMORY);
	Table *table = add_table(&fx.rig, 1), *other = add_table(&fx.rig, 2);
	put(&fx, table); // the log has its schemas by now
	put(&fx, other);
	FeedCursor *cursor = cursor_of(&fx, other);
	feeds_settle(&fx);
	long live = mem_live();
	for (int n = 0; n < 20; n++)
		put(&fx, table);
	assert_int_equal(mem_live(), live);
	put(&fx, other);
	assert_true(mem_live() > live);
	feed_cursor_close(cursor);
	assert_true(mem_live() < live);
	table_unref(table);
	table_unref(other);
	feeds_close(&fx);
}

static void
entries_of_a_commit_are_told_together(void **state)
{
	(void)state;
	static const uint64_t memories[] = {MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Table *table = add_table(&fx.rig, 1), *other = add_table(&fx.rig, 2);
		FeedCursor *cursor = cursor_of(&fx, table);
		Change changes[4];
		change_of_kind(&changes[0], table, WAL_DELETE, FEED_DELETE);
		change_of_rows(&changes[1], table, 10, 13);
		change_of_rows(&changes[2], other, 10, 13);
		change_of_rows(&changes[3], table, 10, 13);
		commit_changes(&fx, changes, 4);
		for (int j = 0; j < 4; j++)
			change_close(&changes[j]);
		Told told = {0};
		read_all(cursor, &told);
		assert_int_equal(told.commits, 1);
		assert_int_equal(told.entries, 3);
		assert_int_equal(told.kind, FEED_ROWS);
		feed_cursor_close(cursor);
		table_unref(table);
		table_unref(other);
		feeds_close(&fx);
	}
}

static void
every_kind_of_change_is_told(void **state)
{
	(void)state;
	static const struct Kind {
		WalKind wal;
		FeedKind told;
	} kinds[] = {{WAL_DELETE, FEED_DELETE}, {WAL_ADOPT, FEED_BULK}, {WAL_DROP, FEED_DROP}};
	static const uint64_t memories[] = {MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Table *table = add_table(&fx.rig, 1);
		FeedCursor *cursor = cursor_of(&fx, table);
		Told told = {0};
		for (size_t j = 0; j < COUNT_OF(kinds); j++) {
			commit_kind(&fx, table, kinds[j].wal, kinds[j].told);
			read_all(cursor, &told);
			assert_int_equal(told.commits, j + 1);
			assert_int_equal(told.kind, kinds[j].told);
			assert_int_equal(told.min_time, 5);
		}
		feed_cursor_close(cursor);
		table_unref(table);
		feeds_close(&fx);
	}
}

static void
a_definition_is_told_as_it_is_from_there_on(void **state)
{
	(void)state;
	static const uint64_t memories[] = {MEMORY, NO_MEMORY};
	for (size_t i = 0; i < COUNT_OF(memories); i++) {
		Feeds fx;
		feeds_open(&fx, memories[i]);
		Error err = ERROR_INIT;
		Table *table = add_table(&fx.rig, 1);
		FeedCursor *cursor = cursor_of(&fx, table);
		TableDef *def = table_current(table);
		Change change = {
			.table_id = 1, .wal = {.kind = WAL_DEFINE}, .told = {.kind = FEED_DEFINE, .def = def}};
		ok(table_def_encode(def, &change.head, &err), &err);
		change_seal(&change);
		commit_changes(&fx, &change, 1);
		change_close(&change);
		Told told = {0};
		read_all(cursor, &told);
		assert_int_equal(told.kind, FEED_DEFINE);
		table_def_unref(def);
		feed_cursor_close(cursor);
		table_unref(table);
		feeds_close(&fx);
	}
}

// ---- what is gone ----

static void
a_cursor_whose_place_was_recycled_says_where_to_go_on(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, NO_MEMORY);
	Error err = ERROR_INIT;
	Table *table = add_table(&fx.rig, 1);
	FeedCursor *cursor = cursor_of(&fx, table);
	FeedPosition start = feed_head(fx.feed);
	for (int n = 0; n < 300; n++) {
		put(&fx, table);
		ok(wal_prepare(fx.wal, &err), &err);
		ok(wal_recycle(fx.wal, &(WalKeep){.needed_seq = fx.seq}, &err), &err);
	}
	assert_false(feed_covers(fx.feed, &start));
	Told told = {0};
	uint64_t resume;
	assert_int_equal(next(cursor, PLENTY, &told, &resume), ST_NOT_FOUND);
	assert_int_equal(resume + 1, feed_earliest_seq(fx.feed));
	assert_int_equal(told.commits, 0);
	feed_cursor_seek(cursor, resume);
	read_all(cursor, &told);
	assert_int_equal(told.commits, fx.seq - resume);
	feed_cursor_close(cursor);
	table_unref(table);
	feeds_close(&fx);
}

static void
a_position_is_covered_in_its_epoch_up_to_the_head(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, MEMORY);
	Table *table = add_table(&fx.rig, 1);
	FeedPosition start = feed_head(fx.feed);
	put(&fx, table);
	put(&fx, table);
	FeedPosition head = feed_head(fx.feed), other = head, ahead = head;
	other.epoch[3] ^= 1;
	ahead.seq++;
	assert_int_equal(head.seq, 2);
	assert_true(feed_covers(fx.feed, &start));
	assert_true(feed_covers(fx.feed, &head));
	assert_false(feed_covers(fx.feed, &other));
	assert_false(feed_covers(fx.feed, &ahead));
	table_unref(table);
	feeds_close(&fx);
}

// ---- failures ----

// What finds no place in memory is read from the log: nobody misses a commit.
static void
a_push_that_fails_loses_nothing(void **state)
{
	(void)state;
	for (long nth = 0, failed = 1; failed; nth++) {
		Feeds fx;
		feeds_open(&fx, MEMORY);
		Table *table = add_table(&fx.rig, 1);
		FeedCursor *cursor = cursor_of(&fx, table);
		put(&fx, table);
		feeds_settle(&fx);
		Change change;
		change_of_rows(&change, table, 20, 23);
		WalCommit commit = {.seq = ++fx.seq, .entries = &change.wal, .count = 1};
		WalGroup group;
		int32_t written;
		Error err = ERROR_INIT;
		ok(wal_write(fx.wal, &commit, 1, 1, &group, &written, &err), &err);
		ok(wal_sync(fx.wal, &group, &err), &err);
		fault_arm(nth);
		feed_begin(fx.feed);
		feed_push(fx.feed, 1, fx.seq, &change.told);
		feed_publish(fx.feed, fx.seq);
		failed = fault_disarm();
		put(&fx, table);
		Told told = {0};
		read_all(cursor, &told);
		assert_int_equal(told.commits, 3);
		feed_cursor_close(cursor);
		table_unref(table);
		change_close(&change);
		feeds_close(&fx);
	}
}

static void
a_cursor_that_fails_goes_on_where_it_was(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, NO_MEMORY);
	Table *table = add_table(&fx.rig, 1);
	for (int n = 0; n < 30; n++)
		put(&fx, table);
	feeds_settle(&fx);
	FAULTS_IN_TURN(mem_live(), st == ST_IO || st == ST_NO_MEMORY, st, {
		Told told = {0};
		FeedCursor *cursor = NULL;
		Error err;
		uint64_t resume;
		st = feed_cursor_open(fx.feed, table, &cursor, &err);
		if (st == ST_OK) {
			feed_cursor_seek(cursor, 0);
			st = next(cursor, PLENTY, &told, &resume);
			if (st != ST_OK)
				assert_int_equal(next(cursor, PLENTY, &told, &resume), ST_OK);
			assert_int_equal(told.commits, 30);
		}
		feed_cursor_close(cursor);
	});
	table_unref(table);
	feeds_close(&fx);
}

// ---- threads ----

enum { COMMITS = 1500, CURSORS = 3 };

typedef struct Follower {
	Feeds *fx;
	Table *table;
	int which;
} Follower;

// The last one comes and goes; the others stay.
static void
run_follower(void *arg)
{
	Follower *self = arg;
	Feeds *fx = self->fx;
	FeedCursor *cursor = cursor_of(fx, self->table);
	Told told = {.last = feed_cursor_seq(cursor)};
	uint64_t first = told.last;
	while (feed_cursor_seq(cursor) < COMMITS) {
		uint64_t resume;
		assert_int_equal(next(cursor, 2000, &told, &resume), ST_OK);
		assert_int_equal(told.commits, told.last - first);
		if (self->which == CURSORS - 1) {
			uint64_t at = feed_cursor_seq(cursor);
			feed_cursor_close(cursor);
			cursor = cursor_of(fx, self->table);
			feed_cursor_seek(cursor, at);
		} else if (self->which == 0 && feed_cursor_seq(cursor) == feed_head(fx->feed).seq) {
			if (feed_cursor_seq(cursor) < COMMITS)
				feed_wait(fx->feed, INT64_MAX);
		}
	}
	feed_cursor_close(cursor);
}

static void
followers_read_beside_the_publisher(void **state)
{
	(void)state;
	Feeds fx;
	feeds_open(&fx, SOME_MEMORY);
	Table *table = add_table(&fx.rig, 1);
	FeedCursor *first = cursor_of(&fx, table); // somebody follows all the time
	Follower followers[CURSORS];
	Thread *threads[CURSORS];
	Error err;
	for (int i = 0; i < CURSORS; i++) {
		followers[i] = (Follower){.fx = &fx, .table = table, .which = i};
		ok(thread_start(&(ThreadOptions){.name = "follower"}, run_follower, &followers[i],
						&threads[i], &err),
		   &err);
	}
	for (int n = 0; n < COMMITS; n++)
		put(&fx, table);
	feed_wake(fx.feed);
	for (int i = 0; i < CURSORS; i++)
		thread_join(threads[i]);
	feed_cursor_close(first);
	table_unref(table);
	feeds_close(&fx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_follower_gets_each_commit_once),
		cmocka_unit_test(what_was_before_the_follower_is_read_from_the_log),
		cmocka_unit_test(a_call_gives_about_as_much_as_it_is_asked_for),
		cmocka_unit_test(a_commit_that_is_refused_comes_again),
		cmocka_unit_test(nothing_is_kept_of_tables_that_nobody_follows),
		cmocka_unit_test(entries_of_a_commit_are_told_together),
		cmocka_unit_test(every_kind_of_change_is_told),
		cmocka_unit_test(a_definition_is_told_as_it_is_from_there_on),
		cmocka_unit_test(a_cursor_whose_place_was_recycled_says_where_to_go_on),
		cmocka_unit_test(a_position_is_covered_in_its_epoch_up_to_the_head),
		cmocka_unit_test(a_push_that_fails_loses_nothing),
		cmocka_unit_test(a_cursor_that_fails_goes_on_where_it_was),
		cmocka_unit_test(followers_read_beside_the_publisher),
	};
	return RUN(tests);
}
