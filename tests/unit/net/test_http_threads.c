// Real sockets, two loops, threads that post back, and clients in threads of their own: for the
// race detector, and for what only a kernel does.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server.h"
#include "net/websocket.h"
#include "os/clock.h"
#include "os/sock.h"
#include "tls_support.h"

enum { CLIENTS = 4, ROUNDS = 50, BODY_BYTES = 200000, PUSHES = 200 };

static atomic_int begun;
static atomic_int done;
static atomic_int failures;

// ---- the server: another thread answers ----

typedef struct Job {
	LoopCall post;
	HttpRequest *req;
	Bytes *body;
} Job;

static void
on_begin(HttpRequest *req)
{
	atomic_fetch_add(&begun, 1);
	http_set_user(req, bytes_new(NULL, 0));
}

static void
on_body(HttpRequest *req, Slice part)
{
	Bytes *old = http_user(req);
	Bytes *all = bytes_new(NULL, bytes_len(old) + part.len);
	memcpy(bytes_data(all), bytes_data(old), bytes_len(old));
	memcpy(bytes_data(all) + bytes_len(old), part.data, part.len);
	bytes_unref(old);
	http_set_user(req, all);
}

static void
answer(void *arg)
{
	Job *job = arg;
	http_answer(job->req, 200, HTTP_STREAMED);
	http_send(job->req, &(Piece){bytes_data(job->body), bytes_len(job->body), job->body}, 1);
	http_finish(job->req);
	bytes_unref(job->body);
	http_unref(job->req);
	mem_free(job);
}

static void *
request_worker(void *arg)
{
	Job *job = arg;
	http_post(job->req, &job->post);
	return NULL;
}

static void
on_end(HttpRequest *req)
{
	Job *job = mem_alloc(sizeof(*job));
	*job = (Job){.req = http_ref(req), .body = bytes_ref(http_user(req))};
	job->post = (LoopCall){.fn = answer, .arg = job};
	pthread_t worker;
	pthread_create(&worker, NULL, request_worker, job);
	pthread_detach(worker);
}

static void
on_done(HttpRequest *req)
{
	bytes_unref(http_user(req));
	atomic_fetch_add(&done, 1);
}

// ---- WebSockets that a thread feeds ----

static pthread_mutex_t sockets_lock = PTHREAD_MUTEX_INITIALIZER;
static WebSocket *sockets[CLIENTS];
static int socket_count;

static void
on_message(WebSocket *ws, WebSocketMessage *message)
{
	(void)ws, (void)message;
}

static void
on_ws_done(WebSocket *ws)
{
	(void)ws;
	atomic_fetch_add(&done, 1);
}

static const WebSocketHandler WEBSOCKET = {.max_message = 1000,
										   .send_high_water = 1 << 20,
										   .send_low_water = 1 << 18,
										   .message = on_message,
										   .done = on_ws_done};

static void
on_upgrade(HttpRequest *req)
{
	WebSocket *ws;
	atomic_fetch_add(&begun, 1);
	http_set_user(req, NULL);
	if (websocket_accept(req, &WEBSOCKET, NULL, NULL, &ws, NULL) != ST_OK)
		return;
	atomic_fetch_add(&begun, 1);
	pthread_mutex_lock(&sockets_lock);
	sockets[socket_count++] = websocket_ref(ws);
	pthread_mutex_unlock(&sockets_lock);
}

typedef struct Push {
	LoopCall post;
	WebSocket *ws;
	Bytes *payload;
} Push;

static void
push(void *arg)
{
	Push *one = arg;
	websocket_send(one->ws, false,
				   &(Piece){bytes_data(one->payload), bytes_len(one->payload), one->payload}, 1);
	bytes_unref(one->payload);
	websocket_unref(one->ws);
	mem_free(one);
}

static void *
feed(void *arg)
{
	(void)arg;
	for (uint32_t n = 0; n < PUSHES; n++) {
		Bytes *payload = bytes_new(NULL, 1000);
		memset(bytes_data(payload), (int)(n & 0xff), 1000);
		for (int i = 0; i < CLIENTS; i++) {
			Push *one = mem_alloc(sizeof(*one));
			*one = (Push){.ws = websocket_ref(sockets[i]), .payload = bytes_ref(payload)};
			one->post = (LoopCall){.fn = push, .arg = one};
			websocket_post(one->ws, &one->post);
		}
		bytes_unref(payload);
	}
	return NULL;
}

static const HttpHandler HANDLERS[] = {
	{.method = "POST",
	 .path = "/work",
	 .begin = on_begin,
	 .body = on_body,
	 .end = on_end,
	 .done = on_done},
	{.method = "GET", .path = "/ws", .begin = on_upgrade, .done = on_done},
};

// ---- clients ----

static NetServer *net;
static HttpServer *http;
static TlsContext *tls; // NULL: without

static uint16_t
start(void)
{
	NetOptions net_options;
	HttpOptions options;
	SockAddress any;
	SockAddress bound;
	int fd = -1;
	net_options_init(&net_options);
	http_options_init(&options);
	options.handlers = HANDLERS;
	options.handler_count = COUNT_OF(HANDLERS);
	assert_int_equal(http_server_new(&options, &http, NULL), ST_OK);
	assert_int_equal(net_server_new(&net_options, &net, NULL), ST_OK);
	assert_int_equal(sock_parse_address("127.0.0.1:0", &any, NULL), ST_OK);
	assert_int_equal(sock_listen(&any, &fd, &bound, NULL), ST_OK);
	assert_int_equal(net_server_listen(net, fd, &(NetPort){.http = http, .tls = tls}, NULL), ST_OK);
	return bound.port;
}

