// newest_source.h - newest rows as statements read them.

#pragma once

#include "live/newest_rows.h"
#include "sql/sql.h"

SqlNewest newest_source(NewestRows *all);
