// system.h - system.*: what the database knows of itself, as tables.

#pragma once

#include "engine/database_int.h"

Status system_register(mobius *db, Error *err);
// The rows of one of them, without SQL. ST_NOT_FOUND.
Status system_rows(mobius *db, const char *name, Batch **out, Error *err);
