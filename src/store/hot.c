#include "store/hot.h"

#include <stdatomic.h>

#include "base/mem.h"
#include "store/series_int.h"

enum { PART_BYTES = 64 << 20 }; // rows of wide lists of fixed size make shorter parts

struct Hot {
	atomic_uint refs;
	Budget *budget;
	uint64_t bytes;
	int32_t *places; // of each column, in the rows or the tags
	bool *tag;       // of each column
	HotPart *parts;
	int32_t part_count;
	int32_t part_room;
};

// A batch that rows which wait are of.
typedef struct Source {
	Batch *batch;
	TagReaders readers;
} Source;

struct HotBuilder {
	TableDef *def;
	Shape *shape;
	Hot *hot; // NULL: given up
	uint64_t most_bytes;
	int64_t rows;      // in parts
	int64_t part_rows; // of each part but the last
	int32_t *fields;   // the columns that are kept by row, then the tags
	int32_t field_count;
	int32_t tag_count;

	// What waits to become a part.
	Source *sources;
	Batch **batches; // of the sources
	uint32_t source_count;
	uint32_t source_room;
	RowRef *refs;
	int64_t ref_count;
};

// ---- the copy ----

static void
part_close(HotPart *part)
{
	batch_unref(part->rows);
	batch_unref(part->tags);
	mem_free(part->starts);
}

Hot *
hot_ref(Hot *hot)
{
	if (hot != NULL)
		atomic_fetch_add_explicit(&hot->refs, 1, memory_order_relaxed);
	return hot;
}

