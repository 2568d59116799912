#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/fault.h"

enum {
	ALIGNMENT = 64,
	HUGE = 2 << 20, // a page of the larger kind; what is smaller cannot hold one
};

static atomic_long live;

// Every new block passes here.
static void *
counted(void *ptr)
{
	if (ptr != NULL)
		atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
	return ptr;
}

void *
mem_alloc(size_t size)
{
	return mem_alloc_array(1, size);
}

void *
mem_alloc_array(size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total) || fault_here())
		return NULL;
	return counted(calloc(1, total == 0 ? 1 : total)); // a block of nothing has an address too
}

void *
mem_resize(void *ptr, size_t size)
{
	if (fault_here())
		return NULL;
	void *moved = realloc(ptr, size == 0 ? 1 : size);
	return ptr == NULL ? counted(moved) : moved;
}

void *
mem_alloc_aligned(size_t size)
{
	if (size > SIZE_MAX - ALIGNMENT || fault_here())
		return NULL;
	size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
	if (rounded < HUGE)
		return counted(aligned_alloc(ALIGNMENT, rounded == 0 ? ALIGNMENT : rounded));
	// The first touch of a page costs as much as filling it; of a huge one, a fraction.
	void *block = NULL;
	if (posix_memalign(&block, HUGE, rounded) == 0)
		(void)madvise(block, rounded & ~(size_t)(HUGE - 1), MADV_HUGEPAGE);
	return counted(block);
}

// A block the caller fills at once needs no zeros.
static void *
alloc_unset(size_t size)
{
	return mem_resize(NULL, size);
}

void *
mem_copy(const void *src, size_t size)
{
	void *copy = alloc_unset(size);
	if (copy != NULL && size > 0)
		memcpy(copy, src, size);
	return copy;
}

char *
mem_strdup(const char *text)
{
	return mem_copy(text, strlen(text) + 1);
}

char *
mem_strndup(const char *text, size_t len)
{
	char *copy = len == SIZE_MAX ? NULL : alloc_unset(len + 1);
	if (copy == NULL)
		return NULL;
	if (len > 0)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
mem_printf(const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	int len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	char *text = len < 0 ? NULL : alloc_unset((size_t)len + 1);
	if (text == NULL)
		return NULL;

	va_start(args, fmt);
	vsnprintf(text, (size_t)len + 1, fmt, args);
	va_end(args);
	return text;
}

void
mem_free(void *ptr)
{
	if (ptr != NULL)
		atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
	free(ptr);
}

void
mem_drop(void *ptr_to_ptr)
{
	// The argument is a pointer to a pointer of any type; only its bytes are common to all.
	void *ptr;
	memcpy(&ptr, ptr_to_ptr, sizeof(ptr));
	mem_free(ptr);
}

long
mem_live(void)
{
	return atomic_load_explicit(&live, memory_order_relaxed);
}
