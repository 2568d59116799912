#include "support.h"

// The life of a call: answers, ends, and that done comes once.

static void
settings_come_first_and_at_once(void **state)
{
	(void)state;
	options.max_streams = 77;
	server_start();
	Client *client = client_new(64 * KIB, false);
	fake_run(); // the client has said nothing yet
	assert_true(client->sock->to_client.len > 9);
	assert_int_equal(client->sock->to_client.data[3], NGHTTP2_SETTINGS);
	assert_true(client->sock->small_buffer);
	client_pump(client);
	assert_int_equal(client->first_frame, NGHTTP2_SETTINGS);
	assert_int_equal(client->settings[NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS], 77);
	assert_int_equal(client->settings[NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE], options.stream_window);
	assert_int_equal(client->settings[NGHTTP2_SETTINGS_MAX_FRAME_SIZE], MIB);
	assert_int_equal(client->settings[NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE], 16 * KIB);
	stop_with_client(client);
}

static void
a_unary_call_gets_headers_message_trailers(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Unary");
	client_send_message(client, stream, "hello", 5);
	client_end(client, stream);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_true(stream->closed);
	assert_int_equal(stream->header_blocks, 2);
	assert_true(client_has_field(stream, "content-type: application/grpc\n"));
	assert_int_equal(stream->data.len, 10);
	assert_memory_equal(stream->data.data, "\0\0\0\0\5hello", 10);
	assert_int_equal(seen.done, 1);
	assert_int_equal(grpc_server_counts(server).calls_total, 1);
	stop_with_client(client);
}

static void
an_end_before_any_answer_is_trailers_only(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	grpc_add_header(seen.call, "x-early", slice_text("1"));
	grpc_add_trailer(seen.call, "x-late", slice_text("2"));
	grpc_add_trailer(seen.call, "x-raw-bin", slice_of("\1\2\3\4", 4));
	grpc_finish(seen.call, GRPC_NOT_FOUND, "no such thing: 100 % of \xC3\xA4\n");
	grpc_finish(seen.call, GRPC_OK, "the second one is ignored");
	client_pump(client);
	assert_ended(stream, GRPC_NOT_FOUND, "no%20such%20thing:%20100%20%25%20of%20%C3%A4%0A");
	assert_int_equal(stream->header_blocks, 1);
	assert_true(client_has_field(stream, "content-type: application/grpc\n"));
	assert_true(client_has_field(stream, "x-early: 1\n"));
	assert_true(client_has_field(stream, "x-late: 2\n"));
	assert_true(client_has_field(stream, "x-raw-bin: AQIDBA\n")); // unpadded
	stop_with_client(client);
}

static void
an_end_before_the_clients_is_followed_by_a_reset_without_error(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_send_message(client, stream, "a", 1);
	client_pump(client);
	send_bytes(seen.call, "answer", 6);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_int_equal(stream->data.len, 11);
	assert_true(stream->closed);
	assert_int_equal(stream->error, NGHTTP2_NO_ERROR);
	assert_int_equal(seen.done, 1);
	stop_with_client(client);
}

static void
headers_can_go_ahead_of_everything(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	grpc_send_headers(seen.call);
	grpc_send_headers(seen.call);
	client_pump(client);
	assert_int_equal(stream->http_status, 200);
	assert_int_equal(stream->header_blocks, 1);
	assert_false(stream->ended);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_int_equal(stream->header_blocks, 2);
	stop_with_client(client);
}

static void
queued_messages_leave_before_the_trailers(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_end(client, stream);
	client_pump(client);
	assert_int_equal(seen.half_closed, 1);
	for (int i = 0; i < 1000; i++)
		send_bytes(seen.call, "0123456789", 10);
	grpc_finish(seen.call, GRPC_OK, NULL);
	assert_int_equal(seen.done, 0);
	send_bytes(seen.call, "too late", 8);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_int_equal(stream->data.len, 15000);
	assert_int_equal(seen.done, 1);
	stop_with_client(client);
}

static void
a_message_may_have_many_pieces_with_and_without_owner(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	Bytes *big = bytes_new(NULL, 300 * KIB);
	memset(bytes_data(big), 'b', bytes_len(big));
	Piece pieces[200];
	for (size_t i = 0; i < COUNT_OF(pieces); i++)
		pieces[i] = i % 2 == 0 ? (Piece){(const uint8_t *)"ab", 2, NULL}
							   : (Piece){bytes_data(big) + i, 1000, big};
	pieces[100] = (Piece){bytes_data(big), 300 * KIB, big};
	grpc_send(seen.call, pieces, COUNT_OF(pieces));
	bytes_unref(big);
	size_t len = 99 * 2 + 100 * 1000 + 300 * KIB;
	assert_int_equal(grpc_send_queued(seen.call), len + 5);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_int_equal(stream->data.len, len + 5);
	size_t as = 0;
	for (size_t i = 5; i < stream->data.len; i++)
		as += stream->data.data[i] == 'a';
	assert_int_equal(as, 99);
	stop_with_client(client);
}

