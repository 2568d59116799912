// server_int.h - the server's loops, listeners and counters.
//
// Threads  options and loops do not change after net_server_new; listeners belong to the first
//          loop; counters are atomic; of a NetLoop all but `loop` and `server` belongs to its loop.

#pragma once

#include <stdatomic.h>

#include "base/buf.h"
#include "net/server.h"
#include "net/stage_int.h"
#include "os/file.h"

typedef struct Conn Conn;
typedef struct Listener Listener;

// One I/O loop and what its connections share.
typedef struct NetLoop {
	Loop *loop;
	NetServer *server;
	uint8_t *input;  // what is read goes here first
	uint8_t *cipher; // with TLS before that here, and what is sent is joined here; NULL: not yet
	Buf sealed;      // what of it is sent now
	Stage *spare;    // an empty one, or NULL
	Conn *conns;
	bool closed; // what was accepted and comes now is too late
	LoopCall drain;
	LoopTimer *drain_timer;
} NetLoop;

enum { INPUT_BYTES = 256 << 10 };

struct NetServer {
	atomic_uint refs; // the owner's, and one per connection
	NetOptions options;
	NetLoop *loops; // options.loops of them
	atomic_uint next_loop;
	atomic_bool draining;
	int64_t drain_until_ns;

	Listener *listeners;
	File *spare_file; // given up to accept and close when descriptors run out

	atomic_uint_fast64_t connections;
	atomic_uint_fast64_t bytes_in;
	atomic_uint_fast64_t bytes_out;
};

NetServer *net_server_ref(NetServer *server);
void net_server_unref(NetServer *server);

// Room for TLS, INPUT_BYTES of it. ST_NO_MEMORY.
Status net_loop_need_cipher(NetLoop *net, Error *err);

// A stage for a connection that has something to send; NULL: no memory.
Stage *net_loop_take_stage(NetLoop *net);
void net_loop_give_stage(NetLoop *net, Stage *stage); // empty or not; NULL is allowed

// Runs fn(arg) in the loop and waits until it ran.
void net_loop_run(NetLoop *net, void (*fn)(void *arg), void *arg);

void listeners_close(NetServer *server); // in the first loop
