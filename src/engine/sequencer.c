// sequencer.c - the first of the conductor's threads: numbers commits and writes them to the log,
// as many at once as wait.

#include "base/log.h"
#include "engine/conductor_int.h"
#include "os/clock.h"

enum {
	GROUP_COMMITS = 1024,               // of one wal_write
	MARK_AFTER_NS = 10 * 1000 * 1000,   // quiet time until a mark tells what was synced
	MARK_AGAIN_NS = 1000 * 1000 * 1000, // after one that could not be written
};

static void
acknowledge_async(Commit *commit, const Commit *end)
{
	for (; commit != end; commit = commit->next)
		if (commit->async)
			commit->done(commit, ST_OK, NULL);
}

// False when the syncer must come round first.
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
		commit_queue_add(&c->written, first, tail);
	}
	pthread_mutex_unlock(&c->sync_lock);
	signal_raise(&c->sync);
}

// Whether it would undo something that came before it.
static bool
would_undo(const Commit *commit, uint64_t seq)
{
	int32_t count;
	const CommitEntry *entries = commit_entries((Commit *)(uintptr_t)commit, &count);
	bool undo = false;
	for (int32_t i = 0; i < count && !undo; i++) {
		const WalEntry *wal = &entries[i].wal;
		undo = (wal->kind == WAL_BATCH || wal->kind == WAL_ADOPT) &&
			   !table_may_follow(entries[i].table, seq, entries[i].read_seq, wal->min_time,
								 wal->max_time);
	}
	return undo;
}

// Those that nobody wants any more fail; those that would undo something wait in `refused`; the
// rest, in order.
static Commit *
drop_unwanted(const Conductor *c, Commit *all, CommitQueue *refused)
{
	Commit *kept = NULL, **tail = &kept;
	uint64_t seq = c->next_seq;
	for (Commit *next; all != NULL; all = next) {
		next = all->next;
		Error err = ERROR_INIT;
		if (all->admit != NULL && !all->admit(all)) {
			Status st = error_set(&err, ST_CANCELLED, "a batch before it could not be stored");
			fail_commits(all, next, st, &err);
		} else if (would_undo(all, seq)) {
			all->refused = true;
			all->next = NULL;
			commit_queue_add(refused, all, &all->next);
		} else {
			seq++;
			*tail = all;
			tail = &all->next;
		}
	}
	*tail = NULL;
	return kept;
}

// They are told behind what they would undo: who tries again sees it.
static void
pass_refused(Conductor *c, const CommitQueue *refused)
{
	if (refused->head == NULL)
		return;
	pthread_mutex_lock(&c->sync_lock);
	commit_queue_add(&c->written, refused->head, refused->tail);
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
		bool one = commit->entries == NULL;
		batch[count++] = (WalCommit){.seq = commit->seq,
									 .entries = one ? &commit->entry.wal : commit->records,
									 .count = one ? 1 : commit->count};
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
		c->on_write_failure(c->arg, st);
		if (wal_failed(c->wal))
			signal_raise(&c->sync); // it says so to everybody
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
void
sequencer_mark(Conductor *c, bool clean)
{
	uint64_t synced = atomic_load(&c->synced_seq);
	if (atomic_load(&c->failed) || (c->marked && !clean) || (!clean && synced + 1 != c->next_seq))
		return;
	WalGroup group = {0};
	Error err = ERROR_INIT;
	if (wal_mark(c->wal, c->next_seq - 1, synced, clean, &group, &err) != ST_OK) {
		log_warn("log mark failed", "error=\"%s\"", err.text);
		c->mark_failed = true;
		return;
	}
	c->marked = true;
	c->mark_failed = false;
	if (clean && wal_sync(c->wal, &group, &err) != ST_OK)
		log_warn("log mark failed", "error=\"%s\"", err.text);
}

// When a mark is due, if nothing else comes.
static int64_t
mark_time(const Conductor *c)
{
	if (c->marked || atomic_load(&c->failed))
		return INT64_MAX;
	return clock_mono_ns() + (c->mark_failed ? MARK_AGAIN_NS : MARK_AFTER_NS);
}

void
sequencer_run(void *arg)
{
	Conductor *c = arg;
	for (;;) {
		pthread_mutex_lock(&c->submit_lock);
		Commit *all = commit_queue_take(&c->submitted);
		bool stopping = c->stopping;
		pthread_mutex_unlock(&c->submit_lock);

		if (atomic_load(&c->failed))
			fail_commits(TAKE(all), NULL, ST_UNAVAILABLE, &c->failure);
		CommitQueue refused;
		commit_queue_init(&refused);
		while ((all = drop_unwanted(c, all, &refused)) != NULL)
			all = write_some(c, all);
		pass_refused(c, &refused);
		if (stopping)
			break;
		if (!signal_wait(&c->sequence, mark_time(c)))
			sequencer_mark(c, false);
	}
	pthread_mutex_lock(&c->sync_lock);
	c->sequenced_all = true;
	pthread_mutex_unlock(&c->sync_lock);
	signal_raise(&c->sync);
}
