// web_call.c - how events of the database reach the thread of their request.

#include <stdio.h>

#include "base/mem.h"
#include "web/web_int.h"

const char JSON_TYPE[] = "application/json";

// In the request's thread. The event's reference of the request is given back last.
static void
run_post(void *arg)
{
	WebCall *call = arg;
	HttpRequest *req = call->req;
	atomic_store(&call->posted, false);
	if (call->over)
		mem_free(call);
	else
		call->kind->look(call);
	http_unref(req);
}

static void
raise_event(void *arg)
{
	WebCall *call = arg;
	if (atomic_exchange(&call->posted, true))
		return;
	http_ref(call->req);
	http_post(call->req, &call->post);
}

void *
web_call_new(HttpRequest *req, const WebCallKind *kind, size_t size)
{
	WebCall *call = mem_alloc(size);
	if (call == NULL) {
		http_reply_error(req, ST_NO_MEMORY, "no memory for the request", -1);
		return NULL;
	}
	call->kind = kind;
	call->req = req;
	call->web = http_service(req);
	call->post = (LoopCall){.fn = run_post, .arg = call};
	http_set_user(req, call);
	return call;
}

mobius_event
web_call_event(WebCall *call)
{
	return (mobius_event){raise_event, call};
}

void
web_call_again(WebCall *call)
{
	raise_event(call);
}

Status
web_error(const mobius_error *from, Error *err)
{
	return error_set_at(err, (Status)from->code, from->position, "%s", from->text);
}

void
web_call_fail(WebCall *call, const mobius_error *err)
{
	http_reply_error(call->req, (Status)err->code, err->text, err->position);
}

void
web_call_refuse(WebCall *call, Status status, const Error *err)
{
	http_reply_error(call->req, status, err->text, err->position);
}

void
web_add_encapsulated(Buf *out, const mobius_frame *frame)
{
	size_t padded = (frame->header.len + 7) & ~(size_t)7;
	buf_add_u32(out, UINT32_MAX);
	buf_add_u32(out, (uint32_t)padded);
	buf_add(out, frame->header.data, frame->header.len);
	buf_add_zeros(out, padded - frame->header.len);
}
