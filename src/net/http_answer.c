// What is answered: a status line, fields, and a body with its length or in chunks.

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/http_int.h"
#include "os/clock.h"

// Of a request whose answer came before its end; more of it is not read past.
enum { READ_PAST_MAX = 256 << 10 };

static const int64_t NS_PER_SECOND = INT64_C(1000000000);

static bool
may_answer(const HttpRequest *req)
{
	return !http_is_done(req) && !req->finished;
}

// ---- bytes ----

static void
queue(HttpRequest *req, Piece piece)
{
	if (piece.len > 0 && !queue_add(&req->h1->out, piece))
		conn_break(req->conn);
}

static void
queue_text(HttpRequest *req, const char *text)
{
	queue(req, (Piece){(const uint8_t *)text, strlen(text), NULL});
	conn_want_flush(req->conn);
}

void
answer_continue(HttpRequest *req)
{
	if (!req->continues || req->paused || req->answered || http_is_done(req))
		return;
	req->continues = false;
	queue_text(req, "HTTP/1.1 100 Continue\r\n\r\n");
}

// ---- the head ----

static bool
is_token(const char *name)
{
	size_t len = strlen(name);
	return len > 0 && strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
								   "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

static bool
is_field_text(Slice value)
{
	for (size_t i = 0; i < value.len; i++) {
		if ((value.data[i] < ' ' && value.data[i] != '\t') || value.data[i] == 0x7f)
			return false;
	}
	return true;
}

static bool
is_reserved(const char *name)
{
	static const char *const reserved[] = {"connection", "content-length", "date",
										   "transfer-encoding"};
	for (size_t i = 0; i < COUNT_OF(reserved); i++) {
		if (text_equal_fold(slice_text(name), slice_text(reserved[i])))
			return true;
	}
	return false;
}

bool
http_add_header(HttpRequest *req, const char *name, Slice value)
{
	if (!may_answer(req) || req->answered || !is_token(name) || !is_field_text(value) ||
		is_reserved(name))
		return false;
	buf_add_text(&req->head, name);
	buf_add_text(&req->head, ": ");
	buf_add_slice(&req->head, value);
	buf_add_text(&req->head, "\r\n");
	return true;
}

static void
add_date(Buf *head)
{
	static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
										 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	time_t now = (time_t)(clock_wall_ns() / NS_PER_SECOND);
	struct tm utc = {0};
	gmtime_r(&now, &utc);
	buf_add_printf(head, "Date: %s, %02d %s %d %02d:%02d:%02d GMT\r\n", days[utc.tm_wday],
				   utc.tm_mday, months[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
				   utc.tm_sec);
}

// What is left of a request that is answered before its end is read past, unless it is much or the
// client waits to be told to send it.
static bool
ends_with_answer(const HttpRequest *req)
{
	if (req->read)
		return false;
	return req->continues || req->chunked_in || req->content_length < 0 ||
		   (uint64_t)req->content_length - req->raw_bytes > READ_PAST_MAX;
}

static void
add_framing(HttpRequest *req, Buf *head, int status, int64_t length)
{
	H1 *h1 = req->h1;
	bool bodiless = status < 200 || status == 204 || status == 304;
	req->has_body = !bodiless && strcmp(req->method, "HEAD") != 0;
	req->chunked = length < 0 && !req->is_1_0;
	req->left = length < 0 ? UINT64_MAX : (uint64_t)length;
	if (length < 0 && req->is_1_0 && req->has_body)
		h1->keep_alive = false;
	if (!bodiless && length >= 0)
		buf_add_printf(head, "Content-Length: %lld\r\n", (long long)length);
	else if (!bodiless && req->chunked)
		buf_add_text(head, "Transfer-Encoding: chunked\r\n");
	if (ends_with_answer(req) || h1->draining)
		h1->keep_alive = false;
	if (!h1->keep_alive)
		buf_add_text(head, "Connection: close\r\n");
	else if (req->is_1_0)
		buf_add_text(head, "Connection: keep-alive\r\n");
}

static void
start_answer(HttpRequest *req, int status, const char *reason, int64_t length)
{
	if (!may_answer(req) || req->answered)
		return;
	req->answered = true;
	SCOPED(buf_close) Buf head = BUF_INIT;
	buf_add_printf(&head, "HTTP/1.1 %03d %s\r\n", status, reason);
	add_date(&head);
	add_framing(req, &head, status, length);
	buf_add_slice(&head, buf_slice(&req->head));
	buf_add_text(&head, "\r\n");
	if (head.failed || req->head.failed) {
		conn_break(req->conn);
		return;
	}
	queue(req, (Piece){head.data, head.len, NULL});
	conn_want_flush(req->conn);
}

void
http_answer(HttpRequest *req, int status, int64_t length)
{
	start_answer(req, status, http_reason(status), length);
}

// ---- the body ----

static bool
is_full(HttpRequest *req)
{
	req->full = req->h1->out.bytes > req->server->options.send_high_water;
	return req->full;
}

bool
http_send(HttpRequest *req, const Piece *pieces, size_t count)
{
	if (!may_answer(req) || !req->answered)
		return false;
	uint64_t len = 0;
	for (size_t i = 0; i < count; i++)
		len += pieces[i].len;
	if (len > req->left)
		len = req->left;
	req->left -= req->left == UINT64_MAX ? 0 : len;
	if (!req->has_body || len == 0)
		return !is_full(req);

	char size[24];
	snprintf(size, sizeof(size), "%llx\r\n", (unsigned long long)len);
	if (req->chunked)
		queue_text(req, size);
	for (size_t i = 0; i < count && len > 0; i++) {
		Piece piece = pieces[i];
		piece.len = piece.len < len ? piece.len : (size_t)len;
		len -= piece.len;
		queue(req, piece);
	}
	if (req->chunked)
		queue_text(req, "\r\n");
	conn_want_flush(req->conn);
	return !is_full(req);
}

size_t
http_send_queued(const HttpRequest *req)
{
	return http_is_done(req) ? 0 : req->h1->out.bytes;
}

void
http_want_writable(HttpRequest *req)
{
	if (!http_is_done(req))
		req->full = req->h1->out.bytes > 0;
}

void
http_break(HttpRequest *req)
{
	if (!may_answer(req))
		return;
	req->finished = true;
	req->h1->keep_alive = false;
	req->h1->deaf = true;
	conn_want_flush(req->conn);
}

void
http_finish(HttpRequest *req)
{
	if (!may_answer(req))
		return;
	if (!req->answered) {
		http_reply_error(req, ST_INTERNAL, "the request was not answered", -1);
		return;
	}
	if (req->has_body && req->left != UINT64_MAX && req->left > 0) {
		http_break(req);
		return;
	}
	if (req->chunked && req->has_body)
		queue_text(req, "0\r\n\r\n");
	req->finished = true;
	if (!req->read) {
		req->paused = false;
		req->slow_since_ns = conn_now_ns(req->conn);
	}
	conn_want_flush(req->conn);
}

void
http_reply(HttpRequest *req, int status, const char *content_type, Slice body)
{
	if (req->answered)
		return;
	if (content_type != NULL)
		http_add_header(req, "Content-Type", slice_text(content_type));
	http_answer(req, status, (int64_t)body.len);
	Piece piece = {body.data, body.len, NULL};
	http_send(req, &piece, 1);
	http_finish(req);
}

void
answer_problem(HttpRequest *req, int status, Status code, const char *text, int32_t position)
{
	if (req->answered) {
		http_break(req);
		return;
	}
	SCOPED(buf_close) Buf body = BUF_INIT;
	buf_add_printf(&body, "{\"error\":{\"code\":\"%s\",\"message\":", status_name(code));
	text_json_string(&body, slice_text(text));
	if (position >= 0)
		buf_add_printf(&body, ",\"position\":%d", (int)position);
	buf_add_text(&body, "}}\n");
	http_reply(req, status, "application/json", buf_slice(&body));
}

void
http_reply_error(HttpRequest *req, Status code, const char *message, int32_t position)
{
	if (may_answer(req))
		answer_problem(req, http_status_of(code), code, message, position);
}

bool
http_is_answered(const HttpRequest *req)
{
	return req->answered;
}

bool
answer_is_over(const HttpRequest *req)
{
	const H1 *h1 = req->h1;
	return req->finished && h1->out.bytes == 0 && (req->read || !h1->keep_alive);
}
