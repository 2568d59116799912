#include "http_support.h"

#include "os/file.h"
#include "tls_support.h"

// TLS under both protocols, with OpenSSL as the client, over sockets that are strings.

// ---- a client ----

typedef struct TlsClient {
	FakeSock *sock;
	SSL_CTX *ctx;
	SSL *ssl;
	size_t part; // bytes that go to the server at a time
} TlsClient;

static TlsClient
client_connect(int version, const char *alpn)
{
	TlsClient client = {.sock = fake_connect(), .part = SIZE_MAX};
	client.ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(client.ctx, version);
	SSL_CTX_set_max_proto_version(client.ctx, version);
	SSL_CTX_set_security_level(client.ctx, 0);
	client.ssl = SSL_new(client.ctx);
	SSL_set_bio(client.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	if (alpn != NULL)
		SSL_set_alpn_protos(client.ssl, (const uint8_t *)alpn, (unsigned)strlen(alpn));
	SSL_set_connect_state(client.ssl);
	return client;
}

// Both sides talk until neither has more to say.
static void
client_pump(TlsClient *client)
{
	for (bool any = true; any;) {
		any = false;
		if (!SSL_is_init_finished(client->ssl))
			SSL_do_handshake(client->ssl);
		uint8_t block[65536];
		size_t max = client->part < sizeof(block) ? client->part : sizeof(block);
		int n;
		while ((n = BIO_read(SSL_get_wbio(client->ssl), block, (int)max)) > 0) {
			fake_put(&client->sock->to_server, block, (size_t)n);
			any = true;
			if (client->part != SIZE_MAX)
				fake_run();
		}
		fake_run();
		size_t len = fake_get(&client->sock->to_client, block, sizeof(block));
		BIO_write(SSL_get_rbio(client->ssl), block, (int)len);
		any |= len > 0;
	}
}

static void
client_put(TlsClient *client, const void *data, size_t len)
{
	assert_int_equal(SSL_write(client->ssl, data, (int)len), len);
	client_pump(client);
}

// All that came, without the dates, as `got` has it.
static const char *
client_got(TlsClient *client)
{
	static FakeSock plain;
	char block[16384];
	int n;
	while ((n = SSL_read(client->ssl, block, sizeof(block))) > 0)
		fake_put(&plain.to_client, block, (size_t)n);
	return got(&plain);
}

static void
client_leave(TlsClient *client)
{
	leave(client->sock);
	SSL_free(client->ssl);
	SSL_CTX_free(client->ctx);
}

static void
start_tls(void)
{
	assert_int_equal(tls_context_new(cert_path, key_path, &port.tls, NULL), ST_OK);
	assert_int_equal(server_try(), ST_OK);
}

static void
stop_tls(void)
{
	net_server_free(TAKE(net));
	tls_context_free(TAKE(port.tls));
	server_free();
}

#define HELLO_REQUEST "GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"

static void
say_hello(TlsClient *client)
{
	client_put(client, HELLO_REQUEST, strlen(HELLO_REQUEST));
	const char *text = client_got(client);
	assert_non_null(strstr(text, "HTTP/1.1 200 OK\r\n"));
	assert_non_null(strstr(text, "\r\n\r\nhello"));
}

// ---- tests ----

static void
both_versions_are_spoken_in_parts_of_any_size(void **state)
{
	(void)state;
	start_tls();
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	static const size_t parts[] = {1, 7, SIZE_MAX};
	for (size_t i = 0; i < COUNT_OF(versions) * COUNT_OF(parts); i++) {
		TlsClient client = client_connect(versions[i % 2], i % 3 == 0 ? NULL : "\10http/1.1");
		client.part = parts[i / 2];
		client_pump(&client);
		assert_true(SSL_is_init_finished(client.ssl));
		say_hello(&client);
		say_hello(&client);
		client_leave(&client);
	}
	TlsClient old = client_connect(TLS1_1_VERSION, NULL);
	client_pump(&old);
	assert_false(SSL_is_init_finished(old.ssl));
	assert_false(old.sock->open);
	client_leave(&old);
	stop_tls();
}

static void
alpn_or_the_first_bytes_choose_the_protocol(void **state)
{
	(void)state;
	GrpcOptions grpc_options;
	grpc_options_init(&grpc_options);
	assert_int_equal(grpc_server_new(&grpc_options, &port.grpc, NULL), ST_OK);
	start_tls();
	TlsClient h2 = client_connect(TLS1_3_VERSION, "\10http/1.1\2h2");
	client_pump(&h2);
	char frame[9];
	assert_int_equal(SSL_read(h2.ssl, frame, 9), 9); // SETTINGS, unasked
	assert_int_equal(frame[3], 4);
	client_leave(&h2);
	TlsClient h1 = client_connect(TLS1_3_VERSION, "\10http/1.1");
	client_pump(&h1);
	say_hello(&h1);
	client_leave(&h1);
	TlsClient either = client_connect(TLS1_2_VERSION, NULL);
	client_pump(&either);
	say_hello(&either);
	client_leave(&either);
	TlsClient preface = client_connect(TLS1_2_VERSION, NULL);
	client_pump(&preface);
	client_put(&preface, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
	assert_int_equal(SSL_read(preface.ssl, frame, 9), 9);
	assert_int_equal(frame[3], 4);
	client_leave(&preface);
	TlsClient neither = client_connect(TLS1_3_VERSION, "\3ftp");
	client_pump(&neither);
	assert_false(neither.sock->open);
	client_leave(&neither);
	net_server_free(TAKE(net));
	grpc_server_free(TAKE(port.grpc));
	stop_tls();
}

static void
echo_message(WebSocket *ws, WebSocketMessage *message)
{
	Slice data = bytes_slice(message->data);
	websocket_send(ws, message->text, &(Piece){data.data, data.len, message->data}, 1);
}

static void
a_websocket_is_under_it_as_well(void **state)
{
	(void)state;
	static const WebSocketHandler handler = {.max_message = 100, .message = echo_message};
	static const char handshake[] =
		"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	websocket_handler = &handler;
	start_tls();
	TlsClient client = client_connect(TLS1_3_VERSION, "\10http/1.1");
	client_pump(&client);
	client_put(&client, handshake, sizeof(handshake) - 1);
	assert_non_null(strstr(client_got(&client), "101 Switching Protocols"));
	client_put(&client, "\x81\x82\0\0\0\0hi", 8);
	assert_string_equal(client_got(&client), "\x81\x02hi");
	client_leave(&client);
	stop_tls();
}

static void
a_slow_socket_holds_back_what_is_sent(void **state)
{
	(void)state;
	start_tls();
	TlsClient client = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&client);
	static const char request[] = "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n";
	client_put(&client, request, sizeof(request) - 1);
	static uint8_t block[900000];
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (uint8_t)('a' + i % 23);
	http_answer(seen.req, 200, sizeof(block));
	http_send(seen.req, &(Piece){block, sizeof(block), NULL}, 1);
	http_finish(seen.req);
	for (int i = 0; i < 1000; i++) {
		client.sock->take_max = 1000;
		fake_run();
	}
	assert_int_equal(seen.done, 1);
	client_pump(&client);
	const char *text = strstr(client_got(&client), "\r\n\r\n") + 4;
	assert_int_equal(strlen(text), sizeof(block));
	assert_memory_equal(text, block, sizeof(block));
	client_leave(&client);
	stop_tls();
}

static void
an_end_is_told_and_seen(void **state)
{
	(void)state;
	start_tls();
	TlsClient client = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&client);
	static const char request[] = "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
	client_put(&client, request, sizeof(request) - 1);
	assert_non_null(strstr(client_got(&client), "hello"));
	assert_true(SSL_get_shutdown(client.ssl) & SSL_RECEIVED_SHUTDOWN);
	assert_false(client.sock->open);
	client_leave(&client);
	TlsClient leaver = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&leaver);
	SSL_shutdown(leaver.ssl);
	client_pump(&leaver);
	assert_false(leaver.sock->open);
	client_leave(&leaver);
	stop_tls();
}

