// embedded.c - mobius.h over the engine: appends and queries of the process itself.

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/embedded_int.h"
#include "engine/insert.h"
#include "engine/result.h"

const char *
mobius_version(void)
{
	return MOBIUS_VERSION;
}

// ---- append ----

// table, database.table, or as SQL has it htdb.table and database.htdb.table: no database can be
// called htdb.
static Status
split_name(const char *table, char **database, const char **name, Error *err)
{
	const char *last = strrchr(table, '.');
	size_t len = last == NULL ? 0 : (size_t)(last - table);
	const char *schema = last == NULL ? NULL : memrchr(table, '.', len);
	const char *schema_at = schema == NULL ? table : schema + 1;
	size_t schema_len = last == NULL ? 0 : (size_t)(last - schema_at);
	bool history = schema_len == 4 && memcmp(schema_at, "htdb", 4) == 0;
	if (schema != NULL && !history)
		return error_set(err, ST_INVALID,
						 "\"%.300s\" is no table's name; write table, database.table or "
						 "database.htdb.table",
						 table);
	*name = last == NULL ? table : last + 1;
	if (history && schema != NULL)
		len = (size_t)(schema - table);
	bool named = last != NULL && (!history || schema != NULL);
	*database = named ? mem_strndup(table, len) : mem_strdup(DEFAULT_DATABASE);
	return *database == NULL ? error_no_memory(err, "an append") : ST_OK;
}

static Status
append(mobius *db, const PutTarget *to, const struct ArrowSchema *schema, struct ArrowArray *array,
	   uint64_t *seq, int64_t *first_id, Error *err)
{
	SCOPED(schema_drop) Schema *sent = NULL;
	TRY(cdata_import_schema(schema, &sent, err));
	SCOPED(batch_drop) Batch *batch = NULL;
	TRY(cdata_import_batch(array, sent, db->pool, &batch, err));

	PutTarget target = *to;
	target.wire = sent;
	return embedded_put(db, &target, batch, &(InsertSource){0}, seq, first_id, err);
}

Status
embedded_put(mobius *db, const PutTarget *to, Batch *batch, const InsertSource *from, uint64_t *seq,
			 int64_t *first_id, Error *err)
{
	PutTarget target = *to;
	target.decoded = batch_schema(batch);
	SCOPED(table_drop_ref) Table *found = NULL;
	SCOPED(shape_drop) Shape *shape = NULL;
	TRY(define_for_put(db, &target, &found, &shape, err));
	if (batch_rows(batch) == 0) {
		if (seq != NULL)
			*seq = 0;
		if (first_id != NULL)
			*first_id = 0;
		return ST_OK;
	}
	SCOPED(insert_plan_close) InsertPlan plan = {0};
	insert_plan_init(&plan, found, shape, batch_schema(batch));
	return insert_batch(db, &plan, batch, from, seq, first_id, err);
}

Status
embedded_append(mobius *db, const PutTarget *to, struct ArrowSchema *schema,
				struct ArrowArray *array, uint64_t *seq, int64_t *first_id, Error *err)
{
	Status st = append(db, to, schema, array, seq, first_id, err);
	embedded_release(schema, array);
	return st;
}

void
embedded_release(struct ArrowSchema *schema, struct ArrowArray *array)
{
	// Both are the callee's from the start; an array that was imported has released itself.
	if (schema->release != NULL)
		schema->release(schema);
	if (array != NULL && array->release != NULL)
		array->release(array);
}

static Status
append_by_name(mobius *db, const char *table, struct ArrowSchema *schema, struct ArrowArray *array,
			   uint64_t *seq, Error *err)
{
	TRY(database_ready(db, err));
	SCOPED(mem_drop) char *database = NULL;
	const char *name = NULL;
	TRY(split_name(table, &database, &name, err));
	return embedded_append(db, &(PutTarget){.database = database, .table = name}, schema, array,
						   seq, NULL, err);
}

mobius_status
mobius_append(mobius *db, const char *table, struct ArrowSchema *schema, struct ArrowArray *array,
			  uint64_t *seq, mobius_error *err)
{
	Error e = ERROR_INIT;
	Status st = append_by_name(db, table, schema, array, seq, &e);
	embedded_release(schema, array); // nothing is left to release but where it failed early
	return error_out(st, &e, err);
}

// ---- query ----

// An ArrowArrayStream over a result: next() waits for the workers.
typedef struct ResultStream {
	mobius_session *session;
	mobius_result *result;
	Signal event;
	Schema *schema;
	char error[sizeof(((Error *)0)->text)];
} ResultStream;

static void
result_event(void *arg)
{
	signal_raise(arg);
}

