// tls.h - a server's certificate and key for the connections of a port. TLS 1.2 and newer; ALPN
// offers what the port speaks.
//
// Threads  any: a reload changes what later connections get; those that are open keep theirs.

#pragma once

#include "base/status.h"

typedef struct TlsContext TlsContext;

// Reads both files (PEM; the certificate may be followed by its chain) and checks that they belong
// together. ST_INVALID or ST_NOT_FOUND names the file and what is wrong with it.
Status tls_context_new(const char *certificate_path, const char *key_path, TlsContext **out,
					   Error *err);
void tls_context_free(TlsContext *tls); // NULL is allowed

// Reads the files again. When it fails, everything stays as it was.
Status tls_context_reload(TlsContext *tls, Error *err);
