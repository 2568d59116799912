// syncer.c - the second of the conductor's threads: syncs what was written, shows it to everybody
// in order, acknowledges it. It is the publishing thread of the store.

#include "base/log.h"
#include "engine/conductor_int.h"

// What those who follow its table hear of it. Before it is applied, which takes it apart.
static void
tell_entry(Feed *feed, const CommitEntry *entry, uint64_t seq)
{
	uint32_t table_id = entry->wal.table_id;
	if (table_id == 0 || !feed_follows(feed, table_id))
		return;
	FeedEntry told = {.min_time = entry->wal.min_time, .max_time = entry->wal.max_time};
	switch (entry->wal.kind) {
	case WAL_BATCH:
		told.batch = segment_insert_look(entry->insert).batch;
		told.shape = segment_insert_look(entry->insert).shape;
		break;
	case WAL_ADOPT: told.kind = FEED_BULK; break;
	case WAL_DELETE: told.kind = FEED_DELETE; break;
	case WAL_DROP: told.kind = FEED_DROP; break;
	case WAL_DEFINE:
		told.kind = FEED_DEFINE;
		told.def = store_define_def(entry->define);
		break;
	default: return;
	}
	feed_push(feed, table_id, seq, &told);
}

static void
apply_batch(Conductor *c, CommitEntry *entry, uint64_t seq)
{
	if (entry->producer != NULL)
		producer_store(entry->producer, entry->producer_seq);
	SegmentSpot spot = store_apply_insert(c->store, entry->table, TAKE(entry->insert), seq);
	if (entry->newest != NULL)
		newest_put_place(entry->newest, spot);
}

static void
apply_entry(Conductor *c, CommitEntry *entry, uint64_t seq)
{
	Store *store = c->store;
	if (entry->table != NULL && c->newest != NULL)
		newest_put_begin(c->newest, entry->table, entry->newest);
	switch (entry->wal.kind) {
	case WAL_BATCH: apply_batch(c, entry, seq); break;
	case WAL_ADOPT:
		if (entry->producer != NULL)
			producer_store(entry->producer, entry->producer_seq);
		store_apply_adopt(store, TAKE(entry->adopt), seq);
		break;
	case WAL_DEFINE:
		if (entry->database != NULL)
			store_apply_database(store, TAKE(entry->database), seq);
		else
			store_apply_define(store, TAKE(entry->define), seq);
		break;
	case WAL_DELETE:
		entry->reach = store_delete_reach(entry->del);
		store_apply_delete(store, TAKE(entry->del), seq);
		break;
	case WAL_DROP:
		if (entry->database != NULL)
			store_apply_database(store, TAKE(entry->database), seq);
		else
			store_apply_drop(store, entry->table, TAKE(entry->change), seq);
		break;
	default: must(false && "a commit of a kind nobody makes");
	}
}

// What comes behind the drop of all its tables is nowhere. Where a table is left, the drop might as
// well have come later.
static void
apply(Conductor *c, Commit *commit)
{
	int32_t count, gone = 0;
	CommitEntry *entries = commit_entries(commit, &count);
	for (int32_t i = 0; i < count; i++) {
		WalKind kind = entries[i].wal.kind;
		bool rows = kind == WAL_BATCH || kind == WAL_ADOPT || kind == WAL_DELETE;
		bool nowhere = rows && table_dropped(entries[i].table);
		bool drops = kind == WAL_DROP && entries[i].database != NULL;
		gone += nowhere;
		if (c->feed != NULL && !nowhere)
			tell_entry(c->feed, &entries[i], commit->seq);
		apply_entry(c, &entries[i], commit->seq);
		if (c->feed != NULL && drops)
			feed_push_drops(c->feed, commit->seq);
	}
	commit->gone = gone == count;
}

static Status
sync_groups(Conductor *c, const WalGroup *groups, int32_t count, Error *err)
{
	for (int32_t i = 0; i < count; i++)
		TRY(wal_sync(c->wal, &groups[i], err));
	return ST_OK;
}

// What was not synced is never shown to anybody; the log refuses everything from here on.
static void
refuse_everything(Conductor *c, Commit *all, const Error *err)
{
	if (!atomic_load(&c->failed)) {
		(void)error_set(&c->failure, ST_UNAVAILABLE,
						"read-only since a sync of the log failed (%s); restart to recover",
						err->text);
		atomic_store(&c->failed, true);
		log_error("log sync failed", "error=\"%s\"", err->text);
		c->on_sync_failure(c->arg, &c->failure);
	}
	for (Commit *commit = all; commit != NULL;) {
		Commit *next = commit->next;
		if (!commit->async || commit->refused)
			commit->done(commit, ST_UNAVAILABLE, &c->failure);
		commit->release(commit);
		commit = next;
	}
}

