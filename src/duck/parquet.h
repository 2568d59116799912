// parquet.h - sorted rows into one Parquet file.

#pragma once

#include "duck/duck.h"

typedef struct ParquetFile {
	int64_t rows;
	uint64_t bytes;
	uint64_t footer_bytes;
} ParquetFile;

// How large the dictionary of a column may be, in a row group; with more values it has none.
// Without one, numbers that walk are half as large, as differences. With one, texts are read four
// times as fast, and prices and others that come again and again are smaller.
enum { PARQUET_FEW_WORDS = 64, PARQUET_MANY_WORDS = 6144, PARQUET_GROUP_ROWS = 122880 };

// Writes `batches` (of one canonical schema, in order) to `path`, which must not exist and lies in
// the allowed directory of a trusted instance: Parquet v2, zstd 3, row groups of 122,880 rows (of
// wide ones fewer); types Parquet has no exact form for are stored as integers (duck_file_column
// reads them back). Not synced: that is the caller's. A failure leaves no file that counts.
Status duck_write_parquet(DuckConn *conn, Schema *schema, Batch *const *batches, int64_t count,
						  int32_t words, const char *path, ParquetFile *out, Error *err);

// The same with rows that are made while they are written, for files of any size. All in the
// calling thread.
typedef struct RowRun {
	Batch *batch; // borrowed until the next turn
	int64_t row;
	int64_t rows;
} RowRun;
typedef struct RowSource {
	// At most `most` rows; none: that was all. May run statements of other connections.
	Status (*next)(void *arg, int64_t most, RowRun *out, Error *err);
	// What was given before is written and not used any more. What `path` has so far may be less.
	Status (*turn)(void *arg, Error *err);
	void *arg;
} RowSource;
Status duck_write_rows(DuckConn *conn, Schema *schema, const RowSource *source, int32_t words,
					   const char *path, ParquetFile *out, Error *err);
