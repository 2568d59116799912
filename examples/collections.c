// collections.c - a time series in a C program, without SQL: a collection, a writer, segments and a
// query.
//
//     cc collections.c $(pkg-config --cflags --libs mobius) -o collections && ./collections DIR
//
// What is made stays in DIR; a second run adds to it.

#include <inttypes.h>
#include <mobius.h>
#include <stdio.h>

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
struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};

#define START_NS  INT64_C(1767225600000000000) // 2026-01-01
#define SECOND_NS INT64_C(1000000000)
#define HOUR      3600

static const char *const HOSTS[] = {"athens", "berlin", "cairo"};

// ---- a collection ----

// Everything here is on the stack: releasing it is marking it released.
static void
release_schema(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

static mobius_status
make_collection(mobius_database *database, mobius_collection **out, mobius_error *err)
{
	struct ArrowSchema ts = {.format = "tsn:", .name = "ts", .release = release_schema};
	struct ArrowSchema host = {
		.format = "u", .name = "host", .flags = 2, .release = release_schema};
	struct ArrowSchema load = {
		.format = "g", .name = "load", .flags = 2, .release = release_schema};
	struct ArrowSchema *columns[] = {&ts, &host, &load};
	struct ArrowSchema schema = {.format = "+s",
								 .name = "",
								 .n_children = 3,
								 .children = columns,
								 .release = release_schema};
	const char *const options[] = {"time=ts", "tags=host", NULL};
	return mobius_create_collection(database, "load", &schema, options, out, err);
}

static mobius_status
open_collection(mobius *db, mobius_collection **out, mobius_error *err)
{
	mobius_status st = mobius_create_database(db, "plant", err);
	if (st != MOBIUS_OK && st != MOBIUS_EXISTS)
		return st;
	mobius_database *database = NULL;
	st = mobius_database_open(db, "plant", &database, err);
	if (st != MOBIUS_OK)
		return st;
	st = make_collection(database, out, err);
	if (st == MOBIUS_EXISTS)
		st = mobius_collection_open(database, "load", out, err);
	mobius_database_close(database);
	return st;
}

// ---- rows ----

static mobius_status
write_row(mobius_writer *writer, int64_t second, const char *host, double load, mobius_error *err)
{
	mobius_status st = mobius_writer_set(writer, 0, mobius_int(START_NS + second * SECOND_NS), err);
	if (st == MOBIUS_OK)
		st = mobius_writer_set(writer, 1, mobius_text(host), err);
	if (st == MOBIUS_OK)
		st = mobius_writer_set(writer, 2, mobius_double(load), err);
	return st == MOBIUS_OK ? mobius_writer_end_row(writer, err) : st;
}

// An hour of three hosts, one row a second each.
static mobius_status
write_hour(mobius_collection *collection, mobius_error *err)
{
	mobius_writer *writer = NULL;
	mobius_status st = mobius_writer_open(collection, NULL, &writer, err);
	for (int64_t second = 0; st == MOBIUS_OK && second < HOUR; second++)
		for (int host = 0; st == MOBIUS_OK && host < 3; host++)
			st = write_row(writer, second, HOSTS[host], (double)((second + host) % 100) / 10, err);
	if (st == MOBIUS_OK)
		st = mobius_writer_flush(writer, err); // from here on they are on disk
	mobius_writer_close(writer);
	return st;
}

// ---- segments ----

static mobius_status
print_segment(void *arg, const mobius_segment_info *info)
{
	static const char *const names[] = {"GROWING", "SEALED", "FLUSHED", "DROPPED"};
	(void)arg;
	printf("segment %" PRIu64 ": %s, %" PRId64 " rows\n", info->id, names[info->status],
		   info->rows);
	return MOBIUS_OK;
}

static mobius_status
seal_and_list(mobius_collection *collection, mobius_error *err)
{
	mobius_segment *segment = NULL;
	mobius_status st = mobius_segment_active(collection, &segment, err);
	if (st == MOBIUS_OK)
		st = mobius_segment_seal(segment, err);
	mobius_segment_close(segment);
	// Full in the meantime is as good.
	if (st != MOBIUS_OK && st != MOBIUS_NOT_FOUND && st != MOBIUS_SEALED)
		return st;
	return mobius_segments(collection, print_segment, NULL, err);
}

// ---- a query ----

static mobius_status
print_rows(struct ArrowArrayStream *stream)
{
	struct ArrowArray batch;
	while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
		const int64_t *times = batch.children[0]->buffers[1];
		const double *loads = batch.children[1]->buffers[1];
		for (int64_t i = 0; i < batch.length; i++)
			printf("second %" PRId64 ": load %.1f\n", (times[i] - START_NS) / SECOND_NS, loads[i]);
		batch.release(&batch);
	}
	const char *error = stream->get_last_error(stream);
	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	return error == NULL ? MOBIUS_OK : MOBIUS_IO;
}

// The three latest seconds of the first ten minutes in which berlin had a load of 9 or more.
static mobius_status
ask(mobius_collection *collection, mobius_error *err)
{
	const mobius_value berlin = mobius_text("berlin"), nine = mobius_double(9);
	const mobius_value span[] = {mobius_int(START_NS), mobius_int(START_NS + 599 * SECOND_NS)};
	const mobius_condition parts[] = {
		{.op = MOBIUS_EQ, .column = "host", .values = &berlin, .value_count = 1},
		{.op = MOBIUS_GE, .column = "load", .values = &nine, .value_count = 1},
		{.op = MOBIUS_BETWEEN, .column = "ts", .values = span, .value_count = 2},
	};
	const mobius_condition where = {.op = MOBIUS_AND, .parts = parts, .part_count = 3};
	const mobius_order latest = {.column = "ts", .descending = true};
	const char *const columns[] = {"ts", "load", NULL};
	const mobius_query_options options = {
		.where = &where, .columns = columns, .order = &latest, .order_count = 1, .limit = 3};

	struct ArrowArrayStream stream;
	mobius_status st = mobius_collection_query(collection, &options, &stream, err);
	if (st != MOBIUS_OK)
		return st;
	st = print_rows(&stream);
	stream.release(&stream);
	return st;
}

// ---- all of it ----

static mobius_status
run(mobius *db, mobius_error *err)
{
	mobius_collection *collection = NULL;
	int64_t rows = 0;
	mobius_status st = open_collection(db, &collection, err);
	if (st == MOBIUS_OK)
		st = write_hour(collection, err);
	if (st == MOBIUS_OK)
		st = mobius_collection_size(collection, &rows, err);
	if (st == MOBIUS_OK) {
		printf("%s has %" PRId64 " rows\n", mobius_collection_name(collection), rows);
		st = seal_and_list(collection, err);
	}
	if (st == MOBIUS_OK)
		st = ask(collection, err);
	mobius_collection_close(collection);
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
