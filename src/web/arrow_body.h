// arrow_body.h - an Arrow IPC stream as the body of a request: one batch of all its rows.

#pragma once

#include "arrow/batch.h"

// `stream` is the whole body. Batches become one; dictionaries are decoded, and where the schema
// does not say mobius.tags, those columns are its tags. ST_INVALID: it is no such stream.
Status arrow_body_read(Slice stream, BytesPool *pool, Batch **out, Error *err);