// The next frame, waited for.
static mobius_next
wait_next(ResultStream *stream, mobius_frame *frame)
{
	mobius_next next;
	while ((next = mobius_result_next(stream->result, frame)) == MOBIUS_NEXT_WAIT)
		(void)signal_wait(&stream->event, INT64_MAX);
	return next;
}

static int
stream_failed(ResultStream *stream, const char *text)
{
	(void)snprintf(stream->error, sizeof(stream->error), "%s", text);
	return EIO;
}

static int
stream_get_schema(struct ArrowArrayStream *arrow, struct ArrowSchema *out)
{
	ResultStream *stream = arrow->private_data;
	Error e = ERROR_INIT;
	return cdata_export_schema(stream->schema, out, &e) == ST_OK ? 0
																 : stream_failed(stream, e.text);
}

static int
stream_get_next(struct ArrowArrayStream *arrow, struct ArrowArray *out)
{
	ResultStream *stream = arrow->private_data;
	mobius_frame frame;
	*out = (struct ArrowArray){0};
	switch (wait_next(stream, &frame)) {
	case MOBIUS_NEXT_END: return 0;
	case MOBIUS_NEXT_FAILED:
		return stream_failed(stream, mobius_result_error(stream->result)->text);
	case MOBIUS_NEXT_WAIT:
	case MOBIUS_NEXT_FRAME: break;
	}
	Error e = ERROR_INIT;
	return cdata_export_batch(result_batch(stream->result), out, &e) == ST_OK
			   ? 0
			   : stream_failed(stream, e.text);
}

static const char *
stream_last_error(struct ArrowArrayStream *arrow)
{
	const ResultStream *stream = arrow->private_data;
	return stream->error[0] != '\0' ? stream->error : NULL;
}

static void
stream_free(ResultStream *stream)
{
	if (stream == NULL)
		return;
	mobius_result_close(stream->result);
	mobius_session_unref(stream->session);
	schema_unref(stream->schema);
	signal_close(&stream->event);
	mem_free(stream);
}

static void
stream_drop(ResultStream **stream)
{
	stream_free(*stream);
}

static void
stream_release(struct ArrowArrayStream *arrow)
{
	stream_free(arrow->private_data);
	arrow->release = NULL;
}

// What fails before the first row fails here, with its code and position.
static mobius_status
open_stream(mobius *db, const char *sql, ResultStream **out, mobius_error *err)
{
	Error e = ERROR_INIT;
	SCOPED(stream_drop) ResultStream *stream = mem_alloc(sizeof(*stream));
	if (stream == NULL)
		return error_out(error_no_memory(&e, "a result"), &e, err);
	signal_init(&stream->event);
	mobius_status st = mobius_session_open(db, &stream->session, err);
	if (st == MOBIUS_OK)
		st = mobius_result_open(stream->session, sql, strlen(sql), MOBIUS_ROWS, 0,
								(mobius_event){result_event, &stream->event}, &stream->result, err);
	if (st != MOBIUS_OK)
		return st;
	mobius_frame frame;
	if (wait_next(stream, &frame) != MOBIUS_NEXT_FRAME) {
		const mobius_error *cause = mobius_result_error(stream->result);
		if (err != NULL)
			*err = *cause;
		return cause->code;
	}
	Status decoded =
		ipc_schema_decode(slice_in(mobius_result_schema(stream->result)), &stream->schema, &e);
	if (decoded != ST_OK)
		return error_out(decoded, &e, err);
	*out = TAKE(stream);
	return MOBIUS_OK;
}

mobius_status
mobius_query(mobius *db, const char *sql, struct ArrowArrayStream *out, mobius_error *err)
{
	ResultStream *stream = NULL;
	mobius_status st = open_stream(db, sql, &stream, err);
	if (st != MOBIUS_OK)
		return st;
	*out = (struct ArrowArrayStream){stream_get_schema, stream_get_next, stream_last_error,
									 stream_release, stream};
	return MOBIUS_OK;
}

mobius_status
mobius_tables(mobius *db, struct ArrowArrayStream *out, mobius_error *err)
{
	return mobius_query(db, "SELECT * FROM system.tables ORDER BY database, name", out, err);
}

// ---- settings, as others see them ----

const mobius_setting *
mobius_setting_at(size_t i)
{
	static_assert(sizeof(mobius_setting) == sizeof(SettingDef), "a setting is shown as it is");
	return (const mobius_setting *)settings_at(i);
}

mobius_status
mobius_settings_check(const char *const *settings, mobius_error *err)
{
	SCOPED(settings_close) Settings parsed = {0};
	Error e = ERROR_INIT;
	return error_out(settings_parse(settings, &parsed, &e), &e, err);
}

uint64_t
mobius_setting_number(mobius *db, const char *key)
{
	return settings_number(&db->settings, key);
}

const char *
mobius_setting_text(mobius *db, const char *key)
{
	return settings_text(&db->settings, key);
}
