// recovery.h - the start: replays what the log holds and the files do not, through the same steps a
// commit takes.

#pragma once

#include "engine/database_int.h"

// After the store was opened, before the conductor starts. *next_seq is where numbering goes on.
Status recovery_run(mobius *db, uint64_t applied_seq, uint64_t *next_seq, Error *err);
