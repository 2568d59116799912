// scan.c - the memory of a table as one BatchScan: each part that overlaps the range, mapped from
// its shape to the columns of the definition.

#include "base/mem.h"
#include "sql/hot_scan.h"
#include "sql/statement_int.h"
#include "sql/views.h"

// What a scan keeps alive, freed by whoever uses it last.
typedef struct ScanOwner {
	Arena arena;
	Segment **segments;
	int32_t segment_count;
	FileSet *files;
	Batch *batch; // of a source
} ScanOwner;

typedef struct ShapeMap {
	const Shape *shape;
	int32_t *map;
} ShapeMap;

typedef struct ScanBuild {
	ScanOwner *owner;
	const TableDef *def;
	uint64_t segment_id; // of the parts that come
	int64_t order;       // of their first row if no other came before
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
	file_set_unref(owner->files);
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
	int32_t count = table_column_count(build->def);
	int32_t *map = arena_array(arena, (size_t)count + 3, sizeof(int32_t));
	ShapeMap *maps = list_grow(arena, build->maps, build->map_count, sizeof(ShapeMap));
	if (map == NULL || maps == NULL)
		return NULL;
	shape_map(shape, build->def, map);
	map[count] = MAP_SEGMENT; // where addresses are asked for
	map[count + 1] = MAP_ROW;
	map[count + 2] = MAP_ORDER;
	build->maps = maps;
	build->maps[build->map_count++] = (ShapeMap){shape, map};
	return map;
}

// ---- deleted rows ----

static void
part_dead(const void *rows, int64_t first, int64_t count, uint64_t *bits)
{
	part_dead_bits(rows, first, count, bits);
}

static void
file_dead(const void *rows, int64_t first, int64_t count, uint64_t *bits)
{
	mask_dead_bits(rows, first, count, bits);
}

// NULL: no memory.
static const RowMask *
mask_of_part(Arena *arena, const SegmentPart *part)
{
	SegmentPart *kept = arena_alloc(arena, sizeof(*kept));
	RowMask *mask = arena_alloc(arena, sizeof(*mask));
	if (kept == NULL || mask == NULL)
		return NULL;
	*kept = *part;
	*mask = (RowMask){part_dead, kept};
	return mask;
}

static Status
add_masks(const RefView *view, ScanOwner *owner, BatchScan *scan, Error *err)
{
	if (view->masked == 0)
		return ST_OK;
	RowMask *masks = arena_array(&owner->arena, (size_t)view->file_count, sizeof(*masks));
	TRY(arena_status(&owner->arena, err, "a scan"));
	for (int32_t i = 0; i < view->file_count; i++)
		if (view_mask(view, i) != NULL)
			masks[i] = (RowMask){file_dead, view_mask(view, i)};
	if (owner->files == NULL)
		owner->files = file_set_ref(view->table->files); // it holds the masks
	scan->files = masks;
	scan->file_count = view->file_count;
	return ST_OK;
}

// ---- rows ----

static Status
add_part(void *arg, const SegmentPart *part, Error *err)
{
	ScanBuild *build = arg;
	Arena *arena = &build->owner->arena;
	const int32_t *map = map_of(build, part->shape);
	build->parts = list_grow(arena, build->parts, build->part_count, sizeof(BatchPart));
	TRY(arena_status(arena, err, "a scan"));
	build->parts[build->part_count++] = (BatchPart){
		.batch = part->batch,
		.rows = part->rows,
		.map = map,
		.mask = part->dead != NULL ? mask_of_part(arena, part) : NULL,
		.segment_id = build->segment_id,
		.first_row = part->first_row,
		.first_order = build->order + build->rows,
	};
	build->rows += part->rows;
	return arena_status(arena, err, "a scan");
}

static Status
add_hot_part(void *arg, const BatchPart *part, Error *err)
{
	ScanBuild *build = arg;
	Arena *arena = &build->owner->arena;
	build->parts = list_grow(arena, build->parts, build->part_count, sizeof(BatchPart));
	TRY(arena_status(arena, err, "a scan"));
	build->parts[build->part_count++] = *part;
	build->rows += part->rows;
	return ST_OK;
}

// Files first: they hold what came first.
static Status
add_hots(const RefView *view, ScanBuild *build, Error *err)
{
	ScanOwner *owner = build->owner;
	if (view->hot_count > 0)
		owner->files = file_set_ref(view->table->files); // it holds them, and the masks
	for (int32_t i = 0; i < view->hot_count; i++) {
		HotScan scan = {view, view->hots[i], &owner->arena, add_hot_part, build};
		TRY(hot_scan(&scan, err));
	}
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
	TRY(add_hots(view, &build, err));
	for (int32_t i = 0; i < table->segment_count; i++) {
		owner->segments[owner->segment_count++] = segment_ref(table->segments[i]);
		build.segment_id = segment_stats(table->segments[i]).id;
		build.order = view_memory_order(view, i);
		TRY(segment_each(table->segments[i], seq, view->range.min, view->range.max, add_part,
						 &build, err));
	}
	BatchScan scan = {.parts = build.parts,
					  .part_count = build.part_count,
					  .rows = build.rows,
					  .release = owner_free};
	TRY(add_masks(view, owner, &scan, err));
	scan.owner = TAKE(owner);
	*out = scan;
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
