// Small batches gathered.

#include <stdatomic.h>

#include "os/thread.h"
#include "store/chunk.h"
#include "support.h"

static Chunk *
chunk_like(const Batch *batch, uint64_t bytes, bool with_ids)
{
	Chunk *chunk = chunk_new(batch_schema(batch), batch, bytes, with_ids, NULL);
	assert_non_null(chunk);
	return chunk;
}

static bool
appends(Chunk *chunk, Schema *schema, const char *rows, const uint32_t *ids, uint64_t seq)
{
	Batch *batch = batch_of(schema, rows);
	bool appended = chunk_append(chunk, batch, ids, seq);
	batch_unref(batch);
	return appended;
}

// What a reader at `seq` sees.
static void
chunk_is(const Chunk *chunk, uint64_t seq, const char *rows)
{
	uint64_t max_seq = 0;
	Batch *head = NULL;
	Error err = ERROR_INIT;
	int64_t count = chunk_rows(chunk, seq, &max_seq);
	assert_true(max_seq <= seq);
	assert_true(count < batch_rows(chunk_batch(chunk)));
	ok(batch_head(chunk_batch(chunk), count, &head, &err), &err);
	batch_is_sound(head);
	batch_is(head, rows);
	batch_unref(head);
}

static void
a_reader_sees_the_rows_up_to_its_seq(void **state)
{
	(void)state;
	SCOPED(schema_drop)
	Schema *schema = SCHEMA(field_of("t", TYPE_INT64), field_of("s", TYPE_UTF8),
							field_of("b", TYPE_BOOL), field_of("d", TYPE_FLOAT64));
	Batch *first = batch_of(schema, "1|one|true|1.5\n2|~|false|~");
	Chunk *chunk = chunk_like(first, 4096, true);
	uint64_t max_seq = 99;
	assert_int_equal(chunk_rows(chunk, UINT64_MAX, &max_seq), 0);
	assert_true(chunk_append(chunk, first, (uint32_t[]){7, 8}, 10));
	assert_true(appends(chunk, schema, "~|three|~|-3", (uint32_t[]){9}, 12));
	assert_true(appends(chunk, schema, "4||true|4", (uint32_t[]){7}, 12)); // of the same commit
	chunk_is(chunk, 9, "");
	chunk_is(chunk, 10, "1|one|true|1.5\n2|~|false|~\n");
	chunk_is(chunk, 11, "1|one|true|1.5\n2|~|false|~\n");
	chunk_is(chunk, 12, "1|one|true|1.5\n2|~|false|~\n~|three|~|-3\n4||true|4\n");
	chunk_is(chunk, UINT64_MAX, "1|one|true|1.5\n2|~|false|~\n~|three|~|-3\n4||true|4\n");
	assert_memory_equal(chunk_ids(chunk), ((uint32_t[]){7, 8, 9, 7}), 16);
	assert_true(chunk_bytes(chunk) >= 4096);
	batch_unref(first);
	chunk_free(chunk);
}

static void
what_does_not_fit_changes_nothing(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("n", TYPE_INT64));
	Batch *like = batch_of(schema, "1\n2\n3");
	Chunk *chunk = chunk_like(like, 0, false); // room for just what it was made for
	assert_false(chunk_append(chunk, like, (uint32_t[]){1, 2, 3}, 1)); // it has no ids
	assert_true(chunk_append(chunk, like, NULL, 1));
	assert_false(appends(chunk, schema, "4", NULL, 2));
	chunk_is(chunk, UINT64_MAX, "1\n2\n3\n");
	assert_null(chunk_ids(chunk));
	chunk_free(chunk);

	chunk = chunk_like(like, 16 * 10, true);
	assert_false(chunk_append(chunk, like, NULL, 1));
	int64_t rows = 0;
	while (appends(chunk, schema, "5", (uint32_t[]){0}, (uint64_t)rows + 1))
		rows++;
	assert_int_equal(rows, batch_rows(chunk_batch(chunk)) - 1);
	assert_true(rows >= 10);
	chunk_free(chunk);
	batch_unref(like);
}

