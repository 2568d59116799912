// server.h - I/O loops and the ports they serve. Services listen on them together: gRPC over
// HTTP/2, and HTTP/1.1 with WebSocket; each on ports of its own, or both on one.
//
// A connection lives on one loop from its first byte to its last, whatever it speaks.
//
// Life     services and TLS contexts are made before they listen and freed after net_server_free.
// Threads  any, but callbacks of services come in the loops' threads.

#pragma once

#include "base/status.h"
#include "net/grpc.h"
#include "net/http.h"
#include "net/tls.h"

typedef struct NetServer NetServer;

typedef struct NetOptions {
	int loops;                // I/O threads
	size_t stage_bytes;       // output gathered per connection before it is written
	uint32_t max_connections; // more are closed as they come
} NetOptions;
// Sets every limit to its default.
void net_options_init(NetOptions *options);

Status net_server_new(const NetOptions *options, NetServer **out, Error *err);

// What a port speaks. With both services, ALPN tells which a client wants, or else what it sends
// first.
typedef struct NetPort {
	GrpcServer *grpc; // NULL: no HTTP/2
	HttpServer *http; // NULL: no HTTP/1.1
	TlsContext *tls;  // NULL: without TLS
} NetPort;

// Takes the listening socket over, also when it fails. A server may listen on several.
Status net_server_listen(NetServer *server, int listen_fd, const NetPort *port, Error *err);

// Stops accepting. Clients are told, each in its protocol's way (GOAWAY twice, `Connection: close`,
// close code 1012), what runs may end until `deadline_mono_ns`; then it is broken off.
void net_server_drain(NetServer *server, int64_t deadline_mono_ns);

// Closes what is open, ends the loops; NULL is allowed. Calls, requests and WebSockets may be
// referred to still, but nothing is posted to them any more.
void net_server_free(NetServer *server);

typedef struct NetCounts {
	uint64_t connections, bytes_in, bytes_out;
} NetCounts;
NetCounts net_server_counts(const NetServer *server);
