// delete_log.c - deletions in the log. The layout is in store.h.

#include <inttypes.h>
#include <string.h>

#include "base/reader.h"
#include "store/store_int.h"

enum { FORMAT = 1, FLAG_ALL = 1, FLAG_OLDER = 2, HEAD_BYTES = 8 };
typedef enum GroupKind { GROUP_COMMIT, GROUP_FILE } GroupKind;

// ---- writing ----

static void
add_group(Buf *out, GroupKind kind, uint64_t id, const Buf *rows)
{
	buf_add_u32(out, (uint32_t)kind);
	buf_add_u32(out, (uint32_t)rows->len);
	buf_add_u64(out, id);
	buf_add_slice(out, buf_slice(rows));
	out->failed |= rows->failed;
}

// One group for each commit that put some of the rows.
static uint32_t
add_memory(Buf *out, const MemoryRows *memory)
{
	const uint32_t *rows = (const uint32_t *)(const void *)memory->rows.data;
	int64_t count = (int64_t)(memory->rows.len / sizeof(*rows));
	uint32_t groups = 0;
	SCOPED(buf_close) Buf bytes = BUF_INIT;
	SegmentPlace place = {0};
	for (int64_t i = 0; i < count; groups++) {
		SegmentCommit commit;
		bool found = segment_commit_of(memory->segment, &place, rows[i], &commit);
		must(found); // store_delete_new has looked
		RowRuns runs = {.out = &bytes};
		for (; i < count && rows[i] < commit.first_row + commit.rows; i++)
			row_runs_add(&runs, (uint32_t)(rows[i] - commit.first_row));
		row_runs_end(&runs);
		add_group(out, GROUP_COMMIT, commit.seq, &bytes);
		buf_reset(&bytes);
	}
	return groups;
}

static void
set_u32(Buf *out, size_t at, uint32_t value)
{
	for (size_t i = 0; i < sizeof(value) && !out->failed; i++)
		out->data[at + i] = (uint8_t)(value >> (8 * i));
}

Status
store_delete_encode(const StoreDelete *del, Buf *out, Error *err)
{
	uint32_t groups = 0;
	buf_add_byte(out, FORMAT);
	buf_add_byte(out, del->all ? FLAG_ALL : del->older ? FLAG_OLDER : 0);
	buf_add_u16(out, 0);
	size_t at = out->len;
	buf_add_u32(out, 0);
	for (int32_t i = 0; i < del->memory_count; i++)
		groups += add_memory(out, &del->memory[i]);
	for (int32_t i = 0; i < del->file_count; i++, groups++) {
		SCOPED(buf_close) Buf bytes = BUF_INIT;
		TRY(mask_encode(del->files[i].rows, &bytes, err));
		add_group(out, GROUP_FILE, del->files[i].segment_id, &bytes);
	}
	set_u32(out, at, groups);
	return buf_status(out, err, "a deletion");
}

// ---- reading ----

DeleteReach
store_delete_payload_reach(Slice payload)
{
	uint8_t flags = payload.len > 1 ? payload.data[1] : 0;
	return flags == FLAG_ALL ? DELETE_ALL : flags == FLAG_OLDER ? DELETE_OLDER : DELETE_SOME;
}

typedef struct Decoding {
	const TableView *view;
	StoreDelete *del;
	// Commits and files come by rising numbers.
	uint64_t last_seq;
	uint64_t last_file;
	int32_t segment; // of the view; what is looked for is not before it
	SegmentPlace place;
	// Rows of files that were flushed in this replay: of one at a time.
	uint64_t flushed_id;
	Buf flushed_rows;
} Decoding;

static void
decoding_close(Decoding *d)
{
	buf_close(&d->flushed_rows);
}

// The segment that has the commit's rows; NULL: they are gone.
static Segment *
find_commit(Decoding *d, uint64_t seq, SegmentCommit *out)
{
	for (; d->segment < d->view->segment_count; d->segment++) {
		Segment *segment = d->view->segments[d->segment];
		if (segment_stats(segment).max_seq >= seq)
			return segment_find_commit(segment, &d->place, seq, out) ? segment : NULL;
		d->place = (SegmentPlace){0};
	}
	return NULL;
}

// Where the rows of a segment go on. Segments come in order.
static Buf *
rows_of(StoreDelete *del, Segment *segment)
{
	if (del->memory_count == 0 || del->memory[del->memory_count - 1].segment != segment)
		del->memory[del->memory_count++].segment = segment_ref(segment);
	return &del->memory[del->memory_count - 1].rows;
}

// The rows gathered of a flushed file become its deletion.
static Status
end_flushed(Decoding *d, Error *err)
{
	int32_t at = file_set_find(d->view->files, d->flushed_id);
	Mask *mask = NULL;
	TRY(buf_status(&d->flushed_rows, err, "a deletion"));
	if (at < 0 || d->flushed_rows.len == 0)
		return ST_OK;
	TRY(mask_of_rows(&d->flushed_rows, &mask, err));
	delete_add_file(d->del, d->flushed_id, at, mask);
	buf_reset(&d->flushed_rows);
	return ST_OK;
}

