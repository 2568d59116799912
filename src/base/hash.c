#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/mem.h"

struct Hasher128 {
	XXH3_state_t state; // wants the 64-byte alignment
};

uint64_t
hash64(const void *data, size_t len)
{
	return XXH3_64bits(data, len);
}

static Hash128
halves(XXH128_hash_t hash)
{
	return (Hash128){.low = hash.low64, .high = hash.high64};
}

Hash128
hash128(const void *data, size_t len)
{
	return halves(XXH3_128bits(data, len));
}

Hasher128 *
hasher128_new(void)
{
	Hasher128 *h = mem_alloc_aligned(sizeof(*h));
	if (h != NULL)
		XXH3_128bits_reset(&h->state);
	return h;
}

void
hasher128_add(Hasher128 *h, const void *data, size_t len)
{
	if (len > 0)
		XXH3_128bits_update(&h->state, data, len);
}

Hash128
hasher128_end(const Hasher128 *h)
{
	return halves(XXH3_128bits_digest(&h->state));
}

void
hasher128_free(Hasher128 *h)
{
	mem_free(h);
}