static void
text_may_be_longer_than_the_first(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("s", TYPE_UTF8), field_of("n", TYPE_INT8));
	Batch *like = batch_of(schema, "ab|1");
	Chunk *chunk = chunk_like(like, 2000, false);
	char longer[400];
	memset(longer, 'x', sizeof(longer));
	memcpy(longer + 200, "|2", 3);
	Buf expected = BUF_INIT;
	uint64_t seq = 0;
	bool last = false;
	while (appends(chunk, schema, longer, NULL, ++seq))
		buf_add_printf(&expected, "%s\n", longer);
	assert_true(seq > 2); // some room beyond what rows like the first need
	chunk_is(chunk, UINT64_MAX, buf_text(&expected));
	last = appends(chunk, schema, "|3", NULL, seq); // a short one still fits
	assert_true(last);
	buf_add_text(&expected, "|3\n");
	chunk_is(chunk, UINT64_MAX, buf_text(&expected));
	buf_close(&expected);
	batch_unref(like);
	chunk_free(chunk);
}

static void
single_rows_use_the_room_they_get(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("n", TYPE_INT64));
	Batch *one = batch_of(schema, "1");
	Chunk *chunk = chunk_like(one, 1 << 20, true);
	int64_t rows = 0;
	while (chunk_append(chunk, one, (uint32_t[]){1}, (uint64_t)rows + 1))
		rows++;
	assert_int_equal(rows, batch_rows(chunk_batch(chunk)) - 1);
	uint64_t max_seq;
	for (uint64_t seq = 1; seq <= (uint64_t)rows; seq += 97)
		assert_int_equal(chunk_rows(chunk, seq, &max_seq), seq);
	batch_unref(one);
	chunk_free(chunk);
}

static void
only_flat_columns_are_held(void **state)
{
	(void)state;
	Field item = field_of("item", TYPE_INT8);
	Field list = field_of("l", TYPE_LIST);
	list.children = &item;
	list.child_count = 1;
	struct {
		Schema *schema;
		bool held;
	} cases[] = {
		{SCHEMA(field_of("a", TYPE_INT8), field_of("b", TYPE_BINARY)), true},
		{SCHEMA(field_of("a", TYPE_DECIMAL128)), true},
		{SCHEMA(field_of("a", TYPE_INT8), list), false},
		{SCHEMA(field_of("a", TYPE_NULL)), false},
		{SCHEMA(field_of("a", TYPE_UTF8_VIEW)), false},
		{SCHEMA(field_of("a", TYPE_LARGE_UTF8)), false},
		{schema_from(NULL, 0), false},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(chunk_can_hold(cases[i].schema), cases[i].held);
		schema_unref(cases[i].schema);
	}
}

static void
without_memory_there_is_none(void **state)
{
	(void)state;
	TableDef *def = host_table();
	Batch *like = host_batch(table_schema(def), 0, 3, 3);
	long live = mem_live();
	bool failed = true;
	for (long nth = 0; failed; nth++) {
		fault_arm(nth);
		Chunk *chunk = chunk_new(table_schema(def), like, 4096, true, NULL);
		failed = fault_disarm();
		assert_int_equal(chunk == NULL, failed);
		chunk_free(chunk);
		assert_int_equal(mem_live(), live);
	}
	batch_unref(like);
	table_def_unref(def);
}

static void
a_reader_keeps_the_rows(void **state)
{
	(void)state;
	SCOPED(schema_drop) Schema *schema = SCHEMA(field_of("n", TYPE_INT64));
	Batch *like = batch_of(schema, "1\n~");
	Chunk *chunk = chunk_like(like, 4096, false);
	assert_true(chunk_append(chunk, like, NULL, 1));
	Batch *head = NULL;
	Error err = ERROR_INIT;
	ok(batch_head(chunk_batch(chunk), 2, &head, &err), &err);
	chunk_free(chunk);
	batch_is(head, "1\n~\n");
	batch_unref(head);
	batch_unref(like);
}

// ---- threads ----

enum { ROWS = 20000, READERS = 2 };

typedef struct Shared {
	Chunk *chunk;
	Schema *schema;
	atomic_bool done;
} Shared;

// Row i: i, "row i", true for odd i, NULL for every fifth.
static Batch *
rows_from(Schema *schema, int64_t from, int64_t to)
{
	Builder *builder = NULL;
	Batch *batch = NULL;
	Error err = ERROR_INIT;
	ok(builder_new(schema, &builder, &err), &err);
	for (int64_t i = from; i < to; i++) {
		char text[32];
		snprintf(text, sizeof(text), "row %" PRId64, i);
		column_add_int(builder_column(builder, 0), i);
		column_add_text(builder_column(builder, 1), text);
		column_add_bool(builder_column(builder, 2), i % 2 == 1);
		if (i % 5 == 4)
			column_add_null(builder_column(builder, 3));
		else
			column_add_int(builder_column(builder, 3), -i);
	}
	ok(builder_finish(builder, 0, &batch, &err), &err);
	builder_free(builder);
	return batch;
}

