// embedded_entity_int.h - an entity of mobius.h, looked for by its id.

#pragma once

#include "engine/embedded_int.h"

// The definition of now, which has a key. ST_NOT_FOUND: the collection was dropped; ST_INVALID: it
// has no key.
Status embedded_entity_check(const mobius_collection *collection, TableDef **out, Error *err);
const char *embedded_entity_key(const TableDef *def); // the name of its column
Status embedded_entity_missing(const TableDef *def, int64_t id, Error *err); // ST_NOT_FOUND

typedef struct EntityFound {
	Batch *row;          // one row of all columns; NULL: there is none
	uint64_t segment_id; // that has it; 0: nobody asked, and it is in a file
	uint64_t seq;        // of the moment it is true of, or an earlier one
} EntityFound;

// The newest version. What memory holds is looked for by its id; where files may have it, a query
// is asked, in a thread of those that read. where: the segment is wanted.
Status embedded_entity_find(const mobius_collection *collection, const TableDef *def, int64_t id,
							bool where, EntityFound *out, Error *err);
void entity_found_close(EntityFound *found);
// schema may be NULL.
Status embedded_entity_export(Batch *row, struct ArrowSchema *schema, struct ArrowArray *out,
							  Error *err);
