// What a call shows of its caller.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fault.h"
#include "fake_grpc.h"
#include "flight/flight.h"

typedef struct Case {
	const char *header, *auth_token, *payload;
	Status status;
	CredentialsKind kind;
	const char *user, *password, *token;
} Case;

static Case now;
static FlightServer *server;

static void
handshake(FlightCall *call, Slice payload)
{
	// Where the header speaks the payload is not asked for; the function is given it all the same.
	if (now.payload != NULL)
		payload = slice_text(now.payload);
	FlightCredentials got = {0};
	Error err = ERROR_INIT;
	assert_int_equal(flight_credentials(call, payload, &got, &err), now.status);
	if (now.status != ST_OK) {
		assert_string_not_equal(err.text, "");
	} else {
		assert_int_equal(got.kind, now.kind);
		assert_true(slice_is(got.user, now.user));
		assert_true(slice_is(got.password, now.password));
		assert_true(slice_is(got.token, now.token));
	}
	flight_credentials_close(&got);
	flight_finish(call, ST_OK, NULL);
}

static const FlightHandlers HANDLERS = {.handshake = handshake};

static void
try(const Case *c)
{
	now = *c;
	FakeHeader headers[3] = {0};
	size_t count = 0;
	if (c->header != NULL)
		headers[count++] = (FakeHeader){"authorization", c->header};
	if (c->auth_token != NULL)
		headers[count++] = (FakeHeader){"auth-token-bin", c->auth_token};
	GrpcCall *call = fake_open(flight_server_grpc(server),
							   "/arrow.flight.protocol.FlightService/Handshake", headers);
	fake_half_close(call);
	assert_true(call->finished);
	fake_free(call);
}

static void
credentials_are_found_where_clients_put_them(void **state)
{
	(void)state;
#define AUTH                                                                                       \
	"\x12\x05"                                                                                     \
	"arrow\x1A\x06"                                                                                \
	"flight"
	static const Case cases[] = {
		{NULL, NULL, NULL, ST_OK, CREDENTIALS_NONE, "", "", ""},
		{"Basic YTpi", NULL, NULL, ST_OK, CREDENTIALS_BASIC, "a", "b", ""},
		{"BASIC  YTpiOmM", NULL, NULL, ST_OK, CREDENTIALS_BASIC, "a", "b:c", ""}, // no padding
		{"basic YTpiOmM=", NULL, AUTH, ST_OK, CREDENTIALS_BASIC, "a", "b:c", ""}, // padding
		{"Basic Og==", NULL, NULL, ST_OK, CREDENTIALS_BASIC, "", "", ""},         // ":"
		{"Bearer abc.def", NULL, AUTH, ST_OK, CREDENTIALS_BEARER, "", "", "abc.def"},
		{NULL, NULL, AUTH, ST_OK, CREDENTIALS_BASIC, "arrow", "flight", ""},
		{NULL, "t", NULL, ST_OK, CREDENTIALS_BEARER, "", "", "t"},
		{NULL, "", NULL, ST_OK, CREDENTIALS_NONE, "", "", ""},
		{NULL, "t", AUTH, ST_OK, CREDENTIALS_BASIC, "arrow", "flight", ""},
		{"Digest x", NULL, NULL, ST_OK, CREDENTIALS_NONE, "", "", ""},
		{"Basic", NULL, NULL, ST_OK, CREDENTIALS_NONE, "", "", ""},
		{"Basic ?", NULL, NULL, ST_UNAUTHENTICATED, 0, "", "", ""},
		{"Basic YWI=", NULL, NULL, ST_UNAUTHENTICATED, 0, "", "", ""}, // "ab"
		{"Basic ", NULL, NULL, ST_UNAUTHENTICATED, 0, "", "", ""},
		{NULL, NULL,
		 "\x12\x09"
		 "arrow",
		 ST_UNAUTHENTICATED, 0, "", "", ""},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		try(&cases[i]);
}

static int
start(void **state)
{
	(void)state;
	FlightOptions options = {.handlers = &HANDLERS};
	return flight_server_new(&options, &server, NULL) == ST_OK ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	flight_server_free(server);
	return mem_live() == 0 ? 0 : -1;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(credentials_are_found_where_clients_put_them, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
