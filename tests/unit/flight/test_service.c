// Which handler a call reaches, when, and what becomes of its answers.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fault.h"
#include "fake_grpc.h"
#include "flight/flight.h"

#define PATH(rpc) "/arrow.flight.protocol.FlightService/" rpc

// What the handlers saw, as words in order.
typedef struct Service {
	char seen[512];
	bool refuse;      // authenticate does
	bool finish_open; // do_put does
	bool keep;        // put_message takes the data
	FlightData kept;
	FlightCall *later; // referenced
} Service;

static Service service;

static void
saw(const char *word, Slice what)
{
	size_t len = strlen(service.seen);
	snprintf(service.seen + len, sizeof(service.seen) - len, "%s(%.*s) ", word, (int)what.len,
			 what.len == 0 ? "" : (const char *)what.data);
}

static void
assert_saw(const char *words)
{
	assert_string_equal(service.seen, words);
	service.seen[0] = '\0';
}

static Status
authenticate(FlightCall *call, Error *err)
{
	assert_ptr_equal(flight_service(call), &service);
	return service.refuse ? error_set(err, ST_UNAUTHENTICATED, "who are you?") : ST_OK;
}

static void
handshake(FlightCall *call, Slice payload)
{
	saw("handshake", payload);
	flight_send_handshake(call, slice_text("token"));
	flight_finish(call, ST_OK, NULL);
}

static void
list_flights(FlightCall *call, Slice expression)
{
	saw("list_flights", expression);
	flight_finish(call, ST_OK, NULL);
}

static void
get_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	saw("get_flight_info", descriptor->cmd);
	flight_reply_info(call, &(FlightInfo){.descriptor = descriptor});
}

static void
poll_flight_info(FlightCall *call, const FlightDescriptor *descriptor)
{
	saw("poll_flight_info", descriptor->path[0]);
	flight_reply_poll(call, &(FlightInfo){0}, NULL, 1.0, 0);
}

static void
get_schema(FlightCall *call, const FlightDescriptor *descriptor)
{
	saw("get_schema", descriptor->cmd);
	flight_reply_schema(call, slice_text("schema"));
}

static void
do_get(FlightCall *call, Slice ticket)
{
	saw("do_get", ticket);
	if (slice_is(ticket, "later"))
		service.later = flight_ref(call);
}

static void
do_put(FlightCall *call)
{
	saw("do_put", (Slice){0});
	if (service.finish_open)
		flight_finish(call, ST_NOT_FOUND, &(Error){.position = -1, .text = "nothing to put to"});
}

static void
do_exchange(FlightCall *call)
{
	(void)call;
	saw("do_exchange", (Slice){0});
}

static void
put_message(FlightCall *call, FlightData *data)
{
	saw("put_message", data->header);
	if (service.keep) {
		service.kept = *data;
		*data = (FlightData){0};
		return;
	}
	flight_consume(call, data->wire_bytes);
}

static void
put_end(FlightCall *call)
{
	saw("put_end", (Slice){0});
	flight_send_put_result(call, slice_text("all"));
	flight_finish(call, ST_OK, NULL);
}

static void
do_action(FlightCall *call, Slice type, Slice body)
{
	saw("do_action", type);
	flight_send_result(call, body);
	flight_finish(call, ST_OK, NULL);
}

static void
list_actions(FlightCall *call)
{
	saw("list_actions", (Slice){0});
	flight_send_action_type(call, "a", "does a");
	flight_finish(call, ST_OK, NULL);
}

static void
writable(FlightCall *call)
{
	(void)call;
	saw("writable", (Slice){0});
}

static void
done(FlightCall *call)
{
	saw("done", (Slice){0});
	flight_finish(call, ST_OK, NULL); // nobody hears it
}

