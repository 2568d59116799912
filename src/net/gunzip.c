#include "net/gunzip_int.h"

#include <zlib.h>

#include "base/mem.h"

enum { PART_BYTES = 16 << 10, GZIP_ONLY = 16 }; // zlib adds the latter to the window's bits

struct Gunzip {
	z_stream stream;
	bool complete;
	uint8_t part[PART_BYTES];
};

static void *
zlib_alloc(void *arg, unsigned n, unsigned size)
{
	(void)arg;
	return mem_alloc_array(n, size);
}

static void
zlib_free(void *arg, void *ptr)
{
	(void)arg;
	mem_free(ptr);
}

Status
gunzip_new(Gunzip **out, Error *err)
{
	SCOPED(mem_drop) Gunzip *gunzip = mem_alloc(sizeof(*gunzip));
	if (gunzip == NULL)
		return error_no_memory(err, "inflating a message");
	gunzip->stream.zalloc = zlib_alloc;
	gunzip->stream.zfree = zlib_free;
	if (inflateInit2(&gunzip->stream, MAX_WBITS + GZIP_ONLY) != Z_OK)
		return error_no_memory(err, "inflating a message");
	*out = TAKE(gunzip);
	return ST_OK;
}

void
gunzip_free(Gunzip *gunzip)
{
	if (gunzip == NULL)
		return;
	inflateEnd(&gunzip->stream);
	mem_free(gunzip);
}

void
gunzip_reset(Gunzip *gunzip)
{
	inflateReset(&gunzip->stream);
	gunzip->complete = false;
}

// Inflates until the part is full or the input used up.
static Status
inflate_part(Gunzip *gunzip, Slice *part, Error *err)
{
	z_stream *stream = &gunzip->stream;
	stream->next_out = gunzip->part;
	stream->avail_out = sizeof(gunzip->part);
	int rv = inflate(stream, Z_NO_FLUSH);
	*part = slice_of(gunzip->part, sizeof(gunzip->part) - stream->avail_out);
	if (rv == Z_MEM_ERROR)
		return error_no_memory(err, "inflating a message");
	gunzip->complete = rv == Z_STREAM_END;
	if (rv != Z_OK && rv != Z_STREAM_END && rv != Z_BUF_ERROR)
		return error_set(err, ST_INVALID, "the message is no gzip stream");
	return ST_OK;
}

Status
gunzip_push(Gunzip *gunzip, Slice in, GunzipSink sink, void *arg, Error *err)
{
	z_stream *stream = &gunzip->stream;
	stream->next_in = (uint8_t *)(uintptr_t)in.data; // zlib does not write to it
	stream->avail_in = (unsigned)in.len;
	bool more = in.len > 0;
	while (more) {
		if (gunzip->complete)
			return error_set(err, ST_INVALID, "bytes follow the gzip stream of a message");
		Slice part;
		TRY(inflate_part(gunzip, &part, err));
		if (part.len > 0)
			TRY(sink(arg, part, err));
		// A full part may not have been all: what is inflated already waits inside.
		more = stream->avail_in > 0 || (stream->avail_out == 0 && !gunzip->complete);
	}
	return ST_OK;
}

bool
gunzip_is_complete(const Gunzip *gunzip)
{
	return gunzip->complete;
}
