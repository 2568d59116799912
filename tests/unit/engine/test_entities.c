// mobius.h: entities by id, in memory and in files, against a model and against SQL.

#include "support.h"

static void
database_drop(mobius_database **database)
{
	mobius_database_close(*database);
}

static void
collection_drop(mobius_collection **collection)
{
	mobius_collection_close(*collection);
}

static void
segment_handle_drop(mobius_segment **segment)
{
	mobius_segment_close(*segment);
}

// ---- a collection of id, name, load, n, at, on ----

enum { ID, NAME, LOAD, N, AT, ON, COLUMNS };

static mobius_status
try_entities(mobius *db, const char *name, const char *const *options, mobius_collection **out,
			 mobius_error *err)
{
	SCOPED(schema_drop) Schema *schema = NULL;
	SCOPED(database_drop) mobius_database *database = NULL;
	struct ArrowSchema arrow = {0};
	Error e = ERROR_INIT;
	ok(schema_of(&schema, &e, 6, "id", TYPE_INT64, true, "name", TYPE_UTF8, true, "load",
				 TYPE_FLOAT64, true, "n", TYPE_INT32, true, "at", TYPE_TIMESTAMP, true, "on",
				 TYPE_BOOL, true),
	   &e);
	ok(cdata_export_schema(schema, &arrow, &e), &e);
	fine(mobius_database_open(db, "mobius", &database, err), err);
	return mobius_create_collection(database, name, &arrow, options, out, err);
}

static mobius_collection *
entities_of(mobius *db, const char *name)
{
	mobius_collection *collection = NULL;
	mobius_error err = {0};
	fine(try_entities(db, name, SETTINGS("key=id"), &collection, &err), &err);
	return collection;
}

static mobius_collection *
open_again(mobius *db, const char *name)
{
	SCOPED(database_drop) mobius_database *database = NULL;
	mobius_collection *collection = NULL;
	mobius_error err = {0};
	fine(mobius_database_open(db, "mobius", &database, &err), &err);
	fine(mobius_collection_open(database, name, &collection, &err), &err);
	return collection;
}

#define FIELDS(...)                                                                                \
	(mobius_field[]){__VA_ARGS__}, sizeof((mobius_field[]){__VA_ARGS__}) / sizeof(mobius_field)

static int64_t
insert_n(mobius_collection *collection, int32_t n)
{
	int64_t id = -1;
	mobius_error err = {0};
	fine(mobius_collection_insert(collection, FIELDS({"n", mobius_int(n)}), &id, &err), &err);
	return id;
}

// ---- what is got ----

static const void *
values_at(const struct ArrowArray *row, int column)
{
	return row->children[column]->buffers[1];
}

static bool
is_set(const struct ArrowArray *row, int column)
{
	const struct ArrowArray *c = row->children[column];
	return c->null_count == 0 || c->buffers[0] == NULL || (((const uint8_t *)c->buffers[0])[0] & 1);
}

// "id|name|load|n|at|on"
static void
row_text(const struct ArrowArray *row, char *out, size_t size)
{
	assert_int_equal(row->length, 1);
	assert_int_equal(row->n_children, COLUMNS);
	const int32_t *ends = values_at(row, NAME);
	char name[64] = "~", load[32] = "~", n[16] = "~", at[32] = "~";
	if (is_set(row, NAME))
		snprintf(name, sizeof(name), "%.*s", (int)(ends[1] - ends[0]),
				 (const char *)row->children[NAME]->buffers[2] + ends[0]);
	if (is_set(row, LOAD))
		snprintf(load, sizeof(load), "%g", *(const double *)values_at(row, LOAD));
	if (is_set(row, N))
		snprintf(n, sizeof(n), "%d", *(const int32_t *)values_at(row, N));
	if (is_set(row, AT))
		snprintf(at, sizeof(at), "%" PRId64, *(const int64_t *)values_at(row, AT));
	bool on = is_set(row, ON) && (*(const uint8_t *)values_at(row, ON) & 1);
	snprintf(out, size, "%" PRId64 "|%s|%s|%s|%s|%s", *(const int64_t *)values_at(row, ID), name,
			 load, n, at,
			 !is_set(row, ON) ? "~"
			 : on             ? "true"
							  : "false");
}

