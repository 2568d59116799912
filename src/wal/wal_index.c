// <number>.idx, little-endian:
//     u64 magic · u64 format · u64 file number · incarnation 16 B · u64 end · u32 crc of the last
//     record · u32 tables · u64 first seq · u64 last seq
//     table: u64 id · offset · length · min_seq · max_seq · rows · i64 min_time · max_time
//     u32 crc32c of all before
// Written once a file is full, without a sync: one that is torn or missing is made again.

#include "wal/wal_index_int.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/reader.h"
#include "wal/wal_int.h"

enum {
	FORMAT = 1,
	TABLE_BYTES = 64,
	SHORTEST = 76, // with no table
};

static const uint64_t magic = 0x58494C4157424F4D; // "MOBWALIX"

bool
wal_index_reserve(WalIndex *index, uint32_t more)
{
	if (!wal_map_reserve(&index->tables, more))
		return false;
	if (more <= index->cap - index->count)
		return true;
	size_t cap = (size_t)index->cap + index->cap / 2;
	if (cap < (size_t)index->count + more)
		cap = (size_t)index->count + more;
	WalExtent *extents =
		cap > UINT32_MAX ? NULL : mem_resize(index->extents, cap * sizeof(*extents));
	if (extents == NULL)
		return false;
	index->extents = extents;
	index->cap = (uint32_t)cap;
	return true;
}

static WalExtent *
extent_of(WalIndex *index, uint64_t file, uint32_t table_id, const WalHead *head)
{
	uint64_t at = *wal_map_put(&index->tables, table_id, index->count);
	WalExtent *extent = &index->extents[at];
	if (at == index->count) {
		index->count++;
		*extent = (WalExtent){
			.table_id = table_id,
			.file = file,
			.min_seq = head->seq,
			.min_time = INT64_MAX,
			.max_time = INT64_MIN,
		};
	}
	return extent;
}

void
wal_index_add(WalIndex *index, uint64_t file, uint64_t offset, const WalHead *head)
{
	WalExtent *extent = extent_of(index, file, head->table_id, head);
	if (extent->length == 0)
		extent->offset = offset;
	extent->length = offset + wal_record_bytes(head->length) - extent->offset;
	extent->max_seq = head->seq;
	extent->rows += (uint64_t)head->rows;
	if (head->rows == 0 || head->min_time > head->max_time)
		return; // what makes a table or lets it grow has no times, whatever its head says
	if (head->min_time < extent->min_time)
		extent->min_time = head->min_time;
	if (head->max_time > extent->max_time)
		extent->max_time = head->max_time;
}

const WalExtent *
wal_index_find(const WalIndex *index, uint32_t table_id)
{
	const uint64_t *at = wal_map_find(&index->tables, table_id);
	return at == NULL ? NULL : &index->extents[*at];
}

void
wal_index_close(WalIndex *index)
{
	mem_free(index->extents);
	wal_map_close(&index->tables);
	*index = (WalIndex){0};
}

static void
encode(const WalFile *file, Buf *out)
{
	buf_add_u64(out, magic);
	buf_add_u64(out, FORMAT);
	buf_add_u64(out, file->header.number);
	buf_add(out, file->header.incarnation, sizeof(file->header.incarnation));
	buf_add_u64(out, file->end);
	buf_add_u32(out, file->end_crc);
	buf_add_u32(out, file->index.count);
	buf_add_u64(out, file->min_seq);
	buf_add_u64(out, file->last_seq);
	for (uint32_t i = 0; i < file->index.count; i++) {
		const WalExtent *extent = &file->index.extents[i];
		buf_add_u64(out, extent->table_id);
		buf_add_u64(out, extent->offset);
		buf_add_u64(out, extent->length);
		buf_add_u64(out, extent->min_seq);
		buf_add_u64(out, extent->max_seq);
		buf_add_u64(out, extent->rows);
		buf_add_u64(out, (uint64_t)extent->min_time);
		buf_add_u64(out, (uint64_t)extent->max_time);
	}
	buf_add_u32(out, crc32c(0, out->data, out->len));
}

Status
wal_index_save(const WalFile *file, const char *path, Error *err)
{
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	encode(file, &bytes);
	TRY(buf_status(&bytes, err, "the index of a log file"));
	SCOPED(file_drop) File *out = NULL;
	TRY(file_open(path, FILE_WRITE, &out, err));
	TRY(file_truncate(out, bytes.len, err));
	return file_write(out, 0, bytes.data, bytes.len, err);
}

static WalExtent
decode_extent(Reader *r, uint64_t file)
{
	WalExtent extent = {.table_id = (uint32_t)reader_u64(r), .file = file};
	extent.offset = reader_u64(r);
	extent.length = reader_u64(r);
	extent.min_seq = reader_u64(r);
	extent.max_seq = reader_u64(r);
	extent.rows = reader_u64(r);
	extent.min_time = (int64_t)reader_u64(r);
	extent.max_time = (int64_t)reader_u64(r);
	return extent;
}

// What follows the checksum's test is ours: nothing else makes a checksum right.
static Status
decode(WalFile *file, Slice bytes, Error *err)
{
	Reader r = reader_of(bytes);
	bool fits = reader_u64(&r) == magic && reader_u64(&r) == FORMAT &&
				reader_u64(&r) == file->header.number &&
				slice_equal(reader_bytes(&r, sizeof(file->header.incarnation)),
							slice_of(file->header.incarnation, sizeof(file->header.incarnation)));
	uint64_t end = reader_u64(&r);
	uint32_t end_crc = reader_u32(&r);
	uint32_t count = reader_u32(&r);
	uint64_t min_seq = reader_u64(&r);
	uint64_t last_seq = reader_u64(&r);
	if (!fits || r.failed || reader_left(&r) != (uint64_t)count * TABLE_BYTES)
		return ST_NOT_FOUND;

	if (!wal_index_reserve(&file->index, count))
		return error_no_memory(err, "the index of a log file");
	for (uint32_t i = 0; i < count; i++) {
		WalExtent extent = decode_extent(&r, file->header.number);
		file->index.extents[i] = extent;
		wal_map_put(&file->index.tables, extent.table_id, i);
	}
	file->index.count = count;
	file->end = end;
	file->end_crc = end_crc;
	file->min_seq = min_seq;
	file->last_seq = last_seq;
	return ST_OK;
}

Status
wal_index_load(WalFile *file, const char *path, Error *err)
{
	SCOPED(file_drop) File *in = NULL;
	TRY(file_open(path, FILE_READ, &in, err));
	uint64_t size;
	TRY(file_size(in, &size, err));
	if (size < SHORTEST || size > file->size + SHORTEST)
		return ST_NOT_FOUND;
	SCOPED(mem_drop) uint8_t *bytes = mem_alloc(size);
	if (bytes == NULL)
		return error_no_memory(err, "the index of a log file");
	TRY(file_read(in, 0, bytes, size, err));

	Reader crc = reader_of(slice_of(bytes + size - 4, 4));
	if (reader_u32(&crc) != crc32c(0, bytes, size - 4))
		return ST_NOT_FOUND;
	return decode(file, slice_of(bytes, size - 4), err);
}
