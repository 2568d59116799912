// cdata.h - the Arrow C Data and C Stream Interfaces (structures as their specification gives
// them).

#pragma once

#include "arrow/batch.h"

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4

struct ArrowSchema {
	const char *format;
	const char *name;
	const char *metadata;
	int64_t flags;
	int64_t n_children;
	struct ArrowSchema **children;
	struct ArrowSchema *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};

struct ArrowArray {
	int64_t length;
	int64_t null_count;
	int64_t offset;
	int64_t n_buffers;
	int64_t n_children;
	const void **buffers;
	struct ArrowArray **children;
	struct ArrowArray *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};
#endif

#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};
#endif

// Exports: on ST_OK the consumer owns *out and calls its release. A schema and a batch are
// struct-typed. Dictionary marks are left out, as batches are decoded.
Status cdata_export_schema(const Schema *schema, struct ArrowSchema *out, Error *err);
Status cdata_export_batch(Batch *batch, struct ArrowArray *out,
						  Error *err); // holds a reference of batch

// Imports copy the schema and validate fully. A dictionary-encoded column is decoded, an offset is
// compacted away. An imported schema has its dictionary fields marked; a batch of it has
// schema_decoded(schema). `array` is moved: its release is called when the batch goes, also on
// failure. ST_INVALID where numbers or contents cannot be; that pointers reach as far as lengths
// and offsets say is the producer's word.
Status cdata_import_schema(const struct ArrowSchema *schema, Schema **out, Error *err);
Status cdata_import_batch(struct ArrowArray *array, Schema *schema, BytesPool *pool, Batch **out,
						  Error *err);
