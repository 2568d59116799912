// grpc_int.h - a gRPC server: its methods, its limits, and how HTTP/2 is spoken for it.
//
// Threads  options do not change after grpc_server_new; counters are atomic.

#pragma once

#include <nghttp2/nghttp2.h>
#include <stdatomic.h>

#include "net/grpc.h"

struct GrpcServer {
	atomic_uint refs; // the owner's, and one per connection
	GrpcOptions options;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *session_options;
	atomic_uint_fast64_t calls_open;
	atomic_uint_fast64_t calls_total;
};

GrpcServer *grpc_server_ref(GrpcServer *server);
void grpc_server_unref(GrpcServer *server);

// ---- session.c ----

// Callbacks and options for every session of a server. ST_NO_MEMORY.
Status session_setup(GrpcServer *server, Error *err);
void session_teardown(GrpcServer *server);
