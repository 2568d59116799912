// The layout is in wal_format_int.h.

#include "wal/wal_format_int.h"

#include "base/hash.h"
#include "base/reader.h"

enum {
	HEADER_USED = 64,   // bytes of the file header before its checksum
	HEADER_USED_1 = 56, // in format 1
	BEGIN_BYTES = 56,
	HOLE_BYTES = 32,
};

static const uint8_t magic[8] = {'M', 'O', 'B', 'I', 'U', 'S', 'W', 'L'};

static uint8_t *
put(uint8_t *at, const void *src, size_t len)
{
	memcpy(at, src, len);
	return at + len;
}

static uint8_t *
put_u32(uint8_t *at, uint32_t v)
{
	v = htole32(v);
	return put(at, &v, sizeof(v));
}

static uint8_t *
put_u64(uint8_t *at, uint64_t v)
{
	v = htole64(v);
	return put(at, &v, sizeof(v));
}

static uint32_t
load_u32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

void
wal_header_encode(const WalHeader *header, uint8_t out[WAL_HEADER_BYTES])
{
	memset(out, 0, WAL_HEADER_BYTES);
	uint8_t *at = put(out, magic, sizeof(magic));
	at = put_u64(at, WAL_FORMAT);
	at = put_u64(at, header->number);
	at = put(at, header->epoch, sizeof(header->epoch));
	at = put(at, header->incarnation, sizeof(header->incarnation));
	at = put_u64(at, header->size);
	put_u32(at, crc32c(0, out, HEADER_USED));
}

bool
wal_header_decode(const uint8_t in[WAL_HEADER_BYTES], WalHeader *out)
{
	if (memcmp(in, magic, sizeof(magic)) != 0 || wal_load_u64(in + 8) != WAL_FORMAT ||
		load_u32(in + HEADER_USED) != crc32c(0, in, HEADER_USED))
		return false;
	*out = (WalHeader){.number = wal_load_u64(in + 16), .size = wal_load_u64(in + 56)};
	memcpy(out->epoch, in + 24, sizeof(out->epoch));
	memcpy(out->incarnation, in + 40, sizeof(out->incarnation));
	return true;
}

uint32_t
wal_header_other_format(const uint8_t in[WAL_HEADER_BYTES])
{
	uint64_t format = wal_load_u64(in + 8);
	int used = format == 1 ? HEADER_USED_1 : HEADER_USED;
	bool other = memcmp(in, magic, sizeof(magic)) == 0 && format != WAL_FORMAT &&
				 load_u32(in + used) == crc32c(0, in, (size_t)used);
	return other ? (uint32_t)format : 0;
}

uint32_t
wal_seed(const uint8_t incarnation[16])
{
	return crc32c(0, incarnation, 16);
}

static uint32_t
head_crc(uint32_t seed, uint64_t offset, const uint8_t head[WAL_HEAD_BYTES])
{
	uint64_t place = htole64(offset);
	return crc32c(crc32c(seed, &place, sizeof(place)), head + 4, WAL_HEAD_BYTES - 4);
}

void
wal_head_encode(uint32_t seed, uint64_t offset, WalHead *head, uint8_t out[WAL_HEAD_BYTES])
{
	const uint8_t small[4] = {head->kind, head->flags, 0, 0};
	uint8_t *at = put_u32(out + 4, head->payload_crc);
	at = put_u32(at, head->length);
	at = put_u32(at, head->prev_crc);
	at = put_u64(at, head->seq);
	at = put_u64(at, head->synced_seq);
	at = put(at, small, sizeof(small));
	at = put_u32(at, head->table_id);
	at = put_u32(at, head->schema_id);
	at = put_u32(at, head->attempt);
	at = put_u64(at, (uint64_t)head->rows);
	at = put_u64(at, (uint64_t)head->min_time);
	put_u64(at, (uint64_t)head->max_time);
	head->crc = head_crc(seed, offset, out);
	put_u32(out, head->crc);
}

bool
wal_head_decode(uint32_t seed, uint64_t offset, const uint8_t in[WAL_HEAD_BYTES], WalHead *out)
{
	uint32_t crc = load_u32(in);
	if (!wal_head_shaped(in) || crc != head_crc(seed, offset, in))
		return false;
	*out = (WalHead){
		.crc = crc,
		.payload_crc = load_u32(in + 4),
		.length = load_u32(in + 8),
		.prev_crc = load_u32(in + 12),
		.seq = wal_load_u64(in + 16),
		.synced_seq = wal_load_u64(in + 24),
		.kind = in[32],
		.flags = in[33],
		.table_id = load_u32(in + 36),
		.schema_id = load_u32(in + 40),
		.attempt = load_u32(in + 44),
		.rows = (int64_t)wal_load_u64(in + 48),
		.min_time = (int64_t)wal_load_u64(in + 56),
		.max_time = (int64_t)wal_load_u64(in + 64),
	};
	return true;
}

void
wal_begin_encode(const WalBegin *begin, const WalHole *holes, Buf *out)
{
	buf_add_u64(out, begin->previous.file);
	buf_add_u64(out, begin->previous.offset);
	buf_add_u32(out, begin->previous_crc);
	buf_add_u32(out, 0);
	buf_add_u64(out, begin->last_seq);
	buf_add_u64(out, begin->start_seq);
	buf_add_u64(out, (uint64_t)begin->begun_ns);
	buf_add_u32(out, begin->hole_count);
	buf_add_u32(out, 0);
	for (uint32_t i = 0; i < begin->hole_count; i++) {
		buf_add_u64(out, holes[i].from.file);
		buf_add_u64(out, holes[i].from.offset);
		buf_add_u64(out, holes[i].to.file);
		buf_add_u64(out, holes[i].to.offset);
	}
}

bool
wal_begin_decode(Slice payload, WalBegin *out)
{
	Reader r = reader_of(payload);
	WalBegin begin = {0};
	begin.previous.file = reader_u64(&r);
	begin.previous.offset = reader_u64(&r);
	begin.previous_crc = reader_u32(&r);
	reader_skip(&r, 4);
	begin.last_seq = reader_u64(&r);
	begin.start_seq = reader_u64(&r);
	begin.begun_ns = (int64_t)reader_u64(&r);
	begin.hole_count = reader_u32(&r);
	reader_skip(&r, 4);
	if (r.failed || reader_left(&r) != (uint64_t)begin.hole_count * HOLE_BYTES)
		return false;
	*out = begin;
	return true;
}

WalHole
wal_begin_hole(Slice payload, uint32_t at)
{
	const uint8_t *hole = payload.data + BEGIN_BYTES + (size_t)at * HOLE_BYTES;
	return (WalHole){
		.from = {wal_load_u64(hole), wal_load_u64(hole + 8)},
		.to = {wal_load_u64(hole + 16), wal_load_u64(hole + 24)},
	};
}
