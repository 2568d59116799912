// What the log, the catalog and checkpoints hold of tables. The first byte says which: a
// definition, a stream's schema, or the series of a table. What is accepted is written and read
// again, and used.

#include <stdlib.h>

#include "arrow/builder.h"
#include "base/mem.h"
#include "store/series.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Status
any_field(const Field *field, Error *err)
{
	(void)field;
	(void)err;
	return ST_OK;
}

// time, host and rack (tags), n
static TableDef *
sample_table(void)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	TableDef *def = NULL;
	const Field fields[] = {
		{.name = "time", .type = {.id = TYPE_TIMESTAMP, .unit = UNIT_NS}},
		{.name = "host", .type = {.id = TYPE_UTF8}, .nullable = true},
		{.name = "rack", .type = {.id = TYPE_INT16}, .nullable = true},
		{.name = "n", .type = {.id = TYPE_INT64}, .nullable = true},
	};
	TableRequest request = {.database = "mobius", .name = "t", .tags = "host,rack"};
	if (schema_new(fields, COUNT_OF(fields), NULL, 0, &schema, NULL) != ST_OK)
		abort();
	request.schema = schema;
	if (table_def_create(&request, NULL, 7, 0, any_field, &def, NULL) != ST_OK)
		abort();
	return def;
}

// What a statement makes of it can be read back as well.
static void
check_altered(Status st, TableDef *altered)
{
	SCOPED(table_def_drop) TableDef *def = altered, *again = NULL;
	SCOPED(buf_close) Buf written = BUF_INIT;
	if (st == ST_OK && (table_def_encode(def, &written, NULL) != ST_OK ||
						table_def_decode(buf_slice(&written), &again, NULL) != ST_OK))
		abort();
}

static void
alter(TableDef *def)
{
	TableDef *next = NULL;
	const Field column = {.name = "added", .type = {.id = TYPE_UTF8}, .nullable = true};
	check_altered(table_def_add_column(def, &column, true, any_field, &next, NULL), TAKE(next));
	for (int32_t i = 0; i < table_column_count(def) && i < 4; i++) {
		check_altered(table_def_drop_column(def, i, &next, NULL), TAKE(next));
		check_altered(table_def_rename_column(def, i, "renamed", &next, NULL), TAKE(next));
	}
	TableOptions options = {.ttl = "1d", .durability = "async"};
	check_altered(table_def_set_options(def, &options, &next, NULL), TAKE(next));
}

static void
read_definition(Slice bytes)
{
	SCOPED(table_def_drop) TableDef *def = NULL, *again = NULL;
	SCOPED(buf_close) Buf written = BUF_INIT;
	SCOPED(buf_close) Buf rewritten = BUF_INIT;
	if (table_def_decode(bytes, &def, NULL) != ST_OK)
		return;
	Status st = table_def_encode(def, &written, NULL);
	if (st == ST_OK)
		st = table_def_decode(buf_slice(&written), &again, NULL);
	if (st == ST_OK)
		st = table_def_encode(again, &rewritten, NULL);
	if (st != ST_OK || !slice_equal(buf_slice(&written), buf_slice(&rewritten)))
		abort();
	// It is as good as one that was created: a table can grow from it.
	SCOPED(table_def_drop) TableDef *grown = NULL;
	if (table_def_grow(def, table_schema(def), NULL, any_field, &grown, NULL) == ST_OK &&
		grown != def)
		abort();
	alter(def);
}

// NULL in every column, or a few values where the type takes them.
static Batch *
some_rows(Schema *schema)
{
	SCOPED(builder_drop) Builder *builder = NULL;
	Batch *batch = NULL;
	if (builder_new(schema, &builder, NULL) != ST_OK)
		return NULL;
	for (int row = 0; row < 3; row++)
		for (int32_t i = 0; i < schema_field_count(schema); i++)
			column_add_null(builder_column(builder, i));
	if (builder_finish(builder, 3, &batch, NULL) != ST_OK)
		return NULL;
	return batch;
}

static void
map_rows(SeriesMap *series, const TableDef *def, const Shape *shape)
{
	SCOPED(batch_drop) Batch *batch = some_rows(shape_schema(shape));
	uint32_t ids[3];
	bool on;
	if (batch != NULL && series_map_batch(series, def, shape, batch, ids, &on, NULL) != ST_OK)
		abort();
}

static void
read_shape(Slice bytes, const TableDef *def)
{
	SCOPED(shape_drop) Shape *shape = NULL, *again = NULL;
	if (shape_decode(bytes, 1, &shape, NULL) != ST_OK)
		return;
	if (shape_decode(shape_encoded(shape), 1, &again, NULL) != ST_OK ||
		!slice_equal(shape_encoded(shape), shape_encoded(again)))
		abort();
	int32_t map[4];
	shape_map(shape, def, map);
	(void)shape_is_whole(shape, def);
	if (shape_check(shape, def, NULL) != ST_OK)
		return;
	SeriesMap *series = NULL;
	if (series_new(1000, &series, NULL) != ST_OK)
		abort();
	map_rows(series, def, shape);
	series_free(series);
}

static void
read_series(Slice bytes, TableDef *def)
{
	SeriesMap *series = NULL;
	SCOPED(buf_close) Buf saved = BUF_INIT;
	SCOPED(shape_drop) Shape *shape = NULL;
	if (series_new(1000000, &series, NULL) != ST_OK)
		abort();
	if (series_load(series, bytes, NULL) == ST_OK) {
		// But for the switch, whose every other value is "on".
		if (series_save(series, &saved, NULL) != ST_OK || saved.len != bytes.len ||
			!slice_equal(slice_of(saved.data + 4, saved.len - 4),
						 slice_of(bytes.data + 4, bytes.len - 4)))
			abort();
		uint32_t count = series_count(series);
		SCOPED(mem_drop) uint32_t *ids = mem_alloc_array(count, sizeof(*ids));
		SCOPED(mem_drop) uint32_t *rank = mem_alloc_array(count, sizeof(*rank));
		for (uint32_t i = 0; i < count; i++)
			ids[i] = i;
		if (series_rank(series, ids, count, rank, NULL) != ST_OK ||
			shape_new(1, def, table_schema(def), &shape, NULL) != ST_OK)
			abort();
		map_rows(series, def, shape);
	}
	series_free(series);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	SCOPED(table_def_drop) TableDef *def = sample_table();
	Slice rest = slice_of(data + 1, size - 1);
	switch (data[0] % 3) {
	case 0: read_definition(rest); break;
	case 1: read_shape(rest, def); break;
	default: read_series(rest, def); break;
	}
	return 0;
}
