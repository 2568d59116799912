// deletes.h - deletions as a statement makes them, the log they leave, and what readers see: rows
// of host tables, known by their n.

#pragma once

#include "rig.h"

enum { MOST_N = 8192 };

// ---- what is seen ----

static inline Status
see_part(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	uint8_t *seen = arg;
	uint32_t rows[MOST_N];
	int64_t live = part_live(part, 0, part->rows, rows);
	assert_int_equal(live, part->rows - part_dead_rows(part));
	for (int64_t i = 0; i < live; i++)
		seen[int64_at(batch_column(part->batch, 2), rows[i])]++;
	return ST_OK;
}

// The n of each row of a file, in order; returns how many.
static inline int64_t
numbers_of(Rig *rig, const DataFile *file, int64_t *out)
{
	Buf sql = BUF_INIT;
	char *rows = NULL, *at;
	Error err = ERROR_INIT;
	int64_t count = 0;
	buf_add_printf(&sql,
				   "SELECT string_agg(n::VARCHAR, ' ' ORDER BY file_row_number) FROM "
				   "read_parquet('%s', file_row_number=true)",
				   data_file_path(file));
	ok(duck_query_text(rig->conn, buf_text(&sql), NULL, 0, &rows, &err), &err);
	for (at = rows; *at != '\0'; count++)
		out[count] = strtoll(at, &at, 10);
	mem_free(rows);
	buf_close(&sql);
	assert_int_equal(count, data_file_meta(file)->rows);
	return count;
}

static inline void
see(Rig *rig, const Snapshot *snapshot, uint8_t seen[MOST_N])
{
	const TableView *view = &snapshot->tables[0];
	Error err = ERROR_INIT;
	int64_t numbers[MOST_N];
	memset(seen, 0, MOST_N);
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const Mask *mask = file_set_mask(view->files, i);
		int64_t count = numbers_of(rig, file_set_at(view->files, i), numbers);
		for (int64_t row = 0; row < count; row++)
			seen[numbers[row]] = (uint8_t)(seen[numbers[row]] + !(mask && mask_has(mask, row)));
	}
	for (int32_t i = 0; i < view->segment_count; i++)
		ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, see_part, seen,
						&err),
		   &err);
}

static inline void
snapshot_sees(Rig *rig, const Snapshot *snapshot, const uint8_t expected[MOST_N])
{
	uint8_t seen[MOST_N];
	int64_t rows = 0;
	see(rig, snapshot, seen);
	for (int64_t n = 0; n < MOST_N; n++) {
		rows += expected[n];
		if (seen[n] != expected[n])
			fail_msg("row %" PRId64 " is seen %d times instead of %d", n, seen[n], expected[n]);
	}
	assert_int_equal(view_rows(&snapshot->tables[0], snapshot->seq), rows);
}

static inline void
sees(Rig *rig, Table *table, const uint8_t expected[MOST_N])
{
	Snapshot *snapshot = snapshot_of(rig, table);
	snapshot_sees(rig, snapshot, expected);
	snapshot_free(snapshot);
}

// ---- addresses ----

typedef struct Finding {
	bool (*wanted)(int64_t n, int64_t arg);
	int64_t arg;
	uint64_t segment_id;
	RowAddress rows[MOST_N];
	int64_t count;
} Finding;

static inline Status
find_part(void *arg, const SegmentPart *part, Error *err)
{
	(void)err;
	Finding *f = arg;
	for (int64_t row = 0; row < part->rows; row++)
		if (part_is_live(part, row) &&
			f->wanted(int64_at(batch_column(part->batch, 2), row), f->arg))
			f->rows[f->count++] = (RowAddress){f->segment_id, part->first_row + row, false};
	return ST_OK;
}

static inline void
find_rows(Rig *rig, const Snapshot *snapshot, Finding *f)
{
	const TableView *view = &snapshot->tables[0];
	Error err = ERROR_INIT;
	int64_t numbers[MOST_N];
	f->count = 0;
	for (int32_t i = 0; i < file_set_count(view->files); i++) {
		const DataFile *file = file_set_at(view->files, i);
		const Mask *mask = file_set_mask(view->files, i);
		int64_t count = numbers_of(rig, file, numbers);
		for (int64_t row = 0; row < count; row++)
			if (!(mask != NULL && mask_has(mask, row)) && f->wanted(numbers[row], f->arg))
				f->rows[f->count++] = (RowAddress){data_file_meta(file)->segment_id, row, true};
	}
	for (int32_t i = 0; i < view->segment_count; i++) {
		f->segment_id = segment_stats(view->segments[i]).id;
		ok(segment_each(view->segments[i], snapshot->seq, INT64_MIN, INT64_MAX, find_part, f, &err),
		   &err);
	}
}