static void
a_cancelled_call_is_done_and_may_be_held_on(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	client_reset(client, stream, NGHTTP2_CANCEL);
	client_pump(client);
	assert_int_equal(seen.done, 1);
	assert_int_equal(grpc_server_counts(server).calls_open, 1);
	send_bytes(seen.call, "x", 1);
	grpc_consume(seen.call, 100);
	grpc_send_headers(seen.call);
	grpc_finish(seen.call, GRPC_OK, NULL);
	client_pump(client);
	seen_forget_call();
	assert_int_equal(grpc_server_counts(server).calls_open, 0);
	stop_with_client(client);
}

static void
a_lost_connection_ends_its_calls(void **state)
{
	(void)state;
	Client *client = start_with_client();
	for (int i = 0; i < 3; i++)
		client_call(client, "/t.T/Hold");
	client_pump(client);
	send_bytes(seen.call, "x", 1);
	client_free(client);
	assert_int_equal(seen.opened, 3);
	assert_int_equal(seen.done, 3);
	assert_int_equal(net_server_counts(net).connections, 0);
	assert_string_equal(grpc_call_peer(seen.call), "127.0.0.1:4711"); // still valid
	server_stop();
}

static void
a_call_may_outlive_its_server(void **state)
{
	(void)state;
	Client *client = start_with_client();
	client_call(client, "/t.T/Hold");
	client_pump(client);
	GrpcCall *call = grpc_call_ref(seen.call);
	seen_forget_call();
	server_free();
	assert_int_equal(seen.done, 1);
	assert_true(grpc_call_is_done(call));
	send_bytes(call, "x", 1);
	grpc_call_unref(call);
	assert_int_equal(mem_live(), 0);
	client_free(client);
}

static void
deadlines_end_calls(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call_with(client, "/t.T/Hold", "grpc-timeout", "250m");
	client_pump(client);
	assert_int_equal(grpc_call_deadline_ns(seen.call), os.now_ns + 250000000);
	fake_advance(249999999);
	assert_int_equal(seen.done, 0);
	fake_advance(1);
	assert_int_equal(seen.done, 1);
	client_pump(client);
	assert_ended(stream, GRPC_DEADLINE_EXCEEDED, "deadline");

	client_call(client, "/t.T/Hold");
	client_pump(client);
	assert_true(grpc_call_deadline_ns(seen.call) == INT64_MAX);
	stop_with_client(client);
}

static void
a_deadline_in_the_middle_of_a_message_resets(void **state)
{
	(void)state;
	server_start();
	Client *client = client_new(100, true);
	Stream *stream = client_call_with(client, "/t.T/Hold", "grpc-timeout", "1S");
	client_pump(client);
	char big[1000] = {0};
	send_bytes(seen.call, big, sizeof(big));
	client_pump(client);
	assert_int_equal(stream->data.len, 100);
	fake_advance(SECOND);
	client_pump(client);
	assert_true(stream->closed);
	assert_int_equal(stream->error, NGHTTP2_CANCEL);
	assert_int_equal(seen.done, 1);
	stop_with_client(client);
}

static void
a_unary_method_takes_exactly_one_message(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *none = client_call(client, "/t.T/Unary");
	client_end(client, none);
	client_pump(client);
	assert_ended(none, GRPC_INTERNAL, "none%20came");

	static const GrpcMethod one = {.path = "/t.T/One",
								   .unary_in = true,
								   .open = on_open,
								   .message = on_message,
								   .done = on_done};
	stop_with_client(client);
	options.methods = &one;
	options.method_count = 1;
	client = start_with_client();
	Stream *two = client_call(client, "/t.T/One");
	client_send_message(client, two, "a", 1);
	client_send_message(client, two, "b", 1);
	client_pump(client);
	assert_ended(two, GRPC_INTERNAL, "more%20came");
	assert_int_equal(seen.messages, 1);
	stop_with_client(client);
}

static Stream *
plain(Client *client, const char *method, const char *content_type)
{
	const char *fields[] = {":method",    method, ":scheme",      "http",       ":path", "/",
							":authority", "test", "content-type", content_type, NULL};
	Stream *stream = client_request(client, fields, false);
	client_pump(client);
	assert_true(stream->ended);
	return stream;
}

