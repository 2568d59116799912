// write.c - rows in: what a body is, and where it goes.

#include <string.h>

#include "base/text.h"
#include "web/arrow_body.h"
#include "web/write_int.h"

void
write_refuse(WriteCall *w, Status status, const Error *err)
{
	w->answered = true;
	http_reply_error(w->call.req, status, err->text, err->position);
}

// ---- bodies that are one batch ----

static Status
begin_rows(WriteCall *w, Error *err)
{
	uint64_t most = mobius_setting_number(w->call.web->options.db, "commit.max_bytes");
	if (w->table == NULL)
		return error_set(err, ST_INVALID, "say which table the rows are for: ?table=name");
	if (w->form == WRITE_CSV)
		return csv_reader_new(w->precision, most, &w->csv, err);
	if (w->form == WRITE_NDJSON)
		return ndjson_reader_new(w->precision, most, &w->ndjson, err);
	return ST_OK;
}

static Status
keep_stream(WriteCall *w, Slice part, Error *err)
{
	size_t most = w->call.web->options.max_body;
	if (w->rest.len + part.len > most)
		return error_set(
			err, ST_LIMIT,
			"an Arrow stream as a body has at most %zu bytes (flight.max_message); send "
			"several, or a DoPut",
			most);
	buf_add_slice(&w->rest, part);
	return buf_status(&w->rest, err, "the body");
}

static Status
add_rows(WriteCall *w, Slice part, bool last, Error *err)
{
	switch (w->form) {
	case WRITE_CSV: return csv_reader_add(w->csv, part, last, err);
	case WRITE_NDJSON: return ndjson_reader_add(w->ndjson, part, last, err);
	default: return keep_stream(w, part, err);
	}
}

// The same rows, whose schema says what the parameters say of the table.
static Status
with_metadata(WriteCall *w, Batch *batch, Batch **out, Error *err)
{
	Schema *schema = batch_schema(batch);
	int32_t count = schema_metadata_count(schema), columns = schema_field_count(schema);
	SCOPED(schema_drop) Schema *said = NULL;
	Field *fields = arena_array(&w->arena, (size_t)columns + 1, sizeof(*fields));
	int32_t *all = arena_array(&w->arena, (size_t)columns + 1, sizeof(*all));
	KeyValue *metadata = arena_array(&w->arena, (size_t)count + 2, sizeof(*metadata));
	TRY(arena_status(&w->arena, err, "a schema"));
	for (int32_t i = 0; i < columns; i++) {
		fields[i] = *schema_field(schema, i);
		all[i] = i;
	}
	for (int32_t i = 0; i < count; i++)
		metadata[i] = *schema_metadata(schema, i);
	if (w->tags != NULL)
		metadata[count++] = (KeyValue){slice_text("mobius.tags"), slice_text(w->tags)};
	if (w->time != NULL)
		metadata[count++] = (KeyValue){slice_text("mobius.time"), slice_text(w->time)};
	TRY(schema_new(fields, columns, metadata, count, &said, err));
	return batch_select(batch, all, columns, said, out, err);
}

static Status
finish_rows(WriteCall *w, Batch **out, Error *err)
{
	SCOPED(schema_drop) Schema *table = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	BytesPool *pool = mobius_io_pool(w->call.web->options.db);
	LineRole *roles;
	TRY(write_find_table(w->session, w->table, &w->arena, &table, &roles, err));
	switch (w->form) {
	case WRITE_CSV: TRY(csv_reader_finish(w->csv, table, pool, &batch, err)); break;
	case WRITE_NDJSON: TRY(ndjson_reader_finish(w->ndjson, table, pool, &batch, err)); break;
	default: TRY(arrow_body_read(buf_slice(&w->rest), pool, &batch, err)); break;
	}
	if (batch_rows(batch) > 0 && schema_field_count(batch_schema(batch)) == 0)
		return error_set(err, ST_INVALID, "no column has a value in any row");
	return with_metadata(w, batch, out, err);
}

