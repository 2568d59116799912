#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "engine/database_int.h"

static Status
open_session(mobius *db, const char *database, mobius_session **out, Error *err)
{
	mobius_session *session = mem_alloc(sizeof(*session));
	char *copy = mem_strdup(database);
	if (session == NULL || copy == NULL) {
		mem_free(session);
		mem_free(copy);
		return error_no_memory(err, "a session");
	}
	atomic_init(&session->refs, 1);
	session->db = db;
	session->database = copy;
	*out = session;
	return ST_OK;
}

mobius_status
mobius_session_open(mobius *db, mobius_session **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_session(db, DEFAULT_DATABASE, out, &e), &e, err);
}

static Status
open_session_in(mobius *db, const char *database, mobius_session **out, Error *err)
{
	TRY(database_ready(db, err));
	if (!store_has_database(db->store, database))
		return error_set(err, ST_NOT_FOUND,
						 "there is no database \"%.127s\"; SHOW DATABASES lists them", database);
	return open_session(db, database, out, err);
}

mobius_status
mobius_session_in(mobius *db, const char *database, mobius_session **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	return error_out(open_session_in(db, database, out, &e), &e, err);
}

mobius_session *
mobius_session_ref(mobius_session *session)
{
	atomic_fetch_add_explicit(&session->refs, 1, memory_order_relaxed);
	return session;
}

void
mobius_session_unref(mobius_session *session)
{
	if (session == NULL || atomic_fetch_sub_explicit(&session->refs, 1, memory_order_acq_rel) > 1)
		return;
	mem_free(session->database);
	mem_free(session);
}

// ---- what both headers share ----

mobius_status
error_out(Status status, const Error *err, mobius_error *out)
{
	static_assert(sizeof(mobius_error) == sizeof(Error), "errors are the same on both sides");
	static_assert((int)MOBIUS_INTERNAL == (int)ST_INTERNAL, "and so are their codes");
	if (out != NULL && status != ST_OK) {
		out->code = (mobius_status)status;
		out->position = err->position;
		memcpy(out->text, err->text, sizeof(out->text));
	}
	return (mobius_status)status;
}

mobius_pool *
mobius_io_pool(mobius *db)
{
	return db->pool;
}

mobius_bytes *
mobius_bytes_ref(mobius_bytes *bytes)
{
	return bytes_ref(bytes);
}

void
mobius_bytes_unref(mobius_bytes *bytes)
{
	bytes_unref(bytes);
}
