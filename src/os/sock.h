// sock.h - the only door to sockets. All are non-blocking and close on exec.

#pragma once

#include <sys/uio.h>

#include "base/status.h"

typedef struct SockAddress {
	char text[64]; // "127.0.0.1:50051", "[::1]:50051"
	char host[48];
	uint16_t port;
	bool loopback;
} SockAddress;

// "address:port" or ":port" or "[v6]:port"; numeric addresses and "localhost".
Status sock_parse_address(const char *text, SockAddress *out, Error *err);

// Listens; *bound has the real port. ST_CONFLICT when the port is in use, naming it.
Status sock_listen(const SockAddress *address, int *out_fd, SockAddress *bound, Error *err);

// ST_OK with *out_fd -1 when nobody waits. ST_LIMIT when descriptors ran out.
Status sock_accept(int listen_fd, int *out_fd, SockAddress *peer, Error *err);

// Bytes moved; 0 with ST_OK and *would_block when the socket is not ready. Reading: ST_CANCELLED at
// the peer's end.
Status sock_read(int fd, void *buf, size_t len, size_t *out, bool *would_block, Error *err);
Status sock_writev(int fd, const struct iovec *iov, size_t count, size_t *out, bool *would_block,
				   Error *err);

void sock_tune(
	int fd, bool local_peer); // no delay; a small send buffer for local peers keeps data in cache
// How much the system may hold back for a peer that does not read; over what sock_tune chose.
void sock_limit_output(int fd, int bytes);
void sock_end_writing(int fd); // the peer reads what was written, then the end
void sock_close(int fd);       // negative is allowed
