// mobius.h: the segments of a collection as objects.

#include "objects.h"

typedef struct Listed {
	mobius_segment_info all[8];
	int count;
} Listed;

static mobius_status
add_segment(void *arg, const mobius_segment_info *info)
{
	Listed *listed = arg;
	assert_true(listed->count < 8);
	listed->all[listed->count++] = *info;
	return MOBIUS_OK;
}

static mobius_status
stop_at_once(void *arg, const mobius_segment_info *info)
{
	(void)arg;
	(void)info;
	return MOBIUS_CANCELLED;
}

static int64_t
count_of(mobius_collection *collection, mobius_segment_status status)
{
	int64_t count = -1;
	mobius_error err = {0};
	fine(mobius_segment_count(collection, status, &count, &err), &err);
	return count;
}

static void
a_segment_grows_is_sealed_takes_no_row_and_becomes_a_file(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	SCOPED(segment_handle_drop) mobius_segment *first = NULL;
	SCOPED(segment_handle_drop) mobius_segment *second = NULL;
	mobius_segment_info info;
	mobius_error err = {0};
	assert_int_equal(mobius_segment_active(t, &first, &err), MOBIUS_NOT_FOUND);
	add_rows(t, 0, 10);
	fine(mobius_segment_active(t, &first, &err), &err);
	fine(try_append(append_to_segment, first, 10, 5, &err), &err);
	fine(mobius_segment_look(first, &info, &err), &err);
	assert_int_equal(info.status, MOBIUS_SEGMENT_GROWING);
	assert_int_equal(info.rows, 15);
	assert_int_equal(info.id, mobius_segment_id(first));
	assert_true(info.created_at > 0 && info.sealed_at == 0);

	fine(mobius_segment_seal(first, &err), &err);
	assert_int_equal(mobius_segment_seal(first, &err), MOBIUS_SEALED);
	assert_int_equal(try_append(append_to_segment, first, 15, 5, &err), MOBIUS_SEALED);
	says(err.text, "takes no rows");
	assert_int_equal(count_of(t, MOBIUS_SEGMENT_GROWING), 0);
	add_rows(t, 15, 5);
	fine(mobius_segment_active(t, &second, &err), &err);
	assert_int_not_equal(mobius_segment_id(second), mobius_segment_id(first));

	assert_int_equal(number(db, "FLUSH t"), 0);
	fine(mobius_segment_look(first, &info, &err), &err);
	assert_int_equal(info.status, MOBIUS_SEGMENT_FLUSHED);
	assert_int_equal(info.rows, 15);
	assert_true(info.sealed_at > 0 && info.created_at >= info.sealed_at);
	assert_int_equal(count_of(t, MOBIUS_SEGMENT_FLUSHED), 2);
	assert_int_equal(size_of(t), 20);
}

static void
segments_are_listed_and_found_by_id(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(collection_drop) mobius_collection *t = collection_of(db, "t");
	SCOPED(segment_handle_drop) mobius_segment *segment = NULL;
	mobius_error err = {0};
	Listed listed = {0};
	fine(mobius_segments(t, add_segment, &listed, &err), &err);
	assert_int_equal(listed.count, 0);
	bool none = false;
	fine(mobius_segments_empty(t, &none, &err), &err);
	assert_true(none);
	fine(mobius_segment_rotate(t, &err), &err); // there is nothing to end
	fine(mobius_segments_empty(t, &none, &err), &err);
	assert_true(none);
	add_rows(t, 0, 3);
	assert_int_equal(number(db, "FLUSH t"), 0);
	add_rows(t, 3, 4);
	fine(mobius_segments(t, add_segment, &listed, &err), &err);
	assert_int_equal(listed.count, 2);
	assert_int_equal(listed.all[0].status, MOBIUS_SEGMENT_FLUSHED);
	assert_int_equal(listed.all[0].rows, 3);
	assert_int_equal(listed.all[1].status, MOBIUS_SEGMENT_GROWING);
	assert_int_equal(listed.all[1].rows, 4);
	assert_int_equal(mobius_segments(t, stop_at_once, NULL, &err), MOBIUS_CANCELLED);
	Listed files = {0};
	fine(mobius_segments_by_status(t, MOBIUS_SEGMENT_FLUSHED, add_segment, &files, &err), &err);
	assert_int_equal(files.count, 1);
	assert_int_equal(files.all[0].id, listed.all[0].id);
	int64_t size = 0;
	bool empty = true;
	fine(mobius_segments_size(t, &size, &err), &err);
	fine(mobius_segments_empty(t, &empty, &err), &err);
	assert_int_equal(size, 2);
	assert_false(empty);
	bool there = false;
	fine(mobius_segment_exists(t, listed.all[0].id, &there, &err), &err);
	assert_true(there);
	fine(mobius_segment_exists(t, 1u << 30, &there, &err), &err);
	assert_false(there);
	fine(mobius_segment_open(t, listed.all[0].id, &segment, &err), &err);
	assert_int_equal(mobius_segment_id(segment), listed.all[0].id);
	assert_int_equal(mobius_segment_open(t, 1u << 30, &segment, &err), MOBIUS_NOT_FOUND);
	says(err.text, "1073741824");
}

