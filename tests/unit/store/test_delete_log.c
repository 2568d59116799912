#include "deletes.h"

static void
rig_up(Rig *rig)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_open(rig);
}

static Log *
log_new(void)
{
	Log *log = calloc(1, sizeof(*log));
	assert_non_null(log);
	return log;
}

// The process dies, and the log is read from `after` on.
static Table *
crash_and_flush(Rig *rig, Table *table, const Log *log, uint64_t after, int flush_every,
				int32_t stop)
{
	table_unref(table);
	rig_shut(rig);
	rig_open(rig);
	table = table_by_id(rig, 1);
	replay_log(rig, table, log, after, flush_every, stop);
	return table;
}

static Table *
crash(Rig *rig, Table *table, const Log *log, uint64_t after)
{
	return crash_and_flush(rig, table, log, after, 0, INT32_MAX);
}

static void
set(uint8_t model[MOST_N], int64_t from, int64_t to, int64_t step, uint8_t value)
{
	for (int64_t n = from; n < to; n++)
		if (n % step == 0)
			model[n] = value;
}

// Files with and without masks, a sealed segment and a growing one, all with deletions.
static Table *
make_all(Rig *rig, Log *log, uint8_t model[MOST_N])
{
	Table *table = add_table(rig, 1);
	put_logged(rig, table, log, 0, 300);
	delete_where(rig, table, log, every, 10);
	flush_some(rig, table);
	delete_where(rig, table, log, every, 9);
	for (int64_t n = 300; n < 400; n += 5)
		put_logged(rig, table, log, n, n + 5);
	flush_some(rig, table);
	put_logged(rig, table, log, 400, 450);
	store_seal(rig->store, table, 0);
	put_logged(rig, table, log, 450, 500);
	delete_where(rig, table, log, every, 11);
	set(model, 0, 500, 1, 1);
	set(model, 0, 300, 10, 0);
	set(model, 0, 300, 9, 0);
	set(model, 0, 500, 11, 0);
	return table;
}

static void
a_replay_gives_the_same_rows_any_number_of_times(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Log *log = log_new();
	rig_up(&rig);
	Table *table = make_all(&rig, log, model);
	sees(&rig, table, model);
	for (int i = 0; i < 4; i++) {
		table = crash(&rig, table, log, 0);
		sees(&rig, table, model);
		Error err = ERROR_INIT;
		if (i == 1)
			ok(store_keep_masks(rig.store, &err), &err);
		if (i == 2)
			flush_all(&rig);
	}
	// The same log once more over what it made: what is in memory came twice, deletions did not.
	for (int32_t i = 0; i < log->count; i++) {
		Error err = ERROR_INIT;
		if (log->entries[i].payload.len > 0)
			ok(store_replay_delete(rig.store, table, buf_slice(&log->entries[i].payload),
								   log->entries[i].seq, &err),
			   &err);
	}
	sees(&rig, table, model);
	table_unref(table);
	log_free(log);
	rig_close(&rig);
}

static void
rows_that_a_replay_flushed_are_deleted_by_what_comes_later(void **state)
{
	(void)state;
	for (int step = 1; step < 30; step += 9) {
		Rig rig;
		uint8_t model[MOST_N] = {0};
		Log *log = log_new();
		rig_up(&rig);
		Table *table = make_all(&rig, log, model);
		// One that dies at some entry, one that does not, and one that finds its files.
		table = crash_and_flush(&rig, table, log, 0, step, log->count - step / 3);
		table = crash_and_flush(&rig, table, log, 0, step, INT32_MAX);
		sees(&rig, table, model);
		table = crash(&rig, table, log, 0);
		sees(&rig, table, model);
		truncate_table(&rig, table, log);
		put_logged(&rig, table, log, 600, 620);
		delete_where(&rig, table, log, exactly, 607);
		memset(model, 0, MOST_N);
		set(model, 600, 620, 1, 1);
		model[607] = 0;
		table = crash_and_flush(&rig, table, log, 0, step, INT32_MAX);
		sees(&rig, table, model);
		table_unref(table);
		log_free(log);
		rig_close(&rig);
	}
}