static void
entity_is(mobius_collection *collection, int64_t id, const char *expected)
{
	struct ArrowArray row = {0};
	struct ArrowSchema schema = {0};
	mobius_error err = {0};
	bool there = false;
	mobius_status st = mobius_collection_get(collection, id, &schema, &row, &err);
	fine(mobius_collection_contains(collection, id, &there, &err), &err);
	assert_int_equal(there, expected != NULL);
	if (expected == NULL) {
		assert_int_equal(st, MOBIUS_NOT_FOUND);
		says(err.text, "no entity");
		assert_null(row.release);
		assert_null(schema.release);
		return;
	}
	fine(st, &err);
	char text[200];
	row_text(&row, text, sizeof(text));
	assert_string_equal(text, expected);
	assert_string_equal(schema.format, "+s");
	assert_string_equal(schema.children[AT]->format, "tsn:");
	row.release(&row);
	schema.release(&schema);
}

static void
entities_are_inserted_got_updated_and_removed(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	mobius_error err = {0};
	int64_t id = 0, next = 0;
	fine(mobius_collection_next_id(t, &next, &err), &err);
	assert_int_equal(next, 1);
	fine(
		mobius_collection_insert(t,
								 FIELDS({"name", mobius_text("pump")}, {"load", mobius_double(0.5)},
										{"at", mobius_int(1234)}, {"on", mobius_bool(true)}),
								 &id, &err),
		&err);
	assert_int_equal(id, 1);
	fine(mobius_collection_insert(t, NULL, 0, &id, &err), &err);
	assert_int_equal(id, 2);
	fine(mobius_collection_insert(t, FIELDS({"id", mobius_int(9)}, {"n", mobius_int(-3)}), &id,
								  &err),
		 &err);
	assert_int_equal(id, 9);
	for (int life = 0; life < 3; life++) {
		entity_is(t, 1, "1|pump|0.5|~|1234|true");
		entity_is(t, 2, "2|~|~|~|~|~");
		entity_is(t, 9, "9|~|~|-3|~|~");
		entity_is(t, 5, NULL);
		entity_is(t, 10, NULL);
		entity_is(t, 0, NULL);
		entity_is(t, -1, NULL);
		if (life == 0)
			(void)number(db, "FLUSH");
		if (life == 1) { // the next start
			mobius_collection_close(t);
			mobius_close(db);
			db = db_open(dir.path, NULL);
			t = open_again(db, "t");
		}
	}
	fine(mobius_collection_update(
			 t, 1,
			 FIELDS({"n", mobius_int(7)}, {"name", mobius_text(NULL)}, {"on", mobius_bool(false)}),
			 &err),
		 &err);
	entity_is(t, 1, "1|~|0.5|7|1234|false");
	fine(mobius_collection_remove(t, 2, &err), &err);
	entity_is(t, 2, NULL);
	assert_int_equal(mobius_collection_remove(t, 2, &err), MOBIUS_NOT_FOUND);
	assert_int_equal(mobius_collection_update(t, 2, FIELDS({"n", mobius_int(1)}), &err),
					 MOBIUS_NOT_FOUND);
	says(err.text, "no entity 2");
	(void)number(db, "FLUSH");
	entity_is(t, 1, "1|~|0.5|7|1234|false");
	entity_is(t, 2, NULL);
	fine(mobius_collection_insert(t, FIELDS({"id", mobius_int(2)}, {"n", mobius_int(4)}), NULL,
								  &err),
		 &err);
	entity_is(t, 2, "2|~|~|4|~|~");
	assert_int_equal(insert_n(t, 1), 10);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 4);
}

