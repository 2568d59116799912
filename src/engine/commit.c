#include "engine/commit.h"

#include <stdatomic.h>

#include "base/log.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/thread.h"

enum {
	GROUP_COMMITS = 1024,             // of one wal_write
	GROUPS = 8,                       // files that can wait for one sync
	MARK_AFTER_NS = 10 * 1000 * 1000, // quiet time until a mark tells what was synced
};

// First in, first out, by the commits' own links.
typedef struct Queue {
	Commit *head;
	Commit **tail;
} Queue;

// Work for the publishing thread that is no commit.
typedef struct Lane {
	void (*fn)(void *arg);
	void *arg;
	Signal done;
	struct Lane *next;
} Lane;

struct Conductor {
	Wal *wal;
	Store *store;
	void (*on_sync_failure)(void *arg, const Error *err);
	void *arg;

	pthread_mutex_t submit_lock; // guards submitted and stopping
	Queue submitted;
	bool stopping;
	Signal sequence; // there is something submitted

	pthread_mutex_t sync_lock; // guards written, groups, lane and sequenced_all
	Queue written;
	WalGroup groups[GROUPS]; // what is written and not yet synced, by file
	int32_t group_count;
	Lane *lane;
	bool sequenced_all;
	pthread_cond_t group_room;
	Signal sync; // there is something written, or in the lane

	uint64_t next_seq; // the sequencer's
	bool marked;       // the sequencer's: nothing since the last mark
	_Atomic uint64_t synced_seq;
	atomic_bool failed;
	Error failure; // written once, before failed
	Thread *sequencer;
	Thread *syncer;
};