static const FlightHandlers HANDLERS = {
	.authenticate = authenticate,
	.handshake = handshake,
	.list_flights = list_flights,
	.get_flight_info = get_flight_info,
	.poll_flight_info = poll_flight_info,
	.get_schema = get_schema,
	.do_get = do_get,
	.do_put = do_put,
	.do_exchange = do_exchange,
	.do_action = do_action,
	.list_actions = list_actions,
	.put_message = put_message,
	.put_end = put_end,
	.writable = writable,
	.done = done,
};

static FlightServer *server;

static GrpcCall *
open_call(const char *path, const FakeHeader *headers)
{
	return fake_open(flight_server_grpc(server), path, headers);
}

static int
start(void **state)
{
	(void)state;
	service = (Service){0};
	FlightOptions options = {.handlers = &HANDLERS, .service = &service};
	return flight_server_new(&options, &server, NULL) == ST_OK ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	flight_server_free(server);
	return mem_live() == 0 ? 0 : -1;
}

// ---- where calls go ----

static void
each_request_reaches_its_handler_and_is_answered(void **state)
{
	(void)state;
#define BYTES(text)                                                                                \
	{                                                                                              \
		(const uint8_t *)(text), sizeof(text) - 1                                                  \
	}
	static const struct {
		const char *path;
		Slice request;
		const char *seen;
		Slice answer; // empty: none
	} cases[] = {
		{PATH("ListFlights"), BYTES("\x0A\x01%"), "list_flights(%) done() ", {0}},
		{PATH("GetFlightInfo"), BYTES("\x08\x02\x12\x01q"), "get_flight_info(q) done() ",
		 BYTES("\x12\x05\x08\x02\x12\x01q")},
		{PATH("PollFlightInfo"), BYTES("\x08\x01\x1A\x01p"), "poll_flight_info(p) done() ",
		 BYTES("\x0A\x00\x19\x00\x00\x00\x00\x00\x00\xF0\x3F")},
		{PATH("GetSchema"), BYTES("\x08\x02\x12\x01q"), "get_schema(q) done() ",
		 BYTES("\x0A\x06schema")},
		{PATH("DoGet"), BYTES("\x0A\x01t"), "do_get(t) done() ", {0}},
		{PATH("DoAction"),
		 BYTES("\x0A\x01"
			   "a\x12\x01"
			   "b"),
		 "do_action(a) done() ",
		 BYTES("\x0A\x01"
			   "b")},
		{PATH("ListActions"), BYTES(""), "list_actions() done() ",
		 BYTES("\x0A\x01"
			   "a\x12\x06"
			   "does a")},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		GrpcCall *call = open_call(cases[i].path, NULL);
		assert_true(call->method->unary_in);
		assert_false(call->headers_sent);
		fake_message(call, cases[i].request, NULL);
		fake_half_close(call);
		assert_int_equal(call->consumed, cases[i].request.len);
		assert_int_equal(call->sent_count, cases[i].answer.len > 0);
		assert_true(slice_equal(buf_slice(&call->sent[0]), cases[i].answer));
		assert_int_equal(call->status, GRPC_OK);
		fake_free(call);
		assert_saw(cases[i].seen);
	}
}

static void
a_request_that_cannot_be_read_is_refused_and_reaches_nobody(void **state)
{
	(void)state;
	static const char *const paths[] = {
		PATH("ListFlights"), PATH("GetFlightInfo"), PATH("PollFlightInfo"), PATH("GetSchema"),
		PATH("DoGet"),       PATH("DoAction"),      PATH("DoPut"),          PATH("Handshake")};
	for (size_t i = 0; i < COUNT_OF(paths); i++) {
		GrpcCall *call = open_call(paths[i], NULL);
		service.seen[0] = '\0';
		fake_message(call, slice_text("\x0A\x7F"), NULL);
		assert_true(call->finished);
		assert_int_equal(call->status, GRPC_INVALID_ARGUMENT);
		assert_string_not_equal(call->text, "");
		fake_half_close(call);
		assert_string_equal(service.seen, "");
		fake_free(call);
	}
}

