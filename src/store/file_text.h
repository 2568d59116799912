// file_text.h - how a file is read in SQL: the columns of a table, from a file of an older version
// of it.

#pragma once

#include "catalog/table_def.h"
#include "duck/scan.h"

// "expression AS name, …" for every column of `table` in order; NULL where `file` has none.
Status file_columns_text(const TableDef *file, const TableDef *table, Buf *out, Error *err);
