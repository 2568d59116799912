#include "support.h"

#include "os/file.h"

// Every allocation and system call fails in turn; nothing may be left over, no call be done twice
// or never, and what got through must be right.

static void
answer_with_everything(GrpcCall *call)
{
	static char text[20000];
	Bytes *owned = bytes_copy(NULL, slice_of(text, sizeof(text)));
	grpc_add_header(call, "x-header-bin", slice_text("\1\2"));
	grpc_add_trailer(call, "x-trailer", slice_text("t"));
	grpc_send_headers(call);
	Piece pieces[] = {{(const uint8_t *)"a", 1, NULL}, {(const uint8_t *)text, 20000, owned}};
	for (int i = 0; i < 10; i++)
		grpc_send(call, pieces, owned == NULL ? 1 : 2);
	bytes_unref(owned);
	grpc_finish(call, GRPC_NOT_FOUND, "so it ended");
}

// Every kind of call there is. The one that tells whether all went well.
static Stream *
use_server(Client *client)
{
	static const char gzipped[] = // the text "\x0a\x01h\xc2\x3e\x01b"
		"\x1f\x8b\x08\0\0\0\0\0\x02\x03\xe3\x62\xcc\x38\x64\xc7\x98\x04\0\x3b\xb0\x14\x13\x07\0\0"
		"\0";
	Stream *split = client_call_with(client, "/t.T/Split", "grpc-encoding", "gzip");
	uint8_t prefix[] = {1, 0, 0, 0, sizeof(gzipped) - 1};
	client_send(client, split, prefix, sizeof(prefix));
	client_send(client, split, gzipped, sizeof(gzipped) - 1);
	client_send(client, split, "\0\0\0\0\x05\xc2\x3e\x02\x01", 9); // a body that ends elsewhere
	client_pump(client);
	client_call_with(client, "/t.T/Nothing", "x-raw-bin", "AQ,Ag");
	const char *get[] = {":method", "GET",        ":path", "/", ":scheme",
						 "http",    ":authority", "a",     NULL};
	client_request(client, get, false);
	client_call_with(client, "/t.T/Hold", "grpc-timeout", "1S");
	client_pump(client);
	fake_advance(SECOND);
	Stream *full = client_call(client, "/t.T/Hold");
	client_send_message(client, full, "x", 1);
	client_pump(client);
	if (seen.call != NULL)
		answer_with_everything(seen.call);
	client_pump(client);
	return full;
}

// False when the server could not even begin.
static bool
whole_life(bool *ok)
{
	if (grpc_server_new(&options, &server, NULL) != ST_OK ||
		net_server_new(&net_options, &net, NULL) != ST_OK) {
		server_free();
		return false;
	}
	bool listens = net_server_listen(net, FAKE_LISTENER, &(NetPort){.grpc = server}, NULL) == ST_OK;
	Client *client = client_new(MIB, false);
	client_pump(client);
	Stream *full = use_server(client);
	*ok = full->grpc_status == GRPC_NOT_FOUND && full->data.len == 10 * 20006;
	net_server_drain(net, os.now_ns + SECOND);
	client_pump(client);
	fake_advance(SECOND);
	client_free(client);
	seen_forget_messages();
	seen_forget_call();
	server_free();
	return listens;
}

static void
run_faults(void (*arm)(long nth))
{
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		bool ok = false;
		seen.opened = seen.done = 0;
		arm(nth);
		bool began = whole_life(&ok);
		failed = fault_disarm();
		assert_int_equal(mem_live(), 0);
		assert_int_equal(file_live(), 0);
		assert_int_equal(seen.opened, seen.done);
		assert_int_equal(seen.reserved, 0);
		if (!failed)
			assert_true(began && ok);
		assert_true(nth < 3000);
	}
}

static void
nothing_is_left_over_whatever_fails_once(void **state)
{
	(void)state;
	run_faults(fault_arm);
}

static void
nothing_is_left_over_whatever_fails_from_then_on(void **state)
{
	(void)state;
	run_faults(fault_arm_sticky);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(nothing_is_left_over_whatever_fails_once, set_up),
		cmocka_unit_test_setup(nothing_is_left_over_whatever_fails_from_then_on, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
