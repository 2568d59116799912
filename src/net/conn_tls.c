// TLS between a connection's socket and its protocol. Which protocol that is ALPN may tell, once
// the handshake is done.

#include <string.h>

#include "net/conn_int.h"

enum { JOINED_BYTES = 128 << 10 }; // that are encrypted at once

Status
conn_tls_open(Conn *conn, Error *err)
{
	TRY(net_loop_need_cipher(conn->net, err));
	return tls_new(conn->port.tls, conn->port.grpc != NULL, conn->port.http != NULL, &conn->tls,
				   err);
}

// ---- what comes ----

// The handshake is done: ALPN told what is spoken, or there is but one, or its first bytes tell.
static bool
choose(Conn *conn)
{
	TlsChoice choice = tls_choice(conn->tls);
	if (choice == TLS_NO_CHOICE && conn->port.grpc != NULL && conn->port.http != NULL)
		return true;
	return first_become(conn, choice == TLS_NO_CHOICE ? conn->port.grpc != NULL : choice == TLS_H2);
}

bool
conn_tls_input(Conn *conn, size_t len)
{
	Slice in = slice_of(conn->net->cipher, len);
	for (;;) {
		bool was_ready = tls_is_ready(conn->tls);
		uint8_t *plain = conn->net->input;
		size_t n = 0;
		if (tls_read(conn->tls, in, plain, INPUT_BYTES, &n, NULL) != ST_OK) {
			// What is wrong the peer may be told still.
			bool blocked;
			size_t sent = 0;
			(void)!conn_tls_send(conn, &sent, &blocked, NULL);
			return false;
		}
		in.len = 0;
		if (!was_ready && tls_is_ready(conn->tls) && !choose(conn))
			return false;
		if (n == 0)
			return true;
		if (!conn->protocol->input(conn->session, slice_of(plain, n)))
			return false;
	}
}

// ---- what goes ----

bool
conn_tls_waits(const Conn *conn)
{
	return conn->tls != NULL && tls_pending(conn->tls)->len > 0;
}

static void
drop_front(Buf *buf, size_t len)
{
	buf->len -= len;
	if (buf->len > 0)
		memmove(buf->data, buf->data + len, buf->len);
	else
		buf_close(buf); // an idle connection is small
}

static Status
send_pending(Conn *conn, size_t *sent, bool *blocked, Error *err)
{
	Buf *pending = tls_pending(conn->tls);
	struct iovec iov = {pending->data, pending->len};
	size_t written = 0;
	TRY(buf_status(pending, err, "a TLS connection"));
	TRY(sock_writev(conn->fd, &iov, 1, &written, blocked, err));
	*sent += written;
	drop_front(pending, written);
	return ST_OK;
}

// What the socket does not take waits with the connection.
static Status
send_sealed(Conn *conn, size_t *sent, bool *blocked, Error *err)
{
	Buf *sealed = &conn->net->sealed;
	struct iovec iov = {sealed->data, sealed->len};
	size_t written = 0;
	TRY(buf_status(sealed, err, "a TLS connection"));
	if (sealed->len > 0)
		TRY(sock_writev(conn->fd, &iov, 1, &written, blocked, err));
	*sent += written;
	if (written < sealed->len)
		buf_add(tls_pending(conn->tls), sealed->data + written, sealed->len - written);
	return buf_status(tls_pending(conn->tls), err, "a TLS connection");
}

Status
conn_tls_send(Conn *conn, size_t *sent, bool *blocked, Error *err)
{
	*blocked = false;
	if (conn_tls_waits(conn))
		TRY(send_pending(conn, sent, blocked, err));
	if (conn_tls_waits(conn) || conn->stage == NULL)
		return ST_OK;
	NetLoop *net = conn->net;
	buf_reset(&net->sealed);
	while (!stage_is_empty(conn->stage)) {
		size_t len = stage_join(conn->stage, net->cipher, JOINED_BYTES);
		TRY(tls_write(conn->tls, slice_of(net->cipher, len), &net->sealed, err));
	}
	return send_sealed(conn, sent, blocked, err);
}

void
conn_tls_end(Conn *conn)
{
	if (conn->tls == NULL)
		return;
	size_t sent = 0;
	bool blocked;
	tls_end(conn->tls, tls_pending(conn->tls));
	if (conn_tls_waits(conn) && send_pending(conn, &sent, &blocked, NULL) != ST_OK)
		conn->broken = true;
}
