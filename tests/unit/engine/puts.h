// puts.h - a put as a server makes it: messages in, counts out, and events in between.

#pragma once

#include "support.h"

typedef struct Put {
	mobius_put *put;
	Watch watch;
	Schema *schema;
	mobius_put_state state;
} Put;

static inline mobius_status
try_put(Fixture *fx, Put *p, const mobius_put_options *given, Schema *schema, mobius_error *err)
{
	*p = (Put){.schema = schema_ref(schema)};
	Error e = ERROR_INIT;
	SCOPED(buf_close) Buf message = BUF_INIT;
	ok(ipc_write_schema(schema, &message, &e), &e);
	mobius_put_options options = *given;
	options.message = (mobius_slice){message.data, message.len};
	options.event = watch_init(&p->watch);
	return mobius_put_open(fx->session, &options, &p->put, err);
}

static inline void
put_start(Fixture *fx, Put *p, const char *table, Schema *schema)
{
	mobius_error err = {0};
	mobius_put_options options = {.table = table};
	fine(try_put(fx, p, &options, schema, &err), &err);
}

static inline void
put_stop(Put *p)
{
	mobius_put_close(p->put);
	watch_close(&p->watch);
	schema_unref(p->schema);
}

static inline void
put_push(Put *p, Batch *batch, const char *app_metadata, size_t wire_bytes)
{
	Error err = ERROR_INIT;
	IpcMessage message = IPC_MESSAGE_INIT;
	Bytes *body = NULL;
	ok(ipc_write_batch(batch, &message, &err), &err);
	ok(ipc_message_body(&message, NULL, &body, &err), &err);
	size_t len = app_metadata == NULL ? 0 : strlen(app_metadata);
	mobius_put_push(p->put, (mobius_slice){message.metadata.data, message.metadata.len}, body,
					(mobius_slice){(const uint8_t *)app_metadata, len}, wire_bytes);
	ipc_message_close(&message);
}

static inline void
put_rows(Put *p, int64_t from, int64_t count, const char *app_metadata)
{
	SCOPED(batch_drop) Batch *batch = rows_batch(p->schema, from, count);
	put_push(p, batch, app_metadata, 100);
}

// Waits until `reached` holds of the state, or it failed.
static inline void
put_until(Put *p, bool (*reached)(const mobius_put_state *state, uint64_t n), uint64_t n)
{
	for (;;) {
		mobius_put_poll(p->put, &p->state);
		if (p->state.failed || reached(&p->state, n))
			return;
		watch_wait(&p->watch);
	}
}

static inline bool
is_ready(const mobius_put_state *state, uint64_t n)
{
	(void)n;
	return state->ready;
}

static inline bool
has_batches(const mobius_put_state *state, uint64_t n)
{
	return state->batches >= n;
}

static inline bool
is_finished(const mobius_put_state *state, uint64_t n)
{
	(void)n;
	return state->finished;
}

static inline void
put_ready(Put *p)
{
	put_until(p, is_ready, 0);
	fine(p->state.failed ? p->state.error.code : MOBIUS_OK, &p->state.error);
}

static inline void
put_finish(Put *p)
{
	mobius_put_end(p->put);
	put_until(p, is_finished, 0);
	fine(p->state.failed ? p->state.error.code : MOBIUS_OK, &p->state.error);
	assert_true(p->state.finished);
}

static inline void
put_fails(Put *p, mobius_status code, const char *part)
{
	put_until(p, is_finished, 0);
	assert_true(p->state.failed);
	assert_int_equal(p->state.error.code, code);
	says(p->state.error.text, part);
}

static inline void
result_says(Put *p, const char *part)
{
	char text[1024] = "";
	size_t need = mobius_put_result_json(p->put, &p->state, text, sizeof(text) - 1);
	assert_true(need > 0 && need < sizeof(text));
	says(text, part);
}