static void
who_does_not_shake_hands_is_not_waited_for(void **state)
{
	(void)state;
	start_tls();
	FakeSock *plain = fake_connect();
	put(plain, HELLO_REQUEST);
	assert_false(plain->open);
	FakeSock *silent = fake_connect();
	fake_run();
	TlsClient client = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&client); // shook hands, and asks for nothing
	fake_advance(10 * SECOND);
	assert_false(silent->open);
	assert_false(client.sock->open);
	client_leave(&client);
	fake_forget(plain);
	fake_forget(silent);
	stop_tls();
}

static long
serial_of_server(void)
{
	TlsClient client = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&client);
	X509 *x509 = SSL_get1_peer_certificate(client.ssl);
	long serial = ASN1_INTEGER_get(X509_get0_serialNumber(x509));
	X509_free(x509);
	client_leave(&client);
	return serial;
}

static void
files_are_read_again_when_told(void **state)
{
	(void)state;
	Error err = ERROR_INIT;
	start_tls();
	TlsClient old = client_connect(TLS1_3_VERSION, NULL);
	client_pump(&old);
	assert_int_equal(serial_of_server(), 4711);
	write_pair(cert_path, other_key_path, 4712); // the certificate alone does not fit
	assert_int_equal(tls_context_reload(port.tls, &err), ST_INVALID);
	assert_non_null(strstr(err.text, key_path));
	assert_int_equal(serial_of_server(), 4711);
	write_pair(cert_path, key_path, 4713);
	assert_int_equal(tls_context_reload(port.tls, NULL), ST_OK);
	assert_int_equal(serial_of_server(), 4713);
	say_hello(&old);
	client_leave(&old);
	stop_tls();
	write_pair(cert_path, key_path, 4711);
}

