// mem.h - the only door to the heap; tests can close it (fault.h).
//
// Threads  any.

#pragma once

#include <stddef.h>

void *mem_alloc(size_t size);                 // zeroed; NULL when memory is short
void *mem_alloc_array(size_t n, size_t size); // zeroed; NULL also when n * size overflows
void *mem_resize(void *ptr,
				 size_t size); // like realloc: new bytes are not zeroed; on NULL, ptr stays valid
void *mem_alloc_aligned(size_t size); // 64-byte aligned, not zeroed; free with mem_free
void *mem_copy(const void *src, size_t size);
char *mem_strdup(const char *text);
char *mem_strndup(const char *text, size_t len); // copies len bytes and adds a NUL
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *ptr);        // NULL is allowed
void mem_drop(void *ptr_to_ptr); // SCOPED(mem_drop) char *text = ...;
long mem_live(void);             // blocks not yet freed