static void
run_appender(void *arg)
{
	Shared *shared = arg;
	int64_t at = 0;
	for (uint64_t seq = 1; at < ROWS; seq++) {
		int64_t to = at + 1 + (int64_t)(seq * 7 % 11);
		Batch *batch = rows_from(shared->schema, at, to < ROWS ? to : ROWS);
		uint32_t ids[16];
		for (int64_t i = 0; i < batch_rows(batch); i++)
			ids[i] = (uint32_t)(at + i);
		at += batch_rows(batch);
		assert_true(chunk_append(shared->chunk, batch, ids, seq));
		batch_unref(batch);
	}
	atomic_store(&shared->done, true);
}

// As scans read bits that share a byte with rows still to come.
static bool
bit_at(const uint8_t *bits, int64_t i)
{
	return __atomic_load_n(bits + i / 8, __ATOMIC_RELAXED) >> (i % 8) & 1;
}

static void
check_row(const Batch *batch, const uint32_t *ids, int64_t i)
{
	const Column *text = batch_column(batch, 1), *flag = batch_column(batch, 2);
	const Column *sparse = batch_column(batch, 3);
	char expected[32];
	int len = snprintf(expected, sizeof(expected), "row %" PRId64, i);
	int32_t ends[2];
	memcpy(ends, text->offsets.data + 4 * i, sizeof(ends));
	assert_int_equal(int64_at(batch_column(batch, 0), i), i);
	assert_int_equal(ends[1] - ends[0], len);
	assert_memory_equal(text->values.data + ends[0], expected, (size_t)len);
	assert_int_equal(bit_at(flag->values.data, i), i % 2);
	assert_int_equal(bit_at(sparse->validity.data, i), i % 5 != 4);
	if (i % 5 != 4)
		assert_int_equal(int64_at(sparse, i), -i);
	assert_int_equal(ids[i], i);
}

static void
run_reader(void *arg)
{
	Shared *shared = arg;
	int64_t seen = 0;
	for (bool done = false; !done;) {
		done = atomic_load(&shared->done);
		uint64_t max_seq;
		int64_t rows = chunk_rows(shared->chunk, UINT64_MAX, &max_seq);
		assert_true(rows >= seen);
		for (int64_t i = seen; i < rows; i++)
			check_row(chunk_batch(shared->chunk), chunk_ids(shared->chunk), i);
		seen = rows;
	}
	assert_int_equal(seen, ROWS);
}

static void
readers_see_whole_rows_while_one_appends(void **state)
{
	(void)state;
	Shared shared = {.schema = SCHEMA(field_of("n", TYPE_INT64), field_of("s", TYPE_UTF8),
									  field_of("b", TYPE_BOOL), field_of("x", TYPE_INT64))};
	Batch *like = rows_from(shared.schema, 10000, 10010);
	shared.chunk = chunk_like(like, 2 << 20, true);
	Thread *threads[READERS + 1];
	Error err = ERROR_INIT;
	for (int i = 0; i <= READERS; i++)
		ok(thread_start(&(ThreadOptions){.name = "chunk"}, i == 0 ? run_appender : run_reader,
						&shared, &threads[i], &err),
		   &err);
	for (int i = 0; i <= READERS; i++)
		thread_join(threads[i]);
	batch_unref(like);
	chunk_free(shared.chunk);
	schema_unref(shared.schema);
	assert_int_equal(mem_live(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_reader_sees_the_rows_up_to_its_seq),
		cmocka_unit_test(what_does_not_fit_changes_nothing),
		cmocka_unit_test(text_may_be_longer_than_the_first),
		cmocka_unit_test(single_rows_use_the_room_they_get),
		cmocka_unit_test(only_flat_columns_are_held),
		cmocka_unit_test(without_memory_there_is_none),
		cmocka_unit_test(a_reader_keeps_the_rows),
		cmocka_unit_test(readers_see_whole_rows_while_one_appends),
	};
	return RUN(tests);
}
