// One block holds header and data: the header fills exactly one cache line, so that the data after
// it is aligned like the block. The tail makes reading 8 bytes at the last one harmless.

#include "base/bytes.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/mem.h"

enum {
	ALIGNMENT = 64,
	TAIL = 8,
	SMALLEST_SHIFT = 12, // 4 KiB; below, the heap is as fast
	LARGEST_SHIFT = 26,  // 64 MiB
	STEPS = 4,           // sizes in each doubling: what is kept for long wastes a fifth at most
	CLASSES = (LARGEST_SHIFT - SMALLEST_SHIFT) * STEPS + 1,
	NO_CLASS = -1,
};

struct Bytes {
	_Alignas(ALIGNMENT) uint8_t *data;
	size_t len;
	size_t size;
	BytesPool *pool;            // NULL: the heap's
	void (*release)(void *arg); // of wrapped memory
	union {
		void *release_arg;
		Bytes *next_free; // in the pool
	};
	atomic_uint refs;
	int size_class;
};
static_assert(sizeof(Bytes) == ALIGNMENT, "the data would not be aligned");

struct BytesPool {
	size_t keep_bytes;
	atomic_size_t users;  // Bytes in use, and the owner
	pthread_mutex_t lock; // guards what follows
	bool closed;
	size_t kept_bytes;
	Bytes *free[CLASSES];
};

Slice
slice_text(const char *text)
{
	return slice_of(text, strlen(text));
}

bool
slice_equal(Slice a, Slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool
slice_is(Slice a, const char *text)
{
	return slice_equal(a, slice_text(text));
}

Status
bytes_pool_new(size_t keep_bytes, BytesPool **out, Error *err)
{
	BytesPool *pool = mem_alloc(sizeof(*pool));
	if (pool == NULL)
		return error_no_memory(err, "a pool of byte buffers");
	pool->keep_bytes = keep_bytes;
	atomic_init(&pool->users, 1);
	pthread_mutex_init(&pool->lock, NULL);
	*out = pool;
	return ST_OK;
}

static void
pool_unuse(BytesPool *pool)
{
	if (atomic_fetch_sub_explicit(&pool->users, 1, memory_order_acq_rel) > 1)
		return;
	pthread_mutex_destroy(&pool->lock);
	mem_free(pool);
}

void
bytes_pool_free(BytesPool *pool)
{
	if (pool == NULL)
		return;
	Bytes *kept[CLASSES];
	pthread_mutex_lock(&pool->lock);
	pool->closed = true;
	memcpy(kept, pool->free, sizeof(kept));
	pthread_mutex_unlock(&pool->lock);

	for (size_t i = 0; i < CLASSES; i++) {
		while (kept[i] != NULL) {
			Bytes *next = kept[i]->next_free;
			mem_free(kept[i]);
			kept[i] = next;
		}
	}
	pool_unuse(pool);
}

// A kept block of this class, or NULL.
static Bytes *
pool_take(BytesPool *pool, int size_class)
{
	pthread_mutex_lock(&pool->lock);
	Bytes *bytes = pool->free[size_class];
	if (bytes != NULL) {
		pool->free[size_class] = bytes->next_free;
		pool->kept_bytes -= bytes->size;
	}
	pthread_mutex_unlock(&pool->lock);
	return bytes;
}

// True when the pool keeps the block.
static bool
pool_give(BytesPool *pool, Bytes *bytes)
{
	pthread_mutex_lock(&pool->lock);
	bool keep = !pool->closed && bytes->size <= pool->keep_bytes - pool->kept_bytes;
	if (keep) {
		bytes->next_free = pool->free[bytes->size_class];
		pool->free[bytes->size_class] = bytes;
		pool->kept_bytes += bytes->size;
	}
	pthread_mutex_unlock(&pool->lock);
	return keep;
}

static size_t
class_size(int size_class)
{
	return (size_t)(STEPS + size_class % STEPS) << (SMALLEST_SHIFT - 2 + size_class / STEPS);
}

static int
class_for(const BytesPool *pool, size_t len)
{
	if (pool == NULL || len < (size_t)1 << SMALLEST_SHIFT || len > (size_t)1 << LARGEST_SHIFT)
		return NO_CLASS;
	int shift = 8 * (int)sizeof(len) - 1 - __builtin_clzl(len); // of the power of two below
	int size_class = (shift - SMALLEST_SHIFT) * STEPS;
	while (len > class_size(size_class))
		size_class++;
	return size_class;
}

Bytes *
bytes_new(BytesPool *pool, size_t len)
{
	int size_class = class_for(pool, len);
	Bytes *bytes = size_class == NO_CLASS ? NULL : pool_take(pool, size_class);
	if (bytes == NULL) {
		size_t cap = size_class == NO_CLASS ? len : class_size(size_class);
		if (cap > SIZE_MAX / 2)
			return NULL;
		size_t size = (sizeof(*bytes) + cap + TAIL + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
		bytes = mem_alloc_aligned(size);
		if (bytes == NULL)
			return NULL;
		bytes->size = size;
	}
	bytes->data = (uint8_t *)(bytes + 1);
	bytes->len = len;
	bytes->pool = size_class == NO_CLASS ? NULL : pool;
	bytes->release = NULL;
	bytes->next_free = NULL;
	bytes->size_class = size_class;
	atomic_init(&bytes->refs, 1);
	if (bytes->pool != NULL)
		atomic_fetch_add_explicit(&pool->users, 1, memory_order_relaxed);
	return bytes;
}

Bytes *
bytes_copy(BytesPool *pool, Slice src)
{
	Bytes *bytes = bytes_new(pool, src.len);
	if (bytes != NULL && src.len > 0)
		memcpy(bytes->data, src.data, src.len);
	return bytes;
}

Bytes *
bytes_wrap(const void *data, size_t len, void (*release)(void *arg), void *arg)
{
	Bytes *bytes = mem_alloc_aligned(sizeof(*bytes));
	if (bytes == NULL)
		return NULL;
	*bytes = (Bytes){
		.data = (uint8_t *)(uintptr_t)data, // nobody writes to what is shared
		.len = len,
		.size = sizeof(*bytes) + len,
		.release = release,
		.release_arg = arg,
		.size_class = NO_CLASS,
	};
	atomic_init(&bytes->refs, 1);
	return bytes;
}

Bytes *
bytes_ref(Bytes *bytes)
{
	if (bytes != NULL)
		atomic_fetch_add_explicit(&bytes->refs, 1, memory_order_relaxed);
	return bytes;
}

void
bytes_unref(Bytes *bytes)
{
	if (bytes == NULL)
		return;
	unsigned was = atomic_fetch_sub_explicit(&bytes->refs, 1, memory_order_acq_rel);
	assert(was > 0);
	if (was > 1)
		return;

	BytesPool *pool = bytes->pool;
	if (bytes->release != NULL)
		bytes->release(bytes->release_arg);
	if (pool == NULL || !pool_give(pool, bytes))
		mem_free(bytes);
	if (pool != NULL)
		pool_unuse(pool);
}

uint8_t *
bytes_data(Bytes *bytes)
{
	return bytes->data;
}

size_t
bytes_len(const Bytes *bytes)
{
	return bytes->len;
}

size_t
bytes_size(const Bytes *bytes)
{
	return bytes->size;
}

void
bytes_truncate(Bytes *bytes, size_t len)
{
	assert(len <= bytes->len);
	bytes->len = len;
}

Slice
bytes_slice(Bytes *bytes)
{
	return slice_of(bytes->data, bytes->len);
}
