// What the log, the catalog and checkpoints hold for the store. The first byte says which: a
// deletion that is replayed on a table with rows in memory, a mask, a database that is made or
// dropped, a table's producers, a checkpoint, or a record of rows or files.

#include <stdio.h>
#include <stdlib.h>

#include "arrow/builder.h"
#include "base/hash.h"
#include "base/mem.h"
#include "os/file.h"
#include "store/adopt.h"
#include "store/batch_record.h"
#include "store/checkpoint.h"
#include "store/producers.h"
#include "store/store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 200, COMMITS = 3 };

// A store that lives as long as the process, with commits 2 … 4 in memory.
typedef struct Sample {
	Store *store;
	Table *table;
	uint64_t seq;
} Sample;

static void
need(Status st)
{
	if (st != ST_OK)
		abort();
}

static Status
any_field(const Field *field, Error *err)
{
	(void)field;
	(void)err;
	return ST_OK;
}

static TableDef *
sample_def(void)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TableDef *def = NULL;
	const Field field = {.name = "n", .type = {.id = TYPE_INT64}, .nullable = true};
	need(schema_new(&field, 1, NULL, 0, &schema, NULL));
	TableRequest request = {.database = "mobius", .name = "t", .schema = schema};
	need(table_def_create(&request, NULL, 1, 0, any_field, &def, NULL));
	return def;
}

static Store *
open_store(Budget **budget)
{
	char dir[] = "/tmp/mobius-fuzz-XXXXXX", path[64];
	Catalog *catalog = NULL;
	CatalogState state;
	Store *store = NULL;
	if (mkdtemp(dir) == NULL)
		abort();
	(void)snprintf(path, sizeof(path), "%s/catalog.db", dir);
	need(catalog_open(path, &catalog, &state, NULL));
	need(budget_new("memtable.limit", UINT64_C(1) << 30, budget, NULL));
	StoreOptions options = {.dir = dir,
							.catalog = catalog,
							.budget = *budget,
							.segment_bytes = 1 << 20,
							.series_limit = 1000};
	need(store_open(&options, &store, NULL));
	need(dir_remove_all(dir, NULL)); // nothing is written there
	return store;
}

static void
add_rows(Sample *sample, TableDef *def)
{
	SCOPED(shape_drop) Shape *shape = NULL;
	SCOPED(builder_drop) Builder *builder = NULL;
	SCOPED(batch_drop) Batch *batch = NULL;
	SegmentInsert *insert = NULL;
	need(shape_new(1, def, table_schema(def), &shape, NULL));
	need(builder_new(table_schema(def), &builder, NULL));
	for (int64_t i = 0; i < ROWS; i++)
		column_add_int(builder_column(builder, 0), i);
	need(builder_finish(builder, ROWS, &batch, NULL));
	need(store_insert_new(sample->store, sample->table, shape, batch, 0, &insert, NULL));
	store_apply_insert(sample->store, sample->table, insert, ++sample->seq);
	store_publish(sample->store, sample->seq);
}

static void
open_sample(Sample *sample)
{
	Budget *budget = NULL;
	SCOPED(table_def_drop) TableDef *def = sample_def();
	StoreDefine *define = NULL;
	sample->store = open_store(&budget);
	need(store_define_new(sample->store, def, &define, NULL));
	store_apply_define(sample->store, define, ++sample->seq);
	store_publish(sample->store, sample->seq);
	sample->table = store_find_id(sample->store, 1);
	for (int i = 0; i < COMMITS; i++)
		add_rows(sample, def);
}

static int64_t
rows_left(const Sample *sample)
{
	SCOPED(snapshot_drop) Snapshot *snapshot = NULL;
	Table *table = sample->table;
	need(store_snapshot(sample->store, &table, 1, &snapshot, NULL));
	const TableView *view = &snapshot->tables[0];
	int64_t rows = view_rows(view, snapshot->seq);
	if (rows < 0 || view_deleted_rows(view, snapshot->seq) < 0)
		abort();
	return rows;
}

// What it deletes stays deleted, and once more is nothing.
static void
replay(Slice payload)
{
	static Sample sample; // a store takes too long to open for each input
	if (sample.store == NULL || rows_left(&sample) == 0)
		open_sample(&sample);
	store_publish(sample.store, ++sample.seq);
	int64_t before = rows_left(&sample);
	if (payload.len > 1 && payload.data[1] == 1)
		return; // all of them: each would need a new store
	Status st = store_replay_delete(sample.store, sample.table, payload, sample.seq, NULL);
	int64_t once = rows_left(&sample);
	if ((st != ST_OK && st != ST_CORRUPT) || once > before || (st != ST_OK && once != before))
		abort();
	if (store_replay_delete(sample.store, sample.table, payload, sample.seq, NULL) != st ||
		rows_left(&sample) != once)
		abort();
}

// What is accepted has rows of the file only, and is the same when it was written and read again.
static void
read_mask(Slice bytes)
{
	SCOPED(mask_drop) Mask *mask = NULL, *again = NULL;
	SCOPED(buf_close) Buf written = BUF_INIT;
	SCOPED(buf_close) Buf rows = BUF_INIT;
	if (mask_decode(bytes, 100000, &mask, NULL) != ST_OK)
		return;
	need(mask_encode(mask, &written, NULL));
	need(mask_decode(buf_slice(&written), 100000, &again, NULL));
	need(rows_decode(buf_slice(&written), 100000, &rows, NULL));
	if (mask_count(mask) != mask_count(again) || mask_next(mask, 100000) >= 0 ||
		rows.len != (size_t)mask_count(mask) * sizeof(uint32_t))
		abort();
	for (int64_t row = mask_next(mask, 0); row >= 0; row = mask_next(mask, row + 1))
		if (!mask_has(again, row))
			abort();
}

