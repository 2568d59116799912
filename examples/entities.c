// entities.c - things that are known by an id, in a C program: inserted, looked up, changed,
// removed.
//
//     cc entities.c $(pkg-config --cflags --libs mobius) -o entities && ./entities DIR
//
// What is made stays in DIR; a second run adds to it.

#include <inttypes.h>
#include <mobius.h>
#include <stdio.h>
#include <string.h>

// The structures, as the Arrow C Data and C Stream Interfaces give them.
struct ArrowSchema {
	const char *format;
	const char *name;
	const char *metadata;
	int64_t flags;
	int64_t n_children;
	struct ArrowSchema **children;
	struct ArrowSchema *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};
struct ArrowArray {
	int64_t length;
	int64_t null_count;
	int64_t offset;
	int64_t n_buffers;
	int64_t n_children;
	const void **buffers;
	struct ArrowArray **children;
	struct ArrowArray *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};

#define COUNT(fields) (sizeof(fields) / sizeof((fields)[0]))

// ---- a collection with a key ----

// Everything here is on the stack: releasing it is marking it released.
static void
release_schema(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

// The key is a column of its own, which need not be named here.
static mobius_status
make_collection(mobius_database *database, mobius_collection **out, mobius_error *err)
{
	struct ArrowSchema name = {
		.format = "u", .name = "name", .flags = 2, .release = release_schema};
	struct ArrowSchema speed = {
		.format = "g", .name = "speed", .flags = 2, .release = release_schema};
	struct ArrowSchema *columns[] = {&name, &speed};
	struct ArrowSchema schema = {.format = "+s",
								 .name = "",
								 .n_children = 2,
								 .children = columns,
								 .release = release_schema};
	const char *const options[] = {"key=id", NULL};
	return mobius_create_collection(database, "pumps", &schema, options, out, err);
}

static mobius_status
open_collection(mobius *db, mobius_collection **out, mobius_error *err)
{
	mobius_database *database = NULL;
	mobius_status st = mobius_database_open(db, "mobius", &database, err);
	if (st != MOBIUS_OK)
		return st;
	st = make_collection(database, out, err);
	if (st == MOBIUS_EXISTS)
		st = mobius_collection_open(database, "pumps", out, err);
	mobius_database_close(database);
	return st;
}

// ---- one entity ----

// A row comes as a struct array of one row, with its schema.
static int32_t
find_column(const struct ArrowSchema *schema, const char *name)
{
	for (int32_t i = 0; i < schema->n_children; i++)
		if (strcmp(schema->children[i]->name, name) == 0)
			return i;
	return -1;
}

static mobius_status
print_pump(mobius_collection *pumps, int64_t id, mobius_error *err)
{
	struct ArrowSchema schema;
	struct ArrowArray row;
	mobius_status st = mobius_collection_get(pumps, id, &schema, &row, err);
	if (st != MOBIUS_OK)
		return st;
	const struct ArrowArray *name = row.children[find_column(&schema, "name")];
	const struct ArrowArray *speed = row.children[find_column(&schema, "speed")];
	const int32_t *ends = name->buffers[1];
	printf("%.*s runs at %.1f\n", (int)(ends[1] - ends[0]),
		   (const char *)name->buffers[2] + ends[0], ((const double *)speed->buffers[1])[0]);
	row.release(&row);
	schema.release(&schema);
	return MOBIUS_OK;
}

static mobius_status
insert_pump(mobius_collection *pumps, const char *name, double speed, int64_t *id,
			mobius_error *err)
{
	const mobius_field fields[] = {{"name", mobius_text(name)}, {"speed", mobius_double(speed)}};
	return mobius_collection_insert(pumps, fields, COUNT(fields), id, err);
}

// Only the speed is named: the rest stays.
static mobius_status
set_speed(mobius_collection *pumps, int64_t id, double speed, mobius_error *err)
{
	const mobius_field fields[] = {{"speed", mobius_double(speed)}};
	return mobius_collection_update(pumps, id, fields, COUNT(fields), err);
}

// ---- all of it ----

static mobius_status
work(mobius_collection *pumps, mobius_error *err)
{
	int64_t inlet, outlet;
	bool there = true;
	mobius_status st = insert_pump(pumps, "inlet", 12.5, &inlet, err);
	if (st == MOBIUS_OK)
		st = insert_pump(pumps, "outlet", 8, &outlet, err);
	if (st == MOBIUS_OK)
		st = print_pump(pumps, inlet, err);
	if (st == MOBIUS_OK)
		st = set_speed(pumps, inlet, 13.5, err);
	if (st == MOBIUS_OK)
		st = print_pump(pumps, inlet, err);
	if (st == MOBIUS_OK)
		st = mobius_collection_remove(pumps, outlet, err);
	if (st == MOBIUS_OK)
		st = mobius_collection_contains(pumps, outlet, &there, err);
	if (st == MOBIUS_OK)
		printf("the outlet %s\n", there ? "is still there" : "was removed");
	return st;
}

static mobius_status
run(mobius *db, mobius_error *err)
{
	mobius_collection *pumps = NULL;
	int64_t rows = 0;
	mobius_status st = open_collection(db, &pumps, err);
	if (st == MOBIUS_OK)
		st = work(pumps, err);
	if (st == MOBIUS_OK)
		st = mobius_collection_size(pumps, &rows, err);
	if (st == MOBIUS_OK)
		printf("%s: %" PRId64 " in all\n", mobius_collection_name(pumps), rows);
	mobius_collection_close(pumps);
	return st;
}

int
main(int argc, char **argv)
{
	mobius_error err = {0};
	mobius *db = NULL;
	mobius_status st = mobius_open(argc > 1 ? argv[1] : "example-data", NULL, &db, &err);
	if (st == MOBIUS_OK)
		st = run(db, &err);
	if (st != MOBIUS_OK)
		fprintf(stderr, "%s\n", err.text);
	mobius_close(db);
	return st == MOBIUS_OK ? 0 : 1;
}
