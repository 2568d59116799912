// The opening handshake, RFC 6455 §4.2.

#include <openssl/evp.h>
#include <string.h>

#include "base/text.h"
#include "net/websocket_int.h"

enum { KEY_BYTES = 16, SHA1_BYTES = 20 };

static const char MAGIC[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

bool
websocket_is_asked(const HttpRequest *req)
{
	return http_header_has(req, "upgrade", "websocket");
}

bool
websocket_offers_subprotocol(const HttpRequest *req)
{
	Slice value;
	return http_header(req, "sec-websocket-protocol", 0, &value);
}

const char *
websocket_subprotocol(const HttpRequest *req, const char *const *ours)
{
	// The client's order is its preference, but ours are few and equal.
	for (; *ours != NULL; ours++) {
		if (http_header_has(req, "sec-websocket-protocol", *ours))
			return *ours;
	}
	return NULL;
}

static const char *
problem_of(const HttpRequest *req, Slice *key)
{
	Slice more;
	if (req->is_1_0 || strcmp(req->method, "GET") != 0)
		return "a WebSocket is asked for with GET and HTTP/1.1";
	if (!req->is_upgrade || !websocket_is_asked(req))
		return "a WebSocket is asked for with Connection: Upgrade and Upgrade: websocket";
	if (req->content_length != 0)
		return "the request for a WebSocket has no body";
	if (!http_header(req, "sec-websocket-key", 0, key) ||
		http_header(req, "sec-websocket-key", 1, &more))
		return "the request for a WebSocket has one Sec-WebSocket-Key";
	SCOPED(buf_close) Buf raw = BUF_INIT;
	if (text_unbase64(*key, &raw, NULL) != ST_OK || raw.len != KEY_BYTES)
		return "Sec-WebSocket-Key is 16 bytes in base64";
	return NULL;
}

static bool
is_version_13(const HttpRequest *req)
{
	Slice version;
	return http_header(req, "sec-websocket-version", 0, &version) && slice_is(version, "13");
}

// False: no memory.
static bool
add_accept(Buf *out, Slice key)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	uint8_t digest[SHA1_BYTES];
	buf_add_slice(&text, key);
	buf_add_text(&text, MAGIC);
	if (text.failed || EVP_Digest(text.data, text.len, digest, NULL, EVP_sha1(), NULL) != 1)
		return false;
	text_base64(out, slice_of(digest, sizeof(digest)));
	return true;
}

static Status
answer(HttpRequest *req, WebSocket *ws, Slice key, const char *subprotocol, Error *err)
{
	SCOPED(buf_close) Buf head = BUF_INIT;
	buf_add_text(&head, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
						"Connection: Upgrade\r\nSec-WebSocket-Accept: ");
	bool ok = add_accept(&head, key);
	if (subprotocol != NULL) {
		buf_add_text(&head, "\r\nSec-WebSocket-Protocol: ");
		buf_add_text(&head, subprotocol);
	}
	buf_add_text(&head, "\r\n");
	buf_add_slice(&head, buf_slice(&req->head));
	buf_add_text(&head, "\r\n");
	ok = ok && !head.failed && !req->head.failed;
	if (!ok || !queue_add(&ws->out, (Piece){head.data, head.len, NULL}))
		return error_no_memory(err, "a WebSocket");
	buf_add_u64(&ws->lengths, head.len);
	return buf_status(&ws->lengths, err, "a WebSocket");
}

static Status
refuse(HttpRequest *req, const char *problem, Error *err)
{
	if (!http_is_answered(req))
		http_reply_error(req, ST_INVALID, problem, -1);
	return error_set(err, ST_INVALID, "%s", problem);
}

static Status
no_memory(HttpRequest *req, Error *err)
{
	answer_problem(req, 503, ST_NO_MEMORY, "no memory for a WebSocket; try again later", -1);
	return error_no_memory(err, "a WebSocket");
}

Status
websocket_accept(HttpRequest *req, const WebSocketHandler *handler, const char *subprotocol,
				 void *user, WebSocket **out, Error *err)
{
	Slice key;
	if (http_is_done(req) || req->answered || req->finished)
		return refuse(req, "the request was answered already", err);
	const char *problem = problem_of(req, &key);
	if (problem != NULL)
		return refuse(req, problem, err);
	if (!is_version_13(req)) {
		http_add_header(req, "Sec-WebSocket-Version", slice_text("13"));
		answer_problem(req, 426, ST_INVALID, "Sec-WebSocket-Version is 13 here", -1);
		return error_set(err, ST_INVALID, "Sec-WebSocket-Version is not 13");
	}
	WebSocket *ws = websocket_new(req, handler, user);
	if (ws == NULL)
		return no_memory(req, err);
	if (answer(req, ws, key, subprotocol, err) != ST_OK) {
		ws->handler = NULL; // it never was
		websocket_gone(ws);
		return no_memory(req, err);
	}
	req->answered = req->finished = true;
	req->paused = false;
	req->websocket = ws;
	conn_want_flush(req->conn); // there the connection changes hands
	*out = ws;
	return ST_OK;
}
