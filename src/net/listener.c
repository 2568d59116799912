// Accepting, and what to do when it cannot be done.

#include <assert.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/conn_int.h"

enum { ACCEPTS_PER_TURN = 64 };

static const int64_t PAUSE_NS = 100000000;

struct Listener {
	NetServer *server;
	Listener *next;
	NetPort port;
	int fd;
	LoopWatch *watch;
	LoopTimer *timer; // ends a pause
};

static void
listener_free(Listener *listener)
{
	if (listener == NULL)
		return;
	loop_unwatch(listener->watch);
	loop_timer_free(listener->timer);
	sock_close(listener->fd);
	mem_free(listener);
}

void
listeners_close(NetServer *server)
{
	while (server->listeners != NULL) {
		Listener *next = server->listeners->next;
		listener_free(server->listeners);
		server->listeners = next;
	}
}

static void
serve(const Listener *listener, int fd, const SockAddress *peer)
{
	NetServer *server = listener->server;
	uint64_t open = atomic_load_explicit(&server->connections, memory_order_relaxed);
	if (open >= server->options.max_connections) {
		sock_close(fd);
		return;
	}
	unsigned turn = atomic_fetch_add_explicit(&server->next_loop, 1, memory_order_relaxed);
	conn_new(&server->loops[turn % (unsigned)server->options.loops], fd, &listener->port, peer);
}

static void
pause_over(void *arg)
{
	Listener *listener = arg;
	loop_watch_change(listener->watch, LOOP_READABLE);
}

// Descriptors ran out. The one in reserve takes the connection, so that its peer is told at once
// rather than left waiting.
static void
refuse_one(Listener *listener)
{
	NetServer *server = listener->server;
	SockAddress peer;
	int fd = -1;
	file_close(TAKE(server->spare_file));
	if (sock_accept(listener->fd, &fd, &peer, NULL) == ST_OK)
		sock_close(fd);
	if (file_open("/dev/null", FILE_DEVICE, &server->spare_file, NULL) != ST_OK)
		log_warn("no descriptor in reserve", "raise the limit of open files");
}

// Those who wait make the socket readable all the time: trying again at once would fill a core.
static void
pause_accepting(Listener *listener)
{
	loop_watch_change(listener->watch, 0);
	loop_timer_set(listener->timer, loop_now_ns(listener->server->loops[0].loop) + PAUSE_NS);
}

static void
on_connections(void *arg, uint32_t events)
{
	(void)events;
	Listener *listener = arg;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		int fd = -1;
		SockAddress peer;
		Status st = sock_accept(listener->fd, &fd, &peer, NULL);
		if (st == ST_LIMIT)
			refuse_one(listener);
		if (st != ST_OK)
			pause_accepting(listener);
		if (st != ST_OK || fd < 0)
			return;
		serve(listener, fd, &peer);
	}
}

typedef struct ListenCall {
	Listener *listener;
	Status status;
	Error *err;
} ListenCall;

static Status
listen_here(Listener *listener, Error *err)
{
	Loop *loop = listener->server->loops[0].loop;
	TRY(loop_timer_new(loop, pause_over, listener, &listener->timer, err));
	return loop_watch(loop, listener->fd, LOOP_READABLE, on_connections, listener, &listener->watch,
					  err);
}

static void
listen_in_loop(void *arg)
{
	ListenCall *call = arg;
	NetServer *server = call->listener->server;
	call->status = listen_here(call->listener, call->err);
	if (call->status != ST_OK) {
		listener_free(call->listener);
		return;
	}
	call->listener->next = server->listeners;
	server->listeners = call->listener;
}

Status
net_server_listen(NetServer *server, int listen_fd, const NetPort *port, Error *err)
{
	assert(port->grpc != NULL || port->http != NULL);
	Listener *listener = mem_alloc(sizeof(*listener));
	if (listener == NULL) {
		sock_close(listen_fd);
		return error_no_memory(err, "a listening socket");
	}
	listener->server = server;
	listener->port = *port;
	listener->fd = listen_fd;
	ListenCall call = {listener, ST_OK, err};
	net_loop_run(&server->loops[0], listen_in_loop, &call);
	return call.status;
}
