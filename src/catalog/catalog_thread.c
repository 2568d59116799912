// catalog_thread.c - the catalog's thread and the queue before it.
//
// Two kinds of work: changes of schema, which nobody waits for, and calls somebody does wait for. A
// call finds everything done that was queued before it.

#include "base/log.h"
#include "catalog/catalog_int.h"
#include "os/clock.h"

#define RETRY_AFTER_NS INT64_C(1000000000)

// ---- changes ----

static Status
write_adopted(sqlite3 *db, const CatalogChange *change, Error *err)
{
	for (int32_t i = 0; i < change->file_count; i++) {
		FileMeta file = change->files[i];
		file.min_seq = file.max_seq = change->seq;
		TRY(catalog_write_file(db, &file, err));
	}
	return catalog_write_last_id(db, change->tables[0], change->last_id, err);
}

static Status
write_change(sqlite3 *db, const CatalogChange *change, Error *err)
{
	switch (change->kind) {
	case CHANGE_DEFINE: return catalog_write_define(db, change->define, err);
	case CHANGE_DROP: return catalog_write_drop(db, change->tables[0], err);
	case CHANGE_TRUNCATE:
		return catalog_write_truncate(
			db, &(CatalogFlushed){change->tables[0], change->seq, change->last_id}, err);
	case CHANGE_ADOPT: return write_adopted(db, change, err);
	case CHANGE_DATABASE: return catalog_write_database(db, change->database, err);
	case CHANGE_DROP_DATABASE:
		for (int32_t i = 0; i < change->table_count; i++)
			TRY(catalog_write_drop(db, change->tables[i], err));
		return catalog_remove_database(db, change->database, err);
	}
	return ST_OK;
}

static Status
write_changes(sqlite3 *db, void *arg, Error *err)
{
	uint64_t last = 0;
	for (const CatalogChange *change = arg; change != NULL; change = change->next) {
		TRY(write_change(db, change, err));
		last = change->seq;
	}
	// A start may bring one again that was in before others.
	int64_t applied = 0;
	TRY(catalog_get_meta(db, "applied_seq", &applied, err));
	return last > (uint64_t)applied ? catalog_set_meta(db, "applied_seq", (int64_t)last, err)
									: ST_OK;
}

void
catalog_free_changes(CatalogChange *first, bool durable)
{
	for (CatalogChange *next; first != NULL; first = next) {
		next = first->next;
		if (durable && first->then != NULL) {
			first->then(first->arg, true);
			first->then = NULL;
		}
		catalog_change_free(first);
	}
}

static CatalogChange *
take_changes(Catalog *catalog, CatalogChange ***tail)
{
	pthread_mutex_lock(&catalog->lock);
	CatalogChange *all = TAKE(catalog->changes);
	*tail = catalog->changes_tail;
	catalog->changes_tail = &catalog->changes;
	pthread_mutex_unlock(&catalog->lock);
	return all;
}

static void
put_back(Catalog *catalog, CatalogChange *all, CatalogChange **tail)
{
	pthread_mutex_lock(&catalog->lock);
	*tail = catalog->changes;
	if (catalog->changes == NULL)
		catalog->changes_tail = tail;
	catalog->changes = all;
	pthread_mutex_unlock(&catalog->lock);
}

static void
note_applied(Catalog *catalog, uint64_t last)
{
	if (last > atomic_load(&catalog->applied_seq))
		atomic_store(&catalog->applied_seq, last);
	pthread_mutex_lock(&catalog->lock);
	catalog->first_seq = catalog->changes != NULL ? catalog->changes->seq : 0;
	pthread_mutex_unlock(&catalog->lock);
}

static Status
transact(Catalog *catalog, CatalogRun *run, void *arg, Error *err)
{
	TRY(catalog_transaction(catalog->db, run, arg, err));
	atomic_fetch_add(&catalog->generation, 1);
	return ST_OK;
}

// All that is queued, in one transaction. On failure it stays queued, and so does everything behind
// it.
static Status
apply_changes(Catalog *catalog, Error *err)
{
	CatalogChange **tail;
	CatalogChange *all = take_changes(catalog, &tail);
	if (all == NULL)
		return ST_OK;
	uint64_t last = 0;
	for (const CatalogChange *change = all; change != NULL; change = change->next)
		last = change->seq;
	Status st = transact(catalog, write_changes, all, err);
	if (st != ST_OK) {
		log_error("catalog write failed", "error=\"%s\"", err->text);
		put_back(catalog, all, tail);
		return st;
	}
	note_applied(catalog, last);
	catalog_free_changes(all, true);
	return ST_OK;
}

// ---- calls ----

// `behind`: what earlier changes failed with. A full disk is told as one, or nobody would free
// space.
static Status
answer(Catalog *catalog, const CatalogCall *call, Status behind, const Error *why)
{
	if (behind != ST_OK)
		return error_set(call->err, behind, "%.400s; earlier changes wait for it", why->text);
	return call->kind == CALL_LOOKS ? call->run(catalog->db, call->arg, call->err)
									: transact(catalog, call->run, call->arg, call->err);
}

static void
answer_calls(Catalog *catalog, CatalogCall *call, Status behind, const Error *why)
{
	for (CatalogCall *next; call != NULL; call = next) {
		next = call->next; // answering gives the node back to who waits
		call->status = answer(catalog, call, behind, why);
		signal_raise(&call->done);
	}
}

Status
catalog_call(Catalog *catalog, CallKind kind, CatalogRun *run, void *arg, Error *err)
{
	CatalogCall call = {.kind = kind, .run = run, .arg = arg, .err = err};
	signal_init(&call.done);
	pthread_mutex_lock(&catalog->lock);
	*catalog->calls_tail = &call;
	catalog->calls_tail = &call.next;
	pthread_mutex_unlock(&catalog->lock);
	signal_raise(&catalog->wake);
	(void)signal_wait(&call.done, INT64_MAX);
	signal_close(&call.done);
	return call.status;
}

void
catalog_run(void *arg)
{
	Catalog *catalog = arg;
	for (;;) {
		pthread_mutex_lock(&catalog->lock);
		bool stopping = catalog->stopping;
		CatalogCall *calls = TAKE(catalog->calls);
		catalog->calls_tail = &catalog->calls;
		pthread_mutex_unlock(&catalog->lock);

		Error err = ERROR_INIT;
		Status st = apply_changes(catalog, &err);
		answer_calls(catalog, calls, st, &err);
		if (stopping && calls == NULL)
			return;
		if (calls == NULL)
			(void)signal_wait(&catalog->wake,
							  st == ST_OK ? INT64_MAX : clock_mono_ns() + RETRY_AFTER_NS);
	}
}
