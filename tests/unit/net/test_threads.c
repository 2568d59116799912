// Real sockets, two loops, workers that post back, and clients in threads of their own: for the
// race detector, and for what only a kernel does.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/server.h"
#include "os/clock.h"
#include "os/sock.h"

enum { CLIENTS = 4, ROUNDS = 60, MESSAGE_BYTES = 100000 };

static atomic_int opened;
static atomic_int done;
static atomic_int failures;

// ---- the server: a worker answers ----

typedef struct Job {
	LoopCall post;
	GrpcCall *call;
	GrpcMessage message;
	struct Job *next;
} Job;

static pthread_mutex_t jobs_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t jobs_cond = PTHREAD_COND_INITIALIZER;
static Job *jobs;
static bool jobs_end;

static void
answer(void *arg)
{
	Job *job = arg;
	Bytes *head = job->message.head;
	Piece piece = {bytes_data(head), bytes_len(head), head};
	grpc_send(job->call, &piece, 1);
	grpc_consume(job->call, job->message.wire_bytes);
	grpc_finish(job->call, GRPC_OK, "done");
	grpc_message_close(&job->message);
	grpc_call_unref(job->call);
	mem_free(job);
}

static void *
work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&jobs_lock);
	while (!jobs_end || jobs != NULL) {
		if (jobs == NULL) {
			pthread_cond_wait(&jobs_cond, &jobs_lock);
			continue;
		}
		Job *job = jobs;
		jobs = job->next;
		pthread_mutex_unlock(&jobs_lock);
		grpc_post(job->call, &job->post);
		pthread_mutex_lock(&jobs_lock);
	}
	pthread_mutex_unlock(&jobs_lock);
	return NULL;
}

static void
on_open(GrpcCall *call)
{
	(void)call;
	atomic_fetch_add(&opened, 1);
}

static void
on_done(GrpcCall *call)
{
	(void)call;
	atomic_fetch_add(&done, 1);
}

static void
on_message(GrpcCall *call, GrpcMessage *message)
{
	Job *job = mem_alloc(sizeof(*job));
	job->post = (LoopCall){.fn = answer, .arg = job};
	job->call = grpc_call_ref(call);
	job->message = *message;
	*message = (GrpcMessage){0};
	pthread_mutex_lock(&jobs_lock);
	job->next = jobs;
	jobs = job;
	pthread_cond_signal(&jobs_cond);
	pthread_mutex_unlock(&jobs_lock);
}

static const GrpcMethod METHOD = {
	.path = "/t.T/Work", .unary_in = true, .open = on_open, .message = on_message, .done = on_done};

// ---- a client ----

typedef struct Peer {
	int fd;
	nghttp2_session *session;
	uint8_t message[5 + MESSAGE_BYTES];
	size_t sent;
	size_t received;
	bool ok;
	bool closed;
} Peer;

static ssize_t
read_message(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
			 nghttp2_data_source *source, void *arg)
{
	(void)session, (void)id, (void)source;
	Peer *peer = arg;
	size_t left = sizeof(peer->message) - peer->sent;
	size_t n = left < length ? left : length;
	memcpy(buf, peer->message + peer->sent, n);
	peer->sent += n;
	if (n == left)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static int
on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
		  size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags, void *arg)
{
	(void)session, (void)frame, (void)flags;
	if (name_len == 11 && memcmp(name, "grpc-status", 11) == 0)
		((Peer *)arg)->ok = value_len == 1 && value[0] == '0';
	return 0;
}

static int
on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t len,
		void *arg)
{
	(void)session, (void)flags, (void)id;
	Peer *peer = arg;
	if (memcmp(data, peer->message + peer->received, len) != 0)
		atomic_fetch_add(&failures, 1);
	peer->received += len;
	return 0;
}

static int
on_close(nghttp2_session *session, int32_t id, uint32_t error, void *arg)
{
	(void)session, (void)id, (void)error;
	((Peer *)arg)->closed = true;
	return 0;
}

static bool
write_all(Peer *peer)
{
	const uint8_t *data;
	ssize_t len;
	while ((len = nghttp2_session_mem_send(peer->session, &data)) > 0) {
		for (ssize_t at = 0; at < len;) {
			ssize_t n = send(peer->fd, data + at, (size_t)(len - at), MSG_NOSIGNAL);
			if (n <= 0)
				return false;
			at += n;
		}
	}
	return len == 0;
}

static bool
read_some(Peer *peer)
{
	static _Thread_local uint8_t buf[65536];
	ssize_t n = recv(peer->fd, buf, sizeof(buf), 0);
	return n > 0 && nghttp2_session_mem_recv(peer->session, buf, (size_t)n) == n;
}

static void
submit(Peer *peer)
{
	static const char *const fields[][2] = {{":method", "POST"},
											{":scheme", "http"},
											{":path", "/t.T/Work"},
											{":authority", "test"},
											{"content-type", "application/grpc"},
											{"te", "trailers"}};
	nghttp2_nv nv[6];
	for (int i = 0; i < 6; i++)
		nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)fields[i][0], (uint8_t *)(uintptr_t)fields[i][1],
							 strlen(fields[i][0]), strlen(fields[i][1]), NGHTTP2_NV_FLAG_NONE};
	peer->sent = peer->received = 0;
	peer->closed = peer->ok = false;
	nghttp2_data_provider data = {.read_callback = read_message};
	nghttp2_submit_request(peer->session, NULL, nv, 6, &data, NULL);
}

