// web.h - the HTTP port: queries, writes, actions, metrics and health over mobius_io.h.
//
// Requests are handled in the I/O loops' threads of net/; what takes time is the database's, which
// posts back.
//
// Life     made before its server listens, freed after net_server_free.

#pragma once

#include <mobius_io.h>

#include "net/http.h"
#include "net/server.h"

typedef struct Web Web;

typedef struct WebOptions {
	mobius *db;
	mobius_session *session; // borrowed: of who names no other database
	const char *hosts;       // http.hosts: names besides IP literals and localhost, comma separated
	size_t max_body;         // bytes of one request, but of rows as text: lines have no end
	const NetServer *net;    // whose counts /metrics shows; NULL: none
} WebOptions;

Status web_new(const WebOptions *options, Web **out, Error *err);
void web_free(Web *web); // NULL is allowed
DEFINE_DROP(Web, web_drop, web_free)
HttpServer *web_http(Web *web);
