#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "live/newest_int.h"

// ---- of a database ----

Status
newest_rows_new(const NewestOptions *options, NewestRows **out, Error *err)
{
	NewestRows *all = mem_alloc(sizeof(*all));
	if (all == NULL)
		return error_no_memory(err, "newest rows");
	pthread_mutex_init(&all->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&all->settled, &monotonic);
	pthread_condattr_destroy(&monotonic);
	all->limit = options->limit;
	all->wake = options->wake;
	all->arg = options->arg;
	*out = all;
	return ST_OK;
}

void
newest_rows_free(NewestRows *all)
{
	if (all == NULL)
		return;
	pthread_mutex_destroy(&all->lock);
	pthread_cond_destroy(&all->settled);
	mem_free(all);
}

void
newest_rows_lock(NewestRows *all)
{
	pthread_mutex_lock(&all->lock);
}

void
newest_rows_unlock(NewestRows *all)
{
	pthread_mutex_unlock(&all->lock);
}

bool
newest_charge(NewestRows *all, uint64_t bytes)
{
	if (atomic_fetch_add(&all->bytes, bytes) + bytes <= all->limit)
		return true;
	atomic_fetch_sub(&all->bytes, bytes);
	return false;
}

void
newest_release(NewestRows *all, uint64_t bytes)
{
	atomic_fetch_sub(&all->bytes, bytes);
}

// ---- sources ----

Status
newest_source_new(Shape *shape, NewestSource **out, Error *err)
{
	NewestSource *source = mem_alloc(sizeof(*source));
	if (source == NULL)
		return error_no_memory(err, "newest rows");
	source->retired.is_source = true;
	source->shape = shape_ref(shape);
	*out = source;
	return ST_OK;
}

void
newest_source_free(NewestRows *all, NewestSource *source)
{
	if (source == NULL)
		return;
	if (source->gathered)
		newest_release(all, batch_held_bytes(source->batch));
	batch_unref(source->batch);
	shape_unref(source->shape);
	mem_free(source);
}

// ---- what views may still look at ----

void
newest_retire_locked(NewestTable *t, Retired *retired)
{
	retired->before = t->version;
	retired->next = t->retired;
	t->retired = retired;
}

Retired *
newest_collect_locked(NewestTable *t)
{
	Retired *free = NULL;
	for (Retired **at = &t->retired, *one; (one = *at) != NULL;) {
		if (t->oldest != NULL && t->oldest->version < one->before) {
			at = &one->next;
			continue;
		}
		*at = one->next;
		one->next = free;
		free = one;
	}
	return free;
}

void
newest_free_retired(NewestRows *all, Retired *list)
{
	for (Retired *next; list != NULL; list = next) {
		next = list->next;
		if (list->is_source) {
			newest_source_free(all, (NewestSource *)list);
			continue;
		}
		newest_release(all, sizeof(NewestPage));
		mem_free(list);
	}
}

// ---- a table's ----

static void
free_table(void *what)
{
	NewestTable *t = what;
	NewestRows *all = t->all;
	newest_free_retired(all, t->retired);
	newest_hits_free_all(t->hits);
	newest_hits_free_all(t->over);
	for (uint32_t i = 0; i < t->page_count; i++) {
		newest_release(all, sizeof(NewestPage));
		mem_free(t->pages[i]);
	}
	for (NewestSource *next; t->sources != NULL; t->sources = next) {
		next = t->sources->next;
		newest_source_free(all, t->sources);
	}
	mem_free(t->pages);
	mem_free(t);
}

NewestTable *
newest_table_find(const Table *table)
{
	return table_attached(table);
}

Status
newest_table_make(NewestRows *all, Table *table, NewestTable **out, Error *err)
{
	*out = newest_table_find(table);
	if (*out != NULL)
		return ST_OK;
	NewestTable *t = mem_alloc(sizeof(*t));
	if (t == NULL)
		return error_no_memory(err, "newest rows");
	t->all = all;
	t->table = table;
	t->version = 1;
	if (!table_attach(table, t, free_table))
		mem_free(t);
	*out = newest_table_find(table);
	return ST_OK;
}

static Status
make_pages(NewestTable *t, uint32_t from, uint32_t to, NewestPage **pages, Error *err)
{
	for (uint32_t i = from; i < to; i++) {
		if (!newest_charge(t->all, sizeof(NewestPage)))
			return error_set(err, ST_LIMIT, "rtdb.limit is used up");
		pages[i - from] = mem_alloc(sizeof(NewestPage));
		if (pages[i - from] != NULL)
			continue;
		newest_release(t->all, sizeof(NewestPage));
		return error_no_memory(err, "newest rows");
	}
	return ST_OK;
}

// Puts in what it lacks of `pages`, which are those from `from` to `to`; the rest stays there.
// `more`: a larger list, if it needs one, and then the one that it had.
static void
add_pages_locked(NewestTable *t, NewestPage **pages, uint32_t from, uint32_t to, NewestPage ***more,
				 uint32_t room)
{
	if (room > t->page_room) {
		if (t->page_count > 0)
			memcpy(*more, t->pages, t->page_count * sizeof(NewestPage *));
		NewestPage **old = t->pages;
		t->pages = *more;
		t->page_room = room;
		*more = old;
	}
	for (uint32_t i = t->page_count; i < to; i++) {
		NewestPage *page = TAKE(pages[i - from]);
		page->version = t->version;
		page->epoch = t->epoch;
		t->pages[i] = page;
	}
	if (to > t->page_count)
		atomic_store(&t->page_count, to);
}

