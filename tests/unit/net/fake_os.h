// fake_os.h - os/loop.h and os/sock.h in memory: one thread, sockets that are byte strings, and a
// clock that moves when told. What the program defines here the linker does not take from os.
//
// Every fallible function asks fault_here(), like the real ones. Its own memory is not counted.

#pragma once

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "base/mem.h"
#include "os/clock.h"
#include "os/loop.h"
#include "os/sock.h"

enum { FAKE_SOCKS = 64, FAKE_LISTENER = 1, FAKE_FIRST_FD = 100 };

typedef struct FakeBytes {
	uint8_t *data;
	size_t len;
	size_t pos; // read so far
	size_t cap;
} FakeBytes;

typedef struct FakeSock {
	bool used;
	bool open;    // the server has it
	bool ended;   // the client will send no more
	bool waiting; // to be accepted
	bool stays;   // the client does not leave when the server has said all
	bool all_said;
	FakeBytes to_server;
	FakeBytes to_client;
	size_t take_max;  // bytes of output that the socket takes still
	int small_buffer; // what sock_tune was told
} FakeSock;

struct LoopWatch {
	Loop *loop;
	LoopWatch *next;
	int fd;
	uint32_t events;
	void (*fn)(void *arg, uint32_t events);
	void *arg;
	bool removed;
};

struct LoopTimer {
	Loop *loop;
	LoopTimer *next;
	int64_t at_ns;
	void (*fn)(void *arg);
	void *arg;
};

struct Loop {
	LoopWatch *watches;
	LoopTimer *timers;
	LoopCall *posted;
	LoopCall *turn_end;
};

static struct FakeOs {
	int64_t now_ns;
	FakeSock socks[FAKE_SOCKS];
	Loop *loop;         // the last one made
	int no_descriptors; // so many accepts fail
	size_t reads;
	size_t writes;
} os = {.now_ns = 1};

// ---- bytes ----

