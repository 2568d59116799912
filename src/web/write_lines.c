// write_lines.c - a body of line protocol: lines become batches while they come, and these are put
// before more is read.

#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "os/clock.h"
#include "web/write_int.h"

static Status
find_target(void *arg, const char *measurement, Arena *arena, LineTarget *out, Error *err)
{
	WriteCall *w = arg;
	return write_find_table(w->session, measurement, arena, &out->schema, &out->roles, err);
}

Status
write_lines_begin(WriteCall *w, Error *err)
{
	LineOptions options = {
		.precision = w->precision,
		.arrival_ns = clock_wall_ns(),
		.pool = mobius_io_pool(w->call.web->options.db),
		.find = find_target,
		.arg = w,
	};
	return line_parser_new(&options, &w->lines, err);
}

// ---- the answer ----

static void
add_wrong_lines(const WriteCall *w, Buf *out)
{
	size_t count;
	const LineError *errors = line_parser_errors(w->lines, &count);
	int64_t wrong = line_parser_wrong(w->lines), good = line_parser_lines(w->lines);
	buf_add_printf(out,
				   "{\"error\":{\"code\":\"partial_write\",\"message\":\"%" PRId64 " of %" PRId64
				   " lines were wrong, and %s\",\"lines\":[",
				   wrong, wrong + good, good > 0 ? "the others are stored" : "none is stored");
	for (size_t i = 0; i < count; i++) {
		buf_add_printf(out, "%s{\"line\":%" PRId64 ",\"message\":", i > 0 ? "," : "",
					   errors[i].line);
		text_json_string(out, slice_text(errors[i].text));
		buf_add_byte(out, '}');
	}
	buf_add_text(out, "]}");
	if (w->puts.sum.seq > 0)
		buf_add_printf(out, ",\"seq\":%" PRIu64, w->puts.sum.seq);
	buf_add_byte(out, '}');
}

static void
answer(WriteCall *w)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	int status = 200;
	w->answered = true;
	if (line_parser_wrong(w->lines) > 0) {
		status = 400;
		add_wrong_lines(w, &text);
	} else if (w->quiet) {
		http_reply(w->call.req, 204, NULL, (Slice){0});
		return;
	} else if (w->puts.json.len > 0) {
		buf_add_slice(&text, buf_slice(&w->puts.json));
	} else {
		buf_add_text(&text, "{\"rows\":0,\"batches\":0}");
	}
	if (text.failed || w->puts.json.failed)
		http_reply_error(w->call.req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(w->call.req, status, JSON_TYPE, buf_slice(&text));
}

// ---- the body ----

// Starts a put for each measurement that has rows.
static Status
put_batches(WriteCall *w, Error *err)
{
	for (;;) {
		LineBatch taken;
		TRY(line_parser_take(w->lines, &taken, err));
		SCOPED(batch_drop) Batch *batch = taken.batch;
		if (batch == NULL)
			return ST_OK;
		TRY(web_puts_add(&w->puts, &w->call, w->session, taken.measurement, w->durability, batch,
						 err));
		w->busy = true;
	}
}

// Reads on until there is something to put, or nothing more to read.
static Status
read_lines(WriteCall *w, Slice *part, Error *err)
{
	while (!w->busy && !w->drained) {
		TRY(line_parser_add(w->lines, part, w->whole, err));
		bool full = line_parser_full(w->lines);
		w->drained = w->whole && part->len == 0 && !full;
		if (full || w->drained)
			TRY(put_batches(w, err));
		else if (part->len == 0)
			break;
	}
	return ST_OK;
}

// What is left of the body stays until the puts are done: behind what came before.
static Status
keep_rest(WriteCall *w, Slice part, bool of_rest, Error *err)
{
	if (of_rest) {
		size_t used = w->rest.len - part.len;
		if (part.len > 0)
			memmove(w->rest.data, w->rest.data + used, part.len);
		w->rest.len = part.len;
	} else {
		buf_add_slice(&w->rest, part);
	}
	return buf_status(&w->rest, err, "the body");
}

static Status
go_on(WriteCall *w, Slice part, Error *err)
{
	Slice rest = buf_slice(&w->rest);
	if (!w->busy && rest.len > 0) {
		TRY(read_lines(w, &rest, err));
		TRY(keep_rest(w, rest, true, err));
	}
	if (w->rest.len == 0 && !w->busy)
		TRY(read_lines(w, &part, err));
	return keep_rest(w, part, false, err);
}

void
write_lines_go_on(WriteCall *w, Slice part)
{
	Error err = ERROR_INIT;
	Status st = go_on(w, part, &err);
	if (st == ST_OK && w->puts.failed != ST_OK) {
		st = w->puts.failed;
		err = w->puts.error;
	}
	if (st != ST_OK) {
		write_refuse(w, st, &err);
		return;
	}
	if (w->busy)
		http_pause(w->call.req);
	else if (w->drained)
		answer(w);
	else
		http_resume(w->call.req);
}
