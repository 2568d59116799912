#include "web/web.h"

#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "web/web_int.h"

// ---- what the net room calls ----

static void on_begin(HttpRequest *req);

static void
on_body(HttpRequest *req, Slice part)
{
	WebCall *call = http_user(req);
	if (call != NULL && call->kind->body != NULL)
		call->kind->body(call, part);
}

static void
on_end(HttpRequest *req)
{
	WebCall *call = http_user(req);
	if (call != NULL && call->kind->end != NULL)
		call->kind->end(call);
}

static void
on_writable(HttpRequest *req)
{
	WebCall *call = http_user(req);
	if (call != NULL && call->kind->writable != NULL)
		call->kind->writable(call);
}

static void
on_done(HttpRequest *req)
{
	WebCall *call = http_user(req);
	if (call == NULL)
		return;
	http_set_user(req, NULL);
	call->over = true;
	// After close no event starts; one that is on its way frees the call when it arrives.
	call->kind->close(call);
	if (!atomic_load(&call->posted))
		mem_free(call);
}

// ---- paths ----

// `max_` 0: WebOptions.max_body. How much of a body of rows is kept is up to who takes it: lines
// may go on for ever.
#define ROUTE(method_, path_, max_)                                                                \
	{                                                                                              \
		.method = (method_), .path = (path_), .max_body = (max_), .begin = on_begin,               \
		.body = on_body, .end = on_end, .writable = on_writable, .done = on_done                   \
	}

static const HttpHandler HANDLERS[] = {
	ROUTE("POST", "/api/v1/query", 0),
	ROUTE("POST", "/api/v1/write", SIZE_MAX),
	ROUTE("POST", "/write", SIZE_MAX),
	ROUTE("POST", "/api/v2/write", SIZE_MAX),
	ROUTE("POST", "/api/v3/write_lp", SIZE_MAX),
	ROUTE("POST", "/api/v1/action/*", 0),
	ROUTE("GET", "/metrics", 0),
	ROUTE("GET", "/health", 0),
	ROUTE("GET", "/ready", 0),
	ROUTE("GET", "/ping", 0),
	ROUTE("GET", "/openapi.json", 0),
	ROUTE("GET", "/subscribe", 0),
};

static void (*const SERVE[])(HttpRequest *req) = {
	serve_query,   serve_write,  serve_write_v1, serve_write_v2, serve_write_v3, serve_action,
	serve_metrics, serve_health, serve_ready,    serve_ping,     serve_openapi,  serve_subscribe,
};
static_assert(COUNT_OF(HANDLERS) == COUNT_OF(SERVE), "every path has its function");

// The one place where a request is authorised. Users are not built: who reaches the port may do
// what they like, but for pages of other hosts in a browser that does.
static Status
authorise(HttpRequest *req, Error *err)
{
	const Web *web = http_service(req);
	if (!http_host_is_ours(req, (const char *const *)web->hosts))
		return error_set(err, ST_DENIED,
						 "this Host is not this server's: use an IP address or localhost, or name "
						 "it in http.hosts");
	if (!http_origin_is_ours(req, NULL))
		return error_set(err, ST_DENIED, "pages of this Origin may not use this server");
	return ST_OK;
}

static void
on_begin(HttpRequest *req)
{
	Error err = ERROR_INIT;
	Status st = authorise(req, &err);
	if (st != ST_OK)
		http_reply_error(req, st, err.text, -1);
	else
		SERVE[http_handler(req) - HANDLERS](req);
}

// ---- parameters ----

const char *
web_param(HttpRequest *req, const char *name, Arena *arena)
{
	Slice value;
	if (!http_query(req, name, 0, &value) || value.len == 0)
		return NULL;
	return arena_strndup(arena, (const char *)value.data, value.len);
}

Status
web_session(Web *web, const char *database, mobius_session **out, Error *err)
{
	if (database == NULL) {
		*out = mobius_session_ref(web->options.session);
		return ST_OK;
	}
	mobius_error e = {0};
	if (mobius_session_in(web->options.db, database, out, &e) != MOBIUS_OK)
		return web_error(&e, err);
	return ST_OK;
}

// ---- life ----

static Status
read_hosts(const char *list, Web *web, Error *err)
{
	size_t count = 1;
	for (const char *p = list; *p != '\0'; p++)
		count += *p == ',';
	web->hosts = mem_alloc_array(count + 1, sizeof(*web->hosts));
	if (web->hosts == NULL)
		return error_no_memory(err, "http.hosts");
	for (size_t i = 0; *list != '\0';) {
		size_t len = strcspn(list, ",");
		const char *from = list, *to = list + len;
		while (from < to && *from == ' ')
			from++;
		while (to > from && to[-1] == ' ')
			to--;
		if (to > from && (web->hosts[i++] = mem_strndup(from, (size_t)(to - from))) == NULL)
			return error_no_memory(err, "http.hosts");
		list += len + (list[len] == ',');
	}
	return ST_OK;
}

Status
web_new(const WebOptions *options, Web **out, Error *err)
{
	SCOPED(web_drop) Web *web = mem_alloc(sizeof(*web));
	if (web == NULL)
		return error_no_memory(err, "the HTTP port");
	web->options = *options;
	TRY(read_hosts(options->hosts, web, err));
	TRY(worker_new(&web->worker, err));
	HttpOptions http;
	http_options_init(&http);
	http.handlers = HANDLERS;
	http.handler_count = COUNT_OF(HANDLERS);
	http.service = web;
	http.max_body = options->max_body;
	TRY(http_server_new(&http, &web->http, err));
	*out = TAKE(web);
	return ST_OK;
}

void
web_free(Web *web)
{
	if (web == NULL)
		return;
	http_server_free(web->http);
	worker_free(web->worker);
	for (char **host = web->hosts; host != NULL && *host != NULL; host++)
		mem_free(*host);
	mem_free(web->hosts);
	mem_free(web);
}

HttpServer *
web_http(Web *web)
{
	return web->http;
}
