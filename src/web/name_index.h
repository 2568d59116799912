// name_index.h - which number a name has: an index beside an array whose entries have names.
//
// Threads  one owner.

#pragma once

#include "base/bytes.h"

typedef struct NameIndex {
	struct NameSlot *slots;
	uint32_t size; // a power of two, or 0
	uint32_t count;
} NameIndex;

void name_index_close(NameIndex *index);

// The number of `name`, or -1.
int32_t name_index_find(const NameIndex *index, Slice name);

// `name`, which is not in yet, and stays where it is as long as the index. False: no memory, and
// nothing changed.
bool name_index_add(NameIndex *index, Slice name, int32_t number);
