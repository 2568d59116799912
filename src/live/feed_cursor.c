#include "live/feed_int.h"

#include <string.h>

#include "base/mem.h"
#include "store/batch_reader.h"
#include "wal/wal_tail.h"

enum { NODES_AT_ONCE = 64 };

struct FeedCursor {
	Feed *feed;
	FeedFollow *follow;
	uint64_t seq;
	WalTail *tail; // while it reads from the log
	BatchReader *rows;

	// Of the commit of the log that is being told.
	const FeedReader *reader;
	FeedEntry *entries;
	int32_t count;
	int32_t cap;
};

Status
feed_cursor_open(Feed *feed, Table *table, FeedCursor **out, Error *err)
{
	FeedCursor *cursor = mem_alloc(sizeof(*cursor));
	if (cursor == NULL)
		return error_no_memory(err, "a cursor of the feed");
	cursor->feed = feed;
	cursor->follow = feed_follow(feed, table);
	if (cursor->follow == NULL) {
		mem_free(cursor);
		return error_no_memory(err, "a cursor of the feed");
	}
	cursor->seq = atomic_load(&feed->head);
	*out = cursor;
	return ST_OK;
}

static void
leave_log(FeedCursor *cursor)
{
	wal_tail_close(TAKE(cursor->tail));
	batch_reader_free(TAKE(cursor->rows));
}

void
feed_cursor_close(FeedCursor *cursor)
{
	if (cursor == NULL)
		return;
	leave_log(cursor);
	mem_free(cursor->entries);
	feed_unfollow(cursor->feed, cursor->follow);
	mem_free(cursor);
}

void
feed_cursor_seek(FeedCursor *cursor, uint64_t after)
{
	leave_log(cursor);
	cursor->seq = after;
}

uint64_t
feed_cursor_seq(const FeedCursor *cursor)
{
	return cursor->seq;
}

// ---- from memory ----

