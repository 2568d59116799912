// openapi.c - GET /openapi.json: the description of the HTTP port.

#include <string.h>

#include "base/text.h"
#include "web/web_int.h"

enum { MOST = 7 };

typedef struct Param {
	const char *name;
	const char *text;
} Param;

typedef struct Path {
	const char *path;
	const char *method;
	const char *summary;
	Param params[MOST];
	const char *bodies[MOST]; // content types, NULL ends them
	int status;
	const char *answer;
	const char *answers[MOST];
} Path;

#define LINE_PRECISION "Of times: ns, us, ms, s, m, h or auto."
#define DATABASE       "The database; else the default one."
#define JSON           "application/json"
#define NDJSON         "application/x-ndjson"
#define ARROW          "application/vnd.apache.arrow.stream"
#define LINES(path_, database_)                                                                    \
	{                                                                                              \
		.path = (path_), .method = "post", .summary = "Stores line protocol.",                     \
		.params = {{(database_), DATABASE}, {"precision", LINE_PRECISION}},                        \
		.bodies = {"text/plain"}, .status = 204, .answer = "All lines are stored."                 \
	}

static const Path PATHS[] = {
	{.path = "/api/v1/query",
	 .method = "post",
	 .summary = "Runs one SQL statement; Accept says the form of its rows.",
	 .params = {{"database", "The database where the statement names none."}},
	 .bodies = {"text/plain", "application/sql", JSON},
	 .status = 200,
	 .answer = "The rows.",
	 .answers = {JSON, "text/csv", NDJSON, ARROW}},
	{.path = "/api/v1/write",
	 .method = "post",
	 .summary = "Stores rows. Line protocol: the lines that are right; other forms: all or none.",
	 .params = {{"table", "The table, but of line protocol."},
				{"database", DATABASE},
				{"precision", LINE_PRECISION},
				{"durability", "durable or async; else the table's."},
				{"tags", "Tags of a table that is made, comma separated."},
				{"time", "Time column of a table that is made."}},
	 .bodies = {"text/plain", "text/csv", NDJSON, ARROW},
	 .status = 200,
	 .answer = "How many rows, and their seq.",
	 .answers = {JSON}},
	LINES("/write", "db"),
	LINES("/api/v2/write", "bucket"),
	LINES("/api/v3/write_lp", "db"),
	{.path = "/api/v1/action/{name}",
	 .method = "post",
	 .summary = "Runs an action, as DoAction does.",
	 .bodies = {JSON},
	 .status = 200,
	 .answer = "An array of its replies.",
	 .answers = {JSON}},
	{.path = "/metrics",
	 .method = "get",
	 .summary = "Figures for Prometheus.",
	 .status = 200,
	 .answer = "Its text format.",
	 .answers = {"text/plain"}},
	{.path = "/health",
	 .method = "get",
	 .summary = "Whether the process answers.",
	 .status = 200,
	 .answer = "It does.",
	 .answers = {JSON}},
	{.path = "/ready",
	 .method = "get",
	 .summary = "Whether it takes writes; if not, 503 and why.",
	 .status = 200,
	 .answer = "It does.",
	 .answers = {JSON}},
	{.path = "/subscribe",
	 .method = "get",
	 .summary = "A WebSocket that tells what happens to tables; alone (mobius.v1.json, "
				"mobius.v1.arrow), or with a query.",
	 .params = {{"sql", "SELECT columns and expressions FROM one table WHERE condition."},
				{"start", "now, latest or snapshot."},
				{"params", "A JSON list of values."},
				{"database", DATABASE}},
	 .status = 101,
	 .answer = "The WebSocket."},
	{.path = "/ping",
	 .method = "get",
	 .summary = "Whether the process answers, without a body.",
	 .status = 204,
	 .answer = "It does."},
};

static void
add_pair(Buf *out, const char *key, const char *value)
{
	buf_add_printf(out, "\"%s\":", key);
	text_json_string(out, slice_text(value));
}

static void
add_content(Buf *out, const char *const *types)
{
	buf_add_text(out, "\"content\":{");
	for (int i = 0; i < MOST && types[i] != NULL; i++)
		buf_add_printf(out, "%s\"%s\":{}", i > 0 ? "," : "", types[i]);
	buf_add_byte(out, '}');
}

static void
add_params(Buf *out, const Path *path)
{
	buf_add_text(out, ",\"parameters\":[");
	if (strstr(path->path, "{name}") != NULL)
		buf_add_text(out, "{\"name\":\"name\",\"in\":\"path\",\"required\":true,"
						  "\"schema\":{\"type\":\"string\"}}");
	for (int i = 0; i < MOST && path->params[i].name != NULL; i++) {
		buf_add_text(out, i > 0 ? ",{" : "{");
		add_pair(out, "name", path->params[i].name);
		buf_add_text(out, ",\"in\":\"query\",\"schema\":{\"type\":\"string\"},");
		add_pair(out, "description", path->params[i].text);
		buf_add_byte(out, '}');
	}
	buf_add_byte(out, ']');
}

static void
add_path(Buf *out, const Path *path)
{
	buf_add_printf(out, "\"%s\":{\"%s\":{", path->path, path->method);
	add_pair(out, "summary", path->summary);
	add_params(out, path);
	if (path->bodies[0] != NULL) {
		buf_add_text(out, ",\"requestBody\":{");
		add_content(out, path->bodies);
		buf_add_byte(out, '}');
	}
	buf_add_printf(out, ",\"responses\":{\"%d\":{", path->status);
	add_pair(out, "description", path->answer);
	if (path->answers[0] != NULL) {
		buf_add_byte(out, ',');
		add_content(out, path->answers);
	}
	buf_add_text(out, "},\"default\":{\"description\":\"What went wrong.\",\"content\":{"
					  "\"" JSON "\":{\"schema\":{\"$ref\":\"#/components/schemas/Error\"}}}}}}}");
}

static const char ERROR_SCHEMA[] =
	"{\"type\":\"object\",\"required\":[\"error\"],\"properties\":{\"seq\":{\"type\":\"integer\"},"
	"\"error\":{\"type\":\"object\",\"required\":[\"code\",\"message\"],\"properties\":{"
	"\"code\":{\"type\":\"string\"},\"message\":{\"type\":\"string\"},\"position\":{\"type\":"
	"\"integer\"},\"lines\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
	"\"line\":{\"type\":\"integer\"},\"message\":{\"type\":\"string\"}}}}}}}}";

void
serve_openapi(HttpRequest *req)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_text(&text, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"MobiusDB\",");
	add_pair(&text, "version", mobius_version());
	buf_add_text(&text, "},\"paths\":{");
	for (size_t i = 0; i < COUNT_OF(PATHS); i++) {
		buf_add_text(&text, i > 0 ? "," : "");
		add_path(&text, &PATHS[i]);
	}
	buf_add_printf(&text, "},\"components\":{\"schemas\":{\"Error\":%s}}}", ERROR_SCHEMA);
	if (text.failed)
		http_reply_error(req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(req, 200, JSON_TYPE, buf_slice(&text));
}
