// Subscribers that get the same: one cursor, one evaluation, one encoding.

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "live/hub_int.h"
#include "os/clock.h"

static uint64_t
hash_of(const Subscriber *sub)
{
	const char *text = live_query_text(sub->query);
	return hash64(text, strlen(text)) ^ (uint64_t)sub->options.form;
}

static bool
is_of(const Group *group, const Subscriber *sub, uint64_t hash)
{
	return group->hash == hash && group->form == sub->options.form &&
		   live_query_table(group->query) == live_query_table(sub->query) &&
		   live_query_def(group->query) == live_query_def(sub->query) &&
		   strcmp(live_query_text(group->query), live_query_text(sub->query)) == 0;
}

Group *
group_find(const Hub *hub, const Subscriber *sub)
{
	uint64_t hash = hash_of(sub);
	Group *group = hub->groups;
	while (group != NULL && !is_of(group, sub, hash))
		group = group->next;
	return group;
}

uint64_t
group_seq(const Group *group)
{
	return feed_cursor_seq(group->cursor);
}

static void
group_free(Hub *hub, Group *group)
{
	Group **at = &hub->groups;
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	feed_cursor_close(group->cursor);
	live_query_unref(group->query);
	mem_free(group);
}

void
group_join(Hub *hub, Subscriber *sub)
{
	Group *group = group_find(hub, sub);
	if (group == NULL) {
		group = mem_alloc(sizeof(*group));
		if (group == NULL)
			return; // it stays behind, and reads by itself
		group->hash = hash_of(sub);
		group->form = sub->options.form;
		group->query = live_query_ref(sub->query);
		group->cursor = TAKE(sub->cursor);
		group->next = hub->groups;
		hub->groups = group;
	}
	feed_cursor_close(TAKE(sub->cursor));
	place_remove(&hub->behind, sub);
	sub->group = group;
	place_add(&group->members, sub);
}

void
group_leave(Hub *hub, Subscriber *sub)
{
	Group *group = sub->group;
	place_remove(&group->members, sub);
	sub->group = NULL;
	if (group->members == NULL)
		group_free(hub, group);
}

// ---- a commit ----

typedef struct Telling {
	Hub *hub;
	Group *group;
} Telling;

static void
tell_one(Hub *hub, Subscriber *sub, const FeedCommit *commit, const MessageList *list)
{
	bool limited;
	if (sub->seq >= commit->seq)
		return;
	if (list->count > 0 && !subscriber_has_room(sub, &limited)) {
		fall_behind(hub, sub, commit->seq - 1);
		return;
	}
	if (commit_ends(sub, commit) || list->count == 0)
		return;
	if (!subscriber_push(sub, list->at, list->count)) {
		fall_behind(hub, sub, commit->seq - 1);
		return;
	}
	sub->seq = commit->seq;
	atomic_store(&sub->told_seq, commit->seq);
	sub->told_ns = clock_mono_ns();
}

static Status
tell_commit(void *arg, const FeedCommit *commit, Error *err)
{
	Telling *telling = arg;
	Group *group = telling->group;
	SCOPED(message_list_close) MessageList list = {0};
	TRY(messages_of_commit(group->query, group->form, commit, &telling->hub->work, &list, err));
	for (Subscriber *sub = group->members, *next; sub != NULL; sub = next) {
		next = sub->place.next;
		tell_one(telling->hub, sub, commit, &list);
	}
	return ST_OK;
}

// Nobody of the group can go on as it is: each reads by itself, and hears why.
static void
disband(Hub *hub, Group *group)
{
	uint64_t seq = group_seq(group);
	while (group->members != NULL) {
		Subscriber *sub = group->members;
		fall_behind(hub, sub, seq);
		sub->slow = false;
	}
}

void
group_advance(Hub *hub, Group *group)
{
	Telling telling = {.hub = hub, .group = group};
	FeedReader reader = {.commit = tell_commit, .arg = &telling};
	Error err = ERROR_INIT;
	uint64_t resume;
	Status st = feed_cursor_next(group->cursor, GROUP_SLICE, &reader, &resume, &err);
	group->stalled = st == ST_NO_MEMORY;
	if (st != ST_OK && st != ST_NO_MEMORY)
		disband(hub, group);
	if (group->members == NULL)
		group_free(hub, group);
}
