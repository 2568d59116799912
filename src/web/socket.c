// socket.c - the life of a WebSocket's subscriptions, and how their events reach its thread.

#include <string.h>

#include "base/mem.h"
#include "web/socket_int.h"

#define PATIENCE_NS INT64_C(10000000000)

// ---- the list ----

void
socket_add(Socket *socket, SocketSub *sub)
{
	sub->next = NULL;
	*socket->last = sub;
	socket->last = &sub->next;
	socket->count++;
}

SocketSub *
socket_take_first(Socket *socket)
{
	SocketSub *sub = socket->first;
	if (sub == NULL)
		return NULL;
	socket->first = sub->next;
	if (socket->first == NULL)
		socket->last = &socket->first;
	socket->count--;
	return sub;
}

SocketSub *
socket_find(const Socket *socket, const char *id)
{
	SocketSub *sub = socket->first;
	while (sub != NULL && strcmp(sub->id, id) != 0)
		sub = sub->next;
	return sub;
}

void
socket_sub_free(SocketSub *sub)
{
	if (sub == NULL)
		return;
	mobius_subscription_close(sub->sub);
	mem_free(sub->id);
	mem_free(sub);
}

// ---- events ----

// In the WebSocket's thread. The event's reference is given back last.
static void
run_post(void *arg)
{
	Socket *socket = arg;
	WebSocket *ws = socket->ws;
	atomic_store(&socket->posted, false);
	if (socket->over)
		mem_free(socket);
	else
		socket_serve(socket);
	websocket_unref(ws);
}

static void
raise_event(void *arg)
{
	Socket *socket = arg;
	if (atomic_exchange(&socket->posted, true))
		return;
	websocket_ref(socket->ws);
	websocket_post(socket->ws, &socket->post);
}

static void
on_writable(WebSocket *ws)
{
	Socket *socket = websocket_user(ws);
	socket->full = false;
	socket_serve(socket);
}

// ---- its end ----

static void
let_go(Socket *socket)
{
	for (SocketSub *sub; (sub = socket_take_first(socket)) != NULL;)
		socket_sub_free(sub);
	loop_timer_free(TAKE(socket->patience));
	mobius_session_unref(TAKE(socket->session));
	mem_free(TAKE(socket->client));
}

// After let_go no event starts; one that is on its way frees the socket when it arrives.
static void
on_done(WebSocket *ws)
{
	Socket *socket = websocket_user(ws);
	let_go(socket);
	socket->over = true;
	if (!atomic_load(&socket->posted))
		mem_free(socket);
}

void
socket_free(Socket *socket)
{
	if (socket == NULL)
		return;
	let_go(socket);
	mem_free(socket);
}

// ---- its beginning ----

const WebSocketHandler SOCKET_HANDLER = {
	.max_message = SOCKET_MESSAGE_BYTES,
	.send_high_water = 1 << 20,
	.send_low_water = 256 << 10,
	.send_buffer = 128 << 10,
	.message = socket_message,
	.writable = on_writable,
	.done = on_done,
};

Status
socket_new(Web *web, SocketForm form, Socket **out, Error *err)
{
	Socket *socket = mem_alloc(sizeof(*socket));
	if (socket == NULL)
		return error_no_memory(err, "a WebSocket");
	socket->web = web;
	socket->form = form;
	socket->last = &socket->first;
	socket->post = (LoopCall){.fn = run_post, .arg = socket};
	*out = socket;
	return ST_OK;
}

static void
on_patience(void *arg)
{
	Socket *socket = arg;
	websocket_close(socket->ws, SOCKET_TOO_LATE, "no init came in 10 s");
}

void
socket_begin(Socket *socket, WebSocket *ws)
{
	socket->ws = ws;
	if (socket->form == SOCKET_PLAIN)
		return;
	Loop *loop = websocket_loop(ws);
	if (loop_timer_new(loop, on_patience, socket, &socket->patience, NULL) != ST_OK)
		websocket_close(ws, WEBSOCKET_OVERLOADED, "no memory");
	else
		loop_timer_set(socket->patience, loop_now_ns(loop) + PATIENCE_NS);
}

void
socket_init(Socket *socket)
{
	socket->begun = true;
	loop_timer_free(TAKE(socket->patience));
	socket_send_ready(socket);
}

// ---- subscriptions ----

static Status
open_sub(Socket *socket, const char *id, Slice request, Error *err)
{
	static const mobius_rows_form forms[] = {
		[SOCKET_PLAIN] = MOBIUS_ROWS_OBJECTS,
		[SOCKET_JSON] = MOBIUS_ROWS_ARRAYS,
		[SOCKET_ARROW] = MOBIUS_ROWS_ARROW,
	};
	SocketSub *sub = mem_alloc(sizeof(*sub));
	char *name = mem_strdup(id);
	if (sub == NULL || name == NULL) {
		mem_free(sub);
		mem_free(name);
		return error_no_memory(err, "a subscription");
	}
	sub->id = name;
	sub->number = ++socket->next_number;
	mobius_error e = {0};
	mobius_subscribe_options options = {
		.request = {request.data, request.len},
		.form = forms[socket->form],
		.number = sub->number,
		.client = socket->client != NULL ? socket->client : websocket_peer(socket->ws),
		.event = {raise_event, socket},
	};
	if (mobius_subscription_open(socket->session, &options, &sub->sub, &e) != MOBIUS_OK) {
		socket_sub_free(sub);
		return web_error(&e, err);
	}
	socket_add(socket, sub);
	return ST_OK;
}

void
socket_subscribe(Socket *socket, const char *id, Slice request)
{
	if (socket_find(socket, id) != NULL) {
		websocket_close(socket->ws, SOCKET_SAME_ID, "a subscription of this id is there already");
		return;
	}
	if (socket->count >= SOCKET_SUBSCRIPTIONS) {
		websocket_close(socket->ws, SOCKET_TOO_MANY, "more than 100 subscriptions");
		return;
	}
	Error err = ERROR_INIT;
	if (open_sub(socket, id, request, &err) != ST_OK) {
		socket_send_error(socket, id, &err);
		if (socket->form == SOCKET_PLAIN)
			websocket_close(socket->ws, SOCKET_MALFORMED, err.text);
		return;
	}
	socket_serve(socket); // its event may have come before it was in the list
}
