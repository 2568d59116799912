#include <string.h>

#include "arrow/flatbuf_int.h"

enum { VTABLE_HEAD = 4, OFFSET_BYTES = 4 };

FbReader
fb_reader(Slice message)
{
	bool failed = message.len > INT32_MAX;
	return (FbReader){message.data, failed ? 0 : (uint32_t)message.len, failed};
}

static bool
inside(FbReader *r, uint64_t pos, uint64_t len, uint32_t alignment)
{
	if (r->failed || pos > r->len || len > r->len - pos || pos % alignment != 0)
		r->failed = true;
	return !r->failed;
}

static uint16_t
get_u16(const FbReader *r, uint64_t pos)
{
	uint16_t value;
	memcpy(&value, r->data + pos, sizeof(value));
	return value;
}

static uint32_t
get_u32(const FbReader *r, uint64_t pos)
{
	uint32_t value;
	memcpy(&value, r->data + pos, sizeof(value));
	return value;
}

static FbTable
table_at(FbReader *r, uint64_t pos)
{
	const FbTable absent = {0};
	if (!inside(r, pos, OFFSET_BYTES, OFFSET_BYTES))
		return absent;
	int64_t vtable = (int64_t)pos - (int32_t)get_u32(r, pos);
	if (!inside(r, (uint64_t)vtable, VTABLE_HEAD, 2)) // negative is far outside
		return absent;
	uint16_t vtable_len = get_u16(r, (uint64_t)vtable);
	if (vtable_len < VTABLE_HEAD || vtable_len % 2 != 0)
		r->failed = true;
	if (!inside(r, (uint64_t)vtable, vtable_len, 2))
		return absent;
	return (FbTable){(uint32_t)pos, (uint32_t)vtable, vtable_len};
}

// Where the offset at `link` leads to; 0 on failure. One that leads to itself leads nowhere.
static uint64_t
follow(FbReader *r, uint64_t link)
{
	if (!inside(r, link, OFFSET_BYTES, OFFSET_BYTES))
		return 0;
	uint32_t offset = get_u32(r, link);
	if (offset == 0)
		r->failed = true;
	return r->failed ? 0 : link + offset;
}

// The field's place in the message; 0: absent.
static uint32_t
field_at(FbReader *r, const FbTable *table, int slot, uint32_t bytes)
{
	uint32_t entry = VTABLE_HEAD + 2 * (uint32_t)slot;
	if (r->failed || table->pos == 0 || entry + 2 > table->vtable_len)
		return 0;
	uint32_t at = get_u16(r, table->vtable + entry);
	if (at == 0)
		return 0;
	if (at < OFFSET_BYTES)
		r->failed = true;
	return inside(r, (uint64_t)table->pos + at, bytes, bytes) ? table->pos + at : 0;
}

FbTable
fb_root(FbReader *r)
{
	return table_at(r, follow(r, FB_ROOT));
}

int64_t
fb_int(FbReader *r, const FbTable *table, int slot, int bytes, int64_t absent)
{
	uint32_t at = field_at(r, table, slot, (uint32_t)bytes);
	if (at == 0)
		return absent;
	uint64_t value = 0;
	memcpy(&value, r->data + at, (size_t)bytes);
	int unused = 64 - 8 * bytes;
	return (int64_t)(value << unused) >> unused;
}

FbTable
fb_table(FbReader *r, const FbTable *table, int slot)
{
	uint32_t link = field_at(r, table, slot, OFFSET_BYTES);
	return link == 0 ? (FbTable){0} : table_at(r, follow(r, link));
}

// The elements behind a count; `tail` more bytes must follow them.
static FbVector
vector_at(FbReader *r, uint32_t link, uint32_t element_bytes, uint32_t alignment, uint32_t tail)
{
	const FbVector absent = {0};
	uint64_t pos = link == 0 ? 0 : follow(r, link);
	if (pos == 0 || !inside(r, pos, OFFSET_BYTES, OFFSET_BYTES))
		return absent;
	uint32_t count = get_u32(r, pos);
	pos += OFFSET_BYTES;
	if (count == 0) // writers align elements, and here are none
		alignment = 1;
	if (!inside(r, pos, (uint64_t)count * element_bytes + tail, alignment))
		return absent;
	return (FbVector){r->data + pos, count};
}

FbVector
fb_vector(FbReader *r, const FbTable *table, int slot, uint32_t element_bytes)
{
	uint32_t link = field_at(r, table, slot, OFFSET_BYTES);
	return vector_at(r, link, element_bytes, element_bytes % 8 == 0 ? 8 : 4, 0);
}

FbTable
fb_element(FbReader *r, const FbVector *tables, uint32_t i)
{
	if (r->failed)
		return (FbTable){0};
	return table_at(r, follow(r, (uint64_t)(tables->data - r->data) + OFFSET_BYTES * (uint64_t)i));
}

Slice
fb_string(FbReader *r, const FbTable *table, int slot)
{
	uint32_t link = field_at(r, table, slot, OFFSET_BYTES);
	FbVector bytes = vector_at(r, link, 1, 1, 1);
	if (bytes.data != NULL && bytes.data[bytes.count] != '\0')
		r->failed = true;
	return r->failed ? slice_of(NULL, 0) : slice_of(bytes.data, bytes.count);
}