static void
what_cannot_be_says_why(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	SCOPED(collection_drop) mobius_collection *plain = NULL;
	mobius_error err = {0};
	struct ArrowArray row = {0};
	bool there;
	int64_t id = 77;
	fine(try_entities(db, "plain", SETTINGS("tags="), &plain, &err), &err);
	assert_int_equal(mobius_collection_get(plain, 1, NULL, &row, &err), MOBIUS_INVALID);
	says(err.text, "key=id");
	assert_int_equal(mobius_collection_contains(plain, 1, &there, &err), MOBIUS_INVALID);
	assert_int_equal(mobius_collection_insert(plain, NULL, 0, &id, &err), MOBIUS_INVALID);
	assert_int_equal(mobius_collection_update(plain, 1, NULL, 0, &err), MOBIUS_INVALID);
	assert_int_equal(mobius_collection_remove(plain, 1, &err), MOBIUS_INVALID);
	assert_int_equal(mobius_collection_next_id(plain, &id, &err), MOBIUS_INVALID);

	insert_n(t, 1);
	assert_int_equal(mobius_collection_insert(t, FIELDS({"m", mobius_int(1)}), &id, &err),
					 MOBIUS_INVALID);
	says(err.text, "\"m\"");
	assert_int_equal(mobius_collection_insert(t, FIELDS({NULL, mobius_int(1)}), &id, &err),
					 MOBIUS_INVALID);
	assert_int_equal(mobius_collection_insert(t, FIELDS({"n", mobius_text("x")}), &id, &err),
					 MOBIUS_INVALID);
	says(err.text, "\"n\"");
	assert_int_equal(
		mobius_collection_insert(t, FIELDS({"n", mobius_int(1)}, {"n", mobius_int(2)}), &id, &err),
		MOBIUS_INVALID);
	says(err.text, "twice");
	assert_int_equal(mobius_collection_insert(t, FIELDS({"id", mobius_int(0)}), &id, &err),
					 MOBIUS_INVALID);
	assert_int_equal(mobius_collection_update(t, 1, FIELDS({"id", mobius_int(2)}), &err),
					 MOBIUS_INVALID);
	says(err.text, "key");
	assert_int_equal(mobius_collection_update(t, 1, FIELDS({"n", mobius_int(1LL << 40)}), &err),
					 MOBIUS_INVALID);
	assert_int_equal(id, 77);
	assert_int_equal(mobius_collection_insert(t, FIELDS({"id", mobius_int(INT64_MAX)}), &id, &err),
					 MOBIUS_INVALID);
	says(err.text, "\"id\" of table \"t\" is 9223372036854775807: ids up to 4611686018427387904");
	assert_int_equal(
		mobius_collection_insert(t, FIELDS({"id", mobius_int((1LL << 62) + 1)}), &id, &err),
		MOBIUS_INVALID);
	fine(mobius_collection_insert(t, FIELDS({"id", mobius_int(1LL << 62)}), &id, &err), &err);
	fine(mobius_collection_insert(t, NULL, 0, &id, &err), &err);
	assert_int_equal(id, (1LL << 62) + 1);
	fine(mobius_collection_update(t, id, FIELDS({"n", mobius_int(1)}), &err), &err);

	(void)number(db, "DROP TABLE t");
	assert_int_equal(mobius_collection_get(t, 1, NULL, &row, &err), MOBIUS_NOT_FOUND);
	says(err.text, "dropped");
	assert_null(row.release);
}

static void
the_key_may_be_left_out_everywhere(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	mobius_error err = {0};
	(void)number(db, "CREATE TABLE t (n BIGINT) WITH (key = 'id')");
	SCOPED(collection_drop) mobius_collection *t = open_again(db, "t");
	int64_t id = 0;
	fine(mobius_collection_insert(t, FIELDS({"n", mobius_int(5)}), &id, &err), &err);
	assert_int_equal(id, 1);
	fine(mobius_collection_insert(t, NULL, 0, &id, &err), &err);
	assert_int_equal(id, 2);
	mobius_writer *writer = NULL;
	fine(mobius_writer_open(t, NULL, &writer, &err), &err);
	int32_t n = mobius_writer_column(writer, "n");
	for (int i = 0; i < 3; i++) {
		fine(mobius_writer_set(writer, n, mobius_int(i), &err), &err);
		fine(mobius_writer_end_row(writer, &err), &err);
	}
	fine(mobius_writer_flush(writer, &err), &err);
	mobius_writer_close(writer);
	fine(mobius_collection_update(t, 4, FIELDS({"n", mobius_int(9)}), &err), &err);
	fine(mobius_collection_next_id(t, &id, &err), &err);
	assert_int_equal(id, 6);
	assert_int_equal(number(db, "SELECT n FROM t WHERE id = 4"), 9);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 5);
}

static void
columns_come_and_go(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	insert_n(t, 7);
	insert_n(t, 8);
	(void)number(db, "FLUSH t");
	(void)number(db, "ALTER TABLE t RENAME COLUMN n TO m");
	(void)number(db, "ALTER TABLE t DROP COLUMN load");
	(void)number(db, "ALTER TABLE t ADD COLUMN more DOUBLE");
	mobius_error err = {0};
	fine(mobius_collection_update(t, 2, FIELDS({"more", mobius_double(0.5)}), &err), &err);
	for (int64_t id = 1; id <= 2; id++) {
		struct ArrowSchema schema;
		struct ArrowArray row;
		fine(mobius_collection_get(t, id, &schema, &row, &err), &err);
		assert_int_equal(row.n_children, 6);
		assert_string_equal(schema.children[2]->name, "m");
		assert_int_equal(((const int32_t *)row.children[2]->buffers[1])[0], 6 + id);
		assert_string_equal(schema.children[5]->name, "more");
		assert_int_equal(row.children[5]->null_count, id == 1);
		row.release(&row);
		schema.release(&schema);
	}
}

