// arena.h - memory of one request, query or compaction, freed in one call.
//
// Sticky failure like Buf. Nothing outlives its arena. Threads  one owner.

#pragma once

#include "base/status.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct Arena {
	ArenaBlock *blocks;
	size_t used; // bytes handed out
	bool failed;
} Arena;

#define ARENA_INIT                                                                                 \
	{                                                                                              \
		0                                                                                          \
	}

void arena_close(Arena *arena);
void *arena_alloc(Arena *arena, size_t size); // zeroed, 16-byte aligned; NULL when failed
void *arena_array(Arena *arena, size_t n, size_t size);
char *arena_strndup(Arena *arena, const char *text, size_t len);
char *arena_strdup(Arena *arena, const char *text);
char *arena_printf(Arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
Status arena_status(const Arena *arena, Error *err, const char *what);