static void
what_has_no_handler_is_unimplemented_by_name(void **state)
{
	(void)state;
	static const FlightHandlers none = {0};
	FlightServer *empty;
	assert_int_equal(flight_server_new(&(FlightOptions){.handlers = &none}, &empty, NULL), ST_OK);
	static const char *const names[] = {
		"Handshake", "ListFlights", "GetFlightInfo", "PollFlightInfo", "GetSchema",
		"DoGet",     "DoPut",       "DoExchange",    "DoAction",       "ListActions"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char path[80];
		snprintf(path, sizeof(path), PATH("%s"), names[i]);
		GrpcCall *call = fake_open(flight_server_grpc(empty), path, NULL);
		assert_int_equal(call->status, GRPC_UNIMPLEMENTED);
		assert_non_null(strstr(call->text, names[i]));
		assert_false(call->headers_sent);
		fake_message(call, (Slice){0}, NULL);
		fake_half_close(call);
		fake_free(call);
	}
	flight_server_free(empty);
}

static void
who_is_refused_reaches_nobody_but_done(void **state)
{
	(void)state;
	service.refuse = true;
	GrpcCall *call = open_call(PATH("DoPut"), NULL);
	assert_int_equal(call->status, GRPC_UNAUTHENTICATED);
	assert_string_equal(call->text, "who are you?");
	assert_false(call->headers_sent);
	fake_message(call, (Slice){0}, "body");
	fake_half_close(call);
	fake_writable(call);
	fake_free(call);
	assert_saw("done() ");
}

// ---- Handshake ----

static void
a_handshake_with_a_credential_in_its_header_waits_for_nothing(void **state)
{
	(void)state;
	static const FakeHeader basic[] = {{"authorization", "bAsic YTpi"}, {NULL, NULL}};
	static const FakeHeader bearer[] = {
		{"authorization", "x"}, {"authorization", "Bearer t"}, {NULL, NULL}};
	const FakeHeader *cases[] = {basic, bearer};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		service.refuse = true; // nobody is asked
		GrpcCall *call = open_call(PATH("Handshake"), cases[i]);
		assert_true(call->finished);
		assert_true(slice_is(buf_slice(&call->sent[0]), "\x12\x05token"));
		fake_message(call, (Slice){0}, NULL); // some clients send an empty one all the same
		fake_half_close(call);
		fake_free(call);
		assert_saw("handshake() done() ");
	}
}

static void
a_handshake_without_header_takes_its_first_message(void **state)
{
	(void)state;
	static const FakeHeader other[] = {{"authorization", "Digest x"}, {NULL, NULL}};
	GrpcCall *call = open_call(PATH("Handshake"), other);
	assert_saw("");
	assert_false(call->headers_sent); // the token goes into them
	fake_message(call, slice_text("\x12\x02me"), NULL);
	fake_message(call, slice_text("\x12\x02me"), NULL);
	fake_half_close(call);
	fake_free(call);
	assert_saw("handshake(me) done() ");
}

static void
a_handshake_that_says_nothing_is_asked_at_its_end(void **state)
{
	(void)state;
	GrpcCall *call = open_call(PATH("Handshake"), NULL);
	fake_half_close(call);
	fake_free(call);
	assert_saw("handshake() done() ");
}

// ---- streams from the client ----

static void
a_put_gets_headers_at_once_and_its_messages_in_order(void **state)
{
	(void)state;
	GrpcCall *call = open_call(PATH("DoPut"), NULL);
	assert_true(call->headers_sent);
	assert_int_equal(call->method->body_field, 1000);
	fake_message(call, slice_text("\x12\x01s"), NULL);
	fake_message(call,
				 slice_text("\x12\x01"
							"b"),
				 "body");
	assert_int_equal(call->consumed, 3 + 3 + 4);
	fake_half_close(call);
	assert_true(slice_is(buf_slice(&call->sent[0]), "\x0A\x03"
													"all"));
	fake_free(call);
	assert_saw("do_put() put_message(s) put_message(b) put_end() done() ");
}

