#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { SMALLEST = 64 };

void
buf_close(Buf *buf)
{
	mem_free(buf->data);
	*buf = (Buf)BUF_INIT;
}

void
buf_reset(Buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

bool
buf_reserve(Buf *buf, size_t more)
{
	if (buf->failed)
		return false;
	if (more <= buf->cap - buf->len)
		return true;

	// Doubling keeps many small appends linear in their sum.
	size_t cap = buf->cap < SMALLEST ? SMALLEST : buf->cap;
	while (cap - buf->len < more && cap <= SIZE_MAX / 2)
		cap *= 2;
	// One byte more than is told, so that a text can be ended whatever memory there is.
	bool fits = cap - buf->len >= more && cap < SIZE_MAX;
	uint8_t *data = fits ? mem_resize(buf->data, cap + 1) : NULL;
	if (data == NULL) {
		buf->failed = true;
		return false;
	}
	buf->data = data;
	buf->cap = cap;
	return true;
}

void *
buf_extend(Buf *buf, size_t len)
{
	// Extending by nothing has an address as well: NULL means failure only.
	if (!buf_reserve(buf, len == 0 ? 1 : len))
		return NULL;
	uint8_t *at = buf->data + buf->len;
	buf->len += len;
	return at;
}

void
buf_add(Buf *buf, const void *src, size_t len)
{
	if (len == 0)
		return;
	void *at = buf_extend(buf, len);
	if (at != NULL)
		memcpy(at, src, len);
}

void
buf_add_slice(Buf *buf, Slice src)
{
	buf_add(buf, src.data, src.len);
}

void
buf_add_text(Buf *buf, const char *text)
{
	buf_add(buf, text, strlen(text));
}

void
buf_add_byte(Buf *buf, uint8_t byte)
{
	buf_add(buf, &byte, 1);
}

void
buf_add_zeros(Buf *buf, size_t len)
{
	if (len == 0)
		return;
	void *at = buf_extend(buf, len);
	if (at != NULL)
		memset(at, 0, len);
}

void
buf_add_u16(Buf *buf, uint16_t v)
{
	uint8_t bytes[] = {(uint8_t)v, (uint8_t)(v >> 8)};
	buf_add(buf, bytes, sizeof(bytes));
}

void
buf_add_u32(Buf *buf, uint32_t v)
{
	uint8_t bytes[4];
	for (int i = 0; i < 4; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_add(buf, bytes, sizeof(bytes));
}

void
buf_add_u64(Buf *buf, uint64_t v)
{
	uint8_t bytes[8];
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	buf_add(buf, bytes, sizeof(bytes));
}

void
buf_add_printf(Buf *buf, const char *fmt, ...)
{
	// Most texts fit into what is there; the others are formatted twice.
	if (!buf_reserve(buf, SMALLEST))
		return;
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf((char *)buf->data + buf->len, buf->cap - buf->len, fmt, args);
	va_end(args);
	if (len < 0) {
		buf->failed = true;
		return;
	}
	if ((size_t)len >= buf->cap - buf->len) {
		if (!buf_reserve(buf, (size_t)len + 1))
			return;
		va_start(args, fmt);
		vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, fmt, args);
		va_end(args);
	}
	buf->len += (size_t)len;
}

void
buf_align(Buf *buf, size_t to)
{
	buf_add_zeros(buf, -buf->len & (to - 1));
}

const char *
buf_text(Buf *buf)
{
	if (buf->len == 0 || buf->failed)
		return "";
	buf->data[buf->len] = '\0';
	return (const char *)buf->data;
}

Slice
buf_slice(const Buf *buf)
{
	return slice_of(buf->data, buf->len);
}

Status
buf_status(const Buf *buf, Error *err, const char *what)
{
	return buf->failed ? error_no_memory(err, what) : ST_OK;
}

char *
buf_take_text(Buf *buf)
{
	if (!buf_reserve(buf, 1))
		return NULL;
	buf->data[buf->len] = '\0';
	char *text = (char *)buf->data;
	*buf = (Buf)BUF_INIT;
	return text;
}

Bytes *
buf_to_bytes(Buf *buf)
{
	return buf->failed ? NULL : bytes_copy(NULL, buf_slice(buf));
}