void
hot_unref(Hot *hot)
{
	if (hot == NULL || atomic_fetch_sub_explicit(&hot->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (int32_t i = 0; i < hot->part_count; i++)
		part_close(&hot->parts[i]);
	budget_release(hot->budget, hot->bytes);
	mem_free(hot->parts);
	mem_free(hot->places);
	mem_free(hot->tag);
	mem_free(hot);
}

uint64_t
hot_bytes(const Hot *hot)
{
	return hot->bytes;
}

int32_t
hot_part_count(const Hot *hot)
{
	return hot->part_count;
}

const HotPart *
hot_part(const Hot *hot, int32_t i)
{
	return &hot->parts[i];
}

int32_t
hot_column(const Hot *hot, int32_t column, bool *tag)
{
	*tag = hot->tag[column];
	return hot->places[column];
}

// ---- making ----

static Status
hot_new(const TableDef *def, Budget *budget, Hot **out, Error *err)
{
	size_t count = (size_t)table_column_count(def);
	SCOPED(hot_drop) Hot *hot = mem_alloc(sizeof(*hot));
	if (hot == NULL)
		return error_no_memory(err, "columns in memory");
	atomic_init(&hot->refs, 1);
	hot->budget = budget;
	hot->places = mem_alloc_array(count, sizeof(*hot->places));
	hot->tag = mem_alloc_array(count, sizeof(*hot->tag));
	if (hot->places == NULL || hot->tag == NULL)
		return error_no_memory(err, "columns in memory");
	*out = TAKE(hot);
	return ST_OK;
}

static void
place_columns(HotBuilder *b)
{
	int32_t count = table_column_count(b->def);
	b->tag_count = table_tag_count(b->def);
	for (int32_t i = 0; i < b->tag_count; i++) {
		int32_t column = table_tag_column(b->def, i);
		b->hot->tag[column] = true;
		b->hot->places[column] = i;
		b->fields[count - b->tag_count + i] = column;
	}
	for (int32_t c = 0; c < count; c++) {
		if (b->hot->tag[c])
			continue;
		b->hot->places[c] = b->field_count;
		b->fields[b->field_count++] = c;
	}
}

static void
builder_drop(HotBuilder **builder)
{
	hot_builder_free(*builder);
}

Status
hot_builder_new(TableDef *def, Budget *budget, uint64_t most_bytes, HotBuilder **out, Error *err)
{
	SCOPED(builder_drop) HotBuilder *b = mem_alloc(sizeof(*b));
	if (b == NULL)
		return error_no_memory(err, "columns in memory");
	b->def = table_def_ref(def);
	b->most_bytes = most_bytes;
	uint64_t part_rows = PART_BYTES / (schema_row_bytes(table_schema(def)) + 1) + 1;
	b->part_rows = part_rows < HOT_PART_ROWS ? (int64_t)part_rows : HOT_PART_ROWS;
	b->fields = mem_alloc_array((size_t)table_column_count(def), sizeof(*b->fields));
	b->refs = mem_alloc_array((size_t)b->part_rows, sizeof(*b->refs));
	if (b->fields == NULL || b->refs == NULL)
		return error_no_memory(err, "columns in memory");
	TRY(hot_new(def, budget, &b->hot, err));
	TRY(shape_new(0, def, table_schema(def), &b->shape, err));
	place_columns(b);
	*out = TAKE(b);
	return ST_OK;
}

static void
drop_sources(HotBuilder *b)
{
	for (uint32_t i = 0; i < b->source_count; i++) {
		tag_readers_close(&b->sources[i].readers);
		batch_unref(b->sources[i].batch);
	}
	b->source_count = 0;
	b->ref_count = 0;
}

static void
give_up(HotBuilder *b)
{
	drop_sources(b);
	hot_unref(TAKE(b->hot));
}

void
hot_builder_free(HotBuilder *b)
{
	if (b == NULL)
		return;
	give_up(b);
	shape_unref(b->shape);
	table_def_unref(b->def);
	mem_free(b->sources);
	mem_free(b->batches);
	mem_free(b->fields);
	mem_free(b->refs);
	mem_free(b);
}

// ---- one part ----

// Where each run begins, as rows to pick its tags from.
static Status
find_runs(const HotBuilder *b, RowRef *firsts, int64_t *starts, int64_t *count, Error *err)
{
	SCOPED(buf_close) Buf key = BUF_INIT;
	*count = 0;
	for (int64_t i = 0; i < b->ref_count; i++) {
		RowRef ref = b->refs[i];
		const TagReaders *readers = &b->sources[ref.batch].readers;
		if (i > 0 && (b->tag_count == 0 || series_key_is_row(buf_slice(&key), readers, ref.row)))
			continue;
		series_key_encode(readers, ref.row, &key);
		TRY(buf_status(&key, err, "columns in memory"));
		firsts[*count] = ref;
		starts[(*count)++] = i;
	}
	starts[*count] = b->ref_count;
	return ST_OK;
}

static Status
make_runs(const HotBuilder *b, HotPart *part, Error *err)
{
	SCOPED(mem_drop) RowRef *firsts = mem_alloc_array((size_t)b->ref_count, sizeof(*firsts));
	SCOPED(mem_drop) int64_t *starts = mem_alloc_array((size_t)b->ref_count + 1, sizeof(*starts));
	if (firsts == NULL || starts == NULL)
		return error_no_memory(err, "columns in memory");
	TRY(find_runs(b, firsts, starts, &part->run_count, err));
	part->starts = mem_resize(starts, ((size_t)part->run_count + 1) * sizeof(*starts));
	if (part->starts == NULL)
		return error_no_memory(err, "columns in memory");
	starts = NULL;
	if (b->tag_count == 0)
		return ST_OK;
	const int32_t *tags = b->fields + b->field_count;
	return batch_gather_narrow(b->batches, firsts, part->run_count, tags, b->tag_count, &part->tags,
							   err);
}

static Status
make_part(HotBuilder *b, HotPart *part, Error *err)
{
	part->first_row = b->rows;
	TRY(make_runs(b, part, err));
	return batch_gather_narrow(b->batches, b->refs, b->ref_count, b->fields, b->field_count,
							   &part->rows, err);
}

static Status
make_part_room(Hot *hot, Error *err)
{
	if (hot->part_count < hot->part_room)
		return ST_OK;
	int32_t room = hot->part_room == 0 ? 8 : hot->part_room * 2;
	HotPart *parts = mem_resize(hot->parts, (size_t)room * sizeof(*parts));
	if (parts == NULL)
		return error_no_memory(err, "columns in memory");
	hot->parts = parts;
	hot->part_room = room;
	return ST_OK;
}

static Status
end_part(HotBuilder *b, Error *err)
{
	Hot *hot = b->hot;
	if (b->ref_count == 0)
		return ST_OK;
	TRY(make_part_room(hot, err));
	SCOPED(part_close) HotPart part = {0};
	TRY(make_part(b, &part, err));
	uint64_t bytes = batch_held_bytes(part.rows) + (uint64_t)part.run_count * sizeof(int64_t);
	bytes += part.tags != NULL ? batch_held_bytes(part.tags) : 0;
	budget_charge(hot->budget, bytes);
	hot->bytes += bytes;
	hot->parts[hot->part_count++] = part;
	part = (HotPart){0};
	b->rows += b->ref_count;
	drop_sources(b);
	return hot->bytes <= b->most_bytes ? ST_OK
									   : error_set(err, ST_LIMIT, "too many columns in memory");
}

// ---- rows ----

static Status
add_source(HotBuilder *b, Batch *batch, Error *err)
{
	if (b->source_count == b->source_room) {
		uint32_t room = b->source_room == 0 ? 16 : b->source_room * 2;
		Source *sources = mem_resize(b->sources, room * sizeof(*sources));
		if (sources == NULL)
			return error_no_memory(err, "columns in memory");
		b->sources = sources;
		Batch **batches = mem_resize(b->batches, room * sizeof(*batches));
		if (batches == NULL)
			return error_no_memory(err, "columns in memory");
		b->batches = batches;
		b->source_room = room;
	}
	Source *source = &b->sources[b->source_count];
	*source = (Source){0};
	TRY(tag_readers_init(&source->readers, b->def, b->shape, batch, err));
	source->batch = b->batches[b->source_count++] = batch_ref(batch);
	return ST_OK;
}

// The newest are looked at first: rows come in turns from few batches.
static Status
find_source(HotBuilder *b, Batch *batch, uint32_t *out, Error *err)
{
	for (uint32_t i = b->source_count; i > 0; i--) {
		*out = i - 1;
		if (b->batches[i - 1] == batch)
			return ST_OK;
	}
	*out = b->source_count;
	return add_source(b, batch, err);
}

static Status
add_rows(HotBuilder *b, Batch *batch, int64_t row, int64_t rows, Error *err)
{
	while (rows > 0) {
		uint32_t source;
		TRY(find_source(b, batch, &source, err));
		int64_t room = b->part_rows - b->ref_count, n = rows < room ? rows : room;
		for (int64_t i = 0; i < n; i++)
			b->refs[b->ref_count++] = (RowRef){source, (uint32_t)(row + i)};
		row += n;
		rows -= n;
		if (b->ref_count == b->part_rows)
			TRY(end_part(b, err));
	}
	return ST_OK;
}

void
hot_builder_add(HotBuilder *builder, Batch *batch, int64_t row, int64_t rows)
{
	if (builder->hot != NULL && add_rows(builder, batch, row, rows, NULL) != ST_OK)
		give_up(builder);
}

Hot *
hot_builder_finish(HotBuilder *builder)
{
	if (builder->hot == NULL || end_part(builder, NULL) != ST_OK || builder->hot->part_count == 0)
		return NULL;
	return TAKE(builder->hot);
}