static void
queue_init(Queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

static bool
queue_add(Queue *queue, Commit *first, Commit **tail)
{
	bool was_empty = queue->head == NULL;
	*queue->tail = first;
	queue->tail = tail;
	return was_empty;
}

static Commit *
queue_take(Queue *queue)
{
	Commit *all = queue->head;
	queue_init(queue);
	return all;
}

static void
fail_commits(Commit *commit, Commit *end, Status status, const Error *err)
{
	while (commit != end) {
		Commit *next = commit->next;
		commit->done(commit, status, err);
		commit->release(commit);
		commit = next;
	}
}

// ---- the sequencer ----

static void
acknowledge_async(Commit *commit, const Commit *end)
{
	for (; commit != end; commit = commit->next)
		if (commit->async)
			commit->done(commit, ST_OK, NULL);
}

// True when the syncer must come round first.
static bool
add_group(Conductor *c, const WalGroup *group)
{
	WalGroup *last = c->group_count > 0 ? &c->groups[c->group_count - 1] : NULL;
	bool same = last != NULL && last->file_numbers[1] == 0 && group->file_numbers[1] == 0 &&
				last->file_numbers[0] == group->file_numbers[0];
	if (same) {
		last->last_seq = group->last_seq;
		last->bytes += group->bytes;
		return true;
	}
	if (c->group_count == GROUPS)
		return false;
	c->groups[c->group_count++] = *group;
	return true;
}

// Hands what was written to the syncer, which takes all there is when it comes round.
static void
pass_on(Conductor *c, Commit *first, Commit **tail, const WalGroup *group)
{
	pthread_mutex_lock(&c->sync_lock);
	while (!add_group(c, group))
		pthread_cond_wait(&c->group_room, &c->sync_lock);
	if (first != NULL) {
		*tail = NULL;
		queue_add(&c->written, first, tail);
	}
	pthread_mutex_unlock(&c->sync_lock);
	signal_raise(&c->sync);
}

// Writes commits [first, …) until the log wants to be asked again or GROUP_COMMITS; returns the
// first that is left.
static Commit *
write_some(Conductor *c, Commit *first)
{
	WalCommit batch[GROUP_COMMITS];
	int32_t count = 0;
	Commit *commit = first;
	do {
		commit->seq = c->next_seq + (uint64_t)count;
		batch[count++] = (WalCommit){commit->seq, &commit->entry.wal, 1};
		commit = commit->next;
	} while (commit != NULL && count < GROUP_COMMITS);

	WalGroup group = {0};
	int32_t written = 0;
	Error err = ERROR_INIT;
	Status st =
		wal_write(c->wal, batch, count, atomic_load(&c->synced_seq), &group, &written, &err);
	if (st != ST_OK)
		written = count; // all of them fail, and their numbers are given again
	Commit *end = first, **tail = NULL;
	for (int32_t i = 0; i < written; i++) {
		tail = &end->next;
		end = end->next;
	}
	if (st != ST_OK) {
		log_error("log write failed", "error=\"%s\"", err.text);
		fail_commits(first, end, st, &err);
		return end;
	}
	c->next_seq += (uint64_t)written;
	c->marked = false;
	acknowledge_async(first, end);
	pass_on(c, first, tail, &group);
	return end;
}

// The last group would otherwise not be known as synced by anything later in the log.
static void
write_mark(Conductor *c, bool clean)
{
	uint64_t synced = atomic_load(&c->synced_seq);
	if (atomic_load(&c->failed) || (c->marked && !clean) || (!clean && synced + 1 != c->next_seq))
		return;
	WalGroup group = {0};
	Error err = ERROR_INIT;
	if (wal_mark(c->wal, c->next_seq - 1, synced, clean, &group, &err) != ST_OK) {
		log_warn("log mark failed", "error=\"%s\"", err.text);
		return;
	}
	c->marked = true;
	if (clean && wal_sync(c->wal, &group, &err) != ST_OK)
		log_warn("log mark failed", "error=\"%s\"", err.text);
}

static void
sequence_run(void *arg)
{
	Conductor *c = arg;
	for (;;) {
		pthread_mutex_lock(&c->submit_lock);
		Commit *all = queue_take(&c->submitted);
		bool stopping = c->stopping;
		pthread_mutex_unlock(&c->submit_lock);

		if (all != NULL && atomic_load(&c->failed))
			fail_commits(all, NULL, ST_UNAVAILABLE, &c->failure);
		else
			while (all != NULL)
				all = write_some(c, all);
		if (all == NULL && stopping)
			break;
		if (!signal_wait(&c->sequence, c->marked ? INT64_MAX : clock_mono_ns() + MARK_AFTER_NS))
			write_mark(c, false);
	}
	pthread_mutex_lock(&c->sync_lock);
	c->sequenced_all = true;
	pthread_mutex_unlock(&c->sync_lock);
	signal_raise(&c->sync);
}

// ---- the syncer ----

static void
apply_entry(Store *store, CommitEntry *entry, uint64_t seq)
{
	switch (entry->wal.kind) {
	case WAL_BATCH: store_apply_insert(store, entry->table, TAKE(entry->insert), seq); break;
	case WAL_DEFINE: store_apply_define(store, TAKE(entry->define), seq); break;
	case WAL_DROP: store_apply_drop(store, entry->table, TAKE(entry->change), seq); break;
	default: must(false && "a commit of a kind nobody makes");
	}
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
		if (!commit->async)
			commit->done(commit, ST_UNAVAILABLE, &c->failure);
		commit->release(commit);
		commit = next;
	}
}

