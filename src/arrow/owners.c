#include "arrow/owners_int.h"
#include "base/arena.h"
#include "base/mem.h"

struct Owners {
	Bytes **list;
	int32_t count;
	int32_t cap;
	Arena arena; // Columns of children, Slices of views
};

Owners *
owners_new(void)
{
	return mem_alloc(sizeof(Owners));
}

void
owners_free(Owners *owners)
{
	if (owners == NULL)
		return;
	for (int32_t i = 0; i < owners->count; i++)
		bytes_unref(owners->list[i]);
	mem_free(owners->list);
	arena_close(&owners->arena);
	mem_free(owners);
}

static bool
reserve(Owners *owners, int32_t more)
{
	int32_t cap = owners->cap < 8 ? 8 : owners->cap;
	while (cap - owners->count < more && cap <= INT32_MAX / 2)
		cap *= 2;
	if (cap - owners->count < more)
		return false;
	if (cap == owners->cap)
		return true;
	Bytes **list = mem_resize(owners->list, (size_t)cap * sizeof(Bytes *));
	if (list == NULL)
		return false;
	owners->list = list;
	owners->cap = cap;
	return true;
}

bool
owners_add(Owners *owners, Bytes *bytes)
{
	if (!reserve(owners, 1)) {
		bytes_unref(bytes);
		return false;
	}
	owners->list[owners->count++] = bytes;
	return true;
}

bool
owners_add_batch(Owners *owners, const Batch *batch)
{
	int32_t count = 0;
	Bytes *const *list = batch_owners(batch, &count);
	if (!reserve(owners, count))
		return false;
	for (int32_t i = 0; i < count; i++)
		owners->list[owners->count++] = bytes_ref(list[i]);
	return true;
}

Bytes *const *
owners_list(const Owners *owners, int32_t *count)
{
	*count = owners->count;
	return owners->list;
}

uint8_t *
owners_buffer(Owners *owners, BytesPool *pool, size_t len)
{
	Bytes *bytes = bytes_new(pool, len);
	if (bytes == NULL || !owners_add(owners, bytes))
		return NULL;
	return bytes_data(bytes);
}

void *
owners_array(Owners *owners, size_t n, size_t size)
{
	return arena_array(&owners->arena, n, size);
}
