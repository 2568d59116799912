// Puts in which one call after another fails, and which their producer then sends again: every
// batch is stored once and whole, in the log or in files.
//
// What the n-th call is differs from run to run (test_fault.c), so the steps grow.
// MOBIUS_EVERY_FAULT=1 takes them all.

#include "puts.h"

enum { BATCHES = 4, ROWS = 5 + 4000 + 5 + 7 };

// Made before: what the test needs is not to fail.
typedef struct Sent {
	IpcMessage message;
	Bytes *body;
	char said[60];
} Sent;

typedef struct Load {
	Buf schema;
	Sent batches[BATCHES];
} Load;

static void
load_init(Load *load)
{
	static const int64_t counts[BATCHES] = {5, 4000, 5, 7}; // the second is too large for the log
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	Error err = ERROR_INIT;
	*load = (Load){.schema = BUF_INIT};
	ok(ipc_write_schema(schema, &load->schema, &err), &err);
	int64_t from = 0;
	for (int i = 0; i < BATCHES; from += counts[i], i++) {
		Sent *sent = &load->batches[i];
		SCOPED(batch_drop) Batch *batch = rows_batch(schema, from, counts[i]);
		ok(ipc_write_batch(batch, &sent->message, &err), &err);
		ok(ipc_message_body(&sent->message, NULL, &sent->body, &err), &err);
		snprintf(sent->said, sizeof(sent->said), "{\"producer\": \"p\", \"seq\": %d}", i + 1);
	}
}

static void
load_close(Load *load)
{
	for (int i = 0; i < BATCHES; i++) {
		ipc_message_close(&load->batches[i].message);
		bytes_unref(load->batches[i].body);
	}
	buf_close(&load->schema);
}

static mobius_slice
slice_of_buf(const Buf *buf)
{
	return (mobius_slice){buf->data, buf->len};
}

static void
push_all(mobius_put *put, const Load *load)
{
	for (int i = 0; i < BATCHES; i++) {
		const Sent *sent = &load->batches[i];
		mobius_slice said = {(const uint8_t *)sent->said, strlen(sent->said)};
		mobius_put_push(put, slice_of_buf(&sent->message.metadata), bytes_ref(sent->body), said, 1);
	}
	mobius_put_end(put);
}

// All of it; how it ended.
static mobius_status
send(Fixture *fx, const char *table, const Load *load, mobius_put_state *state)
{
	Watch watch;
	mobius_put *put = NULL;
	*state = (mobius_put_state){0};
	mobius_put_options options = {
		.table = table, .message = slice_of_buf(&load->schema), .event = watch_init(&watch)};
	mobius_status st = mobius_put_open(fx->session, &options, &put, &state->error);
	if (st == MOBIUS_OK) {
		push_all(put, load);
		mobius_put_poll(put, state);
		while (!state->failed && !state->finished) {
			watch_wait(&watch);
			mobius_put_poll(put, state);
		}
		st = state->failed ? state->error.code : MOBIUS_OK;
	}
	mobius_put_close(put);
	watch_close(&watch);
	return st;
}

static const char *const *
settings(void)
{
	static const char *const all[] = {"commit.max_bytes=64KiB", "wal.segment_size=64KiB",
									  "stop.flush=0s", NULL};
	return all;
}

// A failed sync is final: the next start decides what there is.
static void
send_again(Fixture *fx, const char *table, const Load *load)
{
	mobius_put_state state;
	mobius_status st = send(fx, table, load, &state);
	if (st == MOBIUS_UNAVAILABLE) {
		mobius_session_unref(fx->session);
		mobius_close(fx->db);
		fx->db = db_open(fx->dir.path, settings());
		fx->session = session_of(fx->db);
		st = send(fx, table, load, &state);
	}
	fine(st, &state.error);
}

static bool
survives(Fixture *fx, const Load *load, void (*arm)(long nth), long nth)
{
	char table[24], sql[120];
	mobius_put_state state;
	snprintf(table, sizeof(table), "t%ld", nth);
	arm(nth);
	mobius_status st = send(fx, table, load, &state);
	bool hit = fault_disarm();
	if (st != MOBIUS_OK && st != MOBIUS_NO_MEMORY && st != MOBIUS_IO && st != MOBIUS_DISK_FULL &&
		st != MOBIUS_UNAVAILABLE && st != MOBIUS_LIMIT)
		fail_msg("call %ld failed: %s: %s", nth, status_name((Status)st), state.error.text);
	assert_true(st != MOBIUS_OK || state.rows == ROWS);
	send_again(fx, table, load);
	for (int turn = 0; turn < 2; turn++) {
		snprintf(sql, sizeof(sql), "SELECT count(%s v) FROM %s", turn == 0 ? "" : "DISTINCT",
				 table);
		assert_int_equal(number(fx->db, sql), ROWS);
	}
	snprintf(sql, sizeof(sql), "DROP TABLE %s", table);
	assert_int_equal(number(fx->db, sql), 0);
	return hit;
}

static void
what_is_sent_again_is_stored_once_whatever_failed(void **state)
{
	(void)state;
	void (*const arms[])(long nth) = {fault_arm, fault_arm_sticky};
	bool every = getenv("MOBIUS_EVERY_FAULT") != NULL;
	Load load;
	load_init(&load);
	for (size_t i = 0; i < COUNT_OF(arms); i++) {
		Fixture fx;
		fixture_open(&fx, settings());
		for (long nth = 0; survives(&fx, &load, arms[i], nth);)
			nth += every ? 1 : nth / 4 + 1;
		fixture_close(&fx);
	}
	load_close(&load);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_sent_again_is_stored_once_whatever_failed),
	};
	return RUN(tests);
}
