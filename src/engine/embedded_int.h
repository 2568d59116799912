// embedded_int.h - what the objects of mobius.h are, and what their files share.

#pragma once

#include "arrow/builder.h"
#include "arrow/cdata.h"
#include "engine/define.h"
#include "engine/insert.h"

// A name: what has it is looked for with each call.
struct mobius_database {
	mobius *db;
	char *name;
};

// A table, whatever has its name later.
struct mobius_collection {
	mobius *db;
	Table *table;   // a reference
	TableDef *made; // as it was when it was opened: its names
};

// A segment, whatever it is by now.
struct mobius_segment {
	mobius_collection *collection; // its own handle
	uint64_t id;
	_Atomic int64_t created_ns; // as last seen
	_Atomic int64_t sealed_ns;
};

// The database as it is called. ST_NOT_FOUND.
Status embedded_database_check(const mobius_database *database, Error *err);

Status embedded_collection_new(mobius *db, Table *table, mobius_collection **out, Error *err);
// ST_NOT_FOUND once it was dropped.
Status embedded_collection_check(const mobius_collection *collection, Error *err);
// All of it at one moment. ST_NOT_FOUND once it was dropped.
Status embedded_collection_snapshot(const mobius_collection *collection, Snapshot **out,
									Error *err);
Status embedded_collection_append(const mobius_collection *collection, struct ArrowSchema *schema,
								  struct ArrowArray *array, uint64_t *seq, int64_t *first_id,
								  Error *err);

// One commit. Both structures are released, also on failure. `seq` and `first_id` (of the ids that
// rows were given; 0: none was) may be NULL.
Status embedded_append(mobius *db, const PutTarget *to, struct ArrowSchema *schema,
					   struct ArrowArray *array, uint64_t *seq, int64_t *first_id, Error *err);
// The same of rows that are batches already; `to` as of the wire.
Status embedded_put(mobius *db, const PutTarget *to, Batch *batch, const InsertSource *from,
					uint64_t *seq, int64_t *first_id, Error *err);
void embedded_release(struct ArrowSchema *schema, struct ArrowArray *array); // array may be NULL

// Waits for the publishing thread: what was committed to the segment is seen afterwards. ST_SEALED:
// it is not growing.
Status embedded_segment_seal(mobius_segment *segment, Error *err);

// Runs a statement that ends with the collection's name and answers one number.
mobius_status embedded_collection_number(mobius_collection *collection, const char *statement,
										 int64_t *out, mobius_error *err);

// Runs DELETE with a condition, as of a query; *rows: how many went.
Status embedded_collection_delete(mobius_collection *collection, const mobius_condition *where,
								  int64_t *rows, Error *err);
// The text that reads an entity: a SELECT of all columns, or, `update`, an UPDATE that changes
// nothing.
Status embedded_entity_text(const mobius_collection *collection, const TableDef *def, int64_t id,
							bool update, Buf *out, Error *err);

// Whether a column takes a value, which becomes what the column holds: a timestamp in its unit.
// ST_INVALID names the column.
Status embedded_value_check(const Field *field, mobius_value *value, Error *err);
Status embedded_value_refuse(const Field *field, const char *why, Error *err);
void embedded_value_add(const mobius_value *value, ColumnBuilder *column); // that was checked
