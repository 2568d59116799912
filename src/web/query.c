// query.c - POST /api/v1/query: SQL in, rows out in the form that Accept names, as fast as the
// client takes them.

#include <jansson.h>
#include <string.h>

#include "arrow/ipc_read.h"
#include "base/mem.h"
#include "base/text.h"
#include "os/clock.h"
#include "web/rows_text.h"
#include "web/web_int.h"

enum {
	CHUNK_BYTES = 64 << 10, // rows are written until there is so much, then sent
	TURN_BYTES = 1 << 20,   // then others have their turn
};

typedef enum QueryForm { FORM_JSON, FORM_CSV, FORM_NDJSON, FORM_ARROW } QueryForm;

static const struct {
	const char *type;
	QueryForm form;
} FORMS[] = {
	{"application/json", FORM_JSON},
	{"text/csv", FORM_CSV},
	{"application/x-ndjson", FORM_NDJSON},
	{"application/ndjson", FORM_NDJSON},
	{"application/vnd.apache.arrow.stream", FORM_ARROW},
	{"*/*", FORM_JSON},
	{"application/*", FORM_JSON},
};

typedef struct QueryCall {
	WebCall call;
	QueryForm form;
	mobius_session *session;
	Buf body;
	mobius_result *result;
	int64_t started_ns;
	Buf head; // of an Arrow stream: the schema, until the first rows or the end come
	IpcReader *reader;
	JsonRows *rows;
	Batch *batch; // being written, from `row` on
	int64_t row;
	int64_t sent_rows;
	bool begun; // the answer is
	bool ended; // nothing more is sent
	bool full;  // the client has enough for now: `writable` goes on
} QueryCall;

// ---- the answer ----

static void
send_buf(QueryCall *q, Buf *text)
{
	if (text->failed) {
		http_reply_error(q->call.req, ST_NO_MEMORY, "no memory for the answer", -1);
		return;
	}
	Piece piece = {.data = text->data, .len = text->len};
	if (text->len > 0)
		q->full = !http_send(q->call.req, &piece, 1);
}

static void
begin_answer(QueryCall *q)
{
	static const char *const types[] = {
		[FORM_JSON] = "application/json",
		[FORM_CSV] = "text/csv; charset=utf-8",
		[FORM_NDJSON] = "application/x-ndjson",
		[FORM_ARROW] = "application/vnd.apache.arrow.stream",
	};
	if (q->begun)
		return;
	q->begun = true;
	HttpRequest *req = q->call.req;
	(void)http_add_header(req, "Content-Type", slice_text(types[q->form]));
	http_answer(req, 200, HTTP_STREAMED);
	SCOPED(buf_close) Buf text = BUF_INIT;
	if (q->form == FORM_JSON) {
		buf_add_text(&text, "{\"schema\":");
		json_schema_add(ipc_reader_schema(q->reader), &text);
		buf_add_text(&text, ",\"rows\":[");
	} else if (q->form == FORM_CSV) {
		csv_add_header(ipc_reader_schema(q->reader), &text);
	}
	send_buf(q, q->form == FORM_ARROW ? &q->head : &text);
}

static void
end_answer(QueryCall *q)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	begin_answer(q);
	if (q->form == FORM_JSON)
		buf_add_printf(&text, "],\"stats\":{\"rows\":%lld,\"elapsed_ms\":%.3f}}",
					   (long long)q->sent_rows, (double)(clock_mono_ns() - q->started_ns) / 1e6);
	else if (q->form == FORM_ARROW)
		buf_add(&text, "\xFF\xFF\xFF\xFF\0\0\0\0", 8);
	send_buf(q, &text);
	http_finish(q->call.req);
	q->ended = true;
}

static void
fail(QueryCall *q, Status status, const Error *err)
{
	web_call_refuse(&q->call, status, err);
	mobius_result_cancel(q->result);
	q->ended = true;
}

// ---- frames ----

