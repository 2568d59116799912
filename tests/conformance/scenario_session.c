// session_options: options that live as long as a cookie.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flight.pb-c.h"
#include "scenario.h"

#define PB(name) Arrow__Flight__Protocol__##name
#define COOKIE   "arrow_flight_session_id="

typedef PB(SetSessionOptionsRequest__SessionOptionsEntry) SetEntry;
typedef PB(SetSessionOptionsResult__ErrorsEntry) ErrorEntry;
typedef PB(GetSessionOptionsResult__SessionOptionsEntry) GetEntry;

enum { OPTIONS_MAX = 64, SESSIONS_MAX = 16 };

// Keys and values are of the messages they came in.
typedef struct Session {
	bool open;
	size_t count;
	char *keys[OPTIONS_MAX];
	PB(SessionOptionValue) * values[OPTIONS_MAX];
} Session;

static Session sessions[SESSIONS_MAX]; // the cookie is the index

static void
remove_option(Session *session, const char *key)
{
	for (size_t i = 0; i < session->count; i++) {
		if (strcmp(session->keys[i], key) != 0)
			continue;
		free(session->keys[i]);
		arrow__flight__protocol__session_option_value__free_unpacked(session->values[i], NULL);
		session->count--;
		session->keys[i] = session->keys[session->count];
		session->values[i] = session->values[session->count];
		return;
	}
}

static void
session_close(Session *session)
{
	while (session->count > 0)
		remove_option(session, session->keys[0]);
	session->open = false;
}

static void
forget_sessions(void)
{
	for (size_t i = 0; i < COUNT_OF(sessions); i++)
		session_close(&sessions[i]);
}

// ---- whose session: cookies are split at ';', trimmed, and may be quoted ----

static Session *
find_session(FlightCall *call)
{
	Slice header;
	for (size_t i = 0; grpc_call_header(flight_grpc(call), "cookie", i, &header); i++) {
		const char *at = memmem(header.data, header.len, COOKIE, strlen(COOKIE));
		if (at == NULL)
			continue;
		at += strlen(COOKIE);
		const char *end = (const char *)header.data + header.len;
		if (at < end && *at == '"')
			at++;
		size_t id = at < end ? (size_t)(*at - 'a') : SESSIONS_MAX;
		if (id < SESSIONS_MAX && sessions[id].open)
			return &sessions[id];
	}
	return NULL;
}

static Session *
open_session(FlightCall *call)
{
	Session *session = find_session(call);
	for (size_t i = 0; session == NULL && i < SESSIONS_MAX; i++) {
		if (sessions[i].open)
			continue;
		session = &sessions[i];
		session->open = true;
		char cookie[64];
		snprintf(cookie, sizeof(cookie), COOKIE "%c", (char)('a' + i));
		grpc_add_header(flight_grpc(call), "set-cookie", slice_text(cookie));
	}
	return session;
}

// ---- actions ----

static void
send_packed(FlightCall *call, const ProtobufCMessage *message)
{
	SCOPED(buf_close) Buf packed = BUF_INIT;
	void *at = buf_extend(&packed, protobuf_c_message_get_packed_size(message));
	if (at != NULL)
		protobuf_c_message_pack(message, at);
	flight_send_result(call, buf_slice(&packed));
}

// What is wrong with an option, or UNSPECIFIED.
static PB(SetSessionOptionsResult__ErrorValue) check_option(const SetEntry *entry)
{
	const PB(SessionOptionValue) *value = entry->value;
	if (entry->key == NULL || strcmp(entry->key, "lol_invalid") == 0)
		return ARROW__FLIGHT__PROTOCOL__SET_SESSION_OPTIONS_RESULT__ERROR_VALUE__INVALID_NAME;
	if (value != NULL &&
		value->option_value_case ==
			ARROW__FLIGHT__PROTOCOL__SESSION_OPTION_VALUE__OPTION_VALUE_STRING_VALUE &&
		strcmp(value->string_value, "lol_invalid") == 0)
		return ARROW__FLIGHT__PROTOCOL__SET_SESSION_OPTIONS_RESULT__ERROR_VALUE__INVALID_VALUE;
	return ARROW__FLIGHT__PROTOCOL__SET_SESSION_OPTIONS_RESULT__ERROR_VALUE__UNSPECIFIED;
}

