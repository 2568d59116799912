// support.h - a server whose methods write down what happens to them, and a test's start and end.

#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client.h"
#include "net/server.h"

enum { SEEN_MESSAGES = 64, BODY_FIELD = 1000 };
enum { KIB = 1024, MIB = 1024 * 1024 };
static const int64_t SECOND = INT64_C(1000000000);

// What the methods saw.
static struct Seen {
	int opened;
	int half_closed;
	int writable;
	int done;
	int messages;
	GrpcMessage kept[SEEN_MESSAGES];
	GrpcCall *call; // the last one opened; referenced
	size_t reserved;
	size_t reserve_max;
} seen;

static inline void
seen_forget_messages(void)
{
	for (int i = 0; i < seen.messages && i < SEEN_MESSAGES; i++)
		grpc_message_close(&seen.kept[i]);
	seen.messages = 0;
}

static inline void
seen_forget_call(void)
{
	if (seen.call != NULL)
		grpc_call_unref(seen.call);
	seen.call = NULL;
}

static inline void
on_open(GrpcCall *call)
{
	seen.opened++;
	seen_forget_call();
	seen.call = grpc_call_ref(call);
}

static inline void
on_message(GrpcCall *call, GrpcMessage *message)
{
	(void)call;
	assert_true(seen.messages < SEEN_MESSAGES);
	seen.kept[seen.messages++] = *message;
	*message = (GrpcMessage){0};
}

static inline void
on_half_close(GrpcCall *call)
{
	(void)call;
	seen.half_closed++;
}

static inline void
on_writable(GrpcCall *call)
{
	(void)call;
	seen.writable++;
}

static inline void
on_done(GrpcCall *call)
{
	assert_true(grpc_call_is_done(call));
	seen.done++;
}

static inline void
send_bytes(GrpcCall *call, const void *data, size_t len)
{
	Piece piece = {data, len, NULL};
	grpc_send(call, &piece, 1);
}

static inline void
echo_message(GrpcCall *call, GrpcMessage *message)
{
	Piece pieces[2] = {{bytes_data(message->head), bytes_len(message->head), message->head}};
	if (message->body != NULL)
		pieces[1] = (Piece){bytes_data(message->body), bytes_len(message->body), message->body};
	grpc_send(call, pieces, 2);
	grpc_consume(call, message->wire_bytes);
}

static inline void
echo_half_close(GrpcCall *call)
{
	grpc_finish(call, GRPC_OK, NULL);
}

static inline void
unary_message(GrpcCall *call, GrpcMessage *message)
{
	seen.messages++;
	echo_message(call, message);
	grpc_finish(call, GRPC_OK, NULL);
	seen.messages--;
}

// Hold keeps everything until the test does something; Split does so with a body field.
static const GrpcMethod METHODS[] = {
	{.path = "/t.T/Hold",
	 .open = on_open,
	 .message = on_message,
	 .half_close = on_half_close,
	 .writable = on_writable,
	 .done = on_done},
	{.path = "/t.T/Split",
	 .body_field = BODY_FIELD,
	 .open = on_open,
	 .message = on_message,
	 .half_close = on_half_close,
	 .done = on_done},
	{.path = "/t.T/Echo",
	 .open = on_open,
	 .message = echo_message,
	 .half_close = echo_half_close,
	 .done = on_done},
	{.path = "/t.T/Unary",
	 .unary_in = true,
	 .open = on_open,
	 .message = unary_message,
	 .done = on_done},
};

static inline bool
count_reserve(void *service, size_t bytes)
{
	(void)service;
	if (seen.reserved + bytes > seen.reserve_max)
		return false;
	seen.reserved += bytes;
	return true;
}

static inline void
count_release(void *service, size_t bytes)
{
	(void)service;
	assert_true(seen.reserved >= bytes);
	seen.reserved -= bytes;
}

static NetOptions net_options; // of the next server
static GrpcOptions options;
static NetServer *net;
static GrpcServer *server;

static inline int
set_up(void **state)
{
	(void)state;
	seen = (struct Seen){.reserve_max = SIZE_MAX};
	net_options_init(&net_options);
	net_options.loops = 1;
	grpc_options_init(&options);
	options.methods = METHODS;
	options.method_count = COUNT_OF(METHODS);
	options.reserve = count_reserve;
	options.release = count_release;
	return 0;
}

static inline void
server_free(void)
{
	net_server_free(TAKE(net));
	grpc_server_free(TAKE(server));
}

static inline void
server_start(void)
{
	assert_int_equal(grpc_server_new(&options, &server, NULL), ST_OK);
	assert_int_equal(net_server_new(&net_options, &net, NULL), ST_OK);
	assert_int_equal(net_server_listen(net, FAKE_LISTENER, &(NetPort){.grpc = server}, NULL),
					 ST_OK);
}

// Nothing is left over, and every call that was opened was done once.
static inline void
server_stop(void)
{
	seen_forget_messages();
	seen_forget_call();
	server_free();
	assert_int_equal(seen.opened, seen.done);
	assert_int_equal(seen.reserved, 0);
	assert_int_equal(mem_live(), 0);
}

// With a connected client, whose SETTINGS and the server's have been exchanged.
static inline Client *
start_with_client(void)
{
	server_start();
	Client *client = client_new(64 * KIB, false);
	client_pump(client);
	return client;
}

static inline void
stop_with_client(Client *client)
{
	client_free(client);
	server_stop();
}

static inline void
assert_ended(const Stream *stream, GrpcStatus status, const char *message_part)
{
	assert_true(stream->ended);
	assert_int_equal(stream->http_status, 200);
	assert_int_equal(stream->grpc_status, status);
	if (strstr(stream->message, message_part) == NULL)
		fail_msg("'%s' does not say '%s'", stream->message, message_part);
}
