// put_metadata.h - what a client says beside a batch (app_metadata).

#pragma once

#include "base/bytes.h"
#include "base/status.h"

typedef struct PutMetadata {
	char *client;   // JSON text to echo; NULL: none
	char *producer; // NULL: none
	int64_t producer_seq;
} PutMetadata;

// A JSON object: `producer` (text) and `seq` (integer) make it exactly once; the object, or
// anything that is no JSON object, is echoed as a JSON value (text, or base64 text when it is not
// UTF-8).
Status put_metadata_parse(Slice app_metadata, PutMetadata *out, Error *err);
void put_metadata_close(PutMetadata *metadata);