// In the worker's thread.
static void
make_batch(void *arg)
{
	WriteCall *w = arg;
	w->batch_status = finish_rows(w, &w->batch, &w->batch_error);
	atomic_store(&w->made, true);
	web_call_again(&w->call);
}

static Status
put_rows(WriteCall *w, Error *err)
{
	SCOPED(batch_drop) Batch *batch = TAKE(w->batch);
	w->drained = true;
	if (w->batch_status != ST_OK) {
		*err = w->batch_error;
		return w->batch_status;
	}
	if (schema_field_count(batch_schema(batch)) == 0)
		return ST_OK;
	TRY(web_puts_add(&w->puts, &w->call, w->session, w->table, w->durability, batch, err));
	w->busy = true;
	return ST_OK;
}

static void
answer_rows(WriteCall *w)
{
	Slice text = buf_slice(&w->puts.json);
	if (w->puts.failed != ST_OK) {
		write_refuse(w, w->puts.failed, &w->puts.error);
		return;
	}
	w->answered = true;
	if (w->puts.json.failed)
		http_reply_error(w->call.req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(w->call.req, 200, JSON_TYPE,
				   text.len > 0 ? text : slice_text("{\"rows\":0,\"batches\":0}"));
}

// ---- the call ----

static void
take_body(WebCall *call, Slice part)
{
	WriteCall *w = (WriteCall *)call;
	Error err = ERROR_INIT;
	if (w->answered)
		return;
	if (w->form == WRITE_LINES) {
		write_lines_go_on(w, part);
		return;
	}
	Status st = add_rows(w, part, false, &err);
	if (st != ST_OK)
		write_refuse(w, st, &err);
}

static void
end_body(WebCall *call)
{
	WriteCall *w = (WriteCall *)call;
	Error err = ERROR_INIT;
	if (w->answered)
		return;
	w->whole = true;
	if (w->form == WRITE_LINES) {
		if (!w->busy)
			write_lines_go_on(w, (Slice){0});
		return;
	}
	Status st = w->form == WRITE_ARROW ? ST_OK : add_rows(w, (Slice){0}, true, &err);
	if (st != ST_OK) {
		write_refuse(w, st, &err);
		return;
	}
	w->batch_error = (Error)ERROR_INIT;
	w->job = (WorkerJob){.run = make_batch, .arg = w};
	worker_add(call->web->worker, &w->job);
}

// The batch is made.
static void
go_on_with_batch(WriteCall *w)
{
	Error err = ERROR_INIT;
	Status st = put_rows(w, &err);
	if (st != ST_OK)
		write_refuse(w, st, &err);
	else if (!w->busy)
		answer_rows(w);
}

static void
look(WebCall *call)
{
	WriteCall *w = (WriteCall *)call;
	if (!w->drained && atomic_load(&w->made))
		go_on_with_batch(w);
	if (!w->busy || !web_puts_look(&w->puts))
		return;
	w->busy = false;
	if (w->answered)
		return;
	if (w->form == WRITE_LINES)
		write_lines_go_on(w, (Slice){0});
	else
		answer_rows(w);
}

static void
close_write(WebCall *call)
{
	WriteCall *w = (WriteCall *)call;
	worker_cancel(call->web->worker, &w->job);
	web_puts_close(&w->puts);
	batch_unref(w->batch);
	line_parser_free(w->lines);
	csv_reader_free(w->csv);
	ndjson_reader_free(w->ndjson);
	buf_close(&w->rest);
	mobius_session_unref(w->session);
	arena_close(&w->arena);
}

static const WebCallKind WRITE = {
	.body = take_body, .end = end_body, .look = look, .close = close_write};

// ---- parameters ----

static Status
read_form(HttpRequest *req, WriteForm *out, Error *err)
{
	static const struct {
		const char *type;
		WriteForm form;
	} forms[] = {
		{"text/plain", WRITE_LINES},
		{"application/x-www-form-urlencoded", WRITE_LINES}, // what curl says unasked
		{"text/csv", WRITE_CSV},
		{"application/x-ndjson", WRITE_NDJSON},
		{"application/ndjson", WRITE_NDJSON},
		{"application/vnd.apache.arrow.stream", WRITE_ARROW},
	};
	Slice type;
	if (!http_header(req, "content-type", 0, &type) || type.len == 0)
		return ST_OK;
	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		if (http_header_has(req, "content-type", forms[i].type)) {
			*out = forms[i].form;
			return ST_OK;
		}
	}
	if (http_header_has(req, "content-type", "application/vnd.apache.parquet"))
		return error_set(err, ST_UNIMPLEMENTED,
						 "Parquet as a body is not built yet; send "
						 "application/vnd.apache.arrow.stream");
	return error_set(err, ST_INVALID,
					 "a body of rows is text/plain (line protocol), text/csv, "
					 "application/x-ndjson or application/vnd.apache.arrow.stream");
}