static void
masks_in_the_catalog_are_there_without_the_log(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 100);
	flush_all(&rig);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), rig.seq);
	delete_where(&rig, table, NULL, every, 2);
	set(model, 0, 100, 1, 1);
	set(model, 0, 100, 2, 0);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), rig.seq - 1); // the log has it alone
	ok(store_keep_masks(rig.store, &err), &err);
	ok(store_write_checkpoint(rig.store, &err), &err);
	assert_int_equal(store_flushed_floor(rig.store), rig.seq);
	uint64_t seq = rig.seq;
	table_unref(table);
	rig_shut(&rig);
	rig.seq = 0;
	rig_open(&rig);
	assert_int_equal(rig.seq, seq);
	table = table_by_id(&rig, 1);
	sees(&rig, table, model);
	table_unref(table);
	rig_close(&rig);
}

static void
a_mask_that_could_not_be_kept_keeps_the_log(void **state)
{
	(void)state;
	Rig rig;
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 100);
	flush_all(&rig);
	delete_where(&rig, table, NULL, every, 2);
	uint64_t before = rig.seq - 1;
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		delete_where(&rig, table, NULL, exactly, 2 * nth + 1);
		fault_arm(nth);
		Status st = store_keep_masks(rig.store, &err);
		failed = fault_disarm();
		assert_true(st == ST_OK || failed);
		ok(store_write_checkpoint(rig.store, &err), &err);
		assert_int_equal(store_flushed_floor(rig.store), st != ST_OK ? before : rig.seq);
		if (st == ST_OK)
			break;
	}
	table_unref(table);
	rig_close(&rig);
}

static void
a_truncation_is_replayed(void **state)
{
	(void)state;
	for (int flushed = 0; flushed < 2; flushed++) {
		Rig rig;
		uint8_t model[MOST_N] = {0};
		Log *log = log_new();
		rig_up(&rig);
		Table *table = make_all(&rig, log, model);
		truncate_table(&rig, table, log);
		put_logged(&rig, table, log, 600, 620);
		if (flushed)
			flush_all(&rig);
		delete_where(&rig, table, log, every, 3);
		memset(model, 0, MOST_N);
		set(model, 600, 620, 1, 1);
		set(model, 600, 620, 3, 0);
		for (int i = 0; i < 3; i++) {
			table = crash(&rig, table, log, 0);
			sees(&rig, table, model);
		}
		table_unref(table);
		log_free(log);
		rig_close(&rig);
	}
}

// A truncation whose change the catalog never wrote: a file of later rows may be in it already.
static void
a_truncation_the_catalog_lost_is_found_in_the_log(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Log *log = log_new();
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_logged(&rig, table, log, 0, 10);
	flush_some(&rig, table);
	put_logged(&rig, table, log, 20, 30);
	StoreDelete *del = NULL;
	Buf payload = BUF_INIT;
	Error err = ERROR_INIT;
	ok(store_truncate_new(rig.store, table, &del, &err), &err);
	ok(store_delete_encode(del, &payload, &err), &err);
	store_delete_free(del);
	log->entries[log->count++] = (Logged){.seq = ++rig.seq, .payload = payload};
	put_logged(&rig, table, log, 40, 50);
	set(model, 40, 50, 1, 1);
	for (int i = 0; i < 2; i++) {
		table = crash(&rig, table, log, 0);
		sees(&rig, table, model);
	}
	table_unref(table);
	log_free(log);
	rig_close(&rig);
}

// ---- bytes ----