// Rows from q->row on, about CHUNK_BYTES of them.
static size_t
send_rows(QueryCall *q)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	int64_t end = batch_rows(q->batch);
	for (; q->row < end && text.len < CHUNK_BYTES && !text.failed; q->row++) {
		if (q->form == FORM_CSV) {
			csv_add_rows(q->batch, q->row, q->row + 1, &text);
		} else if (q->form == FORM_NDJSON) {
			ndjson_add_rows(q->rows, q->batch, q->row, q->row + 1, &text);
		} else {
			buf_add_text(&text, q->sent_rows > 0 ? "," : "");
			json_rows_add(q->rows, q->batch, q->row, &text);
		}
		q->sent_rows++;
	}
	if (q->row == end) {
		batch_unref(q->batch);
		q->batch = NULL;
	}
	send_buf(q, &text);
	return text.len;
}

static Status
read_schema(QueryCall *q, const mobius_frame *frame, Error *err)
{
	Slice message = slice_of(frame->header.data, frame->header.len);
	web_add_encapsulated(&q->head, frame);
	TRY(buf_status(&q->head, err, "the answer"));
	IpcLimits limits = IPC_LIMITS_DEFAULT;
	TRY(ipc_reader_new(message, limits, mobius_io_pool(q->call.web->options.db), &q->reader, err));
	return json_rows_new(ipc_reader_schema(q->reader),
						 q->form == FORM_NDJSON ? JSON_OBJECTS : JSON_ARRAYS, &q->rows, err);
}

static Status
read_rows(QueryCall *q, const mobius_frame *frame, Error *err)
{
	bool plain;
	SCOPED(bytes_drop)
	Bytes *body = bytes_new(mobius_io_pool(q->call.web->options.db), (size_t)frame->body_len);
	if (body == NULL)
		return error_no_memory(err, "rows");
	uint8_t *at = bytes_data(body);
	for (size_t i = 0; i < frame->pieces; i++) {
		if (frame->body[i].len > 0)
			memcpy(at, frame->body[i].data, frame->body[i].len);
		at += frame->body[i].len;
	}
	q->row = 0;
	return ipc_reader_message(q->reader, slice_of(frame->header.data, frame->header.len),
							  bytes_slice(body), body, &q->batch, &plain, err);
}

static Status
take_frame(QueryCall *q, const mobius_frame *frame, Error *err)
{
	if (q->reader == NULL)
		return read_schema(q, frame, err);
	begin_answer(q);
	if (q->form != FORM_ARROW)
		return read_rows(q, frame, err);
	SCOPED(buf_close) Buf text = BUF_INIT;
	web_add_encapsulated(&text, frame);
	TRY(buf_status(&text, err, "the answer"));
	send_buf(q, &text);
	q->full = !http_send(q->call.req, (const Piece *)frame->body, frame->pieces);
	return ST_OK;
}

// False: nothing more to do for now.
static bool
next_frame(QueryCall *q)
{
	mobius_frame frame;
	Error err = ERROR_INIT;
	switch (mobius_result_next(q->result, &frame)) {
	case MOBIUS_NEXT_FRAME: break;
	case MOBIUS_NEXT_WAIT: return false;
	case MOBIUS_NEXT_END: end_answer(q); return false;
	case MOBIUS_NEXT_FAILED:
		web_call_fail(&q->call, mobius_result_error(q->result));
		q->ended = true;
		return false;
	}
	Status st = take_frame(q, &frame, &err);
	if (st != ST_OK)
		fail(q, st, &err);
	return st == ST_OK;
}

static void
go_on(WebCall *call)
{
	QueryCall *q = (QueryCall *)call;
	q->full = false;
	for (size_t sent = 0; !q->full && !q->ended;) {
		if (sent > TURN_BYTES) {
			web_call_again(call);
			return;
		}
		if (q->batch != NULL)
			sent += send_rows(q);
		else if (!next_frame(q))
			return;
	}
}

static void
look(WebCall *call)
{
	QueryCall *q = (QueryCall *)call;
	if (q->result != NULL && !q->full && !q->ended)
		go_on(call);
}

// ---- the question ----

// The next element of a list, without its parameters.
static Slice
next_element(Slice *list)
{
	const uint8_t *comma = memchr(list->data, ',', list->len);
	size_t len = comma == NULL ? list->len : (size_t)(comma - list->data);
	Slice element = slice_of(list->data, len);
	*list = slice_of(list->data + len + (comma != NULL), list->len - len - (comma != NULL));
	const uint8_t *parameter = memchr(element.data, ';', element.len);
	if (parameter != NULL)
		element.len = (size_t)(parameter - element.data);
	while (element.len > 0 && element.data[element.len - 1] == ' ')
		element.len--;
	while (element.len > 0 && element.data[0] == ' ')
		element = slice_of(element.data + 1, element.len - 1);
	return element;
}

