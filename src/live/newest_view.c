// newest_view.c - what a reader sees of a table's newest rows, from one moment on.

#include <string.h>

#include "base/mem.h"
#include "live/newest_int.h"

Status
newest_view_new_locked(NewestTable *t, NewestView **out, Error *err)
{
	NewestView *view = mem_alloc(sizeof(*view) + t->page_count * sizeof(NewestPage *));
	if (view == NULL)
		return error_no_memory(err, "newest rows");
	view->of = t;
	view->table = table_ref(t->table);
	view->epoch = t->epoch;
	view->generation = t->generation;
	view->version = t->version++;
	view->page_count = t->page_count;
	if (view->page_count > 0)
		memcpy(view->pages, t->pages, view->page_count * sizeof(NewestPage *));
	view->source_bytes = t->gathered_bytes;
	view->before = t->newest;
	*(t->newest != NULL ? &t->newest->after : &t->oldest) = view;
	t->newest = view;
	*out = view;
	return ST_OK;
}

Status
newest_view_acquire(NewestRows *all, Table *table, NewestView **out, Error *err)
{
	NewestTable *t = newest_table_find(table);
	*out = NULL;
	if (t != NULL && newest_is_known_locked(t))
		return newest_view_new_locked(t, out, err);
	// The first one who asks for a table after a start.
	if (t == NULL)
		TRY(newest_table_make(all, table, &t, err));
	if (t->state == NEWEST_DOUBT && !t->wanted) {
		t->wanted = true;
		all->wake(all->arg);
	}
	return ST_OK;
}

void
newest_view_release(NewestView *view)
{
	if (view == NULL)
		return;
	NewestTable *t = view->of;
	NewestRows *all = t->all;
	pthread_mutex_lock(&all->lock);
	*(view->before != NULL ? &view->before->after : &t->oldest) = view->after;
	*(view->after != NULL ? &view->after->before : &t->newest) = view->before;
	Retired *free = newest_collect_locked(t);
	pthread_mutex_unlock(&all->lock);
	newest_free_retired(all, free);
	table_unref(view->table);
	mem_free(view);
}

uint64_t
newest_view_bytes(const NewestView *view)
{
	return view->page_count * sizeof(NewestPage) + view->source_bytes;
}

Table *
newest_view_table(const NewestView *view)
{
	return view->table;
}

uint32_t
newest_view_series(const NewestView *view)
{
	return view->page_count * PAGE_SLOTS;
}

bool
newest_view_at(const NewestView *view, uint32_t series, NewestRow *out)
{
	if (series / PAGE_SLOTS >= view->page_count)
		return false;
	const NewestPage *page = view->pages[series / PAGE_SLOTS];
	const NewestSlot *slot = &page->slots[series % PAGE_SLOTS];
	if (page->epoch != view->epoch || slot->source == NULL)
		return false;
	*out = (NewestRow){slot->source->batch, slot->source->shape, slot->row, slot->time};
	return true;
}

Status
newest_view_check(const NewestView *view, Error *err)
{
	pthread_mutex_lock(&view->of->all->lock);
	bool broken = view->broken;
	pthread_mutex_unlock(&view->of->all->lock);
	return broken ? error_no_memory(err, "newest rows that are being changed") : ST_OK;
}
