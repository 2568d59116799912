#include "net/server_int.h"

#include <assert.h>

#include "base/mem.h"
#include "net/conn_int.h"
#include "os/thread.h"

GrpcStatus
grpc_status_of(Status status)
{
	switch (status) {
	case ST_OK: return GRPC_OK;
	case ST_INVALID: return GRPC_INVALID_ARGUMENT;
	case ST_UNAUTHENTICATED: return GRPC_UNAUTHENTICATED;
	case ST_DENIED: return GRPC_PERMISSION_DENIED;
	case ST_NOT_FOUND: return GRPC_NOT_FOUND;
	case ST_EXISTS: return GRPC_ALREADY_EXISTS;
	case ST_CONFLICT:
	case ST_SEALED: return GRPC_FAILED_PRECONDITION;
	case ST_LIMIT:
	case ST_NO_MEMORY:
	case ST_DISK_FULL: return GRPC_RESOURCE_EXHAUSTED;
	case ST_UNAVAILABLE:
	case ST_IO: return GRPC_UNAVAILABLE;
	case ST_DEADLINE: return GRPC_DEADLINE_EXCEEDED;
	case ST_CANCELLED: return GRPC_CANCELLED;
	case ST_CORRUPT: return GRPC_DATA_LOSS;
	case ST_UNIMPLEMENTED: return GRPC_UNIMPLEMENTED;
	case ST_INTERNAL: return GRPC_INTERNAL;
	}
	return GRPC_INTERNAL;
}

void
grpc_options_init(GrpcOptions *options)
{
	*options = (GrpcOptions){
		.loops = 2,
		.max_message = 64 << 20,
		.stream_window = 16 << 20,
		.connection_window = 64 << 20,
		.send_high_water = 1 << 20,
		.stage_bytes = 256 << 10,
		.max_streams = 256,
		.max_calls_connection = 256,
		.max_calls_total = 4096,
		.max_connections = 10000,
	};
}

GrpcServer *
server_ref(GrpcServer *server)
{
	atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
	return server;
}

void
server_unref(GrpcServer *server)
{
	unsigned was = atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;
	session_teardown(server);
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
		conn_begin_drain(conn);
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
start_loop(GrpcServer *server, int i, Error *err)
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
}

// ---- servers ----

DEFINE_DROP(GrpcServer, server_drop, grpc_server_free)

Status
grpc_server_new(const GrpcOptions *options, GrpcServer **out, Error *err)
{
	assert(options->loops > 0 && options->stage_bytes > 0 && options->stream_window <= INT32_MAX &&
		   options->connection_window <= INT32_MAX);
	SCOPED(server_drop) GrpcServer *server = mem_alloc(sizeof(*server));
	if (server == NULL)
		return error_no_memory(err, "a gRPC server");
	atomic_init(&server->refs, 1);
	server->options = *options;
	TRY(session_setup(server, err));
	server->loops = mem_alloc_array((size_t)options->loops, sizeof(NetLoop));
	if (server->loops == NULL)
		return error_no_memory(err, "a gRPC server");
	for (int i = 0; i < options->loops; i++)
		TRY(start_loop(server, i, err));
	TRY(file_open("/dev/null", FILE_DEVICE, &server->spare_file, err));
	*out = TAKE(server);
	return ST_OK;
}

void
grpc_server_free(GrpcServer *server)
{
	if (server == NULL)
		return;
	for (int i = 0; server->loops != NULL && i < server->options.loops; i++)
		stop_loop(&server->loops[i]);
	file_close(TAKE(server->spare_file));
	server_unref(server);
}

void
grpc_server_drain(GrpcServer *server, int64_t deadline_mono_ns)
{
	if (atomic_exchange(&server->draining, true))
		return;
	server->drain_until_ns = deadline_mono_ns;
	for (int i = 0; i < server->options.loops; i++)
		loop_post(server->loops[i].loop, &server->loops[i].drain);
}

GrpcCounts
grpc_server_counts(const GrpcServer *server)
{
	return (GrpcCounts){
		.connections = atomic_load_explicit(&server->connections, memory_order_relaxed),
		.calls_open = atomic_load_explicit(&server->calls_open, memory_order_relaxed),
		.calls_total = atomic_load_explicit(&server->calls_total, memory_order_relaxed),
		.bytes_in = atomic_load_explicit(&server->bytes_in, memory_order_relaxed),
		.bytes_out = atomic_load_explicit(&server->bytes_out, memory_order_relaxed),
	};
}
