// Memory is a list of nodes, oldest first, and a ring of each table's own. What leaves is always
// the oldest of all, which is the first of its table's ring: from then on that table's past begins
// behind it.

#include "live/feed_int.h"

#include <string.h>

#include "base/mem.h"
#include "wal/wal_tail.h"

enum { NODE_BYTES = 256, LEAVE_AT_ONCE = 16 };

Status
feed_new(const FeedOptions *options, Feed **out, Error *err)
{
	Feed *feed = mem_alloc(sizeof(*feed));
	if (feed == NULL)
		return error_no_memory(err, "the feed");
	feed->wal = options->wal;
	feed->pool = options->pool;
	feed->memory_bytes = options->memory_bytes;
	memcpy(feed->epoch, options->epoch, sizeof(feed->epoch));
	atomic_init(&feed->head, options->head);
	feed->newest = &feed->oldest;
	pthread_mutex_init(&feed->following, NULL);
	pthread_mutex_init(&feed->lock, NULL);
	signal_init(&feed->moved);
	*out = feed;
	return ST_OK;
}

void
feed_free(Feed *feed)
{
	if (feed == NULL)
		return;
	for (int i = 0; i < FEED_SLOTS; i++)
		must(feed->slots[i] == NULL);
	pthread_mutex_destroy(&feed->following);
	pthread_mutex_destroy(&feed->lock);
	signal_close(&feed->moved);
	mem_free(feed);
}

FeedPosition
feed_head(const Feed *feed)
{
	FeedPosition head = {.seq = atomic_load(&feed->head)};
	memcpy(head.epoch, feed->epoch, sizeof(head.epoch));
	return head;
}

uint64_t
feed_earliest_seq(const Feed *feed)
{
	uint64_t seq = wal_earliest_seq(feed->wal);
	return seq != 0 ? seq : atomic_load(&feed->head) + 1;
}

bool
feed_covers(const Feed *feed, const FeedPosition *position)
{
	uint64_t head = atomic_load(&feed->head);
	return memcmp(position->epoch, feed->epoch, sizeof(feed->epoch)) == 0 &&
		   position->seq <= head &&
		   (position->seq == head || position->seq >= wal_readable_after(feed->wal));
}

// ---- nodes ----

static void
entry_close(FeedEntry *entry)
{
	batch_unref(entry->batch);
	shape_unref(entry->shape);
	table_def_unref(entry->def);
}

