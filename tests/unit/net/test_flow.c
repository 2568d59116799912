#include "support.h"

// Windows both ways, the high-water mark, and what one write carries.

static char zeros[4 * MIB];

static void
a_stream_gets_room_only_for_what_was_consumed(void **state)
{
	(void)state;
	options.stream_window = 1000;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	for (int i = 0; i < 10; i++)
		client_send_message(client, stream, zeros, 295);
	client_pump(client);
	assert_int_equal(seen.messages, 3);
	client_pump(client);
	assert_int_equal(seen.messages, 3);
	grpc_consume(seen.call, 300);
	client_pump(client);
	assert_int_equal(seen.messages, 3); // told when half of it is free
	grpc_consume(seen.call, 300);
	client_pump(client);
	assert_int_equal(seen.messages, 5);
	for (int i = 0; i < 10; i++) {
		grpc_consume(seen.call, 300);
		client_pump(client);
	}
	assert_int_equal(seen.messages, 10);
	stop_with_client(client);
}

static void
a_stalled_stream_does_not_stall_others(void **state)
{
	(void)state;
	options.stream_window = 60 * KIB;
	options.connection_window = 64 * KIB;
	Client *client = start_with_client();
	for (int i = 0; i < 3; i++)
		client_send_message(client, client_call(client, "/t.T/Hold"), zeros, 200 * KIB);
	client_pump(client);
	Stream *echo = client_call(client, "/t.T/Echo");
	for (int i = 0; i < 100; i++)
		client_send_message(client, echo, zeros, 10 * KIB);
	client_end(client, echo);
	client_pump(client);
	assert_ended(echo, GRPC_OK, "");
	assert_int_equal(echo->data.len, 100 * (10 * KIB + 5));
	stop_with_client(client);
}

static void
a_message_above_the_window_gets_through_and_the_next_waits(void **state)
{
	(void)state;
	options.stream_window = 1000;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	for (int i = 0; i < 3; i++)
		client_send_message(client, stream, zeros, 10000);
	client_pump(client);
	assert_int_equal(seen.messages, 1);
	size_t left = stream->body.len - stream->body.pos;
	assert_true(left >= 2 * 10005 - 1000);
	grpc_consume(seen.call, 10000);
	client_pump(client);
	assert_int_equal(seen.messages, 1);
	grpc_consume(seen.call, 5);
	client_pump(client);
	assert_int_equal(seen.messages, 2);
	grpc_consume(seen.call, 10005);
	client_pump(client);
	assert_int_equal(seen.messages, 3);
	stop_with_client(client);
}

static void
a_message_of_most_of_the_window_does_not_wait_for_ever(void **state)
{
	(void)state;
	options.stream_window = 1000;
	Client *client = start_with_client();
	for (size_t first = 0; first < 900; first += 50) {
		for (size_t second = 0; second < 1000; second += 50) {
			Stream *stream = client_call(client, "/t.T/Hold");
			client_send_message(client, stream, zeros, first);
			client_pump(client);
			grpc_consume(seen.call, first + 5);
			client_send_message(client, stream, zeros, second);
			client_pump(client);
			assert_int_equal(seen.messages, 2);
			seen_forget_messages();
			client_reset(client, stream, NGHTTP2_CANCEL);
		}
	}
	stop_with_client(client);
}

static void
consuming_too_much_changes_nothing(void **state)
{
	(void)state;
	options.stream_window = 1000;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Hold");
	client_send_message(client, stream, zeros, 100);
	client_pump(client);
	grpc_consume(seen.call, SIZE_MAX);
	grpc_consume(seen.call, SIZE_MAX);
	for (int i = 0; i < 20; i++)
		client_send_message(client, stream, zeros, 295);
	client_pump(client);
	assert_int_equal(seen.messages, 1 + 2);
	stop_with_client(client);
}

static void
a_method_is_told_when_its_queue_is_full_and_when_to_go_on(void **state)
{
	(void)state;
	options.send_high_water = 1000;
	server_start();
	Client *client = client_new(200, true);
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	Piece piece = {(const uint8_t *)zeros, 395, NULL};
	assert_true(grpc_send(seen.call, &piece, 1));
	assert_true(grpc_send(seen.call, &piece, 1));
	assert_false(grpc_send(seen.call, &piece, 1));
	assert_false(grpc_send(seen.call, &piece, 1)); // queued in any case
	assert_int_equal(grpc_send_queued(seen.call), 1600);
	client_pump(client);
	assert_int_equal(grpc_send_queued(seen.call), 1400);
	assert_int_equal(seen.writable, 0);
	for (int i = 0; i < 20; i++) {
		nghttp2_session_consume(client->session, stream->id, 100);
		client_pump(client);
		assert_int_equal(seen.writable, grpc_send_queued(seen.call) <= 500);
	}
	assert_int_equal(stream->data.len, 1600);
	assert_int_equal(seen.writable, 1);
	stop_with_client(client);
}

