// feeds.h - what the tests of the feed share: a store, a log and a feed over them, and commits that
// go through all three.

#pragma once

#include "../store/rig.h"
#include "arrow/ipc_write.h"
#include "live/feed.h"
#include "store/batch_record.h"

enum { LOG_FILE = 32768, HOSTS = 10 };

typedef struct Feeds {
	Rig rig;
	Wal *wal;
	Feed *feed;
	uint64_t seq;
} Feeds;

static inline void
feeds_open(Feeds *fx, uint64_t memory_bytes)
{
	Error err = ERROR_INIT;
	WalReport report;
	char dir[96];
	*fx = (Feeds){0};
	rig_new(&fx->rig);
	rig_open(&fx->rig);
	snprintf(dir, sizeof(dir), "%s/wal", fx->rig.dir);
	WalOptions log = {.dir = dir, .segment_size = LOG_FILE, .epoch = "an epoch"};
	ok(wal_open(&log, &fx->wal, &err), &err);
	ok(wal_recover(fx->wal, WAL_STRICT, 0, &(WalReader){0}, &report, &err), &err);
	ok(wal_start(fx->wal, 1, log.epoch, &err), &err);
	FeedOptions options = {.wal = fx->wal, .memory_bytes = memory_bytes, .epoch = "an epoch"};
	ok(feed_new(&options, &fx->feed, &err), &err);
}

static inline void
feeds_close(Feeds *fx)
{
	feed_free(fx->feed);
	wal_close(fx->wal);
	rig_close(&fx->rig);
}

// The catalog's thread has nothing left to do: what is counted, or fails, is the caller's.
static inline void
feeds_settle(Feeds *fx)
{
	uint8_t ignored[16];
	Error err = ERROR_INIT;
	ok(catalog_new_epoch(fx->rig.catalog, ignored, &err), &err);
}

// ---- commits ----

typedef struct Change {
	WalEntry wal;
	FeedEntry told;
	uint32_t table_id;
	Buf head;
	IpcMessage message;
	Piece pieces[64];
} Change;

static inline void
change_close(Change *change)
{
	buf_close(&change->head);
	ipc_message_close(&change->message);
	batch_unref(change->told.batch);
	shape_unref(change->told.shape);
}

static inline void
change_seal(Change *change)
{
	WalEntry *wal = &change->wal;
	change->pieces[0] = (Piece){change->head.data, change->head.len, NULL};
	wal->piece_count = 1 + change->message.body_count;
	assert_true(wal->piece_count <= 64);
	wal->length = 0;
	for (int32_t i = 0; i < wal->piece_count; i++) {
		if (i > 0)
			change->pieces[i] = change->message.body[i - 1];
		wal->length += (uint32_t)change->pieces[i].len;
	}
	wal->pieces = change->pieces;
	wal->payload_crc = wal_payload_crc(change->pieces, wal->piece_count);
	wal->table_id = change->table_id;
}

// Rows from … to-1.
static inline void
change_of_rows(Change *change, Table *table, int64_t from, int64_t to)
{
	Error err = ERROR_INIT;
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	*change = (Change){.table_id = table_id(def), .wal = {.kind = WAL_BATCH, .schema_id = 1}};
	change->told.shape = shape_of(table_id(def), def, schema_ref(table_schema(def)));
	change->told.batch = host_batch(table_schema(def), from, to, HOSTS);
	ok(ipc_write_batch(change->told.batch, &change->message, &err), &err);
	BatchRecord record = {.metadata = buf_slice(&change->message.metadata)};
	batch_record_add_head(&record, &change->head);
	change->wal.schema_id = table_id(def);
	change->wal.schema = shape_encoded(change->told.shape);
	change_seal(change);
}

// Without a payload that anybody reads.
static inline void
change_of_kind(Change *change, Table *table, WalKind kind, FeedKind told)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	*change = (Change){.table_id = table_id(def),
					   .wal = {.kind = kind, .min_time = 5, .max_time = 9},
					   .told = {.kind = told, .min_time = 5, .max_time = 9}};
	buf_add_text(&change->head, "some bytes");
	change_seal(change);
}

// One commit of them, first in the log.
static inline void
commit_changes(Feeds *fx, const Change *changes, int32_t count)
{
	Error err = ERROR_INIT;
	WalEntry entries[8];
	for (int32_t i = 0; i < count; i++)
		entries[i] = changes[i].wal;
	WalCommit commit = {.seq = ++fx->seq, .entries = entries, .count = count};
	WalGroup group;
	int32_t written = 0;
	ok(wal_write(fx->wal, &commit, 1, fx->seq - 1, &group, &written, &err), &err);
	assert_int_equal(written, 1);
	ok(wal_sync(fx->wal, &group, &err), &err);
	feed_begin(fx->feed);
	for (int32_t i = 0; i < count; i++)
		if (feed_follows(fx->feed, changes[i].table_id))
			feed_push(fx->feed, changes[i].table_id, fx->seq, &changes[i].told);
	feed_publish(fx->feed, fx->seq);
}

static inline void
commit_rows(Feeds *fx, Table *table, int64_t from, int64_t to)
{
	SCOPED(change_close) Change change;
	change_of_rows(&change, table, from, to);
	commit_changes(fx, &change, 1);
}

static inline void
commit_kind(Feeds *fx, Table *table, WalKind kind, FeedKind told)
{
	SCOPED(change_close) Change change;
	change_of_kind(&change, table, kind, told);
	commit_changes(fx, &change, 1);
}