static inline void
fake_put(FakeBytes *bytes, const void *data, size_t len)
{
	if (bytes->pos == bytes->len)
		bytes->pos = bytes->len = 0;
	if (bytes->len + len >= bytes->cap) {
		bytes->cap = 2 * (bytes->len + len) + 64;
		bytes->data = realloc(bytes->data, bytes->cap);
	}
	if (len > 0)
		memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

static inline size_t
fake_get(FakeBytes *bytes, void *out, size_t max)
{
	size_t n = bytes->len - bytes->pos;
	if (n > max)
		n = max;
	if (n > 0)
		memcpy(out, bytes->data + bytes->pos, n);
	bytes->pos += n;
	return n;
}

// ---- what tests do ----

static inline FakeSock *
fake_sock(int fd)
{
	assert(fd >= FAKE_FIRST_FD && fd < FAKE_FIRST_FD + FAKE_SOCKS);
	return &os.socks[fd - FAKE_FIRST_FD];
}

static inline FakeSock *
fake_connect(void)
{
	for (int i = 0; i < FAKE_SOCKS; i++) {
		FakeSock *sock = &os.socks[i];
		if (!sock->used) {
			*sock = (FakeSock){.used = true, .waiting = true, .take_max = SIZE_MAX};
			return sock;
		}
	}
	abort();
}

// The client is gone; what the server still does with the socket fails.
static inline void
fake_forget(FakeSock *sock)
{
	free(sock->to_server.data);
	free(sock->to_client.data);
	assert(!sock->open);
	*sock = (FakeSock){0};
}

static inline bool
fake_waits(void)
{
	for (int i = 0; i < FAKE_SOCKS; i++) {
		if (os.socks[i].waiting)
			return true;
	}
	return false;
}

static inline uint32_t
fake_ready(const LoopWatch *watch)
{
	if (watch->fd == FAKE_LISTENER)
		return fake_waits() ? (watch->events & LOOP_READABLE) : 0;
	const FakeSock *sock = fake_sock(watch->fd);
	bool readable = sock->ended || sock->to_server.pos < sock->to_server.len;
	uint32_t ready = (readable ? LOOP_READABLE : 0u) | (sock->take_max > 0 ? LOOP_WRITABLE : 0u);
	return ready & watch->events;
}

static inline bool
fake_run_calls(LoopCall **list)
{
	LoopCall *call = *list;
	*list = NULL;
	bool any = call != NULL;
	while (call != NULL) {
		LoopCall *next = call->next;
		call->fn(call->arg);
		call = next;
	}
	return any;
}

static inline bool
fake_run_timers(Loop *loop)
{
	for (LoopTimer *timer = loop->timers; timer != NULL; timer = timer->next) {
		if (timer->at_ns <= os.now_ns) {
			timer->at_ns = INT64_MAX;
			timer->fn(timer->arg);
			return true; // the list may have changed
		}
	}
	return false;
}

// One turn. False when there was nothing to do.
static inline bool
fake_turn(Loop *loop)
{
	bool any = false;
	for (LoopWatch *watch = loop->watches; watch != NULL; watch = watch->next) {
		uint32_t ready = watch->removed ? 0 : fake_ready(watch);
		if (ready != 0) {
			any = true;
			watch->fn(watch->arg, ready);
		}
	}
	while (fake_run_timers(loop))
		any = true;
	any |= fake_run_calls(&loop->posted);
	any |= fake_run_calls(&loop->turn_end);
	for (LoopWatch **at = &loop->watches; *at != NULL;) {
		LoopWatch *watch = *at;
		if (!watch->removed) {
			at = &watch->next;
			continue;
		}
		*at = watch->next;
		mem_free(watch);
	}
	return any;
}

static inline void
fake_run(void)
{
	for (int i = 0; i < 100000; i++) {
		if (!fake_turn(os.loop))
			return;
	}
	abort(); // the server spins
}

static inline void
fake_advance(int64_t ns)
{
	os.now_ns += ns;
	fake_run();
}

// ---- os/loop.h ----

Status
loop_new(const char *name, Loop **out, Error *err)
{
	assert(strlen(name) <= 15);
	Loop *loop = mem_alloc(sizeof(*loop));
	if (loop == NULL)
		return error_no_memory(err, "an event loop");
	os.loop = loop;
	*out = loop;
	return ST_OK;
}

void
loop_stop(Loop *loop)
{
	(void)loop;
}

void
loop_free(Loop *loop)
{
	while (fake_turn(loop))
		continue;
	assert(loop->watches == NULL && loop->timers == NULL);
	mem_free(loop);
	os.loop = NULL;
}

static inline void
fake_append(LoopCall **list, LoopCall *call)
{
	call->next = NULL;
	while (*list != NULL)
		list = &(*list)->next;
	*list = call;
}

void
loop_post(Loop *loop, LoopCall *call)
{
	fake_append(&loop->posted, call);
}

void
loop_at_turn_end(Loop *loop, LoopCall *call)
{
	fake_append(&loop->turn_end, call);
}

bool
loop_is_current(const Loop *loop)
{
	(void)loop;
	return true;
}

int64_t
loop_now_ns(const Loop *loop)
{
	(void)loop;
	return os.now_ns;
}

Status
loop_watch(Loop *loop, int fd, uint32_t events, void (*fn)(void *arg, uint32_t events), void *arg,
		   LoopWatch **out, Error *err)
{
	LoopWatch *watch = mem_alloc(sizeof(*watch));
	if (watch == NULL)
		return error_no_memory(err, "watching a descriptor");
	*watch = (LoopWatch){loop, loop->watches, fd, events, fn, arg, false};
	loop->watches = watch;
	*out = watch;
	return ST_OK;
}

void
loop_watch_change(LoopWatch *watch, uint32_t events)
{
	assert(!watch->removed);
	watch->events = events;
}

void
loop_unwatch(LoopWatch *watch)
{
	if (watch != NULL)
		watch->removed = true;
}

Status
loop_timer_new(Loop *loop, void (*fn)(void *arg), void *arg, LoopTimer **out, Error *err)
{
	LoopTimer *timer = mem_alloc(sizeof(*timer));
	if (timer == NULL)
		return error_no_memory(err, "a timer");
	*timer = (LoopTimer){loop, loop->timers, INT64_MAX, fn, arg};
	loop->timers = timer;
	*out = timer;
	return ST_OK;
}

void
loop_timer_set(LoopTimer *timer, int64_t at_mono_ns)
{
	timer->at_ns = at_mono_ns > os.now_ns ? at_mono_ns : os.now_ns + 1;
}

void
loop_timer_clear(LoopTimer *timer)
{
	timer->at_ns = INT64_MAX;
}

void
loop_timer_free(LoopTimer *timer)
{
	if (timer == NULL)
		return;
	LoopTimer **at = &timer->loop->timers;
	while (*at != timer)
		at = &(*at)->next;
	*at = timer->next;
	mem_free(timer);
}

// ---- os/sock.h ----

Status
sock_accept(int listen_fd, int *out_fd, SockAddress *peer, Error *err)
{
	assert(listen_fd == FAKE_LISTENER);
	if (os.no_descriptors > 0 && os.no_descriptors-- > 0)
		return error_set(err, ST_LIMIT, "no descriptor for a connection");
	if (fault_here())
		return error_set(err, ST_NO_MEMORY, "accept");
	*out_fd = -1;
	for (int i = 0; i < FAKE_SOCKS && *out_fd < 0; i++) {
		if (os.socks[i].waiting) {
			os.socks[i].waiting = false;
			os.socks[i].open = true;
			*out_fd = FAKE_FIRST_FD + i;
		}
	}
	*peer = (SockAddress){.text = "127.0.0.1:4711", .host = "127.0.0.1", .loopback = true};
	return ST_OK;
}

Status
sock_read(int fd, void *buf, size_t len, size_t *out, bool *would_block, Error *err)
{
	FakeSock *sock = fake_sock(fd);
	os.reads++;
	if (fault_here())
		return error_set(err, ST_IO, "receive");
	*out = fake_get(&sock->to_server, buf, len);
	*would_block = *out == 0;
	return *out == 0 && sock->ended ? error_set(err, ST_CANCELLED, "the peer left") : ST_OK;
}

Status
sock_writev(int fd, const struct iovec *iov, size_t count, size_t *out, bool *would_block,
			Error *err)
{
	FakeSock *sock = fake_sock(fd);
	os.writes++;
	if (fault_here())
		return error_set(err, ST_IO, "send");
	*out = 0;
	for (size_t i = 0; i < count && sock->take_max > 0; i++) {
		size_t n = iov[i].iov_len < sock->take_max ? iov[i].iov_len : sock->take_max;
		fake_put(&sock->to_client, iov[i].iov_base, n);
		if (sock->take_max != SIZE_MAX)
			sock->take_max -= n;
		*out += n;
	}
	*would_block = *out == 0;
	return ST_OK;
}

void
sock_tune(int fd, bool local_peer)
{
	fake_sock(fd)->small_buffer = local_peer;
}

void
sock_limit_output(int fd, int bytes)
{
	fake_sock(fd)->small_buffer = bytes;
}

void
sock_end_writing(int fd)
{
	FakeSock *sock = fake_sock(fd);
	sock->all_said = true;
	sock->ended = sock->ended || !sock->stays;
}

void
sock_close(int fd)
{
	if (fd >= FAKE_FIRST_FD)
		fake_sock(fd)->open = false;
}
