// text_reader_int.h - readers of columns that are text or bytes in a result.

#pragma once

#include "duck/column_reader_int.h"

// VARCHAR and BLOB as they are; UUID, ENUM, BIT and TIME WITH TIME ZONE as DuckDB writes them.
Status text_reader_choose(ColumnReader *reader, duckdb_logical_type type, Arena *arena, Error *err);
