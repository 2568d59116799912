// tls_context_int.h - what the connections of a TLS context share.

#pragma once

#include <openssl/ssl.h>
#include <pthread.h>

#include "net/tls_int.h"

struct TlsContext {
	pthread_mutex_t lock;
	SSL_CTX *ctx;           // under the lock
	BIO_METHOD *bio_method; // of every connection
	char *certificate_path;
	char *key_path;
};

SSL *tls_context_open(TlsContext *tls); // NULL: no memory

// ---- tls_conn.c ----

BIO_METHOD *tls_bio_method_new(void); // NULL: no memory
int tls_select_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
						unsigned in_len, void *arg);
