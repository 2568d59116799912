// mobius.h: databases and collections as objects, and queries without SQL.

#include <math.h>

#include "objects.h"

typedef struct Names {
	char text[200];
	int left; // so many are taken before it is enough
} Names;

static mobius_status
add_name(void *arg, const char *name)
{
	Names *names = arg;
	if (names->left-- == 0)
		return MOBIUS_CANCELLED;
	strcat(strcat(names->text, name), " ");
	return MOBIUS_OK;
}

// ---- databases ----

static void
databases_are_made_listed_and_dropped_with_what_they_have(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	mobius_error err = {0};
	fine(mobius_create_database(db, "plant", &err), &err);
	assert_int_equal(mobius_create_database(db, "plant", &err), MOBIUS_EXISTS);
	says(err.text, "plant");
	assert_int_equal(mobius_create_database(db, "a b", &err), MOBIUS_INVALID);
	Names names = {.left = 9};
	fine(mobius_databases(db, add_name, &names, &err), &err);
	assert_string_equal(names.text, "mobius plant ");
	names = (Names){.left = 1};
	assert_int_equal(mobius_databases(db, add_name, &names, &err), MOBIUS_CANCELLED);
	says(err.text, "plant");

	SCOPED(database_drop) mobius_database *plant = database_of(db, "plant");
	assert_string_equal(mobius_database_name(plant), "plant");
	SCOPED(collection_drop) mobius_collection *t = NULL;
	fine(try_make(plant, "t", NULL, &t, &err), &err);
	add_rows(t, 0, 3);
	assert_int_equal(number(db, "SELECT count(*) FROM plant.htdb.t"), 3);
	fine(mobius_drop_database(db, "plant", &err), &err);
	int64_t rows = 7;
	assert_int_equal(mobius_collection_size(t, &rows, &err), MOBIUS_NOT_FOUND);
	assert_int_equal(rows, 7);
	assert_int_equal(mobius_collections(plant, add_name, &names, &err), MOBIUS_NOT_FOUND);
	assert_int_equal(mobius_drop_database(db, "plant", &err), MOBIUS_NOT_FOUND);
	assert_int_equal(mobius_drop_database(db, "mobius", &err), MOBIUS_INVALID);
}

// ---- collections ----