static inline bool
every(int64_t n, int64_t step)
{
	return n % step == 0;
}

static inline bool
exactly(int64_t n, int64_t which)
{
	return n == which;
}

// ---- the log ----

typedef struct Logged {
	uint64_t seq;
	int64_t from; // rows from … to-1, or
	int64_t to;
	Buf payload; // a deletion
} Logged;

typedef struct Log {
	Logged entries[4096];
	int32_t count;
} Log;

static inline void
log_free(Log *log)
{
	for (int32_t i = 0; i < log->count; i++)
		buf_close(&log->entries[i].payload);
	free(log);
}

static inline void
put_logged(Rig *rig, Table *table, Log *log, int64_t from, int64_t to)
{
	put_rows(rig, table, from, to);
	log->entries[log->count++] = (Logged){.seq = rig->seq, .from = from, .to = to};
}

// What was made, on its way through log and publication. The caller holds the rewrite lock.
static inline void
commit_delete(Rig *rig, Log *log, StoreDelete *del)
{
	Error err = ERROR_INIT;
	Buf payload = BUF_INIT;
	ok(store_delete_encode(del, &payload, &err), &err);
	store_apply_delete(rig->store, del, ++rig->seq);
	store_publish(rig->store, rig->seq);
	if (log != NULL)
		log->entries[log->count++] = (Logged){.seq = rig->seq, .payload = payload};
	else
		buf_close(&payload);
}

static inline int64_t
delete_where(Rig *rig, Table *table, Log *log, bool (*wanted)(int64_t n, int64_t arg), int64_t arg)
{
	Finding *f = malloc(sizeof(*f));
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	assert_non_null(f);
	*f = (Finding){.wanted = wanted, .arg = arg};
	table_rewrite_lock(table);
	Snapshot *snapshot = snapshot_of(rig, table);
	find_rows(rig, snapshot, f);
	snapshot_free(snapshot);
	ok(store_delete_new(rig->store, table, f->rows, f->count, &del, &err), &err);
	commit_delete(rig, log, del);
	table_rewrite_unlock(table);
	int64_t count = f->count;
	free(f);
	return count;
}

static inline void
truncate_table(Rig *rig, Table *table, Log *log)
{
	StoreDelete *del = NULL;
	Error err = ERROR_INIT;
	table_rewrite_lock(table);
	ok(store_truncate_new(rig->store, table, &del, &err), &err);
	commit_delete(rig, log, del);
	table_rewrite_unlock(table);
}

static inline void
flush_some(Rig *rig, Table *table)
{
	Error err = ERROR_INIT;
	bool did;
	int64_t rows;
	store_seal(rig->store, table, 0);
	ok(store_flush_one(rig->store, rig->conn, &did, &rows, &err), &err);
}

// As recovery does it, with a flush before each entry whose number `flush_every` divides (0: none),
// up to and without entry `stop`.
static inline void
replay_log(Rig *rig, Table *table, const Log *log, uint64_t after, int flush_every, int32_t stop)
{
	uint64_t end = rig->seq;
	Error begun = ERROR_INIT;
	ok(store_begin_replay(rig->store, &begun), &begun);
	for (int32_t i = 0; i < log->count && i < stop; i++) {
		if (flush_every > 0 && i % flush_every == 0)
			flush_some(rig, table);
		const Logged *entry = &log->entries[i];
		Error err = ERROR_INIT;
		rig->seq = entry->seq - 1;
		if (entry->seq <= after)
			continue;
		if (entry->payload.len > 0)
			ok(store_replay_delete(rig->store, table, buf_slice(&entry->payload), entry->seq, &err),
			   &err);
		else if (entry->seq > store_flushed_seq(table))
			put_rows(rig, table, entry->from, entry->to);
		store_publish(rig->store, entry->seq);
	}
	rig->seq = end;
	if (stop >= log->count) // else the process dies here
		ok(store_end_replay(rig->store, &begun), &begun);
}