static void
call(Peer *peer, int round)
{
	submit(peer);
	int32_t id = (int32_t)nghttp2_session_get_next_stream_id(peer->session) - 2;
	bool cancels = round % 5 == 4;
	bool alive = write_all(peer);
	if (cancels) {
		nghttp2_submit_rst_stream(peer->session, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
		alive = write_all(peer);
	}
	while (alive && !peer->closed)
		alive = read_some(peer) && write_all(peer);
	if (!alive || (!cancels && (!peer->ok || peer->received != sizeof(peer->message))))
		atomic_fetch_add(&failures, 1);
}

static void *
run_client(void *arg)
{
	Peer *peer = arg;
	nghttp2_session_callbacks *cb;
	nghttp2_session_callbacks_new(&cb);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_client_new(&peer->session, cb, peer);
	nghttp2_session_callbacks_del(cb);
	nghttp2_submit_settings(peer->session, NGHTTP2_FLAG_NONE, NULL, 0);
	for (size_t i = 0; i < MESSAGE_BYTES; i++)
		peer->message[5 + i] = (uint8_t)(i * 31 >> 3);
	memcpy(peer->message, (uint8_t[]){0, 0, 1, 0x86, 0xA0}, 5);
	for (int round = 0; round < ROUNDS; round++)
		call(peer, round);
	return NULL;
}

static void
connect_to(Peer *peer, uint16_t port)
{
	struct sockaddr_in name = {
		.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	peer->fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(peer->fd, (struct sockaddr *)&name, sizeof(name)), 0);
}

static NetServer *net;
static GrpcServer *server;

static void
stop(void)
{
	net_server_free(net);
	grpc_server_free(server);
}

// Yields until the server has no more of what `count` counts.
static void
wait_for_none(bool calls)
{
	int64_t until = clock_mono_ns() + INT64_C(60000000000);
	for (;;) {
		if ((calls ? grpc_server_counts(server).calls_open : net_server_counts(net).connections) ==
			0)
			return;
		assert_true(clock_mono_ns() < until);
		sched_yield();
	}
}

static void
start(uint16_t *port)
{
	NetOptions net_options;
	net_options_init(&net_options);
	GrpcOptions options;
	grpc_options_init(&options);
	options.methods = &METHOD;
	options.method_count = 1;
	SockAddress any;
	SockAddress bound;
	int fd = -1;
	assert_int_equal(grpc_server_new(&options, &server, NULL), ST_OK);
	assert_int_equal(sock_parse_address("127.0.0.1:0", &any, NULL), ST_OK);
	assert_int_equal(sock_listen(&any, &fd, &bound, NULL), ST_OK);
	assert_int_equal(net_server_new(&net_options, &net, NULL), ST_OK);
	assert_int_equal(net_server_listen(net, fd, &(NetPort){.grpc = server}, NULL), ST_OK);
	*port = bound.port;
}

static void
clients_loops_and_workers_agree(void **state)
{
	(void)state;
	static Peer peers[CLIENTS];
	pthread_t threads[CLIENTS];
	pthread_t worker;
	uint16_t port = 0;
	start(&port);
	pthread_create(&worker, NULL, work, NULL);
	for (int i = 0; i < CLIENTS; i++) {
		connect_to(&peers[i], port);
		pthread_create(&threads[i], NULL, run_client, &peers[i]);
	}
	for (int i = 0; i < CLIENTS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&failures), 0);
	wait_for_none(true);
	assert_int_equal(net_server_counts(net).connections, CLIENTS);

	net_server_drain(net, clock_mono_ns() + INT64_C(30000000000));
	for (int i = 0; i < CLIENTS; i++) {
		while (read_some(&peers[i]) && write_all(&peers[i]))
			continue;
		close(peers[i].fd);
		nghttp2_session_del(peers[i].session);
	}
	wait_for_none(false);
	pthread_mutex_lock(&jobs_lock);
	jobs_end = true;
	pthread_cond_signal(&jobs_cond);
	pthread_mutex_unlock(&jobs_lock);
	pthread_join(worker, NULL);
	stop();
	assert_int_equal(atomic_load(&opened), atomic_load(&done));
	assert_true(atomic_load(&opened) >= CLIENTS * ROUNDS * 4 / 5);
	assert_int_equal(mem_live(), 0);
}

static void
servers_are_freed_under_their_clients(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		uint16_t port = 0;
		start(&port);
		Peer peers[3];
		for (size_t j = 0; j < COUNT_OF(peers); j++)
			connect_to(&peers[j], port);
		stop(); // some are being accepted
		for (size_t j = 0; j < COUNT_OF(peers); j++)
			close(peers[j].fd);
		assert_int_equal(mem_live(), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_loops_and_workers_agree),
		cmocka_unit_test(servers_are_freed_under_their_clients),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