static void
an_append_tells_the_first_id(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	SCOPED(schema_drop) Schema *schema = NULL;
	Error e = ERROR_INIT;
	ok(schema_of(&schema, &e, 1, "n", TYPE_INT32, true), &e);
	for (int64_t i = 0; i < 3; i++) {
		SCOPED(builder_drop) Builder *builder = NULL;
		SCOPED(batch_drop) Batch *batch = NULL;
		struct ArrowSchema c_schema = {0};
		struct ArrowArray array = {0};
		ok(builder_new(schema, &builder, &e), &e);
		for (int64_t row = 0; row < 5; row++)
			column_add_int(builder_column(builder, 0), row);
		ok(builder_finish(builder, 5, &batch, &e), &e);
		ok(cdata_export_schema(schema, &c_schema, &e), &e);
		ok(cdata_export_batch(batch, &array, &e), &e);
		uint64_t seq = 0;
		int64_t first = 0;
		mobius_error err = {0};
		fine(mobius_collection_append_ids(t, &c_schema, &array, &seq, &first, &err), &err);
		assert_int_equal(first, 5 * i + 1);
		assert_true(seq > 0);
	}
	entity_is(t, 13, "13|~|~|2|~|~");
}

static void
an_append_of_expired_rows_gives_no_ids(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = db_open(":memory:", NULL);
	SCOPED(database_drop) mobius_database *database = NULL;
	SCOPED(collection_drop) mobius_collection *t = NULL;
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 3); // of 1970
	struct ArrowSchema c_schema = {0};
	struct ArrowArray array = {0};
	mobius_error err = {0};
	Error e = ERROR_INIT;
	fine(mobius_database_open(db, "mobius", &database, &err), &err);
	ok(cdata_export_schema(schema, &c_schema, &e), &e);
	fine(mobius_create_collection(database, "t", &c_schema, SETTINGS("ttl=1d"), &t, &err), &err);
	ok(cdata_export_schema(schema, &c_schema, &e), &e);
	ok(cdata_export_batch(batch, &array, &e), &e);
	uint64_t seq = 0;
	int64_t first = 7;
	fine(mobius_collection_append_ids(t, &c_schema, &array, &seq, &first, &err), &err);
	assert_int_equal(first, 0);
}

// ---- segments ----

static void
a_segment_has_what_is_newest_in_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	SCOPED(segment_handle_drop) mobius_segment *first = NULL;
	SCOPED(segment_handle_drop) mobius_segment *second = NULL;
	mobius_error err = {0};
	struct ArrowArray row = {0};
	bool there = false;
	insert_n(t, 1);
	insert_n(t, 2);
	fine(mobius_segment_active(t, &first, &err), &err);
	fine(mobius_segment_seal(first, &err), &err);
	fine(mobius_collection_update(t, 2, FIELDS({"n", mobius_int(3)}), &err), &err);
	fine(mobius_segment_active(t, &second, &err), &err);
	for (int life = 0; life < 2; life++) { // in memory, in files
		fine(mobius_segment_contains(first, 1, &there, &err), &err);
		assert_true(there);
		fine(mobius_segment_contains(first, 2, &there, &err), &err);
		assert_false(there);
		fine(mobius_segment_contains(second, 2, &there, &err), &err);
		assert_true(there);
		fine(mobius_segment_contains(second, 3, &there, &err), &err);
		assert_false(there);
		assert_int_equal(mobius_segment_get(first, 2, NULL, &row, &err), MOBIUS_NOT_FOUND);
		says(err.text, "segment");
		fine(mobius_segment_get(second, 2, NULL, &row, &err), &err);
		char text[100];
		row_text(&row, text, sizeof(text));
		assert_string_equal(text, "2|~|~|3|~|~");
		row.release(&row);
		(void)number(db, "FLUSH");
	}
	uint64_t seq;
	SCOPED(schema_drop) Schema *schema = rows_schema(false);
	struct ArrowSchema c_schema = {0};
	Error e = ERROR_INIT;
	ok(cdata_export_schema(schema, &c_schema, &e), &e);
	assert_int_equal(mobius_segment_append(second, &c_schema, &row, &seq, &err), MOBIUS_SEALED);
}

