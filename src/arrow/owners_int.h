// owners_int.h - making columns: where their buffers and their children's Columns come from.

#pragma once

#include "arrow/convert.h"

// `len` bytes for a new buffer, not zeroed, which live as long as the owners. NULL: no memory.
uint8_t *owners_buffer(Owners *owners, BytesPool *pool, size_t len);

// A zeroed array for Columns of children and Slices of views, which batch_new copies. It goes with
// the Owners. NULL: no memory.
void *owners_array(Owners *owners, size_t n, size_t size);
