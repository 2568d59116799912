// grpc.health.v1: who asks and who watches.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/fault.h"
#include "fake_grpc.h"
#include "flight/flight.h"

#define CHECK "/grpc.health.v1.Health/Check"
#define WATCH "/grpc.health.v1.Health/Watch"
#define FLIGHT                                                                                     \
	"\x0A\x23"                                                                                     \
	"arrow.flight.protocol.FlightService"
#define UNKNOWN                                                                                    \
	"\x0A\x01"                                                                                     \
	"x"

#define SERVING         "\x08\x01"
#define NOT_SERVING     "\x08\x02"
#define SERVICE_UNKNOWN "\x08\x03"

static bool is_healthy;
static FlightServer *server;

static bool
healthy(void *service)
{
	(void)service;
	return is_healthy;
}

static int
start(void **state)
{
	(void)state;
	static const FlightHandlers none = {0};
	is_healthy = true;
	FlightOptions options = {.handlers = &none, .healthy = healthy};
	return flight_server_new(&options, &server, NULL) == ST_OK ? 0 : -1;
}

static int
stop(void **state)
{
	(void)state;
	flight_server_free(server);
	return mem_live() == 0 ? 0 : -1;
}

static GrpcCall *
ask(const char *path, const char *request)
{
	GrpcCall *call = fake_open(flight_server_grpc(server), path, NULL);
	fake_message(call, slice_text(request), NULL);
	fake_half_close(call);
	assert_int_equal(call->consumed, strlen(request));
	return call;
}

static void
assert_said(GrpcCall *call, int count, const char *last)
{
	assert_int_equal(call->sent_count, count);
	assert_true(slice_is(buf_slice(&call->sent[count - 1]), last));
}

static void
a_check_says_what_is_so_now(void **state)
{
	(void)state;
	static const char *const services[] = {"", FLIGHT};
	for (size_t i = 0; i < 2 * COUNT_OF(services); i++) {
		is_healthy = i % 2 == 0;
		GrpcCall *call = ask(CHECK, services[i / 2]);
		assert_said(call, 1, is_healthy ? SERVING : NOT_SERVING);
		assert_true(call->finished);
		assert_int_equal(call->status, GRPC_OK);
		fake_free(call);
	}
}

static void
a_check_of_another_service_finds_nothing(void **state)
{
	(void)state;
	GrpcCall *call = ask(CHECK, UNKNOWN);
	assert_int_equal(call->status, GRPC_NOT_FOUND);
	fake_free(call);
	call = ask(CHECK, "\x0A\x7F");
	assert_int_equal(call->status, GRPC_INVALID_ARGUMENT);
	fake_free(call);
	call = ask(WATCH, "\x0A\x7F");
	assert_int_equal(call->status, GRPC_INVALID_ARGUMENT);
	fake_free(call);
}

static void
a_watch_hears_each_change_once(void **state)
{
	(void)state;
	GrpcCall *call = ask(WATCH, "");
	assert_said(call, 1, SERVING);
	is_healthy = false;
	flight_server_health_changed(server);
	flight_server_health_changed(server); // posted already
	fake_run_posted(call);
	assert_said(call, 2, NOT_SERVING);
	flight_server_health_changed(server); // nothing new
	fake_run_posted(call);
	assert_said(call, 2, NOT_SERVING);
	is_healthy = true;
	flight_server_health_changed(server);
	fake_run_posted(call);
	assert_said(call, 3, SERVING);
	assert_false(call->finished);
	fake_free(call);
}

static void
watches_come_and_go_in_any_order(void **state)
{
	(void)state;
	GrpcCall *calls[] = {ask(WATCH, ""), ask(WATCH, FLIGHT), ask(WATCH, UNKNOWN), ask(WATCH, "")};
	assert_said(calls[2], 1, SERVICE_UNKNOWN);
	fake_free(calls[1]);
	fake_free(calls[3]);
	is_healthy = false;
	flight_server_health_changed(server);
	fake_run_posted(calls[0]);
	fake_run_posted(calls[2]);
	assert_said(calls[0], 2, NOT_SERVING);
	assert_said(calls[2], 1, SERVICE_UNKNOWN);
	fake_free(calls[0]);
	fake_free(calls[2]);
}

static void
news_for_a_watch_that_ended_go_nowhere(void **state)
{
	(void)state;
	GrpcCall *call = ask(WATCH, "");
	is_healthy = false;
	flight_server_health_changed(server);
	fake_done(call);
	fake_run_posted(call);
	assert_said(call, 1, SERVING);
	flight_server_health_changed(server);
	assert_null(call->posted);
	fake_free(call);
}

static void
a_drain_ends_watches_the_old_and_the_new(void **state)
{
	(void)state;
	GrpcCall *old = ask(WATCH, "");
	flight_server_drain(server);
	fake_run_posted(old);
	assert_said(old, 2, NOT_SERVING);
	assert_int_equal(old->status, GRPC_UNAVAILABLE);
	fake_free(old);

	GrpcCall *new = ask(WATCH, "");
	assert_said(new, 1, NOT_SERVING);
	assert_int_equal(new->status, GRPC_UNAVAILABLE);
	fake_free(new);
	GrpcCall *check = ask(CHECK, "");
	assert_said(check, 1, NOT_SERVING);
	fake_free(check);
}

static void
a_watch_without_memory_is_refused(void **state)
{
	(void)state;
	GrpcCall *call = fake_open(flight_server_grpc(server), WATCH, NULL);
	GrpcMessage message = {.head = bytes_copy(NULL, (Slice){0})};
	fault_arm(0);
	call->method->message(call, &message);
	assert_true(fault_disarm());
	assert_int_equal(call->status, GRPC_RESOURCE_EXHAUSTED);
	grpc_message_close(&message);
	flight_server_health_changed(server);
	assert_null(call->posted);
	fake_free(call);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(a_check_says_what_is_so_now),
		TEST(a_check_of_another_service_finds_nothing),
		TEST(a_watch_hears_each_change_once),
		TEST(watches_come_and_go_in_any_order),
		TEST(news_for_a_watch_that_ended_go_nowhere),
		TEST(a_drain_ends_watches_the_old_and_the_new),
		TEST(a_watch_without_memory_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