static void
a_put_that_is_refused_at_once_has_no_headers(void **state)
{
	(void)state;
	service.finish_open = true;
	GrpcCall *call = open_call(PATH("DoPut"), NULL);
	assert_false(call->headers_sent);
	assert_int_equal(call->status, GRPC_NOT_FOUND);
	assert_string_equal(call->text, "nothing to put to");
	fake_message(call, slice_text("\x12\x01s"), NULL);
	fake_half_close(call);
	fake_free(call);
	assert_saw("do_put() done() ");
}

static void
put_data_may_be_kept_longer_than_the_call(void **state)
{
	(void)state;
	service.keep = true;
	GrpcCall *call = open_call(PATH("DoExchange"), NULL);
	fake_message(call,
				 slice_text("\x12\x01"
							"b"),
				 "body");
	assert_int_equal(call->consumed, 0); // given back by who keeps it
	fake_free(call);
	assert_saw("do_exchange() put_message(b) done() ");
	assert_true(slice_is(bytes_slice(service.kept.body), "body"));
	assert_true(slice_is(service.kept.header, "b"));
	flight_data_close(&service.kept);
}

// ---- answers ----

static void
a_late_answer_goes_out_and_one_after_the_end_is_ignored(void **state)
{
	(void)state;
	GrpcCall *call = open_call(PATH("DoGet"), NULL);
	fake_message(call, slice_text("\x0A\x05later"), NULL);
	fake_half_close(call);
	FlightCall *later = service.later;
	assert_true(flight_send_data(later, slice_text("h"), (Slice){0}, NULL, 0));
	call->full = true;
	assert_false(flight_send_data(later, slice_text("h"), slice_text("m"), NULL, 0));
	fake_writable(call);
	assert_int_equal(call->sent_count, 2);

	fake_done(call); // cancelled
	fake_writable(call);
	assert_false(flight_send_data(later, slice_text("h"), (Slice){0}, NULL, 0));
	assert_false(flight_send_put_result(later, (Slice){0}));
	flight_finish(later, ST_OK, NULL);
	assert_false(call->finished);
	assert_int_equal(call->sent_count, 2);
	assert_saw("do_get(later) writable() done() ");
	flight_unref(later);
	fake_free(call);
}

static void
a_body_is_sent_from_where_it_lies(void **state)
{
	(void)state;
	GrpcCall *call = open_call(PATH("DoGet"), NULL);
	fake_message(call, slice_text("\x0A\x05later"), NULL);
	FlightCall *later = service.later;
	Bytes *body = bytes_copy(NULL, slice_text("0123456789"));
	Piece pieces[100];
	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		pieces[i] = (Piece){bytes_data(body) + i % 10, 1, body};

	flight_send_data(later, slice_text("h"), slice_text("m"), pieces, 3);
	assert_true(slice_is(buf_slice(&call->sent[0]), "\x12\x01h\x1A\x01m\xC2\x3E\x03"
													"012"));
	assert_null(call->owners[0]);
	assert_ptr_equal(call->owners[1], body);
	flight_send_data(later, slice_text("h"), (Slice){0}, pieces, 100);
	assert_int_equal(call->sent[1].len, 3 + 3 + 100);

	flight_unref(later);
	fake_free(call);
	bytes_unref(body);
}

static void
a_message_too_big_for_clients_ends_the_call(void **state)
{
	(void)state;
	GrpcCall *call = open_call(PATH("DoGet"), NULL);
	fake_message(call, slice_text("\x0A\x05later"), NULL);
	Piece huge = {(const uint8_t *)"", (size_t)INT32_MAX, NULL};
	assert_false(flight_send_data(service.later, slice_text("h"), (Slice){0}, &huge, 1));
	assert_int_equal(call->status, GRPC_RESOURCE_EXHAUSTED);
	assert_int_equal(call->sent_count, 0);
	flight_unref(service.later);
	fake_free(call);
}

