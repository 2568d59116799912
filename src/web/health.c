// health.c - /health, /ready, /ping: what supervisors and clients ask before anything else.

#include "base/text.h"
#include "web/web_int.h"

static void
reply(HttpRequest *req, int status, Buf *text)
{
	if (text->failed)
		http_reply_error(req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(req, status, JSON_TYPE, buf_slice(text));
}

// The process answers, whatever its state.
void
serve_health(HttpRequest *req)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_printf(&text, "{\"name\":\"mobius\",\"status\":\"pass\",\"version\":\"%s\"}",
				   mobius_version());
	reply(req, 200, &text);
}

void
serve_ready(HttpRequest *req)
{
	const Web *web = http_service(req);
	mobius_health health = mobius_health_now(web->options.db);
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_printf(&text, "{\"ready\":%s,\"read_only\":%s", health.ready ? "true" : "false",
				   health.read_only ? "true" : "false");
	if (!health.ready && health.reason != NULL) {
		buf_add_text(&text, ",\"reason\":");
		text_json_string(&text, slice_text(health.reason));
	}
	buf_add_byte(&text, '}');
	reply(req, health.ready ? 200 : 503, &text);
}

// As clients of line protocol ask it; those of InfluxDB 1 want that header.
void
serve_ping(HttpRequest *req)
{
	(void)http_add_header(req, "X-Influxdb-Version", slice_text(mobius_version()));
	http_reply(req, 204, NULL, (Slice){0});
}
