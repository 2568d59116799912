// verdicts.c - verdicts by text: a table of chains, and a list by last use.

#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "sql/gate.h"

enum { MOST_VERDICTS = 1024, BUCKETS = 1024, LONGEST_TEXT = 64 << 10 };

typedef struct Entry {
	uint64_t hash;
	char *text;
	size_t len;
	Verdict *verdict;
	struct Entry *next; // in its bucket
	struct Entry *newer, *older;
} Entry;

struct Verdicts {
	pthread_mutex_t lock; // guards all below
	Entry *buckets[BUCKETS];
	Entry *newest, *oldest;
	int count;
};

Status
verdicts_new(Verdicts **out, Error *err)
{
	Verdicts *verdicts = mem_alloc(sizeof(*verdicts));
	if (verdicts == NULL)
		return error_no_memory(err, "verdicts");
	pthread_mutex_init(&verdicts->lock, NULL);
	*out = verdicts;
	return ST_OK;
}

static void
entry_free(Entry *entry)
{
	if (entry == NULL)
		return;
	verdict_unref(entry->verdict);
	mem_free(entry->text);
	mem_free(entry);
}

void
verdicts_free(Verdicts *verdicts)
{
	if (verdicts == NULL)
		return;
	for (Entry *older; verdicts->newest != NULL; verdicts->newest = older) {
		older = verdicts->newest->older;
		entry_free(verdicts->newest);
	}
	pthread_mutex_destroy(&verdicts->lock);
	mem_free(verdicts);
}

static void
unlink_use(Verdicts *verdicts, Entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &verdicts->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &verdicts->oldest) = entry->newer;
	entry->newer = entry->older = NULL;
}

static void
link_newest(Verdicts *verdicts, Entry *entry)
{
	entry->older = verdicts->newest;
	*(verdicts->newest != NULL ? &verdicts->newest->newer : &verdicts->oldest) = entry;
	verdicts->newest = entry;
}

static Entry **
find_link(Verdicts *verdicts, uint64_t hash, Slice text)
{
	Entry **link = &verdicts->buckets[hash % BUCKETS];
	while (*link != NULL &&
		   ((*link)->hash != hash || !slice_equal(text, slice_of((*link)->text, (*link)->len))))
		link = &(*link)->next;
	return link;
}

Verdict *
verdicts_find(Verdicts *verdicts, Slice text)
{
	uint64_t hash = hash64(text.data, text.len);
	pthread_mutex_lock(&verdicts->lock);
	Entry *entry = *find_link(verdicts, hash, text);
	Verdict *found = entry != NULL ? verdict_ref(entry->verdict) : NULL;
	if (entry != NULL) {
		unlink_use(verdicts, entry);
		link_newest(verdicts, entry);
	}
	pthread_mutex_unlock(&verdicts->lock);
	return found;
}

static Entry *
take_oldest(Verdicts *verdicts) // under the lock
{
	Entry *oldest = verdicts->oldest;
	Entry **link = find_link(verdicts, oldest->hash, slice_of(oldest->text, oldest->len));
	*link = oldest->next;
	unlink_use(verdicts, oldest);
	verdicts->count--;
	return oldest;
}

void
verdicts_add(Verdicts *verdicts, Slice text, Verdict *verdict)
{
	if (text.len > LONGEST_TEXT)
		return;
	Entry *entry = mem_alloc(sizeof(*entry));
	char *copy = mem_strndup((const char *)text.data, text.len);
	if (entry == NULL || copy == NULL) {
		mem_free(entry);
		mem_free(copy);
		return;
	}
	*entry = (Entry){.hash = hash64(text.data, text.len), .text = copy, .len = text.len};
	entry->verdict = verdict_ref(verdict);

	Entry *gone = NULL;
	pthread_mutex_lock(&verdicts->lock);
	Entry **link = find_link(verdicts, entry->hash, text);
	if (*link != NULL) { // another thread was faster
		gone = entry;
	} else {
		*link = entry;
		link_newest(verdicts, entry);
		if (++verdicts->count > MOST_VERDICTS)
			gone = take_oldest(verdicts);
	}
	pthread_mutex_unlock(&verdicts->lock);
	entry_free(gone);
}