static Status
conflict(Commit *commit, Error *err)
{
	int32_t count, i = 0;
	const CommitEntry *entries = commit_entries(commit, &count);
	while (i < count - 1 && entries[i].read_seq == 0)
		i++;
	SCOPED(table_def_drop) TableDef *def = table_current(entries[i].table);
	return error_set(err, ST_CONFLICT,
					 "rows of table \"%s\" that were to be updated were put again meanwhile; send "
					 "the statement again",
					 table_name(def));
}

// Rows for a table whose drop came first are nowhere, and their sender hears it.
static void
acknowledge(Commit *commit)
{
	Error err = ERROR_INIT;
	Status st = ST_OK;
	if (commit->refused)
		st = conflict(commit, &err);
	else if (commit->gone)
		st = error_set(&err, ST_NOT_FOUND, "the table was dropped; nothing was stored");
	commit->done(commit, st, &err);
}

// The last number that can be seen from now on; 0: none that could not before.
static uint64_t
apply_all(Conductor *c, Commit *all)
{
	uint64_t last = 0;
	for (Commit *commit = all; commit != NULL; commit = commit->next) {
		if (commit->refused)
			continue;
		apply(c, commit);
		last = commit->seq;
	}
	return last;
}

static void
enter_entry(Conductor *c, CommitEntry *entry, uint64_t seq)
{
	if (entry->newest != NULL)
		newest_put_enter(entry->newest, seq);
	else if (entry->wal.kind == WAL_DELETE)
		newest_rows_delete(c->newest, entry->table, entry->reach, &entry->hits);
	else if (entry->wal.kind == WAL_ADOPT || entry->newest_lost)
		newest_rows_doubt(c->newest, entry->table);
}

// The newest rows and the seq change in one step.
static void
show(Conductor *c, Commit *all, uint64_t last)
{
	if (c->newest != NULL)
		newest_rows_lock(c->newest);
	for (Commit *commit = all; commit != NULL && c->newest != NULL; commit = commit->next) {
		int32_t count;
		CommitEntry *entries = commit_entries(commit, &count);
		for (int32_t i = 0; i < count && !commit->refused; i++)
			enter_entry(c, &entries[i], commit->seq);
	}
	store_show(c->store, last);
	if (c->newest != NULL)
		newest_rows_unlock(c->newest);
}

static void
publish(Conductor *c, Commit *all)
{
	if (c->feed != NULL)
		feed_begin(c->feed);
	uint64_t last = apply_all(c, all);
	if (last > 0) {
		atomic_store(&c->synced_seq, last);
		show(c, all, last);
		store_settle(c->store);
	}
	if (c->feed != NULL)
		feed_publish(c->feed, atomic_load(&c->synced_seq));
	for (Commit *commit = all; commit != NULL;) {
		Commit *next = commit->next;
		if (!commit->async || commit->refused)
			acknowledge(commit);
		commit->release(commit);
		commit = next;
	}
}

static void
run_lane(Lane *lane)
{
	while (lane != NULL) {
		Lane *next = lane->next; // signalling gives the node back to who waits
		lane->fn(lane->arg);
		signal_raise(&lane->done);
		lane = next;
	}
}

// A write that makes the log's file larger syncs it.
static bool
failed_while_writing(Conductor *c)
{
	if (!wal_failed(c->wal) || atomic_load(&c->failed))
		return false;
	Error err = ERROR_INIT;
	Status st = wal_sync(c->wal, &(WalGroup){0}, &err);
	must(st != ST_OK);
	refuse_everything(c, NULL, &err);
	return true;
}

void
syncer_run(void *arg)
{
	Conductor *c = arg;
	for (;;) {
		WalGroup groups[GROUPS];
		pthread_mutex_lock(&c->sync_lock);
		Lane *lane = TAKE(c->lane);
		Commit *all = commit_queue_take(&c->written);
		int32_t count = c->group_count;
		for (int32_t i = 0; i < count; i++)
			groups[i] = c->groups[i];
		c->group_count = 0;
		bool last = c->sequenced_all;
		pthread_cond_signal(&c->group_room);
		pthread_mutex_unlock(&c->sync_lock);

		run_lane(lane);
		if (all != NULL) {
			Error err = ERROR_INIT;
			if (sync_groups(c, groups, count, &err) == ST_OK)
				publish(c, all);
			else
				refuse_everything(c, all, &err);
		} else if (last && lane == NULL) {
			return;
		} else if (!failed_while_writing(c) && lane == NULL) {
			(void)signal_wait(&c->sync, INT64_MAX);
		}
	}
}
