#include "os/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/setting.h"

enum { BACKLOG = 1024, LOCAL_SEND_BYTES = 128 * 1024 };

typedef union Name {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
} Name;

// True when the caller must behave as if the system had said `cause`.
static bool
sock_fault(int cause)
{
	if (!fault_here())
		return false;
	errno = cause;
	return true;
}

static bool
is_loopback(const Name *name)
{
	if (name->any.sa_family == AF_INET)
		return ntohl(name->v4.sin_addr.s_addr) >> 24 == 127;
	const struct in6_addr *v6 = &name->v6.sin6_addr;
	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

static void
describe(const Name *name, SockAddress *out)
{
	bool v6 = name->any.sa_family == AF_INET6;
	const void *address = v6 ? (const void *)&name->v6.sin6_addr : &name->v4.sin_addr;
	*out = (SockAddress){
		.port = ntohs(v6 ? name->v6.sin6_port : name->v4.sin_port),
		.loopback = is_loopback(name),
	};
	inet_ntop(name->any.sa_family, address, out->host, sizeof(out->host));
	snprintf(out->text, sizeof(out->text), v6 ? "[%s]:%u" : "%s:%u", out->host, out->port);
}

// A numeric address as the system wants it; the length of the name, or 0.
static socklen_t
name_of(const char *host, uint16_t port, Name *out)
{
	*out = (Name){0};
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		return sizeof(out->v4);
	}
	if (inet_pton(AF_INET6, host, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		return sizeof(out->v6);
	}
	return 0;
}

Status
sock_parse_address(const char *text, SockAddress *out, Error *err)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon == NULL ? 0 : (size_t)(colon - text);
	bool bracketed = len >= 2 && text[0] == '[' && text[len - 1] == ']';
	char host[sizeof(out->host)];
	snprintf(host, sizeof(host), "%.*s", (int)(bracketed ? len - 2 : len), text + bracketed);
	if (len == 0)
		snprintf(host, sizeof(host), "0.0.0.0");
	else if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");

	Name name;
	int64_t port;
	if (colon == NULL || len >= sizeof(host) || name_of(host, 0, &name) == 0 ||
		bracketed != (name.any.sa_family == AF_INET6))
		return error_set(err, ST_INVALID,
						 "'%.64s' is no address; write 127.0.0.1:50051, [::1]:50051 or :50051",
						 text);
	if (setting_parse_int(colon + 1, &port, NULL) != ST_OK || port < 0 || port > UINT16_MAX)
		return error_set(err, ST_INVALID, "'%.64s': the port must be 0 to 65535", text);
	name_of(host, (uint16_t)port, &name);
	describe(&name, out);
	return ST_OK;
}

static Status
listen_error(const SockAddress *address, const char *call, Error *err)
{
	int cause = errno;
	if (cause == EADDRINUSE)
		return error_set(err, ST_CONFLICT,
						 "%s is in use; stop what listens there or choose another port",
						 address->text);
	if (cause == EACCES)
		return error_set(err, ST_DENIED, "%s: not allowed; choose a port above 1023",
						 address->text);
	if (cause == EADDRNOTAVAIL)
		return error_set(err, ST_INVALID, "%s is no address of this machine", address->text);
	return error_set(err, ST_IO, "%s: %s: %s", address->text, call, strerror(cause));
}

static void
fd_drop(int *fd)
{
	sock_close(*fd);
}

Status
sock_listen(const SockAddress *address, int *out_fd, SockAddress *bound, Error *err)
{
	Name name;
	socklen_t len = name_of(address->host, address->port, &name);
	if (len == 0)
		return error_set(err, ST_INVALID, "'%s' is no numeric address", address->host);
	int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
	SCOPED(fd_drop)
	int fd = sock_fault(EMFILE) ? -1 : socket(name.any.sa_family, type, 0);
	if (fd < 0)
		return listen_error(address, "socket", err);

	// A restart need not wait for old connections; [::] takes IPv4 as well.
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (name.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){0}, sizeof(int));
	if (sock_fault(EADDRINUSE) || bind(fd, &name.any, len) != 0)
		return listen_error(address, "bind", err);
	if (sock_fault(EADDRINUSE) || listen(fd, BACKLOG) != 0)
		return listen_error(address, "listen", err);
	len = sizeof(name);
	if (sock_fault(EIO) || getsockname(fd, &name.any, &len) != 0)
		return listen_error(address, "getsockname", err);

	describe(&name, bound);
	*out_fd = fd;
	fd = -1;
	return ST_OK;
}

Status
sock_accept(int listen_fd, int *out_fd, SockAddress *peer, Error *err)
{
	Name name = {0};
	socklen_t len = sizeof(name);
	int fd = -1;
	do {
		fd = sock_fault(EMFILE) ? -1
								: accept4(listen_fd, &name.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0) {
		describe(&name, peer);
		*out_fd = fd;
		return ST_OK;
	}

	switch (errno) {
	case EMFILE:
	case ENFILE:
		return error_set(err, ST_LIMIT,
						 "no descriptor for a connection; raise the limit of open files");
	case ENOBUFS:
	case ENOMEM: return error_set(err, ST_NO_MEMORY, "no memory of the system for a connection");
	case EBADF:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP: return error_set(err, ST_INTERNAL, "accept: %s", strerror(errno));
	default:
		// Nobody waits, or who waited has gone with an error of his network.
		*out_fd = -1;
		return ST_OK;
	}
}

// What a refused transfer means; errno is the system's.
static Status
transfer_error(const char *call, size_t *out, bool *would_block, Error *err)
{
	switch (errno) {
	case EAGAIN:
		*out = 0;
		*would_block = true;
		return ST_OK;
	case ECONNRESET:
	case EPIPE: return error_set(err, ST_CANCELLED, "the peer broke the connection");
	case ENOMEM:
	case ENOBUFS: return error_set(err, ST_NO_MEMORY, "no memory of the system to %s", call);
	default: return error_set(err, ST_IO, "%s: %s", call, strerror(errno));
	}
}

Status
sock_read(int fd, void *buf, size_t len, size_t *out, bool *would_block, Error *err)
{
	ssize_t n;
	do {
		n = sock_fault(EIO) ? -1 : recv(fd, buf, len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return transfer_error("receive", out, would_block, err);
	if (n == 0 && len > 0)
		return error_set(err, ST_CANCELLED, "the peer closed the connection");
	*out = (size_t)n;
	*would_block = false;
	return ST_OK;
}

Status
sock_writev(int fd, const struct iovec *iov, size_t count, size_t *out, bool *would_block,
			Error *err)
{
	// sendmsg takes no more than IOV_MAX pieces; a short count is an answer the caller knows.
	struct msghdr msg = {
		.msg_iov = (struct iovec *)(uintptr_t)iov, // only read
		.msg_iovlen = count > IOV_MAX ? IOV_MAX : count,
	};
	ssize_t n;
	do {
		n = sock_fault(EIO) ? -1 : sendmsg(fd, &msg, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return transfer_error("send", out, would_block, err);
	*out = (size_t)n;
	*would_block = false;
	return ST_OK;
}

void
sock_tune(int fd, bool local_peer)
{
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	// Over a real network the system finds the size by itself.
	if (local_peer)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){LOCAL_SEND_BYTES}, sizeof(int));
}

void
sock_limit_output(int fd, int bytes)
{
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

void
sock_end_writing(int fd)
{
	shutdown(fd, SHUT_WR); // fails only when the peer is gone, which reading will tell
}

void
sock_close(int fd)
{
	if (fd >= 0)
		close(fd);
}