static void
the_payload_is_what_the_header_says(void **state)
{
	(void)state;
	Rig rig;
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 4);
	flush_all(&rig);
	put_rows(&rig, table, 4, 9);
	uint8_t seq = (uint8_t)rig.seq;
	Snapshot *snapshot = snapshot_of(&rig, table);
	const TableView *view = &snapshot->tables[0];
	uint64_t file = data_file_meta(file_set_at(view->files, 0))->segment_id;
	uint64_t segment = segment_stats(view->segments[0]).id;
	const RowAddress rows[] = {{file, 1, true}, {file, 2, true}, {segment, 4, false}};
	StoreDelete *del = NULL;
	Buf payload = BUF_INIT;
	ok(store_delete_new(rig.store, table, rows, COUNT(rows), &del, &err), &err);
	ok(store_delete_encode(del, &payload, &err), &err);
	const uint8_t expected[] = {
		1, 0, 0, 0, 2, 0, 0, 0,                                           // two groups
		0, 0, 0, 0, 2, 0, 0, 0, seq,           0, 0, 0, 0, 0, 0, 0, 4, 0, // of a commit
		1, 0, 0, 0, 2, 0, 0, 0, (uint8_t)file, 0, 0, 0, 0, 0, 0, 0, 1, 1, // of a file
	};
	assert_int_equal(payload.len, sizeof(expected));
	assert_memory_equal(payload.data, expected, sizeof(expected));
	store_delete_free(del);
	buf_reset(&payload);
	ok(store_truncate_new(rig.store, table, &del, &err), &err);
	ok(store_delete_encode(del, &payload, &err), &err);
	const uint8_t all[] = {1, 1, 0, 0, 0, 0, 0, 0};
	assert_int_equal(payload.len, sizeof(all));
	assert_memory_equal(payload.data, all, sizeof(all));
	store_delete_free(del);
	buf_close(&payload);
	snapshot_free(snapshot);
	table_unref(table);
	rig_close(&rig);
}

static void
damaged_payloads_are_refused_and_change_nothing(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Log *log = log_new();
	rig_up(&rig);
	Table *table = make_all(&rig, log, model);
	Finding *f = calloc(1, sizeof(*f));
	Snapshot *snapshot = snapshot_of(&rig, table);
	*f = (Finding){.wanted = every, .arg = 7};
	find_rows(&rig, snapshot, f);
	snapshot_free(snapshot);
	StoreDelete *del = NULL;
	Buf payload = BUF_INIT;
	Error err = ERROR_INIT;
	ok(store_delete_new(rig.store, table, f->rows, f->count, &del, &err), &err);
	ok(store_delete_encode(del, &payload, &err), &err);
	store_delete_free(del);
	for (size_t cut = 0; cut < payload.len; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, payload.data, cut);
		Error why = ERROR_INIT;
		assert_int_equal(store_replay_delete(rig.store, table, slice_of(copy, cut), rig.seq, &why),
						 ST_CORRUPT);
		free(copy);
	}
	sees(&rig, table, model);
	buf_add_byte(&payload, 0);
	assert_int_equal(store_replay_delete(rig.store, table, buf_slice(&payload), rig.seq, &err),
					 ST_CORRUPT);
	says(&err, "too long");
	sees(&rig, table, model);
	buf_close(&payload);
	free(f);
	table_unref(table);
	log_free(log);
	rig_close(&rig);
}

static void
rows_that_never_were_are_refused(void **state)
{
	(void)state;
	Rig rig;
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	put_rows(&rig, table, 0, 4);
	flush_all(&rig);
	put_rows(&rig, table, 4, 8);
	Snapshot *snapshot = snapshot_of(&rig, table);
	uint8_t file = (uint8_t)data_file_meta(file_set_at(snapshot->tables[0].files, 0))->segment_id;
	snapshot_free(snapshot);
	uint8_t seq = (uint8_t)rig.seq;
	const uint8_t bad[][26] = {
		{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, seq, 0, 0, 0, 0, 0, 0, 0, 4, 0},
		{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, file, 0, 0, 0, 0, 0, 0, 0, 3, 1},
		{1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, file, 0, 0, 0, 0, 0, 0, 0, 3, 0},
		{2, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, file, 0, 0, 0, 0, 0, 0, 0, 3, 0},
		{1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, file, 0, 0, 0, 0, 0, 0, 0, 3, 0},
	};
	for (int32_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(store_replay_delete(rig.store, table, slice_of(bad[i], 26), rig.seq, &err),
						 ST_CORRUPT);
	const uint8_t never[] = {1, 0, 0, 0, 1, 0,  0, 0, 1, 0, 0, 0, 2,
							 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 3, 0};
	assert_int_equal(store_replay_delete(rig.store, table, slice_of(never, 26), rig.seq, &err),
					 ST_CORRUPT);
	says(&err, "file 1048576, which catalog.db has never heard of");
	// Of a segment nobody knows any more, and a commit that is nowhere: its rows went with it.
	const uint8_t gone[][26] = {
		{1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 3, 0},
		{1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 200, 0, 0, 0, 0, 0, 0, 0, 3, 0},
	};
	for (int32_t i = 0; i < COUNT(gone); i++)
		ok(store_replay_delete(rig.store, table, slice_of(gone[i], 26), rig.seq, &err), &err);
	assert_int_equal(rows_of(&rig, table), 8);
	table_unref(table);
	rig_close(&rig);
}

static void
a_replay_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Log *log = log_new();
	rig_up(&rig);
	Table *table = make_all(&rig, log, model);
	delete_where(&rig, table, log, every, 7);
	set(model, 0, 500, 7, 0);
	const Logged *last = &log->entries[log->count - 1];
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status st =
			store_replay_delete(rig.store, table, buf_slice(&last->payload), last->seq, &err);
		failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
	}
	sees(&rig, table, model);
	table_unref(table);
	log_free(log);
	rig_close(&rig);
}