static void
what_is_not_grpc_is_answered_as_http(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *get = plain(client, "GET", "text/html");
	assert_int_equal(get->http_status, 405);
	assert_int_equal(get->grpc_status, -1);
	assert_true(client_has_field(get, "allow: POST\n"));
	assert_true(get->data.len > 0);
	assert_int_equal(plain(client, "HEAD", "x")->data.len, 0);
	assert_int_equal(plain(client, "POST", "application/json")->http_status, 415);
	assert_int_equal(plain(client, "POST", "application/grpc-web")->http_status, 415);
	assert_int_equal(plain(client, "POST", "application/grpc+proto")->http_status, 200);
	assert_int_equal(plain(client, "POST", "application/grpc; charset=x")->http_status, 200);
	assert_int_equal(seen.opened, 0);
	stop_with_client(client);
}

static void
an_unknown_path_is_unimplemented_or_falls_back(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Nothing");
	client_pump(client);
	assert_ended(stream, GRPC_UNIMPLEMENTED, "/t.T/Nothing");
	stop_with_client(client);

	static const GrpcMethod any = {.open = on_open, .message = on_message, .done = on_done};
	options.methods = &any;
	options.method_count = 1;
	client = start_with_client();
	client_call(client, "/t.T/Nothing");
	client_pump(client);
	Slice path;
	assert_true(grpc_call_header(seen.call, ":path", 0, &path));
	assert_true(slice_is(path, "/t.T/Nothing"));
	stop_with_client(client);
}

static void
answer_from_post(void *arg)
{
	send_bytes(arg, "posted", 6);
	grpc_finish(arg, GRPC_OK, NULL);
}

static void
work_elsewhere_posts_back(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	LoopCall post = {.fn = answer_from_post, .arg = seen.call};
	grpc_post(seen.call, &post);
	client_pump(client);
	assert_ended(stream, GRPC_OK, "");
	assert_int_equal(stream->data.len, 11);
	stop_with_client(client);
}

static void
handlers_in_flight_are_bounded_also_cancelled_ones(void **state)
{
	(void)state;
	options.max_calls_connection = 2;
	Client *client = start_with_client();
	GrpcCall *held[2];
	for (int i = 0; i < 2; i++) {
		Stream *stream = client_call(client, "/t.T/Hold");
		client_pump(client);
		held[i] = grpc_call_ref(seen.call);
		client_reset(client, stream, NGHTTP2_CANCEL);
		client_pump(client);
	}
	seen_forget_call();
	Stream *refused = client_call(client, "/t.T/Unary");
	client_pump(client);
	assert_ended(refused, GRPC_RESOURCE_EXHAUSTED, "too%20many%20calls%20of%20this%20connection");
	assert_int_equal(seen.opened, 2);
	grpc_call_unref(held[0]);
	grpc_call_unref(held[1]);
	client_call(client, "/t.T/Hold");
	client_pump(client);
	assert_int_equal(seen.opened, 3);
	stop_with_client(client);
}

static void
handlers_in_flight_are_bounded_in_total(void **state)
{
	(void)state;
	options.max_calls_total = 1;
	Client *client = start_with_client();
	Client *other = client_new(64 * KIB, false);
	client_call(client, "/t.T/Hold");
	client_pump(client);
	Stream *refused = client_call(other, "/t.T/Hold");
	client_pump(other);
	assert_ended(refused, GRPC_RESOURCE_EXHAUSTED, "too%20many%20calls");
	client_free(other);
	stop_with_client(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(settings_come_first_and_at_once, set_up),
		cmocka_unit_test_setup(a_unary_call_gets_headers_message_trailers, set_up),
		cmocka_unit_test_setup(an_end_before_any_answer_is_trailers_only, set_up),
		cmocka_unit_test_setup(an_end_before_the_clients_is_followed_by_a_reset_without_error,
							   set_up),
		cmocka_unit_test_setup(headers_can_go_ahead_of_everything, set_up),
		cmocka_unit_test_setup(queued_messages_leave_before_the_trailers, set_up),
		cmocka_unit_test_setup(a_message_may_have_many_pieces_with_and_without_owner, set_up),
		cmocka_unit_test_setup(a_cancelled_call_is_done_and_may_be_held_on, set_up),
		cmocka_unit_test_setup(a_lost_connection_ends_its_calls, set_up),
		cmocka_unit_test_setup(a_call_may_outlive_its_server, set_up),
		cmocka_unit_test_setup(deadlines_end_calls, set_up),
		cmocka_unit_test_setup(a_deadline_in_the_middle_of_a_message_resets, set_up),
		cmocka_unit_test_setup(a_unary_method_takes_exactly_one_message, set_up),
		cmocka_unit_test_setup(what_is_not_grpc_is_answered_as_http, set_up),
		cmocka_unit_test_setup(an_unknown_path_is_unimplemented_or_falls_back, set_up),
		cmocka_unit_test_setup(work_elsewhere_posts_back, set_up),
		cmocka_unit_test_setup(handlers_in_flight_are_bounded_also_cancelled_ones, set_up),
		cmocka_unit_test_setup(handlers_in_flight_are_bounded_in_total, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