// The first form of the list that there is.
static Status
choose_form(HttpRequest *req, QueryForm *out, Error *err)
{
	Slice accept;
	if (!http_header(req, "accept", 0, &accept) || accept.len == 0)
		return ST_OK;
	while (accept.len > 0) {
		Slice element = next_element(&accept);
		for (size_t i = 0; i < COUNT_OF(FORMS); i++) {
			if (text_equal_fold(element, slice_text(FORMS[i].type))) {
				*out = FORMS[i].form;
				return ST_OK;
			}
		}
		if (text_equal_fold(element, slice_text("application/vnd.apache.parquet")))
			return error_set(err, ST_UNIMPLEMENTED,
							 "Parquet as an answer is not built yet; ask for "
							 "application/vnd.apache.arrow.stream");
	}
	return error_set(err, ST_INVALID,
					 "Accept names no form that there is: application/json, text/csv, "
					 "application/x-ndjson, application/vnd.apache.arrow.stream");
}

static Status
read_json(Buf *body, Error *err)
{
	json_error_t e;
	json_t *json = json_loadb((const char *)body->data, body->len, 0, &e);
	const json_t *sql = json_object_get(json, "sql"), *params = json_object_get(json, "params");
	Status st = ST_OK;
	if (!json_is_string(sql)) {
		st = error_set(err, ST_INVALID, "the body is no JSON like {\"sql\": \"SELECT …\"}%s%s",
					   json == NULL ? ": " : "", json == NULL ? e.text : "");
	} else if (json_array_size(params) + json_object_size(params) > 0) {
		st = error_set(err, ST_UNIMPLEMENTED,
					   "parameters are not built yet; write the values into the statement");
	} else {
		buf_reset(body);
		buf_add(body, json_string_value(sql), json_string_length(sql));
	}
	json_decref(json);
	return st;
}

static Status
open_query(QueryCall *q, Error *err)
{
	TRY(buf_status(&q->body, err, "the statement"));
	if (http_header_has(q->call.req, "content-type", "application/json"))
		TRY(read_json(&q->body, err));
	TRY(buf_status(&q->body, err, "the statement"));
	mobius_error e = {0};
	q->started_ns = clock_mono_ns();
	if (mobius_result_open(q->session, buf_text(&q->body), q->body.len, MOBIUS_ROWS, 0,
						   web_call_event(&q->call), &q->result, &e) != MOBIUS_OK)
		return web_error(&e, err);
	return ST_OK;
}

static void
take_body(WebCall *call, Slice part)
{
	buf_add_slice(&((QueryCall *)call)->body, part);
}

static void
end_body(WebCall *call)
{
	QueryCall *q = (QueryCall *)call;
	Error err = ERROR_INIT;
	if (http_is_answered(call->req))
		return;
	Status st = open_query(q, &err);
	if (st != ST_OK)
		web_call_refuse(call, st, &err);
	else
		look(call); // its event may have come before there was a result
}

static void
close_query(WebCall *call)
{
	QueryCall *q = (QueryCall *)call;
	mobius_result_close(q->result);
	mobius_session_unref(q->session);
	ipc_reader_free(q->reader);
	json_rows_free(q->rows);
	batch_unref(q->batch);
	buf_close(&q->body);
	buf_close(&q->head);
}

static const WebCallKind QUERY = {
	.body = take_body, .end = end_body, .look = look, .writable = go_on, .close = close_query};

void
serve_query(HttpRequest *req)
{
	QueryCall *q = web_call_new(req, &QUERY, sizeof(*q));
	if (q == NULL)
		return;
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	Error err = ERROR_INIT;
	const char *database = web_param(req, "database", &arena);
	Status st = arena_status(&arena, &err, "a parameter");
	if (st == ST_OK)
		st = choose_form(req, &q->form, &err);
	if (st == ST_OK)
		st = web_session(q->call.web, database, &q->session, &err);
	if (st != ST_OK)
		web_call_refuse(&q->call, st, &err);
}
