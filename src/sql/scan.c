// scan.c - the memory of a table as one BatchScan: each part that overlaps the range, mapped from
// its shape to the columns of the definition.

#include "base/mem.h"
#include "sql/statement_int.h"
#include "sql/views.h"

// What a scan keeps alive, freed by whoever uses it last.
typedef struct ScanOwner {
	Arena arena;
	Segment **segments;
	int32_t segment_count;
	Batch *batch; // of a source
} ScanOwner;

typedef struct ShapeMap {
	const Shape *shape;
	int32_t *map;
} ShapeMap;

typedef struct ScanBuild {
	ScanOwner *owner;
	const TableDef *def;
	BatchPart *parts;
	int32_t part_count;
	int64_t rows;
	ShapeMap *maps;
	int32_t map_count;
} ScanBuild;

static void
owner_free(void *arg)
{
	ScanOwner *owner = arg;
	if (owner == NULL)
		return;
	for (int32_t i = 0; i < owner->segment_count; i++)
		segment_unref(owner->segments[i]);
	batch_unref(owner->batch);
	arena_close(&owner->arena);
	mem_free(owner);
}

DEFINE_DROP(ScanOwner, owner_drop, owner_free)

// Streams put under few shapes, and each under one for long.
static const int32_t *
map_of(ScanBuild *build, const Shape *shape)
{
	Arena *arena = &build->owner->arena;
	for (int32_t i = build->map_count - 1; i >= 0; i--)
		if (build->maps[i].shape == shape)
			return build->maps[i].map;
	int32_t *map = arena_array(arena, (size_t)table_column_count(build->def) + 1, sizeof(int32_t));
	ShapeMap *maps = list_grow(arena, build->maps, build->map_count, sizeof(ShapeMap));
	if (map == NULL || maps == NULL)
		return NULL;
	shape_map(shape, build->def, map);
	build->maps = maps;
	build->maps[build->map_count++] = (ShapeMap){shape, map};
	return map;
}

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	ScanBuild *build = arg;
	Arena *arena = &build->owner->arena;
	const int32_t *map = map_of(build, part->shape);
	build->parts = list_grow(arena, build->parts, build->part_count, sizeof(BatchPart));
	TRY(arena_status(arena, err, "a scan"));
	build->parts[build->part_count++] =
		(BatchPart){.batch = part->batch, .rows = part->rows, .map = map};
	build->rows += part->rows;
	return ST_OK;
}

Status
scan_memory(const RefView *view, uint64_t seq, BatchScan *out, Error *err)
{
	const TableView *table = view->table;
	SCOPED(owner_drop) ScanOwner *owner = mem_alloc(sizeof(*owner));
	if (owner == NULL)
		return error_no_memory(err, "a scan");
	ScanBuild build = {.owner = owner, .def = table->def};
	owner->segments = arena_array(&owner->arena, (size_t)table->segment_count, sizeof(Segment *));
	TRY(arena_status(&owner->arena, err, "a scan"));
	for (int32_t i = 0; i < table->segment_count; i++) {
		owner->segments[owner->segment_count++] = segment_ref(table->segments[i]);
		TRY(segment_each(table->segments[i], seq, view->range.min, view->range.max, add_part,
						 &build, err));
	}
	*out = (BatchScan){.parts = build.parts,
					   .part_count = build.part_count,
					   .rows = build.rows,
					   .release = owner_free,
					   .owner = TAKE(owner)};
	return ST_OK;
}

Status
scan_batch(Batch *batch, BatchScan *out, Error *err)
{
	SCOPED(owner_drop) ScanOwner *owner = mem_alloc(sizeof(*owner));
	if (owner == NULL)
		return error_no_memory(err, "a scan");
	int32_t count = schema_field_count(batch_schema(batch));
	BatchPart *part = arena_array(&owner->arena, 1, sizeof(*part));
	int32_t *map = arena_array(&owner->arena, (size_t)count + 1, sizeof(int32_t));
	TRY(arena_status(&owner->arena, err, "a scan"));
	for (int32_t i = 0; i < count; i++)
		map[i] = i;
	owner->batch = batch_ref(batch);
	*part = (BatchPart){.batch = batch, .rows = batch_rows(batch), .map = map};
	*out = (BatchScan){.parts = part,
					   .part_count = 1,
					   .rows = part->rows,
					   .release = owner_free,
					   .owner = TAKE(owner)};
	return ST_OK;
}
