// scrubber.h - the thread that reads every file and compares it with its hash: all of them after a
// start, those that statements read first, and each again within seven days.
//
// It is nice, reads past the page cache, and no faster than a limit. What it finds is quarantined.

#pragma once

#include "engine/database_int.h"

Status scrubber_start(mobius *db, Scrubber **out, Error *err);
void scrubber_stop(Scrubber *scrubber); // NULL is allowed
