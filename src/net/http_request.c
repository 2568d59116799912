// What was asked: the target taken apart, fields, and where a request says it comes from.

#include <arpa/inet.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/http_int.h"

enum { PARAMS_MAX = 1000 };

HttpRequest *
request_new(H1 *h1)
{
	HttpRequest *req = mem_alloc(sizeof(*req));
	if (req == NULL)
		return NULL;
	atomic_init(&req->refs, 1);
	req->conn = conn_ref(h1->conn);
	req->server = http_server_ref(h1->server);
	req->h1 = h1;
	req->began_ns = conn_now_ns(h1->conn);
	req->content_length = -1;
	req->method = ""; // not read yet
	req->max_body = h1->server->options.max_body;
	return req;
}

HttpRequest *
http_ref(HttpRequest *req)
{
	atomic_fetch_add_explicit(&req->refs, 1, memory_order_relaxed);
	return req;
}

void
http_unref(HttpRequest *req)
{
	if (atomic_fetch_sub_explicit(&req->refs, 1, memory_order_acq_rel) > 1)
		return;
	headers_close(&req->fields);
	headers_close(&req->params);
	buf_close(&req->path);
	buf_close(&req->head);
	gunzip_free(req->gunzip);
	if (req->begun)
		atomic_fetch_sub_explicit(&req->server->requests_open, 1, memory_order_relaxed);
	http_server_unref(req->server);
	Conn *conn = req->conn;
	mem_free(req);
	conn_unref(conn);
}

// ---- the target ----

static int
hex_value(uint8_t c)
{
	c = text_fold(c);
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static Status
bad_target(Error *err, const char *why)
{
	return error_set(err, ST_INVALID, "the request's target %s", why);
}

// %xx, and in a query + for a blank.
static Status
decode(Slice text, bool plus_is_blank, Buf *out, Error *err)
{
	size_t from = out->len;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		if (c == '+' && plus_is_blank)
			c = ' ';
		if (c == '%') {
			int high = i + 2 < text.len ? hex_value(text.data[i + 1]) : -1;
			int low = i + 2 < text.len ? hex_value(text.data[i + 2]) : -1;
			if (high < 0 || low < 0)
				return bad_target(err, "has a % without two hexadecimal digits");
			c = (uint8_t)(high << 4 | low);
			i += 2;
		}
		if (c == 0)
			return bad_target(err, "has a NUL");
		buf_add_byte(out, c);
	}
	TRY(buf_status(out, err, "the request"));
	if (out->len > from && !utf8_valid(out->data + from, out->len - from))
		return bad_target(err, "is not UTF-8");
	return ST_OK;
}

static Status
add_param(HttpRequest *req, Slice text, Error *err)
{
	SCOPED(buf_close) Buf name = BUF_INIT;
	SCOPED(buf_close) Buf value = BUF_INIT;
	const uint8_t *equals = memchr(text.data, '=', text.len);
	size_t name_len = equals == NULL ? text.len : (size_t)(equals - text.data);
	TRY(decode(slice_of(text.data, name_len), true, &name, err));
	if (equals != NULL)
		TRY(decode(slice_of(equals + 1, text.len - name_len - 1), true, &value, err));
	if (req->params.count >= PARAMS_MAX)
		return bad_target(err, "has more than 1000 parameters");
	headers_add(&req->params, buf_slice(&name), buf_slice(&value));
	return buf_status(&req->params.text, err, "the request");
}

static Status
set_params(HttpRequest *req, Slice query, Error *err)
{
	while (query.len > 0) {
		const uint8_t *end = memchr(query.data, '&', query.len);
		size_t len = end == NULL ? query.len : (size_t)(end - query.data);
		if (len > 0)
			TRY(add_param(req, slice_of(query.data, len), err));
		size_t step = end == NULL ? len : len + 1;
		query = slice_of(query.data + step, query.len - step);
	}
	return ST_OK;
}

// Of http:// or https:// before an authority; 0: neither.
static size_t
scheme_len(Slice text)
{
	static const char *const schemes[] = {"http://", "https://"};
	for (size_t i = 0; i < COUNT_OF(schemes); i++) {
		size_t len = strlen(schemes[i]);
		if (text.len >= len && text_equal_fold(slice_of(text.data, len), slice_text(schemes[i])))
			return len;
	}
	return 0;
}

// What is behind the authority of http://authority/path, which proxies are sent.
static Slice
origin_form(Slice target)
{
	size_t scheme = scheme_len(target);
	if (scheme == 0)
		return target;
	const uint8_t *path = memchr(target.data + scheme, '/', target.len - scheme);
	return path == NULL ? slice_text("/")
						: slice_of(path, target.len - (size_t)(path - target.data));
}

Status
request_set_target(HttpRequest *req, Slice target, Error *err)
{
	Slice rest = origin_form(target);
	if (slice_is(rest, "*") && strcmp(req->method, "OPTIONS") == 0) {
		buf_add_text(&req->path, "*");
		return buf_status(&req->path, err, "the request");
	}
	if (rest.len == 0 || rest.data[0] != '/')
		return bad_target(err, "is no path");
	const uint8_t *hash = memchr(rest.data, '#', rest.len);
	if (hash != NULL)
		return bad_target(err, "has a fragment");
	const uint8_t *mark = memchr(rest.data, '?', rest.len);
	size_t path_len = mark == NULL ? rest.len : (size_t)(mark - rest.data);
	TRY(decode(slice_of(rest.data, path_len), false, &req->path, err));
	return mark == NULL ? ST_OK : set_params(req, slice_of(mark + 1, rest.len - path_len - 1), err);
}

