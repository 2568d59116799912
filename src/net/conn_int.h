// conn_int.h - one connection: a socket, an HTTP/2 session, and its calls.
//
// Owns     the socket and session until it closes; the record lives until its last reference is
//          gone: each call has one, also those that outlive the connection.
// Threads  all but refs and calls_held belong to the loop.

#pragma once

#include "net/flood_int.h"
#include "net/server_int.h"
#include "os/sock.h"

// What a call is told after nghttp2 returned: never from within.
enum { CALL_WRITABLE = 1, CALL_DONE = 2, CALL_BROKEN = 4 };

struct Conn {
	atomic_uint refs;
	atomic_uint calls_held; // calls that somebody still refers to
	GrpcServer *server;
	NetLoop *net;
	Conn *prev; // of the loop's connections
	Conn *next;
	char peer[64];

	int fd;
	LoopWatch *watch;
	uint32_t watched;         // events
	nghttp2_session *session; // NULL: closed
	Stage *stage;             // what is being sent; NULL: nothing
	GrpcCall *calls;          // of open streams
	GrpcCall *news;           // calls to be told something
	LoopCall start;
	LoopCall flush;
	bool flush_asked;
	bool flushing;
	bool broken;  // to be closed as soon as nghttp2 returned
	bool blocked; // the socket takes no more
	bool ended;   // all is said; what the peer still sends is not looked at

	FloodBudget budget;
	size_t header_block_bytes; // of the header block being read
	LoopTimer *timer;
	int64_t timer_at_ns;      // INT64_MAX: not set
	int64_t preface_until_ns; // INT64_MAX: it came
	int64_t headers_since_ns; // a header block began and has not ended; 0: none
	int64_t ended_until_ns;   // INT64_MAX: not ended
	int64_t sent_ns;          // when the socket last took something, or was empty
	enum { DRAIN_NO, DRAIN_NOTICE, DRAIN_LAST } drain;
	int64_t drain_until_ns; // by then the last GOAWAY goes, whether or not the peer answered
};

// Serves an accepted socket in `net`'s loop; takes the descriptor over, also when it fails. Any
// thread.
void conn_new(NetLoop *net, int fd, const SockAddress *peer);
Conn *conn_ref(Conn *conn);
void conn_unref(Conn *conn); // any thread

// Ends everything at once. Not to be called from within nghttp2: see conn_break.
void conn_close(Conn *conn);
void conn_break(Conn *conn);                  // closes when it is safe
void conn_check(Conn *conn, int rv);          // breaks when nghttp2 reports a fatal error
void conn_want_flush(Conn *conn);             // at the end of this turn
void conn_begin_drain(Conn *conn);            // first GOAWAY
void conn_end_drain(Conn *conn);              // second GOAWAY
void conn_cut(Conn *conn, uint32_t h2_error); // GOAWAY, then closes
void conn_stop(Conn *conn);                   // ends its calls, says so, and closes

// ---- session.c ----

// Callbacks and options for every session of a server. ST_NO_MEMORY.
Status session_setup(GrpcServer *server, Error *err);
void session_teardown(GrpcServer *server);
// The connection's session, with the first SETTINGS queued.
Status session_open(Conn *conn, Error *err);
