// The body of a batch: buffers, each at an offset that is a multiple of 8. In a compressed body
// each that is not empty begins with i64, the length it becomes, or -1: what follows is plain.

#include <inttypes.h>
#include <string.h>

#include "arrow/ipc_int.h"

enum {
	ALIGNMENT = 8,
	PADDING = 64, // of decompressed buffers, from each other
	PREFIX_BYTES = 8,
	PLAIN_PREFIX = -1,
	RATIO_LIMIT = 1000,
	RATIO_FREE_BYTES = 1 << 20, // what may come out of anything
};

Status
ipc_body_open(IpcBody *body, Slice bytes, Bytes *owner, BytesPool *pool, Owners *owners, Error *err)
{
	body->bytes = bytes;
	body->left = bytes.len;
	if (bytes.len == 0)
		return ST_OK;

	bool lies_well = owner != NULL && (uintptr_t)bytes.data % ALIGNMENT == 0;
	Bytes *own = lies_well ? bytes_ref(owner) : bytes_copy(pool, bytes);
	if (own == NULL || !owners_add(owners, own))
		return error_no_memory(err, "a batch's body");
	if (!lies_well)
		body->bytes = bytes_slice(own);
	return ST_OK;
}

static bool
buffer_at(const IpcBody *body, uint32_t i, Slice *out)
{
	int64_t offset = ipc_get_i64(&body->buffers, 2 * (size_t)i);
	int64_t len = ipc_get_i64(&body->buffers, 2 * (size_t)i + 1);
	if (offset < 0 || len < 0 || (uint64_t)offset > body->bytes.len ||
		(uint64_t)len > body->bytes.len - (uint64_t)offset || offset % ALIGNMENT != 0)
		return false;
	*out = slice_of(body->bytes.data + offset, (size_t)len);
	return true;
}

// Cuts off what a compressed buffer says it becomes.
static bool
take_prefix(Slice *buffer, int64_t *len)
{
	if (buffer->len < PREFIX_BYTES)
		return false;
	memcpy(len, buffer->data, sizeof(*len));
	*buffer = slice_of(buffer->data + PREFIX_BYTES, buffer->len - PREFIX_BYTES);
	return *len >= PLAIN_PREFIX;
}

static uint64_t
padded(int64_t len)
{
	return ((uint64_t)len + PADDING - 1) / PADDING * PADDING;
}

Status
ipc_body_decompress(IpcBody *body, IpcCodecs *codecs, BytesPool *pool, Owners *owners,
					uint64_t *budget, Error *err)
{
	if (body->codec == CODEC_NONE)
		return ST_OK;

	// Buffers that are wrong are left to whoever takes them.
	uint64_t total = 0;
	for (uint32_t i = 0; i < body->buffers.count; i++) {
		Slice buffer;
		int64_t len;
		if (!buffer_at(body, i, &buffer) || !take_prefix(&buffer, &len) || len == PLAIN_PREFIX)
			continue;
		total += padded(len);
		if (total > *budget)
			return error_set(err, ST_LIMIT,
							 "decompressed, the batch has more than the %" PRIu64
							 " bytes allowed: send smaller ones",
							 *budget);
	}
	if (total > RATIO_FREE_BYTES && total / RATIO_LIMIT > body->bytes.len)
		return error_set(err, ST_LIMIT,
						 "%zu bytes would become %" PRIu64 ", more than %d-fold: send smaller "
						 "batches, or without compression",
						 body->bytes.len, total, RATIO_LIMIT);

	Bytes *own = bytes_new(pool, total);
	if (own == NULL || !owners_add(owners, own))
		return error_no_memory(err, "a decompressed batch");
	*budget -= total;
	body->codecs = codecs;
	body->decompressed = bytes_data(own);
	return ST_OK;
}

static Status
decompress(IpcBody *body, Slice *buffer, Error *err)
{
	int64_t len;
	if (!take_prefix(buffer, &len))
		return error_set(err, ST_INVALID, "a compressed buffer does not say how long it becomes");
	if (len == PLAIN_PREFIX)
		return ST_OK;
	uint8_t *out = body->decompressed;
	TRY(ipc_decompress(body->codecs, body->codec, *buffer, out, (size_t)len, err));
	body->decompressed += padded(len);
	memset(out + len, 0, (size_t)(body->decompressed - out) - (size_t)len);
	*buffer = slice_of(out, (size_t)len);
	return ST_OK;
}

Status
ipc_body_take(IpcBody *body, Slice *out, Error *err)
{
	if (body->next == body->buffers.count)
		return error_set(err, ST_INVALID, "the batch has too few buffers for its schema");
	uint32_t i = body->next++;
	if (!buffer_at(body, i, out))
		return error_set(err, ST_INVALID,
						 "buffer %" PRIu32 " leaves the body or is not 8-byte aligned in it", i);
	if (out->len > body->left)
		return error_set(err, ST_INVALID, "buffer %" PRIu32 " overlaps others", i);
	body->left -= out->len;
	if (body->codec != CODEC_NONE && out->len > 0)
		return decompress(body, out, err);
	return ST_OK;
}
