// puts.c - puts of one request: each is one batch into one table.

#include "arrow/ipc_write.h"
#include "base/mem.h"
#include "web/web_int.h"

struct WebPut {
	mobius_put *put;
	bool finished;
};

static struct WebPut *
make_room(WebPuts *puts)
{
	if (puts->count == puts->cap) {
		int32_t cap = puts->cap == 0 ? 8 : puts->cap * 2;
		void *grown = mem_resize(puts->list, (size_t)cap * sizeof(*puts->list));
		if (grown == NULL)
			return NULL;
		puts->list = grown;
		puts->cap = cap;
	}
	return &puts->list[puts->count];
}

DEFINE_DROP(mobius_put, put_drop, mobius_put_close)

static Status
push(mobius_put *put, Batch *batch, BytesPool *pool, Error *err)
{
	SCOPED(ipc_message_close) IpcMessage message = IPC_MESSAGE_INIT;
	SCOPED(bytes_drop) Bytes *body = NULL;
	TRY(ipc_write_batch(batch, &message, err));
	TRY(ipc_message_body(&message, pool, &body, err));
	mobius_slice header = {message.metadata.data, message.metadata.len};
	mobius_put_push(put, header, TAKE(body), (mobius_slice){0}, message.body_len);
	mobius_put_end(put);
	return ST_OK;
}

Status
web_puts_add(WebPuts *puts, WebCall *call, mobius_session *session, const char *table,
			 const char *durability, Batch *batch, Error *err)
{
	SCOPED(buf_close) Buf schema = BUF_INIT;
	SCOPED(put_drop) mobius_put *put = NULL;
	mobius_error e = {0};
	struct WebPut *next = make_room(puts);
	if (next == NULL)
		return error_no_memory(err, "a put");
	TRY(ipc_write_schema(batch_schema(batch), &schema, err));
	mobius_put_options options = {
		.schema = "htdb",
		.table = table,
		.durability = durability,
		.mode = MOBIUS_PUT_ANY,
		.message = {schema.data, schema.len},
		.event = web_call_event(call),
	};
	if (mobius_put_open(session, &options, &put, &e) != MOBIUS_OK)
		return web_error(&e, err);
	TRY(push(put, batch, mobius_io_pool(call->web->options.db), err));
	*next = (struct WebPut){.put = TAKE(put)};
	puts->count++;
	puts->left++;
	return ST_OK;
}

static void
add_state(WebPuts *puts, mobius_put *put, const mobius_put_state *state)
{
	mobius_put_state *sum = &puts->sum;
	sum->seq = state->seq > sum->seq ? state->seq : sum->seq;
	sum->durable_seq =
		state->durable_seq > sum->durable_seq ? state->durable_seq : sum->durable_seq;
	sum->rows += state->rows;
	sum->expired += state->expired;
	sum->batches += state->batches;
	sum->first_id = state->first_id;
	sum->durability = state->durability;
	if (state->failed && puts->failed == ST_OK)
		puts->failed = web_error(&state->error, &puts->error);
	if (puts->left > 0)
		return;
	// The last one writes what all of them say.
	size_t len = mobius_put_result_json(put, sum, NULL, 0);
	buf_reset(&puts->json);
	char *text = buf_extend(&puts->json, len);
	if (text != NULL)
		(void)mobius_put_result_json(put, sum, text, len);
}

static void
clear(WebPuts *puts)
{
	for (int32_t i = 0; i < puts->count; i++)
		mobius_put_close(puts->list[i].put);
	puts->count = puts->left = 0;
}

bool
web_puts_look(WebPuts *puts)
{
	for (int32_t i = 0; i < puts->count; i++) {
		struct WebPut *put = &puts->list[i];
		mobius_put_state state;
		if (put->finished)
			continue;
		mobius_put_poll(put->put, &state);
		if (!state.failed && !state.finished)
			continue;
		put->finished = true;
		puts->left--;
		add_state(puts, put->put, &state);
	}
	if (puts->left > 0)
		return false;
	clear(puts);
	return true;
}

void
web_puts_close(WebPuts *puts)
{
	clear(puts);
	mem_free(puts->list);
	buf_close(&puts->json);
	*puts = (WebPuts){0};
}
