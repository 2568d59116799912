// series.h - the numbering of a table's tag combinations.
//
// Insert-only; a series keeps its id (u32, from 0) as long as the process knows the table, and
// across restarts through the checkpoint.
//
// Threads  one lock; series_map_batch holds it for the whole batch.

#pragma once

#include "arrow/batch.h"
#include "catalog/table_def.h"
#include "store/shape.h"

typedef struct SeriesMap SeriesMap;

Status series_new(uint32_t limit, SeriesMap **out, Error *err);
void series_free(SeriesMap *series); // NULL is allowed
uint32_t series_count(const SeriesMap *series);

// The series id of each row into ids (rows entries), new ones as needed. Tags the shape lacks are
// NULL. *on is false when the table works without ids (above the limit, or more than 100,000 series
// and more than one per 10 rows); ids are then not written. The usual order of arrival (the same
// series following each other again) is recognised and cheap.
Status series_map_batch(SeriesMap *series, const TableDef *def, const Shape *shape,
						const Batch *batch, uint32_t *ids, bool *on, Error *err);
// The same of rows that are in files already: the map meets their series.
Status series_meet_batch(SeriesMap *series, const TableDef *def, const Shape *shape,
						 const Batch *batch, Error *err);

// The series that rows are of, without adding any: NO_SERIES where there is none.
#define NO_SERIES UINT32_MAX
Status series_find_batch(SeriesMap *series, const TableDef *def, const Shape *shape,
						 const Batch *batch, uint32_t *ids, Error *err);

// Ranks of the given ids by their tag values (NULL first, then as bytes order for text), for sorted
// files: rank[i] for ids[i], all distinct.
Status series_rank(SeriesMap *series, const uint32_t *ids, uint32_t count, uint32_t *rank,
				   Error *err);

// For checkpoints: all keys in id order, and back.
Status series_save(SeriesMap *series, Buf *out, Error *err);
uint64_t series_saved_bytes(const SeriesMap *series);           // what that is just now
Status series_load(SeriesMap *series, Slice saved, Error *err); // into an empty map; ST_CORRUPT