static void
publish(Conductor *c, Commit *all)
{
	uint64_t last = 0;
	for (Commit *commit = all; commit != NULL; commit = commit->next) {
		apply_entry(c->store, &commit->entry, commit->seq);
		last = commit->seq;
	}
	atomic_store(&c->synced_seq, last);
	store_publish(c->store, last);

	for (Commit *commit = all; commit != NULL;) {
		Commit *next = commit->next;
		if (!commit->async)
			commit->done(commit, ST_OK, NULL);
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

static void
sync_run(void *arg)
{
	Conductor *c = arg;
	for (;;) {
		WalGroup groups[GROUPS];
		pthread_mutex_lock(&c->sync_lock);
		Lane *lane = TAKE(c->lane);
		Commit *all = queue_take(&c->written);
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
		} else if (lane == NULL) {
			(void)signal_wait(&c->sync, INT64_MAX);
		}
	}
}

// ---- from outside ----

static void
conductor_free(Conductor *c)
{
	if (c == NULL)
		return;
	signal_close(&c->sequence);
	signal_close(&c->sync);
	pthread_mutex_destroy(&c->submit_lock);
	pthread_mutex_destroy(&c->sync_lock);
	pthread_cond_destroy(&c->group_room);
	mem_free(c);
}

Status
conductor_start(const ConductorOptions *options, Conductor **out, Error *err)
{
	Conductor *c = mem_alloc(sizeof(*c));
	if (c == NULL)
		return error_no_memory(err, "the conductor");
	c->wal = options->wal;
	c->store = options->store;
	c->on_sync_failure = options->on_sync_failure;
	c->arg = options->arg;
	c->next_seq = options->next_seq;
	c->marked = true;
	atomic_store(&c->synced_seq, options->next_seq - 1);
	pthread_mutex_init(&c->submit_lock, NULL);
	pthread_mutex_init(&c->sync_lock, NULL);
	pthread_cond_init(&c->group_room, NULL);
	signal_init(&c->sequence);
	signal_init(&c->sync);
	queue_init(&c->submitted);
	queue_init(&c->written);

	Status st =
		thread_start(&(ThreadOptions){.name = "sequencer"}, sequence_run, c, &c->sequencer, err);
	if (st == ST_OK)
		st = thread_start(&(ThreadOptions){.name = "syncer"}, sync_run, c, &c->syncer, err);
	if (st != ST_OK) {
		if (c->sequencer != NULL) {
			c->stopping = true;
			signal_raise(&c->sequence);
			thread_join(c->sequencer);
		}
		conductor_free(c);
		return st;
	}
	*out = c;
	return ST_OK;
}

void
conductor_stop(Conductor *c)
{
	if (c == NULL)
		return;
	pthread_mutex_lock(&c->submit_lock);
	c->stopping = true;
	pthread_mutex_unlock(&c->submit_lock);
	signal_raise(&c->sequence);
	thread_join(c->sequencer);
	thread_join(c->syncer);
	write_mark(c, true);
	conductor_free(c);
}

void
conductor_submit(Conductor *c, Commit *commit)
{
	commit->next = NULL;
	pthread_mutex_lock(&c->submit_lock);
	bool was_empty = queue_add(&c->submitted, commit, &commit->next);
	pthread_mutex_unlock(&c->submit_lock);
	if (was_empty)
		signal_raise(&c->sequence);
}

// A commit somebody waits for, on that thread's stack.
typedef struct Waiting {
	Commit commit; // first: done and release get it back
	Status status;
	Error err;
	Signal released;
} Waiting;

static void
waiting_done(Commit *commit, Status status, const Error *err)
{
	Waiting *w = (Waiting *)commit;
	w->status = status;
	if (err != NULL)
		w->err = *err;
}

static void
waiting_release(Commit *commit)
{
	signal_raise(&((Waiting *)commit)->released);
}

Status
conductor_commit(Conductor *c, CommitEntry *entry, bool async, uint64_t *seq, Error *err)
{
	Waiting w = {
		.commit = {
			.entry = *entry, .async = async, .done = waiting_done, .release = waiting_release}};
	*entry = (CommitEntry){0};
	signal_init(&w.released);
	conductor_submit(c, &w.commit);
	(void)signal_wait(&w.released, INT64_MAX);
	signal_close(&w.released);
	commit_entry_close(&w.commit.entry);
	if (w.status != ST_OK) {
		if (err != NULL)
			*err = w.err;
		return w.status;
	}
	if (seq != NULL)
		*seq = w.commit.seq;
	return ST_OK;
}

uint64_t
conductor_synced_seq(const Conductor *c)
{
	return atomic_load(&c->synced_seq);
}

bool
conductor_failed(const Conductor *c)
{
	return atomic_load(&c->failed);
}

void
conductor_run(Conductor *c, void (*fn)(void *arg), void *arg)
{
	Lane lane = {.fn = fn, .arg = arg};
	signal_init(&lane.done);
	pthread_mutex_lock(&c->sync_lock);
	lane.next = c->lane;
	c->lane = &lane;
	pthread_mutex_unlock(&c->sync_lock);
	signal_raise(&c->sync);
	(void)signal_wait(&lane.done, INT64_MAX);
	signal_close(&lane.done);
}
