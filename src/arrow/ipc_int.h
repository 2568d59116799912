// ipc_int.h - Arrow's messages as flatbuffer tables: what the ipc_* files share.

#pragma once

#include <string.h>

#include "arrow/convert.h"
#include "arrow/flatbuf_int.h"
#include "arrow/ipc_read.h"
#include "base/arena.h"

// Slots of the tables, in their order of declaration.
enum {
	MESSAGE_VERSION,
	MESSAGE_HEADER_TYPE,
	MESSAGE_HEADER,
	MESSAGE_BODY_LENGTH,
	MESSAGE_METADATA
};
enum { SCHEMA_ENDIANNESS, SCHEMA_FIELDS, SCHEMA_METADATA };
enum {
	FIELD_NAME,
	FIELD_NULLABLE,
	FIELD_TYPE_CODE,
	FIELD_TYPE,
	FIELD_DICTIONARY,
	FIELD_CHILDREN,
	FIELD_METADATA,
};
enum { KEY_VALUE_KEY, KEY_VALUE_VALUE };
enum { ENCODING_ID, ENCODING_INDEX_TYPE, ENCODING_ORDERED, ENCODING_KIND };
enum { BATCH_LENGTH, BATCH_NODES, BATCH_BUFFERS, BATCH_COMPRESSION, BATCH_VARIADIC_COUNTS };
enum { DICTIONARY_ID, DICTIONARY_DATA, DICTIONARY_DELTA };
enum { COMPRESSION_CODEC, COMPRESSION_METHOD };

enum { METADATA_V4 = 3, METADATA_V5 = 4 };
enum { CODEC_NONE = -1, CODEC_LZ4_FRAME = 0, CODEC_ZSTD = 1 };
static inline int64_t
ipc_get_i64(const FbVector *v, size_t word)
{
	int64_t value;
	memcpy(&value, v->data + 8 * word, sizeof(value));
	return value;
}
enum { NODE_BYTES = 16, BUFFER_BYTES = 16 }; // two i64: length, nulls; offset, length

// The outermost table of each message.
typedef struct IpcHead {
	IpcKind kind;
	int64_t version;
	uint64_t body_len;
	bool annotated; // it has metadata of its own
	FbTable header;
} IpcHead;
Status ipc_head_read(FbReader *r, IpcHead *out, Error *err);
// Begins a message, with a body of 0 bytes.
FbNew ipc_head_write(FbWriter *w, IpcKind kind);
Status ipc_damaged(Error *err);

// The union of types. `code_slot` is the slot of its code, the table follows it. *out borrows.
Status ipc_type_read(FbReader *r, const FbTable *field, Type *out, Error *err);
Status ipc_index_type_read(FbReader *r, const FbTable *encoding, TypeId *out, Error *err);
uint8_t ipc_type_code(TypeId id);
void ipc_type_write(FbWriter *w, size_t link, const Type *type);

// A schema message: as it was sent.
Status ipc_schema_read(Slice message, const IpcLimits *limits, Schema **out, Error *err);

// Decompressors, made when they are needed first.
typedef struct IpcCodecs {
	struct LZ4F_dctx_s *lz4;
	struct ZSTD_DCtx_s *zstd;
} IpcCodecs;
void ipc_codecs_close(IpcCodecs *codecs);
// Exactly `len` bytes to out, from all of src.
Status ipc_decompress(IpcCodecs *codecs, int64_t codec, Slice src, uint8_t *out, size_t len,
					  Error *err);

// The body of a batch: its buffers one after the other, decompressed.
typedef struct IpcBody {
	FbVector buffers;
	uint32_t next;
	Slice bytes;
	uint64_t left; // bytes that no buffer took yet: buffers that share some would multiply
	int64_t codec;
	IpcCodecs *codecs;
	uint8_t *decompressed; // where the next one goes; memory for all is there
} IpcBody;
// `buffers` and `codec` are set. Owners get what the buffers will lie in: a copy where they would
// not be aligned in the body.
Status ipc_body_open(IpcBody *body, Slice bytes, Bytes *owner, BytesPool *pool, Owners *owners,
					 Error *err);
// Prepares for compressed buffers, if they are: takes what they become from *budget.
Status ipc_body_decompress(IpcBody *body, IpcCodecs *codecs, BytesPool *pool, Owners *owners,
						   uint64_t *budget, Error *err);
Status ipc_body_take(IpcBody *body, Slice *out, Error *err);

// The dictionaries of a stream: values that indexes of record batches refer to.
typedef struct IpcDictionary IpcDictionary;
typedef struct IpcDictionaries {
	IpcDictionary *list;
	int32_t count;
} IpcDictionaries;
// One for each id that fields of the schema name.
Status ipc_dictionaries_init(IpcDictionaries *set, const Schema *wire, Error *err);
void ipc_dictionaries_close(IpcDictionaries *set);
IpcDictionary *ipc_dictionary_find(const IpcDictionaries *set, int64_t id); // NULL: none
Schema *ipc_dictionary_schema(const IpcDictionary *d); // borrowed: its one column, as it is sent
// Takes a reference of values; they replace what is there or, as a delta, follow it. All
// dictionaries together hold at most `limit` bytes.
Status ipc_dictionary_put(IpcDictionaries *set, IpcDictionary *d, Batch *values, bool delta,
						  uint64_t limit, Error *err);
// Makes a column of indexes one of the values they name. Takes what it weighs from *budget.
Status ipc_dictionary_decode(const IpcDictionary *d, const Field *field, Column *column,
							 uint64_t *budget, BytesPool *pool, Owners *owners, Error *err);