// ---- against a model ----

enum { IDS = 40 };

typedef struct Model {
	int32_t n[IDS + 1]; // 0: there is none
} Model;

static uint64_t
next_random(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return *random >> 33;
}

static void
agrees(mobius *db, mobius_collection *t, const Model *model, int64_t id)
{
	char row[64], sql[100];
	snprintf(row, sizeof(row), "%" PRId64 "|~|~|%d|~|~", id, model->n[id]);
	entity_is(t, id, model->n[id] != 0 ? row : NULL);
	snprintf(sql, sizeof(sql), "SELECT coalesce(sum(n), 0)::BIGINT FROM t WHERE id = %" PRId64, id);
	assert_int_equal(number(db, sql), model->n[id]);
}

static void
do_one(mobius *db, mobius_collection *t, Model *model, uint64_t *random, int32_t n)
{
	int64_t id = (int64_t)next_random(random) % IDS + 1;
	uint64_t what = next_random(random) % 100;
	mobius_error err = {0};
	bool there = model->n[id] != 0;
	char sql[100];
	if (what < 40) {
		fine(mobius_collection_insert(t, FIELDS({"id", mobius_int(id)}, {"n", mobius_int(n)}), NULL,
									  &err),
			 &err);
		model->n[id] = n;
	} else if (what < 65) {
		mobius_status st = mobius_collection_update(t, id, FIELDS({"n", mobius_int(n)}), &err);
		assert_int_equal(st, there ? MOBIUS_OK : MOBIUS_NOT_FOUND);
		model->n[id] = there ? n : 0;
	} else if (what < 80) {
		assert_int_equal(mobius_collection_remove(t, id, &err),
						 there ? MOBIUS_OK : MOBIUS_NOT_FOUND);
		model->n[id] = 0;
	} else if (what < 85) {
		snprintf(sql, sizeof(sql), "UPDATE t SET n = %d WHERE id = %" PRId64, n, id);
		assert_int_equal(number(db, sql), there);
		model->n[id] = there ? n : 0;
	} else if (what < 88) {
		snprintf(sql, sizeof(sql), "DELETE FROM t WHERE id = %" PRId64, id);
		assert_int_equal(number(db, sql), there);
		model->n[id] = 0;
	} else if (what < 89) {
		(void)number(db, "TRUNCATE t");
		*model = (Model){0};
	} else if (what < 94) {
		(void)number(db, "FLUSH t");
	} else if (what < 97) {
		SCOPED(segment_handle_drop) mobius_segment *growing = NULL;
		if (mobius_segment_active(t, &growing, &err) == MOBIUS_OK)
			(void)mobius_segment_seal(growing, &err);
	}
	agrees(db, t, model, id);
}

static void
it_is_as_a_model_has_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	Model model = {0};
	uint64_t random = 7;
	int32_t n = 0;
	for (int life = 0; life < 3; life++) {
		// With copies of the rows of files in memory, and without.
		const char *cache = life == 1 ? "cache.columns=0" : "cache.columns=8MiB";
		SCOPED(db_drop) mobius *db = db_open(dir.path, SETTINGS("compaction.files=2", cache));
		SCOPED(collection_drop)
		mobius_collection *t = life == 0 ? entities_of(db, "t") : open_again(db, "t");
		for (int64_t id = 1; id <= IDS; id++)
			agrees(db, t, &model, id);
		for (int step = 0; step < 120; step++)
			do_one(db, t, &model, &random, ++n);
		if (life == 1)
			(void)number(db, "COMPACT t");
		for (int64_t id = 1; id <= IDS; id++)
			agrees(db, t, &model, id);
	}
}

// ---- faults ----

typedef struct Life {
	Dir dir;
	mobius *db;
	mobius_collection *t;
} Life;

static void
life_begin(Life *life)
{
	*life = (Life){.dir = dir_new()};
	life->db = db_open(life->dir.path, NULL);
	life->t = entities_of(life->db, "t");
	insert_n(life->t, 1);
	insert_n(life->t, 2);
	(void)number(life->db, "FLUSH t");
	insert_n(life->t, 3);
}