static Status
read_precision(WriteCall *w, LinePrecision usual, Error *err)
{
	Slice text;
	w->precision = usual;
	if (!http_query(w->call.req, "precision", 0, &text) || text.len == 0)
		return ST_OK;
	return line_precision_parse(text, &w->precision, err);
}

// What all paths have; `database` is the name of the parameter that says which one.
static Status
begin_write(WriteCall *w, const char *database, LinePrecision usual, Error *err)
{
	HttpRequest *req = w->call.req;
	char *name = (char *)web_param(req, database, &w->arena);
	w->table = web_param(req, "table", &w->arena);
	w->durability = web_param(req, "durability", &w->arena);
	w->tags = web_param(req, "tags", &w->arena);
	w->time = web_param(req, "time", &w->arena);
	TRY(arena_status(&w->arena, err, "a parameter"));
	if (name != NULL && w->quiet)
		name[strcspn(name, "/")] = '\0'; // a retention policy behind it means nothing here
	TRY(read_precision(w, usual, err));
	TRY(web_session(w->call.web, name, &w->session, err));
	return w->form == WRITE_LINES ? write_lines_begin(w, err) : begin_rows(w, err);
}

void
serve_write(HttpRequest *req)
{
	WriteCall *w = web_call_new(req, &WRITE, sizeof(*w));
	Error err = ERROR_INIT;
	if (w == NULL)
		return;
	Status st = read_form(req, &w->form, &err);
	if (st == ST_OK)
		st = begin_write(w, "database", LINE_NS, &err);
	if (st != ST_OK)
		write_refuse(w, st, &err);
}

static Status
check_accept_partial(HttpRequest *req, Error *err)
{
	Slice text;
	if (!http_query(req, "accept_partial", 0, &text) || slice_is(text, "true"))
		return ST_OK;
	return error_set(err, ST_UNIMPLEMENTED,
					 "accept_partial=false is not built: lines that are right are stored");
}

static void
serve_lines(HttpRequest *req, const char *database, LinePrecision usual)
{
	WriteCall *w = web_call_new(req, &WRITE, sizeof(*w));
	Error err = ERROR_INIT;
	Slice text;
	if (w == NULL)
		return;
	w->quiet = true;
	Status st = check_accept_partial(req, &err);
	if (st == ST_OK)
		st = begin_write(w, database, usual, &err);
	if (st != ST_OK)
		write_refuse(w, st, &err);
	else if (w->durability == NULL && http_query(req, "no_sync", 0, &text) &&
			 slice_is(text, "true"))
		w->durability = "async";
}

void
serve_write_v1(HttpRequest *req)
{
	serve_lines(req, "db", LINE_NS);
}

void
serve_write_v2(HttpRequest *req)
{
	serve_lines(req, "bucket", LINE_NS);
}

void
serve_write_v3(HttpRequest *req)
{
	serve_lines(req, "db", LINE_AUTO);
}
