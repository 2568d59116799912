// append_query.c - a database in a C program: appends three rows and asks for them.
//
//     cc append_query.c $(pkg-config --cflags --libs mobius) -o append_query && ./append_query DIR
//
// Rows cross as the Arrow C Data Interface. A program that has Arrow already hands over what it
// has; this one fills the structures by hand.

#include <inttypes.h>
#include <mobius.h>
#include <stdio.h>
#include <stdlib.h>
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
struct ArrowArrayStream {
	int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *out);
	int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *out);
	const char *(*get_last_error)(struct ArrowArrayStream *);
	void (*release)(struct ArrowArrayStream *);
	void *private_data;
};

// Everything here is static: releasing it is marking it released.
static void
release_schema(struct ArrowSchema *schema)
{
	schema->release = NULL;
}

static void
release_array(struct ArrowArray *array)
{
	array->release = NULL;
}

static const int64_t TIMES[] = {1767225600000000, 1767225601000000,
								1767225602000000}; // µs since 1970
static const double LOADS[] = {0.5, 1.5, 4.0};

static mobius_status
append(mobius *db, mobius_error *err)
{
	struct ArrowSchema ts = {.format = "tsu:", .name = "ts", .release = release_schema};
	struct ArrowSchema load = {
		.format = "g", .name = "load", .flags = 2, .release = release_schema};
	struct ArrowSchema *fields[] = {&ts, &load};
	struct ArrowSchema schema = {
		.format = "+s", .name = "", .n_children = 2, .children = fields, .release = release_schema};

	const void *ts_buffers[] = {NULL, TIMES}, *load_buffers[] = {NULL, LOADS},
			   *no_buffers[] = {NULL};
	struct ArrowArray ts_array = {
		.length = 3, .n_buffers = 2, .buffers = ts_buffers, .release = release_array};
	struct ArrowArray load_array = {
		.length = 3, .n_buffers = 2, .buffers = load_buffers, .release = release_array};
	struct ArrowArray *columns[] = {&ts_array, &load_array};
	struct ArrowArray rows = {.length = 3,
							  .n_buffers = 1,
							  .buffers = no_buffers,
							  .n_children = 2,
							  .children = columns,
							  .release = release_array};

	uint64_t seq = 0;
	mobius_status st = mobius_append(db, "example", &schema, &rows, &seq, err);
	if (st == MOBIUS_OK)
		printf("stored as commit %" PRIu64 "\n", seq);
	return st;
}

static int
print_rows(struct ArrowArrayStream *stream)
{
	struct ArrowArray batch;
	while (stream->get_next(stream, &batch) == 0 && batch.release != NULL) {
		const double *loads = batch.children[0]->buffers[1];
		const int64_t *counts = batch.children[1]->buffers[1];
		for (int64_t i = 0; i < batch.length; i++)
			printf("average %.1f over %" PRId64 " rows\n", loads[i], counts[i]);
		batch.release(&batch);
	}
	const char *error = stream->get_last_error(stream);
	if (error != NULL)
		fprintf(stderr, "%s\n", error);
	return error == NULL ? 0 : 1;
}

int
main(int argc, char **argv)
{
	mobius_error err = {0};
	mobius *db = NULL;
	if (mobius_open(argc > 1 ? argv[1] : "example-data", NULL, &db, &err) != MOBIUS_OK) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	struct ArrowArrayStream stream;
	int failed = 1;
	if (append(db, &err) == MOBIUS_OK &&
		mobius_query(db, "SELECT avg(load), count(*) FROM example", &stream, &err) == MOBIUS_OK) {
		failed = print_rows(&stream);
		stream.release(&stream);
	} else {
		fprintf(stderr, "%s\n", err.text);
	}
	mobius_close(db);
	return failed;
}