Status
newest_table_make_room(NewestTable *t, uint32_t count, Error *err)
{
	uint32_t to = (count + PAGE_SLOTS - 1) / PAGE_SLOTS, from = atomic_load(&t->page_count);
	if (to <= from)
		return ST_OK;
	uint32_t room = to + to / 2 + 1;
	SCOPED(mem_drop) NewestPage **pages = mem_alloc_array(to - from, sizeof(*pages));
	SCOPED(mem_drop) NewestPage **more = mem_alloc_array(room, sizeof(*more));
	Status st = pages == NULL || more == NULL ? error_no_memory(err, "newest rows")
											  : make_pages(t, from, to, pages, err);
	pthread_mutex_lock(&t->all->lock);
	// One that was turned off meanwhile has no pages, and needs none.
	if (st == ST_OK && t->state != NEWEST_OFF && t->page_count >= from)
		add_pages_locked(t, pages, from, to, &more, room);
	pthread_mutex_unlock(&t->all->lock);
	for (uint32_t i = 0; pages != NULL && i < to - from; i++) {
		if (pages[i] != NULL)
			newest_release(t->all, sizeof(NewestPage));
		mem_free(pages[i]);
	}
	return st;
}

static void
retire_sources_locked(NewestTable *t)
{
	t->last = NULL;
	t->gathered_bytes = 0;
	for (NewestSource *next; t->sources != NULL; t->sources = next) {
		next = t->sources->next;
		newest_retire_locked(t, &t->sources->retired);
	}
}

static void
empty_locked(NewestTable *t)
{
	t->epoch++;
	t->generation++;
	newest_hits_end_locked(t);
	retire_sources_locked(t);
}

void
newest_turn_off_locked(NewestTable *t, const char *why)
{
	if (t->state == NEWEST_OFF)
		return;
	t->state = NEWEST_OFF;
	t->why = why;
	atomic_store(&t->off, true);
	empty_locked(t);
	for (uint32_t i = 0; i < t->page_count; i++)
		newest_retire_locked(t, &t->pages[i]->retired);
	atomic_store(&t->page_count, 0);
}

// Without memory for a copy those who look at the page are told, and it is changed as it is.
static NewestPage *
copy_page_locked(NewestTable *t, uint32_t at)
{
	NewestPage *page = t->pages[at];
	NewestPage *copy = mem_copy(page, sizeof(*page));
	if (copy == NULL) {
		for (NewestView *view = t->oldest; view != NULL; view = view->after)
			view->broken = true;
		return page;
	}
	atomic_fetch_add(&t->all->bytes, sizeof(*copy)); // for as long as views look at the other
	copy->version = t->version;
	t->pages[at] = copy;
	newest_retire_locked(t, &page->retired);
	return copy;
}

NewestSlot *
newest_slot_locked(NewestTable *t, uint32_t series)
{
	uint32_t at = series / PAGE_SLOTS;
	NewestPage *page = t->pages[at];
	if (t->newest != NULL && page->version <= t->newest->version)
		page = copy_page_locked(t, at);
	if (page->epoch != t->epoch) {
		memset(page->slots, 0, sizeof(page->slots));
		page->epoch = t->epoch;
	}
	return &page->slots[series % PAGE_SLOTS];
}

// ---- what else happens to a table ----

void
newest_rows_doubt(NewestRows *all, Table *table)
{
	(void)all;
	NewestTable *t = newest_table_find(table);
	if (t == NULL || t->state == NEWEST_OFF)
		return;
	empty_locked(t);
	t->state = NEWEST_DOUBT;
}

void
newest_rows_delete(NewestRows *all, Table *table, DeleteReach reach, NewestHits **hits)
{
	NewestTable *t = newest_table_find(table);
	if (t == NULL || t->state == NEWEST_OFF || reach == DELETE_OLDER)
		return;
	if (reach == DELETE_SOME && *hits != NULL && t->state == NEWEST_KNOWN) {
		newest_hits_enter_locked(t, TAKE(*hits));
		all->wake(all->arg);
		return;
	}
	empty_locked(t);
	t->state = reach == DELETE_ALL ? NEWEST_KNOWN : NEWEST_DOUBT;
}

bool
newest_rows_know(NewestRows *all, Table *table)
{
	NewestTable *t = newest_table_find(table);
	if (t == NULL)
		return false;
	pthread_mutex_lock(&all->lock);
	bool known = newest_is_known_locked(t);
	pthread_mutex_unlock(&all->lock);
	return known;
}

void
newest_rows_state(NewestRows *all, Table *table, Buf *out)
{
	NewestTable *t = newest_table_find(table);
	pthread_mutex_lock(&all->lock);
	NewestState state = t == NULL ? NEWEST_DOUBT : t->state;
	bool hit = t != NULL && t->hits != NULL;
	const char *why = t == NULL ? NULL : t->why;
	pthread_mutex_unlock(&all->lock);
	if (state == NEWEST_OFF)
		buf_add_printf(out, "off: %s", why);
	else
		buf_add_text(out, state == NEWEST_KNOWN && !hit ? "on" : "in doubt");
}
