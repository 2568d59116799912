// action.c - POST /api/v1/action/<name>: the database's actions. The body is the request's JSON
// object, or nothing; the answer an array of the replies.

#include <string.h>

#include "web/web_int.h"

#define PREFIX "/api/v1/action/"

enum { NAME_MOST = 128 };

typedef struct ActionCall {
	WebCall call;
	Buf body;
	mobius_call *action;
	bool answered;
} ActionCall;

static void
answer(ActionCall *a)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	buf_add_byte(&text, '[');
	for (size_t i = 0; i < mobius_call_count(a->action); i++) {
		mobius_slice reply = mobius_call_reply(a->action, i);
		if (i > 0)
			buf_add_byte(&text, ',');
		buf_add(&text, reply.data, reply.len);
	}
	buf_add_byte(&text, ']');
	if (text.failed)
		http_reply_error(a->call.req, ST_NO_MEMORY, "no memory for the answer", -1);
	else
		http_reply(a->call.req, 200, JSON_TYPE, buf_slice(&text));
}

static void
look(WebCall *call)
{
	ActionCall *a = (ActionCall *)call;
	mobius_status status;
	const mobius_error *err;
	if (a->answered || a->action == NULL || !mobius_call_done(a->action, &status, &err))
		return;
	a->answered = true;
	if (status != MOBIUS_OK)
		web_call_fail(call, err);
	else
		answer(a);
}

static void
take_body(WebCall *call, Slice part)
{
	buf_add_slice(&((ActionCall *)call)->body, part);
}

static void
end_body(WebCall *call)
{
	ActionCall *a = (ActionCall *)call;
	Slice path = http_path(call->req);
	char name[NAME_MOST] = "";
	size_t len = path.len - strlen(PREFIX);
	mobius_error err = {0};
	if (a->body.failed || len == 0 || len >= sizeof(name)) {
		http_reply_error(call->req, a->body.failed ? ST_NO_MEMORY : ST_UNIMPLEMENTED,
						 a->body.failed ? "no memory for the request" : "there is no such action",
						 -1);
		return;
	}
	memcpy(name, path.data + strlen(PREFIX), len);
	mobius_slice json = {a->body.data, a->body.len};
	if (mobius_call_open(call->web->options.session, name, json, web_call_event(call), &a->action,
						 &err) != MOBIUS_OK)
		web_call_fail(call, &err);
	else
		look(call);
}

static void
close_action(WebCall *call)
{
	mobius_call_close(((ActionCall *)call)->action);
	buf_close(&((ActionCall *)call)->body);
}

static const WebCallKind ACTION = {
	.body = take_body, .end = end_body, .look = look, .close = close_action};

void
serve_action(HttpRequest *req)
{
	(void)web_call_new(req, &ACTION, sizeof(ActionCall));
}
