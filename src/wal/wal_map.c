// Linear probing, at most half full.

#include "wal/wal_map_int.h"

#include <assert.h>
#include <stdint.h>

#include "base/mem.h"

enum { SMALLEST = 16 };

static WalMapSlot *
slot_for(const WalMap *map, uint32_t key)
{
	// Fibonacci hashing: the high bits of the product are mixed best.
	uint32_t at = (key * 0x9E3779B1U) >> 8;
	while (map->slots[at & (map->cap - 1)].used && map->slots[at & (map->cap - 1)].key != key)
		at++;
	return &map->slots[at & (map->cap - 1)];
}

bool
wal_map_reserve(WalMap *map, uint32_t more)
{
	uint64_t cap = map->cap < SMALLEST ? SMALLEST : map->cap;
	while (cap / 2 < (uint64_t)map->count + more)
		cap *= 2;
	if (cap == map->cap)
		return true;
	WalMap grown = {.cap = (uint32_t)cap};
	grown.slots = cap > UINT32_MAX ? NULL : mem_alloc_array(cap, sizeof(*grown.slots));
	if (grown.slots == NULL)
		return false;
	for (uint32_t i = 0; i < map->cap; i++) {
		if (map->slots[i].used)
			wal_map_put(&grown, map->slots[i].key, map->slots[i].value);
	}
	mem_free(map->slots);
	*map = grown;
	return true;
}

uint64_t *
wal_map_put(WalMap *map, uint32_t key, uint64_t value)
{
	WalMapSlot *slot = slot_for(map, key);
	if (!slot->used) {
		assert(map->count < map->cap / 2);
		*slot = (WalMapSlot){.value = value, .key = key, .used = true};
		map->count++;
	}
	return &slot->value;
}

uint64_t *
wal_map_find(const WalMap *map, uint32_t key)
{
	if (map->cap == 0)
		return NULL;
	WalMapSlot *slot = slot_for(map, key);
	return slot->used ? &slot->value : NULL;
}

void
wal_map_close(WalMap *map)
{
	mem_free(map->slots);
	*map = (WalMap){0};
}
