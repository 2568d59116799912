#include <assert.h>
#include <string.h>

#include "arrow/flatbuf_int.h"

FbWriter
fb_writer(Buf *out)
{
	FbWriter w = {out, out->len};
	buf_add_zeros(out, 4); // the root's offset
	return w;
}

static size_t
position(const FbWriter *w)
{
	return w->out->len - w->base;
}

// Zeros until position % 8 == rest.
static void
pad(FbWriter *w, size_t rest)
{
	buf_add_zeros(w->out, (rest - position(w)) & 7);
}

static void
set(FbWriter *w, size_t pos, const void *value, size_t bytes)
{
	if (!w->out->failed)
		memcpy(w->out->data + w->base + pos, value, bytes);
}

// The offset at `link` leads to here.
static void
lead_here(FbWriter *w, size_t link)
{
	uint32_t offset = (uint32_t)(position(w) - link);
	set(w, link, &offset, sizeof(offset));
}

// Places the slots by falling width behind the table's own 4 bytes, which stand 4 before a multiple
// of 8: so each is aligned.
static uint16_t
place_slots(FbNew *table, int slots)
{
	size_t end = 4;
	for (size_t width = 8; width > 0; width /= 2) {
		for (int i = 0; i < slots; i++) {
			if (table->bytes[i] != width)
				continue;
			table->at[i] = (uint8_t)end;
			end += width;
		}
	}
	return (uint16_t)end;
}

FbNew
fb_put_table(FbWriter *w, size_t link, const uint8_t *bytes, int slots)
{
	assert(slots <= FB_SLOTS);
	FbNew table = {.bytes = bytes};
	uint16_t table_len = place_slots(&table, slots);

	uint16_t vtable[2 + FB_SLOTS] = {(uint16_t)(4 + 2 * slots), table_len};
	for (int i = 0; i < slots; i++)
		vtable[2 + i] = table.at[i];
	buf_add_zeros(w->out, position(w) & 1);
	size_t vtable_pos = position(w);
	buf_add(w->out, vtable, vtable[0]);

	pad(w, 4);
	lead_here(w, link);
	table.pos = position(w);
	buf_add_u32(w->out, (uint32_t)(table.pos - vtable_pos));
	buf_add_zeros(w->out, table_len - 4U);
	return table;
}

void
fb_put_int(FbWriter *w, const FbNew *table, int slot, int64_t value)
{
	set(w, fb_link(table, slot), &value, table->bytes[slot]);
}

void
fb_set_i64(FbWriter *w, size_t pos, int64_t value)
{
	set(w, pos, &value, sizeof(value));
}

void
fb_put_string(FbWriter *w, size_t link, Slice text)
{
	pad(w, 0);
	lead_here(w, link);
	buf_add_u32(w->out, (uint32_t)text.len);
	buf_add_slice(w->out, text);
	buf_add_byte(w->out, '\0');
}

size_t
fb_put_vector(FbWriter *w, size_t link, uint32_t count, uint32_t element_bytes)
{
	pad(w, 4);
	lead_here(w, link);
	buf_add_u32(w->out, count);
	size_t first = position(w);
	buf_add_zeros(w->out, (size_t)count * element_bytes);
	return first;
}

void
fb_end(FbWriter *w)
{
	pad(w, 0);
}