// What it holds is deleted in one commit, whether it grows, waits or is a file; nothing else is.
static void
a_segment_that_is_removed_takes_its_rows_with_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	mobius *db = db_open(dir.path, NULL);
	mobius_collection *t = collection_of(db, "t");
	mobius_segment *segment = NULL;
	mobius_segment_info info;
	mobius_error err = {0};
	for (int64_t flushed = 0; flushed < 2; flushed++) {
		add_rows(t, 100 * flushed, 10);
		assert_int_equal(number(db, "FLUSH t"), 0);
		add_rows(t, 100 * flushed + 10, 5);
		fine(mobius_segment_active(t, &segment, &err), &err);
		if (flushed == 1) {
			assert_int_equal(number(db, "DELETE FROM t WHERE v = 112"), 1);
			assert_int_equal(number(db, "FLUSH t"), 0);
		}
		fine(mobius_segment_remove(segment, &err), &err);
		add_rows(t, 100 * flushed + 15, 1);
		fine(mobius_segment_look(segment, &info, &err), &err);
		assert_int_equal(info.rows, 0);
		assert_int_not_equal(info.status, MOBIUS_SEGMENT_GROWING);
		assert_int_equal(size_of(t), 11 * (flushed + 1));
		mobius_segment_close(segment);
	}
	mobius_collection_close(t);
	mobius_close(db);
	db = db_open(dir.path, NULL);
	assert_int_equal(number(db, "SELECT count(*) FROM t WHERE v % 100 < 10 OR v % 100 = 15"), 22);
	assert_int_equal(number(db, "SELECT count(*) FROM t"), 22);
	mobius_close(db);
}

// Of entities, the v of each; 0: there is none.
enum { IDS = 40, GENERATIONS = 60 };

typedef struct Entities {
	int64_t v[IDS + 1];
	mobius_segment *segments[GENERATIONS + 1]; // where each v was put
} Entities;

static void
put_entities(mobius *db, mobius_collection *e, Entities *model, int64_t v, uint64_t *seed)
{
	Buf sql = BUF_INIT;
	mobius_error err = {0};
	int64_t count = 0;
	buf_add_text(&sql, "INSERT INTO e (id, v) VALUES ");
	for (int64_t id = 1; id <= IDS; id++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		if ((*seed >> 40) % 3 != 0 && id != v % IDS + 1)
			continue;
		buf_add_printf(&sql, "%s(%" PRId64 ", %" PRId64 ")", count++ > 0 ? ", " : "", id, v);
		model->v[id] = v;
	}
	assert_int_equal(number(db, buf_text(&sql)), count);
	buf_close(&sql);
	fine(mobius_segment_active(e, &model->segments[v], &err), &err);
}

static void
entities_are(mobius *db, const Entities *model)
{
	int64_t sum = 0;
	for (int64_t id = 1; id <= IDS; id++)
		sum += model->v[id] > 0 ? model->v[id] * 1000 + id : 0;
	assert_int_equal(number(db, "SELECT coalesce(sum(v * 1000 + id), 0)::BIGINT FROM e"), sum);
}