static void
trailers_need_no_window(void **state)
{
	(void)state;
	server_start();
	Client *client = client_new(0, true);
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	grpc_send_headers(seen.call);
	client_pump(client);
	grpc_finish(seen.call, GRPC_ALREADY_EXISTS, "so it is");
	client_pump(client);
	assert_ended(stream, GRPC_ALREADY_EXISTS, "so%20it%20is");
	stop_with_client(client);
}

static void
a_blocked_socket_keeps_the_rest_in_the_calls_queue(void **state)
{
	(void)state;
	server_start();
	Client *client = client_new(16 * MIB, false);
	Stream *stream = client_call(client, "/t.T/Hold");
	client_pump(client);
	client->sock->take_max = 100;
	send_bytes(seen.call, zeros, MIB);
	fake_run();
	assert_true(grpc_send_queued(seen.call) >= MIB - net_options.stage_bytes);
	for (size_t sent = 0; sent < 2 * MIB; sent += 77777) {
		client->sock->take_max = 77777;
		client_pump(client);
	}
	assert_int_equal(stream->data.len, MIB + 5);
	stop_with_client(client);
}

static void
a_download_takes_few_writes_and_both_streams_have_their_share(void **state)
{
	(void)state;
	server_start();
	Client *client = client_new(16 * MIB, false);
	nghttp2_settings_entry frames = {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, MIB};
	nghttp2_submit_settings(client->session, NGHTTP2_FLAG_NONE, &frames, 1);
	Stream *streams[2];
	GrpcCall *calls[2];
	for (int i = 0; i < 2; i++) {
		streams[i] = client_call(client, "/t.T/Hold");
		client_pump(client);
		calls[i] = grpc_call_ref(seen.call);
	}
	Bytes *body = bytes_new(NULL, 4 * MIB);
	memset(bytes_data(body), 0, bytes_len(body));
	os.writes = 0;
	for (int i = 0; i < 2; i++) {
		Piece piece = {bytes_data(body), bytes_len(body), body};
		grpc_send(calls[i], &piece, 1);
	}
	bytes_unref(body);
	client->sock->take_max = 2 * MIB;
	fake_run();
	assert_true(grpc_send_queued(calls[0]) < 4 * MIB);
	assert_true(grpc_send_queued(calls[1]) < 4 * MIB);
	client->sock->take_max = SIZE_MAX;
	client_pump(client);
	assert_int_equal(streams[0]->data.len, 4 * MIB + 5);
	assert_int_equal(streams[1]->data.len, 4 * MIB + 5);
	assert_in_range(os.writes, 8 * MIB / (350 * KIB), 8 * MIB / (100 * KIB));
	grpc_call_unref(calls[0]);
	grpc_call_unref(calls[1]);
	stop_with_client(client);
}

static void
a_turn_of_small_answers_is_one_write(void **state)
{
	(void)state;
	Client *client = start_with_client();
	Stream *stream = client_call(client, "/t.T/Echo");
	for (int i = 0; i < 100; i++)
		client_send_message(client, stream, "small", 5);
	client_pump(client);
	os.writes = 0;
	for (int i = 0; i < 100; i++)
		client_send_message(client, stream, "small", 5);
	client_pump(client);
	assert_int_equal(stream->data.len, 200 * 10);
	assert_true(os.writes <= 2); // a WINDOW_UPDATE may have its own
	stop_with_client(client);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_stream_gets_room_only_for_what_was_consumed, set_up),
		cmocka_unit_test_setup(a_stalled_stream_does_not_stall_others, set_up),
		cmocka_unit_test_setup(a_message_above_the_window_gets_through_and_the_next_waits, set_up),
		cmocka_unit_test_setup(a_message_of_most_of_the_window_does_not_wait_for_ever, set_up),
		cmocka_unit_test_setup(consuming_too_much_changes_nothing, set_up),
		cmocka_unit_test_setup(a_method_is_told_when_its_queue_is_full_and_when_to_go_on, set_up),
		cmocka_unit_test_setup(trailers_need_no_window, set_up),
		cmocka_unit_test_setup(a_blocked_socket_keeps_the_rest_in_the_calls_queue, set_up),
		cmocka_unit_test_setup(a_download_takes_few_writes_and_both_streams_have_their_share,
							   set_up),
		cmocka_unit_test_setup(a_turn_of_small_answers_is_one_write, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