static void
an_error_carries_its_text_and_its_position(void **state)
{
	(void)state;
	static const struct {
		Error err;
		const char *text, *trailer;
	} cases[] = {
		{{.position = 17, .text = "no such column"}, "no such column", "error-position=17"},
		{{.position = -1, .text = "no such column"}, "no such column", ""},
		{{.position = -1}, "invalid_argument", ""},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		GrpcCall *call = open_call(PATH("DoGet"), NULL);
		fake_message(call, slice_text("\x0A\x05later"), NULL);
		flight_finish(service.later, ST_INVALID, &cases[i].err);
		flight_finish(service.later, ST_OK, NULL); // the first one counts
		assert_int_equal(call->status, GRPC_INVALID_ARGUMENT);
		assert_string_equal(call->text, cases[i].text);
		assert_string_equal(call->trailer, cases[i].trailer);
		flight_unref(service.later);
		fake_free(call);
	}
}

// ---- memory ----

static void
short_memory_ends_a_call_and_leaves_nothing_over(void **state)
{
	(void)state;
	long before = mem_live();
	for (long nth = 0;; nth++) {
		// The fake's own memory is not to fail: it is there before.
		GrpcCall *call = mem_alloc(sizeof(*call));
		Bytes *head = bytes_copy(NULL, slice_text("\x08\x01\x12\x01q\x1A\x01p"));
		call->server = flight_server_grpc(server);
		call->refs = 1;
		call->method = &call->server->options.methods[2]; // GetFlightInfo
		GrpcMessage message = {.head = head};
		buf_reserve(&call->sent[0], 64);

		fault_arm(nth);
		call->method->open(call);
		call->method->message(call, &message);
		bool happened = fault_disarm();

		assert_true(call->finished);
		assert_int_equal(call->status, happened ? GRPC_RESOURCE_EXHAUSTED : GRPC_OK);
		assert_int_equal(call->sent_count, happened ? 0 : 1);
		grpc_message_close(&message);
		fake_free(call);
		assert_int_equal(mem_live(), before);
		if (!happened)
			break;
	}
}

static void
a_server_without_memory_is_none(void **state)
{
	(void)state;
	long before = mem_live();
	for (long nth = 0;; nth++) {
		FlightServer *other = NULL;
		FlightOptions options = {.handlers = &HANDLERS};
		Error err = ERROR_INIT;
		fault_arm(nth);
		Status status = flight_server_new(&options, &other, &err);
		if (!fault_disarm()) {
			assert_int_equal(status, ST_OK);
			flight_server_free(other);
			break;
		}
		assert_int_equal(status, ST_NO_MEMORY);
		assert_null(other);
		assert_int_equal(mem_live(), before);
	}
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(each_request_reaches_its_handler_and_is_answered),
		TEST(a_request_that_cannot_be_read_is_refused_and_reaches_nobody),
		TEST(what_has_no_handler_is_unimplemented_by_name),
		TEST(who_is_refused_reaches_nobody_but_done),
		TEST(a_handshake_with_a_credential_in_its_header_waits_for_nothing),
		TEST(a_handshake_without_header_takes_its_first_message),
		TEST(a_handshake_that_says_nothing_is_asked_at_its_end),
		TEST(a_put_gets_headers_at_once_and_its_messages_in_order),
		TEST(a_put_that_is_refused_at_once_has_no_headers),
		TEST(put_data_may_be_kept_longer_than_the_call),
		TEST(a_late_answer_goes_out_and_one_after_the_end_is_ignored),
		TEST(a_body_is_sent_from_where_it_lies),
		TEST(a_message_too_big_for_clients_ends_the_call),
		TEST(an_error_carries_its_text_and_its_position),
		TEST(short_memory_ends_a_call_and_leaves_nothing_over),
		TEST(a_server_without_memory_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
