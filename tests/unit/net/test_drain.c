#include "support.h"

// Stopping: a notice, the last stream, and what happens to calls that still run.

static void
a_running_call_ends_in_peace(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *running = client_call(client, "/t.T/Hold");
	client_pump(client);
	net_server_drain(net, os.now_ns + 10 * SECOND);
	client_pump(client);
	assert_int_equal(client->goaways, 2);
	assert_int_equal(client->goaway_last, running->id);
	assert_int_equal(client->goaway_error, NGHTTP2_NO_ERROR);
	assert_false(running->closed);

	send_bytes(seen.call, "late", 4);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(running, GRPC_OK, "");
	assert_false(client->sock->open);
	assert_int_equal(net_server_counts(net).connections, 0);

	FakeSock *late = fake_connect();
	fake_run();
	assert_true(late->waiting); // nobody listens
	late->waiting = false;
	fake_forget(late);
	stop_with_client(client);
}

static void
a_stream_opened_before_the_notice_arrived_is_served(void **state)
{
	(void)state;
	Client *client = start_with_client();
	net_server_drain(net, os.now_ns + 10 * SECOND);
	fake_run(); // the notice is under way
	Stream *crossing = client_call(client, "/t.T/Hold");
	client_pump(client);
	assert_int_equal(seen.opened, 1);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(crossing, GRPC_OK, "");
	assert_false(client->sock->open);
	stop_with_client(client);
}

static void
an_idle_connection_is_closed(void **state)
{
	(void)state;
	Client *client = start_with_client();
	net_server_drain(net, os.now_ns + 10 * SECOND);
	net_server_drain(net, os.now_ns); // the first one counts
	client_pump(client);
	assert_int_equal(client->goaways, 1); // nghttp2 needs no second one to end
	fake_advance(SECOND);
	assert_false(client->sock->open);
	stop_with_client(client);
}

static void
a_peer_that_does_not_answer_is_not_waited_for(void **state)
{
	(void)state;
	Client *client = start_with_client();
	net_server_drain(net, os.now_ns + 10 * SECOND);
	fake_advance(0); // the client does not see the notice
	assert_true(client->sock->open);
	fake_advance(2 * SECOND);
	assert_false(client->sock->open);
	stop_with_client(client);
}

static void
the_deadline_cancels_what_still_runs(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *running = client_call(client, "/t.T/Hold");
	client_pump(client);
	net_server_drain(net, os.now_ns + 10 * SECOND);
	client_pump(client);
	fake_advance(9 * SECOND);
	assert_int_equal(seen.done, 0);
	fake_advance(SECOND);
	assert_int_equal(seen.done, 1);
	assert_int_equal(net_server_counts(net).connections, 0);
	client_pump(client);
	assert_ended(running, GRPC_UNAVAILABLE, "the%20server%20is%20stopping");
	stop_with_client(client);
}

static void
the_deadline_closes_also_what_does_not_read(void **state)
{
	(void)state;
	Client *client = start_with_client();
	client_call(client, "/t.T/Hold");
	client_pump(client);
	client->sock->take_max = 0;
	static char text[MIB];
	send_bytes(seen.call, text, sizeof(text));
	net_server_drain(net, os.now_ns + SECOND);
	fake_run();
	fake_advance(SECOND);
	assert_int_equal(net_server_counts(net).connections, 0);
	assert_int_equal(seen.done, 1);
	stop_with_client(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_running_call_ends_in_peace, set_up),
		cmocka_unit_test_setup(a_stream_opened_before_the_notice_arrived_is_served, set_up),
		cmocka_unit_test_setup(an_idle_connection_is_closed, set_up),
		cmocka_unit_test_setup(a_peer_that_does_not_answer_is_not_waited_for, set_up),
		cmocka_unit_test_setup(the_deadline_cancels_what_still_runs, set_up),
		cmocka_unit_test_setup(the_deadline_closes_also_what_does_not_read, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
