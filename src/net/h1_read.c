// A request as it is read: is it one that is served here, who handles it, and its body.

#include <string.h>

#include "base/text.h"
#include "net/http_int.h"

static const H1Problem NO_MEMORY = {503, ST_NO_MEMORY,
									"no memory for the request; try again later"};

// ---- the beginning of a request ----

static void
on_begin(void *arg)
{
	H1 *h1 = arg;
	h1->req = request_new(h1);
	h1->keep_alive = true;
	h1->requests++;
	if (h1->req == NULL)
		h1_parser_refuse(h1->parser, NO_MEMORY);
}

static void
on_field(void *arg, Slice name, Slice value)
{
	HttpRequest *req = ((H1 *)arg)->req;
	headers_add(&req->fields, name, value);
	req->host_count += slice_is(name, "host");
}

static bool
refuse(HttpRequest *req, int status, Status code, const char *text)
{
	answer_problem(req, status, code, text, -1);
	return false;
}

static bool
within_limits(HttpRequest *req)
{
	const HttpServer *server = req->server;
	if (req->fields.text.failed)
		return refuse(req, NO_MEMORY.status, NO_MEMORY.code, NO_MEMORY.text);
	if (atomic_load_explicit(&server->requests_open, memory_order_relaxed) >=
		server->options.max_requests_total)
		return refuse(req, 503, ST_LIMIT,
					  "too many requests are still being handled; ask again later");
	if (req->host_count != 1 && !(req->is_1_0 && req->host_count == 0))
		return refuse(req, 400, ST_INVALID, "a request has one Host");
	Slice expect;
	if (http_header(req, "expect", 0, &expect) && !request_expects_continue(req))
		return refuse(req, 417, ST_INVALID, "the only expectation known is 100-continue");
	return true;
}

static bool
path_fits(const HttpHandler *handler, Slice path)
{
	if (handler->path == NULL)
		return true;
	Slice pattern = slice_text(handler->path);
	if (pattern.len == 0 || pattern.data[pattern.len - 1] != '*')
		return slice_equal(pattern, path);
	pattern.len--;
	return path.len >= pattern.len && memcmp(path.data, pattern.data, pattern.len) == 0;
}

static bool
method_fits(const HttpHandler *handler, const char *method)
{
	return handler->method == NULL || strcmp(handler->method, method) == 0 ||
		   (strcmp(handler->method, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static bool
find_handler(HttpRequest *req)
{
	const HttpOptions *options = &req->server->options;
	SCOPED(buf_close) Buf allow = BUF_INIT;
	for (size_t i = 0; i < options->handler_count; i++) {
		const HttpHandler *handler = &options->handlers[i];
		if (!path_fits(handler, http_path(req)))
			continue;
		if (method_fits(handler, req->method)) {
			req->handler = handler;
			if (handler->max_body > 0)
				req->max_body = handler->max_body;
			return true;
		}
		buf_add_text(&allow, allow.len > 0 ? ", " : "");
		buf_add_text(&allow, handler->method);
		if (strcmp(handler->method, "GET") == 0)
			buf_add_text(&allow, ", HEAD");
	}
	if (allow.len == 0)
		return refuse(req, 404, ST_NOT_FOUND, "there is nothing here");
	http_add_header(req, "Allow", buf_slice(&allow));
	return refuse(req, 405, ST_INVALID, "this is not asked for so; see the field Allow");
}

static bool
understand_body(HttpRequest *req)
{
	Slice encoding = {0};
	http_header(req, "content-encoding", 0, &encoding);
	bool packed = text_equal_fold(encoding, slice_text("gzip"));
	if (encoding.len > 0 && !packed && !text_equal_fold(encoding, slice_text("identity")))
		return refuse(req, 415, ST_INVALID, "a body may be packed with gzip or not at all");
	if (req->content_length >= 0 && (uint64_t)req->content_length > req->max_body)
		return refuse(req, 413, ST_LIMIT, "the body is too large; send it in parts");
	if (packed && gunzip_new(&req->gunzip, NULL) != ST_OK)
		return refuse(req, NO_MEMORY.status, NO_MEMORY.code, NO_MEMORY.text);
	return true;
}

static bool
is_served(HttpRequest *req, Slice target)
{
	Error err = ERROR_INIT;
	if (!within_limits(req))
		return false;
	Status st = request_set_target(req, target, &err);
	if (st != ST_OK)
		return refuse(req, st == ST_INVALID ? 400 : 503, st, err.text);
	return find_handler(req) && understand_body(req);
}

static void
on_head(void *arg, const H1Head *head)
{
	H1 *h1 = arg;
	HttpRequest *req = h1->req;
	req->method = head->method;
	req->is_1_0 = head->is_1_0;
	req->is_upgrade = head->upgrade;
	req->chunked_in = head->chunked;
	req->content_length = head->chunked || head->content_length >= 0 ? head->content_length : 0;
	req->head_read = true;
	req->slow_since_ns = conn_now_ns(h1->conn);
	h1->keep_alive = head->keep_alive && h1->requests < h1->server->options.max_requests_connection;
	req->continues = request_expects_continue(req) && req->content_length != 0;
	if (!is_served(req, head->target))
		return;
	req->begun = true; // it counts from here on: heads that never end are no work
	atomic_fetch_add_explicit(&h1->server->requests_open, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h1->server->requests_total, 1, memory_order_relaxed);
	req->handler->begin(req);
	answer_continue(req);
	if (req->gunzip != NULL)
		h1_parser_pause(h1->parser); // goes on in small steps
}

// ---- its body ----

static Status
give(void *arg, Slice part, Error *err)
{
	HttpRequest *req = arg;
	if (req->finished)
		return ST_OK;
	req->body_bytes += part.len;
	if (req->body_bytes > req->max_body)
		return error_set(err, ST_LIMIT, "the body is too large; send it in parts");
	if (req->handler->body != NULL)
		req->handler->body(req, part);
	return ST_OK;
}

static void
on_body(void *arg, Slice part)
{
	HttpRequest *req = ((H1 *)arg)->req;
	Error err = ERROR_INIT;
	req->continues = false;
	req->raw_bytes += part.len;
	if (req->finished)
		return; // read past
	Status st = req->gunzip != NULL ? gunzip_push(req->gunzip, part, give, req, &err)
									: give(req, part, &err);
	if (st != ST_OK)
		answer_problem(req, st == ST_LIMIT ? 413 : http_status_of(st), st, err.text, -1);
}

static void
on_end(void *arg)
{
	H1 *h1 = arg;
	HttpRequest *req = h1->req;
	req->read = true;
	h1_parser_pause(h1->parser); // the next one waits for its turn
	if (req->finished)
		return;
	if (req->gunzip != NULL && !gunzip_is_complete(req->gunzip))
		refuse(req, 400, ST_INVALID, "the body ended inside its gzip stream");
	else if (req->handler->end != NULL)
		req->handler->end(req);
}

const H1Events H1_EVENTS = {
	.begin = on_begin,
	.field = on_field,
	.head = on_head,
	.body = on_body,
	.end = on_end,
};
