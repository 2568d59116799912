// Compressed buffers. Each one says how long it becomes and is decoded into exactly that much
// memory, in one call and never beyond: what it says is checked against limits before.

#include <lz4frame.h>
#include <string.h>
#include <zstd.h>

#include "arrow/ipc_int.h"

void
ipc_codecs_close(IpcCodecs *codecs)
{
	LZ4F_freeDecompressionContext(codecs->lz4);
	ZSTD_freeDCtx(codecs->zstd);
	*codecs = (IpcCodecs){0};
}

// One frame, to its end: what follows it would be hidden from who reads the decoded values.
static Status
decompress_lz4(IpcCodecs *codecs, Slice src, uint8_t *out, size_t len, Error *err)
{
	if (codecs->lz4 == NULL &&
		LZ4F_isError(LZ4F_createDecompressionContext(&codecs->lz4, LZ4F_VERSION)))
		return error_no_memory(err, "an LZ4 decoder");
	LZ4F_resetDecompressionContext(codecs->lz4);

	const LZ4F_decompressOptions_t options = {.stableDst = 1};
	size_t produced = 0, consumed = 0;
	for (;;) {
		size_t room = len - produced;
		size_t left = src.len - consumed;
		size_t rest = LZ4F_decompress(codecs->lz4, out + produced, &room, src.data + consumed,
									  &left, &options);
		if (LZ4F_isError(rest))
			return error_set(err, ST_INVALID, "LZ4: %s", LZ4F_getErrorName(rest));
		produced += room;
		consumed += left;
		if (rest == 0)
			break;
		if (room == 0 && left == 0)
			return error_set(err, ST_INVALID, "an LZ4 frame does not end where it says");
	}
	if (produced != len || consumed != src.len)
		return error_set(err, ST_INVALID, "an LZ4 frame of %zu bytes instead of %zu", produced,
						 len);
	return ST_OK;
}

static Status
decompress_zstd(IpcCodecs *codecs, Slice src, uint8_t *out, size_t len, Error *err)
{
	if (codecs->zstd == NULL)
		codecs->zstd = ZSTD_createDCtx();
	if (codecs->zstd == NULL)
		return error_no_memory(err, "a ZSTD decoder");

	// One frame of today's format: neither several nor those of before 1.0.
	const uint32_t magic_number = ZSTD_MAGICNUMBER;
	if (src.len < sizeof(magic_number) ||
		memcmp(src.data, &magic_number, sizeof(magic_number)) != 0 ||
		ZSTD_findFrameCompressedSize(src.data, src.len) != src.len)
		return error_set(err, ST_INVALID, "no single ZSTD frame");
	size_t produced = ZSTD_decompressDCtx(codecs->zstd, out, len, src.data, src.len);
	if (ZSTD_isError(produced))
		return error_set(err, ST_INVALID, "ZSTD: %s", ZSTD_getErrorName(produced));
	if (produced != len)
		return error_set(err, ST_INVALID, "a ZSTD frame of %zu bytes instead of %zu", produced,
						 len);
	return ST_OK;
}

Status
ipc_decompress(IpcCodecs *codecs, int64_t codec, Slice src, uint8_t *out, size_t len, Error *err)
{
	if (len == 0)
		return ST_OK;
	if (codec == CODEC_ZSTD)
		return decompress_zstd(codecs, src, out, len, err);
	return decompress_lz4(codecs, src, out, len, err);
}