// How many nodes of the ring are of commits up to seq.
static uint32_t
nodes_up_to(const FeedFollow *follow, uint64_t seq)
{
	uint32_t low = 0, high = follow->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (ring_at(follow, middle)->seq <= seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

// References of the next nodes up to `upto`; -1: what comes next is not in memory.
static int
take_nodes(FeedCursor *cursor, uint64_t upto, FeedNode *out[NODES_AT_ONCE])
{
	Feed *feed = cursor->feed;
	const FeedFollow *follow = cursor->follow;
	int count = 0;
	pthread_mutex_lock(&feed->lock);
	bool here = cursor->seq >= follow->from;
	for (uint32_t i = here ? nodes_up_to(follow, cursor->seq) : follow->count;
		 i < follow->count && count < NODES_AT_ONCE; i++) {
		FeedNode *node = ring_at(follow, i);
		if (node->seq > upto)
			break;
		atomic_fetch_add_explicit(&node->refs, 1, memory_order_relaxed);
		out[count++] = node;
	}
	pthread_mutex_unlock(&feed->lock);
	return here ? count : -1;
}

// *left falls to 0 when enough was given.
static Status
tell_nodes(FeedCursor *cursor, FeedNode *const *nodes, int count, uint64_t *left,
		   const FeedReader *reader, Error *err)
{
	for (int i = 0; i<count && * left> 0; i++) {
		const FeedNode *node = nodes[i];
		FeedCommit commit = {node->seq, node->entries, node->count};
		TRY(reader->commit(reader->arg, &commit, err));
		cursor->seq = node->seq;
		*left -= node->bytes < *left ? node->bytes : *left;
	}
	return ST_OK;
}

// *here false: what comes next is not in memory.
static Status
read_memory(FeedCursor *cursor, uint64_t upto, uint64_t *left, const FeedReader *reader, bool *here,
			Error *err)
{
	FeedNode *nodes[NODES_AT_ONCE];
	Status st = ST_OK;
	*here = true;
	while (st == ST_OK && *left > 0 && cursor->seq < upto) {
		int count = take_nodes(cursor, upto, nodes);
		*here = count >= 0;
		if (count == 0)
			cursor->seq = upto;
		if (count <= 0)
			break;
		leave_log(cursor);
		st = tell_nodes(cursor, nodes, count, left, reader, err);
		for (int i = 0; i < count; i++)
			feed_node_unref(nodes[i]);
	}
	return st;
}

// ---- from the log ----

static Status
add_entry(FeedCursor *cursor, const FeedEntry *entry, Error *err)
{
	if (cursor->count == cursor->cap) {
		size_t cap = cursor->cap == 0 ? 4 : (size_t)cursor->cap * 2;
		FeedEntry *entries = mem_resize(cursor->entries, cap * sizeof(*entries));
		if (entries == NULL)
			return error_no_memory(err, "a commit of the feed");
		cursor->entries = entries;
		cursor->cap = (int32_t)cap;
	}
	cursor->entries[cursor->count++] = *entry;
	return ST_OK;
}

static Status
add_rows(FeedCursor *cursor, const WalRecord *record, Error *err)
{
	BatchRecord parts;
	FeedEntry entry = {.kind = FEED_ROWS};
	SCOPED(batch_drop) Batch *batch = NULL;
	Shape *shape;
	TRY(batch_record_read(record->payload, &parts, err));
	TRY(batch_reader_read(cursor->rows, record, &parts, &batch, &shape, err));
	if (batch == NULL)
		return ST_OK;
	entry.batch = batch;
	entry.shape = shape;
	TRY(add_entry(cursor, &entry, err));
	batch = NULL;
	shape_ref(shape);
	return ST_OK;
}

static Status
add_define(FeedCursor *cursor, const WalRecord *record, Error *err)
{
	FeedEntry entry = {.kind = FEED_DEFINE};
	TRY(table_def_decode(record->payload, &entry.def, err));
	Status st = add_entry(cursor, &entry, err);
	if (st != ST_OK)
		table_def_unref(entry.def);
	return st;
}

// Of the table's database, or another one. A database that was made is nothing to a table.
static Status
add_database(FeedCursor *cursor, const WalRecord *record, Error *err)
{
	if (record->kind != WAL_DROP || !table_dropped(cursor->follow->table))
		return ST_OK;
	char name[DATABASE_NAME_ROOM];
	TRY(store_database_decode(record->payload, name, err));
	SCOPED(table_def_drop) TableDef *def = table_current(cursor->follow->table);
	FeedEntry entry = {.kind = FEED_DROP};
	return strcmp(name, table_database(def)) == 0 ? add_entry(cursor, &entry, err) : ST_OK;
}

static Status
add_record(FeedCursor *cursor, const WalRecord *record, Error *err)
{
	if (record->table_id == 0)
		return add_database(cursor, record, err);
	FeedEntry entry = {.min_time = record->min_time, .max_time = record->max_time};
	switch (record->kind) {
	case WAL_BATCH: return add_rows(cursor, record, err);
	case WAL_DEFINE: return add_define(cursor, record, err);
	case WAL_DELETE: entry.kind = FEED_DELETE; break;
	case WAL_ADOPT: entry.kind = FEED_BULK; break;
	case WAL_DROP: entry.kind = FEED_DROP; break;
	case WAL_SCHEMA:
	case WAL_MARK: return ST_OK;
	}
	return add_entry(cursor, &entry, err);
}

static void
reset_entries(FeedCursor *cursor)
{
	for (int32_t i = 0; i < cursor->count; i++) {
		batch_unref(cursor->entries[i].batch);
		shape_unref(cursor->entries[i].shape);
		table_def_unref(cursor->entries[i].def);
	}
	cursor->count = 0;
}

static Status
tell_logged(void *arg, uint64_t seq, const WalRecord *records, int32_t count, Error *err)
{
	FeedCursor *cursor = arg;
	Status st = ST_OK;
	for (int32_t i = 0; st == ST_OK && i < count; i++)
		st = add_record(cursor, &records[i], err);
	FeedCommit commit = {seq, cursor->entries, cursor->count};
	if (st == ST_OK && cursor->count > 0)
		st = cursor->reader->commit(cursor->reader->arg, &commit, err);
	reset_entries(cursor);
	return st;
}

static Status
enter_log(FeedCursor *cursor, Error *err)
{
	if (cursor->rows == NULL)
		TRY(batch_reader_new(cursor->feed->pool, &cursor->rows, err));
	if (cursor->tail == NULL)
		TRY(wal_tail_open(cursor->feed->wal, cursor->seq, &cursor->follow->table_id, 1,
						  &cursor->tail, err));
	return ST_OK;
}

static Status
read_log(FeedCursor *cursor, uint64_t upto, uint64_t bytes, const FeedReader *reader,
		 uint64_t *resume, Error *err)
{
	WalReader records = {.commit = tell_logged, .arg = cursor};
	TRY(enter_log(cursor, err));
	cursor->reader = reader;
	Status st = wal_tail_read(cursor->tail, upto, bytes, &records, err);
	cursor->seq = wal_tail_seq(cursor->tail);
	if (st == ST_NOT_FOUND) {
		uint64_t next = wal_tail_next(cursor->tail);
		*resume = next > 0 ? next - 1 : upto;
	}
	return st;
}

Status
feed_cursor_next(FeedCursor *cursor, uint64_t bytes, const FeedReader *reader, uint64_t *resume,
				 Error *err)
{
	uint64_t upto = atomic_load(&cursor->feed->head);
	uint64_t left = bytes > 0 ? bytes : 1;
	bool here;
	*resume = 0;
	TRY(read_memory(cursor, upto, &left, reader, &here, err));
	return here ? ST_OK : read_log(cursor, upto, left, reader, resume, err);
}