static void
stop(void)
{
	net_server_free(TAKE(net));
	http_server_free(TAKE(http));
	assert_int_equal(atomic_load(&begun), atomic_load(&done));
	assert_int_equal(mem_live(), 0);
}

static int
connect_to(uint16_t port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	return fd;
}

static bool
send_all(int fd, const void *data, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t n = send(fd, (const char *)data + at, len - at, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		at += (size_t)n;
	}
	return true;
}

// Reads until the text has come; false when the server leaves before.
static bool
read_until(int fd, const char *end)
{
	size_t want = strlen(end);
	char tail[16] = {0};
	char block[65536];
	for (;;) {
		ssize_t n = recv(fd, block, sizeof(block), 0);
		if (n <= 0)
			return false;
		for (ssize_t i = 0; i < n; i++) {
			memmove(tail, tail + 1, want - 1);
			tail[want - 1] = block[i];
			if (memcmp(tail, end, want) == 0 && i == n - 1)
				return true;
		}
	}
}

static void *
run_client(void *arg)
{
	int fd = *(int *)arg;
	static const char head[] = "POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
	char *body = calloc(1, BODY_BYTES);
	for (int round = 0; round < ROUNDS; round++) {
		if (!send_all(fd, head, sizeof(head) - 1) || !send_all(fd, body, BODY_BYTES) ||
			!read_until(fd, "\r\n0\r\n\r\n"))
			atomic_fetch_add(&failures, 1);
	}
	free(body);
	return NULL;
}

static void
wait_for_requests(void)
{
	int64_t until = clock_mono_ns() + INT64_C(60000000000);
	while (http_server_counts(http).requests_open > 0) {
		assert_true(clock_mono_ns() < until);
		sched_yield();
	}
}

static void
requests_are_answered_by_other_threads(void **state)
{
	(void)state;
	uint16_t port = start();
	int fds[CLIENTS];
	pthread_t threads[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(port);
		pthread_create(&threads[i], NULL, run_client, &fds[i]);
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	assert_int_equal(http_server_counts(http).requests_total, CLIENTS * ROUNDS);
	wait_for_requests();
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	stop();
}

static void
websockets_are_fed_by_another_thread(void **state)
{
	(void)state;
	static const char handshake[] =
		"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
	uint16_t port = start();
	int fds[CLIENTS];
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = connect_to(port);
		assert_true(send_all(fds[i], handshake, sizeof(handshake) - 1));
		assert_true(read_until(fds[i], "\r\n\r\n"));
	}
	pthread_t feeder;
	pthread_create(&feeder, NULL, feed, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		static uint8_t all[PUSHES * 1004];
		for (size_t at = 0; at < sizeof(all);) {
			ssize_t n = recv(fds[i], all + at, sizeof(all) - at, 0);
			assert_true(n > 0);
			at += (size_t)n;
		}
		for (size_t n = 0; n < PUSHES; n++) {
			assert_memory_equal(all + n * 1004, "\x82\x7e\x03\xe8", 4);
			assert_int_equal(all[n * 1004 + 1003], n & 0xff);
		}
	}
	pthread_join(feeder, NULL);
	for (int i = 0; i < CLIENTS; i++)
		websocket_unref(sockets[i]);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	stop();
}

static void
servers_are_freed_under_their_clients(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++) {
		uint16_t port = start();
		int fds[3];
		for (size_t j = 0; j < COUNT_OF(fds); j++) {
			fds[j] = connect_to(port);
			send_all(fds[j], "GET /work HTTP/1.1\r\nHost: a\r\n\r\n", 31);
		}
		stop();
		for (size_t j = 0; j < COUNT_OF(fds); j++)
			close(fds[j]);
	}
}

// One request on a connection of its own.
static void
ask_over_tls(SSL_CTX *ctx, uint16_t port)
{
	static const char head[] = "POST /work HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n"
							   "Connection: close\r\n\r\n";
	int fd = connect_to(port);
	SSL *ssl = SSL_new(ctx);
	char *body = calloc(1, BODY_BYTES);
	char block[16384];
	size_t got = 0;
	SSL_set_fd(ssl, fd);
	bool ok = SSL_connect(ssl) == 1 && SSL_write(ssl, head, sizeof(head) - 1) > 0 &&
			  SSL_write(ssl, body, BODY_BYTES) == BODY_BYTES;
	for (int n = 1; ok && n > 0; got += n > 0 ? (size_t)n : 0)
		n = SSL_read(ssl, block, sizeof(block));
	if (!ok || got < BODY_BYTES || !(SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN))
		atomic_fetch_add(&failures, 1);
	free(body);
	SSL_free(ssl);
	close(fd);
}

static void *
run_tls_client(void *arg)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	for (int round = 0; round < ROUNDS / 5; round++)
		ask_over_tls(ctx, *(const uint16_t *)arg);
	SSL_CTX_free(ctx);
	return NULL;
}

static void
certificates_are_read_again_under_clients(void **state)
{
	(void)state;
	pthread_t threads[CLIENTS];
	assert_int_equal(tls_context_new(cert_path, key_path, &tls, NULL), ST_OK);
	uint16_t port = start();
	for (int i = 0; i < CLIENTS; i++)
		pthread_create(&threads[i], NULL, run_tls_client, &port);
	for (int i = 0; i < 20; i++)
		assert_int_equal(tls_context_reload(tls, NULL), ST_OK);
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	wait_for_requests();
	net_server_free(TAKE(net));
	tls_context_free(TAKE(tls));
	stop();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_answered_by_other_threads),
		cmocka_unit_test(websockets_are_fed_by_another_thread),
		cmocka_unit_test(servers_are_freed_under_their_clients),
		cmocka_unit_test(certificates_are_read_again_under_clients),
	};
	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
