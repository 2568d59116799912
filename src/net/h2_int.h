// h2_int.h - HTTP/2 on a connection: an nghttp2 session and the calls of its streams.
//
// Owns     the session until the connection closes; the record lives as long as the connection's.
// Threads  all but calls_held belongs to the loop.

#pragma once

#include "net/conn_int.h"
#include "net/flood_int.h"
#include "net/grpc_int.h"

// What a call is told after nghttp2 returned: never from within.
enum { CALL_WRITABLE = 1, CALL_DONE = 2, CALL_BROKEN = 4 };

typedef struct H2 {
	Conn *conn;
	GrpcServer *server;       // counted
	atomic_uint calls_held;   // calls that somebody still refers to
	nghttp2_session *session; // NULL: the connection is closed
	GrpcCall *calls;          // of open streams
	GrpcCall *news;           // calls to be told something

	FloodBudget budget;
	size_t header_block_bytes; // of the header block being read
	int64_t preface_until_ns;  // INT64_MAX: it came
	int64_t headers_since_ns;  // a header block began and has not ended; 0: none
	enum { DRAIN_NO, DRAIN_NOTICE, DRAIN_LAST } drain;
	int64_t drain_until_ns; // by then the last GOAWAY goes, whether or not the peer answered
} H2;

extern const Protocol H2_PROTOCOL;

// The session of a connection that speaks HTTP/2, with the first SETTINGS queued; the preface is
// waited for until a mono time.
Status h2_new(Conn *conn, GrpcServer *server, int64_t preface_until_ns, H2 **out, Error *err);

int64_t h2_now_ns(const H2 *h2);
void h2_check(H2 *h2, int rv);          // breaks when nghttp2 reports a fatal error
void h2_cut(H2 *h2, uint32_t h2_error); // GOAWAY, then closes
void h2_end_drain(H2 *h2);              // second GOAWAY

// ---- session.c ----

// nghttp2's part of it. ST_NO_MEMORY.
Status session_open(H2 *h2, Error *err);
