// Which files have their rows in memory: the newest, and nothing is kept for those that are gone.

#include "rig.h"
#include "store/hot_keep.h"

enum { ROWS = 1000, ROOM = 16 << 10 }; // for one copy of so many rows

static void
open_rig(Rig *rig, uint64_t room)
{
	rig_new(rig);
	rig_add_duck(rig);
	rig_add_cache(rig, room);
	rig_open(rig);
}

// Which of its files have a copy: "+-".
static void
copies_are(Rig *rig, Table *table, const char *expected)
{
	Snapshot *snapshot = snapshot_of(rig, table);
	const FileSet *files = snapshot->tables[0].files;
	Buf text = BUF_INIT;
	for (int32_t i = 0; i < file_set_count(files); i++)
		buf_add_text(&text, file_set_hot(files, i) != NULL ? "+" : "-");
	assert_string_equal(buf_text(&text), expected);
	buf_close(&text);
	snapshot_free(snapshot);
}

static void
the_oldest_copy_goes_for_a_new_one_of_any_table(void **state)
{
	(void)state;
	Rig rig;
	open_rig(&rig, ROOM);
	Table *one = add_table(&rig, 1), *two = add_table(&rig, 2);
	put_rows(&rig, one, 0, ROWS);
	flush_all(&rig);
	copies_are(&rig, one, "+");
	put_rows(&rig, two, 0, ROWS);
	flush_all(&rig);
	copies_are(&rig, one, "-");
	copies_are(&rig, two, "+");
	drop(&rig, two);
	settle(&rig);
	put_rows(&rig, one, ROWS, 2 * ROWS);
	flush_all(&rig);
	copies_are(&rig, one, "-+");
	put_rows(&rig, one, 2 * ROWS, 3 * ROWS);
	flush_all(&rig);
	copies_are(&rig, one, "--+");
	table_unref(one);
	table_unref(two);
	rig_close(&rig);
}

static void
come_and_go(Rig *rig, uint32_t id)
{
	Table *table = add_table(rig, id);
	put_rows(rig, table, 0, 10);
	flush_all(rig);
	copies_are(rig, table, "+");
	drop(rig, table);
	table_unref(table);
	settle(rig);
}

static void
a_dropped_table_leaves_nothing_while_there_is_room(void **state)
{
	(void)state;
	enum { TABLES = 150, NEXT = 1000 };
	Rig rig;
	open_rig(&rig, 1 << 20);
	Table *lasting = add_table(&rig, NEXT);
	put_rows(&rig, lasting, 0, 10);
	flush_all(&rig);
	uint64_t used = budget_used(rig.hot);
	come_and_go(&rig, 1);
	long blocks = mem_live();
	for (uint32_t id = 2; id <= TABLES; id++) {
		come_and_go(&rig, id);
		assert_int_equal(budget_used(rig.hot), used);
	}
	assert_true(mem_live() - blocks < TABLES / 2); // and their names in the order are few
	copies_are(&rig, lasting, "+");
	table_unref(lasting);
	rig_close(&rig);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_copy_goes_for_a_new_one_of_any_table),
		cmocka_unit_test(a_dropped_table_leaves_nothing_while_there_is_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