// Takes key and value out of the entry, unless the value says "erase".
static void
set_option(Session *session, SetEntry *entry)
{
	remove_option(session, entry->key);
	if (entry->value == NULL ||
		entry->value->option_value_case ==
			ARROW__FLIGHT__PROTOCOL__SESSION_OPTION_VALUE__OPTION_VALUE__NOT_SET ||
		session->count == OPTIONS_MAX)
		return;
	session->keys[session->count] = TAKE(entry->key);
	session->values[session->count] = TAKE(entry->value);
	session->count++;
}

static void
set_options(FlightCall *call, Session *session, const PB(SetSessionOptionsRequest) * request)
{
	PB(SetSessionOptionsResult) result = ARROW__FLIGHT__PROTOCOL__SET_SESSION_OPTIONS_RESULT__INIT;
	PB(SetSessionOptionsResult__Error) errors[OPTIONS_MAX];
	ErrorEntry entries[OPTIONS_MAX], *pointers[OPTIONS_MAX];
	result.errors = pointers;
	for (size_t i = 0; i < request->n_session_options; i++) {
		SetEntry *option = request->session_options[i];
		PB(SetSessionOptionsResult__ErrorValue) wrong = check_option(option);
		if (wrong ==
			ARROW__FLIGHT__PROTOCOL__SET_SESSION_OPTIONS_RESULT__ERROR_VALUE__UNSPECIFIED) {
			set_option(session, option);
			continue;
		}
		size_t n = result.n_errors++;
		arrow__flight__protocol__set_session_options_result__error__init(&errors[n]);
		errors[n].has_value = true;
		errors[n].value = wrong;
		arrow__flight__protocol__set_session_options_result__errors_entry__init(&entries[n]);
		entries[n].key = option->key;
		entries[n].value = &errors[n];
		pointers[n] = &entries[n];
	}
	send_packed(call, &result.base);
}

static Status
set_session_options(FlightCall *call, Slice body, Error *err)
{
	PB(SetSessionOptionsRequest) *request =
		arrow__flight__protocol__set_session_options_request__unpack(NULL, body.len, body.data);
	if (request == NULL)
		return error_set(err, ST_INVALID, "the body is no SetSessionOptionsRequest");
	Session *session = request->n_session_options <= OPTIONS_MAX ? open_session(call) : NULL;
	if (session != NULL)
		set_options(call, session, request);
	arrow__flight__protocol__set_session_options_request__free_unpacked(request, NULL);
	return session != NULL ? ST_OK : error_set(err, ST_LIMIT, "too many sessions or options");
}

// Nobody's session is empty.
static void
get_session_options(FlightCall *call)
{
	const Session *session = find_session(call);
	PB(GetSessionOptionsResult) result = ARROW__FLIGHT__PROTOCOL__GET_SESSION_OPTIONS_RESULT__INIT;
	GetEntry entries[OPTIONS_MAX], *pointers[OPTIONS_MAX];
	result.session_options = pointers;
	for (size_t i = 0; session != NULL && i < session->count; i++) {
		arrow__flight__protocol__get_session_options_result__session_options_entry__init(
			&entries[i]);
		entries[i].key = session->keys[i];
		entries[i].value = session->values[i];
		pointers[i] = &entries[i];
		result.n_session_options++;
	}
	send_packed(call, &result.base);
}

static void
close_session(FlightCall *call)
{
	Session *session = find_session(call);
	if (session != NULL)
		session_close(session);
	grpc_add_header(flight_grpc(call), "set-cookie", slice_text(COOKIE "; Max-Age=0"));
	PB(CloseSessionResult) result = ARROW__FLIGHT__PROTOCOL__CLOSE_SESSION_RESULT__INIT;
	result.has_status = true;
	result.status = ARROW__FLIGHT__PROTOCOL__CLOSE_SESSION_RESULT__STATUS__CLOSED;
	send_packed(call, &result.base);
}

static void
do_action(FlightCall *call, Slice type, Slice body)
{
	Error err = ERROR_INIT;
	Status status = ST_OK;
	if (slice_is(type, "SetSessionOptions"))
		status = set_session_options(call, body, &err);
	else if (slice_is(type, "GetSessionOptions"))
		get_session_options(call);
	else if (slice_is(type, "CloseSession"))
		close_session(call);
	else
		status = error_set(&err, ST_UNIMPLEMENTED, "no such action");
	flight_finish(call, status, &err);
}

const Scenario SCENARIO_SESSION = {
	.name = "session_options",
	.forget = forget_sessions,
	.handlers = {.do_action = do_action},
};