// One may be another by now, of which nothing is told by this name.
static void
remove_entities(Entities *model, int64_t v)
{
	mobius_error err = {0};
	uint64_t id = mobius_segment_id(model->segments[v]);
	mobius_status st = mobius_segment_remove(model->segments[v], &err);
	if (st == MOBIUS_NOT_FOUND)
		return;
	fine(st, &err);
	for (int64_t i = 1; i <= IDS; i++)
		if (model->v[i] > 0 && mobius_segment_id(model->segments[model->v[i]]) == id)
			model->v[i] = 0;
}

static void
run_entities(const char *folder, uint64_t seed)
{
	mobius *db = db_open(folder, NULL);
	mobius_database *database = database_of(db, "mobius");
	mobius_collection *e = NULL;
	Entities model = {0};
	mobius_error err = {0};
	assert_int_equal(number(db, "CREATE TABLE e (v BIGINT) WITH (key = 'id')"), 0);
	fine(mobius_collection_open(database, "e", &e, &err), &err);
	for (int64_t v = 1; v <= GENERATIONS; v++) {
		put_entities(db, e, &model, v, &seed);
		if (v % 3 == 0)
			assert_int_equal(number(db, "FLUSH e"), 0);
		if (v % 4 == 0)
			remove_entities(&model, v - (int64_t)(seed >> 40) % 4);
		if (v % 10 == 0)
			assert_int_equal(number(db, "DELETE FROM e WHERE v % 7 = 3") >= 0, 1);
		for (int64_t id = 1; id <= IDS && v % 10 == 0; id++)
			model.v[id] = model.v[id] % 7 == 3 ? 0 : model.v[id];
		entities_are(db, &model);
	}
	for (int64_t v = 1; v <= GENERATIONS; v++)
		mobius_segment_close(model.segments[v]);
	mobius_collection_close(e);
	mobius_database_close(database);
	if (strcmp(folder, ":memory:") != 0) {
		mobius_close(db);
		db = db_open(folder, NULL);
		entities_are(db, &model);
	}
	mobius_close(db);
}

static void
what_replaced_rows_takes_them_with_it(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	run_entities(dir.path, 5);
	for (uint64_t seed = 0; seed < 5; seed++)
		run_entities(":memory:", seed);
}

// Versions of a series in three segments: the middle one goes with what it replaced, and what
// replaced it stays.
static void
versions_of_a_time_go_with_the_last_of_them(void **state)
{
	(void)state;
	SCOPED(dir_drop) Dir dir = dir_new();
	SCOPED(db_drop) mobius *db = db_open(dir.path, NULL);
	SCOPED(database_drop) mobius_database *database = database_of(db, "mobius");
	SCOPED(collection_drop) mobius_collection *t = NULL;
	SCOPED(segment_handle_drop) mobius_segment *middle = NULL;
	mobius_segment_info info;
	mobius_error err = {0};
	fine(try_make(database, "t", SETTINGS("dedup=last"), &t, &err), &err);
	add_rows(t, 0, 10);
	assert_int_equal(number(db, "FLUSH t"), 0);
	add_rows(t, 0, 6);
	fine(mobius_segment_active(t, &middle, &err), &err);
	fine(mobius_segment_rotate(t, &err), &err);
	add_rows(t, 0, 2);
	assert_int_equal(size_of(t), 10);
	fine(mobius_segment_remove(middle, &err), &err);
	fine(mobius_segment_look(middle, &info, &err), &err);
	assert_int_equal(info.rows, 0);
	assert_int_equal(size_of(t), 6); // 0, 1 and 6 … 9
	assert_int_equal(number(db, "SELECT sum(v)::BIGINT FROM t"), 31);
	fine(mobius_segment_remove(middle, &err), &err);
	assert_int_equal(size_of(t), 6);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_segment_grows_is_sealed_takes_no_row_and_becomes_a_file),
		TEST(segments_are_listed_and_found_by_id),
		TEST(a_segment_that_is_removed_takes_its_rows_with_it),
		TEST(what_replaced_rows_takes_them_with_it),
		TEST(versions_of_a_time_go_with_the_last_of_them),
	};
	return RUN(tests);
}
