#include "web/name_index.h"

#include "base/hash.h"
#include "base/mem.h"

struct NameSlot {
	Slice name; // data NULL: empty
	uint64_t hash;
	int32_t number;
};

enum { SMALLEST = 16 };

void
name_index_close(NameIndex *index)
{
	mem_free(index->slots);
	*index = (NameIndex){0};
}

// Where the name is, or the empty slot where it belongs.
static struct NameSlot *
find_slot(const NameIndex *index, Slice name, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (index->size - 1);
	for (;; at = (at + 1) & (index->size - 1)) {
		struct NameSlot *slot = &index->slots[at];
		if (slot->name.data == NULL || (slot->hash == hash && slice_equal(slot->name, name)))
			return slot;
	}
}

int32_t
name_index_find(const NameIndex *index, Slice name)
{
	if (index->size == 0)
		return -1;
	const struct NameSlot *slot = find_slot(index, name, hash64(name.data, name.len));
	return slot->name.data != NULL ? slot->number : -1;
}

static bool
grow(NameIndex *index)
{
	NameIndex larger = {.size = index->size == 0 ? SMALLEST : index->size * 2,
						.count = index->count};
	larger.slots = mem_alloc_array(larger.size, sizeof(*larger.slots));
	if (larger.slots == NULL)
		return false;
	for (uint32_t i = 0; i < index->size; i++) {
		const struct NameSlot *slot = &index->slots[i];
		if (slot->name.data != NULL)
			*find_slot(&larger, slot->name, slot->hash) = *slot;
	}
	mem_free(index->slots);
	*index = larger;
	return true;
}

bool
name_index_add(NameIndex *index, Slice name, int32_t number)
{
	if ((index->count + 1) * 2 > index->size && !grow(index))
		return false;
	uint64_t hash = hash64(name.data, name.len);
	*find_slot(index, name, hash) = (struct NameSlot){name, hash, number};
	index->count++;
	return true;
}
