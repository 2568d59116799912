// socket_in.c - what clients say over a WebSocket.

#include <string.h>

#include "base/mem.h"
#include "web/socket_int.h"

// "" where there is none.
static const char *
text_of(const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));
	return text != NULL ? text : "";
}

static void
on_init(Socket *socket, const json_t *json, Slice text)
{
	(void)text;
	const char *client = text_of(json, "client");
	if (socket->begun) {
		websocket_close(socket->ws, SOCKET_TOO_MANY, "init came twice");
		return;
	}
	if (client[0] != '\0')
		socket->client = mem_strdup(client); // without memory it has no name
	socket_init(socket);
}

static void
on_subscribe(Socket *socket, const json_t *json, Slice text)
{
	socket_subscribe(socket, text_of(json, "id"), text);
}

static void
on_credit(Socket *socket, const json_t *json, Slice text)
{
	(void)text;
	SocketSub *sub = socket_find(socket, text_of(json, "id"));
	json_int_t bytes = json_integer_value(json_object_get(json, "bytes"));
	if (bytes <= 0)
		websocket_close(socket->ws, SOCKET_MALFORMED,
						"a credit is {\"type\":\"credit\",\"id\":…,\"bytes\":n}");
	else if (sub != NULL) // else it has ended meanwhile
		mobius_subscription_credit(sub->sub, (uint64_t)bytes);
}

static void
on_unsubscribe(Socket *socket, const json_t *json, Slice text)
{
	(void)text;
	const char *id = text_of(json, "id");
	for (uint32_t i = socket->count; i > 0; i--) {
		SocketSub *sub = socket_take_first(socket);
		if (strcmp(sub->id, id) != 0) {
			socket_add(socket, sub);
			continue;
		}
		socket_send_complete(socket, id);
		socket_sub_free(sub);
	}
}

static void
on_ping(Socket *socket, const json_t *json, Slice text)
{
	(void)json, (void)text;
	SCOPED(buf_close) Buf pong = BUF_INIT;
	buf_add_text(&pong, "{\"type\":\"pong\"}");
	socket_send_text(socket, &pong);
}

static void
on_pong(Socket *socket, const json_t *json, Slice text)
{
	(void)socket, (void)json, (void)text; // that it came is all
}

static const struct {
	const char *type;
	bool early; // also before init
	void (*fn)(Socket *socket, const json_t *json, Slice text);
} KINDS[] = {
	{"init", true, on_init},      {"ping", true, on_ping},
	{"pong", true, on_pong},      {"subscribe", false, on_subscribe},
	{"credit", false, on_credit}, {"unsubscribe", false, on_unsubscribe},
};

static void
take_text(Socket *socket, Slice text)
{
	SCOPED(json_drop)
	json_t *json = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
	const char *type = text_of(json, "type");
	for (size_t i = 0; i < COUNT_OF(KINDS); i++) {
		if (strcmp(type, KINDS[i].type) != 0)
			continue;
		if (!KINDS[i].early && !socket->begun)
			websocket_close(socket->ws, SOCKET_NOT_BEGUN, "init comes first");
		else
			KINDS[i].fn(socket, json, text);
		return;
	}
	websocket_close(socket->ws, SOCKET_MALFORMED,
					"a message is JSON with a type: init, subscribe, credit, unsubscribe, ping");
}

void
socket_message(WebSocket *ws, WebSocketMessage *message)
{
	Socket *socket = websocket_user(ws);
	if (socket->form == SOCKET_PLAIN)
		return; // it has nothing to say
	if (message->text)
		take_text(socket, bytes_slice(message->data));
	else
		websocket_close(ws, SOCKET_MALFORMED, "messages to the server are texts");
}
