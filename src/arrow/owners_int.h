// owners_int.h - making columns: where their buffers and their children's Columns come from.

#pragma once

#include "arrow/convert.h"

// `len` bytes for a new buffer, not zeroed, which live as long as the owners. NULL: no memory.
uint8_t *owners_buffer(Owners *owners, BytesPool *pool, size_t len);

// Zeroed Columns for children (batch_new copies them). They go with the Owners. NULL: no memory.
Column *owners_columns(Owners *owners, int32_t count);
