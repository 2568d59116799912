#include "server/certificate.h"

#include <string.h>

#include "base/log.h"

static bool
is_set(const char *path)
{
	return *path != '\0' && strcmp(path, "none") != 0;
}

bool
certificate_is_set(const Config *config)
{
	return is_set(config_text(config, "tls.certificate"));
}

Status
certificate_open(const Config *config, TlsContext **out, Error *err)
{
	const char *certificate = config_text(config, "tls.certificate");
	const char *key = config_text(config, "tls.key");
	if (!is_set(certificate) && !is_set(key))
		return ST_OK;
	if (!is_set(certificate) || !is_set(key))
		return error_set(err, ST_INVALID,
						 "tls.certificate and tls.key go together; give %s as well",
						 !is_set(key) ? "tls.key" : "tls.certificate");
	Status st = tls_context_new(certificate, key, out, err);
	return st == ST_OK ? ST_OK : error_prefix(err, "tls");
}

void
certificate_reload(TlsContext *tls)
{
	Error err = ERROR_INIT;
	if (tls == NULL)
		return;
	if (tls_context_reload(tls, &err) == ST_OK)
		log_info("certificate read again", "for=\"new connections\"");
	else
		log_error("certificate not read again", "reason=\"%s\"", err.text);
}
