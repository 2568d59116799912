// subscribe.c - GET /subscribe: a request that becomes a WebSocket.

#include <string.h>

#include "web/socket_int.h"

static const char *const SUBPROTOCOLS[] = {"mobius.v1.json", "mobius.v1.arrow", NULL};

DEFINE_DROP(Socket, socket_drop, socket_free)

static int
add_json(const char *text, size_t len, void *out)
{
	buf_add(out, text, len);
	return 0;
}

// The plain form's only subscription, as a message would ask for it.
static Status
plain_request(HttpRequest *req, const char *sql, Arena *arena, Buf *out, Error *err)
{
	const char *start = web_param(req, "start", arena), *params = web_param(req, "params", arena);
	TRY(arena_status(arena, err, "a parameter"));
	SCOPED(json_drop) json_t *values = NULL;
	if (params != NULL && (values = json_loads(params, 0, NULL)) == NULL)
		return error_set(err, ST_INVALID, "params is no JSON list of values");
	SCOPED(json_drop)
	json_t *json = json_pack("{s:s, s:s, s:s*, s:O*}", "id", "0", "sql", sql, "start", start,
							 "params", values);
	if (json == NULL || json_dump_callback(json, add_json, out, JSON_COMPACT) != 0)
		return error_no_memory(err, "a subscription");
	return buf_status(out, err, "a subscription");
}

// How it is spoken to. ST_INVALID: in a way that is not known here.
static Status
choose_form(HttpRequest *req, const char *sql, SocketForm *out, const char **subprotocol,
			Error *err)
{
	*subprotocol = websocket_subprotocol(req, SUBPROTOCOLS);
	if (*subprotocol == NULL && websocket_offers_subprotocol(req))
		return error_set(err, ST_INVALID,
						 "the subprotocols here are mobius.v1.json and mobius.v1.arrow");
	*out = *subprotocol == SUBPROTOCOLS[1]                  ? SOCKET_ARROW
		   : *subprotocol == SUBPROTOCOLS[0] || sql == NULL ? SOCKET_JSON
															: SOCKET_PLAIN;
	return ST_OK;
}

static Status
subscribe(HttpRequest *req, Error *err)
{
	Web *web = http_service(req);
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	SCOPED(socket_drop) Socket *socket = NULL;
	SocketForm form = SOCKET_JSON;
	const char *subprotocol = NULL;
	SCOPED(buf_close) Buf request = BUF_INIT;
	const char *sql = web_param(req, "sql", &arena), *database = web_param(req, "database", &arena);
	TRY(arena_status(&arena, err, "a parameter"));
	if (!websocket_is_asked(req))
		return error_set(err, ST_INVALID, "/subscribe is a WebSocket: ask for an upgrade to one");
	TRY(choose_form(req, sql, &form, &subprotocol, err));
	TRY(socket_new(web, form, &socket, err));
	TRY(web_session(web, database, &socket->session, err));
	if (form == SOCKET_PLAIN)
		TRY(plain_request(req, sql, &arena, &request, err));
	WebSocket *ws;
	if (websocket_accept(req, &SOCKET_HANDLER, subprotocol, socket, &ws, err) == ST_OK) {
		Socket *begun = TAKE(socket);
		socket_begin(begun, ws);
		if (form == SOCKET_PLAIN) {
			socket_init(begun);
			socket_subscribe(begun, "0", buf_slice(&request));
		}
	}
	return ST_OK;
}

void
serve_subscribe(HttpRequest *req)
{
	Error err = ERROR_INIT;
	Status st = subscribe(req, &err);
	if (st != ST_OK)
		http_reply_error(req, st, err.text, err.position);
}
