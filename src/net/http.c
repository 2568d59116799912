#include "net/http_int.h"

#include <assert.h>

#include "base/mem.h"

void
http_options_init(HttpOptions *options)
{
	*options = (HttpOptions){
		.max_target = 16 << 10,
		.max_header = 16 << 10,
		.max_body = 256 << 20,
		.send_high_water = 1 << 20,
		.max_requests_connection = 100000,
		.max_requests_total = 4096,
		.header_ns = INT64_C(10000000000),
		.idle_ns = INT64_C(120000000000),
		.body_ns = INT64_C(30000000000),
	};
}

HttpServer *
http_server_ref(HttpServer *server)
{
	atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
	return server;
}

void
http_server_unref(HttpServer *server)
{
	unsigned was = atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was == 1)
		mem_free(server);
}

Status
http_server_new(const HttpOptions *options, HttpServer **out, Error *err)
{
	HttpServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "an HTTP server");
	atomic_init(&server->refs, 1);
	server->options = *options;
	*out = server;
	return ST_OK;
}

void
http_server_free(HttpServer *server)
{
	if (server != NULL)
		http_server_unref(server);
}

HttpCounts
http_server_counts(const HttpServer *server)
{
	return (HttpCounts){
		.requests_open = atomic_load_explicit(&server->requests_open, memory_order_relaxed),
		.requests_total = atomic_load_explicit(&server->requests_total, memory_order_relaxed),
		.websockets_open = atomic_load_explicit(&server->websockets_open, memory_order_relaxed),
	};
}

bool
http_is_done(const HttpRequest *req)
{
	return atomic_load_explicit(&req->done, memory_order_acquire);
}

void
http_post(HttpRequest *req, LoopCall *post)
{
	loop_post(req->conn->net->loop, post);
}

int
http_status_of(Status status)
{
	switch (status) {
	case ST_OK: return 200;
	case ST_INVALID: return 400;
	case ST_UNAUTHENTICATED: return 401;
	case ST_DENIED: return 403;
	case ST_NOT_FOUND: return 404;
	case ST_EXISTS: return 409;
	case ST_CONFLICT:
	case ST_SEALED: return 412;
	case ST_LIMIT:
	case ST_NO_MEMORY: return 429;
	case ST_DISK_FULL: return 507;
	case ST_UNAVAILABLE:
	case ST_IO: return 503;
	case ST_DEADLINE: return 504;
	case ST_CANCELLED: return 499;
	case ST_CORRUPT: return 500;
	case ST_UNIMPLEMENTED: return 501;
	case ST_INTERNAL: return 500;
	}
	return 500;
}

typedef struct Reason {
	int status;
	const char *text;
} Reason;

static const Reason REASONS[] = {
	{100, "Continue"},
	{101, "Switching Protocols"},
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{426, "Upgrade Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{499, "Client Closed Request"},
	{500, "Internal Server Error"},
	{501, "Not Implemented"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

const char *
http_reason(int status)
{
	for (size_t i = 0; i < COUNT_OF(REASONS); i++) {
		if (REASONS[i].status == status)
			return REASONS[i].text;
	}
	return "";
}
