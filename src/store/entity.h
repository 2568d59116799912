// entity.h - an entity by its id: where its newest version is, and that version while it is in
// memory.
//
// Of the rows with an id the last one counts, in the order of memory and files; a deletion takes
// all there were. So who looks, from the newest back, ends with the first that is found: if it was
// deleted, there is no such entity.
//
// Threads  any; those who look into the same table wait for each other.

#pragma once

#include "store/store.h"

typedef enum EntityPlace {
	ENTITY_NOWHERE,   // there is none with this id
	ENTITY_IN_MEMORY, // in a memory segment
	ENTITY_IN_COPY,   // in a file whose rows are in memory as well
	ENTITY_UNKNOWN,   // another file may have it, or memory has no room for an index: a query tells
} EntityPlace;

typedef struct Entity {
	EntityPlace place;
	Snapshot *snapshot;  // of its table: what is true of it. The rest is of the snapshot
	uint64_t segment_id; // that has it, in memory or as a file
	SegmentRow at;       // in a memory segment
	int32_t file;        // in a copy: which file,
	const HotPart *part; // and where
	int64_t row;         // of the part
} Entity;

// In a table with a key, at the newest moment.
Status store_find_entity(Store *store, Table *table, int64_t id, Entity *out, Error *err);
void entity_close(Entity *entity);
// Of one that was found: a batch of its one row, with the columns of the snapshot's definition. A
// copy, which keeps nothing else in memory.
Status entity_row(const Entity *entity, Batch **out, Error *err);