// ---- what handlers ask ----

void *
http_service(const HttpRequest *req)
{
	return req->server->options.service;
}

const HttpHandler *
http_handler(const HttpRequest *req)
{
	return req->handler;
}

void
http_set_user(HttpRequest *req, void *user)
{
	req->user = user;
}

void *
http_user(const HttpRequest *req)
{
	return req->user;
}

const char *
http_peer(const HttpRequest *req)
{
	return req->conn->peer;
}

bool
http_is_tls(const HttpRequest *req)
{
	return req->conn->port.tls != NULL;
}

Slice
http_method(const HttpRequest *req)
{
	return slice_text(req->method);
}

Slice
http_path(const HttpRequest *req)
{
	return buf_slice(&req->path);
}

static bool
list_at(const HeaderList *list, size_t i, Slice *name, Slice *value)
{
	for (size_t pos = 0; headers_next(list, &pos, name, value);) {
		if (i-- == 0)
			return true;
	}
	return false;
}

bool
http_query(const HttpRequest *req, const char *name, size_t i, Slice *out)
{
	return headers_find(&req->params, name, i, out);
}

bool
http_query_at(const HttpRequest *req, size_t i, Slice *name, Slice *value)
{
	return list_at(&req->params, i, name, value);
}

bool
http_header(const HttpRequest *req, const char *name, size_t i, Slice *out)
{
	return headers_find(&req->fields, name, i, out);
}

bool
http_header_at(const HttpRequest *req, size_t i, Slice *name, Slice *value)
{
	return list_at(&req->fields, i, name, value);
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

// Takes the next element off a list, without its parameters; false at the end.
static bool
next_element(Slice *list, Slice *out)
{
	if (list->len == 0)
		return false;
	const uint8_t *comma = memchr(list->data, ',', list->len);
	size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
	const uint8_t *parameters = memchr(list->data, ';', len);
	*out = slice_of(list->data, parameters == NULL ? len : (size_t)(parameters - list->data));
	while (out->len > 0 && is_blank(out->data[0]))
		*out = slice_of(out->data + 1, out->len - 1);
	while (out->len > 0 && is_blank(out->data[out->len - 1]))
		out->len--;
	size_t step = comma == NULL ? len : len + 1;
	*list = slice_of(list->data + step, list->len - step);
	return true;
}

bool
http_header_has(const HttpRequest *req, const char *name, const char *element)
{
	Slice list;
	Slice found;
	for (size_t i = 0; http_header(req, name, i, &list); i++) {
		while (next_element(&list, &found)) {
			if (text_equal_fold(found, slice_text(element)))
				return true;
		}
	}
	return false;
}

bool
request_expects_continue(const HttpRequest *req)
{
	Slice expect;
	return !req->is_1_0 && http_header(req, "expect", 0, &expect) &&
		   text_equal_fold(expect, slice_text("100-continue"));
}

// ---- where it comes from ----

// Of "host:port", "[v6]:port" or without a port; empty when it is none.
static Slice
host_of(Slice authority)
{
	if (authority.len > 0 && authority.data[0] == '[') {
		const uint8_t *end = memchr(authority.data, ']', authority.len);
		return end == NULL ? slice_text("")
						   : slice_of(authority.data, (size_t)(end - authority.data) + 1);
	}
	const uint8_t *colon = memchr(authority.data, ':', authority.len);
	return slice_of(authority.data,
					colon == NULL ? authority.len : (size_t)(colon - authority.data));
}

static bool
is_one_of(Slice text, const char *const *list)
{
	for (; list != NULL && *list != NULL; list++) {
		if (text_equal_fold(text, slice_text(*list)))
			return true;
	}
	return false;
}

static bool
is_address(Slice host)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[sizeof(struct in6_addr)];
	bool v6 = host.len > 2 && host.data[0] == '[';
	if (v6)
		host = slice_of(host.data + 1, host.len - 2);
	if (host.len >= sizeof(text))
		return false;
	memcpy(text, host.data, host.len);
	text[host.len] = '\0';
	return inet_pton(v6 ? AF_INET6 : AF_INET, text, address) == 1;
}

bool
http_host_is_ours(const HttpRequest *req, const char *const *hosts)
{
	Slice value;
	if (!http_header(req, "host", 0, &value))
		return req->is_1_0; // no browser speaks it
	Slice host = host_of(value);
	return is_address(host) || text_equal_fold(host, slice_text("localhost")) ||
		   is_one_of(host, hosts);
}

bool
http_origin_is_ours(const HttpRequest *req, const char *const *origins)
{
	Slice origin;
	Slice host;
	if (!http_header(req, "origin", 0, &origin) || is_one_of(origin, origins))
		return true;
	// Either scheme: before us may be who speaks TLS for us.
	size_t scheme = scheme_len(origin);
	return scheme > 0 && http_header(req, "host", 0, &host) &&
		   text_equal_fold(slice_of(origin.data + scheme, origin.len - scheme), host);
}

// ---- its life ----

void
http_pause(HttpRequest *req)
{
	if (http_is_done(req) || req->read)
		return;
	req->paused = true;
	h1_parser_pause(req->h1->parser);
}

void
http_resume(HttpRequest *req)
{
	if (http_is_done(req) || !req->paused)
		return;
	req->paused = false;
	req->slow_since_ns = conn_now_ns(req->conn);
	req->slow_bytes = req->raw_bytes;
	answer_continue(req);
	conn_want_flush(req->conn); // what waits is read there
}
