// parquet.h - sorted batches into one Parquet file.

#pragma once

#include "duck/duck.h"

typedef struct ParquetFile {
	int64_t rows;
	uint64_t bytes;
	uint64_t footer_bytes;
} ParquetFile;

// Writes `batches` (of one canonical schema, in order) to `path`, which must not exist and lies in
// the allowed directory of a trusted instance: Parquet v2, zstd 3, row groups of 122,880 rows;
// types Parquet has no exact form for are stored as integers (duck_file_column reads them back).
// Not synced: that is the caller's. A failure leaves no file that counts.
Status duck_write_parquet(DuckConn *conn, Schema *schema, Batch *const *batches, int64_t count,
						  const char *path, ParquetFile *out, Error *err);
