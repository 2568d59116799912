// wal_map_int.h - u32 → u64, insert-only: tables of an index, schemas of a file.

#pragma once

#include "base/status.h"

typedef struct WalMapSlot {
	uint64_t value;
	uint32_t key;
	bool used;
} WalMapSlot;

typedef struct WalMap {
	WalMapSlot *slots; // `cap` of them: 0 or a power of two
	uint32_t cap;
	uint32_t count;
} WalMap;

// Makes room for `more` puts; false: no memory.
bool wal_map_reserve(WalMap *map, uint32_t more);
// The value of key, set to `value` first when key is new; there must be room.
uint64_t *wal_map_put(WalMap *map, uint32_t key, uint64_t value);
uint64_t *wal_map_find(const WalMap *map, uint32_t key); // NULL: none
void wal_map_close(WalMap *map);