static int32_t
database_count(const Sample *sample)
{
	SCOPED(arena_close) Arena arena = ARENA_INIT;
	const char *const *names = NULL;
	int32_t count = 0;
	need(store_databases(sample->store, &arena, &names, &count, NULL));
	for (int32_t i = 0; i < count; i++)
		if (database_name_check(names[i], NULL) != ST_OK ||
			!store_has_database(sample->store, names[i]))
			abort();
	return count;
}

// What was made is there, and goes again; twice, for what is gone already is nothing more to do.
static void
replay_database(Slice payload)
{
	static Sample sample;
	if (sample.store == NULL)
		open_sample(&sample);
	int32_t before = database_count(&sample);
	Status st = store_replay_database(sample.store, false, payload, ++sample.seq, NULL);
	int32_t made = database_count(&sample) - before;
	if ((st != ST_OK && st != ST_CORRUPT) || made > (st == ST_OK ? 1 : 0) || made < 0)
		abort();
	for (int i = 0; i < 2 && made > 0; i++)
		if (store_replay_database(sample.store, true, payload, ++sample.seq, NULL) != ST_OK ||
			database_count(&sample) != before)
			abort();
}

static void
producers_drop(Producers **producers)
{
	producers_free(*producers);
}

// What is accepted can be saved, and read from that.
static void
read_producers(Slice bytes)
{
	SCOPED(producers_drop) Producers *producers = NULL, *again = NULL;
	SCOPED(buf_close) Buf saved = BUF_INIT;
	SCOPED(buf_close) Buf resaved = BUF_INIT;
	need(producers_new(&producers, NULL));
	need(producers_new(&again, NULL));
	if (producers_load(producers, bytes, NULL) != ST_OK)
		return;
	need(producers_save(producers, &saved, NULL));
	need(producers_load(again, buf_slice(&saved), NULL));
	need(producers_save(again, &resaved, NULL));
	if (saved.len > bytes.len || saved.len != resaved.len)
		abort();
}

static void
need_write(const char *path, const void *data, size_t len)
{
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(data, 1, len, file) != len || fclose(file) != 0)
		abort();
}

// As checkpoint/7, with a checksum that is right in every other input.
static void
read_checkpoint(Slice bytes)
{
	static char dir[] = "/tmp/mobius-fuzz-XXXXXX", path[64];
	if (path[0] == '\0') {
		if (mkdtemp(dir) == NULL)
			abort();
		(void)snprintf(path, sizeof(path), "%s/7", dir);
	}
	SCOPED(buf_close) Buf file = BUF_INIT;
	buf_add_slice(&file, bytes);
	if (bytes.len % 2 == 0)
		buf_add_u32(&file, crc32c(0, bytes.data, bytes.len));
	need_write(path, file.data, file.len);
	uint64_t seq = 0, floor = 0;
	Status st = checkpoint_look(dir, 1, &seq, &floor, NULL);
	if ((st != ST_OK && st != ST_CORRUPT) || seq != (st == ST_OK ? 7 : 0))
		abort();
}

static bool
lies_in(Slice part, Slice whole)
{
	return part.len == 0 ||
		   (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

// The files of a commit are of its table, and have what readers rely on.
static void
read_files(Slice bytes)
{
	AdoptedFiles files = {0};
	Status st = adopted_files_read(bytes, 9, &files, NULL);
	if (st != ST_OK && (files.def != NULL || files.metas != NULL || files.count != 0))
		abort();
	for (int32_t i = 0; i < files.count; i++) {
		const FileMeta *meta = &files.metas[i];
		if (meta->table_id != table_id(files.def) || meta->rows <= 0 || meta->min_seq != 9 ||
			meta->footer_bytes > meta->bytes)
			abort();
	}
	adopted_files_close(&files);
}

// What is accepted is written as it was, up to what pads it.
static void
read_record(Slice payload)
{
	BatchRecord record, again;
	SCOPED(buf_close) Buf head = BUF_INIT;
	if (batch_record_read(payload, &record, NULL) != ST_OK)
		return;
	if (!lies_in(record.producer, payload) || !lies_in(record.metadata, payload) ||
		!lies_in(record.body, payload))
		abort();
	batch_record_add_head(&record, &head);
	need(batch_record_read(buf_slice(&head), &again, NULL));
	if (!slice_equal(record.producer, again.producer) ||
		!slice_equal(record.metadata, again.metadata) || again.body.len != 0 ||
		record.producer_seq != again.producer_seq)
		abort();
	read_files(record.metadata);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	Slice rest = slice_of(data + 1, size - 1);
	switch (data[0] % 6) {
	case 0: replay(rest); break;
	case 1: read_mask(rest); break;
	case 2: replay_database(rest); break;
	case 3: read_producers(rest); break;
	case 4: read_checkpoint(rest); break;
	default: read_record(rest); break;
	}
	return 0;
}
