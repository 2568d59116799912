// shape.h - how the batches of one put stream lie in a table: which schema they are encoded in and
// which table column each of its columns is.
//
// The log names a shape by its id (schema id). Immutable and counted.

#pragma once

#include "arrow/batch.h"
#include "catalog/table_def.h"

typedef struct Shape Shape;

// `schema`: canonical, each field a column of def by name, its type equal to or narrower than the
// column's.
Status shape_new(uint32_t id, TableDef *def, Schema *schema, Shape **out, Error *err);
Shape *shape_ref(Shape *shape);
void shape_unref(Shape *shape); // NULL is allowed
DEFINE_DROP(Shape, shape_drop, shape_unref)

uint32_t shape_id(const Shape *shape);
uint32_t shape_table_id(const Shape *shape);
Schema *shape_schema(const Shape *shape); // borrowed
Slice shape_encoded(const Shape *shape);  // what a WAL_SCHEMA record holds
uint32_t shape_column_id(const Shape *shape,
						 int32_t i); // table column id of the schema's i-th column
bool shape_is_whole(
	const Shape *shape,
	const TableDef *def); // same columns, types and order as def: rows need no mapping
int32_t shape_column_of(const Shape *shape, uint32_t column_id); // -1: none
// map[c] for each column c of def: the shape's column, -1: none. `map` has table_column_count(def)
// entries.
void shape_map(const Shape *shape, const TableDef *def, int32_t *map);
// Rows of the shape as def has its columns: values that are narrower are widened, and saturate
// where the finer time unit does not reach them; what the shape lacks is NULL. A new reference:
// where the shape is whole, of the batch itself.
Status shape_to_table(const Shape *shape, TableDef *def, Batch *batch, BytesPool *pool, Batch **out,
					  Error *err);
// The same of any batch: map[c] is its column for column c of def, -1: none.
Status batch_to_table(Batch *batch, const int32_t *map, TableDef *def, BytesPool *pool, Batch **out,
					  Error *err);
// The same, but columns of which a batch has no values are of type null, as batch_gather takes
// them.
Status shape_to_sparse(const Shape *shape, TableDef *def, Batch *batch, BytesPool *pool,
					   Batch **out, Error *err);
// A column that def does not have any more, since it was dropped: its values are not read. -1:
// none.
int32_t shape_dropped_column(const Shape *shape, const TableDef *def);
// Whether def's columns of the same names are the shape's. (A name may be another column's by now.)
bool shape_is_named(const Shape *shape, const TableDef *def);
// ST_CORRUPT if it is not of def's table, or has a column that does not fit def's. Rows may be read
// under def only then.
Status shape_check(const Shape *shape, const TableDef *def, Error *err);
Status shape_decode(Slice encoded, uint32_t id, Shape **out,
					Error *err); // from the log; ST_CORRUPT
