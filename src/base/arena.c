#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum {
	ALIGNMENT = 16,
	FIRST_BLOCK = 4096, // with its header: a block is what the heap likes to hand out
	LARGEST_BLOCK = 64 * 1024,
};

struct ArenaBlock {
	ArenaBlock *next;
	size_t cap;
	size_t used;
	_Alignas(ALIGNMENT) uint8_t data[];
};

void
arena_close(Arena *arena)
{
	ArenaBlock *block = arena->blocks;
	while (block != NULL) {
		ArenaBlock *next = block->next;
		mem_free(block);
		block = next;
	}
	*arena = (Arena)ARENA_INIT;
}

static ArenaBlock *
new_block(size_t cap)
{
	ArenaBlock *block = mem_alloc(sizeof(*block) + cap);
	if (block != NULL)
		block->cap = cap;
	return block;
}

// A block that can give `size` bytes. Only the first block of the list has room worth asking for.
static ArenaBlock *
block_for(Arena *arena, size_t size)
{
	ArenaBlock *first = arena->blocks;
	if (first != NULL && size <= first->cap - first->used)
		return first;

	// Blocks grow with the arena, so that a large one needs few.
	size_t whole = arena->used < FIRST_BLOCK ? FIRST_BLOCK : arena->used;
	size_t cap = (whole > LARGEST_BLOCK ? LARGEST_BLOCK : whole) - sizeof(ArenaBlock);
	if (size <= cap / 2 || first == NULL) {
		ArenaBlock *block = new_block(size > cap ? size : cap);
		if (block == NULL)
			return NULL;
		block->next = first;
		arena->blocks = block;
		return block;
	}

	// A large object gets a block of its own behind the first, whose room stays in use.
	ArenaBlock *block = new_block(size);
	if (block == NULL)
		return NULL;
	block->next = first->next;
	first->next = block;
	return block;
}

void *
arena_alloc(Arena *arena, size_t size)
{
	if (arena->failed)
		return NULL;
	if (size > SIZE_MAX / 2) {
		arena->failed = true;
		return NULL;
	}
	size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	ArenaBlock *block = block_for(arena, rounded == 0 ? ALIGNMENT : rounded);
	if (block == NULL) {
		arena->failed = true;
		return NULL;
	}
	void *at = block->data + block->used;
	block->used += rounded;
	arena->used += rounded;
	return at;
}

void *
arena_array(Arena *arena, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		total = SIZE_MAX; // arena_alloc refuses it and remembers
	return arena_alloc(arena, total);
}

char *
arena_strndup(Arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len == SIZE_MAX ? len : len + 1);
	if (copy != NULL && len > 0)
		memcpy(copy, text, len); // the block is zeroed, so the NUL is there
	return copy;
}

char *
arena_strdup(Arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

char *
arena_printf(Arena *arena, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *text = arena_alloc(arena, len < 0 ? SIZE_MAX : (size_t)len + 1);
	if (text == NULL)
		return NULL;

	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

Status
arena_status(const Arena *arena, Error *err, const char *what)
{
	return arena->failed ? error_no_memory(err, what) : ST_OK;
}