static void
files_that_will_not_do_are_refused_by_name(void **state)
{
	(void)state;
	TlsContext *tls = NULL;
	Error err = ERROR_INIT;
	assert_int_equal(tls_context_new("/nowhere/cert", key_path, &tls, &err), ST_NOT_FOUND);
	assert_non_null(strstr(err.text, "/nowhere/cert"));
	assert_int_equal(tls_context_new(key_path, key_path, &tls, &err), ST_INVALID);
	assert_non_null(strstr(err.text, key_path));
	assert_int_equal(tls_context_new(cert_path, cert_path, &tls, &err), ST_INVALID);
	assert_non_null(strstr(err.text, cert_path));
	assert_int_equal(tls_context_new(cert_path, other_key_path, &tls, &err), ST_INVALID);
	assert_non_null(strstr(err.text, other_key_path));
	assert_null(tls);
	assert_int_equal(mem_live(), 0);
	assert_int_equal(file_live(), 0);
}

static bool
whole_life(void)
{
	if (tls_context_new(cert_path, key_path, &port.tls, NULL) != ST_OK || server_try() != ST_OK)
		return false;
	TlsClient client = client_connect(TLS1_3_VERSION, "\10http/1.1");
	client_pump(&client);
	bool good = false;
	if (SSL_is_init_finished(client.ssl)) {
		SSL_write(client.ssl, HELLO_REQUEST, (int)strlen(HELLO_REQUEST));
		client.sock->take_max = 50;
		client_pump(&client);
		client.sock->take_max = SIZE_MAX;
		client_pump(&client);
		good = strstr(client_got(&client), "\r\n\r\nhello") != NULL;
	}
	(void)!tls_context_reload(port.tls, NULL);
	client.sock->waiting = false;
	client_leave(&client);
	return good;
}

static void
nothing_is_left_over_whatever_fails(void **state)
{
	for (int sticky = 0; sticky < 2; sticky++) {
		bool failed = true;
		for (long nth = 0; failed; nth++) {
			set_up(state);
			(sticky ? fault_arm_sticky : fault_arm)(nth);
			bool good = whole_life();
			net_server_free(TAKE(net));
			tls_context_free(TAKE(port.tls));
			http_server_free(TAKE(http));
			failed = fault_disarm();
			buf_close(&seen.body);
			assert_int_equal(mem_live(), 0);
			assert_int_equal(file_live(), 0);
			assert_int_equal(seen.begun, seen.done);
			assert_true(failed || good);
			assert_true(nth < 3000);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(both_versions_are_spoken_in_parts_of_any_size, set_up),
		cmocka_unit_test_setup(alpn_or_the_first_bytes_choose_the_protocol, set_up),
		cmocka_unit_test_setup(a_websocket_is_under_it_as_well, set_up),
		cmocka_unit_test_setup(a_slow_socket_holds_back_what_is_sent, set_up),
		cmocka_unit_test_setup(an_end_is_told_and_seen, set_up),
		cmocka_unit_test_setup(who_does_not_shake_hands_is_not_waited_for, set_up),
		cmocka_unit_test_setup(files_are_read_again_when_told, set_up),
		cmocka_unit_test_setup(files_that_will_not_do_are_refused_by_name, set_up),
		cmocka_unit_test_setup(nothing_is_left_over_whatever_fails, set_up),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
