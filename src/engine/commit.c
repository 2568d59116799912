// commit.c - the conductor from outside: start, submit, wait, stop.

#include "base/mem.h"
#include "engine/conductor_int.h"

void
commit_queue_init(CommitQueue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

bool
commit_queue_add(CommitQueue *queue, Commit *first, Commit **tail)
{
	bool was_empty = queue->head == NULL;
	*queue->tail = first;
	queue->tail = tail;
	return was_empty;
}

Commit *
commit_queue_take(CommitQueue *queue)
{
	Commit *all = queue->head;
	commit_queue_init(queue);
	return all;
}

void
fail_commits(Commit *commit, const Commit *end, Status status, const Error *err)
{
	while (commit != end) {
		Commit *next = commit->next;
		commit->done(commit, status, err);
		commit->release(commit);
		commit = next;
	}
}

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

static void
join_threads(Conductor *c)
{
	pthread_mutex_lock(&c->submit_lock);
	c->stopping = true;
	pthread_mutex_unlock(&c->submit_lock);
	signal_raise(&c->sequence);
	thread_join(c->sequencer);
	thread_join(c->syncer);
}

Status
conductor_start(const ConductorOptions *options, Conductor **out, Error *err)
{
	Conductor *c = mem_alloc(sizeof(*c));
	if (c == NULL)
		return error_no_memory(err, "the conductor");
	c->wal = options->wal;
	c->store = options->store;
	c->feed = options->feed;
	c->newest = options->newest;
	c->on_write_failure = options->on_write_failure;
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
	commit_queue_init(&c->submitted);
	commit_queue_init(&c->written);

	Status st =
		thread_start(&(ThreadOptions){.name = "sequencer"}, sequencer_run, c, &c->sequencer, err);
	if (st == ST_OK)
		st = thread_start(&(ThreadOptions){.name = "syncer"}, syncer_run, c, &c->syncer, err);
	if (st != ST_OK) {
		join_threads(c);
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
	join_threads(c);
	sequencer_mark(c, true);
	conductor_free(c);
}

void
conductor_submit(Conductor *c, Commit *commit)
{
	commit->next = NULL;
	pthread_mutex_lock(&c->submit_lock);
	bool was_empty = commit_queue_add(&c->submitted, commit, &commit->next);
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

static Status
submit_and_wait(Conductor *c, Waiting *w, uint64_t *seq, Error *err)
{
	w->commit.done = waiting_done;
	w->commit.release = waiting_release;
	signal_init(&w->released);
	conductor_submit(c, &w->commit);
	(void)signal_wait(&w->released, INT64_MAX);
	signal_close(&w->released);
	if (w->status != ST_OK) {
		if (err != NULL)
			*err = w->err;
		return w->status;
	}
	if (seq != NULL)
		*seq = w->commit.seq;
	return ST_OK;
}

Status
conductor_commit(Conductor *c, CommitEntry *entry, bool async, uint64_t *seq, Error *err)
{
	Waiting w = {.commit = {.entry = *entry, .async = async}};
	*entry = (CommitEntry){0};
	Status st = submit_and_wait(c, &w, seq, err);
	commit_entry_close(&w.commit.entry);
	return st;
}

Status
conductor_commit_all(Conductor *c, CommitEntry *entries, int32_t count, bool async, uint64_t *seq,
					 Error *err)
{
	SCOPED(mem_drop) WalEntry *records = mem_alloc_array((size_t)count, sizeof(*records));
	Status st = records != NULL ? ST_OK : error_no_memory(err, "a commit");
	for (int32_t i = 0; st == ST_OK && i < count; i++)
		records[i] = entries[i].wal;
	Waiting w = {
		.commit = {.entries = entries, .records = records, .count = count, .async = async}};
	if (st == ST_OK)
		st = submit_and_wait(c, &w, seq, err);
	for (int32_t i = 0; i < count; i++)
		commit_entry_close(&entries[i]);
	return st;
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