void
feed_node_unref(FeedNode *node)
{
	if (node == NULL || atomic_fetch_sub_explicit(&node->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (int32_t i = 0; i < node->count; i++)
		entry_close(&node->entries[i]);
	if (node->entries != &node->first)
		mem_free(node->entries);
	mem_free(node);
}

static FeedNode *
node_new(FeedFollow *follow, uint64_t seq)
{
	FeedNode *node = mem_alloc(sizeof(*node));
	if (node == NULL)
		return NULL;
	atomic_init(&node->refs, 1);
	node->seq = seq;
	node->bytes = NODE_BYTES;
	node->follow = follow;
	node->entries = &node->first;
	node->cap = 1;
	return node;
}

// False: no memory.
static bool
node_add(FeedNode *node, const FeedEntry *entry)
{
	if (node->count == node->cap) {
		FeedEntry *entries = mem_alloc_array((size_t)node->cap * 2, sizeof(*entries));
		if (entries == NULL)
			return false;
		memcpy(entries, node->entries, (size_t)node->count * sizeof(*entries));
		if (node->entries != &node->first)
			mem_free(node->entries);
		node->entries = entries;
		node->cap *= 2;
	}
	FeedEntry *own = &node->entries[node->count++];
	*own = *entry;
	if (own->batch != NULL)
		batch_ref(own->batch);
	if (own->shape != NULL)
		shape_ref(own->shape);
	if (own->def != NULL)
		table_def_ref(own->def);
	return true;
}

// ---- rings ----

static bool
ring_grow(FeedFollow *follow)
{
	uint32_t cap = follow->cap == 0 ? 16 : follow->cap * 2;
	FeedNode **ring = mem_alloc_array(cap, sizeof(*ring));
	if (ring == NULL)
		return false;
	for (uint32_t i = 0; i < follow->count; i++)
		ring[i] = ring_at(follow, i);
	mem_free(follow->ring);
	follow->ring = ring;
	follow->cap = cap;
	follow->first = 0;
	return true;
}

// The node of the newest commit, made where it is another one. NULL: no memory. Under the lock.
static FeedNode *
ring_node(Feed *feed, FeedFollow *follow, uint64_t seq)
{
	FeedNode *last = follow->count > 0 ? ring_at(follow, follow->count - 1) : NULL;
	if (last != NULL && last->seq == seq)
		return last;
	if (follow->count == follow->cap && !ring_grow(follow))
		return NULL;
	FeedNode *node = node_new(follow, seq);
	if (node == NULL)
		return NULL;
	follow->ring[(follow->first + follow->count++) & (follow->cap - 1)] = node;
	*feed->newest = node;
	feed->newest = &node->next;
	feed->bytes += node->bytes;
	return node;
}

// Takes the oldest out while memory is over its limit; what the caller unrefs, without the lock.
static int
take_oldest(Feed *feed, FeedNode *out[LEAVE_AT_ONCE])
{
	int count = 0;
	while (count < LEAVE_AT_ONCE && feed->bytes > feed->memory_bytes && feed->oldest != NULL) {
		FeedNode *node = feed->oldest;
		FeedFollow *follow = node->follow;
		feed->oldest = node->next;
		if (feed->oldest == NULL)
			feed->newest = &feed->oldest;
		feed->bytes -= node->bytes;
		follow->from = follow->from > node->seq ? follow->from : node->seq;
		follow->first++;
		follow->count--;
		out[count++] = node;
	}
	return count;
}

static void
keep_within_limit(Feed *feed)
{
	FeedNode *gone[LEAVE_AT_ONCE];
	int count;
	do {
		pthread_mutex_lock(&feed->lock);
		count = take_oldest(feed, gone);
		pthread_mutex_unlock(&feed->lock);
		for (int i = 0; i < count; i++)
			feed_node_unref(gone[i]);
	} while (count == LEAVE_AT_ONCE);
}

// ---- publishing ----

static FeedFollow **
slot_of(const Feed *feed, uint32_t table_id)
{
	FeedFollow **slot = (FeedFollow **)(uintptr_t)&feed->slots[table_id % FEED_SLOTS];
	while (*slot != NULL && (*slot)->table_id != table_id)
		slot = &(*slot)->next;
	return slot;
}

void
feed_begin(Feed *feed)
{
	pthread_mutex_lock(&feed->following);
	feed->pushed = false;
}

bool
feed_follows(const Feed *feed, uint32_t table_id)
{
	return *slot_of(feed, table_id) != NULL;
}

static void
push(Feed *feed, FeedFollow *follow, uint64_t seq, const FeedEntry *entry)
{
	pthread_mutex_lock(&feed->lock);
	FeedNode *node = ring_node(feed, follow, seq);
	if (node == NULL || !node_add(node, entry)) {
		follow->from = seq;
	} else if (entry->batch != NULL) {
		node->bytes += batch_held_bytes(entry->batch);
		feed->bytes += batch_held_bytes(entry->batch);
	}
	pthread_mutex_unlock(&feed->lock);
	feed->pushed = true;
}

void
feed_push(Feed *feed, uint32_t table_id, uint64_t seq, const FeedEntry *entry)
{
	FeedFollow *follow = *slot_of(feed, table_id);
	if (follow != NULL)
		push(feed, follow, seq, entry);
}

void
feed_push_drops(Feed *feed, uint64_t seq)
{
	for (int i = 0; i < FEED_SLOTS; i++) {
		for (FeedFollow *follow = feed->slots[i]; follow != NULL; follow = follow->next) {
			if (table_dropped(follow->table))
				push(feed, follow, seq, &(FeedEntry){.kind = FEED_DROP});
		}
	}
}

void
feed_publish(Feed *feed, uint64_t seq)
{
	atomic_store(&feed->head, seq);
	bool pushed = feed->pushed;
	if (pushed)
		keep_within_limit(feed);
	pthread_mutex_unlock(&feed->following);
	if (pushed)
		signal_raise(&feed->moved);
}

// ---- waiting ----

void
feed_wait(Feed *feed, int64_t until_ns)
{
	(void)signal_wait(&feed->moved, until_ns);
}

void
feed_wake(Feed *feed)
{
	signal_raise(&feed->moved);
}

// ---- following ----

FeedFollow *
feed_follow(Feed *feed, Table *table)
{
	SCOPED(table_def_drop) TableDef *def = table_current(table);
	pthread_mutex_lock(&feed->following);
	FeedFollow **slot = slot_of(feed, table_id(def));
	FeedFollow *follow = *slot;
	if (follow == NULL && (follow = mem_alloc(sizeof(*follow))) != NULL) {
		follow->table_id = table_id(def);
		follow->table = table_ref(table);
		follow->from = atomic_load(&feed->head);
		*slot = follow;
	}
	if (follow != NULL)
		follow->cursors++;
	pthread_mutex_unlock(&feed->following);
	return follow;
}

// Takes its nodes out of the list of all; they are linked by `next` then.
static FeedNode *
take_nodes(Feed *feed, const FeedFollow *follow)
{
	FeedNode *taken = NULL, **tail = &taken;
	FeedNode **at = &feed->oldest;
	while (*at != NULL) {
		FeedNode *node = *at;
		if (node->follow != follow) {
			at = &node->next;
			continue;
		}
		*at = node->next;
		feed->bytes -= node->bytes;
		node->next = NULL;
		*tail = node;
		tail = &node->next;
	}
	feed->newest = at;
	return taken;
}

void
feed_unfollow(Feed *feed, FeedFollow *follow)
{
	FeedNode *nodes = NULL;
	pthread_mutex_lock(&feed->following);
	bool last = --follow->cursors == 0;
	if (last) {
		*slot_of(feed, follow->table_id) = follow->next;
		pthread_mutex_lock(&feed->lock);
		nodes = take_nodes(feed, follow);
		pthread_mutex_unlock(&feed->lock);
	}
	pthread_mutex_unlock(&feed->following);
	while (nodes != NULL) {
		FeedNode *next = nodes->next;
		feed_node_unref(nodes);
		nodes = next;
	}
	if (!last)
		return;
	table_unref(follow->table);
	mem_free(follow->ring);
	mem_free(follow);
}
