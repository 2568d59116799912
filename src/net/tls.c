#include "net/tls.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "net/tls_context_int.h"
#include "os/file.h"

enum { FILE_MAX = 1 << 20 };

// What every client of the last ten years has, and HTTP/2 allows. TLS 1.3 has its own.
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

DEFINE_DROP(SSL_CTX, ssl_ctx_drop, SSL_CTX_free)
DEFINE_DROP(BIO, bio_drop, BIO_free_all)
DEFINE_DROP(X509, x509_drop, X509_free)
DEFINE_DROP(EVP_PKEY, key_drop, EVP_PKEY_free)
DEFINE_DROP(TlsContext, context_drop, tls_context_free)

// ---- files ----

static Status
read_file(const char *path, Buf *out, Error *err)
{
	SCOPED(file_drop) File *file = NULL;
	uint64_t size;
	TRY(file_open(path, FILE_READ, &file, err));
	TRY(file_size(file, &size, err));
	if (size > FILE_MAX)
		return error_set(err, ST_INVALID, "%s is larger than 1 MiB; give it a PEM file", path);
	uint8_t *at = buf_extend(out, (size_t)size);
	TRY(buf_status(out, err, "a certificate"));
	return size == 0 ? ST_OK : file_read(file, 0, at, (size_t)size, err);
}

static Status
open_pem(const char *path, Buf *text, BIO **out, Error *err)
{
	TRY(read_file(path, text, err));
	*out = BIO_new_mem_buf(text->len > 0 ? (const void *)text->data : "", (int)text->len);
	return *out != NULL ? ST_OK : error_no_memory(err, "a certificate");
}

// Nobody is there to be asked for a password.
static int
no_password(char *buf, int size, int writing, void *arg)
{
	(void)buf, (void)size, (void)writing, (void)arg;
	return -1;
}

static Status
use_certificate(SSL_CTX *ctx, const char *path, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(bio_drop) BIO *bio = NULL;
	TRY(open_pem(path, &text, &bio, err));
	SCOPED(x509_drop) X509 *leaf = PEM_read_bio_X509(bio, NULL, no_password, NULL);
	if (leaf == NULL || SSL_CTX_use_certificate(ctx, leaf) != 1)
		return error_set(err, ST_INVALID, "%s has no certificate; give it a PEM file", path);
	for (;;) {
		X509 *above = PEM_read_bio_X509(bio, NULL, no_password, NULL);
		if (above == NULL)
			break;
		if (SSL_CTX_add0_chain_cert(ctx, above) != 1) {
			X509_free(above);
			return error_set(err, ST_INVALID, "%s has a chain that cannot be used", path);
		}
	}
	ERR_clear_error(); // the end of the file is one
	return ST_OK;
}

static Status
use_key(SSL_CTX *ctx, const char *path, Error *err)
{
	SCOPED(buf_close) Buf text = BUF_INIT;
	SCOPED(bio_drop) BIO *bio = NULL;
	TRY(open_pem(path, &text, &bio, err));
	SCOPED(key_drop) EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
	OPENSSL_cleanse(text.data, text.len);
	if (key == NULL)
		return error_set(err, ST_INVALID,
						 "%s has no private key that can be read without a password", path);
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1 || SSL_CTX_check_private_key(ctx) != 1)
		return error_set(err, ST_INVALID, "%s is not the key of the certificate", path);
	return ST_OK;
}

// ---- contexts ----

static Status
make_ctx(const TlsContext *tls, SSL_CTX **out, Error *err)
{
	ERR_clear_error();
	SCOPED(ssl_ctx_drop) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	if (ctx == NULL || SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1 ||
		SSL_CTX_set_cipher_list(ctx, CIPHERS) != 1)
		return error_no_memory(err, "TLS");
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
								 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_alpn_select_cb(ctx, tls_select_protocol, NULL);
	TRY(use_certificate(ctx, tls->certificate_path, err));
	TRY(use_key(ctx, tls->key_path, err));
	*out = TAKE(ctx);
	return ST_OK;
}

Status
tls_context_new(const char *certificate_path, const char *key_path, TlsContext **out, Error *err)
{
	SCOPED(context_drop) TlsContext *tls = mem_alloc(sizeof(*tls));
	if (tls == NULL)
		return error_no_memory(err, "TLS");
	pthread_mutex_init(&tls->lock, NULL);
	tls->certificate_path = mem_strdup(certificate_path);
	tls->key_path = mem_strdup(key_path);
	tls->bio_method = tls_bio_method_new();
	if (tls->certificate_path == NULL || tls->key_path == NULL || tls->bio_method == NULL)
		return error_no_memory(err, "TLS");
	TRY(make_ctx(tls, &tls->ctx, err));
	*out = TAKE(tls);
	return ST_OK;
}

void
tls_context_free(TlsContext *tls)
{
	if (tls == NULL)
		return;
	SSL_CTX_free(tls->ctx);
	BIO_meth_free(tls->bio_method);
	mem_free(tls->certificate_path);
	mem_free(tls->key_path);
	pthread_mutex_destroy(&tls->lock);
	mem_free(tls);
}

Status
tls_context_reload(TlsContext *tls, Error *err)
{
	SSL_CTX *ctx;
	TRY(make_ctx(tls, &ctx, err));
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *old = tls->ctx;
	tls->ctx = ctx;
	pthread_mutex_unlock(&tls->lock);
	SSL_CTX_free(old); // connections have references of theirs
	return ST_OK;
}

SSL *
tls_context_open(TlsContext *tls)
{
	pthread_mutex_lock(&tls->lock);
	SSL_CTX *ctx = tls->ctx;
	SSL_CTX_up_ref(ctx);
	pthread_mutex_unlock(&tls->lock);
	SSL *ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	return ssl;
}
