// Definitions as bytes.

#include "support.h"

static TableDef *
sample(void)
{
	Field parts[] = {field_of("a", TYPE_INT8), field_of("b", TYPE_UTF8)};
	Field nested = field_of("nested", TYPE_STRUCT);
	nested.children = parts;
	nested.child_count = 2;
	Field zoned = field_of("time", TYPE_TIMESTAMP);
	zoned.type.zone = "Europe/Vienna";
	TableDef *def =
		table_of(SCHEMA(zoned, field_of("host", TYPE_UTF8), field_of("rack", TYPE_INT16),
						field_of("v", TYPE_FLOAT64), field_of("price", TYPE_DECIMAL128), nested),
				 "host,rack");
	SCOPED(schema_drop) Schema *more = SCHEMA(zoned, field_of("room", TYPE_UTF8));
	TableDef *next = NULL;
	Error err = ERROR_INIT;
	ok(table_def_grow(def, more, "room", any_field, &next, &err), &err);
	table_def_unref(def);
	return next;
}

static void
what_was_written_is_read(void **state)
{
	(void)state;
	TableDef *def = sample(), *read = NULL;
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	ok(table_def_decode(buf_slice(&bytes), &read, &err), &err);
	defs_equal(def, read);
	assert_int_equal(table_id(read), 7);
	assert_int_equal(table_version(read), 2);
	assert_int_equal(table_created_ns(read), 1000);
	assert_int_equal(table_kind(read), TABLE_SERIES);
	assert_string_equal(table_database(read), "mobius");
	assert_string_equal(table_name(read), "t");
	assert_true(table_durable(read));
	assert_true(schema_equal(table_schema(read), table_schema(def)));
	roles_are(read, "time:time host:tag rack:tag v:field price:field nested:field room:tag");
	table_def_unref(read);
	table_def_unref(def);
	buf_close(&bytes);
}

static Status
decode(const uint8_t *bytes, size_t len)
{
	// Exactly so many bytes, so that reading past them is seen.
	uint8_t *copy = malloc(len == 0 ? 1 : len);
	memcpy(copy, bytes, len);
	TableDef *def = NULL;
	Error err = ERROR_INIT;
	Status st = table_def_decode(slice_of(copy, len), &def, &err);
	assert_int_equal(st == ST_OK, def != NULL);
	if (st != ST_OK)
		assert_true(err.text[0] != '\0');
	table_def_unref(def);
	free(copy);
	return st;
}

static void
every_cut_is_noticed(void **state)
{
	(void)state;
	TableDef *def = sample();
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(decode(bytes.data, len), ST_CORRUPT);
	buf_add_byte(&bytes, 0);
	assert_int_equal(decode(bytes.data, bytes.len), ST_CORRUPT);
	buf_close(&bytes);
	table_def_unref(def);
}

// Without a checksum of its own, a definition may come out as another good one; never as a bad one.
static void
flipped_bits_are_harmless(void **state)
{
	(void)state;
	TableDef *def = sample();
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	for (size_t bit = 0; bit < 8 * bytes.len; bit++) {
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		Status st = decode(bytes.data, bytes.len);
		assert_true(st == ST_OK || st == ST_CORRUPT);
		bytes.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	buf_close(&bytes);
	table_def_unref(def);
}

// Roles that the types do not bear: who reads rows would read past them.
static void
roles_must_fit_types(void **state)
{
	(void)state;
	TableDef *def = table_of(SCHEMA(field_of("time", TYPE_TIMESTAMP), field_of("n", TYPE_INT8),
									field_of("d", TYPE_FLOAT64)),
							 "n");
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	uint8_t *roles = bytes.data + bytes.len - 3 * 8 + 4; // behind each column's id
	assert_int_equal(roles[0], ROLE_TIME);
	roles[0] = ROLE_FIELD;
	assert_int_equal(decode(bytes.data, bytes.len), ST_CORRUPT); // a series without time
	roles[8] = ROLE_TIME;
	assert_int_equal(decode(bytes.data, bytes.len), ST_CORRUPT); // an int8 as time
	roles[0] = ROLE_TIME;
	roles[8] = ROLE_TAG;
	roles[16] = ROLE_TAG;
	assert_int_equal(decode(bytes.data, bytes.len), ST_CORRUPT); // a double as tag
	roles[16] = ROLE_FIELD;
	assert_int_equal(decode(bytes.data, bytes.len), ST_OK);
	roles[12] = roles[4]; // two columns of one id
	assert_int_equal(decode(bytes.data, bytes.len), ST_CORRUPT);
	buf_close(&bytes);
	table_def_unref(def);
}

static void
reading_undoes_itself_on_every_fault(void **state)
{
	(void)state;
	TableDef *def = sample();
	Buf bytes = BUF_INIT;
	Error err = ERROR_INIT;
	ok(table_def_encode(def, &bytes, &err), &err);
	long live = mem_live();
	for (long nth = 0;; nth++) {
		TableDef *read = NULL;
		fault_arm(nth);
		Status st = table_def_decode(buf_slice(&bytes), &read, &err);
		bool failed = fault_disarm();
		assert_int_equal(st, failed ? ST_NO_MEMORY : ST_OK);
		table_def_unref(read);
		assert_int_equal(mem_live(), live);
		if (!failed)
			break;
	}
	buf_close(&bytes);
	table_def_unref(def);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_written_is_read),
		cmocka_unit_test(every_cut_is_noticed),
		cmocka_unit_test(flipped_bits_are_harmless),
		cmocka_unit_test(roles_must_fit_types),
		cmocka_unit_test(reading_undoes_itself_on_every_fault),
	};
	return RUN(tests);
}
