// conn_int.h - one connection: a socket, what is sent and received on it, and the protocol that
// makes sense of it.
//
// The connection reads, gathers and writes, knows when a peer is too slow to take what it is sent,
// and closes. What the bytes mean is the protocol's, and so is every other time that matters.
//
// Owns     the socket until it closes; the record lives until its last reference is gone: what a
//          protocol gives out (calls, requests) has one each, also what outlives the connection.
// Threads  all but refs belongs to the loop.

#pragma once

#include "net/server_int.h"
#include "net/tls_int.h"
#include "os/sock.h"

// What a connection asks of its protocol. `session` is the protocol's state of this connection.
// None of them closes the connection: they say so, or conn_break.
typedef struct Protocol {
	// Takes all of it. False: the connection is of no more use.
	bool (*input)(void *session, Slice data);
	// Puts what is to be sent into conn->stage as far as there is room. False: as above.
	bool (*gather)(void *session);
	// Calls back whoever is to be told something, which is never done from within the others.
	void (*tell)(void *session);
	bool (*wants_input)(const void *session); // false: the peer has to wait
	bool (*is_finished)(const void *session); // nothing is to be said or heard any more
	int64_t (*due_ns)(const void *session);   // mono time of the next on_due; INT64_MAX: none
	// That time came. False: the peer was too slow.
	bool (*on_due)(void *session);
	void (*drain)(void *session); // ends as soon as it politely can
	void (*stop)(void *session);  // ends now: what can still be said is
	void (*end)(void *session);   // the connection is gone; what it gave out is done
	void (*free)(void *session);  // and so is the last reference
} Protocol;

struct Conn {
	atomic_uint refs;
	NetServer *server;
	NetLoop *net;
	Conn *prev; // of the loop's connections
	Conn *next;
	NetPort port;
	const Protocol *protocol; // NULL: not begun
	void *session;
	char peer[64];

	int fd; // negative: closed
	LoopWatch *watch;
	uint32_t watched; // events
	Stage *stage;     // what is being sent; NULL: nothing
	Tls *tls;         // NULL: without
	LoopCall start;
	LoopCall flush;
	bool flush_asked;
	bool flushing;
	bool broken;  // to be closed as soon as the protocol returned
	bool blocked; // the socket takes no more
	bool ended;   // all is said; what the peer still sends is not looked at

	LoopTimer *timer;
	int64_t timer_at_ns;    // INT64_MAX: not set
	int64_t ended_until_ns; // INT64_MAX: not ended
	int64_t sent_ns;        // when the socket last took something, or was empty
};

// ---- first.c: a connection of which it is not yet known what it speaks ----

extern const Protocol FIRST_PROTOCOL;
Status first_new(Conn *conn, int64_t until_ns, void **out, Error *err);
// It is known now. False: as of Protocol.input.
bool first_become(Conn *conn, bool h2);

// ---- conn_tls.c ----

Status conn_tls_open(Conn *conn, Error *err);
// Decrypts what was read into net->cipher, and hands it to the protocol.
bool conn_tls_input(Conn *conn, size_t len);
bool conn_tls_waits(const Conn *conn); // something is to be sent that is not in the stage
// Encrypts what is in the stage, and writes.
Status conn_tls_send(Conn *conn, size_t *sent, bool *blocked, Error *err);
void conn_tls_end(Conn *conn); // our last word, if the socket takes it

// ---- conn.c ----

// Serves an accepted socket in `net`'s loop; takes the descriptor over, also when it fails. Any
// thread.
void conn_new(NetLoop *net, int fd, const NetPort *port, const SockAddress *peer);
Conn *conn_ref(Conn *conn);
void conn_unref(Conn *conn); // any thread

// Gives the connection its protocol, for good; the caller frees the session it had, if any.
Status conn_speak(Conn *conn, bool h2, Error *err);

int64_t conn_now_ns(const Conn *conn);
void conn_close(Conn *conn);      // at once; never from within the protocol: see conn_break
void conn_break(Conn *conn);      // closes when it is safe
void conn_want_flush(Conn *conn); // at the end of this turn
void conn_due_changed(Conn *conn);
void conn_drain(Conn *conn);
void conn_stop(Conn *conn); // ends what it serves, says so, and closes
