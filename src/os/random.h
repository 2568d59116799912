// random.h - bytes nobody can guess, from the system.

#pragma once

#include "base/status.h"

Status random_bytes(void *out, size_t len, Error *err);
