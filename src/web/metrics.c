// metrics.c - GET /metrics: Prometheus' text format.
//
// What one look tells is written at once; the seqs come by the action server.info.

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "web/web_int.h"

typedef struct MetricsCall {
	WebCall call;
	mobius_call *info;
	bool answered;
} MetricsCall;

static void
add_head(Buf *out, const char *name, const char *type, const char *help)
{
	buf_add_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
add_metric(Buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	add_head(out, name, type, help);
	buf_add_printf(out, "%s %" PRIu64 "\n", name, value);
}

static void
add_server(const Web *web, Buf *out)
{
	mobius_health health = mobius_health_now(web->options.db);
	HttpCounts http = http_server_counts(web->http);
	add_head(out, "mobius_info", "gauge", "The version of the server.");
	buf_add_printf(out, "mobius_info{version=\"%s\"} 1\n", mobius_version());
	add_metric(out, "mobius_ready", "gauge", "1: recovered and taking writes.", health.ready);
	add_metric(out, "mobius_read_only", "gauge", "1: a sync failed, and nothing is written.",
			   health.read_only);
	add_metric(out, "mobius_http_requests_total", "counter", "Requests of the HTTP port.",
			   http.requests_total);
	add_metric(out, "mobius_http_requests_open", "gauge", "Requests being handled.",
			   http.requests_open);
	add_metric(out, "mobius_websockets_open", "gauge", "WebSockets that are open.",
			   http.websockets_open);
	if (web->options.net == NULL)
		return;
	NetCounts net = net_server_counts(web->options.net);
	add_metric(out, "mobius_connections", "gauge", "Connections of all ports.", net.connections);
	add_metric(out, "mobius_received_bytes_total", "counter", "Bytes that came.", net.bytes_in);
	add_metric(out, "mobius_sent_bytes_total", "counter", "Bytes that went.", net.bytes_out);
}

static mobius_status
add_table(void *arg, const mobius_table_info *info)
{
	if (info->rows >= 0 &&
		strcmp(info->schema, "htdb") == 0) // names need no escape: letters, digits and _
		buf_add_printf(arg, "mobius_table_rows{database=\"%s\",table=\"%s\"} %" PRId64 "\n",
					   info->database, info->name, info->rows);
	return MOBIUS_OK;
}

static void
add_tables(mobius *db, Buf *out)
{
	add_head(out, "mobius_table_rows", "gauge",
			 "Rows of a table, where they are known without a scan.");
	mobius_error err = {0};
	(void)mobius_tables_of_all(db, add_table, out, &err); // none while it recovers
}

static void
add_seqs(const mobius_call *info, Buf *out)
{
	static const struct {
		const char *key, *name, *help;
	} seqs[] = {
		{"seq", "mobius_seq", "The newest commit that is seen."},
		{"durable_seq", "mobius_durable_seq", "The newest commit that is on disk."},
		{"earliest_seq", "mobius_earliest_seq", "The oldest commit that the log still has."},
	};
	if (mobius_call_count(info) == 0)
		return;
	mobius_slice text = mobius_call_reply(info, 0);
	json_t *json = json_loadb((const char *)text.data, text.len, 0, NULL);
	for (size_t i = 0; i < COUNT_OF(seqs); i++) {
		const json_t *value = json_object_get(json, seqs[i].key);
		if (json_is_integer(value))
			add_metric(out, seqs[i].name, "counter", seqs[i].help,
					   (uint64_t)json_integer_value(value));
	}
	json_decref(json);
}

static void
answer(MetricsCall *m, bool ready)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	m->answered = true;
	add_server(m->call.web, &text);
	if (ready) {
		add_seqs(m->info, &text);
		add_tables(m->call.web->options.db, &text);
	}
	if (text.failed)
		http_reply_error(m->call.req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(m->call.req, 200, "text/plain; version=0.0.4; charset=utf-8", buf_slice(&text));
}

static void
look(WebCall *call)
{
	MetricsCall *m = (MetricsCall *)call;
	mobius_status status;
	const mobius_error *err;
	if (!m->answered && m->info != NULL && mobius_call_done(m->info, &status, &err))
		answer(m, status == MOBIUS_OK);
}

static void
close_metrics(WebCall *call)
{
	mobius_call_close(((MetricsCall *)call)->info);
}

static const WebCallKind METRICS = {.look = look, .close = close_metrics};

void
serve_metrics(HttpRequest *req)
{
	MetricsCall *m = web_call_new(req, &METRICS, sizeof(*m));
	mobius_error err = {0};
	if (m == NULL)
		return;
	// While it recovers there are no seqs, and the rest is told.
	if (mobius_call_open(m->call.web->options.session, "server.info", (mobius_slice){0},
						 web_call_event(&m->call), &m->info, &err) != MOBIUS_OK)
		answer(m, false);
	else
		look(&m->call);
}
