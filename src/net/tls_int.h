// tls_int.h - TLS of one connection: cipher text in, plain text out, and the other way. It moves
// bytes between memory only; the connection reads and writes the socket.
//
// Threads  one owner.

#pragma once

#include "base/buf.h"
#include "net/tls.h"

typedef struct Tls Tls;

// For a connection that speaks HTTP/2, HTTP/1.1 or either.
Status tls_new(TlsContext *context, bool h2, bool h1, Tls **out, Error *err);
void tls_free(Tls *tls); // NULL is allowed

// Takes all of `in` and gives up to `max` bytes of plain text; called again with nothing more to
// take until *len is 0. Without memory, at the peer's end, or when it is no TLS, the connection is
// of no more use; what is in tls_pending is still to be sent then.
Status tls_read(Tls *tls, Slice in, uint8_t *out, size_t max, size_t *len, Error *err);
bool tls_is_ready(const Tls *tls); // the handshake is done

typedef enum TlsChoice { TLS_NO_CHOICE, TLS_H2, TLS_H1 } TlsChoice;
TlsChoice tls_choice(const Tls *tls); // by ALPN

// Appends the cipher text of `plain` to `out`. After tls_is_ready.
Status tls_write(Tls *tls, Slice plain, Buf *out, Error *err);
// Appends our last word, if one can still be said.
void tls_end(Tls *tls, Buf *out);
// What the handshake, or a socket that took less, left to be sent.
Buf *tls_pending(Tls *tls);
