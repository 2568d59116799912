// What the log holds of deletions and the catalog of masks. The first byte says which: a payload
// that is replayed on a table with rows in memory, or a mask's bytes.

#include <stdio.h>
#include <stdlib.h>

#include "arrow/builder.h"
#include "base/mem.h"
#include "os/file.h"
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	Slice rest = slice_of(data + 1, size - 1);
	if (data[0] % 2 == 0)
		replay(rest);
	else
		read_mask(rest);
	return 0;
}
