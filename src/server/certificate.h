// certificate.h - TLS of both ports, as the settings want it.

#pragma once

#include "net/tls.h"
#include "server/config.h"

DEFINE_DROP(TlsContext, tls_drop, tls_context_free)

// Reads tls.certificate and tls.key. *out stays NULL when neither is set.
Status certificate_open(const Config *config, TlsContext **out, Error *err);
bool certificate_is_set(const Config *config); // there will be TLS
// Reads them again for connections to come, and logs what became of it. NULL is allowed.
void certificate_reload(TlsContext *tls);