static void
life_end(Life *life)
{
	mobius_collection_close(life->t);
	mobius_close(life->db);
	dir_drop(&life->dir);
}

// After a sync has failed only a start helps.
static void
life_goes_on(Life *life, mobius_status st)
{
	if (st != MOBIUS_UNAVAILABLE)
		return;
	mobius_collection_close(life->t);
	mobius_close(life->db);
	life->db = db_open(life->dir.path, NULL);
	life->t = open_again(life->db, "t");
}

static void
a_get_that_fails_leaves_nothing(void **state)
{
	(void)state;
	Life life;
	life_begin(&life);
	for (long nth = 0; nth < 400; nth++) {
		struct ArrowArray row = {0};
		int64_t id = nth % 2 == 0 ? 3 : 1; // in a segment, in a file
		mobius_error err = {0};
		fault_arm(nth / 2);
		mobius_status st = mobius_collection_get(life.t, id, NULL, &row, &err);
		bool hit = fault_disarm();
		if (st == MOBIUS_OK)
			row.release(&row);
		else if (!hit)
			fail_msg("%s: %s", status_name((Status)st), err.text);
	}
	life_end(&life);
}

// Whether the entity is there, and its n, are as told, or, after a failure, as one of the two.
static void
is_either(Life *life, mobius_status st, int64_t id, int32_t before, int32_t after, int32_t *now)
{
	struct ArrowArray row = {0};
	mobius_error err = {0};
	life_goes_on(life, st);
	mobius_status got = mobius_collection_get(life->t, id, NULL, &row, &err);
	assert_true(got == MOBIUS_OK || got == MOBIUS_NOT_FOUND);
	*now = got == MOBIUS_OK ? *(const int32_t *)values_at(&row, N) : 0;
	if (got == MOBIUS_OK)
		row.release(&row);
	assert_true(*now == after || (st != MOBIUS_OK && *now == before));
}

static void
a_change_that_fails_changes_nothing_or_all(void **state)
{
	(void)state;
	Life life;
	mobius_error err = {0};
	life_begin(&life);
	int32_t n[2] = {1, 3}, gone;
	for (long nth = 0; nth < 120; nth += 3) {
		for (int i = 0; i < 2; i++) {
			fault_arm(nth);
			mobius_status st = mobius_collection_update(life.t, 1 + 2 * i,
														FIELDS({"n", mobius_int(n[i] + 1)}), &err);
			(void)fault_disarm();
			is_either(&life, st, 1 + 2 * i, n[i], n[i] + 1, &n[i]);
		}
		int64_t id = 1000 + nth;
		fault_arm(nth);
		mobius_status st = mobius_collection_insert(
			life.t, FIELDS({"id", mobius_int(id)}, {"n", mobius_int(5)}), NULL, &err);
		(void)fault_disarm();
		is_either(&life, st, id, 0, 5, &gone);
		fault_arm(nth);
		st = mobius_collection_remove(life.t, id, &err);
		(void)fault_disarm();
		is_either(&life, gone == 0 ? MOBIUS_OK : st, id, 5, 0, &gone);
	}
	life_end(&life);
}

// ---- threads ----

enum { WRITERS = 3, ADDS = 60 };

typedef struct Shared {
	mobius *db;
	mobius_collection *t;
	atomic_int writing;
} Shared;

static int32_t
n_of(mobius_collection *t, int64_t id)
{
	struct ArrowArray row;
	mobius_error err = {0};
	fine(mobius_collection_get(t, id, NULL, &row, &err), &err);
	int32_t n = *(const int32_t *)values_at(&row, N);
	row.release(&row);
	return n;
}

// Adds to one counter as everybody does, by reading it: what one has written is above what it read.
static void
raise_counters(void *arg)
{
	Shared *shared = arg;
	for (int i = 0; i < ADDS; i++) {
		mobius_error err = {0};
		int64_t own = 0;
		fine(mobius_collection_insert(shared->t, FIELDS({"n", mobius_int(i)}), &own, &err), &err);
		assert_int_equal(n_of(shared->t, own), i);
		fine(mobius_collection_update(shared->t, own, FIELDS({"n", mobius_int(i + 1)}), &err),
			 &err);
		assert_int_equal(n_of(shared->t, own), i + 1);
		fine(mobius_collection_update(shared->t, 1, FIELDS({"load", mobius_double(i)}), &err),
			 &err);
		if (i % 3 == 0) {
			fine(mobius_collection_remove(shared->t, own, &err), &err);
			bool there = true;
			fine(mobius_collection_contains(shared->t, own, &there, &err), &err);
			assert_false(there);
		}
	}
	atomic_fetch_sub(&shared->writing, 1);
}

