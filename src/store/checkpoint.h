// checkpoint.h - a look at the checkpoints of a directory that nobody has open.

#pragma once

#include "base/status.h"

// The newest one in `dir`: its seq and floor; zeros when there is none. `generation`: the catalog's
// (UINT64_MAX: not known). ST_CORRUPT: a start could not use it.
Status checkpoint_look(const char *dir, uint64_t generation, uint64_t *seq, uint64_t *floor,
					   Error *err);
