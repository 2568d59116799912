#include "support.h"

#include "base/hash.h"

// The definition, bit by bit.
static uint32_t
crc_by_definition(const uint8_t *data, size_t len)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0x82F63B78 & (0 - (crc & 1)));
	}
	return ~crc;
}

static void
fill(uint8_t *data, size_t len)
{
	uint32_t x = 1;
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = (uint8_t)(x >> 24);
	}
}

static void
crc32c_has_the_published_values(void **state)
{
	(void)state;
	uint8_t data[32] = {0};
	assert_int_equal(crc32c(0, "123456789", 9), 0xE3069283);
	assert_int_equal(crc32c(0, data, sizeof(data)), 0x8A9136AA);
	memset(data, 0xFF, sizeof(data));
	assert_int_equal(crc32c(0, data, sizeof(data)), 0x62A8AB43);
	assert_int_equal(crc32c(0, NULL, 0), 0);
	assert_int_equal(crc32c(7, NULL, 0), 7);
}

static void
both_forms_of_crc32c_give_the_bits_of_the_definition(void **state)
{
	(void)state;
	static uint8_t data[10000 + 8];
	fill(data, sizeof(data));
	for (size_t len = 0; len < 10000; len += len < 100 ? 1 : 61) {
		const uint8_t *at = data + len % 8;
		uint32_t wanted = crc_by_definition(at, len);
		assert_int_equal(crc32c(0, at, len), wanted);
		assert_int_equal(crc32c_software(0, at, len), wanted);
	}
	// Whole rounds of the interleaved form, one less and one more.
	for (size_t rounds = 1; rounds <= 3; rounds++) {
		for (size_t len = rounds * 3072 - 1; len <= rounds * 3072 + 1; len++)
			assert_int_equal(crc32c(0, data, len), crc_by_definition(data, len));
	}
}

static void
crc32c_can_be_fed_in_parts(void **state)
{
	(void)state;
	static uint8_t data[8000];
	fill(data, sizeof(data));
	uint32_t whole = crc32c(0, data, sizeof(data));
	for (size_t cut = 0; cut <= sizeof(data); cut += 97) {
		uint32_t first = crc32c(0, data, cut);
		assert_int_equal(crc32c(first, data + cut, sizeof(data) - cut), whole);
		assert_int_equal(crc32c_software(first, data + cut, sizeof(data) - cut), whole);
	}
}

static void
hash64_is_xxh3(void **state)
{
	(void)state;
	assert_true(hash64("", 0) == 0x2D06800538D394C2);
	assert_true(hash64("a", 1) != hash64("b", 1));
}

static void
hash128_does_not_depend_on_the_parts(void **state)
{
	(void)state;
	static uint8_t data[5000];
	fill(data, sizeof(data));
	Hasher128 *whole = hasher128_new();
	Hasher128 *parts = hasher128_new();
	hasher128_add(whole, data, sizeof(data));
	for (size_t at = 0; at < sizeof(data); at += 500)
		hasher128_add(parts, data + at, 500);
	hasher128_add(parts, NULL, 0);
	Hash128 a = hasher128_end(whole);
	Hash128 b = hasher128_end(parts);
	assert_true(a.low == b.low && a.high == b.high);
	b = hash128(data, sizeof(data));
	assert_true(a.low == b.low && a.high == b.high);
	hasher128_add(parts, "x", 1);
	b = hasher128_end(parts);
	assert_true(a.low != b.low && a.high != b.high);
	hasher128_free(whole);
	hasher128_free(parts);
	hasher128_free(NULL);
	assert_int_equal(mem_live(), 0);
}

static void
hash128_of_nothing_is_the_published_value(void **state)
{
	(void)state;
	Hasher128 *h = hasher128_new();
	Hash128 hash = hasher128_end(h);
	assert_true(hash.high == 0x99AA06D3014798D8 && hash.low == 0x6001C324468D497F);
	hasher128_free(h);
	fault_arm(0);
	assert_null(hasher128_new());
	assert_true(fault_disarm());
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc32c_has_the_published_values),
		cmocka_unit_test(both_forms_of_crc32c_give_the_bits_of_the_definition),
		cmocka_unit_test(crc32c_can_be_fed_in_parts),
		cmocka_unit_test(hash64_is_xxh3),
		cmocka_unit_test(hash128_does_not_depend_on_the_parts),
		cmocka_unit_test(hash128_of_nothing_is_the_published_value),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
