// What a client may send behind the preface, in reads of any size. Nothing is left over and every
// call that was opened is done once.
//
// Input: byte 0 the size of reads, byte 1 how much of the output the socket takes at a time; the
// rest are frames.

#include "../unit/net/fake_os.h"
#include "net/server.h"

static int opened;
static int done;

static void
check(bool holds)
{
	if (!holds)
		abort();
}

static void
on_open(GrpcCall *call)
{
	opened++;
	grpc_add_trailer(call, "x-bin", slice_text("trailer"));
}

static void
on_message(GrpcCall *call, GrpcMessage *message)
{
	Piece piece = {bytes_data(message->head), bytes_len(message->head), message->head};
	grpc_send(call, &piece, 1);
	grpc_consume(call, message->wire_bytes);
}

static void
on_half_close(GrpcCall *call)
{
	grpc_finish(call, GRPC_OK, NULL);
}

static void
on_done(GrpcCall *call)
{
	(void)call;
	done++;
}

static const GrpcMethod METHODS[] = {
	{.path = "/u", .unary_in = true, .open = on_open, .message = on_message, .done = on_done},
	{.body_field = 2,
	 .open = on_open,
	 .message = on_message,
	 .half_close = on_half_close,
	 .done = on_done},
};

static void
play(const uint8_t *data, size_t size, size_t read_max, size_t write_max)
{
	FakeSock *sock = fake_connect();
	sock->take_max = write_max;
	fake_put(&sock->to_server, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
	for (size_t at = 0; at < size; at += read_max) {
		size_t left = size - at;
		fake_put(&sock->to_server, data + at, left < read_max ? left : read_max);
		fake_run();
		sock->take_max = write_max;
	}
	fake_advance(INT64_C(1000000000));
	sock->ended = true;
	fake_run();
	fake_forget(sock);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	GrpcOptions options;
	GrpcServer *server = NULL;
	NetOptions net_options;
	NetServer *net = NULL;
	net_options_init(&net_options);
	net_options.loops = 1;
	net_options.stage_bytes = 2000;
	grpc_options_init(&options);
	options.methods = METHODS;
	options.method_count = COUNT_OF(METHODS);
	options.max_message = 10000;
	options.stream_window = 1000;
	options.send_high_water = 500;
	opened = done = 0;
	check(grpc_server_new(&options, &server, NULL) == ST_OK);
	check(net_server_new(&net_options, &net, NULL) == ST_OK);
	check(net_server_listen(net, FAKE_LISTENER, &(NetPort){.grpc = server}, NULL) == ST_OK);
	play(data + 2, size - 2, (size_t)data[0] * 4 + 1,
		 data[1] == 0 ? SIZE_MAX : (size_t)data[1] * 8);
	check(net_server_counts(net).connections == 0);
	check(grpc_server_counts(server).calls_open == 0);
	check(opened == done);
	net_server_free(net);
	grpc_server_free(server);
	check(mem_live() == 0);
	return 0;
}
