#include "net/server_int.h"

#include <assert.h>

#include "base/mem.h"
#include "net/conn_int.h"
#include "os/thread.h"

void
net_options_init(NetOptions *options)
{
	*options = (NetOptions){.loops = 2, .stage_bytes = 256 << 10, .max_connections = 10000};
}

NetServer *
net_server_ref(NetServer *server)
{
	atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
	return server;
}

void
net_server_unref(NetServer *server)
{
	unsigned was = atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	mem_free(server->loops);
	mem_free(server);
}

// ---- loops ----

Stage *
net_loop_take_stage(NetLoop *net)
{
	return net->spare != NULL ? TAKE(net->spare) : stage_new(net->server->options.stage_bytes);
}

void
net_loop_give_stage(NetLoop *net, Stage *stage)
{
	if (net->spare == NULL && stage != NULL && stage_is_empty(stage))
		net->spare = stage;
	else
		stage_free(stage);
}

Status
net_loop_need_cipher(NetLoop *net, Error *err)
{
	if (net->cipher == NULL)
		net->cipher = mem_alloc_aligned(INPUT_BYTES);
	return net->cipher != NULL ? ST_OK : error_no_memory(err, "TLS of an I/O thread");
}

typedef struct WaitedCall {
	LoopCall call;
	void (*fn)(void *arg);
	void *arg;
	Signal done;
} WaitedCall;

static void
run_waited(void *arg)
{
	WaitedCall *waited = arg;
	waited->fn(waited->arg);
	signal_raise(&waited->done);
}

void
net_loop_run(NetLoop *net, void (*fn)(void *arg), void *arg)
{
	if (loop_is_current(net->loop)) {
		fn(arg);
		return;
	}
	WaitedCall waited = {.fn = fn, .arg = arg};
	waited.call = (LoopCall){.fn = run_waited, .arg = &waited};
	signal_init(&waited.done);
	loop_post(net->loop, &waited.call);
	(void)signal_wait(&waited.done, INT64_MAX);
	signal_close(&waited.done);
}

static void
drain_deadline(void *arg)
{
	NetLoop *net = arg;
	while (net->conns != NULL)
		conn_stop(net->conns);
}

static void
drain(void *arg)
{
	NetLoop *net = arg;
	if (net == net->server->loops)
		listeners_close(net->server);
	for (Conn *conn = net->conns; conn != NULL; conn = conn->next)
		conn_drain(conn);
	loop_timer_set(net->drain_timer, net->server->drain_until_ns);
}

typedef struct LoopStart {
	NetLoop *net;
	Status status;
	Error *err;
} LoopStart;

static void
make_timer(void *arg)
{
	LoopStart *start = arg;
	NetLoop *net = start->net;
	start->status = loop_timer_new(net->loop, drain_deadline, net, &net->drain_timer, start->err);
}

static Status
start_loop(NetServer *server, int i, Error *err)
{
	NetLoop *net = &server->loops[i];
	net->server = server;
	net->drain = (LoopCall){.fn = drain, .arg = net};
	net->input = mem_alloc_aligned(INPUT_BYTES);
	if (net->input == NULL)
		return error_no_memory(err, "the input of an I/O thread");
	char name[] = "net-0";
	name[sizeof(name) - 2] = (char)('0' + i % 10);
	TRY(loop_new(name, &net->loop, err));
	LoopStart start = {net, ST_OK, err};
	net_loop_run(net, make_timer, &start);
	return start.status;
}

// In the loop.
static void
clear_loop(void *arg)
{
	NetLoop *net = arg;
	net->closed = true;
	if (net == net->server->loops)
		listeners_close(net->server);
	while (net->conns != NULL)
		conn_close(net->conns);
	loop_timer_free(TAKE(net->drain_timer));
	stage_free(TAKE(net->spare));
}

static void
stop_loop(NetLoop *net)
{
	if (net->loop != NULL) {
		net_loop_run(net, clear_loop, net);
		loop_stop(net->loop);
		loop_free(TAKE(net->loop));
	}
	mem_free(TAKE(net->input));
	mem_free(TAKE(net->cipher));
	buf_close(&net->sealed);
}

// ---- servers ----

DEFINE_DROP(NetServer, server_drop, net_server_free)

Status
net_server_new(const NetOptions *options, NetServer **out, Error *err)
{
	assert(options->loops > 0 && options->stage_bytes > 0);
	SCOPED(server_drop) NetServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "a server");
	atomic_init(&server->refs, 1);
	server->options = *options;
	server->loops = mem_alloc_array((size_t)options->loops, sizeof(NetLoop));
	if (server->loops == NULL)
		return error_no_memory(err, "a server");
	for (int i = 0; i < options->loops; i++)
		TRY(start_loop(server, i, err));
	TRY(file_open("/dev/null", FILE_DEVICE, &server->spare_file, err));
	*out = TAKE(server);
	return ST_OK;
}

void
net_server_free(NetServer *server)
{
	if (server == NULL)
		return;
	for (int i = 0; server->loops != NULL && i < server->options.loops; i++)
		stop_loop(&server->loops[i]);
	file_close(TAKE(server->spare_file));
	net_server_unref(server);
}

void
net_server_drain(NetServer *server, int64_t deadline_mono_ns)
{
	if (atomic_exchange(&server->draining, true))
		return;
	server->drain_until_ns = deadline_mono_ns;
	for (int i = 0; i < server->options.loops; i++)
		loop_post(server->loops[i].loop, &server->loops[i].drain);
}

NetCounts
net_server_counts(const NetServer *server)
{
	return (NetCounts){
		.connections = atomic_load_explicit(&server->connections, memory_order_relaxed),
		.bytes_in = atomic_load_explicit(&server->bytes_in, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&server->bytes_out, memory_order_relaxed),
	};
}