// ---- at random ----

static uint64_t
next_random(uint64_t *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

static bool
at_random(int64_t n, int64_t seed)
{
	uint64_t hash = ((uint64_t)n + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ (uint64_t)seed;
	return (hash ^ hash >> 29) % 13 == 0;
}

static void
anything_in_any_order_gives_the_rows_of_a_model(void **state)
{
	(void)state;
	Rig rig;
	uint8_t model[MOST_N] = {0};
	Log *log = log_new();
	uint64_t random = 20261121, floor = 0;
	int64_t next = 0;
	Error err = ERROR_INIT;
	rig_up(&rig);
	Table *table = add_table(&rig, 1);
	for (int step = 0; step < 250; step++) {
		int64_t some = (int64_t)(next_random(&random) % 40) + 1;
		switch (next_random(&random) % 16) {
		case 0: flush_some(&rig, table); break;
		case 1: store_seal(rig.store, table, 0); break;
		case 2: ok(store_keep_masks(rig.store, &err), &err); break;
		case 3:
			ok(store_write_checkpoint(rig.store, &err), &err);
			floor = store_flushed_floor(rig.store);
			break;
		case 4:
			if (some % 3 == 0)
				table = crash_and_flush(&rig, table, log, floor, 9, log->count - (int32_t)some / 6);
			table = crash_and_flush(&rig, table, log, floor, (int)(some % 5) * 7, INT32_MAX);
			break;
		case 5:
			if (some > 3)
				break;
			truncate_table(&rig, table, log);
			memset(model, 0, sizeof(model));
			break;
		case 6:
		case 7:
			delete_where(&rig, table, log, at_random, (int64_t)random);
			for (int64_t n = 0; n < MOST_N; n++)
				model[n] = model[n] && !at_random(n, (int64_t)random);
			break;
		default:
			if (next + some > MOST_N)
				break;
			put_logged(&rig, table, log, next, next + some);
			set(model, next, next + some, 1, 1);
			next += some;
		}
		if (step % 8 == 7)
			sees(&rig, table, model);
	}
	table = crash(&rig, table, log, floor);
	sees(&rig, table, model);
	table_unref(table);
	log_free(log);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replay_gives_the_same_rows_any_number_of_times),
		cmocka_unit_test(rows_that_a_replay_flushed_are_deleted_by_what_comes_later),
		cmocka_unit_test(masks_in_the_catalog_are_there_without_the_log),
		cmocka_unit_test(a_mask_that_could_not_be_kept_keeps_the_log),
		cmocka_unit_test(a_truncation_is_replayed),
		cmocka_unit_test(a_truncation_the_catalog_lost_is_found_in_the_log),
		cmocka_unit_test(the_payload_is_what_the_header_says),
		cmocka_unit_test(damaged_payloads_are_refused_and_change_nothing),
		cmocka_unit_test(rows_that_never_were_are_refused),
		cmocka_unit_test(a_replay_undoes_itself_on_every_fault),
		cmocka_unit_test(anything_in_any_order_gives_the_rows_of_a_model),
	};
	return RUN(tests);
}