static Status
decode_flushed(Decoding *d, uint64_t seq, Slice bytes, Error *err)
{
	SegmentCommit commit;
	const Replayed *flushed = replayed_find(d->view->table, seq, &commit);
	if (flushed == NULL)
		return ST_OK; // its file was published behind this deletion, and without the rows
	if (replayed_segment(flushed) != d->flushed_id) {
		TRY(end_flushed(d, err));
		buf_reset(&d->flushed_rows);
		d->flushed_id = replayed_segment(flushed);
	}
	SCOPED(buf_close) Buf rows = BUF_INIT;
	TRY(rows_decode(bytes, commit.rows, &rows, err));
	const uint32_t *row = (const uint32_t *)(const void *)rows.data;
	for (size_t i = 0; i < rows.len / sizeof(*row); i++) {
		uint32_t file_row;
		if (replayed_row(flushed, commit.first_row + row[i], &file_row))
			buf_add(&d->flushed_rows, &file_row, sizeof(file_row));
	}
	return ST_OK;
}

static Status
decode_commit(Decoding *d, uint64_t seq, Slice bytes, Error *err)
{
	if (seq <= d->last_seq)
		return error_set(err, ST_CORRUPT, "its commits are out of order");
	d->last_seq = seq;
	if (seq <= store_flushed_seq(d->view->table))
		return decode_flushed(d, seq, bytes, err);
	SegmentCommit commit;
	Segment *segment = find_commit(d, seq, &commit);
	if (segment == NULL)
		return ST_OK;
	Buf *rows = rows_of(d->del, segment);
	size_t from = rows->len / sizeof(uint32_t);
	TRY(rows_decode(bytes, commit.rows, rows, err));
	uint32_t *positions = (uint32_t *)(void *)rows->data;
	for (size_t i = from; i < rows->len / sizeof(uint32_t); i++)
		positions[i] += (uint32_t)commit.first_row;
	return ST_OK;
}

// The file is not the table's. It was when the deletion was made, and the catalog knew it before
// that; so it went since, merged, expired or truncated, and what came after it was made without the
// rows. That cannot be told from a file which the catalog has lost, since it does not remember what
// went: who copies a catalog sees to it that the log beside it names no later files (backup.c). But
// a file whose id was never given is of another catalog.
static Status
pass_gone(const Decoding *d, uint64_t id, Error *err)
{
	if (catalog_may_have_given(d->view->table->store->options.catalog, id))
		return ST_OK;
	return error_set(err, ST_CORRUPT,
					 "rows are deleted of file %" PRIu64 ", which catalog.db has never heard "
					 "of: it is older than the log; put back the one that belongs to it",
					 id);
}

static Status
decode_file(Decoding *d, uint64_t id, Slice bytes, Error *err)
{
	if (id <= d->last_file)
		return error_set(err, ST_CORRUPT, "its files are out of order");
	d->last_file = id;
	int32_t at = file_set_find(d->view->files, id);
	if (at < 0)
		return pass_gone(d, id, err);
	Mask *mask = NULL;
	TRY(mask_decode(bytes, data_file_meta(file_set_at(d->view->files, at))->rows, &mask, err));
	delete_add_file(d->del, id, at, mask);
	return ST_OK;
}

static Status
decode_group(Decoding *d, Reader *r, Error *err)
{
	uint32_t kind = reader_u32(r), length = reader_u32(r);
	uint64_t id = reader_u64(r);
	Slice bytes = reader_bytes(r, length);
	if (r->failed || kind > GROUP_FILE)
		return error_set(err, ST_CORRUPT, "its deletions are damaged");
	return kind == GROUP_COMMIT ? decode_commit(d, id, bytes, err) : decode_file(d, id, bytes, err);
}

Status
delete_decode(Slice payload, const TableView *view, StoreDelete **out, Error *err)
{
	Reader r = reader_of(payload);
	uint8_t format = reader_u8(&r), flags = reader_u8(&r);
	uint16_t zero = reader_u16(&r);
	uint32_t groups = reader_u32(&r);
	bool all = (flags & FLAG_ALL) != 0;
	if (r.failed || format != FORMAT || flags > FLAG_OLDER || zero != 0 || (all && groups > 0))
		return error_set(err, ST_CORRUPT, "its deletions are damaged");
	SCOPED(delete_drop) StoreDelete *del = NULL;
	// Each file may be named by itself and by commits.
	TRY(delete_alloc(view->table, view->segment_count, 2 * file_set_count(view->files), &del, err));
	del->all = all;
	SCOPED(decoding_close) Decoding d = {.view = view, .del = del};
	for (uint32_t i = 0; i < groups; i++)
		TRY(decode_group(&d, &r, err));
	if (reader_left(&r) > 0)
		return error_set(err, ST_CORRUPT, "its deletions are too long");
	TRY(end_flushed(&d, err));
	delete_sort_files(del);
	*out = TAKE(del);
	return ST_OK;
}