static void
collections_are_made_as_tables_are(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(database_drop) mobius_database *database = database_of(db, "mobius");
	SCOPED(collection_drop) mobius_collection *t = NULL;
	SCOPED(collection_drop) mobius_collection *again = NULL;
	mobius_error err = {0};
	fine(try_make(database, "t", SETTINGS("tags=host", "ttl=30d"), &t, &err), &err);
	assert_string_equal(mobius_collection_name(t), "t");
	assert_int_equal(
		number(db, "SELECT count(*) FROM system.columns WHERE \"table\" = 't' AND role = 'tag'"),
		1);
	static const struct {
		const char *name;
		const char *option;
		mobius_status code;
		const char *says;
	} cases[] = {
		{"t", NULL, MOBIUS_EXISTS, "\"t\""},
		{"1t", NULL, MOBIUS_INVALID, "1t"},
		{"u", "tag=host", MOBIUS_INVALID, "did you mean tags?"},
		{"u", "wings=2", MOBIUS_INVALID, "there are time, tags"},
		{"u", "tags", MOBIUS_INVALID, "key=value"},
		{"u", "ttl=0", MOBIUS_INVALID, "ttl"},
		{"u", "tags=nothing", MOBIUS_INVALID, "nothing"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(try_make(database, cases[i].name, SETTINGS(cases[i].option), &again, &err),
						 cases[i].code);
		says(err.text, cases[i].says);
		assert_null(again);
	}
	assert_int_equal(try_make(database, "u", SETTINGS("ttl=1d", "ttl=2d"), &again, &err),
					 MOBIUS_INVALID);
	says(err.text, "twice");
	Names names = {.left = 9};
	fine(mobius_collections(database, add_name, &names, &err), &err);
	assert_string_equal(names.text, "t ");
	fine(mobius_collection_open(database, "t", &again, &err), &err);
	assert_int_equal(mobius_collection_open(database, "T2", &again, &err), MOBIUS_NOT_FOUND);
}

static void
rows_of_a_collection_are_counted_and_its_columns_shown(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	assert_int_equal(size_of(t), 0);
	add_rows(t, 0, 10);
	assert_int_equal(number(db, "FLUSH t"), 0);
	add_rows(t, 10, 5);
	assert_int_equal(size_of(t), 15);
	struct ArrowSchema schema;
	mobius_error err = {0};
	fine(mobius_collection_clear(t, &err), &err);
	assert_int_equal(size_of(t), 0);
	add_rows(t, 15, 3);
	assert_int_equal(size_of(t), 3);
	fine(mobius_collection_schema(t, &schema, &err), &err);
	assert_int_equal(schema.n_children, 4);
	assert_string_equal(schema.children[2]->name, "v");
	schema.release(&schema);
	// Rows that are past their ttl are not seen: all of them are of 1970.
	assert_int_equal(number(db, "ALTER TABLE t SET (ttl = '30d')"), 0);
	assert_int_equal(size_of(t), 0);
}

static void
what_was_dropped_is_not_found_and_not_made_anew(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(database_drop) mobius_database *database = database_of(db, "mobius");
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	SCOPED(segment_handle_drop) mobius_segment *segment = NULL;
	mobius_error err = {0};
	add_rows(t, 0, 3);
	fine(mobius_segment_active(t, &segment, &err), &err);
	fine(mobius_drop_collection(database, "t", &err), &err);
	assert_int_equal(mobius_drop_collection(database, "t", &err), MOBIUS_NOT_FOUND);
	for (int made = 0; made < 2; made++) { // then there is another of its name
		struct ArrowSchema schema;
		struct ArrowArrayStream stream;
		assert_int_equal(try_append(append_to, t, 0, 3, &err), MOBIUS_NOT_FOUND);
		says(err.text, "\"t\" was dropped");
		assert_int_equal(mobius_collection_schema(t, &schema, &err), MOBIUS_NOT_FOUND);
		assert_int_equal(mobius_collection_query(t, NULL, &stream, &err), MOBIUS_NOT_FOUND);
		mobius_segment_info info;
		fine(mobius_segment_look(segment, &info, &err), &err);
		assert_int_equal(info.status, MOBIUS_SEGMENT_DROPPED);
		assert_int_equal(info.rows, 0);
		assert_int_equal(mobius_segment_remove(segment, &err), MOBIUS_NOT_FOUND);
		assert_int_equal(try_append(append_to_segment, segment, 0, 3, &err), MOBIUS_SEALED);
		assert_int_equal(number(db, "SELECT count(*) FROM system.tables"), made);
		if (made == 0)
			mobius_collection_close(collection_of(db, "t"));
	}
}

// ---- queries ----

static mobius_status
try_query(mobius_collection *collection, const mobius_query_options *options, int64_t *sum,
		  int64_t *count, mobius_error *err)
{
	struct ArrowArrayStream stream;
	mobius_status st = mobius_collection_query(collection, options, &stream, err);
	if (st != MOBIUS_OK)
		return st;
	*sum = *count = 0;
	for (;;) {
		struct ArrowArray array;
		if (stream.get_next(&stream, &array) != 0) {
			st = err->code = MOBIUS_IO;
			snprintf(err->text, sizeof(err->text), "%s", stream.get_last_error(&stream));
			break;
		}
		if (array.release == NULL)
			break;
		for (int64_t i = 0; i < array.length; i++)
			*sum = *sum % 10000 * 100 + ((const int64_t *)array.children[0]->buffers[1])[i];
		*count += array.length;
		array.release(&array);
	}
	stream.release(&stream);
	return st;
}

static const char *const V[] = {"v", NULL};

// How many rows a condition lets through.
static int64_t
matching(mobius_collection *collection, const mobius_condition *where)
{
	int64_t sum, count = -1;
	mobius_error err = {0};
	const mobius_query_options options = {.where = where, .columns = V};
	fine(try_query(collection, &options, &sum, &count, &err), &err);
	return count;
}

#define VALUES(...)                                                                                \
	.values = (const mobius_value[]){__VA_ARGS__},                                                 \
	.value_count = sizeof((const mobius_value[]){__VA_ARGS__}) / sizeof(mobius_value)
#define PARTS(...)                                                                                 \
	.parts = (const mobius_condition[]){__VA_ARGS__},                                              \
	.part_count = sizeof((const mobius_condition[]){__VA_ARGS__}) / sizeof(mobius_condition)

static void
conditions_choose_rows_of_all_segments(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	add_rows(t, 0, 10); // host h0 … h6, w = v / 2, time = v µs
	assert_int_equal(number(db, "FLUSH t"), 0);
	add_rows(t, 10, 10);
	assert_int_equal(number(db, "INSERT INTO t (time, v) VALUES ('1970-01-02', 20)"), 1);
	const struct {
		mobius_condition where;
		int64_t rows;
	} cases[] = {
		{{.op = MOBIUS_EQ, .column = "v", VALUES(mobius_int(13))}, 1},
		{{.op = MOBIUS_NE, .column = "v", VALUES(mobius_int(13))}, 20},
		{{.op = MOBIUS_LT, .column = "v", VALUES(mobius_int(INT64_MIN))}, 0},
		{{.op = MOBIUS_LE, .column = "v", VALUES(mobius_int(4))}, 5},
		{{.op = MOBIUS_GT, .column = "w", VALUES(mobius_double(9.25))}, 1},
		{{.op = MOBIUS_GE, .column = "w", VALUES(mobius_double(-INFINITY))}, 20},
		{{.op = MOBIUS_EQ, .column = "w", VALUES(mobius_double(NAN))}, 0},
		{{.op = MOBIUS_EQ, .column = "w", VALUES(mobius_double(-0.0))}, 1},
		{{.op = MOBIUS_EQ, .column = "host", VALUES(mobius_text("h2"))}, 3},
		{{.op = MOBIUS_EQ, .column = "host", VALUES(mobius_text("' OR 1=1 --"))}, 0},
		{{.op = MOBIUS_EQ, .column = "host", VALUES(mobius_text(NULL))}, 0},
		{{.op = MOBIUS_IS_NULL, .column = "host"}, 1},
		{{.op = MOBIUS_LT, .column = "time", VALUES(mobius_int(12000))}, 12},
		{{.op = MOBIUS_EQ, .column = "time", VALUES(mobius_int(12000))}, 1},
		{{.op = MOBIUS_BETWEEN, .column = "time", VALUES(mobius_int(8000), mobius_int(11000))}, 4},
		{{.op = MOBIUS_IN, .column = "v", VALUES(mobius_int(3), mobius_int(17), mobius_int(99))},
		 2},
		{{.op = MOBIUS_IN, .column = "v"}, 0},
		{{.op = MOBIUS_AND}, 21},
		{{.op = MOBIUS_OR}, 0},
		{{.op = MOBIUS_AND,
		  PARTS({.op = MOBIUS_GE, .column = "v", VALUES(mobius_int(5))},
				{.op = MOBIUS_LT, .column = "v", VALUES(mobius_int(8))})},
		 3},
		{{.op = MOBIUS_OR,
		  PARTS({.op = MOBIUS_EQ, .column = "v", VALUES(mobius_int(5))},
				{.op = MOBIUS_EQ, .column = "v", VALUES(mobius_int(8))})},
		 2},
		{{.op = MOBIUS_NOT, PARTS({.op = MOBIUS_IS_NULL, .column = "w"})}, 20},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		if (matching(t, &cases[i].where) != cases[i].rows)
			fail_msg("condition %zu: %" PRId64 " rows", i, matching(t, &cases[i].where));
}

static void
order_limit_and_offset_hold_for_all_segments_together(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	add_rows(t, 10, 10);
	assert_int_equal(number(db, "FLUSH t"), 0);
	add_rows(t, 5, 10);
	const mobius_order order[] = {{"v", true}, {"time", false}};
	const mobius_query_options options = {
		.columns = V, .order = order, .order_count = 2, .limit = 3, .offset = 4};
	int64_t digits = 0, count = 0;
	mobius_error err = {0};
	fine(try_query(t, &options, &digits, &count, &err), &err);
	assert_int_equal(digits, 151414); // 19 18 17 16 | 15 14 14
	fine(try_query(t, NULL, &digits, &count, &err), &err);
	assert_int_equal(count, 20);
}

static void
what_a_query_cannot_mean_is_refused_by_name(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	static const char *const nowhere[] = {"nowhere\" FROM t --", NULL}, *const none[] = {NULL};
	mobius_condition endless = {.op = MOBIUS_NOT, .part_count = 1};
	endless.parts = &endless;
	const struct {
		mobius_condition where;
		const char *const *columns;
		int64_t limit;
		mobius_status code;
		const char *says;
	} cases[] = {
		{{.op = MOBIUS_AND}, nowhere, 0, MOBIUS_INVALID, "nowhere\" FROM t"},
		{{.op = MOBIUS_AND}, none, 0, MOBIUS_INVALID, "no column"},
		{{.op = MOBIUS_AND}, V, -1, MOBIUS_INVALID, "limit -1"},
		{{.op = MOBIUS_EQ, .column = "x", VALUES(mobius_int(1))}, V, 0, MOBIUS_INVALID, "\"x\""},
		{{.op = MOBIUS_EQ, VALUES(mobius_int(1))}, V, 0, MOBIUS_INVALID, "names no column"},
		{{.op = MOBIUS_EQ, .column = "v"}, V, 0, MOBIUS_INVALID, "takes 1, not 0"},
		{{.op = MOBIUS_BETWEEN, .column = "v", VALUES(mobius_int(1))}, V, 0, MOBIUS_INVALID, "2"},
		{{.op = MOBIUS_NOT}, V, 0, MOBIUS_INVALID, "NOT"},
		{{.op = (mobius_operator)77}, V, 0, MOBIUS_INVALID, "operator 77"},
		{{.op = MOBIUS_EQ, .column = "v", VALUES({.type = (mobius_value_type)9})},
		 V,
		 0,
		 MOBIUS_INVALID,
		 "type 9"},
		{{.op = MOBIUS_EQ, .column = "host", VALUES(mobius_text("\xff"))},
		 V,
		 0,
		 MOBIUS_INVALID,
		 "UTF-8"},
		{endless, V, 0, MOBIUS_LIMIT, "64 levels"},
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const mobius_query_options options = {
			.where = &cases[i].where, .columns = cases[i].columns, .limit = cases[i].limit};
		struct ArrowArrayStream stream = {.private_data = &stream};
		mobius_error err = {0};
		assert_int_equal(mobius_collection_query(t, &options, &stream, &err), cases[i].code);
		assert_ptr_equal(stream.private_data, &stream);
		says(err.text, cases[i].says);
		assert_int_equal(err.position, -1);
	}
}

// ---- faults ----

#define GO(call)                                                                                   \
	do {                                                                                           \
		mobius_status go_ = (call);                                                                \
		if (go_ != MOBIUS_OK)                                                                      \
			return go_;                                                                            \
	} while (0)

typedef struct Life {
	mobius *db;
	mobius_database *database;
	mobius_collection *t;
	Batch *rows;
} Life;

static void
life_open(Life *life, const char *dir)
{
	mobius_error err = {0};
	life->db = db_open(dir, SETTINGS("query.running=1"));
	life->database = database_of(life->db, "mobius");
	if (mobius_collection_open(life->database, "t", &life->t, &err) != MOBIUS_OK)
		fine(try_make(life->database, "t", NULL, &life->t, &err), &err);
}

static void
life_close(Life *life)
{
	mobius_collection_close(life->t);
	mobius_database_close(life->database);
	mobius_close(life->db);
}

// What was told as failed may have happened.
static mobius_status
unless(mobius_status st, mobius_status done)
{
	return st == done ? MOBIUS_OK : st;
}

static mobius_status
use_databases(Life *life, mobius_error *err)
{
	SCOPED(database_drop) mobius_database *plant = NULL;
	Names names = {.left = 9};
	GO(unless(mobius_create_database(life->db, "plant", err), MOBIUS_EXISTS));
	GO(mobius_database_open(life->db, "plant", &plant, err));
	GO(mobius_databases(life->db, add_name, &names, err));
	return mobius_drop_database(life->db, "plant", err);
}

static mobius_status
use_collections(Life *life, mobius_error *err)
{
	SCOPED(collection_drop) mobius_collection *made = NULL;
	SCOPED(collection_drop) mobius_collection *u = NULL;
	Names names = {.left = 9};
	struct ArrowSchema schema;
	Schema *columns = batch_schema(life->rows);
	GO(unless(make_of(columns, life->database, "u", SETTINGS("tags=host"), &made, err),
			  MOBIUS_EXISTS));
	GO(mobius_collection_open(life->database, "u", &u, err));
	GO(mobius_collections(life->database, add_name, &names, err));
	GO(mobius_collection_schema(u, &schema, err));
	schema.release(&schema);
	return mobius_drop_collection(life->database, "u", err);
}

static mobius_status
use_rows(Life *life, mobius_error *err)
{
	int64_t rows;
	GO(append_of(append_to, life->t, life->rows, err));
	GO(mobius_collection_size(life->t, &rows, err));
	return mobius_collection_clear(life->t, err);
}

static mobius_status
use_segments(Life *life, mobius_error *err)
{
	SCOPED(segment_handle_drop) mobius_segment *segment = NULL;
	SCOPED(segment_handle_drop) mobius_segment *again = NULL;
	mobius_segment_info info;
	GO(append_of(append_to, life->t, life->rows, err));
	GO(mobius_segment_active(life->t, &segment, err));
	GO(mobius_segment_open(life->t, mobius_segment_id(segment), &again, err));
	GO(append_of(append_to_segment, segment, life->rows, err));
	GO(mobius_segment_look(segment, &info, err));
	GO(mobius_segment_seal(segment, err));
	return mobius_segment_remove(again, err);
}

static mobius_status
use_versions(Life *life, mobius_error *err)
{
	SCOPED(segment_handle_drop) mobius_segment *segment = NULL;
	SCOPED(collection_drop) mobius_collection *made = NULL;
	SCOPED(collection_drop) mobius_collection *k = NULL;
	GO(unless(make_of(batch_schema(life->rows), life->database, "k",
					  SETTINGS("tags=host", "dedup=last"), &made, err),
			  MOBIUS_EXISTS));
	GO(mobius_collection_open(life->database, "k", &k, err));
	GO(append_of(append_to, k, life->rows, err));
	GO(mobius_segment_rotate(k, err));
	GO(append_of(append_to, k, life->rows, err));
	GO(mobius_segment_active(k, &segment, err));
	return mobius_segment_remove(segment, err);
}

static mobius_status
use_queries(Life *life, mobius_error *err)
{
	const mobius_condition some = {.op = MOBIUS_IN, .column = "v", VALUES(mobius_int(2))};
	const mobius_query_options options = {.where = &some, .columns = V};
	int64_t digits, count;
	return try_query(life->t, &options, &digits, &count, err);
}

// A sync that failed is final: the database is opened again.
static void
fail_each_call(const char *dir, Life *life, mobius_status (*use)(Life *life, mobius_error *err))
{
	bool hit = true;
	for (long nth = 0; hit; nth++) {
		mobius_error err = {0};
		fault_arm(nth);
		mobius_status st = use(life, &err);
		hit = fault_disarm();
		if (st != MOBIUS_OK && (!hit || err.code != st || err.text[0] == '\0'))
			fail_msg("call %ld: %s: %s", nth, status_name((Status)st), err.text);
		if (st == MOBIUS_UNAVAILABLE) {
			life_close(life);
			life_open(life, dir);
		}
	}
}

static void
each_call_may_fail_and_leaves_nothing(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(schema_drop) Schema *schema = rows_schema(true);
	SCOPED(batch_drop) Batch *batch = rows_batch(schema, 0, 5);
	mobius_status (*const uses[])(Life *, mobius_error *) = {
		use_databases, use_collections, use_rows, use_segments, use_versions, use_queries};
	Life life = {.rows = batch};
	life_open(&life, dir.path);
	for (size_t i = 0; i < COUNT_OF(uses); i++)
		fail_each_call(dir.path, &life, uses[i]);
	life_close(&life);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(databases_are_made_listed_and_dropped_with_what_they_have),
		TEST(collections_are_made_as_tables_are),
		TEST(rows_of_a_collection_are_counted_and_its_columns_shown),
		TEST(what_was_dropped_is_not_found_and_not_made_anew),
		TEST(conditions_choose_rows_of_all_segments),
		TEST(order_limit_and_offset_hold_for_all_segments_together),
		TEST(what_a_query_cannot_mean_is_refused_by_name),
		TEST(each_call_may_fail_and_leaves_nothing),
	};
	return RUN(tests);
}
