// One subscriber reads the feed by itself, as far as it has room.

#include <inttypes.h>
#include <string.h>

#include "live/hub_int.h"
#include "os/clock.h"

typedef struct Reading {
	Hub *hub;
	Subscriber *sub;
	bool full;
	bool over; // it was ended
} Reading;

// ---- what ends it ----

static bool
ends_by_entry(Subscriber *sub, uint64_t seq, const FeedEntry *entry)
{
	Error err = ERROR_INIT;
	Status st = ST_OK;
	if (entry->kind == FEED_DROP)
		st = error_set(&err, ST_NOT_FOUND, "the table was dropped in commit %" PRIu64, seq);
	else if (entry->kind == FEED_DEFINE && live_query_ends_with(sub->query, entry->def))
		st = error_set(&err, ST_CONFLICT,
					   "the table's columns changed in commit %" PRIu64
					   ": subscribe again, behind commit %" PRIu64,
					   seq, seq - 1);
	if (st == ST_OK)
		return false;
	hub_end_with(sub, st, &err);
	return true;
}

static bool
ends_by_until(Subscriber *sub, uint64_t seq)
{
	uint64_t until = sub->options.until;
	if (until == 0 || seq <= until)
		return false;
	Message *message = NULL;
	if (message_of_seq(MESSAGE_COMPLETE, until, &message, NULL) != ST_OK)
		message = NULL;
	subscriber_end(sub, message);
	return true;
}

bool
commit_ends(Subscriber *sub, const FeedCommit *commit)
{
	bool ends = ends_by_until(sub, commit->seq);
	for (int32_t i = 0; i < commit->count && !ends; i++)
		ends = ends_by_entry(sub, commit->seq, &commit->entries[i]);
	return ends;
}

// ---- reading ----

static Status
take_commit(void *arg, const FeedCommit *commit, Error *err)
{
	Reading *reading = arg;
	Subscriber *sub = reading->sub;
	bool limited;
	reading->full = !subscriber_has_room(sub, &limited);
	reading->over = !reading->full && commit_ends(sub, commit);
	if (reading->full || reading->over)
		return error_set(err, ST_LIMIT, "no more for now");
	SCOPED(message_list_close) MessageList list = {0};
	TRY(messages_of_commit(sub->query, sub->options.form, commit, &reading->hub->work, &list, err));
	if (list.count > 0 && !subscriber_push(sub, list.at, list.count))
		return error_no_memory(err, "a subscription");
	if (list.count > 0) {
		atomic_store(&sub->told_seq, commit->seq);
		sub->told_ns = clock_mono_ns();
	}
	return ST_OK;
}

// What comes next is gone, or it wants to go on with what is new.
static void
jump(Subscriber *sub, uint64_t to, const char *reason)
{
	Message *message = NULL;
	Error err = ERROR_INIT;
	if (message_gap(sub->seq + 1, to, reason, &message, &err) != ST_OK ||
		!subscriber_push(sub, &message, 1)) {
		message_unref(message);
		hub_end_with(sub, ST_NO_MEMORY, &err);
		return;
	}
	message_unref(message);
	sub->seq = to;
	atomic_store(&sub->told_seq, to);
	feed_cursor_seek(sub->cursor, to);
}

static void
fell_out(Subscriber *sub, uint64_t resume, const Error *err)
{
	if (sub->options.on_slow == SLOW_GAP)
		jump(sub, resume, "retention");
	else
		hub_end_with(sub, ST_NOT_FOUND, err);
}

static bool
out_of_room(Subscriber *sub)
{
	bool limited;
	bool room = subscriber_has_room(sub, &limited);
	if (room || limited)
		sub->full_ns = 0;
	else if (sub->full_ns == 0)
		sub->full_ns = clock_mono_ns();
	return !room;
}

// True: it has all there is, or all its group has.
static bool
has_caught_up(Hub *hub, Subscriber *sub)
{
	const Group *group = group_find(hub, sub);
	return sub->seq >= (group != NULL ? group_seq(group) : feed_head(hub->feed).seq);
}

bool
catch_up(Hub *hub, Subscriber *sub)
{
	if (out_of_room(sub))
		return false;
	uint64_t head = feed_head(hub->feed).seq;
	if (sub->slow && sub->options.on_slow == SLOW_GAP && sub->seq < head)
		jump(sub, head, "slow");
	sub->slow = false;
	Reading reading = {.hub = hub, .sub = sub};
	FeedReader reader = {.commit = take_commit, .arg = &reading};
	Error err = ERROR_INIT;
	uint64_t resume;
	Status st = feed_cursor_next(sub->cursor, BEHIND_SLICE, &reader, &resume, &err);
	sub->seq = feed_cursor_seq(sub->cursor);
	if (st == ST_NOT_FOUND)
		fell_out(sub, resume, &err);
	else if (st != ST_OK && st != ST_NO_MEMORY && !reading.full && !reading.over)
		hub_end_with(sub, st, &err);
	if (st != ST_OK)
		return st == ST_NOT_FOUND;
	if (!has_caught_up(hub, sub))
		return true;
	group_join(hub, sub);
	return false;
}

void
fall_behind(Hub *hub, Subscriber *sub, uint64_t seq)
{
	Error err = ERROR_INIT;
	sub->seq = seq > sub->seq ? seq : sub->seq;
	sub->slow = true;
	Status st = feed_cursor_open(hub->feed, live_query_table(sub->query), &sub->cursor, &err);
	if (st == ST_OK)
		feed_cursor_seek(sub->cursor, sub->seq);
	place_remove(&sub->group->members, sub);
	sub->group = NULL;
	place_add(&hub->behind, sub);
	if (st != ST_OK)
		hub_end_with(sub, st, &err);
}