static void
flush_now_and_then(void *arg)
{
	Shared *shared = arg;
	while (atomic_load(&shared->writing) > 0) {
		(void)number(shared->db, "FLUSH t");
		assert_int_equal(n_of(shared->t, 1), 42); // which nobody changes
	}
}

static void
everybody_sees_what_he_has_written(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, SETTINGS("compaction.files=3"));
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	Shared shared = {.db = db, .t = t, .writing = WRITERS};
	Thread *threads[WRITERS + 1];
	Error e = ERROR_INIT;
	assert_int_equal(insert_n(t, 42), 1);
	for (int i = 0; i <= WRITERS; i++)
		ok(thread_start(&(ThreadOptions){.name = "entities", .stack_bytes = 1 << 20},
						i < WRITERS ? raise_counters : flush_now_and_then, &shared, &threads[i],
						&e),
		   &e);
	for (int i = 0; i <= WRITERS; i++)
		thread_join(threads[i]);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 1 + WRITERS * (ADDS - ADDS / 3));
}

// ---- updates beside each other, and beside puts ----

enum { CHANGES = 80 };

static void
set_load(void *arg)
{
	Shared *shared = arg;
	for (int i = 1; i <= CHANGES; i++) {
		mobius_error err = {0};
		fine(mobius_collection_update(shared->t, 1, FIELDS({"load", mobius_double(i)}), &err),
			 &err);
		fine(mobius_collection_update(shared->t, 2, FIELDS({"load", mobius_double(i)}), &err),
			 &err);
	}
}

static void
set_name(void *arg)
{
	Shared *shared = arg;
	for (int i = 1; i <= CHANGES; i++) {
		char name[16];
		mobius_error err = {0};
		snprintf(name, sizeof(name), "name %d", i);
		fine(mobius_collection_update(shared->t, 1, FIELDS({"name", mobius_text(name)}), &err),
			 &err);
	}
}

static void
put_whole(void *arg)
{
	Shared *shared = arg;
	for (int i = 1; i <= CHANGES; i++) {
		mobius_error err = {0};
		fine(mobius_collection_insert(
				 shared->t, FIELDS({"id", mobius_int(2)}, {"n", mobius_int(i)}), NULL, &err),
			 &err);
	}
}

static void
no_update_undoes_what_came_before_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	Shared shared = {.db = db, .t = t};
	void (*const runs[])(void *) = {set_load, set_name, put_whole};
	Thread *threads[COUNT_OF(runs)];
	Error e = ERROR_INIT;
	insert_n(t, 7);
	insert_n(t, 0);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		ok(thread_start(&(ThreadOptions){.name = "entities", .stack_bytes = 1 << 20}, runs[i],
						&shared, &threads[i], &e),
		   &e);
	for (size_t i = 0; i < COUNT_OF(runs); i++)
		thread_join(threads[i]);
	char expected[64];
	snprintf(expected, sizeof(expected), "1|name %d|%d|7|~|~", CHANGES, CHANGES);
	entity_is(t, 1, expected);
	assert_int_equal(n_of(t, 2), CHANGES);
}

static void
in_memory_it_is_the_same(void **state)
{
	(void)state;
	SCOPED(db_drop) mobius *db = db_open(":memory:", NULL);
	SCOPED(collection_drop) mobius_collection *t = entities_of(db, "t");
	Model model = {0};
	uint64_t random = 11;
	for (int32_t n = 1; n <= 150; n++)
		do_one(db, t, &model, &random, n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(entities_are_inserted_got_updated_and_removed),
		TEST(what_cannot_be_says_why),
		TEST(the_key_may_be_left_out_everywhere),
		TEST(columns_come_and_go),
		TEST(an_append_tells_the_first_id),
		TEST(an_append_of_expired_rows_gives_no_ids),
		TEST(a_segment_has_what_is_newest_in_it),
		TEST(it_is_as_a_model_has_it),
		TEST(a_get_that_fails_leaves_nothing),
		TEST(a_change_that_fails_changes_nothing_or_all),
		TEST(everybody_sees_what_he_has_written),
		TEST(no_update_undoes_what_came_before_it),
		TEST(in_memory_it_is_the_same),
	};
	return RUN(tests);
}
