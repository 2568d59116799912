#include "store/batch_record.h"

#include "base/reader.h"

void
batch_record_add_head(const BatchRecord *record, Buf *out)
{
	size_t producer_len = record->producer.len == 0 ? 0 : 8 + record->producer.len;
	buf_add_u32(out, (uint32_t)record->metadata.len);
	buf_add_u32(out, (uint32_t)producer_len);
	if (producer_len > 0) {
		buf_add_u64(out, (uint64_t)record->producer_seq);
		buf_add_slice(out, record->producer);
		buf_align(out, 8);
	}
	buf_add_slice(out, record->metadata);
	buf_align(out, 8);
}

static void
skip_padding(Reader *r)
{
	reader_skip(r, (8 - r->pos % 8) % 8);
}

Status
batch_record_read(Slice payload, BatchRecord *out, Error *err)
{
	Reader r = reader_of(payload);
	uint32_t metadata_len = reader_u32(&r), producer_len = reader_u32(&r);
	*out = (BatchRecord){0};
	if (producer_len > 0) {
		out->producer_seq = (int64_t)reader_u64(&r);
		out->producer = reader_bytes(&r, producer_len < 8 ? 0 : producer_len - 8);
		skip_padding(&r);
	}
	out->metadata = reader_bytes(&r, metadata_len);
	skip_padding(&r);
	out->body = reader_bytes(&r, reader_left(&r));
	if (r.failed || (producer_len > 0 && out->producer.len == 0))
		return error_set(err, ST_CORRUPT, "its payload is too short");
	return ST_OK;
}
