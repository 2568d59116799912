// OpenSSL reads and writes through a BIO of ours, whose ends are memory: what came from the socket,
// and a Buf that goes to it. So no call of it ever waits for a write.

#include <limits.h>
#include <openssl/err.h>
#include <string.h>

#include "base/mem.h"
#include "net/tls_context_int.h"

struct Tls {
	SSL *ssl;
	Slice in; // lent while tls_read runs
	Buf pending;
	Buf *out; // where OpenSSL writes to now
	bool h2;
	bool h1;
	bool ready;
	bool failed; // OpenSSL may not be called again
};

// ---- the BIO ----

static int
bio_read(BIO *bio, char *out, int len)
{
	Tls *tls = BIO_get_data(bio);
	size_t n = tls->in.len < (size_t)len ? tls->in.len : (size_t)len;
	BIO_clear_retry_flags(bio);
	if (n == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	memcpy(out, tls->in.data, n);
	tls->in = slice_of(tls->in.data + n, tls->in.len - n);
	return (int)n;
}

static int
bio_write(BIO *bio, const char *data, int len)
{
	Tls *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	buf_add(tls->out, data, (size_t)len);
	return tls->out->failed ? -1 : len;
}

static long
bio_control(BIO *bio, int command, long number, void *arg)
{
	(void)bio, (void)number, (void)arg;
	return command == BIO_CTRL_FLUSH;
}

BIO_METHOD *
tls_bio_method_new(void)
{
	BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "mobius");
	if (method == NULL)
		return NULL;
	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_control);
	return method;
}

// ---- connections ----

int
tls_select_protocol(SSL *ssl, const uint8_t **out, uint8_t *out_len, const uint8_t *in,
					unsigned in_len, void *arg)
{
	(void)arg;
	static const uint8_t both[] = "\2h2\10http/1.1";
	const Tls *tls = SSL_get_app_data(ssl);
	size_t from = tls->h2 ? 0 : 3;
	size_t to = tls->h1 ? sizeof(both) - 1 : 3;
	// The result points into one of the two lists; OpenSSL copies it.
	uint8_t *chosen = NULL;
	if (SSL_select_next_proto(&chosen, out_len, both + from, (unsigned)(to - from), in, in_len) !=
		OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = chosen;
	return SSL_TLSEXT_ERR_OK;
}

DEFINE_DROP(Tls, tls_drop, tls_free)

Status
tls_new(TlsContext *context, bool h2, bool h1, Tls **out, Error *err)
{
	SCOPED(tls_drop) Tls *tls = mem_alloc(sizeof(*tls));
	if (tls == NULL)
		return error_no_memory(err, "a TLS connection");
	tls->h2 = h2;
	tls->h1 = h1;
	tls->out = &tls->pending;
	tls->ssl = tls_context_open(context);
	BIO *bio = tls->ssl == NULL ? NULL : BIO_new(context->bio_method);
	if (bio == NULL)
		return error_no_memory(err, "a TLS connection");
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	SSL_set_app_data(tls->ssl, tls);
	SSL_set_accept_state(tls->ssl);
	*out = TAKE(tls);
	return ST_OK;
}

void
tls_free(Tls *tls)
{
	if (tls == NULL)
		return;
	SSL_free(tls->ssl);
	buf_close(&tls->pending);
	mem_free(tls);
}

bool
tls_is_ready(const Tls *tls)
{
	return tls->ready;
}

TlsChoice
tls_choice(const Tls *tls)
{
	const uint8_t *name;
	unsigned len;
	SSL_get0_alpn_selected(tls->ssl, &name, &len);
	return len == 0 ? TLS_NO_CHOICE : len == 2 ? TLS_H2 : TLS_H1;
}

Buf *
tls_pending(Tls *tls)
{
	return &tls->pending;
}

// What OpenSSL said to a call that was no success. ST_OK: it needs more.
static Status
result_of(Tls *tls, int rv, Error *err)
{
	switch (SSL_get_error(tls->ssl, rv)) {
	case SSL_ERROR_WANT_READ: return ST_OK;
	case SSL_ERROR_ZERO_RETURN:
		return error_set(err, ST_CANCELLED, "the peer ended the connection");
	default:
		tls->failed = true;
		if (tls->out->failed)
			return error_no_memory(err, "a TLS connection");
		return error_set(err, ST_INVALID, "the peer does not speak TLS as we do");
	}
}

static Status
shake_hands(Tls *tls, Error *err)
{
	int rv = SSL_do_handshake(tls->ssl);
	tls->ready = rv == 1;
	return rv == 1 ? ST_OK : result_of(tls, rv, err);
}

Status
tls_read(Tls *tls, Slice in, uint8_t *out, size_t max, size_t *len, Error *err)
{
	*len = 0;
	if (tls->failed)
		return error_set(err, ST_CANCELLED, "the connection has ended");
	if (in.len > 0)
		tls->in = in;
	ERR_clear_error();
	if (!tls->ready)
		TRY(shake_hands(tls, err));
	Status st = ST_OK;
	while (tls->ready && *len < max) {
		size_t n = 0;
		int rv = SSL_read_ex(tls->ssl, out + *len, max - *len, &n);
		*len += n;
		if (rv == 1)
			continue;
		st = result_of(tls, rv, err);
		break;
	}
	// What came before the end is still to be heard; the end is told when asked again.
	return *len > 0 ? ST_OK : st;
}

Status
tls_write(Tls *tls, Slice plain, Buf *out, Error *err)
{
	size_t written = 0;
	if (tls->failed)
		return error_set(err, ST_CANCELLED, "the connection has ended");
	ERR_clear_error();
	tls->out = out;
	int rv = SSL_write_ex(tls->ssl, plain.data, plain.len, &written);
	tls->out = &tls->pending;
	if (rv == 1 && !out->failed)
		return ST_OK;
	tls->failed = true;
	return out->failed ? error_no_memory(err, "a TLS connection")
					   : error_set(err, ST_INVALID, "the peer does not speak TLS as we do");
}

void
tls_end(Tls *tls, Buf *out)
{
	if (tls->failed || !tls->ready)
		return;
	ERR_clear_error();
	tls->out = out;
	(void)SSL_shutdown(tls->ssl); // the peer's answer is not waited for
	tls->out = &tls->pending;
}
